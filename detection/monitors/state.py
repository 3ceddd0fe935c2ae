"""The nouns of the monitors: a detector, the looks it is shown, and the state of a row of pixels between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from detection.history import History
from detection.monitors.cusum import Cusum, OlsCusum
from detection.monitors.decision import Decision
from detection.monitors.ewma import Ewma
from detection.monitors.fusion import Fusion
from detection.monitors.mosum import Mosum
from detection.types import Codes, Cube, Days, Float, Scene, digest

Monitor = Cusum | Ewma | Mosum | OlsCusum | Fusion
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Detector:
    """All that decides about a pixel: what its digest covers may not change under a stored state."""

    history: History = field(default_factory=History)
    """The baseline."""
    monitor: Monitor = field(default_factory=Cusum)
    """The evidence."""
    decision: Decision = field(default_factory=Decision)
    """The decision."""
    loss: Literal["lowers", "raises"] = "lowers"
    """Which way a loss of forest moves the index."""

    @property
    def sign(self) -> int:
        """+1 where loss lowers the index, -1 where it raises it."""
        return 1 if self.loss == "lowers" else -1

    @cached_property
    def digest(self) -> str:
        """sha256 of the parameters."""
        return digest(self)


@dataclass(frozen=True)
class Looks:
    """Prepared looks at a row of pixels."""

    scenes: tuple[Scene, ...]
    """In canonical order."""
    values: Float
    """(time, slot, pixel) float32, NaN = not observed; monitors of a single index read slot 0."""
    common: Float | None = None
    """(time, slot, lattice cell) common-mode anomaly in residual scales, to be subtracted; None: nothing is."""

    @classmethod
    def of(cls, cube: Cube) -> "Looks":
        """A cube as a row of pixels."""
        times, slots, rows, columns = cube.values.shape
        return cls(cube.scenes, np.ascontiguousarray(cube.values.reshape(times, slots, rows * columns)))

    @property
    def days(self) -> Days:
        """(time,) days since 1970-01-01."""
        return np.array([s.day for s in self.scenes], np.int32)

    def take(self, keep: NDArray[np.bool_]) -> "Looks":
        """The looks of this (time,) mask."""
        scenes = tuple(s for s, k in zip(self.scenes, keep, strict=True) if k)
        return Looks(scenes, self.values[keep], None if self.common is None else self.common[keep])


@dataclass(frozen=True)
class State:
    """A row of pixels after a set of looks: its size does not depend on how many."""

    model: Arrays
    """Fixed when monitoring began, last axis pixel: coefficients, season, sigma, history_looks (as in `history.Baseline`)."""
    pixels: Arrays
    """What a look changes, first axis pixel: the fields of `machine.Watch` and of `kernel.Chart`; or, as the model, in the
    form of `packed`."""
    monitored: Codes
    """(pixel,) codes.Monitored."""
    cell: NDArray[np.int32]
    """(pixel,) the lattice cell whose common mode is subtracted."""
    last: Scene | None
    """The newest look taken in."""
    detector: str
    """Digest of the detector that made it."""
    aside: Arrays = field(default_factory=dict)
    """What the model says of no pixel in particular: of a fusion the relative orbits of its radar levels."""

    def column(self, name: str) -> NDArray[Any]:
        """(pixel,) a field of `pixels` or of its records `open`."""
        return self.pixels[name] if name in self.pixels else self.pixels["open"][name]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The fixed set of named arrays, as stored: `model.*`, `pixels.*`, `aside.*`, `monitored`, `cell`."""
        named = {**prefixed("model", self.model), **prefixed("pixels", self.pixels), **prefixed("aside", self.aside)}
        return {**named, "monitored": self.monitored, "cell": self.cell}

    @classmethod
    def of(cls, arrays: Arrays, last: Scene | None, detector: str) -> "State":
        """The inverse of `arrays`; other names are passed over."""
        model, pixels = below("model", arrays), below("pixels", arrays)
        return cls(model, pixels, arrays["monitored"], arrays["cell"], last, detector, below("aside", arrays))

    def part(self, cut: slice) -> "State":
        """These pixels alone; arrays are views."""
        model = {name: array[..., cut] for name, array in self.model.items()}
        pixels = {name: array[cut] for name, array in self.pixels.items()}
        return replace(self, model=model, pixels=pixels, monitored=self.monitored[cut], cell=self.cell[cut])


def prefixed(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """The arrays under the names `<prefix>.<name>`."""
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def below(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """The inverse of `prefixed`."""
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def columns(table: NDArray[Any], name: str) -> dict[str, NDArray[Any]]:
    """A structured array as one matrix (field, row) per type, named `<name>_<type>`: few arrays, quickly stored."""
    fields: dict[str, list[str]] = {}
    for field_name in table.dtype.names or ():
        fields.setdefault(table.dtype[field_name].str[1:], []).append(field_name)
    return {f"{name}_{kind}": np.stack([table[n] for n in names]) for kind, names in fields.items()}


def records(arrays: Arrays, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The inverse of `columns`."""
    rows: dict[str, int] = {}
    table: NDArray[Any] | None = None
    for field_name in dtype.names or ():
        kind = dtype[field_name].str[1:]
        matrix = arrays[f"{name}_{kind}"]
        table = np.zeros(matrix.shape[1], dtype) if table is None else table
        table[field_name] = matrix[rows.get(kind, 0)]
        rows[kind] = rows.get(kind, 0) + 1
    return np.zeros(0, dtype) if table is None else table
