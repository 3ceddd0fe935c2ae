"""The STAC source against real HTTP on this machine: clean reads to the bit, and faults that must never look clean."""

import random
import re
import threading
import time
from contextlib import contextmanager
from datetime import date

import numpy as np
import pytest
import rasterio
from affine import Affine
from loopback_stac import PERMANENT, TRANSIENT, Server

from detection.codes import Observation
from detection.errors import BadInput, SourceUnavailable, UnknownBand
from detection.sources import Traffic, mounts
from detection.sources.catalogues import CATALOGUES
from detection.sources.fetch import Client
from detection.sources.files import Files, FilesParameters
from detection.sources.signing import Signatures
from detection.sources.stac import Stac, StacParameters
from detection.types import Grid, Row, to_day

GRID = Grid("EPSG:32719", 360_000, 8_594_040, 30, (96, 96))
BOX = [-70.30, -12.75, -70.26, -12.70]
FIRST, LAST = to_day(date(2024, 1, 1)), to_day(date(2025, 1, 1))


@pytest.fixture(scope="module")
def shared_server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def server(shared_server):
    shared_server.reset()
    shared_server.items, shared_server.assets, shared_server.page, shared_server.token_life_s = [], {}, 2, 3600
    shared_server.tokens_given = 0
    return shared_server


def geotiff(array, west, north, resolution, crs="EPSG:32719", nodata=None, driver="GTiff", **options):
    made = {"GTiff": {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}}.get(driver, {})
    with rasterio.MemoryFile(ext=".tif" if driver == "GTiff" else ".jp2") as memory:
        with memory.open(
            driver=driver, width=array.shape[1], height=array.shape[0], count=1, dtype=array.dtype, crs=crs, nodata=nodata,
            transform=Affine(resolution, 0, west, 0, -resolution, north), **{**made, **options},
        ) as out:  # fmt: skip
            out.write(array, 1)
        return bytes(memory.read())


def noise(seed, shape=(192, 192), low=7300, high=20000, dtype=np.uint16):
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def landsat_item(server, name, day, bands, **more):
    properties = {
        "datetime": f"2024-{day}T14:45:00Z", "platform": "landsat-8", "landsat:wrs_path": "003", "landsat:wrs_row": "068",
        "landsat:collection_number": "02", "landsat:collection_category": "T1", "eo:cloud_cover": 10,
        **more.pop("properties", {}),
    }  # fmt: skip
    keys = {"nir": "nir08", "swir2": "swir22", "qa": "qa_pixel"}
    assets = {keys[band]: {"href": server.href(f"{name}_{band}.tif")} for band in bands}
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": "landsat-c2-l2", "bbox": BOX, "links": [],
        "geometry": None, "properties": properties, "assets": assets, **more,
    }  # fmt: skip


def sentinel2_item(server, name, bands, baseline="05.10"):
    keys = {"nir": "B8A", "red": "B04", "swir2": "B12", "scl": "SCL"}
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": "sentinel-2-l2a", "bbox": BOX, "links": [],
        "geometry": None,
        "properties": {
            "datetime": "2024-03-01T15:00:00Z", "platform": "Sentinel-2B", "s2:processing_baseline": baseline,
            "sat:relative_orbit": 110,
        },
        "assets": {keys[band]: {"href": server.href(f"{name}_{band}.tif")} for band in bands},
    }  # fmt: skip


def stac(server, waits=None, attempts=4, **more):
    given = {"endpoint": "planetary-computer", "sensors": ("landsat",), "allow_local": True, "connections": 4, **more}
    traffic = Traffic(wait=(waits if waits is not None else []).append)
    return Stac(StacParameters(url=server.url, attempts=attempts, **given), traffic)


def scene(server, name="LC08_A", day="03-01", bands=("nir", "qa"), seed=1, **place):
    """One Landsat scene of noise, its qa clear with a few clouds and a fill edge; the arrays, by band."""
    made = {"nir": noise(seed), "swir2": noise(seed + 1), "qa": np.full((192, 192), 21824, np.uint16)}
    made["qa"][noise(seed + 2) % 7 == 0] = 22280
    for array in made.values():
        array[:5, :] = 0
    made["qa"][:5, :] = 1
    for band in bands:
        where = {"west": 358_995, "north": 8_595_045, "resolution": 30, **place}
        server.assets[f"{name}_{band}.tif"] = geotiff(made[band], nodata=1 if band == "qa" else 0, **where)
    server.items.append(landsat_item(server, name, day, bands))
    return made


def clean(made, bands=("nir", "qa"), rows=33, columns=33):
    """What GRID must get of `scene`'s default place: shifted by whole cells, halves to the south-east."""
    return np.stack([made[band][rows + 1 : rows + 97, columns + 1 : columns + 97] for band in bands])


# ---- the listing


def test_manifest_walks_all_pages_and_keeps_each_acquisition_once(server):
    for month in range(1, 8):
        scene(server, f"LC08_{month}", f"{month:02d}-01")
    server.items.append(server.items[2])
    server.items.append({**landsat_item(server, "LC08_7b", "07-01", ("nir",)), "properties": {
        **server.items[6]["properties"], "landsat:collection_category": "T2"}})  # fmt: skip
    source = stac(server)
    rows = source.manifest(FIRST, LAST, GRID)
    assert [row.scene.id for row in rows] == [f"LC08_{m}" for m in range(1, 8)]
    assert rows[0].scene.orbit == "003" and rows[0].sensor == "landsat-c2l2" and rows[0].baseline == "02 T1"
    assert dict(rows[0].assets) == {"nir": server.href("LC08_1_nir.tif"), "qa": server.href("LC08_1_qa.tif")}
    assert rows[2].note == "listed more than once"
    assert rows[6].note == "older processing left out: LC08_7b"
    assert sum(kind == "POST" for kind, _ in server.log) == 5
    assert source.failures == []


def test_manifest_keeps_to_period_platforms_orbits_and_cloud(server):
    for i, more in enumerate(({}, {"platform": "landsat-9"}, {"landsat:wrs_path": "004"}, {"eo:cloud_cover": 95})):
        server.items.append(landsat_item(server, f"L{i}", f"02-0{i + 1}", ("nir",), properties=more))
    cloudless = landsat_item(server, "L4", "02-05", ("nir",))
    del cloudless["properties"]["eo:cloud_cover"]
    server.items.append(cloudless)

    def ids(first=FIRST, last=LAST, **more):
        return [row.scene.id for row in stac(server, **more).manifest(first, last, GRID)]

    assert ids() == ["L0", "L1", "L2", "L3", "L4"]
    assert ids(platforms=("landsat-9",)) == ["L1"]
    assert ids(orbits=("4",)) == ["L2"]
    assert ids(max_cloud=50) == ["L0", "L1", "L2", "L4"]
    assert ids(to_day(date(2024, 2, 2)), to_day(date(2024, 2, 3))) == ["L1"]


def test_an_api_that_gives_more_than_was_asked_changes_nothing(server):
    for day in ("02-01", "02-02", "02-03"):
        server.items.append(landsat_item(server, f"L{day}", day, ("nir",)))
    server.lenient = True
    rows = stac(server).manifest(to_day(date(2024, 2, 2)), to_day(date(2024, 2, 3)), GRID)
    assert [row.scene.id for row in rows] == ["L02-02"]


def test_an_empty_page_is_not_the_end(server):
    scene(server)
    server.empty_first = True
    assert len(stac(server).manifest(FIRST, LAST, GRID)) == 1


def test_items_that_cannot_be_understood_are_listed(server):
    scene(server)
    server.items.append(landsat_item(server, "bad-time", "03-02", ("nir",), properties={"datetime": "2024-03-99"}))
    server.items.append(landsat_item(server, "bad-platform", "03-02", ("nir",), properties={"platform": "landsat-4"}))
    server.items.append({**landsat_item(server, "no-assets", "03-02", ("nir",)), "assets": None})
    source = stac(server)
    assert [row.scene.id for row in source.manifest(FIRST, LAST, GRID)] == ["LC08_A"]
    assert sorted(name for name, _ in source.failures) == ["bad-platform", "bad-time", "no-assets"]
    assert all(reason.startswith(name) and "\n" not in reason for name, reason in source.failures)


@pytest.mark.parametrize("fault", [*TRANSIENT, "slow"])
def test_listing_survives_what_heals(server, fault):
    scene(server)
    server.schedule = {"/search": [fault], "/": [fault]}
    assert len(stac(server, timeout_s=1.0 if fault == "slow" else 5.0).manifest(FIRST, LAST, GRID)) == 1


@pytest.mark.parametrize("fault", ["503*", "404*", "html*", "redirect*", "429*", "403*"])
def test_listing_that_fails_says_so_in_one_line(server, fault):
    scene(server)
    server.schedule = {"/search": ["ok", fault]}
    for month in range(1, 5):
        scene(server, f"LC08_{month}", f"{month:02d}-01")
    with pytest.raises(SourceUnavailable) as caught:
        stac(server).manifest(FIRST, LAST, GRID)
    assert "127.0.0.1" in str(caught.value) and "\n" not in str(caught.value)


def test_a_source_of_the_world_needs_an_area(server):
    with pytest.raises(BadInput, match="covers the world"):
        stac(server).manifest(FIRST, LAST)
    assert stac(server).grid() is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"endpoint": "earth-search", "sensors": ("landsat",)}, "requester pays"),
        ({"endpoint": "usgs", "sensors": ("sentinel-2",)}, "Landsat only"),
        ({"endpoint": "planetary-computer", "sensors": ()}, "at least one"),
        ({"endpoint": "planetary-computer", "sensors": ("landsat",), "url": "http://example.org"}, "only https"),
        ({"endpoint": "planetary-computer", "sensors": ("landsat",), "url": "file:///etc"}, "only https"),
    ],
)
def test_parameters_that_cannot_work_are_refused(given, words):
    with pytest.raises(BadInput, match=words):
        StacParameters(**given)


@pytest.mark.parametrize(("endpoint", "family"), [("usgs", "landsat"), ("cdse", "sentinel-2")])
def test_missing_credentials_are_one_clear_line(monkeypatch, endpoint, family):
    variable = f"SACHAWATCH_{endpoint.upper()}_TOKEN"
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(SourceUnavailable, match=variable):
        Stac(StacParameters(endpoint=endpoint, sensors=(family,))).manifest(FIRST, LAST, GRID)


def test_private_endpoint_is_refused_before_anything_is_sent(server):
    source = Stac(StacParameters(endpoint="planetary-computer", sensors=("landsat",), url="https://127.0.0.1:1/"))
    with pytest.raises(BadInput, match="only public addresses"):
        source.manifest(FIRST, LAST, GRID)
    assert server.log == []


def test_offers_the_bands_of_the_table():
    given = StacParameters(endpoint="planetary-computer", sensors=("landsat", "sentinel-1"))
    assert Stac.offers(given, "landsat-c2l2") == ("blue", "green", "red", "nir", "swir1", "swir2", "qa", "radsat")
    assert Stac.offers(given, "sentinel-1-rtc") == ("vv", "vh")
    assert Stac.offers(given, "sentinel-2-l2a") == ()


# ---- clean reads


def test_landsat_is_what_files_reads_to_the_bit_in_the_north_zone_too(server, tmp_path):
    bands = ("nir", "swir2", "qa")
    scene(server, "LC08_A", "03-01", bands, seed=5, crs="EPSG:32619", north=8_595_045 - 10_000_000)
    scene(server, "LC08_B", "03-17", bands, seed=9, west=358_995 + 1500, north=8_595_045 - 1500)
    for name, when in (("LC08_A", "20240301"), ("LC08_B", "20240317")):
        for band in bands:
            (tmp_path / f"{when}_{band}.tif").write_bytes(server.assets[f"{name}_{band}.tif"])
    local = Files(FilesParameters(
        folder=tmp_path, layout="dated", bands=bands, sensor="landsat-c2l2", pattern=r"(?P<date>\d{8})_(?P<band>\w+)\.tif",
    ))  # fmt: skip
    mine, theirs = stac(server), local
    raw = mine.read(GRID, mine.manifest(FIRST, LAST, GRID), bands)
    told = theirs.read(GRID, theirs.manifest(FIRST, LAST), bands)
    assert raw.values.dtype == told.values.dtype == np.uint16
    np.testing.assert_array_equal(raw.observation, told.observation)
    seen = (raw.observation == Observation.OBSERVED)[:, None] & np.ones((1, 3, 1, 1), bool)
    np.testing.assert_array_equal(raw.values[seen], told.values[seen])
    assert {0, 2} <= set(np.unique(raw.observation)) and seen.mean() > 0.5
    assert mine.failures == [] and raw.added == ()


def test_sentinel2_at_20_m_is_what_files_reads_to_the_bit(server, tmp_path):
    grid = Grid("EPSG:32719", 360_000, 8_594_040, 20, (100, 120))
    made = {"nir": noise(3, low=0, high=4000), "scl": noise(4, low=0, high=12, dtype=np.uint8)}
    for band, array in made.items():
        server.assets[f"S2_{band}.tif"] = geotiff(array, 359_400, 8_594_400, 20, nodata=0)
        (tmp_path / f"20240301_{band}.tif").write_bytes(server.assets[f"S2_{band}.tif"])
    server.items.append(sentinel2_item(server, "S2", ("nir", "scl")))
    local = Files(FilesParameters(
        folder=tmp_path, layout="dated", bands=("nir", "scl"), sensor="sentinel-2-l2a",
        pattern=r"(?P<date>\d{8})_(?P<band>\w+)\.tif",
    ))  # fmt: skip
    mine = stac(server, sensors=("sentinel-2",))
    raw = mine.read(grid, mine.manifest(FIRST, LAST, grid), ("nir", "scl"))
    told = local.read(grid, local.manifest(FIRST, LAST), ("nir", "scl"))
    assert raw.values.dtype == told.values.dtype == np.uint16
    np.testing.assert_array_equal(raw.observation, told.observation)
    seen = raw.observation[0] == Observation.OBSERVED
    np.testing.assert_array_equal(raw.values[0][:, seen], told.values[0][:, seen])
    assert raw.added == (-1000.0,) and 0.5 < seen.mean() < 1


def test_finer_pixels_are_averaged_where_they_are_clear(server):
    grid = Grid("EPSG:32719", 360_000, 8_594_040, 30, (40, 40))
    red, scl = noise(1, (192, 192), 100, 4000), noise(2, (96, 96), 4, 9, np.uint8)
    for name, array, step in (("red", red, 10), ("scl", scl, 20)):
        server.assets[f"S2_{name}.tif"] = geotiff(array, 359_940, 8_594_100, step, nodata=0)
    server.items.append(sentinel2_item(server, "S2", ("red", "scl")))
    mine = stac(server, sensors=("sentinel-2",))
    rows = mine.manifest(FIRST, LAST, grid)
    raw = mine.read(grid, rows, ("red", "scl"))
    assert raw.values.dtype == np.float32
    quality = scl.repeat(2, 0).repeat(2, 1)[6:126, 6:126]
    fine = red[6:126, 6:126].astype(float)
    blocks = fine.reshape(40, 3, 40, 3).swapaxes(1, 2).reshape(40, 40, 9)
    good = (quality != 8).reshape(40, 3, 40, 3).swapaxes(1, 2).reshape(40, 40, 9)
    count = good.sum(-1)
    expected = np.where(count > 0, (blocks * good).sum(-1) / np.maximum(count, 1), blocks.mean(-1))
    np.testing.assert_allclose(raw.values[0, 0], expected, rtol=1e-6)
    assert 0 < (count == 0).mean() < 0.1 and (count < 9).any()
    np.testing.assert_array_equal(raw.values[0, 1], quality[1::3, 1::3])
    alone = mine.read(grid, rows, ("red",))
    np.testing.assert_allclose(alone.values[0, 0], blocks.mean(-1), rtol=1e-6)


def test_another_zone_is_interpolated_and_does_not_depend_on_the_tiling(server):
    rows, columns = np.mgrid[:300, :300]
    plane = (9000 + 10 * rows + 3 * columns).astype(np.uint16)
    qa = np.full(plane.shape, 21824, np.uint16)
    qa[150:] = 22280
    server.assets["L_nir.tif"] = geotiff(plane, 1_008_000, 8_594_000 + 3000, 30, crs="EPSG:32718", nodata=0)
    server.assets["L_qa.tif"] = geotiff(qa, 1_008_000, 8_594_000 + 3000, 30, crs="EPSG:32718", nodata=1)
    server.items.append(landsat_item(server, "L", "03-01", ("nir", "qa")))
    mine = stac(server)
    listed = mine.manifest(FIRST, LAST, GRID)
    raw = mine.read(GRID, listed, ("nir", "qa"))
    assert raw.values.dtype == np.float32 and mine.failures == []
    seen = raw.observation[0] == Observation.OBSERVED
    assert seen.mean() > 0.5
    assert set(np.unique(raw.values[0, 1][seen])) <= {21824.0, 22280.0}
    east, north = np.meshgrid(GRID.west + 15 + 30 * np.arange(96), GRID.north - 15 - 30 * np.arange(96))
    x, y = rasterio.warp.transform("EPSG:32719", "EPSG:32718", east.ravel(), north.ravel())
    r, c = (8_597_000 - np.reshape(y, (96, 96))) / 30 - 0.5, (np.reshape(x, (96, 96)) - 1_008_000) / 30 - 0.5
    inner_cells = seen & (r > 0) & (r < 299) & (c > 0) & (c < 299)  # beyond the last centre the nearest counts
    np.testing.assert_allclose(raw.values[0, 0][inner_cells], (9000 + 10 * r + 3 * c)[inner_cells], atol=0.02)
    for tile in GRID.tiles(37):
        part = mine.read(tile, listed, ("nir", "qa"))
        row, column = GRID.offset(tile)
        inner = np.s_[row : row + tile.shape[0], column : column + tile.shape[1]]
        np.testing.assert_array_equal(part.observation[0], raw.observation[0][inner])
        np.testing.assert_array_equal(part.values[0], raw.values[0][:, *inner])


def test_jpeg_2000_is_read_where_the_provider_has_nothing_else(server, monkeypatch):
    monkeypatch.setenv("SACHAWATCH_CDSE_TOKEN", "secret-token")
    grid = Grid("EPSG:32719", 360_000, 8_594_040, 20, (64, 64))
    array = noise(8, (256, 256), 1, 4000)
    server.assets["S2_nir.tif"] = geotiff(
        array,
        359_400,
        8_594_400,
        20,
        driver="JP2OpenJPEG",
        QUALITY="100",
        REVERSIBLE="YES",
        BLOCKXSIZE=64,
        BLOCKYSIZE=64,
    )
    item = sentinel2_item(server, "S2", ("nir",))
    item["assets"] = {
        "B8A_20m": {"href": "s3://eodata/x.jp2", "alternate": {"https": {"href": server.href("S2_nir.tif")}}}
    }
    server.items.append(item)
    mine = stac(server, endpoint="cdse", sensors=("sentinel-2",))
    row = mine.manifest(FIRST, LAST, grid)[0]
    assert row.asset("nir") == "s3://eodata/x.jp2"  # an alternate of http is none: only https counts
    raw = mine.read(
        grid, [Row(row.scene, row.sensor, row.collection, assets=(("nir", server.href("S2_nir.tif")),))], ("nir",)
    )
    assert mine.failures == []
    np.testing.assert_array_equal(raw.values[0, 0], array[18:82, 30:94])
    assert mine.failures == []


# ---- what is not there


def test_a_missing_asset_is_missing_and_named_and_costs_no_request(server):
    scene(server, bands=("nir",))
    mine = stac(server)
    raw = mine.read(GRID, mine.manifest(FIRST, LAST, GRID), ("nir", "qa"))
    assert (raw.observation == Observation.MISSING).all()
    assert mine.failures == [("LC08_A", "qa: the catalogue lists no such asset")]
    assert not any("/assets/" in path for _, path in server.log)


def test_a_scene_that_lies_elsewhere_is_outside_and_costs_no_request(server):
    scene(server)
    mine = stac(server)
    row = mine.manifest(FIRST, LAST, GRID)[0]
    far = Row(row.scene, row.sensor, row.collection, assets=row.assets, bounds=(-60.0, -5.0, -58.0, -3.0))
    assert (mine.read(GRID, [far], ("nir",)).observation == Observation.OUTSIDE).all()
    assert not any("/assets/" in path for _, path in server.log)


def test_fill_never_tests_as_clear(server):
    made = scene(server, north=8_593_545)
    made["qa"][50:60] = 0
    server.assets["LC08_A_qa.tif"] = geotiff(made["qa"], 358_995, 8_593_545, 30, nodata=1)
    server.assets["LC08_A_nir.tif"] = geotiff(noise(1), 358_995, 8_593_545, 30, nodata=0)
    mine = stac(server)
    raw = mine.read(GRID, mine.manifest(FIRST, LAST, GRID), ("nir", "qa"))
    unseen = raw.observation[0] != Observation.OBSERVED
    assert (raw.values[0, 1][unseen] == 1).all()
    assert (raw.observation[0][68:74] == Observation.MASKED).all() and (
        raw.observation[0][:16] == Observation.OUTSIDE
    ).all()
    assert (raw.values[0, 1][~unseen] & 1 == 0).all()


def test_wrong_questions_are_refused(server):
    scene(server)
    mine = stac(server)
    rows = mine.manifest(FIRST, LAST, GRID)
    with pytest.raises(UnknownBand, match="no band 'vv'"):
        mine.read(GRID, rows, ("vv",))
    with pytest.raises(BadInput, match="each once"):
        mine.read(GRID, rows, ("nir", "nir"))
    with pytest.raises(BadInput, match="at a time"):
        mine.read(GRID, [*rows, Row(rows[0].scene, "sentinel-2-l2a")], ("nir",))


@pytest.mark.parametrize(
    ("href", "words"),
    [
        ("file:///etc/passwd", "only https"),
        ("s3://bucket/key.tif", "only https"),
        ("/vsicurl/http://127.0.0.1/x.tif", "only https"),
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("relative/path.tif", "only https"),
    ],
)
def test_an_asset_that_leads_elsewhere_fails_by_name(server, href, words):
    scene(server)
    item = server.items[0]
    item["assets"]["nir08"]["href"] = href
    mine = stac(server)
    raw = mine.read(GRID, mine.manifest(FIRST, LAST, GRID), ("nir",))
    assert (raw.observation == Observation.FAILED).all()
    assert mine.failures[0][0] == "LC08_A" and mine.failures[0][1].startswith("nir: ") and words in mine.failures[0][1]
    assert not any("/assets/" in path for _, path in server.log)


# ---- faults


def test_every_fault_ends_as_it_should(server):
    made = scene(server)
    for fault in (*TRANSIENT, *PERMANENT, "drip", "slow", "changed"):
        server.reset()
        waits: list[float] = []
        mine = stac(server, waits, timeout_s=1.0 if fault in ("slow", "drip") else 5.0)
        rows = mine.manifest(FIRST, LAST, GRID)
        server.schedule = {"/assets/LC08_A_nir.tif": ["ok", fault]}
        raw = mine.read(GRID, rows, ("nir", "qa"))
        heals = fault in (*TRANSIENT, "drip", "slow", "changed", "403")  # a 403 may be a signature that ran out
        if heals:
            seen = raw.observation[0] == Observation.OBSERVED
            np.testing.assert_array_equal(raw.values[0][:, seen], clean(made)[:, seen], err_msg=fault)
            assert seen.all() and mine.failures == [], (fault, mine.failures)
        else:
            assert (raw.observation == Observation.FAILED).all(), fault
            assert len(mine.failures) == 1 and mine.failures[0][1].startswith("nir: "), fault
            assert fault != "html" or "text/html instead of a range" in mine.failures[0][1]
        assert (len(waits) > 0) == (fault in (*TRANSIENT, "drip", "slow")), fault
        if fault == "429-seconds":
            assert waits == [2.0]
        if fault == "429-date":
            assert 1.9 <= waits[0] <= 3.0


@pytest.mark.parametrize("fault", ["404", "truncate*", "reset*", "html", "shifted", "short", "500*"])
def test_an_uncompressed_file_with_a_hole_is_no_data(server, fault):
    """Nothing in such a file can fail to decode: only what our requests met tells that its numbers are none."""
    scene(server, bands=("nir",))
    server.assets["LC08_A_nir.tif"] = geotiff(noise(1), 358_995, 8_595_045, 30, nodata=0, compress="none")
    mine = stac(server)
    rows = mine.manifest(FIRST, LAST, GRID)
    server.schedule = {"/assets/LC08_A_nir.tif": ["ok", fault]}
    part = GRID.window(0, 0, 60, 60)  # not to the end of the file, where too little would show by itself
    assert (mine.read(part, rows, ("nir",)).observation == Observation.FAILED).all()
    assert mine.failures[0][1].startswith("nir: ")


def test_a_server_that_drips_does_not_hold_us(server):
    scene(server, bands=("nir",))
    server.slow_s = 4.0
    mine = stac(server, timeout_s=1.0)
    rows = mine.manifest(FIRST, LAST, GRID)
    server.schedule = {"/assets/LC08_A_nir.tif": ["drip"]}
    begun = time.monotonic()
    raw = mine.read(GRID, rows, ("nir",))
    server.slow_s = 2.5
    assert time.monotonic() - begun < 3.5 and (raw.observation == Observation.OBSERVED).all()


@pytest.mark.parametrize("fault", ["404*", "403*", "503*", "429*", "truncate*", "reset*", "html*", "changed*"])
def test_what_fails_for_ever_fails_by_name_and_is_read_once_it_has_healed(server, fault):
    made = scene(server)
    waits: list[float] = []
    mine = stac(server, waits)
    rows = mine.manifest(FIRST, LAST, GRID)
    server.schedule = {"/assets/LC08_A_nir.tif": [fault]}
    raw = mine.read(GRID, rows, ("nir", "qa"))
    assert (raw.observation == Observation.FAILED).all()
    assert [name for name, _ in mine.failures] == ["LC08_A"]
    sent = sum(path.endswith("nir.tif") for _, path in server.log)
    assert sent <= 4
    assert all(0 < wait <= 60 for wait in waits)
    server.schedule = {}
    again = mine.read(GRID, rows, ("nir", "qa"))
    np.testing.assert_array_equal(again.values[0], clean(made))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda data: data[: len(data) // 2], "not readable|truncated"),
        (lambda data: data[:20000] + b"\xff" * 6000 + data[26000:], "not readable"),
        (lambda data: b"", "HTTP 416"),
        (lambda data: b"<VRTDataset/>" + data, "is not a GTiff"),
        (lambda data: geotiff(noise(1), -70.3, -12.7, 30, crs="EPSG:4326"), "geographic|rotated|CRS"),
        (lambda data: geotiff(noise(1), 358_995, 8_595_045, 30, crs="EPSG:32616"), "lies around"),
        (lambda data: geotiff(noise(1).astype(np.int16), 358_995, 8_595_045, 30), "int16"),
        (lambda data: geotiff(noise(1), 358_995, 8_595_045, 15), "cells of 15"),
    ],
)
def test_spoilt_files_fail_by_name(server, spoil, words):
    scene(server)
    server.assets["LC08_A_nir.tif"] = spoil(server.assets["LC08_A_nir.tif"])
    mine = stac(server)
    raw = mine.read(GRID, mine.manifest(FIRST, LAST, GRID), ("nir", "qa"))
    assert (raw.observation == Observation.FAILED).all()

    assert len(mine.failures) == 1 and re.search(words, mine.failures[0][1]), mine.failures


def test_a_huge_claim_is_refused_before_anything_is_read(server):
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=40_000, height=40_000, count=1, dtype="uint16", crs="EPSG:32719", sparse_ok=True, tiled=True,
            transform=Affine(30, 0, 0, 0, -30, 9_000_000), compress="deflate", blockxsize=4096, blockysize=4096,
        ):  # fmt: skip
            pass
        huge = bytes(memory.read())
    scene(server)
    server.assets["LC08_A_nir.tif"] = huge
    mine = stac(server)
    mine.read(GRID, mine.manifest(FIRST, LAST, GRID), ("nir",))
    assert "claims 40000 x 40000 cells" in mine.failures[0][1]


def test_headers_are_asked_for_once_and_a_replaced_file_is_noticed(server):
    scene(server)
    mine = stac(server)
    rows = mine.manifest(FIRST, LAST, GRID)
    left, right = GRID.window(0, 0, 64, 64), GRID.window(32, 32, 64, 64)
    mine.read(left, rows, ("nir",))
    before = len(server.log)
    mine.read(right, rows, ("nir",))
    assert len(server.log) - before == 1
    other = noise(77)
    server.assets["LC08_A_nir.tif"] = geotiff(other, 358_995, 8_595_045, 30, nodata=0)
    server.version["LC08_A_nir.tif"] += 1
    raw = mine.read(left, rows, ("nir",))
    np.testing.assert_array_equal(raw.values[0, 0], other[34:98, 34:98])
    assert mine.failures == []


def test_reading_mounts_no_more_file_systems_than_threads(server):
    """GDAL never gives one up: a new one for every file would cost memory and time without end."""
    scene(server)
    mine = stac(server, connections=2)
    rows = mine.manifest(FIRST, LAST, GRID)
    mine.read(GRID, rows, ("nir", "qa"))
    before = mounts._FREE.qsize()
    for _ in range(5):
        mine.read(GRID, rows, ("nir", "qa"))
    assert mounts._FREE.qsize() <= max(before, 4)


def test_signatures_are_fetched_once_kept_and_renewed(server):
    made = scene(server)
    scene(server, "LC08_B", "03-17", seed=9)
    server.signed = True
    mine = stac(server)
    rows = mine.manifest(FIRST, LAST, GRID)
    assert all("sig=" not in href for row in rows for _, href in row.assets)
    np.testing.assert_array_equal(mine.read(GRID, rows, ("nir", "qa")).values[0], clean(made))
    mine.read(GRID, rows, ("nir", "qa"))
    assert server.tokens_given == 1
    server.token += 1  # what we hold is refused from now on
    np.testing.assert_array_equal(mine.read(GRID, rows, ("nir", "qa")).values[0], clean(made))
    assert 2 <= server.tokens_given <= 2 and mine.failures == []
    server.schedule = {"/assets/LC08_A_nir.tif": ["ok", "expired"]}  # between header and cells
    np.testing.assert_array_equal(mine.read(GRID, rows, ("nir", "qa")).values[0], clean(made))
    assert mine.failures == []


def test_signatures_and_tokens_go_to_their_own_hosts_only(monkeypatch):
    client = Client(Traffic(), timeout_s=1, attempts=1)
    computer = Signatures(CATALOGUES["planetary-computer"], client, "https://planetarycomputer.microsoft.com")
    assert computer.wanted("https://landsateuwest.blob.core.windows.net/landsat-c2/a.TIF")
    assert not computer.wanted("https://blob.core.windows.net.example.org/a.TIF")
    assert computer.signed("https://example.org/a.TIF", "landsat-c2-l2") == "https://example.org/a.TIF"
    monkeypatch.setenv("SACHAWATCH_USGS_TOKEN", "secret")
    usgs = Signatures(CATALOGUES["usgs"], client, "https://landsatlook.usgs.gov")
    assert usgs.headers("https://landsatlook.usgs.gov/data/a.TIF") == {"Authorization": "Bearer secret"}
    assert usgs.headers("https://example.org/a.TIF") == {} == computer.headers("https://landsatlook.usgs.gov/a.TIF")


def test_a_signature_about_to_end_is_renewed_before_use(server):
    scene(server)
    server.signed, server.token_life_s = True, 60  # less than the margin
    mine = stac(server)
    mine.read(GRID, mine.manifest(FIRST, LAST, GRID), ("nir", "qa"))
    assert server.tokens_given == 2 and mine.failures == []


def test_a_token_service_that_is_down_fails_by_name_and_tells_no_secret(server):
    scene(server)
    server.signed = True
    server.schedule = {"/api/sas/v1/token/landsat-c2-l2": ["ok", "503*"]}
    mine = stac(server)
    rows = mine.manifest(FIRST, LAST, GRID)
    mine.read(GRID, rows, ("nir",))
    server.token += 1
    raw = mine.read(GRID, rows, ("nir",))
    assert (raw.observation == Observation.FAILED).all()
    assert "no signature" in mine.failures[0][1] and "sig=" not in mine.failures[0][1]


def test_every_request_takes_a_turn(server):
    scene(server)
    inside, most, lock = [0], [0], threading.Lock()

    @contextmanager
    def turn():
        with lock:
            inside[0] += 1
            most[0] += 1
        yield
        with lock:
            inside[0] -= 1

    mine = Stac(
        StacParameters(url=server.url, endpoint="planetary-computer", sensors=("landsat",), allow_local=True),
        Traffic(turn),
    )
    mine.read(GRID, mine.manifest(FIRST, LAST, GRID), ("nir", "qa"))
    assert most[0] == len(server.log) and inside[0] == 0


def test_random_fault_schedules_lose_nothing_and_invent_nothing(server, thorough):
    """Seeded. Every look is the clean numbers, or FAILED by name; what must heal heals, what cannot does not."""
    bands = ("nir", "qa")
    truth = {
        name: clean(scene(server, name, day, seed=seed)) for name, day, seed in (("A", "03-01", 1), ("B", "03-17", 7))
    }
    rows = stac(server).manifest(FIRST, LAST, GRID)
    assets = [f"{name}_{band}.tif" for name in truth for band in bands]
    drawn, faults, attempts = random.Random(20240301), 0, 3
    for number in range(150 * thorough):
        server.reset()
        server.signed = drawn.random() < 0.3
        plan = {asset: _schedule(drawn) for asset in assets if drawn.random() < 0.6}
        server.schedule = {f"/assets/{asset}": list(faulty) for asset, faulty in plan.items()}
        faults += sum(len(faulty) for faulty in plan.values())
        mine = stac(server, attempts=attempts, connections=drawn.choice((1, 1, 4)))
        raw = mine.read(GRID, rows, bands)
        named = dict(mine.failures)
        expiries = sum(fault == "expired" for faulty in plan.values() for fault in faulty)
        assert len(raw.scenes) == len(rows)
        for i, scene_ in enumerate(raw.scenes):
            must = {_fate(plan.get(f"{scene_.id}_{band}.tif", []), attempts) for band in bands}
            if (raw.observation[i] == Observation.FAILED).all():
                assert scene_.id in named, (number, plan)
                # Signatures that run out twice may refuse an innocent asset: it is signed anew only once a request.
                assert must != {"clean"} or expiries > 1, (number, plan, mine.failures)
            else:
                assert scene_.id not in named, (number, plan, mine.failures)
                assert (raw.observation[i] == Observation.OBSERVED).all() and "failed" not in must, (number, plan)
                np.testing.assert_array_equal(raw.values[i], truth[scene_.id], err_msg=str((number, plan)))
    assert faults > 300 * thorough


def _schedule(drawn):
    kinds = [*TRANSIENT, *TRANSIENT, "ok", "ok", "ok", "changed", "expired", *PERMANENT]
    faulty = [drawn.choice(kinds) for _ in range(drawn.randint(1, 4))]
    if drawn.random() < 0.2:
        faulty[-1] = drawn.choice(("404", "503", "429", "truncate", "reset", "html", "403")) + "*"
    return faulty


def _fate(faulty, attempts):
    """What must become of an asset whose requests meet these faults; "either" where it depends on their order."""
    if all(fault in TRANSIENT or fault == "ok" for fault in faulty) and len(faulty) < attempts:
        return "clean"
    if faulty and faulty[0] in (
        "404",
        "410",
        "html",
        "redirect",
        "no-range",
        "404*",
        "503*",
        "429*",
        "truncate*",
        "reset*",
    ):
        return "failed"
    return "either"
