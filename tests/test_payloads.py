"""What other systems are sent: held against what their own sources demand, and always ready for JSON."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, get_args

import jsonschema
import numpy as np
import pytest
import shapely
from feedsetup import (
    FACTS,
    HOSTILE,
    PNG,
    POINTS,
    SETS_OF_CELLS,
    SHAPES,
    TELLTALE,
    WORDING,
    inside,
    made,
    notice_of,
    visible,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from shapely.geometry import shape

from detection.codes import DRIVERS
from detection.errors import BadInput
from jobs.notify.feeds import Wording
from jobs.notify.feeds.places import coarse
from jobs.notify.feeds.told import told
from jobs.notify.notice import Notice
from jobs.notify.payloads import (
    CONFIDENCES,
    PROTECTED,
    URGENT_KINDS,
    ZONES,
    comapeo,
    earthranger,
    gundi,
    national,
    priority,
    smart,
    state,
)
from jobs.overlays import KINDS

MAKERS: dict[str, Callable[..., dict[str, Any]]] = {
    "earthranger": lambda *a, **k: earthranger(*a, event_type="forest_alert", **k),
    "gundi": lambda *a, **k: gundi(*a, event_type="forest_alert", **k),
    "smart": lambda *a, **k: smart(
        *a, category="threats.forestloss", attributes={"area_ha": "arearea", "areas": "zones"}, **k
    ),
    "comapeo": comapeo,
    "national": lambda notice, facts, wording, **k: national(notice, facts, **k),
}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
DEGREES = {
    "lat": {"type": "number", "minimum": -90, "maximum": 90},
    "lon": {"type": "number", "minimum": -180, "maximum": 180},
}
POLYGON = {"properties": {"type": {"const": "Polygon"}}, "required": ["type", "coordinates"]}
FLAT = {"type": ["boolean", "number", "string", "null"]}
DEMANDS: dict[str, dict[str, Any]] = {
    # das/activity/constants.py; serializers: geometry is a Feature or a FeatureCollection, and Polygon the only type it makes
    "earthranger": {
        "required": ["title", "event_type", "time", "location", "priority", "state", "event_details", "geometry"],
        "properties": {
            "title": {"type": "string", "minLength": 1},
            "event_type": {"const": "forest_alert"},
            "time": TIME,
            "location": {
                "properties": {"latitude": DEGREES["lat"], "longitude": DEGREES["lon"]},
                "required": ["latitude", "longitude"],
                "additionalProperties": False,
            },
            "priority": {"enum": [0, 100, 200, 300]},
            "state": {"enum": ["new", "active", "resolved"]},
            "event_details": {"type": "object"},
            "geometry": {
                "properties": {
                    "type": {"const": "FeatureCollection"},
                    "features": {
                        "minItems": 1,
                        "items": {
                            "properties": {"type": {"const": "Feature"}, "properties": {"type": "object"}, "geometry": POLYGON},
                            "required": ["type", "properties", "geometry"],
                        },
                    },
                },
                "required": ["type", "features"],
            },
        },
        "additionalProperties": False,
    },
    # gundi_core/schemas/v2/gundi.py: Event, Location
    "gundi": {
        "required": ["title", "event_type", "recorded_at", "location", "external_source_id"],
        "properties": {
            "title": {"type": "string", "minLength": 1},
            "event_type": {"type": "string"},
            "recorded_at": TIME,
            "location": {"properties": DEGREES, "required": ["lat", "lon"], "additionalProperties": False},
            "external_source_id": {"type": "string", "minLength": 1},
            "event_details": {"type": "object"},
            "geometry": {"type": "object"},
            "status": {"type": "string"},
        },
        "additionalProperties": False,
    },
    # cdip-routing, transformers.py: SMARTRequest; the format of its dateTime is %Y-%m-%dT%H:%M:%S
    "smart": {
        "required": ["type", "geometry", "properties"],
        "properties": {
            "type": {"const": "Feature"},
            "geometry": {"properties": {"type": {"const": "Point"}, "coordinates": {"minItems": 2, "maxItems": 2}}},
            "properties": {
                "required": ["dateTime", "smartDataType", "smartFeatureType", "smartAttributes"],
                "properties": {
                    "dateTime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"},
                    "smartDataType": {"const": "incident"},
                    "smartFeatureType": {"enum": ["waypoint/new", "waypoint"]},
                    "smartAttributes": {
                        "required": ["incidentId", "incidentUuid", "comment", "observationGroups"],
                        "properties": {"comment": {"type": "string"}},
                    },
                },
                "additionalProperties": False,
            },
        },
        "additionalProperties": False,
    },
    # comapeo-schema, remoteDetectionAlert/v1.json, less the schemaName that the archive server adds
    "comapeo": {
        "required": ["detectionDateStart", "detectionDateEnd", "sourceId", "metadata", "geometry"],
        "properties": {
            "detectionDateStart": TIME,
            "detectionDateEnd": TIME,
            "sourceId": {"type": "string", "minLength": 1},
            "metadata": {
                "type": "object",
                "required": ["alert_type"],
                "additionalProperties": {"anyOf": [FLAT, {"type": "array", "items": FLAT}]},
            },
            "geometry": {"properties": {"type": {"enum": ["Point", "Polygon", "MultiPolygon"]}}},
        },
        "additionalProperties": False,
    },
    # the domains of MonitoreoDeforestacion, ATD toolbox 5.9
    "national": {
        "properties": {
            "md_fuente": {"enum": [1, 2, 3, 4, 5]},
            "md_fuente_sat": {"enum": [None, *range(1, 11)]},
            "md_mesrep": {"type": "integer", "minimum": 1, "maximum": 12},
            "md_zonif": {"enum": [None, "PE", "S", "REC", "HC", "AD", "UE", "T"]},
            "md_causa": {"enum": [None, 1, 2, 3, 5, 6, 7, 8, 10, 11, 13, 14, 99]},
            "md_conf": {"enum": [1, 2, 3]},
            "md_bosque": {"enum": [None, 1, 2, 3, 4]},
        },
    },
}  # fmt: skip
NATIONAL_FIELDS = [
    "anp_codi", "zona_influencia", "md_fuente", "md_fuente_sat", "md_anno", "md_mesrep", "md_sup", "md_este", "md_norte",
    "md_zonif", "md_sector", "md_exa", "md_causa", "md_conf", "md_bosque", "md_img", "md_fecimg", "md_fecini", "md_fecfin",
]  # fmt: skip


def check(name: str, payload: dict[str, Any]) -> None:
    """Raises ValidationError for what the other side would refuse, ValueError for what JSON cannot say."""
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    json.dumps(payload, ensure_ascii=False).encode()
    jsonschema.Draft202012Validator(DEMANDS[name]).validate(payload)


def every(cells: Any = ((0, 0), (0, 1)), **changes: Any) -> dict[str, dict[str, Any]]:
    return {name: make(notice_of(cells, **changes), FACTS, WORDING) for name, make in MAKERS.items()}


@pytest.mark.parametrize("shape_name", SHAPES)
def test_every_payload_is_what_the_other_side_demands(shape_name: str) -> None:
    for name, payload in every(SHAPES[shape_name]).items():
        check(name, payload)


def positions(place: Any) -> list[Any]:
    """Part, ring, position: closed rings and all holes, where a reader of shapes would close them and say nothing."""
    parts = shapely.get_parts(place.geometry)
    return [[[list(at) for at in ring.coords] for ring in (part.exterior, *part.interiors)] for part in parts]


@settings(max_examples=30, deadline=None)
@given(SETS_OF_CELLS | st.sampled_from(list(SHAPES.values())))
@example(SHAPES["two holes"])
@example(SHAPES["apart"])
def test_outline_and_point_come_back_from_every_payload(cells: Any) -> None:
    notice = notice_of(cells)
    place, found = notice.place, every(cells)
    parts = list(shapely.get_parts(place.geometry))
    for name in ("earthranger", "gundi"):
        features = found[name]["geometry"]["features"]
        assert [shape(f["geometry"]) for f in features] == parts
        assert [f["geometry"]["coordinates"] for f in features] == positions(place)
    outline = found["comapeo"]["geometry"]
    assert list(shapely.get_parts(shape(outline))) == parts
    assert outline["coordinates"] == (positions(place) if len(parts) > 1 else positions(place)[0])
    assert found["earthranger"]["location"] == {"latitude": place.lat, "longitude": place.lon}
    assert found["gundi"]["location"] == {"lat": place.lat, "lon": place.lon}
    assert found["smart"]["geometry"] == {"type": "Point", "coordinates": [place.lon, place.lat]}
    metres = Transformer.from_crs("OGC:CRS84", "EPSG:32719", always_xy=True).transform(place.lon, place.lat)
    assert (found["national"]["md_este"], found["national"]["md_norte"]) == pytest.approx(metres, abs=1)
    assert found["national"]["utm_zone"] == "19S"


def test_a_system_that_takes_points_gets_no_outline() -> None:
    notice = notice_of()
    assert "geometry" not in MAKERS["earthranger"](notice, FACTS, WORDING, point=True)
    assert "geometry" not in MAKERS["gundi"](notice, FACTS, WORDING, point=True)
    found = comapeo(notice, FACTS, WORDING, point=True)
    assert found["geometry"] == {"type": "Point", "coordinates": [notice.place.lon, notice.place.lat]}
    check("comapeo", found)


def test_the_day_of_the_change_is_told_and_not_the_day_before_in_lima() -> None:
    found = every()
    assert found["earthranger"]["time"] == found["gundi"]["recorded_at"] == "2026-05-01T12:00:00Z"
    assert found["smart"]["properties"]["dateTime"] == "2026-05-01T12:00:00"
    assert found["comapeo"]["detectionDateStart"] == "2026-05-01T12:00:00Z"
    assert found["comapeo"]["detectionDateEnd"] == "2026-05-25T12:00:00Z"


def test_the_details_are_flat_and_name_the_alert_and_its_revision() -> None:
    details = every()["earthranger"]["event_details"]
    assert details == every()["gundi"]["event_details"]
    assert details["message"] == visible(WORDING.body(notice_of())).replace(
        " Tambopata / Tambopata ", "\nTambopata / Tambopata\n"
    )
    wanted = {
        "alert_id": "0b5e1b6e-0000-5000-8000-000000000001",
        "revision": 2,
        "short_code": "K7Q4M2-X",
        "status": "confirmed",
        "driver": "mining",
        "area_ha": 3.2178,
        "confirmed_ha": 2.1,
        "probability": 0.93,
        "change_date": "2026-05-01",
        "first_detected": "2026-05-09",
        "simulated": False,
        "areas": ["Tambopata"],
        "near": ["Tambopata"],
        "link": "https://example.org/a/0b5e1b6e-0000-5000-8000-000000000001",
    }
    assert {key: details[key] for key in wanted} == wanted
    assert every()["comapeo"]["metadata"].items() >= details.items()
    assert every()["comapeo"]["metadata"]["alert_type"] == "tree_cover_loss"


def test_what_is_only_near_is_no_area_that_it_touches() -> None:
    notice = notice_of()
    areas = (inside("in"), inside("far", relation="near"), inside("", feature="RN07"))
    found = MAKERS["gundi"](replace(notice, place=replace(notice.place, overlaps=areas)), FACTS, WORDING)
    assert found["event_details"]["areas"] == ["in", "RN07"]


def test_what_is_simulated_says_so_in_every_payload() -> None:
    for found in (
        every(simulated=True),
        {n: m(notice_of(), replace(FACTS, simulated=True), WORDING) for n, m in MAKERS.items()},
    ):
        for name in ("earthranger", "gundi"):
            assert found[name]["event_details"]["simulated"] is True
        assert found["comapeo"]["metadata"]["simulated"] is True
        assert found["national"]["simulated"] is True
    attributes = {"simulated": "simulated"}
    notice = notice_of(simulated=True)
    incident = smart(notice, FACTS, WORDING, category="x", attributes=attributes)
    (group,) = incident["properties"]["smartAttributes"]["observationGroups"]
    assert group["observations"][0]["attributes"] == {"simulated": True}


def test_figures_that_are_not_finite_are_null() -> None:
    found = every(probability=np.nan)
    for name, payload in found.items():
        check(name, payload)
    assert found["earthranger"]["event_details"]["probability"] is None


# ---- priority and state


@pytest.mark.parametrize(
    ("changes", "kind", "wanted"),
    [
        ({"status": "provisional", "confirmed_on": None}, "protected-area", 100),
        ({}, "protected-area", 300),
        ({}, "community", 300),
        ({}, "indigenous-reserve", 300),
        ({}, "zone", 200),
        ({"change_type": "natural_loss"}, "protected-area", 100),
        ({"change_type": "other"}, "protected-area", 100),
        ({"status": "finished"}, "protected-area", 100),
        ({"status": "merged"}, "protected-area", 0),
        ({"status": "expired"}, "protected-area", 0),
        ({"status": "retracted"}, "protected-area", 0),
    ],
)
def test_the_priority_follows_its_rule(changes: Any, kind: str, wanted: int) -> None:
    notice = notice_of(**changes)
    notice = replace(notice, place=replace(notice.place, overlaps=(inside("x", kind),)))
    assert priority(notice) == wanted
    assert MAKERS["earthranger"](notice, FACTS, WORDING)["priority"] == wanted
    near = replace(notice, place=replace(notice.place, overlaps=(inside("x", kind, relation="near"),)))
    assert priority(near) == min(wanted, 200)


@pytest.mark.parametrize(
    ("kind", "status", "wanted"),
    [
        ("alert", "provisional", "new"),
        ("alert", "confirmed", "new"),
        ("update", "confirmed", "active"),
        ("update", "finished", "active"),
        ("update", "merged", "resolved"),
        ("cancel", "expired", "resolved"),
        ("cancel", "retracted", "resolved"),
        ("alert", "retracted", "resolved"),
        ("cancel", "confirmed", "resolved"),
    ],
)
def test_the_state_follows_its_rule(kind: str, status: str, wanted: str) -> None:
    notice = notice_of(kind=kind, status=status)
    assert state(notice) == wanted
    assert MAKERS["earthranger"](notice, FACTS, WORDING)["state"] == wanted
    assert MAKERS["gundi"](notice, FACTS, WORDING)["status"] == wanted


def test_the_kinds_of_layers_are_those_that_there_are() -> None:
    assert {*URGENT_KINDS, PROTECTED, "zone", "buffer-zone"} <= set(KINDS)


# ---- SMART


def incident_of(notice: Notice, wording: Wording = WORDING, **how: Any) -> tuple[str, dict[str, Any]]:
    made_ = smart(notice, FACTS, wording, category="threats.forestloss", **how)
    return made_["properties"]["smartFeatureType"], made_["properties"]["smartAttributes"]


def test_an_update_is_of_the_same_incident_and_a_cancel_is_an_update_that_says_so() -> None:
    first, said = incident_of(notice_of())
    second, later = incident_of(notice_of(kind="update", revision=3))
    third, taken_back = incident_of(notice_of(kind="cancel", revision=4, status="retracted"))
    assert (first, second, third) == ("waypoint/new", "waypoint", "waypoint")
    assert said["incidentUuid"] == later["incidentUuid"] == taken_back["incidentUuid"] == notice_of().alert.id
    assert uuid.UUID(said["incidentUuid"])
    assert said["comment"].startswith("CONFIRMED: Tambopata") and later["comment"].startswith("CONFIRMED: Tambopata")
    assert taken_back["comment"].startswith("ANULADA RETRACTED: Tambopata")
    assert taken_back["comment"].endswith("\n" + WORDING.body(notice_of(status="retracted")))


def test_a_title_that_says_it_was_taken_back_says_it_once() -> None:
    saying = replace(WORDING, headline=lambda n: "Anulada: ya no se ve")
    notice = notice_of(kind="cancel", status="expired")
    assert incident_of(notice, saying)[1]["comment"].startswith("Anulada: ya no se ve\n")
    assert comapeo(notice, FACTS, WORDING)["metadata"]["alert_type"] == "ANULADA tree_cover_loss"


def test_only_attributes_of_the_data_model_are_handed_over() -> None:
    _, said = incident_of(notice_of(driver=None), attributes={"area_ha": "superficie", "driver": "causa"})
    (group,) = said["observationGroups"]
    assert group["observations"] == [
        {
            "observationUuid": said["incidentUuid"],
            "category": "threats.forestloss",
            "attributes": {"superficie": 3.2178},
        }
    ]
    _, bare = incident_of(notice_of())
    assert bare["observationGroups"][0]["observations"][0]["attributes"] == {}


# ---- the national record


def test_a_row_holds_the_fields_of_the_feature_class_and_what_finds_it_again() -> None:
    row = every()["national"]
    assert list(row)[:19] == NATIONAL_FIELDS
    assert row == {
        "anp_codi": "RN06",
        "zona_influencia": None,
        "md_fuente": 5,
        "md_fuente_sat": None,
        "md_anno": 2026,
        "md_mesrep": 5,
        "md_sup": 3.22,
        "md_este": row["md_este"],
        "md_norte": row["md_norte"],
        "md_zonif": None,
        "md_sector": None,
        "md_exa": None,
        "md_causa": 3,
        "md_conf": 2,
        "md_bosque": None,
        "md_img": None,
        "md_fecimg": "2026-05-25",
        "md_fecini": None,
        "md_fecfin": None,
        "alert_id": "0b5e1b6e-0000-5000-8000-000000000001",
        "revision": 2,
        "simulated": False,
        "utm_zone": "19S",
    }


def test_the_period_is_told_where_it_is_known() -> None:
    row = national(notice_of(), FACTS, period=(date(2026, 1, 1), date(2026, 5, 26)))
    assert (row["md_fecini"], row["md_fecfin"]) == ("2026-01-01", "2026-05-26")


def test_of_several_areas_the_one_that_holds_most_is_named() -> None:
    overlaps = (
        inside("small", feature="ACP1", area_ha=0.1),
        inside("large", feature="PN02", area_ha=3.0),
        inside("next door", feature="PN09", area_ha=9.0, relation="near"),
        inside("strict", "zone", category="PE", area_ha=1.0),
        inside("wild", "zone", category="S", area_ha=2.0),
        inside("rim", "buffer-zone", area_ha=0.2),
    )
    notice = notice_of()
    row = national(replace(notice, place=replace(notice.place, overlaps=overlaps)), FACTS)
    assert (row["anp_codi"], row["md_zonif"], row["zona_influencia"]) == ("PN02", "S", "rim")
    odd = replace(notice.place, overlaps=(inside("z", "zone", category="Silvestre"),))
    assert national(replace(notice, place=odd), FACTS)["md_zonif"] is None
    assert national(replace(notice, place=replace(notice.place, overlaps=())), FACTS)["anp_codi"] is None


@pytest.mark.parametrize(
    ("platforms", "code"),
    [
        ((), None),
        (("landsat-8", "landsat-9"), None),
        (("sentinel-2a", "sentinel-2b"), 2),
        (("sentinel-1a",), 7),
        (("sentinel-1a", "sentinel-2a"), None),
        (("sentinel-2a", "landsat-9"), None),
    ],
)
def test_the_satellite_is_told_where_all_looks_are_of_one_that_has_a_code(
    platforms: tuple[str, ...], code: int | None
) -> None:
    assert national(replace(notice_of(), platforms=platforms), FACTS)["md_fuente_sat"] == code


def test_causes_and_confidences_are_theirs_or_null() -> None:
    causes = {driver: national(notice_of(driver=driver), FACTS)["md_causa"] for driver in DRIVERS}
    assert causes == {"agriculture": None, "mining": 3, "road": 5, "fire": 10, "logging": 8, "natural": 99}
    assert national(notice_of(driver=None), FACTS)["md_causa"] is None
    assert national(notice_of(driver=None, change_type="natural_loss"), FACTS)["md_causa"] == 99
    assert {c: national(notice_of(confidence=c), FACTS)["md_conf"] for c in CONFIDENCES} == {
        "highest": 1,
        "high": 2,
        "low": 3,
    }
    assert set(CONFIDENCES) == set(get_args(type(made()).__annotations__["confidence"]))
    assert len(ZONES) == 7


@pytest.mark.parametrize("status", ["retracted", "expired", "merged"])
def test_what_was_withdrawn_has_no_row(status: str) -> None:
    with pytest.raises(BadInput, match="its area counts no more; leave it out"):
        national(notice_of(status=status), FACTS)


@pytest.mark.parametrize("utm", ["19S", "19S a b", "19S 1 2 3", "19S 478123.5 8589456"])
def test_coordinates_that_cannot_be_read_are_refused(utm: str) -> None:
    notice = notice_of()
    with pytest.raises(BadInput, match="mend it"):
        national(replace(notice, place=replace(notice.place, utm=utm)), FACTS)


def test_the_month_of_the_report_is_told_in_utc() -> None:
    notice = replace(notice_of(), known_at=datetime.fromisoformat("2026-05-31T23:30:00-05:00"))
    assert national(notice, FACTS)["md_mesrep"] == 6
    assert national(replace(notice, known_at=datetime(2026, 5, 31, 23, tzinfo=UTC)), FACTS)["md_mesrep"] == 5


# ---- hostile names, and the public


def texts_of(thing: Any) -> list[str]:
    if isinstance(thing, dict):
        return [text for value in thing.values() for text in texts_of(value)]
    if isinstance(thing, list):
        return [text for value in thing for text in texts_of(value)]
    return [thing] if isinstance(thing, str) else []


def keys_of(thing: Any) -> Any:
    """The shape of a payload: what a text must not change."""
    if isinstance(thing, dict):
        return {key: keys_of(value) for key, value in thing.items()}
    return [keys_of(value) for value in thing] if isinstance(thing, list) else type(thing).__name__


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("hostile", HOSTILE, ids=[f"{i}" for i in range(len(HOSTILE))])
def test_a_hostile_name_comes_back_as_plain_text_and_breaks_nothing(name: str, hostile: str) -> None:
    notice = notice_of(name=hostile)
    area = inside(hostile, feature=hostile)
    notice = replace(notice, place=replace(notice.place, overlaps=(area, replace(area, kind="buffer-zone"))))
    benign = replace(notice_of(), place=replace(notice_of().place, overlaps=(inside("a"), inside("b", "buffer-zone"))))
    payload = json.loads(json.dumps(MAKERS[name](notice, FACTS, WORDING), ensure_ascii=False).encode())
    check(name, payload)
    assert keys_of(payload) == keys_of(MAKERS[name](benign, FACTS, WORDING))
    wanted = visible(hostile) if name == "national" else visible(WORDING.headline(notice))
    assert any(wanted in text.split("\n") for text in texts_of(payload))
    assert not any(c in text for text in texts_of(payload) for c in "\x00\x1b\r\u2028\u202e\u2066\x85\ufffe")


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=15, deadline=None)
@given(POINTS, SETS_OF_CELLS)
def test_a_public_payload_depends_on_the_box_alone(
    name: str, point: tuple[float, float], cells: set[tuple[int, int]]
) -> None:
    def at(lon: float, lat: float, cells: Any, text: str) -> Notice:
        notice = notice_of(cells, text)
        square = shapely.box(lon, lat, lon + 0.0003, lat + 0.0003)
        utm = f"19S {abs(round(lon * 1e4))} {abs(round(lat * 1e4))}"
        return replace(notice, place=replace(notice.place, lon=lon, lat=lat, geometry=square, utm=utm))

    one, other = at(-69.477, -12.98, [(0, 0)], "Tambopata"), at(*point, cells, "Otra")
    make = MAKERS[name]
    assert make(one, FACTS, TELLTALE, public=True) == make(other, FACTS, TELLTALE, public=True)
    assert make(one, FACTS, TELLTALE) != make(other, FACTS, TELLTALE)
    check(name, make(other, FACTS, WORDING, public=True))


def test_a_public_payload_tells_the_middle_of_the_box_and_no_id_of_ours() -> None:
    notice = notice_of()
    box, ident = coarse(notice.place), told(notice, FACTS, public=True).alert.id
    found = {name: make(notice, FACTS, WORDING, public=True) for name, make in MAKERS.items()}
    assert found["earthranger"]["location"] == {"latitude": box.lat, "longitude": box.lon}
    assert shape(found["comapeo"]["geometry"]) == box.geometry
    assert found["comapeo"]["sourceId"] == ident
    assert found["smart"]["geometry"]["coordinates"] == [box.lon, box.lat]
    assert found["smart"]["properties"]["smartAttributes"]["incidentUuid"] == ident
    assert [found["national"][key] for key in ("md_este", "md_norte", "utm_zone", "anp_codi")] == [None] * 4
    for name, payload in found.items():
        said = json.dumps(payload)
        assert notice.alert.id not in said and "K7Q4M2-X" not in said and "Tambopata" not in said, name


@pytest.mark.parametrize("name", MAKERS)
def test_a_public_payload_without_a_secret_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="give a secret of 16 or more"):
        MAKERS[name](notice_of(), replace(FACTS, seal=b""), WORDING, public=True)


# ---- the demands can be missed


def test_the_demands_find_what_a_maker_may_do_wrong() -> None:
    wrong: dict[str, list[dict[str, Any]]] = {
        "earthranger": [
            {"priority": 150}, {"state": "open"}, {"time": "2026-05-01"}, {"title": ""}, {"latitude": 1},
            {"geometry": every()["comapeo"]["geometry"]}, {"location": {"latitude": -69.4, "longitude": -212.9}},
        ],
        "gundi": [{"recorded_at": "2026-05-01T00:00:00"}, {"location": {"lat": 1, "lng": 1}}, {"external_source_id": ""}],
        "smart": [{"geometry": {"type": "Polygon", "coordinates": []}}, {"type": "Incident"}],
        "comapeo": [{"metadata": {"alert_type": {"a": 1}}}, {"metadata": {}}, {"schemaName": "remoteDetectionAlert"}],
        "national": [{"md_conf": 0}, {"md_causa": 4}, {"md_zonif": "Silvestre"}, {"md_mesrep": 13}],
    }  # fmt: skip
    for name, changes in wrong.items():
        for change in changes:
            with pytest.raises(jsonschema.ValidationError):
                check(name, every()[name] | change)
    with pytest.raises(ValueError, match="not JSON compliant"):
        check("national", {"md_sup": np.nan})
    with pytest.raises(TypeError, match="not JSON serializable"):
        check("national", {"md_img": PNG})
