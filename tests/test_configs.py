"""Every shipped config loads, plans and says its cost; the series ones run on a small table made here."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jobsetup import NOON

from detection.sources.earthengine import EarthEngineParameters
from detection.sources.files import FilesParameters
from detection.sources.simulated import SimulatedParameters
from detection.sources.stac import StacParameters
from jobs.config import Cluster, JobConfig, Output, SeriesConfig, load
from jobs.estimate import estimate
from jobs.evidence import columns_of
from jobs.plan import plan
from jobs.run import run
from jobs.series import run_series

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
LOADED = {file.name: load(file) for file in CONFIGS}
MONITOR = {name: found for name, found in LOADED.items() if isinstance(found, JobConfig)}
SERIES = {name: found for name, found in LOADED.items() if isinstance(found, SeriesConfig)}
LEVELS = {"vv": (-12.0, 0.5), "vh": (-18.0, 0.5), "value": (0.7, 0.02)}
"""Column -> level of a calm forest and its noise: dB for radar, an index or a fraction for `value`."""
DROP = {"vv": -4.0, "vh": -4.0, "value": -0.5}
"""What a clearing does to it."""


def test_there_are_some_of_each_kind() -> None:
    assert len(MONITOR) >= 1
    assert {"series-index.yaml", "series-radar.yaml", "series-fused.yaml", "series-yearly.yaml"} <= set(SERIES)
    assert [p.name for p in (ROOT / "configs").iterdir() if p.suffix not in (".yaml", ".md")] == []


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_a_config_is_named_as_its_file_and_names_its_schema(file: Path) -> None:
    assert LOADED[file.name].name == file.stem
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../docs/job.schema.json"


@pytest.mark.parametrize("name", MONITOR)
def test_a_monitor_config_plans_and_says_its_cost(name: str) -> None:
    config = MONITOR[name]
    if isinstance(config.sources, FilesParameters) and not config.sources.folder.exists():
        pytest.skip(f"real data: {config.sources.folder.name} is absent")
    if isinstance(config.sources, StacParameters | EarthEngineParameters):
        return  # planned and run against loopback servers in test_remote_jobs.py
    work = plan(config)
    cost = estimate(work)
    assert work.monitor_day > work.scenes[0].day
    assert work.scenes[-1].day >= work.monitor_day, "something is left to monitor"
    assert cost["tiles"] == len(work.tiles) >= 1
    assert cost["gigabytes to read"] > 0


@pytest.mark.parametrize("name", [n for n, c in MONITOR.items() if isinstance(c.sources, SimulatedParameters)])
def test_a_simulated_config_runs_on_a_corner_of_its_scenes(name: str, tmp_path: Path) -> None:
    config = MONITOR[name]
    assert isinstance(config.sources, SimulatedParameters)
    corner = replace(config.sources, rows=24, columns=24)
    outcome = run(
        replace(config, sources=corner, cluster=Cluster(workers=0), output=Output(folder=tmp_path)), now=lambda: NOON
    )
    assert outcome.kind == "done"
    assert outcome.new_scenes > 60
    assert outcome.folder is not None
    assert "SIMULATED" in (outcome.folder / "report.html").read_text(encoding="utf-8").upper()


@pytest.mark.parametrize("name", SERIES)
def test_a_series_config_finds_a_clearing_and_leaves_forest_alone(name: str, tmp_path: Path) -> None:
    config = SERIES[name]
    yearly = config.history.years > 20
    days = [
        date(1990 + i, 8, 1) if yearly else date(2016, 1, 1) + timedelta(days=16 * i)
        for i in range(32 if yearly else 180)
    ]
    monitor_from = date(2015, 1, 1) if yearly else date(2022, 1, 1)
    assert set(columns_of(config)) <= set(LEVELS), "say above how a clearing looks in the new column"
    noise = np.random.default_rng(1)
    rows = [
        {"series_id": pixel, "date": day.isoformat()}
        | {
            column: LEVELS[column][0]
            + LEVELS[column][1] * noise.standard_normal()
            + DROP[column] * (pixel == "cleared" and day >= monitor_from + timedelta(days=400))
            for column in columns_of(config)
        }
        for pixel in ("cleared", "forest")
        for day in days
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "table.csv", index=False)
    run_series(tmp_path / "table.csv", config, tmp_path / "changes.csv", monitor_from)
    changes = pd.read_csv(tmp_path / "changes.csv")
    confirmed = changes[changes["confirmed_on"].notna()]
    assert list(confirmed["series_id"]) == ["cleared"]
    assert date.fromisoformat(str(confirmed["first_detected"].iloc[0])) >= monitor_from + timedelta(days=400)
