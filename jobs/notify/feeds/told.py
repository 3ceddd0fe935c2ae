"""Which facts of an alert go out, and in which order.

A public file must not give the place away, and an alert's id does: it is a UUID of collection, grid, cell and date, so that
whoever knows how it is made finds the cell by trying all of a box. The short code is made of the id. Hence the public is told
another id, made of the first with a secret (HMAC-SHA-256, RFC 2104), and areas in tenths of a hectare: finer ones tell the
easting, because a cell of a UTM grid is the larger in hectares the nearer it lies to the central meridian.
"""

import hmac
import math
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np

from detection.alerts import Alert, short_code
from detection.errors import BadInput
from jobs.notify.feeds import FeedFacts
from jobs.notify.feeds.markup import line
from jobs.notify.feeds.places import coarse
from jobs.notify.notice import Notice

SEAL_BYTES: Final = 16
"""Shortest secret that is worth trying to keep: 128 bits."""
Fact = str | float | int | bool | None


def told(notice: Notice, facts: FeedFacts, *, public: bool) -> Notice:
    """The notice as its readers may know it. Raises BadInput for a public one without a seal."""
    if not public:
        return notice
    if len(facts.seal) < SEAL_BYTES:
        raise BadInput(
            f"feed {facts.title!r}: public, but its seal has {len(facts.seal)} bytes; give a secret of {SEAL_BYTES} or more"
        )
    alert = notice.alert
    ident = sealed(alert.id, facts.seal)
    shown = replace(
        alert,
        id=ident,
        short_code=short_code(ident),
        cells=np.empty((0, 2), np.int32),
        confirmed_cells=np.empty(0, np.bool_),
        area_ha=_tenths(alert.area_ha),
        confirmed_ha=_tenths(alert.confirmed_ha),
        area_ha_new=_tenths(alert.area_ha_new),
        previous_id=alert.previous_id and sealed(alert.previous_id, facts.seal),
        merged_into=alert.merged_into and sealed(alert.merged_into, facts.seal),
    )
    return replace(notice, alert=shown, place=coarse(notice.place))


def sealed(ident: str, seal: bytes) -> str:
    """The id that stands for this one in public: a UUID that nobody without the seal can make or undo."""
    return str(uuid.UUID(bytes=hmac.digest(seal, ident.encode(), "sha256")[:16], version=4))


def ordered(notices: Sequence[Notice], facts: FeedFacts, *, public: bool) -> list[Notice]:
    """All of them as they may be told: the latest change first, then by id. Raises BadInput when an id comes twice."""
    shown = [told(notice, facts, public=public) for notice in notices]
    if len({notice.alert.id for notice in shown}) < len(shown):
        raise BadInput(f"feed {facts.title!r}: an alert comes more than once; hand over its latest revision only")
    return sorted(shown, key=lambda notice: (-notice.alert.change_date.toordinal(), notice.alert.id))


def figures(alert: Alert, facts: FeedFacts) -> dict[str, Fact]:
    """The facts of an alert that programs read, in plain values; null is not known, and no figure is NaN."""
    return {
        "alert_id": alert.id,
        "revision": alert.revision,
        "short_code": alert.short_code,
        "status": alert.status,
        "confidence": alert.confidence,
        "change_type": alert.change_type,
        "driver": alert.driver,
        "area_ha": _number(alert.area_ha),
        "confirmed_ha": _number(alert.confirmed_ha),
        "probability": _number(alert.probability),
        "model": alert.model,
        "last_clear_before": _day(alert.last_clear_before),
        "change_date": _day(alert.change_date),
        "first_detected": _day(alert.first_detected),
        "confirmed_on": _day(alert.confirmed_on),
        "simulated": facts.simulated or alert.simulated,
    }


def written(value: Fact) -> str:
    """A fact as text: what XML calls a boolean is `true` or `false`."""
    return str(value).lower() if isinstance(value, bool) else line(str(value))


def address(alert: Alert, facts: FeedFacts) -> str | None:
    """Of the alert's page; null where there are none."""
    return None if facts.link_base is None else facts.link_base + alert.id


def _tenths(hectares: float) -> float:
    """What is there at all is at least a tenth."""
    return max(0.1, round(hectares, 1)) if hectares > 0 else 0.0


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), 4)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
