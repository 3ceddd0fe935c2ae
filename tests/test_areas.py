"""Areas: equal-area hectares against geodesics, and a corpus of bad files, each answered in one clear line."""

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from shapely.geometry import Point, box

from detection import areas
from detection.areas import cell_hectares, inside, project, read_area
from detection.errors import BadInput
from detection.types import Grid

SQUARE = [[-69.0, -12.0], [-68.9, -12.0], [-68.9, -12.1], [-69.0, -12.1], [-69.0, -12.0]]
CRS = "EPSG:32719"


def polygon(ring: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.mark.parametrize("resolution", [10, 30])
@pytest.mark.parametrize("latitude", [-55.0, -12.6, -0.001, 4.0, 60.0])
@pytest.mark.parametrize("off_centre", [-3.0, 0.0, 2.0])
@pytest.mark.parametrize("zone", [1, 19, 50])
def test_hectares_are_those_on_the_ellipsoid(zone: int, off_centre: float, latitude: float, resolution: int) -> None:
    crs = f"EPSG:32{7 if latitude < 0 else 6}{zone:02d}"
    to_metres = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    east, north = to_metres.transform(zone * 6 - 183 + off_centre, latitude)
    grid = Grid(crs, int(east // 60) * 60, int(north // 60) * 60, resolution, (2, 2))
    back = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    for row, column in ((0, 0), (1, 1)):
        west, north_edge = grid.west + column * resolution, grid.north - row * resolution
        corners = box(west, north_edge - resolution, west + resolution, north_edge).exterior.coords
        lon, lat = zip(*[back.transform(x, y) for x, y in corners], strict=True)
        square_metres = abs(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0])
        rows, columns = np.array([grid.first_row + row]), np.array([grid.first_column + column])
        assert cell_hectares(grid, rows, columns)[0] == pytest.approx(square_metres / 10_000, rel=1e-3)


def test_hectares_do_not_depend_on_the_company() -> None:
    grid = Grid(CRS, 300_000, 8_600_040, 30, (9, 9))
    rows = grid.first_row + np.arange(9)
    columns = grid.first_column + np.arange(9)
    whole = cell_hectares(grid, rows, columns)
    alone = [cell_hectares(grid.window(5, 5, 2, 2), rows[i : i + 1], columns[i : i + 1])[0] for i in range(9)]
    assert whole.tolist() == alone


def test_inside_is_the_centre_of_the_cell() -> None:
    grid = Grid(CRS, 300_000, 8_600_040, 30, (3, 4))
    west, _, _, north = grid.bounds
    assert inside(None, grid).all()
    area = box(west + 14, north - 46, west + 46, north - 14)  # holds the centres at 15 and 45 m
    expected = np.zeros((3, 4), bool)
    expected[:2, :2] = True
    np.testing.assert_array_equal(inside(area, grid), expected)
    centres = [Point(west + 15 + 30 * c, north - 15 - 30 * r) for r in range(3) for c in range(4)]
    lens = Point(west + 60, north - 45).buffer(50)
    np.testing.assert_array_equal(inside(lens, grid).ravel(), [lens.contains(p) for p in centres])


def written(folder: Path, content: Any) -> Path:
    path = folder / "area.geojson"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "good",
    [
        polygon(SQUARE),
        {"type": "MultiPolygon", "coordinates": [[SQUARE]]},
        {"type": "Feature", "properties": None, "geometry": polygon(SQUARE)},
        {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "geometry": polygon(SQUARE)}, {"type": "Feature", "geometry": None}],
        },
        {"type": "FeatureCollection", "features": [{"geometry": polygon(SQUARE)}, {"geometry": polygon(SQUARE)}]},
        polygon([[x, y, 200.0] for x, y in SQUARE]),
    ],
)
def test_good_files(tmp_path: Path, good: Any) -> None:
    area = read_area(written(tmp_path, good), CRS)
    assert area.equals_exact(project(shapely.Polygon(SQUARE), "EPSG:4326", CRS), 1e-6) or area.equals(
        project(shapely.Polygon(SQUARE), "EPSG:4326", CRS)
    )
    assert not area.has_z
    assert area.area == pytest.approx(1.2e8, rel=0.02)


def test_a_hundred_thousand_vertices_are_fine_and_more_than_the_limit_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = np.linspace(0, 2 * np.pi, 100_000)
    circle = shapely.Polygon(np.column_stack([-69 + np.cos(turn) / 2, -12 + np.sin(turn) / 2]))
    path = written(tmp_path, json.dumps(shapely.geometry.mapping(circle)))
    assert read_area(path, CRS).area > 0
    monkeypatch.setattr(areas, "MAX_VERTICES", 99_999)
    with pytest.raises(BadInput, match="vertices; simplify"):
        read_area(path, CRS)


BAD = {
    "bow tie": (polygon([[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]), "not valid"),
    "empty": (polygon([]), "empty|usable"),
    "no polygon at all": ({"type": "FeatureCollection", "features": []}, "holds no polygon"),
    "empty collection": ({"type": "MultiPolygon", "coordinates": []}, "empty"),
    "features is nothing": ({"type": "FeatureCollection", "features": None}, "holds no polygon"),
    "features is a number": ({"type": "FeatureCollection", "features": 3}, "holds no polygon"),
    "a feature is a word": ({"type": "FeatureCollection", "features": ["x", 5]}, "holds no polygon"),
    "a geometry is a word": ({"type": "Feature", "geometry": "abc"}, "holds a abc"),
    "a geometry is a list": ({"type": "Feature", "geometry": [1]}, "only Polygon"),
    "a type is an object": ({"type": "Feature", "geometry": {"type": {}}}, "only Polygon"),
    "not a number": ('{"type": "Polygon", "coordinates": [[[NaN, 0], [1, 1], [1, 0], [NaN, 0]]]}', "number|usable"),
    "infinite": (
        '{"type": "Polygon", "coordinates": [[[Infinity, 0], [1, 1], [1, 0], [Infinity, 0]]]}',
        "number|usable",
    ),
    "exchanged, beyond 90": (polygon([[y, x] for x, y in [[110, 1], [111, 1], [111, 2], [110, 1]]]), "exchanged"),
    "exchanged, within 90": (polygon([[y, x] for x, y in SQUARE]), "exchange"),
    "metres": (polygon([[x * 4_000 + 800_000, y * 100_000 + 9_900_000] for x, y in SQUARE]), "not in degrees"),
    "another continent": (polygon([[x + 180, y] for x, y in SQUARE]), "far outside"),
    "a quarter of the world away": (polygon([[x + 90, y] for x, y in SQUARE]), "far outside"),
    "a point": (
        {"type": "FeatureCollection", "features": [{"geometry": {"type": "Point", "coordinates": [0, 0]}}]},
        "holds a Point",
    ),
    "a line": ({"type": "Feature", "geometry": {"type": "LineString", "coordinates": SQUARE}}, "holds a LineString"),
    "mixed depth": (polygon([[-69, -12, 3], [-68, -12], [-68, -11], [-69, -12]]), "usable"),
    "two corners": (polygon([[0, 0], [1, 1]]), "usable"),
    "words": (polygon([["a", "b"]] * 4), "usable"),
    "no coordinates": ({"type": "Polygon"}, "usable"),
    "a number too large": (
        '{"type": "Polygon", "coordinates": [[[1' + "0" * 400 + ", 1], [1, 1], [1, 2], [1, 1]]]}",
        "usable",
    ),
    "far too deep": ('{"type": "Polygon", "coordinates": ' + "[" * 700 + "]" * 700 + "}", "usable|not GeoJSON"),
    "deeper still": ("[" * 100_000, "not GeoJSON"),
    "not JSON": ("POLYGON ((0 0, 1 1, 1 0, 0 0))", "not GeoJSON"),
    "nothing": ("", "not GeoJSON"),
    "a list": ([1, 2], "not a GeoJSON object"),
    "a topology": ({"type": "Topology"}, "holds no polygon"),
    "a hole outside": (
        {"type": "Polygon", "coordinates": [SQUARE, [[x + 5, y] for x, y in SQUARE]]},
        r"not valid \(Hole lies outside",
    ),
    "parts that overlap": ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}, "not valid"),
    "no width": (polygon([[-69, -12], [-68, -12], [-67, -12], [-69, -12]]), "not valid"),
    "over the antimeridian in one piece": (
        polygon([[179, -17], [-179, -17], [-179, -18], [179, -18], [179, -17]]),
        "358 degrees wide; if it crosses the antimeridian, split it",
    ),
    "beyond the antimeridian": (
        polygon([[179, -17], [181, -17], [181, -18], [179, -18], [179, -17]]),
        r"longitude 181\.000 is beyond 180",
    ),
    "longitude from 0 to 360": (polygon([[x + 360, y] for x, y in SQUARE]), r"longitude 291\.100 is beyond 180"),
    "another CRS": (
        {**polygon(SQUARE), "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32719"}}},
        "its CRS is urn:ogc:def:crs:EPSG::32719, not WGS 84",
    ),
    "another datum, in degrees": (
        {
            "type": "FeatureCollection",
            "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4248"}},
            "features": [{"type": "Feature", "geometry": polygon(SQUARE)}],
        },
        "its CRS is urn:ogc:def:crs:EPSG::4248",
    ),
    "a CRS of a feature": (
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "crs": {"properties": {"name": "EPSG:32718"}}, "geometry": polygon(SQUARE)}
            ],
        },
        "its CRS is EPSG:32718",
    ),
    "a CRS behind a link": (
        {**polygon(SQUARE), "crs": {"type": "link", "properties": {"href": "http://127.0.0.1/crs"}}},
        "its CRS is",
    ),
    "a CRS of several lines": (
        {**polygon(SQUARE), "crs": {"properties": {"name": "a\nb\x1b[2J" + "c" * 500}}},
        r"its CRS is a\\nb",
    ),
    "geometry twice": (
        f'{{"type": "Feature", "geometry": {json.dumps(polygon(SQUARE))}, "geometry": {json.dumps(polygon([]))}}}',
        "the key 'geometry' twice",
    ),
    "coordinates twice": (
        f'{{"type": "Polygon", "coordinates": [{SQUARE}], "coordinates": [{SQUARE}]}}',
        "the key 'coordinates' twice",
    ),
    "type twice": (f'{{"type": "Polygon", "type": "Point", "coordinates": [{SQUARE}]}}', "the key 'type' twice"),
    "a collection": (
        {"type": "GeometryCollection", "geometries": [polygon(SQUARE)]},
        "holds a GeometryCollection; only Polygon",
    ),
    "a collection in a collection": (
        {
            "type": "Feature",
            "geometry": {
                "type": "GeometryCollection",
                "geometries": [{"type": "GeometryCollection", "geometries": [polygon(SQUARE)]}],
            },
        },
        "holds a GeometryCollection; only Polygon",
    ),
    "a lonely point": ({"type": "Point", "coordinates": [-69, -12]}, "holds a Point; only Polygon"),
    "a type of several lines": ({"type": "Feature", "geometry": {"type": "a\nb"}}, r"holds a a\\nb; only"),
    "a pole": (polygon([[-69, 89], [-68, 89], [-68, 90.5], [-69, 89]]), "latitude 90.500 is beyond 90"),
    "a virtual raster": ("<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>", "not GeoJSON"),
    "a virtual vector": (
        "<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>a.gpkg</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
        "not GeoJSON",
    ),
    "a number of ten thousand digits": ('{"type": "Polygon", "coordinates": ' + "9" * 10_000 + "}", "not GeoJSON"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_clear_line(tmp_path: Path, name: str) -> None:
    content, reason = BAD[name]
    with pytest.raises(BadInput, match=reason) as found:
        read_area(written(tmp_path, content), CRS)
    assert str(found.value).startswith("area.geojson: ")
    assert "\n" not in str(found.value)
    assert found.value.__cause__ is None


def test_what_is_large_or_no_file_is_refused_unread(tmp_path: Path) -> None:
    large = tmp_path / "large.geojson"
    with large.open("wb") as stream:
        stream.truncate(100_000_000)
    with pytest.raises(BadInput, match="100,000,000 bytes, over 64,000,000"):
        read_area(large, CRS)
    os.mkfifo(tmp_path / "pipe.geojson")
    with pytest.raises(BadInput, match="not a regular file"):
        read_area(tmp_path / "pipe.geojson", CRS)


def test_vertices_of_many_polygons_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features = [{"geometry": polygon([[x + i, y] for x, y in SQUARE])} for i in range(4)]
    path = written(tmp_path, {"type": "FeatureCollection", "features": features})
    monkeypatch.setattr(areas, "MAX_VERTICES", 20)
    assert read_area(path, CRS).area > 0
    monkeypatch.setattr(areas, "MAX_VERTICES", 19)
    with pytest.raises(BadInput, match="20 vertices; simplify it below 19"):
        read_area(path, CRS)


def test_a_hole_is_kept_and_repeated_properties_do_no_harm(tmp_path: Path) -> None:
    hole = [[-68.96, -12.04], [-68.94, -12.04], [-68.94, -12.06], [-68.96, -12.06], [-68.96, -12.04]]
    whole = read_area(written(tmp_path, polygon(SQUARE)), CRS)
    text = json.dumps({"type": "Polygon", "coordinates": [SQUARE, hole]})
    path = written(tmp_path, f'{{"type": "Feature", "properties": {{"a": 1, "a": 2}}, "geometry": {text}}}')
    assert read_area(path, CRS).area == pytest.approx(whole.area * (1 - 0.04), rel=1e-3)


@pytest.mark.parametrize(
    "name", ["EPSG:4326", "urn:ogc:def:crs:EPSG::4326", "urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84"]
)
def test_a_crs_member_may_say_what_geojson_is_anyway(tmp_path: Path, name: str) -> None:
    plain = read_area(written(tmp_path, polygon(SQUARE)), CRS)
    path = written(tmp_path, {**polygon(SQUARE), "crs": {"type": "name", "properties": {"name": name}}})
    assert read_area(path, CRS).equals(plain)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as some programs of Windows begin a file
    assert read_area(path, CRS).equals(plain)


def test_an_area_split_at_the_antimeridian_is_in_one_piece_on_the_grid(tmp_path: Path) -> None:
    parts = [[box(179.9, -17.1, 180, -17)], [box(-180, -17.1, -179.9, -17)]]
    rings = [[list(map(list, part.exterior.coords)) for part in group] for group in parts]
    area = read_area(written(tmp_path, {"type": "MultiPolygon", "coordinates": rings}), "EPSG:32760")
    west, _, east, _ = area.bounds
    assert east - west == pytest.approx(21_300, rel=0.01)  # 0.2 degrees at 17 S


def test_files_that_cannot_be_read_are_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "bytes.geojson").write_bytes(b"\xff\xfe\x00")
    for name, reason in (
        ("absent.geojson", "cannot be read"),
        ("", "cannot be read"),
        ("bytes.geojson", "not GeoJSON"),
    ):
        with pytest.raises(BadInput, match=reason):
            read_area(tmp_path / name, CRS)


trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["Polygon", "MultiPolygon", "Feature", "x"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "coordinates", "geometry", "features", "crs", "name"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        lambda kind, rest: {**rest, "type": kind},
        st.sampled_from(["Polygon", "MultiPolygon", "Feature", "FeatureCollection"]),
        st.dictionaries(st.sampled_from(["coordinates", "geometry", "features", "crs"]), trees),
    )
)
def test_whatever_json_there_is_it_is_an_area_or_one_clear_line(tmp_path: Path, found: Any) -> None:
    path, complaint, area = written(tmp_path, found), "", None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            area = read_area(path, CRS)
        except BadInput as error:
            complaint = str(error)
    assert (area is None) == bool(complaint)
    assert "\n" not in complaint
    assert area is None or np.isfinite(area.bounds).all()
