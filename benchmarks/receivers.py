"""Webhook receivers that fail, for deliveries.py: a process of its own that writes down every message before it answers.

    python benchmarks/receivers.py PORT LOG

They answer 5xx and 429, are slow, or take a message and break off before they say so; one wants no more after a while (410).
Every signature is checked by the `standardwebhooks` package but for its age.
"""

import json
import random
import socket
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

SECRET: Final = "whsec_c2FjaGF3YXRjaC1pcy1hLXNlY3JldC1vZi0zMi1ieXRlcw=="  # noqa: S105 - of a receiver that lives for minutes
SEED: Final = 20_261_130
LEAVES_AFTER: Final = 60
"""Messages after which one of the receivers wants no more."""
ANSWERS: Final = ((0.10, 503), (0.05, 500), (0.05, 429), (0.04, "slow"), (0.03, "breaks off"))
"""(share, answer) of the receivers' mishaps; the rest is 204."""


def serve(port: int, log: Path) -> None:
    """The receivers, in a process of their own: every message that arrives is a line of the log before it is answered."""
    from standardwebhooks import Webhook
    from standardwebhooks.webhooks import WebhookVerificationError

    chance, hook, many = random.Random(SEED), Webhook(SECRET), Counter[str]()
    hook._Webhook__verify_timestamp = lambda stated: datetime.fromtimestamp(
        float(stated), UTC
    )  # the sender's clock runs fast

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body, reader = self.rfile.read(int(self.headers["Content-Length"])), self.path[1:]
            answer = _answer(chance.random())
            if reader == "leaver" and many[reader] >= LEAVES_AFTER:
                answer = 410
            if answer in (204, "slow", "breaks off"):
                many[reader] += 1
                with log.open("a", encoding="utf-8") as opened:
                    opened.write(json.dumps(_line(reader, hook, body, dict(self.headers))) + "\n")
            if answer == "breaks off":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            time.sleep(0.2 if answer == "slow" else 0)
            self.send_response(204 if answer == "slow" else int(answer))
            if answer == 429:
                self.send_header("Retry-After", "60")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    def _line(reader: str, hook: Webhook, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        try:
            event = hook.verify(body, headers)
        except WebhookVerificationError:
            return {"reader": reader, "ident": "FORGED", "alert": "", "revision": 0, "status": ""}
        data = event["data"]
        ident = {key.lower(): value for key, value in headers.items()}["webhook-id"]
        return {
            "reader": reader,
            "ident": ident,
            "alert": data["id"],
            "revision": data["revision"],
            "status": data["status"],
        }

    ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()


def _answer(drawn: float) -> int | str:
    for share, answer in ANSWERS:
        if drawn < share:
            return answer
        drawn -= share
    return 204


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
