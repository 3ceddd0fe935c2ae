"""What kind of change alerts are, and how sure: what a stored model says of their cells, together. No scikit-learn."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.alerts import Alert
from detection.errors import BadInput
from detection.types import Planes
from models.classifier import Numbers
from models.decide import Judged
from models.kinds import KINDS, LIKELY, change_type, harmful
from models.registry import Model, load

FAMILIES = ("fusion", "ccdc", "landtrendr")
"""Kinds of detector of which each is judged by models of its own; all monitors of a single index share theirs."""
MOSTLY = 0.5
"""Share of an alert's cells of which a model must have something to say (chosen)."""


def chosen(name: str | None, version: str | None, judges: object) -> Model | None:
    """The model that a config names for cells flagged by this monitor or method; None where it names none.

    Raises as `load` and `check`.
    """
    if name is None:
        return None
    model = load(name, version)
    check(model, judges)
    return model


def check(model: Model, judges: object) -> None:
    """Raise BadInput where the model has not learnt cells flagged by such a monitor or method.

    What several sensors say together, what one index says and what a whole archive says are different numbers.
    """
    kind = str(getattr(judges, "kind", ""))
    if _family(kind) != _family(model.card.judges):
        raise BadInput(
            f"model {model.identity}: has learnt cells flagged by `{model.card.judges}`, not by `{kind}`; name another in "
            "`model.name` (`sachawatch models` lists them), or null"
        )


def _family(kind: str) -> str:
    return kind if kind in FAMILIES else "index"


def wanted(model: Model) -> Planes:
    """The planes it wants to be told of."""
    return Planes(model.card.optical, model.card.radar)


def judge(found: Judged, alerts: Sequence[Alert]) -> list[Alert]:
    """The alerts with `change_type`, `driver`, `probability` and `model`. Pure; each is judged by itself.

    Every cell says what was last said of it by the instant of the revision; an alert says what its cells say on average. Where
    most of them are unlike anything learnt, the model abstains: the type is `unclassified` and the probability null.
    """
    keys = _keys(found.cells)
    return [_judge(found, keys, alert) for alert in alerts]


def _judge(found: Judged, keys: NDArray[Any], alert: Alert) -> Alert:
    at = latest(keys, alert.cells, alert.observed_at)
    at = at[at >= 0]
    known = at[found.known[at]]
    if not len(known) or len(known) < MOSTLY * len(alert.cells):
        return replace(alert, model=found.model.identity)
    kind, driver, sure = summed(found.model.classifier.classes, found.shares[known].mean(0), peat_of(found, at))
    return replace(alert, change_type=kind, driver=driver, probability=sure, model=found.model.identity)


def peat_of(found: Judged, at: NDArray[np.int64]) -> bool | None:
    """Are rows, together, on mapped peat? None where no map says."""
    said = np.zeros(0, np.float32) if found.peat is None else found.peat[at]
    said = said[np.isfinite(said)]
    return bool(said.mean() >= MOSTLY) if len(said) else None


def summed(classes: Sequence[str], shares: Numbers, peat: bool | None = None) -> tuple[str, str | None, float]:
    """(type of change, driver, probability of harm) of probabilities by class: of what is likelier, harm or none, the likeliest
    type and the likeliest driver of it. peat: what a map says of the ground, as `kinds.change_type` has it."""
    by_type: dict[str, float] = {}
    by_driver: dict[str | None, float] = {}
    sure = float(sum(share for name, share in zip(classes, shares.tolist(), strict=True) if harmful(name)))
    for name, share in zip(classes, shares.tolist(), strict=True):
        if harmful(name) == (sure >= LIKELY):
            kind, driver = change_type(name, peat), KINDS[name].driver
            by_type[kind] = by_type.get(kind, 0.0) + share
            by_driver[driver] = by_driver.get(driver, 0.0) + share
    harm = min(1.0, max(0.0, sure))
    return max(by_type, key=lambda k: by_type[k]), max(by_driver, key=lambda k: by_driver[k]), harm


PLACE = np.dtype([("row", "i8"), ("column", "i8"), ("instant", "i8")])


def _keys(cells: NDArray[Any]) -> NDArray[Any]:
    """Rows that sort by row, column and instant."""
    made = np.zeros(len(cells), PLACE)
    for name in PLACE.names or ():
        made[name] = cells[name]
    return made


def latest(keys: NDArray[Any], cells: NDArray[np.int32], instant: int) -> NDArray[np.int64]:
    """(cell,) position of what was last said of each cell by an instant, -1 where nothing was; keys: PLACE rows, sorted."""
    asked = np.zeros(len(cells), PLACE)
    asked["row"], asked["column"], asked["instant"] = cells[:, 0], cells[:, 1], instant
    at = np.searchsorted(keys, asked, side="right") - 1
    there = at >= 0
    same = (
        there & (keys["row"][at] == asked["row"]) & (keys["column"][at] == asked["column"])
        if len(keys)
        else there & False
    )
    return np.where(same, at, -1)
