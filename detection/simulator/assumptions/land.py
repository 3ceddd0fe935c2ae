"""Where things lie at first: [land] and [region] of `world.toml`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Land:
    """What does not differ between the regions."""

    epoch: int
    """Land cover stands as at the end of this year; events begin the year after."""
    last_year: int
    """Last year with events; the source ends with it."""
    block_m: int
    """Events are drawn by block of the absolute lattice; none reaches farther than one block beyond its own."""
    line_m: int
    """From river to river and from highway to highway."""
    line_shift: float
    """A line lies off its regular place by up to this share of `line_m`."""
    warp_m: tuple[tuple[int, float], ...]
    """(length, displacement sd) of the rivers' meanders."""
    highway_warp_m: tuple[tuple[int, float], ...]
    """The same of highways."""
    flattest: float
    """Least gradient taken for a distance: where the bent coordinate stands nearly still a river would become a lake."""
    river_half_width_m: float
    """Half the width of a river."""
    bend_m: int
    """Length of the field that makes a river wander: its sign says where to, its size how fast."""
    bend_from: float
    """The river stands where that field is smaller than this."""
    bend_rise: tuple[float, float]
    """Above it: how much more of the field brings the least rate of erosion, and how much more again the most."""
    erosion_m_year: tuple[float, float]
    """Least and most a river's outer bank gives way in a year, where it does."""
    wet_season_days: int
    """Length of the season in which it does, around the highest stage."""
    sand_years: float
    """Until something grows on the bar a river leaves behind."""
    scroll_years: float
    """Ground the river left so long before the epoch is old forest again."""
    levee_m: float
    """No swamp within this distance of a bank."""
    swamp_pull: float
    """How much likelier swamp is behind the levee than half-way to the next river, standard deviations."""
    valley_m: tuple[float, float]
    """Distance from river or highway at which the relief begins and is full."""
    hillside_m: int
    """Length of the field of slopes."""
    floodplain_m: float
    """Bank forest within this distance floods at the highest stage."""
    bank_height: tuple[float, float]
    """Stage at which forest begins to get wet at the bank, and how much more it takes `floodplain_m` away from it."""
    heights: tuple[tuple[str, float], ...]
    """Surfaces that get wet at a stage of their own wherever they lie."""
    uneven: tuple[int, float]
    """Length and sd of the unevenness of these stages; those of `heights` have half of it."""
    flood_ramp: float
    """A cell is wholly wet when the stage stands so far above the one at which it begins to get wet."""
    highway_half_width_m: float
    """Half the width of a highway."""
    plot_m: tuple[int, int]
    """Plots along and away from the highway."""
    plot_warp: tuple[int, float]
    """Length and sd, both metres, of the wobble of their borders."""
    plot_access_m: float
    """Distance from the highway at which the shares of plots have fallen by e."""
    intact_m: tuple[float, float]
    """Forest is intact beyond these distances from highway and river."""
    gap_m: int
    """Length of the field that opens single gaps in logged forest."""
    skid_m: tuple[int, float]
    """Distance between skid trails and their width."""
    patchy: tuple[int, float]
    """What hurts a patch unevenly: length of the field, m, and relative sd of the share."""
    ragged_m: tuple[int, int]
    """Lengths of the field that frays the outlines of patches, half of the variance each."""
    shape: Literal["rounded", "lobed"]
    """Outline of patches: rounded rectangles, or stars of smooth lobes."""


@dataclass(frozen=True)
class Region:
    """One of the three places."""

    crs: str
    """UTM zone of its default grid."""
    corner: tuple[int, int]
    """West and north of its default grid."""
    clear: tuple[float, ...]
    """(12,) share of looks free of cloud and shadow, January to December."""
    smoke: float
    """Factor on the odds of smoke."""
    dry_peak_day: int
    """Day of the year at which the dry season peaks."""
    stage_peak_day: int
    """Day of the year of the highest rivers."""
    stage_sd: float
    """Noise of the stage."""
    stage_days: int
    """How slow it is."""
    wetter: float
    """Added to the odds of wet soil."""
    paths: tuple[str, ...]
    """Names in `World.paths`."""
    forest: tuple[tuple[str, float], ...]
    """Forest types and their shares away from rivers and roads; the rest is terra firme."""
    patch_m: tuple[tuple[int, float], ...]
    """(length, share of variance) of the patches of forest types."""
    highways: bool
    """Is there one every `Land.line_m`?"""
    relief: float
    """Standard deviation of the slope (tan) outside valleys; 0 for plains."""
    pasture_share: float
    """Of the plots at the highway, at the epoch."""
    secondary_share: float
    """Of them, secondary forest."""
    coffee_share: float
    """Of them, coffee: half under shade."""
    burn_odds: float
    """That a clearing is burnt."""
    dry_share: float
    """Of fellings that keep to the dry season; the rest fall on any day."""
    after: tuple[float, float, float, float]
    """Shares of pasture, crop, coffee and regrowth after a clearing."""
    rates: tuple[tuple[str, float], ...]
    """Kind of event -> factor on its rate; a kind not named does not occur."""
