"""The simulated source as a `Source`: manifest, read, families, orbits, statuses, errors of the user."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.codes import Observation
from detection.errors import BadInput, DetectionError, GridMismatch, NoImagery, UnknownBand
from detection.sources import Source
from detection.sources.sensors import SENSORS
from detection.sources.simulated import OFFERED, Family, Simulated, SimulatedParameters, truth
from detection.types import Grid, Row, Scene, to_day

ALL = (0, 100_000)
SMALL = SimulatedParameters(rows=48, columns=40, start=date(2023, 5, 1), end=date(2023, 9, 1), orbits=("002",))
BANDS = ("red", "nir", "swir1", "swir2", "qa")
FAMILIES: tuple[Family, ...] = ("landsat", "sentinel-2", "sentinel-1")
EVERYONE = SimulatedParameters(
    rows=12, columns=10, sensors=FAMILIES, resolution=20, start=date(2022, 1, 1), end=date(2022, 3, 1)
)
REGIONS = {
    "madre-de-dios": Grid("EPSG:32719", 360_000, 8_594_040, 30, (512, 512)),
    "alto-mayo": Grid("EPSG:32718", 240_000, 9_360_000, 30, (512, 512)),
    "loreto-peatland": Grid("EPSG:32718", 480_000, 9_480_000, 30, (512, 512)),
}


@pytest.fixture(scope="module")
def source() -> Simulated:
    return Simulated(SMALL)


@pytest.fixture(scope="module")
def scenes(source: Simulated) -> tuple[Row, ...]:
    return source.manifest(*ALL)


def of(source: Simulated, sensor: str) -> list[Row]:
    return [row for row in source.manifest(*ALL) if row.sensor == sensor]


def test_defaults_are_three_years_of_landsat_over_madre_de_dios() -> None:
    source: Source = Simulated(SimulatedParameters())
    rows = source.manifest(*ALL)
    scenes = [row.scene for row in rows]
    assert [scene.id for scene in scenes[:2]] == ["SIM_LC09_003_20220104", "SIM_LC08_002_20220105"]
    assert {row.sensor for row in rows} == {"landsat-c2l2"}
    assert {(scene.orbit, scene.when.hour, scene.when.minute) for scene in scenes} == {("002", 14, 45), ("003", 14, 51)}
    # two paths, each seen by two satellites every 16 days of 1096: 276 at most, and some of them never arrived
    assert 0.9 * 276 < sum(scene.platform in ("landsat-8", "landsat-9") for scene in scenes) < 276
    assert list(scenes) == sorted(set(scenes))
    assert len({scene.id for scene in scenes}) == len(scenes)
    assert source.grid() == REGIONS["madre-de-dios"]
    assert source.failures == []


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_has_a_grid_of_its_own_that_the_user_may_move(region: Any) -> None:
    assert Simulated(SimulatedParameters(region=region)).grid() == REGIONS[region]
    moved = SimulatedParameters(region=region, crs="EPSG:32717", west=300_000, north=9_000_000, rows=3, columns=4)
    assert Simulated(moved).grid() == Grid("EPSG:32717", 300_000, 9_000_000, 30, (3, 4))
    half = SimulatedParameters(region=region, west=300_000)
    assert Simulated(half).grid() == Grid(REGIONS[region].crs, 300_000, REGIONS[region].north, 30, (512, 512))


def test_regions_variants_and_seeds_are_other_places() -> None:
    def numbers(**changes: Any) -> bytes:
        """Two looks, so that a cloud over both would have to be the same as well; always on one grid."""
        place = {"crs": "EPSG:32718", "west": 480_000, "north": 9_480_000, "rows": 20, "columns": 20}
        source = Simulated(SimulatedParameters(**{**place, "orbits": ("002",), "start": date(2023, 7, 1), **changes}))
        return source.read(source.grid(), source.manifest(*ALL)[:2], BANDS).values.tobytes()

    others = [{"region": "alto-mayo"}, {"region": "loreto-peatland"}, {"variant": "blind"}, {"seed": 2}]
    assert len({numbers(), *(numbers(**other) for other in others)}) == 5
    assert numbers() == numbers(seed=1, region="madre-de-dios", variant="open")


def test_orbits_keep_those_named_however_they_are_written() -> None:
    def found(*orbits: str) -> tuple[Row, ...]:
        return Simulated(SimulatedParameters(start=date(2023, 1, 1), end=date(2024, 1, 1), orbits=orbits)).manifest(
            *ALL
        )

    both, first, second = found(), found("002"), found("003")
    assert len(first) + len(second) == len(both)
    assert set(first) | set(second) == set(both)
    assert {row.scene.orbit for row in first} == {"002"}
    assert all("_002_" in row.scene.id for row in first)
    assert min(len(first), len(second)) > 40
    assert found("2") == first
    assert found("002", "003") == found("3", "2") == both
    assert found("127") == (), "a radar orbit, and no radar was asked for"


def test_peatland_radar_comes_on_two_orbits_and_the_others_on_one() -> None:
    def orbits(region: Any) -> set[str]:
        year: dict[str, Any] = {"start": date(2023, 1, 1), "end": date(2024, 1, 1)}
        source = Simulated(SimulatedParameters(region=region, sensors=("sentinel-1",), **year))
        return {row.scene.orbit for row in source.manifest(*ALL)}

    assert {region: orbits(region) for region in REGIONS} == {
        "madre-de-dios": {"127"}, "alto-mayo": {"127"}, "loreto-peatland": {"120", "127"}
    }  # fmt: skip


def test_the_manifest_ends_are_half_open(source: Simulated, scenes: tuple[Row, ...]) -> None:
    days = [row.scene.day for row in scenes]
    assert source.manifest(days[2], days[5]) == scenes[2:5]
    assert source.manifest(days[2] + 1, days[5] + 1) == scenes[3:6]
    assert source.manifest(days[3], days[3]) == ()
    assert days[0] >= to_day(SMALL.start)
    assert days[-1] < to_day(SMALL.end)


def test_a_scene_is_the_same_in_a_longer_period(scenes: tuple[Row, ...]) -> None:
    longer = Simulated(SimulatedParameters(rows=48, columns=40, start=date(2022, 2, 3), end=date(2024, 1, 1)))
    assert set(scenes) <= set(longer.manifest(*ALL))
    for one in (scenes[0], scenes[-1]):
        there, here = longer.read(longer.grid(), [one], BANDS), Simulated(SMALL).read(longer.grid(), [one], BANDS)
        np.testing.assert_array_equal(there.values, here.values)


def test_a_scene_is_the_same_whoever_else_looks() -> None:
    together = Simulated(EVERYONE)
    for family in FAMILIES:
        alone = Simulated(SimulatedParameters(
            rows=12, columns=10, sensors=(family,), resolution=20, start=EVERYONE.start, end=EVERYONE.end
        ))  # fmt: skip
        rows = alone.manifest(*ALL)
        assert list(rows) == of(together, rows[0].sensor)
        bands = OFFERED[rows[0].sensor][:2]
        one, other = (s.read(s.grid(), rows[:2], bands).values for s in (alone, together))
        np.testing.assert_array_equal(one, other)


def test_every_satellite_looks_while_it_flies() -> None:
    """Landsat 9 from November 2021, Landsat 7 until April 2022 (USGS mission pages)."""
    long = Simulated(SimulatedParameters(start=date(2020, 1, 1), end=date(2023, 1, 1)))
    seen: dict[str, list[date]] = {}
    for row in long.manifest(*ALL):
        seen.setdefault(row.scene.platform, []).append(row.scene.when.date())
    assert set(seen) == {"landsat-7", "landsat-8", "landsat-9"}
    assert date(2021, 10, 31) < min(seen["landsat-9"]) < date(2022, 1, 1)
    assert date(2022, 1, 1) < max(seen["landsat-7"]) < date(2022, 5, 1)
    assert min(seen["landsat-8"]) < date(2020, 2, 1)
    assert max(seen["landsat-8"]) > date(2022, 12, 1)


def test_the_three_families_come_as_their_providers_store_them() -> None:
    source = Simulated(EVERYONE)
    assert {row.sensor for row in source.manifest(*ALL)} == set(OFFERED)
    stored = {"landsat-c2l2": np.uint16, "sentinel-2-l2a": np.uint16, "sentinel-1-rtc": np.float32}
    for sensor, dtype in stored.items():
        rows = of(source, sensor)
        raw = source.read(source.grid().pad(1), rows, OFFERED[sensor])
        assert raw.values.dtype == dtype
        assert raw.values.shape == (len(rows), len(OFFERED[sensor]), 14, 12)
        assert raw.scenes == tuple(row.scene for row in rows)
        assert raw.added == tuple(row.added for row in rows)
        assert (raw.observation[:, 1:-1, 1:-1] == Observation.OBSERVED).all()
        assert len(np.unique(raw.values[:, 0, 1:-1, 1:-1])) > 50


def test_sentinel_2_is_stored_a_thousand_higher_since_baseline_4() -> None:
    """ESA, processing baseline 04.00, 25 January 2022: what is added takes it off again, and the numbers carry on."""
    year: dict[str, Any] = {"start": date(2021, 7, 1), "end": date(2022, 8, 1), "resolution": 20}
    source = Simulated(SimulatedParameters(rows=12, columns=10, sensors=("sentinel-2",), **year))
    rows = source.manifest(*ALL)
    assert {(row.scene.when.date() >= date(2022, 1, 25), row.added) for row in rows} == {(False, 0.0), (True, -1000.0)}
    raw = source.read(source.grid(), rows, ("nir", "scl"))
    clear = raw.band("scl") == 4
    lifted = np.array([row.added < 0 for row in rows])
    stored = [np.median(raw.band("nir")[which][clear[which]]) for which in (~lifted, lifted)]
    assert stored[1] - stored[0] == pytest.approx(1000, abs=300), "July and August of either year, mostly"
    assert set(np.unique(raw.band("scl"))) <= set(range(12))
    assert clear[lifted].sum() > 100 < clear[~lifted].sum()


def test_nothing_is_added_to_other_families() -> None:
    assert {row.added for row in Simulated(EVERYONE).manifest(*ALL) if row.sensor != "sentinel-2-l2a"} == {0}


def test_radar_is_linear_power_and_its_fill_says_what_was_not_seen() -> None:
    """Slopes of the mountains that lean towards the sensor fold over: those cells hold the fill, and OBSERVED none."""
    source = Simulated(SimulatedParameters(
        region="alto-mayo", sensors=("sentinel-1",), rows=200, columns=200, start=date(2023, 6, 1), end=date(2023, 7, 1)
    ))  # fmt: skip
    rows, nodata = source.manifest(*ALL), SENSORS["sentinel-1-rtc"].nodata
    raw = source.read(source.grid().pad(1), rows, ("vv", "vh"))
    folded = raw.values[:, :, 1:-1, 1:-1] == nodata
    assert (raw.values[:, :, 0] == nodata).all()
    assert (raw.observation[:, 0] == Observation.OUTSIDE).all()
    assert 0 < folded.mean() < 0.2
    np.testing.assert_array_equal(folded[:, 0], folded[:, 1])
    vv, vh = (10 * np.log10(raw.band(band)[:, 1:-1, 1:-1][~folded[:, 0]]) for band in ("vv", "vh"))
    assert -12 < np.median(vv) < -4, "forest, dB"
    assert 3 < np.median(vv) - np.median(vh) < 9, "dB"


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_part_in_any_order_is_the_crop_of_the_whole(data: st.DataObject) -> None:
    source = Simulated(SMALL)
    every = source.manifest(*ALL)
    row, column = data.draw(st.integers(-10, 50)), data.draw(st.integers(-10, 45))
    shape = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30))
    chosen = data.draw(st.permutations(range(len(every))).flatmap(lambda p: st.integers(0, 4).map(lambda n: p[:n])))
    bands = data.draw(st.permutations(BANDS).flatmap(lambda p: st.integers(1, 5).map(lambda n: p[:n])))
    whole = source.read(source.grid().pad(50), every, BANDS)
    part = source.read(source.grid().window(row, column, *shape), [every[i] for i in chosen], bands)
    inner = np.s_[row + 50 : row + 50 + shape[0], column + 50 : column + 50 + shape[1]]
    at = [BANDS.index(band) for band in bands]
    np.testing.assert_array_equal(part.values, whole.values[np.ix_(chosen, at)][:, :, *inner])
    np.testing.assert_array_equal(part.observation, whole.observation[chosen][:, *inner])


def test_outside_is_said_and_filled(source: Simulated, scenes: tuple[Row, ...]) -> None:
    raw = source.read(source.grid().pad(3), scenes[:2], BANDS)
    inside = np.zeros(raw.grid.shape, bool)
    inside[3:-3, 3:-3] = True
    assert raw.values.dtype == np.uint16
    assert (raw.observation[:, inside] == Observation.OBSERVED).all()
    assert (raw.observation[:, ~inside] == Observation.OUTSIDE).all()
    assert (raw.band("nir")[:, ~inside] == SENSORS["landsat-c2l2"].nodata).all()
    assert (raw.band("nir")[:, inside] != SENSORS["landsat-c2l2"].nodata).all()
    assert (raw.band("qa")[:, ~inside] == 1).all()
    away = source.read(source.grid().window(500, 0, 5, 5), scenes[:1], ["nir"])
    assert (away.observation == Observation.OUTSIDE).all()


def test_nothing_asked_nothing_read(source: Simulated) -> None:
    assert source.read(source.grid(), [], BANDS).values.shape == (0, 5, 48, 40)


def test_truth_is_on_the_source_grid_and_in_its_period() -> None:
    parameters = SimulatedParameters(rows=150, columns=150)
    told = truth(parameters)
    assert told.grid == Simulated(parameters).grid()
    assert told.loss_day.shape == told.surface.shape == (150, 150)
    known = told.loss_day[told.loss_day >= 0]
    assert known.size
    assert known.min() >= to_day(parameters.start)
    assert known.max() < to_day(parameters.end)
    assert len({event.id for event in told.events}) == len(told.events)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"west": 360_030}, "take 360"),
        ({"north": 8_600_050}, "take 8600040"),
        ({"end": date(2022, 1, 1)}, "not after start"),
        ({"start": date(1984, 12, 31)}, "not within 1985-01-01 to 2031-01-01"),
        ({"end": date(2031, 1, 2)}, "not within"),
        ({"crs": "EPSG:4326"}, "not a UTM zone"),
        ({"rows": 0}, "empty"),
        ({"sensors": ()}, "name at least one"),
        ({"sensors": ("landsat", "landsat")}, "each once"),
        ({"sensors": ("modis",)}, "'modis' is none of landsat, sentinel-2, sentinel-1"),
        ({"orbits": ("002", "2A")}, "'2A' is no path or relative orbit"),
        ({"orbits": ("-3",)}, "write a number like '002'"),
    ],
)
def test_wrong_parameters_end_in_one_clear_line(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(DetectionError, match=words) as caught:
        Simulated(SimulatedParameters(**wrong)).manifest(*ALL)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, BadInput)


def test_the_first_and_the_last_day_that_is_simulated_may_be_asked_for() -> None:
    assert Simulated(SimulatedParameters(start=date(1985, 1, 1), end=date(1986, 1, 1))).manifest(*ALL)
    assert Simulated(SimulatedParameters(start=date(2030, 1, 1), end=date(2031, 1, 1))).manifest(*ALL)


def test_wrong_reads_end_in_one_clear_line(source: Simulated, scenes: tuple[Row, ...]) -> None:
    with pytest.raises(UnknownBand, match="no band 'b4'; landsat-c2l2 has blue"):
        source.read(source.grid(), scenes[:1], ["b4"])
    radar = Row(Scene(0, "sentinel-1a", "SIM_S1A_127_19990101"), "sentinel-1-rtc")
    with pytest.raises(UnknownBand, match="no band 'nir'; sentinel-1-rtc has vv, vh"):
        source.read(source.grid(), [radar], ["nir"])
    with pytest.raises(NoImagery, match="no scene SIM_S1A_127_19990101"):
        source.read(source.grid(), [radar], ["vv"])
    other = next(row for row in Simulated(SimulatedParameters()).manifest(*ALL) if row.scene.orbit == "003")
    with pytest.raises(NoImagery, match=f"no scene {other.scene.id}"):
        source.read(source.grid(), [other], ["nir"])
    with pytest.raises(GridMismatch):
        source.read(Grid("EPSG:32718", 360_000, 8_594_040, 30, (4, 4)), scenes[:1], ["nir"])


def test_sensor_table_turns_the_valid_range_into_reflectance() -> None:
    landsat = SENSORS["landsat-c2l2"]
    low, high = landsat.valid_range or (0, 0)
    assert low * landsat.scale + landsat.offset == pytest.approx(0, abs=1e-4)
    assert high * landsat.scale + landsat.offset == pytest.approx(1, abs=1e-4)
    assert landsat.qa_band in landsat.bands
    assert [landsat.qa_bits[bit] for bit in landsat.qa_masked_bits][3] == "cloud"
    assert SENSORS["generic"].qa_band is None
    assert all(name == sensor.name for name, sensor in SENSORS.items())
