"""What an evaluation is asked for: its data with truth, its detectors, and how they are compared. Fixed before it runs."""

from dataclasses import field
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Interval, MinLen

from detection.accuracy.bootstrap import Measure
from detection.accuracy.judged import Stage
from detection.accuracy.series import Rules
from detection.errors import BadInput
from detection.prepare import Prepare
from detection.sources.simulated import Family
from detection.types import parameters

LOSSES = ("clearing", "large-clearing", "peat-clearing", "mining", "road", "landslide")
"""Drivers that the accuracy of loss is about; degradation and slow natural change are scored beside it."""


@parameters
class SimulatedTruth:
    """Simulated scenes: every score made of them is a simulated score."""

    kind: Literal["simulated"] = "simulated"
    """What the truth is: `simulated` knows everything, of worlds that never were."""
    regions: tuple[Literal["madre-de-dios", "alto-mayo", "loreto-peatland"], ...] = (
        "madre-de-dios",
        "alto-mayo",
        "loreto-peatland",
    )
    """The places."""
    variants: tuple[Literal["open", "blind"], ...] = ("open", "blind")
    """The sets of assumptions; nothing may ever be fitted on `blind`."""
    seeds: Annotated[tuple[int, ...], MinLen(1)] = (3001,)
    """One world each, in every region and variant."""
    cells: Annotated[int, Ge(16)] = 256
    """Cells along one side of a world."""
    resolution: Literal[10, 20, 30] = 30
    """Cell size, metres."""
    sensors: tuple[Family, ...] = ("landsat", "sentinel-2", "sentinel-1")
    """Which satellites look."""
    start: date = date(2020, 1, 1)
    """First day of history."""
    monitor_from: date = date(2022, 1, 1)
    """First monitored day."""
    end: date = date(2025, 1, 1)
    """Day at which the looks end, itself left out."""
    sample: Annotated[int, Ge(100)] = 3_400
    """Series of every region and variant on which all detectors are compared, drawn by stratum and change; slow detectors
    see no others."""
    prepare: Prepare = field(default_factory=lambda: Prepare(harmonise=True))
    """How raw numbers become looks, for all detectors alike; it goes before a job's own."""

    def __post_init__(self) -> None:
        if not self.start < self.monitor_from < self.end:
            raise BadInput(
                f"data: start {self.start}, monitor_from {self.monitor_from}, end {self.end} do not follow each other; "
                "put them in order"
            )
        if not (self.regions and self.variants) or len(set(self.seeds)) < len(self.seeds):
            raise BadInput("data: name at least one region and one variant, and every seed once")


@parameters
class TableTruth:
    """A table of pixel series, and beside it a table of what happened to them."""

    kind: Literal["table"] = "table"
    """What the truth is: `table` reads it from a file."""
    table: Path
    """Series: `series_id`, `date` and values, as `sachawatch series` takes them; relative to this config file."""
    truth: Path
    """Truth: `series_id`, `stratum`, `change`, `change_start`, `change_end`, `obs_start`, `obs_end`, and optionally `label`,
    `weight`, `block`, `dated`, `ignore`, `primary`, `area_ha`; relative to this config file."""
    monitor_from: date
    """First monitored day."""


@parameters
class Contestant:
    """One of our detectors: a config as it is used."""

    name: str
    """As it stands in the tables."""
    config: Path
    """A config of kind series or monitor, relative to this file. Its sources, area and period give way to `data`."""
    value: str = "nbr"
    """Simulated data: the plane that stands for a column `value`."""


@parameters
class Comparison:
    """How the figures are made; changed after the first run, it is another plan."""

    rules: Rules = field(default_factory=Rules)
    """What counts as found."""
    primary: Measure = "f1"
    """The one figure that decides."""
    stage: Stage = "confirmed"
    """At which alarm."""
    reference: str | None = None
    """The detector that all others are compared with, pair by pair; null takes the first."""
    drivers: tuple[str, ...] = LOSSES
    """Simulated data: what must be found. Further kinds of change are scored one by one."""
    draws: Annotated[int, Interval(ge=100, le=100_000)] = 1000
    """Bootstrap resamples of blocks."""
    seed: int = 1
    """Of the sample and of the resamples."""
    cut_share: Annotated[float, Interval(ge=0, le=1)] = 0.05
    """Share of the sampled series that are cut at the day of the decision: the same rows must come out again."""
