"""The model card: what a model is, what it was made from, how it did, what it must not be used for."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from detection.errors import BadInput
from models.scores import ClassScore, Figure, Scores

SIMULATED: Final = (
    "**Trained on SIMULATED data: every score below is a simulated score. It has seen no satellite image; what it says of real "
    "places is a first opinion.**"
)
PLOT: Final = "calibration.png"
"""File of the calibration plot, beside the card."""
MOST: Final = 20
"""Features named in the card; the JSON has all."""


@dataclass(frozen=True)
class Material:
    """The samples of a class."""

    name: str
    """The class."""
    samples: int
    """How many."""
    events: int
    """Of how many events."""
    blocks: int
    """In how many spatial blocks."""


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
    """True: it learnt from simulated scenes, its scores are simulated scores."""
    data: tuple[str, ...]
    """Where the samples came from, who labelled them, and what was left out."""
    period: str
    """When."""
    regions: tuple[str, ...]
    """Where."""
    judges: str
    """What flags the cells it judges: kind of the monitor, or of the method that cuts archives."""
    optical: tuple[str, ...]
    """Planes of optical looks it is told of."""
    radar: tuple[str, ...]
    """Planes of radar looks it is told of."""
    algorithm: str
    """Estimator, weights and calibration, with their settings."""
    material: tuple[Material, ...]
    """The samples, class by class."""
    scores: tuple[Scores, ...]
    """How it did on what it had not learnt from."""
    importance: dict[str, float]
    """Feature -> logarithmic score lost when it is shuffled."""
    curve: tuple[tuple[int, float], ...]
    """(blocks learnt from, macro F1 on blocks left out)."""
    outside: float
    """Share of samples of other blocks of which it abstains."""
    limits: tuple[str, ...]
    """What is known to be weak."""
    not_for: tuple[str, ...]
    """What it must not be used for."""
    reproduce: str
    """The command that makes it again."""
    detectors: dict[str, str] = field(default_factory=dict)
    """How the detector was set -> sha256 of its parameters."""
    software: dict[str, str] = field(default_factory=dict)
    """Versions that made it; none is needed to use it but numpy and numba."""

    def to_json(self) -> str:
        """The card as JSON, the same text for the same card."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    def to_markdown(self) -> str:
        """The card to be read; its first line says whether the model is simulated."""
        first = (
            f"# {self.name} {self.version}: trained on SIMULATED data"
            if self.simulated
            else f"# {self.name} {self.version}"
        )
        parts = [first, self.purpose, *([SIMULATED] if self.simulated else [])]
        parts += [_list("What it is not for", self.not_for), _list("Limits", self.limits), self._made()]
        parts += [_material(self.material), *(_scores(s, self.simulated) for s in self.scores)]
        parts.append(f"## Calibration\n\n![Probability of harm against how often it was so]({PLOT})")
        parts.append(_list("Macro F1 with more to learn from", [f"{many} blocks: {f1:.3f}" for many, f1 in self.curve]))
        matters = [f"{name}: {lost:.4f}" for name, lost in list(self.importance.items())[:MOST]]
        parts.append(
            _list(f"What matters: logarithmic score lost when a feature is shuffled, the first {MOST}", matters)
        )
        parts.append(_list("Detectors (sha256 of the parameters)", [f"{k}: `{v}`" for k, v in self.detectors.items()]))
        parts += [
            _list("Software", [f"{k} {v}" for k, v in self.software.items()]),
            _list("Made again by", [self.reproduce]),
        ]
        return "\n\n".join(parts) + "\n"

    def _made(self) -> str:
        told = {
            "Period": self.period,
            "Regions": ", ".join(self.regions),
            "Judges cells flagged by": self.judges,
            "Planes": ", ".join((*self.optical, *self.radar)),
            "Algorithm": self.algorithm,
            "Abstains": f"of {self.outside:.1%} of the samples of blocks it had not seen (area of applicability)",
        }
        return _list("How it was made", [*self.data, *(f"{key}: {text}" for key, text in told.items())])


def from_json(text: str, where: str) -> Card:
    """The inverse of `Card.to_json`; where: the file's name for the message. Raises BadInput for anything else."""
    try:
        said = json.loads(text)
        lists = {k: tuple(said[k]) for k in ("data", "regions", "optical", "radar", "limits", "not_for")}
        made = {
            "material": tuple(Material(**one) for one in said["material"]),
            "scores": tuple(_read_scores(one) for one in said["scores"]),
            "curve": tuple((int(many), float(f1)) for many, f1 in said["curve"]),
        }
        return Card(**(said | lists | made))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        wanted = ", ".join(f.name for f in fields(Card))
        raise BadInput(f"{where}: not a model card ({type(error).__name__}: {error}); it must hold {wanted}") from error


def _read_scores(said: dict[str, Any]) -> Scores:
    figures = {k: Figure(**said[k]) for k in ("macro_f1", "ece", "brier")}
    many = {k: tuple(_read_class(one) for one in said[k]) for k in ("classes", "drivers")}
    curve = tuple((float(p), float(s), float(a), float(b), int(n)) for p, s, a, b, n in said["curve"])
    return Scores(**(said | figures | many | {"harm": _read_class(said["harm"]), "curve": curve}))


def _read_class(said: dict[str, Any]) -> ClassScore:
    return ClassScore(**(said | {k: Figure(**said[k]) for k in ("users", "producers", "f1")}))


def _list(title: str, lines: Any) -> str:
    return "\n".join([f"## {title}", "", *(f"- {line}" for line in lines)])


def _material(rows: tuple[Material, ...]) -> str:
    head = "| class | samples | events | blocks |\n|---|---|---|---|"
    return "\n".join(
        ["## What it learnt from", "", head, *(f"| {r.name} | {r.samples} | {r.events} | {r.blocks} |" for r in rows)]
    )


def _scores(said: Scores, simulated: bool) -> str:
    title = f"## {'Simulated scores' if simulated else 'Scores'} on {said.name}"
    summary = [
        f"{said.samples} samples in {said.blocks} blocks; in brackets 95 % intervals from resampled blocks.",
        "",
        f"- macro F1 of the classes {told(said.macro_f1)}",
        f"- calibration error (ECE) of the probability of harm {told(said.ece)}, Brier score {told(said.brier)}",
    ]
    head = "| | events | user's | producer's | F1 |\n|---|---|---|---|---|"
    rows = [("forest lost or hurt", said.harm), *((c.name, c) for c in said.classes)]
    rows += [(f"driver: {d.name}", d) for d in said.drivers]
    lines = [f"| {n} | {c.events} | {told(c.users)} | {told(c.producers)} | {told(c.f1)} |" for n, c in rows]
    return "\n".join([title, "", *summary, "", head, *lines])


def told(figure: Figure) -> str:
    """A figure with its interval in words."""
    if figure.value is None or figure.low is None or figure.high is None:
        return "none"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def drawn(scores: Sequence[Scores], simulated: bool) -> bytes:
    """PNG of probability of harm against share of harm; the same bytes for the same scores."""
    from matplotlib.figure import Figure as Page

    page = Page(figsize=(4.6, 4.4), layout="constrained")
    ax = page.subplots()
    ax.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="as it should be")
    for said, colour, mark in zip(scores, ("#0072B2", "#D55E00", "#009E73"), "osD", strict=False):
        at, share, low, high, _ = ([row[i] for row in said.curve] for i in range(5))
        below = [max(0.0, s - a) for s, a in zip(share, low, strict=True)]
        above = [max(0.0, b - s) for s, b in zip(share, high, strict=True)]
        ax.errorbar(
            at, share, yerr=[below, above], color=colour, marker=mark, markersize=4, linewidth=1, label=said.name
        )
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="probability of harm said", ylabel="share that was harm")
    ax.set_title("SIMULATED samples" if simulated else "samples not learnt from", fontsize=9)
    ax.legend(fontsize=8, frameon=False, loc="upper left")
    out = io.BytesIO()
    page.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()
