"""Webhooks over real sockets on 127.0.0.1, judged by the independent `standardwebhooks` library; faults of every kind."""

import base64
import datetime as dt
import json
import logging
import random
import socket
import ssl
import threading
import time
from contextlib import closing, contextmanager, suppress

import jsonschema
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from detection.errors import BadInput
from jobs.notify.channels.addresses import Target
from jobs.notify.channels.result import SCHEDULE_S, Outcome, next_try, of_status, retry_after_s
from jobs.notify.channels.webhook import MAX_BODY, envelope, post, reach, sign, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 bytes or so").decode()
IDENT = "3f0c1f0e-6d0f-5a4e-9a51-0d3a1f8f6f11/2"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
TOKEN = "T0KEN-CANARY-7781"
LIMIT_S = 0.6
"""For servers that must be given up on; AMPLE_S for all others, so that a busy machine fails no test."""
AMPLE_S, SLACK_S = 30.0, 4.0


class Receiver:
    """A raw HTTP server on 127.0.0.1: keeps what it was sent, answers bytes, or lets a function of the socket answer."""

    def __init__(self, answer=OK, tls=None):
        self.answer, self.tls = answer, tls
        self.requests, self.connections, self.asked_for = [], 0, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/hook"
        self.allow = [f"127.0.0.1:{self.port}"]
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def close(self):
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes accept
        self.socket.close()
        for thread in self.threads:
            thread.join(AMPLE_S)

    def _accept(self):
        with suppress(OSError):
            while True:
                line, _ = self.socket.accept()
                self.connections += 1
                self.threads.append(threading.Thread(target=self._serve, args=(line,), daemon=True))
                self.threads[-1].start()

    def _serve(self, line):
        with closing(line), suppress(OSError):
            line.settimeout(AMPLE_S)
            if self.tls:
                line = self.tls.wrap_socket(line, server_side=True)
            with closing(line):
                if callable(self.answer):
                    self.answer(line)
                    return
                request = read_request(line)
                if request[0]:  # else a client that did not like the certificate
                    self.requests.append(request)
                line.sendall(self.answer)


def read_request(line):
    """(request line, headers in lower case, body)."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += line.recv(65_536) or b"\r\n\r\n"
    head, _, body = text.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += line.recv(65_536)
    return first, headers, body


@contextmanager
def receiver(answer=OK, tls=None):
    server = Receiver(answer, tls)
    try:
        yield server
    finally:
        server.close()


def hook(server, body=b"{}", timeout_s=AMPLE_S, secrets=(SECRET,), **more):
    headers = signed_headers(secrets, IDENT, int(time.time()), body)
    return reach(server.url, headers, body, timeout_s, allow=server.allow, **more)


def event(**changed):
    facts = {
        "data": {"area_ha": 3.2, "kind": "minería"},
        "ident": IDENT,
        "source": "https://example.org/jobs/madre-de-dios",
        "kind": "update",
        "subject": "madre-de-dios/3f0c1f0e-6d0f-5a4e-9a51-0d3a1f8f6f11",
        "at": dt.datetime(2026, 11, 18, 7, 30, tzinfo=dt.timezone(dt.timedelta(hours=-5))),
        "dataschema": "https://example.org/schemas/alert.v1.json",
    } | changed
    return envelope(facts.pop("data"), **facts)


# --- what is sent


def test_the_published_example_of_the_specification():
    """The vector that its reference libraries share, a secret of 24 bytes."""
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected


def test_a_receiver_verifies_what_came_over_the_wire():
    body = event()
    with receiver() as server:
        assert hook(server, body) == Outcome("sent", f"127.0.0.1:{server.port}: HTTP 204", code=204)
    [(first, headers, received)] = server.requests
    assert first == "POST /hook HTTP/1.1" and headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["content-type"].startswith("application/cloudevents+json") and headers["webhook-id"] == IDENT
    assert Webhook(SECRET).verify(received, headers)["data"] == {"area_ha": 3.2, "kind": "minería"}
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(received, headers)


def tampered(rng, headers, body):
    """One character of id, time, signature or body is another one."""
    what = rng.choice(["webhook-id", "webhook-timestamp", "webhook-signature", "body"])
    text = body.decode() if what == "body" else headers[what]
    low = 3 if what == "webhook-signature" else 0  # after `v1,`
    at = rng.randrange(low, len(text) - 2) if what == "webhook-signature" else rng.randrange(len(text))
    changed = text[:at] + rng.choice([c for c in "0123456789ab" if c != text[at]]) + text[at + 1 :]
    return (headers, changed.encode()) if what == "body" else (headers | {what: changed}, body)


def verified(secret, headers, body):
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def test_a_thousand_tampered_replayed_and_rotated_messages_none_judged_wrong():
    rng, wrong, counts = random.Random(4), [], {}
    for number in range(1_000):
        old, new = ("whsec_" + base64.b64encode(rng.randbytes(rng.randrange(24, 65))).decode() for _ in range(2))
        body = event(data={"n": number, "x": rng.random()}, ident=f"a{number}/1")
        kind = ("genuine", "tampered", "replayed", "rotated")[number % 4]
        at = int(time.time()) - (rng.randrange(302, 10**6) if kind == "replayed" else 0)
        headers = signed_headers((old, new) if kind == "rotated" else (new,), f"a{number}/1", at, body)
        if kind == "tampered":
            headers, body = tampered(rng, headers, body)
        accepted = [verified(secret, headers, body) for secret in (old, new)]
        expected = {"genuine": [False, True], "rotated": [True, True]}.get(kind, [False, False])
        counts[kind] = counts.get(kind, 0) + 1
        wrong += [(number, kind)] if accepted != expected else []
    assert wrong == [] and counts == dict.fromkeys(("genuine", "tampered", "replayed", "rotated"), 250)


@pytest.mark.parametrize(
    "secret",
    [
        *("", "whsec_", SECRET[6:], "whsec_!!!!", "whsec_" + base64.b64encode(b"x" * 23).decode()),
        *("whsec_" + base64.b64encode(b"x" * 65).decode(), "whsk_" + SECRET[6:], SECRET + "\n", SECRET[:-1]),
    ],
)
def test_poor_secrets_are_refused_and_not_repeated(secret):
    with pytest.raises(BadInput, match="24 to 64 bytes") as caught:
        sign(secret, IDENT, 0, b"")
    assert "\n" not in str(caught.value) and (len(secret) < 8 or secret[6:] not in str(caught.value))


@pytest.mark.parametrize("ident", ["", "a.b", "a b", "a\r\nX: y", "ñ", "-a", "a" * 129])
def test_ids_that_could_be_read_in_two_ways_are_refused(ident):
    with pytest.raises(BadInput, match="webhook id"):
        sign(SECRET, ident, 0, b"")


def test_a_webhook_needs_a_secret():
    with pytest.raises(BadInput, match="openssl rand"):
        signed_headers((), IDENT, 0, b"")


# --- the event

CLOUDEVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        **{name: {"type": "string", "minLength": 1} for name in ("id", "type", "subject")},
        "source": {"type": "string", "minLength": 1, "format": "uri-reference"},
        "dataschema": {"type": "string", "minLength": 1, "format": "uri"},
        "time": {"type": "string", "format": "date-time", "pattern": "^[0-9-]{10}T[0-9:.]{8,15}(Z|[+-][0-9:]{5})$"},
    },
    "propertyNames": {"pattern": "^([a-z0-9]{1,20}|data_base64)$"},
    "not": {"required": ["data", "data_base64"]},
}
"""What CloudEvents 1.0.2 asks of an event in JSON (its sections 3.1 and 3.2, and sections 2 and 3 of its JSON format)."""


@pytest.mark.parametrize(("kind", "word"), [("alert", "created"), ("update", "updated"), ("cancel", "cancelled")])
def test_events_are_cloudevents(kind, word):
    found = json.loads(event(kind=kind))
    jsonschema.validate(found, CLOUDEVENT)
    assert found["type"] == f"pe.sachawatch.alert.{word}.v1" and found["time"] == "2026-11-18T12:30:00Z"
    assert list(found) == sorted(found) and found["subject"].startswith("madre-de-dios/")


def test_an_event_is_the_same_bytes_every_time():
    assert event(data={"a": 1, "b": {"d": 2, "c": "ñ"}}) == event(data={"b": {"c": "ñ", "d": 2}, "a": 1})
    assert "ñ".encode() in event(data={"c": "ñ"}) and b": " not in event(data={"c": 1})


@pytest.mark.parametrize(
    "changed",
    [
        *({"ident": ""}, {"source": ""}, {"subject": "a\nb"}, {"subject": "\x85"}, {"dataschema": "schema.json"}),
        *({"at": dt.datetime(2026, 1, 1)}, {"data": {"x": float("nan")}}, {"data": {"x": {1}}}, {"subject": "\ud800"}),
        *({"data": {"x": "\ud800"}}, {"dataschema": "https://a b"}),
    ],
)
def test_what_no_event_can_say_is_refused(changed):
    with pytest.raises(BadInput) as caught:
        event(**changed)
    assert str(caught.value).startswith("event") and "\n" not in str(caught.value)


def test_large_bodies_are_never_sent_and_say_their_size():
    with receiver() as server:
        assert hook(server, b"x" * (MAX_BODY - 1)).state == "sent"
        outcome = hook(server, b"x" * MAX_BODY)
    assert outcome.state == "never" and "20,000 bytes" in outcome.why and server.connections == 1


# --- what is answered


@pytest.mark.parametrize(
    ("codes", "state"),
    [
        ((200, 201, 202, 204, 226, 299), "sent"),
        ((300, 301, 302, 303, 304, 307, 308), "never"),
        ((400, 401, 403, 404, 405, 413, 415, 418, 422, 451), "never"),
        ((408, 409, 425, 429, 500, 502, 503, 504, 507, 599), "again"),
        ((410,), "gone"),
        ((101, 600, 999), "again"),
    ],
)
def test_statuses(codes, state):
    for code in codes:
        answer = f"HTTP/1.1 {code} Whatever\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".encode()
        with receiver(answer) as server:
            outcome = hook(server)
        assert (outcome.state, outcome.code) == (state, code) and server.connections == 1
        assert outcome.why.startswith(f"127.0.0.1:{server.port}: HTTP {code}")


def test_a_redirect_is_not_followed():
    with receiver() as inner:
        answer = f"HTTP/1.1 307 Moved\r\nLocation: {inner.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with receiver(answer) as outer:
            outcome = hook(outer)
        assert outcome.state == "never" and "redirect" in outcome.why
        assert (outer.connections, inner.connections) == (1, 0)


def answered(status, *headers):
    return "\r\n".join([f"HTTP/1.1 {status} X", *headers, "Content-Length: 0", "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    ("headers", "after_s"),
    [
        (["Retry-After: 7"], 7),
        (["Retry-After: 90000"], 86_400),
        (["Retry-After: " + "9" * 400], 86_400),
        (["Retry-After: Sat, 21 Nov 2026 12:00:30 GMT", "Date: Sat, 21 Nov 2026 12:00:00 GMT"], 30),
        (["Retry-After: Sat, 21 Nov 2026 11:00:30 GMT", "Date: Sat, 21 Nov 2026 12:00:00 GMT"], 0),
        (["Retry-After: Tue, 21 Nov 2028 12:00:30 GMT", "Date: Sat, 21 Nov 2026 12:00:00 GMT"], 86_400),
        (["Retry-After: Sat, 21 Nov 2026 12:00:30 GMT"], None),
        (["Retry-After: soon"], None),
        (["Retry-After: -5"], None),
        (["Retry-After: \xb2"], None),
        (["Retry-After: 7\x1f"], 7),
        ([], None),
    ],
)
def test_retry_after(headers, after_s):
    with receiver(answered(503, *headers)) as server:
        assert hook(server).after_s == after_s


@given(st.text(max_size=60), st.text(max_size=60))
@settings(deadline=None, max_examples=50)
def test_retry_after_takes_any_text(stated, date):
    for a, b in [(stated, date), (f"Sat, 21 Nov 2026 12:00:30 {stated}", f"Sat, 21 Nov 2026 {date}")]:
        found = retry_after_s(a, b)
        assert found is None or 0 <= found <= 86_400


def test_sent_and_final_outcomes_carry_no_wait():
    assert [of_status(code, "x", 9.0).after_s for code in (200, 301, 404, 410, 429)] == [None] * 4 + [9.0]


# --- when again


def test_the_schedule_is_that_of_the_specification():
    minutes = [0, 5 / 60, 5, 30, 120, 300, 600, 840, 1200, 1440]
    waits = [next_try(n, lambda: 0.5) for n in range(10)]
    assert waits == pytest.approx([60 * m for m in minutes]) and next_try(10, lambda: 0.5) is None
    assert sum(waits) == 75 * 3600 + 35 * 60 + 5 and next_try(99, lambda: 0.5, 7.0) is None


@given(st.integers(0, 9), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 86_400))
@settings(deadline=None, max_examples=50)
def test_waits_stay_within_a_fifth_and_never_come_before_retry_after(attempt, drawn, after_s):
    wait, plain = next_try(attempt, lambda: drawn, after_s), SCHEDULE_S[attempt]
    assert wait == max(after_s or 0.0, plain * (0.8 + 0.4 * drawn)) or wait == pytest.approx(
        plain * (0.8 + 0.4 * drawn)
    )
    assert wait >= (after_s or 0.0) and wait >= 0.8 * plain - 1e-9
    assert wait <= max(1.2 * plain + 1e-9, after_s or 0.0)


def test_attempts_are_counted_from_nought():
    with pytest.raises(BadInput, match="count from 0"):
        next_try(-1, lambda: 0.5)


# --- faults


def silent(line):
    read_request(line)
    line.recv(1)


def reset(line):
    read_request(line)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def hang_up(line):
    read_request(line)


def deaf(line):
    time.sleep(LIMIT_S * 3)


def dripping(text, endless=b""):
    """A byte every 50 ms: every socket time-out starts anew."""

    def answer(line):
        read_request(line)
        for byte in text:
            line.sendall(bytes([byte]))
            time.sleep(0.05)
        while endless:
            line.sendall(endless)
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (silent, "within 0.6 s"),
        (deaf, "within 0.6 s"),
        (dripping(b"HTTP/1.1 200 OK" + b"x" * 500), "within 0.6 s"),
        (dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "within 0.6 s"),
        (dripping(b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n"), "within 0.6 s"),
        (reset, "no answer"),
        (hang_up, "no answer"),
        (b"", "no answer"),
        (b"\0\1\2\3" * 50, "no answer"),
        (b"220 smtp.example.org ESMTP\r\n", "no answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "no answer"),
        (b"HTTP/1.1 200", "no answer"),
        (b"HTTP/1.1 200 OK\r\n", "no answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "no answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "no answer"),
    ],
)
def test_faults_are_tried_again_within_the_limit(answer, word):
    with receiver(answer) as server:
        begun = time.monotonic()
        outcome = hook(server, timeout_s=LIMIT_S if "within" in word else AMPLE_S)
        took = time.monotonic() - begun
    assert outcome.state == "again" and word in outcome.why and "\n" not in outcome.why and outcome.code is None
    assert took < LIMIT_S + SLACK_S


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\ncut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
def test_the_status_holds_whatever_its_body_does(answer):
    with receiver(answer) as server:
        assert hook(server).state == "sent"


def test_a_body_that_never_ends_is_cut_and_the_status_holds():
    def drip(line):
        read_request(line)
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            line.sendall(b"x")
            time.sleep(0.05)

    def flood(line):
        read_request(line)
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            line.sendall(b"x" * 65_536)

    for answer, limit_s, least_s in ((drip, 2.0, 1.9), (flood, AMPLE_S, 0.0)):
        with receiver(answer) as server:
            begun = time.monotonic()
            assert hook(server, timeout_s=limit_s).state == "sent"
            assert least_s <= time.monotonic() - begun < least_s + SLACK_S


def test_nobody_listens():
    with receiver() as server:
        pass
    outcome = hook(server)
    assert outcome.state == "again" and outcome.why == f"127.0.0.1:{server.port}: no answer (ConnectionRefusedError)"


def test_attempts_leave_no_thread_and_no_open_connection():
    before = threading.active_count()
    with receiver(b"") as server:
        for _ in range(20):
            hook(server, timeout_s=30)
    assert threading.active_count() == before


# --- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A root of our own, and server contexts for names it vouches for."""
    folder = tmp_path_factory.mktemp("tls")
    now = dt.datetime.now(dt.UTC)

    def certificate(name, key, issuer, signer, *, days=2):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=3))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
            .sign(signer, hashes.SHA256())
        )

    root_key = ec.generate_private_key(ec.SECP256R1())
    root = certificate("root.example", root_key, None, root_key)
    (folder / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def context(name, asked_for=None, days=2):
        key = ec.generate_private_key(ec.SECP256R1())
        found = certificate(name, key, root.subject, root_key, days=days)
        plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = folder / f"{name}{days}.pem"
        file.write_bytes(found.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*plain))
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(file)
        if asked_for is not None:
            made.sni_callback = lambda _sock, server_name, _context: asked_for.append(server_name)
        return made

    return str(folder / "root.pem"), context


def secure(server, host, **more):
    """To 127.0.0.1 by a name that only our resolver knows."""
    url = f"https://{host}:{server.port}/hook"
    asked = []

    def lookup(name, port):
        asked.append(name)
        return ["127.0.0.1"]

    outcome = reach(url, {}, b"{}", AMPLE_S, allow=[f"{host}:{server.port}"], lookup=lookup, **more)
    assert len(asked) == 1
    return outcome


def test_tls_asks_for_the_name_and_checks_it_though_the_connection_goes_to_the_address(authority):
    roots, context = authority
    names = []
    with receiver(tls=context("hooks.example", names)) as server:
        assert secure(server, "hooks.example", roots=roots).state == "sent"
        [(_, headers, _)] = server.requests
        assert names == ["hooks.example"] and headers["host"] == f"hooks.example:{server.port}"


def test_a_certificate_of_another_name_or_an_unknown_root_or_out_of_date_is_refused(authority):
    roots, context = authority
    cases = [
        ("other.example", context("hooks.example"), roots, "another host"),
        ("hooks.example", context("hooks.example"), None, "self-signed|local issuer"),
        ("hooks.example", context("hooks.example", days=-1), roots, "expired"),
    ]
    for host, tls, trusted, word in cases:
        with receiver(tls=tls) as server:
            outcome = secure(server, host, roots=trusted)
        assert outcome.state == "again" and "certificate" in outcome.why and server.requests == []
        assert any(w in outcome.why for w in word.split("|")), outcome.why


def test_a_server_that_drips_its_handshake_meets_the_limit(authority):
    roots, _ = authority

    def drip(line):
        while True:
            line.sendall(b"\x16")
            time.sleep(0.05)

    for answer in (drip, deaf):
        with receiver(answer) as server:
            begun = time.monotonic()
            target = Target("https", "hooks.example", server.port, "/", "127.0.0.1")
            outcome = post(target, {}, b"{}", LIMIT_S, roots=roots)
            assert outcome.state == "again" and time.monotonic() - begun < LIMIT_S + SLACK_S


# --- secrets and headers


def test_no_secret_stands_in_an_outcome_a_repr_or_a_log(caplog):
    caplog.set_level(logging.DEBUG)
    said = []
    answers = [OK, b"", b"HTTP/1.1 200 OK\r\nbroken header\r\n: x\r\n\r\n", answered(404), answered(302), silent]
    for answer in answers:
        with receiver(answer) as server:
            url = f"http://127.0.0.1:{server.port}/{TOKEN}?key={TOKEN}"
            headers = {"Authorization": f"Bearer {TOKEN}"}
            said.append(repr(reach(url, headers, b"{}", LIMIT_S, allow=server.allow)))
            said.append(repr(reach(url, headers, b"{}", LIMIT_S)))
            said.append(repr(reach(url.replace("//", "//u:" + TOKEN + "@"), headers, b"{}", LIMIT_S)))
            said.append(repr(reach(url + "\\", headers, b"{}", LIMIT_S)))
    said.append(repr(Target("https", "example.org", 443, f"/{TOKEN}", "93.184.216.34")))
    assert len(said) == 25 and all(TOKEN not in text and "\\n" not in text for text in said)
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        *(
            {"X": "a\r\nBcc: b"},
            {"X": "a\nb"},
            {"X\r\nY": "a"},
            {"X": ""},
            {"X": "ñ"},
            {"X": " a"},
            {"": "a"},
            {"X Y": "a"},
        ),
        *({"Host": "other.example"}, {"content-length": "0"}, {"Transfer-Encoding": "chunked"}, {"X": "a\0b"}),
    ],
)
def test_headers_cannot_be_smuggled(headers):
    with receiver() as server:
        outcome = reach(server.url, headers, b"{}", 1, allow=server.allow)
    assert outcome.state == "never" and server.connections == 0 and "\n" not in outcome.why and "\r" not in outcome.why


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    with receiver() as proxy, receiver() as server:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        assert hook(server).state == "sent"
    assert (proxy.connections, server.connections) == (0, 1)


def test_names_that_do_not_resolve_now_are_tried_again():
    def nowhere(_host, _port):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    for lookup in (nowhere, lambda _host, _port: []):
        outcome = reach(f"https://example.org/{TOKEN}", {}, b"{}", 1, lookup=lookup)
        assert outcome.state == "again" and "does not resolve" in outcome.why and TOKEN not in outcome.why
