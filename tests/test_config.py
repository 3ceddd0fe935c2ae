"""The config reader: every mistake at its line and column, in plain words, and never another exception."""

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, replace
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.errors import BadInput, DetectionError
from detection.monitors.ewma import Ewma
from detection.sources.simulated import SimulatedParameters
from detection.types import RESOLUTIONS
from jobs import config, template, yamlfile
from jobs.config import BboxArea, ConfigError, Database, GridChoice, JobConfig, Period, SeriesConfig, Tiles
from jobs.shape import resolve, variants

ROOT = Path(__file__).parent.parent
CORPUS = sorted((ROOT / "tests" / "data" / "bad_configs").iterdir())
EXPECT = re.compile(rb"# expect (\d+):(\d+) (.*)")
JARGON = re.compile(r"Input should|keyword|dataclass|pydantic|Parameters|JobConfig|Traceback|validat", re.IGNORECASE)
GOOD = """\
kind: monitor
name: madre-de-dios
area: {kind: bbox, west: -70.5, south: -12.75, east: -70.25, north: -12.5, crs: EPSG:4326}
grid: {crs: EPSG:32719, resolution: 30}
sources:
  kind: files   # local rasters
  folder: "rasters"
  layout: dated
  pattern: 'L(?P<date>\\d{8})\\.tif'
  bands: [red, nir]
period:
  monitor_from: 2024-01-01
  until: null
monitor: {kind: ewma, weight: 0.25}
common_mode:
  enabled: false
"""


def loaded(tmp_path: Path, text: str) -> JobConfig | SeriesConfig:
    file = tmp_path / "job.yaml"
    file.write_text(text, encoding="utf-8")
    return config.load(file)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    return [f"{p.line}:{p.column} {p.text}" for p in caught.value.problems]


def example() -> JobConfig:
    return JobConfig(name="demo", sources=SimulatedParameters(), period=Period(monitor_from=date(2024, 1, 1)))


def expectations(file: Path) -> Iterator[tuple[int, int, str]]:
    for line in file.read_bytes().splitlines():
        found = EXPECT.match(line)
        if found is None:
            return
        yield int(found[1]), int(found[2]), found[3].decode()


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 70


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_every_mistake_of_the_corpus_is_found_where_it_is(file: Path) -> None:
    expected = list(expectations(file))
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    problems = caught.value.problems
    assert expected
    assert [(p.line, p.column) for p in problems] == [(line, column) for line, column, _ in expected], str(caught.value)
    for problem, (_, _, fragment) in zip(problems, expected, strict=True):
        assert fragment in problem.text
        assert not JARGON.search(problem.text)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(problems)
    assert all(re.match(rf"{re.escape(str(file))}(:[1-9]\d*:[1-9]\d*)?: \S", line) for line in lines)


def test_a_good_file_gives_what_it_says(tmp_path: Path) -> None:
    job = loaded(tmp_path, GOOD)
    assert isinstance(job, JobConfig)
    assert (job.name, job.period.monitor_from, job.period.until) == ("madre-de-dios", date(2024, 1, 1), None)
    assert job.monitor == Ewma(weight=0.25)
    assert job.sources.kind == "files"
    assert job.sources.pattern == r"L(?P<date>\d{8})\.tif"
    assert job.sources.bands == ("red", "nir")
    assert not job.common_mode.enabled
    assert job.tiles == Tiles()


def test_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "windows.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert config.load(file) == loaded(tmp_path, GOOD)


def test_paths_start_at_the_config_file_but_the_output_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = "{kind: bbox, west: -70.5, south: -12.75, east: -70.25, north: -12.5, crs: EPSG:4326}"
    text = GOOD.replace(box, "{kind: file, path: ../area.geojson}").replace(
        '"rasters"', "rasters\n  table: /data/t.csv"
    )
    monkeypatch.chdir(tmp_path)
    Path("configs").mkdir()
    Path("configs", "job.yaml").write_text(text + "output: {folder: results}\n", encoding="utf-8")
    job = config.load(Path("configs/job.yaml"))
    assert isinstance(job, JobConfig)
    assert job.sources.kind == "files"
    assert job.area.kind == "file"
    assert job.sources.folder == tmp_path / "configs" / "rasters"
    assert job.sources.table == Path("/data/t.csv")
    assert job.area.path.resolve() == tmp_path / "area.geojson"
    assert job.output.folder == Path("results")


def test_what_is_no_readable_file_is_said_in_one_line(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "a folder"),
        (Path("/dev/null"), "device"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            config.load(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


def test_a_config_error_survives_the_way_to_another_process(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, "kind: monitor\n")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.problems) == (str(caught.value), caught.value.problems)


def test_rules_hold_without_a_file_too() -> None:
    with pytest.raises(BadInput, match="longitude and latitude swapped"):
        BboxArea(west=-12.75, south=-70.5, east=-12.5, north=-70.25, crs="EPSG:4326")
    with pytest.raises(DetectionError, match="a halo of 10 m is less than"):
        replace(example(), tiles=Tiles(halo_m=10))
    with pytest.raises(FrozenInstanceError):
        example().name = "other"  # type: ignore[misc]


def test_a_rule_of_a_source_is_reported_with_the_other_mistakes(tmp_path: Path) -> None:
    text = (
        "kind: monitor\nname: demo\nsources:\n  kind: simulated\n  seed: 3\n  north: 8600001\nperiod: {until: soon}\n"
    )
    north, missing, until = mistakes(tmp_path, text)
    assert north.startswith("6:10 sources.north: simulated source: north 8600001 is not a multiple of 60 m")
    assert missing.startswith("7:1 period.monitor_from: missing")
    assert until.startswith("7:17 period.until: found the text")


def test_the_resolutions_are_those_of_the_grids() -> None:
    literal, _ = get_args(get_type_hints(GridChoice)["resolution"])
    assert get_args(literal) == RESOLUTIONS


# The digest


@pytest.mark.parametrize(
    "other",
    [
        replace(example(), database=Database(url="postgresql://db/x")),
        replace(example(), tiles=Tiles(size=64)),
        replace(example(), cluster=config.Cluster(workers=0)),
        replace(example(), output=config.Output(folder=Path("/elsewhere"))),
    ],
)
def test_the_digest_ignores_where_a_job_runs(other: JobConfig) -> None:
    assert config.config_digest(other) == config.config_digest(example())


@pytest.mark.parametrize(
    "other",
    [
        replace(example(), name="other"),
        replace(example(), tiles=Tiles(halo_m=120)),
        replace(example(), monitor=Ewma()),
        replace(example(), sources=SimulatedParameters(seed=2)),
        replace(example(), period=Period(monitor_from=date(2024, 1, 2))),
        replace(example(), model=config.ModelChoice(name="another")),
    ],
)
def test_the_digest_changes_with_the_answer(other: JobConfig) -> None:
    assert config.config_digest(other) != config.config_digest(example())


def test_the_digest_of_a_file_does_not_depend_on_order_and_form(tmp_path: Path) -> None:
    data = yamlfile.parse(GOOD, tmp_path).data
    shuffled = json.dumps(dict(reversed(data.items())), indent=2)
    assert config.config_digest(loaded(tmp_path, shuffled)) == config.config_digest(loaded(tmp_path, GOOD))


# Random mistakes


@settings(max_examples=200, deadline=1000)
@given(
    st.integers(0, len(GOOD) - 1),
    st.sampled_from(["", *" \n\t:-?,[]{}#&*!|>'\"%@`\\~<=.09zé\x00\x85\ufeff"]),
    st.booleans(),
)
def test_one_character_more_less_or_other_never_ends_in_another_error(at: int, new: str, keep: bool) -> None:
    text = GOOD[:at] + new + GOOD[at + (0 if keep else 1) :]
    try:
        document = yamlfile.parse(text, Path("x"))
        json.dumps(document.data)
    except ConfigError as error:
        assert all(not JARGON.search(p.text) for p in error.problems)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@settings(max_examples=120, deadline=1000)
@given(at=st.integers(0, len(GOOD) - 1), new=st.sampled_from(["", *"x0 :'[#\n-."]))
def test_one_character_changed_never_ends_in_another_error_on_loading(scratch: Path, at: int, new: str) -> None:
    try:
        loaded(scratch, GOOD[:at] + new + GOOD[at + 1 :])
    except ConfigError as error:
        assert error.problems
        assert not JARGON.search(str(error))


def edits(word: str) -> Iterator[str]:
    """One edit at every other position; the sort of edit rotates."""
    for i in range(0, len(word), 2):
        yield (
            word[:i] + word[i + 1 :],
            word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :],
            word[:i] + "x" + word[i + 1 :],
            word[:i] + word[i] + word[i:],
        )[i // 2 % 4]


def sections() -> Iterator[tuple[dict[str, Any], tuple[str, ...], list[str]]]:
    """(a good file, the route of one section in it, the keys that section knows), for every section of every kind."""
    root = config.schema()
    for kind, job in variants(root, root).items():
        base = yamlfile.parse(template.template(kind), Path("x")).data
        small = {key: base[key] for key in ["kind", *job["required"]]}
        yield small, (), list(job["properties"])
        for name, section in job["properties"].items():
            spec = resolve(root, section)
            blocks = variants(root, spec) if "discriminator" in spec else {"": spec}
            for inner_kind, block in blocks.items():
                if "properties" in block:
                    needed = {
                        key: template._value(resolve(root, block["properties"][key]))
                        for key in block.get("required", ())
                    }
                    body = {**({"kind": inner_kind} if inner_kind else {}), **needed}
                    yield {**small, name: body}, (name,), list(block["properties"])


def test_nine_of_ten_typos_in_keys_get_the_right_suggestion(scratch: Path) -> None:
    asked = right = 0
    for base, route, keys in sections():
        for key in keys:
            for typo in set(edits(key)) - set(keys) - {""}:
                data = json.loads(json.dumps(base))
                section = data[route[0]] if route else data
                section[typo] = section.pop(key, None)
                asked += 1
                right += any(
                    f"{typo}: unknown key, did you mean `{key}`?" in said
                    for said in mistakes(scratch, json.dumps(data))
                )
    print(f"{right} of {asked} one-edit typos got the right suggestion")
    assert asked > 400
    assert right >= 0.9 * asked


def test_reading_yaml_needs_no_heavy_library() -> None:
    code = (
        "import sys, jobs.yamlfile; assert not {'numpy', 'pydantic'} & set(sys.modules);"
        "import jobs.config; assert not {'dask', 'distributed', 'sklearn', 'sqlalchemy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)
