"""What is told after a run: the revisions that follow on those told before, and the ids under which they do."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from detection.alerts.record import NAMESPACE, Alert, content, own, short_code
from detection.alerts.review import Review, reviewed

NONE: Mapping[str, Review] = {}


def reconcile(
    made: Mapping[str, Sequence[Alert]],
    told: Mapping[str, Alert],
    join_window_days: int,
    reviews: Mapping[str, Review] = NONE,
) -> list[Alert]:
    """The revisions to add to what was told before: nothing told is ever rewritten.

    made: all revisions by id, as they follow from the looks now known; told: the latest revision of every alert ever
    told; reviews: by id, the one that counts. An alert whose past has changed (a late look) gets one new revision with its
    present state, or its retraction where nothing is left of it. The id that was told goes on with the alert that has most
    of the cells it was told of: one that is new by id and lies on one that has vanished, or the larger of two into which it
    now falls.
    """
    names = _names(made, told, join_window_days)
    new: list[Alert] = []
    joined: dict[str, list[Alert]] = {}
    for ident in sorted(made):
        series = [_renamed(a, names) for a in made[ident]] if names else made[ident]
        if series[-1].merged_into in reviews:
            joined.setdefault(series[-1].merged_into or "", []).append(series[-1])
        known = told.get(names.get(ident, ident))
        new += series if known is None else _continued(series, known)
    alive = {names.get(i, i) for i in made}
    gone = [a for i, a in sorted(told.items()) if i not in alive and a.detection_status != "retracted"]
    new += [_follows(replace(a, status="retracted", detected=None), a) for a in gone]
    return [_under(a, reviews, joined.get(a.id, ())) for a in new]


def _under(alert: Alert, reviews: Mapping[str, Review], joined: Sequence[Alert]) -> Alert:
    """As people have reviewed it; joined: what it has taken in, of which what was rejected itself does not count."""
    before = [a.cells for a in joined if a.observed_at <= alert.observed_at and not _rejected(reviews.get(a.id))]
    return reviewed(alert, reviews.get(alert.id), before)


def _rejected(review: Review | None) -> bool:
    return review is not None and review.verdict == "rejected"


def _continued(series: Sequence[Alert], known: Alert) -> list[Alert]:
    """The revisions that follow on the one told last."""
    at = known.detector_revision
    if content(series[min(at, len(series)) - 1]) == content(known):
        return [_numbered(a, known.revision + i) for i, a in enumerate(series[at:], 1)]
    if content(series[-1]) == content(known):
        return []
    return [_follows(series[-1], known)]


def _follows(latest: Alert, known: Alert) -> Alert:
    """As the revision after the one that is known."""
    more = max(latest.area_ha - known.area_ha, 0.0)
    return replace(_numbered(latest, known.revision + 1), area_ha_new=more)


def _numbered(alert: Alert, number: int) -> Alert:
    """Under this number; which of the detector's own revisions it is stays on record."""
    return alert if number == alert.revision else replace(alert, revision=number, rests_on=alert.detector_revision)


def _names(made: Mapping[str, Sequence[Alert]], told: Mapping[str, Alert], window: int) -> dict[str, str]:
    """Id as made -> id as told, for the alerts that go on under another id than the one they are made with.

    Only what does not say what was told of it is looked at: without late looks there is nothing.
    """
    lost = [a for i, a in told.items() if not (i in made and _says(made[i], a))]
    if not lost:
        return {}
    settled = told.keys() - {a.id for a in lost}
    kin = _kin({i: series for i, series in made.items() if i not in settled}, lost, window)
    names = _matched(kin)
    for ident, heir in list(names.items()):  # the one whose own id went to a larger heir needs another, always the same
        if heir in made and heir not in names:
            names[heir] = _another(f"{heir}|{ident}", {*told, *names.values()})
    return {ident: name for ident, name in names.items() if ident != name}


def _another(said: str, taken: Collection[str]) -> str:
    while (ident := str(uuid.uuid5(NAMESPACE, said))) in taken:
        said = ident
    return ident


def _matched(kin: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Id as made -> id as told, each once; kin: such pairs, the closest first.

    An alert that is its own closest kin stays itself, whatever other alert it has taken in.
    """
    closest: dict[str, str] = {}
    for ident, heir in kin:
        closest.setdefault(heir, ident)
    names = {ident: ident for heir, ident in closest.items() if heir == ident}
    heirs = set(names)
    for ident, heir in kin:
        if ident not in names and heir not in heirs:
            names[ident] = heir
            heirs.add(heir)
    return names


def _kin(made: Mapping[str, Sequence[Alert]], lost: Iterable[Alert], window: int) -> list[tuple[str, str]]:
    """(id as made, id as told) of the alerts that share cells and began within the window, the closest first.

    What was told last counts most, so that a match once made is kept; then that it is not retracted, then the cells they
    share, then the same id. An alert that follows on another that is still made does not take its id.
    """
    found: list[tuple[tuple[bool, bool, int, bool], str, str]] = []
    at: dict[tuple[int, ...], list[str]] = {}
    for ident, series in made.items():
        for cell in _cells(series[-1]):
            at.setdefault(cell, []).append(ident)
    for alert in lost:
        shared = Counter(ident for cell in _cells(alert) for ident in at.get(cell, ()))
        for ident, cells in shared.items():
            says, last = _says(made[ident], alert), made[ident][-1]
            near = abs((alert.change_date - last.change_date).days) <= window
            if near and (says or last.previous_id != alert.id or alert.id not in made):
                rank = (says, alert.detection_status != "retracted", cells, ident == alert.id)
                found.append((rank, ident, alert.id))
    return [(ident, heir) for _, ident, heir in sorted(found, reverse=True)]


def _says(series: Sequence[Alert], told: Alert) -> bool:
    """Is what was told among these revisions?"""
    said = own(told)
    expected = series[told.detector_revision - 1 : told.detector_revision]
    return any(own(a) == said for a in (*expected, *series))


def _renamed(alert: Alert, names: Mapping[str, str]) -> Alert:
    """The alert under the ids that were told, its references to others too."""
    ident = names.get(alert.id, alert.id)
    into, previous = (names.get(i, i) if i else i for i in (alert.merged_into, alert.previous_id))
    return replace(alert, id=ident, short_code=short_code(ident), merged_into=into, previous_id=previous)


def _cells(alert: Alert) -> Iterator[tuple[int, ...]]:
    return map(tuple, alert.cells.tolist())
