"""Simulated radar looks: the same bits however the land is cut, and the statistics the assumptions promise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.errors import BadInput
from detection.simulator import radar
from detection.simulator.draws import Frame, Stream, noise, normals
from detection.simulator.ground import KNOTS, NEVER, Landscape, Layer
from detection.simulator.landscape import frame_of, landscape
from detection.simulator.optical import RIM
from detection.simulator.orbits import Look, looks
from detection.simulator.parameters import REGIONS, Surface, world
from detection.simulator.site import Site
from detection.types import SECONDS_A_DAY, Codes, Float, Grid, Scene, to_day

NODATA = -32_768
BANDS = ("vv", "vh")
GRID = Grid("EPSG:32719", 366_000, 8_590_440, 30, (60, 60))
DESCENDING, ASCENDING = world().paths["sentinel-1-descending"], world().paths["sentinel-1-ascending"]


def look_on(day: int, ascending: bool = False) -> Look:
    track = ASCENDING if ascending else DESCENDING
    scene = Scene(day * SECONDS_A_DAY + track.second, "sentinel-1a", f"{track.number}/{day}")
    return Look(scene, "sentinel-1-rtc", track, track.number, ascending, 0)


def nothing(shape: tuple[int, int]) -> Layer:
    return Layer(
        parts=(), owner=np.full(shape, -1, np.int32), cover=np.zeros(shape, np.float32),
        share=np.zeros(shape, np.float32), days=np.zeros((0, KNOTS), np.int32),
        becomes=np.zeros((0, KNOTS), np.float32), into=np.zeros(0, np.uint8),
    )  # fmt: skip


def land_of(site: Site, grid: Grid, surface: Codes | Surface, rise: float = 0, height: float = 9) -> Landscape:
    """Quiet land with a rim around the grid: one surface, or one code for each of its cells."""
    wide = grid.pad(RIM)
    shape, frame = wide.shape, frame_of(wide)
    echo = np.stack([noise(frame, (site.key(Stream.ECHO, band), 0, 1.0)) for band in range(2)])
    slope = np.stack([np.full(shape, rise, np.float32), np.zeros(shape, np.float32)])
    return Landscape(
        grid=wide, surface=np.broadcast_to(np.asarray(surface, np.uint8), shape).copy(),
        offset=np.zeros((6, *shape), np.float32), echo=echo, height=np.full(shape, height, np.float32), slope=slope,
        river_from=np.full(shape, NEVER, np.int32), river_until=np.full(shape, NEVER, np.int32),
        scroll_days=np.array([0, 1], np.int32), scroll_becomes=np.full(2, Surface.SAND, np.uint8),
        conversions=nothing(shape), partials=nothing(shape), stratum=np.zeros(shape, np.uint8),
    )  # fmt: skip


def patchwork(site: Site, grid: Grid) -> Landscape:
    """Every surface side by side on hilly, partly flooded land."""
    land = land_of(site, grid, Surface.TERRA_FIRME)
    frame = frame_of(land.grid)
    fields = [noise(frame, (site.key(Stream.PLOT, n), 120, 1.0)) for n in range(4)]
    surface = np.clip(np.floor((fields[0] + 3) / 6 * len(Surface)), 0, len(Surface) - 1).astype(np.uint8)
    return replace(land, surface=surface, slope=np.stack(fields[1:3]) * np.float32(0.4), height=fields[3])


def decibels(site: Site, land: Landscape, days: Sequence[int], ascending: bool = False) -> Float:
    """(look, band, y, x)"""
    seen = [radar.shoot(site, land, look_on(day, ascending), BANDS) for day in days]
    return np.asarray(10 * np.log10(np.stack(seen)), np.float32)


@pytest.fixture
def smooth(monkeypatch: pytest.MonkeyPatch) -> None:
    """No speckle."""
    monkeypatch.setattr(radar, "speckle", lambda looks: np.ones(65_536, np.float32))


@settings(max_examples=25, deadline=None)
@given(
    row=st.integers(-3, 50), column=st.integers(-3, 50), rows=st.integers(1, 30), columns=st.integers(1, 30),
    resolution=st.sampled_from([10, 20, 30]), day=st.integers(17_000, 20_000), ascending=st.booleans(),
    variant=st.sampled_from(["open", "blind"]),
)  # fmt: skip
def test_any_window_is_the_crop_of_the_whole(
    row: int, column: int, rows: int, columns: int, resolution: int, day: int, ascending: bool, variant: str
) -> None:
    site, look = Site(7, "loreto-peatland", variant), look_on(day, ascending)  # type: ignore[arg-type]
    grid = Grid("EPSG:32718", 480_000, 9_480_000, resolution, (80, 80))
    whole = radar.shoot(site, patchwork(site, grid.pad(5)), look, BANDS)
    part = radar.shoot(site, patchwork(site, grid.window(row, column, rows, columns)), look, BANDS)
    inner = np.s_[:, row + 5 : row + 5 + rows, column + 5 : column + 5 + columns]
    assert part.dtype == np.float32
    np.testing.assert_array_equal(part, whole[inner])


@pytest.mark.parametrize("region", REGIONS)
def test_a_window_of_the_real_land_is_the_crop_of_the_whole(region: str) -> None:
    site = Site(11, region)
    grid = Grid(site.place.crs, *site.place.corner, 30, (90, 80))
    whole = radar.shoot(site, landscape(site, grid.pad(RIM)), look_on(20_000), BANDS)
    part = radar.shoot(site, landscape(site, grid.window(20, 30, 41, 33).pad(RIM)), look_on(20_000), BANDS)
    np.testing.assert_array_equal(part, whole[:, 20:61, 30:63])


@pytest.mark.parametrize("bands", [("vv",), ("vh",), ("vh", "vv"), ()])
def test_a_band_does_not_depend_on_the_others(bands: tuple[str, ...]) -> None:
    site = Site(1)
    land = patchwork(site, GRID)
    both, some = (radar.shoot(site, land, look_on(19_000), asked) for asked in (BANDS, bands))
    assert some.shape == (len(bands), *GRID.shape)
    for plane, band in zip(some, bands, strict=True):
        np.testing.assert_array_equal(plane, both[BANDS.index(band)])


def test_one_seed_one_world() -> None:
    land = patchwork(Site(1), GRID)
    first = radar.shoot(Site(1), land, look_on(19_000), BANDS)
    np.testing.assert_array_equal(first, radar.shoot(Site(1), land, look_on(19_000), BANDS))
    seen = first != NODATA
    for other in (
        radar.shoot(Site(2), land, look_on(19_000), BANDS),
        radar.shoot(Site(1), land, look_on(19_012), BANDS),
    ):
        np.testing.assert_array_equal(other != NODATA, seen)
        assert (other != first)[seen].mean() > 0.99


def test_a_band_no_radar_has_is_refused() -> None:
    with pytest.raises(BadInput, match="no band 'hh'; choose of vv, vh"):
        radar.shoot(Site(1), land_of(Site(1), GRID, Surface.BARE), look_on(19_000), ("hh",))


def test_the_sensors_table_calls_every_number_valid_or_missing() -> None:
    site = Site(3, "alto-mayo")
    numbers = np.stack([radar.shoot(site, patchwork(site, GRID), look_on(day), BANDS) for day in (19_000, 19_120)])
    seen = numbers != NODATA
    assert 0.5 < seen.mean() < 0.99
    assert numbers[seen].min() > 1e-6
    assert numbers[seen].max() < 100


@pytest.mark.usefixtures("smooth")
def test_decibels_become_power_to_one_part_in_a_hundred_thousand() -> None:
    wanted = np.linspace(-40, 15, 60_000, dtype=np.float32).reshape(1, 1, -1)
    inner = (1, wanted.shape[2] - 2)
    zeros, out = np.zeros(inner, np.float32), np.empty((1, *inner), np.float32)
    radar._receive(
        out, np.repeat(wanted, 3, 1), np.zeros((3, wanted.shape[2]), np.uint8), np.array([0]), zeros, zeros, zeros,
        zeros, np.zeros((len(Surface), 5), np.float32), np.zeros(2), np.full(2, -50.0), np.zeros(2),
        np.array([0, 0.7, NODATA]), np.array([radar.LOWEST_DB, radar.STEPS_A_DB, np.log(10) / 10 / radar.STEPS_A_DB]),
        np.uint64(1), 0, 0, normals(), np.ones(65_536, np.float32), radar.powers(),
    )  # fmt: skip
    np.testing.assert_allclose(out[0, 0], 10 ** (wanted[0, 0, 1:-1].astype(np.float64) / 10), rtol=1e-5)


def test_means_are_the_tables_and_each_seed_has_its_own() -> None:
    made = np.stack([radar.means(Site(seed)) for seed in range(400)])
    table = world().table("backscatter")
    np.testing.assert_allclose(made.mean(0), table, atol=0.1)
    np.testing.assert_allclose((made - table).std(0), world().spectra.world_db, rtol=0.15)
    # Small steps keep their sign: kin are uncertain together.
    vh = made[:, :, 1]
    assert (vh[:, Surface.PALMS_FELLED] < vh[:, Surface.AGUAJAL]).all()
    assert (vh[:, Surface.BARE] < vh[:, Surface.TERRA_FIRME] - 2).all()


@pytest.mark.parametrize("resolution", [10, 20, 30])
def test_speckle_has_the_number_of_looks_and_no_memory(resolution: int, monkeypatch: pytest.MonkeyPatch) -> None:
    site, grid = Site(1), replace(GRID, resolution=resolution, shape=(200, 200))
    land = land_of(site, grid, Surface.TERRA_FIRME)
    seen = radar.shoot(site, land, look_on(19_000), BANDS)
    monkeypatch.setattr(radar, "speckle", lambda looks: np.ones(65_536, np.float32))
    grain = seen / radar.shoot(site, land, look_on(19_000), BANDS)
    enl = {10: 4.4, 20: 10.0, 30: 18.0}[resolution]
    np.testing.assert_allclose(grain.mean((1, 2)), 1, atol=0.01)
    np.testing.assert_allclose(1 / grain.var((1, 2)), enl, rtol=0.05)
    assert abs(np.corrcoef(grain[0].ravel(), grain[1].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(grain[0, :, 1:].ravel(), grain[0, :, :-1].ravel())[0, 1]) < 0.02


@pytest.mark.usefixtures("smooth")
def test_forest_moves_with_the_rain_of_its_neighbourhood() -> None:
    """Doblas 2020: climate explains 71.6 % (VV) and 73.3 % (VH) of what forest does from look to look."""
    grid = Grid("EPSG:32719", 366_000, 8_590_440, 30, (330, 330))
    total, alone, shuffled = [], [], []
    for seed in range(3):
        land = land_of(Site(seed), grid, Surface.TERRA_FIRME)
        seen = decibels(Site(seed), land, range(18_000, 19_260, 18))[:, :, ::10, ::10]
        seen -= seen.mean(0)
        total.append(seen.var())
        alone.append((seen - np.median(seen, axis=(2, 3), keepdims=True)).var())
        rng = np.random.default_rng(seed)
        mixed = rng.permuted(seen, axis=0)
        shuffled.append((mixed - np.median(mixed, axis=(2, 3), keepdims=True)).var())
    assert np.sqrt(np.mean(total)) == pytest.approx(0.35, abs=0.03)
    assert 1 - np.mean(alone) / np.mean(total) == pytest.approx(0.72, abs=0.05)
    assert 1 - np.mean(shuffled) / np.mean(total) < 0.05, "with every cell's looks in another order nothing is common"


RESTLESS = {
    Surface.MONTANE: 0.5, Surface.AGUAJAL: 0.5, Surface.BAMBOO: 0.4, Surface.SECONDARY_10: 0.4, Surface.FELLED: 0.6,
    Surface.BARE: 0.8, Surface.PASTURE: 0.8, Surface.CROP: 1.0, Surface.TAILINGS: 1.2, Surface.RIVER: 1.5,
}  # fmt: skip
"""Standard deviation from look to look before speckle, dB, dry soil (science notes 4.2)."""


@pytest.mark.usefixtures("smooth")
def test_every_surface_is_as_restless_as_its_kind() -> None:
    days, grid = range(17_000, 20_000, 20), replace(GRID, shape=(16, 16))
    for surface, wanted in RESTLESS.items():
        found = []
        for seed in range(3):
            site = Site(seed)
            dry = [day for day in days if not radar.moisture(site, frame_of(grid), day).wet.any()]
            found.append(decibels(site, land_of(site, grid, surface), dry)[:, 0].var(0).mean())
        assert np.sqrt(np.mean(found)) == pytest.approx(wanted, rel=0.12), surface.name


@pytest.mark.usefixtures("smooth")
def test_bare_ground_rises_after_rain_and_forest_hardly_does() -> None:
    site, days = Site(2), range(18_300, 19_400, 6)
    soil = [radar.moisture(site, frame_of(GRID), day) for day in days]
    wet = np.array([moist.wet.mean() for moist in soil])
    rain = np.array([moist.rain.mean() for moist in soil])
    for surface, rise in ((Surface.BARE, (2.5, 1.9)), (Surface.BURNT, (2.5, 1.9)), (Surface.TERRA_FIRME, (0.1, 0.1))):
        seen = decibels(site, land_of(site, GRID, surface), days).mean((2, 3))
        table = np.column_stack([np.ones(len(wet)), wet, rain])
        fitted = np.linalg.lstsq(table, seen, rcond=None)[0]
        np.testing.assert_allclose(fitted[1], rise, atol=0.15)
        np.testing.assert_allclose(fitted[2], world().table("rain")[surface], atol=0.08)


@pytest.mark.parametrize("region", REGIONS)
def test_soil_is_wet_as_often_as_the_month_says(region: str) -> None:
    frame = Frame(0, 0, (1, 1), 30)
    place = Site(0, region).place
    for month, odds in enumerate(world().radar.wet_odds, 1):
        days = [to_day(date(2020, month, day)) for day in (3, 17)]
        wet = [radar.moisture(Site(seed, region), frame, day).wet[0, 0] for seed in range(300) for day in days]
        assert np.mean(wet) == pytest.approx(odds + place.wetter, abs=0.075), month


def test_rain_is_regional() -> None:
    frame = Frame(0, 0, (40, 40), 30, step=200)
    fields = np.stack([radar.moisture(Site(seed), frame, 19_000 + 40 * seed).rain for seed in range(120)])
    assert fields.std() == pytest.approx(1, abs=0.06)
    near = np.corrcoef(fields[:, :, :-1].ravel(), fields[:, :, 1:].ravel())[0, 1]
    far = np.corrcoef(fields[:, :, :-10].ravel(), fields[:, :, 10:].ravel())[0, 1]
    assert near > 0.9, "6 km"
    assert abs(far) < 0.15, "60 km"


@pytest.mark.usefixtures("smooth")
def test_clearing_darkens_but_debris_does_not_in_vv() -> None:
    """Science notes 4.2: bare or burnt ground -2 to -3.8 dB in VV and -2.3 to -4.7 in VH against forest."""
    days, drops, debris = range(18_300, 19_400, 30), [], []
    for seed in range(12):
        forest, bare, felled = (
            decibels(Site(seed), land_of(Site(seed), GRID, surface), days).mean((0, 2, 3))
            for surface in (Surface.TERRA_FIRME, Surface.BURNT, Surface.FELLED)
        )
        drops.append(bare - forest)
        debris.append(felled - forest)
    vv, vh = np.mean(drops, 0)
    assert -3.8 < vv < -2
    assert -4.7 < vh < -2.3
    assert np.mean(debris, 0)[0] > -0.2
    assert np.mean(debris, 0)[1] < -0.4


@pytest.mark.usefixtures("smooth")
@pytest.mark.parametrize(
    ("surface", "change"), [(Surface.AGUAJAL, (1.0, 0.4)), (Surface.SAND, (-3.0, -4.0)), (Surface.RIVER, (0, 0))]
)
def test_high_water_shows(surface: Surface, change: tuple[float, float]) -> None:
    site = Site(4, "loreto-peatland")
    dry, wet = (decibels(site, land_of(site, GRID, surface, height=h), [19_000]) for h in (9, -9))
    np.testing.assert_allclose((wet - dry).mean((0, 2, 3)), change, atol=0.1)


@pytest.mark.usefixtures("smooth")
def test_slopes_towards_the_sensor_are_brighter_and_too_steep_ones_unseen() -> None:
    site = Site(5, "alto-mayo")

    def seen(rise: float, ascending: bool) -> Float:
        return radar.shoot(site, land_of(site, GRID, Surface.MONTANE, rise), look_on(19_000, ascending), BANDS)

    for ascending, sign in ((True, 1), (False, -1)):
        change = 10 * np.log10(seen(0.3, ascending) / seen(0.0, ascending))
        np.testing.assert_allclose(change, sign * 0.3 * world().radar.slope_db, atol=1e-3)
        assert (seen(sign * 0.71, ascending) == NODATA).all(), "layover"
        assert (seen(-sign * 0.71, ascending) != NODATA).all()
        assert (seen(-sign * 1.5, ascending) == NODATA).all(), "shadow"


@pytest.mark.usefixtures("smooth")
def test_water_is_dark_and_the_noise_floor_ends_it() -> None:
    site = Site(6)
    seen = decibels(site, land_of(site, GRID, Surface.POND), range(19_000, 19_120, 12))
    assert seen[:, 0].mean() < -16
    np.testing.assert_allclose(seen.min((0, 2, 3)), world().radar.noise_floor_db, atol=1e-3)


@pytest.mark.usefixtures("smooth")
def test_an_orbit_keeps_its_bias() -> None:
    found = []
    for seed in range(60):
        land = land_of(Site(seed), replace(GRID, shape=(8, 8)), Surface.TERRA_FIRME)
        days = range(19_000, 19_060, 12)
        up, down = (decibels(Site(seed), land, days, ascending).mean((2, 3)) for ascending in (True, False))
        found.append((up - down).mean(0))
    # Two biases, and the two calibrations and noises of five looks each.
    assert np.std(found) == pytest.approx(np.sqrt(2) * world().radar.orbit_sd, rel=0.25)


@pytest.mark.usefixtures("smooth")
def test_scenes_lie_a_fraction_of_a_cell_off_their_grid() -> None:
    """An edge between forest and sand, seen at 10 m, wanders by the 3 m of `jitter_m`."""
    site, grid = Site(8), replace(GRID, resolution=10, shape=(160, 40))
    wide = np.full((162, 42), Surface.TERRA_FIRME, np.uint8)
    wide[:, 21:] = Surface.TAILINGS
    land = land_of(site, grid, wide)
    still = replace(land, echo=np.zeros_like(land.echo))
    places, shifts = [], []
    for day in range(17_000, 19_400, 12):
        line = 10 * np.log10(radar.shoot(site, still, look_on(day), ("vh",))[0]).mean(0)
        low, high = line[25:].mean(), line[:15].mean()
        places.append(((line[18:22] - low) / (high - low)).sum())
        shifts.append(-radar._place(site, look_on(day), 10)[1])
    assert np.std(shifts) * 10 == pytest.approx(world().radar.jitter_m, rel=0.15)
    slope, _ = np.polyfit(shifts, places, 1)
    assert slope == pytest.approx(1, abs=0.1)
    assert np.corrcoef(shifts, places)[0, 1] > 0.9


def test_a_real_orbit_can_be_flown() -> None:
    flown = looks(Site(1), to_day(date(2024, 1, 1)), to_day(date(2025, 1, 1)), ("sentinel-1",))
    assert 20 <= len(flown) <= 31
    land = land_of(Site(1), GRID, Surface.TERRA_FIRME)
    seen = 10 * np.log10(np.stack([radar.shoot(Site(1), land, look, BANDS) for look in flown]))
    np.testing.assert_allclose(seen.mean((0, 2, 3)), radar.means(Site(1))[Surface.TERRA_FIRME], atol=0.9)
