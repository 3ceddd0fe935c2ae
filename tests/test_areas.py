"""Areas: equal-area hectares against geodesics, and a corpus of bad files, each answered in one clear line."""

import json
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
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_clear_line(tmp_path: Path, name: str) -> None:
    content, reason = BAD[name]
    with pytest.raises(BadInput, match=reason) as found:
        read_area(written(tmp_path, content), CRS)
    assert str(found.value).startswith("area.geojson: ")
    assert "\n" not in str(found.value)
    assert found.value.__cause__ is None


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
        | st.dictionaries(st.sampled_from(["type", "coordinates", "geometry", "features"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        lambda kind, rest: {**rest, "type": kind},
        st.sampled_from(["Polygon", "MultiPolygon", "Feature", "FeatureCollection"]),
        st.dictionaries(st.sampled_from(["coordinates", "geometry", "features"]), trees),
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
