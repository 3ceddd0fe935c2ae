"""Local rasters as a source: a folder of GeoTIFFs, one per date or stacked, or one Zarr or NetCDF cube.

Numbers are handed over as stored. Nothing is warped: files lie on one lattice in one UTM zone, whole-cell shifts
against the job's grid are followed, and a shift of a part of a cell takes the nearest cell (`Files.shift_m` tells it).
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detection.codes import Observation
from detection.errors import BadInput, NoImagery
from detection.sources.extents import covering, overlap, shift
from detection.sources.listings import dated, stacked, unknown_band
from detection.sources.pieces import Piece, Store, Unreadable
from detection.sources.rasters import inside
from detection.sources.stacks import Stacks
from detection.types import Codes, Grid, Raw, Row, Scene, parameters


@parameters
class FilesParameters:
    """Local rasters: which files, which bands, which dates."""

    kind: Literal["files"] = "files"
    """Local files."""
    folder: Path
    """Folder with the rasters; a relative path starts at the config file. Nothing outside it is read as a raster."""
    layout: Literal["dated", "stacked", "cube"]
    """`dated`: one GeoTIFF a date (and band); `stacked`: many dates in a GeoTIFF, a table; `cube`: Zarr or NetCDF."""
    bands: tuple[str, ...]
    """Names of the bands, in the order of the file's bands (`dated`) or of `variables` (`cube`)."""
    sensor: str = "generic"
    """Whose numbers these are: a name of `detection/sources/sensors.py`; `generic` takes them as they are stored."""
    pattern: str | None = None
    """`dated`: regular expression of the whole file name; group (?P<date>), optional band, platform, orbit."""
    date_format: str = "%Y%m%d"
    """`dated`: how the date is written in the name, as Python's strptime has it; without a zone it is UTC."""
    table: Path | None = None
    """`stacked`: CSV with columns file, band (from 1), date (ISO); optional scene, platform, orbit, name (of band)."""
    path: Path | None = None
    """`cube`: the Zarr store or NetCDF file, within the folder; dimensions time, y, x."""
    variables: tuple[str, ...] = ()
    """`cube`: the variables behind `bands`, in their order; empty: they are called as the bands."""
    crs: str | None = None
    """CRS of files that state none, e.g. `EPSG:32719`."""
    nodata: float | None = None
    """Value that means "no observation", in place of the files' own."""
    platform: str = "unknown"
    """Platform of scenes that state none, e.g. `landsat-8`."""
    added: float = 0.0
    """Added to the stored numbers before they are scaled: -1000 for Sentinel-2 L2A from processing baseline 04.00 on."""


class Files:
    """The `Source` of local rasters. Nothing is opened before it is needed, and every header only once."""

    def __init__(self, parameters: FilesParameters) -> None:
        """Raises BadInput when the keys do not fit the layout."""
        _check_keys(parameters)
        self.parameters = parameters
        self.failures: list[tuple[str, str]] = []
        """(scene id, reason) of every scene that a read found broken, each pair once."""

    def grid(self) -> Grid:
        """The grid around all files; in EPSG:327xx where they lie south of the equator, also for Landsat's north zone.

        Opens every header. Raises BadInput for a file that is broken, GridMismatch for one on another CRS, resolution
        or lattice, UnknownBand for a band that is not there.
        """
        return covering(self._store.extents())

    def shift_m(self, grid: Grid) -> tuple[float, float]:
        """(east, north) metres by which the data lie off the cells of the grid they fill; (0, 0) on one lattice."""
        return shift(next(iter(self._store.extents())), grid)

    def manifest(self, first_day: int, last_day: int, area: Grid | None = None) -> tuple[Row, ...]:
        """The scenes of first_day <= day < last_day, in canonical order, each once; opens no GeoTIFF."""
        scenes = (scene for scene in self._store.scenes if first_day <= scene.day < last_day)
        return tuple(Row(scene, self.parameters.sensor, added=self.parameters.added) for scene in scenes)

    def read(self, grid: Grid, rows: Sequence[Row], bands: Sequence[str]) -> Raw:
        """Numbers as stored (float64 as float32) of these rows, each scene once and in canonical order.

        A scene without one of the bands is MISSING, cells that a file does not reach are OUTSIDE, a block that does
        not decode is FAILED (and listed in `failures`), nodata, NaN and inf in any band are MASKED; the worst of the
        bands counts. Values that are not OBSERVED mean nothing.

        Raises UnknownBand, BadInput (an unknown scene, a broken header), GridMismatch, and NoImagery for a grid that
        no file reaches.
        """
        looks = tuple(sorted({row.scene for row in rows}))
        self._check_asked(looks, bands)
        if not any(overlap(extent, grid) for extent in self._store.extents()):
            raise NoImagery(
                f"{self.parameters.folder}: no file reaches {grid.bounds} in {grid.crs}; move the area of interest"
            )
        whole = [s for s in looks if all((s.id, band) in self._store.layers_of for band in bands)]
        stored = self._store.dtype(whole, bands)
        dtype = np.dtype(np.float32) if stored == np.float64 else stored
        values = np.zeros((len(looks), len(bands), *grid.shape), dtype)
        observation = np.full((len(looks), *grid.shape), Observation.MISSING, np.uint8)
        position = {scene: i for i, scene in enumerate(looks)}
        observation[[position[scene] for scene in whole]] = Observation.OBSERVED
        for piece in self._store.pieces(grid, whole, bands):
            i = position[piece.scene]
            self._put(piece, values[i, list(bands).index(piece.band)], observation[i])
        added = (self.parameters.added,) * len(looks) if self.parameters.added else ()
        return Raw(grid, looks, tuple(bands), values, observation, added)

    def _put(self, piece: Piece, values: NDArray[Any], observation: Codes) -> None:
        """Write one piece in place; the codes of `Observation` rise with how bad they are: the largest counts."""
        found = np.full(observation.shape, Observation.OUTSIDE, np.uint8)
        if isinstance(piece.content, Unreadable):
            found[piece.where] = Observation.FAILED
            failure = (piece.scene.id, piece.content.reason)
            if failure not in self.failures:
                self.failures.append(failure)
        elif piece.content.values.size:
            found[piece.where] = np.where(piece.content.valid, Observation.OBSERVED, Observation.MASKED)
            with np.errstate(over="ignore", invalid="ignore"):
                values[piece.where] = piece.content.values
        np.maximum(observation, found, out=observation)

    def _check_asked(self, scenes: Sequence[Scene], bands: Sequence[str]) -> None:
        for band in bands:
            if band not in self.parameters.bands:
                raise unknown_band(band, self.parameters.bands, str(self.parameters.folder))
        if not bands or len(set(bands)) < len(bands):
            raise BadInput(
                f"{self.parameters.folder}: bands {list(bands)} were asked for; name at least one, each once"
            )
        if strange := set(scenes) - self._known:
            raise BadInput(f"{self.parameters.folder}: has no scene {min(strange).id}; ask for scenes of the manifest")

    @cached_property
    def _known(self) -> frozenset[Scene]:
        return frozenset(self._store.scenes)

    @cached_property
    def _store(self) -> Store:
        given = self.parameters
        stored = given.sensor == "generic"
        if given.layout == "cube":
            from detection.sources.cubes import CubeStore  # loads xarray: a second that only who reads a cube waits for

            variables = dict(zip(given.bands, given.variables or given.bands, strict=True))
            path = inside(given.folder, str(given.path))
            return CubeStore(
                path, variables, platform=given.platform, crs=given.crs, nodata=given.nodata, as_stored=stored
            )
        if given.layout == "dated":
            layers = dated(
                given.folder, str(given.pattern), given.date_format, bands=given.bands, platform=given.platform
            )
        else:
            layers = stacked(given.folder, Path(str(given.table)), bands=given.bands, platform=given.platform)
        return Stacks(layers, crs=given.crs, nodata=given.nodata, as_stored=stored)


def _check_keys(given: FilesParameters) -> None:
    needed = {"dated": "pattern", "stacked": "table", "cube": "path"}
    for layout, key in needed.items():
        there = getattr(given, key) is not None
        if there != (layout == given.layout):
            verb = "belongs to" if there else "is needed by"
            raise BadInput(f"sources.{key}: {verb} layout {layout!r}; this one is {given.layout!r}")
    if not given.bands or len(set(given.bands)) < len(given.bands):
        raise BadInput(f"sources.bands: {list(given.bands)}; name at least one band, each once")
    if given.variables and (given.layout != "cube" or len(given.variables) != len(given.bands)):
        raise BadInput(
            f"sources.variables: {len(given.variables)} for {len(given.bands)} bands in layout {given.layout!r}; "
            "they belong to `cube`, one per band"
        )
