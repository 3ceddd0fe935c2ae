"""What a report of areas is asked for: the map, its strata, the sample, the answers that came back, the boundaries."""

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

from annotated_types import Ge, Gt, Interval, MinLen
from pydantic import Field
from scipy.special import ndtri

from detection.accuracy.allocation import Rule
from detection.types import parameters
from jobs.mistakes import require

Named = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _./-]{0,60}$", examples=["loss"])]
ROUNDED: Final = 0.005
"""How far a `z` that is given may lie from that of its confidence: tables of z are rounded to 1.645, 1.96, 2.576."""


@parameters
class GeotiffMap:
    """A map of classes as a GeoTIFF of whole numbers, in a UTM zone on our grids."""

    kind: Literal["geotiff"] = "geotiff"
    """What the map is."""
    path: Path
    """The GeoTIFF, relative to the config file; its nodata value lies outside of everything."""
    band: Annotated[int, Ge(1)] = 1
    """Which band, from 1."""


@parameters
class HistoryMap:
    """The maps of a job of kind history; what they say within the period becomes these codes: 1 loss, 2 regrowth, 3 no
    loss (stable forest alone where the job had a forest baseline), 4 a loss at another time, 5 never forest, 6 not seen."""

    kind: Literal["history"] = "history"
    """What the map is."""
    folder: Path
    """Folder of the products, relative to the config file, e.g. out/archive/latest; `loss_year.tif`, `regrowth_year.tif` and
    `segmented.tif` are read."""


@parameters
class Stratum:
    """Cells of some codes, sampled together."""

    name: Named
    """Its name in tables and files."""
    codes: Annotated[tuple[int, ...], MinLen(1)]
    """Codes of the map that belong to it."""
    maps_to: Named | None = None
    """Class that the map claims there; null: its own name."""


@parameters
class Buffer:
    """Cells near others, sampled as a stratum of their own: what a map overlooks lies mostly beside what it found."""

    name: Named
    """Name of the stratum."""
    metres: Annotated[float, Interval(gt=0, le=5000)]
    """How near, between the centres of cells."""
    around: Annotated[tuple[Named, ...], MinLen(1), Field(examples=[["loss"]])]
    """Strata near whose cells they lie."""
    within: Named
    """Stratum from which they are taken; what the map claims there stays."""


@parameters
class Sampling:
    """How many samples, and where."""

    rule: Rule = "proportional"
    """`proportional` to area, `equal`, `neyman` (area times expected spread), or `sepal` (proportional, rounded down)."""
    samples: Annotated[int, Interval(ge=2, le=350_000)] | None = None
    """Samples in all, in place of `target_se`."""
    target_se: Annotated[float, Interval(gt=0, lt=0.5)] | None = None
    """Standard error of the overall accuracy that is wanted, e.g. 0.01; needs `expected`."""
    expected: Mapping[str, Annotated[float, Interval(ge=0, le=1)]] = field(default_factory=dict)
    """Stratum -> user's accuracy that is expected there; for `target_se` and `neyman`."""
    least: Annotated[int, Ge(2)] = 30
    """Samples of each stratum at least (of fewer than 2 no standard error can be computed); a stratum of fewer cells is taken
    whole."""
    seed: Annotated[int, Ge(0)] = 1
    """The same seed draws the same samples; more samples contain the fewer."""

    def __post_init__(self) -> None:
        one = (self.samples is None) != (self.target_se is None)
        require(
            (one, ("samples", "target_se"), "give one of `samples` and `target_se`"),
            (
                bool(self.expected) or (self.target_se is None and self.rule != "neyman"),
                ("expected",),
                "`target_se` and `neyman` need the accuracy that is expected of each stratum; give `expected`",
            ),
        )


@parameters
class Answered:
    """What the interpreters said, as it came back."""

    path: Path
    """CSV: the sample download of Collect Earth Online, or a table with id, ref_code and map_code."""
    format: Literal["ceo", "sepal"]
    """`ceo`: sample download of Collect Earth Online; `sepal`: table of SEPAL or Collect Earth."""
    question: str | None = None
    """`ceo`: text of the question whose answer is the class."""
    classes: Mapping[str, Named] = field(default_factory=dict)
    """Answer -> class; of an answer that is not named here the class has the same name (`sepal`: our number of it)."""
    year_question: str | None = None
    """Column with the year of the change; null: years are not asked."""
    date_column: str | None = None
    """Column with the day of the image that was looked at; null: not said."""
    unanswered: Literal["refuse", "leave_out"] = "refuse"
    """Samples that are flagged, have no answer, or on which as many interpreters say one thing as another: `refuse` lists them
    and stops; `leave_out` estimates from the others, as if they were missing by chance, and says how many."""

    def __post_init__(self) -> None:
        asked = self.format != "ceo" or self.question is not None
        require((asked, ("question",), "`ceo` needs the text of the question whose answer is the class"))


@parameters
class Boundaries:
    """Areas for which figures are wanted too: projects, regions, territories."""

    name: Named
    """Name of the layer, e.g. `regions`."""
    path: Path
    """GeoPackage or GeoJSON of polygons, relative to the config file."""
    layer: str | None = None
    """GeoPackage: which layer; may be left out where there is only one."""
    id_column: str
    """Column that identifies an area; rows that share one are one area."""
    name_column: str | None = None
    """Column of its name; null: the id."""
    inside: Named | None = None
    """Layer in whose areas these lie, e.g. `regions`: together with the rest of an area they make it up. Null: the whole map."""
    apart_from: tuple[Named, ...] = ()
    """Other layers whose areas these must not overlap, e.g. another register of projects."""


@parameters
class AreaReport:
    """How much changed, from a sample that people interpreted."""

    map: Annotated[GeotiffMap | HistoryMap, Field(discriminator="kind")]
    """The map of change."""
    place: Annotated[str, Field(examples=["Madre de Dios"])]
    """Name of the area for people, and `aoi_id` of the tables."""
    first: date
    """First day of the period that the map speaks of."""
    last: date
    """Last day of it."""
    strata: tuple[Stratum, ...] = ()
    """Codes that are sampled together; for a map of kind history empty takes one for each of its codes."""
    buffer: Buffer | None = None
    """A stratum of cells near change, made here."""
    outside: tuple[int, ...] = ()
    """Codes that are no part of the area, e.g. sea; nothing is estimated there."""
    classes: tuple[Named, ...] = ()
    """Further classes that interpreters may name, which the map does not have."""
    change: tuple[Named, ...] = ("loss",)
    """Classes that are a change: of these years are reported, and the first page speaks."""
    sampling: Sampling
    """How many samples, and where."""
    answers: Answered | None = None
    """What the interpreters said; null: the sample is drawn and handed out, estimates come later."""
    boundaries: tuple[Boundaries, ...] = ()
    """Layers of areas for which figures are wanted too."""
    confidence: Annotated[float, Interval(ge=0.5, lt=1)] = 0.95
    """Of every interval."""
    z: Annotated[float, Gt(0)] | None = None
    """Standard errors to either side of an estimate, e.g. 1.96 as papers print it; null: exactly that of the confidence."""

    def __post_init__(self) -> None:
        names = [one.name for one in self.strata] + ([self.buffer.name] if self.buffer else [])
        layers = [one.name for one in self.boundaries]
        inner = {one.inside for one in self.boundaries if one.inside is not None}
        known = all(one.inside in (None, *layers[:i]) for i, one in enumerate(self.boundaries))
        beside = all(set(one.apart_from) <= set(layers) - {one.name} for one in self.boundaries)
        off = self.z is None or abs(self.z - self.exact_z) < ROUNDED
        codes = [code for one in self.strata for code in one.codes] + list(self.outside)
        require(
            (self.last >= self.first, ("last", "first"), f"{self.last} is before first {self.first}"),
            (bool(self.strata) or self.map.kind == "history", ("strata",), "name the strata of the map"),
            (len(set(names)) == len(names), ("strata",), "two strata have one name; give each its own"),
            (len(set(codes)) == len(codes), ("strata", "outside"), "a code is named twice; keep it in one place"),
            (len(set(layers)) == len(layers), ("boundaries",), "two layers have one name; give each its own"),
            (
                known,
                ("boundaries",),
                f"`inside` names {', '.join(sorted(inner))}; name a layer that comes before",
            ),
            (beside, ("boundaries",), "`apart_from` names a layer that is not there; name another layer of this list"),
            (
                off,
                ("z", "confidence"),
                f"z {self.z} is not that of {self.confidence:g}, {self.exact_z:.4f}; leave it out",
            ),
        )

    @property
    def exact_z(self) -> float:
        """Standard normal quantile of the confidence."""
        return float(ndtri(0.5 + self.confidence / 2))

    @property
    def standard_errors(self) -> float:
        """To either side of an estimate."""
        return self.exact_z if self.z is None else self.z
