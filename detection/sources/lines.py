"""Connections that are kept: each leads to an address that was checked, and the name is not asked again."""

import socket
import ssl
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from http.client import HTTPConnection, HTTPResponse
from threading import Lock
from typing import Final

import certifi
from urllib3.util.wait import wait_for_read

from detection.sources.addresses import Address

CONNECT_S: Final = 10.0
"""To open a connection; chosen, as in the options of GDAL that the project measured with."""
Key = tuple[str, str, int]


class Line(HTTPConnection):
    """A connection to one checked address of a host."""

    def __init__(self, address: Address, ip: str) -> None:
        super().__init__(address.host, address.port)
        self._ip = ip
        self._answer: HTTPResponse | None = None

    def connect(self) -> None:
        """To the address, not to the name."""
        self.sock = socket.create_connection((self._ip, self.port), self.timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def getresponse(self) -> HTTPResponse:
        """As of HTTPConnection."""
        self._answer = super().getresponse()
        return self._answer

    def close(self) -> None:
        """Also what the last answer still holds, when the other end meant to hang up."""
        super().close()
        if self._answer is not None:
            self._answer.close()

    @property
    def rests(self) -> bool:
        """Was the last answer read to its end? Then another request may be sent."""
        return self.sock is not None and (self._answer is None or self._answer.isclosed())


class SecureLine(Line):
    """The same with TLS; the certificate must be the name's."""

    default_port = 443

    def connect(self) -> None:
        """To the address, as the name."""
        super().connect()
        with ExitStack() as undo:
            undo.callback(self.sock.close)
            self.sock = _trust().wrap_socket(self.sock, server_hostname=self.host)
            undo.pop_all()


class Lines:
    """Idle connections by host. Standard HTTP of Python: a third of the work of a library for the same request."""

    def __init__(self, most: int) -> None:
        """`most`: idle connections kept per host."""
        self._most = most
        self._idle: dict[Key, list[Line]] = {}
        self._known: dict[Key, Address] = {}
        self._failed: dict[Key, int] = {}
        self._lock = Lock()
        weakref.finalize(self, _hang_up, self._idle)

    @contextmanager
    def line(self, address: Address, resolve: Callable[[], Address], timeout_s: float) -> Iterator[Line]:
        """A connection for one request; kept when its answer was read to the end, closed when anything was wrong.

        `resolve` is asked for checked addresses when none is known; one that fails is given up for the next.
        """
        key = (address.scheme, address.host, address.port)
        line = self._taken(key) or self._opened(key, resolve, timeout_s)
        with ExitStack() as undo:
            undo.callback(line.close)
            line.sock.settimeout(timeout_s)
            yield line
            undo.pop_all()
        self._kept(key, line)

    def _taken(self, key: Key) -> Line | None:
        while True:
            with self._lock:
                idle = self._idle.get(key)
                if not idle:
                    return None
                line = idle.pop()
            if line.sock is not None and not wait_for_read(line.sock, timeout=0.0):
                return line
            line.close()  # something to read before anything was asked: the other end has hung up

    def _opened(self, key: Key, resolve: Callable[[], Address], timeout_s: float) -> Line:
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = resolve()
        ip = known.ips[self._failed.get(key, 0) % len(known.ips)]
        line = SecureLine(known, ip) if known.scheme == "https" else Line(known, ip)
        line.timeout = min(CONNECT_S, timeout_s)
        try:
            line.connect()
        except OSError:
            with self._lock:
                self._failed[key] = self._failed.get(key, 0) + 1
                self._known.pop(key, None)
            raise
        return line

    def _kept(self, key: Key, line: Line) -> None:
        with self._lock:
            idle = self._idle.setdefault(key, [])
            if line.rests and len(idle) < self._most:
                idle.append(line)
                return
        line.close()


def _hang_up(idle: dict[Key, list[Line]]) -> None:
    for lines in idle.values():
        for line in lines:
            line.close()


@cache
def _trust() -> ssl.SSLContext:
    """The machine's certificates, or those that come with Python's packages where it has none."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    return context
