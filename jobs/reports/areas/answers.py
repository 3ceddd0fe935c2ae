"""What interpreters said of the samples, read from the files of Collect Earth Online and SEPAL into one noun."""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput
from jobs.reports.areas.asked import Answered
from jobs.reports.areas.sample import Sample
from jobs.reports.areas.strata import Strata

MOST_BYTES: Final = 1_000_000_000
"""Of a file of answers; chosen: far above the 350,000 samples that Collect Earth Online takes."""
SHOWN: Final = 5
"""Ids that a message lists."""
ALIKE_M: Final = 2.0
"""How far a plot may lie from where it was drawn, in cells; chosen: programs move points by some decimals, not by cells."""
NOT_FLAGGED: Final = frozenset(("", "0", "0.0", "false", "f", "no", "n"))
METRES_A_DEGREE: Final = 111_000.0
NEEDED: Final = {"ceo": ("plotid", "email"), "sepal": ("id", "ref_code")}
FORMS: Final = {"ceo": "the sample download of Collect Earth Online", "sepal": "a table with id, ref_code and map_code"}


@dataclass(frozen=True)
class Answers:
    """What was said: one row for every interpreter of every sample."""

    sample: NDArray[np.int64]
    """(answer,) id of the sample."""
    stratum: NDArray[np.int64]
    """(answer,) place of its stratum."""
    claim: tuple[str, ...]
    """(answer,) class that the map claims there."""
    said: tuple[str, ...]
    """(answer,) class that was seen; empty: flagged, or no answer."""
    who: tuple[str, ...]
    """(answer,) the interpreter."""
    year: tuple[int | None, ...]
    """(answer,) year of the change; None: not said."""
    seen_on: tuple[date | None, ...]
    """(answer,) day of the image; None: not said."""
    confidence: tuple[float | None, ...]
    """(answer,) how sure, per cent; None: not said."""


def read_answers(
    asked: Answered, sample: Sample, strata: Strata, numbers: Mapping[str, int], classes: Sequence[str]
) -> Answers:
    """The answers to a sample.

    Raises BadInput, one line each: a file that is missing or has other columns, no answer at all, samples that were not drawn or
    lie elsewhere, another stratum than the drawn one, a class that is not known, a year that is none, several answers of one
    person to one sample.
    """
    name, rows = asked.path.name, _rows(asked)
    ids = [_ident(row, asked, name) for row in rows]
    many = len(sample.stratum)
    if strange := sorted({one for one in ids if not 1 <= one <= many}):
        raise BadInput(f"{name}: {were(strange)} not drawn, there are {many}; give the answers to this sample")
    place = np.array(ids, np.int64) - 1
    _check_places(rows, place, sample, name)
    whose = sample.stratum[place]
    _check_strata(rows, ids, [strata.names[s] for s in whose.tolist()], numbers, name)
    said = [_class(row, asked, numbers, classes) for row in rows]
    who = [_who(row) for row in rows]
    if twice := sorted({one for one, times in Counter(zip(ids, who, strict=True)).items() if times > 1}):
        raise BadInput(f"{name}: {were([i for i, _ in twice])} answered twice by one person; keep one answer")
    claims = tuple(strata.claims[s] for s in whose.tolist())
    years, days = [_year(row, asked, name) for row in rows], [_day(row, asked, name) for row in rows]
    sure = [_number(row.get("confidence")) for row in rows]
    return Answers(place + 1, whose, claims, tuple(said), tuple(who), tuple(years), tuple(days), tuple(sure))


def _rows(asked: Answered) -> list[dict[str, str]]:
    path = asked.path
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path.name}: no such file, or over {MOST_BYTES:,} bytes; give {FORMS[asked.format]}")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            rows = [{str(key): (value or "").strip() for key, value in row.items() if key} for row in reader]
            header = list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path.name}: not readable as CSV in UTF-8 ({error}); export it again") from None
    wanted = [*NEEDED[asked.format], *(c for c in (asked.question, asked.year_question, asked.date_column) if c)]
    if lacking := [column for column in wanted if column not in header]:
        raise BadInput(f"{path.name}: has no column {lacking[0]!r}; give {FORMS[asked.format]}")
    if not rows:
        raise BadInput(f"{path.name}: holds no answer; export it again when samples are interpreted")
    return rows


def _ident(row: Mapping[str, str], asked: Answered, name: str) -> int:
    text = row["plotid" if asked.format == "ceo" else "id"]
    if not re.fullmatch(r"[0-9]{1,9}(\.0)?", text):
        raise BadInput(
            f"{name}: {text!r:.40} is no id of a sample; they are 1, 2, 3 ... as in the file that was handed out"
        )
    return int(float(text))


def _check_places(rows: Sequence[Mapping[str, str]], place: NDArray[np.int64], sample: Sample, name: str) -> None:
    """A plot that lies elsewhere belongs to another draw, whatever its number."""
    pairs = (("lon", "lat"), ("LON", "LAT"), ("location_x", "location_y"), ("XCoordinate", "YCoordinate"))
    pair = next((one for one in pairs if one[0] in rows[0] and one[1] in rows[0]), None)
    if pair is None:
        return
    xy = np.array([[_coordinate(row[key], name) for key in pair] for row in rows])
    lon, lat = (axis[place] for axis in sample.places)
    east = (xy[:, 0] - lon) * METRES_A_DEGREE * np.cos(np.radians(lat))
    off = np.hypot(east, (xy[:, 1] - lat) * METRES_A_DEGREE)
    if np.any(far := off > ALIKE_M * sample.grid.resolution):
        one = int(np.argmax(far))
        lost = were(np.unique(place[far] + 1).tolist())
        raise BadInput(
            f"{name}: {lost} not where drawn (off by {off[one]:,.0f} m); have map, seed or sampling changed?"
        )


def _coordinate(text: str, name: str) -> float:
    found = _number(text)
    if found is None or not -360 <= found <= 360:
        raise BadInput(f"{name}: {text!r:.40} is no longitude or latitude; give degrees, EPSG:4326")
    return found


def _check_strata(
    rows: Sequence[Mapping[str, str]], ids: Sequence[int], drawn: Sequence[str], numbers: Mapping[str, int], name: str
) -> None:
    """What the file itself says of the stratum must be what was drawn, where it says anything."""
    known = {str(number): stratum for stratum, number in numbers.items()}
    keys = [key for key in ("map_code", "map_class", "pl_stratum", "smpl_stratum", "pl_map_class") if key in rows[0]]
    for key in keys:
        other = [
            (ident, row[key]) for ident, row, stratum in zip(ids, rows, drawn, strict=True)
            if row[key] and stratum not in (row[key], known.get(row[key].removesuffix(".0")))
        ]  # fmt: skip
        if other:
            found = sorted({ident for ident, _ in other})
            raise BadInput(
                f"{name}: {were(found)} of another stratum than drawn ({key} {other[0][1]!r:.40}); has the map changed since?"
            )


def _class(row: Mapping[str, str], asked: Answered, numbers: Mapping[str, int], classes: Sequence[str]) -> str:
    if asked.format == "ceo" and row.get("flagged", "").lower() not in NOT_FLAGGED:
        return ""
    answer = row[asked.question if asked.format == "ceo" and asked.question else "ref_code"]
    named = {str(number): name for name, number in numbers.items()} if asked.format == "sepal" else {}
    meant = asked.classes.get(answer, named.get(answer.removesuffix(".0"), answer))
    if meant and meant not in classes:
        raise BadInput(
            f"{asked.path.name}: the answer {answer!r:.40} is no class ({', '.join(classes)}); name it in `answers.classes`"
        )
    return meant


def _who(row: Mapping[str, str]) -> str:
    return row.get("email") or row.get("operator") or "interpreter"


def _year(row: Mapping[str, str], asked: Answered, name: str) -> int | None:
    text = row[asked.year_question] if asked.year_question else ""
    if not text:
        return None
    if not re.fullmatch(r"(19|20|21)[0-9]{2}(\.0)?", text):
        raise BadInput(f"{name}: {text!r:.40} is no year; write it as 2021, or leave it empty")
    return int(float(text))


def _day(row: Mapping[str, str], asked: Answered, name: str) -> date | None:
    text = row[asked.date_column] if asked.date_column else ""
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        raise BadInput(f"{name}: {text!r:.40} is no day; write it as 2021-08-31, or leave it empty") from None


def _number(text: Any) -> float | None:
    try:
        found = float(text)
    except (TypeError, ValueError):
        return None
    return found if np.isfinite(found) else None


def were(ids: Sequence[int]) -> str:
    """`samples 1, 2, 3 are`, no more than a few of them."""
    listed = ", ".join(map(str, ids[:SHOWN])) + (f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else "")
    return f"sample {listed} was" if len(ids) == 1 else f"samples {listed} were"
