"""The short form of benchmarks/crash.py: two kills, and that its checks see what they are to see. Simulated scenes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import crash_checks as checks  # noqa: E402 - the folder of benchmarks is no package
from results import record  # noqa: E402


def test_a_kill_ends_as_if_nobody_had_killed(tmp_path):
    command = [sys.executable, str(BENCHMARKS / "crash.py"), "--kills", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 runs, 1 killed" in ended.stdout
    assert "broken view while killed: 0" in ended.stdout


@pytest.fixture
def job(tmp_path):
    run = tmp_path / "runs" / "r1"
    run.mkdir(parents=True)
    (run / "a.tif").write_bytes(b"numbers")
    sha = "1220" + checks._plain(run / "a.tif")
    (run / "item.json").write_text(json.dumps({"assets": {"a": {"href": "./a.tif", "file:checksum": sha}}}))
    (tmp_path / "latest").symlink_to("runs/r1", target_is_directory=True)
    return tmp_path


def test_a_whole_product_is_found_whole(job):
    assert checks.while_killed(job) == []


@pytest.mark.parametrize("harm", ["damaged", "missing", "dangling", "in view", "no item"])
def test_a_broken_view_is_noticed(job, harm):
    run = job / "runs" / "r1"
    if harm == "damaged":
        (run / "a.tif").write_bytes(b"number5")
    elif harm == "missing":
        (run / "a.tif").unlink()
    elif harm == "dangling":
        run.rename(job / "runs" / ".hidden")
    elif harm == "in view":
        (job / "runs.partial").mkdir()
    else:
        (run / "item.json").unlink()
    assert len(checks.while_killed(job)) == 1


def test_outcomes_differ_by_a_byte_but_not_by_the_pace_of_the_machine(job):
    manifest = job / "runs" / "r1" / "manifest.json"
    manifest.write_text(json.dumps({"run": "r1", "seconds": {"looking": 1.0}}))
    before = checks.outcome(job)
    manifest.write_text(json.dumps({"run": "r1", "seconds": {"looking": 2.0}}))
    assert checks.differences(before, checks.outcome(job)) == []
    (job / "runs" / "r1" / "a.tif").write_bytes(b"number5")
    assert checks.differences(before, checks.outcome(job)) == ["product runs/r1/a.tif"]


def test_a_section_is_replaced_and_the_others_stay(tmp_path):
    page = tmp_path / "RESULTS.md"
    record("Second", ["two"], "python b.py", page)
    record("First", ["one"], "python a.py", page)
    before = page.read_text()
    record("First", ["uno"], "python a.py", page)
    assert page.read_text() == before.replace("\none\n", "\nuno\n")
    assert before.index("## First") < before.index("## Second")


@pytest.mark.parametrize(("section", "line"), [("a -->", "x"), ("", "x"), ("Good", "<!-- end: Good -->")])
def test_a_section_that_would_break_the_page_is_refused(tmp_path, section, line):
    with pytest.raises(ValueError, match="section"):
        record(section, [line], "python a.py", tmp_path / "RESULTS.md")
