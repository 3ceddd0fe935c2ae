"""From seeds to a model with its card: collect, fit, calibrate, judge on scenes it has not seen. Deterministic.

Every figure made here comes from simulated scenes and is a simulated score.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final, Literal

from annotated_types import Ge

from detection.errors import BadInput
from detection.history import History
from detection.monitors import Detector
from detection.monitors.cusum import Cusum
from detection.monitors.fusion import Fusion
from detection.patches import Patches
from detection.prepare import Prepare
from detection.sources.simulated import Family, SimulatedParameters
from detection.types import parameters
from models.card import Candidates, Card, Score
from models.estimators import RandomForest, fit
from models.features import NAMES
from models.forest import Forest
from models.registry import save, vacant
from models.samples import COVERED, OLD_DAYS, Line, Samples, collect, join
from models.scores import importance, score

Progress = Callable[[str, int, int], None]
"""(stage, done, of)."""
IN_USE, SMALL, LOOSE = "as in use", "small patches", "loosened, small patches"
TINY_HA: Final = 0.18
"""Two cells of 30 m: below the minimum mapping unit there are more false alerts to learn from."""
LAX: Final = Cusum(slack=1.5, threshold=5.0)
"""Errs more than the default; chosen so that a scene gives more false alerts than true ones."""
LAX_FUSION: Final = Fusion(alarm=4.0, confirm=6.0)
"""As LAX."""
FEW: Final = 200
"""Scores over fewer alerts than this are named on the card: at .9 their 95 % interval is wider than .08."""
REGIONS: Final = {
    "training": ("EPSG:32719", 300_000, 8_700_000),
    "calibration": ("EPSG:32718", 400_020, 9_300_000),
    "test": ("EPSG:32718", 240_000, 9_060_000),
}
"""CRS and corner of the first scene of every split: simulated areas far from each other and from the demo."""
SCENE_STEP_M: Final = 60_000
"""From one scene of a split to the next, eastwards in rows of four."""
SCENES_A_ROW: Final = 4


@parameters
class Recipe:
    """What to train: the same recipe gives the same model, bit for bit (with the same software)."""

    name: str = "loss-simulated"
    """Name of the model: small letters, digits and hyphens."""
    version: str = "3.1.0"
    """Its version; a version, once out, means one thing."""
    training: tuple[int, ...] = tuple(range(1101, 1107))
    """Seeds of the scenes it learns from."""
    calibration: tuple[int, ...] = tuple(range(1201, 1207))
    """Seeds of the scenes it is calibrated on."""
    test: tuple[int, ...] = tuple(range(1301, 1307))
    """Seeds of the scenes it is judged on."""
    cells: Annotated[int, Ge(32)] = 256
    """Cells along one side of a scene, 30 m each."""
    start: date = date(2021, 1, 1)
    """First day of history."""
    monitor_from: date = date(2023, 1, 1)
    """First monitored day."""
    end: date = date(2025, 1, 1)
    """Day at which the looks end, itself left out."""
    sensors: tuple[Family, ...] = ("landsat",)
    """Which satellites look."""
    regions: tuple[Literal["madre-de-dios", "alto-mayo", "loreto-peatland"], ...] = ("madre-de-dios",)
    """Which simulated places the scenes are like, in turns."""
    prepare: Prepare = field(default_factory=Prepare)
    """How raw numbers become what the alerts are made on."""
    history: History = field(default_factory=lambda: History(forest_min=0.5))
    """How the stable past is modelled."""
    monitor: Cusum | Fusion = field(default_factory=Cusum)
    """The monitor in use."""
    loosened: Cusum | Fusion = field(default_factory=lambda: LAX)
    """The same, such that it errs more: to learn from, and for hard tests."""
    forest: RandomForest = field(default_factory=RandomForest)
    """Settings of the estimator."""

    def __post_init__(self) -> None:
        seeds = [*self.training, *self.calibration, *self.test]
        if len(set(seeds)) != len(seeds) or not (self.training and self.calibration and self.test):
            raise BadInput(
                "train: training, calibration and test need at least one seed each, and none may be used twice"
            )
        if type(self.monitor) is not type(self.loosened):
            raise BadInput("train: monitor and loosened are of different kinds; loosen the monitor that is in use")
        if not self.start < self.monitor_from < self.end:
            raise BadInput(
                f"train: {self.start}, {self.monitor_from}, {self.end} do not follow each other; put them in order"
            )


FUSED: Final = Recipe(
    name="fused-loss-simulated",
    version="1.0.0",
    training=tuple(range(1401, 1425)),
    calibration=tuple(range(1501, 1513)),
    test=tuple(range(1601, 1613)),
    cells=200,
    sensors=("landsat", "sentinel-2", "sentinel-1"),
    regions=("madre-de-dios", "alto-mayo", "loreto-peatland"),
    prepare=Prepare(harmonise=True),
    history=History(harmonics=1, forest_min=0.5),
    monitor=Fusion(),
    loosened=LAX_FUSION,
)
"""The shipped model for alerts of every sensor, set as in configs/demo-fused.yaml."""
RECIPES: Final = {recipe.name: recipe for recipe in (Recipe(), FUSED)}
"""The models that ship."""


@dataclass(frozen=True)
class Trained:
    """A model and what it was made from."""

    forest: Forest
    """Trees and calibration."""
    card: Card
    """Its card, simulated scores included."""
    samples: dict[str, Samples]
    """Split, and how the detector was set -> its samples."""


def train(recipe: Recipe, progress: Progress = lambda *_: None) -> Trained:
    """Train and judge a model; writes nothing. Raises BadInput where the scenes hold no true or no false alert."""
    made: dict[str, Samples] = {}
    for split in REGIONS:
        made |= gather(recipe, split, progress)
    forest = fit(
        recipe.forest, join([made[f"training, {line}"] for line in (SMALL, LOOSE)]), made[f"calibration, {IN_USE}"]
    )
    return Trained(forest, _card(recipe, forest, made), made)


def train_and_save(
    folder: Path, *, version: str | None = None, recipe: Recipe | None = None, progress: Progress = lambda *_: None
) -> tuple[str, ...]:
    """Train, and write arrays and card under `folder/<name>-<version>`; returns what to tell, a line each.

    recipe: the shipped model's where none is given; version: takes the place of the recipe's. Raises BadInput as
    `train` and `models.registry.save` do.
    """
    recipe = recipe or Recipe()
    recipe = recipe if version is None else replace(recipe, version=version)
    vacant(folder, recipe.name, recipe.version)
    trained = train(recipe, progress)
    return f"{save(folder, trained.forest, trained.card)}", *(_told(score) for score in trained.card.scores)


def _told(score: Score) -> str:
    shares = {"precision": score.precision, "without the model": score.precision_without, "recall": score.recall}
    words = ", ".join(f"{name} {rate.value:.3f}" for name, rate in shares.items() if rate.value is not None)
    return f"simulated score, {score.name}: {score.alerts} alerts, {score.true} true; {words}"


def gather(recipe: Recipe, split: str, progress: Progress = lambda *_: None) -> dict[str, Samples]:
    """`split, line` -> its samples, for every way the detector is set in this split."""
    mine, found = scenes(recipe, split), []
    ways = [line for line in lines(recipe) if line.name in WAYS[split]]
    progress(split, 0, len(mine))
    for done, scene in enumerate(mine, 1):
        found.append(collect(scene, ways))
        progress(split, done, len(mine))
    return {f"{split}, {line.name}": join([parts[i] for parts in found]) for i, line in enumerate(ways)}


WAYS: Final = {"training": (SMALL, LOOSE), "calibration": (IN_USE,), "test": (IN_USE, LOOSE)}
"""How the detector is set in every split. Calibrated and judged as in use; learnt from more and harder false alerts."""


def lines(recipe: Recipe) -> tuple[Line, ...]:
    """The detector as in use, with smaller patches, and loosened as well, so that it errs more."""
    tiny = Patches(minimum_mapping_unit_ha=TINY_HA)
    set_, lax = (Detector(history=recipe.history, monitor=monitor) for monitor in (recipe.monitor, recipe.loosened))
    use = Line(IN_USE, recipe.monitor_from, recipe.prepare, detector=set_)
    return use, replace(use, name=SMALL, patches=tiny), replace(use, name=LOOSE, patches=tiny, detector=lax)


def scenes(recipe: Recipe, split: str) -> list[SimulatedParameters]:
    """The simulated scenes of a split."""
    crs, west, north = REGIONS[split]
    return [
        SimulatedParameters(
            seed=seed,
            region=recipe.regions[i % len(recipe.regions)],
            sensors=recipe.sensors,
            crs=crs,
            rows=recipe.cells,
            columns=recipe.cells,
            west=west + i % SCENES_A_ROW * SCENE_STEP_M,
            north=north - i // SCENES_A_ROW * SCENE_STEP_M,
            start=recipe.start,
            end=recipe.end,
        )
        for i, seed in enumerate(getattr(recipe, split))
    ]


def _card(recipe: Recipe, forest: Forest, made: dict[str, Samples]) -> Card:
    candidates = tuple(_candidates(name, s, scenes(recipe, name.split(",")[0])) for name, s in made.items())
    scores = _scores(forest, made)
    monitored = f"{recipe.monitor_from} to {recipe.end}, history from {recipe.start}"
    return Card(
        name=recipe.name,
        version=recipe.version,
        purpose="Says for every revision of an alert how probable it is that the alert is true tree cover loss.",
        simulated=True,
        data=f"Simulated scenes ({', '.join(recipe.sensors)}) of places like {', '.join(recipe.regions)} that never were (open "
        "variant of the simulator), 30 m; labels are the simulator's own truth.",
        area=f"Simulated squares of {recipe.cells} x {recipe.cells} cells of 30 m; seeds and corners are listed below.",
        period=f"{monitored} (simulated)",
        label=f"at least {COVERED:.0%} of the alert's cells lost forest no later than the revision's look and no more "
        f"than {OLD_DAYS} days before the alert's change date",
        features=NAMES,
        index=recipe.prepare.index,
        monitor=recipe.monitor.kind,
        algorithm=_algorithm(recipe.forest),
        candidates=candidates,
        scores=scores,
        importance=importance(forest, made[f"test, {IN_USE}"]),
        limits=_limits(recipe, candidates, scores),
        not_for=(*NOT_FOR, f"Series of single pixels, or alerts of another monitor than `{recipe.monitor.kind}`."),
        detectors={line.name: line.detector.digest for line in lines(recipe)},
        software={name: version(name) for name in ("sachawatch", "scikit-learn", "numpy")},
    )


NOT_FOR: Final = (
    "Scores, areas or claims about real places: it has seen no satellite image.",
    "Telling kinds of loss apart: `other` is everything that is not loss of at least half of the alert.",
    "Degradation, peatland disturbance and regrowth: the scenes hold none that is labelled.",
    "Indices other than the one named here.",
)


def _algorithm(forest: RandomForest) -> str:
    return (
        f"random forest of {forest.trees} trees with at most {forest.leaves} leaves of at least "
        f"{forest.leaf_revisions} revisions, seed {forest.seed}, one thread; every alert weighs the same, "
        "true and false ones are balanced; then Platt's sigmoid, which puts back how often an alert as in use is true "
        "in the calibration scenes"
    )


def _limits(recipe: Recipe, candidates: Sequence[Candidates], scores: Sequence[Score]) -> tuple[str, ...]:
    counts = "; ".join(f"{c.split}: {c.alerts - c.true} false of {c.alerts}" for c in candidates)
    thin = ", ".join(s.name for s in scores if s.alerts < FEW) or "none"
    moved = {f.name: getattr(recipe.loosened, f.name) for f in fields(recipe.loosened)}
    plain = {name: value for name, value in moved.items() if value != getattr(recipe.monitor, name)}
    lax = f"{', '.join(f'{name} {value:g}' for name, value in plain.items())}, with which the monitor errs more"
    return (
        f"False alerts there were to learn from and to be judged by (last revision): {counts}.",
        f"`small patches`: minimum mapping unit {TINY_HA} ha, `loosened` also {lax}: to learn from and for hard tests.",
        "An alert around a clearing of less than half its cells counts as false: its rim of mixed cells decides there.",
        "The probability is off where true alerts are rarer or more common than in the calibration scenes.",
        "It is also off where the detector's settings are not the defaults.",
        "The simulator's false alerts (bamboo die-off, floods, smoke, cloud left in, logging, fire) are the only ones it knows.",
        "Recall is among the alerts: loss that raised no alert is not in it.",
        "Alerts of one scene are alike; the intervals of precision and recall do not know it and are too narrow.",
        f"Scores that rest on fewer than {FEW} alerts: {thin}.",
    )


def _candidates(name: str, samples: Samples, mine: Sequence[SimulatedParameters]) -> Candidates:
    names = tuple(f"seed {s.seed} at {s.crs} {s.west}, {s.north}" for s in mine)
    last = samples.last
    return Candidates(name, names, len(last), int(samples.true[last].sum()), len(samples.true))


def _scores(forest: Forest, made: dict[str, Samples]) -> tuple[Score, ...]:
    found = []
    for line in WAYS["test"]:
        samples = made[f"test, {line}"]
        for moment, rows in (("first revision", samples.first), ("last revision", samples.last)):
            found.append(score(f"{line}, {moment}", forest, samples.take(rows)))
    return tuple(found)
