"""The medoid of a season: against plain numpy, seasons across the new year, blocks and threads, a real archive."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import real_tables
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import cuts
from yearlylooks import colorado

from detection.codes import Turn
from detection.errors import BadInput
from detection.monitors import Looks
from detection.segments.annual import Annual, Yearly, yearly
from detection.segments.landtrendr import Landtrendr, segments
from detection.segments.record import NO_DAY
from detection.types import SECONDS_A_DAY, Scene, to_date, to_day

QUICK = settings(max_examples=20, deadline=None)
DRY = Annual(first_day=152, last_day=273)


def looks(days: list[int], values: NDArray[np.float64]) -> Looks:
    """(time, slot, pixel) values on these days."""
    scenes = tuple(Scene(day * SECONDS_A_DAY, "landsat", f"{i:04d}") for i, day in enumerate(days))
    return Looks(scenes, np.asarray(values, np.float32))


def some(seed: int, slots: int = 3, pixels: int = 70, years: int = 3) -> Looks:
    rng = np.random.default_rng(seed)
    days = sorted(rng.choice(np.arange(11_000, 11_000 + 365 * years), 12 * years, replace=False).tolist())
    values = rng.normal(0.3, 0.1, (len(days), pixels, slots))
    values[rng.random(values.shape[:2]) < 0.4] = np.nan
    values[rng.random(values.shape) < 0.03] = np.inf
    return looks(days, np.swapaxes(values, 1, 2))


def by_numpy(archive: Looks, annual: Annual, scene: Scene, begin: int, pixel: int) -> int:
    """The look of the season [begin, the scene's day] that is the medoid of a pixel; -1 none."""
    days, values = archive.days, archive.values[..., pixel].astype(np.float64)
    rows = np.flatnonzero((days >= begin) & (days <= scene.day) & np.isfinite(values).all(1))
    if len(rows) < annual.least_looks:
        return -1
    apart = np.sqrt(((values[rows][:, None] - values[rows][None]) ** 2).sum(2)).sum(1)
    return int(rows[np.flatnonzero(apart <= apart.min() + 1e-6)[0]])


@pytest.mark.parametrize("annual", [Annual(), DRY, Annual(first_day=300, last_day=60, least_looks=2)])
def test_the_medoid_is_that_of_plain_numpy(annual: Annual) -> None:
    archive = some(1)
    made = yearly(annual, archive)
    for y, scene in enumerate(made.scenes):
        year = to_date(scene.day).year - (annual.last_day < annual.first_day)
        begin = to_day(date(year, 1, 1)) + annual.first_day - 1
        wanted = [by_numpy(archive, annual, scene, begin, p) for p in range(made.values.shape[2])]
        assert made.taken[y].tolist() == wanted
        for pixel, look in enumerate(wanted):
            if look < 0:
                assert np.isnan(made.values[y, :, pixel]).all() and made.days[y, pixel] == NO_DAY
            else:
                assert (made.values[y, :, pixel] == archive.values[look, :, pixel]).all()
                assert made.days[y, pixel] == archive.days[look]


def test_a_season_across_the_new_year_is_of_the_year_it_ends_in() -> None:
    days = [to_day(d) for d in (date(2000, 12, 1), date(2001, 1, 10), date(2001, 7, 1), date(2002, 2, 1))]
    made = yearly(Annual(first_day=320, last_day=45), looks(days, np.arange(4.0)[:, None, None]))
    assert [to_date(s.day) for s in made.scenes] == [date(2001, 2, 14), date(2002, 2, 14)]
    assert made.looks[:, 0].tolist() == [2, 1] and made.taken[:, 0].tolist() == [0, 3]


def test_the_last_day_of_a_leap_year_and_years_without_a_look() -> None:
    days = [to_day(date(2000, 12, 31)), to_day(date(2003, 12, 31))]
    made = yearly(Annual(), looks(days, np.ones((2, 1, 1))))
    assert [to_date(s.day) for s in made.scenes] == [date(y, 12, 31) for y in range(2000, 2004)]
    assert np.isnan(made.values[1:3]).all() and made.looks[:, 0].tolist() == [1, 0, 0, 1]
    assert yearly(Annual(), looks([], np.empty((0, 2, 5)))).values.shape == (0, 2, 5)
    assert yearly(DRY, looks(days, np.ones((2, 1, 1)))).values.shape == (0, 1, 1)


def test_a_cloud_among_three_looks_is_never_taken() -> None:
    rng = np.random.default_rng(2)
    for cloudy in range(3):
        values = rng.normal(0.3, 0.02, (3, 4, 30))
        values[cloudy] += 0.5
        made = yearly(Annual(least_looks=3), looks([11_000, 11_010, 11_020], values))
        assert (made.taken != cloudy).all() and (made.taken >= 0).all()


def same(one: Yearly, other: Yearly) -> bool:
    names = ("values", "looks", "taken", "days")
    return all(getattr(one, n).tobytes() == getattr(other, n).tobytes() for n in names)


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(1, 140), st.data())
def test_any_cut_into_blocks_gives_the_same_bits(seed: int, pixels: int, data: st.DataObject) -> None:
    archive = some(seed, pixels=pixels)
    whole = yearly(DRY, archive)
    for part in data.draw(cuts(pixels)):
        alone = yearly(DRY, Looks(archive.scenes, archive.values[..., part]))
        assert alone.values.tobytes() == np.ascontiguousarray(whole.values[..., part]).tobytes()
        assert (alone.taken == whole.taken[:, part]).all() and (alone.looks == whole.looks[:, part]).all()


def test_two_threads_and_looks_at_nothing_change_no_bit() -> None:
    archives = [some(3, pixels=500), some(4, pixels=500)]
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda one: yearly(Annual(), one), archives))
    assert all(same(a, yearly(Annual(), b)) for a, b in zip(made, archives, strict=True))
    archive = archives[0]
    day = int(archive.days[4])
    blind = Looks(
        (*archive.scenes[:5], Scene(day * SECONDS_A_DAY + 9, "x", "x"), *archive.scenes[5:]),
        np.insert(archive.values, 5, np.nan, axis=0),
    )
    assert yearly(Annual(), blind).values.tobytes() == made[0].values.tobytes()


def test_segments_get_the_days_of_the_looks_taken() -> None:
    rng = np.random.default_rng(5)
    days = [to_day(date(2000 + y, 6, 5)) + 10 * i for y in range(12) for i in range(5)]
    values = rng.normal(0.7, 0.01, (60, 1, 20))
    values[30:] -= 0.4
    made = yearly(DRY, looks(days, values))
    found = made.dated(segments(Landtrendr(), made.row, inside=np.ones(20, bool)))
    lost = found.changes[found.changes["turn"] == Turn.LOSS]
    assert (lost["day"] == made.days[6, lost["pixel"]]).all() and (lost["before"] == made.days[5, lost["pixel"]]).all()
    assert len(lost) == 20 and (lost["said"] == made.scenes[-1].day).all()
    with pytest.raises(BadInput, match="other years"):
        replace(made, scenes=made.scenes[:-1]).dated(segments(Landtrendr(), made.row, inside=np.ones(20, bool)))


def test_colorado_is_lost_in_1999_and_comes_back_slowly(shared: Path) -> None:
    ids, archive = colorado(real_tables.colorado(shared))
    made = yearly(DRY, archive)
    found = made.dated(segments(Landtrendr(), made.row, inside=np.ones(len(ids), bool)))
    truth = pd.read_csv(shared / "checks" / "truth" / "colorado.csv").set_index("series_id")
    years = {
        ids[c["pixel"]]: to_date(c["day"]).year
        for c in found.changes[(found.changes["turn"] == Turn.LOSS) & (found.changes["magnitude"] < -0.25)]
    }
    back = {ids[c["pixel"]] for c in found.changes[found.changes["turn"] == Turn.REGROWTH]}
    lost = [name for name in ids if truth.change[name]]
    assert sum(years.get(name) == 1999 for name in lost) >= len(lost) - 1
    assert not set(years) - set(lost)
    assert len(back & set(years)) >= 10
