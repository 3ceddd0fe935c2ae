"""What kind of change an alert is, and how sure: a stored model over the features of the alert. No scikit-learn."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from detection.alerts import Alert
from detection.errors import BadInput
from detection.monitors.fusion import Fusion
from models.features import features
from models.registry import Model, load

FUSED: Final = "fusion"
"""Kind of the monitor that takes several sensors as one evidence."""
LOSS_FROM: Final = 0.5
"""Calibrated probability from which an alert is called tree cover loss: more likely than not."""


def chosen(name: str | None, version: str | None, monitor: object) -> Model | None:
    """The model that a config names for alerts of this monitor; None where it names none. Raises as `load` and `check`."""
    if name is None:
        return None
    model = load(name, version)
    check(model, monitor)
    return model


def check(model: Model, monitor: object) -> None:
    """Raise BadInput where the model has not learnt alerts of such a monitor.

    What several sensors say together and what one index says are different numbers; monitors of one index are alike.
    """
    fused, learnt = isinstance(monitor, Fusion), model.card.monitor
    if fused != (learnt == FUSED):
        other = "of a single index" if fused else "of all sensors together"
        raise BadInput(
            f"model {model.identity}: has learnt alerts {other} (monitor `{learnt}`), not those of this job's monitor; name "
            "another in `model.name` (`sachawatch models` lists them), or null"
        )


def judge(model: Model, alerts: Sequence[Alert]) -> list[Alert]:
    """The alerts with `change_type`, `probability` (calibrated, 0..1) and `model`. Pure; each is judged by itself."""
    if not alerts:
        return []
    sure = model.forest.probability(features(alerts)).tolist()
    return [
        replace(a, change_type="tree_cover_loss" if p >= LOSS_FROM else "other", probability=p, model=model.identity)
        for a, p in zip(alerts, sure, strict=True)
    ]
