"""What the numbers of a sensor family mean: scale, offset, fill and the codes of its quality band. A table, no code."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Sensor:
    """How stored numbers become physical ones: value = (number + what the scene adds) * scale + offset."""

    name: str
    """Key in `SENSORS` and in the YAML file."""
    scale: float
    """Physical units per stored number."""
    offset: float
    """Physical value of the stored number zero."""
    nodata: float | None
    """Stored number that means "nothing acquired"; None where the family fixes none."""
    valid_range: tuple[float, float] | None
    """Smallest and largest number that counts, both included, what the scene adds added; None where none is fixed."""
    bands: tuple[str, ...]
    """Names the family gives to its bands, the quality band included; empty: any name is allowed."""
    qa_band: str | None
    """Name of the quality band; None where there is none."""
    qa_bits: tuple[str, ...]
    """Meaning of the single bits of a quality band that is a bit field, from bit 0 on."""
    qa_masked_bits: tuple[int, ...]
    """A look with one of these bits set is not used."""
    cite: str
    """Where all this is written."""
    unit: Literal["reflectance", "power", "dB", "any"] = "any"
    """What the physical numbers are: reflectance 0..1, radar backscatter linear or in dB, or whatever was stored."""
    qa_classes: tuple[str, ...] = ()
    """Meaning of the numbers of a quality band that names one class a cell, from 0 on."""
    qa_masked_classes: tuple[int, ...] = ()
    """A look of one of these classes is never used."""
    qa_widened_classes: tuple[int, ...] = ()
    """Those of them that are cloud or its shadow, and are widened."""
    optional: tuple[str, ...] = ()
    """Further bands of the family that some providers have: read where they are there, never asked for in vain."""
    score_band: str | None = None
    """The optional band that scores how clear a cell is, 0..1."""
    saturation_band: str | None = None
    """The optional band whose bits say which bands were saturated."""
    angle_band: str | None = None
    """The optional band of the incidence angle, degrees."""
    native_m: tuple[int, ...] = ()
    """Native cell size of `bands`, then of `optional`, metres; empty where it is not fixed."""


LANDSAT_QA_BITS: Final = ("fill", "dilated cloud", "cirrus", "cloud", "cloud shadow", "snow", "clear", "water")
"""QA_PIXEL bits 0 to 7 of Landsat 8-9 Collection 2; bits 8 to 15 are four confidences of two bits each, for cloud,
cloud shadow, snow and cirrus (USGS LSDS-1619, table 6-3). Bit 2 is never set by TM and ETM+, which see no cirrus."""

OLI_BANDS: Final = ("coastal", "blue", "green", "red", "nir", "swir1", "swir2")
"""Bands 1 to 7 of Landsat 8-9: bit n - 1 of QA_RADSAT says that band n was saturated (USGS STAC items)."""
TM_BANDS: Final = ("blue", "green", "red", "nir", "swir1", "thermal", "swir2")
"""Bands 1 to 7 of Landsat 4-7, as above."""
DROPPED_PIXEL: Final = 9
"""Bit of QA_RADSAT of Landsat 4-7: the pixel is not an observation at all (USGS STAC items)."""
OCCLUDED: Final = 11
"""Bit of QA_RADSAT of Landsat 8-9: terrain hides the cell from the sensor (USGS STAC items)."""

MSI_BANDS: Final = (
    "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir_wide", "nir", "swir1", "swir2", "scl",
)  # fmt: skip
"""B02 to B07, B08, B8A, B11 and B12: `nir` is B8A, the band that matches OLI's (Claverie et al. 2018, HLS)."""
SCENE_CLASSES: Final = (
    "no data", "saturated or defective", "dark or topographic shadow", "cloud shadow", "vegetation", "not vegetated",
    "water", "unclassified", "cloud, medium probability", "cloud, high probability", "thin cirrus", "snow or ice",
)  # fmt: skip
"""Classes 0 to 11 of Sentinel-2's scene classification (SCL). Which of them to mask is convention, not measured here."""

SENSORS: Final[dict[str, Sensor]] = {
    sensor.name: sensor
    for sensor in (
        Sensor(
            name="landsat-c2l2",
            scale=0.0000275,
            offset=-0.2,
            nodata=0,
            valid_range=(7273, 43636),
            bands=("blue", "green", "red", "nir", "swir1", "swir2", "qa"),
            qa_band="qa",
            qa_bits=LANDSAT_QA_BITS,
            qa_masked_bits=(0, 1, 2, 3, 4, 5),
            cite="USGS LSDS-1619",
            unit="reflectance",
            optional=("radsat",),
            saturation_band="radsat",
            native_m=(30,) * 8,
        ),
        Sensor(
            name="sentinel-2-l2a",
            scale=0.0001,
            offset=0.0,
            nodata=0,
            valid_range=(0, 10_000),
            bands=MSI_BANDS,
            qa_band="scl",
            qa_bits=(),
            qa_masked_bits=(),
            cite="ESA Sentinel-2 L2A product definition",
            unit="reflectance",
            qa_classes=SCENE_CLASSES,
            qa_masked_classes=(0, 1, 3, 8, 9, 10),
            qa_widened_classes=(3, 8, 9, 10),
            optional=("cs",),
            score_band="cs",
            native_m=(10, 10, 10, 20, 20, 20, 10, 20, 20, 20, 20, 10),
        ),
        Sensor(  # sigma0 on the ellipsoid, not flattened for terrain; the range is chosen wide, it only keeps out fill
            name="sentinel-1-grd",
            scale=1.0,
            offset=0.0,
            nodata=-9999,
            valid_range=(-60, 40),
            bands=("vv", "vh"),
            qa_band=None,
            qa_bits=(),
            qa_masked_bits=(),
            cite="Earth Engine COPERNICUS/S1_GRD",
            unit="dB",
            optional=("angle",),
            angle_band="angle",
            native_m=(10, 10, 10),
        ),
        Sensor(  # gamma0 flattened for terrain, linear; the same wide range: -60 to 40 dB
            name="sentinel-1-rtc",
            scale=1.0,
            offset=0.0,
            nodata=-32768,
            valid_range=(1e-6, 1e4),
            bands=("vv", "vh"),
            qa_band=None,
            qa_bits=(),
            qa_masked_bits=(),
            cite="Planetary Computer sentinel-1-rtc (unit and fill are convention, not measured)",
            unit="power",
            native_m=(10, 10),
        ),
        Sensor(
            name="generic",
            scale=1.0,
            offset=0.0,
            nodata=None,
            valid_range=None,
            bands=(),
            qa_band=None,
            qa_bits=(),
            qa_masked_bits=(),
            cite="numbers as stored",
        ),
    )
}
