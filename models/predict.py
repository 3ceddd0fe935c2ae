"""What kind of change an alert is, and how sure: a stored model over the features of the alert. numpy alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from detection.alerts import Alert
from models.features import features
from models.registry import Model

LOSS_FROM: Final = 0.5
"""Calibrated probability from which an alert is called tree cover loss: more likely than not."""


def judge(model: Model, alerts: Sequence[Alert]) -> list[Alert]:
    """The alerts with `change_type`, `probability` (calibrated, 0..1) and `model`. Pure; each is judged by itself."""
    if not alerts:
        return []
    sure = model.forest.probability(features(alerts)).tolist()
    return [
        replace(a, change_type="tree_cover_loss" if p >= LOSS_FROM else "other", probability=p, model=model.identity)
        for a, p in zip(alerts, sure, strict=True)
    ]
