"""The alert record, what all alerts of a job have in common, and what two revisions say alike."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput

AlertStatus = Literal["provisional", "confirmed", "expired", "finished", "merged", "retracted", "rejected"]
ReviewStatus = Literal["unreviewed", "in_review", "needs_revision", "validated", "rejected"]
WITHDRAWN: Final = ("retracted", "expired", "rejected")
"""Statuses that tell whoever heard of the alert to forget it."""
Confidence = Literal["low", "high", "highest"]
NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:sachawatch:alert")
CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MISHEARD: Final = {"O": "0", "I": "1", "L": "1"}
"""Letters that the alphabet leaves out for their likeness -> what is meant (Crockford 2019, Base 32)."""


@dataclass(frozen=True)
class Alert:
    """One revision of one alert: what was known after one look. Later looks make later revisions, never a rewrite."""

    id: str
    """UUIDv5 of collection, lattice, anchor cell and change date; minted once, afterwards found, never recomputed."""
    short_code: str
    """Six Crockford base-32 characters and a check character, speakable on the radio: K7Q4M2-X."""
    revision: int
    """1, 2, ...; (id, revision) is the idempotency key."""
    collection: str
    """The job's collection."""
    lattice: str
    """Grid lattice the cells lie on, e.g. `EPSG:32719@30m`."""
    status: AlertStatus
    """Never from confirmed back to provisional, unless a late look has changed the past; rejected by people alone."""
    status_code: int
    """What the detector says of it: `codes.Status`, scheme `codes.STATUS_SCHEME`."""
    change_date: date
    """First anomalous look of its cells (OPERA's DIST-DATE), the earliest tenth of them left out as strays."""
    last_clear_before: date | None
    """Last normal look before it: the change lies between the two."""
    first_detected: date
    """The look that made it provisional: the alarm began here."""
    confirmed_on: date | None
    """The look that confirmed it."""
    finished_on: date | None
    """The look that closed it (finished or expired)."""
    last_detected: date
    """The last look on which it grew or rose."""
    observed_at: int
    """Instant of the look this revision rests on, seconds since 1970 UTC."""
    cells: NDArray[np.int32]
    """(n, 2) row and column on the absolute lattice, sorted."""
    confirmed_cells: NDArray[np.bool_]
    """(n,) which of the cells are confirmed themselves: the others are its rim, or still provisional."""
    area_ha: float
    """Equal-area hectares of the cells: a mapped area, not an unbiased estimate."""
    confirmed_ha: float
    """The same of the confirmed cells alone."""
    area_ha_new: float
    """Hectares added since the previous revision."""
    mmu_ha: float
    """Minimum mapping unit in force."""
    magnitude: float
    """Mean change of the index since the change date, in its units; negative where the index fell."""
    magnitude_max: float
    """The largest change of any pixel."""
    magnitude_sigma: float
    """Mean change in residual scales."""
    magnitude_metric: str
    """Name of the index."""
    count: int
    """Median number of anomalous looks of its pixels."""
    confidence: Confidence
    """low: provisional; high: confirmed; highest: two independent sensors."""
    change_type: str
    """`codes.CHANGE_TYPES`."""
    driver: str | None
    """`codes.DRIVERS`: who or what did it, by the model; null without one, or where it names nobody."""
    probability: float | None
    """Probability, by the model, that forest was lost or hurt in a cell of it; null without one, or where it abstains."""
    model: str | None
    """name@version of the model that said so."""
    baseline: str
    """What "forest" means here, e.g. `own history`."""
    simulated: bool
    """True: made from simulated input, and says so wherever it appears."""
    previous_id: str | None = None
    """The closed alert this one follows on, or the one it was part of until they fell apart."""
    merged_into: str | None = None
    """The alert that took this one in."""
    detected: AlertStatus | None = None
    """What the detector says, where people say otherwise; null: as `status`."""
    rests_on: int | None = None
    """Which of the detector's own revisions this is, where reviews or late looks lie between; null: as `revision`."""
    review_status: ReviewStatus = "unreviewed"
    """What people say of it; `needs_revision` too where a rejected alert has grown beyond what was looked at."""
    rejection_reason: str | None = None
    """Why it was rejected, one of `review.REASONS`."""
    reviewed_on: date | None = None
    """Day of the review that counts, UTC."""

    @property
    def detection_status(self) -> AlertStatus:
        """What the detector says."""
        return self.detected or self.status

    @property
    def detector_revision(self) -> int:
        """Which of the detector's own revisions this rests on."""
        return self.rests_on or self.revision


@dataclass(frozen=True)
class Naming:
    """What every alert of a job has in common."""

    collection: str
    """The job's collection."""
    lattice: str
    """Grid lattice, e.g. `EPSG:32719@30m`."""
    metric: str
    """Name of the index."""
    high: float
    """Mean residual scales from which a change is of high magnitude."""
    baseline: str
    """What "forest" means."""
    simulated: bool
    """True for simulated input."""


def content(alert: Alert) -> tuple[Any, ...]:
    """What makes two revisions of the detector say the same."""
    return *own(alert), alert.merged_into


def own(alert: Alert) -> tuple[Any, ...]:
    """What a revision says but for the ids it names: those may be told under others than they are made."""
    dates = (alert.change_date, alert.last_clear_before, alert.first_detected, alert.confirmed_on, alert.finished_on)
    return alert.detection_status, alert.status_code, dates, alert.cells.tobytes(), round(alert.magnitude, 6)


def short_code(ident: str) -> str:
    """Six Crockford base-32 characters of the id's digest, a dash, and a check character."""
    number = int.from_bytes(hashlib.sha256(ident.encode()).digest()[:4], "big")
    said = "".join(CROCKFORD[(number >> (5 * i)) & 31] for i in range(6))
    return f"{said}-{_check(said)}"


def read_code(text: str) -> str:
    """A short code as it is written, from what somebody heard or typed: `k7q4m2 x`, O for 0, I or L for 1.

    Raises BadInput for what is no code, and where the check character does not fit: one character misheard never fits.
    """
    made = "".join(MISHEARD.get(letter, letter) for letter in text.upper() if letter not in " -.")
    if len(made) != 7 or not set(made) <= set(CROCKFORD):
        raise BadInput(
            f"code {text!r}: is no code of an alert; write it as K7Q4M2-X, six characters and a check character"
        )
    if _check(made[:6]) != made[6]:
        raise BadInput(
            f"code {text!r}: its check character does not fit, so one was misread or misheard; ask for it again"
        )
    return f"{made[:6]}-{made[6]}"


def called(text: str) -> str:
    """The short code or the id that somebody wrote. Raises BadInput as `read_code` where it is neither."""
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError:
        return read_code(text)


def _check(said: str) -> str:
    """The sum of the digits by odd weights, modulo 32: odd, so that any one wrong character is found."""
    return CROCKFORD[sum(weight * CROCKFORD.index(c) for weight, c in zip(range(1, 12, 2), said, strict=True)) % 32]
