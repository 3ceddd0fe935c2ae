"""Strata are measured and sampled alike however the map is cut; the draw is fair, repeatable and nested."""

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from areasetup import GRID, asked, at, world, write_map
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from detection.areas import cell_hectares
from detection.codes import YEAR_NODATA, Segmented
from detection.errors import BadInput
from detection.types import Grid
from jobs.reports.areas import exchange
from jobs.reports.areas.asked import Buffer, HistoryMap, Sampling, Stratum
from jobs.reports.areas.sample import Design, design, draw, permanent
from jobs.reports.areas.strata import Strata, frame, hectares, measure

WITH_BUFFER = Buffer(name="near", metres=95, around=("loss",), within="stable forest")


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_map(tmp_path_factory.mktemp("map") / "map.tif", world()[0])


def test_strata_add_up_to_the_map_and_are_equal_area(there: Path) -> None:
    made = measure(frame(asked(there, buffer=WITH_BUFFER)))
    codes = world()[0]
    rows, columns = np.nonzero(codes)
    exact = cell_hectares(GRID, rows + GRID.first_row, columns + GRID.first_column)
    assert made.cells.sum() == len(rows) and made.left_out == 0
    assert made.total == pytest.approx(exact.sum(), rel=1e-7)
    assert made.total != pytest.approx(len(rows) * 0.09, rel=1e-5)
    for place, code in ((0, 1), (2, 3)):
        assert made.cells[place] == (codes == code).sum()
        assert made.hectares[place] == pytest.approx(exact[codes[rows, columns] == code].sum(), rel=1e-7)


@pytest.mark.parametrize(
    "grid", [GRID, Grid("EPSG:32718", 900_000, 9_999_990, 10, (70, 130)), Grid("EPSG:32618", 90_000, 60, 30, (64, 64))]
)
def test_hectares_are_those_of_every_cell(grid: Grid) -> None:
    rows, columns = np.indices(grid.shape)
    exact = cell_hectares(grid, rows.ravel() + grid.first_row, columns.ravel() + grid.first_column).reshape(grid.shape)
    assert np.abs(hectares(grid) / exact - 1).max() < 1e-7
    part = grid.window(3, 5, 20, 30)
    assert np.abs(hectares(part) / hectares(grid)[3:23, 5:35] - 1).max() < 1e-12


@settings(max_examples=8, deadline=None)
@given(st.integers(17, 300), st.booleans())
def test_windows_change_nothing(there: Path, size: int, buffered: bool) -> None:
    made = frame(asked(there, buffer=WITH_BUFFER if buffered else None))
    whole, cut = measure(made), measure(made, size=size)
    assert cut.cells.tolist() == whole.cells.tolist()
    assert cut.hectares.tolist() == whole.hectares.tolist()
    wanted = design(whole, Sampling(samples=300, least=20))
    one, other = draw(made, wanted, 7), draw(made, wanted, 7, size=size)
    assert one.rows.tolist() == other.rows.tolist() and one.columns.tolist() == other.columns.tolist()
    assert one.stratum.tolist() == other.stratum.tolist()


def test_a_buffer_is_what_lies_near(there: Path) -> None:
    made = frame(asked(there, buffer=WITH_BUFFER))
    members, codes = made.members(GRID), world()[0]
    loss = np.argwhere(codes == 1)
    for row, column in np.random.default_rng(1).integers(0, 180, (400, 2)):
        if codes[row, column] == 2:
            near = np.hypot(*(loss - (row, column)).T).min() * 30 <= 95
            assert members[row, column] == (3 if near else 1)
    assert made.claims == ("loss", "stable forest", "no forest", "stable forest")
    assert np.array_equal(members == 0, codes == 1), "only stable forest is taken from"


def test_the_draw_is_of_the_strata_without_replacement_and_repeats(there: Path) -> None:
    made = frame(asked(there))
    sizes = measure(made)
    wanted = design(sizes, Sampling(samples=400, least=60))
    one = draw(made, wanted, 1)
    assert np.bincount(one.stratum).tolist() == wanted.many.tolist() and wanted.many.sum() == 400
    assert len(set(zip(one.rows.tolist(), one.columns.tolist(), strict=True))) == 400
    assert [code - 1 for code in at(one, world()[0])] == one.stratum.tolist()
    other = draw(made, wanted, 2)
    shared = set(zip(one.rows.tolist(), one.columns.tolist(), strict=True)) & set(
        zip(other.rows.tolist(), other.columns.tolist(), strict=True)
    )
    assert len(shared) < 80
    more = draw(made, design(sizes, Sampling(samples=600, least=60)), 1)
    assert set(zip(one.rows.tolist(), one.columns.tolist(), strict=True)) <= set(
        zip(more.rows.tolist(), more.columns.tolist(), strict=True)
    )


def test_the_order_of_the_ids_tells_nothing_of_the_strata(there: Path) -> None:
    made = frame(asked(there))
    one = draw(made, Design(300, np.array([100, 100, 100]), np.full(3, np.nan)), 3)
    thirds = np.array([np.bincount(part, minlength=3) for part in np.split(one.stratum, 3)])
    assert chi2.sf(((thirds - 100 / 3) ** 2 / (100 / 3)).sum(), 4) > 1e-3


def test_every_cell_has_the_same_chance() -> None:
    """How often each of 400 cells is among the 40 lowest numbers, over 3,000 seeds: chi-squared of a fair draw; and pairs."""
    rows, columns = (one.ravel() for one in np.indices((20, 20)))
    drawn = np.zeros((3_000, 400), np.bool_)
    for seed in range(3_000):
        drawn[seed, np.argsort(permanent(rows - 300_000, columns + 10_000, seed))[:40]] = True
    counts = drawn.sum(0)
    spread = 3_000 * 0.1 * 0.9
    assert chi2.sf(((counts - 300) ** 2 / spread).sum() * (399 / 400), 399) > 1e-3
    beside = (drawn[:, :-1] & drawn[:, 1:]).sum()
    assert beside == pytest.approx(3_000 * 399 * 40 * 39 / (400 * 399), rel=0.03)
    assert len(np.unique(permanent(rows, columns, 1))) == 400


def strata(*cells: int) -> Strata:
    many = np.array(cells)
    names = tuple(f"s{i}" for i in range(len(cells)))
    return Strata(names, names, many, many * 0.09, 0.0)


def test_designs() -> None:
    """T6 of Olofsson 2014: 641 in all."""
    sizes = strata(200_000, 150_000, 3_200_000, 6_450_000)
    users = dict(zip(sizes.names, (0.7, 0.6, 0.9, 0.95), strict=True))
    t6 = Sampling(target_se=0.01, expected=users, least=2)
    assert design(sizes, t6).many.tolist() == [13, 10, 205, 413]
    assert design(sizes, replace(t6, rule="equal")).many.tolist() == [161, 160, 160, 160]
    assert design(sizes, replace(t6, rule="neyman")).many.tolist() == [23, 19, 243, 356]
    assert design(sizes, replace(t6, rule="sepal", least=50)).many.tolist() == [50, 50, 179, 361]
    assert design(sizes, t6).wanted == pytest.approx(640.5359220665348)
    few = design(strata(5, 100_000), Sampling(samples=100, least=30))
    assert few.many.tolist() == [5, 70], "a stratum of five cells is taken whole"
    assert design(strata(0, 900, 100), Sampling(samples=100, least=20)).many.tolist() == [0, 80, 20]


@pytest.mark.parametrize(
    ("sampling", "message"),
    [
        (Sampling(samples=50, least=30), "50 samples for 4 strata of at least 30; give more or ask for less"),
        (Sampling(samples=500, expected={"s9": 0.5}), "`expected` names the stratum 's9'; one of s0, s1"),
        (Sampling(samples=500, rule="neyman", expected={"s0": 0.5}), "says nothing of the stratum 's1'"),
    ],
)
def test_designs_that_cannot_be(sampling: Sampling, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        design(strata(200_000, 150_000, 3_200_000, 6_450_000), sampling)


def test_a_history_is_a_map(tmp_path: Path) -> None:
    """Loss and regrowth within 2020 to 2022; a loss of 2015 is at another time; not seen is a stratum, outside is nothing."""
    grid = Grid("EPSG:32719", 300_000, 8_600_100, 30, (16, 16))
    loss, back = np.zeros((16, 16), np.uint16), np.zeros((16, 16), np.uint16)
    loss[0, :5], loss[1, :3], back[1, :2] = 2021, 2015, 2020
    seen = np.full((16, 16), Segmented.SEGMENTED, np.uint8)
    seen[2, :4], seen[3, :6], seen[4] = Segmented.NOT_FOREST, Segmented.NO_LOOK, Segmented.OUTSIDE
    loss[seen != Segmented.SEGMENTED] = YEAR_NODATA
    write_map(tmp_path / "loss_year.tif", loss, grid, YEAR_NODATA, SIMULATED="true")
    write_map(tmp_path / "regrowth_year.tif", back, grid, YEAR_NODATA)
    write_map(tmp_path / "segmented.tif", seen, grid, None)
    made = frame(asked(tmp_path, map=HistoryMap(folder=tmp_path), strata=()))
    assert made.map.simulated
    found = dict(zip(made.names, measure(made).cells.tolist(), strict=True))
    assert found == {
        "loss": 5, "regrowth": 2, "no loss": 256 - 16 - 5 - 3 - 4 - 6, "loss at another time": 1, "never forest": 4,
        "not seen": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strata": (Stratum(name="a", codes=(1, 2)),)}, "map.tif: holds the code 3, which is in no stratum; name it"),
        ({"strata": (Stratum(name="a", codes=(1, 2, 3)), Stratum(name="b", codes=(9,)))}, "no cell is in stratum 'b'"),
        (
            {"strata": (Stratum(name="b", codes=(9,)),), "outside": (1, 2, 3)},
            "no cell is in any stratum; check the codes",
        ),
        (
            {"buffer": replace(WITH_BUFFER, around=("fire",))},
            "areas.buffer: there is no stratum 'fire'; name one of loss",
        ),
    ],
)
def test_strata_that_cannot_be(there: Path, changes: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        measure(frame(asked(there, **changes)))


def test_maps_that_cannot_be(tmp_path: Path) -> None:
    codes = world()[0]
    write_map(tmp_path / "real.tif", codes.astype(np.float32))
    write_map(tmp_path / "off.tif", codes)
    import rasterio
    from affine import Affine

    with rasterio.open(tmp_path / "off.tif", "r+") as raster:
        raster.transform = Affine(30, 0, 300_010, 0, -30, 8_600_100)
    with rasterio.open(
        tmp_path / "degrees.tif",
        "w",
        driver="GTiff",
        count=1,
        dtype="uint8",
        height=9,
        width=9,
        crs="EPSG:4326",
        transform=Affine(1, 0, -71, 0, -1, -12),
    ) as raster:
        raster.write(codes[:9, :9], 1)
    for name, message in (
        ("none.tif", "no such file"),
        ("real.tif", "classes are whole numbers, write it so"),
        ("off.tif", "off.tif: grid: corner .* is not on the 30 m lattice"),
        ("degrees.tif", "degrees.tif: grid: CRS 'EPSG:4326' is not a UTM zone"),
    ):
        with pytest.raises(BadInput, match=message):
            frame(asked(tmp_path / name))


def test_left_out_is_counted_and_nodata_is_not(there: Path) -> None:
    made = measure(
        frame(asked(there, strata=(Stratum(name="loss", codes=(1,)), Stratum(name="forest", codes=(2,))), outside=(3,)))
    )
    codes = world()[0]
    assert made.left_out == pytest.approx((codes == 3).sum() * 0.09, rel=2e-3)
    assert made.cells.tolist() == [(codes == 1).sum(), (codes == 2).sum()]


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode())))


def test_files_have_exactly_the_columns_of_their_readers(there: Path) -> None:
    made = frame(asked(there, buffer=WITH_BUFFER))
    sizes = measure(made)
    sampling = Sampling(samples=300, least=40, expected=dict.fromkeys(sizes.names, 0.8))
    wanted = design(sizes, sampling)
    sample = draw(made, wanted, 1)
    numbers = exchange.numbered(sizes, ("loss", "stable forest", "no forest", "water"))
    assert numbers == {"loss": 1, "stable forest": 2, "no forest": 3, "near": 4, "water": 5}
    heads = {
        exchange.ceo_plots(sample): "LON,LAT,PLOTID",
        exchange.area_rast(sizes, numbers): "map_code,map_area,map_edited_class",
        exchange.sampling(sizes, sampling, wanted, numbers): (
            "map_code,map_area,map_edited_class,wi,eua,si,wisi,equal,proportional,min,adjprop,adjusted,final"
        ),
        exchange.collect_earth(sample, sizes, numbers): (
            "id,YCoordinate,XCoordinate,elevation,slope,aspect,region,country,geometry,area,map_class"
        ),
    }
    for content, head in heads.items():
        assert content.decode().splitlines()[0] == head
    plots, ours = read(exchange.ceo_plots(sample)), read(exchange.drawn(sample, sizes))
    assert [row["PLOTID"] for row in plots] == [str(i) for i in range(1, 301)]
    assert {row["lon"]: row["lat"] for row in ours} == {row["LON"]: row["LAT"] for row in plots}
    design_file = read(exchange.sampling(sizes, sampling, wanted, numbers))
    assert sum(int(row["final"]) for row in design_file) == 300
    assert sum(float(row["wi"]) for row in design_file) == pytest.approx(1)
    assert float(design_file[0]["si"]) == pytest.approx(0.4)
    with pytest.raises(BadInput, match="50,001 samples; Collect Earth Online takes 50,000 plots, ask for fewer"):
        exchange.ceo_plots(replace(sample, stratum=np.zeros(50_001, np.int64)))
