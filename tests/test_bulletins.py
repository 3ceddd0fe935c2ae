"""Summaries and blindness: said once, taken back, never mistaken for quiet."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from noticesetup import PLACE, notice
from shapely import STRtree, box

from detection.alerts import activity
from detection.types import Grid, to_day
from jobs.database import default_url, open_database
from jobs.ledger import Tile
from jobs.notify import noticeboard
from jobs.notify.bulletin_words import data, lines, short, title
from jobs.notify.bulletins import Before, Bulletin, Seen, Watch, decided, seen_in
from jobs.notify.channels.gateway import septets
from jobs.notify.channels.result import Outcome
from jobs.notify.notice import Notice, Overlap
from jobs.notify.sectors import NEVER, WHOLE, Sector, sectors
from jobs.notify.sender import drain
from jobs.overlays import Known, Opened, Overlay, Overlays
from jobs.state import Generation
from jobs.words import Words

LIMA = ZoneInfo("America/Lima")
WATCH = Watch(to=("jefatura",))
MONDAY = date(2024, 6, 3)
AT = datetime(2024, 6, 3, 13, tzinfo=UTC)
"""Eight in the morning of a Monday in Lima."""
SEVEN = time(7)


def seen(since: date | None = MONDAY, ident: str = "", **changes: Any) -> Seen:
    made = Seen(
        ident, f"Sector {ident}" if ident else "", since, 0.1, 1000, blind=since is None or since < date(2024, 5, 4)
    )
    return replace(made, **changes)


def told(
    sectors: Sequence[Seen],
    before: Before | None = None,
    at: datetime = AT,
    watch: Watch = WATCH,
    since: date = date(2024, 1, 1),
) -> tuple[list[Bulletin], list[tuple[str, str]]]:
    known = {"jefatura": before} if before else {}
    return decided(watch, "note", {"jefatura": LIMA}, sectors, known, at, SEVEN, since, simulated=False)


def test_a_sector_has_been_seen_since_the_day_from_which_on_enough_of_it_was() -> None:
    sector = Sector("a", "A", {NEVER: 10, 100: 40, 110: 30, 120: 20})
    assert [to_day(day) if (day := sector.seen_since(share)) else None for share in (0.2, 0.5, 0.51, 0.9, 0.91)] == [
        120, 110, 100, 100, None,
    ]  # fmt: skip
    day = date(1970, 1, 1) + timedelta(days=110)
    assert sector.unseen(day) == 0.5 and sector.cells == 100
    nothing = Sector("b", "B")
    assert nothing.seen_since(0.5) is None and nothing.unseen(day) == 0 and nothing.cells == 0
    assert Sector("c", "C", {NEVER: 5}).seen_since(0.5) is None


def test_a_sector_knows_its_alerts_and_the_area_all() -> None:
    inside = Overlap("sectors", "1", "other", "N", "Norte", "", "intersects", 0.1, 0.1, 0.0)
    near = replace(inside, feature="S", relation="near", area_ha=0.0)
    there = notice(
        "a" * 8, place=replace(PLACE, overlaps=(inside, near)), status="confirmed", last_detected=date(2024, 1, 5)
    )
    closed = notice("b" * 8, place=replace(PLACE, overlaps=(inside,)), status="finished")
    alerts: list[tuple[Notice, datetime]] = [(there, AT - timedelta(days=4)), (closed, AT)]
    watched = [Sector(name, name, {to_day(MONDAY): 10}) for name in ("N", "S")]
    north, south = seen_in(Watch(to=("a",), sectors="sectors"), watched, alerts, MONDAY, 90)
    assert (north.new, north.open, north.dormant, south.open) == (1, 1, 1, 0)
    (whole,) = seen_in(WATCH, [Sector(WHOLE, "", {to_day(MONDAY): 10})], alerts, MONDAY, 90)
    assert (whole.new, whole.open, whole.blind) == (1, 1, False)
    (later,) = seen_in(WATCH, [Sector(WHOLE, "", {to_day(MONDAY): 10})], alerts, MONDAY + timedelta(days=31), 90)
    assert later.blind and later.new == 0 and later.unseen == 1.0
    assert not seen_in(WATCH, [Sector(WHOLE, "")], [], MONDAY, 90)[0].blind, (
        "where no forest is watched nobody is blind"
    )


@pytest.mark.parametrize(
    ("status", "seen_on", "expected"),
    [
        ("confirmed", date(2024, 6, 1), "active"), ("confirmed", date(2024, 8, 30), "active"),
        ("confirmed", date(2024, 8, 31), "dormant"), ("provisional", date(2024, 5, 31), "unknown"),
        ("provisional", None, "unknown"), ("finished", None, "regrowing"), ("rejected", date(2024, 9, 1), "unknown"),
    ],
)  # fmt: skip
def test_an_alert_is_quiet_only_where_somebody_has_looked(status: str, seen_on: date | None, expected: str) -> None:
    assert activity(notice(status=status).alert, seen_on, 90) == expected


def test_a_summary_is_told_once_a_week_from_monday_morning_on() -> None:
    ((one,), _) = told([seen()])
    assert (one.kind, one.day, one.next_at) == ("weekly", MONDAY, AT)
    assert told([seen()], Before(weeks=frozenset([MONDAY])))[0] == []
    early = AT - timedelta(hours=2)
    ((last,), _) = told([seen()], at=early)
    assert last.day == MONDAY - timedelta(days=7), "before seven it is still last week's"
    assert told([seen()], since=date(2024, 5, 28))[0] == [], "nothing of a week before the notification began"
    assert told([seen()], watch=replace(WATCH, weekly=False))[0] == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_blindness_is_said_once_and_taken_back_once_where_it_was_heard(story: list[tuple[int, bool, bool]]) -> None:
    """story: days that pass, whether the sector is blind then, whether what waits gets through."""
    heard: list[str] = []
    waits: list[str] = []
    words: dict[str, Any] = {}
    at = AT
    for days, blind, through in story:
        at += timedelta(days=days)
        since = date(2024, 1, 1) if blind else at.date()
        made, spared = told([seen(since, "N", blind=blind)], Before(words=words), at, replace(WATCH, weekly=False))
        for one in made:
            assert one.kind == ("blind" if blind else "sighted") and one.next_at >= at
            words[one.sector] = one.kind, False
            waits.append(one.kind)
        if spared:
            assert spared == [("jefatura", "N")] and waits.pop() == "blind", "only what has not left is spared"
            words = {"N": (waits[-1], False)} if waits else {"N": (heard[-1], True)} if heard else {}
        if through:
            heard, waits = heard + waits, []
            words = {sector: (kind, True) for sector, (kind, _) in words.items()}
        told_last = (heard + waits)[-1:] or ["sighted"]
        assert told_last == ["blind" if blind else "sighted"], "what is told is how it is"
    assert heard[::2] == ["blind"] * len(heard[::2]) and heard[1::2] == ["sighted"] * len(heard[1::2])


def bulletin(kind: str, sectors: Sequence[Seen], simulated: bool = True) -> Bulletin:
    return Bulletin("f" * 32, "jefatura", kind, sectors[0].ident, MONDAY, tuple(sectors), simulated, AT, AT)  # type: ignore[arg-type]


def test_the_letter_of_a_week_by_hand() -> None:
    some = [seen(ident="N", new=2, open=5, dormant=1), seen(date(2024, 4, 1), "S", unseen=0.62)]
    one, words = bulletin("weekly", some, simulated=False), Words("es")
    assert title(one, "Tambopata", words) == "Tambopata: 2 alertas nuevas esta semana; 1 sector sin vista"
    assert [f"{line.about}: {line.said}" if line.about else line.said for line in lines(one, "Tambopata", words)] == [
        (
            "Sector N: 2 alertas nuevas, 5 abiertas en total, 1 de ellas ya quieta; visto con claridad el 3 jun 2024 o después; "
            "10 % de su bosque lleva más tiempo sin verse"
        ),
        "Sector S: 0 alertas nuevas; 63 días sin verse con claridad; 62 % de su bosque lleva más tiempo sin verse",
        "Que no haya alertas de un lugar sin vista no significa que allí no pase nada.",
    ]


@pytest.mark.parametrize("language", ["en", "es"])
def test_all_clear_is_said_of_what_was_seen_alone(language: str) -> None:
    words = Words(language)
    clear = {"en": "all clear", "es": "sin alertas nuevas y todo a la vista"}[language]
    assert clear in title(bulletin("weekly", [seen(ident="N"), seen(ident="S")]), "Tambopata", words)
    for bad in (seen(date(2024, 4, 1), "S"), seen(None, "S"), seen(ident="S", new=1)):
        assert clear not in title(bulletin("weekly", [seen(ident="N"), bad]), "Tambopata", words)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("kind", ["weekly", "blind", "sighted"])
@pytest.mark.parametrize("name", ["N", "Sector de Control y Vigilancia Ñandú €^{} " * 9, "東" * 90])
def test_one_text_message_holds_it_with_the_longest_values(kind: str, language: str, name: str) -> None:
    many = [seen(date(2014, 4, 1), f"{i}", name=name, new=99_999, open=99_999) for i in range(30)]
    said = short(bulletin(kind, many), "Madre de Dios " * 20, Words(language))
    assert 0 < (septets(said) or 999) <= 160
    assert said.startswith({"en": "SIMULATED", "es": "SIMULADO"}[language])
    if kind != "weekly":
        assert "days" in said or "dias" in said or kind == "sighted"


@pytest.mark.parametrize("kind", ["weekly", "blind", "sighted"])
def test_what_a_webhook_says_keeps_to_the_published_schema(kind: str) -> None:
    schema = json.loads((Path(__file__).parents[1] / "docs" / "bulletin.schema.json").read_text(encoding="utf-8"))
    made = data(bulletin(kind, [seen(ident="N"), seen(None, "S")]), "Tambopata", Words("es"))
    Draft202012Validator(schema).validate(json.loads(json.dumps(made)))


def test_bulletins_are_claimed_sent_and_settled_once(tmp_path: Path) -> None:
    engine = open_database(default_url(tmp_path))
    blind = seen(date(2024, 4, 1), "N")
    made, _ = told([blind])
    assert [one.kind for one in made] == ["weekly", "blind"]
    assert noticeboard.put(engine, "note", made, ()) == 2 and noticeboard.put(engine, "note", made, ()) == 0
    board, got = noticeboard.Board(engine, "note"), []

    def post(claimed: Sequence[Bulletin]) -> Outcome:
        got.extend(claimed)
        return Outcome("again", "busy") if len(got) == 1 else Outcome("sent", "ok")

    assert drain(board, post, now=lambda: AT, chance=lambda: 0.5).again == 1, "the blindness waits for the next morning"
    assert noticeboard.before(engine, "note")["jefatura"] == Before(frozenset([MONDAY]), {"N": ("blind", False)})
    nobody, spared = told([seen(ident="N")], noticeboard.before(engine, "note")["jefatura"])
    assert nobody == [] and spared == [("jefatura", "N")]
    later = AT + timedelta(days=1)
    assert drain(board, post, now=lambda: later, chance=lambda: 0.5).messages == 2
    assert [one.id for one in got][:2] == [made[0].id] * 2, "the same message has the same id"
    again, _ = told([seen(ident="N")], noticeboard.before(engine, "note")["jefatura"], later)
    assert [one.kind for one in again] == ["sighted"]


def test_what_was_not_sent_is_outdone_by_what_came_since(tmp_path: Path) -> None:
    engine = open_database(default_url(tmp_path))
    noticeboard.put(engine, "note", told([seen(date(2024, 4, 1), "N")])[0], ())
    week = AT + timedelta(days=7)
    made, spared = told([seen(week.date(), "N")], noticeboard.before(engine, "note")["jefatura"], week)
    assert [one.kind for one in made] == ["weekly"] and spared == [("jefatura", "N")]
    noticeboard.put(engine, "note", made, spared)
    got: list[Bulletin] = []
    drain(noticeboard.Board(engine, "note"), lambda some: (got.extend(some), Outcome("sent", ""))[1], now=lambda: week)
    assert [(one.kind, one.day) for one in got] == [("weekly", MONDAY + timedelta(days=7))]
    assert noticeboard.standing(engine, "note") == {("jefatura", "passed"): 2, ("jefatura", "sent"): 1}


def test_every_sector_counts_its_own_cells_over_all_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tiles side by side, seen on different days; two sectors that cut across them, and a cell that nobody watches."""
    grid = Grid("EPSG:32719", 0, 120, 30, (4, 4))
    tiles = [Tile(name, 0, column, 4, 2, state=Generation(name, "0" * 64)) for name, column in (("a", 0), ("b", 2))]
    watched = np.ones((4, 2), np.bool_)
    watched[0, 0] = False
    days = {"a": 100, "b": NEVER}
    monkeypatch.setattr(
        "jobs.notify.sectors._last_looks", lambda _, tile, part: (watched, np.full(part.shape, days[tile.id], np.int32))
    )
    layer = Overlay(name="sectors", kind="zone", path=Path("x.geojson"), source="park", version="1")
    shapes = np.array([box(0, 60, 120, 120), box(0, 0, 120, 60)], object)
    opened = Opened(layer, (Known("N", "Norte", ""), Known("S", "", "")), np.array([0, 1]), STRtree(shapes))
    overlays = Overlays(grid.crs, (opened,), ())
    north, south = sectors(tiles, grid, Path(), overlays, "sectors")
    assert (north.name, north.looks, south.name, south.looks) == ("Norte", {100: 3, NEVER: 3}, "S", {100: 4, NEVER: 4})
    (whole,) = sectors(tiles, grid, Path(), overlays, None)
    assert whole.looks == {100: 7, NEVER: 7} and whole.ident == WHOLE
