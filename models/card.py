"""What a model is, what it was made from, how well it did, what it is not for: a card that travels with the arrays."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from detection.errors import BadInput

SIMULATED: Final = "**Made from simulated scenes. Every figure here is simulated; none says how it does on real ones.**"


@dataclass(frozen=True)
class Rate:
    """A share of alerts, with its interval."""

    value: float | None
    """The share; null where there is nothing to divide by."""
    low: float | None
    """Lower end of the 95 % interval."""
    high: float | None
    """Upper end."""
    of: int
    """Alerts it is a share of."""


@dataclass(frozen=True)
class Score:
    """How the model did on alerts it had not seen, one revision of each."""

    name: str
    """Which alerts, and which revision of them."""
    alerts: int
    """Alerts judged."""
    true: int
    """Those that are true loss."""
    precision: Rate
    """True loss among those called loss (probability at least .5)."""
    recall: Rate
    """Called loss among the true loss."""
    precision_without: Rate
    """True loss among all: what the precision would be without the model."""
    brier: Rate
    """Mean squared error of the probability (0 is perfect); the interval is a bootstrap over scenes."""
    brier_base: float
    """The Brier score of always saying the share of true loss of these same alerts."""
    ece: Rate
    """Expected calibration error over 10 bins of equal width; the interval is a bootstrap over scenes."""


@dataclass(frozen=True)
class Candidates:
    """The alerts of one split."""

    split: str
    """`training`, `calibration` or `test`, and how the detector was set."""
    scenes: tuple[str, ...]
    """The scenes: seed and upper-left corner."""
    alerts: int
    """Alerts found in them."""
    true: int
    """Those that are true loss."""
    revisions: int
    """Their revisions; together those of one alert weigh as much as any other alert."""


@dataclass(frozen=True)
class Card:
    """The model card (after Mitchell et al. 2019, *Model Cards for Model Reporting*)."""

    name: str
    """Name of the model."""
    version: str
    """Its version."""
    purpose: str
    """What it says about what."""
    simulated: bool
    """True: made from simulated scenes, its scores are simulated scores."""
    data: str
    """Where the training alerts came from, and who labelled them."""
    area: str
    """Where."""
    period: str
    """When."""
    label: str
    """When an alert counts as true."""
    features: tuple[str, ...]
    """Names of the features, in the order of the columns."""
    index: str
    """The index the alerts were made on."""
    algorithm: str
    """Estimator and calibration, with their settings."""
    candidates: tuple[Candidates, ...]
    """The alerts, split by split."""
    scores: tuple[Score, ...]
    """How it did on the test scenes."""
    importance: dict[str, float]
    """Feature -> loss of Brier score on the test alerts when the feature is shuffled."""
    limits: tuple[str, ...]
    """What is known to be weak."""
    not_for: tuple[str, ...]
    """What it must not be used for."""
    detectors: dict[str, str]
    """How the detector was set -> sha256 of its parameters."""
    software: dict[str, str]
    """Versions that made it; none is needed to use it but numpy and numba."""
    monitor: str = "cusum"
    """Kind of the monitor the alerts were made by."""

    def to_json(self) -> str:
        """The card as JSON, the same text for the same card."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    def to_markdown(self) -> str:
        """The card to be read."""
        parts = [f"# {self.name} {self.version}", self.purpose]
        if self.simulated:
            parts.append(SIMULATED)
        parts += [_list("What it is not for", self.not_for), _list("Limits", self.limits)]
        told = {"Data": self.data, "Area": self.area, "Period": self.period, "True means": self.label}
        told |= {
            "Monitor": self.monitor,
            "Index": self.index,
            "Algorithm": self.algorithm,
            "Features": ", ".join(self.features),
        }
        parts.append(_list("How it was made", [f"{key}: {text}" for key, text in told.items()]))
        parts += [_candidates(self.candidates), _scores(self.scores, self.simulated)]
        parts.append(
            _list("Brier score lost when a feature is shuffled", [f"{k}: {v:.4f}" for k, v in self.importance.items()])
        )
        parts.append(_list("Detectors (sha256 of the parameters)", [f"{k}: `{v}`" for k, v in self.detectors.items()]))
        parts.append(_list("Software", [f"{k} {v}" for k, v in self.software.items()]))
        return "\n\n".join(parts) + "\n"


def from_json(text: str, where: str) -> Card:
    """The inverse of `Card.to_json`; where: the file's name for the message. Raises BadInput for anything else."""
    try:
        said = json.loads(text)
        scores = tuple(_score(s) for s in said["scores"])
        candidates = tuple(Candidates(**(c | {"scenes": tuple(c["scenes"])})) for c in said["candidates"])
        lists = {k: tuple(said[k]) for k in ("features", "limits", "not_for")}
        return Card(**(said | lists | {"scores": scores, "candidates": candidates}))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        wanted = ", ".join(f.name for f in fields(Card))
        raise BadInput(f"{where}: not a model card ({type(error).__name__}: {error}); it must hold {wanted}") from error


def _score(said: dict[str, Any]) -> Score:
    rates = {f.name: Rate(**said[f.name]) for f in fields(Score) if f.type in (Rate, "Rate")}
    return Score(**(said | rates))


def _list(title: str, lines: Any) -> str:
    return "\n".join([f"## {title}", "", *(f"- {line}" for line in lines)])


def _candidates(rows: tuple[Candidates, ...]) -> str:
    head = "| split | scenes | alerts | true | false | revisions |\n|---|---|---|---|---|---|"
    lines = [
        f"| {r.split} | {len(r.scenes)} | {r.alerts} | {r.true} | {r.alerts - r.true} | {r.revisions} |" for r in rows
    ]
    places = {r.split.split(",")[0]: ", ".join(r.scenes) for r in rows}
    scenes = [f"- {split}: {named}" for split, named in places.items()]
    return "\n".join(["## Alerts it was made and judged with", "", head, *lines, "", *scenes])


def _scores(rows: tuple[Score, ...], simulated: bool) -> str:
    title = "## Simulated scores on the test scenes" if simulated else "## Scores on the test scenes"
    head = "| alerts | n | true | precision without the model | precision | recall | Brier (of the base rate) | ECE |"
    lines = [
        f"| {s.name} | {s.alerts} | {s.true} | {_rate(s.precision_without)} | {_rate(s.precision)} | {_rate(s.recall)} "
        f"| {_rate(s.brier)} ({s.brier_base:.3f}) | {_rate(s.ece)} |"
        for s in rows
    ]
    return "\n".join([title, "", "In brackets: 95 % intervals.", "", head, "|---" * 8 + "|", *lines])


def _rate(rate: Rate) -> str:
    if rate.value is None:
        return "no alert"
    if rate.low is None or rate.high is None:
        return f"{rate.value:.3f}"
    return f"{rate.value:.3f} [{rate.low:.3f}, {rate.high:.3f}]"
