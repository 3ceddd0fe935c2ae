"""Flagged cells with a known answer: what a model learns from and is judged on.

Whatever they come from, simulated scenes or points that people looked at, they have the same columns and are told of by the same
code as in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import numpy as np
from annotated_types import Ge, Interval, MinLen
from numpy.typing import NDArray

from detection.accuracy.series import Rules
from detection.codes import Turn
from detection.errors import BadInput
from detection.monitors import Looks
from detection.prepare import Prepare
from detection.segments import Method
from detection.sources.simulated import Family, SimulatedParameters, grid_of, truth
from detection.types import Days, Float, Planes, parameters
from models.around import names
from models.cells import changed, moments, tell, whole
from models.kinds import FROM_SIMULATED, NOTHING
from models.stream import Line, cut, looked_at, watch
from models.surroundings import NAMES as AROUND

if TYPE_CHECKING:
    from detection.simulator.truth import Truth

FOUND_BY: Final = Rules()
"""A cell flagged so long before a change began is flagged for it, and so long after one that passes was over: as detectors are
judged."""
BEFORE_DAYS, AFTER_DAYS = FOUND_BY.tolerance_before_days, FOUND_BY.tolerance_after_days
UNJUDGED: Final = ""
"""Answer of a cell of which the truth says that it counts neither way."""
MOST: Final = 25
"""Samples of one event in a scene that are kept, and of cells to which nothing happened likewise (chosen: they are alike, and
count by the root of their number anyway)."""
PLACES: Final = 7_200
"""Metres from one place of a region to the next: seeds of a region look at different ones, five in a row."""
PLACES_A_ROW: Final = 5
ENOUGH: Final = 3
"""Events of one kind in one scene, beyond which more do not make it richer: others are wanted too (chosen)."""
Happens = Literal[
    "clearing", "large-clearing", "peat-clearing", "mining", "road", "logging", "fire", "blowdown", "landslide", "bamboo",
    "palm-felling", "drainage", "river-erosion",
]  # fmt: skip
"""What happens in simulated scenes."""


def features_of(planes: Planes) -> tuple[str, ...]:
    """Names of the columns of samples told of these planes."""
    return (*names(planes.optical, planes.radar), *AROUND)


@parameters
class SimulatedSamples:
    """Simulated scenes to learn from: flagged cells with the simulator's own truth. Never of the blind variant."""

    kind: Literal["simulated"] = "simulated"
    """Where the samples come from."""
    regions: Annotated[tuple[Literal["madre-de-dios", "alto-mayo", "loreto-peatland"], ...], MinLen(1)] = (
        "madre-de-dios",
        "alto-mayo",
        "loreto-peatland",
    )
    """Which simulated places the scenes are like, in turns."""
    seeds: Annotated[tuple[int, ...], MinLen(1)] = (1,)
    """One scene each."""
    cells: Annotated[int, Ge(32)] = 160
    """Cells along one side of a scene."""
    resolution: Literal[10, 20, 30] = 30
    """Cell size, metres."""
    sensors: tuple[Family, ...] = ("landsat", "sentinel-2", "sentinel-1")
    """Which satellites look."""
    start: date = date(2021, 1, 1)
    """First day of history."""
    monitor_from: date = date(2023, 1, 1)
    """First monitored day."""
    end: date = date(2025, 1, 1)
    """Day at which the looks end, itself left out."""
    seek: tuple[Happens, ...] = ()
    """Kinds of event that are rare: a scene lies where most of these happen. Such samples teach what these look like; how common
    they are is learnt from scenes that seek nothing."""
    among: Annotated[int, Interval(ge=1, le=500)] = 40
    """Places of its region that a scene which seeks is chosen from."""

    def __post_init__(self) -> None:
        if len(set(self.seeds)) < len(self.seeds):
            raise BadInput("samples: a seed is named twice; name each once")
        if not self.start < self.monitor_from < self.end:
            raise BadInput(
                f"samples: {self.start}, {self.monitor_from}, {self.end} do not follow each other; put them in order"
            )

    @property
    def scenes(self) -> tuple[SimulatedParameters, ...]:
        """The scenes, one a seed, each at its turn's place: `settled` finds the place of those that seek."""
        return tuple(self._scene(i, seed) for i, seed in enumerate(self.seeds))

    def _scene(self, i: int, seed: int) -> SimulatedParameters:
        scene = SimulatedParameters(
            seed=seed, region=self.regions[i % len(self.regions)], sensors=self.sensors, rows=self.cells,
            columns=self.cells, resolution=self.resolution, start=self.start, end=self.end,
        )  # fmt: skip
        return _moved(scene, i // len(self.regions))

    def settled(self, scene: SimulatedParameters) -> SimulatedParameters:
        """The scene where most of what is sought happens, of as many places in a row as are to be looked at."""
        if not self.seek:
            return scene
        return max((_moved(scene, place) for place in range(self.among)), key=self._richness)

    def _richness(self, scene: SimulatedParameters) -> int:
        """Events of the kinds sought, while monitoring lasts; of one kind no more than ENOUGH count."""
        told = truth(replace(scene, start=self.monitor_from))
        events = {(one.event, one.driver) for one in told.happenings if one.driver in self.seek and not one.ignored}
        return sum(min(ENOUGH, sum(kind == name for _, kind in events)) for name in self.seek)


def _moved(scene: SimulatedParameters, place: int) -> SimulatedParameters:
    """The scene at another place of its region."""
    grid, (row, column) = grid_of(scene), divmod(place, PLACES_A_ROW)
    return replace(scene, west=grid.west + column * PLACES, north=grid.north - row * PLACES)


@dataclass(frozen=True)
class Samples:
    """Flagged cells with their answers. Order: as they were collected."""

    features: tuple[str, ...]
    """Names of the columns."""
    rows: Float
    """(sample, feature) NaN where missing."""
    answer: NDArray[np.str_]
    """(sample,) class, a name of `kinds.KINDS`."""
    stands_for: NDArray[np.float64]
    """(sample,) how many such samples of the world it stands for, as the sampling has it."""
    event: NDArray[np.int64]
    """(sample,) number of what happened: samples of one event are alike and count together."""
    block: NDArray[np.int64]
    """(sample,) number of the spatial block, never parted in cross-validation."""
    region: NDArray[np.str_]
    """(sample,) name of the region."""
    year: NDArray[np.int64]
    """(sample,) calendar year of the change."""
    by_lot: NDArray[np.bool_]
    """(sample,) False where the place was sought because rare things happen there: such samples teach what these look like,
    and say nothing of how common they are."""

    @property
    def many(self) -> int:
        """Number of samples."""
        return len(self.answer)

    @property
    def weight(self) -> NDArray[np.float64]:
        """(sample,) one over the square root of the samples of its event: an event of a hundred cells counts as ten of one."""
        _, place, count = np.unique(self.event, return_inverse=True, return_counts=True)
        return np.asarray(1 / np.sqrt(count[place]), np.float64)

    def take(self, keep: NDArray[Any]) -> "Samples":
        """The samples of this mask or at these positions."""
        cut = {f.name: getattr(self, f.name)[keep] for f in fields(Samples) if f.name != "features"}
        return Samples(self.features, **cut)


def thinned(samples: Samples, most: int = MOST, seed: int = 0) -> Samples:
    """At most so many samples of an event, drawn by lot; those that are kept stand for the others."""
    order = np.random.default_rng(seed).permutation(samples.many)
    _, place, count = np.unique(samples.event[order], return_inverse=True, return_counts=True)
    sorted_ = np.argsort(place, kind="stable")
    begins = np.cumsum(count) - count
    rank = np.empty(samples.many, np.int64)
    rank[sorted_] = np.arange(samples.many) - begins[place[sorted_]]
    kept = np.sort(order[rank < most])
    made, whole = samples.take(kept), dict(zip(*np.unique(samples.event, return_counts=True), strict=True))
    # an event counts as the root of its samples, whether they are all there or not
    stands = made.stands_for * np.array([(whole[e] / min(whole[e], most)) ** 0.5 for e in made.event])
    return replace(made, stands_for=stands)


def join(parts: Sequence[Samples]) -> Samples:
    """One after the other; raises BadInput for none, or for samples of other features."""
    if not parts:
        raise BadInput("samples: there are none; name at least one source of samples")
    if len({part.features for part in parts}) > 1:
        raise BadInput("samples: their features differ; collect all of them with the same planes")
    cut = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Samples) if f.name != "features"}
    return Samples(parts[0].features, **cut)


def levelled(samples: Samples) -> Samples:
    """The samples with what they stand for such that every class is as common as at places chosen by lot.

    A class met nowhere by lot is given half an event: it is rarer than could be seen.
    """
    if samples.by_lot.all() or not samples.by_lot.any():
        return samples
    weight, stands = samples.weight * samples.stands_for, samples.stands_for.copy()
    for name in np.unique(samples.answer):
        mine = samples.answer == name
        here, all_ = weight[mine & samples.by_lot].sum(), weight[mine].sum()
        if not here:
            here = all_ / len(np.unique(samples.event[mine])) / 2
        stands[mine] *= here / all_
    return replace(samples, stands_for=stands)


def simulated(scene: SimulatedParameters, line: Line, wanted: Planes, number: int, lot: bool = True) -> Samples:
    """The cells that a detector flags in a scene, each with what the truth says; number: of the scene, its block; lot: as
    `Samples.by_lot`."""
    seen = watch(looked_at(scene, line.prepare, line.detector.monitor, told=wanted), line)
    found = moments(seen.log, seen.cube.scenes)
    told = tell(seen.looks, seen.cube.planes, seen.cube.grid, found, wanted)
    made = labelled(whole(told, seen.ground), found, truth(scene), (scene.region, number), features_of(wanted), lot)
    return thinned(made)


def archived(
    scene: SimulatedParameters,
    rules: Prepare,
    method: Method,
    planes: Planes,
    wanted: Planes,
    number: int,
    lot: bool = True,
) -> Samples:
    """The losses that a method finds in the archive of a scene, each with what the truth says; planes: what it is cut by."""
    seen = cut(looked_at(scene, rules, planes=planes), method)
    cube = seen.cube
    losses = seen.found.changes[seen.found.changes["turn"] == Turn.LOSS]
    found = changed(losses, int(cube.days[-1]))
    told = tell(Looks.of(cube), cube.planes, cube.grid, found, wanted)
    made = labelled(whole(told, seen.ground), found, truth(scene), (scene.region, number), features_of(wanted), lot)
    return thinned(made)


def labelled(
    rows: Float,
    found: NDArray[Any],
    known: "Truth",
    place: tuple[str, int],
    features: tuple[str, ...],
    lot: bool = True,
) -> Samples:
    """The rows with what the truth says of them; those that count neither way are left out. lot: as `Samples.by_lot`."""
    answer, happened = answers(known, found["pixel"], found["decided"])
    weight = np.where(happened >= 0, known.weight.ravel()[found["pixel"]], 1.0)
    region, number = place
    event = np.where(happened >= 0, happened, -1) + (number << 20)
    year = (found["broke"].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)) + 1970
    many = len(answer)
    made = Samples(
        features,
        rows,
        answer,
        weight.astype(np.float64),
        event,
        np.full(many, number, np.int64),
        np.full(many, region),
        year,
        np.full(many, lot),
    )
    return made.take(answer != UNJUDGED)


def answers(known: "Truth", pixel: NDArray[Any], day: Days) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """What happened at cells by a day, as classes, and its number, -1 for nothing. UNJUDGED where the truth does not count it,
    or the cell was no forest.

    Of several things the loss counts before what was none, and then the latest.
    """
    size = known.forest.size
    events = {name: i for i, name in enumerate(dict.fromkeys(h.event for h in known.happenings))}
    best = np.full(len(pixel), -1, np.int64)
    rank = np.full(len(pixel), -1, np.int64)
    void = ~known.forest.ravel()[pixel]
    here = np.zeros(size, np.bool_)
    for i, one in enumerate(known.happenings):
        here[one.cells] = True
        mine = np.flatnonzero(here[pixel])
        here[one.cells] = False
        harm = one.change != "not loss"
        within = (day[mine] >= one.start - BEFORE_DAYS) & (harm | (day[mine] <= one.end + AFTER_DAYS))
        mine = mine[within]
        void[mine] |= one.ignored
        order = (int(harm) << 40) + one.start
        better = mine[rank[mine] < order]
        best[better], rank[better] = i, order
    kinds = np.array([FROM_SIMULATED[h.driver] for h in known.happenings] or [NOTHING])
    numbers = np.array([events[h.event] for h in known.happenings] or [0], np.int64)
    named = np.where(best >= 0, kinds[best], NOTHING)
    return np.where(void, UNJUDGED, named), np.where(best >= 0, numbers[best], -1)
