"""What a config says of its context layers: the keys, their rules, and the line that names them in a product."""

import re
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from annotated_types import Ge, Interval
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.types import Mask, parameters

RASTERS: Final = (".tif", ".tiff")
GEOJSONS: Final = (".geojson", ".json")
GEOPACKAGES: Final = (".gpkg",)
SHA256: Final = re.compile(r"[0-9a-f]{64}")
GFC_LAST_YEAR: Final = re.compile(r"GFC-(\d{4})")
"""The version names the last year whose losses it holds, e.g. `GFC-2023-v1.11` (names of the provider's files)."""
GFC_FIRST_YEAR: Final = 2000
"""Year of `treecover2000`; the loss code n means a loss in 2000 + n, 0 none (Hansen et al. 2013; GFC data notes)."""


@parameters
class Layer:
    """One context layer: a raster with the values that mean yes, or a vector whose inside means yes."""

    path: Path
    """GeoTIFF (.tif), GeoPackage (.gpkg) or GeoJSON (.geojson), relative to the config file; never a URL."""
    source: str
    """Who made it, e.g. `JRC Global Surface Water`."""
    version: str
    """Version of the layer, as its maker names it."""
    year: int | None = None
    """Year for which the layer holds; null: not said."""
    sha256: str | None = None
    """Checksum of the file (64 small hex digits); a file that differs is refused. Null: not checked."""
    band: Annotated[int, Ge(1)] = 1
    """Raster: which band, from 1."""
    at_least: float | None = None
    """Raster: values from here on mean yes, e.g. a tree cover of 30 per cent."""
    at_most: float | None = None
    """Raster: values up to here mean yes; together with `at_least`, the range between the two."""
    equals: tuple[int, ...] = ()
    """Raster: these codes mean yes, e.g. [1, 2]; in place of `at_least` and `at_most`."""
    nodata: float | None = None
    """Raster: value that means "nothing known", in place of the file's own."""
    layer: str | None = None
    """GeoPackage: which layer of the file; may be left out where there is only one."""
    within_m: Annotated[float, Ge(0)] = 0.0
    """Vector: cells whose centre lies this near, metres, count as inside; lines and points need it."""

    def __post_init__(self) -> None:
        _check_path(self.path, (*RASTERS, *GEOPACKAGES, *GEOJSONS))
        _check_sha256(self.path.name, self.sha256)
        if not (self.source.strip() and self.version.strip()):
            raise BadInput(f"{self.path.name}: `source` or `version` is empty; say where the layer comes from")
        raster = bool(self.ranged or self.equals or self.nodata is not None or self.band > 1)
        vector = bool(self.within_m or self.layer is not None)
        if self.layer is not None and self.path.suffix.lower() in GEOJSONS:
            raise BadInput(f"{self.path.name}: `layer` is for GeoPackages; leave it out")
        if (vector and self.is_raster) or (raster and not self.is_raster):
            keys = "`within_m` and `layer`" if self.is_raster else "`band`, `nodata` and the values that mean yes"
            raise BadInput(
                f"{self.path.name}: {keys} are for {'vectors' if self.is_raster else 'rasters'}; leave them out"
            )
        if self.equals and self.ranged:
            raise BadInput(f"{self.path.name}: `equals` and a range are both given; keep one of them")

    @property
    def is_raster(self) -> bool:
        """Whether it is a raster, by the ending of its name."""
        return self.path.suffix.lower() in RASTERS

    @property
    def ranged(self) -> bool:
        """Whether a range of values means yes."""
        return self.at_least is not None or self.at_most is not None

    def means_yes(self, values: NDArray[Any]) -> Mask:
        """Which of the stored numbers mean yes; raises BadInput where no rule was given."""
        if self.equals:
            return np.isin(values, self.equals)
        if not self.ranged:
            raise BadInput(f"{self.path.name}: no value means yes; give `at_least`, `at_most` or `equals`")
        low = -np.inf if self.at_least is None else self.at_least
        high = np.inf if self.at_most is None else self.at_most
        with np.errstate(invalid="ignore"):
            return np.asarray((values >= low) & (values <= high))

    def __str__(self) -> str:
        """E.g. `JRC Global Surface Water v1.4 (2021), at least 50`."""
        rules = [
            ("at least {:g}", self.at_least),
            ("at most {:g}", self.at_most),
            ("codes {}", ", ".join(map(str, self.equals)) or None),
            ("within {:g} m", self.within_m or None),
        ]
        named = f"{self.source} {self.version}" + (f" ({self.year})" if self.year is not None else "")
        return ", ".join([named, *(text.format(value) for text, value in rules if value is not None)])


@parameters
class Gfc:
    """Forest from Global Forest Change: tree cover in 2000, less the losses since (Hansen et al. 2013, Science 342)."""

    treecover: tuple[Path, ...]
    """The `treecover2000` GeoTIFFs that hold the area, relative to the config file; a granule is 10 by 10 degrees."""
    lossyear: tuple[Path, ...]
    """The `lossyear` GeoTIFFs of the same granules, in the same order."""
    canopy_min: Annotated[float, Interval(gt=0, le=100)]
    """Tree cover of forest, per cent: this or more. The definition is yours to choose (a country reports with its own)."""
    as_of: int
    """Year of the baseline: losses up to and in this year are taken off."""
    version: str
    """Version of the layers, e.g. `GFC-2023-v1.11`."""
    treecover_sha256: tuple[str, ...] = ()
    """Checksums of `treecover`, in its order; empty: not checked."""
    lossyear_sha256: tuple[str, ...] = ()
    """Checksums of `lossyear`, in its order; empty: not checked."""

    def __post_init__(self) -> None:
        for path in (*self.treecover, *self.lossyear):
            _check_path(path, RASTERS)
        if not self.treecover or len(self.treecover) != len(self.lossyear):
            raise BadInput(
                f"gfc: {len(self.treecover)} files of tree cover, {len(self.lossyear)} of loss years; give both of a granule"
            )
        for paths, sums in ((self.treecover, self.treecover_sha256), (self.lossyear, self.lossyear_sha256)):
            if sums and len(sums) != len(paths):
                raise BadInput(f"gfc: {len(sums)} checksums for {len(paths)} files; give one a file, or none")
            for path, sha256 in zip(paths, sums, strict=False):
                _check_sha256(path.name, sha256)
        self._check_years()

    def _check_years(self) -> None:
        named = GFC_LAST_YEAR.search(self.version)
        last = int(named.group(1)) if named else GFC_FIRST_YEAR + 99
        if not GFC_FIRST_YEAR <= self.as_of <= last:
            raise BadInput(
                f"gfc: as_of {self.as_of} is not within {GFC_FIRST_YEAR} to {last} of {self.version}; take {last}"
            )

    @property
    def files(self) -> tuple[tuple[Path, str | None], ...]:
        """Every file with its checksum, None where there is none."""
        paths, none = (*self.treecover, *self.lossyear), (None,) * len(self.treecover)
        return tuple(zip(paths, (*(self.treecover_sha256 or none), *(self.lossyear_sha256 or none)), strict=True))

    def __str__(self) -> str:
        """E.g. `GFC-2023-v1.11, tree cover 2000 at least 30 %, loss until 2020 taken off`."""
        return (
            f"{self.version}, tree cover {GFC_FIRST_YEAR} at least {self.canopy_min:g} %, "
            f"loss until {self.as_of} taken off"
        )


@parameters
class Context:
    """What is known of the area beforehand: layers of others, each named with its version."""

    forest: Layer | None = None
    """Forest baseline as one layer; null (and no `gfc`) takes the pixels' own history."""
    gfc: Gfc | None = None
    """Forest baseline from Global Forest Change, in place of `forest`."""
    regrown: Layer | None = None
    """Forest that has grown back: cells that count as forest beside those of `forest` or `gfc`, e.g. the band of the last year of
    a history's `regrowth_age.tif` with `at_least: 3`, or polygons of restored areas. Without a baseline every pixel's own
    history decides, and this is left out."""
    water: Layer | None = None
    """Where there is water, always or in flood."""
    peat: Layer | None = None
    """Where there is peat."""
    terrain: Layer | None = None
    """Elevation, a raster."""
    roads: Layer | None = None
    """Roads."""
    rivers: Layer | None = None
    """Rivers."""

    def __post_init__(self) -> None:
        if self.forest is not None and self.gfc is not None:
            raise BadInput("context: `forest` and `gfc` are both given; a job has one forest baseline, keep one")
        if self.regrown is not None and self.forest is None and self.gfc is None:
            raise BadInput(
                "context.regrown: adds to a forest baseline and there is none, so that every pixel's own history decides; "
                "give `forest` or `gfc`, or leave it out"
            )
        if self.terrain is not None and not self.terrain.is_raster:
            raise BadInput(f"context.terrain: {self.terrain.path.name} is a vector; terrain is read from a GeoTIFF")

    @property
    def layers(self) -> tuple[tuple[str, Layer], ...]:
        """(key, layer) of every single layer that is given, without `gfc`."""
        keys = ("forest", "regrown", "water", "peat", "terrain", "roads", "rivers")
        return tuple((key, layer) for key in keys if (layer := getattr(self, key)) is not None)


def _check_path(path: Path, endings: tuple[str, ...]) -> None:
    # GDAL takes /vsicurl/... and the like for a way to the network, whatever driver is asked for.
    text = path.as_posix()
    if text.startswith("/vsi") or re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):
        raise BadInput(f"{_short(text)}: not a local file; fetch it first and name the copy")
    if path.suffix.lower() not in endings:
        raise BadInput(f"{_short(path.name)}: ends in {path.suffix!r}; {', '.join(endings)} are read, convert it first")


def _check_sha256(name: str, sha256: str | None) -> None:
    if sha256 is not None and not SHA256.fullmatch(sha256):
        raise BadInput(f"{name}: sha256 {_short(sha256)!r} is not 64 small hex digits; copy what sha256sum prints")


def _short(text: str) -> str:
    return " ".join(text.split())[:80]
