"""The model's word on flagged cells: what becomes of the log, and what alerts are called by it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelsetup import CLASSES, alert, judged_of
from numpy.typing import NDArray
from strategies import grids, legal_logs

from detection.codes import CHANGE_TYPES, DRIVERS, Step
from detection.errors import BadInput
from detection.monitors.cusum import Cusum
from detection.monitors.ewma import Ewma
from detection.monitors.fusion import Fusion
from detection.patches import CELL_LOG, on_lattice
from detection.types import SECONDS_A_DAY
from models.cells import CELL
from models.decide import Doubt, Judged, decided
from models.kinds import FROM_SIMULATED, KINDS, change_type, harmful
from models.predict import PLACE, check, judge, latest, summed

QUICK = settings(max_examples=40, deadline=None)
PROVISIONAL, CONFIRMED, EXPIRED, FINISHED = map(int, Step)
DOUBT = Doubt(confirm_from=0.8)


def found_of(rows: list[tuple[int, int, int]], harm: Any, known: Any = True) -> Judged:
    """What a model says of (row, column, instant): so much harm, all of it agriculture."""
    cells = np.zeros(len(rows), CELL)
    for name, column in zip(("row", "column", "instant"), zip(*rows, strict=True), strict=True):
        cells[name] = column
    shares = np.zeros((len(rows), len(CLASSES)))
    shares[:, 0] = harm
    shares[:, -1] = 1 - shares[:, 0]
    known = np.broadcast_to(np.asarray(known, np.bool_), len(rows)).copy()
    order = np.lexsort((cells["instant"], cells["column"], cells["row"]))
    return judged_of(cells[order], shares[order], known[order])


def log_of(*rows: tuple[int, int]) -> NDArray[Any]:
    """CELL_LOG rows of cell (1, 2) at (instant, step)."""
    made = np.zeros(len(rows), CELL_LOG)
    for row, (instant, step) in zip(made, rows, strict=True):
        row["row"], row["column"], row["hectares"], row["instant"], row["step"] = 1, 2, 0.09, instant, step
        row["change_day"], row["sigma"], row["count"] = 5, 4.5, 3
    return made


def steps(log: NDArray[Any], said: list[tuple[int, float, bool]]) -> list[tuple[int, int]]:
    found = found_of([(1, 2, i) for i, _, _ in said], [h for _, h, _ in said], [k for _, _, k in said])
    made = decided(DOUBT, log, found)
    return list(zip(made["instant"].tolist(), made["step"].tolist(), strict=True))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([(10, 0.1, True)], []),
        ([(10, 0.39, True)], []),
        ([(10, 0.4, True)], [(10, PROVISIONAL)]),
        ([(10, 0.8, True)], [(10, PROVISIONAL), (10, CONFIRMED)]),
        ([(10, 0.79, True), (20, 0.81, True)], [(10, PROVISIONAL), (20, CONFIRMED)]),
        ([(10, 0.5, True), (20, 0.25, True), (30, 0.19, True)], [(10, PROVISIONAL), (30, EXPIRED)]),
        ([(10, 0.5, True), (20, 0.1, True), (30, 0.9, True)],
         [(10, PROVISIONAL), (20, EXPIRED), (30, PROVISIONAL), (30, CONFIRMED)]),
        ([(10, 0.9, True), (20, 0.0, True)], [(10, PROVISIONAL), (10, CONFIRMED)]),
        ([(10, 0.0, False)], [(10, PROVISIONAL)]),
        ([(10, 0.99, False), (20, 0.99, False)], [(10, PROVISIONAL)]),
        ([(10, 0.5, True), (20, 0.0, False), (30, 0.9, False)], [(10, PROVISIONAL)]),
        ([(10, 0.1, True), (20, 0.1, False), (30, 0.9, True)], [(20, PROVISIONAL), (30, CONFIRMED)]),
    ],
)  # fmt: skip
def test_steps_by_hand(said: list[tuple[int, float, bool]], expected: list[tuple[int, int]]) -> None:
    assert steps(log_of((10, PROVISIONAL)), said) == expected


@pytest.mark.parametrize(("end", "sure", "last"), [
    (EXPIRED, 0.45, EXPIRED), (EXPIRED, 0.9, FINISHED), (FINISHED, 0.45, EXPIRED), (FINISHED, 0.5, FINISHED),
])  # fmt: skip
def test_what_the_monitor_ends_is_over(end: int, sure: float, last: int) -> None:
    log = log_of((10, PROVISIONAL), (20, CONFIRMED), (50, end))
    made = steps(log, [(10, sure, True), (20, sure, True)])
    assert made[-1] == (50, last)
    assert [step for _, step in made] == [PROVISIONAL, *([CONFIRMED] if last == FINISHED else []), last]
    assert steps(log, [(10, 0.1, True), (20, 0.1, True)]) == [], "what the model never let through does not end"


def test_a_confirmation_of_the_monitor_counts_where_the_model_finds_harm_likelier_than_not() -> None:
    log = log_of((10, PROVISIONAL), (20, CONFIRMED))
    assert steps(log, [(10, 0.5, True), (20, 0.49, True)]) == [(10, PROVISIONAL)]
    assert steps(log, [(10, 0.5, True), (20, 0.5, True)]) == [(10, PROVISIONAL), (20, CONFIRMED)]
    assert steps(log, [(10, 0.5, True), (20, 0.0, False)]) == [(10, PROVISIONAL), (20, CONFIRMED)], "it abstains"


def test_rows_are_those_of_the_last_transition_of_the_cell() -> None:
    log = log_of((10, PROVISIONAL), (20, CONFIRMED))
    log["sigma"], log["change_day"] = (4, 9), (5, 6)
    made = decided(DOUBT, log, found_of([(1, 2, 10), (1, 2, 20), (1, 2, 36)], [0.45, 0.45, 0.9]))
    assert made.dtype == CELL_LOG
    assert made["sigma"].tolist() == [4, 9] and made["change_day"].tolist() == [5, 6]
    assert made["instant"].tolist() == [10, 36] and made["hectares"].tolist() == [0.09, 0.09]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[NDArray[Any], Judged, np.random.Generator]:
    """A log of a few cells, and words on them at its stands and some days after."""
    grid = draw(grids(3))
    log = on_lattice(draw(legal_logs(grid.shape)), grid)
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    rows = []
    for row in log[np.isin(log["step"], (PROVISIONAL, CONFIRMED))]:
        for days in (0, 16, 32)[: 1 + int(rng.integers(3))]:
            rows.append((int(row["row"]), int(row["column"]), int(row["instant"]) + days * SECONDS_A_DAY))
    rows = rows or [(0, 0, 0)]
    harm = rng.choice([0.0, 0.1, 0.3, 0.5, 0.79, 0.8, 0.95], len(rows))
    return log, found_of(rows, harm, rng.random(len(rows)) < 0.8), rng


@QUICK
@given(worlds())
def test_what_holds_of_every_log_with_a_model(world: tuple[NDArray[Any], Judged, np.random.Generator]) -> None:
    log, found, rng = world
    if not len(log):
        return
    made = decided(DOUBT, log, found)
    assert made.dtype == CELL_LOG
    cells = {(int(r["row"]), int(r["column"])) for r in log}
    harm, where = found.harm, found.cells
    by: dict[tuple[int, int], int] = {}
    for row in made:
        place, step = (int(row["row"]), int(row["column"])), int(row["step"])
        assert place in cells
        legal = {0: {PROVISIONAL}, PROVISIONAL: {CONFIRMED, EXPIRED}, CONFIRMED: {FINISHED}}
        assert step in legal[by.get(place, 0)]
        by[place] = step if step in (PROVISIONAL, CONFIRMED) else 0
        said = (where["row"] == place[0]) & (where["column"] == place[1]) & (where["instant"] == row["instant"])
        if step == CONFIRMED:
            assert (~found.known | (harm >= DOUBT.agree_from))[said].any(), (
                "confirmed by the model, or where it abstains"
            )
        if step == PROVISIONAL:
            assert ((harm >= DOUBT.provisional_from) | ~found.known)[said].any()
    for cut in rng.choice(np.append(log["instant"], where["instant"]), 4):
        past = where["instant"] <= cut
        early = judged_of(where[past], found.shares[past], found.known[past])
        np.testing.assert_array_equal(decided(DOUBT, log[log["instant"] <= cut], early), made[made["instant"] <= cut])
    never = judged_of(where, found.shares, np.zeros(len(where)))
    alone = {(r["row"], r["column"]) for r in log[log["step"] == CONFIRMED]}
    sure = decided(DOUBT, log, never)
    assert {(r["row"], r["column"]) for r in sure[sure["step"] == CONFIRMED]} <= alone, "the monitor decides alone"


def test_a_cell_without_a_word_says_nothing_and_an_empty_log_is_a_log() -> None:
    nobody = judged_of(np.zeros(0, CELL), np.zeros(0), np.zeros(0))
    for log in (log_of((10, PROVISIONAL)), log_of()):
        made = decided(DOUBT, log, nobody)
        assert len(made) == 0 and made.dtype == CELL_LOG


@pytest.mark.parametrize(
    "wrong", [{"drop_below": 0.5}, {"provisional_from": 0.9}, {"agree_from": 0.3}, {"confirm_from": 0.3}]
)
def test_thresholds_must_not_fall(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least the one before"):
        Doubt(**wrong)


# what alerts are called


def said_of(*rows: tuple[int, int, list[float], bool], row: int = 10) -> Judged:
    """(column, instant, shares of CLASSES, known)."""
    cells = np.zeros(len(rows), CELL)
    cells["row"], cells["column"], cells["instant"] = row, [r[0] for r in rows], [r[1] for r in rows]
    return judged_of(cells, [r[2] for r in rows], [r[3] for r in rows])


def test_an_alert_says_what_its_cells_say_on_average() -> None:
    found = said_of((1, 5, [0.7, 0.1, 0.1, 0.1], True), (2, 5, [0.1, 0.5, 0.2, 0.2], True))
    (made,) = judge(found, [alert([(10, 1), (10, 2)], 9)])
    assert made.probability == pytest.approx(0.85)
    assert (made.change_type, made.driver, made.model) == ("tree_cover_loss", "agriculture", "fixed@1")


def test_what_was_last_said_by_the_instant_counts() -> None:
    found = said_of(
        (1, 5, [0, 0, 0, 1.0], True), (1, 10, [0, 1.0, 0, 0], True), (1, 10, [0, 0, 1.0, 0], True), (1, 20, [1.0, 0, 0, 0], True)
    )  # fmt: skip
    made = judge(found, [alert([(10, 1)], when) for when in (4, 5, 9, 10, 19, 20, 99)])
    assert [one.change_type for one in made] == [
        "unclassified", "other", "other", "natural_loss", "natural_loss", "tree_cover_loss", "tree_cover_loss",
    ]  # fmt: skip
    assert [one.probability for one in made] == [None, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(("known", "says"), [(0, False), (1, False), (2, True), (4, True)])
def test_it_abstains_where_most_cells_are_like_nothing_learnt(known: int, says: bool) -> None:
    found = said_of(*((c, 5, [1.0, 0, 0, 0] if c < known else [0, 0, 0, 1.0], c < known) for c in range(4)))
    (made,) = judge(found, [alert([(10, c) for c in range(4)], 9)])
    assert made.model == "fixed@1", "who abstained"
    if says:
        assert (made.change_type, made.probability) == ("tree_cover_loss", 1), "cells that are not known say nothing"
    else:
        assert (made.change_type, made.driver, made.probability) == ("unclassified", None, None)


def test_cells_without_a_word_count_as_not_known_and_each_alert_is_judged_by_itself() -> None:
    found = said_of((1, 5, [1.0, 0, 0, 0], True), (2, 5, [0, 0, 0, 1.0], True))
    alerts = [alert([(10, c) for c in range(1, n)], 9, id=f"{n}") for n in (2, 3, 5, 6)]
    made = judge(found, alerts)
    assert [one.probability for one in made] == [1, 0.5, 0.5, None]
    assert [judge(found, [one])[0].probability for one in alerts] == [one.probability for one in made]
    assert judge(found, []) == []
    for before, after in zip(alerts, made, strict=True):
        given_, told = vars(before), vars(after)
        assert {k for k in given_ if told[k] is not given_[k]} <= {"change_type", "driver", "probability", "model"}
        assert before.model is None


@QUICK
@given(st.lists(st.floats(0.001, 1), min_size=len(KINDS), max_size=len(KINDS)))
def test_a_type_is_one_of_what_is_likelier_harm_or_none(raw: list[float]) -> None:
    shares = np.array(raw) / sum(raw)
    kind, driver, sure = summed(tuple(KINDS), shares)
    harm = sum(s for n, s in zip(KINDS, shares, strict=True) if harmful(n))
    assert sure == pytest.approx(harm) and 0 <= sure <= 1
    assert (kind != "other") == (harm >= 0.5)
    mass = {t: sum(s for n, s in zip(KINDS, shares, strict=True) if KINDS[n].change_type == t) for t in CHANGE_TYPES}
    assert mass[kind] == max(v for t, v in mass.items() if (t != "other") == (harm >= 0.5))
    assert driver in {k.driver for n, k in KINDS.items() if harmful(n) == (harm >= 0.5)}


def test_types_add_up_over_their_classes() -> None:
    """Mining is the likeliest class, but agriculture and road together are as much tree cover loss as degradation is not."""
    classes = ("agriculture", "mining", "logging", "fire", "nothing")
    assert summed(classes, np.array([0.2, 0.2, 0.35, 0.0, 0.25])) == ("tree_cover_loss", "logging", pytest.approx(0.75))
    assert summed(classes, np.array([0.1, 0.1, 0.1, 0.1, 0.6])) == ("other", None, pytest.approx(0.4))
    assert summed(("bamboo", "nothing"), np.array([0.9, 0.1])) == ("other", "natural", 0)


def test_latest_is_the_position_of_the_last_word() -> None:
    keys = np.array([(0, 0, 5), (0, 0, 9), (0, 3, 1), (2, -4, 7)], PLACE)
    cells = np.array([(0, 0), (0, 3), (2, -4), (2, 4), (-9, 0), (0, 1)], np.int32)
    assert latest(keys, cells, 8).tolist() == [0, 2, 3, -1, -1, -1]
    assert latest(keys, cells, 9).tolist() == [1, 2, 3, -1, -1, -1]
    assert latest(keys, cells, 0).tolist() == [-1] * 6
    assert latest(keys[:0], cells, 8).tolist() == [-1] * 6


@pytest.mark.parametrize(("learnt", "judged", "fits"), [
    ("cusum", Cusum(), True), ("cusum", Ewma(), True), ("fusion", Fusion(), True), ("cusum", Fusion(), False),
    ("fusion", Ewma(), False), ("ccdc", Cusum(), False),
])  # fmt: skip
def test_a_model_does_not_judge_cells_of_another_kind_of_detector(learnt: str, judged: Any, fits: bool) -> None:
    model: Any = SimpleNamespace(identity="m@1", card=SimpleNamespace(judges=learnt))
    if fits:
        check(model, judged)
    else:
        with pytest.raises(BadInput, match=r"^model m@1: has learnt .*name another in `model.name`"):
            check(model, judged)


def test_every_class_is_of_a_type_and_a_driver_that_products_carry() -> None:
    from detection.simulator.truth import DRIVERS as SIMULATED

    for kind in KINDS.values():
        assert kind.change_type in CHANGE_TYPES and (kind.driver is None or kind.driver in DRIVERS)
    assert set(FROM_SIMULATED) == set(SIMULATED), "what the simulator does has a class"


def test_a_map_of_peat_goes_before_what_the_model_makes_of_the_ground() -> None:
    assert change_type("peat-clearing") == change_type("agriculture", peat=True) == "peat_disturbance"
    assert change_type("peat-clearing", peat=False) == change_type("agriculture") == "tree_cover_loss"
    assert change_type("mining", peat=True) == change_type("fire", peat=True) == "peat_disturbance"
    assert change_type("palm-felling", peat=False) == "degradation"
    for name in ("landslide", "flood", "nothing"):
        assert change_type(name, peat=True) == change_type(name, peat=False) == change_type(name)


def test_an_alert_is_on_peat_where_most_of_its_mapped_cells_are() -> None:
    found = said_of(*((column, 5, [1.0, 0, 0, 0], True) for column in range(4)))
    asked = alert([(10, column) for column in range(4)], 9)
    for peat, said in (
        ([1, 1, 0, np.nan], "peat_disturbance"),
        ([1, 0, 0, 0], "tree_cover_loss"),
        ([np.nan] * 4, "tree_cover_loss"),
    ):
        mapped = replace(found, peat=np.array(peat, np.float32))
        assert judge(mapped, [asked])[0].change_type == said, peat
