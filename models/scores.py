"""Figures of a model on samples it has not learnt from. The caller says whether they were simulated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval from resampled blocks; None where there is nothing to say it of."""

    value: float | None
    """The figure."""
    low: float | None
    """Lower end."""
    high: float | None
    """Upper end."""


@dataclass(frozen=True)
class ClassScore:
    """How a class was told from the others; the most probable class counts."""

    name: str
    """The class."""
    events: int
    """Events of the class that were judged."""
    users: Figure
    """User's accuracy: share of what was called so that is."""
    producers: Figure
    """Producer's accuracy: share of what is so that was called so."""
    f1: Figure
    """Their harmonic mean."""


@dataclass(frozen=True)
class Scores:
    """How a model did on samples it had not learnt from."""

    name: str
    """What they were."""
    samples: int
    """How many."""
    blocks: int
    """In how many blocks."""
    macro_f1: Figure
    """Mean of the classes' F1, of the classes that occur."""
    harm: ClassScore
    """Forest lost or hurt, against nothing of the kind."""
    classes: tuple[ClassScore, ...]
    """Class by class, those that occur."""
    drivers: tuple[ClassScore, ...]
    """The same by driver, of what did harm."""
    ece: Figure
    """Expected calibration error of the probability of harm, 15 bins of equal mass."""
    brier: Figure
    """Brier score of the same."""
    curve: tuple[tuple[float, float, float, float, int], ...]
    """(mean probability of harm, share of harm, its 95 % interval, about so many samples) by bins of equal mass of the world."""
