"""Where trained models lie: plain arrays, a card and a checksum. Nothing in a model's folder can run code.

A folder `<name>-<version>` holds `arrays.npz` (read without pickle), `card.json`, `card.md`, `calibration.png` and `sha256`, the
checksums of arrays and card in the form `sha256sum -c` reads; and, where it was asked for, `estimator.skops`, the estimator of
scikit-learn for whoever trains on, which is opened only if it holds nothing but what `TRUSTED` names.
"""

import hashlib
import io
import os
import re
import zipfile
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import numpy as np

from detection.errors import BadInput
from models.around import names
from models.card import PLOT, Card, drawn, from_json
from models.classifier import Arrays, Classifier
from models.surroundings import NAMES as AROUND

SHIPPED: Final = Path(__file__).parent / "trained"
SEARCH: Final = "SACHAWATCH_MODELS"
"""Environment variable: more folders of models, separated as PATH is, looked through before the shipped one."""
ARRAYS, CARD, ESTIMATOR, SUMS = "arrays.npz", "card.json", "estimator.skops", "sha256"
TRUSTED: Final = (
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "sklearn.linear_model._logistic.LogisticRegression",
)
"""Types of a stored estimator, besides those that skops trusts by itself, that may be opened."""
FOLDER: Final = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]{0,40})-(?P<version>[0-9A-Za-z][0-9A-Za-z.]{0,20})")


@dataclass(frozen=True)
class Model:
    """A trained model, ready to judge."""

    name: str
    """Its name."""
    version: str
    """Its version."""
    sha256: str
    """sha256 (hex) of `arrays.npz`."""
    card: Card
    """What it is."""
    classifier: Classifier
    """What judges."""

    @property
    def identity(self) -> str:
        """name@version, as alerts carry it."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Stored:
    """A model in a folder."""

    name: str
    """Its name."""
    version: str
    """Its version."""
    folder: Path
    """Where it lies."""


def stored() -> tuple[Stored, ...]:
    """Every model there is, by name, the newest version last; of two of one name and version the first found counts."""
    found: dict[tuple[str, str], Stored] = {}
    for folder in _folders():
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            match = FOLDER.fullmatch(path.name)
            if match and (path / "card.json").is_file():
                found.setdefault((match["name"], match["version"]), Stored(match["name"], match["version"], path))
    return tuple(sorted(found.values(), key=lambda s: (s.name, _in_order(s.version))))


def available() -> list[tuple[str, str]]:
    """(name, version) of every model there is, in the order of `stored`."""
    return [(s.name, s.version) for s in stored()]


def load(name: str, version: str | None = None) -> Model:
    """The model of this name and version; without a version, the newest.

    Raises BadInput for a model there is not (with those there are), and for one whose arrays are not those of its
    checksum or are no forest over the features this code computes.
    """
    known = stored()
    chosen = [s for s in known if s.name == name and version in (None, s.version)]
    if not chosen:
        raise BadInput(_unknown(name, version, known))
    return read(chosen[-1].folder)


def read(folder: Path) -> Model:
    """The model in a folder; raises BadInput as `load` does."""
    match = FOLDER.fullmatch(folder.name)
    if match is None:
        raise BadInput(f"{folder}: a model's folder is called <name>-<version>")
    packed, said = _checked(folder, ARRAYS), _checked(folder, CARD)
    card = from_json(said.decode("utf-8", "replace"), str(folder / CARD))
    if (card.name, card.version) != (match["name"], match["version"]):
        raise BadInput(f"{folder}: the card is that of {card.name}-{card.version}; folder and card must agree")
    classifier = Classifier.of(_unpack(packed, folder), str(folder))
    if classifier.features != (*names(card.optical, card.radar), *AROUND):
        raise BadInput(
            f"{folder}: its features are not those computed here of the planes on its card; train the model anew"
        )
    return Model(card.name, card.version, hashlib.sha256(packed).hexdigest(), card, classifier)


def _checked(folder: Path, name: str) -> bytes:
    """A file of a model's folder, if it is the one that the checksums are of."""
    try:
        content = (folder / name).read_bytes()
        lines = (folder / SUMS).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{folder}: cannot be read ({error}); copy the whole folder again") from error
    found = hashlib.sha256(content).hexdigest()
    if f"{found}  {name}" not in lines:
        raise BadInput(
            f"{folder}: {name} has sha256 {found[:12]}..., not that of the file `{SUMS}`: damaged or changed; "
            "copy the whole folder again"
        )
    return content


def save(folder: Path, classifier: Classifier, card: Card, estimator: Any = None) -> Path:
    """Write a model under `folder/<name>-<version>` and return that; the same model gives the same bytes, but for
    `estimator.skops`, into which skops writes the time.

    estimator: of scikit-learn, kept for whoever trains on. Raises BadInput where another model of this name and version lies
    already: a version, once out, means one thing.
    """
    target = vacant(folder, card.name, card.version)
    files = {ARRAYS: _pack(classifier.arrays()), CARD: card.to_json().encode()}
    if (target / ARRAYS).is_file() and (target / ARRAYS).read_bytes() != files[ARRAYS]:
        raise BadInput(f"{target}: another model of this version is there; give the new one another version")
    if estimator is not None:
        files[ESTIMATOR] = _dumped(estimator)
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    files |= {"card.md": card.to_markdown().encode(), PLOT: drawn(card.scores, card.simulated), SUMS: sums.encode()}
    target.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (target / name).write_bytes(content)
    return target


def _dumped(estimator: Any) -> bytes:
    import skops.io

    return bytes(skops.io.dumps(estimator))


def estimator(folder: Path) -> Any:
    """The estimator of scikit-learn that a model was made of, to train on; the one thing here that is more than numbers.

    Raises BadInput where there is none, where it is not that of its checksum, or where it holds a type that is not in TRUSTED.
    """
    import skops.io

    if not (folder / ESTIMATOR).is_file():
        raise BadInput(f"{folder}: keeps no {ESTIMATOR}; train with `keep_estimator: true`")
    content = _checked(folder, ESTIMATOR)
    strange = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
    if strange:
        raise BadInput(f"{folder}: {ESTIMATOR} holds {', '.join(strange[:3])}, which may run code; do not open it")
    return skops.io.loads(content, trusted=list(TRUSTED))


def vacant(folder: Path, name: str, version: str) -> Path:
    """Where a model of this name and version goes; raises BadInput, before anyone trains, where it cannot go there."""
    target = folder / f"{name}-{version}"
    if not FOLDER.fullmatch(target.name):
        raise BadInput(f"model {target.name!r}: a name is small letters, digits and hyphens, a version like 1.0.0")
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder}: is a file; name a folder to put the model in")
    return target


def _folders() -> list[Path]:
    more = os.environ.get(SEARCH, "")
    return [*(Path(p) for p in more.split(os.pathsep) if p), SHIPPED]


def _unknown(name: str, version: str | None, known: tuple[Stored, ...]) -> str:
    mine = [s.version for s in known if s.name == name]
    if mine:
        return f"model {name}: no version {version}; there is {', '.join(mine)}"
    names = sorted({s.name for s in known})
    near = get_close_matches(name, names, 1)
    hint = f"; did you mean `{near[0]}`?" if near else f"; put its folder where {SEARCH} points" if not names else ""
    return f"model {name}: there is no such model, there is {', '.join(names) or 'none'}{hint}"


def _in_order(version: str) -> tuple[tuple[int, ...], str]:
    """1.10 comes after 1.9; a part that is no number comes before 0."""
    return tuple(int(p) if p.isdigit() else -1 for p in version.split(".")), version


def _pack(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpack(packed: bytes, folder: Path) -> Arrays:
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"{folder}: arrays.npz cannot be read ({error}); copy the whole folder again") from error
