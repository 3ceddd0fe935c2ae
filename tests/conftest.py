"""Counts how many tests on real data ran and how many were skipped, so that a green run cannot hide that none did."""

import os
from pathlib import Path

import pytest
from hypothesis import settings
from postgres import new_databases as new_databases
from postgres import postgres as postgres  # one server a session, whichever files ask for it

settings.register_profile("steady", derandomize=True)  # `make test`: the same examples every time

SHARED = Path(os.environ.get("SACHAWATCH_SHARED", Path(__file__).parents[1] / "../shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data, truth tables and the scorer; a test that needs it is skipped, by name, when it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"real data: {SHARED} is absent (set SACHAWATCH_SHARED)")
    return SHARED.resolve()


@pytest.fixture(scope="session")
def thorough() -> int:
    """How many times as many random schedules of faults are tried: `make crash` asks for more than `make test`."""
    return 3 if os.environ.get("SACHAWATCH_THOROUGH") else 1


def pytest_collection_modifyitems(items):
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real_data)


def pytest_terminal_summary(terminalreporter):
    def real(outcome):
        reports = terminalreporter.stats.get(outcome, [])
        return sum(
            "real_data" in r.keywords for r in reports if r.when == ("setup" if outcome == "skipped" else "call")
        )

    terminalreporter.write_line(f"real-data tests: {real('passed') + real('failed')} ran, {real('skipped')} skipped")
