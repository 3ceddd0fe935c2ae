"""`sachawatch evaluate`: detectors on data with a known truth; tables here, simulated worlds below."""

import importlib.util
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from detection.accuracy.stream import Changes, Stream, changes
from detection.accuracy.truth import SeriesTruth
from detection.errors import BadInput, DetectionError
from jobs.cli import sachawatch
from jobs.config import Cluster, EvaluateConfig, Output, load
from jobs.evaluation.asked import Comparison, Contestant, SimulatedTruth, TableTruth
from jobs.evaluation.judging import Entry, sample, weighed
from jobs.evaluation.outcome import Outcome
from jobs.evaluation.pieces import open_piece, pieces
from jobs.evaluation.run import blind_log, evaluate

HERE = Path(__file__).parents[1]
SHARED = Path(os.environ.get("SACHAWATCH_SHARED", HERE.parent / "shared"))
INDEX = Contestant(name="cusum", config=HERE / "configs" / "series-index.yaml")
MONITOR_FROM = date(2022, 1, 1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MANY, LOST = 40, 16


def series(seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forty series of an index, sixteen of which fall for good some day after monitoring begins, and their truth."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2018-01-01", "2023-12-31", freq="16D")
    rows, truth = [], []
    for i in range(MANY):
        start = pd.Timestamp("2022-03-01") + pd.Timedelta(days=int(rng.integers(0, 300)))
        fall = np.where((days >= start) & (i < LOST), 0.4, 0.0)
        value = 0.7 + 0.02 * np.sin(2 * np.pi * days.day_of_year / 365.25) + rng.normal(0, 0.02, len(days)) - fall
        rows.append(pd.DataFrame({"series_id": f"s{i:02d}", "date": days, "value": value}))
        told = {"series_id": f"s{i:02d}", "stratum": "edge" if i % 2 else "core", "change": i < LOST, "block": i // 4}
        told |= {"change_start": start.date() if i < LOST else "", "change_end": "2023-12-31" if i < LOST else ""}
        truth.append(
            told | {"obs_start": "2022-01-01", "obs_end": "2023-12-31", "label": "clearing" if i < LOST else ""}
        )
    return pd.concat(rows), pd.DataFrame(truth)


def asked(folder: Path, **more: Any) -> EvaluateConfig:
    table, truth = series()
    table.to_csv(folder / "table.csv", index=False)
    truth.to_csv(folder / "truth.csv", index=False)
    data = TableTruth(table=folder / "table.csv", truth=folder / "truth.csv", monitor_from=MONITOR_FROM)
    made = EvaluateConfig(
        name="small", data=data, detectors=(INDEX,), comparison=Comparison(draws=100), cluster=Cluster(workers=0),
        output=Output(folder=folder / "out"), blind_log=folder / "blind.csv",
    )  # fmt: skip
    return replace(made, **more)


def run(config: EvaluateConfig, others: Sequence[Entry] = ()) -> Outcome:
    return evaluate(config, now=lambda: NOON, others=others)


def figure(outcome: Outcome, detector: str, stage: str = "confirmed") -> Any:
    return next(f for f in outcome.figures if f.detector == detector and f.stage == stage)


def entry(name: str, detector: Any, **more: Any) -> Entry:
    return Entry(name, detector, ("value",), ours=False, **more)


def told(table: pd.DataFrame) -> Changes:
    """What a truth table says, as a detector that knows it would."""
    lost = table[table.change]
    at = pd.to_datetime(lost.change_start).to_numpy("datetime64[D]").astype(int)
    return changes(np.arange(LOST), at, at)


def test_a_detector_is_scored_on_a_table_and_everything_is_written(tmp_path: Path) -> None:
    outcome = run(asked(tmp_path))
    found = figure(outcome, "cusum")
    assert found.accuracy["producers"].value == 1
    assert found.accuracy["users"].value == 1
    assert 0 < found.median_days.value < 80
    assert {p.name for p in outcome.folder.iterdir()} == {
        "evaluation.json", "evaluation.csv", "evaluation.md", "found-and-false.png", "days.png",
    }  # fmt: skip
    data = json.loads((outcome.folder / "evaluation.json").read_text())
    assert data["truth"].startswith("Accuracies are of this sample")
    assert data["figures"][0]["accuracy"]["producers"]["of"] == LOST
    assert "| cusum | 1.00" in (outcome.folder / "evaluation.md").read_text()
    rows = pd.read_csv(outcome.folder / "evaluation.csv")
    assert {"producers", "users", "f1", "median days"} <= set(rows.figure)


def test_a_method_that_cuts_up_archives_is_scored_by_the_day_it_could_say_so(tmp_path: Path) -> None:
    method = tmp_path / "ccdc.yaml"
    method.write_text("kind: series\nname: ccdc\ncolumns: [value]\nsegments: {kind: ccdc}\n", encoding="utf-8")
    given = asked(tmp_path, detectors=(Contestant(name="ccdc", config=method),))
    outcome = run(replace(given, comparison=Comparison(draws=100, cut_share=1.0)))
    found = figure(outcome, "ccdc")
    assert found.accuracy["producers"].value > 0.9
    assert found.accuracy["users"].value == 1
    assert 90 < found.median_days.value < 250, "a break must last five months"
    checked, changed = outcome.results[0].ahead["ccdc"]
    assert checked > 10
    assert changed == 0


def test_one_that_knows_scores_one_one_that_guesses_its_rate_one_that_is_silent_nothing(tmp_path: Path) -> None:
    config, (_, truth) = asked(tmp_path), series()
    rng = np.random.default_rng(3)
    day = int((np.datetime64("2022-06-01")).astype(int))
    guessed = np.flatnonzero(rng.random(MANY) < 0.5)
    late = np.flatnonzero(guessed >= LOST)
    outcome = run(config, [
        entry("knows", lambda stream: told(truth)),
        entry("guesses", lambda stream: changes(guessed, np.full(len(guessed), day), np.full(len(guessed), day))),
        entry("silent", lambda stream: changes(np.zeros(0, int), np.zeros(0, int))),
    ])  # fmt: skip
    knows, guesses, silent = (figure(outcome, n) for n in ("knows", "guesses", "silent"))
    assert knows.accuracy["f1"].value == 1
    assert knows.median_days.value == 0
    assert knows.per_mha_year.value in (0, None)
    assert len(late) == sum(p["alarms"] for p in [{"alarms": len(late)}])
    assert guesses.accuracy["users"].value < 0.5
    assert silent.accuracy["producers"].value == 0
    assert silent.accuracy["users"].value is None
    assert silent.median_days.value is None
    assert knows.minus["f1"].value == 0
    assert silent.minus["producers"].high < -0.9


def peeks(stream: Stream) -> Changes:
    """Alarms at the third monitored look, if the last look of all is low."""
    assert stream.optical is not None
    value, days = stream.optical.values["value"], stream.optical.days
    low = np.flatnonzero(value[-1] < 0.5)
    at = np.full(len(low), days[np.flatnonzero(days >= stream.monitor_day)[2]])
    return changes(low, at, at)


def test_one_that_looks_into_the_future_is_caught(tmp_path: Path) -> None:
    config = asked(tmp_path, comparison=Comparison(draws=100, cut_share=1.0))
    outcome = run(config, [entry("peeks", peeks)])
    ahead = json.loads((outcome.folder / "evaluation.json").read_text())["cut_at_the_decision"]
    assert ahead["cusum"] == {"series": MANY, "changed_their_mind": 0}
    assert ahead["peeks"]["changed_their_mind"] > LOST / 2


def test_the_command_line_says_the_table_and_refuses_other_kinds(tmp_path: Path) -> None:
    asked(tmp_path)
    index = HERE / "configs" / "series-index.yaml"
    (tmp_path / "plan.yaml").write_text(
        "kind: evaluate\nname: plan\n"
        "data: {kind: table, table: table.csv, truth: truth.csv, monitor_from: 2022-01-01}\n"
        f"detectors:\n  - {{name: cusum, config: {index}}}\n"
        f"comparison: {{draws: 100}}\ncluster: {{workers: 0}}\noutput: {{folder: {tmp_path / 'out'}}}\n"
    )
    done = CliRunner().invoke(sachawatch, ["evaluate", str(tmp_path / "plan.yaml")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "| cusum | 1.00" in done.output
    loaded = load(tmp_path / "plan.yaml")
    assert isinstance(loaded, EvaluateConfig)
    assert isinstance(loaded.data, TableTruth)
    assert loaded.data.table == tmp_path / "table.csv"
    with pytest.raises(BadInput, match="takes a config of kind evaluate"):
        CliRunner().invoke(sachawatch, ["evaluate", str(index)], catch_exceptions=False)


def mistaken(truth: pd.DataFrame, what: str) -> pd.DataFrame:
    made = truth.astype(object)
    if what == "ids":
        made["series_id"] = "x" + made["series_id"]
    elif what == "no change":
        made = made[~truth.change]
    elif what == "date":
        made.loc[0, "change_start"] = "01/03/2022"
    elif what == "column":
        made = made.drop(columns="stratum")
    elif what == "empty":
        made = made.iloc[:0]
    elif what == "number":
        made["weight"] = "many"
    return made


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("ids", "none of its 40 series is in table.csv"),
        ("no change", "no series has a change"),
        ("date", "'01/03/2022' is no date; write YYYY-MM-DD"),
        ("column", "'stratum' is missing"),
        ("empty", "has no rows to judge by"),
        ("number", "weight 'many' is no number"),
    ],
)
def test_a_truth_that_cannot_be_used_is_said_in_one_line(tmp_path: Path, what: str, words: str) -> None:
    config = asked(tmp_path)
    mistaken(series()[1], what).to_csv(tmp_path / "truth.csv", index=False)
    with pytest.raises(DetectionError, match=words) as caught:
        run(config)
    assert "\n" not in str(caught.value)


def test_a_truth_that_is_not_there_or_no_table(tmp_path: Path) -> None:
    config = asked(tmp_path)
    (tmp_path / "truth.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DetectionError, match="is no table"):
        run(config)
    (tmp_path / "truth.csv").unlink()
    with pytest.raises(DetectionError, match="is not there"):
        run(config)


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    config = asked(tmp_path)
    truth = series()[1]
    strangers = truth.iloc[:2].assign(series_id=["a", "b"])
    pd.concat([truth.iloc[:-3], strangers]).to_csv(tmp_path / "truth.csv", index=False)
    notes = json.loads((run(config).folder / "evaluation.json").read_text())["notes"]
    assert any("2 series of the truth are not in the table" in note for note in notes)
    assert any("3 series of the table have no truth" in note for note in notes)
    assert any("18 changes are still open on the last judged day" in note for note in notes)


def test_two_detectors_may_not_share_a_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="two detectors share a name"):
        run(asked(tmp_path), [entry("cusum", peeks)])


def truth_of_strata() -> SeriesTruth:
    """10,000 series in two strata of very different size, a few with losses."""
    stratum = np.zeros(10_000, np.uint8)
    stratum[9_900:] = 1
    lost = np.array([5, 17, 9_950])
    ones, many = np.ones(3, bool), np.zeros(10_000)
    return SeriesTruth(
        ("core", "edge"), ("clearing",), stratum, many.astype(np.int32), many + 1, many + 0.09,
        many.astype(np.int32), many.astype(np.int32) + 365, lost, np.zeros(3, np.uint8), ones,
        np.full(3, 100, np.int32), np.full(3, 365, np.int32), ones, ~ones, lost, np.full(3, 0.09),
    )  # fmt: skip


def test_the_sample_takes_every_class_and_weighs_as_many_as_there_are() -> None:
    truth = truth_of_strata()
    keep = sample(truth, 400, seed=1)
    np.testing.assert_array_equal(keep, sample(truth, 400, seed=1))
    assert len(keep) == len(set(keep.tolist())) == 400
    assert {5, 17, 9_950} <= set(keep.tolist())
    assert (truth.stratum[keep] == 1).sum() == 100
    weights = weighed(truth, keep)
    assert weights.weight.sum() == pytest.approx(10_000)
    assert weights.weight[weights.window_series].tolist() == [1, 1, 1]
    assert len(sample(truth, None, seed=1)) == len(sample(truth, 20_000, seed=1)) == 10_000


@pytest.mark.real_data
@pytest.mark.skipif(not (SHARED / "checks").exists(), reason="needs the shared folder with real satellite data")
@pytest.mark.parametrize(
    ("name", "config", "first"), [("borneo", "series-index", "2013-01-01"), ("myanmar", "series-radar", "2016-01-01")]
)
def test_the_same_score_as_the_shared_scorer_gives_the_series_command(
    tmp_path: Path, name: str, config: str, first: str
) -> None:
    spec = importlib.util.spec_from_file_location("score", SHARED / "checks" / "score.py")
    assert spec
    assert spec.loader
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    table, truth = SHARED / "checks" / "series" / f"{name}.csv.gz", SHARED / "checks" / "truth" / f"{name}.csv"
    shipped = HERE / "configs" / f"{config}.yaml"
    arguments = [
        "series",
        str(table),
        "--config",
        str(shipped),
        "--out",
        str(tmp_path / "c.csv"),
        "--monitor-from",
        first,
    ]
    CliRunner().invoke(sachawatch, arguments, catch_exceptions=False)
    theirs = score.score(score.load_truth(truth), score.load_detections(tmp_path / "c.csv"), boot=0)
    data = TableTruth(table=table, truth=truth, monitor_from=date.fromisoformat(first))
    mine = asked(tmp_path, data=data, detectors=(Contestant(name="ours", config=shipped),))
    outcome = run(mine)
    for stage in ("first", "confirmed"):
        found = figure(outcome, "ours", stage)
        assert found.accuracy["producers"].value == pytest.approx(theirs[stage]["producers"], abs=6e-4)
        assert found.accuracy["users"].value == pytest.approx(theirs[stage]["users"], abs=6e-4)
        assert found.accuracy["false_alarms"].value == pytest.approx(
            theirs[stage]["false_alarms_per_series_year"], abs=6e-4
        )
        assert found.median_days.value == theirs[stage]["latency"]["km_median"]


def worlds(folder: Path, **more: Any) -> EvaluateConfig:
    """A small simulated world of Madre de Dios, both variants; two monitored years of Landsat and Sentinel-1."""
    data = SimulatedTruth(
        regions=("madre-de-dios",), variants=("open", "blind"), seeds=(11,), cells=40, sensors=("landsat", "sentinel-1"),
        start=date(2020, 6, 1), monitor_from=date(2022, 1, 1), end=date(2023, 6, 1), sample=300,
    )  # fmt: skip
    made = EvaluateConfig(
        name="worlds", data=data, detectors=(INDEX,), comparison=Comparison(draws=100), cluster=Cluster(workers=0),
        output=Output(folder=folder / "out"), blind_log=folder / "log" / "blind.csv",
    )  # fmt: skip
    return replace(made, **more)


JOB = Contestant(name="job", config=HERE / "configs" / "demo-madre-de-dios.yaml")
RADAR = Contestant(name="radar", config=HERE / "configs" / "series-radar.yaml")


def test_simulated_worlds_are_judged_and_every_look_at_the_blind_one_is_on_record(tmp_path: Path) -> None:
    config = worlds(tmp_path, detectors=(INDEX, RADAR, JOB))
    outcome = run(config)
    data = json.loads((outcome.folder / "evaluation.json").read_text())
    assert data["truth"].startswith("SIMULATED")
    assert (outcome.folder / "evaluation.md").read_text().count("SIMULATED") == 1
    assert {tuple(f["group"]) for f in data["figures"]} == {("madre-de-dios", "open"), ("madre-de-dios", "blind")}
    for one in outcome.figures:
        assert 0 < sum(one.exposed_mha_years.values()) < 40 * 40 * 0.09 * 1.5 / 1e6
        assert one.everything
    assert data["cut_at_the_decision"]["cusum"]["changed_their_mind"] == 0
    assert data["cut_at_the_decision"]["radar"]["changed_their_mind"] == 0
    assert not outcome.failures
    assert any("without a single event" in note for note in data["notes"])
    logged = blind_log(config.blind_log)
    assert [line["name"] for line in logged] == ["worlds"]
    assert logged[0]["detectors"] == "cusum radar job"
    run(replace(config, data=replace(config.data, variants=("open",))))
    assert len(blind_log(config.blind_log)) == 1
    evaluate(config, now=lambda: NOON, why="a second look")
    assert [line["why"] for line in blind_log(config.blind_log)] == ["", "a second look"]


def test_one_that_knows_the_simulated_truth_scores_one_and_one_shifted_in_space_falls(tmp_path: Path) -> None:
    config = worlds(tmp_path)
    assert isinstance(config.data, SimulatedTruth)
    data = replace(config.data, variants=("open",), cells=96, sample=2000, sensors=("landsat",), start=date(2021, 9, 1))
    piece = pieces("worlds", data)[0]
    opened = open_piece(piece, data, {"nbr"})
    truth = opened.truth
    found = np.flatnonzero(truth.window_loss & ~truth.window_ignored)
    assert len(found) > 20, "the world has losses to find"
    cells, days = opened.judged[truth.window_series[found]], truth.window_start[found]

    def knows(_: Stream) -> Changes:
        return changes(cells, days, days)

    def shifted(_: Stream) -> Changes:
        return changes((cells + 31) % (96 * 96), days, days)

    outcome = run(replace(config, data=data, comparison=Comparison(draws=100, cut_share=0)), [
        Entry("knows", knows, ("nbr",), ours=False), Entry("shifted", shifted, ("nbr",), ours=False)
    ])  # fmt: skip
    best, fallen = figure(outcome, "knows"), figure(outcome, "shifted")
    assert best.accuracy["producers"].value == best.accuracy["users"].value == best.accuracy["f1"].value == 1
    assert best.per_mha_year.value == 0
    assert best.per_mha_year.high > 0
    assert best.median_days.value == 0
    assert fallen.accuracy["f1"].value < 0.6


def test_the_answer_does_not_depend_on_the_workers(tmp_path: Path) -> None:
    config = worlds(tmp_path)
    assert isinstance(config.data, SimulatedTruth)
    config = replace(config, data=replace(config.data, cells=24))
    alone = run(config).figures
    together = run(replace(config, cluster=Cluster(workers=2), output=Output(folder=tmp_path / "two"))).figures
    assert [f.accuracy for f in alone] == [f.accuracy for f in together]
    assert [f.per_mha_year for f in alone] == [f.per_mha_year for f in together]


def test_a_world_without_forest_and_periods_out_of_order_are_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="do not follow each other"):
        SimulatedTruth(start=date(2022, 1, 1), monitor_from=date(2021, 1, 1))
    with pytest.raises(BadInput, match="every seed once"):
        SimulatedTruth(seeds=(1, 1))


def test_a_job_is_no_detector_for_a_table(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="of kind series or, on simulated data, monitor"):
        run(asked(tmp_path, detectors=(JOB,)))
