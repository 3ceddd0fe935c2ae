"""Notices made by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from modelsetup import alert
from shapely.geometry import MultiPolygon, box

from jobs.notify.notice import Nearby, Notice, Overlap, Place

NOON = datetime(2024, 6, 3, 17, tzinfo=UTC)
"""Noon in Lima."""
RESERVE = Overlap(
    "protected-areas", "2024-01", "protected-area", "RN03", "Reserva Nacional Tambopata", "RN", "within", 1.08, 1.0, 0.0
)
ZONE = Overlap("zoning", "2019", "zone", "RN03-AD", "Aprovechamiento Directo", "AD", "intersects", 0.6, 0.55, 0.0)
CLOSE = Overlap("communities", "2023", "community", "C1", "Comunidad Nativa Infierno", "", "near", 0.0, 0.0, 850.0)
PLACE = Place(
    MultiPolygon([box(-69.478, -12.983, -69.477, -12.982)]), -69.47730, -12.98214, "19S 448212 8564780", (RESERVE, ZONE, CLOSE),
    (Nearby("Puerto Maldonado", 48_300.0, "SW"),),
)  # fmt: skip


def notice(ident: str = "a" * 8, kind: str = "alert", place: Place = PLACE, **changes: Any) -> Notice:
    """A notice of a confirmed alert of mining; changes: of the alert."""
    fields = {
        "change_type": "tree_cover_loss",
        "driver": "mining",
        "probability": 0.93,
        "model": "fused-change-simulated@1.1.0",
    }
    made = replace(alert([(1, 2), (1, 3)], 1_717_400_000), id=ident, **(fields | changes))
    return Notice(made, kind, place, NOON, ("landsat-9", "sentinel-1a"), 11, "Madre de Dios")  # type: ignore[arg-type]
