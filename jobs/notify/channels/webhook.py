"""Standard Webhooks 1.0.0: signed messages over HTTP to an address that was checked, CloudEvents 1.0 inside."""

import base64
import hashlib
import hmac
import json
import re
import ssl
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection as PlainHTTPConnection
from http.client import HTTPException, HTTPResponse
from socket import socket
from typing import Any, Final

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.ssl_match_hostname import CertificateError

from detection.errors import BadInput
from detection.sources.addresses import Lookup, resolved
from jobs.notify.channels.addresses import Target, resolve
from jobs.notify.channels.deadline import Deadline, WholeLines
from jobs.notify.channels.result import Outcome, of_status, retry_after_s

MAX_BODY: Final = 20_000
"""Bytes a body stays under (Standard Webhooks 1.0.0, payload size)."""
MAX_ANSWER: Final = 4_096
"""Bytes of an answer that are read: nothing in it decides anything, but who hangs up at once looks like a failure (chosen)."""
SECRET_BYTES: Final = range(24, 65)
"""Length of a signing secret, in bytes (Standard Webhooks 1.0.0, signature scheme: 192 to 512 bits)."""
IDENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_/:-]{0,127}")
"""No full stop: it would make two readings of what is signed."""
TYPES: Final[Mapping[str, str]] = {
    "alert": "pe.sachawatch.alert.created.v1",
    "update": "pe.sachawatch.alert.updated.v1",
    "cancel": "pe.sachawatch.alert.cancelled.v1",
    "weekly": "pe.sachawatch.bulletin.weekly.v1",
    "blind": "pe.sachawatch.bulletin.blind.v1",
    "sighted": "pe.sachawatch.bulletin.sighted.v1",
}
CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Not allowed in attributes (CloudEvents 1.0.2, type system: String)."""
URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
"""An absolute URI, roughly: a scheme and no blanks (RFC 3986, section 4.3)."""
HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""Name of a header: a token (RFC 9110, section 5.6.2)."""
VALUE: Final = re.compile(r"[!-~]([ -~]*[!-~])?")
"""Value of a header: visible ASCII, blanks only inside."""
OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
"""Headers that nobody hands in."""


def envelope(
    data: Mapping[str, Any], *, ident: str, source: str, kind: str, subject: str, at: datetime, dataschema: str
) -> bytes:
    """A CloudEvents 1.0 event in structured JSON, UTF-8; the same input gives the same bytes.

    at: when it became true (aware); dataschema: absolute URI of the schema of data. Raises BadInput for an attribute that is
    empty or holds control characters, a time without zone, a URI without scheme, and data that JSON cannot hold.
    """
    texts = {"id": ident, "source": source, "subject": subject, "dataschema": dataschema}
    for name, text in texts.items():
        if not text or CONTROL.search(text):
            raise BadInput(f"event: {name} {text!r} is empty or holds control characters; give plain text")
    if not URI.fullmatch(dataschema):
        raise BadInput(
            f"event: dataschema {dataschema!r} is not an absolute URI; give one, e.g. https://example.org/s.json"
        )
    if at.tzinfo is None:
        raise BadInput(f"event: time {at.isoformat()} has no zone; give it in UTC")
    time = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    event = {**texts, "specversion": "1.0", "type": TYPES[kind], "time": time, "data": data}
    try:
        return json.dumps(event, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"event {ident}: its data cannot be written as JSON ({error}); give finite figures and text"
        ) from None


def sign(secret: str, ident: str, at: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; at: seconds since 1970 of this attempt.

    Raises BadInput, without the secret, for one that is not `whsec_` and the base64 of 24 to 64 bytes, and for an ident
    that is not made of letters, digits and `_/:-`.
    """
    if not IDENT.fullmatch(ident):
        raise BadInput(f"webhook id: {ident!r} is not 1..128 letters, digits and _/:- ; derive it from the alert's id")
    signed = b"%s.%d.%s" % (ident.encode(), at, body)
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def signed_headers(secrets: Sequence[str], ident: str, at: int, body: bytes) -> dict[str, str]:
    """Headers of a webhook; while secrets are rotated, one signature by each. ident stays the same over all attempts."""
    if not secrets:
        raise BadInput("webhook: has no secret; give one, made by: echo whsec_$(openssl rand -base64 32)")
    return {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "webhook-id": ident,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(sign(secret, ident, at, body) for secret in secrets),
    }


def reach(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    timeout_s: float,
    *,
    allow: Sequence[str] = (),
    lookup: Lookup = resolved,
    roots: str | None = None,
) -> Outcome:
    """`resolve`, then `post`: an address that is refused is `never`, a name that does not resolve now `again`."""
    try:
        target = resolve(url, allow, lookup)
    except BadInput as refused:
        return Outcome("never", str(refused))
    except OSError as error:
        return Outcome("again", f"the receiver's name does not resolve ({error.strerror or 'no address'})")
    return post(target, headers, body, timeout_s, roots=roots)


def post(
    target: Target, headers: Mapping[str, str], body: bytes, timeout_s: float, *, roots: str | None = None
) -> Outcome:
    """One POST to the address that was checked: no redirect, no proxy, timeout_s for all of it, never an exception.

    roots: file of trusted certificates; null takes certifi's. Once the status is there it holds, whatever its body does.
    """
    if flaw := _flaw(headers, body):
        return Outcome("never", f"{target.name}: {flaw}")
    with Deadline(timeout_s) as deadline:
        try:
            with closing(_line(target, deadline, roots or certifi.where())) as line:
                line.request("POST", target.path, body, {**headers, "Host": target.authority, "Connection": "close"})
                # urllib3's own getresponse would log the whole URL of an answer that it cannot parse.
                return _judged(PlainHTTPConnection.getresponse(line), target)
        except (CertificateError, ssl.SSLCertVerificationError) as error:
            return Outcome("again", f"{target.name}: its certificate does not hold ({_reason(error)})")
        except (OSError, HTTPException, HTTPError) as error:
            cause = error.__cause__ or error  # urllib3 puts its own error around the socket's
            late = deadline.ran_out or isinstance(cause, TimeoutError)
            said = f"no answer within {deadline.seconds:g} s" if late else f"no answer ({type(cause).__name__})"
            return Outcome("again", f"{target.name}: {said}")


class _Answer(HTTPResponse):
    """An answer whose head is whole."""

    def __init__(self, sock: socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = WholeLines(self.fp.detach())


class _Plain(HTTPConnection):
    """A connection whose socket is known to the deadline before the first byte is read."""

    response_class = _Answer
    deadline: Deadline

    def _new_conn(self) -> socket:
        sock = super()._new_conn()
        self.deadline.watch(sock)
        return sock


class _Secure(HTTPSConnection, _Plain):
    """The same with TLS."""


def _line(target: Target, deadline: Deadline, roots: str) -> _Plain:
    """Leads to the address; TLS asks for the name and checks the certificate for it."""
    line: _Plain
    if target.scheme == "https":
        line = _Secure(
            target.ip,
            target.port,
            timeout=deadline.seconds,
            cert_reqs="CERT_REQUIRED",
            ca_certs=roots,
            server_hostname=target.host,
            assert_hostname=target.host,
        )
    else:
        line = _Plain(target.ip, target.port, timeout=deadline.seconds)
    line.deadline = deadline
    return line


def _judged(answer: HTTPResponse, target: Target) -> Outcome:
    with closing(answer), suppress(OSError, HTTPException, ValueError):  # its status has said everything
        answer.read(MAX_ANSWER)
    after_s = retry_after_s(answer.getheader("Retry-After"), answer.getheader("Date"))
    return of_status(answer.status, target.name, after_s)


def _flaw(headers: Mapping[str, str], body: bytes) -> str:
    """What is wrong with what would be sent, no value repeated; empty where nothing is."""
    if len(body) >= MAX_BODY:
        return f"the body has {len(body):,} bytes, a message stays under {MAX_BODY:,}; send less data"
    for name, value in headers.items():
        if not HEADER.fullmatch(name) or not VALUE.fullmatch(value) or name.lower() in OURS:
            return f"header {name!r} cannot be sent; give a plain name and a value of visible ASCII"
    return ""


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith("whsec_") or len(key) not in SECRET_BYTES:
        raise BadInput(
            "webhook secret: is not whsec_ and the base64 of 24 to 64 bytes; make one by: openssl rand -base64 32"
        )
    return key


def _reason(error: Exception) -> str:
    return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else "it names another host"
