"""A remote file as GDAL sees it: reads become range requests of ours, so that status codes and retries are in our hands.

GDAL calls back into Python, where an exception would be lost: a failed range is remembered in `Remote.problem`, GDAL
gets nothing, and whoever reads asks for the problem before believing a single number.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

from detection.sources.fetch import Answer, Client, Failed, Request
from detection.sources.rasters import MAGIC
from detection.sources.signing import Signatures

HEAD: Final = 1 << 14
"""Bytes of the first request, which hold the header of most cloud-optimised files; what GDAL asks for too."""
HEADS: Final = 2048
"""Beginnings kept: 32 MB; chosen."""
GAP: Final = 1 << 14
"""Ranges closer than this are one request: the bytes cost less than a round trip; chosen."""
MERGED: Final = 1 << 25
"""Bytes of a request made of several ranges, at most; chosen, so that a broken one is cheap to repeat."""
LARGEST: Final = 1 << 28
"""Bytes of one request, at most; a block of a sane file is far smaller; chosen."""
JP2_MAGIC: Final = (b"\x00\x00\x00\x0cjP  \r\n\x87\n",)
"""First bytes of a JPEG 2000 file (ISO/IEC 15444-1, annex I)."""


@dataclass(frozen=True)
class Head:
    """The beginning of a file."""

    size: int
    """Bytes of the whole file."""
    mark: str
    """ETag or date of its last change: another one, another file."""
    start: bytes
    """Its first bytes."""


class Heads:
    """Beginnings of files that were read before: the next tile of the same file needs one request less.

    Only what was read well is kept, never a failure; whether the file is still the same shows with the next range.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Head] = OrderedDict()
        self._lock = Lock()

    def get(self, href: str) -> Head | None:
        """What is known of a file."""
        with self._lock:
            return self._kept.get(href)

    def put(self, href: str, head: Head | None) -> None:
        """Keep it, or forget it; the oldest go when there are too many."""
        with self._lock:
            self._kept.pop(href, None)
            if head is not None:
                self._kept[href] = head
            while len(self._kept) > HEADS:
                self._kept.popitem(last=False)


class Remote:
    """One asset, read by ranges. Not for several threads at once."""

    def __init__(self, client: Client, signatures: Signatures, heads: Heads, href: str, collection: str) -> None:
        self._client, self._signatures, self._heads = client, signatures, heads
        self._href, self._collection = href, collection
        self._url = ""
        self._chunks: list[tuple[int, bytes]] = []
        self._mark = ""
        self.size = 0
        """Bytes of the whole file, as the server says."""
        self.changed = False
        """The file was replaced while it was read: try again from the start."""
        self.problem: Failed | None = None
        """Why a range could not be had; nothing GDAL made of the file counts then."""

    def begin(self, driver: str) -> None:
        """Fetch the first bytes, unless they are known, and check what they are; raises Failed."""
        self._url = self._signatures.signed(self._href, self._collection)
        head = self._heads.get(self._href)
        if head is None:
            start = self._range(0, HEAD)
            magic = MAGIC if driver == "GTiff" else JP2_MAGIC
            if not start.startswith(magic):
                raise Failed(f"is not a {driver} file (starts with {start[:8]!r})")
            head = Head(self.size, self._mark, start)
            self._heads.put(self._href, head)
        self.size, self._mark = head.size, head.mark
        self._chunks.append((0, head.start))

    def part(self, first: int, size: int) -> bytes:
        """Bytes from the first on, fewer at the end of the file; none once there is a problem."""
        return self._bytes(first, min(size, self.size - first), ahead=HEAD)

    def parts(self, firsts: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        """All of them, in order, each whole; those near each other in one request; empty once there is a problem."""
        merged: list[list[int]] = []
        for first, size in sorted(zip(firsts, sizes, strict=True)):
            if merged and first - merged[-1][1] <= GAP and first + size - merged[-1][0] <= MERGED:
                merged[-1][1] = max(merged[-1][1], first + size)
            else:
                merged.append([first, first + size])
        chunks = [(first, self._bytes(first, last - first)) for first, last in merged]
        return [_cut(chunks, first, size) or b"" for first, size in zip(firsts, sizes, strict=True)]

    def _bytes(self, first: int, size: int, ahead: int = 0) -> bytes:
        """So many bytes, or none and a problem."""
        if size <= 0 or self.problem:
            return b""
        held = _cut(self._chunks, first, size)
        if held is not None:
            return held
        try:
            if first >= self.size:
                raise Failed(f"truncated: ends at byte {self.size}, {first + size} needed")  # noqa: TRY301
            found = self._range(first, min(max(size, ahead), self.size - first))
        except Failed as problem:
            self.problem = problem
            return b""
        if ahead:
            self._chunks.append((first, found))
        if len(found) < size:
            self.problem = Failed(f"truncated: ends at byte {self.size}, {first + size} needed")
            return b""
        return found[:size]

    def _range(self, first: int, size: int) -> bytes:
        if size > LARGEST:
            raise Failed(f"asks for {size:,} bytes at once, over {LARGEST:,}")
        wanted = f"bytes={first}-{first + size - 1}"
        answer = self._send(wanted, size)
        if answer.status != 206:
            kind = answer.headers.get("content-type", "no type").split(";")[0]
            raise Failed(f"HTTP {answer.status} with {kind} instead of a range of the file", answer.status)
        start, total = _stated(answer.headers)
        mark = answer.headers.get("etag") or answer.headers.get("last-modified", "")
        if not self.size:
            self.size, self._mark = total, mark
        if (total, mark) != (self.size, self._mark):
            self.changed = True
            self._heads.put(self._href, None)
            raise Failed("changed while it was read")
        if start != first or len(answer.body) != min(size, total - first):
            raise Failed(f"truncated: {len(answer.body)} of {min(size, total - first)} bytes")
        return answer.body

    def _send(self, wanted: str, size: int) -> Answer:
        try:
            return self._ask(wanted, size)
        except Failed as failed:
            if failed.status not in (401, 403) or not self._signatures.wanted(self._href):
                raise
        self._url = self._signatures.signed(self._href, self._collection, refused=self._url)
        return self._ask(wanted, size)

    def _ask(self, wanted: str, size: int) -> Answer:
        headers = {"Range": wanted, **self._signatures.headers(self._href)}
        return self._client.send(Request(self._url, headers, limit=size))


def _stated(headers: Mapping[str, str]) -> tuple[int, int]:
    """(first byte, size of the whole file) of Content-Range; raises Failed."""
    unit, _, rest = headers.get("content-range", "").partition(" ")
    span, _, total = rest.partition("/")
    first = span.partition("-")[0]
    if unit != "bytes" or not first.isdecimal() or not total.isdecimal():
        raise Failed("the answer does not say which range it is")
    return int(first), int(total)


def _cut(chunks: Sequence[tuple[int, bytes]], first: int, size: int) -> bytes | None:
    for start, chunk in chunks:
        if start <= first and first + size <= start + len(chunk):
            return chunk[first - start : first - start + size]
    return None
