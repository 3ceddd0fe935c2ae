"""The tables of a report of restoration, and its polygons."""

from collections.abc import Iterator, Mapping
from typing import Final

from shapely import MultiPolygon, Polygon

from detection.areas import LONLAT
from jobs.reports.parts import CHECKED, Cell, Column, Layer, Table, coded
from jobs.reports.restoration.courses import AreaCourse
from jobs.reports.restoration.equalarea import Shared
from jobs.reports.restoration.land import Held, Land
from jobs.reports.restoration.outcome import BASELINES, Outcome, Outcomes
from jobs.reports.restoration.recovery import COLUMNS, Course
from jobs.reports.restoration.targets import peru
from jobs.reports.restoration.vocabulary import vocabularies
from jobs.reports.restoration.wording import AREA_COURSES, DOERS, TARGETS
from jobs.words import _

COUNTED: Final = (Course.RECOVERING, Course.STALLED, Course.RECLEARED, Course.UNTOUCHED, Course.NOT_SEEN)
RISEN: Final = (AreaCourse.RECOVERING, AreaCourse.RECLEARED)
"""Courses of areas of which most began to come back in some year."""
TOGETHER: Final = "all registers"
REGISTERS: Final = (
    Column("register", "", _("Register"), says=coded({TOGETHER: _("all registers together")})),
    Column("areas", "", _("Areas"), 0),
    Column("begun", "", _("Of them begun"), 0),
    Column("under_restoration_ha", "ha", _("Under restoration, by itself")),
    Column("shared_ha", "ha", _("Of it claimed by other registers too")),
    Column("repaired", "", _("Outlines that were mended"), 0),
)
PROGRESS: Final = (
    Column("by", "", _("Done by"), says=coded(DOERS)),
    Column("region", "", _("Region")),
    Column("target", "", _("Held against"), says=coded(TARGETS)),
    Column("target_ha", "ha", _("It is so large")),
    Column("done_ha", "ha", _("Done")),
    Column("percent", "%", _("Done of it")),
    Column("left_ha", "ha", _("Left to do")),
    Column("status", "", _("How far the figure was checked"), says=coded(CHECKED)),
)
OVERLAPS: Final = (
    Column("register", "", _("Register")), Column("area_id", "", _("Area")),
    Column("other_register", "", _("Other register")), Column("other_area_id", "", _("Other area")),
    Column("shared_ha", "ha", _("Land that both claim")),
)  # fmt: skip
AREAS: Final = (
    Column("register", "", _("Register")), Column("area_id", "", _("Area")), Column("name", "", _("Name")),
    Column("department", "", _("Department"), page=False), Column("municipality", "", _("Municipality"), page=False),
    Column("year_start", "", _("Begun in"), 0), Column("year_end", "", _("Ends in"), 0, page=False),
    Column("status", "", _("State, as registered"), page=False),
    Column("restoration_type", "", _("Kind, as registered"), page=False),
    Column("area_ha", "ha", _("Hectares, EPSG:6933")),
    Column("committed_ha", "ha", _("Hectares promised"), page=False),
    Column("counted", "", _("Counted as under restoration"), page=False),
    Column("course", "", _("How it does"), says=coded(AREA_COURSES)),
    Column("onset_year", "", _("Began to come back in"), 0), Column("recleared_year", "", _("Cleared again in"), 0),
    Column("measured_ha", "ha", _("Hectares that were measured"), page=False),
    Column("restored_ha", "ha", _("Hectares restored")), Column("recleared_ha", "ha", _("Hectares cleared again")),
    *(
        Column(f"{one.name.lower()}_{end}", "", about, 3, page=False)
        for one in COUNTED
        for end, about in (("share", _("Share of it")), ("low", _("interval from")), ("high", _("interval to")))
    ),
    Column("why_not_measured", "", _("Why it was not measured"), page=False),
)  # fmt: skip
METRICS: Final = {
    "area_id": _("Area"), "metric": _("Figure"), "index": _("Index"), "target_source": _("Where the target comes from"),
    "value": _("Value"), "ci_low": _("interval from"), "ci_high": _("interval to"), "q25": _("A quarter lies below"),
    "q50": _("Half lies below"), "q75": _("Three quarters lie below"), "n_pix": _("Cells"), "recovered": _("Share recovered"),
}  # fmt: skip
BASES: Final = {
    "register": _("Register"), "area_id": _("Area"), "index": _("Index"), "first_year": _("From"), "last_year": _("To"),
    "pixels": _("Cells"), "parameters": _("What counts as recovered"), "imagery": _("Images"), "sha256": _("Checksum"),
}  # fmt: skip


def registers(land: Land) -> Table:
    """One line a register, and all of them together."""
    shared = {one.name: 0.0 for one in land.registers}
    for one in land.between:
        for name in (one.register, one.other_register):
            shared[name] += one.hectares
    started = [land.areas[place][0] for place in land.begun]
    rows: list[tuple[Cell, ...]] = [
        (one.name, len(one.areas), started.count(one.name), land.sums[one.name], shared[one.name], len(one.repairs))
        for one in land.registers
    ]
    if len(rows) > 1:
        mended = sum(len(one.repairs) for one in land.registers)
        rows.append((TOGETHER, len(land.areas), len(land.begun), land.under_restoration, None, mended))
    return Table("restoration_registers", _("Registers"), REGISTERS, tuple(rows), paper=True)


def progress(held: tuple[Held, ...]) -> Table:
    """Every target, every region."""
    status = peru().status
    rows = tuple(
        (one.by, one.region or None, one.progress.target.name, one.progress.target.hectares, one.progress.hectares,
         one.progress.percent, one.progress.left, None if one.region else status)
        for one in held
    )  # fmt: skip
    return Table("restoration_progress", _("Targets and gaps"), PROGRESS, rows)


def overlaps(land: Land) -> Table:
    """Land that is claimed twice, the largest first."""
    rows = [(one.register, one.id, one.other_register, one.other_id, one.hectares) for one in _twice(land)]
    return Table("restoration_overlaps", _("Land that is claimed twice"), OVERLAPS, tuple(rows))


def _twice(land: Land) -> list[Shared]:
    return sorted((*land.between, *land.within), key=lambda one: (-one.hectares, one.register, one.id, one.other_id))


def areas(land: Land, found: Outcomes | None) -> Table:
    """One line an area: those that were cleared again first, then those that do not come back."""
    order = {"recleared": 0, "stalled": 1, "recovering": 2, "untouched": 3}
    rows = list(_areas(land, found))
    rows.sort(key=lambda row: (order.get(str(row[12]), 4), str(row[0]), str(row[1])))
    return Table("restoration_areas", _("Areas, those that want a visit first"), AREAS, tuple(rows), paper=True)


def _areas(land: Land, found: Outcomes | None) -> Iterator[tuple[Cell, ...]]:
    lists, counted = vocabularies(), set(land.begun)
    for place, (register, one) in enumerate(land.areas):
        kind, state = lists.types.get(one.restoration_type or 0), lists.statuses.get(one.status or 0)
        yield (
            register, one.id, one.name, one.department or None, one.municipality or None, one.year_start, one.year_end, state,
            kind, float(land.hectares[place]), one.area_committed, place in counted, *_done(place, found),
        )  # fmt: skip


def _done(place: int, found: Outcomes | None) -> tuple[Cell, ...]:
    one = found.each.get(place) if found else None
    if found is None or one is None:
        course = None if found is None else "not_measured"
        why = None if found is None else found.unmeasured.get(place, "restoration has not begun")
        return (course, *[None] * (5 + 3 * len(COUNTED)), why)
    size = float(one.hectares.sum())
    shares = [one.shares[course] for course in COUNTED]
    ends = [end for share in shares for end in (share.value, share.low, share.high)]
    again = size * (one.shares[Course.RECLEARED].value or 0.0)
    onset = one.onset if one.course in RISEN else None
    recleared = one.recleared if one.course is AreaCourse.RECLEARED else None
    return (one.course.name.lower(), onset, recleared, size, size * one.restored, again, *ends, None)


def recovery(found: Outcomes) -> Table:
    """`recovery_by_polygon`."""
    columns = tuple(Column(name, "", METRICS[name], 3) for name in COLUMNS)
    rows = tuple(line for one in found.each.values() for line in one.lines)
    return Table("recovery_by_polygon", _("Recovery of every area, figure by figure"), columns, rows)


def baselines(land: Land, found: Outcomes) -> Table:
    """What is frozen of every area."""
    columns = tuple(Column(name, "", BASES[name], 0, page=name not in ("parameters", "imagery")) for name in BASELINES)
    rows = tuple(_baseline(land, one, found.archive.imagery) for one in found.each.values())
    return Table("restoration_baselines", _("Baselines, frozen"), columns, rows)


def _baseline(land: Land, one: Outcome, imagery: str) -> tuple[Cell, ...]:
    (register, area), base = land.areas[one.place], one.baseline
    return (
        register, area.id, base.index, base.first, base.last, base.pixels, base.parameters, imagery, base.sha256,
    )  # fmt: skip


def changed(found: Outcomes) -> Table:
    """Baselines that are not what was frozen."""
    columns = (Column("what_differs", "", _("Area, index, and what is not as it was frozen")),)
    return Table(
        "restoration_baselines_changed", _("Baselines that changed"), columns, tuple((one,) for one in found.changed)
    )


def repairs(land: Land) -> Table:
    """Outlines that were mended."""
    columns = (
        Column("register", "", _("Register")), Column("row", "", _("Row"), 0), Column("area_id", "", _("Area")),
        Column("reason", "", _("What was wrong, and where")),
    )  # fmt: skip
    rows = tuple((one.name, fix.row, fix.id, fix.reason) for one in land.registers for fix in one.repairs)
    return Table("restoration_repairs", _("Outlines that were mended"), columns, rows)


def layers(land: Land, found: Outcomes | None) -> Iterator[Layer]:
    """Areas with how they do, and land that is claimed twice."""
    names = [column.name for column in AREAS]
    rows: list[Mapping[str, Cell]] = [dict(zip(names, row, strict=True)) for row in _areas(land, found)]
    drawn = [
        (row, shape) for row, (_name, area) in zip(rows, land.areas, strict=True) if (shape := _polygons(area.geometry))
    ]
    if drawn:
        yield Layer("restoration_areas_map", LONLAT, tuple(row for row, _ in drawn), tuple(shape for _, shape in drawn))
    if twice := _twice(land):
        said = [column.name for column in OVERLAPS]
        values = [(one.register, one.id, one.other_register, one.other_id, one.hectares) for one in twice]
        told: list[Mapping[str, Cell]] = [dict(zip(said, row, strict=True)) for row in values]
        yield Layer("restoration_overlaps_map", LONLAT, tuple(told), tuple(one.polygon for one in twice))


def _polygons(shape: object) -> MultiPolygon | None:
    if isinstance(shape, MultiPolygon):
        return shape
    return MultiPolygon([shape]) if isinstance(shape, Polygon) else None
