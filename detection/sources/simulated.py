"""The simulated source: an adapter from the simulator to the `Source` protocol. What it hands over is simulated."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final, Literal

import numpy as np
from annotated_types import Ge, Interval

from detection.codes import Observation
from detection.errors import BadInput, NoImagery, UnknownBand
from detection.simulator.constants import EPOCH, LAST_YEAR
from detection.sources.sensors import SENSORS
from detection.types import ORIGIN_STEP_M, SECONDS_A_DAY, Grid, Raw, Row, Scene, parameters, to_date, to_day

if TYPE_CHECKING:
    from detection.simulator.truth import Truth

# Loading the simulator compiles its kernels, or reads them from numba's cache: that waits until someone looks.

OVERPASS_S: Final = 53_100
"""14:45 UTC, when Landsat passes over Madre de Dios."""
LANDSAT_9_FROM: Final = date(2021, 11, 1)
"""First data of Landsat 9 (launched 27 September 2021); before, every look is called Landsat 8."""
PHASE_DAY: Final = 18_997
"""2022-01-05: a Landsat 8 day. Other looks lie whole revisits away, whatever the period asked for."""
EARLIEST: Final = date(EPOCH + 1, 1, 1)
LATEST: Final = date(LAST_YEAR + 1, 1, 1)
"""The simulator knows the events between."""
SIMULATED_BANDS: Final = ("blue", "green", "red", "nir", "swir1", "swir2", "qa")
"""What it can be asked for."""


@parameters
class SimulatedParameters:
    """A frontier in the Amazon lowland that never was, with known truth. Its scores are simulated scores."""

    kind: Literal["simulated"] = "simulated"
    """What the source is: `simulated` needs no data at all."""
    seed: Annotated[int, Interval(ge=0, lt=2**63)] = 1
    """Another seed, another landscape with another weather and other events."""
    crs: str = "EPSG:32719"
    """UTM zone of the grid, EPSG:327xx (south) or EPSG:326xx (north)."""
    west: int = 360_000
    """Easting of the upper-left corner, metres, a multiple of 60."""
    north: int = 8_594_040
    """Northing of the upper-left corner, metres, a multiple of 60."""
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
    revisit_days: Annotated[int, Ge(1)] = 8
    """Days from one look to the next; Landsat 8 and 9 take turns."""
    sensor: Literal["landsat-c2l2"] = "landsat-c2l2"
    """Sensor family of the numbers: scale, offset and quality bits are those of Landsat Collection 2 level 2."""

    def __post_init__(self) -> None:
        for name, metres in (("west", self.west), ("north", self.north)):
            if metres % ORIGIN_STEP_M:
                near = round(metres / ORIGIN_STEP_M) * ORIGIN_STEP_M
                raise BadInput(f"simulated source: {name} {metres} is not a multiple of {ORIGIN_STEP_M} m; take {near}")
        if self.end <= self.start:
            raise BadInput(f"simulated source: end {self.end} is not after start {self.start}; exchange the two")
        if self.start < EARLIEST or self.end > LATEST:
            raise BadInput(
                f"simulated source: {self.start} to {self.end} is not within {EARLIEST} to {LATEST}; "
                "nothing is simulated outside these years"
            )
        if self.revisit_days < 1:
            raise BadInput(f"simulated source: revisit_days {self.revisit_days} is less than 1; Landsat's is 8")


class Simulated:
    """Implements `Source`. Nothing is stored: every read simulates anew, and always the same bits."""

    def __init__(self, parameters: SimulatedParameters) -> None:
        """Raises BadInput when the parameters give no grid."""
        self.parameters = parameters
        self.failures: list[tuple[str, str]] = []
        """Nothing simulated ever fails."""
        self._grid = _grid(parameters)

    def grid(self) -> Grid:
        """The grid of the parameters."""
        return self._grid

    def manifest(self, first_day: int, last_day: int, area: Grid | None = None) -> tuple[Row, ...]:
        """The scenes of first_day <= day < last_day, days since 1970, in canonical order."""
        return tuple(Row(scene, self.parameters.sensor) for scene in self._scenes(first_day, last_day))

    def _scenes(self, first_day: int, last_day: int) -> tuple[Scene, ...]:
        mine, step = self.parameters, self.parameters.revisit_days
        first, last = max(first_day, to_day(mine.start)), min(last_day, to_day(mine.end))
        return tuple(_scene(day, step) for day in range(first + (PHASE_DAY - first) % step, last, step))

    def read(self, grid: Grid, rows: Sequence[Row], bands: Sequence[str]) -> Raw:
        """Stored numbers, uint16, of these rows (canonical order) and bands on this grid.

        OBSERVED inside the source's own grid, cloud or not: that is for `prepare` to see in the quality band. OUTSIDE
        elsewhere, with nodata. Raises UnknownBand, NoImagery for a scene that is not in the manifest, and GridMismatch
        for a grid on another lattice.
        """
        sensor = SENSORS[self.parameters.sensor]
        for band in bands:
            if band not in SIMULATED_BANDS:
                raise UnknownBand(f"simulated source: no band {band!r}; it has {', '.join(SIMULATED_BANDS)}")
        scenes = tuple(row.scene for row in rows)
        self._check(scenes)
        shape = (len(scenes), len(bands), *grid.shape)
        values = np.full(shape, sensor.nodata, np.uint16)
        if sensor.qa_band in bands:
            values[:, bands.index(sensor.qa_band)] = 1  # bit 0: fill
        observation = np.full((len(scenes), *grid.shape), Observation.OUTSIDE, np.uint8)
        inner = self._inner(grid)
        if inner is not None:
            self._fill(grid.window(*inner), scenes, bands, values[:, :, *_slices(inner)])
            observation[:, *_slices(inner)] = Observation.OBSERVED
        return Raw(grid, scenes, tuple(bands), values, observation)

    def _fill(self, part: Grid, scenes: Sequence[Scene], bands: Sequence[str], out: np.ndarray) -> None:
        from detection.simulator.landscape import landscape
        from detection.simulator.scenes import shoot

        land = landscape(self.parameters.seed, part)
        for plane, scene in zip(out, scenes, strict=True):
            plane[...] = shoot(self.parameters.seed, land, scene.instant, bands).numbers

    def _inner(self, grid: Grid) -> tuple[int, int, int, int] | None:
        """(row, column, rows, columns) of the grid's cells that lie inside the source's own grid; None for none."""
        row, column = grid.offset(self._grid)
        top, left = max(row, 0), max(column, 0)
        bottom, right = min(row + self._grid.shape[0], grid.shape[0]), min(column + self._grid.shape[1], grid.shape[1])
        return (top, left, bottom - top, right - left) if top < bottom and left < right else None

    def _check(self, scenes: Sequence[Scene]) -> None:
        known = set(self._scenes(to_day(self.parameters.start), to_day(self.parameters.end)))
        for scene in scenes:
            if scene not in known:
                raise NoImagery(f"simulated source: no scene {scene.id}; ask its manifest for those there are")


def truth(parameters: SimulatedParameters) -> "Truth":
    """What really happens in the grid and the period of the parameters."""
    from detection.simulator.truth import truth_of

    return truth_of(parameters.seed, _grid(parameters), parameters.start, parameters.end)


def _grid(parameters: SimulatedParameters) -> Grid:
    shape = (parameters.rows, parameters.columns)
    return Grid(parameters.crs, parameters.west, parameters.north, parameters.resolution, shape)


def _scene(day: int, step: int) -> Scene:
    when = to_date(day)
    ninth = (day - PHASE_DAY) // step % 2 == 1 and when >= LANDSAT_9_FROM
    platform, short = ("landsat-9", "LC09") if ninth else ("landsat-8", "LC08")
    return Scene(day * SECONDS_A_DAY + OVERPASS_S, platform, f"SIM_{short}_{when:%Y%m%d}")


def _slices(inner: tuple[int, int, int, int]) -> tuple[slice, slice]:
    top, left, rows, columns = inner
    return slice(top, top + rows), slice(left, left + columns)
