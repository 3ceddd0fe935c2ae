"""Continuous change detection: an archive of many looks a year, several planes, cut where the looks leave their model.

The method of CCDC and COLD (Zhu and Woodcock 2014, RSE 144, 152; Zhu et al. 2020, RSE 244, 111116): a harmonic model with a
trend for every plane, a break where so many looks in a row lie beyond a quantile of chi-square and point the same way.
What is our own, and why:

* Every decision at a look rests on looks up to it: scales and cadence are those of the stretch a segment begins with, not
  of the whole archive. Cutting the archive after `said` gives the same change, and looks taken in one by one (`begin`,
  `extend`) give, bit for bit, what all at once give.
* Ridge in place of lasso: all planes then share one Cholesky factor. The trend is held back until years tell it.
* A break lasts `persist_days`, whatever the cadence: drought and smoke last for months, and six looks of a dense archive
  for days. The quantile is lowered to match the looks in a row that come in that time at the cadence a segment begins with,
  p' = 1 - (1 - p)^(6 / looks) (the rule of Zhu et al. 2020 for dense archives, there with looks for 96 days).
* Looks before the first stable stretch of a segment belong to none: they are forgotten, since no bounded memory could
  keep them. A change within them is not seen.
* Of several looks of one day a pixel's first clear one counts: what is wrong with one is wrong with the next.

Model of a plane: a0 + a1 y + sum over k of [b_k cos(2 pi k y) + c_k sin(2 pi k y)], k to 3; y in years of 365.25 days:
since 2000-01-01 in the trend, since 1970-01-01 in the harmonics. `coefficients` hold a0, a1, b1, c1, b2, c2, b3, c3; 0
where so few looks carry no such term.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import NDArray
from scipy.special import chdtri

from detection.errors import BadInput, StaleState, UnknownBand
from detection.monitors import Looks
from detection.segments.ccdc_kernel import NUMBERS, standing, walk
from detection.segments.ccdc_model import WIDTH
from detection.segments.ccdc_said import REFLECTANCE, said, status_of
from detection.segments.ccdc_state import FOUND, MOST, WATCHES, Rules, State
from detection.segments.record import Segments
from detection.types import Codes, Float, Mask, Scene, digest, parameters

SCALED: Final = 2.0
"""No reflectance of land is above this; numbers scaled by 10,000 all are."""
PART: Final = 1024
"""Pixels of an archive whose states are held at once: about 6 MB."""
PROBED: Final = 64
"""Pixels in which scaled numbers are looked for."""


@parameters
class Ccdc:
    """Cuts an archive of many looks a year where they leave a harmonic model (CCDC, COLD: see the module).

    The defaults that are not the published ones were chosen on simulated series (seeds 11 to 14 of the workload that
    benchmarks/segments_speed.py judges on seed 2). What matters most is `persist_days`: the droughts of those series last up
    to 150 days, and with 128 precision of a dense archive falls from .97 to .93.
    """

    kind: Literal["ccdc"] = "ccdc"
    """How the archive is cut: `ccdc` takes many looks a year."""
    bands: tuple[str, ...] = ("green", "red", "nir", "swir1", "swir2")
    """Planes that are tested for breaks (Zhu et al. 2020), as far as they are there; where none is, all planes are."""
    probability: Annotated[float, Interval(gt=0, lt=1)] = 0.99
    """Quantile of chi-square beyond which a look is anomalous (published)."""
    outlier: Annotated[float, Interval(gt=0, lt=1)] = 0.99999
    """Quantile beyond which a single look is left out of the model (published)."""
    looks_in_a_row: Annotated[int, Interval(ge=2, le=MOST)] = 6
    """Anomalous looks in a row that make a break (published), at least ..."""
    persist_days: Annotated[int, Ge(0)] = 150
    """... and the days from the first to the last of them, at least: no dry season, no smoke. Where 96 looks come sooner, they
    suffice."""
    angle_degrees: Annotated[float, Interval(gt=0, le=180)] = 45.0
    """Largest mean angle between the residuals of successive looks of a break (published): noise has no direction."""
    looks: Annotated[int, Interval(ge=6, le=64)] = 12
    """Looks that a segment begins with, at least (published) ..."""
    days: Annotated[int, Gt(0)] = 365
    """... and the days they span, at least (published)."""
    harmonics: Annotated[int, Interval(ge=1, le=3)] = 3
    """Cycles a year of the model at most: 1 from 12 looks, 2 from 18, 3 from 24 (published)."""
    growth: Annotated[float, Gt(1)] = 1.33
    """A model is fitted anew once it has grown by this factor (published)."""
    trend_ridge: Annotated[float, Gt(0)] = 30.0
    """Weight of the belief that there is no trend, in looks times years squared: 24 looks in two years move it by a fifth."""
    season_ridge: Annotated[float, Gt(0)] = 0.5
    """Weight of the belief that there is no season, in looks, times the square of the cycles a year: as in the baseline."""
    madogram: Annotated[float, Ge(0)] = 0.8
    """Residual scales are not believed below this share of the median difference of successive looks (published: 1)."""
    least_scale: Annotated[float, Gt(0)] = 0.002
    """Floor of residual scales, in units of the planes: constant and saturated stretches have none of their own."""
    band_change: Annotated[float, Gt(0)] = 0.02
    """Change of reflectance from which a fall of NIR, or a rise of red, SWIR1 or SWIR2, speaks against regrowth (the bound of
    the categories of COLD)."""
    magnitude: Annotated[float, Ge(0)] = 0.12
    """Least fall of an index that is a loss, in its units; a smaller one is of the kind "other" (chosen: thinning, drought and
    the death of bamboo lie below, see benchmarks). Not asked of a plane of reflectance."""
    forest_min: float | None = None
    """Level of the leading plane that a loss must begin at; from a lower one a change is of the kind "other". Null takes all."""


@dataclass(frozen=True)
class Archive:
    """A row of pixels after a set of looks: what `extend` takes further."""

    planes: tuple[str, ...]
    """What the slots of the looks hold, the leading plane first."""
    inside: Mask
    """(pixel,) those that are looked at."""
    state: State
    """The numbers."""
    method: str
    """Digest of the parameters."""
    last: Scene | None = None
    """The newest look taken in."""
    sign: int = 1
    """+1 where loss lowers the leading plane, -1 where it raises it; not asked of a plane of reflectance."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The fixed set of named arrays, as stored: of the state, and `inside`."""
        return {**self.state._asdict(), "inside": self.inside}

    @classmethod
    def of(
        cls, planes: Sequence[str], arrays: Mapping[str, NDArray[Any]], method: str, last: Scene | None, sign: int = 1
    ) -> "Archive":
        """The inverse of `arrays`."""
        state = State(*(arrays[name] for name in State._fields))
        return cls(tuple(planes), arrays["inside"], state, method, last, sign)


def segments(parameters: Ccdc, looks: Looks, planes: Sequence[str], inside: Mask, sign: int = 1) -> Segments:
    """Cut the archives of a row of pixels.

    looks: values (time, slot, pixel) float32, slot k the plane planes[k], NaN where not observed; a look counts where all
    planes are finite. planes: 8 at most, the leading one first. inside: (pixel,). sign: +1 where loss lowers the leading
    plane, -1 where it raises it; not asked of a plane of reflectance. Pixels are independent: any cut of them into calls or
    threads gives the same. Raises BadInput (UnknownBand where none of the bands asked for is a plane).
    """
    rules = _rules(parameters, planes)
    values = _checked(looks, planes, inside, None)
    parts = [_part(rules, values, looks, first, inside[first : first + PART]) for first in range(0, len(inside), PART)]
    found, numbers, status = (np.concatenate(pieces) for pieces in zip(*parts, strict=True)) if parts else _nothing()
    return _said(parameters, planes, sign, found, numbers, status)


def begin(parameters: Ccdc, planes: Sequence[str], inside: Mask, sign: int = 1) -> Archive:
    """An archive in which nothing has been seen yet; planes, inside and sign as for `segments`, BadInput likewise."""
    _rules(parameters, planes)
    return Archive(tuple(planes), inside, State.fresh(len(inside), len(planes)), digest(parameters), sign=sign)


def extend(parameters: Ccdc, archive: Archive, looks: Looks) -> tuple[Archive, Segments]:
    """Take in newer looks: the archive after them, and the segments that ended and the changes said by them.

    Whatever the pieces, the segments that ended are together those of `segments` on all looks, bit for bit; `so_far` adds
    those that are open. Raises BadInput for looks that are not newer than those taken in, StaleState for an archive of other
    parameters. Nothing that is handed in is changed.
    """
    rules = _fresh_rules(parameters, archive)
    values = _checked(looks, archive.planes, archive.inside, archive.last)
    state = archive.state.copy()
    found, numbers = _walked(rules, values, looks, 0, archive.inside, state)
    last = looks.scenes[-1] if looks.scenes else archive.last
    grown = replace(archive, state=state, last=last)
    return grown, _said(parameters, archive.planes, archive.sign, found, numbers, _status(rules, archive.inside, state))


def so_far(parameters: Ccdc, archive: Archive) -> Segments:
    """The segments that are open; they may still grow. Raises StaleState as `extend`."""
    rules = _fresh_rules(parameters, archive)
    found, numbers = _open(rules, archive.inside, archive.state)
    return _said(
        parameters, archive.planes, archive.sign, found, numbers, _status(rules, archive.inside, archive.state)
    )


def _part(
    rules: Rules, values: Float, looks: Looks, first: int, inside: Mask
) -> tuple[NDArray[Any], NDArray[np.float64], Codes]:
    """(rows of FOUND, their numbers, status) of the pixels from `first` on."""
    state = State.fresh(len(inside), values.shape[1])
    ended, of_ended = _walked(rules, values, looks, first, inside, state)
    opened, of_opened = _open(rules, inside, state)
    found = np.concatenate([ended, opened])
    found["pixel"] += first
    return found, np.concatenate([of_ended, of_opened]), _status(rules, inside, state)


def _walked(
    rules: Rules, values: Float, looks: Looks, first: int, inside: Mask, state: State
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The segments that ended; the state, of the pixels from `first` on, is written."""
    found, numbers = np.zeros(len(inside), FOUND), np.zeros((len(inside), NUMBERS, WIDTH))
    rows, found, numbers = walk(rules, values, first, looks.days, np.array(inside), state, found, numbers)
    return found[:rows], numbers[:rows]


def _open(rules: Rules, inside: Mask, state: State) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The segments that are open."""
    found, numbers = np.zeros(len(inside), FOUND), np.zeros((len(inside), NUMBERS, WIDTH))
    rows = standing(rules, state, np.array(inside), found, numbers)
    return found[:rows], numbers[:rows]


def _nothing() -> tuple[NDArray[Any], NDArray[np.float64], Codes]:
    """What is said of no pixel."""
    return np.zeros(0, FOUND), np.zeros((0, NUMBERS, WIDTH)), np.zeros(0, np.uint8)


def _status(rules: Rules, inside: Mask, state: State) -> Codes:
    """(pixel,) codes.Segmented."""
    return status_of(state.pixels, state.pixels["phase"] == WATCHES, inside, rules.looks, rules.days)


def _said(
    parameters: Ccdc, planes: Sequence[str], sign: int, found: NDArray[Any], numbers: NDArray[np.float64], status: Codes
) -> Segments:
    """In the words of the record."""
    return said(
        tuple(planes),
        found,
        numbers,
        status,
        tested=len(_tested(parameters, planes)),
        direction=sign,
        bound=parameters.band_change,
        least=parameters.magnitude,
        forest=parameters.forest_min,
    )


def _tested(parameters: Ccdc, planes: Sequence[str]) -> list[int]:
    """Positions of the planes that are tested for breaks; raises BadInput for planes that cannot be taken."""
    if not 1 <= len(planes) <= WIDTH or len(set(planes)) < len(planes):
        raise BadInput(f"planes {list(planes)}: name 1 to {WIDTH}, each once")
    wanted = [k for k, name in enumerate(planes) if name in parameters.bands]
    if not wanted and parameters.bands != Ccdc.bands:
        raise UnknownBand(f"bands {list(parameters.bands)}: none of them is a plane; there are {', '.join(planes)}")
    return wanted or list(range(len(planes)))


def _rules(parameters: Ccdc, planes: Sequence[str]) -> Rules:
    """The parameters as the kernel takes them."""
    chosen, asked = _tested(parameters, planes), parameters.looks_in_a_row
    tested = np.zeros(WIDTH)
    tested[chosen] = 1
    tail = (1 - parameters.probability) ** (asked / np.maximum(np.arange(MOST + 1), asked))
    threshold = chdtri(float(len(chosen)), tail)
    cycles = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    ridge = parameters.season_ridge * cycles**2.0
    ridge[1] = parameters.trend_ridge
    return Rules(
        looks=parameters.looks,
        days=parameters.days,
        row=asked,
        persist=float(parameters.persist_days),
        threshold=threshold,
        outlier=float(chdtri(float(len(chosen)), 1 - parameters.outlier)),
        still=float(threshold[asked]),
        angle=math.radians(parameters.angle_degrees),
        growth=float(parameters.growth),
        terms=2 + 2 * parameters.harmonics,
        floor=float(parameters.least_scale),
        madogram=float(parameters.madogram),
        ridge=ridge,
        tested=tested,
    )


def _fresh_rules(parameters: Ccdc, archive: Archive) -> Rules:
    """The rules, if the archive was made with these parameters."""
    if archive.method != digest(parameters):
        raise StaleState("archive: was cut with other parameters; begin it anew")
    return _rules(parameters, archive.planes)


def _checked(looks: Looks, planes: Sequence[str], inside: Mask, last: Scene | None) -> Float:
    """The values as the kernel takes them. Raises BadInput for what no archive of these planes and pixels can be."""
    values, scenes = looks.values, looks.scenes
    wanted = (len(scenes), len(planes), len(inside))
    if values.shape != wanted:
        raise BadInput(f"looks: values {values.shape}; (time, plane, pixel) {wanted} expected")
    if any(b <= a for a, b in pairwise(scenes)) or (scenes and last and scenes[0] <= last):
        raise BadInput(
            "looks: not in canonical order, each once, after those already taken in; sort them, or begin anew"
        )
    for plane, name in enumerate(planes):
        if name in REFLECTANCE:
            some = values[:, plane, :: max(1, len(inside) // PROBED)]
            seen = some[np.isfinite(some)]
            if len(seen) and np.median(seen) > SCALED:
                middle = float(np.median(seen))
                raise BadInput(
                    f"{name}: the median look is {middle:g}; reflectance is 0..1, divide scaled numbers first"
                )
    plain = np.ascontiguousarray(values, np.float32)
    return (
        plain if plain.flags.writeable else plain.copy()
    )  # or the kernel would be compiled again for what it only reads
