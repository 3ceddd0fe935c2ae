"""Layers of the world people know: protected areas, zones, titles, rivers, places. What a config says of them, and opening them.

`jobs.places` says where an alert lies among them. A layer is read once for a job's grid, whatever the tiling.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import numpy as np
import shapely
from annotated_types import Interval, MinLen
from numpy.typing import NDArray
from pydantic import Field
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from detection.areas import POLYGONS
from detection.context import Feature, Layer, read_features
from detection.context.attributes import of_dimension
from detection.context.vectors import KINDS as ANY
from detection.errors import BadInput, DetectionError
from detection.types import Grid, parameters
from jobs.mistakes import require

Kind = Literal[
    "protected-area", "zone", "buffer-zone", "conservation-concession", "forest-concession", "mining-right", "community",
    "indigenous-reserve", "admin-unit", "restoration-area", "river", "road", "settlement", "other",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""What a layer may hold."""
NAMED: Final[tuple[Kind, ...]] = ("settlement", "river", "road")
"""Kinds people orient themselves by: they also give named places, one of each kind before a second of any."""
LOOSE: Final[tuple[Kind, ...]] = (*NAMED, "community", "other")
"""Kinds that are drawn as points or lines too; all others are polygons."""
NAMED_REACH_M: Final = 50_000.0
"""How far a named place may be; chosen: a long day by river."""
PIECE_VERTICES: Final = 256
"""Larger features are cut up, so that no alert is held against a whole outline (the default of PostGIS' ST_Subdivide)."""
SMALLEST_PIECE_M: Final = 30.0
"""Pieces of this size are left as they are, whatever their vertices: an alert is no smaller (chosen)."""
LONGEST: Final = 120
"""Characters of a name, an id or a category that are kept; chosen: one line of a message."""


@parameters
class Overlay:
    """A layer whose features alerts are told to lie in or near."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", examples=["protected-areas"])]
    """Name of the layer in messages and rules: small letters, digits and hyphens, at most 41."""
    kind: Kind
    """What it holds. A `settlement`, `river` or `road` layer also gives named places within 50 km."""
    path: Annotated[Path, Field(examples=["protected-areas.gpkg"])]
    """GeoPackage (.gpkg) or GeoJSON (.geojson), relative to the config file; never a URL."""
    layer: str | None = None
    """GeoPackage: which layer of the file; may be left out where there is only one."""
    source: Annotated[str, Field(examples=["SERNANP"])]
    """Who made it, e.g. `SERNANP`."""
    version: Annotated[str, Field(examples=["2026-05"])]
    """Version of the layer, as its maker names it."""
    sha256: str | None = None
    """Checksum of the file (64 small hex digits); a file that differs is refused. Null: not checked."""
    year: int | None = None
    """Year for which the layer holds; null: not said."""
    id_field: Annotated[str, MinLen(1)] | None = None
    """Column that identifies a feature; null: the layer has none, and features are named by their position, e.g. `#12`."""
    name_field: Annotated[str, MinLen(1)] | None = None
    """Column with the name of a feature; null: the layer has none."""
    category_field: Annotated[str, MinLen(1)] | None = None
    """Column with its category or zone code; null: the layer has none."""
    near_m: Annotated[float, Interval(ge=0, le=100_000)] = 0.0
    """Features within so many metres of an alert are told as near; 0: only what touches."""
    restricted: bool = False
    """Never in anything public, e.g. reserves of peoples in isolation; such a layer gives no named places either."""

    def __post_init__(self) -> None:
        raster = self.as_layer.is_raster  # path, layer, checksum, source and version are checked as any layer's
        require((not raster, ("path",), f"{self.path.name}: is a raster; give a GeoPackage or GeoJSON of features"))

    @property
    def as_layer(self) -> Layer:
        """How it is opened."""
        said = {key: getattr(self, key) for key in ("path", "layer", "source", "version", "sha256", "year")}
        return Layer(**said)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, each once."""
        return tuple(dict.fromkeys(c for c in (self.id_field, self.name_field, self.category_field) if c is not None))


@dataclass(frozen=True, order=True)
class Known:
    """A feature by what its table says; rows that say the same are one feature."""

    ident: str
    """Its id, or `#` and its position where it has none."""
    name: str
    """Its name; empty where it has none."""
    category: str
    """Its category; empty where it has none."""


@dataclass(frozen=True)
class Opened:
    """A layer near the area, ready to be asked."""

    about: Overlay
    """What the config says of it."""
    features: tuple[Known, ...]
    """(feature,) sorted."""
    owners: NDArray[np.intp]
    """(piece,) position of the feature it is a part of."""
    tree: STRtree
    """(piece,) geometries in the grid's CRS, by place; those of one feature do not overlap."""


@dataclass(frozen=True)
class Overlays:
    """All layers of a config."""

    crs: str
    """CRS of the grid they were opened for, and of their geometries."""
    layers: tuple[Opened, ...]
    """In the order of the config."""
    notes: tuple[str, ...]
    """(layer,) one line each: how many features lie near the area, and what had to be mended."""


def open_overlays(overlays: Sequence[Overlay], grid: Grid) -> Overlays:
    """Read every layer once, as far as it lies near the grid: the largest `near_m`, and the reach of named places.

    Raises, one line each and with the name of the layer: BadInput for a name given twice, a file that is missing, changed
    under its checksum, broken or without CRS, a column that is not there and a geometry that does not fit the kind;
    GridMismatch for a CRS that cannot be brought to the grid's. A layer with nothing near the area is only noted.
    """
    if twice := [name for name, times in Counter(one.name for one in overlays).items() if times > 1]:
        raise BadInput(f"overlays: two are called {twice[0]!r}; give each a name of its own")
    near = max((one.near_m for one in overlays), default=0.0)
    opened: list[Opened] = []
    notes: list[str] = []
    for one in overlays:
        kinds, within_m = ANY if one.kind in LOOSE else POLYGONS, max(near, NAMED_REACH_M if one.kind in NAMED else 0)
        try:
            found = read_features(one.as_layer, one.columns, kinds, grid, within_m)
        except DetectionError as error:
            raise type(error)(f"overlays.{one.name}: {error}") from None
        opened.append(_opened(one, found))
        notes.append(_note(one, found, len(opened[-1].features)))
    return Overlays(grid.crs, tuple(opened), tuple(notes))


def _opened(about: Overlay, found: Sequence[Feature]) -> Opened:
    shapes: dict[tuple[Known, int], list[BaseGeometry]] = {}
    for feature in found:
        if not feature.shape.is_empty:
            key = _known(about, feature), int(shapely.get_dimensions(feature.shape))
            shapes.setdefault(key, []).append(feature.shape)
    keys = sorted(shapes)
    # Rows of one feature may overlap; what lies in both lies in it once.
    wholes = [shapes[key][0] if len(shapes[key]) == 1 else shapely.union_all(shapes[key]) for key in keys]
    pieces = [_pieces(whole) for whole in wholes]
    owners = np.repeat(np.arange(len(keys), dtype=np.intp), [len(some) for some in pieces])
    geometries = np.array([piece for some in pieces for piece in some], object)
    shapely.prepare(geometries)
    return Opened(about, tuple(known for known, _ in keys), owners, STRtree(geometries))


def _known(about: Overlay, feature: Feature) -> Known:
    said = dict(zip(about.columns, map(_text, feature.values), strict=True))
    ident, name, category = (said.get(c or "", "") for c in (about.id_field, about.name_field, about.category_field))
    return Known(ident or f"#{feature.number}", name, category)


def _text(value: Any) -> str:
    """What a column says, in one printable line; empty for what is neither text nor a finite number."""
    if isinstance(value, float):  # a column of whole numbers with gaps is often stored as real numbers
        value = (int(value) if value.is_integer() else value) if math.isfinite(value) else ""
    line = " ".join(str(value).split()) if isinstance(value, str | int | float) else ""
    return "".join(letter for letter in line if letter.isprintable())[:LONGEST]


def _pieces(shape: BaseGeometry) -> list[BaseGeometry]:
    """The geometry cut in two, across the middle of its longer side, until every piece is small."""
    west, south, east, north = shape.bounds
    if shapely.get_num_coordinates(shape) <= PIECE_VERTICES or max(east - west, north - south) < SMALLEST_PIECE_M:
        return [shape]
    if east - west > north - south:
        middle = (west + east) / 2
        halves = shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)
    else:
        middle = (south + north) / 2
        halves = shapely.box(west, south, east, middle), shapely.box(west, middle, east, north)
    parts = [_part(shape, half) for half in halves]
    return [piece for part in parts if not part.is_empty for piece in _pieces(part)]


def _part(shape: BaseGeometry, box: BaseGeometry) -> BaseGeometry:
    return of_dimension(shapely.intersection(shape, box), int(shapely.get_dimensions(shape)))


def _note(about: Overlay, found: Sequence[Feature], features: int) -> str:
    if not found:
        return f"{about.name}: nothing of {about.path.name} lies near the area; is it the layer of this area?"
    at = about.columns.index(about.id_field) if about.id_field is not None else None
    counts = (
        (sum(one.repaired for one in found), "geometries were not valid and are repaired"),
        (sum(one.shape.is_empty for one in found), "of them have no area or length left and are left out"),
        (
            sum(at is None or not _text(one.values[at]) for one in found),
            "rows have no id and are named by their position",
        ),
    )
    said = [f"{count} {text}" for count, text in counts if count]
    return "; ".join([f"{about.name}: {features} features near the area", *said])
