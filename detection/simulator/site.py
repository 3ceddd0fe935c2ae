"""Which world, which place in it, which seed: what every function of the simulator is given first."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detection.simulator.draws import Stream, key_of
from detection.simulator.parameters import REGIONS, Region, Variant, World, world

VARIANTS: Final = ("open", "blind")


@dataclass(frozen=True)
class Site:
    """One simulated place. Two sites that differ in anything share no random number."""

    seed: int
    """Another seed, another landscape with another weather and other events."""
    region: str = "madre-de-dios"
    """One of `parameters.REGIONS`."""
    variant: Variant = "open"
    """Which set of assumptions."""

    @property
    def world(self) -> World:
        """The assumptions."""
        return world(self.variant)

    @property
    def place(self) -> Region:
        """Those of the region."""
        return self.world.region[self.region]

    def key(self, stream: Stream, *numbers: int) -> np.uint64:
        """The key of a stream of random numbers at these coordinates."""
        here = VARIANTS.index(self.variant) * len(REGIONS) + REGIONS.index(self.region)
        return key_of(self.seed, stream, here, *numbers)
