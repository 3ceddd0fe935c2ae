"""The alert record and its life cycle: pure functions from the transitions of pixels to revisions of alerts."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.alerts.activity import Activity, activity
from detection.alerts.record import (
    CROCKFORD,
    NAMESPACE,
    WITHDRAWN,
    Alert,
    AlertStatus,
    Confidence,
    Naming,
    called,
    content,
    read_code,
    short_code,
)
from detection.alerts.review import REASONS, VERDICTS, Review, Verdict, reviewed
from detection.alerts.told import reconcile
from detection.codes import Status
from detection.patches import Member, Patch, Patches, follow
from detection.patches.record import SURE
from detection.types import SECONDS_A_DAY, to_date

__all__ = [
    "CROCKFORD",
    "NAMESPACE",
    "REASONS",
    "VERDICTS",
    "WITHDRAWN",
    "Activity",
    "Alert",
    "AlertStatus",
    "Confidence",
    "Naming",
    "Review",
    "Verdict",
    "activity",
    "alert_id",
    "called",
    "content",
    "read_code",
    "reconcile",
    "reviewed",
    "revisions",
    "short_code",
]

STRAYS: Final = 10
"""One cell in so many may have seen something earlier by chance: the change is dated by the first of the others."""
MAGNITUDE, SIGMA, LOOKS = map(Member._fields.index, ("magnitude", "sigma", "looks"))


def revisions(log: NDArray[Any], resolution: int, rules: Patches, naming: Naming) -> dict[str, list[Alert]]:
    """Every revision of every alert that the log of transitions (patches.CELL_LOG) makes, by id, in order.

    A pure function of the log as a set: what stands after a look depends on the looks up to it alone.
    """
    made: dict[str, list[Alert]] = {}
    ids: dict[int, str] = {}
    for instant, touched in follow(log, resolution, rules):
        for patch in touched:
            if patch.minted is not None and patch.number not in ids:
                ids[patch.number] = alert_id(naming, patch, made)
                made[ids[patch.number]] = []
        for patch in touched:
            if patch.number in ids:
                before = made[ids[patch.number]]
                now = _describe(patch, instant, rules, naming, ids, before)
                if not before or content(now) != content(before[-1]):
                    before.append(now)
    return made


def alert_id(naming: Naming, patch: Patch, taken: Collection[str] = ()) -> str:
    """UUIDv5 of collection, lattice, anchor cell and change date.

    taken: ids given before. Where cells were part of another alert their anchor may be its anchor too: then the instant
    of minting is told as well.
    """
    if patch.anchor is None:
        raise ValueError(f"patch {patch.number} is not minted: it has no anchor")
    cell, day = f"{patch.anchor.row},{patch.anchor.column}", to_date(patch.anchor.change_day).isoformat()
    said = f"{naming.collection}|{naming.lattice}|{cell}|{day}"
    while (ident := str(uuid.uuid5(NAMESPACE, said))) in taken:
        said += f"|{patch.minted}"
    return ident


def _describe(
    patch: Patch, instant: int, rules: Patches, naming: Naming, ids: Mapping[int, str], before: Sequence[Alert]
) -> Alert:
    """The alert as it stands after this look."""
    day = to_date(instant // SECONDS_A_DAY)
    members = sorted(patch.members.values())
    last = before[-1] if before else None
    if not members:  # all expired, or taken in by another: what was last known of it stays on record
        return _ended(before[-1], patch, instant, ids, naming.high)
    first = sorted(members, key=attrgetter("change_day", "row", "column"))[len(members) // STRAYS]
    area = float(sum(m.hectares for m in members))
    magnitudes, sigmas, counts = ([float(m[i]) for m in members] for i in (MAGNITUDE, SIGMA, LOOKS))
    sigma = float(np.mean(sigmas))
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
        status_code=_code(status, sigma >= naming.high),
        change_date=to_date(first.change_day),
        last_clear_before=to_date(first.clear_before) if first.clear_before >= 0 else None,
        first_detected=to_date((patch.began or instant) // SECONDS_A_DAY),
        confirmed_on=to_date(patch.confirmed) if patch.confirmed is not None else None,
        finished_on=None if patch.open else day,
        last_detected=to_date(patch.last_grown),
        observed_at=instant,
        cells=np.array([m[:2] for m in members], np.int32),
        confirmed_cells=np.array([m.step in SURE for m in members], np.bool_),
        area_ha=area,
        confirmed_ha=patch.hectares(*SURE),
        area_ha_new=area - last.area_ha if last and area > last.area_ha else 0.0 if last else area,
        mmu_ha=rules.minimum_mapping_unit_ha,
        magnitude=float(np.mean(magnitudes)),
        magnitude_max=max(magnitudes, key=abs),
        magnitude_sigma=sigma,
        magnitude_metric=naming.metric,
        count=int(np.median(counts)),
        confidence="high" if patch.confirmed is not None else "low",
        change_type="unclassified",
        driver=None,
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
