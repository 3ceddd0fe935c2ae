"""From samples to a model with its card: collect, learn, judge on what was left out, write. Deterministic.

Every figure made of simulated scenes is a simulated score, and the card says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from detection.sources.simulated import SimulatedParameters
from detection.types import Planes
from models.card import Card, Material, told
from models.learn import Learnt, learn
from models.recipes import RECIPES, Recipe, line
from models.reference import ReferencePoints
from models.registry import save, vacant
from models.reviews import Reviews
from models.samples import Samples, SimulatedSamples, archived, join, levelled, simulated

Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
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
