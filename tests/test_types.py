"""The nouns: grids that nest and tile, scenes in their order, cubes that refuse what breaks their contract."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import grids, scene, scenes_on

from detection.codes import Observation
from detection.errors import BadInput, GridMismatch
from detection.monitors import Detector
from detection.types import RADAR_PLATFORM, Cube, Grid, Planes, Raw, Scene, digest, to_date, to_day

QUICK = settings(max_examples=60, deadline=None)
GRID = Grid("EPSG:32719", 300_000, 8_600_040, 30, (4, 5))


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:4326",
        "EPSG:32600",
        "EPSG:32761",
        "EPSG:3271",
        "EPSG:327019",
        "EPSG:327²9",
        "epsg:32719",
        "32719",
        "",
        "EPSG:32719 ",
        "EPSG:32719\n",
    ],
)
def test_only_utm_zones(crs: str) -> None:
    with pytest.raises(BadInput, match="not a UTM zone"):
        replace(GRID, crs=crs)


@pytest.mark.parametrize("zone", range(1, 61))
def test_every_utm_zone(zone: int) -> None:
    for hemisphere in "67":
        assert replace(GRID, crs=f"EPSG:32{hemisphere}{zone:02d}").epsg == int(f"32{hemisphere}{zone:02d}")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"resolution": 25}, "not one of"),
        ({"resolution": 60}, "not one of"),
        ({"resolution": 0}, "not one of"),
        ({"west": 300_010}, "not on the 30 m lattice"),
        ({"north": 8_600_030}, "not on the 30 m lattice"),
        ({"shape": (0, 5)}, "is empty"),
        ({"shape": (4, -1)}, "is empty"),
    ],
)
def test_grids_that_are_none(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as found:
        replace(GRID, **change)
    assert "\n" not in str(found.value)


@QUICK
@given(grids(40), st.integers(1, 45))
def test_tiles_cover_the_grid_once(grid: Grid, size: int) -> None:
    covered = np.zeros(grid.shape, int)
    for tile in grid.tiles(size):
        row, column = grid.offset(tile)
        assert max(tile.shape) <= size
        covered[row : row + tile.shape[0], column : column + tile.shape[1]] += 1
        assert (tile.crs, tile.resolution, tile.lattice) == (grid.crs, grid.resolution, grid.lattice)
        assert (tile.first_row, tile.first_column) == (grid.first_row + row, grid.first_column + column)
    assert (covered == 1).all()


@QUICK
@given(grids(), st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 7))
def test_windows_and_rims(grid: Grid, row: int, column: int, cells: int) -> None:
    part = grid.window(row, column, 3, 2)
    assert grid.offset(part) == (row, column)
    assert part.offset(grid) == (-row, -column)
    rim = grid.pad(cells)
    assert rim.offset(grid) == (cells, cells)
    assert rim.shape == (grid.shape[0] + 2 * cells, grid.shape[1] + 2 * cells)
    assert grid.transform @ (column, row) == (part.west, part.north)
    west, south, east, north = grid.bounds
    assert (east - west, north - south) == (grid.shape[1] * grid.resolution, grid.shape[0] * grid.resolution)


@QUICK
@given(grids(6))
def test_resolutions_nest(grid: Grid) -> None:
    """A grid on multiples of 60 m covers the same ground at any resolution, with its lattices in step."""
    west, _, _, north = grid.bounds
    shapes = {r: Grid(grid.crs, west, north, r, (60 // r, 60 // r)) for r in (10, 20, 30)}
    assert len({g.bounds for g in shapes.values()}) == 1
    for resolution, finer in shapes.items():
        assert (finer.first_row * resolution, finer.first_column * resolution) == (-north, west)


def test_lattices_that_differ_have_no_offset() -> None:
    for other in (replace(GRID, crs="EPSG:32718"), replace(GRID, resolution=10), replace(GRID, crs="EPSG:32619")):
        with pytest.raises(GridMismatch, match="one lattice"):
            GRID.offset(other)


@QUICK
@given(
    st.floats(-1e6, 2e6),
    st.floats(-1e6, 1e7),
    st.floats(0.01, 5_000),
    st.floats(0.01, 5_000),
    st.sampled_from([10, 20, 30]),
)
def test_covering_covers_and_no_more_than_needed(
    west: float, south: float, width: float, height: float, resolution: int
) -> None:
    bounds = (west, south, west + width, south + height)
    assume(bounds[2] > west and bounds[3] > south)
    grid = Grid.covering("EPSG:32719", bounds, resolution)
    w, s, e, n = grid.bounds
    assert (w % 60, n % 60) == (0, 0)
    hair = 1e-6  # metres
    assert w - hair <= bounds[0] < w + 60
    assert n - 60 < bounds[3] <= n + hair
    assert e - resolution - hair < bounds[2] <= e + hair
    assert s - hair <= bounds[1] < s + resolution + hair


def test_covering_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="empty"):
        Grid.covering("EPSG:32719", (300_000, 8_600_040, 300_000, 8_600_040), 30)


@QUICK
@given(st.lists(st.tuples(st.integers(-(10**9), 2 * 10**9), st.sampled_from("ab"), st.sampled_from("xyz")), max_size=8))
def test_scenes_are_in_order_of_instant_platform_and_id(parts: list[tuple[int, str, str]]) -> None:
    found = [Scene(*p, orbit=str(i)) for i, p in enumerate(parts)]
    assert [(s.instant, s.platform, s.id) for s in sorted(found)] == sorted(parts)
    assert len(set(found)) == len(set(parts))  # the orbit makes no other scene of it


@QUICK
@given(st.integers(-20_000, 40_000), st.integers(0, 86_399))
def test_days_are_utc(day: int, second: int) -> None:
    found = scene(day, second)
    assert found.day == day == to_day(to_date(day)) == to_day(found.when.date())
    assert found.when.tzinfo is not None
    assert to_date(0) == date(1970, 1, 1)


def cube(count: int = 3) -> Cube:
    values = np.arange(count * 20, dtype=np.float32).reshape(count, 4, 5)
    values[0, 0, 0], values[-1, 1, 1] = np.nan, np.inf
    return Cube.of(GRID, scenes_on(range(18_000, 18_000 + 8 * count, 8)), Planes(("nbr",)), values[:, None])


def test_a_cube_of_values_alone() -> None:
    made = cube()
    assert np.isnan(made.values[[0, -1], 0, [0, 1], [0, 1]]).all()
    assert (np.isfinite(made.values[:, 0]) == (made.observation == Observation.OBSERVED)).all()
    assert (made.observation == Observation.MASKED).sum() == 2
    assert made.days.tolist() == [18_000, 18_008, 18_016]
    assert made.days.dtype == np.int32


@pytest.mark.parametrize("order", [[1, 0, 2], [0, 0, 1], [0, 2, 1], [2, 1, 0]])
def test_scenes_out_of_order_or_twice_are_refused(order: list[int]) -> None:
    made = cube()
    scenes = tuple(made.scenes[i] for i in order)
    with pytest.raises(BadInput, match="canonical order"):
        Cube(GRID, scenes, made.planes, made.values, made.observation)
    with pytest.raises(BadInput, match="canonical order"):
        made.take(order)


def test_shapes_and_dtypes_are_checked() -> None:
    made = cube()
    for change in (
        {"values": made.values[:2]},
        {"values": made.values[:, 0]},
        {"planes": Planes(("nbr", "ndmi"))},
        {"observation": made.observation[:, :3]},
        {"grid": replace(GRID, shape=(5, 4))},
        {"scenes": made.scenes[:2]},
    ):
        with pytest.raises(GridMismatch):
            replace(made, **change)
    with pytest.raises(BadInput, match="float32"):
        replace(made, values=made.values.astype(np.float64))
    with pytest.raises(GridMismatch):
        Raw(GRID, made.scenes, ("a", "b"), made.values, made.observation)


def test_the_bands_of_a_raw_cube() -> None:
    values = np.arange(120).reshape(3, 2, 4, 5)
    raw = Raw(GRID, scenes_on([1, 2, 3]), ("a", "b"), values, np.zeros((3, 4, 5), np.uint8))
    np.testing.assert_array_equal(raw.band("b"), values[:, 1])
    with pytest.raises(ValueError, match="not in tuple"):
        raw.band("c")


def test_parts_of_a_cube() -> None:
    made = cube(4)
    assert made.between(18_008, 18_024).days.tolist() == [18_008, 18_016]
    assert made.take([]).values.shape == (0, 1, 4, 5)
    part = made.crop(GRID.window(1, 2, 2, 3))
    np.testing.assert_array_equal(part.values, made.values[..., 1:3, 2:5])
    np.testing.assert_array_equal(part.observation, made.observation[:, 1:3, 2:5])


@pytest.mark.parametrize("window", [(-2, 0, 1, 1), (0, -1, 1, 1), (3, 0, 2, 1), (0, 4, 1, 2)])
def test_a_part_that_lies_outside_is_refused(window: tuple[int, int, int, int]) -> None:
    with pytest.raises(GridMismatch, match="outside"):
        cube().crop(GRID.window(*window))


def test_the_view_for_notebooks() -> None:
    made = cube()
    view = made.to_dataset()
    assert view.attrs == {"crs": "EPSG:32719", "resolution": 30}
    assert (view.x.values[0], view.y.values[0]) == (300_015, 8_600_025)
    assert (view.x.values[-1], view.y.values[-1]) == (300_135, 8_599_935)
    assert view.time.values[0] == np.datetime64(datetime(2019, 4, 14, tzinfo=UTC).date())
    np.testing.assert_array_equal(view.nbr.values, made.values[:, 0])


def test_planes_name_what_a_look_holds() -> None:
    both = Planes(("nbr", "ndmi", "doubt"), ("vv", "vh"))
    assert (both.width, both.leading, both.names) == (3, "nbr", ("nbr", "ndmi", "doubt", "vv", "vh"))
    assert both.of(scene(1)) == both.optical and both.of(scene(1, platform="sentinel-1c")) == ("vv", "vh")
    assert both.of(scene(1, platform="sentinel-2a")) == both.optical
    alone = Planes((), ("vv",))
    assert (alone.width, alone.leading, alone.of(scene(1))) == (1, "vv", ())
    assert Planes.single("x", ()) == Planes(("x",)) == Planes.single("x", [scene(1)])
    assert Planes.single("x", [scene(1, platform="sentinel-1a")]) == Planes((), ("x",))
    assert Planes.single("x", [scene(1, platform="sentinel-1a"), scene(1)]) == Planes(("x",), ("x",))


@pytest.mark.parametrize(("optical", "radar"), [((), ()), (("a", "a"), ()), (("a",), ("b", "b"))])
def test_planes_named_twice_or_not_at_all_are_refused(optical: tuple[str, ...], radar: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="name each once"):
        Planes(optical, radar)


def test_a_look_counts_with_all_its_planes_and_other_slots_stay_empty() -> None:
    planes = Planes(("nbr", "ndmi"), ("vv",))
    scenes = (scene(1), scene(2, platform="sentinel-1a"), scene(3))
    values = np.arange(120, dtype=np.float32).reshape(3, 2, 4, 5)
    values[0, 1, 0, 0] = values[2, 0, 1, 1] = np.nan
    made = Cube.of(GRID, scenes, planes, values)
    assert np.isnan(made.values[1, 1]).all(), "a radar look has one plane"
    assert np.isnan(made.values[0, :, 0, 0]).all() and np.isnan(made.values[2, :, 1, 1]).all()
    assert (made.observation == Observation.MASKED).sum() == 2
    assert (np.isfinite(made.values[:, 0]) == (made.observation == Observation.OBSERVED)).all()
    assert np.isnan(made.plane("nbr")[1]).all() and np.isnan(made.plane("vv")[[0, 2]]).all()
    np.testing.assert_array_equal(made.plane("vv")[1], values[1, 0])
    np.testing.assert_array_equal(made.plane("ndmi")[2], made.values[2, 1])
    view = made.to_dataset()
    assert set(view) == {"nbr", "ndmi", "vv", "observation"}
    np.testing.assert_array_equal(view.vv.values, made.plane("vv"))
    with pytest.raises(BadInput, match="no plane 'vh'; it holds nbr, ndmi, vv"):
        made.plane("vh")
    for wrong in (values[:, 0], values[:, :1], values[:2]):
        with pytest.raises(GridMismatch, match="expected"):
            Cube.of(GRID, scenes, planes, wrong)


def test_a_digest_knows_values_and_not_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert Detector().digest == digest(Detector()) != Detector(loss="raises").digest


def test_the_first_planes_of_both_kinds_alone() -> None:
    wide = Planes(("nbr", "doubt", "red"), ("vv",))
    scenes = (Scene(0, "x", "a"), Scene(1, f"{RADAR_PLATFORM}a", "b"))
    values = np.arange(6, dtype=np.float32).reshape(2, 3, 1, 1)
    cube = Cube.of(GRID.window(0, 0, 1, 1), scenes, wide, values)
    narrow = cube.narrow(Planes(("nbr",), ("vv",)))
    assert narrow.values[:, :, 0, 0].tolist() == [[0], [3]]
    none = cube.narrow(Planes(("nbr", "doubt"), ()))
    assert np.isnan(none.values[1]).all() and none.values[0, :, 0, 0].tolist() == [0, 1]
    assert cube.narrow(wide) is cube
    with pytest.raises(BadInput, match="do not begin with red"):
        cube.narrow(Planes(("red",), ("vv",)))
