"""A limit for everything that happens on a connection: socket time-outs start anew with every byte of a server that drips."""

import socket
from contextlib import suppress
from io import BufferedReader
from threading import Lock, Timer


class Deadline:
    """Cuts the connection it watches when its time is up; whoever reads from it then finds it closed."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.ran_out = seconds, False
        self._handle: socket.socket | None = None
        self._lock = Lock()
        self._timer = Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._handle is not None:
            self._handle.close()

    def watch(self, sock: socket.socket) -> None:
        """From now on; call it as soon as the socket is connected, before TLS takes it over.

        A handle of its own is kept: it stays good when TLS detaches the socket, and its number is not given to another
        connection while it is in use.
        """
        with self._lock:
            self._handle = sock.dup()
            if self.ran_out:
                _shut(self._handle)

    def _cut(self) -> None:
        with self._lock:
            self.ran_out = True
            if self._handle is not None:
                _shut(self._handle)


class WholeLines(BufferedReader):
    """Reads lines, none of which was cut off: Python's readers of HTTP and SMTP take `250` for a word that was never ended."""

    def readline(self, size: int | None = -1, /) -> bytes:
        """A line with its end, or `size` bytes of a longer one; raises ConnectionAbortedError where the connection ends first."""
        line = super().readline(size)
        if not line.endswith(b"\n") and not 0 <= (-1 if size is None else size) <= len(line):
            raise ConnectionAbortedError("cut off in the middle of a line")
        return line


def _shut(handle: socket.socket) -> None:
    with suppress(OSError):  # the other end has closed it already
        handle.shutdown(socket.SHUT_RDWR)
