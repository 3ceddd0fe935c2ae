"""LandTrendr: what is a loss and what never is, one pixel a status, the p of F against scipy, real archives."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import fdtrc
from strategies import cuts
from yearlylooks import borneo

from detection.codes import Segmented, Turn
from detection.monitors import Looks
from detection.segments.annual import Annual, yearly
from detection.segments.landtrendr import Landtrendr, segments
from detection.segments.polyline import p_of_f
from detection.segments.record import NO_DAY, Segments
from detection.types import SECONDS_A_DAY, Scene, to_date, to_day

QUICK = settings(max_examples=25, deadline=None)
FOREST = 0.7
GRID = 2.0**-12
"""Values on multiples of it can be shifted without a rounding."""


def on_days(values: NDArray[np.float64], days: list[date]) -> Looks:
    """(time, pixel) values of one index on these days."""
    scenes = tuple(Scene(to_day(day) * SECONDS_A_DAY, "landsat", f"{i:03d}") for i, day in enumerate(days))
    return Looks(scenes, np.asarray(values, np.float32)[:, None])


def by_year(values: NDArray[np.float64], first: int = 2000) -> Looks:
    return on_days(values, [date(first + i, 8, 1) for i in range(len(values))])


def cut(looks: Looks, parameters: Landtrendr | None = None, **more: object) -> Segments:
    inside = np.ones(looks.values.shape[2], bool)
    return segments(parameters or Landtrendr(), looks, inside=inside, **more)  # type: ignore[arg-type]


def losses(found: Segments) -> dict[int, list[int]]:
    """Years of the losses by pixel."""
    rows = found.changes[found.changes["turn"] == Turn.LOSS]
    made: dict[int, list[int]] = {}
    for row in rows:
        made.setdefault(int(row["pixel"]), []).append(to_date(row["day"]).year)
    return made


def forest(years: int, pixels: int = 1, seed: int = 0, noise: float = 0.02) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(FOREST, noise, (years, pixels))


def cleared(values: NDArray[np.float64], at: int, size: float = 0.4, years: float = 8.0) -> NDArray[np.float64]:
    """The values with a loss in row `at` that is regained over so many years, e-folding."""
    age = np.arange(len(values))[:, None] - at
    return values - np.where(age >= 0, size * np.exp(-np.maximum(age, 0) / years), 0)


def some_series(seed: int, years: int, pixels: int) -> NDArray[np.float64]:
    """Forest, losses, spikes, gaps and drifts, on multiples of GRID."""
    rng = np.random.default_rng(seed)
    values = forest(years, pixels, seed, 0.03) + rng.normal(0, 0.005, pixels) * np.arange(years)[:, None]
    for _ in range(2):
        values = np.where(rng.random(pixels) < 0.5, cleared(values, int(rng.integers(0, years))), values)
    values -= (rng.random(values.shape) < 0.05) * 0.5
    values[rng.random(values.shape) < 0.1] = np.nan
    return np.round(values / GRID) * GRID


def equal(one: Segments, other: Segments) -> bool:
    """To the bit."""
    pairs = [(getattr(one, n), getattr(other, n)) for n in ("status", "rows", "coefficients", "rmse", "changes")]
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


def test_a_loss_and_its_regrowth_are_two_changes_with_their_levels() -> None:
    values = np.concatenate([np.full(10, 0.7), np.linspace(0.2, 0.6, 10)])[:, None]
    found = cut(by_year(values))
    assert found.count.tolist() == [3] and found.status.tolist() == [Segmented.SEGMENTED]
    level, slope = found.coefficients[:, 0].T
    assert level == pytest.approx([0.7, 0.7, 0.2], abs=1e-6)
    assert slope == pytest.approx([0, -0.5, 0.4 / 9], abs=1e-6)
    assert found.rmse == pytest.approx(0, abs=1e-6)
    assert [to_date(d).year for d in found.rows["first"]] == [2000, 2009, 2010]
    assert found.rows["looks"].tolist() == [10, 2, 10] and found.rows["ended"][-1] == NO_DAY
    loss, back = found.changes
    assert (loss["turn"], back["turn"]) == (Turn.LOSS, Turn.REGROWTH)
    assert to_date(loss["before"]) == date(2009, 8, 1) and to_date(loss["day"]) == date(2010, 8, 1)
    assert (loss["level"], loss["magnitude"]) == (pytest.approx(0.7), pytest.approx(-0.5))
    assert to_date(loss["said"]) == date(2019, 8, 1) and loss["probability"] > 0.999


@pytest.mark.parametrize("years", [6, 8, 12, 20, 30])
def test_a_lasting_loss_is_found_in_records_of_any_length(years: int) -> None:
    values = cleared(forest(years, 200), years // 2, years=1e9)
    found = losses(cut(by_year(values)))
    assert sum(found.get(p) == [2000 + years // 2] for p in range(200)) >= 190


def test_noise_alone_is_hardly_ever_a_loss() -> None:
    for years in (6, 10, 20, 30):
        assert len(losses(cut(by_year(forest(years, 2000, years, 0.03))))) <= 16


@pytest.mark.parametrize("at", [0, 1, 5, 10, 18, 19])
@pytest.mark.parametrize("depth", [-0.6, 0.3])
def test_one_bad_year_is_no_loss_wherever_it_lies(at: int, depth: float) -> None:
    values = forest(20, 300)
    values[at] += depth
    assert len(losses(cut(by_year(values)))) <= 2, "as many as noise has"


def test_a_fall_in_the_last_year_waits_for_a_second_one() -> None:
    values = forest(20, 50, 3, 0.01)
    values[18:] -= 0.4
    assert not losses(cut(by_year(values[:19])))
    assert losses(cut(by_year(values))) == {p: [2018] for p in range(50)}


def test_a_gap_is_bridged_and_a_loss_within_it_lies_between_its_ends() -> None:
    calm, lost = forest(20, 50, 4, 0.01), cleared(forest(20, 50, 4, 0.01), 9, years=1e9)
    for values in (calm, lost):
        values[7:12] = np.nan
    assert not losses(cut(by_year(calm)))
    found = cut(by_year(lost))
    rows = found.changes[found.changes["turn"] == Turn.LOSS]
    assert len(rows) == 50
    assert (rows["before"] == to_day(date(2006, 8, 1))).all() and (rows["day"] == to_day(date(2012, 8, 1))).all()


def test_a_cloudy_double_of_a_year_is_not_taken() -> None:
    good = forest(12, 1, 5, 0.01)
    days = [date(2000 + i, 8, 1) for i in range(12)]
    for at in range(12):
        twice = on_days(np.insert(good, at, 0.1, axis=0), sorted([*days, date(2000 + at, 3, 1)]))
        assert equal(cut(twice), cut(by_year(good)))
    clear = np.array([0.6, 0.2, 0.8, 0.7])
    four = [date(1999, month, 1) for month in (2, 4, 6, 9)]
    found = cut(on_days(np.concatenate([clear[:, None], good]), [*four, *days]))
    assert found.rows["first"][0] == to_day(date(1999, 9, 1)), "of 0.6 and 0.7 in the middle the one less like a loss"


def test_one_pixel_a_status() -> None:
    values = forest(12, 7)
    values[:, 1] = np.nan
    values[:, 2] = np.where(np.arange(12) % 2, np.inf, -np.inf)
    values[5:, 3] = np.nan
    values[:, 4] = FOREST
    values[:, 5] = np.where(np.arange(12) < 6, 3e38, -3e38)
    values[:, 6] = 0.2
    inside = np.ones(7, bool)
    inside[0] = False
    found = segments(Landtrendr(forest_min=0.5), by_year(values), inside=inside)
    assert [Segmented(s).name for s in found.status] == [
        "OUTSIDE", "NO_LOOK", "NO_LOOK", "TOO_FEW_LOOKS", "SEGMENTED", "FAILED", "NOT_FOREST",
    ]  # fmt: skip
    assert found.count.tolist() == [0, 0, 0, 0, 1, 0, 0] and not len(found.changes)
    assert found.coefficients[0, 0].tolist() == [np.float32(FOREST), 0], "a constant series is one flat segment"
    assert segments(Landtrendr(), by_year(values[:0]), inside=inside).status[1] == Segmented.NO_LOOK


def test_a_slow_decline_is_no_loss_and_a_clearing_of_two_years_is_one() -> None:
    slow = np.concatenate([np.full(5, 0.7), np.linspace(0.7, 0.2, 12), np.full(4, 0.2)])[:, None]
    assert [c["turn"] for c in cut(by_year(slow + forest(21, 1, 6) - FOREST)).changes] == [Turn.OTHER]
    steps = np.concatenate([np.full(10, 0.7), [0.45], np.full(9, 0.15)])[:, None]
    assert losses(cut(by_year(steps))) == {0: [2011]}, "where it crosses the middle"


def test_an_index_that_loss_raises_is_turned() -> None:
    values = some_series(8, 20, 40)
    one, other = cut(by_year(values)), cut(by_year(-values), sign=-1)
    assert (one.changes["turn"] == other.changes["turn"]).all() and len(one.changes)
    assert (one.changes["magnitude"] == -other.changes["magnitude"]).all()
    assert (one.coefficients == -other.coefficients).all()


def test_p_of_f_is_that_of_scipy() -> None:
    for count in (6, 8, 20, 35):
        for k in range(1, 7):
            free = count - 2 * k - 1
            for share in (1e-6, 0.01, 0.3, 0.8, 1.0):
                p = p_of_f(share, k, count)
                if free < 1:
                    assert p == 2
                else:
                    assert p == pytest.approx(fdtrc(2 * k, free, (1 - share) / (2 * k) / (share / free)), rel=1e-9)


def test_a_shift_of_the_index_shifts_levels_only() -> None:
    values = some_series(9, 20, 100)
    one, other = cut(by_year(values)), cut(by_year(values + 0.25))
    assert (one.rows == other.rows).all()
    for name in ("pixel", "turn", "day", "before", "probability"):
        assert (one.changes[name] == other.changes[name]).all()
    shift = (other.coefficients - one.coefficients)[:, 0]
    assert shift == pytest.approx(np.broadcast_to([0.25, 0], shift.shape), abs=1e-6)


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 150), st.data())
def test_order_and_blocks_of_pixels_change_no_bit(seed: int, years: int, pixels: int, data: st.DataObject) -> None:
    looks = by_year(some_series(seed, years, pixels))
    whole = cut(looks)
    order = np.array(data.draw(st.permutations(range(pixels))))
    mixed = cut(Looks(looks.scenes, looks.values[..., order]))
    assert (mixed.status == whole.status[order]).all() and (mixed.count == whole.count[order]).all()
    parts = [cut(Looks(looks.scenes, looks.values[..., s])) for s in data.draw(cuts(pixels))]
    for name in ("status", "coefficients", "rmse"):
        assert np.concatenate([getattr(p, name) for p in parts]).tobytes() == getattr(whole, name).tobytes()


def test_two_threads_give_the_same_bits() -> None:
    halves = [by_year(some_series(s, 20, 3000)) for s in (1, 2)]
    alone = [cut(half) for half in halves]
    with ThreadPoolExecutor(2) as pool:
        assert all(equal(a, b) for a, b in zip(alone, pool.map(cut, halves), strict=True))


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(2, 25), st.data())
def test_a_year_without_a_value_is_a_year_that_is_not_there(seed: int, years: int, data: st.DataObject) -> None:
    values = some_series(seed, years, 20)
    gone = sorted(data.draw(st.sets(st.integers(0, years - 1), max_size=years - 1)))
    values[gone] = np.nan
    days = [date(2000 + i, 8, 1) for i in range(years)]
    left = [i for i in range(years) if i not in gone]
    assert equal(cut(on_days(values, days)), cut(on_days(values[left], [days[i] for i in left])))


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(8, 25), st.data())
def test_the_archive_cut_after_said_gives_the_same_rows(seed: int, years: int, data: st.DataObject) -> None:
    looks = by_year(some_series(seed, years, 10))
    empty = Looks(
        by_year(np.zeros((years + 3, 1))).scenes, np.pad(looks.values, ((0, 3), (0, 0), (0, 0)), constant_values=np.nan)
    )
    assert equal(cut(looks), cut(empty))
    found = cut(looks)
    newest = {p: looks.days[np.isfinite(looks.values[:, 0, p])].max(initial=-1) for p in range(10)}
    assert all(c["said"] == newest[int(c["pixel"])] for c in found.changes)


def test_pucallpa_in_steps_of_five_years(shared: Path) -> None:
    """Stretched 8-bit composites: losses where the index fell for good, none where it never moved."""
    years = range(1985, 2021, 5)
    layers = []
    for year in years:
        with rasterio.open(shared / "data" / "pucallpa-landsat" / f"{year}.tif") as file:
            swir, nir = file.read([1, 2], window=((0, 377), (0, 250))).astype(np.float32)
        with np.errstate(invalid="ignore"):
            layers.append(((nir - swir) / (nir + swir)).ravel())
    values = np.stack(layers)
    found = cut(on_days(values, [date(y, 7, 1) for y in years]))
    assert (found.status == Segmented.SEGMENTED).all()
    lost = np.isin(np.arange(values.shape[1]), found.changes["pixel"][found.changes["turn"] == Turn.LOSS])
    fell = np.nanmean(values[:4], 0) - np.nanmean(values[4:], 0)
    assert lost[fell > 0.3].mean() > 0.6
    assert not lost[np.nanmax(values, 0) - np.nanmin(values, 0) < 0.1].any()
    assert lost[np.abs(fell) < 0.05].mean() < 0.02


def test_borneo_is_cleared_and_its_forest_left_alone(shared: Path) -> None:
    ids, looks = borneo(shared)
    composite = yearly(Annual(), looks)
    found = losses(composite.dated(cut(composite.row)))
    truth = pd.read_csv(shared / "checks" / "truth" / "borneo.csv").set_index("series_id")["change"]
    late = {ids[p] for p, when in found.items() if max(when) >= 2012}
    known = [name for name in ids if name in truth.index]
    assert sum(name in late for name in known if truth[name]) >= 0.85 * truth.sum()
    assert sum(name in late for name in known if not truth[name]) <= 0.01 * (~truth).sum()
    assert {2006, 2007} & {when for years in found.values() for when in years}, "the older clearings"
