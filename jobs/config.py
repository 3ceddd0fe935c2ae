"""What an analyst asked for: the only reader of YAML and the only user of pydantic (with `template.py`, its schema).

A key of the YAML file is a field of a frozen dataclass, here or in `detection`, which also holds its default, its
bounds and its help text. Unknown keys are refused at every level; every mistake is reported with its position.
"""

import json
from dataclasses import asdict, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_type_hints

from annotated_types import Ge, Gt, Interval, MinLen
from pydantic import Field, TypeAdapter, ValidationError

from detection.context import Context
from detection.errors import DetectionError
from detection.history import History
from detection.monitors.cusum import Cusum, OlsCusum
from detection.monitors.decision import Decision
from detection.monitors.ewma import Ewma
from detection.monitors.fusion import DOUBT, Fusion
from detection.monitors.mosum import Mosum
from detection.patches import Patches
from detection.prepare import Prepare, planes_of, reach_m
from detection.prepare.commonmode import CommonMode
from detection.sources.earthengine import EarthEngineParameters
from detection.sources.files import FilesParameters
from detection.sources.simulated import SimulatedParameters
from detection.sources.stac import StacParameters
from detection.types import digest, parameters
from jobs.evaluation.asked import Comparison, Contestant, SimulatedTruth, TableTruth
from jobs.mistakes import Error, in_words, require, with_kind
from jobs.shape import placed
from jobs.yamlfile import ConfigError, Problem, read

__all__ = ["ConfigError", "EvaluateConfig", "JobConfig", "Problem", "SeriesConfig", "config_digest", "load"]

FOREST_LATITUDES: Final = (-60.0, 80.0)
"""No forest grows beyond (Cape Horn 56 S, Taimyr 73 N; margins chosen): a box outside has its axes swapped."""
UTM: Final = r"^EPSG:32[67](0[1-9]|[1-5][0-9]|60)$"
HOSTING: Final = ("cluster", "output", "database", "blind_log")
"""Sections that say where a job runs and writes, not what it answers."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", examples=["demo"])]
Monitor = Annotated[Cusum | Ewma | Mosum | OlsCusum | Fusion, Field(discriminator="kind")]
SourceParameters = FilesParameters | SimulatedParameters | StacParameters | EarthEngineParameters
Source = Annotated[SourceParameters, Field(discriminator="kind")]


@parameters
class SourceArea:
    """Everything the source covers."""

    kind: Literal["source"] = "source"
    """How the area is given: `source` takes everything the source covers."""


@parameters
class BboxArea:
    """A box."""

    kind: Literal["bbox"] = "bbox"
    """How the area is given: `bbox` is a box in the CRS below."""
    west: Annotated[float, Field(examples=[-70.5])]
    """Western edge: longitude in degrees, or easting in metres, as the CRS has it."""
    south: Annotated[float, Field(examples=[-12.75])]
    """Southern edge: latitude or northing."""
    east: Annotated[float, Field(examples=[-70.25])]
    """Eastern edge: longitude or easting."""
    north: Annotated[float, Field(examples=[-12.5])]
    """Northern edge: latitude or northing."""
    crs: Annotated[str, Field(pattern=r"^EPSG:[0-9]{4,6}$", examples=["EPSG:4326"])]
    """CRS of the four numbers; EPSG:4326 is longitude and latitude in degrees."""

    def __post_init__(self) -> None:
        w, s, e, n = self.west, self.south, self.east, self.north
        low, high = FOREST_LATITUDES
        degrees = self.crs == "EPSG:4326"
        small = max(abs(w), abs(s), abs(e), abs(n)) <= 180
        swapped = "no forest grows there; are longitude and latitude swapped?"
        require(
            (w < e, ("west", "east"), f"west {w:g} is not less than east {e:g}; exchange the two"),
            (s < n, ("south", "north"), f"south {s:g} is not less than north {n:g}; exchange the two"),
            (not degrees or low <= s <= high, ("south",), f"latitude {s:g}: {swapped}"),
            (not degrees or low <= n <= high, ("north",), f"latitude {n:g}: {swapped}"),
            (not degrees or -180 <= w <= 180, ("west",), f"longitude {w:g} is not within -180 to 180 degrees"),
            (not degrees or -180 <= e <= 180, ("east",), f"longitude {e:g} is not within -180 to 180 degrees"),
            (degrees or not small, ("crs",), f"the edges look like degrees, {self.crs} has metres; is it EPSG:4326?"),
        )


@parameters
class FileArea:
    """A polygon in a file."""

    kind: Literal["file"] = "file"
    """How the area is given: `file` is a polygon in a GeoJSON file."""
    path: Annotated[Path, Field(examples=["area.geojson"])]
    """GeoJSON file, longitude and latitude (RFC 7946), relative to this config file."""


Area = Annotated[SourceArea | BboxArea | FileArea, Field(discriminator="kind")]


@parameters
class GridChoice:
    """The grid of the job."""

    crs: Annotated[str, Field(pattern=UTM, examples=["EPSG:32719"])] | None = None
    """UTM zone, EPSG:327xx (south) or EPSG:326xx (north); null takes the source's own."""
    resolution: Literal[10, 20, 30] | None = None
    """Cell size in metres; null takes the source's own."""


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
class SeriesPeriod:
    """When to look."""

    monitor_from: date | None = None
    """First day that is monitored; null leaves it to `--monitor-from` on the command line, which goes first anyway."""


@parameters
class ModelChoice:
    """Which model judges the alerts."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", examples=["loss-simulated"])] | None = (
        "loss-simulated"
    )
    """Name of a trained model (`sachawatch models` lists them); null leaves alerts unclassified."""
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.]{0,20}$", examples=["1.0.0"])] | None = None
    """Version of the model; null takes the newest."""


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
    """Memory limit of a worker that this job starts, gigabytes."""


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
    """Database URL (postgresql://... or sqlite:///...); null keeps an SQLite file beside the products."""


@parameters
class JobConfig:
    """A monitoring job: new looks in, alerts out."""

    kind: Literal["monitor"] = "monitor"
    """What this file describes: `monitor` is a job that watches an area."""
    name: Name
    """Name of the job and of its collection of alerts: small letters, digits and hyphens, at most 41."""
    area: Area = field(default_factory=SourceArea)
    """What to watch."""
    grid: GridChoice = field(default_factory=GridChoice)
    """The cells of the answer."""
    sources: Source
    """Where the scenes come from."""
    period: Period
    """When to look."""
    prepare: Prepare = field(default_factory=Prepare)
    """How raw numbers become an index."""
    context: Context = field(default_factory=Context)
    """Layers that say what is forest, water or peat."""
    common_mode: CommonMode = field(default_factory=CommonMode)
    """What all the forest around does at one look is taken off."""
    history: History = field(default_factory=History)
    """How the stable past is modelled."""
    monitor: Monitor = field(default_factory=Cusum)
    """How evidence is gathered."""
    decision: Decision = field(default_factory=Decision)
    """When evidence becomes an alarm."""
    patches: Patches = field(default_factory=Patches)
    """When pixels make one alert."""
    model: ModelChoice = field(default_factory=ModelChoice)
    """Which model judges the alerts."""
    tiles: Tiles = field(default_factory=Tiles)
    """How the work is cut."""
    cluster: Cluster = field(default_factory=Cluster)
    """Who does the work."""
    retention: Retention = field(default_factory=Retention)
    """What is kept for late scenes."""
    output: Output = field(default_factory=Output)
    """Where products go."""
    database: Database = field(default_factory=Database)
    """Where alerts and runs are recorded."""

    def __post_init__(self) -> None:
        names = planes_of(self.monitor, self.prepare, ()).names
        halo, reach = self.tiles.halo_m, reach_m(self.prepare, names)
        key = "doubt_m" if DOUBT in names and reach == self.prepare.doubt_m else "speckle_m"
        key = "mask_buffer_m" if reach == self.prepare.mask_buffer_m else key
        narrow = f"a halo of {halo:g} m is less than prepare.{key} {getattr(self.prepare, key):g}; widen one or narrow the other"
        require(
            (halo >= reach, ("tiles.halo_m", f"prepare.{key}"), narrow),
            _limits_rule(self.prepare.valid_min, self.prepare.valid_max, "prepare."),
        )


@parameters
class SeriesConfig:
    """Detection on a table of pixel series: no map, no neighbours, no alerts."""

    kind: Literal["series"] = "series"
    """What this file describes: `series` is a detector for tables."""
    name: Name
    """Name of the detector: small letters, digits and hyphens, at most 41."""
    columns: Annotated[tuple[str, ...], MinLen(1), Field(examples=[["value"]])] = ("value",)
    """Columns of the table that hold the looks; several are averaged look by look, so they must be of one unit (dB).
    A `fusion` monitor names its columns itself, and this is left out."""
    loss: Literal["lowers", "raises"] = "lowers"
    """Which way a loss of forest moves the value."""
    valid_min: float | None = None
    """Values below this count as not observed; null sets no limit. Not for radar columns of a `fusion`: -50 dB."""
    valid_max: float | None = None
    """Values above this count as not observed; null sets no limit. Not for radar columns of a `fusion`: 20 dB."""
    period: SeriesPeriod = field(default_factory=SeriesPeriod)
    """When to look."""
    history: History = field(default_factory=History)
    """How the stable past is modelled."""
    monitor: Monitor = field(default_factory=Cusum)
    """How evidence is gathered."""
    decision: Decision = field(default_factory=Decision)
    """When evidence becomes an alarm."""

    def __post_init__(self) -> None:
        once = len(set(self.columns)) == len(self.columns) and all(self.columns)
        require(
            (once, ("columns",), "a column is named twice or has no name; name each once"),
            _limits_rule(self.valid_min, self.valid_max, ""),
        )


def _limits_rule(low: float | None, high: float | None, section: str) -> tuple[bool, tuple[str, ...], str]:
    holds = low is None or high is None or low < high
    return holds, (f"{section}valid_max", f"{section}valid_min"), f"valid_min {low} is not less than valid_max {high}"


@parameters
class EvaluateConfig:
    """Detectors on data with a known truth, side by side. The file is the plan: fix it before the first comparison."""

    kind: Literal["evaluate"] = "evaluate"
    """What this file describes: `evaluate` scores detectors."""
    name: Name
    """Name of the evaluation: small letters, digits and hyphens, at most 41."""
    data: Annotated[SimulatedTruth | TableTruth, Field(discriminator="kind")]
    """Looks, and what really happened."""
    detectors: Annotated[tuple[Contestant, ...], MinLen(1)]
    """Who takes part."""
    comparison: Comparison = field(default_factory=Comparison)
    """How they are scored and compared."""
    cluster: Cluster = field(default_factory=Cluster)
    """Who does the work."""
    output: Output = field(default_factory=Output)
    """Where the table, the plots and the JSON go."""
    blind_log: Path = Path("blind-evaluations.csv")
    """Every evaluation on the blind variant is added to this file, relative to where the evaluation is started."""

    def __post_init__(self) -> None:
        names = [one.name for one in self.detectors]
        chief, stranger = self.comparison.reference, "names no detector of this file"
        require(
            (len(set(names)) == len(names), ("detectors",), "two detectors share a name; give each its own"),
            (chief is None or chief in names, ("comparison.reference",), f"{chief!r} {stranger}: {', '.join(names)}"),
        )


KINDS: Final = {"monitor": JobConfig, "series": SeriesConfig, "evaluate": EvaluateConfig}
Config = JobConfig | SeriesConfig | EvaluateConfig


def load(path: Path) -> Config:
    """Read and check a config file.

    Relative paths in the sections of `shape.PLACED` are taken from the file's own folder, `output.folder` from where the
    job is started. Raises ConfigError with every mistake of the file, each with its line and column.
    """
    document = read(path)
    data, errors = with_kind(document.data, schema())
    data = placed(schema(), data, path.absolute().parent)
    try:
        config = adapter().validate_json(json.dumps(data), strict=True)
        if not (errors or document.problems):
            return config
    except ValidationError as error:
        errors += error.errors(include_url=False, include_input=False)
    except DetectionError:
        errors += _by_section(data)
    raise ConfigError(path, [*document.problems, *in_words(errors, document, schema())])


def _by_section(data: dict[str, Any]) -> list[Error]:
    """The mistakes of each section alone: an error of `detection` itself stops the reading of the whole."""
    hints = get_type_hints(KINDS[data["kind"]], include_extras=True)
    errors: list[Error] = []
    for name in sorted(hints.keys() & data.keys()):
        try:
            TypeAdapter(hints[name]).validate_json(json.dumps(data[name]), strict=True)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            errors += [{**one, "loc": (data["kind"], name, *one["loc"])} for one in found]
        except DetectionError as error:
            errors.append({"type": "value_error", "loc": (data["kind"], name), "ctx": {"error": error}})
    return errors


@cache
def adapter() -> TypeAdapter[Config]:
    """The reader of all kinds of config."""
    return TypeAdapter(Annotated[Config, Field(discriminator="kind")])


@cache
def schema() -> dict[str, Any]:
    """JSON Schema of all kinds of config, as the parameter classes give it."""
    return adapter().json_schema()


def config_digest(config: Config) -> str:
    """sha256 (hex) over everything that changes the answer: neither the hosting sections nor the size of the tiles."""
    said = {key: value for key, value in asdict(config).items() if key not in HOSTING}
    if "tiles" in said:
        said["tiles"] = {"halo_m": said["tiles"]["halo_m"]}
    return digest(said)
