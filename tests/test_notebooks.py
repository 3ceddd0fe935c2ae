"""Notebooks run as they are, hold no functions and no outputs, and say that what they show is simulated."""

import ast
import re
from pathlib import Path

import nbformat
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
    assert "Every figure here is simulated" in shown(first_alerts, "text/markdown")[0]
    scores = shown(first_alerts, "text/html")[1]
    assert "simulated scores of" in scores
    assert "lesson" in scores


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
