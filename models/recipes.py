"""What to train: recipes, and those of the models that ship."""

from dataclasses import field, replace
from datetime import date
from typing import Annotated, Final

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
from detection.segments.ccdc import Ccdc
from detection.types import Planes, digest, parameters
from models.estimators import Boosting, Estimator, RandomForest
from models.learn import Learning
from models.reference import ReferencePoints
from models.reviews import Reviews
from models.samples import Happens, SimulatedSamples
from models.stream import Line

Monitor = Cusum | Ewma | Mosum | OlsCusum | Fusion
MARK: Final = "simulated"
"""In the name of every model that learnt from simulated scenes."""


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


def line(recipe: Recipe, monitor_from: date) -> Line:
    """The detector that flags the cells."""
    detector = Detector(history=recipe.history, monitor=recipe.monitor, loss=recipe.prepare.loss)
    return Line(recipe.name, monitor_from, recipe.prepare, detector=detector)


def seeds(first: int, many: int) -> tuple[int, ...]:
    """So many seeds in a row."""
    return tuple(range(first, first + many))


PLACES: Final = ("madre-de-dios", "alto-mayo", "madre-de-dios", "loreto-peatland")
"""In turns: half of the scenes are of Madre de Dios, where every driver occurs."""
WARY: Final = Fusion(alarm=4.0)
"""Errs on the side of alarm: a model has the last word on what it flags."""
WOOD: Final = RandomForest(trees=60, leaves=200)
"""Small and quick."""
LADDER: Final = Boosting(rounds=100, rate=0.1, leaves=31)
"""On the samples of the fused model, three folds: macro F1 of the classes .60 where WOOD has .51 (60 rounds; 2026-11-30), in
three times the time."""
THREE: Final = Learning(folds=3)
"""A fit takes a minute; there are blocks enough."""
RARE: Final[tuple[Happens, ...]] = (
    "mining", "peat-clearing", "palm-felling", "drainage", "fire", "logging", "blowdown", "landslide", "road",
    "river-erosion", "bamboo",
)  # fmt: skip
"""What scenes by lot show too little of."""
FUSED: Final = Recipe(
    name="fused-change-simulated",
    version="1.1.0",
    samples=(
        SimulatedSamples(regions=PLACES, seeds=seeds(4001, 120)),
        SimulatedSamples(regions=PLACES, seeds=seeds(4121, 80), seek=RARE, among=30),
    ),
    estimator=LADDER,
    learning=THREE,
    told=Told(optical=("nbr", "nir", "swir2", "ndmi", "mndwi", "red", "doubt")),
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
TEN_YEARS: Final = SimulatedSamples(
    regions=PLACES, seeds=seeds(4401, 40), sensors=("landsat",), start=date(2014, 1, 1), monitor_from=date(2015, 1, 1),
    end=date(2025, 1, 1),
)  # fmt: skip
"""Archives of Landsat 7, 8 and 9."""
ARCHIVE: Final = Recipe(
    name="archive-change-simulated",
    version="1.0.0",
    samples=(TEN_YEARS, replace(TEN_YEARS, seeds=seeds(4441, 60), seek=RARE, among=30)),
    estimator=LADDER,
    learning=THREE,
    told=Told(optical=("nbr", "nir", "swir2", "ndmi", "mndwi", "red"), radar=()),
    segments=Ccdc(forest_min=0.5),
    planes=("green", "red", "nir", "swir1", "swir2"),
)
"""For whole archives of Landsat, set as in configs/history-madre-de-dios.yaml."""
RECIPES: Final = {recipe.name: recipe for recipe in (FUSED, INDEX, ARCHIVE)}
"""The models that ship."""
