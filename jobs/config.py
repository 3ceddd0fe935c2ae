"""What an analyst asked for: the only reader of YAML. Sections are also in `sections.py`, `where.py` and
the `asked.py` of evaluation and training; nobody else uses pydantic (`template.py`: its schema).

A key of the YAML file is a field of a frozen dataclass, here or in `detection`, which also holds its default, its
bounds and its help text. Unknown keys are refused at every level; every mistake is reported with its position.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_type_hints

from annotated_types import MinLen
from pydantic import Field, TypeAdapter, ValidationError

from detection.context import Context
from detection.errors import BadInput, DetectionError
from detection.history import History
from detection.monitors.cusum import Cusum
from detection.monitors.decision import Decision
from detection.patches import Patches
from detection.patches.yearly import Polygons
from detection.prepare import Prepare, planes_of
from detection.prepare.commonmode import CommonMode
from detection.segments.annual import Annual
from detection.segments.ccdc import Ccdc
from detection.segments.landtrendr import Landtrendr
from detection.segments.recovery import Recovery
from detection.types import digest, parameters
from jobs.evaluation.asked import Comparison, Contestant, SimulatedTruth, TableTruth
from jobs.mistakes import Error, in_words, require, with_kind
from jobs.sections import (
    Archive,
    Cluster,
    Database,
    Method,
    ModelChoice,
    Monitor,
    Name,
    NamedModel,
    Output,
    Period,
    Retention,
    SeriesPeriod,
    Source,
    SourceParameters,
    Tiles,
    halo_rule,
    limits_rule,
    range_rule,
)
from jobs.shape import placed
from jobs.where import Area, BboxArea, GridChoice, SourceArea
from jobs.yamlfile import ConfigError, Problem, read

if TYPE_CHECKING:
    from jobs.notify.asked import NotifyConfig
    from jobs.reports.asked import ReportConfig
    from jobs.training.asked import TrainConfig

__all__ = [
    "Archive", "BboxArea", "Cluster", "ConfigError", "Database", "EvaluateConfig", "GridChoice", "HistoryConfig",
    "JobConfig", "ModelChoice", "Output", "Period", "Problem", "Retention", "SeriesConfig", "SourceArea",
    "SourceParameters", "Tiles", "config_digest", "load", "recorded",
]  # fmt: skip

HOSTING: Final = ("cluster", "output", "database", "blind_log")
"""Sections that say where a job runs and writes, not what it answers."""


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
        require(halo_rule(self.tiles, self.prepare, names), range_rule(self.prepare))


@parameters
class HistoryConfig:
    """A job over a whole archive: its looks in, maps of what changed in which year out."""

    kind: Literal["history"] = "history"
    """What this file describes: `history` is a job that cuts an archive into segments."""
    name: Name
    """Name of the job and of its products: small letters, digits and hyphens, at most 41."""
    area: Area = field(default_factory=SourceArea)
    """Where to look."""
    grid: GridChoice = field(default_factory=GridChoice)
    """The cells of the answer."""
    sources: Source
    """Where the scenes come from."""
    period: Archive = field(default_factory=Archive)
    """Which part of the archive to read."""
    prepare: Prepare = field(default_factory=Prepare)
    """How raw numbers become an index, which leads: magnitudes are in its units."""
    planes: Annotated[tuple[str, ...], Field(examples=[["green", "red", "nir", "swir1", "swir2"]])] = ()
    """Bands or indices that are modelled beside `prepare.index`, by a method that takes several."""
    context: Context = field(default_factory=Context)
    """Layers that say what is forest: where a baseline says it is not, nothing is segmented."""
    segments: Method = field(default_factory=Ccdc)
    """How the archive is cut into segments."""
    annual: Annual | None = None
    """Makes one look a year out of many, before the archive is cut up."""
    recovery: Recovery = field(default_factory=Recovery)
    """What counts as regrowth after a loss, and as recovered."""
    polygons: Polygons = field(default_factory=Polygons)
    """When cells make one polygon."""
    model: NamedModel = field(default_factory=NamedModel)
    """Which model says what kind of change every loss was."""
    tiles: Tiles = field(default_factory=Tiles)
    """How the work is cut."""
    cluster: Cluster = field(default_factory=Cluster)
    """Who does the work."""
    output: Output = field(default_factory=Output)
    """Where products go."""

    def __post_init__(self) -> None:
        alone = not self.planes or self.annual is not None or not isinstance(self.segments, Landtrendr)
        twice = f"{', '.join(self.planes)} names a plane twice, or `prepare.index`, which leads anyway; name each once"
        one = "`landtrendr` takes the values of `prepare.index` alone; leave `planes` out, or name `annual`, which weighs them"
        require(
            halo_rule(self.tiles, self.prepare, self.names),
            range_rule(self.prepare),
            (len(set(self.names)) == 1 + len(self.planes), ("planes",), twice),
            (alone, ("planes",), one),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All planes, the leading one first."""
        return self.prepare.index, *self.planes


@parameters
class SeriesConfig:
    """Detection on a table of pixel series: no map, no neighbours, no alerts."""

    kind: Literal["series"] = "series"
    """What this file describes: `series` is a detector for tables."""
    name: Name
    """Name of the detector: small letters, digits and hyphens, at most 41."""
    columns: Annotated[tuple[str, ...], MinLen(1), Field(examples=[["value"]])] = ("value",)
    """Columns of the table that hold the looks; several are averaged look by look, so they must be of one unit (dB).
    A `fusion` monitor names its columns itself, and this is left out; a method that `segments` names takes each as a plane."""
    index: Annotated[str, Field(examples=["nbr"])] | None = None
    """An index of reflectances made of the columns, for the method that `segments` names: it leads, and magnitudes are in its
    units. Null: the first column leads."""
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
    segments: Method | None = None
    """A method that cuts the whole archive into segments, in place of history, monitor and decision."""
    annual: Annual | None = None
    """Makes one look a year out of many, before the archive is cut up."""
    recovery: Recovery = field(default_factory=Recovery)
    """What counts as regrowth after a loss, and as recovered, for the method that `segments` names."""

    def __post_init__(self) -> None:
        watches = (self.history, self.monitor, self.decision) != (History(), Cusum(), Decision())
        index = "belongs to `segments`; name a method there, or leave this out"
        besides = "takes the place of history, monitor and decision; leave them out, or leave `segments` out"
        one = "`landtrendr` takes one value a year; name one column, or take kind `ccdc`"
        lone = isinstance(self.segments, Landtrendr) and self.index is None and len(self.columns) > 1
        once = len(set(self.columns)) == len(self.columns) and all(self.columns)
        require(
            (once, ("columns",), "a column is named twice or has no name; name each once"),
            (self.segments is None or not watches, ("segments",), besides),
            (self.segments is not None or self.index is None, ("index",), index),
            (self.segments is not None or self.annual is None, ("annual",), index),
            (self.segments is not None or self.recovery == Recovery(), ("recovery",), index),
            (not lone, ("columns",), one),
            limits_rule(self.valid_min, self.valid_max, ""),
        )


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


KINDS: Final = {"monitor": JobConfig, "history": HistoryConfig, "series": SeriesConfig, "evaluate": EvaluateConfig}
"""The kinds that need no scikit-learn to be read."""
Config = Union[JobConfig, HistoryConfig, SeriesConfig, EvaluateConfig, "TrainConfig", "NotifyConfig", "ReportConfig"]


def load(path: Path) -> Config:
    """Read and check a config file.

    Relative paths in the sections of `shape.PLACED` are taken from the file's own folder, `output.folder` from where the
    job is started. Raises ConfigError with every mistake of the file, each with its line and column.
    """
    document = read(path)
    known = schema(str(document.data.get("kind")))
    data, errors = with_kind(document.data, known)
    data = placed(known, data, path.absolute().parent)
    try:
        config = adapter(data["kind"]).validate_json(json.dumps(data), strict=True)
        if not (errors or document.problems):
            return config
    except ValidationError as error:
        errors += error.errors(include_url=False, include_input=False)
    except DetectionError:
        errors += _by_section(data)
    raise ConfigError(path, [*document.problems, *in_words(errors, document, schema())])


def recorded(said: Mapping[str, Any]) -> Config:
    """The config that a manifest has on record (`asdict` of it, as JSON). Raises BadInput where it is none of this version's."""
    try:
        return adapter(str(said.get("kind"))).validate_json(json.dumps(said), strict=True)
    except (ValidationError, DetectionError) as error:
        first = str(error).splitlines()[0]
        raise BadInput(
            f"manifest: its config is not one of this version ({first}); use the version it names"
        ) from error


def _by_section(data: dict[str, Any]) -> list[Error]:
    """The mistakes of each section alone: an error of `detection` itself stops the reading of the whole."""
    hints = get_type_hints(kinds(data["kind"])[data["kind"]], include_extras=True)
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
def kinds(kind: str | None = None) -> Mapping[str, type]:
    """Kind of config -> its class: those in KINDS and this one; all there are where there is no such kind, or none is named.

    Those of training, of notifying and of reports bring libraries, seconds that no other kind should wait for.
    """
    made: dict[str, type] = dict(KINDS)
    if kind not in (*KINDS, "notify", "report"):
        from jobs.training.asked import TrainConfig

        made["train"] = TrainConfig
    if kind not in (*KINDS, "train", "report"):
        from jobs.notify.asked import NotifyConfig

        made["notify"] = NotifyConfig
    if kind not in (*KINDS, "train", "notify"):
        from jobs.reports.asked import ReportConfig

        made["report"] = ReportConfig
    return made


@cache
def adapter(kind: str | None = None) -> TypeAdapter[Config]:
    """The reader of the kinds of `kinds`."""
    some: Any = Union[tuple(kinds(kind).values())]  # noqa: UP007 - made of a list
    return TypeAdapter(Annotated[some, Field(discriminator="kind")])


@cache
def schema(kind: str | None = None) -> dict[str, Any]:
    """JSON Schema of the kinds of `kinds`, as the parameter classes give it."""
    return adapter(kind).json_schema()


def config_digest(config: Config) -> str:
    """sha256 (hex) over everything that changes the answer: neither the hosting sections nor the size of the tiles."""
    said = {key: value for key, value in asdict(config).items() if key not in HOSTING}
    if "tiles" in said:
        said["tiles"] = {"halo_m": said["tiles"]["halo_m"]}
    return digest(said)
