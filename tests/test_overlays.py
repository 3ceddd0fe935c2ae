"""Where alerts lie: laws on random shapes, answers held against slower ones, hand-worked cases, one line for bad layers."""

import json
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from pyproj import Geod, Transformer
from shapely import LineString, Point, Polygon, box
from test_context import GRID as THERE
from test_context import bad_vectors
from test_outputs import SHAPES, equal_area_ha, make_alert, rings

from detection.alerts import Alert
from detection.areas import cell_hectares, project
from detection.context import attributes
from detection.errors import BadInput, GridMismatch
from detection.types import Grid
from jobs import overlays as opening
from jobs import places
from jobs.notify.notice import Place
from jobs.outputs.vectors import feature, outline, to_lonlat
from jobs.overlays import KINDS, Overlay, Overlays, open_overlays
from jobs.places import direction, place_of, places_of, unrestricted

GRID = Grid("EPSG:32719", 480_000, 8_580_000, 30, (40, 40))
"""Where the random shapes lie: 1,200 m on a side."""
GEOD = Geod(ellps="WGS84")
CELLS = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40)


def alert_on(cells: Any, grid: Grid = GRID, **changes: Any) -> Alert:
    """An alert on rows and columns of a grid, with its own equal-area hectares."""
    found = np.add(sorted(cells), (grid.first_row, grid.first_column)).astype(np.int32)
    area = float(cell_hectares(grid, found[:, 0], found[:, 1]).sum())
    keys = {"lattice": grid.lattice, "cells": found, "confirmed_cells": np.ones(len(found), np.bool_), "area_ha": area}
    return replace(make_alert(), **{**keys, **changes})


def gpkg(path: Path, shapes: Sequence[Any], crs: str | None = GRID.crs, **columns: Any) -> Path:
    fields = [np.array(values, object) for values in columns.values()]
    wkb = shapely.to_wkb(np.array(shapes, object))
    keys: dict[str, Any] = {"layer": "layer", "driver": "GPKG", "geometry_type": "Unknown", "crs": crs}
    pyogrio.raw.write(path, wkb, fields, list(columns), **keys)
    return path


def geojson(path: Path, shapes: Sequence[Any], properties: Sequence[Any]) -> Path:
    made = [
        {"type": "Feature", "properties": said, "geometry": json.loads(shapely.to_geojson(shape))}
        for shape, said in zip(shapes, properties, strict=True)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": made}))
    return path


def overlay(path: Path, name: str = "zones", kind: Any = "zone", **keys: Any) -> Overlay:
    return Overlay(name=name, kind=kind, path=path, source="made for a test", version="7", **keys)


def opened(*layers: dict[str, Any], grid: Grid = GRID, order: Sequence[int] | None = None) -> Overlays:
    """Overlays of shapes in the grid's CRS: each layer gives `shapes` and, at will, `names`, `kind`, `near_m`, ..."""
    with tempfile.TemporaryDirectory() as folder:
        asked = []
        for i, layer in enumerate(layers):
            keys = dict(layer)
            shapes = keys.pop("shapes")
            ids, names = keys.pop("ids", [f"f{j}" for j in range(len(shapes))]), keys.pop("names", None)
            columns = {"id": ids} if names is None else {"id": ids, "nombre": names}
            path = gpkg(Path(folder) / f"{i}.gpkg", shapes, keys.pop("crs", grid.crs), **columns)
            keys = {"name": f"layer-{i}", "id_field": "id", "name_field": None if names is None else "nombre", **keys}
            asked.append(overlay(path, **keys))
        return open_overlays([asked[i] for i in order or range(len(asked))], grid)


def at(east: float, north: float, grid: Grid = GRID) -> tuple[float, float]:
    """Metres east and south of the grid's corner, in its CRS."""
    return grid.west + east, grid.north - north


def square(east: float, south: float, wide: float, high: float, grid: Grid = GRID) -> Polygon:
    """By its corner in the north-west, metres from the grid's."""
    west, north = at(east, south, grid)
    return box(west, north - high, west + wide, north)


@st.composite
def polygons(draw: st.DrawFn) -> Polygon:
    """A polygon of whole metres around the random cells, now and then with a hole or on the cells' own edges."""
    if draw(st.booleans()):
        west, south = 30 * draw(st.integers(-2, 9)), 30 * draw(st.integers(-2, 9))
        return square(west, south, 30 * draw(st.integers(1, 12)), 30 * draw(st.integers(1, 12)))
    corners = draw(st.lists(st.tuples(st.integers(-90, 390), st.integers(-90, 390)), min_size=3, max_size=8))
    hull = shapely.convex_hull(shapely.multipoints([at(*one) for one in corners]))
    assume(hull.geom_type == "Polygon")
    hole = Point(at(draw(st.integers(0, 300)), draw(st.integers(0, 300)))).buffer(40)
    cut = hull.difference(hole) if draw(st.booleans()) else hull
    return cut if cut.geom_type == "Polygon" and cut.area > 1 else hull


def share_by_cells(alert: Alert, shape: Any, grid: Grid = GRID) -> float:
    """The slow way: every cell of its own hectares, as far as it lies inside."""
    size = grid.resolution
    hectares = cell_hectares(grid, alert.cells[:, 0], alert.cells[:, 1])
    insides = [box(c * size, -(r + 1) * size, (c + 1) * size, -r * size).intersection(shape) for r, c in alert.cells]
    return float(hectares @ np.array([one.area for one in insides]) / size**2 / hectares.sum())


# -- laws ------------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(CELLS, st.lists(polygons(), min_size=1, max_size=6), st.sampled_from([0.0, 45.0, 400.0]))
def test_overlaps_are_those_of_the_slow_way(cells: Any, shapes: list[Polygon], near_m: float) -> None:
    alert = alert_on(cells)
    found = place_of(alert, opened({"shapes": shapes, "near_m": near_m}), 30).overlaps
    drawn = outline(alert.cells, alert.lattice)
    told = {one.feature: one for one in found}
    gaps, shares = [drawn.distance(shape) for shape in shapes], [share_by_cells(alert, shape) for shape in shapes]
    for i, (gap, share) in enumerate(zip(gaps, shares, strict=True)):
        one = told.get(f"f{i}")
        if share > 1e-6:
            assert one is not None and one.relation == ("within" if share > 1 - 1e-6 else "intersects")
            assert one.share == pytest.approx(share, abs=1e-8)
        elif one is not None:
            assert one.relation == "near" and one.area_ha == one.share == 0 and gap <= near_m
        if one is not None:
            assert 0 <= one.share <= 1 and one.area_ha <= alert.area_ha + 1e-6
            assert one.area_ha == pytest.approx(one.share * alert.area_ha)
            assert (one.distance_m == 0) == (gap == 0)
            assert one.distance_m == pytest.approx(gap, abs=1e-6)
    near = sorted(gap for gap, share in zip(gaps, shares, strict=True) if share <= 1e-6 and gap <= near_m)
    assert [one.distance_m for one in found if one.relation == "near"] == pytest.approx(near[:3], abs=1e-6)
    ranks = [(one.relation == "near", -one.share, one.distance_m) for one in found]
    assert all(a <= (b[0], b[1] + 1e-6, b[2] + 0.01) for a, b in pairwise(ranks))


@settings(max_examples=30, deadline=None)
@given(CELLS, polygons(), st.integers(-90, 390), st.booleans())
def test_two_parts_of_a_feature_have_together_what_the_whole_has(cells: Any, shape: Any, at_m: int, lies: bool) -> None:
    knife = square(-900, at_m, 3_000, 3_000) if lies else square(at_m, -900, 3_000, 3_000)
    parts = [shape.intersection(knife), shape.difference(knife)]
    assume(all(part.geom_type == "Polygon" and part.area > 1 for part in parts))
    alert = alert_on(cells)
    layers = opened({"shapes": [shape]}, {"shapes": parts}, {"shapes": parts, "ids": ["one", "one"]})
    found = place_of(alert, layers, 30).overlaps
    sums = [sum(one.area_ha for one in found if one.layer == name) for name in ("layer-0", "layer-1", "layer-2")]
    # Less than a millionth of the alert is not told of a part, nor in a whole.
    assert sums == pytest.approx([sums[0]] * 3, abs=3e-6 * alert.area_ha)
    assert len([one for one in found if one.layer == "layer-2"]) <= 1


@settings(max_examples=25, deadline=None)
@given(CELLS, st.sampled_from(["EPSG:32717", "EPSG:32718", "EPSG:32719", "EPSG:32619", "EPSG:32618"]), st.data())
def test_what_covers_everything_holds_all_of_it(cells: Any, crs: str, data: st.DataObject) -> None:
    grid = Grid(
        crs, 60 * data.draw(st.integers(3_000, 13_000)), 60 * data.draw(st.integers(9_000, 160_000)), 30, (10, 10)
    )
    alert = alert_on(cells, grid)
    world = box(-180, -90, 180, 90)
    (one,) = place_of(alert, opened({"shapes": [world], "crs": "EPSG:4326"}, grid=grid), 30).overlaps
    assert (one.relation, one.share, one.distance_m) == ("within", 1, 0)
    assert one.area_ha == alert.area_ha


@settings(max_examples=15, deadline=None)
@given(st.lists(CELLS, min_size=2, max_size=5), st.lists(polygons(), min_size=2, max_size=5), st.randoms())
def test_the_order_of_alerts_and_layers_changes_nothing(many: Any, shapes: list[Polygon], random: Any) -> None:
    alerts = [alert_on(cells) for cells in many]
    names = [f"n{i % 2}" for i in range(len(shapes))]
    layers = [
        {"shapes": shapes, "near_m": 100.0},
        {"shapes": shapes[:2], "kind": "community", "near_m": 30.0},
        {"shapes": [shape.centroid for shape in shapes], "kind": "settlement", "names": names, "near_m": 60.0},
        {"shapes": [shape.exterior for shape in shapes], "kind": "river", "names": [*names[1:], "n2"]},
    ]
    told = places_of(alerts, opened(*layers), 30)
    order = random.sample(range(len(layers)), len(layers))
    others = opened(*layers, order=order)
    assert [one.about.name for one in others.layers] == [f"layer-{i}" for i in order]
    again = places_of(alerts[::-1], others, 30)[::-1]
    assert again == told
    assert [place_of(alert, others, 30) for alert in alerts] == told


@settings(max_examples=20, deadline=None)
@given(
    CELLS, st.lists(polygons(), min_size=1, max_size=4), st.integers(-20, 0), st.integers(-20, 0), st.integers(0, 20)
)
def test_the_tiling_changes_nothing(cells: Any, shapes: list[Polygon], up: int, left: int, more: int) -> None:
    alert, layer = alert_on(cells), {"shapes": shapes, "near_m": 90.0}
    river = {"shapes": [LineString([at(-9_000, 400), at(9_000, -300)])], "names": ["r"], "kind": "river"}
    beyond = {"shapes": [square(320, 0, 9, 300), square(-20, 0, 9, 300)], "near_m": 400.0}  # of the smallest tile
    tile = GRID.window(up, left, 10 - up + more, 10 - left + more)
    whole = place_of(alert, opened(layer, river, beyond), 30)
    part = place_of(alert, opened(layer, river, beyond, grid=tile), 30)
    assert [one.layer for one in part.overlaps].count("layer-2") == 2
    assert [(o.feature, o.relation) for o in part.overlaps] == [(o.feature, o.relation) for o in whole.overlaps]
    for one, other in zip(part.overlaps, whole.overlaps, strict=True):
        assert (one.area_ha, one.distance_m) == pytest.approx((other.area_ha, other.distance_m), abs=1e-6)
    assert (part.geometry, part.utm) == (whole.geometry, whole.utm)
    (near, same) = (part.nearby[0], whole.nearby[0])
    assert near.distance_m == pytest.approx(same.distance_m, abs=1e-5) and near.direction == same.direction


@settings(max_examples=50, deadline=None)
@given(CELLS, st.sampled_from("67"), st.sampled_from([17, 18, 19]), st.sampled_from([10, 20, 30]), st.data())
def test_the_point_lies_inside_and_is_the_same_in_messages_and_products(
    cells: Any, half: str, zone: int, size: int, data: Any
) -> None:
    west, north = 60 * data.draw(st.integers(2_800, 13_800)), 60 * data.draw(st.integers(1_000, 160_000))
    grid = Grid(f"EPSG:32{half}{zone}", west, north, size, (10, 10))
    alert = alert_on(cells, grid)
    place = place_of(alert, open_overlays((), grid), size)
    assert place.geometry.contains(Point(place.lon, place.lat))
    facts = feature(alert)["properties"]
    assert facts["label_point"] == [place.lon, place.lat]
    parts = shapely.get_parts(outline(alert.cells, alert.lattice))
    east, north = Transformer.from_crs("OGC:CRS84", grid.crs, always_xy=True).transform(place.lon, place.lat)
    assert any(part.contains(Point(east, north)) for part in parts if part.area == max(shapely.area(parts)))
    name = f"{int((place.lon + 180) // 6) + 1}{'N' if place.lat >= 0 else 'S'}"
    assert facts["utm"]["zone"] == name
    assert place.utm == f"{name} {facts['utm']['e']:.0f} {facts['utm']['n']:.0f}"
    own = f"EPSG:32{'6' if place.lat >= 0 else '7'}{int(name[:-1]):02d}"
    written = Transformer.from_crs("OGC:CRS84", own, always_xy=True).transform(place.lon, place.lat)
    assert written == pytest.approx((facts["utm"]["e"], facts["utm"]["n"]), abs=0.2)
    assert round(place.lon, 6) == place.lon and round(place.lat, 6) == place.lat


@pytest.mark.parametrize(("longitude", "zones"), [(-72.0, ("18S", "19S")), (-78.0, ("17S", "18S"))])
@pytest.mark.parametrize("side", [0, 1])
def test_the_zone_is_that_of_where_one_stands_and_not_of_the_grid(
    longitude: float, zones: tuple[str, str], side: int
) -> None:
    """Two alerts of one job, 200 m west and east of the border of two zones of Peru."""
    crs = f"EPSG:327{zones[side][:-1]}"
    border, north = Transformer.from_crs("OGC:CRS84", crs, always_xy=True).transform(longitude, -10.5)
    grid = Grid(crs, int(border // 60) * 60 - 600, int(north // 60) * 60, 30, (40, 40))
    west, east = (place_of(alert_on([(20, c)], grid), open_overlays((), grid), 30) for c in (10, 30))
    assert west.lon < longitude < east.lon
    for one, zone in ((west, zones[0]), (east, zones[1])):
        name, easting, northing = one.utm.split(" ")
        assert name == zone and (int(easting) > 800_000) == (zone == zones[0])
        back = Transformer.from_crs(f"EPSG:327{zone[:-1]}", "OGC:CRS84", always_xy=True)
        assert back.transform(int(easting), int(northing)) == pytest.approx((one.lon, one.lat), abs=1e-5)


@pytest.mark.parametrize("name", SHAPES)
def test_the_geometry_is_the_outline_by_the_right_hand_rule(name: str) -> None:
    alert = alert_on(SHAPES[name])
    geometry = place_of(alert, open_overlays((), GRID), 30).geometry
    assert geometry.equals(to_lonlat(outline(alert.cells, alert.lattice), GRID.crs))
    assert geometry.geom_type == "MultiPolygon" and geometry.is_valid
    assert all(ring.is_ccw == outer for ring, outer in rings(geometry))
    np.testing.assert_array_equal(shapely.get_coordinates(geometry).round(6), shapely.get_coordinates(geometry))


@settings(max_examples=30, deadline=None)
@given(CELLS, st.integers(3_000, 13_000))
def test_an_outline_has_the_hectares_of_its_cells(cells: Any, west: int) -> None:
    grid = Grid("EPSG:32718", 60 * west, 9_000_000, 30, (10, 10))
    alert = alert_on(cells, grid)
    (found,) = places._hectares(np.array([outline(alert.cells, alert.lattice)], object), grid)
    assert found == pytest.approx(alert.area_ha, rel=1e-9)


# -- worked by hand --------------------------------------------------------------------------------------------------


def test_a_field_of_four_cells_at_the_border_of_a_reserve() -> None:
    """60 by 60 m; the western 45 m lie in the reserve, a concession begins 120 m east of it, a title touches its corner."""
    alert = alert_on([(0, 0), (0, 1), (1, 0), (1, 1)])
    reserve = square(-3_000, -3_000, 3_045, 9_000)
    concessions = [square(180, 0, 500, 500), square(61, 0, 9, 9), square(900, 0, 50, 50), square(70, 0, 5, 5)]
    layers = opened(
        {"shapes": [reserve], "names": ["Reserva Nacional"], "kind": "protected-area", "name": "areas"},
        {"shapes": concessions, "kind": "mining-right", "near_m": 900.0, "name": "rights"},
        {"shapes": [square(60, 60, 90, 90)], "kind": "community", "name": "titles"},
        {"shapes": [LineString([at(-100, 30), at(200, 30)])], "kind": "road", "name": "roads", "ids": ["PE-30C"]},
    )
    found = place_of(alert, layers, 30).overlaps
    told = [(o.layer, o.feature, o.relation, round(o.share, 6), round(o.distance_m, 6)) for o in found]
    assert told == [
        ("areas", "f0", "intersects", 0.75, 0.0),
        ("roads", "PE-30C", "intersects", 0.0, 0.0),
        ("titles", "f0", "near", 0.0, 0.0),
        ("rights", "f1", "near", 0.0, 1.0),
        ("rights", "f3", "near", 0.0, 10.0),
        ("rights", "f0", "near", 0.0, 120.0),
    ]
    assert (found[0].name, found[0].kind, found[0].version, found[0].category) == (
        "Reserva Nacional",
        "protected-area",
        "7",
        "",
    )
    inside = equal_area_ha(alert.cells, GRID.lattice) * 0.75  # in a projection nothing else here uses
    assert found[0].area_ha == pytest.approx(inside, rel=1e-5)


def test_a_sliver_is_none_of_an_alert_and_lacking_one_is_all_of_it() -> None:
    """Of 60 by 60 m, 0.05 mm along one side are 0.8 millionths."""
    alert = alert_on([(0, 0), (0, 1), (1, 0), (1, 1)])
    layers = opened({"shapes": [square(-600, 0, 600.00005, 60), square(0.00005, -60, 600, 600)]})
    within, near = place_of(alert, layers, 30).overlaps
    assert (within.feature, within.relation) == ("f1", "within") and within.share < 1
    assert (near.feature, near.relation, near.share, near.area_ha, near.distance_m) == ("f0", "near", 0, 0, 0)


@pytest.mark.parametrize(
    ("azimuth", "name"),
    [
        *((45 * i, n) for i, n in enumerate(("N", "NE", "E", "SE", "S", "SW", "W", "NW"))),
        (22.4, "N"), (22.6, "NE"), (337.4, "NW"), (337.6, "N"), (359.99, "N"), (360, "N"), (-22.4, "N"), (-22.6, "NW"),
        (-180, "S"), (179.9, "S"), (-1e-18, "N"), (-90, "W"), (247.6, "W"), (247.4, "SW"),
    ],
)  # fmt: skip
def test_a_direction_is_the_nearest_of_eight(azimuth: float, name: str) -> None:
    assert direction(azimuth) == name


def test_the_direction_goes_from_the_place_to_the_alert() -> None:
    """A village 3 km south of the alert sees it in the north; the river north of it, in the south."""
    village, river = Point(at(15, 3_015)), LineString([at(-5_000, -2_000), at(5_000, -2_000)])
    layers = opened(
        {"shapes": [village], "names": ["Puerto Luz"], "kind": "settlement"},
        {"shapes": [river], "names": ["Río Karene"], "kind": "river"},
    )
    found = place_of(alert_on([(0, 0)]), layers, 30).nearby
    assert [(one.name, one.direction) for one in found] == [("Río Karene", "S"), ("Puerto Luz", "N")]
    assert [one.kind for one in found] == ["river", "settlement"]
    # 0.9996 is the scale of UTM at its central meridian, from which this lies 20 km.
    assert [one.distance_m for one in found] == pytest.approx([2_015 / 0.9996, 3_000 / 0.9996], rel=2e-4)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["EPSG:32717", "EPSG:32718", "EPSG:32719", "EPSG:32617", "EPSG:32619"]),
    st.floats(-180, 180), st.floats(10, 45_000), st.integers(4_000, 12_000), st.integers(500, 15_000),
)  # fmt: skip
def test_distance_and_direction_are_geodesic(
    crs: str, azimuth: float, metres: float, west: int, from_equator: int
) -> None:
    assume(abs((azimuth - 22.5) % 45 - 22.5) < 22)  # not on the border of two directions
    north = 60 * from_equator if crs.startswith("EPSG:326") else 10_000_020 - 60 * from_equator
    grid = Grid(crs, 60 * west, north, 30, (10, 10))
    alert = alert_on([(4, 4)], grid)
    nowhere = place_of(alert, open_overlays((), grid), 30)
    lon, lat, back = GEOD.fwd(nowhere.lon, nowhere.lat, azimuth, metres)
    layers = opened(
        {"shapes": [Point(lon, lat)], "names": ["here"], "kind": "settlement", "crs": "EPSG:4326"}, grid=grid
    )
    (one,) = place_of(alert, layers, 30).nearby
    assert one.distance_m == pytest.approx(metres, abs=1e-3)
    assume(abs((back - 22.5) % 45 - 22.5) < 22.4)
    assert one.direction == ("N", "NE", "E", "SE", "S", "SW", "W", "NW")[round(back % 360 / 45) % 8]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-60, 60), st.integers(-60, 60), st.integers(0, 5)), max_size=14), CELLS)
def test_named_places_are_the_nearest_of_all(spots: list[tuple[int, int, int]], cells: Any) -> None:
    """Against trying every one; the last name is empty, and names come more than once. A unit is 900 m."""
    shapes = [Point(at(900 * x + 7, 900 * y + 3)) for x, y, _ in spots]
    names = [("A", "B", "C", "D", "E", None)[name] for _, _, name in spots]
    found = place_of(alert_on(cells), opened({"shapes": shapes, "names": names, "kind": "settlement"}), 30)
    away: dict[str, float] = {}
    for shape, name in zip(shapes, names, strict=True):
        lonlat = project(shape, GRID.crs, "EPSG:4326")
        metres = GEOD.inv(lonlat.x, lonlat.y, found.lon, found.lat)[2]
        assume(abs(metres - 50_000) > 100)  # a plane distance decides what is too far
        if name is not None and metres < 50_000:
            away[name] = min(metres, away.get(name, np.inf))
    assert [one.distance_m for one in found.nearby] == pytest.approx(sorted(away.values())[:3], abs=0.01)
    assert all(one.distance_m == pytest.approx(away[one.name], abs=0.01) for one in found.nearby)


def test_every_kind_of_named_place_has_a_seat() -> None:
    villages = {"shapes": [Point(at(9_000, 0)), Point(at(9_500, 0))], "names": ["V1", "V2"], "kind": "settlement"}
    rivers = {
        "shapes": [LineString([at(d, -99), at(d, 99)]) for d in (100, 200, 300, 400)],
        "names": list("abcd"),
        "kind": "river",
    }
    alert = alert_on([(0, 0)])
    assert [one.name for one in place_of(alert, opened(rivers, villages), 30).nearby] == ["a", "b", "V1"]
    assert [one.name for one in place_of(alert, opened(rivers), 30).nearby] == ["a", "b", "c"]
    road = {"shapes": [Point(at(20_000, 0)).buffer(9)], "names": ["R"], "kind": "road"}
    assert [one.name for one in place_of(alert, opened(villages, road, rivers), 30).nearby] == ["a", "V1", "R"]
    # A name is told once, where it is nearest; what the point lies on shows no way.
    same = {"shapes": [Point(at(50, 0))], "names": ["V1"], "kind": "river"}
    under = {"shapes": [square(-50, -50, 200, 200)], "names": ["Town"], "kind": "settlement"}
    found = place_of(alert, opened(villages, same, under), 30)
    assert [one.name for one in found.nearby] == ["V1", "V2"]
    assert [(one.name, one.relation) for one in found.overlaps] == [("Town", "within")]


def test_only_layers_to_go_by_give_named_places() -> None:
    for kind in KINDS:
        shape = square(300, 0, 90, 90)
        found = place_of(alert_on([(0, 0)]), opened({"shapes": [shape], "names": ["x"], "kind": kind}), 30)
        assert bool(found.nearby) == (kind in ("settlement", "river", "road")), kind
        assert not found.overlaps


def test_nothing_restricted_is_public() -> None:
    open_ones = [
        {"shapes": [square(-90, -90, 900, 900)], "names": ["ANP"], "kind": "protected-area", "name": "areas"},
        {"shapes": [Point(at(700, 0))], "names": ["V"], "kind": "settlement", "near_m": 900.0, "name": "villages"},
    ]
    hidden = [
        {"shapes": [square(-90, -90, 900, 900)], "names": ["RI"], "kind": "indigenous-reserve", "restricted": True},
        {"shapes": [Point(at(300, 0))], "names": ["camp"], "kind": "settlement", "near_m": 900.0, "restricted": True},
    ]
    alert, layers = alert_on([(0, 0)]), opened(*open_ones, *hidden)
    place = place_of(alert, layers, 30)
    assert {one.name for one in place.overlaps} == {"ANP", "V", "RI", "camp"}
    shown = unrestricted(place, [layer.about for layer in layers.layers])
    assert shown == place_of(alert, opened(*open_ones), 30)
    assert "RI" not in repr(shown) and "camp" not in repr(shown)


def test_a_point_that_is_not_inside_in_degrees_gives_way_to_the_next_cell() -> None:
    """A row of cells along 90 km of northing zero: in degrees the straight edges of its outline leave its middle out."""
    grid = Grid("EPSG:32718", 699_990, 1_200_000, 30, (1, 3_000))
    alert = alert_on([(0, column) for column in range(3_000)], grid)
    place = place_of(alert, open_overlays((), grid), 30)
    assert place.geometry.contains(Point(place.lon, place.lat))
    middle = Transformer.from_crs(grid.crs, "OGC:CRS84", always_xy=True).transform(grid.west + 45_015, grid.north - 15)
    assert not place.geometry.contains(Point(middle))
    assert feature(alert)["properties"]["label_point"] == [place.lon, place.lat]


def test_cells_too_small_to_point_at_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.outputs.vectors.DECIMALS", 2)
    with pytest.raises(BadInput, match="too small to point at in 2 decimals"):
        place_of(alert_on([(0, 0)]), open_overlays((), GRID), 30)


def test_an_alert_elsewhere_or_nowhere_is_refused() -> None:
    none = open_overlays((), GRID)
    assert places_of([], none, 30) == []
    for alert, size, kind, words in (
        (alert_on([(0, 0)]), 10, GridMismatch, r"EPSG:32719@30m is not EPSG:32719@10m"),
        (alert_on([(0, 0)], replace(GRID, crs="EPSG:32718")), 30, GridMismatch, "EPSG:32718@30m is not EPSG:32719@30m"),
        (make_alert((), lattice=GRID.lattice), 30, BadInput, "alert K7Q4M2-X: has no cells"),
    ):
        with pytest.raises(kind, match=words) as found:
            place_of(alert, none, size)
        assert "\n" not in str(found.value)


# -- opening ---------------------------------------------------------------------------------------------------------


def test_the_same_features_in_any_file_give_the_same_answer(tmp_path: Path) -> None:
    shapes = [square(-500, -500, 517, 999), square(40, 20, 300, 300), Point(at(300, 300)).buffer(100)]
    said = [
        {"cod": 12.0, "nom": "Á  B\n", "zona": "AD"},
        {"cod": 7, "nom": None, "zona": "PE"},
        {"cod": "x-1", "nom": "\u202eZ", "zona": None},
    ]
    columns = {key: [str(one[key]) if one[key] is not None else None for one in said] for key in ("cod", "nom", "zona")}
    lonlat = [project(shapely.segmentize(shape, 10), GRID.crs, "EPSG:4326") for shape in shapes]
    other = [project(shapely.segmentize(shape, 10), GRID.crs, "EPSG:32718") for shape in shapes]
    files = (
        geojson(tmp_path / "a.geojson", lonlat, said),
        gpkg(tmp_path / "a.gpkg", lonlat, "EPSG:4326", **columns),
        gpkg(tmp_path / "b.gpkg", [shapely.force_3d(shape, 99) for shape in other], "EPSG:32718", **columns),
    )
    keys = {"id_field": "cod", "name_field": "nom", "category_field": "zona", "near_m": 400.0}
    alert = alert_on([(r, c) for r in range(4) for c in range(3)])
    told = [place_of(alert, open_overlays([overlay(file, **keys)], GRID), 30).overlaps for file in files]
    for found in told:
        facts = {(one.name, one.category, one.relation) for one in found}
        assert facts == {("Á B", "AD", "intersects"), ("", "PE", "intersects"), ("Z", "", "near")}
        assert [one.area_ha for one in found] == pytest.approx([one.area_ha for one in told[0]], abs=1e-4)
        assert [one.distance_m for one in found] == pytest.approx([one.distance_m for one in told[0]], abs=0.02)
    assert {one.feature for one in told[0]} == {"12", "7", "x-1"}


def test_what_columns_say_becomes_one_line_of_text(tmp_path: Path) -> None:
    values = ["a\tb\n c", "", None, "x" * 500, "\x00\u200bk", 12, 12.0, 12.5, float("inf"), True, [1], {"a": 1}]
    shapes = [project(Point(at(30 * i, 0)), GRID.crs, "EPSG:4326") for i in range(len(values))]
    path = geojson(tmp_path / "a.geojson", shapes, [{"v": value} for value in values])
    (layer,) = open_overlays([overlay(path, kind="other", name_field="v")], GRID).layers
    named = {known.ident: known.name for known in layer.features}
    said = [named[f"#{i + 1}"] for i in range(len(values))]
    assert said == ["a b c", "", "", "x" * 120, "k", "12", "12", "12.5", "", "True", "", ""]


def test_an_id_may_stand_beside_the_properties(tmp_path: Path) -> None:
    path, shape = (
        tmp_path / "a.geojson",
        json.loads(shapely.to_geojson(project(Point(at(0, 0)), GRID.crs, "EPSG:4326"))),
    )
    for member in ({"id": "a-7"}, {"id": "b", "properties": {"id": "a-7"}}):
        path.write_text(json.dumps({"type": "Feature", "geometry": shape, "properties": None, **member}))
        (layer,) = open_overlays([overlay(path, kind="other", id_field="id")], GRID).layers
        assert [known.ident for known in layer.features] == ["a-7"]


def test_a_geopackage_s_columns_are_read_as_an_independent_reader_does(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    shapes = [Point(at(*rng.uniform(0, 900, 2))) for _ in range(40)]
    columns = {"id": [f"{i:03d}" for i in range(40)], "no\"mb're": [f"n{i}" for i in range(40)]}
    path = gpkg(tmp_path / "a.gpkg", shapes, **columns)
    (layer,) = open_overlays([overlay(path, kind="other", id_field="id", name_field="no\"mb're")], GRID).layers
    meta, fids, _, (ids, names) = pyogrio.raw.read(path, return_fids=True)
    assert sorted((known.ident, known.name) for known in layer.features) == sorted(zip(ids, names, strict=True))
    assert list(meta["fields"]) == list(columns)
    by_fid = open_overlays([overlay(path, kind="other", id_field="fid")], GRID).layers[0]
    assert {known.ident for known in by_fid.features} == {str(fid) for fid in fids}


def test_what_had_to_be_mended_is_counted() -> None:
    bow_tie = Polygon([at(0, 0), at(60, 60), at(60, 0), at(0, 60)])
    spike = Polygon([at(0, 0), at(9, 9), at(0, 0), at(9, 9)])
    shapes, ids = [bow_tie, square(0, 0, 30, 30), square(0, 0, 90, 90), spike], ["tie", None, " ", "spike"]
    layers = opened({"shapes": shapes, "ids": ids}, {"shapes": [square(0, 0, 9, 9)]})
    mended, sound = layers.notes
    assert mended.split("; ") == [
        "layer-0: 3 features near the area",
        "2 geometries were not valid and are repaired",
        "1 of them have no area or length left and are left out",
        "2 rows have no id and are named by their position",
    ]
    assert sound == "layer-1: 1 features near the area"
    found = place_of(alert_on([(0, 0), (0, 1), (1, 0), (1, 1)]), layers, 30).overlaps
    told = {one.feature: round(one.share, 6) for one in found if one.layer == "layer-0"}
    assert told == {"#3": 1, "tie": 0.5, "#2": 0.25}


def test_what_projecting_spoils_by_rounding_is_mended_too() -> None:
    """A hole that comes within 1e-15 degrees of the shell, and in metres crosses it."""
    shell = [(-69.1759207322294, -12.85001369250085), (-69.18057079377868, -12.850451275828716)]
    hole = [(-69.17823639412522, -12.850332044318005), (-69.17778075684912, -12.850188725832016)]
    third, inner = (-69.17582704344117, -12.851009294033071), (-69.17800389104777, -12.850310165151614)
    shape = Polygon([*shell, third], [[*hole, inner]])
    assert shape.is_valid and not project(shape, "EPSG:4326", GRID.crs).is_valid
    (layer,) = opened({"shapes": [shape], "crs": "EPSG:4326"}).layers
    assert shapely.is_valid(layer.tree.geometries).all()


def test_rows_of_one_feature_are_one_and_what_they_share_counts_once() -> None:
    shapes = [square(0, 0, 20, 60), square(10, 0, 20, 60), square(50, 0, 10, 60), LineString([at(0, 0), at(99, 0)])]
    layers = opened({"shapes": shapes, "ids": ["a", "a", "b", "a"], "kind": "community"})
    found = place_of(alert_on([(0, 0), (0, 1), (1, 0), (1, 1)]), layers, 30).overlaps
    assert [(one.feature, round(one.share, 6)) for one in found] == [("a", 0.5), ("b", 0.166667), ("a", 0)]


def test_large_features_are_cut_up_and_nothing_shows_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    angle = np.linspace(0, 2 * np.pi, 3_000, endpoint=False)
    radius = 500 * (1 + 0.3 * np.sin(7 * angle) + 0.02 * np.sin(91 * angle))
    star = Polygon(
        np.column_stack(at(300 + radius * np.cos(angle), 300 + radius * np.sin(angle))),
        [square(250, 250, 95, 40).exterior],
    )
    shore = {
        "shapes": [star.exterior, Point(at(9, 9)).buffer(90, quad_segs=400)],
        "kind": "river",
        "names": ["shore", "pool"],
    }
    alerts = [alert_on([(r, c), (r, c + 1), (r + 1, c)]) for r in range(-8, 40, 5) for c in range(-8, 40, 5)]
    told: list[list[Place]] = []
    for most in (256, 10**9):
        monkeypatch.setattr(opening, "PIECE_VERTICES", most)
        layers = opened({"shapes": [star], "near_m": 500.0}, shore)
        assert (len(layers.layers[0].owners) > 12) == (most == 256)
        told.append(places_of(alerts, layers, 30))
    relations = {one.relation for place in told[0] for one in place.overlaps if one.layer == "layer-0"}
    assert relations == {"within", "intersects", "near"}
    for place, whole in zip(*told, strict=True):
        assert all(0 <= one.share <= 1 for one in place.overlaps)
        assert [(o.layer, o.feature, o.relation) for o in place.overlaps] == [
            (o.layer, o.feature, o.relation) for o in whole.overlaps
        ]
        assert [o.area_ha for o in place.overlaps] == pytest.approx([o.area_ha for o in whole.overlaps], abs=1e-8)
        assert [o.distance_m for o in place.overlaps] == pytest.approx([o.distance_m for o in whole.overlaps], abs=1e-6)
        assert [(n.name, n.direction) for n in place.nearby] == [(n.name, n.direction) for n in whole.nearby]


def test_what_meets_at_one_spot_is_not_cut_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = np.linspace(0, np.pi, 40, endpoint=False)
    spokes = [LineString([at(5 + 900 * f * np.cos(t), 5 + 900 * f * np.sin(t)) for f in (-1, 0, 1)]) for t in turns]
    monkeypatch.setattr(opening, "PIECE_VERTICES", 16)
    counts = []
    for smallest in (opening.SMALLEST_PIECE_M, 0.001):
        monkeypatch.setattr(opening, "SMALLEST_PIECE_M", smallest)
        layers = opened({"shapes": [shapely.MultiLineString(spokes)], "kind": "other"})
        assert place_of(alert_on([(0, 0)]), layers, 30).overlaps[0].relation == "intersects"
        counts.append(len(layers.layers[0].owners))
    assert counts[0] < counts[1] - 40


def test_only_parts_of_the_own_dimension_are_kept() -> None:
    point, line, one, other = Point(0, 0), LineString([(0, 0), (1, 1)]), box(2, 2, 3, 3), box(5, 5, 7, 7)
    mixed = shapely.GeometryCollection([point, line, shapely.MultiPolygon([one, other])])
    for dimension, kept in enumerate((point, line, shapely.MultiPolygon([one, other]))):
        assert attributes.of_dimension(mixed, dimension).equals(kept)
    assert attributes.of_dimension(shapely.GeometryCollection([point, line]), 2).is_empty


def test_a_layer_over_the_antimeridian_is_one() -> None:
    east, north = Transformer.from_crs("EPSG:4326", "EPSG:32760", always_xy=True).transform(180, -17.05)
    grid = Grid("EPSG:32760", int(east // 60) * 60 - 600, int(north // 60) * 60, 30, (10, 40))
    fiji = shapely.MultiPolygon([box(179.9, -17.1, 180, -17), box(-180, -17.1, -179.9, -17)])
    alert = alert_on([(r, c) for r in range(10) for c in range(40)], grid)
    layers = opened({"shapes": [fiji], "crs": "EPSG:4326"}, grid=grid)
    assert layers.notes == ("layer-0: 1 features near the area",)
    place = place_of(alert, layers, 30)
    assert [(one.relation, one.feature) for one in place.overlaps] == [("within", "f0")]
    assert len(place.geometry.geoms) == 2 and place.geometry.contains(Point(place.lon, place.lat))


def test_a_long_border_is_straight_in_its_own_coordinates() -> None:
    """Along the parallel of 12 S, two degrees wide: 200 m and more off the straight line of the UTM grid."""
    east, north = Transformer.from_crs("EPSG:4326", GRID.crs, always_xy=True).transform(-69.6, -12)
    grid = Grid(GRID.crs, int(east // 60) * 60, int(north // 60) * 60 + 600, 30, (40, 10))
    wide = Grid.covering(GRID.crs, (grid.west - 90_000, grid.north - 3_000, grid.west + 90_000, grid.north + 3_000), 30)
    alert = alert_on([(r, c) for r in range(40) for c in range(10)], grid)
    south = {"shapes": [box(-71, -12.5, -68, -12)], "crs": "EPSG:4326"}
    (one,) = place_of(alert, opened(south, grid=wide), 30).overlaps
    rows, columns = alert.cells.T
    _, lat = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(columns * 30 + 15, -(rows * 30 + 15))
    below: NDArray[np.bool_] = lat < -12
    assert one.share == pytest.approx(below.mean(), abs=0.02)


def test_the_real_park_holds_what_lies_in_it(shared: Path) -> None:
    path = shared / "data/gfc-fixture/sierra_de_neiba_478140.gpkg"
    park = project(shapely.from_wkb(pyogrio.raw.read(path)[2][0]), "EPSG:4326", "EPSG:32619")
    grid = Grid.covering("EPSG:32619", park.bounds, 30)
    keys = {"kind": "protected-area", "id_field": "WDPAID", "category_field": "ISO3", "near_m": 500.0}
    layers = open_overlays([overlay(path, "areas", **keys)], grid)
    rng = np.random.default_rng(8)
    corners = np.column_stack([rng.integers(0, size - 3, 300) for size in grid.shape])
    alerts = [alert_on([(r + i, c + j) for i in range(3) for j in range(3)], grid) for r, c in corners]
    seen = set()
    for alert, place in zip(alerts, places_of(alerts, layers, 30), strict=True):
        share, gap = share_by_cells(alert, park, grid), outline(alert.cells, alert.lattice).distance(park)
        expected = "within" if share > 1 - 1e-6 else "intersects" if share > 1e-6 else "near" if gap <= 500 else None
        assert [one.relation for one in place.overlaps] == ([expected] if expected else [])
        for one in place.overlaps:
            assert (one.feature, one.category) == ("478140", "DOM")
            assert one.share == pytest.approx(share, abs=1e-4)  # edges are bent a little less here
        seen.add(expected)
    assert seen == {"within", "intersects", "near", None}


# -- what is refused -------------------------------------------------------------------------------------------------


def test_the_keys_are_those_of_the_class_and_each_is_explained() -> None:
    reader = TypeAdapter(Overlay)
    said = {"name": "anp", "kind": "protected-area", "path": "anp.gpkg", "source": "SERNANP", "version": "2026-05"}
    assert reader.validate_json(json.dumps(said), strict=True).near_m == 0
    for wrong in (
        {"nearm": 5},
        {"name": "ANP Perú"},
        {"kind": "park"},
        {"near_m": -1},
        {"near_m": 1e6},
        {"id_field": ""},
    ):
        with pytest.raises(ValidationError):
            reader.validate_json(json.dumps({**said, **wrong}), strict=True)
    keys = reader.json_schema()["properties"]
    assert set(keys) == set(Overlay.__dataclass_fields__) and all(key["description"] for key in keys.values())
    assert set(keys["kind"]["enum"]) == set(KINDS)


def test_keys_that_do_not_fit_are_one_clear_line() -> None:
    for path, keys, words in (
        ("/vsicurl/http://127.0.0.1/a.gpkg", {}, "not a local file"),
        ("http://127.0.0.1/a.gpkg", {}, "not a local file"),
        ("a.shp", {}, "ends in '.shp'"),
        ("a.tif", {}, "a.tif: is a raster; give a GeoPackage"),
        ("a.geojson", {"layer": "x"}, "`layer` is for GeoPackages"),
        ("a.gpkg", {"sha256": "abc"}, "not 64 small hex digits"),
        ("a.gpkg", {"source": " "}, "`source` or `version` is empty"),
    ):
        with pytest.raises(BadInput, match=words) as found:
            Overlay(**{"name": "a", "kind": "zone", "path": Path(path), "source": "x", "version": "1", **keys})
        assert "\n" not in str(found.value)


def spoilt(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as database:
        triggers = database.execute("select name from sqlite_master where type = 'trigger'").fetchall()
        for statement in (*(f'drop trigger "{name}"' for (name,) in triggers), *statements):
            database.execute(statement)
        database.commit()
    return path


def test_bad_layers_are_one_clear_line(tmp_path: Path) -> None:
    good = gpkg(tmp_path / "good.gpkg", [square(0, 0, 90, 90)], cod=["a"])
    line = gpkg(tmp_path / "line.gpkg", [LineString([at(0, 0), at(90, 90)])], cod=["a"])
    many = gpkg(tmp_path / "many.gpkg", [Point(at(600, 600)).buffer(400, quad_segs=2_000)], cod=["a"])
    text = "alter table layer add column computed text as ('x' || cod) virtual"
    computed = spoilt(gpkg(tmp_path / "computed.gpkg", [square(0, 0, 90, 90)], cod=["a"]), text)
    rowid = spoilt(
        gpkg(tmp_path / "rowid.gpkg", [square(0, 0, 90, 90)], cod=["a"]), "alter table layer add column rowid text"
    )
    latin = spoilt(
        gpkg(tmp_path / "latin.gpkg", [square(0, 0, 90, 90)], cod=["a"]), "update layer set cod = cast(x'ff41' as text)"
    )
    plain = geojson(tmp_path / "plain.geojson", [Point(-70, -12.8)], [{"cod": 1}])
    bare = tmp_path / "bare.geojson"
    bare.write_text('{"type": "Point", "coordinates": [-70, -12.8]}')
    cases: list[tuple[Path, dict[str, Any], str]] = [
        (tmp_path / "absent.gpkg", {}, "no such file"),
        (good, {"sha256": "0" * 64}, "changed under its checksum"),
        (good, {"layer": "other"}, "'other' was asked for, it holds the layers: layer"),
        (good, {"id_field": "COD"}, "has no column 'COD'; its columns are: fid, cod"),
        (good, {"name_field": "geom"}, "has no column 'geom'"),
        (good, {"category_field": 'x" from layer; --'}, "has no column"),
        (computed, {"id_field": "computed"}, "has no column 'computed'"),
        (rowid, {"id_field": "cod"}, "has a column called `rowid`"),
        (latin, {"id_field": "cod"}, "not readable as GeoPackage"),
        (line, {}, "feature 1 is a LineString; only Polygon, MultiPolygon fit its kind"),
        (plain, {"kind": "settlement", "id_field": "x"}, "has no column 'x'; its columns are: cod"),
        (bare, {"kind": "settlement", "id_field": "x"}, "has no column 'x'; its columns are: none"),
    ]
    cases += [(path, {"kind": "other"}, words) for path, words in bad_vectors(tmp_path).values()]
    for path, keys, words in cases:
        with pytest.raises(BadInput, match=words) as found:
            open_overlays([overlay(path, **keys)], THERE if keys == {"kind": "other"} else GRID)
        said = str(found.value)
        assert said.startswith(f"overlays.zones: {path.name}: ") and "\n" not in said
        assert found.value.__cause__ is None
    with pytest.raises(BadInput, match="two are called 'zones'"):
        open_overlays([overlay(good), overlay(good)], GRID)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(BadInput, match="over 7,000 vertices near the area"):
        patch.setattr(attributes, "MOST_VERTICES", 7_000)
        open_overlays([overlay(many)], GRID)


def test_a_layer_of_another_region_is_only_noted(tmp_path: Path) -> None:
    far = gpkg(tmp_path / "far.gpkg", [box(10, 49, 11, 50)], "EPSG:4326", cod=["a"])
    off = geojson(
        tmp_path / "off.geojson", [Point(10, 49)], [{"cod": 1}]
    )  # nor is it looked at, so its kind may be wrong
    empty = gpkg(tmp_path / "empty.gpkg", [box(10, 49, 11, 50)], "EPSG:4326", cod=["a"])
    spoilt(empty, "delete from rtree_layer_geom")
    asked = [
        overlay(far, near_m=500.0, id_field="cod"),
        overlay(off, "villages"),
        overlay(empty, "empty", "road"),
    ]
    layers = open_overlays(asked, GRID)
    assert layers.notes == (
        "zones: nothing of far.gpkg lies near the area; is it the layer of this area?",
        "villages: nothing of off.geojson lies near the area; is it the layer of this area?",
        "empty: nothing of empty.gpkg lies near the area; is it the layer of this area?",
    )
    place = place_of(alert_on([(0, 0)]), layers, 30)
    assert place.overlaps == place.nearby == ()


def test_layers_reach_as_far_as_anything_is_asked_of_them(tmp_path: Path) -> None:
    shapes = {d: square(1_200 + d, 0, 30, 30) for d in (100, 5_000, 30_000, 80_000)}
    path = gpkg(tmp_path / "a.gpkg", list(shapes.values()), cod=[str(d) for d in shapes])
    for kind, near_m, expected in (
        ("zone", 0.0, {"100"}),  # in the rim against the bends of the map
        ("zone", 6_000.0, {"100", "5000"}),
        ("settlement", 0.0, {"100", "5000", "30000"}),
        ("road", 90_000.0, {"100", "5000", "30000", "80000"}),
    ):
        (layer,) = open_overlays([overlay(path, kind=kind, near_m=near_m, id_field="cod")], GRID).layers
        assert {known.ident for known in layer.features} == expected
