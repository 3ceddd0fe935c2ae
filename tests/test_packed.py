"""What a state of the fusion is packed into. Looks are drawn."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.monitors import Detector, Looks, State, unseen, update
from detection.monitors.fusion import Fusion
from detection.monitors.packed import pack_model, pack_pixels, packed, unpack_model, unpack_pixels, unpacked
from detection.types import Scene

PIXELS = 60
DETECTOR = Detector(monitor=Fusion(optical=("nbr", "nir"), radar=("vv", "vh")))
OPTICAL = (12_000, *[0] * 6, 900, 0, 0)
"""A plane of three harmonics at 0.6, its scale 0.045, in steps; radar at -8 dB, its scale 0.8, of one orbit."""
RADAR = (*[0] * 6, 400, -4000)


def begun() -> State:
    model = {
        name: np.tile(np.array(rows * 2, np.int16)[:, None], PIXELS)
        for name, rows in {"optical": OPTICAL, "radar": RADAR}.items()
    }
    pixels, nought = unseen(DETECTOR, PIXELS), np.zeros(PIXELS, np.int32)
    return State(
        model, pixels, nought.astype(np.uint8), nought, None, DETECTOR.digest, {"orbits": np.array([1], np.int16)}
    )


def drawn(seed: int, many: int) -> Looks:
    """Both kinds in turn; from a look of its own on every third pixel has fallen."""
    rng = np.random.default_rng(seed)
    scenes = tuple(Scene((18_000 + 9 * t) * 86_400, ("l", "sentinel-1a")[t % 2], f"{t:03d}", "1") for t in range(many))
    radar = np.arange(many)[:, None, None] % 2
    fallen = (np.arange(PIXELS) % 3 == 0) & (np.arange(many)[:, None] >= rng.integers(0, 2 * many, PIXELS))
    values = np.where(radar, -8, 0.6) + np.where(radar, 0.8, 0.045) * (
        rng.normal(size=(many, 2, PIXELS)) - 8 * fallen[:, None]
    )
    return Looks(scenes, np.where(rng.random((many, 1, PIXELS)) < 0.3, np.nan, values).astype(np.float32))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 99), st.integers(1, 30))
def test_packing_a_fusion_loses_nothing_and_keeps_evidence_where_there_is_any(seed: int, many: int) -> None:
    state, _ = update(DETECTOR, begun(), drawn(seed, many))
    kept = pack_pixels(state.pixels)
    found = unpack_pixels(kept)
    assert found.keys() == state.pixels.keys()
    for name, array in state.pixels.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == array.tobytes(), name
    for name, array in unpack_model(pack_model(state.model)).items():
        np.testing.assert_array_equal(array, state.model[name])
    assert kept["told"].shape == (2, len(kept["which"]))
    assert (state.pixels["evidence"] > 0).sum() <= len(kept["which"]) < PIXELS
    assert not {"evidence", "grade"} & kept.keys()


def test_a_packed_fusion_takes_looks_in_as_the_unpacked_one() -> None:
    state, log = update(DETECTOR, begun(), drawn(3, 30))
    kept, same_log = update(DETECTOR, packed(begun()), drawn(3, 30))
    np.testing.assert_array_equal(same_log, log)
    for name, array in unpacked(kept).pixels.items():
        np.testing.assert_array_equal(array, state.pixels[name], err_msg=name)


def test_something_is_open_in_what_is_packed() -> None:
    state, log = update(DETECTOR, begun(), drawn(3, 30))
    assert len(log) > 5
    assert (state.pixels["evidence"] > 0).sum() > 5
