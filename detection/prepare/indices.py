"""Indices as functions of reflectance (float32, 0..1) or of radar power. Division by zero gives NaN: not observed.

Our own are in the table; any other optical index comes by its name from `spyndex` (Montero et al. 2023, Scientific Data
10), of which only the formulas are used: they are computed here, in float32.
"""

import ast
import importlib
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from detection.errors import UnknownBand
from detection.prepare import radar
from detection.types import Float


def normalised_difference(a: Float, b: Float) -> Float:
    """(a - b) / (a + b), NaN where the sum is not positive."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        total = a + b
        ratio = ((a - b) / total).astype(np.float32, copy=False)
    np.copyto(ratio, np.float32(np.nan), where=~(total > 0))
    return ratio


@dataclass(frozen=True)
class Index:
    """One index: the bands it takes and how."""

    bands: tuple[str, ...]
    """Bands it needs, in the order of the function's arguments."""
    compute: Callable[..., Float]
    """Arrays in, array out."""
    source: str
    """Who defined it."""


def _ndfi(*bands: Float) -> Float:
    from detection.prepare import unmix  # compiles; only who unmixes waits for it

    return unmix.ndfi(unmix.fractions(np.stack(bands, -1), unmix.BULLOCK))


def _ndfi_imazon(*bands: Float) -> Float:
    from detection.prepare import unmix

    return unmix.ndfi(unmix.fractions(np.stack(bands, -1), unmix.IMAZON))


def _cross_ratio(vh: Float, vv: Float) -> Float:
    return radar.to_db(vh) - radar.to_db(vv)


def _vegetation_index(vh: Float, vv: Float) -> Float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(vv + vh > 0, 4 * vh / (vv + vh), np.float32(np.nan)).astype(np.float32)


SIX: Final = ("blue", "green", "red", "nir", "swir1", "swir2")
INDICES: Final[Mapping[str, Index]] = {
    "nbr": Index(("nir", "swir2"), normalised_difference, "Key and Benson 2006, RMRS-GTR-164"),
    "ndmi": Index(("nir", "swir1"), normalised_difference, "Gao 1996, Remote Sensing of Environment 58"),
    "ndvi": Index(("nir", "red"), normalised_difference, "Rouse et al. 1974, NASA SP-351"),
    "ndfi": Index(SIX, _ndfi, "Souza et al. 2005, endmembers of Bullock et al. 2020"),
    "ndfi_imazon": Index(SIX, _ndfi_imazon, "Souza et al. 2005, endmembers of Imazon and MapBiomas"),
    "cross_ratio": Index(("vh", "vv"), _cross_ratio, "VH - VV in dB"),
    "rvi": Index(("vh", "vv"), _vegetation_index, "4 VH / (VV + VH) in linear power"),
}
SPYNDEX_BANDS: Final[Mapping[str, str]] = {
    "B": "blue", "G": "green", "R": "red", "RE1": "rededge1", "RE2": "rededge2", "RE3": "rededge3",
    "N": "nir", "N2": "nir", "S1": "swir1", "S2": "swir2",
}  # fmt: skip
"""Its letters by our bands; both of its near infrareds are `nir`, which is band 8A of Sentinel-2."""
CONSTANTS: Final[Mapping[str, Mapping[str, float]]] = {"savi": {"L": 0.5}}
"""Where we differ from its default constants: the L of Huete 1988 (Remote Sensing of Environment 25)."""


def index_of(name: str) -> Index | None:
    """An index of our own by its name, or else of `spyndex`; None where neither has it."""
    return INDICES.get(name) or formula(name)


def index_from(name: str, bands: Mapping[str, Float]) -> Float:
    """An index made of bands by name. Raises UnknownBand where there is no such index, or it needs a band that is not there."""
    index = index_of(name)
    if index is None:
        raise UnknownBand(f"index {name!r} is not known; take one of {', '.join(INDICES)}, or of spyndex")
    lacking = [band for band in index.bands if band not in bands]
    if lacking:
        raise UnknownBand(f"index {name!r} needs {', '.join(lacking)}, not among {', '.join(bands)}; add it")
    return index.compute(*(bands[band] for band in index.bands)).astype(np.float32)


@lru_cache(maxsize=32)
def formula(name: str) -> Index | None:
    """An optical index of `spyndex` by its name in any case, with its default constants but for `CONSTANTS`.

    None where there is none of that name, or where it takes more than reflectances and constants with a default.
    """
    spyndex = importlib.import_module("spyndex")  # 0.1 s, and only who asks for such an index pays for it
    known = [name, name.upper(), *(key for key in spyndex.indices if key.lower() == name.lower())]
    found = next((spyndex.indices[key] for key in known if key in spyndex.indices), None)
    if found is None:
        return None
    letters = tuple(letter for letter in found.bands if letter in SPYNDEX_BANDS)
    constants = _constants(name.lower(), tuple(c for c in found.bands if c not in letters), spyndex.constants)
    if constants is None or not letters:
        return None
    tree = ast.parse(found.formula, mode="eval").body

    def compute(*bands: Float) -> Float:
        with np.errstate(all="ignore"):
            value = _value(tree, constants | dict(zip(letters, bands, strict=True)))
        return np.where(np.isfinite(value), value, np.nan).astype(np.float32)

    return Index(tuple(SPYNDEX_BANDS[letter] for letter in letters), compute, f"{found.short_name}, {found.reference}")


def _constants(name: str, needed: tuple[str, ...], known: Any) -> dict[str, Any] | None:
    values: dict[str, Any] = {}
    for constant in needed:
        default = known[constant].default if constant in known else None
        values[constant] = CONSTANTS.get(name, {}).get(constant, default)
    return None if None in values.values() else values


OPERATORS: Final[Mapping[type, Callable[..., Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.USub: operator.neg,
}  # fmt: skip


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """What an arithmetic expression comes to; raises ValueError for anything but numbers, names and operators."""
    match node:
        case ast.BinOp(left, operation, right) if type(operation) in OPERATORS:
            return OPERATORS[type(operation)](_value(left, names), _value(right, names))
        case ast.UnaryOp(operation, operand) if type(operation) in OPERATORS:
            return OPERATORS[type(operation)](_value(operand, names))
        case ast.Name(name):
            return names[name]
        case ast.Constant(float() | int() as number):
            return float(number)
    raise ValueError(f"formula: {ast.unparse(node)} is no arithmetic of bands and constants")
