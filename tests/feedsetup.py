"""Notices in awkward shapes, names that nobody should trust, and the writers of files for other programs."""

import io
import unicodedata
import uuid
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from hypothesis import strategies as st
from lxml import etree

from detection.alerts import Alert
from detection.codes import ALERT_COLOUR, Status
from jobs.notify.feeds import FeedFacts, Wording
from jobs.notify.feeds.atom import atom
from jobs.notify.feeds.cap import cap
from jobs.notify.feeds.gpx import gpx
from jobs.notify.feeds.kml import kml, kmz
from jobs.notify.notice import Nearby, Notice, Overlap, Place
from jobs.outputs.vectors import outline, to_lonlat
from jobs.outputs.vectors import place as point_of

LATTICE = "EPSG:32719@30m"
TOP, LEFT = -286_000, 16_000
"""A cell of the lattice in Madre de Dios."""
SHAPES: dict[str, list[tuple[int, int]]] = {
    "one": [(0, 0)],
    "hole": [(r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)],
    "two holes": [(r, c) for r in range(4) for c in range(4) if (r, c) not in ((1, 1), (2, 2))],
    "apart": [(0, 0), (0, 5), (4, 2)],
}
SETS_OF_CELLS = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1)
FACTS = FeedFacts(
    title="Alertas de Madre de Dios",
    description="Cambios del bosque, los más recientes primero.",
    id="tag:example.org,2026:alerts",
    author="Jefatura de la Reserva",
    sender="alerts@example.org",
    updated=datetime(2026, 11, 21, 6, 12, 30, tzinfo=UTC),
    language="es-PE",
    link_base="https://example.org/a/",
    simulated=False,
    seal=b"a secret of the service",
)
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='http://x.example'>y</a>", "</name></Placemark>",
    "\"double\" 'single' `back`", "]]>", "<![CDATA[x]]>", "<!-- comment -- >", "--><b>", "<?xml version='1.0'?>",
    "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>&y;", "&amp; &lt; &#0; &#x1F4A9;", "a\nb\r\nc\rd", "tab\tvt\x0bff\x0c",
    "\u2028line\u2029para\x85nel", "nul\x00byte", "\x00\x00\x00", "\x1b[31mred\x1b[0m\x7f\x9b", "\ud800 half a pair \udfff",
    "\ufffe\uffff\ufdd0 no characters", "🌳🔥 Río 👩‍🌾 🇵🇪", "\u202egnp.exe\u202c", "\u2066a\u2069 \u2067x\u2069 \u2068y\u2069",
    "\u200f\u200e\u061cmarks", "Z\u0338\u034ea\u0337l\u0335go", "\ufeffBOM", "\u00a0no\u00a0break\u3000wide", "Ñ" * 10_240,
    "x, y; z & w < v > u", "$[name] $[description] ${x} {{7*7}} {0} %s %n", "javascript:alert(1)", "%0d%0aSet-Cookie: x=1",
    "=cmd|' /C calc'!A0", "'; DROP TABLE alerts; --", "\\u0041 \\x41 \\\\server\\share", "../../etc/passwd", "{\"json\": [true]}",
    "  spaces  around  ", "", " \t\n ", "null", "-69.5,-12.5 0,0",
]  # fmt: skip
"""Names of places that nobody should trust."""
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Bidi_Control of the Unicode Character Database (PropList.txt)."""


def named(notice: Notice) -> str:
    place = notice.place
    return " / ".join([one.name for one in place.overlaps] + [one.name for one in place.nearby])


WORDING = Wording(
    headline=lambda notice: f"{notice.alert.status.upper()}: {named(notice)} [{notice.alert.short_code}]",
    body=lambda notice: f"Estado: {notice.alert.status}\n{named(notice)}\nFin",
    event="Cambio del bosque",
    cancelled="ANULADA",
)
TELLTALE = Wording(lambda n: f"{n.place!r} {n.alert.cells.tolist()}", lambda n: f"{n!r} {n.place.geometry.wkt}")
"""Says all it is handed."""
PNG, JPEG = b"\x89PNG\r\n\x1a\n chip", b"\xff\xd8\xff chip"
POINTS = st.tuples(st.floats(-69.4999, -69.4501), st.floats(-12.9999, -12.9501))


def made(cells: Any = ((0, 0), (0, 1)), **changes: Any) -> Alert:
    absolute = np.add(sorted(cells), (TOP, LEFT)).astype(np.int32)
    alert = Alert(
        id="0b5e1b6e-0000-5000-8000-000000000001",
        short_code="K7Q4M2-X",
        revision=2,
        collection="madre-de-dios",
        lattice=LATTICE,
        status="confirmed",
        status_code=int(Status.CONFIRMED_HIGH),
        change_date=date(2026, 5, 1),
        last_clear_before=date(2026, 4, 23),
        first_detected=date(2026, 5, 9),
        confirmed_on=date(2026, 5, 25),
        finished_on=None,
        last_detected=date(2026, 5, 25),
        observed_at=1_779_720_000,
        cells=absolute,
        confirmed_cells=np.ones(len(absolute), np.bool_),
        area_ha=3.2178,
        confirmed_ha=2.1,
        area_ha_new=0.0,
        mmu_ha=0.5,
        magnitude=-0.41,
        magnitude_max=-0.6,
        magnitude_sigma=-8.2,
        magnitude_metric="nbr",
        count=4,
        confidence="high",
        change_type="tree_cover_loss",
        driver="mining",
        probability=0.93,
        model="demo@1",
        baseline="own history",
        simulated=False,
    )
    return replace(alert, **changes)


def inside(name: str, kind: str = "protected-area", **changes: Any) -> Overlap:
    return replace(Overlap("layer", "2026", kind, "RN06", name, "RN", "within", 3.2, 1.0, 0.0), **changes)


def notice_of(cells: Any = ((0, 0), (0, 1)), name: str = "Tambopata", kind: Any = "alert", **changes: Any) -> Notice:
    alert = made(cells, **changes)
    where = point_of(alert.cells, LATTICE)
    assert where is not None
    geometry = to_lonlat(outline(alert.cells, LATTICE), "EPSG:32719")
    utm = f"{where.zone} {where.easting:.0f} {where.northing:.0f}"
    place = Place(geometry, where.lon, where.lat, utm, (inside(name),), (Nearby(name, 4_200.0, "NE"),))
    return Notice(alert, kind, place, datetime(2026, 5, 26, 6, 12, 7, 890, tzinfo=UTC), ("landsat-9",))


def several() -> list[Notice]:
    """Of awkward shapes, one of each status, two of one day."""
    dates = [
        date(2026, 5, 1),
        date(2026, 6, 1),
        date(2026, 6, 1),
        date(2025, 12, 31),
        date(2026, 1, 1),
        date(2026, 2, 1),
        date(2026, 3, 1),
    ]
    return [
        notice_of(
            list(SHAPES.values())[i % 4],
            status=status,
            change_date=day,
            id=str(uuid.UUID(int=i + 7)),
            short_code=f"C{i}-X",
        )
        for i, (status, day) in enumerate(zip(ALERT_COLOUR, dates, strict=True))
    ]


def cap_all(notices: Sequence[Notice], facts: FeedFacts, wording: Wording, *, public: bool = False) -> bytes:
    """Messages one after another, in the order of the alerts' ids."""
    return b"".join(
        cap(n, facts, {facts.language: wording}, public=public) for n in sorted(notices, key=lambda n: n.alert.id)
    )


WRITERS: dict[str, Callable[..., bytes]] = {"atom": atom, "kml": kml, "kmz": kmz, "gpx": gpx, "cap": cap_all}
SINGLE = {**WRITERS, "kmz": lambda *a, **k: zipfile.ZipFile(io.BytesIO(kmz(*a, **k))).read("doc.kml")}
"""The same as XML, of one notice."""


def tags(element: Any) -> list[str]:
    return [child.tag.rsplit("}", 1)[-1] for child in element]


def skeleton(content: bytes) -> list[tuple[str, tuple[str, ...]]]:
    """Elements and the names of their attributes, in order: what a text must not change."""
    return [(e.tag, tuple(e.attrib)) for e in etree.fromstring(content).iter()]


def visible(text: str) -> str:
    """What is left of a text, told by the Unicode database: an oracle of its own for `line`."""
    ends = "\t\n\r\x0b\x0c\x85"
    kept = [
        c for c in text if c in ends or not (unicodedata.category(c) in ("Cc", "Cs") or c in BIDI or no_character(c))
    ]
    return " ".join("".join(kept).split())


def no_character(c: str) -> bool:
    """One that XML 1.0 (section 2.2) forbids or advises against, of the first plane."""
    return ord(c) in (0xFFFE, 0xFFFF) or 0xFDD0 <= ord(c) <= 0xFDEF


def decreasing(values: Sequence[Any]) -> bool:
    return all(a >= b for a, b in zip(values, values[1:], strict=False))
