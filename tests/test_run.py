"""The line as a whole: the answer does not depend on tiles, workers, or how many looks a run takes in. Simulated input."""

import random
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from jobsetup import MONITOR_FROM, NOON, alerts, link, rasters, same, same_but_for_names, start, write_scenes

from detection.codes import Status
from detection.errors import NoImagery, StaleState
from detection.monitors.cusum import Cusum
from detection.patches import Patches
from detection.prepare.commonmode import CommonMode
from jobs import ledger, store
from jobs import run as driver
from jobs.config import Period, Retention
from jobs.database import default_url, open_database
from jobs.holder import take


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def whole(scenes, tmp_path_factory):
    """One run over everything, in one tile, in this process."""
    return start(scenes, tmp_path_factory.mktemp("whole"))


def test_the_job_finds_alerts_that_cross_tile_edges(whole):
    found = alerts(whole)
    assert whole.kind == "done"
    assert sum(f["properties"]["status"] == "confirmed" for f in found.values()) >= 3
    assert any(f["properties"]["area_ha"] > 30 for f in found.values()), "the large clearing spans tiles of 40 cells"
    confirmed = np.isin(rasters(whole)["status"], (Status.CONFIRMED_LOW, Status.CONFIRMED_HIGH))
    for edge in (40, 64):
        assert confirmed[edge - 1 : edge + 1, 40:60].any(axis=1).all(), f"on both sides of row {edge}"
        assert confirmed[40:60, edge - 1 : edge + 1].any(axis=0).all(), f"on both sides of column {edge}"


def test_an_alert_says_when_its_place_was_seen_last_and_whether_it_goes_on(whole):
    facts = [f["properties"] for f in alerts(whole).values()]
    standing = [f for f in facts if f["status"] in ("provisional", "confirmed")]
    assert standing and all(f["last_look"] >= f["last_detected"] for f in standing)
    for one in standing:
        days = (date.fromisoformat(one["last_look"]) - date.fromisoformat(one["last_detected"])).days
        assert one["activity"] == ("dormant" if days > 90 else "active")
    assert {"active", "dormant"} & {f["activity"] for f in standing}
    assert all(f["activity"] == "regrowing" for f in facts if f["status"] == "finished")
    assert all(f["activity"] == "unknown" for f in facts if f["status"] in ("expired", "merged", "retracted"))


@pytest.mark.parametrize("tile", [40])
def test_any_tiling_gives_the_same_alerts(scenes, whole, tmp_path, tile):
    same(whole, start(scenes, tmp_path, tile=tile))


@pytest.mark.parametrize("workers", [2])
def test_any_number_of_workers_gives_the_same_alerts(scenes, whole, tmp_path, workers):
    same(whole, start(scenes, tmp_path, tile=64, workers=workers))


def test_looks_in_several_runs_equal_looks_at_once(scenes, whole, tmp_path):
    some = tmp_path / "scenes"
    for until in (date(2024, 2, 1), date(2024, 7, 3), date(2024, 7, 20), date(2024, 9, 9), date(2025, 1, 1)):
        outcome = start(link(scenes, some, lambda day, until=until: day < until), tmp_path)
    same(whole, outcome)


def test_nothing_new_changes_nothing_and_says_so(scenes, tmp_path):
    first = start(scenes, tmp_path)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file() and "sachawatch.db" not in p.name}
    again = start(scenes, tmp_path)
    assert again.kind == "nothing new"
    assert again.folder == first.folder
    assert before == {p: p.stat().st_mtime_ns for p in before}


def test_newer_dates_add_revisions_to_the_same_alerts(scenes, tmp_path):
    some = tmp_path / "scenes"
    before = alerts(start(link(scenes, some, lambda day: day < date(2024, 8, 8)), tmp_path))
    after = alerts(start(link(scenes, some, lambda day: True), tmp_path))
    assert before.keys() <= after.keys(), "an alert once told never vanishes"
    revision = {i: f["properties"]["revision"] for i, f in before.items()}
    grown = [i for i in before if after[i]["properties"]["revision"] > revision[i]]
    assert grown
    engine = open_database(default_url(tmp_path / "small"))
    for ident in grown:
        told = store.history(engine, ident)
        assert [a.revision for a in told] == list(range(1, len(told) + 1))
        as_told = told[revision[ident] - 1].area_ha
        assert as_told == pytest.approx(before[ident]["properties"]["area_ha"], abs=0.01)


@pytest.mark.parametrize("seed", [1])
def test_scenes_delivered_in_any_order_end_in_the_same_state(scenes, whole, tmp_path, seed):
    some, long = tmp_path / "scenes", Retention(replay_days=400)
    link(scenes, some, lambda day: day < MONITOR_FROM)
    names = sorted({p.name for p in scenes.iterdir()} - {p.name for p in some.iterdir()})
    random.Random(seed).shuffle(names)
    for upto in (20, 35, len(names)):
        outcome = start(link(scenes, some, names[:upto]), tmp_path, tile=64, retention=long)
    assert not outcome.late
    same_but_for_names(whole, outcome)


def test_a_scene_older_than_the_checkpoint_is_listed_as_too_late(scenes, tmp_path):
    some, short = tmp_path / "scenes", Retention(replay_days=30)
    start(link(scenes, some, lambda day: not date(2024, 2, 1) <= day < date(2024, 2, 8)), tmp_path, retention=short)
    outcome = start(link(scenes, some, lambda day: True), tmp_path, retention=short)
    assert len(outcome.late) == 1
    assert "202402" in outcome.late[0]
    assert start(some, tmp_path, retention=short).kind == "nothing new"


def test_another_detector_on_an_old_state_is_refused(scenes, tmp_path):
    spring = Period(monitor_from=MONITOR_FROM, until=date(2024, 3, 1))
    start(scenes, tmp_path, period=spring)
    with pytest.raises(StaleState, match="another name"):
        start(scenes, tmp_path, monitor=Cusum(threshold=8.0))


def test_another_tiling_of_a_standing_job_is_refused(scenes, tmp_path):
    start(scenes, tmp_path, period=Period(monitor_from=MONITOR_FROM, until=date(2024, 3, 1)))
    with pytest.raises(StaleState, match="tiling"):
        start(scenes, tmp_path, tile=32)


def test_no_history_is_one_clear_line(scenes, tmp_path):
    with pytest.raises(NoImagery, match=r"monitor_from"):
        start(scenes, tmp_path, period=Period(monitor_from=date(2021, 12, 31)))


def test_two_runs_at_once_are_refused_with_the_holder(scenes, tmp_path):
    start(scenes, tmp_path, period=Period(monitor_from=MONITOR_FROM, until=date(2024, 3, 1)))
    engine = open_database(default_url(tmp_path / "small"))
    with take(engine, "small", lambda: NOON), pytest.raises(ledger.Busy, match="pid"):
        start(scenes, tmp_path)


def test_a_failing_tile_is_named_the_others_go_on_and_the_next_run_mends_it(scenes, tmp_path, monkeypatch):
    # without common mode: with it, the tiles that go on judge their looks by the forest of the tiles that could look
    alone, look = {"common_mode": CommonMode(enabled=False)}, driver.observe

    def observe(task):
        if task.tile.id == "t001x000":
            raise ZeroDivisionError("a bug in one tile")
        return look(task)

    monkeypatch.setattr(driver, "observe", observe)
    outcome = start(scenes, tmp_path / "mended", tile=64, **alone)
    assert outcome.kind == "partial"
    assert outcome.failures == ("tile t001x000: ZeroDivisionError: a bug in one tile",)
    monkeypatch.undo()
    whole = start(scenes, tmp_path / "whole", **alone)
    same_but_for_names(whole, start(scenes, tmp_path / "mended", tile=64, **alone))


def test_a_corrupt_scene_is_named_left_out_and_taken_in_once_it_is_whole(scenes, whole, tmp_path):
    some = link(scenes, tmp_path / "scenes", lambda day: True)
    victim = sorted(p for p in some.iterdir() if "_202407" in p.name)[1]
    good = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(good[: len(good) // 2] + bytes(len(good) - len(good) // 2))
    outcome = start(some, tmp_path)
    assert outcome.kind == "partial"
    assert len(outcome.failures) == 1
    assert victim.stem in outcome.failures[0]
    victim.write_bytes(good)
    same_but_for_names(whole, start(some, tmp_path))


def test_changed_patch_rules_are_told_as_new_revisions(scenes, tmp_path):
    first = alerts(start(scenes, tmp_path))
    stricter = Patches(minimum_mapping_unit_ha=5.0)
    outcome = start(scenes, tmp_path, patches=stricter)
    retracted = [f for f in alerts(outcome).values() if f["properties"]["status"] == "retracted"]
    assert retracted
    assert alerts(outcome).keys() >= first.keys()
