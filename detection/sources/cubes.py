"""One Zarr store or NetCDF file with dimensions time, y, x, as a store of scenes."""

import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError

from detection.errors import BadInput
from detection.sources.extents import Extent, extent_of, overlap, utm_of
from detection.sources.listings import make_scene, unknown_band
from detection.sources.pieces import Block, Piece, Unreadable, check_unscaled, one_line, valid_of
from detection.types import Grid, Scene

CUBE_ERRORS = (
    *(OSError, ValueError, TypeError, LookupError, RuntimeError, EOFError, zlib.error, MemoryError, SystemError),
    ImportError,  # no reader for this kind installed: NetCDF-4 needs h5py beside h5netcdf
)
"""What broken stores make xarray, zarr, numcodecs and scipy raise; SystemError is blosc on a size that is a lie."""
CODECS = frozenset({
    "adler32", "astype", "bitround", "blosc", "bytes", "bz2", "crc32", "crc32c", "delta", "fixedscaleoffset",
    "fletcher32", "gzip", "lz4", "lzma", "packbits", "quantize", "sharding_indexed", "shuffle", "transpose",
    "vlen-utf8", "zlib", "zstd",
})  # fmt: skip
"""Zarr codecs that only decode numbers or text. numcodecs also registers `pickle`, which runs code when read."""
DIMENSIONS = ("time", "y", "x")


class CubeStore:
    """A cube opened anew for every read; what its header says is read once and kept."""

    def __init__(
        self,
        path: Path,
        variables: Mapping[str, str],
        *,
        platform: str,
        crs: str | None,
        nodata: float | None,
        as_stored: bool,
    ) -> None:
        """`variables` maps band to variable; `nodata` overrides the cube's own, `crs` stands in where it has none."""
        self.path, self.variables = path, dict(variables)
        self._platform, self._crs, self._nodata, self._as_stored = platform, crs, nodata, as_stored

    @cached_property
    def scenes(self) -> tuple[Scene, ...]:
        """In canonical order."""
        return tuple(sorted(self._positions))

    @cached_property
    def layers_of(self) -> frozenset[tuple[str, str]]:
        """Every scene has every band."""
        return frozenset((scene.id, band) for scene in self.scenes for band in self.variables)

    @cached_property
    def _engine(self) -> str:
        return engine_of(self.path)

    @cached_property
    def _positions(self) -> dict[Scene, int]:
        """Scene -> position along time."""
        with self._opened() as cube:
            scenes = _scenes(cube, self.path, self._platform)
        positions = {scene: i for i, scene in enumerate(scenes)}
        if len({scene.id for scene in scenes}) < len(scenes):
            ids = [scene.id for scene in scenes]
            twice = next(i for i in ids if ids.count(i) > 1)
            raise BadInput(
                f"{self.path.name}: scene {twice} stands twice along time; drop one or add a coordinate `scene`"
            )
        return positions

    @cached_property
    def _extent(self) -> Extent:
        with self._opened() as cube:
            return _extent(cube, list(self.variables.values()), self._crs, self.path.name)

    def extents(self) -> Iterator[Extent]:
        """The one extent."""
        yield self._extent

    def dtype(self, scenes: Sequence[Scene], bands: Sequence[str]) -> np.dtype[Any]:
        """The type that holds what the variables store."""
        with self._opened() as cube:
            return np.result_type(*(cube[self.variables[band]].dtype for band in bands))

    def pieces(self, grid: Grid, scenes: Sequence[Scene], bands: Sequence[str]) -> Iterator[Piece]:
        """Band by band, scene by scene."""
        part = overlap(self._extent, grid)
        if not part:
            nothing = Block(np.zeros((0, 0), np.uint8), np.zeros((0, 0), np.bool_))
            yield from (Piece(scene, band, part.target, nothing) for band in bands for scene in scenes)
            return
        times = [self._positions[scene] for scene in scenes]
        with self._opened() as cube:
            for band in bands:
                variable = cube[self.variables[band]]
                contents = self._contents(variable, times, part.source)
                for scene, content in zip(scenes, contents, strict=True):
                    yield Piece(scene, band, part.target, content)

    def _contents(
        self, variable: xr.DataArray, times: list[int], part: tuple[slice, slice]
    ) -> Iterator[Block | Unreadable]:
        nodata = _nodata(variable) if self._nodata is None else self._nodata
        window = _southward(variable).isel(y=part[0], x=part[1]).transpose(*DIMENSIONS)
        for answer in _stack(window, times):
            yield answer if isinstance(answer, Unreadable) else Block(answer, valid_of(answer, nodata))

    def _opened(self) -> xr.Dataset:
        cube = open_cube(self.path, self._engine)
        try:
            for band, variable in self.variables.items():
                _check_variable(cube, band, variable, self.path.name, as_stored=self._as_stored)
        except BadInput:
            cube.close()
            raise
        return cube


def open_cube(path: Path, engine: str) -> xr.Dataset:
    """The cube with numbers as stored and decoded times, lazily; close it. Raises BadInput, one line."""
    try:
        options: dict[str, Any] = {"consolidated": False, "chunks": None} if engine == "zarr" else {}
        return xr.open_dataset(
            path, engine=engine, mask_and_scale=False, decode_timedelta=False, cache=False, **options
        )
    except CUBE_ERRORS as error:
        raise BadInput(f"{path.name}: not readable as a cube ({one_line(error)}); write it again") from error


def engine_of(path: Path) -> str:
    """The xarray engine for this store, by its first bytes; raises BadInput for anything but Zarr and NetCDF."""
    try:
        if path.is_dir():
            _check_zarr(path)
            return "zarr"
        with path.open("rb") as stream:
            start = stream.read(8)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{path.name}: its metadata cannot be read ({one_line(error)}); write it again") from error
    if start.startswith(b"CDF"):
        return "scipy"
    if start == b"\x89HDF\r\n\x1a\n":
        return "h5netcdf"
    raise BadInput(f"{path.name}: is neither a Zarr folder nor a NetCDF file (starts with {start!r})")


def _check_zarr(path: Path) -> None:
    """No link leads out of the store, and no codec runs code: looked at before anything is decoded."""
    metadata = 0
    for folder, folders, names in os.walk(path):
        for name in (*folders, *names):
            if Path(folder, name).is_symlink():
                raise BadInput(f"{path.name}: {name!r} in it is a link; copy the data itself into the store")
        for name in {".zarray", "zarr.json"} & set(names):
            metadata += 1
            odd = sorted(_codecs(json.loads(Path(folder, name).read_text("utf-8"))) - CODECS)
            if odd:
                raise BadInput(f"{path.name}: codec {odd[0]!r} is not read; write the cube with blosc, zstd or gzip")
    if not metadata:
        raise BadInput(f"{path.name}: is a folder without Zarr arrays; name a .zarr store or a .nc file")


def _codecs(metadata: Any) -> set[str]:
    """Names of every codec in a `.zarray` (v2: compressor, filters) or `zarr.json` (v3: codecs, nested by sharding)."""
    found: set[str] = set()
    entries = [metadata.get("compressor"), *(metadata.get("filters") or ()), *(metadata.get("codecs") or ())]
    for entry in filter(None, entries):
        named = entry if isinstance(entry, str) else str(entry.get("id", entry.get("name")))
        found.add(named.removeprefix("numcodecs."))
        inner = entry.get("configuration") if isinstance(entry, dict) else None
        if isinstance(inner, dict):
            found |= _codecs(inner) | _codecs({"codecs": inner.get("index_codecs")})
    return found


def _check_variable(cube: xr.Dataset, band: str, variable: str, name: str, *, as_stored: bool) -> None:
    if variable not in cube.data_vars:
        raise unknown_band(variable, map(str, cube.data_vars), name)
    array = cube[variable]
    if set(array.dims) != set(DIMENSIONS):
        found = ", ".join(map(repr, array.dims))
        where = " (geographic: warp it onto a UTM grid first)" if {"lon", "longitude"} & set(array.dims) else ""
        raise BadInput(f"{name}: {variable} has dimensions {found}{where}; time, y, x are needed")
    if array.dtype.kind not in "iuf":
        raise BadInput(f"{name}: {variable} (band {band}) holds {array.dtype}; write it as integers or floats")
    if as_stored:
        check_unscaled(name, [array.attrs.get("scale_factor", 1)], [array.attrs.get("add_offset", 0)])


def _scenes(cube: xr.Dataset, path: Path, platform: str) -> list[Scene]:
    """One scene per step along time: id, platform and orbit from coordinates of those names where the cube has them."""
    name = path.name
    if "time" not in cube.coords or cube["time"].dtype.kind != "M":
        raise BadInput(f"{name}: `time` holds no dates; write it as `days since 1970-01-01` of the standard calendar")
    times = cube["time"].to_numpy().astype("datetime64[s]")
    if np.isnat(times).any():
        raise BadInput(f"{name}: `time` has an empty date at position {int(np.isnat(times).argmax())}; drop it")
    labels = [_labels(cube, key, len(times), name) for key in ("scene", "platform", "orbit")]
    scenes = []
    for position, when in enumerate(times.tolist()):
        scene, own, orbit = (column[position] for column in labels)
        stamp = f"{when:%Y%m%d}" if when.time() == when.min.time() else f"{when:%Y%m%dT%H%M%S}"
        where = f"{name}, time {position}"
        scenes.append(make_scene(scene or f"{path.stem}-{stamp}", when, own or platform, orbit, where))
    return scenes


def _labels(cube: xr.Dataset, key: str, count: int, name: str) -> list[str]:
    if key not in cube.variables or cube[key].dims != ("time",):
        return [""] * count
    try:
        return [value.decode() if isinstance(value, bytes) else str(value) for value in cube[key].to_numpy()]
    except CUBE_ERRORS as error:
        raise BadInput(f"{name}: coordinate `{key}` cannot be read ({one_line(error)}); write it again") from error


def _extent(cube: xr.Dataset, variables: Sequence[str], crs: str | None, name: str) -> Extent:
    x, y = _axis(cube, "x", name), _axis(cube, "y", name)
    steps = [abs(a[-1] - a[0]) / (len(a) - 1) for a in (x, y) if len(a) > 1]
    if not steps:
        raise BadInput(f"{name}: a single cell does not tell its size; give at least two along x or y")
    size_x, size_y = (steps[0], steps[-1])
    if x[-1] < x[0]:
        raise BadInput(f"{name}: `x` falls; sort it to rise eastwards")
    transform = Affine(size_x, 0, x[0] - size_x / 2, 0, -size_y, max(y[0], y[-1]) + size_y / 2)
    code = utm_of(_crs(cube, variables, name), crs, name)
    return extent_of(name, code, transform, (len(y), len(x)))


def _axis(cube: xr.Dataset, key: str, name: str) -> NDArray[np.float64]:
    """Cell centres, metres, evenly spaced."""
    if key not in cube.coords or cube[key].dtype.kind not in "iuf":
        raise BadInput(f"{name}: has no numbers along `{key}`; write the cell centres in metres there")
    centres = cube[key].to_numpy().astype(np.float64)
    if len(centres) == 0 or not np.isfinite(centres).all():
        raise BadInput(f"{name}: `{key}` is empty or not finite; write the cell centres in metres there")
    steps = np.diff(centres)
    if len(steps) and (np.abs(steps - steps.mean()).max() > 0.01 or steps.mean() == 0):
        raise BadInput(f"{name}: `{key}` is not evenly spaced; put the cube on a regular grid first")
    return centres


def _crs(cube: xr.Dataset, variables: Sequence[str], name: str) -> CRS | None:
    """From the grid mapping of the variables (CF 1.11, section 5.6), a variable `spatial_ref`, or attributes `crs`."""
    keys = [cube[v].attrs.get("grid_mapping", cube[v].encoding.get("grid_mapping")) for v in variables]
    holders = [cube[key].attrs for key in (*keys, "spatial_ref", "crs") if key in cube.variables]
    holders += [cube.attrs, *(cube[v].attrs for v in variables)]
    said = [holder[key] for holder in holders for key in ("crs_wkt", "spatial_ref", "crs") if key in holder]
    if not said:
        return None
    try:
        text = said[0]
        return CRS.from_epsg(int(text)) if str(text).isdecimal() else CRS.from_user_input(str(text))
    except CRSError as error:
        raise BadInput(f"{name}: its CRS cannot be read ({one_line(error)}); write it as WKT or EPSG code") from error


def _southward(variable: xr.DataArray) -> xr.DataArray:
    y = variable["y"].to_numpy()
    return variable.isel(y=slice(None, None, -1)) if y[-1] > y[0] else variable


def _nodata(variable: xr.DataArray) -> float | None:
    for key in ("_FillValue", "missing_value"):
        if key in variable.attrs:
            return float(np.ravel(variable.attrs[key])[0])
    return None


def _stack(window: xr.DataArray, times: list[int]) -> Iterator[NDArray[Any] | Unreadable]:
    """(y, x) per time; when the whole does not decode, time by time, so that a bad chunk costs only its own scenes."""
    try:
        yield from window.isel(time=times).to_numpy()
    except CUBE_ERRORS:
        for time in times:
            yield _single(window, time)


def _single(window: xr.DataArray, time: int) -> NDArray[Any] | Unreadable:
    try:
        return window.isel(time=time).to_numpy()
    except CUBE_ERRORS as error:
        return Unreadable(one_line(error))
