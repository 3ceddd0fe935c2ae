"""Pictures of before and after: the right looks, nothing made up, small enough for a letter."""

from dataclasses import replace
from datetime import date
from email import message_from_bytes, policy
from io import BytesIO

import numpy as np
import pytest
from modelsetup import alert
from noticesetup import NOON, notice
from PIL import Image
from test_message import CONFIG

from detection.types import SECONDS_A_DAY, Cube, Grid, Planes, Scene, to_day
from jobs.notify import compose
from jobs.notify.chips import MARGIN, MOST_BYTES, chip_of, drawn
from jobs.words import Words

GRID = Grid("EPSG:32719", 300_000, 8_600_040, 30, (40, 50))
PLACE = np.array([[10, 20], [10, 21], [11, 20]])
CHANGE = to_day(date(2024, 6, 1))
DAYS = (CHANGE - 40, CHANGE - 20, CHANGE - 4, CHANGE, CHANGE + 16, CHANGE + 32)
ALERT = replace(
    alert(PLACE + np.array([GRID.first_row, GRID.first_column]), (CHANGE + 20) * SECONDS_A_DAY),
    change_date=date(2024, 6, 1), last_clear_before=date(2024, 5, 28),
)  # fmt: skip


def looks(hidden: tuple[int, ...] = (), own: tuple[int, ...] = ()) -> Cube:
    """Forest until the change, bare ground in the alert's cells since; hidden: looks that saw nothing, own: not its cells."""
    values = np.full((len(DAYS), 1, *GRID.shape), 0.7, np.float32)
    values[3:, 0, PLACE[:, 0], PLACE[:, 1]] = 0.1
    values[list(hidden)] = np.nan
    for look in own:
        values[look, 0, PLACE[:, 0], PLACE[:, 1]] = np.nan
    scenes = tuple(Scene(day * SECONDS_A_DAY, "landsat-9", f"s{day}") for day in DAYS)
    return Cube.of(GRID, scenes, Planes(("nbr",)), values)


@pytest.mark.parametrize(
    ("hidden", "own", "before", "after"),
    [((), (), 2, 4), ((2,), (), 1, 4), ((), (2,), 1, 4), ((4,), (), 2, 3), ((), (4,), 2, 3), ((5,), (), 2, 4)],
)
def test_it_shows_the_last_look_before_and_the_last_that_the_revision_knew(hidden, own, before, after) -> None:
    found = chip_of(looks(hidden, own), ALERT, PLACE, 30)
    assert found is not None
    assert (found.before.day, found.after.day) == (DAYS[before], DAYS[after])
    assert np.nanmin(found.was) == np.float32(0.7) and np.nanmin(found.is_) == np.float32(0.1)
    assert found.cells.sum() == 3 and found.was.shape == (2 + 10 + MARGIN, 2 + 2 * MARGIN)


@pytest.mark.parametrize("hidden", [(0, 1, 2), (3, 4), (0, 1, 2, 3, 4, 5)])
def test_where_one_of_them_is_not_there_nothing_is_shown(hidden) -> None:
    assert chip_of(looks(hidden), ALERT, PLACE, 30) is None


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_picture_is_small_and_always_the_same(language: str) -> None:
    found = chip_of(looks(), ALERT, PLACE, 30)
    assert found is not None
    one, two = (drawn(found, True, Words(language)) for _ in range(2))
    assert one is not None and one == two and len(one) <= MOST_BYTES
    picture = Image.open(BytesIO(one)).convert("RGB")
    assert picture.width > 500 and len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 10
    noise = replace(found, was=np.random.default_rng(1).random((60, 60)).astype(np.float32),
                    is_=np.random.default_rng(2).random((60, 60)).astype(np.float32), cells=np.eye(60, dtype=bool))  # fmt: skip
    worst = drawn(noise, True, Words(language))
    assert worst is None or len(worst) <= MOST_BYTES


def test_a_letter_shows_it_and_stays_small() -> None:
    found = chip_of(looks(), ALERT, PLACE, 30)
    assert found is not None
    made = [notice(f"alert{i}") for i in range(12)]
    picture = drawn(found, True, Words("es"))
    assert picture is not None
    letter = compose.letter_of(CONFIG, CONFIG.readers[0], made, 0, NOON, {one.alert.id: picture for one in made})
    read = message_from_bytes(letter.as_bytes(), policy=policy.default)
    shown = [part["Content-ID"] for part in read.walk() if part.get_content_type() == "image/png"]
    page = read.get_body(("html",)).get_content()
    assert len(shown) == page.count("<img") == compose.MOST_CHIPS
    assert all(f"cid:{ident.strip('<>')}" in page for ident in shown)
    single = compose.letter_of(CONFIG, CONFIG.readers[0], made[:1], 0, NOON, {made[0].alert.id: picture})
    assert len(single.as_bytes()) < 100_000
