"""Real items of three providers become the rows they should; what is wrong with an item is said."""

import copy
import json

import pytest

from detection.errors import BadInput
from detection.sources.catalogues import CATALOGUES
from detection.sources.items import entry_of, newest
from detection.types import to_day

USGS = CATALOGUES["usgs"].collections["landsat"]
PC = CATALOGUES["planetary-computer"].collections
EARTH = CATALOGUES["earth-search"].collections["sentinel-2"]
CDSE = CATALOGUES["cdse"].collections["sentinel-2"]
LOOK = "https://landsatlook.usgs.gov/data/collection02/level-2/standard"


@pytest.fixture
def item(shared):
    def read(path):
        return json.loads((shared / "data" / path).read_text())

    return read


def row_of(item, collection):
    return entry_of(item, collection).row


def test_landsat_8_of_the_usgs(item):
    row = row_of(item("ingest-s2-l2a-cog/items/LC08_L2SP_028030_20200114_20200824_02_T1_SR.json"), USGS)
    name = "LC08_L2SP_028030_20200114_20200824_02_T1"
    folder = f"{LOOK}/oli-tirs/2020/028/030/{name}/{name}"
    assert (row.scene.id, row.scene.platform, row.scene.orbit) == (f"{name}_SR", "landsat-8", "028")
    assert row.scene.when.isoformat() == "2020-01-14T17:05:46+00:00"
    assert (row.sensor, row.collection, row.baseline, row.added, row.note) == (
        "landsat-c2l2",
        "landsat-c2l2-sr",
        "02 T1",
        0,
        "",
    )
    assert dict(row.assets) == {
        "blue": f"{folder}_SR_B2.TIF", "green": f"{folder}_SR_B3.TIF", "red": f"{folder}_SR_B4.TIF", "nir": f"{folder}_SR_B5.TIF",
        "swir1": f"{folder}_SR_B6.TIF", "swir2": f"{folder}_SR_B7.TIF", "qa": f"{folder}_QA_PIXEL.TIF",
        "radsat": f"{folder}_QA_RADSAT.TIF",
    }  # fmt: skip
    assert row.bounds == (-96.95575299361194, 42.11901502264999, -94.14420841422258, 44.23811017843692)


def test_landsat_7_of_the_usgs_numbers_its_bands_otherwise(item):
    row = row_of(item("ingest-s2-l2a-cog/items/LE07_L2SP_044033_20210329_20210424_02_T1_SR.json"), USGS)
    assert (row.scene.platform, row.scene.orbit) == ("landsat-7", "044")
    assert row.asset("blue").endswith("_SR_B1.TIF") and row.asset("nir").endswith("_SR_B4.TIF")
    assert row.asset("swir1").endswith("_SR_B5.TIF") and row.asset("swir2").endswith("_SR_B7.TIF")


@pytest.mark.parametrize(("scene", "path"), [("008059/LC08_L2SP_008059_20191201_20200825_02_T1", "008"),
                                             ("001062/LC08_L2SP_001062_20201031_20201106_02_T2", "001")])  # fmt: skip
def test_early_usgs_items_state_a_day_and_name_assets_by_file(item, scene, path):
    row = row_of(item(f"ingest-landsat-c2/{scene}_SR_stac.json"), USGS)
    assert (row.scene.platform, row.scene.orbit) == ("landsat-8", path)
    assert row.scene.instant % 86_400 == 0 and "no time of day" in row.note
    assert [band for band, _ in row.assets] == ["blue", "green", "red", "nir", "swir1", "swir2", "qa", "radsat"]
    assert row.asset("nir").endswith("_SR_B5.TIF") and row.asset("qa").endswith("_QA_PIXEL.TIF")


def test_surface_temperature_items_have_no_reflectance_and_that_shows(item):
    row = row_of(item("ingest-landsat-c2/001062/LC08_L2SP_001062_20201031_20201106_02_T2_ST_stac.json"), USGS)
    assert [band for band, _ in row.assets] == ["qa", "radsat"]


@pytest.mark.parametrize(
    ("name", "platform", "path", "baseline"),
    [
        ("LC09_L2SP_010065_20220129_02_T1", "landsat-9", "010", "02 T1"),
        ("LE07_L2SP_021030_20100109_02_T1", "landsat-7", "021", "02 T1"),
        ("LT05_L2SP_010067_19860424_02_T2", "landsat-5", "010", "02 T2"),
    ],
)
def test_landsat_as_planetary_computer_has_it(item, name, platform, path, baseline):
    row = row_of(item(f"ingest-landsat-c2/items/{name}.json"), PC["landsat"])
    assert (row.scene.id, row.scene.platform, row.scene.orbit, row.baseline) == (name, platform, path, baseline)
    assert row.collection == "landsat-c2-l2"
    assert [band for band, _ in row.assets] == ["blue", "green", "red", "nir", "swir1", "swir2", "qa", "radsat"]
    assert row.scene.day == to_day(
        __import__("datetime").date.fromisoformat(f"{name[17:21]}-{name[21:23]}-{name[23:25]}")
    )


def test_sentinel_2_of_planetary_computer(item):
    found = item("ingest-s2-l2a-cog/items/S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531.json")
    row = row_of(found, PC["sentinel-2"])
    assert (row.scene.platform, row.scene.orbit, row.baseline, row.added) == ("sentinel-2b", "043", "02.12", 0.0)
    assert row.scene.when.isoformat() == "2019-06-29T21:25:29+00:00"
    assert row.asset("nir").endswith("R20m/T06VVN_20190629T212529_B8A_20m.tif")
    assert row.asset("nir_wide").endswith("R10m/T06VVN_20190629T212529_B08_10m.tif")
    assert row.asset("scl").endswith("_SCL_20m.tif") and "?" not in row.asset("scl")
    assert len(row.assets) == 11
    found["properties"]["s2:processing_baseline"] = "05.00"
    assert row_of(found, PC["sentinel-2"]).added == -1000.0


def test_sentinel_2_of_earth_search_and_its_doubtful_flag(item):
    found = item("ingest-s2-l2a-cog/S2A_29RKH_20200219_0_L2A/S2A_29RKH_20200219_0_L2A.json")
    row = row_of(found, EARTH)
    assert (row.scene.platform, row.scene.orbit, row.baseline, row.added, row.note) == (
        "sentinel-2a",
        "037",
        "02.14",
        0.0,
        "",
    )
    assert row.asset("nir").endswith("/B8A.tif") and row.asset("nir_wide").endswith("/B08.tif")
    assert all(href.startswith("https://sentinel-cogs.s3.us-west-2.amazonaws.com/") for _, href in row.assets)

    def added(baseline, flag):
        other = copy.deepcopy(found)
        other["properties"]["s2:processing_baseline"] = baseline
        other["properties"].pop("earthsearch:boa_offset_applied")
        if flag is not None:
            other["properties"]["earthsearch:boa_offset_applied"] = flag
        made = row_of(other, EARTH)
        return made.added, made.note

    assert added("03.01", False) == (0.0, "") and added("03.01", True) == (0.0, "")
    assert added("04.00", True) == (0.0, "")
    assert added("05.09", False)[0] == -1000.0 and "known to be wrong" in added("05.09", False)[1]
    assert added("05.09", None)[0] == -1000.0 and "does not say" in added("05.09", None)[1]


def sentinel2(**properties):
    return {
        "id": "S2B_MSIL2A_20250302T095029_N0511_R079_T33UXP_20250302T104753", "bbox": [14, 49, 15, 50],
        "properties": {"datetime": "2025-03-02T09:50:29Z", "platform": "sentinel-2b", **properties},
        "assets": {"B8A_20m": {"href": "s3://eodata/a.jp2", "alternate": {"https": {"href": "https://download.example/a"}}}},
    }  # fmt: skip


def test_copernicus_items_give_their_https_address_and_their_baseline_by_name():
    row = row_of(sentinel2(), CDSE)
    assert (row.baseline, row.added, row.scene.orbit, row.collection) == ("05.11", -1000.0, "079", "sentinel-2-l2a")
    assert row.assets == (("nir", "https://download.example/a"),)


def test_radar_keeps_orbit_and_polarisation():
    row = row_of({
        "id": "S1A_IW_GRDH_1SDV_20191215T004314_20191215T004339_030352_0378DC_rtc", "bbox": [-70, -12, 0, -68, -11, 900],
        "properties": {"datetime": "2019-12-15T00:43:26.5Z", "platform": "SENTINEL-1A", "sat:relative_orbit": 54},
        "assets": {"vv": {"href": "https://x.blob.core.windows.net/vv.tif"}},
    }, PC["sentinel-1"])  # fmt: skip
    assert (row.scene.platform, row.scene.orbit, row.sensor, row.added) == ("sentinel-1a", "054", "sentinel-1-rtc", 0.0)
    assert row.asset("vv") == "https://x.blob.core.windows.net/vv.tif" and row.asset("vh") is None
    assert row.bounds == (-70.0, -12.0, -68.0, -11.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": None}, "without an id"),
        ({"properties": None}, "no properties"),
        ({"assets": []}, "no properties or assets"),
        ({"properties": {"platform": "sentinel-2b"}}, "datetime None"),
        ({"properties": {"platform": "landsat-8", "datetime": "2025-03-02"}}, "platform 'landsat-8'"),
        ({"properties": {"platform": "sentinel-1a", "datetime": "2025-03-02"}}, "platform 'sentinel-1a'"),
        (
            {"id": "S2B_X", "properties": {"platform": "sentinel-2b", "datetime": "2025-03-02"}},
            "no processing baseline",
        ),
        (
            {
                "id": "S2B_X",
                "properties": {"platform": "sentinel-2b", "datetime": "2025-03-02", "s2:processing_baseline": "x"},
            },
            "no processing baseline",
        ),
    ],
)
def test_items_that_cannot_be_understood_say_why_in_one_line(change, words):
    with pytest.raises(BadInput, match=words) as caught:
        entry_of({**sentinel2(), **change}, PC["sentinel-2"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("box", [None, [1, 2, 3], ["a", 0, 1, 1], [0, 5, 1, 2], [0, float("nan"), 1, 2]])
def test_a_footprint_that_makes_no_sense_is_no_footprint(box):
    assert row_of({**sentinel2(), "bbox": box}, CDSE).bounds is None


def test_reprocessing_replaces_the_older_one_whatever_the_order():
    old = {**sentinel2(), "id": "S2B_MSIL2A_20250302T095029_N0509_R079_T33UXP_20250302T104753"}
    new, other = sentinel2(), {**sentinel2(), "id": "S2B_MSIL2A_20250302T095029_N0511_R079_T33UXQ_20250302T104753"}
    entries = [entry_of(one, CDSE) for one in (old, new, other, new)]
    for order in (entries, entries[::-1]):
        kept = newest(order)
        assert [row.scene.id for row in kept] == [new["id"], other["id"]]
        assert kept[0].note == f"older processing left out: {old['id']}; listed more than once"


def test_relative_links_start_at_the_item_itself():
    item = {**sentinel2(), "links": [{"rel": "self", "href": "https://example.org/items/a/a.json"}]}
    item["assets"] = {"B8A_20m": {"href": "../b/nir.jp2"}}
    assert row_of(item, CDSE).asset("nir") == "https://example.org/items/b/nir.jp2"
