"""A part of a report that a config may ask for: what it says, and what it says it with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs.reports.parts import Chart, Layer, Lines, Table


@dataclass(frozen=True)
class Piece:
    """One part; a report is several of them, one after the other."""

    plain: Lines = field(default=lambda _: ())
    """What was found, in plain sentences."""
    unknown: Lines = field(default=lambda _: ())
    """What is not known."""
    tables: tuple[Table, ...] = ()
    """Its figures."""
    charts: tuple[Chart, ...] = ()
    """Its drawings."""
    layers: tuple[Layer, ...] = ()
    """Its polygons."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Exchange files by path within the folder."""
    inputs: tuple[Path, ...] = ()
    """Files it was made of; their checksums go into the manifest."""
    basis: Mapping[str, Any] = field(default_factory=dict)
    """What else it rests on, plain enough for JSON."""
    simulated: bool = False
    """Does one of the files say that it is simulated?"""


def together(pieces: Iterable[Piece]) -> Piece:
    """Several as one, in order."""
    every = tuple(pieces)
    return Piece(
        lambda words: tuple(line for one in every for line in one.plain(words)),
        lambda words: tuple(dict.fromkeys(line for one in every for line in one.unknown(words))),
        tuple(table for one in every for table in one.tables),
        tuple(chart for one in every for chart in one.charts),
        tuple(layer for one in every for layer in one.layers),
        {name: data for one in every for name, data in one.files.items()},
        tuple(dict.fromkeys(file for one in every for file in one.inputs)),
        {key: said for one in every for key, said in one.basis.items()},
        any(one.simulated for one in every),
    )
