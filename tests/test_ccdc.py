"""CCDC: what it says of planted and of real changes, and that no cut of pixels, looks or threads moves a bit of it."""

import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import cuts, scene

from detection.codes import Segmented, Turn
from detection.errors import BadInput, StaleState, UnknownBand
from detection.monitors import Looks
from detection.segments.ccdc import Archive, Ccdc, begin, extend, segments, so_far
from detection.segments.ccdc_said import turns
from detection.segments.ccdc_state import ROOM
from detection.segments.record import NO_DAY, Segments
from detection.types import to_date, to_day

QUICK = settings(max_examples=25, deadline=None)
BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
PLANES = ("nbr", *BANDS)
FOREST = np.array([0.03, 0.05, 0.036, 0.31, 0.155, 0.072])
BARE = np.array([0.075, 0.105, 0.135, 0.21, 0.30, 0.225])
SWING = np.array([0.002, 0.004, 0.003, 0.03, 0.012, 0.006])
NOISE = np.array([0.004, 0.004, 0.004, 0.010, 0.008, 0.006])
FIRST = 12_000
EPOCH = 719_163
"""Ordinal of 1970-01-01."""
ROOT = Path(__file__).parents[1]


def with_nbr(bands: NDArray[Any]) -> NDArray[np.float32]:
    """(time, plane, pixel) of (time, band, pixel)."""
    nbr = (bands[:, 3] - bands[:, 5]) / (bands[:, 3] + bands[:, 5])
    return np.concatenate([nbr[:, None], bands], 1).astype(np.float32)


def archive(days: Sequence[int], share: NDArray[Any], seed: int = 0, clear: float = 1.0) -> Looks:
    """Simulated looks; share (time, pixel) of the forest that is gone; so many of the looks are clear."""
    rng, when = np.random.default_rng(seed), np.asarray(days)
    season = np.cos(2 * np.pi * when / 365.25)[:, None, None]
    gone = share[:, None]
    clean = FOREST[:, None] * (1 - gone) + BARE[:, None] * gone + SWING[:, None] * season
    values = with_nbr(clean + NOISE[:, None] * rng.normal(size=clean.shape))
    values[np.broadcast_to(rng.random((len(when), 1, share.shape[1])) > clear, values.shape)] = np.nan
    return Looks(tuple(scene(int(d)) for d in when), values)


def cut(looks: Looks, parameters: Ccdc | None = None, planes: Sequence[str] = PLANES, sign: int = 1) -> Segments:
    return segments(parameters or Ccdc(), looks, planes, np.ones(looks.values.shape[2], np.bool_), sign)


def same(a: Segments, b: Segments) -> bool:
    one, two = ([s.status, s.rows, s.coefficients, s.rmse, s.changes] for s in (a, b))
    return all(
        x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes() for x, y in zip(one, two, strict=True)
    )


def eventful(seed: int, pixels: int = 7, looks: int = 170) -> Looks:
    """Twelve years of pixels, most of which lose forest, some of which regrow; a third of the looks clouded."""
    rng = np.random.default_rng(seed)
    days = FIRST + np.sort(rng.choice(4_400, looks, replace=False))
    lost = FIRST + rng.uniform(500, 4_000, pixels)
    age = (days[:, None] - lost) / 365.25
    return archive(days, np.where(age > 0, rng.uniform(0.2, 1, pixels) * np.exp(-age / 6), 0), seed, 0.7)


def test_a_planted_loss_is_found_on_its_day_and_a_stable_pixel_left_alone() -> None:
    days = np.arange(FIRST, FIRST + 3_650, 16)
    share = np.zeros((len(days), 3))
    share[100:, 0], share[100:, 1] = 0.7, 0.25
    found = cut(archive(days, share))
    assert found.status.tolist() == [Segmented.SEGMENTED] * 3 and found.count.tolist() == [2, 2, 1]
    assert found.changes["pixel"].tolist() == [0, 1]
    assert abs(found.changes["day"] - days[100]).max() <= 16 and (found.changes["before"] < found.changes["day"]).all()
    assert (found.changes["turn"] == Turn.LOSS).all() and (found.changes["probability"] > 0.99).all()
    assert abs(found.changes["level"] - 0.62).max() < 0.06 and (found.changes["magnitude"] < -0.1).all()
    assert (found.changes["said"] - found.changes["day"]).min() >= Ccdc().persist_days
    closed, opened = found.rows[found.rows["pixel"] == 0]
    assert closed["ended"] == found.changes["day"][0] and opened["ended"] == NO_DAY and opened["last"] == days[-1]


def test_the_coefficients_are_those_of_the_planted_model() -> None:
    days = np.arange(FIRST, FIRST + 3_650, 16)
    found = cut(archive(days, np.zeros((len(days), 1))))
    model, years = found.coefficients[0, PLANES.index("nir")], (days - 10_957) / 365.25
    turn = 2 * np.pi * days[:, None] / 365.25 * np.arange(1, 4)
    waves = np.stack([np.cos(turn), np.sin(turn)], 2).reshape(len(days), 6)
    fitted = model[0] + model[1] * years + waves @ model[2:]
    assert abs(fitted - 0.31 - 0.03 * waves[:, 0]).max() < 0.008
    assert abs(found.rmse[0, PLANES.index("nir")] / 0.010 - 1) < 0.15


def test_regrowth_is_told_from_loss_and_a_single_index_is_enough() -> None:
    days = np.arange(FIRST, FIRST + 3_650, 16)
    share = np.zeros((len(days), 2))
    share[100:, 0], share[:100, 1] = 0.8, 0.8
    looks = archive(days, share)
    alone = Looks(looks.scenes, np.ascontiguousarray(looks.values[:, :1]))
    raised = Looks(looks.scenes, -alone.values)
    for found in (cut(looks), cut(alone, planes=("value",)), cut(raised, planes=("value",), sign=-1)):
        assert found.changes["turn"].tolist() == [Turn.LOSS, Turn.REGROWTH]
        assert abs(found.changes["day"] - days[100]).max() <= 16


def test_what_was_no_forest_is_not_lost() -> None:
    days = np.arange(FIRST, FIRST + 3_650, 16)
    share = np.zeros((len(days), 1))
    share[100:] = 0.8
    looks = archive(days, share)
    level = cut(looks).changes["level"][0]
    for least, turn in ((level - 0.01, Turn.LOSS), (level + 0.01, Turn.OTHER)):
        assert cut(looks, Ccdc(forest_min=float(least))).changes["turn"].tolist() == [turn]


def test_turns_by_the_written_rule() -> None:
    planes = ("nbr", "red", "nir", "swir2")
    change = [
        [-0.3, 0.05, -0.1, 0.1],
        [0.2, -0.01, 0.03, -0.05],
        [0.2, 0.03, 0.03, 0.0],
        [0.0, 0.0, -0.05, 0.0],
        [0.0] * 4,
    ]
    scale = np.full(5, 0.05, np.float32)
    told = turns(planes, np.array(change, np.float32), scale, 1, 0.02, 0.0)
    assert told.tolist() == [Turn.LOSS, Turn.REGROWTH, Turn.OTHER, Turn.LOSS, Turn.OTHER]
    red = turns(("red",), np.array([[0.1], [-0.1]], np.float32), scale[:2], 1, 0.02, 0.0)
    assert red.tolist() == [Turn.LOSS, Turn.REGROWTH]


@given(st.integers(0, 2**32 - 1), st.data())
@QUICK
def test_any_order_and_any_cut_of_the_pixels_gives_the_same(seed: int, data: st.DataObject) -> None:
    looks = eventful(seed)
    whole, pixels = cut(looks), looks.values.shape[2]
    order = np.array(data.draw(st.permutations(range(pixels))))
    turned = cut(Looks(looks.scenes, np.ascontiguousarray(looks.values[:, :, order])))
    for p in range(pixels):
        mine, there = whole.changes[whole.changes["pixel"] == order[p]], turned.changes[turned.changes["pixel"] == p]
        there["pixel"] = order[p]
        assert mine.tobytes() == there.tobytes()
    pieces = [cut(Looks(looks.scenes, np.ascontiguousarray(looks.values[:, :, s]))) for s in data.draw(cuts(pixels))]
    assert np.concatenate([p.coefficients for p in pieces]).tobytes() == whole.coefficients.tobytes()
    assert np.concatenate([p.changes["said"] for p in pieces]).tolist() == whole.changes["said"].tolist()


@given(st.integers(0, 2**32 - 1), st.data())
@QUICK
def test_looks_in_any_pieces_give_what_all_at_once_give_bit_by_bit(seed: int, data: st.DataObject) -> None:
    looks = eventful(seed, pixels=3, looks=120)
    pieces = data.draw(cuts(len(looks.scenes)))
    state, parts = begin(Ccdc(), PLANES, np.ones(3, np.bool_)), []
    for piece in pieces:
        state, part = extend(Ccdc(), state, Looks(looks.scenes[piece], looks.values[piece]))
        state = Archive.of(state.planes, state.arrays(), state.method, state.last)
        parts.append(part)
    parts.append(so_far(Ccdc(), state))
    whole = cut(looks)
    rows = np.concatenate([p.rows for p in parts])
    order = np.lexsort((rows["first"], rows["pixel"]))
    changes = np.concatenate([p.changes for p in parts])
    assert rows[order].tobytes() == whole.rows.tobytes()
    assert np.concatenate([p.coefficients for p in parts])[order].tobytes() == whole.coefficients.tobytes()
    assert np.concatenate([p.rmse for p in parts])[order].tobytes() == whole.rmse.tobytes()
    assert changes[np.lexsort((changes["day"], changes["pixel"]))].tobytes() == whole.changes.tobytes()
    assert parts[-1].status.tolist() == whole.status.tolist()


def test_one_look_a_call_ends_in_the_same_state() -> None:
    looks = eventful(5, pixels=2, looks=130)
    once, _ = extend(Ccdc(), begin(Ccdc(), PLANES, np.ones(2, np.bool_)), looks)
    state = begin(Ccdc(), PLANES, np.ones(2, np.bool_))
    for t in range(len(looks.scenes)):
        before = {name: array.copy() for name, array in state.arrays().items()}
        grown, _ = extend(Ccdc(), state, Looks(looks.scenes[t : t + 1], looks.values[t : t + 1]))
        assert all((array == before[name]).all() for name, array in state.arrays().items()), "what is handed in is kept"
        state = grown
    held = once.state.pixels["held"]
    assert state.state.pixels.tobytes() == once.state.pixels.tobytes() and state.last == once.last
    for p in range(2):
        assert state.state.values[p, : held[p]].tobytes() == once.state.values[p, : held[p]].tobytes()
        assert not once.state.pixels["phase"][p] or state.state.model[p].tobytes() == once.state.model[p].tobytes()


@given(st.integers(0, 2**32 - 1))
@QUICK
def test_cutting_the_archive_after_the_day_it_was_said_gives_the_same_row(seed: int) -> None:
    looks = eventful(seed, pixels=4)
    whole = cut(looks)
    for row in whole.changes:
        upto = looks.days <= row["said"]
        early = cut(looks.take(upto)).changes
        assert row.tobytes() in [r.tobytes() for r in early]
        before = cut(looks.take(looks.days < row["said"])).changes
        assert row["day"] not in before["day"][before["pixel"] == row["pixel"]]


@given(st.integers(0, 2**32 - 1))
@QUICK
def test_a_look_that_is_not_observed_or_a_second_one_of_a_day_changes_nothing(seed: int) -> None:
    looks, rng = eventful(seed), np.random.default_rng(seed)
    t = int(rng.integers(1, len(looks.scenes) - 1))
    plane, day = int(rng.integers(7)), looks.scenes[t].day
    blind = rng.normal(size=looks.values[:1].shape).astype(np.float32)
    blind[:, plane] = [np.nan, np.inf, -np.inf][seed % 3]
    seen_twice = np.where(np.isfinite(looks.values[t]).all(0), np.float32(0.9), np.float32(np.nan))[None, None].repeat(
        7, 1
    )
    for extra in (blind, seen_twice):
        scenes = (*looks.scenes[: t + 1], scene(day, 60, name="extra"), *looks.scenes[t + 1 :])
        more = Looks(scenes, np.concatenate([looks.values[: t + 1], extra, looks.values[t + 1 :]]))
        assert same(cut(more), cut(looks))


def test_threads_and_blocks_give_the_same() -> None:
    looks = eventful(9, pixels=150)
    halves = [Looks(looks.scenes, np.ascontiguousarray(h)) for h in np.array_split(looks.values, 2, axis=2)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(cut, halves)
    whole = cut(looks)
    assert np.concatenate([first.coefficients, second.coefficients]).tobytes() == whole.coefficients.tobytes()
    assert np.concatenate([first.status, second.status]).tobytes() == whole.status.tobytes()


def test_two_thousand_dates_keep_the_state_as_small_as_it_began() -> None:
    days = np.arange(FIRST, FIRST + 2_000)
    share = np.zeros((len(days), 1))
    share[1_000:] = 0.6
    looks = archive(days, share)
    state = begin(Ccdc(), PLANES, np.ones(1, np.bool_))
    size = sum(array.nbytes for array in state.arrays().values())
    state, part = extend(Ccdc(), state, looks)
    assert sum(array.nbytes for array in state.arrays().values()) == size < 5_000
    # A year holds more looks than can be kept undecided: those between are let go, and 96 looks of a break suffice.
    assert part.changes["day"].tolist() == [days[1_000]] and part.changes["said"][0] == days[1_000] + ROOM - 1


def sixteen(years: float = 8) -> NDArray[np.int64]:
    return np.arange(FIRST, FIRST + int(years * 365.25), 16)


def ramp(days: NDArray[Any], pixels: int = 1) -> NDArray[Any]:
    """A share that never stands still."""
    return np.repeat(((days - days[0]) / 365.25 * 0.5)[:, None], pixels, 1)


def test_what_was_never_clear_too_seldom_or_never_stable_says_so() -> None:
    days = sixteen(4)
    looks = archive(days, np.concatenate([np.zeros((len(days), 4)), ramp(days)], 1))
    looks.values[:, 2, 0] = np.nan  # one plane was never there
    looks.values[11:, :, 1] = np.nan
    looks.values[20:, :, 2] = np.nan  # looks enough, in less than a year
    inside = np.array([True, True, True, False, True])
    found = segments(Ccdc(), looks, PLANES, inside)
    expected = ["NO_LOOK", "TOO_FEW_LOOKS", "TOO_FEW_LOOKS", "OUTSIDE", "NEVER_STABLE"]
    assert [Segmented(s).name for s in found.status] == expected
    assert len(found.rows) == len(found.changes) == len(found.coefficients) == 0
    assert found.last_stable.tolist() == [NO_DAY] * 5
    state, _ = extend(Ccdc(), begin(Ccdc(), PLANES, inside), looks)
    assert so_far(Ccdc(), state).status.tolist() == found.status.tolist()


def test_where_only_the_end_or_the_start_of_an_archive_is_stable() -> None:
    days = sixteen(8)
    early = np.where(days < FIRST + 1_000, 1 - ramp(days)[:, 0] * 0.7, 0.0)
    late = np.where(days > FIRST + 2_000, ramp(days - 2_000)[:, 0], 0.0)
    late -= np.where(days > FIRST + 2_000, late[days > FIRST + 2_000][0], 0.0)
    found = cut(archive(days, np.stack([early, late], 1)))
    assert found.status.tolist() == [Segmented.SEGMENTED] * 2
    assert found.rows["first"][found.rows["pixel"] == 0][-1] > FIRST + 365
    first = found.rows[found.rows["pixel"] == 1][0]
    assert first["first"] < FIRST + 32 and first["ended"] > FIRST + 1_980
    assert found.changes["turn"][found.changes["pixel"] == 1][0] == Turn.LOSS


def test_constant_saturated_and_spiky_series_have_no_change() -> None:
    days = sixteen(8)
    looks = archive(days, np.zeros((len(days), 3)))
    looks.values[:, :, 0] = 0.25
    looks.values[:, :, 1] = 1.6
    looks.values[::9, 1:, 2] += 0.5  # snow: now and then, never long
    found = cut(looks)
    assert found.status.tolist() == [Segmented.SEGMENTED] * 3 and len(found.changes) == 0
    looks.values[100:, :, 0] = 0.3
    assert cut(looks).changes["day"].tolist() == [days[100]]


def test_numbers_beyond_float32_are_no_looks_or_no_segments() -> None:
    days = sixteen(8)
    looks = archive(days, np.zeros((len(days), 2)))
    looks.values[::3] = np.inf
    assert cut(looks).status.tolist() == [Segmented.SEGMENTED] * 2
    huge = Looks(looks.scenes, np.full((len(days), 1, 2), 3e38, np.float32))
    huge.values[1::2, 0, 1] = -3e38
    found = cut(huge, planes=("value",))
    assert np.isfinite(found.coefficients).all() and np.isfinite(found.rmse).all()
    far = Ccdc(least_scale=1e300)  # nothing is anomalous then, and the scale is no float32
    wide = Looks(
        looks.scenes, np.array([3.4e38, -3.4e38, 3.4e38, 3.4e38], np.float32)[np.arange(len(days)) % 4, None, None]
    )
    assert cut(wide, far, ("value",)).status.tolist() in ([Segmented.SEGMENTED], [Segmented.FAILED])


def test_a_gap_of_years_lies_between_before_and_day() -> None:
    days = np.concatenate([sixteen(4), sixteen(4) + 3_000])
    share = np.zeros((len(days), 2))
    share[days > FIRST + 2_000, 0] = 0.6
    found = cut(archive(days, share))
    assert found.changes["pixel"].tolist() == [0]
    assert found.changes["before"][0] < FIRST + 1_461 < FIRST + 3_000 <= found.changes["day"][0]


def test_sensors_that_differ_a_little_make_no_change() -> None:
    days = np.sort(np.concatenate([sixteen(8), sixteen(8) + 8]))
    looks = archive(days, np.zeros((len(days), 2)))
    looks.values[1::2, 1:] += np.float32(0.006)
    assert len(cut(looks).changes) == 0


def test_what_cannot_be_cut_is_refused_in_one_line() -> None:
    looks = archive(sixteen(3), np.zeros((len(sixteen(3)), 2)))
    inside, scaled = np.ones(2, np.bool_), Looks(looks.scenes, looks.values * np.float32(10_000))
    state, _ = extend(Ccdc(), begin(Ccdc(), PLANES, inside), looks)
    refused: list[tuple[type[Exception], str, Any]] = [
        (BadInput, "divide scaled numbers", lambda: cut(scaled)),
        (BadInput, "expected", lambda: segments(Ccdc(), looks, PLANES[:3], inside)),
        (BadInput, "name 1 to 8", lambda: begin(Ccdc(), [str(k) for k in range(9)], inside)),
        (BadInput, "name 1 to 8", lambda: begin(Ccdc(), ("red", "red"), inside)),
        (UnknownBand, "there are nbr", lambda: cut(looks, Ccdc(bands=("ndvi",)))),
        (BadInput, "already taken in", lambda: extend(Ccdc(), state, looks)),
        (BadInput, "canonical order", lambda: cut(Looks(looks.scenes[::-1], looks.values))),
        (StaleState, "begin it anew", lambda: extend(Ccdc(growth=2.0), state, looks)),
    ]
    for kind, words, work in refused:
        with pytest.raises(kind, match=words) as told:
            work()
        assert "\n" not in str(told.value)


def test_no_pixel_and_no_look_are_answered() -> None:
    nothing = Looks((), np.zeros((0, 7, 3), np.float32))
    assert cut(nothing).status.tolist() == [Segmented.NO_LOOK] * 3
    none = cut(Looks(nothing.scenes, np.zeros((0, 7, 0), np.float32)))
    assert len(none.status) == len(none.rows) == 0 and none.coefficients.shape == (0, 7, 8)


# ---- real series -------------------------------------------------------------------------------------------------------


def real(days: Sequence[date], bands: NDArray[Any], clear: NDArray[Any]) -> Looks:
    """A pixel's looks; bands (time, 6) x 10,000 in the order of BANDS."""
    good = np.asarray(clear) & (bands > 0).all(1) & (bands < 10_000).all(1)
    values = np.where(good[:, None, None], with_nbr(bands[:, :, None] / 1e4), np.float32(np.nan))
    order = np.argsort([to_day(d) for d in days], kind="stable")
    scenes = tuple(scene(to_day(days[i]), n, name=str(n)) for n, i in enumerate(order))
    return Looks(scenes, np.ascontiguousarray(values[order], np.float32))


def from_table(table: pd.DataFrame) -> Looks:
    table.columns = table.columns.str.lower()
    days = [date.fromordinal(int(d)) for d in table.dates]
    return real(days, table[list(BANDS)].to_numpy(float), table.qa.isin((0, 1)).to_numpy())


def told(looks: Looks) -> list[tuple[date, Turn]]:
    found = cut(looks)
    return [(to_date(int(row["day"])), Turn(row["turn"])) for row in found.changes]


def within_a_look(looks: Looks, found: date, expected: date) -> bool:
    seen = looks.days[np.isfinite(looks.values[:, 0, 0])]
    a, b = (int(np.searchsorted(np.unique(seen), to_day(d))) for d in (found, expected))
    return abs(a - b) <= 1


def test_the_fire_in_sichuan(shared: Path) -> None:
    looks = from_table(pd.read_csv(shared / "data/pixel-series/1_hls_sc.csv"))
    assert told(looks) == [(date(2024, 3, 23), Turn.LOSS)]  # the day of the tutorial of pyxccd


def test_beetles_are_found_in_their_year_and_a_moth_that_passes_is_no_break(shared: Path) -> None:
    folder = shared / "data/pixel-series"
    beetle = told(from_table(pd.read_csv(folder / "2_mpb_co_landsat.csv")))
    assert [(day.year, turn) for day, turn in beetle] == [(2007, Turn.LOSS)]
    assert told(from_table(pd.read_csv(folder / "2_sm_ma_landsat.csv"))) == []


def test_the_break_of_the_series_that_pycold_is_tested_with(shared: Path) -> None:
    table = pd.read_csv(shared / "data/pixel-series/spectral_336_3980_obs.csv", header=None)
    days = [date.fromordinal(int(d)) for d in table[0]]
    looks = real(days, table[[1, 2, 3, 4, 5, 6]].to_numpy(float), table[8].isin((0, 1)).to_numpy())
    ((day, turn),) = told(looks)
    # COLD says 735040. The two looks before it, the first in half a year, lie beyond our smaller scale already.
    assert turn == Turn.LOSS and date.fromordinal(735_016) == day >= date.fromordinal(735_040) - timedelta(24)


def test_breaks_of_the_usgs_series(shared: Path) -> None:
    """Beside COLD on the same looks (pyxccd 1.1.0): 727731, 731411, 732835 and 734251."""
    folder = shared / "data/pixel-series/lcmap"
    table = pd.read_csv(folder / "test_3657_3610_observations.csv", header=None)
    days = [date.fromordinal(int(d)) for d in table[0]]
    looks = real(days, table[[1, 2, 3, 4, 5, 6]].to_numpy(float), table.iloc[:, -1].isin((0, 1)).to_numpy())
    found = [day for day, _ in told(looks)]
    for expected in (727_731, 731_411):
        assert any(within_a_look(looks, day, date.fromordinal(expected)) for day in found)
    # A field: from 2004 on it is never the same for long; both cut it once or twice more, on other days.
    assert all(day >= date(2005, 1, 1) for day in found[2:])
    for name in ("sample_2", "sample_WA_grid08_row999_col1_normal", "sample_WA_grid08_row9_col2267_persistent_snow"):
        table = pd.read_csv(folder / f"{name}.csv", header=None)
        days = [date.fromordinal(int(d)) for d in table[0]]
        looks = real(days, table[[1, 2, 3, 4, 5, 6]].to_numpy(float), table.iloc[:, -1].isin((0, 1)).to_numpy())
        # COLD breaks sample_2 within its first three years, in what is here still the stretch it begins with.
        assert told(looks) == [] and cut(looks).status.tolist() == [Segmented.SEGMENTED]


def usgs(file: Path) -> Looks:
    """Clear looks of a pixel of the analysis-ready data, quality as bits of Collection 1."""
    taken = np.load(file, allow_pickle=True, encoding="latin1")[1]
    order = np.argsort(taken["dates"], kind="stable")
    bands = np.stack([np.asarray(taken[f"{band}s"], float) for band in BANDS], 1)[order]
    clear = np.isin(np.asarray(taken["qas"])[order], (66, 68, 130, 132, 322, 324, 386, 388))
    return real([date.fromordinal(int(d)) for d in np.asarray(taken["dates"])[order]], bands, clear)


def test_the_pixels_with_which_the_usgs_tests_its_own(shared: Path) -> None:
    """Beside COLD on the same looks (pyxccd 1.1.0): one break on 2002-06-22, none in the two of bare rock, few looks."""
    found = {
        file.stem.split("_", 1)[1]: usgs(file) for file in sorted((shared / "data/pixel-series/lcmap").glob("*.npy"))
    }
    assert told(found["-2010765_1964625_pixel"])[0] == (date(2002, 6, 22), Turn.LOSS)
    for name in ("-1945125_2844645_pixel_endfit", "-1945155_2844645_pixel_startfit", "-1947075_2846265_pixel_insuff"):
        # Seen in summer alone and snow for the rest: a level that shifts by .03 is a break here, of nothing that was forest.
        said = cut(found[name], Ccdc(forest_min=0.5))
        assert said.status.tolist() == [Segmented.SEGMENTED] and Turn.LOSS not in said.changes["turn"], name


def test_the_model_of_the_usgs_series_where_both_cut_alike(shared: Path) -> None:
    """Their coefficients are a lasso's and ours a ridge's; what both say of the ground is the same within its scatter."""
    folder = shared / "data/pixel-series/lcmap"
    table = pd.read_csv(folder / "test_3657_3610_observations.csv", header=None)
    days = [date.fromordinal(int(d)) for d in table[0]]
    ours = cut(real(days, table[[1, 2, 3, 4, 5, 6]].to_numpy(float), table.iloc[:, -1].isin((0, 1)).to_numpy()))
    theirs = pd.read_csv(folder / "test_3657_3610_coefficients.csv", header=None)
    for row, (first, last) in ((0, (724_785, 725_777)), (1, (728_385, 731_761))):
        terms = theirs[(theirs[0] == first) & (theirs[1] == last)].iloc[:, 2:8].to_numpy()
        ordinals = np.arange(first, min(last, int(ours.rows["last"][row]) + EPOCH), 30)
        said = wave(ordinals, ordinals) @ terms / 1e4
        mine = wave((ordinals - EPOCH - 10_957) / 365.25, ordinals - EPOCH) @ ours.coefficients[row, 1:].T
        assert np.sqrt(((said - mine) ** 2).mean(0)).max() < 0.03
        assert np.sqrt(((said[::-1] - mine) ** 2).mean(0)).max() > 0.03 or row == 1, "turned round in time it is not"


def wave(trend: NDArray[Any], days: NDArray[Any]) -> NDArray[np.float64]:
    """(time, term) of a model with three harmonics."""
    turns_ = 2 * np.pi * days / 365.25
    return np.stack([np.ones(len(days)), trend, *(f(k * turns_) for k in (1, 2, 3) for f in (np.cos, np.sin))], 1)


def test_the_felling_in_ohio(shared: Path) -> None:
    table = pd.read_csv(shared / "data/pixel-series/rbeast_ohio_landsat.csv")
    days = [date(int(y), int(m), int(d)) for y, m, d in zip(table.Y, table.M, table.D, strict=True)]
    looks = real(days, table[list(BANDS)].to_numpy(float), np.ones(len(table), np.bool_))
    assert told(looks) == [(date.fromordinal(734_963), Turn.LOSS)]  # COLD's day


@pytest.fixture(scope="module")
def chip(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Looks:
    """Five by five pixels of Colorado, 447 images."""
    folder = tmp_path_factory.mktemp("chip")
    with tarfile.open(shared / "data/colorado-landsat-chip/p035r032_testdata.tar.gz") as packed:
        packed.extractall(folder, filter="data")
    images = sorted(folder.glob("p035r032/images/*/*_stack.gtif"), key=lambda f: (f.parent.name[9:16], f.name))
    days = [date(int(f.parent.name[9:13]), 1, 1) + timedelta(int(f.parent.name[13:16]) - 1) for f in images]
    stacks = []
    for image in images:
        with rasterio.open(image) as opened:
            stacks.append(opened.read().reshape(8, 25))
    stack = np.stack(stacks).astype(float)
    good = np.isin(stack[:, 7], (0, 1)) & (stack[:, :6] > 0).all(1) & (stack[:, :6] < 10_000).all(1)
    values = np.where(good[:, None], with_nbr(stack[:, :6] / 1e4), np.float32(np.nan)).astype(np.float32)
    return Looks(
        tuple(scene(to_day(d), n, name=f.name) for n, (d, f) in enumerate(zip(days, images, strict=True))), values
    )


def test_the_forest_of_the_colorado_chip_went_in_1999_and_its_edge_stayed(chip: Looks) -> None:
    found = cut(chip)
    lost = found.changes[found.changes["turn"] == Turn.LOSS]
    years = {int(row["pixel"]): to_date(int(row["day"])) for row in lost}
    assert len(lost) == len(years) >= 12  # one each, in the lower half of the chip
    assert all(date(1999, 6, 1) <= day <= date(2000, 1, 1) and pixel >= 13 for pixel, day in years.items())
    assert (lost["magnitude"] < -0.3).all() and found.status[0] == Segmented.NO_LOOK


def test_the_chip_look_by_look(chip: Looks) -> None:
    inside, planes = np.ones(25, np.bool_), PLANES
    state, parts = begin(Ccdc(), planes, inside), []
    for first, last in pairwise([*range(0, len(chip.scenes), 40), len(chip.scenes)]):
        state, part = extend(
            Ccdc(), state, replace(chip, scenes=chip.scenes[first:last], values=chip.values[first:last])
        )
        parts.append(part.changes)
    whole = cut(chip).changes
    pieces = np.concatenate(parts)
    assert pieces[np.lexsort((pieces["day"], pieces["pixel"]))].tobytes() == whole.tobytes()
