"""Optical looks of the simulated land: the same bits however it is cut, the measured sky, the measured forest.

The land is a stand-in of a few lines, so that these tests say nothing about the landscape; the last ones use the real.
"""

import math
from datetime import date
from itertools import islice, pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.errors import BadInput, GridMismatch
from detection.prepare.harmonise import harmonised
from detection.simulator import optical, sky, weather
from detection.simulator.draws import Frame, Stream, noise
from detection.simulator.landscape import landscape
from detection.simulator.means import reflectance
from detection.simulator.optical import RIM, Shot, quantiles, shoot
from detection.simulator.orbits import Look, looks
from detection.simulator.parameters import BANDS, REGIONS, Noise, Surface, Variant
from detection.simulator.site import VARIANTS, Site
from detection.simulator.weather import Hidden
from detection.sources.sensors import SENSORS
from detection.types import SECONDS_A_DAY, Float, Grid, Mask, to_day

GRID = Grid("EPSG:32719", 366_000, 8_590_440, 30, (64, 60))
CELL = Frame(GRID.first_row, GRID.first_column, (1, 1), 30)
COARSE = Frame(-5000, 3000, (1, 1), 240)
"""One cell for statistics of the sky: larger cells need a smaller margin for the shadow."""
OPTICAL = ("landsat", "sentinel-2")
SITE = Site(1)


def instant(*ymd: int) -> int:
    return to_day(date(*ymd)) * SECONDS_A_DAY + 53_100


def look_of(site: Site, platform: str, *ymd: int) -> Look:
    """The platform's first look from this date on."""
    start = to_day(date(*ymd))
    return next(k for k in looks(site, start, start + 400, OPTICAL) if k.scene.platform == platform)


def smooth(site: Site, grid: Grid, number: int, length: int) -> Float:
    frame = Frame(grid.first_row, grid.first_column, grid.shape, grid.resolution)
    return noise(frame, (site.key(Stream.PLOT, number), length, 1.0))


def plain(site: Site, grid: Grid, surface: Surface | None = Surface.TERRA_FIRME) -> SimpleNamespace:
    """A land of one surface, or of them all; half of the variance in space is white, bands go together in groups."""
    groups = [[smooth(site, grid, 10 + g, length) for length in (0, 240)] for g in range(2)]
    own = [[smooth(site, grid, 20 + b, length) for length in (0, 240)] for b in range(6)]
    shared = (0.7, 0.7, 0.7, 0.6, 0.6, 0.6)
    offset = np.stack([
        sum(math.sqrt(s / 2) * groups[b // 3][i] + math.sqrt((1 - s) / 2) * own[b][i] for i in range(2))
        for b, s in enumerate(shared)
    ]).astype(np.float32)  # fmt: skip
    mixed = surface is None
    codes = np.clip(np.rint(13 + 8 * smooth(site, grid, 1, 240)), 0, len(Surface) - 1).astype(np.uint8)
    return SimpleNamespace(
        grid=grid,
        offset=offset,
        surface=codes if mixed else np.full(grid.shape, surface, np.uint8),
        height=0.5 + smooth(site, grid, 2, 480) if mixed else np.full(grid.shape, 9, np.float32),
        slope=np.stack([0.3 * smooth(site, grid, 3 + i, 240) for i in range(2)]),
    )


def standing(land, day, level, spread, soak, offset, wet):  # type: ignore[no-untyped-def]
    """`ground` without events: what stood there at first, under water."""
    code = land.surface
    channels = range(level.shape[1])
    values = [level[code, c] + spread[code, c] * offset[c] + wet * soak[code, c] for c in channels]
    return np.array(values, np.float32).reshape(level.shape[1], *code.shape), code.copy()


@pytest.fixture(autouse=True)
def stand_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "real_land" not in request.fixturenames:
        monkeypatch.setattr(optical, "ground", standing)


@pytest.fixture
def real_land() -> None:
    """The landscape and the ground of the simulator itself."""


def physical(look: Look, shot: Shot) -> Float:
    sensor = SENSORS[look.sensor]
    values = np.asarray((shot.numbers.astype(np.float64) + look.added) * sensor.scale + sensor.offset, np.float32)
    return np.where(shot.hidden == Hidden.STRIPE, np.nan, values)


def unclouded(site: Site, seen: tuple[Look, ...], frame: Frame = COARSE) -> Mask:
    """(look, x) is the first row of the frame free of cloud and of its shadow?"""
    rows = []
    for look in seen:
        sheet = sky.clouds(site, frame, look.scene.instant)
        m, (down, right), wide = sheet.margin, sheet.shadow, frame.shape[1]
        above = sheet.latent[m, m : m + wide] - sheet.start
        shade = sheet.latent[m - down, m - right : m - right + wide] - sheet.start
        rows.append((above < 0) & (shade < site.world.clouds.shadow_from))
    return np.stack(rows)


# Who flies over when


def test_platforms_fly_while_they_are_in_service_and_on_their_days() -> None:
    every = looks(SITE, to_day(date(1980, 1, 1)), to_day(date(2031, 1, 1)))
    for name, platform in SITE.world.platforms.items():
        days = np.array(sorted(k.scene.day for k in every if k.scene.platform == name))
        assert days[0] >= to_day(date.fromisoformat(platform.first)), name
        # a hole of a month and two scenes lost at most before the first and after the last
        assert days[0] - to_day(date.fromisoformat(platform.first)) < 31 + 6 * platform.revisit, name
        if platform.last:
            assert 0 <= to_day(date.fromisoformat(platform.last)) - days[-1] < 31 + 6 * platform.revisit, name
        for number in {k.orbit for k in every if k.scene.platform == name}:
            one = np.array([k.scene.day for k in every if k.scene.platform == name and k.orbit == number])
            assert (np.diff(one) % platform.revisit == 0).all()
    known = {
        "landsat-5": (1984, 2011), "landsat-7": (1999, 2022), "landsat-8": (2013, 2030), "landsat-9": (2021, 2030),
        "sentinel-2a": (2015, 2025), "sentinel-2b": (2017, 2030), "sentinel-2c": (2025, 2030),
        "sentinel-1a": (2014, 2030), "sentinel-1b": (2016, 2021), "sentinel-1c": (2025, 2030),
    }  # fmt: skip
    found = {name: [k.scene.when.year for k in every if k.scene.platform == name] for name in known}
    assert {name: (min(years), max(years)) for name, years in found.items()} == known
    b = [k.scene.when.date() for k in every if k.scene.platform == "sentinel-1b"]
    assert max(b) <= date(2021, 12, 23)
    assert min(k.scene.when.date() for k in every if k.scene.platform == "sentinel-1c") >= date(2025, 3, 26)


def test_satellites_of_a_family_share_the_days_among_them() -> None:
    """Landsat 8 and 9 together fly a path every 8 days, Sentinel-2A and B every 5; the next path seven days later."""
    seen = looks(SITE, to_day(date(2023, 1, 1)), to_day(date(2024, 1, 1)))
    for names, apart in ((("landsat-8", "landsat-9"), 8), (("sentinel-2a", "sentinel-2b"), 5)):
        for number in {k.orbit for k in seen if k.scene.platform in names}:
            mine = [k for k in seen if k.scene.platform in names and k.orbit == number]
            for one, two in pairwise(mine):
                other = one.scene.platform != two.scene.platform
                assert (two.scene.day - one.scene.day) % (2 * apart) == (apart if other else 0)
    first, second = ({k.scene.day % 8 for k in seen if k.scene.orbit == str(n)} for n in (2, 3))
    assert {(day + 7) % 8 for day in first} == second


@pytest.mark.parametrize("region", REGIONS)
def test_looks_come_in_canonical_order_each_once(region: str) -> None:
    every = looks(Site(3, region), to_day(date(1990, 1, 1)), to_day(date(2027, 1, 1)))
    assert all(a.scene < b.scene for a, b in pairwise(every))
    assert len({k.scene.id for k in every}) == len({k.scene.instant for k in every}) == len(every)
    assert {k.path.family for k in every} == {"landsat", "sentinel-2", "sentinel-1"}
    for look in every:
        assert look.scene.orbit == f"{look.orbit:03d}" == f"{look.path.number:03d}"
        assert look.scene.id.startswith("SIM_")
        assert look.scene.id.endswith(f"_{look.orbit:03d}_{look.scene.when:%Y%m%d}")
        lifted = look.path.family == "sentinel-2" and look.scene.when.date() >= date(2022, 1, 25)
        assert look.added == (-1000 if lifted else 0)


@settings(max_examples=20, deadline=None)
@given(start=st.integers(12_000, 20_000), first=st.integers(0, 400), length=st.integers(0, 400))
def test_a_period_is_the_crop_of_a_longer_one(start: int, first: int, length: int) -> None:
    whole = looks(SITE, start, start + 800)
    part = looks(SITE, start + first, start + first + length)
    assert part == tuple(k for k in whole if start + first <= k.scene.day < start + first + length)
    landsat = looks(SITE, start, start + 800, ("landsat",))
    assert landsat == tuple(k for k in whole if k.path.family == "landsat")


def test_scenes_and_months_are_missing_as_often_as_the_file_says() -> None:
    start, end = to_day(date(2001, 1, 1)), to_day(date(2011, 1, 1))
    for name in ("landsat-5", "landsat-7"):
        platform = SITE.world.platforms[name]
        counts = [sum(k.scene.platform == name for k in looks(Site(s), start, end, ("landsat",))) for s in range(20)]
        planned = 2 * (end - start) / platform.revisit
        assert np.mean(counts) / planned == pytest.approx((1 - platform.missing) * (1 - platform.hole), abs=0.015)
    radar = looks(Site(2), to_day(date(2022, 1, 1)), to_day(date(2027, 1, 1)), ("sentinel-1",))
    one = [k.scene.day for k in radar if k.scene.platform == "sentinel-1a"]
    assert {24, 36} & set(np.diff(one).tolist())
    assert looks(Site(2), start, end) != looks(Site(3), start, end)


def test_two_paths_double_the_cadence() -> None:
    year = looks(SITE, to_day(date(2023, 1, 1)), to_day(date(2024, 1, 1)), ("landsat",))
    counts = {number: sum(k.orbit == number for k in year) for number in {k.orbit for k in year}}
    assert len(counts) == 2
    assert min(counts.values()) > 35
    with pytest.raises(BadInput, match="modis"):
        looks(SITE, 0, 1, ("modis",))


# The sky


@pytest.mark.parametrize("region", REGIONS)
def test_clear_fraction_follows_the_table_month_by_month(region: str) -> None:
    site, draws = Site(5, region), 600
    for month, wanted in enumerate(site.place.clear, 1):
        start = instant(2023, month, 2)
        scenes = [SimpleNamespace(scene=SimpleNamespace(instant=start + 2500 * i)) for i in range(draws)]
        clear = unclouded(site, scenes).mean()
        assert abs(clear - wanted) < 3 * math.sqrt(wanted * (1 - wanted) / draws), (region, month)


def test_a_month_without_a_clear_look_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    place = SimpleNamespace(clear=(0.0,) * 12)
    fake = SimpleNamespace(clouds=SITE.world.clouds, region={"nowhere": place})
    monkeypatch.setattr(sky, "world", lambda _: fake)
    assert sky.cloud_start("open", "nowhere", 11) == -sky.NEVER


def test_season_stage_and_sun_keep_the_calendar() -> None:
    site = Site(1, "loreto-peatland")
    year = [instant(2023, 1, 1) + d * SECONDS_A_DAY for d in range(365)]
    assert np.argmax([sky.season(site, i) for i in year]) == site.place.dry_peak_day - 1
    stages = np.mean([[sky.stage(Site(s, site.region), i) for i in year] for s in range(60)], 0)
    assert abs(int(np.argmax(stages)) - site.place.stage_peak_day) < 20
    assert stages.min() == pytest.approx(0, abs=0.08)
    assert stages.max() == pytest.approx(1, abs=0.08)
    for month, tilt in ((6, 23.44), (12, -23.44)):
        midnight = to_day(date(2023, month, 21)) * SECONDS_A_DAY
        heights = [math.hypot(*sky.sun(SITE, midnight + s)) for s in range(57_000, 65_000, 60)]
        # at noon the zenith angle is latitude minus declination; the corner of Madre de Dios lies at 12.66 S
        assert math.degrees(math.atan(min(heights))) == pytest.approx(abs(-12.66 - tilt), abs=0.2)
    east, north = sky.sun(SITE, instant(2023, 6, 21))
    assert east > 0  # ten in the morning
    assert north > 0


# One look


@settings(max_examples=20, deadline=None)
@given(
    row=st.integers(0, 40), column=st.integers(0, 40), rows=st.integers(1, 24), columns=st.integers(1, 20),
    which=st.sampled_from([
        ("landsat-5", 2005, 9), ("landsat-7", 2010, 7), ("landsat-8", 2024, 9), ("sentinel-2a", 2019, 8),
        ("sentinel-2b", 2024, 9),
    ]),
    seed=st.integers(0, 40), place=st.tuples(st.sampled_from(REGIONS), st.sampled_from(VARIANTS)),
)  # fmt: skip
def test_any_window_is_the_crop_of_the_whole(
    row: int, column: int, rows: int, columns: int, which: tuple[str, int, int], seed: int, place: tuple[str, Variant]
) -> None:
    site, (platform, year, month) = Site(seed, *place), which
    look = look_of(site, platform, year, month, 3)
    bands = SENSORS[look.sensor].bands
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optical, "ground", standing)
        big = shoot(site, plain(site, GRID.pad(RIM), None), look, bands)
        small = shoot(site, plain(site, GRID.window(row, column, rows, columns).pad(RIM), None), look, bands)
    inner = np.s_[row : row + rows, column : column + columns]
    rows, columns = big.hidden[inner].shape
    np.testing.assert_array_equal(small.numbers[:, :rows, :columns], big.numbers[:, *inner])
    np.testing.assert_array_equal(small.hidden[:rows, :columns], big.hidden[inner])
    np.testing.assert_array_equal(small.surface[:rows, :columns], big.surface[inner])


def test_thin_cloud_all_over_lets_the_ground_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cell is clear, none opaque: they must look as they do beside a clear one."""
    land, look = plain(SITE, GRID.pad(RIM), None), look_of(SITE, "landsat-8", 2023, 7, 1)
    thin = np.full(GRID.shape, 0.06, np.float32)
    hole = thin.copy()
    hole[0, 0] = -5
    shots = []
    for latent in (thin, hole, thin + 1):
        monkeypatch.setattr(sky, "clouds", lambda *_, field=latent: sky.Clouds(field, 0, (0, 0), 0.0))
        shots.append(shoot(SITE, land, look, BANDS))
    np.testing.assert_array_equal(shots[0].numbers[:, 1:], shots[1].numbers[:, 1:])
    assert (shots[0].hidden == Hidden.CLOUD).all()
    bare = np.isin(shots[0].surface, [Surface.BARE, Surface.SAND])
    assert bare.any()
    gap = [physical(look, s)[2][bare].mean() - physical(look, s)[2][~bare].mean() for s in (shots[0], shots[2])]
    assert gap[0] > 0.02 > abs(gap[1])
    assert physical(look, shots[2]).mean() > 0.5


@pytest.mark.parametrize("platform", ["landsat-7", "landsat-8", "sentinel-2a"])
def test_a_band_does_not_depend_on_the_others(platform: str) -> None:
    land = plain(SITE, GRID.pad(RIM), None)
    for look in _clear_looks(SITE, platform, 3):
        bands = SENSORS[look.sensor].bands
        every = shoot(SITE, land, look, bands).numbers
        for some in [(band,) for band in bands] + [bands[::-1], bands[::2], ()]:
            shot = shoot(SITE, land, look, some)
            assert shot.numbers.shape == (len(some), *GRID.shape)
            for plane, band in zip(shot.numbers, some, strict=True):
                np.testing.assert_array_equal(plane, every[bands.index(band)])


def _clear_looks(site: Site, platform: str, count: int) -> list[Look]:
    """Looks of one platform at which the grid's first cell is clear, the first of five years."""
    first = {"landsat-5": 2004, "landsat-7": 2004, "landsat-9": 2022}.get(platform, 2018)
    seen = looks(site, to_day(date(first, 1, 1)), to_day(date(first + 5, 1, 1)), OPTICAL)
    mine = (k for k in seen if k.scene.platform == platform)
    return list(islice((k for k in mine if unclouded(site, (k,), CELL)[0, 0]), count))


def test_bad_bands_and_lands_are_refused() -> None:
    look, land = look_of(SITE, "landsat-8", 2023, 7, 1), plain(SITE, GRID.pad(RIM))
    with pytest.raises(BadInput, match="rededge1"):
        shoot(SITE, land, look, ("nir", "rededge1"))
    with pytest.raises(GridMismatch, match="inside"):
        shoot(SITE, plain(SITE, GRID.window(0, 0, 2, 9)), look, ("nir",))


def test_quality_tells_the_hidden_cloud_but_for_the_stated_errors() -> None:
    """Undetected contamination .5 %, false cloud over bright ground, Sentinel-2's false shadow over dark ground."""
    model = SITE.world.clouds
    for platform in ("landsat-8", "sentinel-2a"):
        hidden, masked, bright, dark = [], [], [], []
        for seed in range(3):
            site = Site(seed)
            land = plain(site, GRID.pad(RIM), None)
            for look in _clear_looks(site, platform, 12):
                sensor = SENSORS[look.sensor]
                shot = shoot(site, land, look, (sensor.qa_band,))
                qa = shot.numbers[0]
                bits = sum(1 << bit for bit in sensor.qa_masked_bits)
                masked.append(qa & bits != 0 if bits else np.isin(qa, sensor.qa_masked_classes))
                hidden.append(shot.hidden)
                covers = [site.world.surface[s.name.lower()] for s in Surface]
                bright.append(np.array([c.bright for c in covers])[shot.surface])
                dark.append(np.array([c.dark or c.water for c in covers])[shot.surface])
        h, m, b, d = (np.stack(a) for a in (hidden, masked, bright, dark))
        truly = np.isin(h, (Hidden.CLOUD, Hidden.EDGE, Hidden.SHADOW))
        false = np.isin(h, (Hidden.FALSE_CLOUD, Hidden.FALSE_SHADOW))
        np.testing.assert_array_equal(m, truly | false)
        assert not (h == Hidden.FALSE_CLOUD)[~b].any()
        assert not (h == Hidden.FALSE_SHADOW)[~d].any()
        assert (h == Hidden.CONTAMINATED)[~truly].mean() == pytest.approx(model.contaminated_odds, rel=0.3)
        assert (h == Hidden.FALSE_CLOUD)[b & ~truly].mean() == pytest.approx(model.false_cloud_odds, rel=0.25)
        wanted = model.false_shadow_odds if platform == "sentinel-2a" else 0
        assert (h == Hidden.FALSE_SHADOW)[d & ~truly].mean() == pytest.approx(wanted, rel=0.25)


def test_shadows_lie_away_from_the_sun_and_have_their_cloud() -> None:
    for region in REGIONS:
        site = Site(1, region)
        for when in (instant(2023, 6, 21), instant(2023, 12, 21)):
            (down, right), (east, north) = sky.shadow(site, when, 30), sky.sun(site, when)
            along = np.array([right, -down]) @ -np.array([east, north])
            assert along / math.hypot(right, down) / math.hypot(east, north) > 0.9, (region, when)
    land, found = plain(SITE, GRID.pad(RIM)), 0
    for look in _clear_looks(SITE, "landsat-8", 40):
        hidden = shoot(SITE, land, look, ("qa",)).hidden
        down, right = sky.shadow(SITE, look.scene.instant, 30)
        rows, columns = np.nonzero(hidden == Hidden.SHADOW)
        rows, columns = rows - down, columns - right
        inside = (rows >= 0) & (rows < GRID.shape[0]) & (columns >= 0) & (columns < GRID.shape[1])
        assert np.isin(hidden[rows[inside], columns[inside]], (Hidden.CLOUD, Hidden.EDGE)).all()
        found += int(inside.sum())
    assert found > 500


def test_quality_codes_are_those_of_the_providers() -> None:
    kinds = {"landsat-5": {5440, 5504, 5896, 5442, 7440}, "landsat-8": {21824, 21952, 22280, 21762, 23888}}
    for platform, codes in kinds.items():
        found = set()
        for seed in range(4):
            site = Site(seed)
            land = plain(site, GRID.pad(RIM), None)
            for look in (
                looks(site, *(to_day(date(y, 1, 1)) for y in (2008, 2011)), ("landsat",))[::4]
                + looks(site, *(to_day(date(y, 1, 1)) for y in (2018, 2020)), ("landsat",))[::4]
            ):
                if look.scene.platform == platform:
                    found |= set(np.unique(shoot(site, land, look, ("qa",)).numbers[0]).tolist())
        assert codes <= found
        assert {code & ~128 for code in found - codes} <= codes
        if platform == "landsat-5":
            assert not any(code & (1 << 2 | 3 << 14) for code in found)
    classes = set()
    for seed in range(3):
        site = Site(seed, "alto-mayo")
        land = plain(site, GRID.pad(RIM), None)
        seen = looks(site, to_day(date(2019, 1, 1)), to_day(date(2021, 1, 1)), ("sentinel-2",))
        for look in seen[::4]:
            shot = shoot(site, land, look, ("scl",))
            classes |= set(np.unique(shot.numbers[0]).tolist())
            water = (shot.surface == Surface.RIVER) & (shot.hidden == Hidden.CLEAR)
            assert (shot.numbers[0][water] == 6).all()
            assert (shot.numbers[0][shot.hidden == Hidden.SHADOW] == 3).all()
    assert classes == {2, 3, 4, 5, 6, 8, 9, 10}


def test_stripes_take_a_fifth_of_landsat_7_after_may_2003() -> None:
    """22 % of the scene; none in the middle of the swath, none before the failure and of no other platform."""
    site = Site(1)
    swath = Grid("EPSG:32719", 360_000, 8_590_440, 30, (66, 6144))
    land = plain(site, swath.pad(RIM))
    shot = shoot(site, land, look_of(site, "landsat-7", 2008, 7, 1), ("qa", "red"))
    stripe = shot.hidden == Hidden.STRIPE
    assert stripe.mean() == pytest.approx(0.22, abs=0.03)
    assert (shot.numbers[0][stripe] == 1).all()
    assert (shot.numbers[1][stripe] == 0).all()
    assert (shot.numbers[:, ~stripe] > 1).all()
    share = np.array([piece.mean() for piece in np.split(stripe, 32, axis=1)])
    assert share.min() < 0.03
    assert share.max() > 0.38
    middle, gap = int(share.argmin()), 0
    for k in (1, 2, 3):
        gap = max(gap, share[(middle + 16 + k) % 32])
    assert gap > 0.3
    for other in (look_of(site, "landsat-7", 2003, 4, 1), look_of(site, "landsat-5", 2008, 7, 1)):
        assert not (shoot(site, land, other, ("qa",)).hidden == Hidden.STRIPE).any()
    seen = looks(site, to_day(date(2008, 8, 1)), to_day(date(2009, 3, 1)), ("landsat",))
    path = look_of(site, "landsat-7", 2008, 7, 1).orbit
    more = [
        shoot(site, land, k, ("qa",)).hidden == Hidden.STRIPE
        for k in seen
        if (k.scene.platform, k.orbit) == ("landsat-7", path)
    ]
    # they lie elsewhere in every scene: a cell is lost twice as chance has it, the mean square of the share
    assert np.mean([(stripe & other).mean() for other in more]) == pytest.approx((420 / 990) ** 2 / 3, abs=0.025)


def _clean(site: Site, platform: str, bands: tuple[str, ...], count: int, cells: int = 40) -> tuple[list[Look], Float]:
    """(look, band, y, x) reflectance of terra firme, NaN where anything hid it."""
    land = plain(site, GRID.window(0, 0, cells, cells).pad(RIM))
    seen, out = [], []
    for look in _clear_looks(site, platform, count):
        shot = shoot(site, land, look, bands)
        if (shot.hidden == Hidden.CLEAR).any():  # else smoke
            seen.append(look)
            out.append(np.where(shot.hidden == Hidden.CLEAR, physical(look, shot), np.nan))
    return seen, np.stack(out)


def test_harmonised_platforms_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Means after Roy's and HLS's lines: NIR within .005, others within .003, when season and gains are held still."""

    def mean(seed: int, platform: str, lines: str) -> NDArray[np.float64]:
        looked = _clean(Site(seed), platform, BANDS, 6, 16)[1]
        return np.array([np.nanmean(harmonised(looked[:, i], band, lines)) for i, band in enumerate(BANDS)])

    monkeypatch.setattr(sky, "season", lambda *_: 0.0)
    monkeypatch.setattr(sky, "gain", lambda *_: np.ones(6, np.float32))
    limit = np.where(np.array(BANDS) == "nir", 0.005, 0.003)
    for seed in range(2):
        oli = mean(seed, "landsat-8", "landsat-8")
        for name in ("landsat-9", "landsat-5", "landsat-7", "sentinel-2a", "sentinel-2b"):
            assert (np.abs(mean(seed, name, name) - oli) < limit).all(), name
        for name in ("landsat-5", "sentinel-2a"):  # the difference is there to be taken away
            assert (np.abs(mean(seed, name, "landsat-8") - oli) > limit).any(), name


def test_gains_differ_from_scene_to_scene_and_path_to_path_as_stated() -> None:
    model, nir = SITE.world.noise, BANDS.index("nir")
    scenes, paths = [], []
    for seed in range(120):
        site = Site(seed)
        seen = looks(site, to_day(date(2019, 1, 1)), to_day(date(2019, 12, 31)), ("sentinel-2",))[::4]
        gains = np.stack([sky.gain(site, k) for k in seen])
        assert gains.dtype == np.float32
        scenes += gains[:, 0].tolist()
        paths.append(gains[:, 5].mean())
    assert np.std(scenes) == pytest.approx(model.gain_sd, rel=0.1)
    assert np.mean(scenes) == pytest.approx(1, abs=0.001)
    assert np.std(paths) == pytest.approx(model.orbit_sd, rel=0.25)
    slow = [sky.gain(site, k)[nir] / sky.gain(site, k)[nir + 1] for site in map(Site, range(300)) for k in seen[:1]]
    assert np.std(slow) == pytest.approx(math.hypot(model.greenness_sd, math.sqrt(2) * model.gain_sd), rel=0.15)


def test_old_sensors_count_in_coarse_steps() -> None:
    levels = {}
    for platform in ("landsat-5", "landsat-8"):
        look = _clear_looks(SITE, platform, 1)[0]
        levels[platform] = len(np.unique(shoot(SITE, plain(SITE, GRID.pad(RIM)), look, ("nir",)).numbers))
    assert levels["landsat-5"] < 120 < 400 < levels["landsat-8"]


def test_sentinel_2_numbers_are_lifted_from_baseline_4_on() -> None:
    seen, values = _clean(SITE, "sentinel-2a", ("nir",), 60, 10)
    level = np.nanmean(values[:, 0], (1, 2))
    lifted = np.array([k.added != 0 for k in seen])
    assert lifted.any()
    assert not lifted.all()
    assert level[lifted].mean() == pytest.approx(level[~lifted].mean(), rel=0.08)
    look = next(k for k in seen if k.added)
    shot = shoot(SITE, plain(SITE, GRID.pad(RIM)), look, ("red",))
    assert shot.numbers.min() > 1000


def test_red_edge_lies_between_red_and_near_infrared() -> None:
    _, values = _clean(SITE, "sentinel-2b", ("red", "rededge1", "rededge2", "rededge3", "nir_wide", "nir"), 8, 20)
    red, one, two, three, wide, nir = np.nanmean(values, (0, 2, 3))
    np.testing.assert_allclose([(b - red) / (nir - red) for b in (one, two, three)], [0.55, 0.85, 0.95], atol=0.02)
    assert wide == pytest.approx(nir, rel=0.01)
    finite = np.isfinite(values[0, 0])
    assert np.corrcoef(values[0, 4][finite], values[0, 5][finite])[0, 1] < 0.999


def test_relief_lights_forest_unevenly() -> None:
    """CV .15-.25 in Alto Mayo (table 4.1 [R]); plains have none of it."""
    site = Site(2, "alto-mayo")
    land = plain(site, GRID.pad(RIM), Surface.MONTANE)
    light = [optical._light(site, land, k.scene.instant, GRID) for k in _clear_looks(site, "landsat-8", 12)]
    cv = np.mean([one.std() / one.mean() for one in light])
    assert 0.15 < cv < 0.25
    east, north = sky.sun(site, _clear_looks(site, "landsat-8", 1)[0].scene.instant)
    a, b = land.slope[:, 1:-1, 1:-1].astype(np.float64)
    exact = np.clip((1 - east * a - north * b) / np.sqrt(1 + a * a + b * b), 0.05, 4) ** 0.7
    np.testing.assert_allclose(light[0], exact, rtol=1e-4)
    assert optical._light(SITE, land, 0, GRID).size == 0


def test_scenes_lie_a_fraction_of_a_cell_off() -> None:
    """A straight edge moves by .3 cells of Landsat, all of it together; the mean place is right."""
    edge = plain(SITE, GRID.pad(RIM))
    edge.surface[:, 30:] = Surface.PASTURE
    edge.offset[:] = 0
    mean, _, swing = reflectance(SITE)
    places = []
    for look in _clear_looks(SITE, "landsat-8", 60):
        shot = shoot(SITE, edge, look, ("swir2",))
        level = mean + swing * np.float32(sky.season(SITE, look.scene.instant))
        dark, light = level[Surface.TERRA_FIRME, 5], level[Surface.PASTURE, 5]
        clear = np.where(shot.hidden == Hidden.CLEAR, physical(look, shot)[0], np.nan)[:, 20:38]
        rows = clear[np.isfinite(clear).all(1)]
        if len(rows) > 20:
            places.append(((rows - dark) / (light - dark)).sum(1).mean())
    assert len(places) > 15
    assert np.std(places) == pytest.approx(0.3, abs=0.1)


def test_high_water_darkens_swamp_forest() -> None:
    site = Site(1, "loreto-peatland")
    land = plain(site, GRID.pad(RIM), Surface.AGUAJAL)
    land.height[:] = 0.3
    levels = []
    for look in _clear_looks(site, "landsat-8", 30):
        shot = shoot(site, land, look, ("nir",))
        wet = float(sky.flood(site, land, look.scene.instant).mean())
        levels.append((wet, np.nanmean(np.where(shot.hidden == Hidden.CLEAR, physical(look, shot)[0], np.nan))))
    wet, nir = np.array(levels).T
    assert {0.0, 1.0} <= set(wet.tolist())
    assert -0.07 < nir[wet == 1].mean() - nir[wet == 0].mean() < -0.02


def test_smoke_brightens_the_visible_and_hardly_the_infrared() -> None:
    change: list[NDArray[np.float64]] = []
    for seed in range(40):
        site, look = Site(seed), look_of(Site(seed), "landsat-8", 2024, 9, 1)
        land = plain(site, GRID.window(0, 0, 30, 30).pad(RIM))
        shot = shoot(site, land, look, BANDS)
        smoky = shot.hidden == Hidden.SMOKE
        assert not (smoky & (shot.numbers[0] == 0)).any()
        if smoky.sum() > 100:
            mean, _, swing = reflectance(site)
            level = (mean + swing * np.float32(sky.season(site, look.scene.instant)))[Surface.TERRA_FIRME]
            change.append(physical(look, shot)[:, smoky].mean(1) - level)
    blue, _, red, nir, swir1, swir2 = np.mean(change, 0)
    assert 0.03 < red < blue < 0.10
    assert abs(nir) < 0.02
    assert max(abs(swir1), abs(swir2)) < 0.015


# The numbers behind it


def test_worlds_differ_from_seed_to_seed_as_far_as_stated() -> None:
    table = np.array([reflectance(Site(seed))[0] for seed in range(200)])
    given = SITE.world.table("reflectance") * 1e-4
    ratio = np.log(table / given)
    sd = SITE.world.spectra.world_sd
    assert ratio.std(0).mean() == pytest.approx(sd * math.sqrt(1.25), rel=0.15)
    assert abs(ratio.mean()) < 0.01
    assert np.corrcoef(ratio[:, 0, 0], ratio[:, 0, 2])[0, 1] > np.corrcoef(ratio[:, 0, 0], ratio[:, 0, 4])[0, 1] > 0.6
    np.testing.assert_array_equal(reflectance(Site(3))[0], reflectance(Site(3))[0])
    assert not reflectance(Site(3))[0].flags.writeable


@pytest.mark.parametrize("kind", ["normal", "student"])
def test_quantiles_have_mean_zero_and_variance_one(kind: str) -> None:
    model = Noise(kind, 4.0, 0.02, 0.001, 0.01, 0.01, 0.01, 60, 9.0, 4.0)  # type: ignore[arg-type]
    table = quantiles(model).astype(np.float64)
    assert table.shape == (65_536,)
    assert (np.diff(table) >= 0).all()
    assert abs(table.mean()) < 1e-4
    assert table.var() == pytest.approx(1, rel=0.01)
    kurtosis = (table**4).mean()
    assert kurtosis == pytest.approx(3, abs=0.05) if kind == "normal" else kurtosis > 6


def test_noise_has_the_size_and_the_kinship_of_bands_that_the_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    land = plain(SITE, GRID.pad(RIM))
    land.offset[:] = 0
    look = next(k for k in _clear_looks(SITE, "landsat-8", 40) if _all_clear(land, k))
    values = physical(look, shoot(SITE, land, look, BANDS)).reshape(6, -1).astype(np.float64)
    model, spectra = SITE.world.noise, SITE.world.spectra
    np.testing.assert_allclose(values.std(1), model.relative * values.mean(1) + model.floor, rtol=0.05)
    kin = np.corrcoef(values)
    assert kin[0, 2] == pytest.approx(spectra.visible_correlation, abs=0.05)
    assert kin[3, 5] == pytest.approx(spectra.infrared_correlation, abs=0.05)
    assert abs(kin[2, 3]) < 0.06
    plane = (values[3] - values[3].mean()).reshape(GRID.shape)
    assert abs((plane[1:] * plane[:-1]).mean() / plane.var()) < 0.05


def _all_clear(land: SimpleNamespace, look: Look) -> bool:
    return bool((shoot(SITE, land, look, ("qa",)).hidden == Hidden.CLEAR).mean() > 0.999)


def test_the_codes_of_the_kernel_are_those_of_the_enumeration() -> None:
    names = ("CLEAR", "CLOUD", "EDGE", "SHADOW", "CONTAMINATED", "FALSE_CLOUD", "FALSE_SHADOW", "SMOKE", "STRIPE")
    assert [getattr(weather, name) for name in names] == [Hidden[name] for name in names] == list(range(9))


# On the simulator's own land


@pytest.mark.usefixtures("real_land")
@pytest.mark.parametrize("variant", ["open", "blind"])
@pytest.mark.parametrize("region", REGIONS)
def test_on_the_real_land_any_window_is_the_crop_of_the_whole(region: str, variant: Variant) -> None:
    site = Site(3, region, variant)
    west, north = site.place.corner
    grid = Grid(site.place.crs, west, north, 30, (120, 110))
    whole = landscape(site, grid.pad(RIM))
    part = landscape(site, grid.window(37, 41, 50, 33).pad(RIM))
    shown = 0
    for look in (
        *_clear_looks(site, "landsat-8", 2),
        *_clear_looks(site, "sentinel-2a", 1),
        look_of(site, "landsat-7", 2010, 7, 1),
    ):
        bands = SENSORS[look.sensor].bands
        big, small = shoot(site, whole, look, bands), shoot(site, part, look, bands)
        np.testing.assert_array_equal(small.numbers, big.numbers[:, 37:87, 41:74])
        np.testing.assert_array_equal(small.hidden, big.hidden[37:87, 41:74])
        np.testing.assert_array_equal(small.surface, big.surface[37:87, 41:74])
        shown += int((big.hidden == Hidden.CLEAR).sum())
    assert shown > 5000


@pytest.mark.usefixtures("real_land")
def test_on_the_real_land_felling_shows_in_the_numbers() -> None:
    """NBR of cells that were terra firme and are felled, burnt or bare now has fallen by more than .25."""
    drops, kept = [], []
    for seed in range(2):
        site = Site(seed)
        west, north = site.place.corner
        land = landscape(site, Grid(site.place.crs, west, north, 30, (250, 250)).pad(RIM))
        before, first = None, None
        for look in _clear_looks(site, "landsat-8", 50)[::8]:
            shot = shoot(site, land, look, ("nir", "swir2"))
            nir, swir2 = np.where(shot.hidden == Hidden.CLEAR, physical(look, shot), np.nan)
            nbr = (nir - swir2) / (nir + swir2)
            if before is None or first is None:
                before, first = nbr, shot.surface == Surface.TERRA_FIRME
            drops.append((before - nbr)[first & np.isin(shot.surface, (Surface.FELLED, Surface.BARE, Surface.BURNT))])
            kept.append((before - nbr)[first & (shot.surface == Surface.TERRA_FIRME)])
    drop, rest = np.concatenate(drops), np.concatenate(kept)
    assert np.isfinite(drop).sum() > 50
    assert np.nanmedian(drop) > 0.25
    assert abs(np.nanmedian(rest)) < 0.05
    assert np.nanstd(rest) < 0.05
