"""Files for the systems of others, each as its receiver wants it; what a receiver would refuse is refused here, and said."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from detection.errors import BadInput
from jobs.reports.parts import Column, Table, coded
from jobs.reports.piece import Piece
from jobs.reports.restoration import cbd, ferm
from jobs.reports.restoration.asked import Exchange
from jobs.reports.restoration.land import Land
from jobs.reports.restoration.register import Register
from jobs.reports.restoration.vocabulary import vocabularies
from jobs.words import Words, _

WRITTEN, REFUSED = "written", "refused"
FERM, CBD, AURORA = "FERM", "CBD", "AURORA"
RECEIVERS: Final = {
    FERM: _("FAO's registry of restoration"),
    CBD: _("national report to the Convention on Biological Diversity"),
    AURORA: _("indicators of the AURORA list"),
}
STATES: Final = {WRITTEN: _("written"), REFUSED: _("refused: see the reason")}
COLUMNS: Final = (
    Column("file", "", _("File in this folder")),
    Column("receiver", "", _("Who takes it"), says=coded(RECEIVERS)),
    Column("register", "", _("Register")),
    Column("state", "", _("Is it there?"), says=coded(STATES)),
    Column("reason", "", _("Why it is not, area by area")),
)
INDICATORS: Final = (
    Column("aurora_id", "", _("Number in the list"), 0),
    Column("list", "", _("Which list of AURORA")),
    Column("indicator", "", _("Name in the list")),
    Column("unit", "", _("Unit in the list")),
    Column("direction", "", _("What counts as better")),
    Column("value", "", _("Value")),
    Column("year", "", _("Year"), 0),
    Column("note", "", _("How it was measured")),
)
IMPROVED: Final = 3
"""AURORA's indicator of land use `Area of Land Under Improved Management`."""


@dataclass(frozen=True)
class File:
    """A file for a receiver, or why there is none."""

    name: str
    """Path in the folder."""
    receiver: str
    """FERM, CBD or AURORA."""
    register: str
    """Of whose areas it is."""
    content: bytes | None
    """None: refused."""
    reason: str = ""
    """Why it is refused."""


def exchange(asked: Exchange, land: Land) -> Piece:
    """All files, and a table that says which are there."""
    files = tuple(_files(asked, land))
    rows = tuple(
        (one.name, one.receiver, one.register, REFUSED if one.content is None else WRITTEN, one.reason) for one in files
    )
    refused = [one for one in files if one.content is None]

    def plain(words: Words) -> Iterator[str]:
        yield words.say(
            _("Files for {receivers} lie beside this page: {written} of {all}."),
            receivers=", ".join(words.say(RECEIVERS[one]) for one in (FERM, CBD)),
            written=len(files) - len(refused), all=len(files),
        )  # fmt: skip
        if refused:
            yield words.say(
                _(
                    "{n} are not there since their receiver would refuse them; the table of files says why and what to mend."
                ),
                n=len(refused),
            )

    return Piece(
        plain=lambda words: tuple(plain(words)),
        tables=(
            Table("restoration_exchange", _("Files for platforms"), COLUMNS, rows, cards=bool(refused)),
            _indicators(land),
        ),
        files={one.name: one.content for one in files if one.content is not None},
        basis={"vocabularies": vocabularies().source},
    )


def _files(asked: Exchange, land: Land) -> Iterator[File]:
    several = len(land.registers) > 1
    for number, register in enumerate(land.registers, 1):
        project = f"{asked.project}-{number}" if several else asked.project
        folder = f"ferm/{_slug(register.name)}" if several else "ferm"
        for name, make in (("areas.geojson", ferm.geojson), ("areas.zip", ferm.shapefile), ("areas.kml", ferm.kml)):
            yield _file(f"{folder}/{name}", FERM, register.name, partial(make, register, project))
        yield _file(f"{folder}/projects.json", FERM, register.name, partial(ferm.projects, register))
    whole = land.begun_together
    yield _file("cbd_nr7_2.1.xlsx", CBD, whole.name, partial(_cbd, whole, land.year, asked))


def _cbd(whole: Register, year: int, asked: Exchange) -> bytes:
    return cbd.write(cbd.rows(whole, year, asked.unit))


def _file(name: str, receiver: str, register: str, make: Callable[[], bytes]) -> File:
    try:
        return File(name, receiver, register, make())
    except BadInput as refused:
        return File(name, receiver, register, None, str(refused))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "register"


def _indicators(land: Land) -> Table:
    one = vocabularies().land_use[IMPROVED]
    note = "union of areas where restoration has begun, EPSG:6933"
    row = (IMPROVED, "land use", one.label, one.unit, one.direction, land.under_restoration, land.year, note)
    return Table("aurora_indicators", _("Indicators of the AURORA list"), INDICATORS, (row,))
