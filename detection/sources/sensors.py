"""What the numbers of a sensor family mean: scale, offset, fill and the bits of its quality band. A table, no code."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Sensor:
    """How stored numbers become physical ones: value = number * scale + offset, inside the valid range only."""

    name: str
    """Key in `SENSORS` and in the YAML file."""
    scale: float
    """Physical units per stored number."""
    offset: float
    """Physical value of the stored number zero."""
    nodata: float | None
    """Stored number that means "nothing acquired"; None where the family fixes none."""
    valid_range: tuple[float, float] | None
    """Smallest and largest stored number that counts, both included; None where the family fixes none."""
    bands: tuple[str, ...]
    """Names the family gives to its bands, the quality band included; empty: any name is allowed."""
    qa_band: str | None
    """Name of the quality band, a bit field; None where there is none."""
    qa_bits: tuple[str, ...]
    """Meaning of the single bits of the quality band, from bit 0 on."""
    qa_masked_bits: tuple[int, ...]
    """A look with one of these bits set is not used."""
    cite: str
    """Where all this is written."""


LANDSAT_QA_BITS: Final = ("fill", "dilated cloud", "cirrus", "cloud", "cloud shadow", "snow", "clear", "water")
"""QA_PIXEL bits 0 to 7 of Landsat 8-9 Collection 2; bits 8 to 15 are four confidences of two bits each, for cloud,
cloud shadow, snow and cirrus (USGS LSDS-1619, table 6-3)."""

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
