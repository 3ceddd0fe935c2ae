"""Notebooks run as they are, hold no functions and no outputs, and say that what they show is simulated."""

import ast
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SECONDS = 60


def opened(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(notebook, kind):
    """Everything the code cells display of one MIME type."""
    outputs = [o for cell in code(notebook) for o in cell.outputs]
    return [
        o["data"][kind] for o in outputs if o.output_type in ("display_data", "execute_result") and kind in o["data"]
    ]


def rows(table):
    """The body of a displayed data frame: its cells, row by row, the index first."""
    body = table.partition("<tbody>")[2]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)]


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_holds_no_definitions_no_outputs_and_no_places_of_one_machine(path):
    notebook = opened(path)
    nbformat.validate(notebook)
    for cell in code(notebook):
        assert not cell.outputs
        assert cell.execution_count is None
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        assert not [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, kinds)], cell.source
        assert not re.search(r"[\"'](/|~|[A-Z]:\\)", cell.source), "a path of one machine"
    assert "simulated" in notebook.cells[0].source.lower()


def executed(name):
    client = NotebookClient(
        opened(FOLDER / name), timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": FOLDER}}
    )
    return client.execute()


def left_nothing_behind(notebook):
    """No warning either: what a notebook writes goes to a folder that it removes."""
    assert not [o.text for cell in code(notebook) for o in cell.outputs if o.get("name") == "stderr"]
    assert sorted(FOLDER.iterdir()) == NOTEBOOKS


@pytest.fixture(scope="module")
def first_alerts():
    return executed("01-first-alerts.ipynb")


def test_first_alerts_runs_and_shows_what_it_says(first_alerts):
    assert "'done'" in shown(first_alerts, "text/plain")[0]
    tables = shown(first_alerts, "text/html")
    assert "tree_cover_loss" in tables[0]
    assert "confirmed" in tables[0]
    assert len(shown(first_alerts, "image/png")) == 2


def test_first_alerts_calls_its_scores_simulated(first_alerts):
    card = shown(first_alerts, "text/markdown")[0]
    assert "trained on SIMULATED data" in card.splitlines()[0]
    assert "## Simulated scores on" in card


def test_first_alerts_writes_no_warning(first_alerts):
    left_nothing_behind(first_alerts)


@pytest.fixture(scope="module")
def pixel_history():
    return executed("02-pixel-history.ipynb")


def test_pixel_history_shows_what_its_words_say(pixel_history):
    """The clearing is confirmed, the bamboo never alarms, one by one is all at once, and the last look is the confirming one."""
    assert "True" in shown(pixel_history, "text/plain")
    _, about, reached, looks, changes = map(rows, shown(pixel_history, "text/html"))
    assert [row[1:3] for row in about] == [["clearing", "loss"], ["bamboo", "not loss"]]
    counts = {name: [int(n) for n in numbers] for name, *numbers in reached}
    cells, anomalous, *steps = counts["bamboo"]
    assert anomalous > cells / 2 and steps == [0, 0, 0], "it looks like loss, and nothing is said of it"
    cells, _, provisional, confirmed, _ = counts["clearing"]
    assert cells == provisional > confirmed > cells / 2
    assert {row[2] for row in looks} == {"landsat", "sentinel-2", "sentinel-1"}
    assert float(looks[-1][-3]) > 10, "evidence"
    assert float(looks[-1][-1]) >= 4 > max(float(row[-1]) for row in looks[:-1]), "the grade let it wait"
    assert [(row[1], row[5]) for row in changes] == [("a cell of the clearing", "confirmed")]
    assert len(shown(pixel_history, "image/png")) == 2


def test_pixel_history_writes_no_warning(pixel_history):
    left_nothing_behind(pixel_history)


@pytest.fixture(scope="module")
def forty_years():
    return executed("03-forty-years.ipynb")


def test_forty_years_finds_the_losses_that_the_simulator_knows(forty_years):
    scores = next(text for text in shown(forty_years, "text/plain") if "within a year" in text)
    found, true, near = (float(line.split()[-1]) for line in scores.splitlines()[:3])
    assert found > 0.9 and true > 0.6 and near > 0.8
    assert "simulated" in scores
    assert len(shown(forty_years, "image/png")) == 2


def test_forty_years_writes_no_warning(forty_years):
    left_nothing_behind(forty_years)


@pytest.fixture(scope="module")
def compare_detectors():
    return executed("05-compare-detectors.ipynb")


def in_numbers(cell):
    """`0.91 [0.88, 0.94]` -> value, low, high."""
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", cell)]


def test_compare_detectors_ranks_them_with_intervals(compare_detectors):
    """Fusion says least that is false; every figure lies in its interval; nothing poses as more than a small simulated world."""
    scores, about, by_then, *_ = map(rows, shown(compare_detectors, "text/html"))
    assert [row[0] for row in scores] == ["cusum", "ewma", "radar-cusum", "fusion"]
    for row in scores:
        for value, low, high in map(in_numbers, row[1:4]):
            assert 0.3 < value < 1 and low <= value <= high
    *others, fusion = scores
    assert all(in_numbers(fusion[2])[0] > in_numbers(row[2])[0] for row in others), "user's accuracy"
    assert all(in_numbers(fusion[5])[0] < in_numbers(row[5])[0] / 2 for row in others), "false hectares"
    amounts = {row[0]: float(row[1]) for row in about}
    assert amounts["lost cells"] > 100 and amounts["blocks"] == 8
    assert amounts["ha-years that could be falsely alarmed"] < 5000, "far too little for a claim, as it says"
    for (_, *found), (_, accuracy, *_, days, _) in zip(by_then, scores, strict=True):
        shares = [float(share) for share in found]
        assert shares == sorted(shares) and shares[-1] >= in_numbers(accuracy)[0], "misses are censored"
        assert (shares[2] >= 0.5) == (in_numbers(days)[0] <= 120), "the curve and the day by which half are found"
    assert all("SIMULATED" in table for table in shown(compare_detectors, "text/html"))
    assert len(shown(compare_detectors, "image/png")) == 5


def test_compare_detectors_pairs_them_and_shows_a_cell_of_which_they_disagree(compare_detectors):
    scores, _, _, alarms, differences = map(rows, shown(compare_detectors, "text/html"))
    figures = {row[0]: [in_numbers(cell)[0] for cell in row[1:4]] for row in scores}
    expected = [a - b for name in list(figures)[:-1] for a, b in zip(figures[name], figures["fusion"], strict=True)]
    paired = [[float(number) for number in row[-4:]] for row in differences]
    assert [value for value, *_ in paired] == pytest.approx(expected, abs=0.0151)
    assert all(low <= value <= high for value, low, high, _ in paired)
    assert all(above > 0.97 for _, low, _, above in paired if low > 0)
    assert any(high < 0 for _, _, high, _ in paired), "one difference at least is told from nought"
    assert {row[-1] for row in alarms} == {"True", "False"}, "some find the loss, some do not"
    assert all("never" not in row for row in alarms if row[-1] == "True")


def test_compare_detectors_writes_no_warning(compare_detectors):
    left_nothing_behind(compare_detectors)


@pytest.fixture(scope="module")
def regrowth():
    return executed("07-regrowth.ipynb")


def test_regrowth_maps_what_the_simulator_knows_and_one_cell_agrees(regrowth):
    about, ages, cell = map(rows, shown(regrowth, "text/html"))
    many, found, true, off = (float(row[1]) for row in about)
    assert many > 500 and found > 0.7 and true > 0.8 and off < 1
    area = {int(year): [float(hectares) for hectares in row] for year, *row in ages}
    assert sum(area[2010]) < sum(area[2016]) < sum(area[2024])
    assert area[2010][3] < 1 < 20 < area[2024][3], "what grew in 2013 is older than ten"
    facts = dict(cell)
    assert int(facts["forest was lost in"]) < int(facts["regrowth began, mapped"])
    assert abs(int(facts["regrowth began, mapped"]) - int(facts["regrowth began, truth"])) <= 1
    assert float(facts["dNBR: what was lost"]) >= float(facts["target: NBR before the loss"]) / 2
    assert all("SIMULATED" in table for table in shown(regrowth, "text/html"))
    assert len(shown(regrowth, "image/png")) == 4


def test_regrowth_writes_no_warning(regrowth):
    left_nothing_behind(regrowth)


@pytest.fixture(scope="module")
def train_a_model():
    return executed("04-train-a-model.ipynb")


def test_train_a_model_shows_scores_on_what_was_left_out_with_their_intervals(train_a_model):
    tables = [text for text in shown(train_a_model, "text/html") if "simulated" in text]
    assert len(tables) == 3
    scores = rows(tables[1])
    assert any("lost or hurt" in row for row in scores)
    for row in scores:
        f1, low, high = map(float, row[-3:])
        assert np.isnan(f1) or low - 0.01 <= f1 <= high + 0.01
    both = {row[0]: float(row[1]) for row in rows(tables[2])}
    assert set(both) == {"forest", "linear"}
    assert len(shown(train_a_model, "image/png")) == 3
    left_nothing_behind(train_a_model)


@pytest.fixture(scope="module")
def peatland():
    return executed("06-peatland.ipynb")


def test_peatland_says_what_is_found_and_what_is_not(peatland):
    happened, alerts, found = (text for text in shown(peatland, "text/html") if "simulated" in text)
    assert rows(alerts)
    shares = {row[0]: float(row[-1]) for row in rows(found)}
    assert set(shares) == {row[0] for row in rows(happened)}
    assert all(0 <= share <= 1 for share in shares.values())
    assert len(shown(peatland, "image/png")) == 2
    left_nothing_behind(peatland)


@pytest.fixture(scope="module")
def redd_report():
    return executed("08-redd-report.ipynb")


def by_name(table):
    """A displayed data frame: row -> its other cells."""
    return {name: cells for name, *cells in rows(table)}


def test_redd_report_estimates_hold_the_truth_where_the_map_does_not(redd_report):
    design, answers, areas, agreed, *_ = shown(redd_report, "text/html")
    assert sum(int(row[-1]) for row in rows(design)) == 900
    assert {row[6] for row in rows(answers)} == {"loss", "no loss"}
    found = {name: [float(cell) for cell in cells] for name, cells in by_name(areas).items()}
    for true, _, area, se, low, high, *accuracies in found.values():
        assert low < true < high and low < area < high and se > 0
        assert all(0 < one < 1 for one in accuracies)
    (true, mapped, *_), (true_later, mapped_later, *_) = found["T1"], found["T2"]
    assert mapped < true and mapped_later > true_later, "too few, then too many"
    assert (mapped - mapped_later) / mapped < (true - true_later) / true / 1.5, "it would hardly have gone down"
    kappa = [float(cell) for cell in by_name(agreed)["kappa_fleiss"]]
    assert 0.5 < kappa[0] < 1 and kappa[1] < kappa[0] < kappa[2], "they err, each alone"


def test_redd_report_reckons_a_reduction_by_both_approaches_and_makes_it_again(redd_report):
    *_, results, schemes, inputs = shown(redd_report, "text/html")
    tonnes = {name: [int(cell) for cell in cells] for name, cells in by_name(results).items()}
    for value, low, high, median, drawn_low, drawn_high in tonnes.values():
        assert low < value < high and drawn_low < median < drawn_high
    before, now, less = (tonnes[name] for name in ("reference", "emissions MON", "reduction MON"))
    assert less[0] == pytest.approx(before[0] - now[0], abs=1) and less[1] > 0
    halves = [(high - low) / 2 for _, low, high, *_ in (before, now, less)]
    assert halves[2] < np.hypot(halves[0], halves[1]), "the factor errs alike in both periods"
    assert {name.split()[0] for name in by_name(schemes)} == {"ART", "FCPF"}
    assert all(0 < float(cells[-2]) < 1 for cells in by_name(schemes).values()), "something is taken off"
    assert {cells[-2] for cells in by_name(inputs).values()} == {"given", "verified", "secondary"}
    last = shown(redd_report, "text/plain")[-1]
    assert "'same': True" in last and "'changed': ['areas.csv']" in last
    tables = shown(redd_report, "text/html")
    assert len(tables) == 7 and all("SIMULATED" in table for table in tables)
    assert len(shown(redd_report, "image/png")) == 2


def test_redd_report_writes_no_warning(redd_report):
    left_nothing_behind(redd_report)


@pytest.fixture(scope="module")
def restoration_report():
    return executed("09-restoration-report.ipynb")


def test_restoration_report_measures_areas_and_holds_them_against_the_truth(restoration_report):
    registers, areas, truths, baselines = shown(restoration_report, "text/html")
    ha = {name: float(cell) for name, cell in rows(registers)}
    assert ha["together"] < ha["added up"] == pytest.approx(ha["region"] + ha["concessions"], abs=0.02)
    courses = {row[1] for row in rows(areas)}
    assert courses <= {"recleared", "stalled", "recovering", "untouched"} and len(courses) >= 3
    grown = {name: float(mean) for name, _, mean in rows(truths)}
    others = [mean for name, mean in grown.items() if name in ("stalled", "recleared", "untouched")]
    assert grown["recovering"] > 0.5 > max(others)
    assert dict(rows(baselines)) == {"as frozen": "0", "one digit changed": "1"}
    assert any("'areas in the shapefile': 16" in said for said in shown(restoration_report, "text/plain"))
    assert len(shown(restoration_report, "image/png")) == 2
    left_nothing_behind(restoration_report)
