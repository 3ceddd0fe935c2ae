"""All that does not depend on the day: what stood where before any event, and which event owns which cell."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from detection.simulator.draws import Frame, Stream, noise
from detection.simulator.events import RULES, events_in
from detection.simulator.ground import KNOTS, Landscape, Layer, scroll_course
from detection.simulator.parameters import BANDS
from detection.simulator.parts import Part
from detection.simulator.shapes import Texture, rasterise, texture
from detection.simulator.site import Site
from detection.simulator.terrain import Terrain, terrain, woody
from detection.types import Float, Grid


def frame_of(grid: Grid) -> Frame:
    """The cells of a grid."""
    return Frame(grid.first_row, grid.first_column, grid.shape, grid.resolution)


@lru_cache(maxsize=8)
def landscape(site: Site, grid: Grid) -> Landscape:
    """Build the land of a grid; the eight last ones are kept, because looks arrive scene by scene."""
    frame = frame_of(grid)
    land, marks, parts = terrain(site, frame), texture(site, frame), events_in(site, grid)
    days, grown = scroll_course(site.world.land.sand_years)
    return Landscape(
        grid=grid,
        surface=land.surface,
        offset=_offset(site, frame),
        echo=_echo(site, frame),
        height=land.height,
        slope=land.slope,
        river_from=land.river_from,
        river_until=land.river_until,
        scroll_days=days,
        scroll_becomes=grown,
        conversions=_layer(site, grid, land, marks, [part for part in parts if RULES[part.kind].conversion]),
        partials=_layer(site, grid, land, marks, [part for part in parts if not RULES[part.kind].conversion]),
        stratum=land.stratum,
    )


def _layer(site: Site, grid: Grid, land: Terrain, marks: Texture, parts: Sequence[Part]) -> Layer:
    """Parts happen to forest only, and only as long as the river has not come."""
    allowed = woody(site)[land.surface]
    uneven = (*site.world.land.skid_m, site.world.land.patchy[1])
    owner, cover, share = rasterise(parts, grid, allowed, land.river_from, marks, uneven)
    days = np.array([part.days for part in parts], np.int32).reshape(-1, KNOTS)
    becomes = np.array([part.becomes for part in parts], np.float32).reshape(-1, KNOTS)
    return Layer(tuple(parts), owner, cover, share, days, becomes, np.array([part.into for part in parts], np.uint8))


def _offset(site: Site, frame: Frame) -> Float:
    """Half shared by the stand, half the cell's own; the stand's is correlated within visible and within infrared."""
    spectra = site.world.spectra
    out = np.empty((len(BANDS), *frame.shape), np.float32)
    for group, correlation in enumerate((spectra.visible_correlation, spectra.infrared_correlation)):
        stand = _stand(site, frame, Stream.STAND, group, correlation)
        for band in range(3 * group, 3 * group + 3):
            out[band] = stand + noise(frame, (site.key(Stream.PIXEL, band), 0, (1 - correlation) ** 0.5))
    return out


def _echo(site: Site, frame: Frame) -> Float:
    """The same of VV and VH."""
    correlation = site.world.spectra.backscatter_correlation
    stand = _stand(site, frame, Stream.ECHO, 0, correlation)
    own = [(site.key(Stream.ECHO, 1, channel), 0, (1 - correlation) ** 0.5) for channel in range(2)]
    return np.stack([stand + noise(frame, one) for one in own])


def _stand(site: Site, frame: Frame, stream: Stream, group: int, variance: float) -> Float:
    """What the cells of a stand share, of this variance in all, in equal parts at each of the stands' lengths."""
    lengths = site.world.spectra.stand_m
    return noise(frame, *((site.key(stream, 0, group, m), m, (variance / len(lengths)) ** 0.5) for m in lengths))
