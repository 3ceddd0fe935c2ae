"""Where models lie: what is damaged, forged or no model is refused in one line; the same model gives the same bytes."""

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from modelsetup import CLASSES, TINY, drawn, tiny

from detection.errors import BadInput
from models import registry, train
from models.card import PLOT, SIMULATED, Card, from_json, told
from models.card import drawn as plotted
from models.estimators import Boosting, Linear, RandomForest, grown
from models.registry import load, read, save, stored
from models.scores import ClassScore, Figure

NAME = TINY.name


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny model in a folder that is looked through, alone."""
    monkeypatch.setenv(registry.SEARCH, str(tmp_path))
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "absent")
    return save(tmp_path, tiny().learnt.classifier, tiny().card)


def resigned(folder: Path, name: str, content: bytes) -> None:
    """A file put in a folder with the right checksum, as a forger would."""
    (folder / name).write_bytes(content)
    lines = [line for line in (folder / "sha256").read_text().splitlines() if not line.endswith(f"  {name}")]
    (folder / "sha256").write_text("\n".join([*lines, f"{hashlib.sha256(content).hexdigest()}  {name}"]) + "\n")


def packed(arrays: dict[str, Any], tmp_path: Path) -> bytes:
    path = tmp_path / "packed.npz"
    np.savez_compressed(path, **arrays)
    return path.read_bytes()


def test_round_trip(placed: Path) -> None:
    model, made = load(NAME), tiny()
    assert model.identity == f"{NAME}@0.0.1"
    assert model.card == made.card
    assert model.sha256 == hashlib.sha256((placed / "arrays.npz").read_bytes()).hexdigest()
    for name, values in made.learnt.classifier.arrays().items():
        np.testing.assert_array_equal(model.classifier.arrays()[name], values)
    rows = drawn(9).rows
    np.testing.assert_array_equal(model.classifier.probabilities(rows), made.learnt.classifier.probabilities(rows))


def test_the_folder_holds_what_it_says(placed: Path) -> None:
    assert {p.name for p in placed.iterdir()} == {"arrays.npz", "card.json", "card.md", "calibration.png", "sha256"}
    assert (placed / PLOT).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert (placed / "card.md").read_text("utf-8") == tiny().card.to_markdown()
    sums = dict(reversed(line.split("  ")) for line in (placed / "sha256").read_text().splitlines())
    assert sums == {n: hashlib.sha256((placed / n).read_bytes()).hexdigest() for n in ("arrays.npz", "card.json")}


def test_saving_twice_gives_the_same_bytes_and_another_model_is_refused(placed: Path) -> None:
    before = {p.name: p.read_bytes() for p in placed.iterdir()}
    save(placed.parent, tiny().learnt.classifier, tiny().card)
    assert {p.name: p.read_bytes() for p in placed.iterdir()} == before
    other = dataclasses.replace(tiny().learnt.classifier, shift=np.ones(4))
    with pytest.raises(BadInput, match="give the new one another version"):
        save(placed.parent, other, tiny().card)
    assert {p.name: p.read_bytes() for p in placed.iterdir()} == before
    with pytest.raises(BadInput, match="a name is small letters"):
        save(placed.parent, other, dataclasses.replace(tiny().card, name="../Tiny"))


@pytest.mark.parametrize("name", ["arrays.npz", "card.json"])
def test_every_flipped_byte_is_refused(placed: Path, name: str) -> None:
    whole = (placed / name).read_bytes()
    for position in range(0, len(whole), max(len(whole) // 40, 1)):
        changed = bytearray(whole)
        changed[position] ^= 1
        (placed / name).write_bytes(changed)
        with pytest.raises(BadInput, match=f"{name} has sha256 .* damaged or changed"):
            load(NAME)
    (placed / name).write_bytes(whole)
    assert load(NAME).card == tiny().card


def test_a_pickle_in_the_arrays_is_never_opened(placed: Path, tmp_path: Path) -> None:
    trap = tmp_path / "ran"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (trap,)

    arrays = tiny().learnt.classifier.arrays() | {"core.roots": np.array([Trap()], object)}
    resigned(placed, "arrays.npz", packed(arrays, tmp_path))
    with pytest.raises(BadInput, match="cannot be read"):
        load(NAME)
    assert not trap.exists()


def test_arrays_that_are_no_classifier_are_refused_even_with_the_right_checksum(placed: Path, tmp_path: Path) -> None:
    arrays = tiny().learnt.classifier.arrays()
    for change, message in (
        ({"core.roots": arrays["core.roots"] - 1}, "do not end"),
        ({"features": arrays["features"][::-1]}, "not those computed here"),
        ({"features": arrays["features"][:-1]}, "do not fit"),
    ):
        resigned(placed, "arrays.npz", packed(arrays | change, tmp_path))
        with pytest.raises(BadInput, match=message):
            load(NAME)
    resigned(placed, "arrays.npz", b"no archive")
    with pytest.raises(BadInput, match="cannot be read"):
        load(NAME)


def test_what_is_no_model_is_refused_in_one_line(placed: Path) -> None:
    for name in ("sha256", "card.json", "arrays.npz"):
        kept = (placed / name).read_bytes()
        (placed / name).unlink()
        with pytest.raises(BadInput) as caught:
            read(placed)
        assert "\n" not in str(caught.value) and name in str(caught.value)
        (placed / name).write_bytes(kept)
    resigned(placed, "card.json", b"{}")
    with pytest.raises(BadInput, match="not a model card"):
        read(placed)
    resigned(placed, "card.json", dataclasses.replace(tiny().card, version="0.0.2").to_json().encode())
    with pytest.raises(BadInput, match="folder and card must agree"):
        read(placed)
    with pytest.raises(BadInput, match="is called <name>-<version>"):
        read(placed.parent)


def test_an_unknown_model_names_those_there_are(placed: Path) -> None:
    with pytest.raises(BadInput, match=r"did you mean `tiny-simulated`\?"):
        load("tiny-simulate")
    with pytest.raises(BadInput, match=r"there is tiny-simulated$"):
        load("zzz")
    with pytest.raises(BadInput, match=r"model tiny-simulated: no version 3; there is 0\.0\.1"):
        load(NAME, "3")


def test_versions_are_in_the_order_of_their_numbers(placed: Path) -> None:
    for version in ("1.10.0", "1.9.0", "1.10.rc"):
        save(placed.parent, tiny().learnt.classifier, dataclasses.replace(tiny().card, version=version))
    assert load(NAME).version == "1.10.0"
    assert load(NAME, "1.9.0").version == "1.9.0"
    assert (NAME, "1.9.0") in registry.available()
    assert [s.version for s in stored()] == ["0.0.1", "1.9.0", "1.10.rc", "1.10.0"]


def test_the_first_folder_of_the_search_counts_and_one_that_is_not_there_is_no_mistake(
    placed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    save(second, tiny().learnt.classifier, dataclasses.replace(tiny().card, purpose="another"))
    monkeypatch.setenv(registry.SEARCH, os.pathsep.join([str(tmp_path / "nowhere"), str(second), str(placed.parent)]))
    assert load(NAME).card.purpose == "another"
    monkeypatch.setenv(registry.SEARCH, os.pathsep.join([str(placed.parent), str(second)]))
    assert load(NAME).card.purpose == tiny().card.purpose


def test_where_no_model_can_go_is_said_before_training(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a version like"):
        train.train_and_save(tmp_path, dataclasses.replace(TINY, version="one/two"))
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="is a file"):
        train.train_and_save(tmp_path / "file", TINY)


# scikit-learn's estimator, for whoever trains on


@pytest.mark.parametrize("asked", [RandomForest(trees=2), Boosting(rounds=2), Linear()], ids=lambda e: e.kind)
@pytest.mark.parametrize("classes", [CLASSES, CLASSES[:2]], ids=["four", "two"])
def test_an_estimator_comes_back(tmp_path: Path, asked: Any, classes: tuple[str, ...]) -> None:
    samples = drawn(1, 80, classes)
    kept = grown(asked, samples.rows, samples.answer, samples.weight)
    folder = save(tmp_path, tiny().learnt.classifier, tiny().card, kept)
    again, rows = registry.estimator(folder), np.nan_to_num(samples.rows)
    one, two = (e[0] if isinstance(asked, Linear) else e for e in (kept, again))
    np.testing.assert_array_equal(two.predict_proba(rows), one.predict_proba(rows))
    assert read(folder).card == tiny().card, "the model does not mind it"


class Foreign:
    """A type that nobody named."""

    def __init__(self) -> None:
        self.number = 1


def test_an_estimator_of_a_foreign_type_or_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    samples = drawn(1, 80)
    folder = save(
        tmp_path, tiny().learnt.classifier, tiny().card, grown(Linear(), samples.rows, samples.answer, samples.weight)
    )
    whole = (folder / "estimator.skops").read_bytes()
    (folder / "estimator.skops").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(BadInput, match=r"estimator\.skops has sha256 .* damaged or changed"):
        registry.estimator(folder)
    resigned(folder, "estimator.skops", skops.io.dumps(Foreign()))
    with pytest.raises(BadInput, match=r"holds .*Foreign, which may run code; do not open it"):
        registry.estimator(folder)
    (folder / "estimator.skops").unlink()
    with pytest.raises(BadInput, match="keep_estimator: true"):
        registry.estimator(folder)


def test_a_recipe_that_asks_keeps_its_estimator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "gather", lambda *_: iter([tiny().samples]))
    where, *told_ = train.train_and_save(tmp_path / "a", dataclasses.replace(TINY, keep_estimator=True))
    assert registry.estimator(Path(where)).n_estimators == 4
    assert len(told_) == len(tiny().card.scores) == 2
    assert all(line.startswith("simulated score, ") for line in told_)
    where, *_ = train.train_and_save(tmp_path / "b", TINY)
    assert not (Path(where) / "estimator.skops").exists()


# the card


def test_the_card_survives_json(placed: Path) -> None:
    card = tiny().card
    assert from_json(card.to_json(), "x") == card
    assert from_json((placed / "card.json").read_text(), "x").to_json() == card.to_json()
    whole = json.loads(card.to_json())
    for mistake in (
        "",
        "[]",
        "{}",
        json.dumps(whole | {"more": 1}),
        json.dumps({k: v for k, v in whole.items() if k != "scores"}),
    ):
        with pytest.raises(BadInput, match="x: not a model card"):
            from_json(mistake, "x")


def test_the_first_line_says_simulated() -> None:
    card = tiny().card
    page = card.to_markdown()
    assert card.simulated and page.splitlines()[0] == f"# {NAME} 0.0.1: trained on SIMULATED data"
    assert SIMULATED in page and "## Simulated scores on" in page
    real = dataclasses.replace(card, simulated=False).to_markdown()
    assert real.splitlines()[0] == f"# {NAME} 0.0.1" and SIMULATED not in real and "## Scores on" in real


def test_every_word_of_the_card_reaches_the_page() -> None:
    card = tiny().card
    page = card.to_markdown()
    for field in dataclasses.fields(Card):
        said = getattr(card, field.name)
        for word in said if isinstance(said, tuple) else [said]:
            assert not isinstance(word, str) or word in page, field.name
    for one in card.material:
        assert f"| {one.name} | {one.samples} | {one.events} | {one.blocks} |" in page
    assert card.data[-1] == "a note" and f"{next(iter(card.importance))}: " in page


def test_a_figure_of_nothing_is_called_none() -> None:
    assert told(Figure(0.5, 0.4, 0.6)) == "0.500 [0.400, 0.600]"
    assert told(Figure(None, None, None)) == "none"
    nothing = Figure(None, None, None)
    card = dataclasses.replace(
        tiny().card, scores=(dataclasses.replace(tiny().card.scores[0], harm=ClassScore("harm", 0, *[nothing] * 3)),)
    )
    assert from_json(card.to_json(), "x") == card
    assert "| forest lost or hurt | 0 | none | none | none |" in card.to_markdown()


def test_the_plot_is_of_the_scores() -> None:
    scores = tiny().card.scores
    assert plotted(scores, True) == plotted(scores, True)
    assert len({plotted(scores, True), plotted(scores, False), plotted(scores[:1], True), plotted((), True)}) == 4
