"""Every product is read back by somebody else's reader."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pystac
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Geod, Transformer
from pystac.validation import RegisteredValidator
from shapely.geometry import shape

from detection.alerts import Alert
from detection.codes import ALERT_COLOUR, MONITORED_COLOUR, STATUS_COLOUR, STATUS_NODATA, Monitored, Status
from detection.errors import BadInput, GridMismatch
from detection.types import Grid
from jobs.outputs import RunFacts, publish
from jobs.outputs.rasters import LAYERS, write_cog, write_rasters
from jobs.outputs.stac import checksum, write_stac
from jobs.outputs.tables import COLUMNS
from jobs.outputs.vectors import feature, lattice_parts, outline, place, to_lonlat, write_vectors

GRID = Grid("EPSG:32719", 480_000, 8_580_000, 30, (620, 700))
RUN = RunFacts(
    run_id="run-1",
    job="Tambopata",
    collection="tambopata-nrt",
    grid=GRID,
    period_start=date(2024, 1, 1),
    period_end=date(2024, 9, 30),
    known_at="2024-10-01T06:12:00Z",
    detected_by="ewma on nbr, landsat-8",
    config_sha256="ab" * 32,
    software={"sachawatch": "0.1.0"},
    lineage="Simulated looks, monitored pixel by pixel.",
    simulated=True,
)
SHAPES: dict[str, list[tuple[int, int]]] = {
    "one": [(0, 0)],
    "diagonal": [(0, 0), (1, 1), (2, 2)],
    "checkerboard": [(r, c) for r in range(6) for c in range(6) if (r + c) % 2],
    "hole": [(r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)],
    "hole that touches the rim": [(r, c) for r in range(4) for c in range(4) if (r, c) not in ((1, 1), (0, 0))],
    "two holes that touch": [(r, c) for r in range(4) for c in range(4) if (r, c) not in ((1, 1), (2, 2))],
    "hole open at a corner": [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)],
    "apart": [(0, 0), (0, 5), (4, 2)],
}
SETS_OF_CELLS = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1)


def on_lattice(cells: Any, grid: Grid = GRID) -> NDArray[np.int32]:
    """Rows and columns of the grid -> sorted cells on the absolute lattice."""
    return np.add(sorted(cells), (grid.first_row, grid.first_column)).astype(np.int32)


def equal_area_ha(cells: NDArray[np.int32], lattice: str) -> float:
    """Hectares of the pixels' corners in EPSG:6933, an equal-area projection nothing else here uses."""
    crs, size = lattice_parts(lattice)
    flat = Transformer.from_crs(crs, "EPSG:6933", always_xy=True)
    total = 0.0
    for row, column in cells.tolist():
        x, y = np.array([column, column + 1, column + 1, column]) * size, -np.array([row, row, row + 1, row + 1]) * size
        total += shapely.Polygon(np.column_stack(flat.transform(x, y))).area
    return total / 1e4


def make_alert(cells: Any = ((0, 0), (0, 1)), **changes: Any) -> Alert:
    absolute = on_lattice(cells) if len(cells) else np.empty((0, 2), np.int32)
    alert = Alert(
        id="0b5e1b6e-0000-5000-8000-000000000001",
        short_code="K7Q4M2-X",
        revision=2,
        collection=RUN.collection,
        lattice=GRID.lattice,
        status="confirmed",
        status_code=int(Status.CONFIRMED_HIGH),
        change_date=date(2024, 5, 1),
        last_clear_before=date(2024, 4, 23),
        first_detected=date(2024, 5, 9),
        confirmed_on=date(2024, 5, 25),
        finished_on=None,
        last_detected=date(2024, 5, 25),
        observed_at=1_716_648_000,
        cells=absolute,
        confirmed_cells=np.ones(len(absolute), np.bool_),
        area_ha=equal_area_ha(absolute, GRID.lattice),
        confirmed_ha=equal_area_ha(absolute, GRID.lattice),
        area_ha_new=0.0,
        mmu_ha=0.5,
        magnitude=-0.41,
        magnitude_max=-0.6,
        magnitude_sigma=-8.2,
        magnitude_metric="nbr",
        count=4,
        confidence="high",
        change_type="tree_cover_loss",
        driver="agriculture",
        probability=0.93,
        model="demo@1",
        baseline="own history",
        simulated=True,
    )
    return replace(alert, **changes)


def several() -> list[Alert]:
    """Alerts of awkward shapes in an order that is not that of their ids; one still provisional, one without cells."""
    made = [make_alert(cells, id=f"{9 - i:08x}", short_code=f"{i}") for i, cells in enumerate(SHAPES.values())]
    made[1] = replace(made[1], status="provisional", confirmed_on=None, probability=None, model=None, magnitude=np.nan)
    return [*made, make_alert((), id="00000000", status="retracted")]


def rings(geometry: Any) -> Iterator[Any]:
    for polygon in shapely.get_parts(geometry):
        yield polygon.exterior, True
        for hole in polygon.interiors:
            yield hole, False


# ---- outlines


@pytest.mark.parametrize("name", SHAPES)
def test_an_outline_is_valid_and_as_large_as_its_cells(name: str) -> None:
    cells = on_lattice(SHAPES[name])
    drawn = outline(cells, GRID.lattice)
    assert drawn.is_valid
    assert drawn.area == len(cells) * 900
    assert to_lonlat(drawn, GRID.crs).is_valid


def test_an_outline_lies_on_the_pixel_edges_of_the_grid() -> None:
    drawn = outline(on_lattice([(0, 0), (2, 1)]), GRID.lattice)
    assert drawn.bounds == (480_000, 8_580_000 - 90, 480_060, 8_580_000)
    assert len(outline(on_lattice(SHAPES["diagonal"]), GRID.lattice).geoms) == 3
    assert len(outline(on_lattice(SHAPES["hole"]), GRID.lattice).geoms[0].interiors) == 1


@settings(max_examples=80, deadline=None)
@given(SETS_OF_CELLS)
def test_any_set_of_cells_has_a_valid_outline_that_covers_them_and_nothing_else(cells: set[tuple[int, int]]) -> None:
    drawn = outline(on_lattice(cells), GRID.lattice)
    assert drawn.is_valid
    assert drawn.area == len(cells) * 900
    rows, columns = np.mgrid[:8, :8]
    inside = shapely.contains_xy(drawn, GRID.west + 30 * columns + 15, GRID.north - 30 * rows - 15)
    assert set(zip(*np.nonzero(inside), strict=True)) == cells
    degrees = to_lonlat(drawn, GRID.crs)
    assert degrees.is_valid
    assert all(ring.is_ccw == outer for ring, outer in rings(degrees))


def test_an_outline_does_not_depend_on_the_order_of_the_cells() -> None:
    cells = on_lattice(SHAPES["checkerboard"])
    assert outline(cells[::-1], GRID.lattice).wkb == outline(cells, GRID.lattice).wkb


def test_no_cells_no_outline_and_a_lattice_that_cannot_be_read_is_refused() -> None:
    assert outline(np.empty((0, 2), np.int32), GRID.lattice).is_empty
    with pytest.raises(BadInput, match="give CRS@RESOLUTION"):
        outline(on_lattice([(0, 0)]), "EPSG:32719")


def test_what_crosses_the_antimeridian_is_cut_there() -> None:
    east, north = Transformer.from_crs("OGC:CRS84", "EPSG:32760", always_xy=True).transform(180.0, -16.5)
    metres = shapely.box(east - 3000, north - 3000, east + 3000, north + 3000)
    degrees = to_lonlat(metres, "EPSG:32760")
    assert len(degrees.geoms) == 2
    assert degrees.is_valid
    assert all(part.bounds[2] - part.bounds[0] < 0.1 for part in degrees.geoms)
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(degrees)
    assert area == pytest.approx(metres.area, rel=0.005)


# ---- features


@pytest.mark.parametrize("name", SHAPES)
def test_a_feature_follows_rfc_7946(name: str) -> None:
    alert = make_alert(SHAPES[name])
    made = json.loads(json.dumps(feature(alert, known_at="2024-10-01T06:12:00Z"), allow_nan=False))
    assert made["type"] == "Feature"
    assert made["id"] == alert.id
    assert "crs" not in made
    assert "id" not in made["properties"]
    geometry = shape(made["geometry"])
    assert geometry.is_valid
    assert all(ring.is_ccw == outer for ring, outer in rings(geometry))
    numbers = re.findall(r"-?\d+\.\d+", json.dumps(made["geometry"]))
    assert numbers and max(len(n.split(".")[1]) for n in numbers) <= 6
    lon, lat = made["properties"]["label_point"]
    assert geometry.contains(shapely.Point(lon, lat))
    west, south, east, north = geometry.bounds
    assert (-70 < west < east < -68) and (-13 < south < north < -12)


def test_the_area_on_the_ellipsoid_agrees_with_the_hectares() -> None:
    for cells in (SHAPES["hole"], [(r, c) for r in range(40) for c in range(50)], [(619, 699)]):
        made = feature(make_alert(cells))
        area, _ = Geod(ellps="WGS84").geometry_area_perimeter(shape(made["geometry"]))
        assert area / 1e4 == pytest.approx(made["properties"]["area_ha"], rel=0.005)


def test_a_feature_says_what_the_alert_says() -> None:
    facts = feature(make_alert(magnitude=float("nan")), known_at="2024-10-01T06:12:00Z", detected_by="ewma")[
        "properties"
    ]
    wanted = {
        "status": "confirmed",
        "status_code": 6,
        "status_scheme": "opera-dist-v1",
        "change_date": "2024-05-01",
        "first_detected": "2024-05-09",
        "confirmed_on": "2024-05-25",
        "finished_on": None,
        "observed_at": "2024-05-25T14:40:00Z",
        "known_at": "2024-10-01T06:12:00Z",
        "magnitude": None,
        "area_is_estimate": False,
        "simulated": True,
        "detected_by": "ewma",
        "gsd_m": 30,
        "utm": {"zone": "19S", "e": 480_015.0, "n": 8_579_985.0},
    }
    assert {key: facts[key] for key in wanted} == wanted


def test_the_point_of_a_ring_lies_on_the_ring() -> None:
    where = place(on_lattice(SHAPES["hole"]), GRID.lattice)
    assert where is not None
    assert outline(on_lattice(SHAPES["hole"]), GRID.lattice).contains(shapely.Point(where.easting, where.northing))
    back = Transformer.from_crs("OGC:CRS84", "EPSG:32719", always_xy=True).transform(where.lon, where.lat)
    assert back == pytest.approx((where.easting, where.northing), abs=0.2)


# ---- vector files


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    write_vectors(several(), folder, known_at={"00000009": "2024-10-01T06:12:00Z"}, run=RUN)
    return folder


def test_the_three_files_hold_the_same_alerts_in_the_order_of_their_ids(vectors: Path) -> None:
    wanted = sorted(a.id for a in several())
    collection = json.loads((vectors / "alerts.geojson").read_text())
    assert [f["id"] for f in collection["features"]] == wanted
    assert list(pyogrio.read_dataframe(vectors / "alerts.gpkg", layer="alerts")["id"]) == wanted
    table = geopandas.read_parquet(vectors / "alerts.parquet")
    assert list(table["id"]) == wanted
    assert [c for c in table.columns if c not in ("bbox", "geometry")] == list(COLUMNS)
    in_json = [shape(f["geometry"]) for f in collection["features"] if f["geometry"]]
    assert all(a.equals(b) for a, b in zip(in_json, table.geometry[table.geometry.notna()], strict=True))


def test_the_geopackage_is_in_utm_metres_and_carries_its_colours(vectors: Path) -> None:
    layers = dict(pyogrio.list_layers(vectors / "alerts.gpkg").tolist())
    assert layers == {"alerts": "MultiPolygon", "layer_styles": None}
    frame = pyogrio.read_dataframe(vectors / "alerts.gpkg", layer="alerts").set_index("id")
    assert frame.crs.to_epsg() == 32719
    assert frame.loc["00000009"].geometry.area == 900
    assert str(frame["change_date"].dtype).startswith("datetime64")
    assert frame["simulated"].dtype == bool
    assert frame.loc["00000009", "known_at"] == "2024-10-01T06:12:00Z"
    assert frame["known_at"].notna().sum() == 1
    style = pyogrio.read_dataframe(vectors / "alerts.gpkg", layer="layer_styles").iloc[0]
    assert (style["f_table_name"], bool(style["useAsDefault"])) == ("alerts", True)
    assert style["styleQML"] == (vectors / "alerts.qml").read_text()
    connection = sqlite3.connect(vectors / "alerts.gpkg")
    assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    connection.close()


def test_the_style_names_every_status_and_its_colour(vectors: Path) -> None:
    root = ElementTree.fromstring((vectors / "alerts.qml").read_text())
    symbols = {s.get("name"): s.find(".//Option[@name='color']") for s in root.iter("symbol")}
    found = {c.get("value"): symbols[c.get("symbol")].get("value") for c in root.iter("category")}  # type: ignore[union-attr]
    assert set(found) == set(ALERT_COLOUR)
    assert found["confirmed"] == "213,94,0,140"


def test_the_parquet_file_is_geoparquet_1_1(vectors: Path) -> None:
    file = pq.ParquetFile(vectors / "alerts.parquet")
    geo = json.loads(file.schema_arrow.metadata[b"geo"])
    column = geo["columns"][geo["primary_column"]]
    assert (geo["version"], column["encoding"], column["geometry_types"]) == ("1.1.0", "WKB", ["MultiPolygon"])
    assert column["covering"]["bbox"]["xmax"] == ["bbox", "xmax"]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    for row in file.read(columns=["bbox", "geometry"]).to_pylist():
        if row["geometry"] is None:
            assert row["bbox"] is None
        else:
            assert tuple(row["bbox"].values()) == shapely.from_wkb(row["geometry"]).bounds
    assert geopandas.read_parquet(vectors / "alerts.parquet").crs.to_authority() == ("OGC", "CRS84")
    file.close()


def test_without_alerts_the_files_are_valid_and_have_every_column(tmp_path: Path) -> None:
    paths = write_vectors([], tmp_path, known_at={}, run=RUN)
    assert [p.name for p in paths] == ["alerts.geojson", "alerts.gpkg", "alerts.parquet", "alerts.qml"]
    assert json.loads(paths[0].read_text()) == {"type": "FeatureCollection", "features": []}
    info = pyogrio.read_info(paths[1], layer="alerts")
    assert (info["features"], list(info["fields"]), info["crs"]) == (0, list(COLUMNS), "EPSG:32719")
    assert list(geopandas.read_parquet(paths[2]).columns) == [*COLUMNS, "geometry"]


def test_the_same_alerts_give_the_same_bytes_in_any_order(vectors: Path, tmp_path: Path) -> None:
    written = write_vectors(several()[::-1], tmp_path, known_at={"00000009": "2024-10-01T06:12:00Z"}, run=RUN)
    for path in written:
        assert path.read_bytes() == (vectors / path.name).read_bytes(), path.name


def test_the_setting_that_fixes_the_date_is_put_back(tmp_path: Path) -> None:
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    write_vectors([], tmp_path, known_at={}, run=RUN)
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") == before


def test_alerts_of_another_lattice_or_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GridMismatch, match="EPSG:32718@30m is not the run's"):
        write_vectors([make_alert(lattice="EPSG:32718@30m")], tmp_path, known_at={}, run=RUN)
    with pytest.raises(BadInput, match="more than once"):
        write_vectors([make_alert(), make_alert(revision=3)], tmp_path, known_at={}, run=RUN)
    assert not list(tmp_path.iterdir())


# ---- rasters


def layers() -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(1)
    status = rng.choice([0, 2, 6, STATUS_NODATA], GRID.shape).astype(np.uint8)
    days = np.where(status > 0, 19_850, -1).astype(np.int32)
    magnitude = np.where(status > 0, -0.4, np.nan).astype(np.float32)
    monitored = rng.choice(len(Monitored), GRID.shape).astype(np.uint8)
    names = ("status", "monitored", "change_date", "confirmed_date", "magnitude")
    return dict(zip(names, (status, monitored, days, days + 16, magnitude), strict=True))


def test_every_layer_is_a_cog_that_reads_back_as_it_was(tmp_path: Path) -> None:
    written = write_rasters(layers(), tmp_path, run=RUN)
    assert [p.name for p in written if p.suffix == ".qml"] == ["status.qml", "monitored.qml"]
    for name, array in layers().items():
        with rasterio.open(tmp_path / f"{name}.tif") as raster:
            np.testing.assert_array_equal(raster.read(1), array)
            assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert raster.profile["tiled"] and raster.profile["compress"] == "deflate"
            assert raster.overviews(1) == [2]
            assert (raster.crs.to_epsg(), raster.transform) == (32719, GRID.transform)
            assert raster.descriptions == (LAYERS[name].description,)
            assert raster.tags()["SIMULATED"] == "true"
            nodata = LAYERS[name].nodata
            assert raster.nodata == nodata or (nodata != nodata and np.isnan(raster.nodata))


def test_codes_carry_their_colours_inside_and_beside(tmp_path: Path) -> None:
    write_rasters(layers(), tmp_path, run=RUN)
    for name, colours in (("status", STATUS_COLOUR), ("monitored", MONITORED_COLOUR)):
        with rasterio.open(tmp_path / f"{name}.tif") as raster:
            table = raster.colormap(1)
        beside = {}
        for entry in ElementTree.fromstring((tmp_path / f"{name}.qml").read_text()).iter("paletteEntry"):
            beside[int(str(entry.get("value")))] = entry.get("color")
        assert beside == colours
        assert {code: "#{:02x}{:02x}{:02x}".format(*table[code][:3]) for code in colours} == colours


def test_overviews_of_codes_invent_no_code(tmp_path: Path) -> None:
    write_rasters(layers(), tmp_path, run=RUN)
    with rasterio.open(tmp_path / "status.tif", OVERVIEW_LEVEL=0) as raster:
        assert set(np.unique(raster.read(1))) <= {0, 2, 6, STATUS_NODATA}


def test_a_raster_twice_is_the_same_bytes_and_leaves_nothing_else(tmp_path: Path) -> None:
    array = layers()["status"]
    for name in ("a.tif", "b.tif"):
        write_cog(tmp_path / name, array, GRID, nodata=255, description="codes", colours=STATUS_COLOUR)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tif", "b.tif"]


def test_rasters_that_break_their_contract_are_refused(tmp_path: Path) -> None:
    small = np.zeros((3, 3), np.uint8)
    with pytest.raises(GridMismatch, match="not the grid's"):
        write_cog(tmp_path / "x.tif", small, GRID, nodata=None, description="")
    with pytest.raises(BadInput, match="needs uint8"):
        array = np.zeros(GRID.shape, np.int32)
        write_cog(tmp_path / "x.tif", array, GRID, nodata=None, description="", colours=STATUS_COLOUR)
    with pytest.raises(BadInput, match="no such layer"):
        write_rasters({"slope": small}, tmp_path, run=RUN)
    with pytest.raises(BadInput, match="float32 expected"):
        write_rasters({"magnitude": small}, tmp_path, run=RUN)
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_what_stood_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path / "a.txt", b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jobs.outputs.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        publish(tmp_path / "a.txt", b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.txt", b"old")]


# ---- STAC


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    files = write_vectors(several(), folder, known_at={}, run=RUN) + write_rasters(layers(), folder, run=RUN)
    publish(folder / "report.html", b"<!doctype html>")
    write_stac(folder, [*files, folder / "report.html"], run=RUN)
    return folder


def test_the_collection_and_its_item_are_stac_1_1(catalogue: Path) -> None:
    collection = pystac.Collection.from_file(str(catalogue / "collection.json"))
    (item,) = collection.get_items()
    assert (item.id, item.collection_id, item.datetime) == ("run-1", "tambopata-nrt", None)
    assert item.get_collection().id == collection.id  # type: ignore[union-attr]
    core = RegisteredValidator.get_validator()
    for kind, name in ((pystac.STACObjectType.COLLECTION, "collection"), (pystac.STACObjectType.ITEM, "item")):
        said = json.loads((catalogue / f"{name}.json").read_text())
        assert said["stac_version"] == "1.1.0"
        core.validate_core(said, kind, "1.1.0")


def test_the_item_says_where_when_and_how(catalogue: Path) -> None:
    said = json.loads((catalogue / "item.json").read_text())
    facts = said["properties"]
    assert (facts["datetime"], facts["start_datetime"], facts["end_datetime"]) == (
        None,
        "2024-01-01T00:00:00Z",
        "2024-09-30T23:59:59Z",
    )
    assert facts["proj:code"] == "EPSG:32719"
    assert facts["proj:shape"] == [620, 700]
    assert facts["proj:transform"] == [30, 0, 480_000, 0, -30, 8_580_000]
    assert facts["processing:software"] == {"sachawatch": "0.1.0"}
    assert facts["sachawatch:simulated"] is True
    assert shape(said["geometry"]).bounds == pytest.approx(said["bbox"])
    prefixes = {key.split(":")[0] for part in (facts, *said["assets"].values()) for key in part if ":" in key}
    assert prefixes - {"sachawatch"} <= {
        uri.split("/")[3].replace("projection", "proj") for uri in said["stac_extensions"]
    }


def test_every_asset_is_there_with_its_size_and_checksum(catalogue: Path) -> None:
    assets = json.loads((catalogue / "item.json").read_text())["assets"]
    named = {Path(a["href"]).name for a in assets.values()}
    assert named == {p.name for p in catalogue.iterdir()} - {"item.json", "collection.json"}
    for asset in assets.values():
        assert asset["href"].startswith("./")
        content = (catalogue / asset["href"]).read_bytes()
        assert asset["file:size"] == len(content)
        assert asset["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
    classes = {c["value"]: c for c in assets["status"]["classification:classes"]}
    assert (classes[6]["description"], classes[6]["color_hint"]) == ("confirmed, high magnitude", "D55E00")
    assert (assets["magnitude"]["data_type"], assets["magnitude"]["nodata"]) == ("float32", "nan")
    assert assets["status"]["type"] == pystac.MediaType.COG


def test_no_link_leaves_the_folder_and_it_can_be_moved(catalogue: Path, tmp_path: Path) -> None:
    text = (catalogue / "item.json").read_text() + (catalogue / "collection.json").read_text()
    assert str(catalogue) not in text
    moved = tmp_path / "elsewhere"
    catalogue.rename(moved)
    try:
        (item,) = pystac.Collection.from_file(str(moved / "collection.json")).get_items()
        assert all(Path(a.get_absolute_href() or "").exists() for a in item.assets.values())
    finally:
        moved.rename(catalogue)


def test_the_item_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    monkeypatch.setattr("jobs.outputs.stac.publish", lambda path, content: order.append(path.name))
    write_stac(tmp_path, [], run=RUN)
    assert order == ["collection.json", "item.json"]


def test_a_checksum_follows_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert checksum(tmp_path / "a") == "1220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
