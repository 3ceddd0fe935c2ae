"""Agreement of interpreters against published examples, and the answer that counts."""

from datetime import date

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from detection.errors import BadInput
from jobs.reports.areas.agreement import agreement, cohen, fleiss, settle
from jobs.reports.areas.answers import Answers

FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
"""Ten things, fourteen people, five classes: the worked example of the encyclopedia article on Fleiss' kappa; .210."""


def answers(said: list[tuple[int, str, str]], years: dict[tuple[int, str], int] | None = None) -> Answers:
    """(sample, who, what)."""
    ids = np.array([one for one, _, _ in said])
    years = years or {}
    return Answers(
        ids, ids % 2, ("forest",) * len(said), tuple(what for _, _, what in said), tuple(who for _, who, _ in said),
        tuple(years.get((one, who)) for one, who, _ in said), (date(2021, 1, 1),) * len(said), (None,) * len(said),
    )  # fmt: skip


def test_cohen_by_hand() -> None:
    """20 yes-yes, 5, 10, 15 no-no: agreed .7, by chance .5, kappa .4."""
    made = cohen([[20, 5], [10, 15]])
    assert made.value == pytest.approx(0.4)
    one, other = [0] * 25 + [1] * 25, [0] * 20 + [1] * 5 + [0] * 10 + [1] * 15
    assert made.value == pytest.approx(cohen_kappa_score(one, other))


def test_the_interval_of_cohen_is_that_of_many_draws() -> None:
    """Standard deviation of kappa over 4,000 tables of 200 drawn from shares known; within 5 %."""
    rng = np.random.default_rng(5)
    share = np.array([[0.42, 0.05, 0.03], [0.06, 0.2, 0.04], [0.02, 0.03, 0.15]])
    drawn = [cohen(rng.multinomial(200, share.ravel()).reshape(3, 3)) for _ in range(4_000)]
    width = np.array([(one.high - one.low) / 2 / 1.96 for one in drawn])
    assert width.mean() == pytest.approx(np.std([one.value for one in drawn]), rel=0.05)
    truth = cohen(share * 1e9).value
    assert np.mean([one.low <= truth <= one.high for one in drawn]) == pytest.approx(0.95, abs=0.015)


def test_fleiss_of_the_worked_example() -> None:
    made = fleiss(FLEISS)
    assert made.value == pytest.approx(0.210, abs=5e-4)
    assert made.low < made.value < made.high
    assert fleiss([[3, 0], [0, 3], [3, 0]]).value == 1
    assert fleiss([[2, 0], [3, 0]]).value is None, "one class alone was named"


def test_the_interval_of_fleiss_is_that_of_many_draws() -> None:
    rng = np.random.default_rng(6)

    def table() -> list:
        truth = rng.random(150) < 0.4
        said = np.where(rng.random((150, 4)) < 0.85, truth[:, None], ~truth[:, None])
        return np.column_stack([said.sum(1), 4 - said.sum(1)]).tolist()

    drawn = [fleiss(table()) for _ in range(2_000)]
    width = np.array([(one.high - one.low) / 2 / 1.96 for one in drawn])
    assert width.mean() == pytest.approx(np.std([one.value for one in drawn]), rel=0.06)


def test_two_people_are_cohen_and_more_are_fleiss() -> None:
    two = [
        (i, who, "loss" if i % 3 == 0 or (i == 1 and who == "a") else "forest") for i in range(1, 31) for who in "ab"
    ]
    made = agreement(answers(two), 1.96)
    assert (made.measure, made.samples, made.interpreters) == ("Cohen", 30, 2)
    assert made.alike.value == pytest.approx(29 / 30) and made.alike.high < 1
    three = [*two, *((i, "c", "forest") for i in range(1, 11))]
    made = agreement(answers(three), 1.96)
    assert (made.measure, made.interpreters) == ("Fleiss", 3)
    nobody = agreement(answers([(1, "a", "loss"), (2, "b", "forest")]), 1.96)
    assert (nobody.samples, nobody.kappa.value, nobody.alike.value) == (0, None, None)


def test_the_majority_counts_with_the_middle_of_its_years() -> None:
    said = [(1, "a", "loss"), (1, "b", "loss"), (1, "c", "forest"), (2, "a", "forest"), (2, "b", "")]
    years = {(1, "a"): 2021, (1, "b"): 2020, (1, "c"): 2015}
    made = settle(answers(said, years), 2, "refuse", "x.csv")
    assert made.reference == ("loss", "forest") and made.year == (2020, None)
    assert made.sample.tolist() == [1, 2] and made.stratum.tolist() == [1, 0]


def test_ties_and_gaps_are_refused_or_listed() -> None:
    said = [(1, "a", "loss"), (1, "b", "forest"), (2, "a", "forest"), (4, "a", "")]
    with pytest.raises(BadInput, match="x.csv: sample 1 was answered one way as often as another; decide them, or set"):
        settle(answers(said), 4, "refuse", "x.csv")
    made = settle(answers(said), 4, "leave_out", "x.csv")
    assert (made.ties, made.missing, made.reference) == ((1,), (3, 4), ("forest",))
    with pytest.raises(
        BadInput, match="samples 2, 3 were not answered; interpret them, or set `unanswered: leave_out`"
    ):
        settle(answers([(1, "a", "loss")]), 3, "refuse", "x.csv")
