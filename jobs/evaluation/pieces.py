"""One piece of data with truth: a simulated world, or a table. Opened, it is a stream of looks and what really happened."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detection.accuracy.events import KnownEvent
from detection.accuracy.series import from_columns
from detection.accuracy.stream import RADAR, Panel, Stream
from detection.accuracy.truth import SeriesTruth
from detection.errors import BadInput
from detection.prepare import Prepare
from detection.sources.sensors import SENSORS
from detection.sources.simulated import Simulated, SimulatedParameters, truth
from detection.types import RADAR_PLATFORM, SECONDS_A_DAY, Float, Grid, Row, Scene, to_day
from jobs.clock import now
from jobs.evaluation.asked import SimulatedTruth, TableTruth
from jobs.tables import Table, read_table
from models.stream import planes as planes_of


@dataclass(frozen=True)
class Piece:
    """A part of the data that is opened and judged at once."""

    name: str
    """As it stands in messages."""
    group: tuple[str, str]
    """Region and variant, or the name of the table and nothing: figures are made by group."""
    scene: SimulatedParameters | None = None
    """A simulated world."""
    table: TableTruth | None = None
    """A table with its truth."""


@dataclass(frozen=True)
class Opened:
    """A piece, ready to be judged."""

    stream: Stream
    """What detectors see."""
    truth: SeriesTruth
    """What they do not: one entry a series of the stream, those that are judged marked in `judged`."""
    judged: NDArray[np.int64]
    """(series,) position in the stream of every series of the truth."""
    grid: Grid | None
    """The cells of the stream, row by row; None for a table."""
    ids: tuple[str, ...] = ()
    """Names of the series of a table."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""
    events: tuple[KnownEvent, ...] = ()
    """Losses as events, where cells have neighbours."""


def pieces(name: str, data: SimulatedTruth | TableTruth) -> list[Piece]:
    """All pieces of the data."""
    if isinstance(data, TableTruth):
        return [Piece(name, (data.table.name.split(".")[0], ""), table=data)]
    return [
        Piece(f"{region}, {variant}, seed {seed}", (region, variant), scene=_scene(data, region, variant, seed))
        for variant in data.variants
        for region in data.regions
        for seed in data.seeds
    ]


def _scene(data: SimulatedTruth, region: Any, variant: Any, seed: int) -> SimulatedParameters:
    return SimulatedParameters(
        seed=seed, region=region, variant=variant, sensors=data.sensors, rows=data.cells, columns=data.cells,
        resolution=data.resolution, start=data.start, end=data.end,
    )  # fmt: skip


def open_piece(
    piece: Piece, data: SimulatedTruth | TableTruth, planes: Collection[str], spare: Collection[str] = ()
) -> Opened:
    """Read or simulate a piece; `planes` are what the detectors need, of which a table may lack those that are `spare`.

    Raises BadInput for a truth that does not overlap the data, and as reading does.
    """
    if piece.scene is not None and isinstance(data, SimulatedTruth):
        return _simulated(piece.scene, data, planes)
    if piece.table is not None:
        return _tabled(piece.table, planes, spare)
    raise BadInput(f"{piece.name}: has no data; give a scene or a table")


def _simulated(scene: SimulatedParameters, data: SimulatedTruth, planes: Collection[str]) -> Opened:
    from detection.simulator.truth import series_truth

    source, watched = Simulated(scene), replace(scene, start=data.monitor_from)
    optical = sorted(set(planes) - set(RADAR))
    radar = sorted(set(planes) & set(RADAR))
    rows = source.manifest(to_day(scene.start), to_day(scene.end))
    parts = {
        kind: _panel(source, [r for r in rows if (SENSORS[r.sensor].unit == "power") == wanted], names, data.prepare)
        for kind, names, wanted in (("optical", optical, False), ("radar", radar, True))
        if names
    }
    cells = scene.rows * scene.columns
    stream = Stream(to_day(data.monitor_from), cells, parts.get("optical"), parts.get("radar"))
    told = truth(watched)
    judged = np.flatnonzero(told.forest)
    if not len(judged):
        raise BadInput(f"{scene.region}, seed {scene.seed}: holds no forest when monitoring begins; take another seed")
    left = cells - len(judged)
    notes = (f"{left:,} of {cells:,} cells are no forest when monitoring begins and are not judged",) if left else ()
    events = tuple(
        KnownEvent(e.id, e.start, e.end, e.cells, e.area_ha, e.kind)
        for e in told.events
        if e.change_class in ("loss", "natural loss")
    )
    return Opened(stream, series_truth(scene.site, told), judged, source.grid(), notes=notes, events=events)


def _panel(source: Simulated, rows: Sequence[Row], names: Sequence[str], rules: Prepare) -> Panel:
    """The looks of all rows at all cells, plane by plane, in canonical order."""
    cubes = planes_of(source, rows, names, rules)
    orbit = [int(row.scene.orbit) if row.scene.orbit.isdigit() else -1 for row in rows]
    values = {name: cube.plane(name).reshape(len(rows), -1) for name, cube in cubes.items()}
    return Panel(tuple(row.scene for row in rows), np.array(orbit, np.int16), values)


def _tabled(asked: TableTruth, planes: Collection[str], spare: Collection[str]) -> Opened:
    known, ids, notes = read_truth(asked)
    table = read_table(asked.table, tuple(sorted(set(planes))), today=now().date(), spare=spare)
    place = {ident: i for i, ident in enumerate(table.ids)}
    there = np.array([ident in place for ident in ids])
    if not there.any():
        raise BadInput(
            f"{asked.truth}: none of its {len(ids)} series is in {asked.table.name}, whose first is {table.ids[0]!r}; "
            "give the truth of this table"
        )
    said = [f"{(~there).sum()} series of the truth are not in the table and not judged"] if not there.all() else []
    beyond = len(table.ids) - int(there.sum())
    said += [f"{beyond} series of the table have no truth and are not judged"] if beyond else []
    judged = np.array([place[ident] for ident, here in zip(ids, there, strict=True) if here], np.int64)
    stream = Stream(to_day(asked.monitor_from), len(table.ids), *_of_table(table))
    return Opened(stream, known.take(there), judged, None, table.ids, (*table.notes, *notes, *said))


def _of_table(table: Table) -> tuple[Panel | None, Panel | None]:
    """(optical, radar) looks of a table over the union of their dates; looks of one series and day stay apart."""
    stride = int(table.occurrence.max(initial=0)) + 1
    key = table.days.astype(np.int64) * stride + table.occurrence
    keys, look = np.unique(key, return_inverse=True)
    days, nth = np.divmod(keys, stride)
    instants = days * SECONDS_A_DAY + nth
    orbit = np.full(len(keys), -1, np.int16)
    made: list[Panel | None] = []
    for radar in (False, True):
        names = [c for c in table.columns if (c in RADAR) == radar]
        platform = RADAR_PLATFORM if radar else "unknown"
        scenes = tuple(Scene(int(i), platform, str(int(i))) for i in instants)
        values: dict[str, Float] = {}
        for name in names:
            values[name] = np.full((len(keys), len(table.ids)), np.nan, np.float32)
            values[name][look, table.series] = table.values[:, table.columns.index(name)]
        made.append(Panel(scenes, orbit, values) if names else None)
    return made[0], made[1]


def read_truth(asked: TableTruth) -> tuple[SeriesTruth, tuple[str, ...], list[str]]:
    """(truth, names of its series, notes) of a truth table. Raises BadInput for one that cannot be used."""
    try:
        raw = pd.read_csv(asked.truth, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise BadInput(f"{asked.truth}: is not there; name the table of what happened") from None
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BadInput(f"{asked.truth}: is no table ({error}); give comma-separated UTF-8") from None
    notes, frame = [], raw
    if "primary" in raw:
        frame = raw[raw["primary"].map(_yes)]
        notes = (
            [f"{len(raw) - len(frame)} rows of the truth are not primary and left out"] if len(frame) < len(raw) else []
        )
    if not len(frame):
        raise BadInput(f"{asked.truth}: has no rows to judge by; it must list stable series as well as changed ones")
    columns = {str(name): _column(str(name), frame[name], asked) for name in frame}
    truth = from_columns(columns)
    if not truth.window_loss.any():
        raise BadInput(f"{asked.truth}: no series has a change; nothing can be found in it")
    ids = tuple(dict.fromkeys(frame["series_id"].tolist()))
    edge = truth.observed_until[truth.window_series]
    still = int((truth.window_end >= edge).sum())
    notes += [f"{still} changes are still open on the last judged day"] if still else []
    return truth, ids, notes


FLAGS: Final = ("change", "dated", "ignore", "loss")
DATES: Final = ("change_start", "change_end", "obs_start", "obs_end")
NUMBERS: Final = ("weight", "area_ha", "event_ha")


def _column(name: str, column: "pd.Series[str]", asked: TableTruth) -> NDArray[Any]:
    if name in FLAGS:
        return column.map(_yes).to_numpy(bool)
    if name in DATES:
        when = pd.to_datetime(column.replace("", None), errors="coerce", format="%Y-%m-%d")
        bad = when.isna() & (column != "")
        if bad.any():
            raise BadInput(f"{asked.truth}: {name} {column[bad].iloc[0]!r} is no date; write YYYY-MM-DD")
        return when.to_numpy("datetime64[D]")
    if name in NUMBERS:
        numbers = pd.to_numeric(column.replace("", None), errors="coerce")
        bad = numbers.isna() & (column != "")
        if bad.any():
            raise BadInput(f"{asked.truth}: {name} {column[bad].iloc[0]!r} is no number")
        return numbers.to_numpy(float)
    return column.to_numpy(str)


def _yes(word: str) -> bool:
    return word.strip().lower() in ("true", "1", "yes")
