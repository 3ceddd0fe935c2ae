"""Nested boundaries add up exactly, whatever their shapes; what would count twice is told in hectares."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from areasetup import GRID, NAMES, asked, at, world, write_map
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, box
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from detection.areas import project
from detection.errors import BadInput
from jobs.reports.areas.agreement import Settled
from jobs.reports.areas.asked import Boundaries, Buffer, Sampling
from jobs.reports.areas.boundaries import NONE, accounts, lay, off_by, open_boundaries
from jobs.reports.areas.estimate import estimate
from jobs.reports.areas.overlaps import overlaps
from jobs.reports.areas.sample import design, draw
from jobs.reports.areas.strata import frame, measure

WEST, SOUTH, EAST, NORTH = GRID.bounds
CLASSES = NAMES
MIDDLE = (WEST + EAST) / 2


def write(path: Path, shapes: Sequence[tuple[str, BaseGeometry]]) -> Path:
    """GeoJSON of shapes in UTM metres."""
    features = [
        {
            "type": "Feature",
            "properties": {"code": ident, "name": ident.upper()},
            "geometry": mapping(project(shape, GRID.crs, "EPSG:4326")),
        }
        for ident, shape in shapes
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def layer(path: Path, name: str, shapes: Sequence[tuple[str, BaseGeometry]], **changes: object) -> Boundaries:
    file = write(path / f"{name}.geojson", shapes)
    return Boundaries(name=name, path=file, id_column="code", name_column="name", **changes)  # type: ignore[arg-type]


def everything(folder: Path, *, buffer: Buffer | None = None, samples: int = 400) -> tuple:
    codes, truth = world()
    made = frame(asked(write_map(folder / "map.tif", codes), buffer=buffer))
    sizes = measure(made)
    sample = draw(made, design(sizes, Sampling(samples=samples, least=60)), 1)
    seen = tuple(CLASSES[code - 1] for code in at(sample, truth))
    claims = tuple(sizes.claims[s] for s in sample.stratum.tolist())
    settled = Settled(sample.ids, sample.stratum, claims, seen, (None,) * len(seen), (), ())
    return made, sizes, sample, settled


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    return everything(tmp_path_factory.mktemp("bounds"))


REGIONS = [
    ("west", box(WEST - 90, SOUTH - 90, MIDDLE, NORTH + 90)),
    ("east", box(MIDDLE, SOUTH - 90, EAST + 90, NORTH + 90)),
]


@pytest.mark.parametrize("buffer", [None, Buffer(name="near", metres=95, around=("loss",), within="stable forest")])
def test_projects_and_the_rest_are_the_region_and_regions_the_nation(tmp_path: Path, buffer: Buffer | None) -> None:
    made, sizes, sample, settled = everything(tmp_path, buffer=buffer)
    ring = Polygon(
        [
            (MIDDLE - 2000, SOUTH + 500),
            (MIDDLE + 1500, SOUTH + 900),
            (MIDDLE + 300, NORTH - 700),
            (MIDDLE - 1100, NORTH - 300),
        ]
    )
    layers = open_boundaries(
        (
            layer(tmp_path, "regions", REGIONS),
            layer(
                tmp_path,
                "projects",
                [("across", ring), ("small", box(WEST + 100, SOUTH + 100, WEST + 1500, SOUTH + 1400))],
                inside="regions",
            ),
        ),
        GRID,
    )
    whole = estimate(settled, sizes, CLASSES, 1.96)
    regions, projects = lay(layers, made, sample)
    of_regions, bare = accounts(regions, settled, sizes, CLASSES, 1.96)
    of_projects, _ = accounts(projects, settled, sizes, CLASSES, 1.96)
    assert bare == 0 and {one.piece for one in of_regions} == {(NONE, 0), (NONE, 1)}
    assert {one.piece for one in of_projects} == {(0, NONE), (0, 0), (1, NONE), (1, 0), (1, 1)}
    for k in range(len(CLASSES)):
        nation = whole.figures[k].hectares
        assert sum(one.figures[k].hectares for one in of_regions) == pytest.approx(nation, rel=1e-9)
        for region in (0, 1):
            parts = [one.figures[k].hectares for one in of_projects if one.piece[0] == region]
            assert sum(parts) == pytest.approx(of_regions[region].figures[k].hectares, rel=1e-9, abs=1e-9)
    assert off_by(regions, of_regions, settled, sizes, CLASSES) < 1e-9
    assert off_by(projects, of_projects, settled, sizes, CLASSES) < 1e-9
    mapped = sum(one.mapped for one in of_projects)
    assert mapped == pytest.approx(whole.mapped, rel=1e-7), "so do the map's own hectares"
    assert sum(one.figures[0].samples for one in of_projects) == len(sample.stratum)
    assert [one.ids for one in layers] == [("east", "west"), ("across", "small")]


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=6))
def test_whatever_the_boundaries_the_parts_add_up(
    there: tuple, tmp_path_factory: pytest.TempPathFactory, corners: list
) -> None:
    """Overlapping, crossing regions, sticking out of them: every cell and sample still counts once."""
    made, sizes, sample, settled = there
    folder = tmp_path_factory.mktemp("any")
    shapes = [
        (
            f"p{i}",
            box(WEST + a * 5000, SOUTH + b * 4000, WEST + a * 5000 + 60 + c * 3000, SOUTH + b * 4000 + 60 + d * 3000),
        )
        for i, (a, b, c, d) in enumerate(corners)
    ]
    layers = open_boundaries(
        (layer(folder, "regions", REGIONS[:1]), layer(folder, "projects", shapes, inside="regions")), GRID
    )
    for laid in lay(layers, made, sample):
        found, _ = accounts(laid, settled, sizes, CLASSES, 1.96)
        assert off_by(laid, found, settled, sizes, CLASSES) < 1e-9
        assert sum(areas.sum() for areas in laid.mapped.values()) == pytest.approx(sizes.total, rel=1e-9)


def test_the_first_of_two_counts_and_only_within_the_outer_area(there: tuple, tmp_path: Path) -> None:
    """b lies over a for 900 m, and sticks out of the region for 600 m: it keeps what is neither."""
    made, sizes, sample, settled = there
    a, b = (box(MIDDLE - x, SOUTH + 600, MIDDLE - x + 1800, SOUTH + 1500) for x in (2100, 1200))
    layers = open_boundaries(
        (layer(tmp_path, "regions", REGIONS[1:]), layer(tmp_path, "projects", [("a", a), ("b", b)], inside="regions")),
        GRID,
    )
    east, projects = lay(layers, made, sample)
    assert set(projects.mapped) == {(NONE, NONE), (0, NONE), (0, 1)}, "a lies outside of the region, b for a part"
    assert projects.mapped[0, 1].sum() == pytest.approx(600 * 900 / 1e4, rel=2e-3)
    assert sum(one.sum() for piece, one in projects.mapped.items() if piece[0] == 0) == pytest.approx(
        east.mapped[NONE, 0].sum()
    )
    (laid,) = lay(open_boundaries((layer(tmp_path, "alone", [("a", a), ("b", b)]),), GRID), made, sample)
    assert laid.mapped[NONE, 0].sum() == pytest.approx(1800 * 900 / 1e4, rel=2e-3), "the first keeps all of its own"
    assert laid.mapped[NONE, 1].sum() == pytest.approx(900 * 900 / 1e4, rel=2e-3)
    assert accounts(laid, settled, sizes, CLASSES, 1.96)


def test_a_double_count_would_be_noticed(there: tuple, tmp_path: Path) -> None:
    """The check itself: a piece that is given twice is off."""
    made, sizes, sample, settled = there
    (laid,) = lay(open_boundaries((layer(tmp_path, "regions", REGIONS),), GRID), made, sample)
    found, _ = accounts(laid, settled, sizes, CLASSES, 1.96)
    assert off_by(laid, (*found, found[0]), settled, sizes, CLASSES) > 0.01


def test_domain_estimates_are_unbiased_and_a_place_without_samples_says_nothing(there: tuple, tmp_path: Path) -> None:
    made, sizes, _, _ = there
    truth = world()[1]
    shapes = [
        ("half", box(WEST + 1500, SOUTH, MIDDLE + 800, NORTH)),
        ("dot", box(WEST + 30, SOUTH + 30, WEST + 61, SOUTH + 61)),
    ]
    layers = open_boundaries((layer(tmp_path, "places", shapes),), GRID)
    hits, empty = [], 0
    for seed in range(60):
        sample = draw(made, design(sizes, Sampling(samples=400, least=100)), seed)
        seen = tuple(CLASSES[code - 1] for code in at(sample, truth))
        settled = Settled(sample.ids, sample.stratum, seen, seen, (None,) * len(seen), (), ())
        (laid,) = lay(layers, made, sample)
        found, bare = accounts(laid, settled, sizes, CLASSES, 1.96)
        hits.append(next(one for one in found if one.piece == (NONE, 1)).figures[1].hectares)
        empty += bare
    assert empty >= 55, "the dot holds a sample once in a while"
    inside = truth[:, 50:132]
    known = world()[0][:, 50:132] > 0
    assert np.mean(hits) == pytest.approx(((inside == 2) & known).sum() * 0.09, rel=0.03)


def told(folder: Path, layers: Sequence[Boundaries]) -> Mapping[tuple[str, str, str, str], float]:
    found = overlaps(open_boundaries(layers, GRID), GRID.crs)
    return {(one.layer, one.id, one.other_layer, one.other_id): one.hectares for one in found}


def test_what_would_count_twice_is_told_in_hectares(tmp_path: Path) -> None:
    """300 m x 600 m of two projects, 600 m x 100 m outside of the region, 200 m x 600 m of two registers."""
    a, b = (
        box(WEST + 600, SOUTH + 600, WEST + 1500, SOUTH + 1200),
        box(WEST + 1200, SOUTH + 600, WEST + 2100, SOUTH + 1200),
    )
    out, touching = (
        box(MIDDLE - 500, SOUTH + 2000, MIDDLE + 100, SOUTH + 2600),
        box(WEST + 600, SOUTH + 1200, WEST + 900, SOUTH + 1500),
    )
    register = box(WEST + 1900, SOUTH + 600, WEST + 3000, SOUTH + 1200)
    layers = (
        layer(tmp_path, "regions", REGIONS[:1]),
        layer(
            tmp_path,
            "projects",
            [("a", a), ("b", b), ("out", out), ("touching", touching), ("a", touching.buffer(-30))],
            inside="regions",
            apart_from=("other",),
        ),
        layer(tmp_path, "other", [("r", register)]),
    )
    found = told(tmp_path, layers)
    scale = 1 / 0.99965  # hectares of the ellipsoid per hectare of the map here, about
    assert found.pop(("projects", "a", "projects", "b")) == pytest.approx(18 * scale, rel=2e-3)
    assert found.pop(("projects", "out", "regions", "")) == pytest.approx(6 * scale, rel=2e-3)
    assert found.pop(("projects", "b", "other", "r")) == pytest.approx(12 * scale, rel=2e-3)
    assert found.pop(("projects", "a", "projects", "touching")) == pytest.approx(0.24 * 0.24 * 100 * scale, rel=2e-3)
    assert not found, "touching is not overlapping, rows of one area are one area"


@pytest.mark.parametrize(
    ("shapes", "column", "message"),
    [
        ([("a", box(WEST, SOUTH, EAST, NORTH))], "nummer", "boundaries regions: .* no column 'nummer'"),
        ([("", box(WEST, SOUTH, EAST, NORTH))], "code", "boundaries regions: feature 1 has no code; give it one"),
        ([("a", box(EAST + 5e4, SOUTH, EAST + 6e4, NORTH))], "code", "nothing of regions.geojson lies on the map"),
    ],
)
def test_boundaries_that_cannot_be(tmp_path: Path, shapes: list, column: str, message: str) -> None:
    file = write(tmp_path / "regions.geojson", shapes)
    with pytest.raises(BadInput, match=message):
        open_boundaries((Boundaries(name="regions", path=file, id_column=column),), GRID)
