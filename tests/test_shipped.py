"""The models that ship: small, what their recipes say, of scenes that nothing else is judged by; made again to the bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detection.errors import BadInput
from jobs.config import load as loaded
from models import registry, train
from models.card import PLOT
from models.estimators import RandomForest
from models.kinds import KINDS
from models.learn import BLOCKS, Learning
from models.predict import check
from models.recipes import RECIPES, Recipe, Told
from models.registry import read
from models.samples import SimulatedSamples, features_of

ROOT = Path(__file__).parents[1]
ONE_MB, ALL_MB = 5_000_000, 20_000_000
SMALL = Recipe(
    name="small-simulated",
    version="0.0.1",
    samples=(SimulatedSamples(seeds=(7, 24), regions=("madre-de-dios",), cells=40, sensors=("landsat",)),),
    estimator=RandomForest(trees=4, leaves=16),
    learning=Learning(folds=2),
    told=Told(optical=("nbr",), radar=()),
    prepare=RECIPES["index-change-simulated"].prepare,
    history=RECIPES["index-change-simulated"].history,
    monitor=RECIPES["index-change-simulated"].monitor,
)


def folder_of(recipe: Recipe) -> Path:
    folder = registry.SHIPPED / f"{recipe.name}-{recipe.version}"
    assert folder.is_dir(), f"{recipe.name} {recipe.version}: not trained yet (sachawatch train --model {recipe.name})"
    return folder


def seeds_of(recipe: Recipe) -> list[int]:
    return [seed for one in recipe.samples if isinstance(one, SimulatedSamples) for seed in one.seeds]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_shipped_model_loads_and_is_small(recipe: Recipe) -> None:
    folder = folder_of(recipe)
    model = read(folder)
    assert (folder / "arrays.npz").stat().st_size <= ONE_MB
    assert {"arrays.npz", "card.json", "card.md", PLOT, "sha256"} <= {p.name for p in folder.iterdir()}
    assert model.classifier.features == features_of(recipe.told.planes)
    assert set(model.classifier.classes) <= set(KINDS) and "nothing" in model.classifier.classes
    check(model, recipe.segments or recipe.monitor)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_card_of_a_shipped_model_is_that_of_its_recipe(recipe: Recipe) -> None:
    folder = folder_of(recipe)
    card = read(folder).card
    assert (card.name, card.version, card.judges) == (recipe.name, recipe.version, recipe.judges)
    assert (card.optical, card.radar) == (recipe.told.optical, recipe.told.radar)
    assert card.detectors == {recipe.judges: recipe.digest}
    assert card.reproduce == f"sachawatch train --model {recipe.name}"
    assert card.simulated and card.scores[0].name == BLOCKS
    assert 0.9 * len(seeds_of(recipe)) <= card.scores[0].blocks <= len(seeds_of(recipe)), "a scene is a block"
    for one in recipe.samples:
        assert isinstance(one, SimulatedSamples)
        assert any(f"seeds {min(one.seeds)} to {max(one.seeds)}" in said for said in card.data)
    page = (folder / "card.md").read_text("utf-8")
    assert page == card.to_markdown()
    assert page.splitlines()[0].endswith("trained on SIMULATED data")


def test_what_ships_is_small_together_and_marked_by_name() -> None:
    folders = [p for p in registry.SHIPPED.iterdir() if p.is_dir()]
    assert sum((p / "arrays.npz").stat().st_size for p in folders) <= ALL_MB
    assert all("simulated" in p.name for p in folders)


def test_seeds_are_of_one_recipe_each_and_none_judges_detectors() -> None:
    seeds = [seed for recipe in RECIPES.values() for seed in seeds_of(recipe)]
    assert len(set(seeds)) == len(seeds) > 0
    judged = {seed for file in (ROOT / "benchmarks").glob("comparison*.yaml") for seed in _judged(file)}
    assert {3001, 3301} <= judged
    assert not judged & set(seeds)
    assert {s.variant for r in RECIPES.values() for one in r.samples for s in one.scenes} == {"open"}


def _judged(file: Path) -> tuple[int, ...]:
    config: Any = loaded(file)
    return tuple(config.data.seeds)


def test_a_model_of_simulated_scenes_is_called_so() -> None:
    with pytest.raises(BadInput, match="call it small-simulated"):
        replace(SMALL, name="small")


def test_training_again_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (Path(train.train_and_save(tmp_path / name, SMALL)[0]) for name in "ab")
    assert {p.name for p in one.iterdir()} == {p.name for p in two.iterdir()}
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name
    card = read(one).card
    assert card.simulated and {m.name for m in card.material} == {"agriculture", "mining", "nothing"}
    assert sum(m.samples for m in card.material) == card.scores[0].samples
