"""Alerts as layers: GeoJSON held against RFC 7946, GeoPackages read back by GDAL and by SQLite, and both against each other."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from feedsetup import FACTS, SETS_OF_CELLS, SHAPES, inside, notice_of, several
from formatsetup import numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from shapely.geometry import shape

from detection.errors import BadInput
from jobs.notify import compose
from jobs.notify.feeds.places import coarse
from jobs.notify.feeds.told import ordered
from jobs.notify.layers import Layer, as_geojson, as_geopackage, national_layer, told_layer
from jobs.notify.notice import Notice
from jobs.words import Words

SCHEMA = Path(__file__).parents[1] / "docs" / "alert.schema.json"
WORDS = Words("es")
FIELDS = [
    "anp_codi", "zona_influencia", "md_fuente", "md_fuente_sat", "md_anno", "md_mesrep", "md_sup", "md_este", "md_norte",
    "md_zonif", "md_sector", "md_exa", "md_causa", "md_conf", "md_bosque", "md_img", "md_fecimg", "md_fecini", "md_fecfin",
]  # fmt: skip
"""Of MonitoreoDeforestacion, in its order; what stands in brackets behind a name in its description is the unit."""
OURS = ["alert_id", "revision", "simulated", "utm_zone"]


def features(layer: Layer) -> list[dict[str, Any]]:
    return list(json.loads(as_geojson(layer))["features"])


def as_told(notices: Sequence[Notice], *, public: bool = False) -> Layer:
    return told_layer(notices, FACTS, WORDS, public=public)


def as_recorded(notices: Sequence[Notice], *, public: bool = False, **how: Any) -> Layer:
    return national_layer(notices, FACTS, public=public, **how)


def frame(layer: Layer, folder: Path) -> Any:
    path = folder / f"{layer.sheet.name}.gpkg"
    path.write_bytes(as_geopackage(layer))
    return pyogrio.read_dataframe(path, layer=layer.sheet.name)


def check_geometry(found: dict[str, Any]) -> None:
    """RFC 7946, section 3.1.6: closed rings of four positions or more, exteriors counterclockwise, holes clockwise."""
    assert set(found) == {"type", "coordinates"} and found["type"] in ("Polygon", "MultiPolygon")
    parts = found["coordinates"] if found["type"] == "MultiPolygon" else [found["coordinates"]]
    for part in parts:
        for i, ring in enumerate(part):
            assert len(ring) >= 4 and ring[0] == ring[-1] and all(len(at) == 2 for at in ring)
            assert shapely.LinearRing(ring).is_ccw == (i == 0)
            assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in ring)


@settings(max_examples=30, deadline=None)
@given(SETS_OF_CELLS | st.sampled_from(list(SHAPES.values())), st.booleans())
def test_every_outline_is_one_of_rfc_7946(cells: Any, public: bool) -> None:
    notice = notice_of(cells)
    wanted = coarse(notice.place).geometry if public else notice.place.geometry
    for layer in (as_told([notice], public=public), as_recorded([notice], public=public)):
        text = as_geojson(layer).decode()
        (one,) = json.loads(text)["features"]
        check_geometry(one["geometry"])
        assert shape(one["geometry"]).equals(wanted)
        assert (
            max(len(n.partition(".")[2]) for n in numbers(text[text.index('"geometry"') : text.index('"properties"')]))
            <= 6
        )


def test_the_checker_finds_a_ring_that_runs_the_wrong_way() -> None:
    ring = [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]
    for wrong in (ring, ring[:-1], ring[::-1][:3]):
        with pytest.raises(AssertionError):
            check_geometry({"type": "Polygon", "coordinates": [wrong]})


def test_what_a_layer_says_is_what_a_webhook_says_and_keeps_to_its_schema() -> None:
    notices = [replace(one, alert=replace(one.alert, short_code="40SSKF-C")) for one in several()]
    schema = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")), format_checker=FormatChecker())
    found = features(as_told(notices))
    for one, notice in zip(found, ordered(notices, FACTS, public=False), strict=True):
        assert one["properties"] == json.loads(json.dumps(compose.data_of(notice, WORDS)))
        assert one["id"] == one["properties"]["id"] == notice.alert.id
        assert list(schema.iter_errors(one["properties"])) == []
    for one in features(as_told(notices, public=True)):
        assert list(schema.iter_errors(one["properties"])) == []


def test_a_collection_says_what_it_is_and_no_crs() -> None:
    made = json.loads(as_geojson(as_told(several())))
    assert list(made) == ["type", "name", "title", "updated", "features"]
    assert made["name"] == "alerts" and made["title"] == FACTS.title and made["updated"] == "2026-11-21T06:12:30Z"


def test_gdal_reads_the_same_alerts_from_both(tmp_path: Path) -> None:
    layer = as_told(several())
    packed = frame(layer, tmp_path).set_index("id")
    (tmp_path / "a.geojson").write_bytes(as_geojson(layer))
    assert pyogrio.list_layers(tmp_path / "a.geojson")[0][0] == "alerts"
    written = pyogrio.read_dataframe(tmp_path / "a.geojson")
    assert written.crs == "EPSG:4326" and packed.crs == "EPSG:4326"
    assert list(packed.columns.drop("geometry")) == list(layer.sheet.columns)[1:]
    for one in features(layer):
        said, row = one["properties"], packed.loc[one["id"]]
        assert row.geometry.equals(shape(one["geometry"])) and row.geometry.geom_type == "MultiPolygon"
        assert (row["lat"], row["lon"], row["utm"]) == tuple(said["location"].values())
        assert json.loads(row["overlays"]) == said["overlays"] and json.loads(row["platforms"]) == said["platforms"]
        assert row["change_date"].date().isoformat() == said["change_date"]
        for name in ("headline", "status", "area_ha", "revision", "simulated", "probability", "driver"):
            assert row[name] == said[name], name


def test_the_alerts_open_in_the_colours_of_their_status_and_the_record_has_one_layer(tmp_path: Path) -> None:
    for layer, names in (
        (as_told(several()), ["alerts", "layer_styles"]),
        (as_recorded(several()), ["MonitoreoDeforestacion"]),
    ):
        frame(layer, tmp_path)
        path = tmp_path / f"{layer.sheet.name}.gpkg"
        assert pyogrio.list_layers(path)[:, 0].tolist() == names
    with sqlite3.connect(tmp_path / "alerts.gpkg") as opened:
        styles = opened.execute("select f_table_name, styleQML from layer_styles").fetchall()
    assert styles[0][0] == "alerts" and 'value="confirmed"' in styles[0][1]


# ---- the national record


def test_the_record_has_the_fields_of_the_state_and_ours_behind_them(tmp_path: Path) -> None:
    layer = as_recorded(several(), period=(date(2026, 1, 1), date(2026, 3, 31)))
    assert list(layer.sheet.columns) == FIELDS + OURS
    found = frame(layer, tmp_path)
    assert list(found.columns) == [*FIELDS, *OURS, "geometry"] and found.crs == "EPSG:4326"
    assert all(list(one["properties"]) == FIELDS + OURS for one in features(layer))
    counted = {n.alert.id for n in several() if n.alert.status in ("provisional", "confirmed", "finished")}
    assert set(found["alert_id"]) == counted == {one["id"] for one in features(layer)}
    one = found.set_index("alert_id").loc[several()[0].alert.id]
    assert (one["anp_codi"], one["md_fuente"], one["md_sup"], one["md_causa"], one["md_conf"]) == (
        "RN06",
        5,
        3.22,
        3,
        2,
    )
    assert (one["md_fecimg"].date(), one["md_fecini"].date()) == (date(2026, 5, 25), date(2026, 1, 1))
    assert found["md_sector"].isna().all() and found["md_bosque"].isna().all()


def test_sqlite_reads_the_record_where_gdal_does(tmp_path: Path) -> None:
    frame(as_recorded([notice_of()]), tmp_path)
    with sqlite3.connect(tmp_path / "MonitoreoDeforestacion.gpkg") as opened:
        assert opened.execute("pragma integrity_check").fetchone() == ("ok",)
        (about,) = opened.execute("select table_name, geometry_type_name, srs_id from gpkg_geometry_columns").fetchall()
        assert about == ("MonitoreoDeforestacion", "MULTIPOLYGON", 4326)
        system = opened.execute(
            "select organization, organization_coordsys_id from gpkg_spatial_ref_sys where srs_id=4326"
        )
        assert system.fetchone() == ("EPSG", 4326)
        columns = dict(opened.execute("select name, type from pragma_table_info('MonitoreoDeforestacion')"))
        assert (columns["md_conf"], columns["md_sup"], columns["md_fecimg"], columns["anp_codi"]) == (
            "MEDIUMINT", "REAL", "DATE", "TEXT",
        )  # fmt: skip
        blob, conf = opened.execute("select geometry, md_conf from MonitoreoDeforestacion").fetchone()
    west, east, south, north = np.frombuffer(blob[8:40], "<f8")
    assert (west, south, east, north) == notice_of().place.geometry.bounds and conf == 2, "longitude comes first"


def test_no_alert_that_counts_is_an_empty_layer(tmp_path: Path) -> None:
    layer = as_recorded([notice_of(status="retracted")])
    found = frame(layer, tmp_path)
    assert len(found) == 0 and list(found.columns) == [*FIELDS, *OURS, "geometry"] and features(layer) == []


def test_the_area_that_holds_most_is_named_and_partners_need_no_other_way() -> None:
    notice = notice_of()
    areas = (inside("a", feature="PN01", area_ha=1.0), inside("b", feature="RN06", area_ha=2.0))
    (row,) = features(as_recorded([replace(notice, place=replace(notice.place, overlaps=areas))]))
    assert row["properties"]["anp_codi"] == "RN06"


# ---- both alike


@pytest.mark.parametrize("made", [as_told, as_recorded])
def test_the_order_of_the_notices_changes_no_byte(made: Any) -> None:
    for write in (as_geojson, as_geopackage):
        assert write(made(several())) == write(made(several()[::-1])) == write(made(several()))


@pytest.mark.parametrize("made", [as_told, as_recorded])
def test_an_alert_that_comes_twice_or_has_no_place_is_refused(made: Any) -> None:
    with pytest.raises(BadInput, match="more than once"):
        made([notice_of(), notice_of(revision=3)])
    nowhere = replace(notice_of(), place=replace(notice_of().place, geometry=shapely.Point(-69, -12)))
    for write in (as_geojson, as_geopackage):
        with pytest.raises(BadInput, match="give polygons"):
            write(made([nowhere]))


def test_what_is_simulated_says_so_in_every_row(tmp_path: Path) -> None:
    for layer in (as_told([notice_of(simulated=True)]), as_recorded([notice_of(simulated=True)])):
        assert features(layer)[0]["properties"]["simulated"] is True
        assert frame(layer, tmp_path)["simulated"].tolist() == [True]


def test_figures_that_are_not_finite_are_null(tmp_path: Path) -> None:
    layer = as_told([notice_of(probability=np.nan)])
    assert features(layer)[0]["properties"]["probability"] is None
    assert frame(layer, tmp_path)["probability"].isna().all()
