"""Where the figures go: one section of benchmarks/RESULTS.md a benchmark, replaced as a whole, the others untouched."""

import fcntl
import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).with_name("RESULTS.md")
SECTION: Final = re.compile(r"<!-- begin: (?P<name>[^\n]+?) -->\n(?P<body>.*?)<!-- end: (?P=name) -->\n", re.DOTALL)
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9 ,()-]{0,80}")
HEADER: Final = """# What was measured

Every section is written by the command it names and replaced when that command is run again; do not edit by hand.
Figures of simulated scenes are simulated figures: they show that the program is right and what it costs, not how well
it sees a real forest. Wall times are those of the machine that the section names, often shared with other work.
"""


def record(section: str, lines: Sequence[str], command: str, path: Path = RESULTS) -> None:
    """Put a section in place of the one of this name, or add it; sections stand in the order of their names.

    lines: Markdown, without a heading; command: what makes them again, as typed in the repository's root. Two writers
    at once wait for each other. Raises ValueError for a name or a line that would break the markers, OSError.
    """
    if not NAME.fullmatch(section):
        raise ValueError(f"section {section!r}: is not made of letters, digits, spaces and , ( ) -")
    if any("<!-- begin:" in line or "<!-- end:" in line for line in lines):
        raise ValueError(f"section {section!r}: a line holds a marker; leave it out")
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        sections = {found["name"]: found["body"] for found in SECTION.finditer(text)}
        sections[section] = _body(section, lines, command)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(_page(sections), encoding="utf-8")
        partial.replace(path)
    finally:
        os.close(folder)


def machine() -> str:
    """Cores, memory and Python, and nothing that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, Python {platform.python_version()}"


def _body(section: str, lines: Sequence[str], command: str) -> str:
    when = f"Recorded {datetime.now(UTC):%Y-%m-%d} on {machine()}, by `{command}`."
    return "\n".join([f"## {section}", "", when, "", *lines, "", ""])


def _page(sections: dict[str, str]) -> str:
    parts = [f"<!-- begin: {name} -->\n{sections[name]}<!-- end: {name} -->\n" for name in sorted(sections)]
    return "\n".join([HEADER, *parts])
