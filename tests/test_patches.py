"""Patches: the same whatever the tiling, joined by distance and time, and never two owners of one cell."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import FIRST_DAY, grids, legal_logs

from detection.codes import Step
from detection.monitors import LOG
from detection.patches import CELL_LOG, Cell, Member, Patch, Patches, follow, on_lattice
from detection.patches.graph import groups, pairs
from detection.types import SECONDS_A_DAY, Grid

PROVISIONAL, CONFIRMED, EXPIRED, FINISHED = Step
ANY_SIZE = Patches(minimum_mapping_unit_ha=0, support=0)
QUICK = settings(max_examples=40, deadline=None)
Row = tuple[int, int, int, Step]


def log_of(*rows: tuple[int, ...], hectares: float = 0.09) -> NDArray[Any]:
    """Rows of (day, row, column, step[, change day]); the change is on that day where it is not told."""
    log = np.zeros(len(rows), CELL_LOG)
    for record, (day, row, column, step, *change) in zip(log, rows, strict=True):
        record["instant"], record["row"], record["column"] = (FIRST_DAY + day) * SECONDS_A_DAY, row, column
        record["step"], record["change_day"] = step, FIRST_DAY + (change[0] if change else day)
        record["hectares"], record["count"], record["magnitude"], record["sigma"] = hectares, 3, -0.3, 5
    return log


def final(log: NDArray[Any], rules: Patches = ANY_SIZE, resolution: int = 30) -> list[Patch]:
    """Every patch ever, in order of appearance, as it stands after the last look."""
    seen = {p.number: p for _, touched in follow(log, resolution, rules) for p in touched}
    return [seen[n] for n in sorted(seen)]


def cells(patch: Patch) -> list[tuple[int, int]]:
    return sorted(patch.members)


def spread(log: NDArray[Any], grid: Grid, size: int) -> list[NDArray[Any]]:
    """The log of a grid's pixels as the logs of its tiles, on the lattice."""
    parts = []
    row, column = np.divmod(log["pixel"], grid.shape[1])
    for tile in grid.tiles(size):
        top, left = grid.offset(tile)
        mine = (row >= top) & (row < top + tile.shape[0]) & (column >= left) & (column < left + tile.shape[1])
        part = log[mine]
        part["pixel"] = (row[mine] - top) * tile.shape[1] + column[mine] - left
        parts.append(on_lattice(part, tile))
    return parts


@QUICK
@given(st.data())
def test_the_log_of_the_tiles_is_the_log_of_the_whole(data: st.DataObject) -> None:
    grid = data.draw(grids(12))
    log = data.draw(legal_logs(grid.shape, looks=4))
    whole = on_lattice(log, grid)
    parts = np.concatenate(spread(log, grid, data.draw(st.integers(1, 13))))
    np.testing.assert_array_equal(
        np.sort(parts, order=["instant", "row", "column"]), np.sort(whole, order=["instant", "row", "column"])
    )


def test_cells_are_named_on_the_absolute_lattice() -> None:
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, (4, 5))
    log = np.zeros(1, LOG)
    log["pixel"] = 7
    row = on_lattice(log, grid)[0]
    assert (row["row"], row["column"]) == (-8_600_040 // 30 + 1, 300_000 // 30 + 2)
    assert row["hectares"] == pytest.approx(0.09, rel=2e-3)
    assert len(on_lattice(log[:0], grid)) == 0


@QUICK
@given(st.data())
def test_the_order_of_the_rows_does_not_matter(data: st.DataObject) -> None:
    shape = (6, 6)
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, shape)
    log = on_lattice(data.draw(legal_logs(shape)), grid)
    mixed = log[np.random.default_rng(data.draw(st.integers(0, 99))).permutation(len(log))]
    rules = Patches(minimum_mapping_unit_ha=data.draw(st.sampled_from([0, 0.2, 0.5])))
    told = [
        [(i, p.number, cells(p), p.minted, p.confirmed, p.merged_into, p.previous) for p in t]
        for i, t in follow(log, 30, rules)
    ]
    again = [
        [(i, p.number, cells(p), p.minted, p.confirmed, p.merged_into, p.previous) for p in t]
        for i, t in follow(mixed, 30, rules)
    ]
    assert told == again
    assert [i for i, _ in follow(log, 30, rules)] == sorted(set(log["instant"].tolist()))


@QUICK
@given(st.data())
def test_every_cell_is_somewhere_and_open_in_one_patch_at_most(data: st.DataObject) -> None:
    """After every look: the cells of the log that are open are exactly those of the open patches, each once."""
    shape = (5, 5)
    log = on_lattice(
        data.draw(legal_logs(shape, looks=16, share=0.7)), Grid("EPSG:32719", 300_000, 8_600_040, 30, shape)
    )
    rules = Patches(
        minimum_mapping_unit_ha=data.draw(st.sampled_from([0, 0.2])),
        join_window_days=data.draw(st.sampled_from([10, 90])),
    )
    state: dict[tuple[int, int], int] = {}
    seen: dict[int, Patch] = {}
    for instant, touched in follow(log, 30, rules):
        state |= {(int(r["row"]), int(r["column"])): int(r["step"]) for r in log[log["instant"] == instant]}
        seen |= {p.number: p for p in touched}
        expected = {c: s for c, s in state.items() if s in (PROVISIONAL, CONFIRMED)}
        held = [
            (c, int(m.step)) for p in seen.values() for c, m in p.members.items() if m.step in (PROVISIONAL, CONFIRMED)
        ]
        assert len(held) == len(dict(held))
        assert dict(held) == expected
        assert all(not p.members for p in seen.values() if p.merged_into is not None)


@pytest.mark.parametrize(
    ("gap_m", "apart", "joined"),
    [(0, 1, True), (0, 2, False), (29, 2, False), (30, 2, True), (30, 3, False), (60, 3, True)],
)
def test_the_gap_that_joins(gap_m: int, apart: int, joined: bool) -> None:
    rules = Patches(minimum_mapping_unit_ha=0, join_distance_m=gap_m)
    for rows, columns in ((apart, 0), (0, apart), (apart, apart)):
        log = log_of((0, 0, 0, PROVISIONAL), (0, rows, columns, PROVISIONAL))
        assert len(final(log, rules)) == (1 if joined else 2)
        later = log_of((0, 0, 0, PROVISIONAL), (9, rows, columns, PROVISIONAL))
        assert len(final(later, rules)) == (1 if joined else 2)


def test_the_gap_is_in_metres_not_cells() -> None:
    log = log_of((0, 0, 0, PROVISIONAL), (0, 0, 4, PROVISIONAL))
    assert len(final(log, ANY_SIZE, resolution=10)) == 1  # 30 m between them
    assert len(final(log, ANY_SIZE, resolution=30)) == 2


@pytest.mark.parametrize(("change", "patches"), [(90, 1), (91, 2)])
def test_the_window_that_joins(change: int, patches: int) -> None:
    log = log_of((0, 0, 0, PROVISIONAL), (100, 0, 1, PROVISIONAL, change))
    assert len(final(log)) == patches
    apart = log_of((100, 0, 0, PROVISIONAL, 0), (100, 0, 1, PROVISIONAL, change))
    assert len(final(apart)) == patches  # the default of the window within a look is the same


def test_confirming_keeps_the_window_open() -> None:
    log = log_of((0, 0, 0, PROVISIONAL), (50, 0, 0, CONFIRMED, 0), (145, 0, 1, PROVISIONAL, 140))
    assert len(final(log)) == 1


def test_a_new_cell_between_two_patches_merges_them_into_the_older() -> None:
    log = log_of((0, 0, 6, PROVISIONAL), (5, 0, 0, PROVISIONAL), (9, 0, 3, PROVISIONAL))
    rules = Patches(minimum_mapping_unit_ha=0, join_distance_m=60)
    older, younger = final(log, rules)
    assert cells(older) == [(0, 0), (0, 3), (0, 6)]
    assert (younger.merged_into, younger.members) == (older.number, {})


def test_the_older_is_the_one_minted_first() -> None:
    """The first to appear stays too small; the second is large enough at once."""
    small = log_of((0, 0, 9, PROVISIONAL), hectares=0.1)
    large = log_of((5, 0, 0, PROVISIONAL), (5, 0, 1, PROVISIONAL), hectares=0.3)
    bridge = log_of(*[(9, 0, c, PROVISIONAL) for c in (3, 5, 7)], hectares=0.1)
    first, second = final(np.concatenate([small, large, bridge]), Patches())
    assert first.merged_into == second.number
    assert (second.minted, second.anchor.column) == ((FIRST_DAY + 5) * SECONDS_A_DAY, 0)


def test_expired_cells_leave_and_finished_ones_stay() -> None:
    begun = log_of((0, 0, 0, PROVISIONAL), (0, 0, 1, PROVISIONAL), (9, 0, 0, CONFIRMED, 0))
    ended = log_of((20, 0, 1, EXPIRED, 0), (30, 0, 0, FINISHED, 0))
    (patch,) = final(np.concatenate([begun, ended]))
    assert cells(patch) == [(0, 0)]
    assert not patch.open
    assert patch.confirmed == FIRST_DAY + 9


def test_confirmed_means_confirmed_cells_alone_reach_the_unit() -> None:
    rows = [(0, 0, c, PROVISIONAL) for c in range(6)] + [(9 + c, 0, c, CONFIRMED, 0) for c in range(6)]
    (patch,) = final(log_of(*rows), Patches(minimum_mapping_unit_ha=0.25))
    assert patch.confirmed == FIRST_DAY + 9 + 2  # the third of 0.09 ha each
    assert patch.minted == FIRST_DAY * SECONDS_A_DAY


def test_a_closed_patch_is_not_joined_but_followed_on() -> None:
    event = log_of((0, 0, 0, PROVISIONAL), (9, 0, 0, CONFIRMED, 0), (40, 0, 0, FINISHED, 0))
    again = log_of((60, 0, 0, PROVISIONAL, 50))
    first, second = final(np.concatenate([event, again]))
    assert (first.previous, second.previous) == (None, first.number)
    assert cells(first) == cells(second) == [(0, 0)]


def test_a_closed_patch_too_small_to_tell_of_is_nobodys_predecessor() -> None:
    event = log_of((0, 0, 0, PROVISIONAL), (9, 0, 0, CONFIRMED, 0), (40, 0, 0, FINISHED, 0))
    again = log_of((60, 0, 0, PROVISIONAL, 50), (60, 0, 1, PROVISIONAL, 50))
    _, second = final(np.concatenate([event, again]), Patches(minimum_mapping_unit_ha=0.15))
    assert second.previous is None


OLD_AND_NEW = (
    *((0, 0, c, PROVISIONAL) for c in (0, 1)),
    *((20, 0, c, CONFIRMED, 0) for c in (0, 1)),
    (60, 0, 0, FINISHED, 0),
    (200, 0, 0, PROVISIONAL, 195),  # too long after the patch last grew: a new one, while the old is still open
)


def test_an_old_patch_that_closes_leaves_a_cell_to_its_new_owner() -> None:
    log = log_of(*OLD_AND_NEW, (210, 0, 1, FINISHED, 0), (220, 0, 0, CONFIRMED, 195), (300, 0, 0, FINISHED, 195))
    old, new = final(log)
    assert (cells(old), cells(new)) == ([(0, 0), (0, 1)], [(0, 0)])
    assert (old.open, new.open) == (False, False)
    assert new.confirmed == FIRST_DAY + 220
    *_, third = final(np.concatenate([log, log_of((400, 0, 0, PROVISIONAL))]))
    assert third.previous == new.number


def test_patches_that_merge_keep_the_newest_of_a_cell() -> None:
    """A cell that is finished in the old patch and open in the new one is open in what they merge to."""
    log = log_of(*OLD_AND_NEW, (220, 0, 0, CONFIRMED, 195), (230, 0, 2, PROVISIONAL, 100))
    old, new = final(log)
    assert new.merged_into == old.number
    assert {c[1]: int(m.step) for c, m in old.members.items()} == {0: CONFIRMED, 1: CONFIRMED, 2: PROVISIONAL}


def test_one_look_is_one_step_whatever_its_rows() -> None:
    log = log_of((0, 0, 0, PROVISIONAL), (0, 9, 9, PROVISIONAL), (3, 0, 0, EXPIRED, 0))
    steps = [(i // SECONDS_A_DAY - FIRST_DAY, [p.number for p in touched]) for i, touched in follow(log, 30, ANY_SIZE)]
    assert steps == [(0, [1, 2]), (3, [1])]
    assert list(follow(log[:0], 30, ANY_SIZE)) == []


def test_hectares_are_summed_by_step() -> None:
    log = log_of((0, 0, 0, PROVISIONAL), (0, 0, 1, PROVISIONAL), (9, 0, 1, CONFIRMED, 0))
    (patch,) = final(log)
    assert patch.hectares(PROVISIONAL) == patch.hectares(CONFIRMED) == pytest.approx(0.09)
    assert patch.hectares(PROVISIONAL, CONFIRMED) == pytest.approx(0.18)
    assert patch.hectares(FINISHED) == 0


def test_a_patch_taken_in_brings_no_old_state_of_a_cell_its_new_home_owns() -> None:
    """Column 3 is finished in the patch taken in, and open anew in the older one that takes it in."""
    home = log_of((0, 0, 0, PROVISIONAL), (60, 0, 0, CONFIRMED, 0), (150, 0, 1, PROVISIONAL, 145))
    other = log_of(*((5, 0, c, PROVISIONAL) for c in (3, 4)), *((20, 0, c, CONFIRMED, 5) for c in (3, 4)))
    after = log_of((60, 0, 3, FINISHED, 5), (200, 0, 3, PROVISIONAL, 195), (230, 0, 2, PROVISIONAL, 100))
    first, second = final(np.concatenate([home, other, after]))
    assert second.merged_into == first.number
    steps = {c[1]: int(m.step) for c, m in first.members.items()}
    assert steps == {0: CONFIRMED, 1: PROVISIONAL, 2: PROVISIONAL, 3: PROVISIONAL, 4: CONFIRMED}


def test_what_is_finished_counts_as_confirmed() -> None:
    begun = log_of(*((0, 0, c, PROVISIONAL) for c in range(3)), (9, 0, 0, CONFIRMED, 0), (20, 0, 0, FINISHED, 0))
    ended = log_of((30, 0, 1, CONFIRMED, 0), (31, 0, 2, CONFIRMED, 0))
    (patch,) = final(np.concatenate([begun, ended]), Patches(minimum_mapping_unit_ha=0.25))
    assert patch.confirmed == FIRST_DAY + 31


def a_member(row: int, column: int) -> Member:
    return Member(row, column, 0.09, 0, int(PROVISIONAL), 0, -1, 3, -0.3, 5.0, 6.0)


def near(a: Cell, b: Cell, reach: int) -> bool:
    return max(abs(a[0] - b[0]), abs(a[1] - b[1])) <= reach


def flooded(among: Collection[Cell], reach: int) -> list[set[Cell]]:
    """The cells in groups that `reach` joins, cell by cell."""
    left, found = set(among), []
    while left:
        group, edge = set(), [left.pop()]
        while edge:
            cell = edge.pop()
            group.add(cell)
            edge += (close := {c for c in left if near(c, cell, reach)})
            left -= close
        found.append(group)
    return found


def test_a_member_is_a_row_of_the_log_field_by_field() -> None:
    assert tuple("count" if name == "looks" else name for name in Member._fields) == CELL_LOG.names


@QUICK
@given(
    st.sets(st.tuples(st.integers(-9, 9), st.integers(-400, -380))),
    st.integers(1, 4),
    st.tuples(*[st.integers(-9, 9)] * 2),
)
def test_pairs_and_groups_are_those_found_cell_by_cell(some: set[Cell], reach: int, corner: Cell) -> None:
    members = [a_member(r + corner[0], c + corner[1]) for r, c in sorted(some)]
    found = pairs(members, reach)
    every = [(i, j) for j in range(len(members)) for i in range(j) if near(members[i][:2], members[j][:2], reach)]
    assert sorted(map(tuple, found.tolist())) == sorted(every)
    together = groups(found, len(members), len(members))
    expected = flooded([m[:2] for m in members], reach)
    assert sorted(sorted(members[i][:2] for i in g) for g in together) == sorted(map(sorted, expected))
    assert [g[0] for g in together] == sorted(g[0] for g in together)


def line(day: int, many: int, step: Step, change: int = 0, first: int = 0) -> NDArray[Any]:
    """A diagonal of single cells, as a road over a coarse grid."""
    return log_of(*((day, i, i, step, change) for i in range(first, first + many)))


@pytest.mark.parametrize("support", [0, 1, 2])
def test_a_road_one_cell_wide_keeps_its_confirmation(support: int) -> None:
    """Six cells of 0.09 ha are just 0.54 ha: the ends must count too."""
    rules = replace(Patches(), support=support)
    (road,) = final(np.concatenate([line(0, 6, PROVISIONAL), line(9, 6, CONFIRMED)]), rules)
    assert road.confirmed == FIRST_DAY + 9
    (road,) = final(np.concatenate([line(0, 6, PROVISIONAL), line(9, 6, CONFIRMED)]), replace(rules, support=3))
    assert road.confirmed is None


@pytest.mark.parametrize(("cells_in_a_row", "sure"), [(1, False), (2, False), (3, True)])
def test_a_lone_cell_confirms_nothing(cells_in_a_row: int, sure: bool) -> None:
    log = np.concatenate([line(0, cells_in_a_row, PROVISIONAL), line(9, cells_in_a_row, CONFIRMED)])
    (patch,) = final(log, Patches(minimum_mapping_unit_ha=0))
    assert (patch.minted is not None, patch.confirmed is not None) == (True, sure)


def test_a_confirmation_counts_once_its_support_is_there() -> None:
    rules = Patches(minimum_mapping_unit_ha=0)
    alone = np.concatenate([line(0, 1, PROVISIONAL), line(9, 1, CONFIRMED)])
    (patch,) = final(np.concatenate([alone, line(20, 2, PROVISIONAL, 18, first=1)]), rules)
    assert patch.confirmed == FIRST_DAY + 20
    gone = np.concatenate([line(0, 3, PROVISIONAL), log_of((5, 1, 1, EXPIRED, 0), (9, 0, 0, CONFIRMED, 0))])
    (patch,) = final(gone, rules)
    assert patch.confirmed is None


def test_an_unrelated_change_beside_supports_nothing() -> None:
    """Confirmed alone; what comes beside it half a year later is another event."""
    log = np.concatenate(
        [
            line(0, 1, PROVISIONAL),
            line(9, 1, CONFIRMED),
            line(200, 3, PROVISIONAL, 195, first=1),
            line(201, 1, CONFIRMED),
        ]
    )
    old, _ = final(log, Patches(minimum_mapping_unit_ha=0))
    assert (cells(old), old.confirmed) == ([(0, 0)], None)


@QUICK
@given(st.data())
def test_support_is_counted_over_the_24_around(data: st.DataObject) -> None:
    """Look by look, cell by cell: an alert is confirmed on the first look when enough confirmed hectares have support."""
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, (6, 6))
    log = on_lattice(data.draw(legal_logs(grid.shape, looks=12, share=0.5)), grid)
    support, mmu = data.draw(st.integers(0, 6)), data.draw(st.sampled_from([0, 0.2]))
    seen: dict[int, int | None] = {}
    for instant, touched in follow(log, 30, Patches(minimum_mapping_unit_ha=mmu, support=support)):
        for patch in touched:
            if patch.number in seen and seen[patch.number] is None:
                held = [
                    m.hectares
                    for c, m in patch.members.items()
                    if m.step in (CONFIRMED, FINISHED)
                    and sum(near(c, other, 2) for other in patch.members) - 1 >= support
                ]
                enough = patch.minted is not None and sum(held) >= mmu and len(held) > 0
                assert patch.confirmed == (instant // SECONDS_A_DAY if enough else None)
            seen[patch.number] = patch.confirmed


def row_of(day: int, columns: Collection[int], step: Step, change: int = 0) -> NDArray[Any]:
    return log_of(*((day, 0, c, step, change) for c in columns))


def test_what_falls_apart_is_split_and_the_largest_goes_on() -> None:
    whole = row_of(0, range(9), PROVISIONAL)
    first, second = final(np.concatenate([whole, row_of(20, (2, 3), EXPIRED)]))
    assert (first.number, second.number) == (1, 2)
    assert ([c for _, c in cells(first)], [c for _, c in cells(second)]) == ([4, 5, 6, 7, 8], [0, 1])
    assert (second.previous, second.minted) == (first.number, (FIRST_DAY + 20) * SECONDS_A_DAY)
    assert second.began == first.minted
    (only,) = final(np.concatenate([whole, row_of(20, (2,), EXPIRED)]))  # a gap of one cell still joins
    assert len(only.members) == 8


def test_of_equals_the_first_goes_on() -> None:
    first, second = final(np.concatenate([row_of(0, range(6), PROVISIONAL), row_of(20, (2, 3), EXPIRED)]))
    assert ([c for _, c in cells(first)], [c for _, c in cells(second)]) == ([0, 1], [4, 5])


def test_a_part_too_small_is_no_alert_until_it_has_grown() -> None:
    rules = Patches(minimum_mapping_unit_ha=0.2)
    log = np.concatenate([row_of(0, range(7), PROVISIONAL), row_of(20, (4, 5), EXPIRED)])
    whole, part = final(log, rules)
    assert (len(whole.members), cells(part), part.minted) == (4, [(0, 6)], None)
    whole, part = final(np.concatenate([log, row_of(30, (7, 8), PROVISIONAL, 25)]), rules)
    assert (part.minted, part.began) == ((FIRST_DAY + 30) * SECONDS_A_DAY,) * 2
    assert part.previous == whole.number


def test_a_part_of_what_was_never_told_follows_on_nothing() -> None:
    log = np.concatenate([row_of(0, range(4), PROVISIONAL), row_of(20, (1, 2), EXPIRED)])
    _, part = final(log, Patches())
    assert (part.minted, part.previous) == (None, None)


def test_a_part_tells_since_when_its_own_cells_were_told() -> None:
    """Columns 0 to 3 alarm on day 0, 4 to 8 on day 10; those are confirmed on days 30 and 40; the bridge expires."""
    grown = (row_of(0, range(4), PROVISIONAL), row_of(10, range(4, 9), PROVISIONAL, 5), row_of(20, range(2), CONFIRMED))
    sure = (row_of(30, (7,), CONFIRMED, 5), row_of(40, (8,), CONFIRMED, 5), row_of(50, (4, 5), EXPIRED, 5))
    rules = Patches(minimum_mapping_unit_ha=0.15, support=0)
    whole, part = final(np.concatenate([*grown, *sure]), rules)
    assert ([c for _, c in cells(whole)], whole.confirmed) == ([0, 1, 2, 3], FIRST_DAY + 20)
    assert [c for _, c in cells(part)] == [6, 7, 8]
    assert (part.began, part.confirmed) == ((FIRST_DAY + 10) * SECONDS_A_DAY, FIRST_DAY + 40)
    assert part.last_grown == FIRST_DAY + 40


def test_a_part_that_is_over_stays_and_takes_in_nothing_new() -> None:
    log = np.concatenate([row_of(0, range(7), PROVISIONAL), row_of(9, (0, 1), CONFIRMED), row_of(30, (0, 1), FINISHED)])
    log = np.concatenate([log, row_of(40, (2, 3), EXPIRED)])
    (patch,) = final(log)
    assert ([c for _, c in cells(patch)], patch.open) == ([0, 1, 4, 5, 6], True)
    patch, after = final(np.concatenate([log, row_of(60, (0,), PROVISIONAL, 55)]))
    assert (cells(after), after.previous) == ([(0, 0)], patch.number)
    assert len(patch.members) == 5


@QUICK
@given(st.data())
def test_what_is_under_alarm_in_a_patch_hangs_together(data: st.DataObject) -> None:
    shape = (7, 7)
    log = on_lattice(
        data.draw(legal_logs(shape, looks=12, share=0.45)), Grid("EPSG:32719", 300_000, 8_600_040, 30, shape)
    )
    distance = data.draw(st.sampled_from([0, 30]))
    rules = replace(ANY_SIZE, join_distance_m=distance, component_window_days=data.draw(st.sampled_from([5, 90])))
    for _, touched in follow(log, 30, rules):
        for patch in touched:
            alive = {c for c, m in patch.members.items() if m.step in (PROVISIONAL, CONFIRMED)}
            parts = flooded(patch.members, 1 + distance // 30)
            assert sum(not alive.isdisjoint(part) for part in parts) <= 1


@pytest.mark.parametrize(("apart", "patches"), [(10, 1), (11, 2)])
def test_one_window_for_a_look_and_one_for_an_open_patch(apart: int, patches: int) -> None:
    rules = replace(ANY_SIZE, component_window_days=10, join_window_days=90)
    together = log_of((100, 0, 0, PROVISIONAL, 0), (100, 0, 1, PROVISIONAL, apart))
    assert len(final(together, rules)) == patches
    later = log_of((0, 0, 0, PROVISIONAL, 0), (100, 0, 1, PROVISIONAL, apart))
    assert len(final(later, rules)) == 1


def test_a_part_that_lacks_support_is_not_confirmed_by_what_it_was_part_of() -> None:
    log = [row_of(0, range(9), PROVISIONAL), row_of(9, range(9), CONFIRMED), row_of(30, (6,), EXPIRED)]
    rules = Patches(minimum_mapping_unit_ha=0, join_distance_m=0)
    whole, part = final(np.concatenate(log), rules)
    assert ([c for _, c in cells(part)], part.confirmed, whole.confirmed) == ([7, 8], None, FIRST_DAY + 9)


@pytest.mark.parametrize(("change", "patches"), [(100, 2), (101, 3)])
def test_a_part_stays_open_to_new_cells_since_its_own_growth(change: int, patches: int) -> None:
    """The whole grew last on day 60, but the part, columns 8 and 9, on day 10."""
    log = [row_of(0, range(8), PROVISIONAL), row_of(10, (8, 9), PROVISIONAL, 5), row_of(60, (0,), CONFIRMED)]
    log += [row_of(70, (6, 7), EXPIRED), row_of(110, (10,), PROVISIONAL, change)]
    assert len(final(np.concatenate(log))) == patches
