"""Reports by the command line: four sections, made, made again, and every mistake in one line that leaves nothing behind."""

import csv
import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from areasetup import NAMES, at, ceo, write_map
from areasetup import world as map_and_truth

from jobs import cli
from jobs.config import load
from jobs.reports.areas.sample import Sample, design, draw
from jobs.reports.areas.strata import frame, measure
from jobs.reports.asked import ReportConfig

CONFIG = """kind: report
name: small
place: Somewhere
simulated: true
areas:
  map: {kind: geotiff, path: map.tif}
  first: 2020-01-01
  last: 2022-12-31
  strata:
    - {name: loss, codes: [1]}
    - {name: stable forest, codes: [2]}
    - {name: no forest, codes: [3]}
  sampling: {samples: 150, least: 40}
  answers: {path: answers.csv, format: ceo, question: What is it?}
redd:
  account:
    kind: own
    periods:
      - {name: T1, first: 2011, last: 2015, kind: REF}
      - {name: T2, first: 2016, last: 2017, kind: MON}
    areas: {kind: transitions, path: changes.csv}
    stocks:
      pools:
        - {land_use: forest, pool: AGB, figure: {factor: agb_rainforest_primary}}
        - {land_use: field, pool: ALL, figure: {value: 5, se: 1, source: invented}}
  factors: [own.yaml]
  monte_carlo: {draws: 1000}
peat:
  areas: peat.csv
  first_year: 2018
  last_year: 2019
  own_gwp: gwp.yaml
  sampling: {draws: 1000}
claims:
  claims:
    - name: one
      areas:
        - {value: 300, how: about, quote: about 300 hectares, source: a text}
        - {value: 100, quote: 100 hectares, source: a text}
"""
CHANGES = """transition,period,stratum,activity,before,after,area_ha,se_ha
T1_cut,T1,north,DF,forest,field,5000,400
T2_cut,T2,north,DF,forest,field,1000,100
"""
PEAT = "peat_stratum,disturbance,year,area_ha,se_ha\npalm_swamp,drained_oil_palm,2018,120,10\n"
OWN = """name: own
version: "1"
about: A factor of one's own.
factors:
  - {name: bushes, value: 40, unit: t dm/ha, status: verified, uncertainty: 10, given_as: SE, author: x, year: 2024, table: "1"}
"""
SECTIONS = {
    "areas": {"area_estimates.csv", "sample_design.csv", "sample.csv", "samples.gpkg", "sepal/sampling.csv"},
    "redd": {"redd_results.csv", "redd_emissions.csv", "redd_emissions.xlsx", "trees_er.xlsx"},
    "peat": {"peat_emissions.csv", "peat_totals.csv", "peat_factors.csv"},
    "claims": {"claim_statements.csv", "claim_ranges.csv"},
}
"""Section -> some of the files that it writes beside pages, workbook and manifest."""
ALWAYS = {"report.es.html", "report.en.html", "report.xlsx", "manifest.json"}
RESTS_ON = {
    "areas": ["map.tif", "answers.csv"], "redd": ["changes.csv", "own.yaml"], "peat": ["peat.csv", "gwp.yaml"], "claims": [],
}  # fmt: skip
"""Section -> files of the analyst beside the config."""


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    """Exit code."""
    out: list[str]
    """Lines of standard output."""
    errors: list[str]
    """Lines of standard error without those of progress."""


Call = Callable[..., Said]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config and all that it names."""
    folder = tmp_path_factory.mktemp("inputs")
    mapped, truth = map_and_truth()
    write_map(folder / "map.tif", mapped)
    shutil.copy(Path(cli.__file__).parent / "reports" / "peat" / "factors" / "peat-gwp-ar5.yaml", folder / "gwp.yaml")
    for name, text in {"changes.csv": CHANGES, "peat.csv": PEAT, "own.yaml": OWN, "small.yaml": CONFIG}.items():
        (folder / name).write_text(text, encoding="utf-8")
    sample = drawn(folder / "small.yaml")
    ceo(folder / "answers.csv", sample, [NAMES[code - 1] for code in at(sample, truth)])
    return folder


def drawn(config: Path) -> Sample:
    asked = load(config)
    assert isinstance(asked, ReportConfig) and asked.areas is not None
    opened = frame(asked.areas)
    return draw(opened, design(measure(opened), asked.areas.sampling), asked.areas.sampling.seed)


@pytest.fixture
def there(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which commands are given."""
    shutil.copytree(inputs, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    def command(*words: Any) -> Said:
        monkeypatch.setattr(sys, "argv", ["sachawatch", *map(str, words)])
        code: Any = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code or 0
        out, err = capsys.readouterr()
        return Said(code, out.splitlines(), [line for line in err.splitlines() if not line.startswith("{")])

    return command


def made(call: Call, which: str, *, code: int = 0) -> Path:
    """The folder of a report."""
    found = call("report", which, "small.yaml")
    assert (found.code, found.errors) == (code, [])
    page = Path(found.out[-1].removeprefix("open "))
    assert page.name == "report.es.html", "the first language of the config"
    assert page.parent.resolve() == Path("out", "small", which, "latest").resolve()
    return page.parent


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def everything(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names(folder)}


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("which", SECTIONS)
def test_a_section_is_written_whole_and_made_again(there: Path, call: Call, which: str) -> None:
    folder = made(call, which)
    assert names(folder) >= ALWAYS | SECTIONS[which]
    manifest = json.loads((folder / "manifest.json").read_text())
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in everything(folder).items()}
    del sums["manifest.json"]
    assert manifest["files"] == sums and manifest["simulated"] is (which != "claims")
    assert {Path(name).name for name in manifest["inputs"]} == set(RESTS_ON[which])
    book = openpyxl.load_workbook(folder / "report.xlsx")
    for name in book.sheetnames[1:]:
        with (folder / f"{name}.csv").open(newline="") as file:
            assert next(csv.reader(file)) == [cell.value for cell in book[name][1]]
    before = everything(there)
    again = call("repro", folder / "manifest.json")
    assert (again.code, again.errors) == (0, [])
    (line,) = again.out
    assert set(line.removeprefix("the same: ").split(", ")) == set(sums)
    assert everything(there) == before, "nothing is written"


@pytest.mark.parametrize("which", SECTIONS)
def test_the_same_report_twice_is_the_same_folder(there: Path, call: Call, which: str) -> None:
    first = made(call, which)
    before = everything(first)
    assert made(call, which).resolve() == first.resolve()
    assert everything(first) == before
    replaced(there / "small.yaml", "place: Somewhere", "place: Elsewhere")
    other = made(call, which)
    assert other.resolve() != first.resolve() and everything(first) == before, "what was written stays"


@pytest.mark.parametrize(("which", "name"), [(which, name) for which, some in RESTS_ON.items() for name in some])
def test_an_input_that_changed_or_is_gone_is_named(there: Path, call: Call, which: str, name: str) -> None:
    manifest = made(call, which) / "manifest.json"
    before = everything(there)
    with (there / name).open("ab") as file:
        file.write(b"\n")
    changed = call("repro", manifest)
    assert changed.code == cli.PARTIAL and changed.errors == []
    (line,) = changed.out
    assert line.startswith(f"lacking: {there / name} has changed (sha256 ")
    (there / name).unlink()
    assert call("repro", manifest) == Said(cli.PARTIAL, [f"lacking: {there / name} is not there any more"], [])
    (there / name).write_bytes(before[name])
    assert call("repro", manifest).code == cli.DONE
    assert everything(there) == before


def test_a_config_that_was_touched_or_is_gone_is_named(there: Path, call: Call) -> None:
    manifest = made(call, "peat") / "manifest.json"
    replaced(there / "small.yaml", "last_year: 2019", "last_year: 2020")
    touched = call("repro", manifest)
    assert touched.code == cli.PARTIAL
    assert [line.partition(" (")[0] for line in touched.out] == [f"lacking: {there / 'small.yaml'} has changed"]
    (there / "small.yaml").unlink()
    assert call("repro", manifest) == Said(cli.PARTIAL, [f"lacking: {there / 'small.yaml'} is not there any more"], [])


def test_a_config_with_line_ends_of_windows_is_the_same(there: Path, call: Call) -> None:
    (there / "small.yaml").write_bytes(CONFIG.replace("\n", "\r\n").encode())
    assert call("repro", made(call, "claims") / "manifest.json").code == cli.DONE


def test_a_product_that_was_touched_or_is_gone_is_named(there: Path, call: Call) -> None:
    folder = made(call, "peat")
    replaced(folder / "peat_totals.csv", "2018", "2017")
    (folder / "report.en.html").unlink()
    found = call("repro", folder / "manifest.json")
    assert found.code == cli.PARTIAL
    assert sorted(found.out)[:2] == [
        "differs: peat_totals.csv: was changed after it was made",
        "differs: report.en.html: does not lie beside the manifest any more",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"section": "maps"}, "has no report of 'maps'; give the manifest.json as it was written"),
        ({"config_file": "one.yaml", "config_text": "kind: series\nname: one\n"}, "has no report of 'peat'"),
        ({"files": 3}, "is no manifest"),
        ({"inputs": ["peat.csv"]}, "is no manifest"),
        ({"config_text": None}, "is no manifest"),
    ],
)
def test_a_manifest_that_was_meddled_with_is_one_line(
    there: Path, call: Call, change: dict[str, Any], said: str
) -> None:
    folder = made(call, "peat")
    (there / "one.yaml").write_text("kind: series\nname: one\n")
    told = json.loads((folder / "manifest.json").read_text()) | change
    (there / "manifest.json").write_text(json.dumps(told))
    found = call("repro", there / "manifest.json")
    assert found.code == cli.BAD_CONFIG and len(found.errors) == 1 and said in found.errors[0]


MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "a section that is not there": (
        "peat", CONFIG[CONFIG.index("peat:") : CONFIG.index("claims:")], "",
        "small: asks for no report of peat; there is areas, redd, claims, or add the section",
    ),
    "an unknown key": ("peat", "last_year", "latest_year", "small.yaml:31:3: peat.latest_year: unknown key, did you"),
    "an unknown key of a claim": ("claims", "areas:\n        -", "ares:\n        -", "claims.claims.0.ares: unknown key"),
    "a table that is not there": ("redd", "changes.csv", "chances.csv", "chances.csv"),
    "a map that is not there": ("areas", "map.tif", "maps.tif", "maps.tif: no such file"),
    "answers that are not there": ("areas", "answers.csv", "ceo.csv", "ceo.csv: no such file"),
    "a question that nobody asked": ("areas", "What is it?", "What was it?", "has no column 'What was it?'"),
    "a factor that is not there": ("redd", "agb_rainforest_primary", "agb_rainforest", "agb_rainforest"),
    "a language without words": ("peat", "simulated: true", "languages: [qu]", "qu"),
    "another kind": ("peat", CONFIG, "kind: series\nname: small\n", "is of kind series; this command takes a config of kind rep"),
}  # fmt: skip
"""What is wrong -> section, what is replaced by what, what is said of it."""


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_said_in_a_line_and_leaves_nothing(there: Path, call: Call, name: str) -> None:
    which, old, new, expected = MISTAKES[name]
    replaced(there / "small.yaml", old, new)
    before = everything(there)
    found = call("report", which, "small.yaml")
    assert found.code == cli.BAD_CONFIG and found.out == []
    assert expected in found.errors[0]
    assert everything(there) == before and not (there / "out").exists()


def test_a_mistake_leaves_the_last_report_where_it_was(there: Path, call: Call) -> None:
    before = everything(made(call, "redd"))
    replaced(there / "changes.csv", "5000,400", "5000,")
    found = call("report", "redd", "small.yaml")
    assert found.code == cli.BAD_CONFIG
    (line,) = found.errors
    assert "changes.csv, row 2, se_ha: an area without a standard error" in line
    assert everything(there / "out" / "small" / "redd" / "latest") == before
    assert [path.name for path in (there / "out" / "small" / "redd" / "runs").iterdir() if path.name[0] == "."] == []


def test_a_section_that_no_report_has_is_a_mistake_of_usage(there: Path, call: Call) -> None:
    found = call("report", "maps", "small.yaml")
    assert found.code == cli.USAGE
    assert "'maps' is not one of 'areas', 'redd', 'peat', 'claims'" in found.errors[-1]
    assert not (there / "out").exists()


def test_the_sample_goes_out_comes_back_and_is_estimated(there: Path, call: Call) -> None:
    """Without answers the files for interpreters alone; with them, estimates; the sample is the same."""
    answers = CONFIG[CONFIG.index("  answers:") : CONFIG.index("redd:")]
    replaced(there / "small.yaml", answers, "")
    first = made(call, "areas")
    assert "area_estimates.csv" not in names(first)
    handed_out = (first / "collect-earth-online" / "plots.csv").read_bytes()
    replaced(there / "small.yaml", "redd:\n", answers + "redd:\n")
    second = made(call, "areas")
    assert (second / "collect-earth-online" / "plots.csv").read_bytes() == handed_out
    rows = list(csv.DictReader(StringIO((second / "area_estimates.csv").read_text())))
    (loss,) = [row for row in rows if (row["stratum"], row["class"]) == ("all", "loss")]
    assert float(loss["ci_low_ha"]) < float(loss["area_ha"]) < float(loss["ci_high_ha"])
    assert loss["map_area_ha"] != loss["area_ha"], "what is counted on the map stands beside it"
