"""Stands here until the method does: its parameter class alone, so that a config can name it."""

from typing import Literal

from detection.errors import BadInput
from detection.monitors import Looks
from detection.segments.record import Segments
from detection.types import Mask, parameters


@parameters
class Landtrendr:
    """One value a year of one index."""

    kind: Literal["landtrendr"] = "landtrendr"
    """How the archive is cut: `landtrendr` takes one value a year."""


def segments(parameters: Landtrendr, looks: Looks, *, inside: Mask, sign: int = 1, plane: str = "index") -> Segments:
    """Raises BadInput: not there yet."""
    raise BadInput(f"segments.kind: {parameters.kind!r} is not built yet; take another")
