"""The simulated scene: the same bits however it is cut, truth that shows in the numbers, statistics as assumed."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.simulator import constants as c
from detection.simulator import kernels, sky
from detection.simulator.constants import Surface
from detection.simulator.draws import Dice, Frame, Stream, key_of, noise
from detection.simulator.events import events_in
from detection.simulator.landscape import Landscape, landscape
from detection.simulator.scenes import shoot, surface_on
from detection.simulator.truth import Truth, truth_of
from detection.sources.sensors import SENSORS
from detection.types import SECONDS_A_DAY, Float, Grid, Scene, to_day

GRID = Grid("EPSG:32719", 366_000, 8_590_440, 30, (160, 144))
BANDS = SENSORS["landsat-c2l2"].bands
OVERPASS = 53_100
START, END = date(2022, 1, 1), date(2025, 1, 1)
NO_SKY = {"CONTAMINATED_ODDS": 0.0, "FALSE_CLOUD_ODDS": 0.0, "CLEAR_FRACTION": (0.999_999,) * 12, "SMOKE_ODDS": {}}


def instant(*ymd: int) -> int:
    return to_day(date(*ymd)) * SECONDS_A_DAY + OVERPASS


def dry_days() -> list[int]:
    return [instant(2023, month, day) for month in (6, 7, 8) for day in (3, 11, 19, 27)]


def reflectance(numbers: NDArray[np.uint16]) -> Float:
    sensor = SENSORS["landsat-c2l2"]
    return np.asarray(numbers * sensor.scale + sensor.offset, np.float32)


def nbr(land: Landscape, when: int, seed: int = 1) -> Float:
    nir, swir2 = reflectance(shoot(seed, land, when, ("nir", "swir2")).numbers)
    ratio: Float = (nir - swir2) / (nir + swir2)
    return ratio


@pytest.fixture
def fair_weather(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No cloud, no smoke, no contamination."""
    sky.cloud_start.cache_clear()
    for name, value in NO_SKY.items():
        monkeypatch.setattr(c, name, value)
    yield
    sky.cloud_start.cache_clear()


@pytest.fixture(scope="module")
def land() -> Landscape:
    return landscape(1, GRID)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return truth_of(1, GRID, START, END)


@settings(max_examples=12, deadline=None)
@given(
    row=st.integers(-3, 150), column=st.integers(-3, 130), rows=st.integers(1, 40), columns=st.integers(1, 40),
    month=st.integers(1, 12),
)  # fmt: skip
def test_any_window_is_the_crop_of_the_whole(row: int, column: int, rows: int, columns: int, month: int) -> None:
    when = instant(2024, month, 10)
    whole, part = GRID.pad(40), GRID.window(row, column, rows, columns)
    inner = np.s_[row + 40 : row + 40 + rows, column + 40 : column + 40 + columns]
    big, small = shoot(7, landscape(7, whole), when, BANDS), shoot(7, landscape(7, part), when, BANDS)
    np.testing.assert_array_equal(small.numbers, big.numbers[:, *inner])
    np.testing.assert_array_equal(small.hidden, big.hidden[inner])
    np.testing.assert_array_equal(small.surface, big.surface[inner])


def test_truth_of_a_window_is_the_crop_of_the_whole(truth: Truth) -> None:
    part = truth_of(1, GRID.window(30, 20, 60, 70), START, END)
    np.testing.assert_array_equal(part.loss_day, truth.loss_day[30:90, 20:90])
    np.testing.assert_array_equal(part.surface, truth.surface[30:90, 20:90])
    known = {event.id: event for event in truth.events}
    cut = [event for event in part.events if event.kind != "flood"]
    assert cut
    for event in cut:
        whole = {tuple(cell) for cell in known[event.id].cells.tolist()}
        assert {tuple(cell) for cell in event.cells.tolist()} <= whole


@pytest.mark.parametrize("bands", [("nir",), ("qa",), ("swir2", "nir"), ("qa", "red", "blue"), ()])
def test_a_band_does_not_depend_on_the_others(land: Landscape, bands: tuple[str, ...]) -> None:
    when = instant(2024, 9, 14)
    every = shoot(1, land, when, BANDS).numbers
    some = shoot(1, land, when, bands).numbers
    assert some.shape == (len(bands), *GRID.shape)
    for plane, band in zip(some, bands, strict=True):
        np.testing.assert_array_equal(plane, every[BANDS.index(band)])


def test_one_seed_one_world(land: Landscape) -> None:
    when = instant(2023, 7, 3)
    first = shoot(1, land, when, BANDS).numbers
    landscape.cache_clear()
    np.testing.assert_array_equal(first, shoot(1, landscape(1, GRID), when, BANDS).numbers)
    other = shoot(2, landscape(2, GRID), when, BANDS).numbers
    assert (first != other).mean() > 0.5
    assert (landscape(2, GRID).surface != land.surface).any()


@pytest.mark.usefixtures("fair_weather")
def test_a_loss_shows_in_the_numbers_of_its_cells_and_only_after_its_day(land: Landscape, truth: Truth) -> None:
    whole = (truth.loss_day >= 0) & (land.losses.cover >= 0.999) & (land.brownings.owner < 0)
    cells = [(event, event.cells - [GRID.first_row, GRID.first_column]) for event in truth.events if event.loss]
    seen = 0
    for event, places in cells:
        inside = places[whole[places[:, 0], places[:, 1]] & (truth.loss_day[places[:, 0], places[:, 1]] > 0)]
        if not len(inside) or event.kind == "mining":
            continue
        days = truth.loss_day[inside[:, 0], inside[:, 1]]
        before = nbr(land, (int(days.min()) - 1) * SECONDS_A_DAY)[inside[:, 0], inside[:, 1]]
        after = nbr(land, int(days.max()) * SECONDS_A_DAY)[inside[:, 0], inside[:, 1]]
        assert np.median(before) > 0.6
        assert np.median(before - after) > 0.25, event.id
        seen += 1
    assert seen >= 5


@pytest.mark.usefixtures("fair_weather")
def test_forest_that_nothing_happens_to_stays_as_it_is(land: Landscape) -> None:
    quiet = (land.surface == Surface.TERRA_FIRME) & (land.losses.owner < 0) & (land.brownings.owner < 0)
    quiet &= land.height > 2
    looks = np.stack([nbr(land, instant(year, 7, 9))[quiet] for year in range(2017, 2031)])
    assert abs(looks.mean() - 0.70) < 0.02
    assert 0.01 < looks.mean(0).std() < 0.06
    assert 0.008 < np.median(looks.std(0)) < 0.025


@pytest.mark.usefixtures("fair_weather")
def test_browning_lowers_the_index_by_little_and_recovers() -> None:
    grid = next(g for g in GRID.pad(600).tiles(300) if _browned(landscape(1, g)) is not None)
    land = landscape(1, grid)
    number = _browned(land)
    assert number is not None
    begins, low, rises, over = (int(day) * SECONDS_A_DAY for day in land.brownings.days[number, :4])
    cells = (land.brownings.owner == number) & (land.losses.owner < 0) & (land.surface == 0) & (land.height > 2)
    depth = land.brownings.becomes[number, 1]
    mean = [float(nbr(land, when)[cells].mean()) for when in (begins, (low + rises) // 2, over)]
    assert 0.05 < mean[0] - mean[1] < 0.16 * depth + 0.02
    assert abs(mean[2] - mean[0]) < 0.03


def _browned(land: Landscape) -> int | None:
    cells = land.brownings.owner[(land.brownings.cover == 1) & (land.losses.owner < 0) & (land.height > 2)]
    numbers, counts = np.unique(cells[cells >= 0], return_counts=True)
    return int(numbers[counts.argmax()]) if len(counts) and counts.max() > 100 else None


def test_the_quality_band_tells_the_hidden_cloud_but_for_the_stated_errors(land: Landscape) -> None:
    masked_bits = sum(1 << bit for bit in SENSORS["landsat-c2l2"].qa_masked_bits)
    hidden, masked, bright = [], [], []
    for seed in range(4):
        here = landscape(seed, GRID)
        for when in dry_days():
            shot = shoot(seed, here, when, ("qa",))
            hidden.append(shot.hidden)
            masked.append(shot.numbers[0] & masked_bits != 0)
            bright.append(np.isin(shot.surface, c.BRIGHT))
    h, m, b = np.stack(hidden), np.stack(masked), np.stack(bright)
    truly = np.isin(h, (kernels.CLOUD, kernels.EDGE, kernels.SHADOW))
    assert m[truly].all()
    np.testing.assert_array_equal(m[~truly], (h == kernels.FALSE_CLOUD)[~truly])
    assert not (h == kernels.FALSE_CLOUD)[~b].any()
    assert 0.004 < (h == kernels.CONTAMINATED)[~m].mean() < 0.006
    assert 0.08 < (h == kernels.FALSE_CLOUD)[b & ~truly].mean() < 0.16


def test_quality_bits_follow_the_sensor_table(land: Landscape) -> None:
    bit = {name: 1 << i for i, name in enumerate(SENSORS["landsat-c2l2"].qa_bits)}
    shots = [shoot(1, land, when, ("qa",)) for when in dry_days()]
    h, qa = np.stack([s.hidden for s in shots]), np.stack([s.numbers[0] for s in shots])
    for state, name in ((kernels.CLOUD, "cloud"), (kernels.EDGE, "dilated cloud"), (kernels.SHADOW, "cloud shadow")):
        assert (h == state).any()
        assert (qa[h == state] & bit[name] > 0).all()
    assert (qa[h == kernels.CLEAR] & bit["clear"] > 0).all()
    assert not (qa & (bit["fill"] | bit["snow"])).any()
    water = np.stack([np.isin(s.surface, c.WATER) for s in shots])
    assert (qa[water] & bit["water"] > 0).all()


def test_clear_fraction_follows_the_table_month_by_month() -> None:
    frame = Frame(GRID.first_row, GRID.first_column, (2, 2), 30)
    for month in (1, 4, 9):
        clear = []
        for seed in range(700):
            sheet = sky.clouds(seed, frame, instant(2023, month, 15))
            here, (down, right) = sheet.margin, sheet.shadow
            shade = sheet.latent[here - down, here - right] - sheet.start
            clear.append(sheet.latent[here, here] < sheet.start and shade < c.SHADOW_FROM)
        # three standard errors of 700 coin tosses
        assert abs(np.mean(clear) - c.CLEAR_FRACTION[month - 1]) < 0.057
    assert sky.cloud_start(11) < -5


def test_smoke_comes_as_often_as_measured_and_lasts() -> None:
    frame = Frame(GRID.first_row, GRID.first_column, (2, 2), 30)
    days = [instant(2024, 9, day) for day in (2, 10, 18, 26)]
    smoky = np.array([[sky.smoke(seed, frame, day) is not None for day in days] for seed in range(400)])
    assert abs(smoky.mean() - 0.35) < 0.06
    assert 0.5 < smoky[:, 1:][smoky[:, :-1]].mean() < 0.75
    assert sky.smoke(1, frame, instant(2024, 5, 2)) is None


def test_noise_is_standard_normal_white_or_smooth() -> None:
    frame = Frame(-1000, 400, (300, 300), 30)
    white = noise(frame, (key_of(1, Stream.PIXEL), 0, 1.0))
    assert abs(white.mean()) < 0.02
    assert abs(white.std() - 1) < 0.02
    assert abs((white[1:] * white[:-1]).mean()) < 0.02
    smooth = noise(frame, (key_of(1, Stream.PIXEL), 120, 1.0))
    assert abs(smooth.std() - 1) < 0.05
    assert (smooth[1:] * smooth[:-1]).mean() > 0.85


def test_events_keep_within_the_reach_of_their_block() -> None:
    wide, narrow = events_in(3, GRID.pad(70)), events_in(3, GRID)
    ids = {(part.event, part.days) for part in narrow}
    assert ids <= {(part.event, part.days) for part in wide}
    order = [(part.days[0], part.event) for part in wide]
    assert order == sorted(order)
    for part in wide:
        assert list(part.days) == sorted(part.days)


def test_clearings_have_the_sizes_and_seasons_of_smallholders() -> None:
    parts = [part for part in events_in(5, GRID.pad(300)) if part.kind == "clearing"]
    areas = np.array([3.7081 * part.patch.half_length * part.patch.half_width / 10_000 for part in parts])
    assert areas.min() >= 0.0999
    assert 0.5 < np.median(areas) < 0.7
    months = np.array([np.datetime64(part.days[0], "D").astype("M8[M]").astype(int) % 12 + 1 for part in parts])
    assert 0.8 < np.isin(months, (5, 6, 7, 8)).mean() < 0.97


def test_truth_holds_together(truth: Truth, land: Landscape) -> None:
    losses = np.zeros(GRID.shape, bool)
    for event in truth.events:
        rows, columns = (event.cells - [GRID.first_row, GRID.first_column]).T
        assert event.cells.dtype == np.int32
        assert event.start <= event.end
        assert event.area_ha == pytest.approx(len(event.cells) * 0.09)
        assert np.isin(land.surface[rows, columns], c.WOODY).all()
        if event.loss:
            assert not losses[rows, columns].any()
            losses[rows, columns] = True
            assert START <= event.start < END
            days = truth.loss_day[rows, columns]
            assert days.min() == to_day(event.start)
            assert days.max() == to_day(event.end)
    np.testing.assert_array_equal(losses, truth.loss_day >= 0)
    assert {"clearing", "flood"} <= {event.kind for event in truth.events}


def test_surface_changes_where_and_when_the_truth_says(truth: Truth, land: Landscape) -> None:
    woody_before = np.isin(truth.surface, c.WOODY)
    woody_after = np.isin(surface_on(land, to_day(END) * SECONDS_A_DAY), c.WOODY)
    assert woody_before[truth.loss_day >= 0].all()
    np.testing.assert_array_equal(woody_before & ~woody_after, truth.loss_day >= 0)


def test_poisson_and_uniform_draws_have_their_means() -> None:
    counts = [Dice(key).poisson(2.5) for key in range(3000)]
    assert abs(np.mean(counts) - 2.5) < 0.1
    dice = Dice(9)
    assert abs(np.mean([dice.uniform() for _ in range(3000)]) - 0.5) < 0.02
    assert {dice.whole(2, 4) for _ in range(60)} == {2, 3, 4}


def test_finer_grids_show_the_same_land() -> None:
    coarse = landscape(1, GRID.window(0, 0, 60, 60))
    fine = landscape(1, Grid(GRID.crs, GRID.west, GRID.north, 10, (180, 180)))
    assert (fine.surface[1::3, 1::3] == coarse.surface).mean() > 0.9


def test_scene_numbers_stay_in_the_valid_range(land: Landscape) -> None:
    low, high = SENSORS["landsat-c2l2"].valid_range or (0, 0)
    for when in dry_days():
        numbers = shoot(1, land, when, BANDS[:-1]).numbers
        assert numbers.min() >= low
        assert numbers.max() <= high
    assert Scene(instant(2023, 6, 3), "landsat-8", "x").day == to_day(date(2023, 6, 3))
