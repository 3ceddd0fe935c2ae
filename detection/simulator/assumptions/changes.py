"""What happens to the forest: [kinds] and [events] of `world.toml`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Occurrence:
    """One kind of event. Further numbers are in `Events`."""

    per_km2_year: float
    """How often one begins in a square kilometre where everything invites it, in a year of the world."""
    oversampled: float
    """The simulator makes so many times more of them; a cell of one stands for 1 / oversampled cells."""
    hectares: tuple[float, float, float, float]
    """Median, sd of the logarithm, least and most."""
    on: tuple[tuple[str, float], ...]
    """Surfaces that invite it, and how much, 0..1; it begins on no other."""
    aspect: tuple[float, float] = (1.0, 1.0)
    """Least and most length of a patch, in widths."""
    ragged: float = 0.0
    """Relative sd of the radius of its outline."""
    fan: float = 0.0
    """How much wider it is at its far end than in the middle, and narrower at the near one."""
    reach_m: float = 0.0
    """Distance from river or highway at which the rate has fallen by e; 0: it does not depend on them."""
    river_only: bool = False
    """Does a highway not count?"""
    grows: bool = True
    """Does its rate follow `Events.growth`? Nature's does not."""


@dataclass(frozen=True)
class Events:
    """The event library; days, months and years as the names say."""

    growth: tuple[float, float, float]
    """Share of the rate before the first of `growth_from`, from it on, from the second on."""
    growth_from: tuple[int, int]
    """Years."""
    dry_season: tuple[int, int]
    """First and last day of the year for felling."""
    debris_days: tuple[int, int]
    """From felling to burning or clearing up."""
    burning_days: int
    """How long either takes."""
    bare_days: tuple[int, int]
    """From then to the first green."""
    settled_days: tuple[int, int]
    """From the first green to pasture, crop or planted coffee."""
    coffee_days: tuple[int, int]
    """From planting to bushes."""
    shade_share: float
    """Of coffee that comes under shade."""
    shade_days: tuple[int, int]
    """From bushes to shade."""
    reclearing_per_year: float
    """Hazard of regrowth that is cleared again."""
    bare_again_days: tuple[int, int]
    """From that felling to bare soil."""
    settled_again_days: tuple[int, int]
    """From it to pasture."""
    regrowth_years: tuple[float, float]
    """Slowest and fastest time factor of regrowth against the table of secondary forest."""
    mining_ha_month: tuple[float, float]
    """Growth of a mine."""
    mining_months: tuple[int, int]
    """How long it grows."""
    mining_days: int
    """From felling to pit and pond."""
    mining_stride: float
    """From pit to pit, in sides of a square of a pit's area."""
    mining_turn: float
    """Sd of the turn from pit to pit, radians."""
    pond_share: float
    """Of a mine's area."""
    abandoned_years: tuple[float, float]
    """Until ponds and tailings green over."""
    pond_over_days: tuple[int, int]
    """How much longer ponds take than tailings."""
    poor_soil: float
    """Regrowth on tailings and slides takes so many times longer."""
    road_season: tuple[int, int]
    """First and last day of the year on which one is begun."""
    road_turn: tuple[float, float]
    """Sd of the turn against the highway's normal, and from step to step, radians."""
    road_surfaced_days: int
    """From felling to road."""
    road_width_m: tuple[float, float]
    """Of a new track."""
    road_segment_m: float
    """Its steps."""
    road_segments: tuple[int, int]
    """How many."""
    road_days: tuple[int, int]
    """From step to step."""
    logging_share: tuple[float, float]
    """Share of a cell opened by selective logging."""
    logging_days: tuple[int, int]
    """From the first gap to the last."""
    logging_first: float
    """Share of the gaps on the first day."""
    logging_months: tuple[int, int]
    """Until it has closed."""
    fire_season: tuple[int, int]
    """First and last day of the year."""
    fire_share: tuple[float, float]
    """Share of the way to burnt understorey."""
    fire_days: int
    """From first to full."""
    fire_first: float
    """Share of the harm on the first day."""
    fire_years: tuple[float, float]
    """Recovery."""
    blowdown_share: tuple[float, float]
    """Share of a cell thrown."""
    blowdown_half_days: int
    """Half of the dead material is gone after."""
    blowdown_over_days: int
    """All of it."""
    bamboo_ramp_days: tuple[int, int]
    """Die-off from first to full."""
    bamboo_hold_days: tuple[int, int]
    """From full to the first green."""
    bamboo_recovery_years: tuple[float, float]
    """Until it is green again."""
    bamboo_share: tuple[float, float]
    """Share of a cell that is bamboo."""
    bamboo_cycle_years: int
    """From one die-off of a stand to the next."""
    palm_share: tuple[float, float]
    """Share of palms felled."""
    palm_years: tuple[float, float]
    """Over which they are."""
    drainage_share: tuple[float, float]
    """Share of the way to drained peat."""
    drainage_years: tuple[float, float]
    """Over which it dries."""
    landslide_slope: float
    """tan(slope) from which a hillside may slide."""
    landslide_fresh_days: int
    """From the slide to bare soil."""
    landslide_bare_days: tuple[int, int]
    """From the slide to the first green."""
    degraded_from: float
    """Share of a cell that must be hurt before it counts as degraded."""
    mixed_from: float
    """A cell of which so much, but less than half, is lost counts neither as lost nor as spared."""
