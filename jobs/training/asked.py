"""What a training is asked for. Read only when one is: its estimators bring scikit-learn."""

from dataclasses import field, fields
from typing import Annotated, Literal

from annotated_types import MinLen
from pydantic import Field

from detection.history import History
from detection.monitors.cusum import Cusum
from detection.prepare import Prepare, planes_of
from detection.sources.simulated import SimulatedParameters
from detection.types import parameters
from jobs.mistakes import require
from jobs.sections import Archive, Cluster, Method, Monitor, Output, Source, Tiles, halo_rule, range_rule
from jobs.where import GridChoice
from models.around import MADE, OPTICAL, RADAR
from models.estimators import Boosting, Linear, RandomForest
from models.learn import Learning
from models.recipes import MARK, Recipe, Told
from models.reference import ReferencePoints
from models.reviews import Reviews
from models.samples import SimulatedSamples

Asked = Annotated[SimulatedSamples | ReferencePoints | Reviews, Field(discriminator="kind")]
Estimator = Annotated[Boosting | RandomForest | Linear, Field(discriminator="kind")]


@parameters
class TrainConfig:
    """A training: flagged cells with a known answer in, a model with its card out."""

    kind: Literal["train"] = "train"
    """What this file describes: `train` makes a model."""
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", examples=["demo-simulated"])]
    """Name of the model: small letters, digits and hyphens, at most 41; every alert that it judges carries it."""
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.]{0,20}$", examples=["1.0.0"])]
    """Version of the model; a version, once out, means one thing."""
    samples: Annotated[tuple[Asked, ...], MinLen(1)]
    """What it learns from: simulated scenes, points that people looked at, alerts that people judged."""
    sources: Source | None = None
    """Where the scenes come from in which points and judged alerts are seen; simulated scenes need none."""
    grid: GridChoice = field(default_factory=GridChoice)
    """The cells in which points are seen."""
    period: Archive = field(default_factory=Archive)
    """Which part of the archive is read for points and judged alerts."""
    estimator: Estimator = field(default_factory=Boosting)
    """What learns."""
    learning: Learning = field(default_factory=Learning)
    """How it learns."""
    told: Told = field(default_factory=Told)
    """What it is told of."""
    prepare: Prepare = field(default_factory=Prepare)
    """How raw numbers become planes: as in the jobs whose alerts it will judge."""
    history: History = field(default_factory=History)
    """How the stable past is modelled: likewise."""
    monitor: Monitor = field(default_factory=Cusum)
    """What flags the cells that the model judges: likewise."""
    segments: Method | None = None
    """What finds the losses that the model judges, in its place, in whole archives: as in the histories that it will judge."""
    planes: tuple[str, ...] = ()
    """Bands or indices by which archives are cut beside `prepare.index`."""
    keep_estimator: bool = False
    """Keep the estimator of scikit-learn beside the arrays, for whoever trains on."""
    tiles: Tiles = field(default_factory=Tiles)
    """How far around a point is read: the halo; the size counts for nothing here."""
    cluster: Cluster = field(default_factory=Cluster)
    """Who does the work."""
    output: Output = field(default_factory=Output)
    """Where the model goes: into folder/name-version."""

    def __post_init__(self) -> None:
        there = self.there
        seen = [one.kind for one in self.samples if not isinstance(one, SimulatedSamples)]
        unreal = len(seen) < len(self.samples) or isinstance(self.sources, SimulatedParameters)
        mark = f"the model learns from simulated looks, and every alert carries its name; call it {self.name}-{MARK}"
        lone = f"sees the samples of kind {', '.join(dict.fromkeys(seen))}; name where the scenes come from"
        names = (*self.told.optical, *self.told.radar)
        strange = ", ".join(name for name in names if name not in (*there, *MADE, *OPTICAL, *RADAR))
        untold = f"{strange} is no plane that looks have; there are {', '.join(there)}"
        require(
            halo_rule(self.tiles, self.prepare, there),
            range_rule(self.prepare),
            (MARK in self.name or not unreal, ("name",), mark),
            (not seen or self.sources is not None, ("sources",), lone),
            (bool(names), ("told",), "names no plane; name one at least"),
            (not strange, ("told",), untold),
        )

    @property
    def there(self) -> tuple[str, ...]:
        """The planes of what finds the changes; those that the model wants besides are read too, where the source has them."""
        if self.segments is not None:
            return self.prepare.index, *self.planes
        return planes_of(self.monitor, self.prepare, ()).names

    @property
    def recipe(self) -> Recipe:
        """What the model follows from but for the imagery of points."""
        return Recipe(**{one.name: getattr(self, one.name) for one in fields(Recipe)})


def config_of(recipe: Recipe, output: Output) -> TrainConfig:
    """The config of a recipe of simulated scenes, as those that ship are."""
    return TrainConfig(**{one.name: getattr(recipe, one.name) for one in fields(Recipe)}, output=output)
