"""One alert as the systems of patrols and of the State want it: plain dicts, ready for JSON. Pure; nothing is sent here.

EarthRanger: das/activity/{constants,serializers}.py of er-server. Gundi: Event of gundi-core, schemas/v2/gundi.py. SMART:
transformers.py of cdip-routing. CoMapeo: remoteDetectionAlert/v1.json of comapeo-schema. The national record: the feature class
MonitoreoDeforestacion of the regional conservation areas (GFP Subnacional, ATD toolbox 5.9).

A public payload tells the coarse place and the sealed id of `jobs.notify.feeds.told`, whatever else it holds.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from detection.alerts import WITHDRAWN, Alert
from detection.errors import BadInput
from jobs.notify.feeds import FeedFacts, Wording
from jobs.notify.feeds.markup import clean, line, noon, utc
from jobs.notify.feeds.places import polygons
from jobs.notify.feeds.told import address, figures, told
from jobs.notify.notice import Notice, Overlap, Place

NONE, REFERENCE, IMPORTANT, URGENT = 0, 100, 200, 300
"""Priorities of EarthRanger: grey, green, amber, red."""
HARMLESS: Final = ("natural_loss", "other")
"""Types of change without anybody to meet."""
URGENT_KINDS: Final = ("protected-area", "indigenous-reserve", "community")
"""Kinds of layers (`jobs.overlays.KINDS`) whose features make a confirmed change urgent."""
PROTECTED, ZONE, BUFFER = "protected-area", "zone", "buffer-zone"
"""Kinds of layers that the national record names; there is none of sectors."""
ZONES: Final = ("PE", "S", "REC", "HC", "AD", "UE", "T")
"""Codes of the zones of protected areas in Peru (dominio md_zonif)."""
CAUSES: Final = {"mining": 3, "road": 5, "logging": 8, "fire": 10, "natural": 99}
"""Driver -> md_causa. `agriculture` is in none: ours is crops or pasture, theirs is 1 for the one and 2 for the other."""
CONFIDENCES: Final = {"highest": 1, "high": 2, "low": 3}
"""Confidence -> md_conf: 1 alto, 2 medio, 3 bajo. Theirs is how sure the person is who drew the polygon on an image; no person
drew ours. Hence the code says what the alert knows of itself instead: seen by two independent sensors, confirmed by later looks,
or neither. Whoever checks the row overwrites it with their own."""
OTHER_SOURCE: Final = 5
"""md_fuente: `Otro`; 1 to 4 are PNCB-Geobosques, Global Forest Watch, GLAD and PRODES."""
SATELLITES: Final = {"sentinel-2": 2, "sentinel-1": 7}
"""Beginning of a platform's name -> md_fuente_sat. Their only Landsat, 1, is that of Geobosques."""
DETAILS: Final = (
    "alert_id", "revision", "short_code", "status", "confidence", "change_type", "driver", "area_ha", "confirmed_ha",
    "probability", "model", "last_clear_before", "change_date", "first_detected", "confirmed_on", "simulated", "areas", "near",
    "utm", "message", "link",
)  # fmt: skip
"""What patrol systems are told of an alert besides its title, time and place."""


def earthranger(
    notice: Notice,
    facts: FeedFacts,
    wording: Wording,
    *,
    event_type: str,
    point: bool = False,
    public: bool = False,
) -> dict[str, Any]:
    """Body of `POST activity/events`, or of a PATCH of the event that an earlier revision made.

    event_type: as the site names it. point: its type takes points only, so that the outline stays out (sites refuse it).
    """
    shown = told(notice, facts, public=public)
    payload = {
        "title": line(wording.headline(shown)),
        "event_type": event_type,
        "time": utc(noon(shown.alert.change_date)),
        "location": {"latitude": shown.place.lat, "longitude": shown.place.lon},
        "priority": priority(shown),
        "state": state(shown),
        "event_details": _details(shown, facts, wording),
    }
    return payload if point else payload | {"geometry": collection(shown.place)}


def gundi(
    notice: Notice,
    facts: FeedFacts,
    wording: Wording,
    *,
    event_type: str,
    point: bool = False,
    public: bool = False,
) -> dict[str, Any]:
    """Body of `POST v2/events/`. Gundi takes no id of ours for an event: keep the one that it answers with.

    `external_source_id` names what observes, as a device would: the collection, not the alert, which is in the details.
    """
    shown = told(notice, facts, public=public)
    payload = {
        "title": line(wording.headline(shown)),
        "event_type": event_type,
        "recorded_at": utc(noon(shown.alert.change_date)),
        "location": {"lat": shown.place.lat, "lon": shown.place.lon},
        "external_source_id": line(shown.alert.collection),
        "status": state(shown),
        "event_details": _details(shown, facts, wording),
    }
    return payload if point else payload | {"geometry": collection(shown.place)}


def smart(
    notice: Notice,
    facts: FeedFacts,
    wording: Wording,
    *,
    category: str,
    attributes: Mapping[str, str] | None = None,
    public: bool = False,
) -> dict[str, Any]:
    """An incident of SMART Connect as Gundi makes them: a Feature with a point, and local time without a zone.

    category: its path in the conservation area's data model; attributes: name of a detail -> key of the model, which refuses
    all others. SMART cannot delete: what is taken back is an update of the same incident with `wording.cancelled` before its
    title. Only the day is known: noon stands for it, in every zone.
    """
    shown = told(notice, facts, public=public)
    details = _details(shown, facts, wording)
    kept = {key: details[name] for name, key in (attributes or {}).items() if details.get(name) is not None}
    observation = {"observationUuid": shown.alert.id, "category": category, "attributes": kept}
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [shown.place.lon, shown.place.lat]},
        "properties": {
            "dateTime": f"{shown.alert.change_date.isoformat()}T12:00:00",
            "smartDataType": "incident",
            "smartFeatureType": "waypoint/new" if shown.kind == "alert" else "waypoint",
            "smartAttributes": {
                "incidentId": shown.alert.short_code,
                "incidentUuid": shown.alert.id,
                "comment": f"{_marked(shown, line(wording.headline(shown)), wording)}\n{clean(wording.body(shown))}",
                "observationGroups": [{"observations": [observation]}],
            },
        },
    }


def comapeo(
    notice: Notice, facts: FeedFacts, wording: Wording, *, point: bool = False, public: bool = False
) -> dict[str, Any]:
    """Body of `POST projects/{id}/remoteDetectionAlerts`: metadata are flat values and lists of them.

    The app labels an alert with `alert_type` and the month of its start. point: for archive servers that take nothing else.
    """
    shown = told(notice, facts, public=public)
    alert, place = shown.alert, shown.place
    where = {"type": "Point", "coordinates": [place.lon, place.lat]} if point else geometry(place)
    return {
        "detectionDateStart": utc(noon(alert.change_date)),
        "detectionDateEnd": utc(noon(max(alert.change_date, alert.last_detected))),
        "sourceId": alert.id,
        "metadata": {
            "alert_type": _marked(shown, alert.change_type, wording),
            "title": line(wording.headline(shown)),
            **_details(shown, facts, wording),
        },
        "geometry": where,
    }


def national(
    notice: Notice, facts: FeedFacts, *, period: tuple[date, date] | None = None, public: bool = False
) -> dict[str, Any]:
    """A row of the national feature class: its 19 fields, and four of ours that find and judge the row again.

    What we do not know is null: sector, image and forest class, which people fill in; the period looked at unless it is
    given; a cause that the model does not name. utm_zone: md_este and md_norte say nothing without it. Raises BadInput for
    an alert that was withdrawn or merged: its hectares are nobody's, or another's.
    """
    shown = told(notice, facts, public=public)
    alert, place = shown.alert, shown.place
    if not counts(alert):
        raise BadInput(f"alert {alert.short_code}: is {alert.status}, so that its area counts no more; leave it out")
    area, zone = _touched(place, PROTECTED), _touched(place, ZONE)
    buffer = _touched(place, BUFFER)
    begin, end = period or (None, None)
    utm_zone, easting, northing = _utm(place)
    return {
        "anp_codi": area and line(area.feature),
        "zona_influencia": buffer and line(buffer.name or buffer.feature),
        "md_fuente": OTHER_SOURCE,
        "md_fuente_sat": _satellite(shown.platforms),
        "md_anno": alert.change_date.year,
        "md_mesrep": shown.known_at.astimezone(UTC).month,
        "md_sup": round(alert.area_ha, 2),
        "md_este": easting,
        "md_norte": northing,
        "md_zonif": zone.category if zone and zone.category in ZONES else None,
        "md_sector": None,
        "md_exa": None,
        "md_causa": _cause(alert),
        "md_conf": CONFIDENCES[alert.confidence],
        "md_bosque": None,
        "md_img": None,
        "md_fecimg": datetime.fromtimestamp(alert.observed_at, UTC).date().isoformat(),
        "md_fecini": begin and begin.isoformat(),
        "md_fecfin": end and end.isoformat(),
        "alert_id": alert.id,
        "revision": alert.revision,
        "simulated": facts.simulated or alert.simulated,
        "utm_zone": utm_zone,
    }


def counts(alert: Alert) -> bool:
    """Whether its hectares count: those of a withdrawn alert are nobody's, those of a merged one another's."""
    return alert.status not in (*WITHDRAWN, "merged")


def priority(notice: Notice) -> int:
    """What a patrol should look at first.

    Grey: withdrawn, or merged into another. Green: provisional, finished, or without anybody to meet (HARMLESS). Amber:
    confirmed. Red: confirmed, and part of it in an area of URGENT_KINDS; never of a coarse place, which tells of none.
    """
    alert = notice.alert
    if not counts(alert):
        return NONE
    if alert.status != "confirmed" or alert.change_type in HARMLESS:
        return REFERENCE
    return URGENT if any(_touched(notice.place, kind) for kind in URGENT_KINDS) else IMPORTANT


def state(notice: Notice) -> str:
    """new for the first word of it, resolved once withdrawn or merged, else active.

    A finished alert stays active: the forest is gone, whether or not more of it goes. That a patrol is done a person says.
    """
    if notice.kind == "cancel" or not counts(notice.alert):
        return "resolved"
    return "new" if notice.kind == "alert" else "active"


def geometry(place: Place) -> dict[str, Any]:
    """RFC 7946: longitude before latitude, a Polygon or a MultiPolygon."""
    parts = _coordinates(place)
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def collection(place: Place) -> dict[str, Any]:
    """Each part as a Feature of its own: EarthRanger knows Polygon alone, and wants it within a Feature or more of them."""
    shapes = [{"type": "Polygon", "coordinates": part} for part in _coordinates(place)]
    return {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {}, "geometry": one} for one in shapes],
    }


def _coordinates(place: Place) -> list[list[list[list[float]]]]:
    """Part, ring, position, longitude and latitude: lists, as JSON has them."""
    return [[[list(at) for at in ring] for ring in part] for part in polygons(place)]


def _details(notice: Notice, facts: FeedFacts, wording: Wording) -> dict[str, Any]:
    """Flat: names of areas and of places as lists of texts."""
    place = notice.place
    return {
        **figures(notice.alert, facts),
        "areas": [line(one.name or one.feature) for one in place.overlaps if one.relation != "near"],
        "near": [line(one.name) for one in place.nearby],
        "utm": line(place.utm) or None,
        "message": clean(wording.body(notice)),
        "link": address(notice.alert, facts),
    }


def _marked(notice: Notice, title: str, wording: Wording) -> str:
    """The title, which says that it was taken back where it was; once is enough."""
    mark = line(wording.cancelled)
    if notice.kind != "cancel" or title.upper().startswith(mark.upper()):
        return title
    return f"{mark} {title}"


def _touched(place: Place, kind: str) -> Overlap | None:
    """The feature of a layer of this kind that holds most of the alert; null where it touches none."""
    found = [one for one in place.overlaps if one.kind == kind and one.relation != "near"]
    return max(found, key=lambda one: (one.area_ha, one.feature), default=None)


def _utm(place: Place) -> tuple[str | None, int | None, int | None]:
    """`19S 478123 8589456` -> its parts; all null for a coarse place."""
    parts = place.utm.split()
    if not parts:
        return None, None, None
    if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        raise BadInput(
            f"place {place.lat:.5f}, {place.lon:.5f}: utm {place.utm!r} is not `19S 478123 8589456`; mend it"
        )
    return parts[0], int(parts[1]), int(parts[2])


def _satellite(platforms: tuple[str, ...]) -> int | None:
    """Where all are of one kind that has a code."""
    found = {next((code for start, code in SATELLITES.items() if name.startswith(start)), None) for name in platforms}
    return found.pop() if len(found) == 1 else None


def _cause(alert: Alert) -> int | None:
    if alert.change_type == "natural_loss":
        return CAUSES["natural"]
    return CAUSES.get(alert.driver or "")
