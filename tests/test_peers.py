"""Published detectors: clear losses found, stable forest left alone, nothing known from the future, published figures met.

All series here are SIMULATED. A peer whose package is not installed is skipped by name.
"""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from peers import (
    MISSING,
    PEERS,
    Bayts,
    Cold,
    DistHls,
    DistS1,
    LandTrendr,
    NrtCusum,
    NrtEwma,
    NrtIqr,
    NrtMosum,
    Peer,
    RadarCusum,
    Sccd,
)
from peers.peer import in_blocks
from peers.pyxccd_segments import EPOCH, loss, observed, said_on

from detection.accuracy.stream import NEVER, Changes, Panel, Stream
from detection.errors import BadInput
from detection.types import SECONDS_A_DAY, Scene, to_day

DAY0 = to_day(date(2005, 1, 1))
MONITOR = to_day(date(2016, 1, 1))
UNTIL = to_day(date(2018, 12, 31))
EVENT_FROM, EVENT_UNTIL = to_day(date(2016, 3, 1)), to_day(date(2017, 6, 1))
FOREST = np.array([0.018, 0.038, 0.020, 0.285, 0.125, 0.050])
BARE = np.array([0.050, 0.080, 0.110, 0.200, 0.290, 0.220])
FOREST_DB, BARE_DB = {"vv": -7.0, "vh": -12.8}, {"vv": -10.8, "vh": -17.5}
BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
EVERY: tuple[Peer, ...] = (
    DistHls(), DistS1(), Bayts(), RadarCusum(), LandTrendr(), NrtEwma(), NrtCusum(), NrtMosum(), NrtIqr(), Cold(), Sccd(),
)  # fmt: skip
WITHOUT_SCREEN = NrtEwma(sensitivity=6, outlier=1000)
"""EWMA as it can see a clearing at all: see `test_the_outlier_screen_of_ewma_hides_a_clearing`."""


def runnable(peers: Sequence[Peer]) -> list[Any]:
    """Parameters of these peers, those whose package is absent skipped by name."""
    reason = lambda p: f"{p.name}: {MISSING.get(p.name)}"  # noqa: E731
    return [pytest.param(p, id=p.name, marks=pytest.mark.skipif(p.name in MISSING, reason=reason(p))) for p in peers]


def scenes(days: Sequence[int] | NDArray[Any], platform: str) -> tuple[Scene, ...]:
    return tuple(Scene(int(d) * SECONDS_A_DAY, platform, f"{platform}/{d}") for d in days)


def optical(days: NDArray[Any], planes: dict[str, NDArray[Any]]) -> Panel:
    values = {name: np.ascontiguousarray(plane, np.float32) for name, plane in planes.items()}
    return Panel(scenes(days, "landsat-8"), np.full(len(days), -1, np.int16), values)


def radar(days: NDArray[Any], vv: NDArray[Any], vh: NDArray[Any], orbits: int = 1) -> Panel:
    orbit = (np.arange(len(days)) % orbits).astype(np.int16) + 10
    return Panel(scenes(days, "sentinel-1a"), orbit, {"vv": vv.astype(np.float32), "vh": vh.astype(np.float32)})


@lru_cache
def simulated(seed: int = 0, lost: int = 20, stable: int = 40, gain: bool = False) -> tuple[Stream, NDArray[np.int64]]:
    """SIMULATED looks at clearings (or, with `gain`, at bare ground that turns to forest) and at what stays as it was."""
    rng = np.random.default_rng(seed)
    many = lost + stable
    when = np.full(many, 10**9)
    when[:lost] = rng.integers(EVENT_FROM, EVENT_UNTIL, lost)
    seen, heard = np.arange(DAY0, UNTIL, 12), np.arange(DAY0 + 3, UNTIL, 6)
    before, after = (BARE, FOREST) if gain else (FOREST, BARE)
    bands = np.where((seen[:, None] >= when)[..., None], after, before)
    bands = bands * (1 + 0.03 * np.cos(2 * np.pi * seen / 365.25)[:, None, None])
    bands = bands + rng.normal(0, 1, bands.shape) * np.maximum(0.05 * bands, 0.003)
    bands[rng.random(bands.shape[:2]) < 0.4] = np.nan
    planes = dict(zip(BANDS, np.moveaxis(bands, 2, 0), strict=True))
    for name, other in (("nbr", "swir2"), ("ndvi", "red"), ("ndmi", "swir1")):
        planes[name] = (planes["nir"] - planes[other]) / (planes["nir"] + planes[other])
    dark, light = (BARE_DB, FOREST_DB) if not gain else (FOREST_DB, BARE_DB)
    level = {k: np.where(heard[:, None] >= when, dark[k], light[k]) for k in ("vv", "vh")}
    vv, vh = (level[k] + rng.normal(0, 0.9, level[k].shape) for k in ("vv", "vh"))
    echoes = radar(heard, vv + 0.4 * (np.arange(len(heard)) % 2)[:, None], vh, orbits=2)
    return Stream(MONITOR, many, optical(seen, planes), echoes), when


@lru_cache
def heard(peer: Peer) -> Changes:
    """What a peer says about `simulated()`."""
    return peer(simulated()[0])


def confirmed(said: Changes) -> Changes:
    return said.take(said.confirmed != NEVER)


# -- the contract -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", EVERY, ids=lambda p: p.name)
def test_a_peer_says_what_it_needs_and_what_was_published(peer: Any) -> None:
    assert is_dataclass(peer)
    assert type(peer).__dataclass_params__.frozen
    assert set(peer.planes) <= {*BANDS, "nbr", "ndvi", "ndmi", "vv", "vh"}
    assert isinstance(peer.slow, bool) and isinstance(peer.retrospective, bool)
    assert len(peer.published) > 3
    tried = peer.choices()
    assert 8 <= len(tried) <= 21
    assert len(set(tried)) == len(tried)
    assert all(type(t) is type(peer) for t in tried)
    for field in fields(peer):
        assert any(f"    {field.name}: " in source_of(base) for base in type(peer).__mro__[:-1])


def source_of(cls: type) -> str:
    import inspect

    return inspect.getsource(cls) if cls.__module__.startswith("peers") else ""


def test_every_peer_is_here_or_named_as_missing() -> None:
    names = [p.name for p in PEERS]
    assert sorted([*names, *MISSING]) == sorted(p.name for p in EVERY)
    assert all("pip install" in reason for reason in MISSING.values())


@pytest.mark.parametrize("peer", runnable(EVERY))
def test_a_stream_without_the_planes_is_refused_by_name(peer: Peer) -> None:
    days = np.arange(DAY0, DAY0 + 100, 10)
    with pytest.raises(BadInput, match="stream: n"):
        peer(Stream(MONITOR, 2, optical(days, {"evi": np.zeros((10, 2))}), None))
    with pytest.raises(BadInput, match="stream: n"):
        peer(Stream(MONITOR, 2))


# -- a clear loss, and none -------------------------------------------------------------------------------------------

FALSE = {"DIST-S1": 0.3, "radar CuSum": 0.45, "nrt CuSum": 0.3, "nrt MoSum": 0.3, "nrt EWMA": 0.15, "nrt IQR": 0.15}
"""Most stable series that may alarm in three years (chosen from the rules' own rates; 5 % for the others)."""


@pytest.mark.parametrize("peer", runnable([WITHOUT_SCREEN if p.name == "nrt EWMA" else p for p in EVERY]))
def test_a_clearing_is_found_and_stable_forest_mostly_left_alone(peer: Peer) -> None:
    _, when = simulated()
    said = confirmed(heard(peer))
    true = said.take(said.first >= when[said.series])
    early = said.take((said.first < when[said.series]) & (when[said.series] < 10**9))
    assert len(set(true.series) | set(early.series)) >= 19
    assert len(set(true.series)) >= 14
    soonest = true.take(np.unique(true.series, return_index=True)[1])  # DIST may say it again a year later
    assert np.all(soonest.confirmed - when[soonest.series] <= (900 if peer.name == "LandTrendr" else 300))
    assert len(set(said.series[when[said.series] == 10**9])) <= 40 * FALSE.get(peer.name, 0.05)
    assert np.all(said.first >= MONITOR) and np.all(said.confirmed >= said.first)
    assert np.all(np.isnan(true.magnitude) | (true.magnitude < 0))


@pytest.mark.parametrize("peer", runnable([p for p in EVERY if p.name not in ("DIST-S1", "bayts")]))
def test_bare_ground_that_turns_to_forest_is_no_loss(peer: Peer) -> None:
    # of the regrown ones, not of noise: in the looks after the change
    stream, when = simulated(gain=True)
    said = confirmed(peer(stream))
    assert len(set(said.series[said.first >= when[said.series]])) <= 2


@pytest.mark.parametrize("peer", runnable([replace(DistS1(), lowering=True), replace(Bayts(), pixelwise=True)]))
def test_the_others_too_where_they_are_told_the_sign_or_centred(peer: Peer) -> None:
    stream, when = simulated(gain=True)
    said = confirmed(peer(stream))
    assert len(set(said.series[said.first >= when[said.series]])) <= 2


@pytest.mark.parametrize("peer", runnable(EVERY))
def test_truth_moved_elsewhere_is_not_found(peer: Peer) -> None:
    # the same looks against truth of other series: the score must fall
    _, when = simulated()
    said = confirmed(heard(peer))
    moved = np.roll(when, 30)
    assert len(set(said.series[said.first >= moved[said.series]])) <= 20 * FALSE.get(peer.name, 0.05) + 1


@pytest.mark.parametrize("peer", runnable(EVERY))
def test_nothing_to_go_by_says_nothing(peer: Peer) -> None:
    stream, _ = simulated()
    few = stream.take(np.arange(3))
    assert few.optical is not None and few.radar is not None
    blind = [
        replace(p, values={k: np.full_like(v, np.nan) for k, v in p.values.items()}) for p in (few.optical, few.radar)
    ]
    for given_ in (
        Stream(MONITOR, 3, *blind),
        few.until(DAY0 - 1),
        few.until(DAY0 + 40),
        replace(few.until(DAY0 + 40), monitor_day=DAY0),
    ):
        assert confirmed(peer(given_)).many == 0


# -- no future --------------------------------------------------------------------------------------------------------

ONLINE = [
    *[WITHOUT_SCREEN if p.name == "nrt EWMA" else p for p in EVERY if not p.retrospective],
    Bayts(pixelwise=True, optical="nbr"), DistS1(lowering=True, high=4.5), RadarCusum(vv_share=0.0), DistHls(worst=50),
]  # fmt: skip


@pytest.mark.parametrize("peer", runnable(ONLINE))
def test_cutting_the_stream_at_the_deciding_day_gives_the_same_rows(peer: Peer) -> None:
    stream, _ = simulated(7, 8, 8)
    full = peer(stream)
    decided = np.unique(np.where(full.confirmed == NEVER, full.first, full.confirmed))
    for day in np.random.default_rng(1).permutation(decided)[: 2 if peer.name.startswith("nrt") else 25]:
        same_rows_when_cut(peer, stream, full, int(day))


def same_rows_when_cut(peer: Peer, stream: Stream, full: Changes, day: int) -> None:
    cut = peer(stream.until(day))
    known = full.take(full.first <= day)
    done = known.confirmed <= day  # also those never confirmed
    np.testing.assert_array_equal(cut.series, known.series)
    np.testing.assert_array_equal(cut.first, known.first)
    np.testing.assert_array_equal(cut.change, known.change)
    np.testing.assert_array_equal(cut.confirmed, np.where(done, known.confirmed, NEVER))
    np.testing.assert_array_equal(cut.probability[done], known.probability[done])
    np.testing.assert_array_equal(cut.magnitude[done], known.magnitude[done])


@settings(max_examples=20, deadline=None)
@given(
    peer=st.sampled_from([p for p in ONLINE if "nrt" not in p.name]),
    seed=st.integers(0, 3),
    day=st.integers(MONITOR, UNTIL),
)
def test_cutting_the_stream_on_any_day_gives_what_was_known_then(peer: Peer, seed: int, day: int) -> None:
    stream, _ = simulated(seed, 4, 4)
    same_rows_when_cut(peer, stream, peer(stream), day)


@pytest.mark.parametrize("peer", runnable([DistS1(), Bayts()]))
def test_blocks_of_series_change_nothing(peer: Peer) -> None:
    stream, _ = simulated()
    assert_same(in_blocks(peer, stream, 7), heard(peer))


def assert_same(one: Changes, two: Changes) -> None:
    for field in fields(Changes):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(two, field.name), err_msg=field.name)


@pytest.mark.parametrize("peer", runnable([Cold(), Sccd()]))
def test_a_break_can_be_said_on_the_day_it_is_dated_and_not_a_look_earlier(peer: Any) -> None:
    stream, _ = simulated(1, 8, 0)
    said = peer(stream)
    assert said.many >= 8
    for series, first, broke in zip(said.series, said.first, said.change, strict=True):
        alone = stream.take(np.array([series]))
        for day, there in ((first, True), (first - 1, False)):
            ((_, days, bands),) = observed(alone.until(int(day)))
            asked = peer.asked(days[days < alone.monitor_day])
            assert (int(broke) + EPOCH in peer.breaks(days + EPOCH, bands, *asked)[0]) is there


def test_landtrendr_speaks_at_the_end_of_the_year_after_the_first_lower_season() -> None:
    years = np.arange(2000, 2015)
    said = LandTrendr()(yearly([0.7] * 10 + [0.1] * 5))
    assert said.first.tolist() == said.confirmed.tolist() == [to_day(date(2011, 12, 31))]
    assert to_day(date(2009, 9, 20)) < said.change[0] < to_day(date(2010, 6, 10))
    assert years[10] == 2010
    assert LandTrendr()(yearly([0.7] * 10 + [0.1] * 1)).many == 0  # the season after has not come


# -- nrt and pyxccd: as called directly -------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", runnable([NrtEwma(), WITHOUT_SCREEN, NrtCusum(), NrtMosum(), NrtIqr()]))
@pytest.mark.filterwarnings("ignore")
def test_nrt_says_what_a_direct_call_says(peer: Any) -> None:
    import datetime as dt

    import xarray as xr
    from nrt.monitor.cusum import CuSum
    from nrt.monitor.ewma import EWMA
    from nrt.monitor.iqr import IQR
    from nrt.monitor.mosum import MoSum

    stream, _ = simulated()
    looks = stream.optical
    assert looks is not None
    cube = looks.values["nbr"].reshape(-1, 6, 10)  # another shape than the peer's row
    past = looks.days < MONITOR
    times = [np.datetime64(dt.date(1970, 1, 1) + dt.timedelta(int(d)), "ns") for d in looks.days[past]]
    coords = {"time": times, "y": np.arange(6) * -30.0, "x": np.arange(10) * 30.0}
    made = {"nrt EWMA": EWMA, "nrt CuSum": CuSum, "nrt MoSum": MoSum, "nrt IQR": IQR}[peer.name]
    monitor = made(sensitivity=6, threshold_outlier=1000) if peer == WITHOUT_SCREEN else made()
    monitor.fit(xr.DataArray(cube[past], coords, ("time", "y", "x")))
    rose = np.zeros((6, 10), bool)
    for t in np.flatnonzero(~past):
        when = dt.datetime(1970, 1, 1) + dt.timedelta(int(looks.days[t]))
        before = monitor.mask.copy()
        off = cube[t] - monitor.predict(when)
        monitor.monitor(array=cube[t], date=when)
        rose |= (before == 1) & (monitor.mask == 3) & ((off if peer.name == "nrt IQR" else monitor.process) >= 0)
    broke = ((monitor.mask == 3) & ~rose).ravel()
    said = heard(peer)
    np.testing.assert_array_equal(said.series, np.flatnonzero(broke))
    np.testing.assert_array_equal(said.first, monitor.detection_date.ravel()[broke])


@pytest.mark.parametrize("peer", runnable([NrtEwma()]))
def test_the_outlier_screen_of_ewma_hides_a_clearing(peer: Peer) -> None:
    _, when = simulated()
    said = heard(peer)
    assert len(set(said.series[said.first >= when[said.series]])) <= 2


@pytest.mark.parametrize("peer", runnable([replace(WITHOUT_SCREEN, sensitivity=2.0, reopen=True)]))
def test_a_series_closed_by_a_gain_is_watched_on_where_it_is_reopened(peer: Any) -> None:
    _, when = simulated()
    found = [set(heard(p).series) & set(range(20)) for p in (peer, replace(peer, reopen=False))]
    assert found[0] > found[1]
    assert when[0] < 10**9


@pytest.mark.parametrize("peer", runnable([Cold(dense=False), Sccd(dense=False)]))
def test_pyxccd_says_what_a_direct_call_says(peer: Peer) -> None:
    from pyxccd import cold_detect, sccd_detect
    from pyxccd.utils import getcategory_cold, getcategory_sccd

    stream, _ = simulated(0, 6, 2)
    assert stream.optical is not None
    expected = []
    for s in range(stream.many):
        bands = [stream.optical.values[b][:, s] for b in BANDS]
        seen = np.isfinite(bands[0])
        ints = [np.round(b[seen].astype(np.float64) * 10_000).astype(np.int64) for b in bands]
        days, zero = stream.optical.days[seen] + date(1970, 1, 1).toordinal(), np.zeros(seen.sum(), np.int64)
        if peer.name == "COLD":
            found = cold_detect(days, *ints, zero, zero)
            kept = [i for i in range(len(found) - 1) if getcategory_cold(found, i) == 1]
        else:
            found = sccd_detect(days, *ints, zero).rec_cg
            kept = [i for i in range(len(found)) if getcategory_sccd(found, i) == 1]
        for i in kept:
            broke = int(found["t_break"][i])
            sixth = days[days >= broke][5]
            if sixth - date(1970, 1, 1).toordinal() >= MONITOR:
                expected.append((s, broke - date(1970, 1, 1).toordinal(), sixth - date(1970, 1, 1).toordinal()))
    said = peer(stream)
    assert expected
    assert list(zip(said.series, said.change, said.first, strict=True)) == expected


def test_where_looks_come_closer_more_of_them_must_agree_at_a_lower_quantile() -> None:
    sparse, dense = np.arange(0, 800, 16), np.arange(0, 800, 8)
    assert Cold().asked(sparse) == (pytest.approx(0.99), 6)
    assert Cold().asked(dense) == (
        pytest.approx(1 - 0.01 ** (6 / 11)),
        11,
    )  # twelve would fill the time, it takes eleven
    assert Sccd().asked(dense)[1] == 8
    assert Cold(dense=False).asked(dense) == (pytest.approx(0.99), 6)


def test_a_loss_is_what_the_package_calls_no_regrowth() -> None:
    assert loss(np.array([0, 0, 900, -800, 1500, 1700.0]))
    assert not loss(np.array([0, 0, -900, 800, -1500, -1700.0]))
    assert said_on(np.array([1, 3, 3, 5, 7, 9, 11]), 3, 4) == 9  # two looks of one day are one
    assert said_on(np.array([1, 3, 5]), 3, 4) == 5


# -- bayts: the operating characteristics measured from the published rule -------------------------------------------


def gaussian(distance: float, looks: int, many: int, mean: float, seed: int = 0) -> Changes:
    """bayts on independent normal looks; forest N(0, 1), non-forest N(-distance, 1)."""
    z = np.random.default_rng(seed).normal(mean, 1, (looks, many))
    stream = Stream(DAY0 + 1, many, optical(DAY0 + np.arange(looks), {"ndvi": z}))
    return Bayts(optical_forest=(0, 1), optical_loss=(-distance, 1))(stream)


@pytest.mark.parametrize(("distance", "share"), [(2.0, 0.096), (3.0, 0.0135), (4.0, 0.0014)])
def test_bayts_confirms_stable_series_about_as_often_as_measured(distance: float, share: float) -> None:
    # a quarter off at most: those figures are of another simulation, whose looks and rounding are not on record
    many = 50_000
    rate = len(set(confirmed(gaussian(distance, 40, many, 0.0)).series)) / many
    assert abs(rate - share) < 4 * np.sqrt(share / many) + 0.25 * share


def by_the_book(p: Sequence[float], chi: float = 0.9) -> tuple[list[int], int]:
    """Looks that raised a flag and the one that confirmed (-1 none), as Reiche et al. 2015 tell it; the first is history."""
    flags: list[int] = []
    sure: float | None = None
    for t in range(1, len(p)):
        if sure is None and p[t] < 0.5:
            continue
        prior = p[t - 1] if sure is None else sure
        odds = prior / (1 - prior) * p[t] / (1 - p[t])
        if sure is None:
            flags.append(t)
        elif odds < 1 - 1e-9:
            sure = None
            continue
        sure = odds / (1 + odds)
        if sure >= chi - 1e-9 and p[t] >= 0.5:
            return flags, t
    return flags, -1


@given(st.lists(st.sampled_from([0.05, 0.2, 0.35, 0.45, 0.52, 0.6, 0.7, 0.85, 0.95]), min_size=2, max_size=30))
def test_bayts_follows_the_rule_step_by_step(p: list[float]) -> None:
    value = -np.log(np.array(p) / (1 - np.array(p))) / 2 - 1  # N(0, 1) against N(-2, 1): log ratio = -2 (x + 1)
    day = DAY0 + np.arange(len(p))
    said = Bayts(optical_forest=(0, 1), optical_loss=(-2, 1))(
        Stream(DAY0 + 1, 1, optical(day, {"ndvi": value[:, None]}))
    )
    flags, sure = by_the_book(np.clip(p, 0.1, 0.9).tolist())  # block weighting
    assert (said.first - DAY0).tolist() == flags
    assert [int(c) - DAY0 for c in said.confirmed if c != NEVER] == ([sure] if sure > 0 else [])


@pytest.mark.parametrize(("distance", "looks"), [(2.0, 3), (3.0, 2), (4.0, 2)])
def test_bayts_confirms_a_loss_after_as_many_looks_as_measured(distance: float, looks: int) -> None:
    many = 4000
    rng = np.random.default_rng(1)
    z = np.concatenate([rng.normal(0, 1, (1, many)), rng.normal(-distance, 1, (40, many))])
    stream = Stream(DAY0 + 1, many, optical(DAY0 + np.arange(41), {"ndvi": z}))
    said = confirmed(Bayts(optical_forest=(0, 1), optical_loss=(-distance, 1))(stream))
    delay = np.full(many, 99)
    delay[said.series[::-1]] = said.confirmed[::-1] - DAY0
    assert np.median(delay) == looks


def test_bayts_by_hand() -> None:
    # p of .2 before, then .8: Bayes(.2, .8) = .5; then .8: .8; then .8: 16/17 > .9, confirmed
    odds = np.log(np.array([[0.2], [0.8], [0.8], [0.8]]) / np.array([[0.8], [0.2], [0.2], [0.2]]))
    value = -odds / 2 - 1  # N(0, 1) against N(-2, 1): log ratio = -2 (x + 1)
    day = DAY0 + np.array([0, 10, 20, 30])
    said = Bayts(optical_forest=(0, 1), optical_loss=(-2, 1))(Stream(DAY0 + 1, 1, optical(day, {"ndvi": value})))
    assert (said.first.tolist(), said.confirmed.tolist()) == ([DAY0 + 10], [DAY0 + 30])
    assert said.probability[0] == pytest.approx(16 / 17, abs=1e-5)


def test_bayts_joins_the_looks_of_a_day_and_of_both_sensors() -> None:
    seen, heard = DAY0 + np.array([0, 12]), DAY0 + np.array([1, 12])
    index, echo = np.array([[0.85], [0.4]]), np.array([[-7.0], [-11.5]])
    both = Stream(DAY0 + 2, 1, optical(seen, {"ndvi": index}), radar(heard, echo, echo))
    said = Bayts(chi=0.89)(both)  # .9 and .9 of one day make 81/82; with .1 before it is .9
    assert said.confirmed.tolist() == [DAY0 + 12]
    assert said.probability[0] == pytest.approx(0.9, abs=1e-5)
    assert confirmed(Bayts(chi=0.89)(replace(both, radar=None))).many == 0
    assert confirmed(Bayts(chi=0.89)(replace(both, optical=None))).many == 0


def test_bayts_without_published_densities_is_refused() -> None:
    with pytest.raises(BadInput, match="nbr"):
        Bayts(optical="nbr")


# -- radar CuSum: average run lengths ---------------------------------------------------------------------------------


def run_lengths(shift: float, many: int, monitored: int, history: int = 3000) -> NDArray[np.int64]:
    """Looks until the alarm, of independent normal looks that shift down when monitoring begins."""
    rng = np.random.default_rng(3)
    days = DAY0 + np.arange(history + monitored)
    db = rng.standard_normal((len(days), many), np.float32)
    db[history:] -= shift
    said = RadarCusum(vv_share=0.0)(Stream(int(days[history]), many, None, radar(days, db, db)))
    lengths = np.full(many, monitored)
    lengths[said.series] = said.first - days[history] + 1
    return lengths


@pytest.mark.parametrize(("shift", "delay"), [(1, 10.4), (2, 4.0), (3, 2.6)])
def test_cusum_needs_as_many_looks_as_published(shift: float, delay: float) -> None:
    # Montgomery, Introduction to Statistical Quality Control, table 9.3: k = 1/2, h = 5
    assert run_lengths(shift, 1500, 200).mean() == pytest.approx(delay, rel=0.04)


def test_cusum_alarms_as_seldom_as_published() -> None:
    # 465 looks is the two-sided figure of that table; one side alone alarms half as often
    assert run_lengths(0, 400, 8000).mean() == pytest.approx(2 * 465, rel=0.15)


def test_cusum_reads_every_orbit_against_its_own_history() -> None:
    rng = np.random.default_rng(5)
    days, many = DAY0 + 6 * np.arange(300), 50
    offset = np.where(np.arange(300) % 2, 3.0, 0.0)[:, None]  # orbits 3 dB apart, then only the lower one
    db = rng.normal(-12, 0.5, (300, many)) - offset
    looks = radar(days, db, db, orbits=2)
    kept = (np.arange(300) < 250) | (looks.orbit == 11)
    stream = Stream(int(days[250]), many, None, looks.take(np.arange(many), kept))
    assert RadarCusum()(stream).many <= 5
    mixed = replace(stream, radar=replace(stream.radar, orbit=np.zeros(kept.sum(), np.int16)))
    assert RadarCusum()(mixed).many == many


# -- DIST-ALERT-HLS and DIST-S1 by hand -------------------------------------------------------------------------------


def covered(monitored: Sequence[tuple[int, float]], before: float = 90.0) -> Stream:
    """One series: cover of `before` every 8 days for three years, then (day since, cover) looks; as NDVI."""
    past = MONITOR - 1100 + 8 * np.arange(137)
    days = np.concatenate([past, MONITOR + np.array([d for d, _ in monitored])])
    cover = np.concatenate([np.full(len(past), before), [c for _, c in monitored]])
    return Stream(MONITOR, 1, optical(days, {"ndvi": (0.2 + 0.7 * cover / 100)[:, None]}))


def rows(said: Changes) -> list[tuple[int, int]]:
    """(first, confirmed) of all rows, days since monitoring began; -1 never."""
    return [
        (int(f) - MONITOR, int(c) - MONITOR if c != NEVER else -1)
        for f, c in zip(said.first, said.confirmed, strict=True)
    ]


def test_dist_hls_by_hand() -> None:
    # anomalies 5, 30, 40, 45, 30: 30 x 1, 35 x 4 = 140, 38.3 x 9 = 345, 36.25 x 16 = 580 >= 400
    said = DistHls(worst=0.0)(covered([(0, 85), (8, 60), (16, 50), (24, 45), (32, 60)]))
    assert rows(said) == [(8, 32)]
    assert said.magnitude[0] == pytest.approx(-36.25, abs=1e-3)
    assert said.change[0] == MONITOR + 8
    # an anomaly of 100 points confirms with the second look: 100 x 4 = 400
    assert rows(DistHls(worst=0.0)(covered([(0, 0), (8, 0)], before=100))) == [(0, 8)]
    assert rows(DistHls(worst=0.0)(covered([(0, 1), (8, 0)], before=100))) == [(0, -1)]


def test_dist_hls_ends_an_alert_with_two_calm_looks_or_fifteen_days() -> None:
    one = [(0, 60), (5, 90), (10, 60), (15, 60), (20, 60)]  # 30 x 16 = 480 with the fourth
    assert rows(DistHls(worst=0.0)(covered(one))) == [(0, 20)]
    two = [(0, 60), (5, 90), (10, 90), (15, 60), (20, 60), (25, 60)]
    assert rows(DistHls(worst=0.0)(covered(two))) == [(0, -1), (15, -1)]
    late = [(0, 60), (15, 90), (20, 60), (25, 60), (30, 60)]
    assert rows(DistHls(worst=0.0)(covered(late))) == [(0, -1), (20, -1)]


def test_dist_hls_arms_again_a_year_after_a_confirmed_alert_began() -> None:
    lost = [(d, 40.0) for d in (0, 8, 16)]  # 50 x 9 = 450
    calm = [(24, 90.0), (32, 90.0)]
    assert rows(DistHls(worst=0.0)(covered([*lost, *calm, (200, 0), (208, 0), (216, 0)]))) == [(0, 16)]
    # a year on, the baseline holds the loss itself (cover 40 within 15 days): anomaly 40, 40 x 16 = 640
    again = [(d, 0.0) for d in (365, 373, 381, 389)]
    assert rows(DistHls(worst=0.0)(covered([*lost, *calm, *again]))) == [(0, 16), (365, 389)]


def test_dist_hls_looks_no_further_than_three_years_and_fifteen_days() -> None:
    days = np.array([MONITOR - 4 * 365, MONITOR - 365 - 17, MONITOR - 365 + 20, MONITOR, MONITOR + 1, MONITOR + 2])
    ndvi = np.array([0.9, 0.9, 0.9, 0.2, 0.2, 0.2])[:, None]
    assert DistHls(worst=0.0)(Stream(MONITOR, 1, optical(days, {"ndvi": ndvi}))).many == 0
    days[2] = MONITOR - 365 + 14
    assert DistHls(worst=0.0)(Stream(MONITOR, 1, optical(days, {"ndvi": ndvi}))).many == 1


def test_only_high_alerts_where_asked() -> None:
    weak = covered([(8 * k, 60.0) for k in range(6)])  # anomaly 30
    assert confirmed(DistHls(worst=0.0)(weak)).many == 1
    assert confirmed(DistHls(worst=50)(weak)).many == 0


def echoed(z: Sequence[float], step: int = 6) -> Stream:
    """One series of radar: history of known mean and deviation, then looks at these z in both polarisations."""
    past = MONITOR - 900 + step * np.arange(900 // step)
    logit = np.concatenate([np.where(np.arange(len(past)) % 2, 0.1, -0.1), np.zeros(len(z))])
    days = np.concatenate([past, MONITOR + step * np.arange(len(z))])
    for i in range(len(z)):
        day = days[len(past) + i]
        inside = np.zeros(len(days), bool)
        for k in (1, 2, 3):
            inside |= np.abs(days - (day - round(365.25 * k))) <= 60
        inside[len(past) :] = False
        base = logit[inside]
        logit[len(past) + i] = base.mean() + z[i] * base.std(ddof=1)
    db = 10 * np.log10(1 / (1 + np.exp(-(logit - 3))))
    return Stream(MONITOR, 1, None, radar(days, db[:, None], db[:, None]))


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        ([-2.4] * 5, []),
        ([-2.6, -2.6, -2.6], [(0, 12)]),  # 2.6 x 9 = 23.4 >= 22.5
        ([2.6, 2.6, 2.6], [(0, 12)]),  # of either sign
        ([-6.0, -6.0], [(0, 6)]),  # 6 x 4 = 24
        ([-5.0, -5.0], [(0, -1)]),
        ([-99.0], [(0, -1)]),  # capped at 10
        ([-6.0, 0.0, -6.0, -6.0], [(0, -1), (12, 18)]),  # a calm look right after the first ends it
        ([-3.0, -3.0, 0.0, -3.0], [(0, -1)]),  # mean of all looks: 9/4 x 9 = 20.25
        ([-3.0, -3.0, 0.0, -3.0, -3.0], [(0, 24)]),  # 12/5 x 16 = 38.4
        ([-3.0, -3.0, 0.0, 0.0, 0.0, -3.0], [(0, -1), (30, -1)]),  # two of five disturbed: it ended
    ],
)
def test_dist_s1_by_hand(z: list[float], expected: list[tuple[int, int]]) -> None:
    assert rows(DistS1()(echoed(z))) == expected


def test_dist_s1_magnitude_is_signed() -> None:
    said = DistS1()(echoed([-6.0, -6.0]))
    assert said.magnitude[0] == pytest.approx(-6, abs=0.02)
    assert DistS1(lowering=True)(echoed([2.6] * 3)).many == 0


# -- LandTrendr -------------------------------------------------------------------------------------------------------


def yearly(values: Sequence[float], monitored_from: int = 2003) -> Stream:
    """One series of one look a year, on 1 August from 2000 on."""
    days = np.array([to_day(date(2000 + i, 8, 1)) for i in range(len(values))])
    nbr = np.array(values)[:, None] + 0.004 * np.cos(7.0 * np.arange(len(values)))[:, None]
    return Stream(to_day(date(monitored_from, 1, 1)), 1, optical(days, {"nbr": nbr}))


def test_landtrendr_measures_the_fall() -> None:
    said = LandTrendr()(yearly([0.7] * 8 + [0.1] * 8))
    assert said.many == 1
    assert said.magnitude[0] == pytest.approx(-0.6, abs=0.02)


def test_landtrendr_finds_two_losses_with_a_slow_recovery_between() -> None:
    back = list(np.linspace(0.15, 0.7, 8))
    said = LandTrendr()(yearly([0.7] * 6 + [0.1, *back, 0.7, 0.7, 0.7] + [0.2] * 5))
    assert said.first.tolist() == [to_day(date(2007, 12, 31)), to_day(date(2019, 12, 31))]


@pytest.mark.parametrize(
    "values",
    [
        [0.7] * 16,
        [0.7] * 8 + [0.1] + [0.7] * 8,  # one year: a spike
        list(np.linspace(0.7, 0.3, 16)),  # slow
        [0.1] * 8 + [0.7] * 8,  # a gain
        [0.7] * 8 + [0.6] * 8,  # less than .2
        [0.25] * 8 + [-0.2] * 8,  # was no forest
        [0.7] * 4 + [0.1],  # too short
    ],
)
def test_landtrendr_leaves_alone(values: list[float]) -> None:
    assert LandTrendr()(yearly(values)).many == 0


def test_the_shallowest_vertex_goes_first_and_one_before_a_loss_counts_threefold() -> None:
    from peers.landtrendr_kernel import _cull

    x, y = np.arange(5.0), np.array([0.0, 0, 1, 0, 0])  # every line that is not flat is as steep
    assert _cull(np.arange(5), x, y, 4).tolist() == [0, 1, 3, 4]


def test_a_composite_is_the_look_nearest_to_the_median_of_its_season() -> None:
    from peers.landtrendr_kernel import composite

    plane = np.array([[0.9, 0.1, 0.5, np.nan, 0.4, np.nan]], np.float32)
    made = composite(plane, np.array([[0, 3], [3, 4], [1, 5]]))
    np.testing.assert_allclose(made, [[0.5, np.nan, 0.4]])


def test_losses_of_the_history_are_not_said_again() -> None:
    assert LandTrendr()(yearly([0.7] * 8 + [0.1] * 8, monitored_from=2012)).many == 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-0.5, 0.9), min_size=6, max_size=30),
    st.floats(1.5, 3.0),
)
def test_landtrendr_losses_lie_apart_and_are_losses(values: list[float], shuffle: float) -> None:
    said = LandTrendr(p=1.0, before=-1.0)(yearly(values))
    assert np.all(said.magnitude <= -0.2 + 1e-6)
    assert all(b > a for a, b in pairwise(said.first.tolist()))
    assert np.all(said.first <= to_day(date(2000 + len(values) - 1, 12, 31)))


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
@pytest.mark.filterwarnings("ignore")
def test_every_setting_of_the_search_runs(peer: Peer) -> None:
    stream, _ = simulated(0, 2, 2)
    for setting in peer.choices():
        assert set(setting(stream).series) <= set(range(stream.many))
