"""Real series and rasters with truth: floors for what must hold, falls for what must not be possible, and equal dates."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import real_tables
import real_truth
from real_raster import raster_dates
from real_series import DATES, ROOT, SINGLE, known_then

from detection.monitors import Detector, Looks, start, update
from detection.types import Scene, to_day
from jobs.cli import main
from jobs.config import SeriesConfig, load
from jobs.series import run_series

CONFIGS = ("series-index", "series-fused")
Found = Callable[..., pd.DataFrame]


def config(name: str) -> SeriesConfig:
    made = load(ROOT / "configs" / f"{name}.yaml")
    assert isinstance(made, SeriesConfig)
    return made


@pytest.fixture
def detect(tmp_path: Path) -> Found:
    def run(table: pd.DataFrame, name: str, since: str) -> pd.DataFrame:
        table.to_csv(tmp_path / "in.csv", index=False)
        run_series(tmp_path / "in.csv", config(name), tmp_path / "out.csv", date.fromisoformat(since))
        return pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)

    return run


@pytest.fixture(scope="module")
def judge(shared: Path) -> ModuleType:
    return real_truth.scorer(shared)


@pytest.fixture(scope="module")
def borneo(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Changes of series-index on all pixels of the square."""
    folder = tmp_path_factory.mktemp("borneo")
    real_tables.borneo(shared).to_parquet(folder / "borneo.parquet")
    run_series(folder / "borneo.parquet", config("series-index"), folder / "out.csv", date(2013, 1, 1))
    return folder / "out.csv"


def confirmed(judge: ModuleType, truth: pd.DataFrame, found: pd.DataFrame | Path) -> dict[str, Any]:
    made: dict[str, Any] = judge.score(
        truth, found if isinstance(found, pd.DataFrame) else judge.load_detections(found), boot=0
    )
    return made["confirmed"]


def test_borneo_as_a_raster_job_and_as_a_table_give_the_same_dates(
    shared: Path, borneo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "configs" / "borneo-ndmi.yaml").read_text().replace("../../shared", str(shared))
    path = tmp_path / "borneo-ndmi.yaml"
    path.write_text(text + f"\ntiles:\n  size: 24\noutput:\n  folder: {tmp_path}/out\ncluster:\n  workers: 0\n")
    monkeypatch.setattr("sys.argv", ["sachawatch", "run", str(path)])
    main()
    rows = pd.read_csv(borneo, dtype=str, keep_default_na=False)
    by_series = set(rows[["series_id", *DATES]].itertuples(index=False, name=None))
    assert len(by_series) > 800
    assert raster_dates(path) == by_series


def test_borneo_is_found_and_its_forest_left_alone(shared: Path, borneo: Path, judge: ModuleType) -> None:
    q = confirmed(judge, real_truth.truth_of(shared, "borneo"), borneo)
    assert q["producers"] >= 0.98 and q["stable_series_flagged"] <= 0.01
    assert q["latency"]["km_median"] <= 35


def test_borneo_figures_fall_with_a_truth_a_year_late_and_with_series_exchanged(
    shared: Path, borneo: Path, judge: ModuleType
) -> None:
    truth, found = real_truth.truth_of(shared, "borneo"), judge.load_detections(borneo)
    late = confirmed(judge, real_truth.later(truth), found)
    assert late["producers"] < 0.1 and late["users"] < 0.1
    exchanged = confirmed(judge, truth, real_truth.shuffled(found, truth))
    assert exchanged["producers"] < 0.6 and exchanged["users"] < 0.6 and exchanged["stable_series_flagged"] > 0.4


@pytest.mark.parametrize(
    ("name", "chosen", "since", "hits", "flagged"),
    [
        ("colorado", "series-index", "1994-01-01", 12, 0.0),
        ("colorado", "series-fused", "1994-01-01", 4, 0.0),
        ("myanmar", "series-radar", "2016-01-01", 30, 0.16),
        ("myanmar", "series-fused", "2016-01-01", 3, 0.04),
    ],
)
def test_small_sets_stay_as_good_as_they_are(
    shared: Path, detect: Found, judge: ModuleType, tmp_path: Path,
    name: str, chosen: str, since: str, hits: int, flagged: float,
) -> None:  # fmt: skip
    """Floors, not goals: some of them are poor (benchmarks/RESULTS.md says why)."""
    detect(pd.read_csv(shared / "checks" / "series" / f"{name}.csv.gz"), chosen, since)
    q = confirmed(judge, real_truth.truth_of(shared, name), tmp_path / "out.csv")
    assert q["hits"] >= hits and q["stable_series_flagged"] <= flagged


@pytest.mark.parametrize("name", CONFIGS)
def test_nothing_is_found_where_nothing_is_seen(shared: Path, detect: Found, name: str) -> None:
    table = real_tables.colorado(shared)
    assert len(detect(table, name, "1994-01-01"))
    assert detect(real_truth.constant(table), name, "1994-01-01").empty


@pytest.mark.parametrize("name", CONFIGS)
def test_the_fire_in_sichuan_is_confirmed_within_a_month_and_dated_to_the_day(
    shared: Path, detect: Found, name: str
) -> None:
    found = detect(real_tables.pixel(shared, "sichuan-fire"), name, "2023-01-01")
    assert len(found) == 1
    assert "2024-03-23" <= found.change_date[0] <= found.first_detected[0] <= found.confirmed_on[0] <= "2024-04-23"


@pytest.mark.parametrize("name", CONFIGS)
def test_a_clearing_in_bolivia_is_confirmed_by_the_spring_of_2016(shared: Path, detect: Found, name: str) -> None:
    table = pd.read_csv(shared / "checks" / "series" / "pixels.csv.gz")
    table = table.loc[table.series_id == "bolivia", ["series_id", "date", "value", "vv"]]
    found = detect(table, name, "2015-07-01")
    hit = found[(found.confirmed_on >= "2016-01-01") & (found.confirmed_on <= "2016-05-17")]
    assert len(hit) == 1 and hit.change_date.iloc[0] >= "2015-12-01"


@pytest.mark.parametrize("name", CONFIGS)
def test_a_field_raises_no_confirmed_alarm(shared: Path, detect: Found, name: str) -> None:
    found = detect(real_tables.pixel(shared, "crop"), name, SINGLE["crop"][0])
    assert not (found.confirmed_on != "").any()


@pytest.mark.parametrize("name", CONFIGS)
def test_logging_in_increments_is_told_as_at_once(shared: Path, detect: Found, name: str) -> None:
    parts = [part for part in real_tables.logging(shared) if len(part)]
    whole = detect(pd.concat(parts), name, SINGLE["logging"][0])[DATES]
    for count in range(1, len(parts) + 1):
        then = detect(pd.concat(parts[:count]), name, SINGLE["logging"][0])[DATES]
        pd.testing.assert_frame_equal(then, known_then(whole, parts[count - 1].date.max()))


def test_logging_taken_in_part_by_part_leaves_the_state_that_all_at_once_does(shared: Path) -> None:
    chosen, parts = config("series-index"), [_looks(part) for part in real_tables.logging(shared)]
    day, detector = to_day(date(2023, 1, 1)), Detector(chosen.history, chosen.monitor, chosen.decision, chosen.loss)
    history = parts[0].take(parts[0].days < day)
    state = begun = start(detector, history, inside=np.ones(1, np.bool_))
    parts[0] = parts[0].take(parts[0].days >= day)
    logs = []
    for part in parts:
        state, log = update(detector, state, part)
        logs.append(log)
    together = Looks(sum((p.scenes for p in parts), ()), np.concatenate([p.values for p in parts]))
    once, log = update(detector, begun, together)
    np.testing.assert_array_equal(np.concatenate(logs), log)
    assert len(log)
    for key, array in once.pixels.items():
        np.testing.assert_array_equal(array, state.pixels[key])


def _looks(table: pd.DataFrame) -> Looks:
    days = [to_day(date.fromisoformat(day)) for day in table.date]
    scenes = tuple(Scene(day * 86_400 + i, "x", f"{day}-{i}") for i, day in enumerate(days))
    return Looks(scenes, table.value.to_numpy(np.float32).reshape(-1, 1, 1))


@pytest.mark.parametrize("name", ["series-radar", "series-fused"])
def test_ten_scenes_of_stable_forest_are_no_history_and_no_alarm(
    shared: Path, detect: Found, name: str, tmp_path: Path
) -> None:
    assert detect(real_tables.radar_crop(shared), name, "2024-03-30").empty
    assert set(pd.read_csv(tmp_path / "out.csv.series.csv").status) == {"short_history"}
