"""Files of our own making that GDAL can open: a file system with one file in it, whose reads come back to Python."""

import atexit
import contextvars
import itertools
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol, TypeVar

import rasterio
from rasterio.abc import MultiByteRangeResourceContainer
from rasterio.io import DatasetReader, MemoryFile

from detection.sources.rasters import GDAL_OPTIONS

T = TypeVar("T")


OPTIONS: Final = {**GDAL_OPTIONS, "GDAL_NUM_THREADS": "1"}
"""One thread: rasterio finds our file in the thread that opened it only, and GDAL's others would get nothing."""


class Readable(Protocol):
    """A file that is read by ranges. It must not raise: GDAL would lose the exception."""

    size: int
    """Bytes."""

    def part(self, first: int, size: int) -> bytes:
        """Bytes from the first on, fewer at the end of the file."""
        ...

    def parts(self, firsts: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        """Several at once, in order."""
        ...


def opened(file: Readable, driver: str, work: Callable[[DatasetReader], T]) -> T:
    """Do something with the file as a dataset, opened by this driver and no other; raises what rasterio and it raise."""
    try:
        mount = _FREE.get_nowait()
    except Empty:
        mount = _Mount()
    try:
        return mount.context.run(mount.use, file, driver, work)
    finally:
        _FREE.put(mount)


class _Container(MultiByteRangeResourceContainer):  # type: ignore[misc]
    """What rasterio asks for the file behind a name: there is one, under the name it has now."""

    def __init__(self, name: str, file: Readable) -> None:
        self.name, self.file = name, file

    def open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if not self.isfile(path):
            raise FileNotFoundError(path)
        return _Handle(self.file)

    def isfile(self, path: str) -> bool:
        return path == self.name

    def isdir(self, path: str) -> bool:
        return False

    def ls(self, path: str) -> list[str]:
        return [self.name]

    def mtime(self, path: str) -> int:
        return 0

    def size(self, path: str) -> int:
        return self.file.size

    def rm(self, path: str) -> None:
        raise PermissionError(path)


class _Handle:
    """The file as GDAL reads it, with a position of its own: GDAL may hold it open more than once."""

    def __init__(self, file: Readable) -> None:
        self._file, self._at = file, 0

    def read(self, size: int = -1) -> bytes:
        found = self._file.part(self._at, size if size >= 0 else self._file.size - self._at)
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._file.size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def get_byte_ranges(self, offsets: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        return self._file.parts(offsets, sizes)

    def close(self) -> None:
        pass

    def __enter__(self) -> "_Handle":
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _Memory:
    """Bytes as a `Readable`."""

    def __init__(self, data: bytes) -> None:
        self.size, self._data = len(data), data

    def part(self, first: int, size: int) -> bytes:
        return self._data[first : first + size]

    def parts(self, firsts: Sequence[int], sizes: Sequence[int]) -> list[bytes]:
        return [self.part(first, size) for first, size in zip(firsts, sizes, strict=True)]


class _Mount:
    """A file system of GDAL for the one file now being read, by one thread at a time.

    GDAL keeps every file system that was ever mounted and looks through all of them for every open: a new one per file
    costs 0.3 kB and ever more time. rasterio keeps a mount as long as a dataset on it is open (the anchor), and finds
    it again only in the context it was made in.
    """

    def __init__(self) -> None:
        self.context = contextvars.copy_context()
        self.container = _Container("anchor.tif", _Memory(_tiny()))
        self.anchor: DatasetReader = self.context.run(self._hold)
        self.root = str(self.anchor.name).rsplit("/", 1)[0]

    def _hold(self) -> DatasetReader:
        with rasterio.Env(**OPTIONS):
            return rasterio.open("anchor.tif", driver="GTiff", opener=self.container, sharing=False)

    def use(self, file: Readable, driver: str, work: Callable[[DatasetReader], T]) -> T:
        anchor = self.container.name, self.container.file
        self.container.name, self.container.file = f"{next(_NUMBERS)}", file
        try:
            with (
                rasterio.Env(**OPTIONS),
                rasterio.open(f"{self.root}/{self.container.name}", driver=driver, sharing=False) as source,
            ):
                return work(source)
        finally:
            self.container.name, self.container.file = anchor


def _tiny() -> bytes:
    """The smallest GeoTIFF there is."""
    with MemoryFile() as memory:
        place = rasterio.Affine(30, 0, 0, 0, -30, 0)
        with memory.open(driver="GTiff", width=1, height=1, count=1, dtype="uint8", crs="EPSG:32719", transform=place):
            pass
        return bytes(memory.read())


_FREE: Final[SimpleQueue[_Mount]] = SimpleQueue()
_NUMBERS: Final = itertools.count()


@atexit.register
def _unmount() -> None:
    """Close the anchors while Python still runs: GDAL's own end would call back into it too late."""
    while not _FREE.empty():
        mount = _FREE.get_nowait()
        mount.context.run(mount.anchor.close)
