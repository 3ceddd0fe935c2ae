"""Readers who are told by the hands that a notification has, into a folder, in every format that there is."""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

from feedsetup import inside, notice_of

from jobs.notify.asked import Feed, NotifyConfig, Reader
from jobs.notify.channels.formats import Events, Format, Incidents
from jobs.notify.channels.result import Outcome
from jobs.notify.deliveries import Delivery
from jobs.notify.notice import Nearby, Notice
from jobs.notify.policy import Rule
from jobs.notify.post import Records, posting
from jobs.overlays import Overlay

ALL: tuple[Format, ...] = get_args(Format)
MESSAGES = ("earthranger", "gundi", "smart", "comapeo")
"""Formats of which there is a document for each alert that is told."""
WHOLE = {
    *("alerts.atom", "alerts.kml", "alerts.gpx", "alerts.geojson", "alerts.gpkg"),
    *("MonitoreoDeforestacion.geojson", "MonitoreoDeforestacion.gpkg"),
}
FEED = Feed(
    formats=ALL,
    earthranger=Events(event_type="forest_alert"),
    gundi=Events(event_type="forest_alert"),
    smart=Incidents(category="threats.forestloss", attributes={"area_ha": "areaha", "areas": "zones"}),
)
HIDDEN = Overlay(
    name="hidden", kind="indigenous-reserve", path=Path("x.gpkg"), source="x", version="1", restricted=True
)
SEAL = "a secret of at least sixteen bytes"
AT = datetime(2026, 5, 26, 12, tzinfo=UTC)


def config_of(reader: Reader, **changes: Any) -> NotifyConfig:
    made = NotifyConfig(
        name="note", job=Path("job.yaml"), since=date(2024, 1, 1), readers=(reader,), overlays=(HIDDEN,), seal="env:SEAL",
        rules=(Rule(name="all", to=(reader.name,)),),
    )  # fmt: skip
    return replace(made, **changes)


def tell(
    folder: Path,
    notices: Sequence[Notice],
    *,
    access: Any = "restricted",
    channel: Feed = FEED,
    before: Sequence[Notice] = (),
    **changes: Any,
) -> Outcome:
    """Notices told to one reader, of whom `before` says what was told earlier; changes: of the config. $SEAL must be set."""
    reader = Reader(name="lista", channel=replace(channel, path=folder), access=access)
    known = {(one.alert.id, one.alert.revision): one for one in (*before, *notices)}
    told: dict[str, list[int]] = {}
    for ident, revision in sorted(known):
        told.setdefault(ident, []).append(revision)
    records = Records(
        lambda keys: {key: known[key] for key in keys}, lambda *_: 0, lambda _: told, lambda *_: None, lambda *_: ""
    )
    claimed = [
        Delivery(
            f"d{i}", "lista", one.alert.id, one.alert.revision, one.kind, "all", "", "sending", 1, AT, AT, None, ""
        )
        for i, one in enumerate(notices)
    ]
    return posting(config_of(reader, **changes), records, lambda: AT)(claimed)


def files_in(folder: Path) -> dict[str, bytes]:
    """Path within the folder -> content, of all there is."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def telling_notice(name: str = "Tambopata", **changes: Any) -> Notice:
    """A notice in which every text is the name: areas, zones, rivers, collection, satellites."""
    made = notice_of(name=name, collection=name or "x", **changes)
    areas = tuple(
        inside(name, kind, feature=f"{i}{name}", layer="hidden" if kind == "indigenous-reserve" else f"layer{i}")
        for i, kind in enumerate(("protected-area", "buffer-zone", "zone", "indigenous-reserve", "community"))
    )
    place = replace(made.place, overlaps=areas, nearby=(Nearby(name, 4_200.0, "NE"),))
    return replace(made, place=place, platforms=(name,), collection_title=name)


def dump(path: Path) -> list[str]:
    """Every table of a GeoPackage as SQL, once SQLite has found it whole."""
    with sqlite3.connect(path) as opened:
        assert opened.execute("pragma integrity_check").fetchone() == ("ok",)
        return list(opened.iterdump())


def layout(path: Path) -> Mapping[str, Any]:
    """Table -> its columns, of a GeoPackage: what a text must not change."""
    with sqlite3.connect(path) as opened:
        tables = [row[0] for row in opened.execute("select name from sqlite_master where type='table' order by name")]
        return {one: opened.execute("select name, type from pragma_table_info(?)", (one,)).fetchall() for one in tables}


def numbers(text: str) -> list[str]:
    """Numbers with a fraction."""
    return re.findall(r"-?\d+\.\d+", text)
