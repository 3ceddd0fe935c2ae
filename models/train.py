"""From samples to a model with its card: collect, learn, judge on what was left out, write. Deterministic.

Every figure made of simulated scenes is a simulated score, and the card says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from annotated_types import MinLen

from detection.errors import BadInput
from detection.history import History
from detection.monitors import Detector
from detection.monitors.cusum import Cusum, OlsCusum
from detection.monitors.ewma import Ewma
from detection.monitors.fusion import Fusion
from detection.monitors.mosum import Mosum
from detection.prepare import Prepare
from detection.segments import Method
from detection.sources.simulated import SimulatedParameters
from detection.types import Planes, digest, parameters
from models.card import Card, Material, told
from models.estimators import Boosting, Estimator, RandomForest
from models.learn import Learning, Learnt, learn
from models.reference import ReferencePoints
from models.registry import save, vacant
from models.reviews import Reviews
from models.samples import Samples, SimulatedSamples, archived, join, levelled, simulated
from models.stream import Line

Monitor = Cusum | Ewma | Mosum | OlsCusum | Fusion
Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
MARK: Final = "simulated"
"""In the name of every model that learnt from simulated scenes."""
FEW: Final = 20
"""Classes of fewer events than this are named on the card: nothing firm can be said of them."""
NOT_FOR_SIMULATED: Final = (
    "Scores, areas or claims about real places: it has seen no satellite image.",
    "Accusing anyone: a driver is a first opinion on a shape and a spectrum.",
)

ALONE: Final = (
    "Points and judged alerts were seen cell by cell: of what lies around them and of what a detector thought nothing is "
    "known, and the model has learnt that as missing."
)


@parameters
class Told:
    """The planes that a model is told of; those that a job's looks lack are missing to it."""

    optical: tuple[str, ...] = ("nbr", "nir", "swir2", "doubt")
    """Of optical looks: planes of the monitor, or made of them as `models.around.MADE` says."""
    radar: tuple[str, ...] = ("vv", "vh", "cross_ratio")
    """Of radar looks."""

    @property
    def planes(self) -> Planes:
        """As planes."""
        return Planes(self.optical, self.radar)


@parameters
class Recipe:
    """What to train: the same recipe gives the same model, bit for bit (with the same software)."""

    name: str
    """Name of the model: small letters, digits and hyphens."""
    version: str
    """Its version; a version, once out, means one thing."""
    samples: Annotated[tuple[SimulatedSamples | ReferencePoints | Reviews, ...], MinLen(1)]
    """What it learns from."""
    estimator: Estimator = field(default_factory=Boosting)
    """What learns."""
    learning: Learning = field(default_factory=Learning)
    """How it learns."""
    told: Told = field(default_factory=Told)
    """What it is told of."""
    prepare: Prepare = field(default_factory=lambda: Prepare(harmonise=True))
    """How raw numbers become planes."""
    history: History = field(default_factory=lambda: History(harmonics=1, forest_min=0.5))
    """How the stable past is modelled."""
    monitor: Monitor = field(default_factory=Fusion)
    """What flags the cells that the model judges: set as in use."""
    segments: Method | None = None
    """What finds the losses that the model judges, in its place, in whole archives; set as in use."""
    planes: tuple[str, ...] = ()
    """Bands or indices by which archives are cut beside `prepare.index`."""
    keep_estimator: bool = False
    """Keep the estimator of scikit-learn beside the arrays, for whoever trains on."""

    @property
    def judges(self) -> str:
        """Kind of what flags the cells."""
        return (self.segments or self.monitor).kind

    @property
    def digest(self) -> str:
        """sha256 of the parameters of what flags the cells."""
        return digest(self.segments) if self.segments else line(self, date(2000, 1, 1)).detector.digest

    def __post_init__(self) -> None:
        if MARK not in self.name and any(isinstance(one, SimulatedSamples) for one in self.samples):
            raise BadInput(
                f"train: {self.name} learns from simulated scenes, and every alert carries its name; call it {self.name}-{MARK}"
            )


def seeds(first: int, many: int) -> tuple[int, ...]:
    """So many seeds in a row."""
    return tuple(range(first, first + many))


PLACES: Final = ("madre-de-dios", "alto-mayo", "madre-de-dios", "loreto-peatland")
"""In turns: half of the scenes are of Madre de Dios, where every driver occurs."""
WARY: Final = Fusion(alarm=4.0)
"""Errs on the side of alarm: a model has the last word on what it flags."""
WOOD: Final = RandomForest(trees=60, leaves=200)
"""Boosting takes five times as long to learn; it was not compared to the end."""
THREE: Final = Learning(folds=3)
"""A fit takes half a minute; there are blocks enough."""
FUSED: Final = Recipe(
    name="fused-change-simulated",
    version="1.0.0",
    samples=(SimulatedSamples(regions=PLACES, seeds=seeds(4001, 120)),),
    estimator=WOOD,
    learning=THREE,
    monitor=WARY,
)
"""For jobs on Landsat, Sentinel-2 and Sentinel-1, set as in configs/demo-fused.yaml."""
INDEX: Final = Recipe(
    name="index-change-simulated",
    version="1.0.0",
    samples=(SimulatedSamples(regions=PLACES, seeds=seeds(4301, 80), sensors=("landsat",), start=date(2020, 1, 1)),),
    estimator=WOOD,
    learning=THREE,
    told=Told(optical=("nbr",), radar=()),
    prepare=Prepare(),
    history=History(forest_min=0.5),
    monitor=Cusum(),
)
"""For jobs on one index of Landsat, set as in configs/demo-madre-de-dios.yaml."""
RECIPES: Final = {recipe.name: recipe for recipe in (FUSED, INDEX)}
"""The models that ship."""


@dataclass(frozen=True)
class Trained:
    """A model and what it was made from."""

    learnt: Learnt
    """What it knows and how it did."""
    card: Card
    """Its card, scores included."""
    samples: Samples
    """What it learnt from."""


def train(
    recipe: Recipe,
    samples: Samples,
    notes: Sequence[str] = (),
    *,
    simulated: bool = False,
    progress: Progress = lambda *_: None,
) -> Trained:
    """Train and judge a model on samples collected as the recipe says; writes nothing.

    notes: what to say of them on the card, a line each; simulated: the imagery in which points were seen is. Raises BadInput
    as `learn` does.
    """
    samples = levelled(samples)
    learnt = learn(samples, recipe.estimator, recipe.learning, progress)
    return Trained(learnt, _card(recipe, learnt, samples, notes, simulated), samples)


def train_and_save(folder: Path, recipe: Recipe, progress: Progress = lambda *_: None) -> tuple[str, ...]:
    """Train on the simulated scenes of a recipe, one after the other, and write the model under `folder/<name>-<version>`;
    returns what to tell, a line each. Raises BadInput as `train` and `models.registry.save` do."""
    vacant(folder, recipe.name, recipe.version)
    made = train(recipe, join(list(gather(recipe, progress))), progress=progress)
    return f"{keep(folder, recipe, made)}", *summary(made)


def keep(folder: Path, recipe: Recipe, made: Trained) -> Path:
    """Write a model, with scikit-learn's estimator where the recipe asks for it; returns its folder. Raises as `save`."""
    return save(folder, made.learnt.classifier, made.card, made.learnt.estimator if recipe.keep_estimator else None)


def summary(made: Trained) -> tuple[str, ...]:
    """How it did, a line a kind of judgement."""
    word = "simulated score" if made.card.simulated else "score"
    return tuple(
        f"{word}, {s.name}: harm user's {told(s.harm.users)}, producer's {told(s.harm.producers)}; macro F1 {told(s.macro_f1)}; "
        f"calibration error {told(s.ece)}"
        for s in made.card.scores
    )


def line(recipe: Recipe, monitor_from: date) -> Line:
    """The detector that flags the cells."""
    detector = Detector(history=recipe.history, monitor=recipe.monitor, loss=recipe.prepare.loss)
    return Line(recipe.name, monitor_from, recipe.prepare, detector=detector)


@dataclass(frozen=True)
class Piece:
    """One simulated scene of a recipe."""

    number: int
    """Of the scene among those of the recipe."""
    scene: SimulatedParameters
    """The scene."""
    asked: SimulatedSamples
    """Where it comes from."""
    recipe: Recipe
    """What flags its cells, and what is told of them."""

    @property
    def name(self) -> str:
        """For messages."""
        return f"scene {self.number} ({self.scene.region}, seed {self.scene.seed})"

    def samples(self) -> Samples:
        """The cells flagged in it, with their answers."""
        mine, told_, lot = self.recipe, self.recipe.told.planes, not self.asked.seek
        scene = self.asked.settled(self.scene)
        if mine.segments is None:
            return simulated(scene, line(mine, self.asked.monitor_from), told_, self.number, lot)
        by = Planes((mine.prepare.index, *mine.planes))
        return archived(scene, mine.prepare, mine.segments, by, told_, self.number, lot)


def pieces(recipe: Recipe) -> tuple[Piece, ...]:
    """The simulated scenes of a recipe."""
    asked = [one for one in recipe.samples if isinstance(one, SimulatedSamples)]
    scenes = [(one, scene) for one in asked for scene in one.scenes]
    return tuple(Piece(number, scene, one, recipe) for number, (one, scene) in enumerate(scenes))


def gather(recipe: Recipe, progress: Progress = lambda *_: None) -> Iterator[Samples]:
    """The samples of the simulated scenes of a recipe, scene by scene, in this process."""
    every = pieces(recipe)
    for piece in every:
        progress("scenes", piece.number, len(every))
        yield piece.samples()
    progress("scenes", len(every), max(len(every), 1))


def _card(recipe: Recipe, learnt: Learnt, samples: Samples, notes: Sequence[str], simulated: bool) -> Card:
    asked = [one for one in recipe.samples if isinstance(one, SimulatedSamples)]
    simulated = simulated or bool(asked)
    noisy = [f"left out as likely mistakes of the labels: {n} of {name}" for name, n in learnt.noisy.items()]
    days = [day for one in asked for day in (one.start, one.end)]
    material = _material(samples)
    return Card(
        name=recipe.name,
        version=recipe.version,
        purpose="Says of every cell that the detector flags what kind of change it is, and how probable it is that forest was "
        "lost or hurt there.",
        simulated=simulated,
        data=(*map(_described, recipe.samples), *notes, *noisy),
        period=f"{min(days)} to {max(days)} (simulated)"
        if days
        else f"changes of {samples.year.min()} to {samples.year.max()}",
        regions=tuple(np.unique(samples.region).tolist()),
        judges=recipe.judges,
        optical=recipe.told.optical,
        radar=recipe.told.radar,
        algorithm=_algorithm(recipe),
        material=material,
        scores=learnt.scores,
        importance=learnt.importance,
        curve=learnt.curve,
        outside=learnt.outside,
        limits=_limits(recipe, material),
        not_for=NOT_FOR_SIMULATED if simulated else NOT_FOR_SIMULATED[1:],
        reproduce=f"sachawatch train --model {recipe.name}" if recipe.name in RECIPES else "sachawatch train CONFIG",
        detectors={recipe.judges: recipe.digest},
        software={name: version(name) for name in ("sachawatch", "scikit-learn", "numpy")},
    )


def _described(asked: SimulatedSamples | ReferencePoints | Reviews) -> str:
    if isinstance(asked, ReferencePoints):
        return f"points that people looked at: {asked.path.name} ({asked.format})"
    if isinstance(asked, Reviews):
        return f"alerts that people judged: {asked.path.name}, of the alerts of {asked.folder.name}"
    where = f", each where most of {', '.join(asked.seek)} happens of {asked.among} places" if asked.seek else ""
    return (
        f"{len(asked.seeds)} simulated scenes (seeds {asked.seeds[0]} to {asked.seeds[-1]}; {', '.join(asked.sensors)}) of "
        f"{asked.cells} x {asked.cells} cells of {asked.resolution} m, of places like {', '.join(asked.regions)} that never were "
        f"(open variant){where}, monitored from {asked.monitor_from}; the answers are the simulator's own truth"
    )


def _material(samples: Samples) -> tuple[Material, ...]:
    made = []
    for name in np.unique(samples.answer).tolist():
        mine = samples.answer == name
        events, blocks = (len(np.unique(column[mine])) for column in (samples.event, samples.block))
        made.append(Material(name, int(mine.sum()), events, blocks))
    return tuple(made)


def _algorithm(recipe: Recipe) -> str:
    told_ = ", ".join(f"{k} {v}" for k, v in _settings(recipe.estimator).items() if k != "kind")
    return (
        f"{recipe.estimator.kind} ({told_}), one thread; an event counts as the root of its samples, classes are balanced to "
        f"the power {recipe.learning.balance:g}; Dirichlet calibration on {recipe.learning.folds} folds of spatial blocks, "
        "which puts back how often each class is"
    )


def _settings(estimator: Any) -> dict[str, Any]:
    return {name: getattr(estimator, name) for name in estimator.__dataclass_fields__}


def _limits(recipe: Recipe, material: Sequence[Material]) -> tuple[str, ...]:
    thin = ", ".join(f"{m.name} ({m.events})" for m in material if m.events < FEW) or "none"
    seen = any(not isinstance(one, SimulatedSamples) for one in recipe.samples)
    return (
        *((ALONE,) if seen else ()),
        f"Classes of fewer than {FEW} events, of which nothing firm can be said: {thin}.",
        "`nothing` is cloud, smoke, wet soil and fields together: it does not say which.",
        "Probabilities are off where kinds of change are rarer or more common than in the samples.",
        "They are off, too, where the detector is set otherwise than here.",
        "It judges cells that the detector flagged: loss that was not flagged is not in its recall.",
        "Peat is told by what the swamp looks like before the change; no peat map is read.",
    )
