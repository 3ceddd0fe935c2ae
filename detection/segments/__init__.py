"""Whole archives cut into segments: `ccdc` of many looks a year, `landtrendr` of one value a year, `aftermath` of their losses;
`falls` reads losses and rises from yearly values without cutting them up.

To add a method: a module with a parameter class that has a `kind`, its line in `segments`, and its class in the union of
`jobs/config.py`.
"""

from dataclasses import replace

from detection.monitors import Looks
from detection.segments import ccdc, landtrendr
from detection.segments.aftermath import Aftermath, aftermath, told
from detection.segments.annual import Annual, yearly
from detection.segments.ccdc import Ccdc
from detection.segments.landtrendr import Landtrendr
from detection.segments.record import Segments
from detection.segments.recovery import Recovery
from detection.types import Mask

__all__ = [
    "Aftermath", "Annual", "Ccdc", "Landtrendr", "Method", "Recovery", "Segments", "history", "segments",
]  # fmt: skip

Method = Ccdc | Landtrendr


def segments(
    method: Method, looks: Looks, planes: tuple[str, ...], inside: Mask, sign: int = 1, annual: Annual | None = None
) -> Segments:
    """The archives of a row of pixels, cut up as the method does; planes: what the slots hold, the leading one first.

    inside: (pixel,) False where outside the area; sign: +1 where loss lowers the leading plane, -1 where it raises it;
    annual: which looks stand for a year, one each; None: all looks as they are. Raises BadInput for planes that the method
    cannot take.
    """
    if annual is not None:
        made = yearly(annual, looks)
        return made.dated(segments(method, made.row, planes, inside, sign))
    if isinstance(method, Ccdc):
        return ccdc.segments(method, looks, planes, inside, sign)
    return landtrendr.segments(method, looks, inside=inside, sign=sign, plane=planes[0])


def history(
    method: Method,
    recovery: Recovery,
    looks: Looks,
    planes: tuple[str, ...],
    inside: Mask,
    sign: int = 1,
    annual: Annual | None = None,
) -> tuple[Segments, Aftermath]:
    """As `segments`, and what came after the losses, which then says what is regrowth and what was cleared again."""
    found = segments(method, looks, planes, inside, sign, annual)
    after = aftermath(recovery, looks, found.changes, sign, annual)
    return replace(found, changes=told(found.changes, after)), after
