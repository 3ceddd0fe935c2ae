"""Where a job looks: the area and the cells of the answer."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from detection.types import parameters
from jobs.mistakes import require

FOREST_LATITUDES: Final = (-60.0, 80.0)
"""No forest grows beyond (Cape Horn 56 S, Taimyr 73 N; margins chosen): a box outside has its axes swapped."""
UTM: Final = r"^EPSG:32[67](0[1-9]|[1-5][0-9]|60)$"


@parameters
class SourceArea:
    """Everything the source covers."""

    kind: Literal["source"] = "source"
    """How the area is given: `source` takes everything the source covers."""


@parameters
class BboxArea:
    """A box."""

    kind: Literal["bbox"] = "bbox"
    """How the area is given: `bbox` is a box in the CRS below."""
    west: Annotated[float, Field(examples=[-70.5])]
    """Western edge: longitude in degrees, or easting in metres, as the CRS has it."""
    south: Annotated[float, Field(examples=[-12.75])]
    """Southern edge: latitude or northing."""
    east: Annotated[float, Field(examples=[-70.25])]
    """Eastern edge: longitude or easting."""
    north: Annotated[float, Field(examples=[-12.5])]
    """Northern edge: latitude or northing."""
    crs: Annotated[str, Field(pattern=r"^EPSG:[0-9]{4,6}$", examples=["EPSG:4326"])]
    """CRS of the four numbers; EPSG:4326 is longitude and latitude in degrees."""

    def __post_init__(self) -> None:
        w, s, e, n = self.west, self.south, self.east, self.north
        low, high = FOREST_LATITUDES
        degrees = self.crs == "EPSG:4326"
        small = max(abs(w), abs(s), abs(e), abs(n)) <= 180
        swapped = "no forest grows there; are longitude and latitude swapped?"
        require(
            (w < e, ("west", "east"), f"west {w:g} is not less than east {e:g}; exchange the two"),
            (s < n, ("south", "north"), f"south {s:g} is not less than north {n:g}; exchange the two"),
            (not degrees or low <= s <= high, ("south",), f"latitude {s:g}: {swapped}"),
            (not degrees or low <= n <= high, ("north",), f"latitude {n:g}: {swapped}"),
            (not degrees or -180 <= w <= 180, ("west",), f"longitude {w:g} is not within -180 to 180 degrees"),
            (not degrees or -180 <= e <= 180, ("east",), f"longitude {e:g} is not within -180 to 180 degrees"),
            (degrees or not small, ("crs",), f"the edges look like degrees, {self.crs} has metres; is it EPSG:4326?"),
        )


@parameters
class FileArea:
    """A polygon in a file."""

    kind: Literal["file"] = "file"
    """How the area is given: `file` is a polygon in a GeoJSON file."""
    path: Annotated[Path, Field(examples=["area.geojson"])]
    """GeoJSON file, longitude and latitude (RFC 7946), relative to this config file."""


Area = Annotated[SourceArea | BboxArea | FileArea, Field(discriminator="kind")]


@parameters
class GridChoice:
    """The grid of the job."""

    crs: Annotated[str, Field(pattern=UTM, examples=["EPSG:32719"])] | None = None
    """UTM zone, EPSG:327xx (south) or EPSG:326xx (north); null takes the source's own."""
    resolution: Literal[10, 20, 30] | None = None
    """Cell size in metres; null takes the source's own."""
