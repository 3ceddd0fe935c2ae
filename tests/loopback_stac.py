"""A STAC API, an asset store and a token service on 127.0.0.1, with faults by schedule: what the tests talk to.

Real HTTP in threads. It proves how our reader takes faults, ranges, pages and signatures; it proves nothing about the
live services: their names, limits, latencies and tokens are as documented elsewhere.
"""

import json
import re
import socket
import struct
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TRANSIENT = ("429", "429-seconds", "429-date", "500", "503", "reset", "truncate")
"""Each heals by being tried again; `slow` does too, but costs the time-out."""
PERMANENT = ("404", "410", "403", "html", "redirect", "no-range", "shifted", "short")
"""No use in trying again."""
CORE = ("core", "item-search", "collections")


class Server(ThreadingHTTPServer):
    """`schedule[path]` is a list of faults, one a request; `ok` is none; one that ends in `*` stays for ever."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.items: list[dict[str, Any]] = []
        self.assets: dict[str, bytes] = {}
        self.schedule: dict[str, list[str]] = {}
        self.log: list[tuple[str, str]] = []
        self.page = 2
        self.signed = False
        self.lenient = False
        self.empty_first = False
        self.token = 1
        self.tokens_given = 0
        self.token_life_s = 3600
        self.slow_s = 2.5
        self.version: dict[str, int] = defaultdict(int)
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def href(self, name: str) -> str:
        return f"{self.url}/assets/{name}"

    def reset(self) -> None:
        """Forget faults and what was asked; keep items and assets."""
        self.schedule, self.log, self.signed, self.version = {}, [], False, defaultdict(int)
        self.lenient, self.empty_first = False, False

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a connection broken on purpose

    def next_fault(self, path: str) -> str:
        with self.lock:
            left = self.schedule.get(path, [])
            if not left:
                return "ok"
            return left[0][:-1] if left[0].endswith("*") else left.pop(0)

    def found(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        first, _, last = str(query.get("datetime", "../..")).partition("/")
        box = query.get("bbox") or [-180, -90, 180, 90]

        def fits(item: dict[str, Any]) -> bool:
            when, bbox = str(item["properties"].get("datetime", "")), item.get("bbox", [-180, -90, 180, 90])
            return (
                item.get("collection") in query.get("collections", [])
                and (first == ".." or when >= first)
                and (last == ".." or when <= last)
                and not (bbox[2] < box[0] or bbox[0] > box[2] or bbox[3] < box[1] or bbox[1] > box[3])
            )

        return [item for item in self.items if self.lenient or fits(item)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.log.append(("GET", parts.path))
        fault = self.server.next_fault(parts.path)
        if self._faulty(fault):
            return
        if parts.path == "/":
            self._json(self._root())
        elif parts.path.startswith("/api/sas/v1/token/"):
            self._token()
        elif parts.path.startswith("/assets/"):
            self._asset(parts.path.removeprefix("/assets/"), parse_qs(parts.query), fault)
        else:
            self._send(404, b"not here")

    def do_HEAD(self) -> None:  # our reader never asks, GDAL's does
        data = self.server.assets.get(urlsplit(self.path).path.removeprefix("/assets/"))
        self._send(404 if data is None else 200, data or b"", "image/tiff", [("Accept-Ranges", "bytes")])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.log.append(("POST", self.path))
        if self._faulty(self.server.next_fault(self.path)):
            return
        query = json.loads(body)
        first, found = int(query.get("token", 0)), self.server.found(query)
        if "token" not in query and self.server.empty_first:
            link = {"rel": "next", "method": "POST", "href": f"{self.server.url}/search", "body": {**query, "token": 0}}
            self._json({"type": "FeatureCollection", "features": [], "links": [link]})
            return
        page = found[first : first + self.server.page]
        links = []
        if first + self.server.page < len(found):
            following = {**query, "token": first + self.server.page}
            links = [{"rel": "next", "method": "POST", "href": f"{self.server.url}/search", "body": following}]
        self._json({"type": "FeatureCollection", "features": page, "links": links})

    def _root(self) -> dict[str, Any]:
        url = self.server.url
        links = [{"rel": rel, "href": f"{url}/"} for rel in ("self", "root")]
        links.append({"rel": "search", "href": f"{url}/search", "method": "POST", "type": "application/geo+json"})
        return {
            "type": "Catalog", "id": "loopback", "stac_version": "1.0.0", "description": "tests", "links": links,
            "conformsTo": [f"https://api.stacspec.org/v1.0.0/{name}" for name in CORE],
        }  # fmt: skip

    def _token(self) -> None:
        self.server.tokens_given += 1
        end = datetime.now(UTC) + timedelta(seconds=self.server.token_life_s)
        self._json({"token": f"sig=t{self.server.token}", "msft:expiry": end.isoformat()})

    def _asset(self, name: str, query: dict[str, list[str]], fault: str) -> None:
        if self.server.signed and query.get("sig") != [f"t{self.server.token}"]:
            return self._send(403, b"signature")
        data = self.server.assets.get(name)
        if data is None:
            return self._send(404, b"no such asset")
        mark = [("ETag", f'"{name}-{self.server.version[name]}"')]
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None or fault == "no-range":
            return self._send(200, data, "image/tiff", mark)
        first, last = int(asked[1]), min(int(asked[2]), len(data) - 1)
        if first >= len(data):
            return self._send(416, b"", "text/plain", [("Content-Range", f"bytes */{len(data)}")])
        if fault == "shifted":
            first, last = first + 1, min(last + 1, len(data) - 1)
        if fault == "short":
            last -= 1
        mark.append(("Content-Range", f"bytes {first}-{last}/{len(data)}"))
        return self._send(206, data[first : last + 1], "image/tiff", mark, cut=fault == "truncate")

    def _faulty(self, fault: str) -> bool:
        """Answer with a fault; False where the fault is none, or one of the answer's body."""
        now = datetime.now(UTC)
        headers = {
            "429-seconds": [("Retry-After", "2")],
            "429-date": [("Retry-After", format_datetime(now + timedelta(seconds=3), usegmt=True))],
            "redirect": [("Location", f"{self.server.url}/")],
        }
        if fault in ("ok", "truncate", "no-range", "shifted", "short"):
            return False
        if fault == "changed":
            self.server.version[urlsplit(self.path).path.removeprefix("/assets/")] += 1
            return False
        if fault == "expired":
            self.server.token += 1
            return False
        if fault in ("slow", "drip"):
            self._slowly(fault)
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        elif fault == "html":
            self._send(200, b"<html>sign in</html>", "text/html")
        else:
            code = 302 if fault == "redirect" else int(fault[:3])
            self._send(code, b"fault", "text/plain", headers.get(fault, []))
        return True

    def _slowly(self, fault: str) -> None:
        if fault == "drip":
            self.send_response(206)
            self.send_header("Content-Length", "1000")
            self.end_headers()
        end = time.monotonic() + self.server.slow_s
        try:
            while time.monotonic() < end:
                time.sleep(0.02)
                if fault == "drip":
                    self.wfile.write(b"x")
        except OSError:
            pass
        self.close_connection = True

    def _json(self, thing: Any) -> None:
        self._send(200, json.dumps(thing).encode(), "application/json")

    def _send(
        self,
        code: int,
        body: bytes,
        kind: str = "text/plain",
        headers: list[tuple[str, str]] | None = None,
        *,
        cut: bool = False,
    ) -> None:
        try:
            self.send_response(code)
            for name, value in [("Content-Type", kind), ("Content-Length", str(len(body))), *(headers or [])]:
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[: len(body) // 2] if cut else body)
        except OSError:
            self.close_connection = True
        self.close_connection = self.close_connection or cut
