"""Projects, regions and nations in one account: whose every cell and sample is, so that parts add up and nothing counts twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from shapely import STRtree

from detection.areas import POLYGONS
from detection.context import Layer, read_features
from detection.errors import BadInput, DetectionError
from detection.types import Grid
from jobs.reports.areas.agreement import Settled
from jobs.reports.areas.asked import Boundaries
from jobs.reports.areas.estimate import Figure, figures_of
from jobs.reports.areas.sample import Sample
from jobs.reports.areas.strata import OUTSIDE, Frame, Progress, Strata, hectares

NONE: Final = -1
"""Place of an area where there is none: the rest."""
BLOCK: Final = 1024
"""Cells along a side of the blocks of the lattice in which boundaries are drawn: fixed, so that no cut can move a cell."""
Piece = tuple[int, int]
"""(area of the layer outside or NONE, area of this layer or NONE for the rest)."""


@dataclass(frozen=True)
class Opened:
    """A layer of areas, in the map's CRS."""

    asked: Boundaries
    """What the config says of it."""
    ids: tuple[str, ...]
    """(area,) sorted."""
    names: tuple[str, ...]
    """(area,) their names."""
    shapes: NDArray[np.object_]
    """(polygon,) by area; several may belong to one."""
    owners: NDArray[np.int64]
    """(polygon,) place of its area."""
    tree: STRtree
    """Of the polygons."""


@dataclass(frozen=True)
class Laid:
    """Where the cells and samples of a map lie among the areas of a layer."""

    layer: Opened
    """The layer."""
    outer: Opened | None
    """The layer in whose areas these lie; None: the whole map."""
    mapped: Mapping[Piece, NDArray[np.float64]]
    """Piece -> (stratum,) hectares of the map's cells."""
    outer_of: NDArray[np.int64]
    """(sample,) place of the area of the outer layer."""
    area_of: NDArray[np.int64]
    """(sample,) place of the area of this layer: where areas overlap the first counts, and only within the outer one."""


def open_boundaries(asked: Sequence[Boundaries], grid: Grid) -> tuple[Opened, ...]:
    """Read the layers near the map.

    Raises BadInput, with the name of the layer: a file that is missing or broken, a column that is not there, a row without id,
    shapes that are not polygons, nothing near the map; GridMismatch for a CRS that cannot be brought to the map's.
    """
    return tuple(_open(one, grid) for one in asked)


def _open(asked: Boundaries, grid: Grid) -> Opened:
    columns = [asked.id_column, *([asked.name_column] if asked.name_column else [])]
    try:
        layer = Layer(path=asked.path, layer=asked.layer, source=asked.name, version="as given")
        found = [one for one in read_features(layer, columns, POLYGONS, grid, 0.0) if not one.shape.is_empty]
    except DetectionError as error:
        raise type(error)(f"boundaries {asked.name}: {error}") from None
    if not found:
        raise BadInput(
            f"boundaries {asked.name}: nothing of {asked.path.name} lies on the map; give the layer of this area"
        )
    said = [str(one.values[0]).strip() if one.values[0] is not None else "" for one in found]
    if "" in said:
        raise BadInput(
            f"boundaries {asked.name}: feature {found[said.index('')].number} has no {asked.id_column}; give it one"
        )
    ids = tuple(sorted(set(said)))
    place = {ident: i for i, ident in enumerate(ids)}
    owners = np.array([place[ident] for ident in said], np.int64)
    names = {ident: str(one.values[-1]) for ident, one in zip(said, found, strict=True)}
    order = np.argsort(owners, kind="stable")
    shapes = np.array([one.shape for one in found], object)[order]
    return Opened(asked, ids, tuple(names[ident] for ident in ids), shapes, owners[order], STRtree(shapes))


def lay(
    layers: Sequence[Opened], made: Frame, sample: Sample, *, progress: Progress = lambda *_: None
) -> tuple[Laid, ...]:
    """Whose every cell and every sample is, layer by layer, by the centres of cells."""
    names = {one.asked.name: i for i, one in enumerate(layers)}
    outer = [names[one.asked.inside] if one.asked.inside else None for one in layers]
    mapped: list[dict[Piece, NDArray[np.float64]]] = [{} for _ in layers]
    whose = np.full((len(layers), len(sample.rows)), NONE, np.int64)
    blocks = list(_blocks(made.map.grid))
    for done, block in enumerate(blocks, 1):
        strata, size = made.members(block), hectares(block)
        inside, rows, columns = _in_block(sample, block)
        drawn: list[NDArray[np.int32]] = []
        for i, layer in enumerate(layers):
            painted = _painted(layer, block)
            if (over := outer[i]) is not None:
                painted = np.where(drawn[over] == NONE, np.int32(NONE), painted)
            drawn.append(painted)
            whose[i, inside] = painted[rows, columns]
            _add(mapped[i], None if over is None else drawn[over], painted, strata, size, len(made.names))
        progress("boundaries", done, len(blocks))
    nobody = np.full(len(sample.rows), NONE, np.int64)
    return tuple(
        Laid(
            layer, None if over is None else layers[over], mapped[i], nobody if over is None else whose[over], whose[i]
        )
        for i, (layer, over) in enumerate(zip(layers, outer, strict=True))
    )


def _blocks(grid: Grid) -> list[Grid]:
    """The blocks of the absolute lattice that hold a cell of the grid."""
    first = -(grid.first_row % BLOCK), -(grid.first_column % BLOCK)
    starts = [range(begin, many, BLOCK) for begin, many in zip(first, grid.shape, strict=True)]
    return [grid.window(row, column, BLOCK, BLOCK) for row in starts[0] for column in starts[1]]


def _in_block(sample: Sample, block: Grid) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    rows, columns = sample.rows - block.first_row, sample.columns - block.first_column
    inside = np.flatnonzero((rows >= 0) & (rows < BLOCK) & (columns >= 0) & (columns < BLOCK))
    return inside, rows[inside], columns[inside]


def _painted(layer: Opened, block: Grid) -> NDArray[np.int32]:
    """(y, x) place of the area in which the centre of each cell lies; of several the first."""
    found = np.sort(layer.tree.query(shapely.box(*block.bounds)))[::-1]  # what is drawn last stays
    if not len(found):
        return np.full(block.shape, NONE, np.int32)
    shapes = zip(layer.shapes[found], layer.owners[found].tolist(), strict=True)
    return np.asarray(rasterize(shapes, block.shape, fill=NONE, transform=block.transform, dtype="int32"))


def _add(
    mapped: dict[Piece, NDArray[np.float64]],
    outer: NDArray[np.int32] | None,
    painted: NDArray[np.int32],
    strata: NDArray[np.int16],
    size: NDArray[np.float64],
    many: int,
) -> None:
    there = strata != OUTSIDE
    around = np.full(int(there.sum()), NONE, np.int64) if outer is None else outer[there].astype(np.int64)
    key = (around - NONE << np.int64(32)) | (painted[there].astype(np.int64) - NONE)
    pieces, place = np.unique(key, return_inverse=True)
    cell = place * many + strata[there]
    sums = np.bincount(cell, size[there], len(pieces) * many).reshape(len(pieces), many)
    for piece, areas in zip(pieces.tolist(), sums, strict=True):
        at = (piece >> 32) + NONE, (piece & 0xFFFFFFFF) + NONE
        mapped[at] = mapped.get(at, np.zeros(many)) + areas


@dataclass(frozen=True)
class Account:
    """The areas of the classes in one piece, beside the map's own."""

    piece: Piece
    """Which."""
    mapped: NDArray[np.float64]
    """(class,) hectares by counting the map's cells."""
    figures: tuple[Figure, ...]
    """(class,) estimated."""


def accounts(
    laid: Laid, settled: Settled, strata: Strata, classes: Sequence[str], z: float
) -> tuple[tuple[Account, ...], int]:
    """The pieces that hold a sample, the rest of each outer area among them, and how many pieces hold none.

    All of one estimator (`estimate.figures_of`): the pieces of an outer area add up to it.
    """
    at = settled.sample - 1
    whose = list(zip(laid.outer_of[at].tolist(), laid.area_of[at].tolist(), strict=True))
    pieces = sorted(set(whose))
    place = {piece: i for i, piece in enumerate(pieces)}
    mine = np.array([place[piece] for piece in whose])
    seen = np.array([classes.index(name) for name in settled.reference])
    held = np.repeat(np.bincount(mine, minlength=len(pieces)), len(classes))
    figures: list[Figure] = []
    for begun in range(0, len(pieces), 64):
        part = [
            (mine == i) & (seen == k) for i in range(begun, min(begun + 64, len(pieces))) for k in range(len(classes))
        ]
        found = held[begun * len(classes) :][: len(part)]
        figures += figures_of(settled, strata, np.column_stack(part), z, found)
    claims = np.array([[claim == name for name in classes] for claim in strata.claims], np.float64)
    none = np.zeros(len(strata.names))
    made = tuple(
        Account(piece, laid.mapped.get(piece, none) @ claims, tuple(figures[i * len(classes) : (i + 1) * len(classes)]))
        for i, piece in enumerate(pieces)
    )
    return made, len(set(laid.mapped) - set(pieces))


def off_by(laid: Laid, made: Sequence[Account], settled: Settled, strata: Strata, classes: Sequence[str]) -> float:
    """By how much the pieces of an outer area differ from it, estimated as a whole, as a share, at most; 0: they add up."""
    outer, seen = laid.outer_of[settled.sample - 1], np.array([classes.index(name) for name in settled.reference])
    keys = [(place, k) for place in np.unique(outer).tolist() for k in range(len(classes))]
    member = np.column_stack([(outer == place) & (seen == k) for place, k in keys])
    worst = 0.0
    for (place, k), whole in zip(keys, figures_of(settled, strata, member, 1.0), strict=True):
        total = sum(one.figures[k].hectares or 0.0 for one in made if one.piece[0] == place)
        worst = max(worst, abs(total - (whole.hectares or 0.0)) / max(whole.hectares or 0.0, 1.0))
    return worst
