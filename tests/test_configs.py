"""Every shipped config loads, plans and says its cost; the series ones run on a small table made here."""

from dataclasses import replace
from datetime import date, timedelta
from os.path import normpath
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import restorationsetup
import territorysetup
from jobsetup import NOON

from detection.codes import NO_YEAR, Segmented
from detection.errors import BadInput
from detection.sources.earthengine import EarthEngineParameters
from detection.sources.files import FilesParameters
from detection.sources.simulated import SimulatedParameters
from detection.sources.stac import StacParameters
from jobs.config import Cluster, HistoryConfig, JobConfig, Output, SeriesConfig, load
from jobs.estimate import estimate
from jobs.evidence import columns_of
from jobs.history.run import run_history
from jobs.notify.asked import NotifyConfig
from jobs.notify.run import notify
from jobs.plan import plan, plan_history
from jobs.reports.areas.asked import HistoryMap
from jobs.reports.asked import ReportConfig
from jobs.reports.form import files
from jobs.reports.restoration.asked import RestorationReport
from jobs.reports.run import MAKERS, made_of
from jobs.reports.territory.asked import TerritoryReport
from jobs.run import run
from jobs.series import run_series
from jobs.training.asked import TrainConfig
from jobs.training.known import points_of
from jobs.training.run import run_training
from models.kinds import NOTHING
from models.reference import ReferencePoints
from models.samples import SimulatedSamples

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
LOADED = {file.name: load(file) for file in CONFIGS}
MONITOR = {name: found for name, found in LOADED.items() if isinstance(found, JobConfig)}
HISTORY = {name: found for name, found in LOADED.items() if isinstance(found, HistoryConfig)}
SERIES = {name: found for name, found in LOADED.items() if isinstance(found, SeriesConfig)}
TRAIN = {name: found for name, found in LOADED.items() if isinstance(found, TrainConfig)}
NOTIFY = {name: found for name, found in LOADED.items() if isinstance(found, NotifyConfig)}
REPORT = {name: found for name, found in LOADED.items() if isinstance(found, ReportConfig)}
SECTIONS = [(name, which) for name, found in REPORT.items() for which in MAKERS if getattr(found, which) is not None]
DATA = ROOT / "configs" / "report-data"
LEVELS = {"vv": (-12.0, 0.5), "vh": (-18.0, 0.5), "value": (0.7, 0.02)}
LEVELS |= {"blue": (0.03, 0.003), "green": (0.05, 0.003), "red": (0.03, 0.003)}
LEVELS |= {"nir": (0.30, 0.01), "swir1": (0.15, 0.005), "swir2": (0.07, 0.004)}
"""Column -> level of a calm forest and its noise: dB for radar, reflectance, an index or a fraction for `value`."""
DROP = {"vv": -4.0, "vh": -4.0, "value": -0.5}
DROP |= {"blue": 0.03, "green": 0.04, "red": 0.07, "nir": -0.10, "swir1": 0.12, "swir2": 0.10}
"""What a clearing does to it."""


def test_there_are_some_of_each_kind() -> None:
    assert len(MONITOR) >= 1
    assert {"history-madre-de-dios.yaml", "history-yearly.yaml"} <= set(HISTORY)
    assert {f"series-{kind}.yaml" for kind in ("index", "radar", "optical", "fused", "yearly")} <= set(SERIES)
    assert {"train-simulated.yaml", "train-points-simulated.yaml"} <= set(TRAIN)
    assert "notify-demo.yaml" in NOTIFY
    assert {f"report-{place}.yaml" for place in ("madre-de-dios", "alto-mayo", "loreto-peatland")} <= set(REPORT)
    assert {which for _, which in SECTIONS} == set(MAKERS), "each report is shown by a config"
    tables = {one.path for found in TRAIN.values() for one in found.samples if isinstance(one, ReferencePoints)}
    strangers = {p for p in (ROOT / "configs").iterdir() if p.suffix not in (".yaml", ".md")} - tables
    assert strangers == {DATA}
    texts = "".join((ROOT / "configs" / name).read_text(encoding="utf-8") for name in REPORT)
    assert [p.name for p in DATA.iterdir() if f"{DATA.name}/{p.name}" not in texts] == []


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


@pytest.mark.parametrize("name", [name for name in HISTORY if isinstance(HISTORY[name].sources, SimulatedParameters)])
def test_a_simulated_history_runs_on_a_corner_of_its_scenes(name: str, tmp_path: Path) -> None:
    config = HISTORY[name]
    assert isinstance(config.sources, SimulatedParameters)
    corner = replace(config.sources, rows=24, columns=24, start=date(2023, 6, 1))
    asked = replace(config, sources=corner, cluster=Cluster(workers=0), output=Output(folder=tmp_path))
    assert estimate(plan_history(asked))["gigabytes to read"] > 0
    outcome = run_history(asked, now=lambda: NOON)
    assert outcome.kind == "done"
    with rasterio.open(outcome.folder / "segmented.tif") as file:
        assert (file.read(1) == Segmented.SEGMENTED).mean() > 0.5
        assert file.tags()["SIMULATED"] == "true"


def test_the_yearly_history_runs_on_a_folder_of_one_raster_a_year(tmp_path: Path) -> None:
    config = HISTORY["history-yearly.yaml"]
    assert isinstance(config.sources, FilesParameters)
    place = {"crs": "EPSG:32719", "transform": rasterio.Affine(30, 0, 370_680, 0, -30, 8_592_480)}
    for year in range(1990, 2015):
        value = np.full((8, 8), 0.2 if year >= 2004 else 0.7, np.float32)
        value[:4] = 0.7
        where = tmp_path / f"nbr_{year}.tif"
        with rasterio.open(where, "w", width=8, height=8, count=1, dtype="float32", **place) as file:
            file.write(value, 1)
    source = replace(config.sources, folder=tmp_path)
    asked = replace(config, sources=source, cluster=Cluster(workers=0), output=Output(folder=tmp_path / "out"))
    outcome = run_history(asked, now=lambda: NOON)
    assert outcome.polygons == {"loss": 1}
    with rasterio.open(outcome.folder / "loss_year.tif") as file:
        assert set(np.unique(file.read(1)[4:])) == {2004}


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


def test_the_simulated_training_runs_on_a_few_small_scenes(tmp_path: Path) -> None:
    config = TRAIN["train-simulated.yaml"]
    (asked,) = config.samples
    assert isinstance(asked, SimulatedSamples)
    assert len(asked.seeds) == 12
    few = replace(
        asked, seeds=(1, 2), regions=("madre-de-dios",), cells=48, start=date(2022, 1, 1), end=date(2024, 1, 1)
    )
    asked_for = replace(config, samples=(few,), cluster=Cluster(workers=0), output=Output(folder=tmp_path))
    assert run_training(asked_for, now=lambda: NOON).made.card.simulated


def test_the_points_of_the_example_are_all_understood() -> None:
    config = TRAIN["train-points-simulated.yaml"]
    (asked,) = config.samples
    assert isinstance(asked, ReferencePoints)
    known = points_of(asked, config.grid)
    assert known.reference.left_out == {}
    assert len(known.reference.ids) == 82
    assert {NOTHING, "mining", "agriculture"} <= set(known.reference.label)


@pytest.mark.parametrize("name", NOTIFY)
def test_a_notification_tells_of_a_job_that_ships_and_says_so_where_it_never_ran(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(load(NOTIFY[name].job), JobConfig)
    with pytest.raises(BadInput, match="has not run yet"):
        notify(NOTIFY[name], now=lambda: NOON)


def map_of_a_history(folder: Path) -> Path:
    """The rasters that a report of areas reads, small: a clearing of 2022 in forest."""
    place = {
        "crs": "EPSG:32719",
        "transform": rasterio.Affine(30, 0, 370_680, 0, -30, 8_592_480),
        "width": 40,
        "height": 40,
    }
    lost = np.full((40, 40), NO_YEAR, np.int16)
    lost[10:20, 10:20] = 2022
    layers = {
        "loss_year": lost,
        "regrowth_year": np.full_like(lost, NO_YEAR),
        "segmented": np.full((40, 40), Segmented.SEGMENTED, np.uint8),
    }
    for name, values in layers.items():
        with rasterio.open(folder / f"{name}.tif", "w", count=1, dtype=values.dtype.name, **place) as file:
            file.write(values, 1)
    return folder


def with_small_products(config: ReportConfig, folder: Path) -> TerritoryReport:
    """The section with products made here in place of those of the jobs that ship, whose folders it names."""
    told = config.territory
    assert told is not None and told.history and told.alerts and told.recovery
    for named, some in ((told.history.folder, HISTORY), (told.recovery.history, HISTORY), (told.alerts, MONITOR)):
        job = some[f"{named.parent.name}.yaml"]
        assert Path(normpath(named)) == ROOT / job.output.folder / job.name / "latest"
    place = replace(territorysetup.GRID, west=370_680, north=8_592_480)
    maps = territorysetup.history(folder / "h", grid=place, simulated=True)
    alerts = territorysetup.alerts(folder / "a", territorysetup.moved(territorysetup.some_alerts(), place))
    recovery = replace(told.recovery, history=territorysetup.index(maps, place))
    return replace(told, history=replace(told.history, folder=maps), alerts=alerts, recovery=recovery)


def on_a_small_archive(config: ReportConfig, folder: Path) -> RestorationReport:
    """The section with an archive of the same place, made here; its registers are those that ship."""
    told = config.restoration
    assert told is not None and told.recovery
    job = HISTORY[f"{told.recovery.history.parent.name}.yaml"]
    assert Path(normpath(told.recovery.history)) == ROOT / job.output.folder / job.name / "latest"
    return replace(told, recovery=replace(told.recovery, history=restorationsetup.archive(folder / "r")))


@pytest.mark.parametrize(("name", "which"), SECTIONS)
def test_a_report_is_made_and_says_whether_it_is_simulated(name: str, which: str, tmp_path: Path) -> None:
    """Its map is that of a history that ships, here a small one in its place."""
    config = REPORT[name]
    text = (ROOT / "configs" / name).read_text(encoding="utf-8")
    assert config.simulated and text.splitlines()[1].startswith("# SIMULATED"), "what is invented is said at the top"
    if which == "areas":
        assert config.areas is not None and isinstance(config.areas.map, HistoryMap)
        folder = config.areas.map.folder
        history = HISTORY[f"{folder.parent.name}.yaml"]
        assert Path(normpath(folder)) == ROOT / history.output.folder / history.name / "latest"
        config = replace(config, areas=replace(config.areas, map=HistoryMap(folder=map_of_a_history(tmp_path))))
    if which == "territory":
        config = replace(config, territory=with_small_products(config, tmp_path))
    if which == "restoration":
        config = replace(config, restoration=on_a_small_archive(config, tmp_path))
    made = made_of(config, which, lambda *_: None)  # type: ignore[arg-type]
    pages = files(made, config.languages)
    assert made.simulated == (which != "claims") and made.place == config.place, "the texts of claims are real"
    marks = ("SIMULADO" in pages["report.es.html"].decode(), "SIMULATED" in pages["report.en.html"].decode())
    assert marks == (made.simulated, made.simulated)
    assert all(len(table.rows) for table in made.tables)
