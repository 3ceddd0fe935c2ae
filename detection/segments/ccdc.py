"""Stands here until the method does: its parameter class alone, so that a config can name it."""

from typing import Literal

from detection.errors import BadInput
from detection.monitors import Looks
from detection.segments.record import Segments
from detection.types import Mask, parameters


@parameters
class Ccdc:
    """Many looks a year, several planes."""

    kind: Literal["ccdc"] = "ccdc"
    """How the archive is cut: `ccdc` takes many looks a year."""
    loss: Literal["lowers", "raises"] = "lowers"
    """Which way a loss of forest moves the leading plane; whoever calls `detection.segments.segments` says it there."""


def segments(parameters: Ccdc, looks: Looks, planes: tuple[str, ...], inside: Mask) -> Segments:
    """Raises BadInput: not there yet."""
    raise BadInput(f"segments.kind: {parameters.kind!r} is not built yet; take another")
