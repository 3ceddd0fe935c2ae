"""Features of a trace: what they say of planted steps, and that neither gaps nor neighbours move them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.errors import BadInput
from models.traces import OF_A_PLANE, OF_THE_LEADING, names, step_of, traces

QUICK = settings(max_examples=30, deadline=None)


def said(**planes: np.ndarray) -> dict[str, float]:
    """The features of the first series, by name."""
    return dict(zip(names(planes), traces(planes)[0].tolist(), strict=True))


def column(*parts: tuple[float, int]) -> np.ndarray:
    """(look, 1) levels, each for so many looks."""
    return np.concatenate([np.full(many, level) for level, many in parts])[:, None]


def test_a_planted_step_is_found_with_its_levels_in_all_planes() -> None:
    found = said(nbr=column((0.7, 10), (0.1, 20)), red=column((0.03, 10), (0.12, 20)))
    assert found["step_at"] == pytest.approx(1 / 3) and found["nbr_step"] == pytest.approx(-0.6)
    assert (found["nbr_before"], found["nbr_after"]) == (pytest.approx(0.7), pytest.approx(0.1))
    assert (found["red_before"], found["red_after"]) == (pytest.approx(0.03), pytest.approx(0.12))
    assert found["drop"] == pytest.approx(0.6) and found["rebound"] == pytest.approx(0, abs=1e-6)
    assert found["step_ratio"] == pytest.approx(-60, rel=1e-4), "nothing scatters"


def test_a_field_that_greens_again_has_a_rebound_and_a_level_one_has_neither() -> None:
    field = said(nbr=column((0.5, 10), (0.0, 6), (0.5, 14)))
    assert field["drop"] == pytest.approx(0.5) and field["rebound"] == pytest.approx(0.5)
    level = said(nbr=column((0.6, 30)))
    assert level["drop"] == level["nbr_step"] == level["rebound"] == 0 and level["step_at"] == 0.5


def test_what_rises_has_no_step_down() -> None:
    values = np.arange(12.0)
    assert step_of(values) == 6
    assert step_of(-values) == 6
    assert step_of(np.array([1.0, 1, 1, 1, 0, 0, 0, 0, 0])) == 4


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_gaps_and_neighbours_move_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    planes = {name: rng.normal(0.4, 0.2, (25, 3)) for name in ("nbr", "swir1")}
    gap = np.full((1, 3), np.nan)
    at = int(rng.integers(0, 26))
    holed = {name: np.insert(values, at, gap, 0) for name, values in planes.items()}
    holed["swir1"] = np.where(np.isnan(holed["swir1"]), 0.3, holed["swir1"])
    np.testing.assert_array_equal(traces(planes), traces(holed), "a look counts where all planes are seen")
    one = {name: values[:, 1:2] for name, values in planes.items()}
    np.testing.assert_array_equal(traces(planes)[1:2], traces(one))


def test_too_few_looks_are_no_numbers_and_bad_planes_one_line() -> None:
    assert np.isnan(traces({"nbr": np.ones((8, 2))})).all()
    assert np.isfinite(traces({"nbr": np.ones((9, 2))})).all()
    for planes in ({}, {"nbr": np.ones(4)}, {"nbr": np.ones((9, 2)), "red": np.ones((9, 3))}):
        with pytest.raises(BadInput, match="one .look, series. array each"):
            traces(planes)
    assert len(names(("nbr", "red"))) == 2 * len(OF_A_PLANE) + len(OF_THE_LEADING)
