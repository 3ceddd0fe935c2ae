"""A training from a config: scenes, points and judged alerts in, the same model out whoever worked; mistakes in one line."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobsetup import NOON, SCENE
from pyproj import Transformer

from detection.errors import BadInput, UnknownBand
from detection.history import History
from detection.segments import Ccdc
from detection.sources.simulated import grid_of
from detection.types import Planes
from jobs import cli
from jobs.config import Cluster, ConfigError, JobConfig, Output, Period, load
from jobs.database import default_url, open_database
from jobs.run import run
from jobs.store import latest
from jobs.training import known
from jobs.training.asked import TrainConfig, config_of
from jobs.training.run import TrainingOutcome, run_training
from models import registry
from models.kinds import KINDS
from models.recipes import RECIPES, Recipe, Told
from models.samples import SimulatedSamples, features_of
from models.surroundings import NAMES as AROUND
from models.train import gather, pieces

TEXT = """\
kind: train
name: tiny-simulated
version: 0.0.1
samples:
  - kind: simulated
    regions: [madre-de-dios]
    seeds: [1, 2]
    cells: 48
    sensors: [landsat]
    start: 2021-07-01
    monitor_from: 2023-01-01
    end: 2024-06-01
estimator: {kind: random-forest, trees: 5}
learning: {folds: 2}
told: {optical: [nbr], radar: []}
history: {forest_min: 0.5, years: 2}
cluster: {workers: 0}
"""
POINTS = "  - {kind: points, path: points.csv, format: csv, label: seen, date: date, classes: {mine: mining, calm: nothing}}\n"
REVIEWS = "  - {kind: reviews, folder: job, path: reviews.csv}\n"
SOURCE = """\
sources:
  kind: simulated
  west: 370680
  north: 8592480
  rows: 96
  columns: 112
  start: 2022-01-01
  end: 2025-01-01
  orbits: ['002']
"""
CLEARED = date(2024, 7, 1)
"""By then the clearing of jobsetup.SCENE, around row and column 50, has begun."""


def written(folder: Path, text: str = TEXT, more: str = "") -> TrainConfig:
    """The config, with more samples."""
    if more:
        text = text.replace("estimator:", f"{more}estimator:") + SOURCE
    (folder / "train.yaml").write_text(text, encoding="utf-8")
    found = load(folder / "train.yaml")
    assert isinstance(found, TrainConfig)
    return replace(found, output=Output(folder=folder / "models"))


def trained(config: TrainConfig) -> TrainingOutcome:
    return run_training(config, now=lambda: NOON)


def at(row: float, column: float) -> str:
    """Longitude and latitude of a cell of jobsetup.SCENE."""
    grid = grid_of(SCENE)
    place = grid.west + (column + 0.5) * 30, grid.north - (row + 0.5) * 30
    lon, lat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(*place)
    return f"{lon:.6f},{lat:.6f}"


def points(folder: Path, *rows: str) -> None:
    (folder / "points.csv").write_text("\n".join(["id,lon,lat,seen,date", *rows]) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TrainingOutcome:
    return trained(written(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a monitoring job that has seen the clearing."""
    folder = tmp_path_factory.mktemp("watched")
    job = JobConfig(
        name="job", sources=SCENE, period=Period(monitor_from=date(2024, 1, 1)), history=History(forest_min=0.5),
        cluster=Cluster(workers=0), output=Output(folder=folder),
    )  # fmt: skip
    run(job, now=lambda: NOON)
    return folder / "job"


# --- simulated scenes -------------------------------------------------------------------------------------------------


def test_a_training_writes_a_model_that_calls_itself_simulated(tiny: TrainingOutcome) -> None:
    model = registry.read(tiny.folder)
    assert model.identity == "tiny-simulated@0.0.1"
    assert model.card.simulated
    assert tiny.lines[0].endswith("tiny-simulated-0.0.1")
    assert tiny.notes == ()
    assert all(line.startswith("simulated score") for line in tiny.lines[1:])
    assert not (tiny.folder / registry.ESTIMATOR).exists()


def test_samples_are_those_of_the_scenes_in_their_order(tiny: TrainingOutcome, tmp_path: Path) -> None:
    alone = next(iter(gather(written(tmp_path).recipe)))
    first = tiny.made.samples.take(tiny.made.samples.block == 0)
    np.testing.assert_array_equal(first.rows, alone.rows)
    assert sorted(set(tiny.made.samples.block.tolist())) == [0, 1]


def test_the_model_is_the_same_whoever_did_the_work(tiny: TrainingOutcome, tmp_path: Path) -> None:
    other = trained(replace(written(tmp_path), cluster=Cluster(workers=2)))
    for name in (registry.ARRAYS, registry.CARD):
        assert (other.folder / name).read_bytes() == (tiny.folder / name).read_bytes()


def test_a_shipped_recipe_is_a_config_too(tmp_path: Path) -> None:
    for recipe in RECIPES.values():
        config = config_of(recipe, Output(folder=tmp_path))
        assert config.recipe == recipe


# --- points -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pointed(tmp_path_factory: pytest.TempPathFactory) -> TrainingOutcome:
    folder = tmp_path_factory.mktemp("pointed")
    points(
        folder,
        f"a,{at(50, 50)},mine,{CLEARED}",
        f"b,{at(55, 52)},mine,2024",
        f"c,{at(8, 90)},calm,",
        f"d,{at(50, 51)},mine,",
        f"e,{at(900, 900)},mine,2024-07-01",
        f"f,{at(52, 50)},mine,2030-01-01",
        f"g,{at(9, 9)},what,2024-07-01",
    )
    return trained(written(folder, TEXT, POINTS))


def test_points_are_seen_in_the_imagery_and_the_rest_is_listed(pointed: TrainingOutcome) -> None:
    said = "\n".join(pointed.notes)
    assert "points.csv: 3 of 7 rows are points with a known answer: mining 2, nothing 1" in said
    for id_, why in (("d", known.TIMELESS), ("e", "outside the imagery"), ("f", "no clear look"), ("g", "`classes`")):
        assert [n for n in pointed.notes if "left out" in n and why in n and n.endswith(f": {id_}")], (id_, said)
    assert f"1 {known.WIDE}" in said
    assert set(pointed.notes) <= set(pointed.made.card.data)
    assert set(pointed.notes) < set(pointed.lines)


def test_a_point_is_a_sample_of_what_came_before_and_after_its_date(pointed: TrainingOutcome) -> None:
    samples = pointed.made.samples
    mine = samples.take(samples.region == "points")
    column = {name: mine.rows[:, i] for i, name in enumerate(mine.features)}
    assert mine.answer.tolist() == ["mining", "mining", "nothing"]
    assert column["nbr_change"][0] < -0.2
    assert abs(column["nbr_change"][2]) < 0.1
    assert (column["optical_after"] > 0).all()
    assert ((column["gap"] > 0) & (column["days"] > 0)).all()
    assert np.isnan(np.stack([column[name] for name in (*AROUND, "sigma", "count")])).all()
    assert mine.year.tolist() == [2024, 2024, 2023]
    assert len(set(mine.event.tolist())) == 3
    assert not set(mine.block.tolist()) & set(samples.block[samples.region != "points"].tolist())
    assert any("cell by cell" in line for line in pointed.made.card.limits)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["a,0.5,0.5,mine,2024-07-01"], "nothing is left to learn from: 1 left out, outside the imagery"),
        (["a,0.5,0.5,mine,"], "nothing is left to learn from: 1 left out, a change without a date"),
        (["a,1.5,85.5,calm,"], "axes|swapped"),
    ],
)
def test_a_file_of_which_nothing_is_left_is_one_line(rows: list[str], words: str, tmp_path: Path) -> None:
    points(tmp_path, *rows)
    config = written(tmp_path, TEXT, POINTS)
    with pytest.raises(BadInput, match=words) as caught:
        trained(replace(config, samples=config.samples[1:]))
    assert "\n" not in str(caught.value)


def test_samples_that_a_model_cannot_learn_from_are_one_line(tmp_path: Path) -> None:
    points(tmp_path, f"a,{at(50, 50)},mine,{CLEARED}")
    config = written(tmp_path, TEXT, POINTS)
    with pytest.raises(BadInput, match="only mining samples"):
        trained(replace(config, samples=config.samples[1:]))


# --- judged alerts ----------------------------------------------------------------------------------------------------


def reviewed(folder: Path, watched: Path, *rows: str) -> TrainConfig:
    (folder / "job").symlink_to(watched)
    (folder / "reviews.csv").write_text("\n".join(["Alert,verdict", *rows]) + "\n", encoding="utf-8")
    return written(folder, TEXT, REVIEWS)


def test_judged_alerts_give_samples_of_their_cells(watched: Path, tmp_path: Path) -> None:
    alert = max(latest(open_database(default_url(watched)), "job").values(), key=lambda one: one.area_ha)
    code = alert.short_code
    outcome = trained(reviewed(tmp_path, watched, f"{alert.id},agriculture", f"{code},Agriculture", "K7Q4M2-X,false"))
    mine = outcome.made.samples.take(outcome.made.samples.region == "reviews")
    assert mine.answer.tolist() == ["agriculture"] * known.CELLS
    assert len(set(mine.event.tolist())) == len(set(mine.block.tolist())) == 1
    assert (mine.rows[:, mine.features.index("nbr_change")] < -0.1).mean() > 0.9
    said = "\n".join(outcome.notes)
    assert "reviews.csv: 1 of 3 rows are points with a known answer: agriculture 1" in said
    assert f"1 left out, repeats a verdict already counted: {code}" in said
    assert "1 left out, no such alert: k7q4m2-x" in said


def test_verdicts_that_cannot_be_used_are_listed_with_their_reason(watched: Path, tmp_path: Path) -> None:
    alerts = latest(open_database(default_url(watched)), "job")
    alert = next(iter(alerts.values()))
    for verdicts, kind, why in (
        (["false"], "nothing", ""),
        (["mining", "mining"], "mining", ""),
        (["mining", "road"], "", "conflicting verdicts"),
        (["false", "nothing"], "nothing", ""),
        (["perhaps"], "", "verdict that is no class, `true` or `false`: `perhaps`"),
        (["true"], "", "`true`, but what the alert says (unclassified) is no single class"),
    ):
        assert known._judged(alert, verdicts) == (kind, why)
    judged = replace(alert, change_type="tree_cover_loss", driver="mining")
    assert known._judged(judged, ["true"]) == ("mining", "")
    assert known._judged(judged, ["true", "false"]) == ("", "conflicting verdicts")
    assert known._judged(replace(alert, change_type="natural_loss", driver="natural"), ["true"])[1]


def test_reviews_that_cannot_be_read_are_one_line(watched: Path, tmp_path: Path) -> None:
    config = reviewed(tmp_path, watched, "x,mining")
    with pytest.raises(BadInput, match="nothing is left to learn from: 1 left out, no such alert: x"):
        trained(config)
    (tmp_path / "reviews.csv").write_text("alert,said\nx,mining\n")
    with pytest.raises(UnknownBand, match="no column `verdict`; it has alert, said"):
        trained(config)
    (tmp_path / "job").unlink()
    with pytest.raises(BadInput, match="holds no sachawatch.db; name the folder of a monitoring job"):
        trained(config)


# --- the config and the command line ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: tiny-simulated", "name: tiny", "call it tiny-simulated"),
        ("    cells: 48", "    cels: 48", "samples.0.cels: unknown key, did you mean `cells`?"),
        ("kind: simulated", "kind: simulatd", "did you mean `simulated`?"),
        ("trees: 5", "trees: 0", "estimator.trees: found 0, expected a whole number at least 1"),
        ("folds: 2", "fold: 2", "did you mean `folds`?"),
        ("version: 0.0.1\n", "", "version: missing"),
        ("optical: [nbr]", "optical: [nbrr]", "nbrr is no plane that looks have; there are nbr"),
        ("optical: [nbr]", "optical: []", "names no plane; name one at least"),
        ("seeds: [1, 2]", "seeds: [1, 1]", "a seed is named twice"),
        ("history:", "tiles: {halo_m: 10}\nhistory:", "a halo of 10 m is less than prepare.mask_buffer_m 60"),
        ("estimator:", POINTS + "estimator:", "sources: sees the samples of kind points; name where the scenes come"),
        ("estimator:", POINTS.replace("mine: mining", "mine: 3") + "estimator:", "classes.mine: found 3, expected a text"),
    ],
)  # fmt: skip
def test_a_config_that_is_wrong_is_told_where(old: str, new: str, words: str, tmp_path: Path) -> None:
    assert old in TEXT
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, TEXT.replace(old, new))
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_paths_of_samples_start_at_the_config_file(tmp_path: Path) -> None:
    config = written(tmp_path, TEXT, POINTS + REVIEWS)
    assert [str(getattr(one, "path", "")) for one in config.samples] == [
        "", str(tmp_path / "points.csv"), str(tmp_path / "reviews.csv"),
    ]  # fmt: skip


Call = Callable[..., tuple[Any, list[str], list[str]]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    def said(*words: object) -> tuple[Any, list[str], list[str]]:
        monkeypatch.setattr(sys, "argv", ["sachawatch", *map(str, words)])
        code: Any = 0
        try:
            cli.main()
        except SystemExit as left:
            code = left.code
        out, err = capsys.readouterr()
        return code, out.splitlines(), [line for line in err.splitlines() if not line.startswith("{")]

    return said


def test_the_command_trains_and_tells_where_the_model_is(call: Call, tmp_path: Path) -> None:
    text = TEXT + "keep_estimator: true\n"
    (tmp_path / "train.yaml").write_text(text, encoding="utf-8")
    code, out, err = call("train", tmp_path / "train.yaml", "--out", tmp_path / "m", "--version", "3.0")
    assert (code, err) == (0, [])
    assert out[0] == str(tmp_path / "m" / "tiny-simulated-3.0")
    assert out[1].startswith("simulated score")
    assert registry.estimator(tmp_path / "m" / "tiny-simulated-3.0").n_estimators == 5


def test_the_command_takes_a_config_or_a_model_and_says_what_is_wrong(call: Call, tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text(TEXT.replace("trees", "tres"), encoding="utf-8")
    (tmp_path / "series.yaml").write_text("kind: series\nname: x\n", encoding="utf-8")
    for words, code, text in (
        ((), 2, "give either CONFIG or --model NAME"),
        ((tmp_path / "train.yaml", "--model", "x"), 2, "give either CONFIG or --model NAME"),
        (("--model", "x"), 78, "no model 'x' ships; there is fused-change-simulated"),
        ((tmp_path / "train.yaml",), 78, "did you mean `trees`?"),
        ((tmp_path / "series.yaml",), 78, "takes a config of kind train"),
    ):
        found = call("train", *words)
        assert (found[0], found[1], len(found[2])) == (code, [], 1), found
        assert text in found[2][0]
    (tmp_path / "train.yaml").write_text(TEXT, encoding="utf-8")
    assert call("run", tmp_path / "train.yaml")[2][0].endswith("takes a config of kind monitor or history")
    assert call("train", tmp_path / "train.yaml", "--version", "1/2")[0] == 78


def test_a_recipe_may_learn_from_whole_archives() -> None:
    """The losses that `ccdc` finds, each told of a year after it."""
    scenes = SimulatedSamples(
        seeds=(3,), regions=("madre-de-dios",), cells=32, sensors=("landsat",), start=date(2014, 1, 1)
    )
    recipe = Recipe(
        name="archive-simulated", version="0.0.1", samples=(scenes,), segments=Ccdc(forest_min=0.5),
        told=Told(optical=("nbr", "mndwi"), radar=()), planes=("green", "red", "nir", "swir1", "swir2"),
    )  # fmt: skip
    (piece,) = pieces(recipe)
    made = piece.samples()
    assert recipe.judges == "ccdc"
    assert made.features == features_of(Planes(("nbr", "mndwi"))) and set(made.answer) <= set(KINDS)
    lowered = made.rows[:, made.features.index("nbr_change")]
    assert made.many and np.nanmedian(lowered) < -0.1  # what was lost stays low; a false find need not
    assert set(made.block) <= {0}
