"""HTTP as a reader of satellite archives needs it: checked addresses, time-outs, retries by class, no redirects."""

import re
import ssl
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from typing import Final

from detection.errors import BadInput
from detection.sources import Traffic
from detection.sources.addresses import Address, Lookup, address_of, parts_of, shown
from detection.sources.lines import Lines
from detection.sources.pieces import one_line

LONGEST_WAIT_S: Final = 60.0
"""No wait between two tries is longer, whatever Retry-After says; chosen."""
FIRST_WAIT_S: Final = 0.5
"""Doubles with every try, times a jitter of 0.5 to 1; chosen."""
PIECE: Final = 1 << 17
"""Bytes asked of the socket at a time, between two looks at the deadline; larger ones cost more, not less (measured)."""
TRANSIENT: Final = frozenset({408, 425, 429})
"""Beside 5xx: worth another try (RFC 9110, 15.5.9; RFC 8470; RFC 6585, section 4)."""


class Failed(Exception):
    """A request that will not succeed: `reason` is one line without secrets, `status` the HTTP status or 0."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


@dataclass(frozen=True)
class Answer:
    """What came back, whole."""

    status: int
    """HTTP status, 2xx."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """At most as many bytes as were asked for."""
    complete: bool
    """False where more would have come."""


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    url: str
    """Where; may carry a signature."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside Host."""
    method: str = "GET"
    """GET or POST."""
    body: bytes | None = None
    """Of a POST."""
    limit: int = 1 << 28
    """Bytes after which reading stops."""


class Client:
    """Sends requests from many threads. A failure is forgotten at once: the next request tries anew."""

    def __init__(
        self,
        traffic: Traffic,
        *,
        timeout_s: float,
        attempts: int,
        connections: int = 16,
        allow_local: bool = False,
        lookup: Lookup | None = None,
    ) -> None:
        self._traffic, self._timeout_s, self._attempts = traffic, timeout_s, attempts
        self._allow_local, self._lookup = allow_local, lookup
        self._lines = Lines(connections)

    def check(self, url: str) -> None:
        """Raises BadInput for an address that must not be contacted; sends nothing."""
        try:
            self._resolved(url)
        except OSError:
            return  # not resolved now: whoever sends will say so

    def send(self, request: Request) -> Answer:
        """The answer, after as many tries as its failures deserve; raises Failed.

        429, 5xx, resets, time-outs and truncated answers are tried again after a wait (Retry-After is honoured, up to
        60 s); everything else is final at once, redirects too.
        """
        for attempt in range(1, self._attempts + 1):
            try:
                with self._traffic.turn():
                    return self._once(request)
            except _Again as again:
                if attempt == self._attempts:
                    raise Failed(f"{again.reason}, {attempt} tries", again.status) from None
                self._traffic.wait(again.wait_s if again.wait_s is not None else backoff_s(request.url, attempt))
        raise Failed("no attempt was allowed")

    def _once(self, request: Request) -> Answer:
        deadline = time.monotonic() + self._timeout_s
        try:
            address = parts_of(request.url, allow_local=self._allow_local)
            with self._lines.line(address, lambda: self._resolved(request.url), self._timeout_s) as line:
                line.request(
                    request.method, address.target, request.body, {"Accept-Encoding": "identity", **request.headers}
                )
                return _answered(line.getresponse(), request, deadline)
        except BadInput as error:
            raise Failed(one_line(error)) from error
        except ssl.SSLCertVerificationError as error:
            raise Failed(f"its certificate does not hold ({error.verify_message})") from error
        except (HTTPException, OSError) as error:
            raise _Again(f"no answer ({_kind(error)})") from error

    def _resolved(self, url: str) -> Address:
        return address_of(url, allow_local=self._allow_local, lookup=self._lookup)


def backoff_s(url: str, attempt: int) -> float:
    """Seconds to wait after the given try, 1 for the first: exponential, with a jitter that only url and try decide."""
    jitter = 0.5 + zlib.crc32(f"{shown(url)} {attempt}".encode()) / 2**33
    return min(FIRST_WAIT_S * 2.0 ** (attempt - 1), LONGEST_WAIT_S) * jitter


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After asks for, up to 60; None: unsaid."""
    return asked_wait_s(headers.get("retry-after"), headers.get("date"), LONGEST_WAIT_S)


def asked_wait_s(stated: str | None, date: str | None, longest_s: float) -> float | None:
    """Seconds that Retry-After asks for, 0 to longest_s: a number, or a date against the answer's own Date; None: unsaid.

    Our clock is not asked (RFC 9110, 6.6.1: who has a clock sends Date), so a date without Date counts as unsaid.
    """
    wanted = (stated or "").strip()
    if re.fullmatch("[0-9]+", wanted):
        return min(float(wanted), longest_s)
    try:
        until, now = parsedate_to_datetime(wanted), parsedate_to_datetime(date or "")
    except (TypeError, ValueError, IndexError, OverflowError):  # all that its parser raises for text of others
        return None
    seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now.replace(tzinfo=now.tzinfo or UTC)).total_seconds()
    return min(max(seconds, 0.0), longest_s)


class _Again(Exception):
    def __init__(self, reason: str, status: int = 0, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.status, self.wait_s = reason, status, wait_s


def _answered(response: HTTPResponse, request: Request, deadline: float) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    _check_status(response.status, headers)
    body, complete = _body(response, request.limit, deadline)
    stated = headers.get("content-length", "")
    if stated.isdecimal() and len(body) < min(int(stated), request.limit):
        raise _Again(f"truncated: {len(body)} of {stated} bytes")
    if complete:
        response.close()  # else it stays open, and the line is not used again
    if headers.get("content-encoding") == "gzip":
        body, complete = _unpacked(body, request.limit, complete)
    return Answer(response.status, headers, body, complete)


def _check_status(status: int, headers: Mapping[str, str]) -> None:
    if status >= 500 or status in TRANSIENT:
        raise _Again(f"HTTP {status}", status, retry_after_s(headers))
    if 300 <= status < 400:
        raise Failed(f"HTTP {status}: redirected, which is not followed", status)
    if status >= 400:
        raise Failed(f"HTTP {status}", status)


def _body(response: HTTPResponse, limit: int, deadline: float) -> tuple[bytes, bool]:
    pieces, size = [], 0
    while size <= limit:
        # read1 comes back with what is there, so that a server that drips meets the deadline too.
        piece = response.read1(min(PIECE, limit + 1 - size))
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
        if time.monotonic() > deadline:
            raise _Again("time-out in the middle of the answer")
    return b"".join(pieces)[:limit], size <= limit


def _unpacked(body: bytes, limit: int, complete: bool) -> tuple[bytes, bool]:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        return unpacker.decompress(body, limit), complete and not unpacker.unconsumed_tail
    except zlib.error as error:
        raise _Again("the answer cannot be unpacked") from error


def _kind(error: Exception) -> str:
    text = type(error).__name__
    return f"{text}: {error.strerror}" if isinstance(error, OSError) and error.strerror else text
