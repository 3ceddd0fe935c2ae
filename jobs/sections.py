"""Sections that several kinds of config share, and the rules between their keys."""

from collections.abc import Collection
from dataclasses import field
from datetime import date
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Interval
from pydantic import Field

from detection.monitors.cusum import Cusum, OlsCusum
from detection.monitors.ewma import Ewma
from detection.monitors.fusion import DOUBT, Fusion
from detection.monitors.mosum import Mosum
from detection.prepare import Prepare, reach_m
from detection.segments.ccdc import Ccdc
from detection.segments.landtrendr import Landtrendr
from detection.sources.earthengine import EarthEngineParameters
from detection.sources.files import FilesParameters
from detection.sources.simulated import SimulatedParameters
from detection.sources.stac import StacParameters
from detection.types import parameters
from jobs.mistakes import Rule, require
from models.decide import Doubt

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", examples=["demo"])]
Monitor = Annotated[Cusum | Ewma | Mosum | OlsCusum | Fusion, Field(discriminator="kind")]
Method = Annotated[Ccdc | Landtrendr, Field(discriminator="kind")]
SourceParameters = FilesParameters | SimulatedParameters | StacParameters | EarthEngineParameters
Source = Annotated[SourceParameters, Field(discriminator="kind")]


@parameters
class Period:
    """When to look."""

    monitor_from: Annotated[date, Field(examples=["2024-01-01"])]
    """First day that is monitored; everything before it is history."""
    until: date | None = None
    """Day at which the period ends, itself left out; null takes all there is."""

    def __post_init__(self) -> None:
        late = self.until is None or self.until > self.monitor_from
        require((late, ("until", "monitor_from"), f"{self.until} is not after monitor_from {self.monitor_from}"))


@parameters
class Archive:
    """Which part of the archive to read."""

    since: date | None = None
    """First day that is read; null takes all there is."""
    until: date | None = None
    """Day at which the archive ends, itself left out; null takes all there is."""

    def __post_init__(self) -> None:
        late = self.since is None or self.until is None or self.until > self.since
        require((late, ("until", "since"), f"{self.until} is not after since {self.since}"))


@parameters
class SeriesPeriod:
    """When to look."""

    monitor_from: date | None = None
    """First day that is monitored; null leaves it to `--monitor-from` on the command line, which goes first anyway."""


@parameters
class NamedModel:
    """Which model says what kind of change every loss was."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", examples=["fused-change-simulated"])] | None = None
    """Name of a trained model (`sachawatch models` lists them); null: the detector decides alone, nothing is classified."""
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.]{0,20}$", examples=["1.0.0"])] | None = None
    """Version of the model; null takes the newest."""


@parameters
class ModelChoice:
    """Which model has the last word on what the detector flags, and how sure it must be."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", examples=["fused-change-simulated"])] | None = None
    """Name of a trained model (`sachawatch models` lists them); null: the detector decides alone, alerts stay unclassified."""
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.]{0,20}$", examples=["1.0.0"])] | None = None
    """Version of the model; null takes the newest."""
    doubt: Doubt = field(default_factory=Doubt)
    """How sure it must be."""


@parameters
class Tiles:
    """How the work is cut. The answer does not depend on it."""

    size: Annotated[int, Interval(ge=16, le=4096)] = 256
    """Cells along one side of a tile."""
    halo_m: Annotated[float, Ge(0)] = 150.0
    """Rim read around every tile, metres; at least `prepare.mask_buffer_m`, and `prepare.doubt_m` where `doubt` is a plane."""


@parameters
class Cluster:
    """Who does the work. The answer does not depend on it."""

    workers: Annotated[int, Ge(0)] | None = None
    """Worker processes; null starts one per core, 0 works in this process."""
    scheduler: Annotated[str, Field(pattern=r"^(tcp|tls)://\S+$", examples=["tcp://127.0.0.1:8786"])] | None = None
    """Address of a Dask scheduler (tcp://host:port); null takes DASK_SCHEDULER_ADDRESS, else starts one of its own."""
    memory_gb_per_worker: Annotated[float, Gt(0)] = 4.0
    """Memory limit of a worker that this job starts, gigabytes, and of what puts the tiles of a history together."""


@parameters
class Retention:
    """What is kept for later."""

    replay_days: Annotated[int, Ge(0)] = 180
    """Days for which prepared looks are kept, so that a late scene can still be taken in."""


@parameters
class Output:
    """Where products go."""

    folder: Path = Path("out")
    """Folder, relative to where the job is started; products go to folder/name."""


@parameters
class Database:
    """Where the truth is kept."""

    url: (
        Annotated[str, Field(pattern=r"^(sqlite|postgresql)(\+[a-z0-9]+)?://\S+$", examples=["sqlite:///alerts.db"])]
        | None
    ) = None
    """Database URL (sqlite:///..., or postgresql://... with the extra `postgres`); null: an SQLite file beside the products."""


def halo_rule(tiles: Tiles, prepare: Prepare, names: Collection[str]) -> Rule:
    """The halo of a tile is as wide as a cell sees where these are the planes."""
    halo, reach = tiles.halo_m, reach_m(prepare, names)
    key = "doubt_m" if DOUBT in names and reach == prepare.doubt_m else "speckle_m"
    key = "mask_buffer_m" if reach == prepare.mask_buffer_m else key
    narrow = f"a halo of {halo:g} m is less than prepare.{key} {getattr(prepare, key):g}; widen one or narrow the other"
    return halo >= reach, ("tiles.halo_m", f"prepare.{key}"), narrow


def range_rule(prepare: Prepare) -> Rule:
    """The valid range of the index is one."""
    return limits_rule(prepare.valid_min, prepare.valid_max, "prepare.")


def limits_rule(low: float | None, high: float | None, section: str) -> Rule:
    """The valid range of this section (with its dot; empty: the top level) is one."""
    holds = low is None or high is None or low < high
    return holds, (f"{section}valid_max", f"{section}valid_min"), f"valid_min {low} is not less than valid_max {high}"
