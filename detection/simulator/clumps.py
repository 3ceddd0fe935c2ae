"""The blind variant's clouds: round ones that come in clumps, in a sky that is often all clear or all cloud.

A Neyman-Scott process (Neyman and Scott 1958, J. R. Stat. Soc. B 20(1), 1): parents jittered around the nodes of an
absolute lattice, discs scattered around them. No field of it is Gaussian, so that what was fitted to the open variant's
clouds finds others here.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.simulator import parameters, sky
from detection.simulator.draws import Dice, Frame, Stream, key_of, normals
from detection.simulator.kernels import U64, keyed
from detection.simulator.site import Site
from detection.types import Float

FARTHEST: Final = 2.0
"""A disc lies no farther from its parent, and is no larger, than at so many standard deviations."""
LEAST: Final = -2.0
"""The table of starts ends here: discs three times as wide leave hardly any sky."""
BELOW: Final = 0.25
"""So far below its start the latent field ends: where the sky is clear anyway, how clear does not matter."""
TABLE_M: Final = 240
"""One table of starts serves shadows that differ by less."""
TRIAL_CELLS, TRIAL_STEP, TRIAL_M = 900, 5, 60
"""The table of starts rests on so many samples squared, so many cells of so many metres apart: 270 km squared."""


def clouds(site: Site, frame: Frame, instant: int) -> sky.Clouds:
    """The cloud field of one instant; its latent (y, x) is 1 in the middle of a disc, 0 at its rim, falling further."""
    down, right = sky.shadow(site, instant, frame.resolution)
    margin = max(abs(down), abs(right))
    shape = (frame.shape[0] + 2 * margin, frame.shape[1] + 2 * margin)
    wide = Frame(frame.row - margin, frame.column - margin, shape, frame.resolution)
    month = datetime.fromtimestamp(instant, UTC).month
    share = clear_share(site, instant, month)
    if share in (0, 1):
        return sky.Clouds(np.full(shape, 1 - 2 * share, np.float32), margin, (down, right), 0.0)
    steps = round(down * frame.resolution / TABLE_M), round(right * frame.resolution / TABLE_M)
    start = float(np.interp(share, np.linspace(0, 1, 1001), _starts(site.variant, *steps)))
    latent = discs(site.variant, wide, site.key(Stream.CLUMP, instant), start - BELOW)
    return sky.Clouds(latent, margin, (down, right), start)


def clear_share(site: Site, instant: int, month: int) -> float:
    """Share of this scene that is free of cloud and shadow: 0, 1 or in between; on average the month's."""
    model, mean = site.world.clouds, site.place.clear[month - 1]
    middle = sum(model.clump_clear) / 2
    broken = min(mean / middle, (1 - mean) / (1 - middle)) * (1 - model.scene_share)
    dice = Dice(int(site.key(Stream.SKY, instant)))
    draw = dice.uniform()
    if draw < broken:
        return dice.between(*model.clump_clear)
    return float(draw < broken + mean - broken * middle)


def discs(variant: parameters.Variant, frame: Frame, key: np.uint64, least: float = LEAST) -> Float:
    """(y, x) float32 of the frame: the greatest 1 - distance / radius of all discs, `least` at the least."""
    model = parameters.world(variant).clouds
    spacing, radius, log_sd = model.clump_m
    # Radii of normals in steps of 1/256: no exponential inside the loop.
    sizes = radius * np.exp(log_sd * np.linspace(-FARTHEST, FARTHEST, 257))
    nearness = np.full(frame.shape, (1 - least) ** 2, np.float32)
    _spread(
        nearness, key, frame.row, frame.column, frame.step, frame.resolution, int(spacing),
        np.array([model.clump_scatter * spacing, FARTHEST, 1 - least]), np.array(model.clump_discs), normals(),
        sizes.astype(np.float32),
    )  # fmt: skip
    latent: Float = 1 - np.sqrt(nearness)
    return latent


@cache
def _starts(variant: parameters.Variant, down: int, right: int) -> NDArray[np.float64]:
    """(1001,) where cloud begins so that 0, 1/1000 ... 1 of the sky is free of cloud and of shadow. Rises.

    A cell is free where both its own latent value and that at the cell which would shade it stay below: the quantiles
    of the greater one over a large sky, whose seed never changes. down, right: to the shadow, in `TABLE_M`.
    """
    key, wide = key_of(0, Stream.CLUMP), TRIAL_CELLS
    down, right = down * TABLE_M // TRIAL_M, right * TABLE_M // TRIAL_M
    here = discs(variant, Frame(0, 0, (wide, wide), TRIAL_M, TRIAL_STEP), key)
    shading = discs(variant, Frame(-down, -right, (wide, wide), TRIAL_M, TRIAL_STEP), key)
    worst = np.maximum(here, shading - np.float32(parameters.world(variant).clouds.shadow_from))
    return np.asarray(np.quantile(worst, np.linspace(0, 1, 1001)), np.float64)


@njit(
    "void(float32[:, ::1], uint64, int64, int64, int64, int64, int64, float64[::1], int64[::1], float32[::1],"
    "float32[::1])",
    cache=True,
    nogil=True,
)
def _spread(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    nearness, key, first_row, first_column, step, resolution, spacing, scatter, children, normal, sizes
):
    """Lower `nearness` (y, x), square of distance / radius, wherever a disc comes nearer; its start is the farthest.

    scatter: standard deviation of a disc about its parent, m, most of these, reach in radii; children: least and most;
    sizes (257,) radii, m, of -most to most standard deviations. Parents lie anywhere in the square of their node.
    """
    rows, columns = nearness.shape
    most, reach = scatter[1], scatter[2]
    beyond = scatter[0] * most + reach * sizes[-1]
    top, left = first_row * resolution, first_column * resolution
    bottom, right = top + rows * step * resolution, left + columns * step * resolution
    for r in range(int(np.floor((top - beyond) / spacing)) - 1, int(np.floor((bottom + beyond) / spacing)) + 1):
        row = keyed(key, r)
        for c in range(int(np.floor((left - beyond) / spacing)) - 1, int(np.floor((right + beyond) / spacing)) + 1):
            node = keyed(row, c)
            # Metres from the frame's first cell's corner: whole numbers, so that any window finds the same fractions.
            south = float(r * spacing) + ((node >> U64(48)) * spacing) * 2.0**-16
            east = float(c * spacing) + (((node >> U64(32)) & U64(0xFFFF)) * spacing) * 2.0**-16
            discs = children[0] + np.int64((node & U64(0xFFFF)) * U64(children[1] - children[0] + 1) >> U64(16))
            for n in range(discs):
                word = keyed(node, n)
                y = south + scatter[0] * min(max(normal[word >> U64(48)], -most), most)
                x = east + scatter[0] * min(max(normal[(word >> U64(32)) & U64(0xFFFF)], -most), most)
                size = min(max(normal[(word >> U64(16)) & U64(0xFFFF)], -most), most)
                radius = sizes[int((size + most) / (2 * most) * 256)]
                far = reach * radius
                low, high = int(np.floor((y - far) / resolution)), int(np.floor((y + far) / resolution))
                low, high = -((first_row - low) // step), (high - first_row) // step
                near, away = int(np.floor((x - far) / resolution)), int(np.floor((x + far) / resolution))
                near, away = -((first_column - near) // step), (away - first_column) // step
                near, away = max(near, 0), min(away + 1, columns)
                shrink = np.float32(1 / radius)
                for i in range(max(low, 0), min(high + 1, rows)):
                    dy = np.float32((first_row + i * step + 0.5) * resolution - y) * shrink
                    line = nearness[i]
                    for j in range(near, away):
                        dx = np.float32((first_column + j * step + 0.5) * resolution - x) * shrink
                        q = dy * dy + dx * dx
                        line[j] = q if q < line[j] else line[j]
