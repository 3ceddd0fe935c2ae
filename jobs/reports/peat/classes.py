"""What happens to peat, where, and what it then gives off: one table each, with the formulas of the IPCC's supplement."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jobs.words import _

C_TO_CO2: Final = 44 / 12
"""Tonnes of carbon dioxide from a tonne of carbon."""
N_TO_N2O: Final = 44 / 28
"""Tonnes of nitrous oxide from a tonne of nitrogen in it."""
TO_TONNES: Final = 1e-3
"""From kilograms; from grams per kilogram times tonnes, too."""

STRATA: Final = {
    "palm_swamp": _("palm swamp (aguajal)"),
    "pole_forest": _("pole forest (varillal)"),
    "open_peat": _("open peatland"),
}
"""Kinds of peatland of the lowlands of Peru -> in words."""
Term = tuple[str, str]
"""(pool, gas)."""


@dataclass(frozen=True)
class Disturbance:
    """What happened to peat."""

    meaning: str
    """In words: a text of the catalogue."""
    lasts: bool
    """It goes on emitting in every year after; else all is emitted in the year it happens."""
    terms: tuple[Term, ...]
    """What it is known to give off, whether or not there are factors for it."""


_DRAINED: Final = (("CO2-onsite", "CO2"), ("DOC", "CO2"), ("CH4", "CH4"), ("N2O", "N2O"))
_FIRE: Final = (("fire", "CO2"), ("fire", "CH4"))
DISTURBANCES: Final[Mapping[str, Disturbance]] = {
    "intact": Disturbance(_("not disturbed"), True, ()),
    "degraded_moderate": Disturbance(
        _("moderately degraded, palms felled, not drained"), True, (("CO2-onsite", "CO2"),)
    ),
    "degraded_heavy": Disturbance(_("heavily degraded, palms felled, not drained"), True, (("CO2-onsite", "CO2"),)),
    "deforested_undrained": Disturbance(_("cleared, not drained"), True, (("CO2-onsite", "CO2"), ("CH4", "CH4"))),
    "drained_forest": Disturbance(_("drained, forest or shrub"), True, _DRAINED),
    "drained_oil_palm": Disturbance(_("drained for oil palm"), True, _DRAINED),
    "drained_plantation": Disturbance(_("drained for a plantation, unknown or long rotation"), True, _DRAINED),
    "drained_acacia": Disturbance(_("drained for a plantation of short rotation"), True, _DRAINED),
    "drained_sago": Disturbance(_("shallowly drained for sago palm"), True, _DRAINED),
    "drained_cropland": Disturbance(_("drained for crops"), True, _DRAINED),
    "drained_rice": Disturbance(_("drained for rice"), True, _DRAINED),
    "drained_pasture": Disturbance(_("drained for pasture"), True, _DRAINED),
    "gold_mined": Disturbance(_("dug out for gold"), False, (("excavated", "CO2"),)),
    "burnt": Disturbance(_("burnt in a wildfire"), False, _FIRE),
    "burnt_prescribed": Disturbance(_("burnt on purpose"), False, _FIRE),
    "road_flooded": Disturbance(_("cut or dammed by a road"), True, (("CO2-onsite", "CO2"), ("CH4", "CH4"))),
    "regrowth": Disturbance(_("growing back"), True, ()),
}
POOLS: Final = ("CO2-onsite", "DOC", "CH4", "N2O", "fire", "excavated")
"""In the order in which they are shown."""
UNITS: Final[Mapping[tuple[str, str, str], str]] = {
    ("CO2-onsite", "CO2", "factor"): "tC/ha/yr",
    ("DOC", "CO2", "factor"): "tC/ha/yr",
    ("CH4", "CH4", "land"): "kgCH4/ha/yr",
    ("CH4", "CH4", "ditch"): "kgCH4/ha/yr",
    ("CH4", "CH4", "ditch-share"): "share",
    ("N2O", "N2O", "factor"): "kgN/ha/yr",
    ("fire", "any", "fuel"): "tdm/ha",
    ("fire", "CO2", "factor"): "gC/kgdm",
    ("fire", "CH4", "factor"): "gCH4/kgdm",
    ("excavated", "CO2", "factor"): "tC/ha",
}
"""(pool, gas, part) of a factor -> the one unit it may be in."""
Parts = Mapping[str, Any]
"""Part -> its value, or draws of it."""
FORMULAS: Final[Mapping[Term, tuple[tuple[str, ...], Callable[[Parts], Any]]]] = {
    ("CO2-onsite", "CO2"): (("factor",), lambda p: p["factor"] * C_TO_CO2),
    ("DOC", "CO2"): (("factor",), lambda p: p["factor"] * C_TO_CO2),
    ("CH4", "CH4"): (
        ("land", "ditch", "ditch-share"),
        lambda p: ((1 - p["ditch-share"]) * p["land"] + p["ditch-share"] * p["ditch"]) * TO_TONNES,
    ),
    ("N2O", "N2O"): (("factor",), lambda p: p["factor"] * N_TO_N2O * TO_TONNES),
    ("fire", "CO2"): (("fuel", "factor"), lambda p: p["fuel"] * p["factor"] * TO_TONNES * C_TO_CO2),
    ("fire", "CH4"): (("fuel", "factor"), lambda p: p["fuel"] * p["factor"] * TO_TONNES),
    ("excavated", "CO2"): (("factor",), lambda p: p["factor"] * C_TO_CO2),
}
"""Term -> the parts it needs, and tonnes of the gas a hectare (and year, where it lasts) made of them.

IPCC 2013 Wetlands Supplement, chapter 2: equations 2.2 and 2.3 (CO2), 2.6 (CH4), 2.7 (N2O), 2.8 (fire: A MB Cf Gef 10^-3).
"""
