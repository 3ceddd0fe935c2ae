"""The simulated land: the same however it is cut, as much of everything as the file says, truth that shows."""

from collections import Counter
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.errors import BadInput
from detection.simulator.draws import Frame
from detection.simulator.events import RULES, SURVEY_M, beginnings, events_in, invites, kinds_of, yearly
from detection.simulator.ground import (
    DAYS_A_YEAR,
    KNOTS,
    NEVER,
    Landscape,
    Layer,
    Stratum,
    ground,
    strength,
    surface_on,
)
from detection.simulator.landscape import frame_of, landscape
from detection.simulator.parameters import REGIONS, Surface
from detection.simulator.parts import FOREVER, Part
from detection.simulator.shapes import Patch, Texture, _threshold, patch_of, rasterise, star_of
from detection.simulator.site import Site
from detection.simulator.terrain import terrain, woody
from detection.simulator.truth import DRIVERS, NOTHING, Truth, series_truth, truth_of
from detection.types import Float, Grid, to_date, to_day

START, END = date(2019, 1, 1), date(2024, 1, 1)
MAYO = Site(1, "alto-mayo")
BLOCKS = (20, 20)


def grid_of(region: str, rows: int = 200, columns: int = 200, resolution: int = 30) -> Grid:
    place = Site(1, region).place
    west, north = place.corner
    return Grid(place.crs, west, north, resolution, (rows, columns))


@cache
def land_of(region: str) -> Landscape:
    return landscape(Site(1, region), grid_of(region))


@cache
def truth_in(region: str) -> Truth:
    return truth_of(Site(1, region), grid_of(region, 256, 512), START, END)


@cache
def parts_of(region: str) -> list[Part]:
    return events_in(Site(1, region), grid_of(region, 900, 900))


def crops(row: int, column: int, rows: int, columns: int) -> tuple[slice, slice]:
    return slice(row, row + rows), slice(column, column + columns)


def values_on(land: Landscape, day: float, wet: float = 0.0) -> Float:
    world = Site(1).world
    level, spread = (world.table(name).astype(np.float32) for name in ("reflectance", "spread"))
    soak = np.broadcast_to(np.array(world.spectra.flooded, np.float32), level.shape)
    return ground(land, day, level, spread, soak, land.offset, np.full(land.grid.shape, wet, np.float32))[0]


# the same however it is cut


@settings(max_examples=8, deadline=None)
@given(
    region=st.sampled_from(REGIONS), row=st.integers(0, 180), column=st.integers(0, 180), rows=st.integers(1, 20),
    columns=st.integers(1, 20), year=st.integers(1985, 2030),
)  # fmt: skip
def test_any_window_is_the_crop_of_the_whole(
    region: str, row: int, column: int, rows: int, columns: int, year: int
) -> None:
    whole, part = land_of(region), landscape(Site(1, region), grid_of(region).window(row, column, rows, columns))
    inner = crops(row, column, rows, columns)
    for name in ("surface", "offset", "echo", "height", "slope", "river_from", "river_until", "stratum"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[..., *inner], name)
    for name in ("conversions", "partials"):
        big, small = getattr(whole, name), getattr(part, name)
        np.testing.assert_array_equal(small.cover, big.cover[inner])
        np.testing.assert_array_equal(small.share, big.share[inner])
        np.testing.assert_array_equal(owners(small), owners(big)[inner])
    day = to_day(date(year, 8, 1))
    np.testing.assert_array_equal(surface_on(part, day), surface_on(whole, day)[inner])
    np.testing.assert_array_equal(values_on(part, day, 0.3), values_on(whole, day, 0.3)[:, *inner])


def owners(layer: Layer) -> NDArray[np.str_]:
    names = np.array([f"{part.event} {part.days[0]} {part.patch.east}" for part in layer.parts] + ["-"])
    return names[layer.owner]


@settings(max_examples=5, deadline=None)
@given(region=st.sampled_from(REGIONS), row=st.integers(0, 100), column=st.integers(0, 300))
def test_truth_of_a_window_is_the_crop_of_the_whole(region: str, row: int, column: int) -> None:
    whole = truth_in(region)
    part, inner = (
        truth_of(Site(1, region), whole.grid.window(row, column, 90, 80), START, END),
        crops(row, column, 90, 80),
    )
    for name in ("loss_day", "driver", "surface", "forest", "weight", "stratum"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[inner], name)
    known = {event.id: event for event in whole.events}
    top, left = part.grid.first_row, part.grid.first_column
    for event in part.events:
        cells = known[event.id].cells
        inside = ((cells >= [top, left]) & (cells < [top + 90, left + 80])).all(1)
        np.testing.assert_array_equal(event.cells, cells[inside])
        assert event.kind == known[event.id].kind


def test_one_seed_one_land_and_another_variant_another() -> None:
    grid = grid_of("alto-mayo", 60, 60)
    first = landscape(MAYO, grid)
    landscape.cache_clear()
    np.testing.assert_array_equal(first.offset, landscape(MAYO, grid).offset)
    for other in (Site(2, "alto-mayo"), Site(1, "alto-mayo", "blind"), Site(1, "loreto-peatland")):
        there = landscape(other, grid)
        assert abs(np.corrcoef(first.offset.ravel(), there.offset.ravel())[0, 1]) < 0.25
        assert {p.event for p in first.conversions.parts}.isdisjoint(p.event for p in there.conversions.parts)


@pytest.mark.parametrize("region", REGIONS)
def test_finer_grids_show_the_same_land(region: str) -> None:
    coarse, fine = land_of(region), landscape(Site(1, region), grid_of(region, 600, 600, 10))
    near = parts_within(fine.conversions.parts, coarse.grid)
    assert near == parts_within(coarse.conversions.parts, coarse.grid)
    for day in (to_day(date(1985, 1, 1)), to_day(date(2024, 1, 1))):
        middle = surface_on(fine, day)[1::3, 1::3]
        assert (middle == surface_on(coarse, day)).mean() > 0.96
    share = fine.conversions.cover.reshape(200, 3, 200, 3).mean((1, 3))
    assert abs(share.mean() / coarse.conversions.cover.mean() - 1) < 0.05
    assert abs(fine.partials.share.mean() / max(coarse.partials.share.mean(), 1e-9) - 1) < 0.15


def parts_within(parts: tuple[Part, ...], grid: Grid) -> list[Part]:
    west, south, east, north = grid.bounds
    return [p for p in parts if west <= p.patch.east <= east and -north <= p.patch.south <= -south]


# as much of everything as the file says


@pytest.mark.parametrize("region", REGIONS)
def test_every_kind_of_the_region_and_no_other_comes_as_often_as_the_file_says_where_it_says(region: str) -> None:
    site, events = Site(1, region), list[str]()
    first = (grid_of(region).first_row * 30 // 1920, grid_of(region).first_column * 30 // 1920)
    size = 1920 // SURVEY_M
    frame = Frame(first[0] * size, first[1] * size, (BLOCKS[0] * size, BLOCKS[1] * size), SURVEY_M)
    land = terrain(site, frame)
    inviting = {kind: invites(site, site.world.kinds[kind], kind, land) for kind in kinds_of(site)}
    for begin in beginnings(site, first, BLOCKS):
        events.append(begin.kind)
        row, column = int(begin.south // SURVEY_M) - frame.row, int(begin.east // SURVEY_M) - frame.column
        assert inviting[begin.kind][row, column] > 0
    found = Counter(events)
    named = {kind for kind, factor in site.place.rates if factor > 0}
    assert set(found) == named < set(RULES)
    assert {part.kind for part in parts_of(region)} <= named
    for kind in kinds_of(site):
        expected = float(inviting[kind].sum()) * (SURVEY_M / 1000) ** 2 * float(yearly(site, kind).sum())
        assert abs(found[kind] - expected) < 3.5 * expected**0.5 + 1, kind


def test_rates_of_the_file_are_those_of_the_world() -> None:
    """`yearly` is what the simulator draws; weights bring it back to what the file says."""
    site = Site(1)
    for kind, rule in site.world.kinds.items():
        if kind not in kinds_of(site):
            continue
        drawn = yearly(site, kind)  # type: ignore[arg-type]
        assert drawn[-10 if kind != "bamboo" else 3] / rule.oversampled == pytest.approx(
            rule.per_km2_year * dict(site.place.rates)[kind]
        )
        if rule.grows:
            assert drawn[0] / drawn[-1] == pytest.approx(site.world.events.growth[0])
            assert drawn[2005 - 1985] / drawn[-1] == pytest.approx(site.world.events.growth[1])


def test_weights_times_losses_are_the_true_rate() -> None:
    """A mine is made three times too often: the weighted area of mines must be a third of the area on the map."""
    site, truth = Site(1), truth_in("madre-de-dios")
    for event in truth.events:
        rows, columns = (event.cells - [truth.grid.first_row, truth.grid.first_column]).T
        assert (truth.weight[rows, columns] <= np.float32(1 / event.oversampled)).all()
        assert event.oversampled == (site.world.kinds[event.kind].oversampled if event.kind in RULES else 1.0)
    untouched = np.ones(truth.grid.shape, bool)
    for happening in truth.happenings:
        untouched.flat[happening.cells] = False
    assert (truth.weight[untouched] == 1).all()
    assert 0 < (truth.weight < 1).mean() < 0.2


@pytest.mark.parametrize("kind", ["clearing", "logging", "bamboo", "landslide", "peat-clearing"])
def test_patches_have_the_sizes_of_the_file(kind: str) -> None:
    rule = Site(1).world.kinds[kind]
    areas = np.array([p.patch.area_ha for region in REGIONS for p in parts_of(region) if p.kind == kind])
    median, sd, least, most = rule.hectares
    assert len(areas) > 30
    assert areas.min() >= least * 0.999
    assert areas.max() <= most * 1.001
    assert abs(np.log(np.median(areas) / median)) < 3 * 1.2533 * sd / len(areas) ** 0.5 + 0.02
    assert np.log(areas).std() < sd * 1.05


@pytest.mark.parametrize(("region", "least", "most"), [("madre-de-dios", 0.84, 0.95), ("loreto-peatland", 0.25, 0.42)])
def test_fellings_keep_to_the_season_of_the_region(region: str, least: float, most: float) -> None:
    days = [p.days[0] for p in parts_of(region) if p.kind == "clearing"]
    season = np.array([121 <= to_date(day).timetuple().tm_yday <= 243 for day in days])
    assert least < season.mean() < most


@pytest.mark.parametrize("variant", ["open", "blind"])
def test_no_event_reaches_farther_than_a_block_and_all_courses_rise(variant: str) -> None:
    for region in REGIONS:
        site = Site(3, region, variant)  # type: ignore[arg-type]
        grid = grid_of(region, 256, 256)
        parts = events_in(site, grid)
        assert parts
        first = {b.event: b for b in beginnings(site, (grid.first_row // 64 - 1, grid.first_column // 64 - 1), (7, 7))}
        for part in parts:
            assert len(part.days) == len(part.becomes) == 12
            assert all(a <= b for a, b in pairwise(part.days)), part
            begin = first.get(part.event)
            if begin is not None:
                away = np.hypot(part.patch.south - begin.south, part.patch.east - begin.east)
                assert away + part.patch.reach <= site.world.land.block_m, part.kind


@pytest.mark.parametrize("region", REGIONS)
def test_forest_types_have_the_shares_of_the_region(region: str) -> None:
    """Over a quarter of a million km2, looked at every 60 m along thin strips, away from rivers and roads."""
    site, found, cells = Site(1, region), Counter[int](), 0
    land = site.world.land
    for seed in range(12):
        strip = terrain(replace(site, seed=seed), Frame(-150_000 + 977 * seed, 6_000, (40, 2560), SURVEY_M))
        away = np.abs(strip.river) > land.river_half_width_m + land.levee_m + land.scroll_years * 30
        away &= np.abs(strip.highway) > land.valley_m[1]
        if site.place.relief:
            away &= np.abs(strip.river) > land.valley_m[1]
        cells += int(away.sum())
        found.update(strip.surface[away & woody(site)[strip.surface]].tolist())
    for name, share in site.place.forest:
        assert abs(found[Surface[name.upper()]] / cells - share) < 0.07, (name, found)
    assert set(found) <= {Surface[n.upper()] for n, _ in site.place.forest} | {0, *range(8, 12)}


def test_swamp_lies_behind_the_levee_and_all_palm_swamp_floods() -> None:
    site = Site(1, "loreto-peatland")
    land = terrain(site, Frame(-316_000, 16_000, (512, 512), 30))
    swamp = np.isin(land.surface, (Surface.AGUAJAL, Surface.POLE_FOREST))
    bank = np.abs(land.river) - site.world.land.river_half_width_m
    assert not swamp[bank <= site.world.land.levee_m].any()
    inner = (bank > 400) & (bank < 2500)
    assert swamp[inner].mean() > swamp[bank > 5000].mean()
    assert (land.height[land.surface == Surface.AGUAJAL] < 0.9).mean() > 0.99
    assert (land.height[(bank > 1500) & ~swamp] > 2).all()


def test_hills_are_steep_and_valleys_are_not() -> None:
    land = terrain(MAYO, frame_of(grid_of("alto-mayo", 512, 512)))
    valley = np.minimum(np.abs(land.river), np.abs(land.highway)) < MAYO.world.land.valley_m[0]
    assert not land.slope[:, valley].any()
    hills = np.minimum(np.abs(land.river), np.abs(land.highway)) > MAYO.world.land.valley_m[1]
    assert abs(land.slope[:, hills].std() - MAYO.place.relief) < 0.06
    assert (land.surface[hills] != Surface.TERRA_FIRME).all()
    flat = terrain(Site(1), frame_of(grid_of("madre-de-dios", 40, 40)))
    assert not flat.slope.any()


def test_pasture_and_coffee_line_the_highway_and_thin_out() -> None:
    near, far = Counter[int](), Counter[int]()
    for seed in range(6):
        land = terrain(Site(seed, "alto-mayo"), Frame(-312_000, 8_000, (512, 128), 30))
        near.update(land.surface[(np.abs(land.highway) > 60) & (np.abs(land.highway) < 600)].tolist())
        far.update(land.surface[np.abs(land.highway) > 4000].tolist())
    place, total = MAYO.place, near.total()
    assert abs(near[Surface.PASTURE] / total - place.pasture_share) < 0.1
    coffee = near[Surface.SUN_COFFEE] + near[Surface.SHADE_COFFEE]
    assert abs(coffee / total - place.coffee_share) < 0.1
    assert far[Surface.PASTURE] / far.total() < 0.02


# rivers


def test_rivers_take_five_to_thirty_metres_a_year_in_the_wet_season_and_keep_their_width() -> None:
    site = Site(1)
    land = landscape(site, grid_of("madre-de-dios", 512, 512))
    here = terrain(site, frame_of(land.grid))
    taken = (land.river_from > 0) & (land.river_from < NEVER)
    years = (land.river_from[taken] - to_day(date(1985, 1, 1))) / DAYS_A_YEAR
    speed = (np.abs(here.river[taken]) - site.world.land.river_half_width_m) / np.maximum(years, 1)
    low, high = site.world.land.erosion_m_year
    assert speed.max() <= high * 1.05
    assert low < np.median(speed) < high
    peak = site.place.stage_peak_day
    away = np.array(
        [(to_date(d).timetuple().tm_yday - peak + 183) % 365 - 183 for d in land.river_from[taken].tolist()]
    )
    assert np.abs(away).max() <= site.world.land.wet_season_days // 2 + 1
    width = [(surface_on(land, to_day(date(year, 7, 1))) == Surface.RIVER).sum() for year in (1985, 2010, 2030)]
    assert abs(width[2] / width[0] - 1) < 0.25
    assert abs(width[1] / width[0] - 1) < 0.25


def test_what_the_river_takes_is_water_and_what_it_leaves_is_sand_then_growth() -> None:
    land = land_of_river()
    cells = (land.river_from > to_day(date(1990, 1, 1))) & (land.river_until < to_day(date(2025, 1, 1)))
    cells &= land.river_from < land.river_until
    y, x = next(zip(*np.nonzero(cells), strict=True))
    come, leave = int(land.river_from[y, x]), int(land.river_until[y, x])
    seen = [Surface(surface_on(land, leave + int(age * DAYS_A_YEAR))[y, x]) for age in (0.1, 2, 4.2, 6.5, 9.5)]
    growing = [Surface.SAND, Surface.SAND, Surface.SECONDARY_1, Surface.SECONDARY_3, Surface.SECONDARY_6]
    known = [age for age in (0.1, 2, 4.2, 6.5, 9.5) if leave + age * DAYS_A_YEAR < FOREVER]
    assert seen[: len(known)] == growing[: len(known)]
    assert surface_on(land, come)[y, x] == Surface.RIVER
    assert surface_on(land, come - 1)[y, x] != Surface.RIVER
    assert surface_on(land, leave - 1)[y, x] == Surface.RIVER


@cache
def land_of_river() -> Landscape:
    return landscape(Site(1, "loreto-peatland"), grid_of("loreto-peatland", 512, 512))


def test_sand_lies_on_one_bank_only() -> None:
    site = Site(1, "loreto-peatland")
    here, now = terrain(site, frame_of(land_of_river().grid)), surface_on(land_of_river(), to_day(date(2000, 7, 1)))
    rows = [y for y in range(512) if (now[y] == Surface.SAND).any() and (now[y] == Surface.RIVER).any()]
    assert rows
    sides = [
        np.sign(here.river[y, now[y] == Surface.SAND] - here.river[y, now[y] == Surface.RIVER].mean()) for y in rows
    ]
    assert np.mean([abs(side.mean()) for side in sides]) > 0.9


# the ground, day by day


@pytest.mark.parametrize("region", REGIONS)
def test_a_loss_shows_only_after_its_day_and_only_in_its_cells(region: str) -> None:
    land, truth = landscape(Site(1, region), truth_in(region).grid), truth_in(region)
    before, forest = surface_on(land, to_day(START) - 1), woody(Site(1, region))
    opened = np.zeros(truth.grid.shape, bool)  # gaps of logging are felled, and yet the forest stands
    for happening in truth.happenings:
        if happening.driver == "logging" or (happening.driver == "blowdown" and happening.ignored):
            opened.flat[happening.cells] = True
    assert (before == truth.surface).mean() > 0.999
    for year in range(2019, 2024):
        for month in (3, 8):
            day = to_day(date(year, month, 17))
            standing = forest[surface_on(land, day)]
            lost = (truth.loss_day >= 0) & (truth.loss_day <= day)
            thrown = truth.driver == DRIVERS.index("blowdown")  # its dead wood is gone within months
            assert not standing[lost & ~thrown & (truth.loss_day > day - 60)].any()
            fallen = truth.forest & ~standing & ~opened
            assert lost[fallen].all()


def test_a_clearing_is_debris_then_bare_then_used_or_regrowing() -> None:
    land, ends = land_of("madre-de-dios"), Counter[int]()
    for number in np.unique(land.conversions.owner[land.conversions.cover >= 0.99])[1:].tolist():
        part = land.conversions.parts[number]
        cells = (land.conversions.owner == number) & (land.conversions.cover >= 0.99) & (land.river_from == NEVER)
        if part.kind != "clearing" or not cells.any() or part.days[0] > to_day(date(2026, 1, 1)):
            continue
        day = part.days[0]
        assert woody(Site(1))[surface_on(land, day - 1)[cells]].all()
        assert (surface_on(land, day)[cells] == Surface.FELLED).all()
        assert np.isin(surface_on(land, part.days[2])[cells], (Surface.BURNT, Surface.BARE)).all()
        ends.update(surface_on(land, day + 1200)[cells].tolist())
    assert {Surface.PASTURE, Surface.CROP, Surface.SECONDARY_3} <= set(ends)


def test_regrowth_follows_its_years_and_is_cleared_again_as_often_as_the_file_says() -> None:
    site, ages, again, years = Site(1, "loreto-peatland"), list[float](), 0, 0.0
    low, high = site.world.events.regrowth_years
    for part in parts_of("loreto-peatland"):
        codes = [int(code) for code in part.becomes]
        if part.kind not in ("clearing", "peat-clearing") or not {6, 7, 8} & set(codes[4:]):
            continue
        green = part.days[3]
        # The second felling is one that follows at least one day of something green.
        second = next((d for d, c in zip(part.days[4:], codes[4:], strict=True) if c == Surface.FELLED), FOREVER)
        horizon = to_day(date(2031, 1, 1))
        again += second < horizon
        years += (min(second, horizon) - green) / DAYS_A_YEAR
        if Surface.SECONDARY_10 in codes[4:]:
            ages.append((part.days[codes.index(Surface.SECONDARY_10)] - green) / DAYS_A_YEAR / 10)
    assert low - 0.01 <= min(ages) < max(ages) <= high + 0.01
    hazard = site.world.events.reclearing_per_year
    # fields cleared again before their first year are not in the list: the bound is loose on the lower side
    assert 0.6 * hazard < again / years < 1.25 * hazard


@pytest.mark.parametrize(("kind", "months"), [("logging", 15), ("blowdown", 15), ("fire", 37)])
def test_degradation_closes(kind: str, months: int) -> None:
    parts = [part for region in REGIONS for part in parts_of(region) if part.kind == kind]
    assert parts
    for part in parts:
        closed = next(
            d for d, now, was in zip(part.days[1:], part.becomes[1:], part.becomes, strict=False) if was > now == 0
        )
        assert closed - part.days[0] <= months * 31
        assert max(part.becomes) == 1.0
        assert part.becomes[-1] == 0


def test_blowdown_is_half_gone_at_four_months() -> None:
    part = next(p for p in parts_of("loreto-peatland") if p.kind == "blowdown")
    layer = Layer((part,), *(np.zeros((1, 1), t) for t in (np.int32, np.float32, np.float32)), *course(part))
    gone = [float(strength(layer, part.days[0] + day)[0]) for day in (-1, 0, 120, 285, 450)]
    assert gone == pytest.approx([0, 1, 0.5, 0.25, 0])


def course(part: Part) -> tuple[NDArray[np.int32], Float, NDArray[np.uint8]]:
    return np.array([part.days], np.int32), np.array([part.becomes], np.float32), np.array([part.into], np.uint8)


def test_bamboo_dies_off_once_in_a_cycle_and_slowly() -> None:
    parts = [p for p in parts_of("madre-de-dios") if p.kind == "bamboo"]
    low, high = Site(1).world.events.bamboo_ramp_days
    for part in parts:
        assert low <= part.days[1] - part.days[0] <= high
        assert abs((part.days[4] - part.days[0]) / DAYS_A_YEAR - 28) < 0.1
    layer = landscape(Site(1), grid_of("madre-de-dios", 512, 512)).partials
    mine = np.array([p.kind == "bamboo" for p in layer.parts] + [False])[layer.owner]
    firsts = np.array([p.days[0] for p in layer.parts] + [0])[layer.owner[mine]]
    # area that dies in the first and in the second half of the cycle: neither half is preferred
    early = float((firsts < to_day(date(1999, 1, 1))).mean())
    assert 0.25 < early < 0.75


def test_logging_opens_single_gaps_and_the_share_of_the_file() -> None:
    low, high = Site(1).world.events.logging_share
    means, gaps = [], []
    for region in REGIONS:
        layer = landscape(Site(1, region), grid_of(region, 600, 600, 10)).partials
        for number, part in enumerate(layer.parts):
            cells = (layer.owner == number) & (layer.cover >= 0.99)
            if part.kind == "logging" and cells.sum() > 400:
                means.append((float(layer.share[cells].mean()), part.share))
                gaps.append(float((layer.share[cells] > 0.5).mean()))
    assert len(means) >= 5
    found, wanted = np.array(means).T
    assert low <= wanted.min() <= wanted.max() <= high
    assert abs((found - wanted).mean()) < 0.05
    assert np.corrcoef(found, wanted)[0, 1] > 0.6
    assert np.mean(gaps) < 0.3
    assert max(gaps) < 0.55


@pytest.mark.parametrize("share", [0.05, 0.15, 0.3])
def test_gaps_have_the_mean_they_are_asked_for(share: float) -> None:
    level = _threshold(2, share)
    draws = np.random.default_rng(1).standard_normal(200_000)
    assert abs(np.clip(draws - level, 0, 1).mean() - share) < 0.004


def test_nothing_happens_on_pasture_water_or_roads() -> None:
    for region in REGIONS:
        land = land_of(region)
        bare = ~woody(Site(1, region))[land.surface]
        for layer in (land.conversions, land.partials):
            assert not layer.cover[bare].any()
            starts = np.append(layer.days[:, 0], 0)[layer.owner]
            assert (starts < land.river_from)[layer.owner >= 0].all()


def test_mixtures_are_straight_and_floods_soak_by_surface() -> None:
    land = land_of("madre-de-dios")
    day = to_day(date(2022, 9, 1))
    dry, wet = values_on(land, day), values_on(land, day, 1.0)
    world = Site(1).world
    np.testing.assert_allclose(wet[3] - dry[3], world.spectra.flooded[3], atol=0.02)
    quiet = (land.conversions.owner < 0) & (land.partials.owner < 0) & (land.surface == 0) & (land.river_until == NEVER)
    level, spread = (world.table(name)[0] for name in ("reflectance", "spread"))
    wanted = level[:, None] + spread[:, None] * land.offset[:, quiet]
    np.testing.assert_allclose(dry[:, quiet], wanted, rtol=1e-5, atol=0.01)
    fading = (land.conversions.cover > 0.4) & (land.conversions.cover < 0.6) & (land.partials.owner < 0)
    codes = np.append(land.conversions.days[:, 0] <= day, False)[land.conversions.owner]
    assert (fading & codes).any()


def test_offsets_are_standard_normals_and_correlated_by_stand() -> None:
    land = landscape(Site(4), grid_of("madre-de-dios", 400, 400))
    assert abs(land.offset.std() - 1) < 0.05
    assert abs(land.echo.std() - 1) < 0.05
    assert (land.offset[3, 1:] * land.offset[3, :-1]).mean() > 0.3
    assert abs((land.offset[0] * land.offset[3]).mean()) < 0.1
    assert (land.echo[0] * land.echo[1]).mean() > 0.4


# shapes


def cover(patch: Patch, grid: Grid) -> Float:
    """(y, x) share of each cell that lies inside the patch, whose outline nothing frays."""
    flat, never = np.zeros(grid.shape, np.float32), np.full(grid.shape, NEVER, np.int32)
    part = Part("clearing-1", "clearing", patch, (0,) * KNOTS, (0.0,) * KNOTS)
    return rasterise([part], grid, never > 0, never, Texture(flat, flat, flat, flat), (1.0, 0.0, 0.0))[1]


@pytest.mark.parametrize("resolution", [10, 30])
@pytest.mark.parametrize("lobed", [False, True])
def test_a_patch_covers_its_area(lobed: bool, resolution: int) -> None:
    grid = Grid("EPSG:32719", 0, 1200, resolution, (1200 // resolution,) * 2)
    centre = (-600.0, 600.0)
    draws = (0.7, -1.1, 0.2, 1.5, -0.4, 0.3, 1.0, -2.0)
    patch = star_of(centre, 20.0, 1.3, 0.7, draws) if lobed else patch_of(centre, 20.0, 1.3, 0.7, 0.0)
    covered = cover(patch, grid).sum() * resolution**2 / 10_000
    assert patch.area_ha == pytest.approx(20.0)
    assert covered == pytest.approx(20.0, rel=0.03)
    south = (np.arange(grid.shape[0]) + 0.5) * resolution - 600
    away = np.hypot(south[:, None], south[None, :])
    assert not cover(patch, grid)[away > patch.reach + 2 * resolution].any()


def test_a_track_narrower_than_a_cell_does_not_fill_it() -> None:
    grid = Grid("EPSG:32719", 0, 600, 30, (20, 20))
    track = replace(patch_of((-315.0, 315.0), 1.0, 1.0, 0.0, 0.0), half_length=400.0, half_width=6.0)
    seen = cover(track, grid)
    assert seen.max() == pytest.approx(12 / 30)
    assert seen.sum(0).mean() * 30 == pytest.approx(12, rel=0.25)


@pytest.mark.parametrize("shape", ["rounded", "lobed"])
def test_the_world_says_which_shape_patches_have(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Site(1).world
    changed = replace(world, land=replace(world.land, shape=shape))
    monkeypatch.setattr(Site, "world", property(lambda _: changed))
    grid = grid_of("madre-de-dios", 64, 64)
    clearings = [part.patch for part in events_in(Site(1), grid) if part.kind == "clearing"]
    assert clearings
    assert {bool(patch.lobes) for patch in clearings} == {shape == "lobed"}
    whole, part = (landscape.__wrapped__(Site(1), g) for g in (grid, grid.window(20, 11, 13, 17)))
    np.testing.assert_array_equal(part.conversions.cover, whole.conversions.cover[20:33, 11:28])


# truth


@pytest.mark.parametrize("region", REGIONS)
def test_truth_holds_together_and_nothing_is_lost_twice(region: str) -> None:
    truth = truth_in(region)
    lost = np.zeros(truth.grid.shape, np.int64)
    stands = np.zeros(truth.grid.shape, np.int64)  # day on which forest stands there again
    over = Site(1, region).world.events.blowdown_over_days
    for event in truth.events:
        rows, columns = (event.cells - [truth.grid.first_row, truth.grid.first_column]).T
        assert truth.forest[rows, columns].all()
        assert event.start <= event.end
        assert event.area_ha == pytest.approx(len(event.cells) * 0.09)
        assert event.stratum in {stratum.name.lower() for stratum in Stratum}
        if event.change_class in ("loss", "natural loss"):
            lost[rows, columns] += 1
            assert (stands[rows, columns] <= to_day(event.start)).all(), event
            stands[rows, columns] = to_day(event.end) + over if event.kind == "blowdown" else FOREVER
            assert (truth.loss_day[rows, columns] >= to_day(START)).all()
    np.testing.assert_array_equal(lost > 0, truth.loss_day >= 0)
    np.testing.assert_array_equal(lost > 0, truth.driver != NOTHING)
    assert (lost > 1).mean() < 0.001
    assert len({event.id for event in truth.events}) == len(truth.events)
    assert [event.start for event in truth.events] == sorted(event.start for event in truth.events)
    assert {event.change_class for event in truth.events} == {"loss", "natural loss", "degradation", "not loss"}


def test_every_driver_is_judged_as_it_should() -> None:
    wanted = {kind: rule.change for kind, rule in RULES.items()} | {
        "river-erosion": "natural loss",
        "flood": "not loss",
    }
    seen = {(e.kind, e.change_class) for region in REGIONS for e in truth_in(region).events}
    assert seen <= set(wanted.items())
    assert {"clearing", "logging", "fire", "bamboo", "flood", "river-erosion", "palm-felling", "drainage"} <= {
        driver for driver, _ in seen
    }
    assert {change for driver, change in seen if driver == "bamboo"} == {"not loss"}


def test_strata_are_put_right_where_the_land_has_changed() -> None:
    truth = truth_in("alto-mayo")
    assert (truth.stratum[~truth.forest & (truth.stratum != Stratum.COFFEE)] == Stratum.OTHER).all()
    assert (truth.stratum[truth.forest] != Stratum.OTHER).all()
    assert {Stratum.INTACT, Stratum.STEEP, Stratum.MOSAIC, Stratum.RIVER, Stratum.SECONDARY, Stratum.COFFEE} <= set(
        np.unique(truth.stratum).tolist()
    )
    assert Stratum.SWAMP in truth_in("loreto-peatland").stratum
    assert Stratum.BAMBOO in truth_in("madre-de-dios").stratum


@pytest.mark.parametrize("region", REGIONS)
def test_series_have_the_windows_of_their_cells(region: str) -> None:
    site, truth = Site(1, region), truth_in(region)
    made = series_truth(site, truth, date(2020, 1, 1), date(2022, 12, 31))
    cells = np.flatnonzero(truth.forest)
    assert made.many == len(cells)
    assert made.strata[0] == "other"
    assert not (made.stratum == 0).any()
    keys = made.window_series * 100_000 + made.window_start
    assert (np.diff(keys) >= 0).all()
    assert (made.window_end >= made.window_start).all()
    assert (made.window_end <= made.observed_until[made.window_series]).all()
    hard = {"bamboo", "flood"}
    names = np.array([DRIVERS[code] in hard for code in range(len(DRIVERS))])
    np.testing.assert_array_equal(made.window_loss, ~names[made.window_driver])
    loss = truth.loss_day.ravel()[cells]
    plain = made.window_loss & ~made.window_ignored & np.isin(made.window_driver, [DRIVERS.index("clearing")])
    assert plain.any()
    np.testing.assert_array_equal(made.window_start[plain], loss[made.window_series[plain]])
    assert (made.window_end[plain] == to_day(date(2022, 12, 31))).all()
    assert (made.window_start[plain] >= to_day(date(2020, 1, 1))).all()
    inside = (loss >= to_day(date(2020, 1, 1))) & (loss <= to_day(date(2022, 12, 31)))
    counted = np.zeros(made.many, bool)
    counted[made.window_series[made.window_loss & ~made.window_ignored]] = True
    assert counted[inside].all()
    early = made.window_loss & (made.window_start < to_day(date(2020, 1, 1)))
    assert made.window_ignored[early].all()
    assert made.block.max() < 2**31 - 1
    assert len(np.unique(made.block)) >= 4 * 8
    assert (made.weight > 0).all()
    assert made.weight.max() == 1


def test_no_window_reaches_the_next_loss_of_its_series() -> None:
    for region in REGIONS:
        made = series_truth(Site(1, region), truth_in(region))
        lost = made.window_loss & ~made.window_ignored
        same = made.window_series[1:] == made.window_series[:-1]
        next_loss = same & lost[1:] & np.isin(made.window_driver[1:], [DRIVERS.index("clearing")])
        assert (made.window_end[:-1] < made.window_start[1:])[
            next_loss & (made.window_start[1:] > made.window_start[:-1])
        ].all()


def test_events_have_numbers_that_no_other_has() -> None:
    numbers = Counter[int]()
    for region in REGIONS:
        made = series_truth(Site(1, region), truth_in(region))
        numbers.update(np.unique(made.window_event).tolist())
    told = {h.event for region in REGIONS for h in truth_in(region).happenings}
    assert len(numbers) == len(told)


def test_a_flood_comes_once_a_season_in_the_wet_months() -> None:
    truth = truth_in("loreto-peatland")
    floods = [event for event in truth.events if event.kind == "flood"]
    assert 5 <= len(floods) <= 7
    for event in floods[1:-1]:
        assert to_day(event.start) < to_day(date(int(event.id[-4:]), 4, 30)) < to_day(event.end)
    swamp = (truth.surface == Surface.AGUAJAL) & truth.forest
    wet = np.zeros(truth.grid.shape, bool)
    for happening in truth.happenings:
        if happening.driver == "flood":
            wet.flat[happening.cells] = True
            assert not (truth.loss_day.flat[happening.cells] >= 0)[
                truth.loss_day.flat[happening.cells] <= happening.end
            ].any()
    assert wet[swamp].mean() > 0.9


def test_a_period_that_is_not_simulated_is_refused() -> None:
    grid = grid_of("alto-mayo", 10, 10)
    for start, end in (
        (date(1984, 1, 1), date(1990, 1, 1)),
        (date(2020, 1, 1), date(2020, 1, 1)),
        (START, date(2040, 1, 1)),
    ):
        with pytest.raises(BadInput, match="truth: .* is no period within 1985-01-01 and 2031-01-01"):
            truth_of(MAYO, grid, start, end)
    with pytest.raises(BadInput, match="judge what is known"):
        series_truth(MAYO, truth_of(MAYO, grid, START, END), date(2018, 1, 1))


def test_a_truth_without_anything_is_a_truth() -> None:
    truth = truth_of(MAYO, grid_of("alto-mayo", 2, 2), START, date(2019, 1, 2))
    made = series_truth(MAYO, truth)
    assert made.many == truth.forest.sum()
    assert len(made.window_series) == sum(len(h.cells) for h in truth.happenings)
