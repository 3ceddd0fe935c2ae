"""The simulated source: an adapter from the simulator to the `Source` protocol. What it hands over is simulated."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final, Literal

import numpy as np
from annotated_types import Ge, Interval

from detection.codes import Observation
from detection.errors import BadInput, NoImagery, UnknownBand
from detection.simulator.parameters import world
from detection.simulator.site import Site
from detection.sources.sensors import SENSORS
from detection.types import ORIGIN_STEP_M, Grid, Raw, Row, Scene, parameters, to_day

if TYPE_CHECKING:
    from detection.simulator.orbits import Look
    from detection.simulator.truth import Truth

# Loading the simulator compiles its kernels, or reads them from numba's cache: that waits until someone looks.

Family = Literal["landsat", "sentinel-2", "sentinel-1"]
OFFERED: Final = {
    "landsat-c2l2": SENSORS["landsat-c2l2"].bands,
    "sentinel-2-l2a": SENSORS["sentinel-2-l2a"].bands,
    "sentinel-1-rtc": SENSORS["sentinel-1-rtc"].bands,
}
"""Family of numbers -> the bands it can be asked for."""
LANDSAT_FILL: Final = 1
"""Bit 0 of the quality band."""


@parameters
class SimulatedParameters:
    """One of three places in the Peruvian Amazon that never were, with known truth. Its scores are simulated scores."""

    kind: Literal["simulated"] = "simulated"
    """What the source is: `simulated` needs no data at all."""
    seed: Annotated[int, Interval(ge=0, lt=2**63)] = 1
    """Another seed, another landscape with another weather and other events."""
    region: Literal["madre-de-dios", "alto-mayo", "loreto-peatland"] = "madre-de-dios"
    """Which kind of place: lowland frontier with mining, cloud forest with coffee, or palm swamps."""
    variant: Literal["open", "blind"] = "open"
    """`blind` rests on other assumptions throughout and serves evaluation alone: nothing is ever fitted on it."""
    sensors: tuple[Family, ...] = ("landsat",)
    """Which satellites look: landsat, sentinel-2, sentinel-1."""
    orbits: tuple[str, ...] = ()
    """Only these WRS paths or relative orbits, e.g. ["002"]; empty: all. Radar: one series per orbit."""
    crs: str | None = None
    """UTM zone of the grid, EPSG:327xx (south) or EPSG:326xx (north); null takes the region's."""
    west: int | None = None
    """Easting of the upper-left corner, metres, a multiple of 60; null takes the region's."""
    north: int | None = None
    """Northing of the upper-left corner, metres, a multiple of 60; null takes the region's."""
    rows: Annotated[int, Ge(1)] = 512
    """Cells from north to south."""
    columns: Annotated[int, Ge(1)] = 512
    """Cells from west to east."""
    resolution: Literal[10, 20, 30] = 30
    """Cell size, metres."""
    start: date = date(2022, 1, 1)
    """First day with a look."""
    end: date = date(2025, 1, 1)
    """Day at which the looks end, itself left out."""

    def __post_init__(self) -> None:
        if not self.sensors or len(set(self.sensors)) < len(self.sensors):
            raise BadInput(f"simulated source: sensors {list(self.sensors)}; name at least one, each once")
        if wrong := [orbit for orbit in self.orbits if not orbit.isdecimal()]:
            raise BadInput(
                f"simulated source: orbits {wrong[0]!r} is no path or relative orbit; write a number like '002'"
            )
        for name, metres in (("west", self.west), ("north", self.north)):
            if metres is not None and metres % ORIGIN_STEP_M:
                near = round(metres / ORIGIN_STEP_M) * ORIGIN_STEP_M
                raise BadInput(f"simulated source: {name} {metres} is not a multiple of {ORIGIN_STEP_M} m; take {near}")
        if self.end <= self.start:
            raise BadInput(f"simulated source: end {self.end} is not after start {self.start}; exchange the two")
        earliest, latest = span()
        if self.start < earliest or self.end > latest:
            raise BadInput(
                f"simulated source: {self.start} to {self.end} is not within {earliest} to {latest}; "
                "nothing is simulated outside these years"
            )

    @property
    def site(self) -> Site:
        """The simulated place."""
        return Site(self.seed, self.region, self.variant)


class Simulated:
    """Implements `Source`. Nothing is stored: every read simulates anew, and always the same bits."""

    def __init__(self, parameters: SimulatedParameters) -> None:
        """Raises BadInput when the parameters give no grid."""
        self.parameters = parameters
        self.failures: list[tuple[str, str]] = []
        """Nothing simulated ever fails."""
        self._grid = grid_of(parameters)
        self._looks: dict[Scene, Look] | None = None

    def grid(self) -> Grid:
        """The grid of the parameters."""
        return self._grid

    def manifest(self, first_day: int, last_day: int, area: Grid | None = None) -> tuple[Row, ...]:
        """The scenes of first_day <= day < last_day, days since 1970, in canonical order."""
        looks = (look for look in self._known().values() if first_day <= look.scene.day < last_day)
        return tuple(Row(look.scene, look.sensor, added=look.added) for look in looks)

    def read(self, grid: Grid, rows: Sequence[Row], bands: Sequence[str]) -> Raw:
        """Stored numbers, uint16 or (radar) float32, of these rows of one sensor (canonical order) and bands on this grid.

        OBSERVED inside the source's own grid, cloud or not: that is for `prepare` to see in the quality band. OUTSIDE
        elsewhere, with nodata. Raises UnknownBand, NoImagery for a scene that is not in the manifest, and GridMismatch
        for a grid on another lattice.
        """
        family = rows[0].sensor if rows else "landsat-c2l2"
        for band in bands:
            if band not in OFFERED[family]:
                raise UnknownBand(f"simulated source: no band {band!r}; {family} has {', '.join(OFFERED[family])}")
        looks = [self._look(row.scene) for row in rows]
        sensor = SENSORS[family]
        shape = (len(rows), len(bands), *grid.shape)
        values = np.full(shape, sensor.nodata, np.float32 if sensor.unit == "power" else np.uint16)
        if family == "landsat-c2l2" and sensor.qa_band in bands:
            values[:, bands.index(sensor.qa_band)] = LANDSAT_FILL
        observation = np.full((len(rows), *grid.shape), Observation.OUTSIDE, np.uint8)
        inner = self._inner(grid)
        if inner is not None:
            self._fill(grid.window(*inner), looks, bands, values[:, :, *_slices(inner)])
            observation[:, *_slices(inner)] = Observation.OBSERVED
        added = tuple(float(look.added) for look in looks)
        return Raw(grid, tuple(row.scene for row in rows), tuple(bands), values, observation, added)

    def _fill(self, part: Grid, looks: "Sequence[Look]", bands: Sequence[str], out: np.ndarray) -> None:
        from detection.simulator import optical, radar
        from detection.simulator.landscape import landscape

        site, land = self.parameters.site, landscape(self.parameters.site, part.pad(1))
        for plane, look in zip(out, looks, strict=True):
            if look.sensor == "sentinel-1-rtc":
                plane[...] = radar.shoot(site, land, look, bands)
            else:
                plane[...] = optical.shoot(site, land, look, bands).numbers

    def _inner(self, grid: Grid) -> tuple[int, int, int, int] | None:
        """(row, column, rows, columns) of the grid's cells that lie inside the source's own grid; None for none."""
        row, column = grid.offset(self._grid)
        top, left = max(row, 0), max(column, 0)
        bottom, right = min(row + self._grid.shape[0], grid.shape[0]), min(column + self._grid.shape[1], grid.shape[1])
        return (top, left, bottom - top, right - left) if top < bottom and left < right else None

    def _known(self) -> "dict[Scene, Look]":
        """Every look of the source, in canonical order."""
        if self._looks is None:
            from detection.simulator.orbits import looks

            mine = self.parameters
            orbits = {int(orbit) for orbit in mine.orbits}
            every = looks(mine.site, to_day(mine.start), to_day(mine.end), mine.sensors)
            self._looks = {look.scene: look for look in every if not orbits or look.orbit in orbits}
        return self._looks

    def _look(self, scene: Scene) -> "Look":
        found = self._known().get(scene)
        if found is None:
            raise NoImagery(f"simulated source: no scene {scene.id}; ask its manifest for those there are")
        return found


def span() -> tuple[date, date]:
    """First and last day (itself left out) of which something is simulated."""
    land = world().land
    return date(land.epoch + 1, 1, 1), date(land.last_year + 1, 1, 1)


def truth(parameters: SimulatedParameters) -> "Truth":
    """What really happens in the grid and the period of the parameters."""
    from detection.simulator.truth import truth_of

    return truth_of(parameters.site, grid_of(parameters), parameters.start, parameters.end)


def grid_of(parameters: SimulatedParameters) -> Grid:
    """The grid: what the parameters leave out is the region's."""
    place, shape = parameters.site.place, (parameters.rows, parameters.columns)
    west = place.corner[0] if parameters.west is None else parameters.west
    north = place.corner[1] if parameters.north is None else parameters.north
    return Grid(parameters.crs or place.crs, west, north, parameters.resolution, shape)


def _slices(inner: tuple[int, int, int, int]) -> tuple[slice, slice]:
    top, left, rows, columns = inner
    return slice(top, top + rows), slice(left, left + columns)
