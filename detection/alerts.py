"""The alert record and its life cycle: pure functions from the transitions of pixels to revisions of alerts."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from detection.codes import Status
from detection.patches import Patch, Patches, follow
from detection.types import SECONDS_A_DAY, to_date

AlertStatus = Literal["provisional", "confirmed", "expired", "finished", "merged", "retracted"]
Confidence = Literal["low", "high", "highest"]


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
    """Never from confirmed back to provisional, unless a late look has changed the past."""
    status_code: int
    """`codes.Status`, scheme `codes.STATUS_SCHEME`."""
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
    area_ha: float
    """Equal-area hectares of the cells: a mapped area, not an unbiased estimate."""
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
    probability: float | None
    """Probability of true change by the model; null without one."""
    model: str | None
    """name@version of the model that said so."""
    baseline: str
    """What "forest" means here, e.g. `own history`."""
    simulated: bool
    """True: made from simulated input, and says so wherever it appears."""
    previous_id: str | None = None
    """The closed alert this one follows on."""
    merged_into: str | None = None
    """The alert that took this one in."""


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


NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:sachawatch:alert")
STRAYS: Final = 10
"""One cell in so many may have seen something earlier by chance: the change is dated by the first of the others."""
CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def revisions(log: NDArray[Any], resolution: int, rules: Patches, naming: Naming) -> dict[str, list[Alert]]:
    """Every revision of every alert that the log of transitions (patches.CELL_LOG) makes, by id, in order.

    A pure function of the log as a set: what stands after a look depends on the looks up to it alone.
    """
    made: dict[str, list[Alert]] = {}
    ids: dict[int, str] = {}
    for instant, touched in follow(log, resolution, rules):
        for patch in touched:
            if patch.minted is not None and patch.number not in ids:
                ids[patch.number] = alert_id(naming, patch)
        for patch in touched:
            if patch.number in ids:
                before = made.setdefault(ids[patch.number], [])
                now = _describe(patch, instant, rules, naming, ids, before)
                if not before or content(now) != content(before[-1]):
                    before.append(now)
    return made


def reconcile(made: Mapping[str, Sequence[Alert]], told: Mapping[str, Alert], join_window_days: int) -> list[Alert]:
    """The revisions to add to what was told before: nothing told is ever rewritten.

    made: all revisions by id, as they follow from the looks now known; told: the latest revision of every alert ever
    told. An alert whose past has changed (a late look) gets one new revision with its present state, or its retraction
    where nothing is left of it; an alert that is new by id but lies on one that has vanished goes on under that id.
    """
    names = _names(made, told, join_window_days)
    new: list[Alert] = []
    for ident in sorted(made):
        series = [_renamed(a, names) for a in made[ident]] if names else made[ident]
        known = told.get(names.get(ident, ident))
        new += series if known is None else _continued(series, known)
    alive = {names.get(i, i) for i in made}
    gone = [a for i, a in sorted(told.items()) if i not in alive and a.status != "retracted"]
    return new + [replace(a, status="retracted", revision=a.revision + 1, area_ha_new=0.0) for a in gone]


def content(alert: Alert) -> tuple[Any, ...]:
    """What makes two revisions say the same."""
    dates = (alert.change_date, alert.last_clear_before, alert.first_detected, alert.confirmed_on, alert.finished_on)
    return alert.status, alert.status_code, dates, alert.cells.tobytes(), alert.merged_into, round(alert.magnitude, 6)


def alert_id(naming: Naming, patch: Patch) -> str:
    """UUIDv5 of collection, lattice, anchor cell and change date."""
    anchor = patch.anchor
    cell = f"{int(anchor['row'])},{int(anchor['column'])}"
    day = to_date(int(anchor["change_day"])).isoformat()
    return str(uuid.uuid5(NAMESPACE, f"{naming.collection}|{naming.lattice}|{cell}|{day}"))


def short_code(ident: str) -> str:
    """Six Crockford base-32 characters of the id's digest, a dash, and a check character (their sum modulo 32)."""
    number = int.from_bytes(hashlib.sha256(ident.encode()).digest()[:4], "big")
    digits = [(number >> (5 * i)) & 31 for i in range(6)]
    return "".join(CROCKFORD[d] for d in digits) + "-" + CROCKFORD[sum((i + 1) * d for i, d in enumerate(digits)) % 32]


def _continued(series: Sequence[Alert], known: Alert) -> list[Alert]:
    """The revisions that follow on the one told last."""
    told, same_past = (
        known.revision,
        len(series) >= known.revision and content(series[known.revision - 1]) == content(known),
    )
    if same_past:
        return list(series[told:])
    if content(series[-1]) == content(known):
        return []
    latest = series[-1]
    return [replace(latest, revision=told + 1, area_ha_new=max(latest.area_ha - known.area_ha, 0.0))]


def _names(made: Mapping[str, Sequence[Alert]], told: Mapping[str, Alert], window: int) -> dict[str, str]:
    """Id as made -> id as told, for every alert new by id that lies on one that has vanished: the closest kin first."""
    lost = [a for i, a in told.items() if i not in made]
    fresh = [i for i in made if i not in told] if lost else []
    pairs = [(kinship, i, a.id) for i in fresh for a in lost if (kinship := _kinship(made[i], a, window)) is not None]
    names: dict[str, str] = {}
    for _, ident, heir in sorted(pairs, reverse=True):
        if ident not in names and heir not in names.values():
            names[ident] = heir
    return names


def _renamed(alert: Alert, names: Mapping[str, str]) -> Alert:
    """The alert under the ids that were told, its references to others too."""
    ident = names.get(alert.id, alert.id)
    into, previous = (names.get(i, i) if i else i for i in (alert.merged_into, alert.previous_id))
    return replace(alert, id=ident, short_code=short_code(ident), merged_into=into, previous_id=previous)


def _kinship(series: Sequence[Alert], lost: Alert, window: int) -> tuple[bool, bool, int] | None:
    """How close an alert is to one that has vanished; None: began too far from it, or shares no cell.

    (it says what was told last, that one is not retracted, cells shared): the first keeps a match once made.
    """
    if abs((lost.change_date - series[-1].change_date).days) > window:
        return None
    shared = len(_as_set(series[-1]) & _as_set(lost))
    said = any(content(a) == content(lost) for a in series)
    return (said, lost.status != "retracted", shared) if shared else None


def _as_set(alert: Alert) -> set[tuple[int, ...]]:
    return set(map(tuple, alert.cells.tolist()))


def _describe(
    patch: Patch, instant: int, rules: Patches, naming: Naming, ids: Mapping[int, str], before: Sequence[Alert]
) -> Alert:
    """The alert as it stands after this look."""
    day = to_date(instant // SECONDS_A_DAY)
    members = [patch.members[c] for c in sorted(patch.members)]
    last = before[-1] if before else None
    if not members:  # all expired, or taken in by another: what was last known of it stays on record
        return _ended(before[-1], patch, instant, ids, naming.high)
    in_time = sorted(members, key=lambda m: (m["change_day"], m["row"], m["column"]))
    first = in_time[len(members) // STRAYS]
    area = float(sum(m["hectares"] for m in members))
    mean = {n: float(np.mean([m[n] for m in members], dtype=np.float64)) for n in ("magnitude", "sigma")}
    status: AlertStatus = "confirmed" if patch.confirmed is not None else "provisional"
    if not patch.open:
        status = "finished" if patch.confirmed is not None else "expired"
    ident = ids[patch.number]
    return Alert(
        id=ident,
        short_code=short_code(ident),
        revision=len(before) + 1,
        collection=naming.collection,
        lattice=naming.lattice,
        status=status,
        status_code=_code(status, mean["sigma"] >= naming.high),
        change_date=to_date(int(first["change_day"])),
        last_clear_before=to_date(int(first["clear_before"])) if first["clear_before"] >= 0 else None,
        first_detected=to_date((patch.minted or instant) // SECONDS_A_DAY),
        confirmed_on=to_date(patch.confirmed) if patch.confirmed is not None else None,
        finished_on=None if patch.open else day,
        last_detected=to_date(patch.last_grown),
        observed_at=instant,
        cells=np.array(sorted(patch.members), np.int32).reshape(-1, 2),
        area_ha=area,
        area_ha_new=area - last.area_ha if last and area > last.area_ha else 0.0 if last else area,
        mmu_ha=rules.minimum_mapping_unit_ha,
        magnitude=mean["magnitude"],
        magnitude_max=float(max((m["magnitude"] for m in members), key=abs)),
        magnitude_sigma=mean["sigma"],
        magnitude_metric=naming.metric,
        count=int(np.median([m["count"] for m in members])),
        confidence="high" if patch.confirmed is not None else "low",
        change_type="unclassified",
        probability=None,
        model=None,
        baseline=naming.baseline,
        simulated=naming.simulated,
        previous_id=ids.get(patch.previous) if patch.previous is not None else None,
    )


def _ended(last: Alert, patch: Patch, instant: int, ids: Mapping[int, str], high: float) -> Alert:
    """Nothing of it is left: expired (finished, if ever confirmed), or taken in. It always has a revision."""
    status: AlertStatus = "finished" if patch.confirmed is not None else "expired"
    if patch.merged_into is not None:
        status = "merged"
    return replace(
        last,
        status=status,
        status_code=_code(status, last.magnitude_sigma >= high),
        revision=last.revision + 1,
        finished_on=to_date(instant // SECONDS_A_DAY),
        observed_at=instant,
        area_ha_new=0.0,
        merged_into=ids.get(patch.merged_into) if patch.merged_into is not None else None,
    )


def _code(status: AlertStatus, high: bool) -> int:
    table: dict[str, tuple[Status, Status]] = {
        "provisional": (Status.PROVISIONAL_LOW, Status.PROVISIONAL_HIGH),
        "confirmed": (Status.CONFIRMED_LOW, Status.CONFIRMED_HIGH),
        "finished": (Status.FINISHED_LOW, Status.FINISHED_HIGH),
    }
    return int(table[status][high]) if status in table else int(Status.NONE)
