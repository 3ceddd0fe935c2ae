"""Alerts that people have judged, as they wrote it down: one more thing to learn from."""

from pathlib import Path
from typing import Final, Literal

from detection.errors import UnknownBand
from detection.types import parameters
from models.pointfile import read_csv

COLUMNS: Final = ("alert", "verdict")


@parameters
class Reviews:
    """Alerts of a monitoring job that people have judged."""

    kind: Literal["reviews"] = "reviews"
    """What the file holds."""
    folder: Path
    """Folder of the monitoring job's products (its `output.folder`/name), which holds its database."""
    path: Path
    """CSV with the columns `alert` (id or short code) and `verdict`: a class of ours; `true`, what the alert says is so;
    or `false`, nothing happened."""


def read_verdicts(path: Path) -> tuple[tuple[str, str], ...]:
    """(alert, verdict) of every row as they are written, verdicts in small letters.

    Raises UnknownBand for a table without these columns, BadInput for a file that is no table.
    """
    header, texts = read_csv(path)
    named = [name.lower() for name in header]
    if missing := [name for name in COLUMNS if name not in named]:
        raise UnknownBand(f"{path.name}: no column `{missing[0]}`; it has {', '.join(header[:20])}")
    alert, verdict = (named.index(name) for name in COLUMNS)
    return tuple((str(row[alert]), str(row[verdict]).lower()) for row in texts)
