"""What each provider calls things, where its numbers begin, what it needs before it hands them out. Tables, no code.

Providers leave types and nodata out of their items (microsoft/PlanetaryComputer#406), so both stand here.
"""

from dataclasses import dataclass
from typing import Final, Literal

Endpoint = Literal["planetary-computer", "earth-search", "usgs", "cdse"]
Family = Literal["landsat", "sentinel-2", "sentinel-1"]


@dataclass(frozen=True)
class Band:
    """One asset of a collection."""

    names: tuple[str, ...]
    """Keys the asset has had, the present one first."""
    dtype: str
    """As stored; a file of another type is refused."""
    nodata: tuple[float, ...]
    """Stored numbers that mean "nothing observed", the first also fills cells without a look; empty: every one counts."""
    classes: bool = False
    """Bits or classes: no mean makes sense, the nearest cell is taken."""


@dataclass(frozen=True)
class Collection:
    """One collection of one provider."""

    id: str
    """As the catalogue calls it."""
    sensor: str
    """A key of `SENSORS`: the family of its numbers."""
    bands: dict[str, Band]
    """By our name."""
    offset: Literal["none", "baseline", "flag"] = "none"
    """Sentinel-2: where BOA_ADD_OFFSET still stands in the numbers: nowhere; from baseline 04.00 on; as the item says."""
    driver: Literal["GTiff", "JP2OpenJPEG"] = "GTiff"
    """The one GDAL driver that may open its files."""


@dataclass(frozen=True)
class Catalogue:
    """One provider."""

    url: str
    """Its STAC API."""
    collections: dict[Family, Collection]
    """What is read of it."""
    refused: dict[Family, str]
    """What it has and is not read, and what to do instead."""
    signed_hosts: tuple[str, ...] = ()
    """Endings of the host names that want a token in the query, from `signature_path` of the API's host."""
    signature_path: str = ""
    """Followed by the collection's id."""
    subscription_variable: str = ""
    """Environment variable with a subscription key for the token service; without it the service may give less."""
    credential_variable: str = ""
    """Environment variable with a token without which the assets are not handed out; empty: none is needed."""
    credential_hosts: tuple[str, ...] = ()
    """The only hosts that token is sent to."""


def _landsat() -> dict[str, Band]:
    keys = {"blue": "blue", "green": "green", "red": "red", "nir": "nir08", "swir1": "swir16", "swir2": "swir22"}
    bands = {band: Band((key,), "uint16", (0,)) for band, key in keys.items()}
    # 1 is QA_PIXEL with the fill bit alone; 0 is no value of it at all, but would test as free of cloud.
    bands["qa"] = Band(("qa_pixel", "QA_PIXEL.TIF"), "uint16", (1, 0), classes=True)
    # 0 says "nothing saturated": there is no nodata.
    return bands | {"radsat": Band(("qa_radsat", "QA_RADSAT.TIF"), "uint16", (), classes=True)}


def _sentinel2(**names: str) -> dict[str, Band]:
    bands = {band: Band((name,), "uint16", (0,)) for band, name in names.items()}
    return bands | {"scl": Band((names["scl"],), "uint8", (0,), classes=True)}


EARLY_OLI: Final = {"SR_B2.TIF": "blue", "SR_B3.TIF": "green", "SR_B4.TIF": "red", "SR_B5.TIF": "nir08",
                    "SR_B6.TIF": "swir16", "SR_B7.TIF": "swir22"}  # fmt: skip
"""Keys in the USGS items of STAC 0.7, for Landsat 8-9, and what they are called today."""
EARLY_TM: Final = {"SR_B1.TIF": "blue", "SR_B2.TIF": "green", "SR_B3.TIF": "red", "SR_B4.TIF": "nir08",
                   "SR_B5.TIF": "swir16", "SR_B7.TIF": "swir22"}  # fmt: skip
"""As above, for Landsat 5 and 7."""
BOA_ADD_OFFSET: Final = -1000.0
"""Sentinel-2 L2A from processing baseline 04.00 on: reflectance = (DN - 1000) / 10000 (ESA, step.esa.int 35431)."""
FIRST_OFFSET_BASELINE: Final = (4, 0)
LANDSATS: Final = ("landsat-5", "landsat-7", "landsat-8", "landsat-9")
"""Platforms whose level-2 numbers are read."""

CATALOGUES: Final[dict[Endpoint, Catalogue]] = {
    "planetary-computer": Catalogue(
        url="https://planetarycomputer.microsoft.com/api/stac/v1",
        collections={
            "landsat": Collection("landsat-c2-l2", "landsat-c2l2", _landsat()),
            "sentinel-2": Collection(
                "sentinel-2-l2a",
                "sentinel-2-l2a",
                _sentinel2(
                    blue="B02",
                    green="B03",
                    red="B04",
                    rededge1="B05",
                    rededge2="B06",
                    rededge3="B07",
                    nir_wide="B08",
                    nir="B8A",
                    swir1="B11",
                    swir2="B12",
                    scl="SCL",
                ),
                offset="baseline",
            ),
            "sentinel-1": Collection(  # type and nodata: the collection's own template, planetary-computer-tasks
                "sentinel-1-rtc",
                "sentinel-1-rtc",
                {p: Band((p,), "float32", (-32768,)) for p in ("vv", "vh")},
            ),
        },
        refused={},
        signed_hosts=(".blob.core.windows.net",),
        signature_path="/api/sas/v1/token/",
        subscription_variable="PC_SDK_SUBSCRIPTION_KEY",
    ),
    "earth-search": Catalogue(
        url="https://earth-search.aws.element84.com/v1",
        collections={
            "sentinel-2": Collection(
                "sentinel-2-l2a",
                "sentinel-2-l2a",
                _sentinel2(
                    blue="blue",
                    green="green",
                    red="red",
                    rededge1="rededge1",
                    rededge2="rededge2",
                    rededge3="rededge3",
                    nir_wide="nir",
                    nir="nir08",
                    swir1="swir16",
                    swir2="swir22",
                    scl="scl",
                ),
                offset="flag",
            ),
        },
        refused={
            "landsat": "its Landsat lies in a bucket where the requester pays; take endpoint planetary-computer",
            "sentinel-1": "its Sentinel-1 is not on a map grid; take endpoint planetary-computer",
        },
    ),
    "usgs": Catalogue(
        url="https://landsatlook.usgs.gov/stac-server",
        collections={"landsat": Collection("landsat-c2l2-sr", "landsat-c2l2", _landsat())},
        refused={
            "sentinel-2": "it has Landsat only; take endpoint planetary-computer or earth-search",
            "sentinel-1": "it has Landsat only; take endpoint planetary-computer",
        },
        credential_variable="SACHAWATCH_USGS_TOKEN",
        credential_hosts=("landsatlook.usgs.gov",),
    ),
    "cdse": Catalogue(
        url="https://stac.dataspace.copernicus.eu/v1",
        collections={
            "sentinel-2": Collection(
                "sentinel-2-l2a",
                "sentinel-2-l2a",
                _sentinel2(
                    blue="B02_10m",
                    green="B03_10m",
                    red="B04_10m",
                    rededge1="B05_20m",
                    rededge2="B06_20m",
                    rededge3="B07_20m",
                    nir_wide="B08_10m",
                    nir="B8A_20m",
                    swir1="B11_20m",
                    swir2="B12_20m",
                    scl="SCL_20m",
                ),
                offset="baseline",
                driver="JP2OpenJPEG",
            ),
        },
        refused={
            "landsat": "it is read for Sentinel-2 only; take endpoint planetary-computer or usgs",
            "sentinel-1": "its Sentinel-1 is not on a map grid; take endpoint planetary-computer",
        },
        credential_variable="SACHAWATCH_CDSE_TOKEN",
        credential_hosts=("download.dataspace.copernicus.eu",),
    ),
}
"""Tokens of `usgs` and `cdse` go out as `Authorization: Bearer`; neither has been tried against the live service."""
