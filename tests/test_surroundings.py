"""What lies around a cell: beside a count by brute force, and that neither place nor tiling nor the future shows."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.surroundings import (
    AT_ONCE_DAYS,
    FLAG,
    NAMES,
    RADII,
    TOGETHER_DAYS,
    Ground,
    laid,
    surroundings,
)

QUICK = settings(max_examples=25, deadline=None)
DAY = 10_000


def flags(*rows: tuple[int, int, int, int]) -> NDArray[Any]:
    """FLAG rows of (row, column, decided, broke)."""
    return np.array(list(rows), FLAG)


def said(rows: NDArray[Any], flagged: NDArray[Any], ground: Ground | None = None) -> dict[str, float]:
    """Of the first row."""
    return dict(zip(NAMES, surroundings(rows, flagged, ground)[0].tolist(), strict=True))


def drawn(seed: int, many: int = 60, size: int = 24) -> NDArray[Any]:
    """Flags on a small map, some cells several times."""
    rng = np.random.default_rng(seed)
    place, decided = rng.integers(0, size, (2, many)), rng.integers(DAY, DAY + 300, many)
    return np.array([*zip(*place.tolist(), decided.tolist(), (decided - rng.integers(0, 90, many)).tolist())], FLAG)  # noqa: B905


def ground_of(seed: int, corner: tuple[int, int], shape: tuple[int, int]) -> Ground:
    rng = np.random.default_rng(seed)
    layers = (rng.random((2, *shape)) < 0.3).astype(np.float32)
    layers[:, rng.random(shape) < 0.2] = np.nan
    return Ground(corner, layers[0], layers[1])


def by_hand(one: Any, flagged: NDArray[Any], ground: Ground) -> list[float]:
    """As it is said in MEANING, cell by cell."""
    first: dict[tuple[int, int], Any] = {}
    for flag in sorted(flagged, key=lambda f: f["decided"]):
        first.setdefault((int(flag["row"]), int(flag["column"])), flag)
    offsets = {
        (r - int(one["row"]), c - int(one["column"])): flag
        for (r, c), flag in first.items()
        if flag["decided"] <= one["decided"] and abs(int(flag["broke"]) - int(one["broke"])) <= TOGETHER_DAYS
    }

    def within(radius: int) -> list[tuple[int, int]]:
        return [o for o in offsets if max(map(abs, o)) <= radius]

    made = [len([o for o in within(k) if o != (0, 0)]) / ((2 * k + 1) ** 2 - 1) for k in RADII]

    def axes(some: list[tuple[int, int]]) -> tuple[float, float]:
        if not some:
            return 1 / 12, 1 / 12
        spread = np.cov(np.array(some, float).T, bias=True).reshape(2, 2) if len(some) > 1 else np.zeros((2, 2))
        small, large = np.linalg.eigvalsh(spread + np.eye(2) / 12)
        return max(small, 1 / 24), large

    small, large = axes(within(7))
    made.append(float(np.sqrt(large / small)))
    made.append(float(np.sqrt(axes(within(15))[1])))
    gaps = [int(offsets[o]["broke"]) - int(one["broke"]) for o in within(15)]
    made += [
        sum(abs(g) <= AT_ONCE_DAYS for g in gaps) / max(len(gaps), 1),
        sum(g > 0 for g in gaps) / max(len(gaps), 1),
    ]
    for layer in (ground.open, ground.water):
        for radius in (3, 15):
            values = [
                layer[r, c]
                for r in range(layer.shape[0])
                for c in range(layer.shape[1])
                if max(abs(r + ground.corner[0] - one["row"]), abs(c + ground.corner[1] - one["column"])) <= radius
            ]
            seen = [v for v in values if np.isfinite(v)]
            made.append(float(np.mean(seen)) if seen else np.nan)
    return made


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31))
def test_it_is_what_counting_cell_by_cell_says(seed: int) -> None:
    flagged, ground = drawn(seed), ground_of(seed, (4, -3), (18, 15))
    asked = drawn(seed + 1, 8)
    expected = np.array([by_hand(one, flagged, ground) for one in asked])
    np.testing.assert_allclose(surroundings(asked, flagged, ground), expected, rtol=2e-5, atol=1e-6)


def test_shapes_by_hand() -> None:
    me = flags((0, 0, DAY, DAY))
    alone = said(me, me)
    assert (alone["near_1"], alone["line"], alone["at_once"], alone["newest"]) == (0, 1, 1, 0)
    line = flags(*((0, c, DAY, DAY) for c in range(-3, 4)))
    found = said(me, line)
    assert found["near_1"] == 2 / 8 and found["near_3"] == pytest.approx(6 / 48)
    variance = 4.0  # of -3 to 3, and each cell is a square
    assert found["line"] == pytest.approx(np.sqrt((variance + 1 / 12) / (1 / 12)))
    assert found["extent"] == pytest.approx(np.sqrt(variance + 1 / 12))
    square = flags(*((r, c, DAY, DAY) for r in range(-1, 2) for c in range(-1, 2)))
    assert said(me, square)["near_1"] == 1 and said(me, square)["line"] == pytest.approx(1)
    diagonal = said(me, flags(*((i, i, DAY, DAY) for i in range(-3, 4))))
    assert diagonal["line"] > 5


@pytest.mark.parametrize(
    ("flag", "counts"),
    [
        ((0, 1, DAY, DAY), True),
        ((0, 1, DAY + 1, DAY), False),  # flagged on a later day
        ((0, 1, DAY, DAY - TOGETHER_DAYS), True),
        ((0, 1, DAY, DAY - TOGETHER_DAYS - 1), False),  # of another season
        ((0, 2, DAY, DAY), False),  # farther away
    ],
)
def test_what_counts_as_near(flag: tuple[int, int, int, int], counts: bool) -> None:
    assert (said(flags((0, 0, DAY, DAY)), flags(flag))["near_1"] > 0) is counts


def test_changes_at_once_and_newer_ones() -> None:
    me = flags((0, 0, DAY + 40, DAY))
    others = flags(*((0, c, DAY + 40, DAY + gap) for c, gap in ((1, 0), (2, -16), (3, 17), (4, 1))))
    found = said(me, others)
    assert (found["at_once"], found["newest"]) == (3 / 4, 2 / 4)


def test_of_several_flags_of_a_cell_the_first_counts() -> None:
    me = flags((0, 0, DAY + 9, DAY))
    twice = flags((0, 1, DAY + 9, DAY), (0, 1, DAY + 3, DAY - 999))
    for order in (twice, twice[::-1]):
        assert said(me, order)["near_1"] == 0


@QUICK
@given(st.integers(0, 2**31))
def test_flags_of_later_days_say_nothing(seed: int) -> None:
    flagged, asked = drawn(seed), drawn(seed + 1, 10)
    whole = surroundings(asked, flagged)
    for i, one in enumerate(asked):
        early = flagged[flagged["decided"] <= one["decided"]]
        np.testing.assert_array_equal(surroundings(asked[i : i + 1], early)[0], whole[i])


@QUICK
@given(st.integers(0, 2**31), st.integers(-300_000, 300_000), st.integers(-300_000, 300_000))
def test_place_and_order_do_not_show(seed: int, down: int, right: int) -> None:
    flagged, asked, ground = drawn(seed), drawn(seed + 1, 10), ground_of(seed, (4, -3), (18, 15))
    here = surroundings(asked, flagged, ground)
    order = np.random.default_rng(seed).permutation(len(flagged))
    moved, there = flagged[order].copy(), asked[::-1].copy()
    for rows in (moved, there):
        rows["row"] += down
        rows["column"] += right
    far = Ground((4 + down, -3 + right), ground.open, ground.water)
    late = [i for i in range(len(flagged)) if not _twice(flagged, i)]
    np.testing.assert_array_equal(surroundings(there, moved, far)[::-1][:, 8:], here[:, 8:])
    kept = flagged[late]
    np.testing.assert_array_equal(
        surroundings(there, moved[np.isin(order, late)], far)[::-1], surroundings(asked, kept, ground)
    )


def _twice(flagged: NDArray[Any], i: int) -> bool:
    """Is there an earlier row of the same cell and day? Of such the first in the file counts."""
    same = (flagged["row"] == flagged["row"][i]) & (flagged["column"] == flagged["column"][i])
    return bool((same & (flagged["decided"] == flagged["decided"][i]))[:i].any())


def test_ground_that_is_not_known_is_left_out() -> None:
    open_ = np.full((7, 7), np.nan, np.float32)
    open_[3, 3], open_[0, 0] = 1, 0
    found = said(flags((3, 3, DAY, DAY)), flags((3, 3, DAY, DAY)), Ground((0, 0), open_, open_ * np.nan))
    assert found["open_3"] == found["open_15"] == 0.5
    assert np.isnan(found["water_3"]) and np.isnan(found["water_15"])
    beyond = said(flags((500, 3, DAY, DAY)), flags((3, 3, DAY, DAY)), Ground((0, 0), open_, open_))
    assert np.isnan(beyond["open_15"]), "nothing known lies within reach"
    without = said(flags((3, 3, DAY, DAY)), flags((3, 3, DAY, DAY)))
    assert all(np.isnan(without[n]) for n in ("open_3", "open_15", "water_3", "water_15"))


def test_a_share_is_as_exact_however_large_the_sum_over_the_area() -> None:
    """As over 100 million open cells: beyond 2 to the 24 a float32 no longer counts single ones."""
    layer = np.zeros((60, 60), np.float32)
    layer[30, 31:34], layer[0, 0] = 1, 1e8
    asked = flags((30, 30, DAY, DAY), (0, 0, DAY, DAY))
    found = said(asked, asked, Ground((0, 0), layer, layer))
    assert found["open_3"] == found["water_3"] == pytest.approx(3 / 49)
    assert found["open_15"] == pytest.approx(3 / 961)


@QUICK
@given(st.integers(0, 2**31), st.integers(1, 20), st.integers(1, 20))
def test_tiles_laid_side_by_side_are_one_ground(seed: int, high: int, wide: int) -> None:
    whole = ground_of(seed, (-7, 11), (18, 15))
    parts = [
        Ground((-7 + r, 11 + c), whole.open[r : r + high, c : c + wide], whole.water[r : r + high, c : c + wide])
        for r in range(0, 18, high)
        for c in range(0, 15, wide)
    ]
    order = np.random.default_rng(seed).permutation(len(parts))
    together = laid([parts[i] for i in order])
    assert together.corner == whole.corner
    np.testing.assert_array_equal(together.open, whole.open)
    np.testing.assert_array_equal(together.water, whole.water)
    gap = laid([parts[0], Ground((40, 40), np.ones((1, 1), np.float32), np.ones((1, 1), np.float32))])
    assert np.isnan(gap.open[-1, 0]) and gap.open[-1, -1] == 1


def test_nobody_asks() -> None:
    assert surroundings(flags(), drawn(1)).shape == (0, len(NAMES))
    assert surroundings(drawn(1), flags())[:, :4].sum() == 0
