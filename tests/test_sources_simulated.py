"""The simulated source as a `Source`: manifest, read, statuses, errors of the user."""

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
from detection.sources.simulated import Simulated, SimulatedParameters, truth
from detection.types import Grid, Row, Scene, to_day

SMALL = SimulatedParameters(rows=48, columns=40, start=date(2023, 5, 1), end=date(2023, 9, 1))
BANDS = ("red", "nir", "swir1", "swir2", "qa")


@pytest.fixture(scope="module")
def source() -> Simulated:
    return Simulated(SMALL)


@pytest.fixture(scope="module")
def scenes(source: Simulated) -> tuple[Row, ...]:
    return source.manifest(0, 100_000)


def test_defaults_are_three_years_of_madre_de_dios() -> None:
    source: Source = Simulated(SimulatedParameters())
    scenes = [row.scene for row in source.manifest(0, 100_000)]
    assert len(scenes) == 137
    assert scenes[0].id == "SIM_LC08_20220105"
    assert scenes[1].platform == "landsat-9"
    assert all(scene.when.hour == 14 and scene.when.minute == 45 for scene in scenes)
    assert list(scenes) == sorted(set(scenes))
    assert source.grid().shape == (512, 512)
    assert source.grid().west % 60 == source.grid().north % 60 == 0


def test_the_manifest_ends_are_half_open(source: Simulated, scenes: tuple[Row, ...]) -> None:
    days = [row.scene.day for row in scenes]
    assert source.manifest(days[2], days[5]) == scenes[2:5]
    assert source.manifest(days[2] + 1, days[5] + 1) == scenes[3:6]
    assert source.manifest(days[3], days[3]) == ()
    assert days[0] >= to_day(SMALL.start)
    assert days[-1] < to_day(SMALL.end)


def test_a_scene_is_the_same_in_a_longer_period(scenes: tuple[Row, ...]) -> None:
    longer = Simulated(SimulatedParameters(rows=48, columns=40, start=date(2022, 2, 3), end=date(2024, 1, 1)))
    assert set(scenes) <= set(longer.manifest(0, 100_000))
    for one in (scenes[0], scenes[-1]):
        there, here = longer.read(longer.grid(), [one], BANDS), Simulated(SMALL).read(longer.grid(), [one], BANDS)
        np.testing.assert_array_equal(there.values, here.values)


def test_before_landsat_9_every_look_is_called_landsat_8() -> None:
    old = Simulated(SimulatedParameters(start=date(2020, 1, 1), end=date(2022, 6, 1)))
    found = [row.scene for row in old.manifest(0, 100_000)]
    platforms = {(scene.when.date() >= date(2021, 11, 1), scene.platform) for scene in found}
    assert platforms == {(False, "landsat-8"), (True, "landsat-8"), (True, "landsat-9")}


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_part_in_any_order_is_the_crop_of_the_whole(data: st.DataObject) -> None:
    source = Simulated(SMALL)
    every = source.manifest(0, 100_000)
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
        ({"start": date(2010, 1, 1)}, "not within"),
        ({"end": date(2040, 1, 1)}, "not within"),
        ({"revisit_days": 0}, "less than 1"),
        ({"crs": "EPSG:4326"}, "not a UTM zone"),
        ({"rows": 0}, "empty"),
    ],
)
def test_wrong_parameters_end_in_one_clear_line(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(DetectionError, match=words) as caught:
        Simulated(SimulatedParameters(**wrong))
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, BadInput)


def test_wrong_reads_end_in_one_clear_line(source: Simulated, scenes: tuple[Row, ...]) -> None:
    with pytest.raises(UnknownBand, match="no band 'b4'; it has blue"):
        source.read(source.grid(), scenes[:1], ["b4"])
    with pytest.raises(NoImagery, match="no scene SIM_LC08_19990101"):
        source.read(source.grid(), [Row(Scene(0, "landsat-8", "SIM_LC08_19990101"), "landsat-c2l2")], ["nir"])
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
