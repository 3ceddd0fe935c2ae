"""What a report is made of, before it is a page, a workbook or a folder of files: one set of numbers for all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shapely import MultiPolygon

from jobs.words import Words, _

Cell = str | int | float | bool | None
"""A figure as it was computed, never rounded; None: there is none, which is not nought."""
Lines = Callable[[Words], Sequence[str]]
"""Sentences in a language."""


CHECKED: Final = {
    "verified": _("checked in its source"),
    "secondary": _("read at second hand"),
    "unverified": _("not checked in its source: provisional"),
}
"""Status of a factor -> in words."""


def coded(texts: Mapping[str, str]) -> Callable[[str, Words], str]:
    """Code -> text of the catalogue, for `Column.says`."""
    return lambda code, words: words.say(texts[code]) if code in texts else ""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    """As it stands in files, e.g. `area_ha`; never translated."""
    unit: str = ""
    """Of its figures, e.g. `ha`, `tCO2e/yr`; empty for text, counts and shares."""
    about: str = ""
    """What it holds, for people: a text of the catalogue."""
    digits: int = 2
    """Decimals shown on the page; files have all of them."""
    says: Callable[[str, Words], str] | None = None
    """What a code in it means, for the page: files keep the code. An empty text: the code says it itself."""
    page: bool = True
    """Shown on the page; else only files have it."""


@dataclass(frozen=True)
class Table:
    """A table of a report."""

    name: str
    """Of its file and sheet, e.g. `area_estimates`; letters, digits and `_`."""
    title: str
    """For people: a text of the catalogue."""
    columns: tuple[Column, ...]
    """In order."""
    rows: tuple[tuple[Cell, ...], ...]
    """As long as the columns, each."""
    notes: Lines = field(default=lambda _: ())
    """What to know before reading it."""
    cards: bool = False
    """Rows hold sentences: on the page each is a list of its own instead of a line of a wide table."""
    paper: bool = False
    """Printed in the PDF too; the others are only files."""


@dataclass(frozen=True)
class Chart:
    """A drawing."""

    name: str
    """Of its file."""
    title: str
    """A text of the catalogue."""
    draw: Callable[[Words], str]
    """The SVG, in a language."""
    alt: Lines
    """What it shows, for who cannot see it."""


@dataclass(frozen=True)
class Layer:
    """Polygons of a report, for GIS."""

    name: str
    """Of the layer in `layers.gpkg`."""
    crs: str
    """Of the shapes, e.g. `EPSG:32719`."""
    rows: tuple[Mapping[str, Cell], ...]
    """What is said of each."""
    shapes: tuple[MultiPolygon, ...]
    """As many as rows."""


@dataclass(frozen=True)
class Report:
    """A report, ready to be written in any form."""

    name: str
    """Of its folder."""
    title: str
    """A text of the catalogue."""
    place: str
    """Name of the area for people."""
    simulated: bool
    """Made from simulated input: said wherever a figure stands."""
    plain: Lines
    """The first page: what was found, as sentences with "between X and Y", units people know, no term of art."""
    unknown: Lines
    """What is not known, and what must not be read out of it."""
    tables: tuple[Table, ...]
    """All figures."""
    charts: tuple[Chart, ...] = ()
    """Drawings."""
    layers: tuple[Layer, ...] = ()
    """Polygons."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Exchange files by path within the folder, with exactly the content that their readers want."""
    basis: Mapping[str, Any] = field(default_factory=dict)
    """What it rests on, plain enough for JSON: inputs with checksums, factor sets with their status, dates of images, seeds."""
    paper: bool = False
    """Also a PDF, `report.LANGUAGE.pdf`."""
