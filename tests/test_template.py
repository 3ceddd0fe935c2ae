"""The template is a working config that shows every default; the schema tells editors the same as the reader."""

import json
import re
from datetime import date
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from detection.sources.simulated import SimulatedParameters
from jobs import config, template, yamlfile
from jobs.config import JobConfig, Period, SeriesConfig
from jobs.shape import resolve

ROOT = Path(__file__).parent.parent


def loaded(tmp_path: Path, text: str) -> JobConfig | SeriesConfig:
    file = tmp_path / "job.yaml"
    file.write_text(text, encoding="utf-8")
    return config.load(file)


def test_the_template_shows_every_default(tmp_path: Path) -> None:
    assert loaded(tmp_path, template.template()) == JobConfig(
        name="demo", sources=SimulatedParameters(), period=Period(monitor_from=date(2024, 1, 1))
    )
    assert loaded(tmp_path, template.template("series")) == SeriesConfig(name="demo")


def test_the_template_starts_with_its_schema_and_stays_far_below_the_limits(tmp_path: Path) -> None:
    text = template.template()
    assert text.startswith("# yaml-language-server: $schema=../docs/job.schema.json\n")
    assert len(text.encode()) < yamlfile.MAX_BYTES / 5
    assert len(yamlfile.parse(text, tmp_path).values) < yamlfile.MAX_ENTRIES / 10
    assert max(map(len, text.splitlines())) <= 120


def test_the_other_kinds_of_the_template_load_when_uncommented(tmp_path: Path) -> None:
    text = template.template()
    sections = re.findall(r"^# Instead of the above, kind (\w+):.*\n((?:#.*\n)+?)(?=\n|# Instead)", text, re.MULTILINE)
    assert {kind for kind, _ in sections} >= {"bbox", "file", "files", "ewma"}
    for kind, block in sections:
        lines = [line.removeprefix("# ") for line in block.splitlines()]
        first = next(n for n, line in enumerate(lines) if re.match(r"\w+:$", line))
        key = lines[first].removesuffix(":")
        without = re.sub(rf"^{key}:\n(?:  .*\n)+", "", text, flags=re.MULTILINE)
        job = loaded(tmp_path, without + "\n".join(lines[first:]) + "\n")
        assert getattr(job, key).kind == kind


def test_the_published_schema_is_fresh() -> None:
    published = json.loads((ROOT / "docs" / "job.schema.json").read_text(encoding="utf-8"))
    assert published == template.schema(), "stale: run `python -m jobs.template`"


def test_every_key_is_described_and_no_other_is_allowed() -> None:
    root = template.schema()
    for name, block in root["$defs"].items():
        assert block["additionalProperties"] is False, name
        assert [key for key, spec in block["properties"].items() if not resolve(root, spec).get("description")] == []


@pytest.mark.parametrize("text", [template.template(), template.template("series")])
def test_good_files_agree_with_the_schema(text: str) -> None:
    checker = jsonschema.Draft202012Validator(template.schema())
    jsonschema.Draft202012Validator.check_schema(template.schema())
    assert [e.message for e in checker.iter_errors(yamlfile.parse(text, Path("x")).data)] == []


@pytest.mark.parametrize(
    "name", ["typo_monitor_threshold", "quoted_number", "bound_threshold_zero", "kind_missing_monitor"]
)
def test_editors_see_the_same_mistakes(name: str) -> None:
    data = yamlfile.read(ROOT / "tests" / "data" / "bad_configs" / f"{name}.yaml").data
    assert not jsonschema.Draft202012Validator(template.schema()).is_valid(data)
