"""Facts of pages made by hand: a plain alert, and one that has more of everything than any real one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from modelsetup import alert
from noticesetup import CLOSE, NOON, RESERVE, ZONE

from detection.alerts import Alert
from detection.types import SECONDS_A_DAY, Cube, Grid, Planes, Scene, to_day
from jobs.notify.chips import MARGIN, Chip
from jobs.notify.evidence import Evidence, Look
from jobs.notify.notice import Nearby, Notice, Overlap
from jobs.notify.page import PageFacts
from jobs.overlays import open_overlays
from jobs.places import place_of
from jobs.store import Known

GRID = Grid("EPSG:32719", 448_200, 8_564_820, 30, (120, 120))
CORNER = np.array([GRID.first_row, GRID.first_column])
CHANGE, CLEAR = date(2024, 6, 1), date(2024, 5, 8)
LAST = date(2024, 8, 20)
BLOCK = np.argwhere(np.ones((6, 9), np.bool_))
LONG = "Reserva Comunal de los Pueblos Ancestrales del Alto Río y sus Afluentes " * 4
UNBROKEN = "Llanfairpwllgwyngyll" * 30


def record(cells: Any = BLOCK, **changes: Any) -> Alert:
    """A confirmed alert of mining on GRID; cells: rows and columns from its corner."""
    made = alert(np.asarray(cells) + CORNER, to_day(LAST) * SECONDS_A_DAY)
    fields: dict[str, Any] = {
        "change_type": "tree_cover_loss", "driver": "mining", "probability": 0.93, "model": "fused-change-simulated@1.1.0",
        "change_date": CHANGE, "last_clear_before": CLEAR, "first_detected": CHANGE + timedelta(8), "revision": 3,
        "confirmed_on": CHANGE + timedelta(16), "last_detected": LAST, "area_ha": 4.86, "confirmed_ha": 3.1,
        "confirmed_cells": np.arange(len(made.cells)) % 5 > 0,
    }  # fmt: skip
    return replace(made, **(fields | changes))


def notice_of(made: Alert, overlaps: Sequence[Overlap] = (RESERVE, ZONE, CLOSE)) -> Notice:
    """As it is told, with these overlaps."""
    found = place_of(made, open_overlays((), GRID), GRID.resolution)
    place = replace(found, overlaps=tuple(overlaps), nearby=(Nearby("Puerto Maldonado", 48_300.0, "SW"),))
    return Notice(made, "update", place, NOON, ("landsat-9", "sentinel-1a"), 23, "Madre de Dios")


def looks(every: int, first: date = date(2022, 6, 1), platforms: Sequence[str] = ("landsat-9",)) -> tuple[Look, ...]:
    """A look every so many days until LAST, the sensors in turn: every third optical one hidden, 0.7 before and 0.2 since."""
    made = []
    for number, day in enumerate(range(to_day(first), to_day(LAST) + 1, every)):
        name = platforms[number % len(platforms)]
        radar = name.startswith("sentinel-1")
        value = (-7.0 if radar else 0.7) - (0.5 if day >= to_day(CHANGE) else 0.0) + 0.01 * (number % 4)
        hidden = not radar and number // len(platforms) % 3 == 1
        scene = Scene(day * SECONDS_A_DAY + number % 3, name, f"{name}-{day}-{number}")
        made.append(Look(scene, "vv" if radar else "nbr", 0.2 if hidden else 0.96, None if hidden else value))
    return tuple(made)


def chip(noise: bool = False) -> Chip:
    """Forest before, a clearing after; or random numbers, which no picture makes small."""
    shape = (6 + 2 * MARGIN, 9 + 2 * MARGIN)
    drawn = np.random.default_rng(1).random((2, *((118, 118) if noise else shape))).astype(np.float32)
    cells = np.zeros(drawn.shape[1:], np.bool_)
    cells[MARGIN : MARGIN + 6, MARGIN : MARGIN + 9] = True
    was = drawn[0] if noise else 0.7 + 0.02 * drawn[0]
    before, after = (Scene(to_day(day) * SECONDS_A_DAY, "landsat-9", f"{day}") for day in (CLEAR, LAST))
    return Chip(before, after, was, drawn[1] if noise else np.where(cells, 0.2, was).astype(np.float32), cells, 30)


def history(made: Alert, many: int = 3) -> tuple[Known, ...]:
    """So many revisions that end in this one: it grows, and is confirmed at the second."""
    steps = []
    for number in range(1, many + 1):
        part = {"revision": number, "area_ha": made.area_ha * number / many}
        first = {"status": "provisional", "confirmed_ha": 0.0, "probability": 0.6} if number == 1 and many > 1 else {}
        steps.append(Known(replace(made, **(part | first)), NOON - timedelta(days=3 * (many - number))))
    return tuple(steps)


def facts(**changes: Any) -> PageFacts:
    """Of the plain alert; changes: of its record."""
    made = record(**changes)
    return PageFacts(notice_of(made), history(made), Evidence(looks(8), made.change_date), chip())


def hard() -> PageFacts:
    """Six hundred and more looks of three sensors, 30 revisions, 20 long names, thousands of ragged cells, a picture of noise."""
    rng = np.random.default_rng(4)
    cells = np.argwhere(rng.random((110, 110)) < 0.35)
    made = record(cells, revision=30, previous_id="an earlier one", area_ha=381.2)
    names = [replace(RESERVE, name=LONG if i % 2 else UNBROKEN, feature=f"F{i}", relation="intersects", share=0.9 - i / 40,
                     area_ha=300.0 - 10 * i) for i in range(20)]  # fmt: skip
    seen = looks(1, LAST - timedelta(900), ("landsat-9", "sentinel-2a", "sentinel-1a"))
    return PageFacts(notice_of(made, names), history(made, 30), Evidence(seen, made.change_date), chip(noise=True))


def cube(values: Any, days: Sequence[int], grid: Grid = GRID, platform: str = "landsat-9") -> Cube:
    """Looks of one sensor; values: (look, y, x)."""
    scenes = tuple(Scene(day * SECONDS_A_DAY, platform, f"s{day}") for day in days)
    return Cube.of(grid, scenes, Planes(("nbr",), ("vv",)), np.asarray(values, np.float32)[:, None])
