"""Methods that cut up whole archives as evaluation sees them: their losses, said on the day by which they could be said."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detection.accuracy.stream import Changes, Stream, changes
from detection.codes import Turn
from detection.errors import BadInput
from detection.monitors import Looks
from detection.prepare.indices import index_from
from detection.segments import segments
from detection.types import Float
from jobs.config import SeriesConfig
from jobs.evidence import limits


@dataclass(frozen=True)
class PixelArchive:
    """A detector of kind series that names a method under `segments`: one pixel, no neighbours."""

    config: SeriesConfig
    """As it is used."""
    value: str = "nbr"
    """What stands for a column `value`."""
    slow: ClassVar[bool] = False
    spare: ClassVar[bool] = False
    """It needs all its planes."""

    @property
    def planes(self) -> tuple[str, ...]:
        """What it reads of a stream: the columns."""
        return tuple(self.value if column == "value" else column for column in self.config.columns)

    def __call__(self, stream: Stream) -> Changes:
        """Losses that could be said from the first monitored day on. Raises BadInput as `segments` does."""
        if self.config.segments is None:
            raise BadInput(f"{self.config.name}: names no method under `segments`")
        panel = stream.panel(*self.planes)
        layers = [panel.values[name] for name in self.planes]
        names, led = self._led(layers)
        inside, sign = np.ones(stream.many, np.bool_), 1 if self.config.loss == "lowers" else -1
        looks = Looks(panel.scenes, np.ascontiguousarray(np.stack(led, 1)))
        found = segments(self.config.segments, looks, names, inside, sign, self.config.annual).changes
        lost = found[(found["turn"] == Turn.LOSS) & (found["said"] >= stream.monitor_day)]
        return changes(lost["pixel"], lost["said"], lost["said"], lost["day"], lost["probability"], lost["magnitude"])

    def _led(self, layers: list[Float]) -> tuple[tuple[str, ...], list[Float]]:
        """Names and values of the planes, the index that leads first where the config names one; NaN outside its limits."""
        kept = [
            within(layer, limits(self.config, name)) for layer, name in zip(layers, self.config.columns, strict=True)
        ]
        if self.config.index is None:
            return self.planes, kept
        made = index_from(self.config.index, dict(zip(self.planes, kept, strict=True)))
        return (self.config.index, *self.planes), [made, *kept]


def within(values: Float, bounds: tuple[float, float]) -> Float:
    """Values with NaN outside their limits."""
    with np.errstate(invalid="ignore"):
        return np.where((values < bounds[0]) | (values > bounds[1]), np.float32(np.nan), values).astype(np.float32)
