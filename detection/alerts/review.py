"""What people say of an alert, and what it comes to together with what the detector says. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from detection.alerts.record import Alert, AlertStatus, ReviewStatus

Verdict = Literal["in_review", "needs_revision", "validated", "rejected", "reopened"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
REASONS: Final = (
    "REFORESTATION",
    "SEASONALITY",
    "FARMING",
    "BURNED",
    "SHADOW_RELIEF",
    "AVAILABILITY_OF_IMAGES",
    "DUPLICATE",
    "CLOUD",
    "QUALITY",
    "DEGRADATION",
    "MINING",
    "NATURAL_WITHOUT_CHANGE",
    "MINIMUM_AREA",
    "ANTROPIC_BEFORE",
    "RIVER_MIGRATION",
    "FLOOD",
    "LANDSLIDE",
    "WINDTHROW",
    "SENSOR_ARTEFACT",
    "AUTHORISED",
    "OTHERS",
)
"""Why an alert is rejected: the codes of MapBiomas Alerta (`alert-status.ts`) without those of its image sources, and six of
the reviewers of this region."""
OUTGROWN_SHARE: Final = 0.2
"""A rejection holds for what was looked at. What came since and is as large as the mapping unit, and as this share of what was
looked at, makes it an alert again (the share by which an alert has grown in the rules for messages)."""
FINAL: Final[Mapping[AlertStatus, AlertStatus]] = {
    "provisional": "confirmed", "expired": "finished", "retracted": "finished",
}  # fmt: skip
"""What the detector says -> what a validated alert is: somebody saw the change, so it is not taken back for want of looks."""


@dataclass(frozen=True)
class Review:
    """The review of an alert that counts."""

    verdict: Verdict
    """What was said."""
    reason: str | None
    """One of REASONS where it was rejected."""
    day: date
    """When, UTC."""
    cells: NDArray[np.int32]
    """(n, 2) the cells that were looked at, rows and columns on the absolute lattice."""


def reviewed(alert: Alert, review: Review | None, joined: Sequence[NDArray[np.int32]] = ()) -> Alert:
    """The alert as the detector makes it, under the review that counts; without one it stays as it is.

    joined: cells of each alert, itself not rejected, that this one has taken in. A rejection that did not see them, or that
    the alert has outgrown, no longer covers it: it stands again, and wants another review.
    """
    if review is None:
        return alert
    said: ReviewStatus = "unreviewed" if review.verdict == "reopened" else review.verdict
    if review.verdict == "rejected" and (_outgrown(alert, review) or any(_beyond(c, review.cells) for c in joined)):
        said = "needs_revision"
    status = _status(alert.detection_status, said)
    return replace(
        alert,
        status=status,
        detected=None if status == alert.detection_status else alert.detection_status,
        confidence="high" if said == "validated" or alert.confirmed_on is not None else "low",
        review_status=said,
        rejection_reason=review.reason if said == "rejected" else None,
        reviewed_on=review.day,
    )


def _status(detected: AlertStatus, said: ReviewStatus) -> AlertStatus:
    """What it is, all in all. One that another has taken in goes on there, whatever was said of it."""
    if detected == "merged":
        return detected
    if said == "rejected":
        return "rejected"
    return FINAL.get(detected, detected) if said == "validated" else detected


def _outgrown(alert: Alert, review: Review) -> bool:
    """Has so much come to it that it would be an alert by itself?"""
    if not len(alert.cells):
        return False
    new = _beyond(alert.cells, review.cells) * alert.area_ha / len(alert.cells)
    seen = alert.area_ha - new
    return new > 0 and new >= max(alert.mmu_ha, OUTGROWN_SHARE * seen)


def _beyond(cells: NDArray[np.int32], seen: NDArray[np.int32]) -> int:
    """How many of the cells are not among those seen."""
    return len(set(map(tuple, cells.tolist())) - set(map(tuple, seen.tolist())))
