"""What people said of places: reference points, and judged alerts of a monitoring job, as cells to look at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from pyproj import Transformer

from detection.alerts import Alert
from detection.areas import LONLAT
from detection.errors import BadInput
from detection.types import to_day
from jobs.database import FILE_NAME, JOBS, default_url, open_database, reading
from jobs.store import latest
from jobs.training.places import Known, Spot
from jobs.where import GridChoice
from models.kinds import KINDS, NOTHING
from models.reference import Reference, ReferencePoints, read_points
from models.reviews import Reviews, read_verdicts

CELLS: Final = 20
"""Cells of an alert that are looked at, at most (chosen: samples of one event count together by the root of their number)."""
TRUE, FALSE = "true", "false"
TIMELESS: Final = "a change without a date"
WIDE: Final = "places dated to a time of several days count from its first clear look on"


def points_of(asked: ReferencePoints, grid: GridChoice) -> Known:
    """The points of a file, a cell each. Raises as `read_points`."""
    found = read_points(asked, tuple(KINDS))
    changed = np.array([label != NOTHING for label in found.label], np.bool_)
    found = found.without(changed & (found.first < 0) & (found.last < 0), TIMELESS)
    day = np.where(found.first >= 0, found.first, found.last)
    places = zip(found.lon.tolist(), found.lat.tolist(), day.tolist(), strict=True)
    return Known(asked.path.name, found, tuple(Spot(i, *place) for i, place in enumerate(places)), grid)


def reviews_of(asked: Reviews) -> list[Known]:
    """The judged alerts, some cells each; of every lattice apart. Raises BadInput for a folder without a database, BadDatabase
    for one that is damaged, and as `read_verdicts`."""
    alerts = _alerts(asked)
    verdicts, left_out = _settled(read_verdicts(asked.path), alerts)
    lattices = dict.fromkeys(alerts[ident].lattice for ident in verdicts)
    made = [
        _known(asked.path.name, {i: k for i, k in verdicts.items() if alerts[i].lattice == lattice}, alerts, lattice)
        for lattice in lattices
    ] or [Known(asked.path.name, _reference((), {}, {}, np.zeros((0, 2))), (), GridChoice())]
    return [replace(made[0], reference=replace(made[0].reference, left_out=left_out)), *made[1:]]


def _alerts(asked: Reviews) -> dict[str, Alert]:
    """Every alert of the database, by id."""
    if not (asked.folder / FILE_NAME).is_file():
        raise BadInput(f"{asked.folder}: holds no {FILE_NAME}; name the folder of a monitoring job's products")
    engine = open_database(default_url(asked.folder))
    with reading(engine) as connection:
        jobs = [row.name for row in connection.execute(sa.select(JOBS.c.name).order_by(JOBS.c.name))]
    return {ident: alert for job in jobs for ident, alert in latest(engine, job).items()}


def _settled(
    rows: Sequence[tuple[str, str]], alerts: Mapping[str, Alert]
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """(class by id of the alert, reason -> what was left out as it is written), every row once."""
    by_code = {alert.short_code: ident for ident, alert in alerts.items()}
    said: dict[str, list[str]] = {}
    for name, verdict in rows:
        said.setdefault(by_code.get(name.upper(), name.lower()), []).append(verdict)
    kept: dict[str, str] = {}
    left: dict[str, list[str]] = {}
    for ident, verdicts in said.items():
        alert = alerts.get(ident)
        name = ident if alert is None else alert.short_code
        kind, why = _judged(alert, verdicts)
        if why:
            left.setdefault(why, []).extend([name] * len(verdicts))
            continue
        kept[ident] = kind
        if len(verdicts) > 1:
            left.setdefault("repeats a verdict already counted", []).extend([name] * (len(verdicts) - 1))
    return kept, {why: tuple(names) for why, names in left.items()}


def _judged(alert: Alert | None, verdicts: Sequence[str]) -> tuple[str, str]:
    """(class, why there is none) of an alert by all that was said of it."""
    if alert is None:
        return "", "no such alert"
    if strange := [verdict for verdict in verdicts if verdict not in (*KINDS, TRUE, FALSE)]:
        return "", f"verdict that is no class, `true` or `false`: `{strange[0]}`"
    own = [name for name, kind in KINDS.items() if (kind.change_type, kind.driver) == (alert.change_type, alert.driver)]
    if TRUE in verdicts and len(own) != 1:
        return "", f"`true`, but what the alert says ({alert.change_type}) is no single class"
    kinds = {own[0] if verdict == TRUE else NOTHING if verdict == FALSE else verdict for verdict in verdicts}
    return ("", "conflicting verdicts") if len(kinds) > 1 else (kinds.pop(), "")


def _known(name: str, verdicts: Mapping[str, str], alerts: Mapping[str, Alert], lattice: str) -> Known:
    """The judged alerts of a lattice, at most CELLS cells of each, evenly spread."""
    crs, _, metres = lattice.partition("@")
    resolution: Any = int(metres.removesuffix("m"))
    spots, middles = [], []
    for owner, ident in enumerate(verdicts):
        cells = alerts[ident].cells
        some = cells[np.unique(np.linspace(0, len(cells) - 1, CELLS).round().astype(np.int64))]
        x, y = (some[:, 1] + 0.5) * resolution, -(some[:, 0] + 0.5) * resolution
        lon, lat = Transformer.from_crs(crs, LONLAT, always_xy=True).transform(x, y)
        day = to_day(alerts[ident].change_date)
        spots += [Spot(owner, *place, day) for place in zip(lon.tolist(), lat.tolist(), strict=True)]
        middles.append((lon[len(lon) // 2], lat[len(lat) // 2]))
    reference = _reference(tuple(verdicts), verdicts, alerts, np.array(middles, np.float64))
    return Known(name, reference, tuple(spots), GridChoice(crs=crs, resolution=resolution))


def _reference(ids: Sequence[str], kinds: Mapping[str, str], alerts: Mapping[str, Alert], places: Any) -> Reference:
    """Alerts as places with a known answer."""
    days = np.array([to_day(alerts[ident].change_date) for ident in ids], np.int32)
    labels, codes = tuple(kinds[ident] for ident in ids), tuple(alerts[ident].short_code for ident in ids)
    return Reference(codes, places[:, 0], places[:, 1], labels, days, days, np.ones(len(ids)), {})


def notes_of(known: Known) -> Iterator[str]:
    """What was counted and what was left out, a line each."""
    yield from (f"{known.name}: {line}" for line in known.reference.lines())
    if wide := int((known.reference.first != known.reference.last).sum()):
        yield f"{known.name}: {wide:,} {WIDE}"
