"""A folder of GeoTIFFs as one store: layers found by `listings`, headers looked at when needed, one open per file."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from detection.errors import BadInput
from detection.sources.extents import Extent, Overlap, check_alike, overlap
from detection.sources.listings import Layer
from detection.sources.pieces import Block, Piece, Unreadable
from detection.sources.rasters import Header, header_of, read_bands
from detection.types import Grid, Scene


class Stacks:
    """GeoTIFFs on one lattice. Headers are read once and kept; files are opened anew for every read."""

    def __init__(self, layers: Sequence[Layer], *, crs: str | None, nodata: float | None, as_stored: bool) -> None:
        """`layers` is not empty; `nodata` overrides the files' own, `crs` stands in where a file has none."""
        self.layers = tuple(layers)
        self._crs, self._nodata, self._as_stored = crs, nodata, as_stored
        self._headers: dict[Path, Header] = {}

    @cached_property
    def scenes(self) -> tuple[Scene, ...]:
        """In canonical order."""
        return tuple(sorted({layer.scene for layer in self.layers}))

    @cached_property
    def layers_of(self) -> frozenset[tuple[str, str]]:
        """(scene id, band) of everything there is."""
        return frozenset((layer.scene.id, layer.band) for layer in self.layers)

    @cached_property
    def _bands_of(self) -> dict[Path, int]:
        highest: dict[Path, int] = {}
        for layer in self.layers:
            highest[layer.file] = max(layer.index, highest.get(layer.file, 0))
        return highest

    def extents(self) -> Iterator[Extent]:
        """Where each file lies; reads headers as it goes. Raises BadInput or GridMismatch at the first bad file."""
        for file in self._bands_of:
            yield self._header(file).extent

    def dtype(self, scenes: Sequence[Scene], bands: Sequence[str]) -> np.dtype[Any]:
        """The type that holds what these layers store."""
        kinds = {self._header(layer.file).dtypes[layer.index - 1] for layer in self._wanted(scenes, bands)}
        return np.result_type(*sorted(kinds)) if kinds else np.dtype(np.float32)

    def pieces(self, grid: Grid, scenes: Sequence[Scene], bands: Sequence[str]) -> Iterator[Piece]:
        """Every layer of these scenes and bands, file by file."""
        by_file: dict[Path, list[Layer]] = defaultdict(list)
        for layer in self._wanted(scenes, bands):
            by_file[layer.file].append(layer)
        for file, layers in by_file.items():
            part = overlap(self._header(file).extent, grid)
            for layer, content in zip(layers, self._contents(file, layers, part), strict=True):
                yield Piece(layer.scene, layer.band, part.target, content)

    def _contents(self, file: Path, layers: list[Layer], part: Overlap) -> list[Block | Unreadable]:
        if not part:
            nothing = np.zeros((0, 0), np.uint8)
            return [Block(nothing, nothing.astype(bool)) for _ in layers]
        own = self._header(file).nodata
        nodata = [own[layer.index - 1] if self._nodata is None else self._nodata for layer in layers]
        return read_bands(file, [layer.index for layer in layers], part, nodata)

    def _wanted(self, scenes: Sequence[Scene], bands: Sequence[str]) -> list[Layer]:
        ids = {scene.id for scene in scenes}
        return [layer for layer in self.layers if layer.scene.id in ids and layer.band in bands]

    def _header(self, file: Path) -> Header:
        if file not in self._headers:
            header = header_of(file, crs=self._crs, as_stored=self._as_stored)
            if self._bands_of[file] > len(header.dtypes):
                raise BadInput(
                    f"{file.name}: band {self._bands_of[file]} was asked for, the file has {len(header.dtypes)}; "
                    "mend the table, or `bands`"
                )
            first = self.layers[0].file
            if file != first:
                check_alike(self._header(first).extent, header.extent)
            self._headers[file] = header
        return self._headers[file]
