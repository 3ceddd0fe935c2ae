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


def segments(parameters: Ccdc, looks: Looks, planes: tuple[str, ...], *, inside: Mask, sign: int = 1) -> Segments:
    """Raises BadInput: not there yet."""
    raise BadInput(f"segments.kind: {parameters.kind!r} is not built yet; take another")
