"""Slips that change a number by a known factor: told as what may have happened, never as what did."""

from collections.abc import Collection
from math import log
from typing import Final, Literal

from jobs.words import _

Matter = Literal["area", "tonnes", "per cent", "years"]
SAME: Final = 0.03
"""A ratio this close to a factor may be it (chosen: 10 and 11.1, cells of 30 m, stay apart)."""
SLIPS: Final[tuple[tuple[float, tuple[Matter, ...], str], ...]] = (
    (44 / 12, ("tonnes",), _("tonnes of carbon and of carbon dioxide (44/12)")),
    (2.4710538, ("area",), _("acres and hectares (2.47)")),
    (1 / 0.09, ("area",), _("cells of 30 m and hectares (0.09 ha each)")),
    (1 / 0.04, ("area",), _("cells of 20 m and hectares (0.04 ha each)")),
    (100.0, ("area",), _("hectares and square kilometres, or cells of 10 m (100)")),
    (100.0, ("per cent",), _("a share and a per cent (100)")),
    (1e4, ("area",), _("square metres and hectares (10,000)")),
    (10.0, ("area", "tonnes", "years", "per cent"), _("a digit too many or too few (10)")),
    (1e3, ("area", "tonnes"), _("thousands (1,000)")),
    (1e6, ("area", "tonnes"), _("millions (1,000,000)")),
)
"""Factor, what it may happen to, in words."""


def slips(stated: float, computed: float, matters: Collection[Matter]) -> tuple[str, ...]:
    """What may have been mixed up, most particular first; empty: no slip that is known makes this ratio."""
    if stated <= 0 or computed <= 0:
        return ()
    off = abs(log(stated / computed))
    return tuple(
        text for factor, kinds, text in SLIPS if set(kinds) & set(matters) and abs(off - log(factor)) <= log(1 + SAME)
    )
