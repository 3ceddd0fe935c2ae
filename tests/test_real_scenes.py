"""Preparation of real scenes against a plain restatement of what their quality bands mean, with counts as literals.

The scenes are thinned out (their cells are 30 to 600 m wide), so they are put on a made-up grid of the same shape.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from strategies import scene, scenes_on

from detection.codes import Observation
from detection.prepare import Prepare, prepare
from detection.prepare.indices import INDICES
from detection.prepare.masks import clouded, flagged, saturated
from detection.prepare.radar import filtered, to_db
from detection.sources.sensors import OLI_BANDS, SENSORS, TM_BANDS
from detection.types import Float, Grid, Mask, Raw

LANDSAT, MSI, RTC = SENSORS["landsat-c2l2"], SENSORS["sentinel-2-l2a"], SENSORS["sentinel-1-rtc"]
ASSETS = {"blue": "SR_B2", "green": "SR_B3", "red": "SR_B4", "nir": "SR_B5", "swir1": "SR_B6", "swir2": "SR_B7"}
CAQUETA, BRAZIL = "008059/LC08_L2SP_008059_20191201_20200825_02_T1", "001062/LC08_L2SP_001062_20201031_20201106_02_T2"
ALONE = Prepare(mask_buffer_m=0, valid_min=-10, valid_max=10)
"""Nothing is widened and no index is out of range: what is masked, the quality band or the sensor's range masked."""


def read(path: Path) -> NDArray[np.generic]:
    with rasterio.open(path) as file:
        return np.asarray(file.read(1))


def raw_of(bands: dict[str, NDArray[np.generic]], platform: str) -> Raw:
    values = np.stack(list(bands.values()))[None]
    grid = Grid("EPSG:32718", 300_000, 9_000_000, 30, values.shape[2:])
    status = np.zeros((1, *values.shape[2:]), np.uint8)
    return Raw(grid, (scene(18_000, platform=platform),), tuple(bands), values, status)


def landsat(shared: Path, name: str) -> dict[str, NDArray[np.generic]]:
    stem = shared / "data" / "ingest-landsat-c2" / name
    files = {**ASSETS, "qa": "QA_PIXEL", "radsat": "QA_RADSAT"}
    return {band: read(stem.with_name(f"{stem.name}_{file}.TIF")) for band, file in files.items()}


def restated(quality: NDArray[np.generic]) -> Mask:
    """Fill, dilated cloud, cirrus, cloud, shadow or snow, number by number as the handbook words it."""
    masked = {n: any(n // 2**bit % 2 == 1 for bit in range(6)) for n in np.unique(quality).tolist()}
    return np.vectorize(masked.__getitem__)(quality)


@pytest.mark.parametrize(("name", "clear", "usable"), [(CAQUETA, 21_334, 21_334), (BRAZIL, 0, 0)])
def test_landsat_masks_bit_by_bit(shared: Path, name: str, clear: int, usable: int) -> None:
    bands = landsat(shared, name)
    cloud, fill = clouded(bands["qa"], LANDSAT)
    np.testing.assert_array_equal(cloud | fill, restated(bands["qa"]))
    assert (~(cloud | fill)).sum() == clear
    seen = prepare(raw_of(bands, "landsat-8"), ALONE, LANDSAT).observation[0]
    assert (seen == Observation.OBSERVED).sum() == usable
    assert not (seen[cloud | fill] == Observation.OBSERVED).any()


@pytest.mark.parametrize("name", [CAQUETA, BRAZIL])
def test_the_cloud_bit_gives_the_cloud_cover_that_the_provider_tells(shared: Path, name: str) -> None:
    told = json.loads(next((shared / "data" / "ingest-landsat-c2" / name).parent.glob("*MTL.json")).read_text())
    cover = float(told["LANDSAT_METADATA_FILE"]["IMAGE_ATTRIBUTES"]["CLOUD_COVER"])
    quality = landsat(shared, name)["qa"]
    bit, fill = LANDSAT.qa_bits.index("cloud"), flagged(quality, (0,))
    assert abs(100 * flagged(quality[~fill], (bit,)).mean() - cover) < 1.5


@pytest.mark.parametrize("band", sorted(ASSETS))
def test_landsat_reflectance(shared: Path, band: str) -> None:
    bands = landsat(shared, CAQUETA)
    cube = prepare(raw_of(bands, "landsat-8"), Prepare(index=band, mask_buffer_m=0), LANDSAT)
    seen = cube.observation[0] == Observation.OBSERVED
    expected = bands[band].astype(np.float64) * 2.75e-5 - 0.2
    assert seen.sum() > 20_000
    assert np.abs(cube.values[0, 0] - expected)[seen].max() < 1e-6
    assert np.isnan(cube.values[0, 0][~seen]).all()


def test_landsat_burn_ratio_and_fractions_of_a_forest(shared: Path) -> None:
    bands = landsat(shared, CAQUETA)
    nir, swir2 = (bands[b].astype(np.float64) * 2.75e-5 - 0.2 for b in ("nir", "swir2"))
    cube = prepare(raw_of(bands, "landsat-8"), ALONE, LANDSAT)
    seen = cube.observation[0] == Observation.OBSERVED
    np.testing.assert_allclose(cube.values[0, 0][seen], ((nir - swir2) / (nir + swir2))[seen], atol=1e-5)
    ndfi = prepare(raw_of(bands, "landsat-8"), Prepare(index="ndfi"), LANDSAT).values[:, 0]
    assert np.nanmedian(ndfi) > 0.75  # an Amazon forest seen through gaps in cloud


def test_every_index_of_reflectance_is_finite_where_it_is_observed(shared: Path) -> None:
    raw = raw_of(landsat(shared, CAQUETA), "landsat-8")
    for index in (*INDICES, "evi", "savi", "nbr2", "msavi"):
        if index not in ("cross_ratio", "rvi"):
            cube = prepare(raw, Prepare(index=index, mask_buffer_m=0), LANDSAT)
            np.testing.assert_array_equal(np.isfinite(cube.values[:, 0]), cube.observation == Observation.OBSERVED)
            assert (cube.observation == Observation.OBSERVED).sum() > 20_000


def test_saturation_of_a_real_scene(shared: Path) -> None:
    radsat = landsat(shared, CAQUETA)["radsat"][None]
    found = [int(saturated(radsat, (band,), ["landsat-8"]).sum()) for band in OLI_BANDS]
    assert found == [0, 1, 1, 1, 1, 0, 0]  # one cell says 30: bits 1 to 4


@pytest.mark.parametrize(
    ("item", "bands"),
    [
        ("LC09_L2SP_010065_20220129_02_T1", OLI_BANDS),
        ("LE07_L2SP_021030_20100109_02_T1", TM_BANDS),
        ("LT05_L2SP_010067_19860424_02_T2", TM_BANDS),
    ],
)
def test_the_bits_are_those_of_the_provider_s_own_items(shared: Path, item: str, bands: tuple[str, ...]) -> None:
    assets = json.loads((shared / "data" / "ingest-landsat-c2" / "items" / f"{item}.json").read_text())["assets"]
    pixel, radsat = (
        {f["name"].replace("_", " "): f["offset"] for f in assets[a]["classification:bitfields"]}
        for a in ("qa_pixel", "qa_radsat")
    )
    for name, bit in pixel.items():
        assert bit > 7 or LANDSAT.qa_bits[bit] == name
    common = {"blue": "blue", "green": "green", "red": "red", "nir08": "nir", "swir16": "swir1", "swir22": "swir2"}
    for asset, band in common.items():
        number = assets[asset]["href"].removesuffix(".TIF")[-1]  # ..._SR_B4.TIF
        assert radsat[f"band{number}"] == bands.index(band)
    assert radsat.get("dropped", 9) == 9
    assert radsat.get("occlusion", 11) == 11


def test_sentinel_2_masks_class_by_class_and_reflectance(shared: Path) -> None:
    folder = shared / "data" / "ingest-s2-l2a-cog" / "S2A_29RKH_20200219_0_L2A"
    bands = {"nir": read(folder / "B8A.tif"), "swir2": read(folder / "B12.tif"), "scl": read(folder / "SCL.tif")}
    clear = np.isin(bands["scl"], (4, 5, 6, 7))
    assert clear.sum() == 289_162
    cube = prepare(raw_of(bands, "sentinel-2a"), ALONE, MSI)
    np.testing.assert_array_equal(cube.observation[0] == Observation.OBSERVED, clear)
    nir, swir2 = (bands[b].astype(np.float64) / 10_000 for b in ("nir", "swir2"))
    np.testing.assert_allclose(cube.values[0, 0][clear], ((nir - swir2) / (nir + swir2))[clear], atol=1e-5)
    layer = prepare(raw_of(bands, "sentinel-2a"), Prepare(index="nir", mask_buffer_m=0), MSI)
    assert np.abs(layer.values[0, 0] - nir)[clear].max() < 1e-6
    wide = prepare(raw_of(bands, "sentinel-2a"), Prepare(), MSI).observation[0] == Observation.OBSERVED
    assert 200_000 < wide.sum() < 289_162
    assert not (wide & ~clear).any()


def test_the_classes_give_the_cloud_cover_that_the_provider_tells(shared: Path) -> None:
    folder = shared / "data" / "ingest-s2-l2a-cog" / "S2A_29RKH_20200219_0_L2A"
    told = json.loads((folder / "S2A_29RKH_20200219_0_L2A.json").read_text())["properties"]
    classes = read(folder / "SCL.tif")
    for name, key in {
        "not vegetated": "s2:not_vegetated_percentage",
        "cloud, medium probability": "s2:medium_proba_clouds_percentage",
        "cloud, high probability": "s2:high_proba_clouds_percentage",
        "thin cirrus": "s2:thin_cirrus_percentage",
    }.items():
        assert abs(100 * (classes == MSI.qa_classes.index(name)).mean() - told[key]) < 0.1


@pytest.fixture(scope="module")
def forest(shared: Path) -> Float:
    """(time, y, x) linear VH of a tropical montane forest without loss, ten looks of one orbit in 2024."""
    folder = shared / "data" / "s1-rtc-png" / "tests" / "test_data" / "T009_019294_IW2_cropped"
    return np.stack([read(path) for path in sorted(folder.glob("*_VH_cropped.tif"))]).astype(np.float32)


def test_radar_of_a_forest_in_decibels(forest: Float) -> None:
    grid = Grid("EPSG:32754", 300_000, 9_000_000, 30, forest.shape[1:])
    raw = Raw(grid, scenes_on(range(19_745, 19_755)), ("vh",), forest[:, None], np.zeros(forest.shape, np.uint8))
    cube = prepare(raw, Prepare(index="vh"), RTC)
    seen = cube.observation == Observation.OBSERVED
    assert seen.sum((1, 2)).tolist() == [30_394, 30_409, 30_409, 30_379, 30_376, 30_393, 30_390, 30_407, 30_396, 30_401]
    with np.errstate(invalid="ignore"):
        expected = 10 * np.log10(forest.astype(np.float64))
    assert np.abs(cube.values[:, 0] - expected)[seen].max() < 1e-5
    np.testing.assert_array_equal(seen, np.nan_to_num(forest) >= 1e-3)  # -30 dB
    medians = [np.median(look[np.isfinite(look)]) for look in cube.values[:, 0]]
    assert -13.4 < min(medians) <= max(medians) < -12.8
    smooth = prepare(raw, Prepare(index="vh", speckle_m=150), RTC)
    np.testing.assert_array_equal(smooth.observation, cube.observation)
    whole = seen.all(0)
    assert smooth.values[:, 0, whole].std(0).mean() < 0.5 * cube.values[:, 0, whole].std(0).mean()


def test_the_filter_over_time_steadies_a_forest(forest: Float) -> None:
    once, steady = to_db(forest), to_db(filtered(forest, ["82"] * len(forest), 7))
    np.testing.assert_array_equal(np.isnan(once), np.isnan(steady))
    whole = np.isfinite(once).all(0)
    assert whole.sum() > 25_000
    late, late_once = (np.diff(looks[:, whole], axis=0)[5:].std() for looks in (steady, once))
    assert late < 0.5 * late_once
    assert abs(np.median(steady[:, whole]) - np.median(once[:, whole])) < 0.3
