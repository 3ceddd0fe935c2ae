"""What was acquired, read and clear: nothing is lost between the two, and no gap is explained away."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection.codes import Observation
from detection.types import SECONDS_A_DAY, Row, Scene, to_date, to_day
from jobs.completeness import (
    WORDS,
    Coverage,
    Fate,
    Gap,
    Line,
    account,
    completeness,
    looked,
    reasons,
    recorded_rows,
    usual_interval,
)

START = to_day(date(2024, 1, 1))
CLEAR, CLOUD, AWAY, LACK, LOST = (
    (90, 10, 0, 0, 0),
    (0, 100, 0, 0, 0),
    (0, 0, 100, 0, 0),
    (0, 0, 0, 100, 0),
    (50, 0, 0, 0, 50),
)


def row(day: int, sensor: str = "landsat-c2l2", name: str = "") -> Row:
    return Row(Scene((START + day) * SECONDS_A_DAY + 50_000, "p", name or f"{sensor}-{day}"), sensor)


def rows(days: Sequence[int], sensor: str = "landsat-c2l2") -> list[Row]:
    return [row(day, sensor) for day in days]


def cover(of: Sequence[Row], counts: Sequence[int], tile: str = "a") -> list[Coverage]:
    return list(looked(tile, of, {r.scene.id: counts for r in of}))


def whole(manifest: Sequence[Row], coverage: Sequence[Coverage], tiles: Sequence[str] = ("a",)) -> Line:
    return next(line for line in account(manifest, coverage, tiles, START) if not line.tile)


counts = st.tuples(*[st.integers(0, 40)] * 5)
cell = st.one_of(st.none(), counts)


@given(st.data())
def test_every_acquisition_has_one_fate_per_tile_and_sensor(data: st.DataObject) -> None:
    days = data.draw(st.lists(st.tuples(st.integers(0, 90), st.sampled_from("xyz")), max_size=25, unique=True))
    tiles = data.draw(st.sampled_from([("a",), ("a", "b"), ("a", "b", "c")]))
    manifest = sorted((row(day, sensor) for day, sensor in days), key=lambda r: r.scene)
    seen = {tile: {r.scene.id: data.draw(cell) for r in manifest} for tile in tiles}
    gone = cover([row(3, "gone")], CLEAR)  # on record, but no longer in the catalogue
    told = {tile: looked(tile, manifest, {k: v for k, v in seen[tile].items() if v}) for tile in tiles}
    lines = account(manifest, [*gone, *(c for some in told.values() for c in some)], tiles, START)
    assert {(line.sensor, line.tile) for line in lines} == {(s, t) for _, s in days for t in ("", *tiles)}
    for line in lines:
        mine = [r for r in manifest if r.sensor == line.sensor]
        assert line.acquired == len(mine)
        assert line.acquired == line.read + line.outside + line.missing + line.failed + line.unread
        for gap in (*line.gaps, *([line.longest_dark] if line.longest_dark else [])):
            assert gap.days >= 0
        if line.tile:
            fates = {r.scene.id: seen[line.tile][r.scene.id] for r in mine}
            assert line.unread == sum(f is None for f in fates.values())
            assert line.failed == sum(bool(f and f[Observation.FAILED]) for f in fates.values())
            clean = [f for f in fates.values() if f and not f[Observation.FAILED]]
            assert line.read == sum(f[Observation.OBSERVED] + f[Observation.MASKED] > 0 for f in clean)
        if line.clear_share is not None:
            assert 0 <= line.clear_share <= 1
            assert line.read or not line.tile


@given(st.lists(st.integers(0, 400), max_size=30), st.randoms())
def test_the_account_does_not_depend_on_the_order_of_the_ledger(days: list[int], shuffle: object) -> None:
    manifest = sorted(rows(sorted(set(days))), key=lambda r: r.scene)
    told = cover(manifest[::2], CLEAR) + cover(manifest[1::2], LOST) + cover(manifest, CLOUD, "b")
    mixed = list(told)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    assert account(manifest, mixed, ("a", "b"), START) == account(manifest, told, ("a", "b"), START)


def test_cells_decide_the_fate() -> None:
    (one,) = cover([row(0)], (1, 2, 3, 4, 5))
    assert (one.observed, one.masked, one.outside, one.missing, one.failed, one.cells) == (1, 2, 3, 4, 5, 15)
    assert (one.tile, one.scene, one.sensor, one.day) == ("a", "landsat-c2l2-0", "landsat-c2l2", START)
    assert one.fate is Fate.FAILED, "half a scene is not taken in"
    assert replace(one, failed=0).fate is Fate.READ
    assert replace(one, failed=0, observed=0).fate is Fate.READ
    assert replace(one, failed=0, observed=0, masked=0).fate is Fate.MISSING
    assert replace(one, failed=0, observed=0, masked=0, missing=0).fate is Fate.OUTSIDE
    assert cover([row(0)], (0, 0, 0, 0, 0))[0].fate is Fate.OUTSIDE, "a tile without a cell in the area"


def test_over_several_tiles_no_failure_hides_behind_a_success() -> None:
    manifest = rows([0, 8, 16, 24, 32])
    told = cover(manifest[:4], CLEAR)
    told += cover(manifest[:1], LOST, "b") + cover(manifest[1:2], AWAY, "b") + cover(manifest[2:3], LACK, "b")
    line = whole(manifest, told, ("a", "b"))
    assert (line.failed, line.read, line.unread, line.outside, line.missing) == (1, 2, 2, 0, 0)


def test_the_clear_share_counts_what_was_taken_in() -> None:
    manifest = rows([0, 8, 16])
    told = cover(manifest[:1], (90, 10, 20, 0, 0)) + cover(manifest[1:2], (0, 100, 0, 0, 0)) + cover(manifest[2:], LOST)
    assert whole(manifest, told).clear_share == pytest.approx(90 / 200)
    assert whole(manifest, cover(manifest, AWAY)).clear_share is None


def test_a_few_cells_between_clouds_are_no_clear_look() -> None:
    manifest = rows([0, 8, 16])
    told = cover(manifest[:1], (10, 90, 0, 0, 0)) + cover(manifest[1:], (9, 91, 0, 0, 0))
    assert whole(manifest, told).last_clear == to_date(START)
    assert whole(manifest, cover(manifest[:1], LOST)).last_clear is None


def test_the_longest_time_without_a_clear_look_reaches_from_the_first_day_to_the_last() -> None:
    manifest = rows([-40, -8, 0, 8, 30, 40, 100])
    told = cover(manifest, CLOUD)
    assert whole(manifest, told).longest_dark == Gap(to_date(START), to_date(START + 100))
    told[1] = cover(manifest[1:2], CLEAR)[0]  # before the monitoring began
    assert whole(manifest, told).longest_dark == Gap(to_date(START), to_date(START + 100))
    told[4] = cover(manifest[4:5], CLEAR)[0]
    line = whole(manifest, told)
    assert line.longest_dark == Gap(to_date(START + 30), to_date(START + 100))
    assert (line.longest_dark.days, line.last_clear) == (70, to_date(START + 30))
    assert whole(rows([-40, -8]), cover(rows([-40, -8]), CLEAR)).longest_dark is None, "nothing monitored yet"


def test_the_usual_interval_is_that_in_which_half_of_the_time_passes() -> None:
    assert usual_interval([0, 8, 16]) is None
    assert usual_interval([0, 8, 16, 24]) == 8
    assert usual_interval([0, 0, 8, 8, 16, 24]) == 8, "two looks on one day are one day"
    # Two tracks that overlap, as Landsat's do: a plain median could say 1.
    assert usual_interval([0, 1, 8, 9, 16, 17, 24, 25]) == 7
    assert usual_interval([0, 8, 16, 24, 32, 40, 700]) == 8, "one long gap is not what is usual"


def test_a_gap_without_acquisitions_is_unexplained_and_one_of_failures_is_not() -> None:
    days = [*range(0, 80, 8), *range(160, 240, 8)]
    manifest = rows(days)
    line = whole(manifest, cover(manifest, CLOUD))
    assert line.gaps == (Gap(to_date(START + 72), to_date(START + 160)),)
    assert line.usual_days == 8
    manifest = rows(range(0, 240, 8))
    lost = [r for r in manifest if START + 72 < r.scene.day < START + 160]
    told = cover([r for r in manifest if r not in lost], CLOUD)
    for counts_, fate in ((LOST, Fate.FAILED), (LACK, Fate.MISSING)):
        (gap,) = whole(manifest, told + cover(lost, counts_)).gaps
        assert gap == Gap(to_date(START + 72), to_date(START + 160), f"10 {WORDS[fate]}")
    (gap,) = whole(manifest, told).gaps
    assert gap.reason == "10 not read yet"


def test_one_failure_does_not_explain_a_gap_it_cannot_fill() -> None:
    manifest = rows([*range(0, 80, 8), 80, *range(400, 480, 8)])
    told = cover([r for r in manifest if r.scene.day != START + 80], CLOUD) + cover([row(80)], LOST)
    assert [gap.reason for gap in whole(manifest, told).gaps] == [""]


def test_a_gap_of_three_intervals_is_ordinary_and_one_longer_is_named() -> None:
    for missing, named in ((2, 0), (3, 1)):
        days = [0, 8, 16, 24, 24 + 8 * (missing + 1), 32 + 8 * (missing + 1)]
        assert len(whole(rows(days), cover(rows(days), CLOUD)).gaps) == named


def test_a_sensor_that_fell_silent_shows_it_by_the_others() -> None:
    manifest = sorted([*rows(range(0, 80, 8)), *rows(range(0, 300, 6), "s1")], key=lambda r: r.scene)
    lines = {line.sensor: line for line in account(manifest, cover(manifest, CLEAR), ("a",), START) if not line.tile}
    assert lines["landsat-c2l2"].gaps == (Gap(to_date(START + 72), to_date(START + 294)),)
    assert lines["s1"].gaps == ()


def test_scenes_beside_a_tile_make_no_gap_there_and_no_look() -> None:
    manifest = rows(range(0, 96, 8))
    told = cover(manifest[::2], CLEAR) + cover(manifest[1::2], AWAY)
    line = whole(manifest, told)
    assert (line.usual_days, line.gaps, line.outside) == (16, (), 6)


def test_the_worst_tile_is_the_one_longest_in_the_dark() -> None:
    manifest = rows(range(0, 96, 8))
    told = cover(manifest, CLEAR) + cover(manifest[:1], CLEAR, "b") + cover(manifest[1:], CLOUD, "b")
    whole_account = completeness(manifest, told, ("a", "b"), START)
    worst = whole_account.worst("landsat-c2l2")
    assert worst is not None
    assert worst.longest_dark is not None
    assert (worst.tile, worst.longest_dark.days) == ("b", 88)
    assert whole_account.worst("other") is None
    assert [line.tile for line in whole_account.by_tile] == ["a", "b"]
    assert [line.tile for line in whole_account.lines] == [""]


def test_what_failed_is_named_with_its_reason_and_what_is_missing_with_its_bands() -> None:
    manifest = [
        replace(row(0), assets=(("nir", "x"), ("qa", "x"))),
        row(8),
        replace(row(16), note="a duplicate was left out"),
    ]
    told = cover(manifest[:1], LACK) + cover(manifest[1:2], LOST) + cover(manifest[2:], CLEAR)
    told += cover(manifest[1:2], CLEAR, "b")
    names = [r.scene.id for r in manifest]
    found = completeness(
        manifest, told, ("a", "b"), START,
        bands={"landsat-c2l2": ("nir", "swir2", "qa")}, reasons={names[1]: "swir2: 404"},
    )  # fmt: skip
    assert found.missing == ((names[0], "no swir2"),)
    assert found.failed == ((names[1], "swir2: 404"),)
    assert found.notes == (("a duplicate was left out", 1),)
    bare = completeness(manifest, told, ("a", "b"), START)
    assert (bare.missing, bare.failed) == (((names[0], "a band is missing"),), ((names[1], "could not be read"),))


def test_looks_taken_in_before_there_was_a_ledger_are_not_called_unread() -> None:
    manifest = rows([0, 8, 16, 24])
    old = {r.scene.id for r in manifest[:2]}
    found = completeness(manifest, cover(manifest[2:3], CLEAR), ("a",), START, taken=old | {manifest[2].scene.id})
    assert found.unrecorded == 2
    assert (found.lines[0].acquired, found.lines[0].read, found.lines[0].unread) == (2, 1, 1)


def test_the_newest_reason_counts_and_tiles_are_no_scenes() -> None:
    told = ["scene x: nir: 503: busy", "tile t0: gone", "scene y: 404", "scene x: cut short"]
    assert reasons(told) == {"x": "cut short", "y": "404"}


def test_the_ledger_gives_the_manifest_back() -> None:
    manifest = sorted([*rows([0, 8]), row(8, "s1")], key=lambda r: r.scene)
    again = recorded_rows(cover(manifest, CLEAR) + cover(manifest[1:], CLEAR, "b"))
    assert {(r.scene.id, r.scene.platform, r.scene.day, r.sensor) for r in again} == {
        (r.scene.id, r.scene.platform, r.scene.day, r.sensor) for r in manifest
    }
    assert [r.scene for r in again] == sorted(r.scene for r in again)
    assert recorded_rows(()) == ()
    assert account((), (), ("a",), START) == []
