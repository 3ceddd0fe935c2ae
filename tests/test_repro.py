"""A run made again from its manifest: the same, or what is not is named."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import historysetup
import pytest
import rasterio
from jobsetup import NOON, link, start, write_scenes

from detection.errors import BadInput
from jobs.repro import Again, again

LAST = date(2024, 9, 1)
"""Looks from here on come later."""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def job(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, so that revisions were told one by one; the folder of scenes and products."""
    folder = tmp_path_factory.mktemp("job")
    for until in (date(2024, 7, 20), LAST):
        outcome = start(link(scenes, folder / "scenes", lambda day, until=until: day < until), folder / "out")
    assert outcome.folder is not None
    (folder / "made").symlink_to(outcome.folder)
    return folder


@pytest.fixture
def made(job: Path, scenes: Path) -> Iterator[Path]:
    """The products of the last run, as they were however a test has left those before it."""
    folder = (job / "made").resolve()
    kept = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    yield folder
    for path, content in kept.items():
        path.write_bytes(content)
    for path in (job / "scenes").iterdir():
        path.unlink()
    link(scenes, job / "scenes", lambda day: day < LAST)


def repeated(folder: Path) -> Again:
    return again(folder / "manifest.json", now=lambda: NOON)


def test_what_was_made_in_two_runs_is_made_again_in_one(made: Path) -> None:
    found = repeated(made)
    assert found.complete, list(found.lines())
    assert {"alerts.geojson", "status.tif", "magnitude.tif", "change_date.tif"} <= set(found.same)


def test_an_input_that_is_not_served_any_more_is_named_and_so_is_what_it_changes(made: Path, job: Path) -> None:
    lost = sorted((job / "scenes").glob("*_202406*.tif"))
    for path in lost:
        path.unlink()
    found = repeated(made)
    assert not found.complete and len(found.lacking) == len(lost) >= 1
    assert all(f"scene {path.stem} is not served any more" in found.lacking for path in lost)
    assert any(line.startswith("alerts.geojson: ") for line in found.differ)


def test_what_came_later_changes_nothing_and_what_was_passed_over_is_named(made: Path, job: Path, scenes: Path) -> None:
    link(scenes, job / "scenes", lambda _: True)
    assert repeated(made).complete, "later scenes are not looked at"


@pytest.mark.parametrize("harm", ["cell", "feature"])
def test_products_that_were_touched_are_found(made: Path, harm: str) -> None:
    if harm == "cell":
        with rasterio.open(made / "status.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
            values = file.read(1)
            values[0, 0] ^= 1
            file.write(values, 1)
        expected = "status.tif: 1 cells"
    else:
        told = json.loads((made / "alerts.geojson").read_text())
        told["features"][0]["properties"]["area_ha"] += 0.01
        (made / "alerts.geojson").write_text(json.dumps(told))
        expected = f"alerts.geojson: 1 differ, the first {told['features'][0]['id']}"
    assert repeated(made).differ == (expected,)


def test_a_history_is_made_again_with_its_maps_tables_and_polygons(scenes: Path, tmp_path: Path) -> None:
    folder = link(scenes, tmp_path / "scenes", lambda _: True)
    made = historysetup.start(folder, tmp_path / "out").folder
    assert made is not None
    found = repeated(made)
    assert found.complete, list(found.lines())
    assert {"loss_year.tif", "areas.csv", "changes.geojson"} <= set(found.same)
    (made / "areas.csv").write_text("year,kind\n")
    assert repeated(made).differ == ("areas.csv: differs",)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _: "{", "is not JSON"), (lambda _: "[]", "is no manifest"), (lambda _: "{}", "is no manifest"),
        (lambda d: json.dumps(d | {"config": {"kind": "monitor"}}), "its config is not one of this version"),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_one_line(tmp_path: Path, spoil: Callable[[dict[str, object]], str], said: str) -> None:
    (tmp_path / "manifest.json").write_text(spoil({"job": "small", "config": {}, "inputs": []}))
    with pytest.raises(BadInput, match=said) as error:
        repeated(tmp_path)
    assert "\n" not in str(error.value)
