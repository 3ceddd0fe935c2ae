"""Earth Engine as a `Source`: the real client against `loopback_ee`, whose docstring says what that does not prove."""

import json
import pickle
import random
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import ee
import google.auth
import numpy as np
import pytest
from loopback_ee import ALGORITHMS_FILE, DISCOVERY_FILE, Image, Plane, Service

from detection.codes import Observation
from detection.errors import BadInput, DetectionError, SourceUnavailable, UnknownBand
from detection.sources import Source, Traffic, earthengine, eeimages, eerequests, eesession
from detection.sources.earthengine import EarthEngine, EarthEngineParameters
from detection.sources.eesession import Account
from detection.types import SECONDS_A_DAY, Grid, Row, Scene

GRID = Grid("EPSG:32719", 360_000, 8_594_040, 30, (12, 10))
DAY = 18_262
"""2020-01-01."""
FIRST_MS = DAY * SECONDS_A_DAY * 1000
BOX = (-70.5, -13.0, -70.0, -12.5)
"""Holds GRID."""
OLI = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7", "QA_PIXEL", "QA_RADSAT")
TM = ("SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B7", "QA_PIXEL", "QA_RADSAT")
S2_20 = ("B5", "B6", "B7", "B8A", "B11", "B12", "SCL")
S2_10 = ("B2", "B3", "B4", "B8")
S2_ID = "20200110T145729_20200110T145731_T19LCF"
OBSERVED, MASKED, OUTSIDE, MISSING, FAILED = Observation


def plane(rng, dtype, step, phase=0, low=1, high=40_000, holes=0.2):
    """A band around GRID with 60 m to spare; Landsat as it is stored, in the north zone with negative northings."""
    n = 480 // step
    values = rng.integers(low, high, (n, n)) if dtype != "float32" else rng.uniform(low, high, (n, n))
    crs, lift = ("EPSG:32619", 10_000_000) if phase else ("EPSG:32719", 0)
    mask = rng.random((n, n)) >= holes
    return Plane(values.astype(dtype), mask, crs, GRID.west - 60 + phase, GRID.north + 60 - phase - lift, step)


def landsat(rng, collection, names, n):
    short = collection.split("/")[1]
    index = f"{short}_003068_202001{n + 1:02d}"
    told = {
        "system:time_start": FIRST_MS + n * SECONDS_A_DAY * 1000 + 53_100_789,
        "WRS_PATH": 3,
        "WRS_ROW": 68,
        "CLOUD_COVER": 5.0 * n,
        "PROCESSING_SOFTWARE_VERSION": "LPGS_16.1.0",
        "SPACECRAFT_ID": "LANDSAT_8",
    }
    return Image.of(f"{collection}/{index}", told, {name: plane(rng, "uint16", 30, 15) for name in names}, BOX)


def sentinel2(rng, index=S2_ID, **other):
    told = {
        "system:time_start": FIRST_MS + 9 * SECONDS_A_DAY * 1000,
        "SPACECRAFT_NAME": "Sentinel-2B",
        "SENSING_ORBIT_NUMBER": 39,
        "PROCESSING_BASELINE": "02.13",
        "CLOUDY_PIXEL_PERCENTAGE": 12.5,
        **other,
    }
    planes = {name: plane(rng, "uint16", 20) for name in S2_20[:-1]} | {
        name: plane(rng, "uint16", 10) for name in S2_10
    }
    planes["SCL"] = plane(rng, "uint8", 20, low=1, high=11)
    return Image.of(f"COPERNICUS/S2_SR_HARMONIZED/{index}", told, planes, BOX)


def sentinel1(rng, index, names=("VV", "VH", "angle"), **other):
    told = {
        "system:time_start": FIRST_MS + 5 * SECONDS_A_DAY * 1000,
        "platform_number": "A",
        "relativeOrbitNumber_start": 98,
        "instrumentMode": "IW",
        **other,
    }
    planes = {name: plane(rng, "float32", 10, low=-25, high=-3) for name in names}
    return Image.of(f"COPERNICUS/S1_GRD/{index}", told, planes, BOX)


def catalogue(seed=20_260_101):
    rng = np.random.default_rng(seed)
    lt05, le07, lc08, lc09 = (collection.id for collection in eeimages.COLLECTIONS["landsat"])
    s2 = [
        sentinel2(rng),
        sentinel2(rng, "20200110T145729_20200110T145731_T19LCG", PROCESSING_BASELINE="02.13"),
        sentinel2(rng, "20200110T145729_20230422T010203_T19LCG", PROCESSING_BASELINE="05.00"),
    ]
    cs = Image.of(
        f"{eeimages.CLOUD_SCORE}/{S2_ID}",
        {"system:time_start": s2[0].properties["system:time_start"]},
        {"cs": plane(rng, "float32", 10, low=0, high=1)},
        BOX,
    )
    return {
        lt05: [landsat(rng, lt05, TM, 20)],
        le07: [],
        lc08: [landsat(rng, lc08, OLI, n) for n in range(9)],
        lc09: [landsat(rng, lc09, OLI, 9)],
        "COPERNICUS/S2_SR_HARMONIZED": s2,
        "COPERNICUS/S1_GRD": [
            sentinel1(rng, "S1A_IW_GRDH_1SDV_A"),
            sentinel1(rng, "S1A_IW_GRDH_1SSV_B", ("VV", "angle"), relativeOrbitNumber_start=127),
            sentinel1(rng, "S1A_EW_GRDM_1SDV_C", instrumentMode="EW"),
        ],
        eeimages.CLOUD_SCORE: [cs],
    }


@pytest.fixture(scope="module")
def running():
    with Service(catalogue()) as service:
        yield service


@pytest.fixture
def service(running):
    running.again()
    return running


def source(service, traffic=None, **keys) -> EarthEngine:
    keys = {"sensors": ("landsat",), "attempts": 3, "deadline_s": 20.0, **keys}
    parameters = EarthEngineParameters(project="my-project", url=service.url, allow_local=True, **keys)
    return EarthEngine(parameters, traffic or Traffic(wait=lambda seconds: None))


def listed(engine, first=DAY, last=DAY + 60, area=GRID):
    return engine.manifest(first, last, area)


def forget():
    """The client as in a process that has just begun."""
    ee.Reset()
    eesession._gate._account = None
    eesession._restricted.clear()


def truth(service, row, name):
    """(values, mask) of one band of an image over GRID: whole pixels to the south-east for Landsat."""
    collection, _, index = row.assets[0][1].rpartition("/")[0].rpartition("/")
    image = next(image for image in service.catalogue[collection] if image.id.endswith(index))
    stored: Plane = image.bands[name][1].__self__
    cut = np.s_[2:14, 2:12]
    return stored.values[cut], stored.mask[cut]


# What ships with the client, and what is reached into.


def test_the_client_is_the_one_this_was_written_for() -> None:
    """Internals of the client that the source or the stand-in lean on; a new version must be looked at anew."""
    assert ee.__version__ == "1.7.50"
    assert json.loads(DISCOVERY_FILE.read_text())["version"] == "v1alpha"
    assert len(json.loads(ALGORITHMS_FILE.read_text())["algorithms"]) > 900
    assert callable(ee.deprecation._FetchDataCatalogStac)
    assert callable(ee.data._handle_response_headers)
    assert {"deadline_ms", "requests_session", "max_retries"} <= set(ee._state.EEState.__dataclass_fields__)


def test_setting_up_asks_nobody_else_and_always_has_a_deadline(service, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: asked.append(a))
    forget()
    engine = source(service, deadline_s=7.0)
    assert not service.told.paths
    listed(engine)
    assert not asked
    assert ee._state.get_state().deadline_ms == 7000
    assert ee._state.get_state().max_retries == 0
    assert len([path for path in service.told.paths if "/algorithms" in path]) == 1


def test_the_stand_in_refuses_what_it_does_not_understand(service) -> None:
    listed(source(service))
    scene = ee.Image(service.catalogue["LANDSAT/LC08/C02/T1_L2"][0].id)
    with pytest.raises(ee.EEException, match="Image.add is not on the allow-list"):
        ee.data.computePixels({"expression": scene.add(1), "fileFormat": "NUMPY_NDARRAY", "grid": {}})


# The manifest.


def test_the_manifest_of_landsat(service) -> None:
    engine: Source = source(service)
    rows = listed(engine)
    assert len(rows) == 11
    assert list(rows) == sorted(rows, key=lambda row: row.scene)
    assert rows[2] == Row(
        Scene((DAY + 2) * SECONDS_A_DAY + 53_100, "landsat-8", "LC08_003068_20200103", "003"),
        "landsat-c2l2",
        "LANDSAT/LC08/C02/T1_L2",
        "LPGS_16.1.0",
        0.0,
        tuple(
            (band, f"LANDSAT/LC08/C02/T1_L2/LC08_003068_20200103/{name}")
            for band, name in zip(("blue", "green", "red", "nir", "swir1", "swir2", "qa", "radsat"), OLI, strict=True)
        ),
        BOX,
    )
    assert rows[-1].scene.platform == "landsat-5"
    assert rows[-1].asset("nir") == "LANDSAT/LT05/C02/T1_L2/LT05_003068_20200121/SR_B4"
    assert engine.grid() is None
    assert not engine.failures


def test_the_manifest_of_the_sentinels(service) -> None:
    rows = listed(source(service, sensors=("sentinel-2", "sentinel-1"), cloud_score=True))
    told = {row.scene.id: row for row in rows}
    assert "S1A_EW_GRDM_1SDV_C" not in told
    one = told[S2_ID]
    assert (one.scene.platform, one.scene.orbit, one.baseline) == ("sentinel-2b", "039", "02.13")
    assert one.added == 0
    assert one.asset("nir") == f"COPERNICUS/S2_SR_HARMONIZED/{S2_ID}/B8A"
    assert one.asset("nir_wide") == f"COPERNICUS/S2_SR_HARMONIZED/{S2_ID}/B8"
    assert one.asset("cs") == f"{eeimages.CLOUD_SCORE}/{S2_ID}/cs"
    newest = told["20200110T145729_20230422T010203_T19LCG"]
    assert newest.asset("cs") is None
    assert newest.note == "left out: 20200110T145729_20200110T145731_T19LCG (baseline 02.13)"
    assert "20200110T145729_20200110T145731_T19LCG" not in told
    radar = told["S1A_IW_GRDH_1SSV_B"]
    assert (radar.scene.platform, radar.scene.orbit) == ("sentinel-1a", "127")
    assert [band for band, _ in radar.assets] == ["vv", "angle"]


def test_all_pages_are_read(service, monkeypatch) -> None:
    whole = listed(source(service))
    monkeypatch.setattr(eesession, "PAGE", 2)
    service.told.paths.clear()
    assert listed(source(service)) == whole
    assert sum("computeFeatures" in path for path in service.told.paths) == 5 + 1 + 1 + 1


def test_only_what_is_wanted_is_listed(service) -> None:
    days = [row.scene.day - DAY for row in listed(source(service))]
    assert days == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20]
    assert [row.scene.day - DAY for row in listed(source(service), DAY + 3, DAY + 6)] == [3, 4, 5]
    assert len(listed(source(service, max_cloud=12.0))) == 3
    assert {row.scene.platform for row in listed(source(service, platforms=("landsat-9",)))} == {"landsat-9"}
    assert len(listed(source(service, orbits=("003",)))) == 11
    assert not listed(source(service, orbits=("4",)))
    assert not listed(source(service), area=replace(GRID, west=660_000))
    assert [row.scene.orbit for row in listed(source(service, sensors=("sentinel-1",), orbits=("98",)))] == ["098"]


def test_an_entry_that_makes_no_sense_is_listed_as_such(service) -> None:
    strange = Image.of("LANDSAT/LE07/C02/T1_L2/LE07_X", {"system:time_start": None}, {}, None)
    service.catalogue["LANDSAT/LE07/C02/T1_L2"].append(strange)
    try:
        engine = source(service)
        assert len(listed(engine)) == 11
    finally:
        service.catalogue["LANDSAT/LE07/C02/T1_L2"].clear()
    ((scene, reason),) = engine.failures
    assert scene == "LE07_X"
    assert "time None cannot be placed" in reason


@pytest.mark.parametrize("fault", [503, 429, "reset", "truncated", "html"])
def test_listing_survives_a_passing_fault(service, fault) -> None:
    service.faults.extend([fault, fault])
    assert len(listed(source(service))) == 11


@pytest.mark.parametrize(
    ("faults", "words"),
    [([503] * 3, r"HTTP 503: injected 503 \(3 tries\)"), ([403], "may read it"), ([400], "cannot be listed")],
)
def test_a_list_that_cannot_be_had_ends_in_one_line(service, faults, words) -> None:
    listed(source(service))
    service.faults.extend(faults)
    with pytest.raises(SourceUnavailable, match=words) as caught:
        listed(source(service))
    assert "\n" not in str(caught.value)


def test_an_account_that_is_refused_ends_in_one_line(service) -> None:
    forget()
    service.faults.append((403, "Caller does not have permission to use project my-project.\nGo away."))
    with pytest.raises(SourceUnavailable, match="'my-project' was refused .*HTTP 403.* registered") as caught:
        listed(source(service))
    assert "\n" not in str(caught.value)
    assert len(listed(source(service))) == 11


# Reading.


def test_a_clean_read_is_what_is_stored_bit_for_bit(service) -> None:
    """Landsat lies in the north zone with negative northings, its corners 15 m off the grid."""
    engine = source(service)
    rows = listed(engine)
    service.told.paths.clear()
    raw = engine.read(GRID, rows[::-1], ("qa", "nir", "red"))
    assert raw.values.dtype == np.uint16
    assert raw.scenes == tuple(row.scene for row in rows)
    for i, row in enumerate(rows):
        names = {"landsat-5": ("QA_PIXEL", "SR_B4", "SR_B3")}.get(row.scene.platform, ("QA_PIXEL", "SR_B5", "SR_B4"))
        stored = [truth(service, row, name) for name in names]
        every = np.all([mask for _, mask in stored], 0)
        np.testing.assert_array_equal(raw.observation[i], np.where(every, OBSERVED, MASKED))
        for b, (values, _) in enumerate(stored):
            np.testing.assert_array_equal(raw.values[i, b], np.where(every, values, 0))
    assert len(service.told.paths) == 1
    assert not engine.failures


def test_zero_is_a_value_where_zero_says_nothing_is_wrong(service) -> None:
    """QA_RADSAT is 0 where nothing is saturated."""
    row = listed(source(service))[0]
    radsat = service.catalogue["LANDSAT/LC08/C02/T1_L2"][0].bands["QA_RADSAT"][1].__self__
    kept = radsat.values.copy()
    radsat.values[:] = 0
    raw = source(service).read(GRID, [row], ("nir", "radsat"))
    radsat.values[:] = kept
    np.testing.assert_array_equal(raw.observation[0] == OBSERVED, truth(service, row, "SR_B5")[1])


def test_cells_beyond_the_footprint_are_outside(service) -> None:
    engine = source(service)
    row = listed(engine)[0]
    longitude, latitude = eerequests._centres(GRID)
    x, y = float(np.median(longitude)), float(np.median(latitude))
    _, mask = truth(service, row, "SR_B5")
    west, south, east, north = BOX
    for box, beyond in (
        ((west, south, x, north), longitude > x),
        ((x, south, east, north), longitude < x),
        ((west, south, east, y), latitude > y),
        ((west, y, east, north), latitude < y),
    ):
        raw = engine.read(GRID, [replace(row, bounds=box)], ("nir",))
        assert 0 < beyond.sum() < beyond.size
        wanted = np.where(mask, OBSERVED, np.where(beyond, OUTSIDE, MASKED))
        np.testing.assert_array_equal(raw.observation[0], wanted)
    far = GRID.window(0, 400, 3, 3)
    assert (engine.read(far, [replace(row, bounds=None)], ("nir",)).observation == MASKED).all()
    assert (engine.read(far, [replace(row, bounds=(west, south, x, north))], ("nir",)).observation == OUTSIDE).all()


def test_sentinel_2_comes_onto_30_metres_as_area_means(service) -> None:
    engine = source(service, sensors=("sentinel-2",), cloud_score=True)
    row = next(row for row in listed(engine) if row.scene.id == S2_ID)
    raw = engine.read(GRID, [row], ("red", "swir2", "scl", "cs"))
    assert raw.values.dtype == np.float32
    stored = {name: image_plane(service, row, name) for name in ("B4", "B12", "SCL")}
    judged = stored["SCL"].mask & ~np.isin(stored["SCL"].values, (0, 1, 3, 8, 9, 10))
    clear = np.repeat(np.repeat(judged, 2, 0), 2, 1)
    score = service.catalogue[eeimages.CLOUD_SCORE][0].bands["cs"][1].__self__
    means = np.zeros((2, *GRID.shape))
    for r, c in np.ndindex(GRID.shape):
        top, left = 60 + 30 * r, 60 + 30 * c  # metres from the corner of the stored arrays
        seen = True
        for b, name in ((0, "B4"), (1, "B12")):
            values, mask = (
                np.repeat(np.repeat(a, int(stored[name].step) // 10, 0), int(stored[name].step) // 10, 1)
                for a in (stored[name].values, stored[name].mask)
            )
            cell = np.s_[top // 10 : top // 10 + 3, left // 10 : left // 10 + 3]
            if mask[cell].any():
                counts = mask[cell] & clear[cell] if (mask[cell] & clear[cell]).any() else mask[cell]
                means[b, r, c] = values[cell][counts].mean()
            seen &= mask[cell].any()
        under = (top + 15) // 20, (left + 15) // 20
        middle = (top + 15) // 10, (left + 15) // 10
        seen &= stored["SCL"].mask[under] and score.mask[middle]
        if seen:
            np.testing.assert_allclose(raw.values[0, :2, r, c], means[:, r, c], rtol=1e-6)
            assert raw.values[0, 2, r, c] == stored["SCL"].values[under]
            assert raw.values[0, 3, r, c] == score.values[middle]
        assert raw.observation[0, r, c] == (OBSERVED if seen else MASKED)


def image_plane(service, row, name) -> Plane:
    image = next(i for i in service.catalogue[row.collection] if i.id.endswith(row.scene.id))
    return image.bands[name][1].__self__


def test_on_its_own_resolution_sentinel_2_is_what_is_stored(service) -> None:
    engine = source(service, sensors=("sentinel-2",))
    row = next(row for row in listed(engine) if row.scene.id == S2_ID)
    tens = replace(GRID, resolution=10, shape=(36, 30))
    raw = engine.read(tens, [row], ("red", "nir", "scl"))
    assert raw.values.dtype == np.uint16
    red, nir, scl = (image_plane(service, row, name) for name in ("B4", "B8A", "SCL"))
    doubled = [np.repeat(np.repeat(a, 2, 0), 2, 1)[6:42, 6:36] for a in (nir.values, nir.mask, scl.values, scl.mask)]
    mask = red.mask[6:42, 6:36] & doubled[1] & doubled[3]
    np.testing.assert_array_equal(raw.observation[0] == OBSERVED, mask)
    np.testing.assert_array_equal(raw.values[0, 0][mask], red.values[6:42, 6:36][mask])
    np.testing.assert_array_equal(raw.values[0, 1][mask], doubled[0][mask])
    np.testing.assert_array_equal(raw.values[0, 2][mask], doubled[2][mask])


def test_masked_radar_is_not_zero_decibel(service) -> None:
    engine = source(service, sensors=("sentinel-1",))
    row = next(row for row in listed(engine) if row.scene.id == "S1A_IW_GRDH_1SDV_A")
    raw = engine.read(replace(GRID, resolution=10, shape=(36, 30)), [row], ("vv", "angle"))
    vv, angle = (image_plane(service, row, name) for name in ("VV", "angle"))
    mask = vv.mask[6:42, 6:36] & angle.mask[6:42, 6:36]
    np.testing.assert_array_equal(raw.observation[0], np.where(mask, OBSERVED, MASKED))
    np.testing.assert_array_equal(raw.values[0, 0][mask], vv.values[6:42, 6:36][mask])
    coarse = engine.read(GRID, [row], ("vv",))
    power = np.where(vv.mask, 10 ** (vv.values.astype(float) / 10), np.nan)[6:42, 6:36].reshape(12, 3, 10, 3)
    wanted = 10 * np.log10(np.nanmean(power, (1, 3)))
    np.testing.assert_allclose(coarse.values[0, 0], wanted, rtol=1e-6)


def test_a_band_that_an_image_lacks_is_missing_and_not_asked_for(service) -> None:
    engine = source(service, sensors=("sentinel-1",))
    rows = [row for row in listed(engine) if row.scene.id.startswith("S1A_IW")]
    raw = engine.read(GRID, rows, ("vv", "vh"))
    assert (raw.observation[[row.asset("vh") is None for row in rows]] == MISSING).all()
    assert (raw.observation[[row.asset("vh") is not None for row in rows]] == OBSERVED).any()
    assert "1SSV" not in json.dumps(service.told.pixel_requests)
    alone = engine.read(GRID, [row for row in rows if row.asset("vh") is None], ("vh",))
    assert (alone.observation == MISSING).all()
    assert engine.read(GRID, [], ("vv",)).values.shape == (0, 1, 12, 10)


def test_questions_that_make_no_sense_end_in_one_line(service) -> None:
    engine = source(service, sensors=("landsat", "sentinel-1"))
    rows = listed(engine)
    with pytest.raises(UnknownBand, match="landsat-c2l2 has no band 'b4'; it has blue"):
        engine.read(GRID, rows[:1], ("b4",))
    with pytest.raises(BadInput, match="landsat-c2l2, sentinel-1-grd"):
        engine.read(GRID, rows, ("nir",))
    with pytest.raises(BadInput, match="each once"):
        engine.read(GRID, rows[:1], ("nir", "nir"))
    with pytest.raises(BadInput, match="say where"):
        engine.manifest(DAY, DAY + 1)


def test_what_it_offers() -> None:
    keys = {"project": "my-project", "sensors": ("landsat", "sentinel-2")}
    told = partial(EarthEngine.offers, EarthEngineParameters(**keys))
    assert told("landsat-c2l2") == ("blue", "green", "red", "nir", "swir1", "swir2", "qa", "radsat")
    assert told("sentinel-2-l2a")[-1] == "scl"
    assert told("sentinel-1-grd") == ()
    assert EarthEngine.offers(EarthEngineParameters(**keys, cloud_score=True), "sentinel-2-l2a")[-1] == "cs"


# Sizes and faults.


def clean(service, bands=("nir", "qa")):
    engine = source(service)
    rows = listed(engine)
    raw = engine.read(GRID, rows, bands)
    assert not engine.failures
    service.again()
    return rows, raw


def same(raw, wanted) -> None:
    np.testing.assert_array_equal(raw.observation, wanted.observation)
    seen = np.broadcast_to((wanted.observation == OBSERVED)[:, None], wanted.values.shape)
    np.testing.assert_array_equal(raw.values[seen], wanted.values[seen])


def without(raw, look):
    keep = [i for i in range(len(raw.scenes)) if i != look]
    scenes = tuple(raw.scenes[i] for i in keep)
    return replace(raw, scenes=scenes, values=raw.values[keep], observation=raw.observation[keep])


def test_requests_are_as_few_as_the_limit_allows(service) -> None:
    """120 cells, 2 bands of uint16 with their mask bytes: 720 bytes a look."""
    rows, wanted = clean(service)
    for looks, requests in ((1, 11), (3, 4), (4, 3), (11, 1)):
        service.again()
        service.limits.size = 720 * looks
        same(source(service, max_request_mb=720e-6 * looks).read(GRID, rows, ("nir", "qa")), wanted)
        assert len(service.told.pixel_requests) == requests
    service.again()
    same(source(service, max_request_mb=500e-6).read(GRID, rows, ("nir", "qa")), wanted)
    assert (
        len(service.told.pixel_requests) == 22
    )  # an image takes two strips; three would take 18 requests, which is not worth it


def test_what_the_service_cannot_hold_is_split_down_to_quarter_tiles(service) -> None:
    rows, wanted = clean(service)
    service.limits.memory = 70  # pixels times bands; a quarter of a look has 60
    engine = source(service)
    same(engine.read(GRID, rows, ("nir", "qa")), wanted)
    assert len(service.told.pixel_requests) == 10 + 11 + 44
    service.again()
    service.limits.memory = 59
    engine = source(service)
    assert (engine.read(GRID, rows, ("nir", "qa")).observation == FAILED).all()
    assert engine.failures == [(row.scene.id, "nir+qa: HTTP 400: User memory limit exceeded.") for row in rows]


def test_a_cell_fails_with_any_of_its_pixels() -> None:
    for resolution, row, wanted in ((10, 4, [1]), (20, 1, [0, 1]), (20, 3, [2])):
        fine = replace(GRID, resolution=resolution, shape=(360 // resolution, 300 // resolution))
        failed = np.zeros(fine.shape, bool)
        failed[row, 0] = True
        touched = earthengine._touched(failed, fine, GRID)
        assert touched[:, 0].nonzero()[0].tolist() == wanted
        assert touched.sum() == len(wanted)


def test_an_image_that_is_gone_fails_alone_and_by_name(service) -> None:
    rows, wanted = clean(service)
    gone = rows[4].assets[0][1].rpartition("/")[0]
    for told in ((404, f"Image.load: Image asset '{gone}' not found."), (400, "Image.load: corrupt")):
        service.again()
        service.blamed[gone] = told
        engine = source(service)
        raw = engine.read(GRID, rows, ("nir", "qa"))
        assert (raw.observation[4] == FAILED).all()
        assert engine.failures == [(rows[4].scene.id, f"nir+qa: HTTP {told[0]}: {told[1]}")]
        same(without(raw, 4), without(wanted, 4))
    engine.read(GRID, rows, ("nir", "qa"))
    assert len(engine.failures) == 1


@pytest.mark.parametrize("fault", [429, 500, 503, "reset", "truncated", "html", "small"])
def test_a_passing_fault_leaves_no_trace(service, fault) -> None:
    rows, wanted = clean(service)
    waited = []
    service.faults.extend([fault, fault])
    engine = source(service, Traffic(wait=waited.append))
    same(engine.read(GRID, rows, ("nir", "qa")), wanted)
    assert len(waited) == 2
    assert not engine.failures


@pytest.mark.parametrize(
    ("fault", "reason", "tries"),
    [
        (503, r"HTTP 503: injected 503 (3 tries)", 3),
        ((429, "Too many"), "HTTP 429: Too many (3 tries)", 3),
        ("reset", "connection failed (ConnectionError) (3 tries)", 3),
        ("truncated", "connection failed (ConnectionError) (3 tries)", 3),
        ("html", "the answer cannot be decoded (3 tries)", 3),
        ("small", "answered (12, 9), (12, 10) was asked for (3 tries)", 3),
        ((403, "Permission denied"), "HTTP 403: Permission denied", 1),
    ],
)
def test_a_fault_that_stays_is_a_failure_by_name(service, fault, reason, tries) -> None:
    rows, _ = clean(service)
    waited = []
    service.faults.extend([fault] * 3)
    engine = source(service, Traffic(wait=waited.append))
    assert (engine.read(GRID, rows, ("nir", "qa")).observation == FAILED).all()
    assert engine.failures == [(row.scene.id, f"nir+qa: {reason}") for row in rows]
    assert len(waited) == tries - 1


def test_another_type_than_expected_is_a_failure_of_that_image(service) -> None:
    """Numbers that were scaled by the service would look like data."""
    rows, wanted = clean(service)
    bands = service.catalogue["LANDSAT/LC08/C02/T1_L2"][4].bands
    kept = bands["SR_B5"]
    bands["SR_B5"] = (np.dtype(float), kept[1])
    engine = source(service)
    raw = engine.read(GRID, rows, ("nir", "qa"))
    bands["SR_B5"] = kept
    same(without(raw, 4), without(wanted, 4))
    assert (raw.observation[4] == FAILED).all()
    assert engine.failures == [(rows[4].scene.id, "nir+qa: answered float64, uint16 expected")]


def test_retry_after_is_heeded(service) -> None:
    rows, wanted = clean(service)
    waited = []
    for header in ("7", "Wed, 21 Oct 2026 07:28:00 GMT", "9999"):
        service.faults.append((429, "Too many", (("Retry-After", header),)))
        same(source(service, Traffic(wait=waited.append)).read(GRID, rows, ("nir", "qa")), wanted)
    assert waited[0] == 7
    assert 0.5 <= waited[1] <= 1.5
    assert waited[2] == 60


def test_a_service_that_does_not_answer_is_given_up(service) -> None:
    rows, wanted = clean(service)
    patient = source(service, deadline_s=1.5, attempts=6)
    service.faults.append(("slow", 3.5))
    same(patient.read(GRID, rows, ("nir", "qa")), wanted)
    engine = source(service, deadline_s=1.5, attempts=2)
    service.faults.extend([("slow", 3.5)] * 2)
    assert (engine.read(GRID, rows[:1], ("nir",)).observation == FAILED).all()
    assert engine.failures == [(rows[0].scene.id, "nir: no answer within 1.5 s (2 tries)")]


class Turns:
    """A limiter that notes how many turns were taken at once, and refuses to be waited in."""

    def __init__(self, most: int) -> None:
        self.free, self.lock, self.mine = threading.Semaphore(most), threading.Lock(), threading.local()
        self.taken = self.peak = 0

    @contextmanager
    def turn(self):
        with self.free:
            with self.lock:
                self.taken += 1
                self.peak = max(self.peak, self.taken)
            self.mine.inside = True
            try:
                yield
            finally:
                self.mine.inside = False
                with self.lock:
                    self.taken -= 1

    def wait(self, seconds: float) -> None:
        assert not getattr(self.mine, "inside", False)


def test_the_limit_of_requests_is_kept_by_many_readers(service) -> None:
    rows, wanted = clean(service)
    service.limits.concurrent, service.latency_s = 3, 0.01
    turns = Turns(3)
    engines = [source(service, Traffic(turns.turn, turns.wait), max_request_mb=720e-6) for _ in range(3)]
    raws = [None] * 3

    def read(i):
        raws[i] = engines[i].read(GRID, rows, ("nir", "qa"))

    threads = [threading.Thread(target=read, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for raw in raws:
        same(raw, wanted)
    assert turns.peak == 3
    assert service.told.peak <= 3
    assert service.told.refused == 0


def test_without_the_limiter_the_stand_in_does_refuse(service) -> None:
    """The test above can fail."""
    rows, wanted = clean(service)
    service.limits.concurrent, service.latency_s = 2, 0.02
    patient = Traffic(wait=lambda seconds: time.sleep(min(seconds, 0.02)))  # about a request, or 50 attempts may not do
    same(source(service, patient, max_request_mb=720e-6, attempts=50).read(GRID, rows, ("nir", "qa")), wanted)
    assert service.told.refused > 0


FAULTS = (429, 500, 503, "reset", "truncated", "html", "small", (400, "Computation timed out."), (400, "Image.load: corrupt"),
          (400, "User memory limit exceeded."), (403, "Permission denied"), 404, None, None, None)  # fmt: skip
SCHEDULES = 100


def test_under_any_schedule_of_faults_a_look_is_right_or_failed_by_name(service, thorough: int) -> None:
    """Seeded; every look ends as exactly what is stored, or as FAILED with its name and the reason in `failures`."""
    rows, wanted = clean(service)
    counts = {"right": 0, "failed": 0}
    for seed in range(SCHEDULES * thorough):
        chance = random.Random(seed)
        service.again()
        service.faults.extend(chance.choices(FAULTS, k=chance.randrange(14)))
        service.limits.memory = chance.choice([70, 130, 300, 1000, 10_000])
        service.limits.concurrent = chance.choice([2, 5, 100])
        for row in chance.sample(rows, chance.choice([0, 0, 1, 3])):
            service.blamed[row.assets[0][1].rpartition("/")[0]] = chance.choice([(404, "not found"), (400, "corrupt")])
        asked = sorted(chance.sample(range(len(rows)), chance.randrange(1, len(rows) + 1)))
        turns = Turns(chance.choice([1, 3, 8]))
        engine = source(
            service, Traffic(turns.turn, turns.wait), attempts=chance.choice([1, 2, 4]),
            max_request_mb=720e-6 * chance.choice([0.6, 1, 2, 5, 20]),
        )  # fmt: skip
        raw = engine.read(GRID, [rows[i] for i in asked], ("nir", "qa"))
        named = {scene for scene, _ in engine.failures}
        for i, look in enumerate(asked):
            failed = raw.observation[i] == FAILED
            right = (raw.observation[i] == wanted.observation[look]) | failed
            seen = (raw.observation[i] == OBSERVED)[None]
            assert right.all(), (seed, look)
            assert (raw.values[i] == wanted.values[look])[np.broadcast_to(seen, raw.values[i].shape)].all(), (
                seed,
                look,
            )
            assert failed.any() == (rows[look].scene.id in named), (seed, look)
            counts["failed" if failed.any() else "right"] += 1
        assert named <= {rows[look].scene.id for look in asked}
    assert min(counts.values()) > SCHEDULES * thorough / 2, counts


# Accounts.


def test_quota_used_up_is_said_once_and_is_no_warning(service) -> None:
    rows, wanted = clean(service)
    service.headers.append(("x-earth-engine-quota-status", "parallelism_restricted=true"))
    engine = source(service)
    try:
        same(engine.read(GRID, rows, ("nir", "qa")), wanted)
        engine.read(GRID, rows, ("nir", "qa"))
        assert engine.failures == [
            ("project my-project", "its noncommercial quota is used up: requests are slowed down")
        ]
    finally:
        eesession._restricted.clear()


def test_two_accounts_in_one_process_take_turns(service) -> None:
    """The same ids hold other numbers in the second service: whoever is asked in the other's place shows."""
    rows, wanted = clean(service)
    with Service(catalogue(seed=7)) as other:
        others = clean(other)[1]
        assert (others.values != wanted.values).any()
        service.latency_s = other.latency_s = 0.01
        asked = [service, other] * 3
        raws = {}

        def read(n):
            raws[n] = source(asked[n], max_request_mb=720e-6).read(GRID, rows, ("nir", "qa"))

        threads = [threading.Thread(target=read, args=(n,)) for n in range(len(asked))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for n, of in enumerate(asked):
            same(raws[n], wanted if of is service else others)


def test_nobody_changes_the_account_while_it_is_used(monkeypatch) -> None:
    opened, gate, done = [], eesession._Gate(), []
    monkeypatch.setattr(eesession, "_open", lambda account: opened.append(account.deadline_s))
    one, two = (replace(account("user"), deadline_s=seconds) for seconds in (1.0, 2.0))

    def other():
        with gate.using(two):
            done.append("other")

    thread = threading.Thread(target=other)
    with gate.using(one), gate.using(one):
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        assert opened == [1.0]
        done.append("mine")
    thread.join()
    assert done == ["mine", "other"]
    assert opened == [1.0, 2.0]


def test_a_refresh_that_is_refused_names_the_remedy_and_no_secret(service, monkeypatch) -> None:
    rows, _ = clean(service)

    def refused(*_):
        raise google.auth.exceptions.RefreshError("invalid_grant: token s3cr3t", {"token": "s3cr3t"})

    monkeypatch.setattr(ee.data, "computePixels", refused)
    with pytest.raises(SourceUnavailable, match="were refused; run `gcloud") as caught:
        source(service).read(GRID, rows, ("nir",))
    assert "s3cr3t" not in str(caught.value)


def account(credentials, key_file=None, url="https://earthengine.googleapis.com") -> Account:
    return Account("my-project", url, credentials, key_file, 5.0, 2)


def test_missing_credentials_name_the_remedy(monkeypatch, tmp_path) -> None:
    def none(**_):
        raise google.auth.exceptions.DefaultCredentialsError("s3cr3t\nlong text")

    monkeypatch.setattr(google.auth, "default", none)
    monkeypatch.setenv("HOME", str(tmp_path))
    for credentials, remedy in (("application-default", "gcloud auth"), ("user", "`earthengine authenticate`")):
        with pytest.raises(SourceUnavailable, match=remedy) as caught:
            eesession._credentials(account(credentials))
        assert "\n" not in str(caught.value)
        assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("s3cr3t", "is not JSON"),
        ('["s3cr3t"]', "not the key of a service account"),
        ('{"type": "authorized_user", "refresh_token": "s3cr3t"}', "not the key of a service account"),
        ('{"type": "service_account", "client_email": "a@b", "private_key": "", "token_uri": "x"}', "not the key"),
    ],
)
def test_a_key_file_that_is_none(tmp_path, content, words) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadInput, match=words) as caught:
        eesession._credentials(account("service-account", path))
    assert "s3cr3t" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_broken_private_key_is_not_quoted(tmp_path) -> None:
    path = tmp_path / "key.json"
    told = {"type": "service_account", "client_email": "a@b.c", "private_key": "s3cr3t", "token_uri": "https://x"}
    path.write_text(json.dumps(told))
    with pytest.raises(SourceUnavailable, match="make a new key") as caught:
        eesession._credentials(account("service-account", path))
    assert "s3cr3t" not in str(caught.value)


def test_a_stand_in_gets_no_credentials(monkeypatch) -> None:
    monkeypatch.setattr(google.auth, "default", lambda **_: pytest.fail("asked for"))
    found = eesession._credentials(account("application-default", url="http://127.0.0.1:9"))
    assert type(found).__name__ == "AnonymousCredentials"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"project": "My Project"}, "not the id of a Cloud project"),
        ({"project": "short"}, "not the id"),
        ({"sensors": ()}, "names none"),
        ({"credentials": "service-account"}, "needed there"),
        ({"key_file": "key.json"}, "needed there"),
        ({"url": "http://127.0.0.1:8080"}, "set allow_local"),
        ({"url": "https://10.0.0.1"}, "set allow_local"),
        ({"url": "https://[::1]"}, "set allow_local"),
        ({"url": "https://localhost."}, "set allow_local"),
        ({"url": "https://169.254.169.254"}, "set allow_local"),
        ({"url": "http://proxy.example.org", "allow_local": True}, "in the clear"),
        ({"url": "ftp://proxy.example.org"}, "not the address"),
        ({"url": "https://me:s3cr3t@proxy.example.org"}, "without a login"),
        ({"url": "proxy.example.org"}, "not the address"),
    ],
)
def test_wrong_parameters_end_in_one_line(keys, words) -> None:
    with pytest.raises(DetectionError, match=words) as caught:
        EarthEngineParameters(**{"project": "my-project", "sensors": ("landsat",), **keys})
    assert "\n" not in str(caught.value)


def test_parameters_travel_and_nothing_of_the_client_does() -> None:
    given = EarthEngineParameters(project="my-project", sensors=("landsat",))
    assert pickle.loads(pickle.dumps(given)) == given
    assert not any(type(value).__module__.startswith("ee") for value in vars(EarthEngine(given)).values())
