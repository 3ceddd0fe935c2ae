"""The tables of a report of a territory: every figure with what it rests on."""

from collections.abc import Iterator, Mapping, Sequence
from math import fsum
from typing import Final

from detection.codes import CHANGE_TYPES, DRIVERS
from jobs.notify.message import DRIVERS as DRIVER_NAMES
from jobs.notify.message import TYPES, away
from jobs.notify.notice import Nearby
from jobs.reports.parts import Cell, Column, Table, coded
from jobs.reports.restoration.wording import AREA_COURSES
from jobs.reports.territory.alerts import OPEN, STATES, Alerts, Within
from jobs.reports.territory.change import History
from jobs.reports.territory.found import Found
from jobs.reports.territory.restored import Restoration
from jobs.words import Words, _

AGES: Final = ((1, 4), (5, 9), (10, 19), (20, None))
"""First and last age of regrowth, years, that are told together; None: and more (chosen)."""
STATUS: Final = {
    "confirmed": _("confirmed"),
    "provisional": _("a first sign, not confirmed yet"),
    "finished": _("real, and over"),
    "expired": _("taken back: later images do not show it"),
    "retracted": _("taken back: new data show no change"),
    "rejected": _("rejected by people who looked"),
    "merged": _("part of another alert"),
}
"""Status of an alert -> in words."""
KINDS: Final = {
    "tree_cover_loss": _("forest cleared"),
    "degradation": _("forest hurt that still stands"),
    "peat_disturbance": _("forest on peat disturbed"),
    "natural_loss": _("forest lost to storm, river or slope"),
    "other": _("probably no harm: river, bamboo, cloud"),
    "unclassified": _("kind not known"),
}
"""Type of change -> in words, within a sentence."""
FEW: Final = 10
"""Registered areas that are printed; more are in the files alone (chosen: two sheets hold no more)."""
PRINTED: Final = 7
"""Columns of alerts that the page has; the others are for programs."""
REGROWTH: Final = {
    "regrowth_1_4": _("regrowth of 1 to 4 years"),
    "regrowth_5_9": _("regrowth of 5 to 9 years"),
    "regrowth_10_19": _("regrowth of 10 to 19 years"),
    "regrowth_20": _("regrowth of 20 years and more"),
}
MEASURES: Final[Mapping[str, str]] = {
    "territory": _("the whole territory"),
    "not_on_map": _("of it outside of the map"),
    "not_seen": _("not seen well enough"),
    "never_forest": _("never forest since the map begins"),
    "forest_watched": _("forest that was watched"),
    "loss_mapped": _("loss on the map"),
    "loss_estimated": _("loss, estimated"),
    "loss_mapped_all_years": _("loss on the map, all years told"),
    "loss_estimated_checked_years": _("loss, estimated, all years that were checked"),
    **{f"loss_{kind}": text for kind, text in KINDS.items()},
    **{f"loss_by_{driver}": DRIVER_NAMES[driver] for driver in DRIVERS},
    "peat": _("on peat"),
    "peat_not_said": _("the layer of peat says nothing"),
    "loss_on_peat": _("loss on peat, all years told"),
    "regrowth": _("regrowth that stands"),
    **REGROWTH,
    **{f"alerts_{status}": text for status, text in STATUS.items()},
    **{f"open_{kind}": text for kind, text in KINDS.items()},
    "restoration": _("under restoration, each place once"),
    "restoration_claimed": _("under restoration, as the areas add up"),
    "restoration_claimed_twice": _("claimed by more than one area"),
}
"""What a row of `territory_facts` measures -> in words."""
PARTS: Final = {
    "area": _("outline"),
    "history": _("map of loss"),
    "checked": _("check of the map elsewhere"),
    "alerts": _("alerts"),
    "peat": _("map of peat"),
    "register": _("register of restoration"),
    "recovery": _("how restored areas do"),
    "overlay": _("rivers, roads and places"),
}
"""Part of the report -> in words."""
NOTES: Final = {
    "outline": _("measured on the outline"),
    "mapped": _("counted on the map, no estimate"),
    "estimated": _("mapped, and corrected as the check elsewhere says"),
    "model": _("by the word of a model"),
    "satellite": _("as the alerts say"),
    "registered": _("as the registers say"),
}
"""How a figure was made -> in words."""
FACTS: Final = (
    Column("measure", "", _("What was measured"), says=coded(MEASURES)),
    Column("year", "", _("Year; empty: no single one"), 0),
    Column("hectares", "ha", _("Hectares")),
    Column("low", "ha", _("Interval from")),
    Column("high", "ha", _("Interval to")),
    Column("source", "", _("What it rests on"), says=coded(PARTS)),
    Column("note", "", _("How it was made"), says=coded(NOTES)),
)
RESTORED: Final = (
    Column("register", "", _("Register")),
    Column("id", "", _("Area")),
    Column("name", "", _("Name")),
    Column("year_start", "", _("Work began"), 0),
    Column("year_end", "", _("Work ended"), 0),
    Column("hectares", "ha", _("Within the territory")),
    Column("area_ha", "ha", _("All of it")),
    Column("begun", "", _("Has it begun")),
    Column("course", "", _("How it does"), says=coded(AREA_COURSES)),
)
SOURCES: Final = (
    Column("part", "", _("Part of this report"), says=coded(PARTS)),
    Column("file", "", _("File")),
    Column("about", "", _("What it is")),
    Column("run", "", _("Run that made it")),
    Column("first", "", _("Speaks from")),
    Column("last", "", _("until")),
    Column("simulated", "", _("Says that it is simulated")),
    Column("sha256", "", _("Checksum"), page=False),
)


def tables(found: Found) -> Iterator[Table]:
    """All that there are."""
    if found.alerts is not None:
        columns, told = _columns(found.alerts), tuple(map(_alert, found.alerts.alerts))
        newest = tuple(_alert(one)[:PRINTED] for one in found.alerts.of(OPEN)[: found.asked.newest])
        yield Table("territory_newest", _("Newest open alerts"), columns[:PRINTED], newest, paper=True)
        yield Table("territory_alerts", _("All alerts, the newest first"), columns, told, _alert_notes)
    yield Table("territory_facts", _("Figures of this report, and what each rests on"), FACTS, tuple(_facts(found)))
    if found.restoration is not None:
        rows = tuple(_restored(found.restoration))
        yield Table(
            "territory_restoration", _("Registered areas under restoration"), RESTORED, rows, paper=len(rows) <= FEW
        )
    yield Table("territory_sources", _("Where the figures come from"), SOURCES, tuple(_sources(found)))


def _columns(alerts: Alerts) -> tuple[Column, ...]:
    """Of `territory_alerts`: PRINTED and what only files have."""
    near = {_near(one.near): one.near for one in alerts.alerts if one.near is not None}
    return (
        Column("short_code", "", _("Code")),
        Column("first_detected", "", _("Alert since")),
        Column("status", "", _("What stands of it"), says=coded(STATUS)),
        Column("hectares", "ha", _("Within the territory")),
        Column("change_type", "", _("What it seems to be"), says=coded(TYPES)),
        Column("near", "", _("Where"), says=lambda said, words: away(near[said], words) if said in near else ""),
        Column("utm", "", _("UTM, as a GPS shows it")),
        Column("change_date", "", _("First look that shows it"), page=False),
        Column("review_status", "", _("What people said"), page=False),
        Column("driver", "", _("Who or what did it, by the word of a model"), page=False),
        Column("area_ha", "ha", _("All of it"), page=False),
        Column("lon", "", _("Degrees east"), page=False),
        Column("lat", "", _("Degrees north"), page=False),
        Column("id", "", _("Id"), page=False),
    )


def _near(near: Nearby | None) -> str | None:
    """Which way and how far from a named place, for files; the page has it in words."""
    return None if near is None else f"{near.direction} {near.distance_m:.0f} m: {near.kind} {near.name}"


def _alert_notes(words: Words) -> Sequence[str]:
    return (words.say(_("Hectares are those within the territory: of an alert on its edge only that part counts.")),)


def _facts(found: Found) -> Iterator[tuple[Cell, ...]]:
    yield "territory", None, found.territory.hectares, None, None, "area", "outline"
    if found.history is not None:
        yield from _history(found, found.history)
    if found.sums.peat is not None:
        yield "peat", None, found.sums.peat, None, None, "peat", "mapped"
        yield "peat_not_said", None, found.sums.peat_unsaid, None, None, "peat", "mapped"
    if found.alerts is not None:
        yield from _by_status(found.alerts)
    if (made := found.restoration) is not None:
        yield "restoration", None, made.union_ha, None, None, "register", "registered"
        yield "restoration_claimed", None, made.claimed_ha, None, None, "register", "registered"
        yield "restoration_claimed_twice", None, made.shared_ha, None, None, "register", "registered"


def _history(found: Found, history: History) -> Iterator[tuple[Cell, ...]]:
    sums, years = found.sums, found.years
    seen = (("not_on_map", sums.beyond), ("not_seen", sums.blind), ("never_forest", sums.never))
    for name, area in (*seen, ("forest_watched", sums.watched)):
        yield name, None, area, None, None, "history", "mapped"
    for year in years:
        yield "loss_mapped", year, sums.lost([year]), None, None, "history", "mapped"
    yield "loss_mapped_all_years", None, sums.lost(years), None, None, "history", "mapped"
    yield from _estimated(found)
    if "change_type" in history.rasters:
        for kind in CHANGE_TYPES:
            yield f"loss_{kind}", None, sums.lost(years, kind), None, None, "history", "model"
    for driver in DRIVERS:
        if area := fsum(area for one, area in sums.losses.items() if one.year in years and one.driver == driver):
            yield f"loss_by_{driver}", None, area, None, None, "history", "model"
    if sums.peat is not None:
        yield "loss_on_peat", None, sums.lost(years, on_peat=True), None, None, "history", "mapped"
    if "regrowth_age" in history.rasters and history.archive is not None:
        yield "regrowth", history.archive[1], fsum(sums.regrowth.values()), None, None, "history", "mapped"
        for name, (least, most) in zip(REGROWTH, AGES, strict=True):
            area = fsum(a for age, a in sums.regrowth.items() if age >= least and (most is None or age <= most))
            yield name, history.archive[1], area, None, None, "history", "mapped"


def _estimated(found: Found) -> Iterator[tuple[Cell, ...]]:
    """Of the years in which the map has a loss: nought times anything is nought, which nobody knows to be so."""
    whole = found.estimate
    if found.checked is None or whole is None:
        return
    for year in found.checked_years:
        if mapped := found.sums.lost([year]):
            one = found.checked.of(mapped)
            yield "loss_estimated", year, one.value, one.low, one.high, "checked", "estimated"
    yield "loss_estimated_checked_years", None, whole.value, whole.low, whole.high, "checked", "estimated"


def _by_status(alerts: Alerts) -> Iterator[tuple[Cell, ...]]:
    for status in STATES:
        if some := alerts.of([status]):
            yield f"alerts_{status}", None, fsum(one.hectares for one in some), None, None, "alerts", "satellite"
    for kind, area in alerts.kinds:
        yield f"open_{kind}", None, area, None, None, "alerts", "model"


def _alert(one: Within) -> tuple[Cell, ...]:
    changed = one.changed.isoformat() if one.changed else None
    return (
        one.code, one.detected.isoformat(), one.status, one.hectares, one.change_type, _near(one.near), one.utm, changed,
        one.review or None, one.driver or None, one.whole_ha, *one.lonlat, one.id,
    )  # fmt: skip


def _restored(made: Restoration) -> Iterator[tuple[Cell, ...]]:
    for one in made.areas:
        yield one.register, one.id, one.name, *one.years, one.hectares, one.whole_ha, one.begun, one.course or None


def _sources(found: Found) -> Iterator[tuple[Cell, ...]]:
    for one in found.sources:
        yield (
            one.part, one.named, one.about or None, one.run or None, one.first or None, one.last or None, one.simulated,
            one.sha256,
        )  # fmt: skip
