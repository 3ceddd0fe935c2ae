"""One tile of an archive, in a worker: read, prepare, cut into segments. What comes of it is one file, named by its inputs.

A file that is there is whole and never changes: whoever asks for the same again takes it as it is.
"""

import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection import areas
from detection.codes import Observation, Segmented
from detection.context import forest
from detection.monitors import Looks
from detection.patches import on_lattice
from detection.patches.yearly import CELL_CHANGE
from detection.prepare.passes import once
from detection.segments import Aftermath, Segments, history
from detection.types import Cube, Grid, Mask, digest
from jobs.history.maps import NOTHING, Layers, maps
from jobs.history.scratch import Scratch
from jobs.history.standing import CELL_STAND, standing
from jobs.history.word import Heard, heard, nothing, packed, together, unpacked
from jobs.history.yearly import Levels, joined, levels, period
from jobs.outputs import publish
from jobs.plan import HistoryPlan, TilePlan
from jobs.tile import near, read_batches, source_of

SUFFIX: Final = ".npz"
BLIND: Final = (Segmented.NO_LOOK, Segmented.TOO_FEW_LOOKS)
"""What a scene that could not be read may have hidden."""


@dataclass(frozen=True)
class Task:
    """What a worker needs to know."""

    run: str
    """Whose source serves it."""
    plan: HistoryPlan
    """The job."""
    tile: TilePlan
    """The piece."""
    folder: Path
    """Where results lie."""
    key: str
    """Digest of all that the result follows from: `key_of`."""
    turn: Callable[[], AbstractContextManager[object]] = field(default=nullcontext, compare=False)
    """Entered around requests that a provider limits for the project as a whole (`Traffic.turn`)."""

    @property
    def name(self) -> str:
        """Id of the tile."""
        return self.tile.id

    @property
    def file(self) -> Path:
        """Where its result lies once every scene could be read."""
        return self.folder / f"{self.tile.id}-{self.key}{SUFFIX}"


@dataclass(frozen=True)
class Done:
    """A tile whose archive is cut up."""

    file: Path
    """Its result."""
    unread: dict[str, str] = field(default_factory=dict)
    """Scene id -> why it could not be read: the next run tries again."""
    lacking: dict[str, str] = field(default_factory=dict)
    """Scene id -> which band the provider does not have of it."""


@dataclass(frozen=True)
class Result:
    """What a tile's file holds."""

    layers: Layers
    """(y, x) by name of the layer."""
    changes: NDArray[Any]
    """CELL_CHANGE rows."""
    stands: NDArray[Any]
    """CELL_STAND rows: the regrowth that stands."""
    heard: Heard
    """What it tells a model of its losses."""
    levels: Levels
    """The index year by year, of the years of its own scenes."""
    lacking: dict[str, str] = field(default_factory=dict)
    """As in `Done`."""


def key_of(plan: HistoryPlan, tile: Grid, code: str) -> str:
    """First 16 digits of the digest of what a tile's result follows from; code: version of the program."""
    mine = plan.config
    scenes = [(row.scene.id, row.baseline) for row in near(plan, tile)[0]]
    area = None if plan.area is None else plan.area.wkb_hex
    parts = (mine.segments, mine.annual, mine.recovery, mine.sources, plan.told)
    method = [part and asdict(part) for part in parts]
    return digest([asdict(tile), scenes, area, plan.processing, method, code])[:16]


def segment(task: Task) -> Done:
    """Read the archive of a tile and cut it up."""
    plan, grid = task.plan, task.tile.grid
    rows, _ = near(plan, grid)
    unread: dict[str, str] = {}
    lacking: dict[str, str] = {}
    covered = np.zeros(grid.shape, np.bool_)
    with Scratch(task.folder, grid, plan.planes, [row.scene for row in rows]) as scratch:
        for read in read_batches(plan, grid, source_of(task), rows):
            scratch.write(read.cube)
            covered |= (read.cube.observation != Observation.OUTSIDE).any(0)
            unread, lacking = unread | read.unread, lacking | read.lacking
        inside = areas.inside(plan.area, grid) & (covered | bool(unread))
        years = period([row.scene for row in rows])
        result = _joined([_cut(plan, band, _part(inside, grid, band.grid), years) for band in scratch.bands()])
    if unread:
        blind = np.isin(result.layers["segmented"], BLIND)
        result.layers["segmented"][blind] = Segmented.FAILED
        task = replace(task, key=digest([task.key, sorted(unread)])[:16])
    publish(task.file, _encoded(replace(result, lacking=lacking)))
    return Done(task.file, unread, lacking)


def _cut(plan: HistoryPlan, band: Cube, inside: Mask, years: range) -> Result:
    """What is said of a band of rows."""
    looks, config = Looks.of(once(band)), plan.config
    found, after = judged(plan, looks, inside, forest(config.context, band.grid))
    shaped = {name: layer.reshape(band.grid.shape) for name, layer in maps(found, after).items()}
    stands = standing(config.recovery, looks, config.names, after, _sign(plan), config.annual)
    said = nothing(band.grid) if plan.told is None else heard(band, looks, found, plan.told)
    changes, stood = on_lattice(found.changes, band.grid, CELL_CHANGE), on_lattice(stands, band.grid, CELL_STAND)
    return Result(shaped, changes, stood, said, levels(plan, looks, inside, years))


def _sign(plan: HistoryPlan) -> int:
    """+1 where loss lowers the leading plane, -1 where it raises it."""
    return 1 if plan.config.prepare.loss == "lowers" else -1


def judged(plan: HistoryPlan, looks: Looks, inside: Mask, baseline: Mask | None) -> tuple[Segments, Aftermath]:
    """The segments of a row of pixels and what came after their losses.

    inside and baseline (forest or not; None: not known) are (y, x).
    """
    config = plan.config
    wanted = inside if baseline is None else inside & baseline
    method, recovery = config.segments, config.recovery
    found, after = history(method, recovery, looks, config.names, wanted.ravel(), _sign(plan), config.annual)
    status = np.where((inside & ~wanted).ravel(), np.uint8(Segmented.NOT_FOREST), found.status)
    return replace(found, status=status), after


def _part(layer: Mask, whole: Grid, part: Grid) -> Mask:
    row, column = whole.offset(part)
    return layer[row : row + part.shape[0], column : column + part.shape[1]]


def _joined(bands: Sequence[Result]) -> Result:
    layers = {name: np.concatenate([band.layers[name] for band in bands]) for name in NOTHING}
    changes, stands = (np.concatenate([getattr(band, n) for band in bands]) for n in ("changes", "stands"))
    return Result(
        layers, changes, stands, together([band.heard for band in bands]), joined([band.levels for band in bands])
    )


def _encoded(result: Result) -> bytes:
    """As numpy's compressed archive, whose parts carry checksums."""
    buffer = BytesIO()
    found = {"changes": result.changes, "stands": result.stands, "lacking": np.array(json.dumps(result.lacking))}
    index = {"index": result.levels.stored, "index_first": np.array(result.levels.first, np.int32)}
    arrays: dict[str, Any] = {**result.layers, **packed(result.heard), **found, **index}
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_result(file: Path, grid: Grid) -> Result | None:
    """What was written of a tile; None where it is missing or damaged, and must be made again."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as found:
            layers = {name: found[name] for name in NOTHING}
            lacking = json.loads(str(found["lacking"]))
            index = Levels(int(found["index_first"]), found["index"])
            return Result(layers, found["changes"], found["stands"], unpacked(found, grid), index, lacking)
    except (FileNotFoundError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
