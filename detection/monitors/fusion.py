"""Several planes of several sensors as one evidence: the parameters of the fusion monitor."""

from typing import Annotated, Final, Literal, NamedTuple

from annotated_types import Ge, Gt, Interval

from detection.monitors.likelihood import OPTICAL
from detection.types import parameters

NEAR_INFRARED: Final = "nir"
DOUBT: Final = "doubt"
"""The plane of `detection.prepare.doubt`, of optical looks alone."""
POLARISATIONS: Final = ("vv", "vh")


class Weights(NamedTuple):
    """The numbers of `Fusion`, as the kernel takes them."""

    alarm: float
    confirm: float
    grade: float
    within_days: float
    least: float
    most: float
    grade_most: float
    half_life_days: float
    grade_half_life_days: float
    apart_days: float
    apart_least: float
    base_optical: float
    base_radar: float
    scene_doubt: float
    wet: float
    wet_weight: float
    anomaly: float


class Slots(NamedTuple):
    """Which slot of a look plays which part, by kind of sensor (optical, radar); -1: none does."""

    first: tuple[int, int]
    """The index; VV."""
    second: tuple[int, int]
    """Near infrared; VH."""
    doubt: int
    """Outlier probability of an optical look."""


@parameters
class Fusion:
    """Sequential evidence of optical and radar looks that a cell has changed as a whole (`monitors.likelihood`).

    Each look adds its log-likelihood ratio to a one-sided sum that decays (Page 1954; the ratios of `likelihood`): against
    forest (`evidence`, which raises an alarm) and against a change of a part of the cell (`grade`, which an alarm needs as
    well to be confirmed). Forest around is taken off first (`prepare.commonmode`). All defaults but the surfaces were chosen
    on simulated worlds of their own (benchmarks/RESULTS.md, "Fusion, how its defaults were chosen"); most hardly matter.
    """

    kind: Literal["fusion"] = "fusion"
    """Which monitor."""
    optical: tuple[str, ...] = ("nbr", NEAR_INFRARED, DOUBT)
    """Planes of optical looks: one index that loss lowers, in units of a normalised difference; `nir`; `doubt`, how likely the
    look is of no use."""
    radar: tuple[Literal["vv", "vh"], ...] = POLARISATIONS
    """Planes of radar looks, dB."""
    alarm: Annotated[float, Gt(0)] = 8.0
    """Evidence that raises an alarm, natural logarithm of the odds: more than two looks of one day can give;
    `decision.provisional_share` is not asked."""
    confirm: Annotated[float, Gt(0)] = 10.0
    """Evidence that confirms it."""
    grade: Annotated[float, Ge(0)] = 4.0
    """Evidence that more than a part of the cell has changed, without which nothing is confirmed."""
    within_days: Annotated[int, Gt(0)] = 365
    """A change that could not be confirmed within so many days of its first anomalous look never is."""
    least: Annotated[float, Interval(lt=0)] = -3.0
    """No look counts for less evidence than this ..."""
    most: Annotated[float, Gt(0)] = 6.0
    """... nor for more than this ..."""
    grade_most: Annotated[float, Gt(0)] = 3.0
    """... nor for more of grade, in either direction."""
    half_life_days: Annotated[float, Gt(0)] = 180.0
    """Evidence halves in so many days: what was seen long ago and never again says little."""
    grade_half_life_days: Annotated[float, Gt(0)] = 365.0
    """The same of the grade."""
    apart_days: Annotated[float, Gt(0)] = 8.0
    """Anomalous looks closer together than this count in proportion: what is wrong with one is wrong with the next (0.6 of
    outliers follow an outlier: science of DIST-ALERT looks, OPERA 2024 sample) ..."""
    apart_least: Annotated[float, Interval(gt=0, le=1)] = 0.25
    """... but never for less than this share."""
    base_optical: Annotated[float, Interval(gt=0, lt=1)] = 0.01
    """Outlier probability of an optical look that has no plane `doubt`."""
    base_radar: Annotated[float, Interval(gt=0, lt=1)] = 0.003
    """Outlier probability of a radar look."""
    scene_doubt: Annotated[float, Ge(0)] = 0.5
    """Added to the logit of the outlier probability per residual scale of common mode beyond one: smoke, drought, rain."""
    wet: Annotated[float, Gt(0)] = 0.4
    """Common mode of VV, residual scales, from which the ground is wet: bare ground then looks more like forest ..."""
    wet_weight: Annotated[float, Interval(gt=0, le=1)] = 0.4
    """... and a radar look counts for so much only."""
    index_scale: Annotated[float, Gt(0)] = OPTICAL.scale[0]
    """Floor of the residual scale of the index: a quieter history is not believed."""
    nir_scale: Annotated[float, Gt(0)] = OPTICAL.scale[1]
    """The same of near infrared, reflectance."""
    radar_scale: Annotated[float, Gt(0)] = 0.8
    """The same of radar, dB."""

    def __post_init__(self) -> None:
        if self.alarm > self.confirm:
            raise ValueError(
                f"alarm {self.alarm:g} is above confirm {self.confirm:g}; an alarm comes before it is confirmed"
            )
        index = [name for name in self.optical if name not in (NEAR_INFRARED, DOUBT)]
        if len(index) != (1 if self.optical else 0) or len(set(self.optical)) < len(self.optical):
            raise ValueError(
                f"optical {list(self.optical)}: take one index, and `nir` and `doubt` at most once beside it"
            )
        if len(set(self.radar)) < len(self.radar):
            raise ValueError(f"radar {list(self.radar)}: name each plane once")
        if not (self.optical or self.radar):
            raise ValueError("optical [], radar []: name one plane at least")

    @property
    def slots(self) -> Slots:
        """Where the kernel finds what."""

        def slot(names: tuple[str, ...], name: str) -> int:
            return names.index(name) if name in names else -1

        index = next((i for i, name in enumerate(self.optical) if name not in (NEAR_INFRARED, DOUBT)), -1)
        first, second = (index, slot(self.radar, "vv")), (slot(self.optical, NEAR_INFRARED), slot(self.radar, "vh"))
        return Slots(first, second, slot(self.optical, DOUBT))

    def weights(self, anomaly: float) -> Weights:
        """The numbers the kernel takes; anomaly: that of the decision, so that its looks and ours are the same."""
        given = {name: float(getattr(self, name)) for name in Weights._fields if name != "anomaly"}
        return Weights(**given, anomaly=anomaly)
