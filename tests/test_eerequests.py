"""How requests are sized, cut, asked again and given up. No network."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.sources.eerequests import (
    Fault,
    Lattice,
    Limits,
    Refused,
    Request,
    bytes_a_pixel,
    carried,
    fault_of,
    lattice_of,
    pause_s,
    persist,
    plan,
)
from detection.types import Grid

SEVEN = ("uint16",) * 7
FORTY = Limits(size=40_000_000)
STEADY = settings(max_examples=60, deadline=None)


def covered(requests, looks, shape):
    """How often each pixel of each look is asked for."""
    times = np.zeros((looks, *shape), int)
    for request in requests:
        times[(np.array(request.looks)[:, None, None], *np.ix_(*map(np.r_.__getitem__, request.where)))] += 1
    return times


def test_the_arithmetic_is_that_of_the_service() -> None:
    """The service's own figure for 48 bands of float64, 512 x 256 pixels (google/Xee, issue 50)."""
    assert 512 * 256 * bytes_a_pixel(("float64",) * 48) == 56_623_104
    assert Limits().size == 50_331_648


@pytest.mark.parametrize(("dates", "requests"), [(1, 1), (7, 1), (8, 2), (50, 8), (500, 72), (2000, 286)])
def test_requests_of_a_tile(dates: int, requests: int) -> None:
    """512 x 512 cells, 7 bands of uint16: 5,505,024 bytes an image, so 7 images in 40 million bytes."""
    planned = plan(dates, (512, 512), SEVEN, FORTY)
    assert len(planned) == requests
    sizes = {len(request.looks) for request in planned}
    assert max(sizes) - min(sizes) <= 1
    assert requests <= math.ceil(1.05 * math.ceil(dates * 5_505_024 / FORTY.size))


@STEADY
@given(
    looks=st.integers(0, 60),
    shape=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    dtypes=st.lists(st.sampled_from(["uint8", "uint16", "float32"]), min_size=1, max_size=5),
    limits=st.builds(Limits, size=st.integers(30, 4000), side=st.integers(3, 30), bands=st.integers(5, 40)),
)
def test_a_plan_asks_for_everything_once_within_the_limits(looks, shape, dtypes, limits) -> None:
    planned = plan(looks, shape, dtypes, limits)
    assert (covered(planned, looks, shape) == 1).all()
    for request in planned:
        rows, columns = request.window[2:]
        assert len(request.looks) * rows * columns * bytes_a_pixel(dtypes) <= limits.size
        assert max(rows, columns) <= limits.side
        assert len(request.looks) * len(dtypes) <= limits.bands
    image = math.prod(shape) * bytes_a_pixel(dtypes)
    if looks and image <= limits.size and max(shape) <= limits.side:
        most = min(limits.size // image, limits.bands // len(dtypes))
        whole = math.ceil(looks / most)  # the fewest requests of whole images
        assert len(planned) <= whole
        assert {request.window for request in planned} == {(0, 0, *shape)} or len(planned) < whole


@STEADY
@given(looks=st.integers(100, 400), rows=st.integers(60, 400), columns=st.integers(60, 100), size=st.integers(20, 60))
def test_strips_keep_requests_near_the_least(looks, rows, columns, size) -> None:
    """Images that alone are too large, or of which too few fit: near ceil(all bytes / limit)."""
    limits = Limits(size=size * 1000)
    planned = plan(looks, (rows, columns), ("uint16",), limits)
    assert (covered(planned[:1], looks, (rows, columns)) <= 1).all()
    least = math.ceil(looks * rows * columns * 3 / limits.size)
    assert least <= len(planned) <= 1.4 * least + 1


def test_what_can_never_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="over the limits"):
        plan(1, (4, 4), SEVEN, Limits(size=20))
    with pytest.raises(ValueError, match="over the limits"):
        plan(1, (4, 4), SEVEN, Limits(bands=6))


@STEADY
@given(
    looks=st.integers(1, 9),
    window=st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 9), st.integers(1, 9)),
    fault=st.sampled_from(Fault),
)
def test_what_is_asked_instead_is_the_same_pixels(looks, window, fault) -> None:
    request = Request(tuple(range(looks)), window)
    smaller = request.smaller(fault)
    if smaller:
        assert len(smaller) == (2 if looks > 1 else 4)
        before, after = covered([request], looks, (14, 14)), covered(smaller, looks, (14, 14))
        np.testing.assert_array_equal(after, before)
    assert bool(smaller) == (
        (fault in (Fault.SPLIT, Fault.IMAGE) and looks > 1) or (fault is Fault.SPLIT and min(window[2:]) > 1)
    )
    assert all(not part.smaller(Fault.SPLIT) for part in smaller if part.quartered)


@pytest.mark.parametrize(
    ("status", "message", "fault"),
    [
        (None, "connection reset", Fault.WAIT),
        (429, "Too Many Requests", Fault.WAIT),
        (500, "Internal error", Fault.WAIT),
        (503, "Service unavailable", Fault.WAIT),
        (504, "Deadline", Fault.WAIT),
        (403, "Rate Limit Exceeded", Fault.WAIT),
        (403, "Permission denied", Fault.ACCESS),
        (401, "Unauthenticated", Fault.ACCESS),
        (400, "User memory limit exceeded.", Fault.SPLIT),
        (400, "Computation timed out.", Fault.SPLIT),
        (400, "Total request size (56623104 bytes) must be less than or equal to 50331648 bytes.", Fault.SPLIT),
        (400, "Pixel grid dimensions (40818x1) must be less than or equal to 32768.", Fault.SPLIT),
        (400, "Image.select: Band pattern 'B9' did not match any bands.", Fault.IMAGE),
        (404, "Image.load: Image asset 'X' not found.", Fault.IMAGE),
    ],
)
def test_what_a_refusal_calls_for(status, message, fault) -> None:
    assert fault_of(status, message) is fault


def test_pauses_double_and_are_spread_and_repeat() -> None:
    for tried in range(1, 12):
        pauses = [pause_s(tried, f"tile {n}") for n in range(200)]
        middle = min(60.0, 2.0 ** (tried - 1))
        assert all(0.5 * middle <= pause <= min(60.0, 1.5 * middle) for pause in pauses)
        assert pauses == [pause_s(tried, f"tile {n}") for n in range(200)]
        assert len(set(pauses)) > 100 or tried > 6
    assert pause_s(1, "a", 7.0) == 7.0
    assert pause_s(1, "a", 3600.0) == 60.0


def test_waiting_ends_after_so_many_tries() -> None:
    asked, waited = [], []

    def ask():
        asked.append(1)
        raise Refused(Fault.WAIT, "HTTP 503: no", 3.0)

    with pytest.raises(Refused, match=r"HTTP 503: no \(4 tries\)"):
        persist(ask, waited.append, 4, "k")
    assert len(asked) == 4
    assert len(waited) == 3
    assert min(waited) >= 3.0


@STEADY
@given(data=st.data(), looks=st.integers(1, 9), side=st.integers(1, 6))
def test_whatever_fails_each_pixel_is_answered_or_refused_once(data, looks, side) -> None:
    """Images to blame, a limit of memory that is hit, and faults that go away: the others are still read."""
    bad = data.draw(st.sets(st.integers(0, looks - 1)))
    most = data.draw(st.integers(1, looks * side * side))
    passing = data.draw(st.lists(st.booleans(), max_size=6))

    def ask(request):
        if passing and passing.pop():
            raise Refused(Fault.WAIT, "once")
        if set(request.looks) & bad:
            raise Refused(Fault.IMAGE, "bad")
        if len(request.looks) * request.window[2] * request.window[3] > most:
            raise Refused(Fault.SPLIT, "memory")
        return sum(request.looks)

    whole = Request(tuple(range(looks)), (0, 0, side, side))
    parts = list(carried(whole, ask, lambda s: None, 8, "k"))
    assert (covered([request for request, _ in parts], looks, (side, side)) == 1).all()
    for request, answer in parts:
        if isinstance(answer, Refused):
            one = len(request.looks) == 1
            assert one and (request.looks[0] in bad or request.window[2] * request.window[3] > most)
        else:
            assert answer == sum(request.looks)
            assert not set(request.looks) & bad


def test_landsat_is_asked_for_on_its_own_centres_to_the_south_east() -> None:
    grid = Grid("EPSG:32719", 360_000, 8_594_040, 30, (5, 4))
    assert lattice_of(grid, 15) == Lattice("EPSG:32719", 360_015, 8_594_025, 30, (5, 4))
    assert lattice_of(grid, 15).window(1, 2, 3, 1) == Lattice("EPSG:32719", 360_075, 8_593_995, 30, (3, 1))
