"""The table of likelihoods: golden values by another library's distributions, and what no look may ever say."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import multivariate_t
from scipy.stats import t as student

from detection.monitors import likelihood
from detection.monitors.likelihood import (
    BOTH,
    CELLS,
    DOUBTS,
    FIRST_ONLY,
    FREEDOM,
    OPTICAL,
    OUTLIER_FREEDOM,
    PART,
    RADAR,
    SECOND_ONLY,
    STEP,
    WHOLE,
    WIDTHS,
    Kind,
    Surface,
    tables,
    wider,
)

KINDS = (OPTICAL, RADAR)
PLACES = (np.arange(CELLS) - (CELLS - 1) / 2) * STEP
"""Middles of the cells, residual scales."""
LOOK = {name: int(np.abs(PLACES - name).argmin()) for name in (-12.25, -6.25, -4.25, -2.75, -0.75, 0.25, 3.25, 9.25)}
EVIDENCE, GRADE = 0, 1
Components = list[tuple[float, tuple[float, float], tuple[float, float], float]]


def changed(whole: float, share: float, kind: Kind) -> float:
    """Change of a cell of which a share has changed by so much: areas add up in power, not in dB."""
    return float(10 * np.log10(1 - share + share * 10 ** (whole / 10))) if kind.decibel else whole * share


def component(surface: Surface, share: float, kind: Kind) -> tuple[tuple[float, float], tuple[float, float]]:
    """Mean and scale of the residuals, from the docstrings: spread between cells beside the scatter of looks."""
    middle, wide = [], []
    for change, spread, scale in zip(surface.change, surface.spread, kind.scale, strict=True):
        slope = changed(change + 0.5, share, kind) - changed(change - 0.5, share, kind)
        middle.append(changed(change, share, kind) / scale)
        wide.append((1 + (slope * spread / scale) ** 2) ** 0.5)
    return (middle[0], middle[1]), (wide[0], wide[1])


def mixture(kind: Kind, shares: tuple[float, ...]) -> Components:
    """(weight, mean, scale, freedom) of every surface at every share."""
    return [(s.share / len(shares), *component(s, share, kind), FREEDOM) for s, share in product(kind.surfaces, shares)]


def density(parts: Components, z: tuple[float, float], planes: int) -> float:
    """At a look, both planes or one, by scipy."""
    total = 0.0
    for weight, middle, wide, freedom in parts:
        if planes == BOTH:
            shape = np.diag(np.square(wide))
            total += weight * multivariate_t.pdf(z, middle, shape, freedom)
        else:
            one = 0 if planes == FIRST_ONLY else 1
            total += weight * student.pdf(z[one], freedom, middle[one], wide[one])
    return total


def expected(kind: Kind, planes: int, doubt: float, z: tuple[float, float]) -> tuple[float, float]:
    """(evidence, grade), for looks that are not above forest."""
    useless = density([(1.0, (0.0, 0.0), kind.outlier, OUTLIER_FREEDOM)], z, planes)
    states = ([(1.0, (0.0, 0.0), (1.0, 1.0), FREEDOM)], mixture(kind, WHOLE), mixture(kind, PART))
    forest, whole, part = (np.log((1 - doubt) * density(s, z, planes) + doubt * useless) for s in states)
    return float(whole - forest), float(whole - part)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("doubt", range(len(DOUBTS)))
def test_golden_values(number: int, doubt: int) -> None:
    places = (-12.25, -6.25, -2.75, -0.75)
    for a, b in product(places, (*places, 3.25)):
        found = tables()[number, 0, BOTH, doubt, LOOK[a], LOOK[b]]
        assert found == pytest.approx(expected(KINDS[number], BOTH, DOUBTS[doubt], (a, b)), abs=2e-4), (a, b)


@pytest.mark.parametrize(
    ("number", "planes", "near"), [(0, FIRST_ONLY, 0.21), (1, FIRST_ONLY, 0.1), (1, SECOND_ONLY, 0.1)]
)
def test_golden_values_of_one_plane(number: int, planes: int, near: float) -> None:
    """Near infrared never comes alone. near: the table adds up cells from -16 to 16 scales, of a look of no use (Student,
    two degrees of freedom, 8 scales) a fifth lies beyond: log 0.8.
    """
    for doubt, a in product(range(len(DOUBTS)), (-12.25, -6.25, -2.75, -0.75)):
        row = (LOOK[a], 7) if planes == FIRST_ONLY else (7, LOOK[a])
        found = tables()[number, 0, planes, doubt][row]
        assert found == pytest.approx(expected(KINDS[number], planes, DOUBTS[doubt], (a, a)), abs=near), (doubt, a)


@pytest.mark.parametrize("number", [0, 1])
def test_a_cell_that_scatters_more_sees_the_same_change_in_fewer_scales(number: int) -> None:
    for place, width in enumerate(WIDTHS):
        found = tables()[number, place, BOTH, 1, LOOK[-2.75], LOOK[-0.75]]
        assert found == pytest.approx(expected(wider(KINDS[number], width), BOTH, DOUBTS[1], (-2.75, -0.75)), abs=2e-4)
    deep = tables()[number, :, BOTH, 1, LOOK[-2.75], LOOK[-0.75], GRADE]
    assert deep[-1] > deep[0], "in a cell that scatters, three scales are a larger change"


def test_shape_type_and_nobody_writes() -> None:
    made = tables()
    assert made.shape == (2, len(WIDTHS), 3, len(DOUBTS), CELLS, CELLS, 2)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert tables() is made
    with pytest.raises(ValueError, match="read-only"):
        made[0, 0, 0, 0, 0, 0, 0] = 1


def test_one_plane_alone_does_not_ask_the_other() -> None:
    made = tables()[:, 0]
    np.testing.assert_array_equal(made[:, FIRST_ONLY], made[:, FIRST_ONLY, :, :, :1].repeat(CELLS, 3))
    np.testing.assert_array_equal(made[:, SECOND_ONLY], made[:, SECOND_ONLY, :, :1].repeat(CELLS, 2))


@pytest.mark.parametrize(("number", "most"), [(0, 3.1), (1, 1.4)])
def test_evidence_is_bounded_by_the_doubt(number: int, most: float) -> None:
    """most: log of how much likelier a change is, at best, than a look of no use."""
    evidence = tables()[number, 0, ..., EVIDENCE]
    for place, doubt in enumerate(DOUBTS):
        assert evidence[BOTH, place].max() <= most - np.log(doubt)
    assert evidence[FIRST_ONLY, 0].max() <= 1.7 - np.log(DOUBTS[0])
    assert (np.diff(evidence[BOTH].max((1, 2))) < 0).all(), "the more doubt, the less a look can say"
    assert (np.diff(evidence[BOTH].min((1, 2))) > 0).all()


def test_the_more_doubt_the_less_any_look_says_for_a_change() -> None:
    evidence, grade = tables()[:, 0, ..., EVIDENCE], tables()[:, 0, ..., GRADE]
    for some in (evidence, grade):
        sizes = np.abs(some[:, BOTH])
        assert (np.diff(sizes, axis=1) <= 1e-6).mean() > 0.99
    assert np.abs(evidence[1, :, -1]).max() < 1.0, "0.8 tells nearly nothing: radar"
    assert np.abs(evidence[0, FIRST_ONLY, -1]).max() < 1.2, "... the index alone"
    assert np.abs(evidence[0, BOTH, -1]).max() < 2.7, "... both planes at forest's own place tell most"
    typical = (LOOK[-12.25], LOOK[-2.75])
    assert evidence[(0, BOTH, -1, *typical)] < 0.4 * evidence[(0, BOTH, 1, *typical)]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("planes", [BOTH, FIRST_ONLY])
def test_evidence_falls_as_the_first_plane_rises(number: int, planes: int) -> None:
    """From a whole change up to forest's own level; a doubtful look far out is rather no use than a change."""
    deep = -13.0 if number == 0 else -5.0
    rows = (deep <= PLACES) & (PLACES <= 0.25)
    falling = np.diff(tables()[number, 0, planes][:4, rows, CELLS // 2, EVIDENCE], axis=1)
    assert (falling < 0).all()


@pytest.mark.parametrize("number", [0, 1])
def test_a_look_at_forests_own_place_tells_for_forest(number: int) -> None:
    own = slice(CELLS // 2 - 1, CELLS // 2 + 1)
    assert (tables()[number, 0, :, :6, own, own, EVIDENCE] < -0.2).all()
    assert (tables()[number, 0, :, :, own, own, EVIDENCE] < 0).all(), "whatever the doubt"


def test_a_rise_of_the_first_plane_tells_for_no_change() -> None:
    """Tails of the mixtures reach above forest: an index alone that rose once counted as lost."""
    above = PLACES > 0
    evidence = tables()[:, 0, ..., EVIDENCE]
    assert tables()[:, :, FIRST_ONLY, :, above, ..., EVIDENCE].max() <= 0, "however much the cell scatters"
    assert evidence[:, FIRST_ONLY][:, :, above].max() <= 0
    assert evidence[:, BOTH][:, :, above][..., PLACES > -1].max() <= 0.03
    row = evidence[:, BOTH, :, CELLS // 2, None]
    assert (evidence[:, BOTH, :, above].transpose(1, 2, 0, 3) <= np.maximum(row, 0)).all(), (
        "no more than the second says"
    )


@pytest.mark.parametrize(("number", "lost"), [(0, ("felled", "bare", "burnt")), (1, ("bare, dry", "water"))])
def test_the_grade_tells_a_part_from_the_whole(number: int, lost: tuple[str, ...]) -> None:
    kind = KINDS[number]
    for surface in (s for s in kind.surfaces if s.name in lost):
        for share, sign in ((0.16, -1), (0.25, -1), (1.0, 1)):
            middle, _ = component(surface, share, kind)
            cell = [int(np.abs(PLACES - m).argmin()) for m in middle]
            assert sign * tables()[number, 0, BOTH, 1, cell[0], cell[1], GRADE] > 0, (surface.name, share)


@pytest.mark.parametrize("number", [0, 1])
def test_surfaces_are_all_there_are(number: int) -> None:
    assert sum(s.share for s in KINDS[number].surfaces) == pytest.approx(1)
    assert 0 < max(PART) < min(WHOLE) <= 1
    assert sorted(DOUBTS) == list(DOUBTS)


@pytest.mark.parametrize(
    ("number", "shares", "least"),
    [(0, (), 0.99), (1, (), 0.99), (0, PART, 0.99), (1, PART, 0.99), (1, WHOLE, 0.99), (0, WHOLE, 0.8)],
)
def test_densities_add_up_to_one(number: int, shares: tuple[float, ...], least: float) -> None:
    """Over the table as far as it goes: a fifth of the optical looks at a whole change lies below -16 scales."""
    z = list(np.meshgrid(PLACES, PLACES, indexing="ij"))
    made = (
        likelihood._mixture(z, KINDS[number], shares)
        if shares
        else likelihood._student(z, (0.0, 0.0), (1.0, 1.0), FREEDOM)
    )
    assert least < made.sum() * STEP**2 <= 1.001
