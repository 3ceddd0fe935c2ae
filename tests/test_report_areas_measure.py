"""Hectares of reports are equal-area hectares: of cells and of polygons, held against EPSG:6933 and the ellipsoid."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from shapely import MultiPolygon, Polygon, box

from detection.types import Grid
from jobs.reports.areas.asked import Boundaries
from jobs.reports.areas.boundaries import open_boundaries
from jobs.reports.areas.overlaps import measured, overlaps
from jobs.reports.areas.strata import hectares

FLAT = Transformer.from_crs("EPSG:32719", "EPSG:6933", always_xy=True)
WEST, NORTH = 370_680, 8_592_480
GRID = Grid("EPSG:32719", WEST, NORTH, 30, (40, 50))


def flat_hectares(grid: Grid) -> np.ndarray:
    """(y, x) hectares of each cell's corners in EPSG:6933, by the shoelace formula: our own arithmetic, not the product's."""
    west, south, east, north = grid.bounds
    x, y = np.meshgrid(np.linspace(west, east, grid.shape[1] + 1), np.linspace(north, south, grid.shape[0] + 1))
    to = Transformer.from_crs(grid.crs, "EPSG:6933", always_xy=True)
    u, v = to.transform(x, y)
    corners = [(u[i, j], v[i, j]) for i, j in (
        (np.s_[:-1], np.s_[:-1]), (np.s_[:-1], np.s_[1:]), (np.s_[1:], np.s_[1:]), (np.s_[1:], np.s_[:-1]))]  # fmt: skip
    twice = sum(corners[k][0] * corners[(k + 1) % 4][1] - corners[(k + 1) % 4][0] * corners[k][1] for k in range(4))
    return np.abs(twice) / 2 / 1e4


@pytest.mark.parametrize("west", [166_020, WEST, 833_400])
@pytest.mark.parametrize("crs", ["EPSG:32718", "EPSG:32719", "EPSG:32618"])
def test_cells_are_as_large_as_in_an_equal_area_projection(crs: str, west: int) -> None:
    grid = Grid(crs, west, NORTH if crs.startswith("EPSG:327") else 90_000, 30, (60, 60))
    assert hectares(grid).sum() == pytest.approx(flat_hectares(grid).sum(), rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 1200)), min_size=3, max_size=9, unique=True))
def test_polygons_are_as_large_as_on_the_ellipsoid(corners: list[tuple[int, int]]) -> None:
    shape = shapely.convex_hull(shapely.multipoints(corners))
    if not isinstance(shape, Polygon):
        return
    shape = shapely.segmentize(shapely.transform(shape, lambda xy: xy + np.array((WEST, NORTH - 1200))), 20)
    (found,) = measured(np.array([shape], object), "EPSG:32719")
    corners_xy = np.array(shape.exterior.coords)
    x, y = FLAT.transform(*corners_xy.T)
    x, y = x - x[0], y - y[0]
    assert found == pytest.approx(abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2e4, rel=1e-6, abs=1e-7)
    degrees = Polygon(
        np.column_stack(Transformer.from_crs("EPSG:32719", "EPSG:4326", always_xy=True).transform(*corners_xy.T))
    )
    known = abs(Geod(ellps="WGS84").geometry_area_perimeter(degrees)[0]) / 1e4
    assert found == pytest.approx(known, rel=1e-6, abs=1e-6)


def layer(folder: Path, shapes: list[object], name: str = "parks") -> Boundaries:
    """A GeoJSON in degrees of shapes in UTM metres, one feature each."""
    back = Transformer.from_crs("EPSG:32719", "OGC:CRS84", always_xy=True)
    features = [
        {"type": "Feature", "properties": {"id": f"p{i}"}, "geometry": json.loads(shapely.to_geojson(shapely.transform(
            one, lambda xy: np.column_stack(back.transform(xy[:, 0], xy[:, 1])))))}
        for i, one in enumerate(shapes)
    ]  # fmt: skip
    (folder / f"{name}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return Boundaries(name=name, path=folder / f"{name}.geojson", id_column="id")


def at(x: float, y: float, wide: float, high: float) -> Polygon:
    return box(WEST + x, NORTH - y - high, WEST + x + wide, NORTH - y)


def test_a_union_is_no_larger_than_what_it_covers_and_overlaps_are_told_once(tmp_path: Path) -> None:
    """Two squares of 9 ha that share a third, one of them in two pieces that overlap themselves."""
    twice = MultiPolygon([at(200, 0, 300, 300), at(250, 0, 250, 300)])
    opened = open_boundaries((layer(tmp_path, [at(0, 0, 300, 300), twice]),), GRID)
    (found,) = overlaps(opened, GRID.crs)
    assert found.hectares == pytest.approx(measured(np.array([at(200, 0, 100, 300)], object), GRID.crs)[0], rel=1e-5)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([at(0, 0, 300, 300), at(300, 0, 300, 300)], 0),
        ([at(0, 0, 300, 300), at(299.999, 0, 300, 300)], 0),
        ([at(0, 0, 300, 300), at(290, 0, 300, 300)], 1),
        ([Polygon([(WEST, NORTH), (WEST + 300, NORTH - 300), (WEST + 300, NORTH), (WEST, NORTH - 300)]), at(0, 0, 50, 300)], 1),
    ],
    ids=["touch", "a sliver of a millimetre", "ten metres", "a bow tie"],
)  # fmt: skip
def test_slivers_are_no_overlap_and_invalid_shapes_are_mended(
    shapes: list[object], expected: int, tmp_path: Path
) -> None:
    opened = open_boundaries((layer(tmp_path, shapes),), GRID)
    found = overlaps(opened, GRID.crs)
    assert len(found) == expected and all(one.hectares > 0.01 for one in found)


def test_an_area_that_reaches_across_the_antimeridian_is_whole(tmp_path: Path) -> None:
    """Written in two parts, as RFC 7946 asks."""
    east, north = Transformer.from_crs("OGC:CRS84", "EPSG:32760", always_xy=True).transform(180.0, -17.2)
    grid = Grid("EPSG:32760", int(east // 30 - 20) * 30, int(north // 30 + 20) * 30, 30, (40, 40))
    parts = [(179.998, -17.202, 180.0, -17.199), (-180.0, -17.202, -179.999, -17.199)]
    both = {"type": "MultiPolygon", "coordinates": [[[*map(list, box(*part).exterior.coords)]] for part in parts]}
    feature = {"type": "Feature", "properties": {"id": "fiji"}, "geometry": both}
    (tmp_path / "f.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    (opened,) = open_boundaries((Boundaries(name="f", path=tmp_path / "f.geojson", id_column="id"),), grid)
    known = sum(abs(Geod(ellps="WGS84").geometry_area_perimeter(box(*part))[0]) for part in parts) / 1e4
    assert measured(opened.shapes, grid.crs).sum() == pytest.approx(known, rel=1e-6)
    assert opened.shapes[0].bounds[2] - opened.shapes[0].bounds[0] < 1_000
