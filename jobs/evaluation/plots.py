"""Pictures of an evaluation: what was found against what was falsely said, how soon, at what size, and the hard negatives."""

import io
from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import Any, Final

from detection.accuracy.bootstrap import Estimate
from jobs.evaluation.figures import Figures

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""Safe for colour-blind readers (Okabe & Ito 2008); detectors beyond eight repeat them with another marker."""
MARKERS: Final = "osD^vPX*"
WIDTH, HEIGHT = 4.2, 3.6
"""Inches of one panel."""
KEY: Final = 0.2
"""Inches of a line of the legend."""
LETTERS_AN_INCH: Final = 14


def plots(made: Sequence[Figures], said: str) -> dict[str, bytes]:
    """Title -> PNG, at confirmation; one panel a region and variant."""
    mine = [f for f in made if f.stage == "confirmed"]
    drawn: dict[str, Callable[[Any, Sequence[Figures]], None]] = {"found-and-false": _found_and_false, "days": _days}
    if any(e.value is not None for f in mine for e in f.sizes.values()):
        drawn["sizes"] = _sizes
    if any(f.hard for f in mine):
        drawn["hard-negatives"] = _hard
    return {title: _page(mine, draw, said) for title, draw in drawn.items()}


def _page(made: Sequence[Figures], draw: Callable[[Any, Sequence[Figures]], None], said: str) -> bytes:
    from matplotlib.figure import Figure

    groups = list(dict.fromkeys(f.group for f in made))
    columns = min(4, len(groups))
    rows = -(-len(groups) // columns)
    keys = -(-len({f.detector for f in made}) // (2 * columns)) * KEY
    page = Figure(figsize=(WIDTH * columns, HEIGHT * rows + keys + 0.6), layout="constrained")
    axes = page.subplots(rows, columns, squeeze=False)
    for ax in axes.flat[len(groups) :]:
        ax.set_axis_off()
    for ax, group in zip(axes.flat, groups, strict=False):
        draw(ax, [f for f in made if f.group == group])
        ax.set_title(", ".join(part for part in group if part), fontsize=9)
        ax.tick_params(labelsize=8)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    page.legend(handles, labels, loc="outside lower center", ncols=2 * columns, fontsize=8, frameon=False)
    page.suptitle("\n".join(wrap(said, int(LETTERS_AN_INCH * WIDTH * columns))), fontsize=8)
    out = io.BytesIO()
    page.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()


def _style(i: int) -> dict[str, Any]:
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i // len(COLOURS) % len(MARKERS)]}


def _error(e: Estimate) -> list[list[float]]:
    value = e.value or 0.0
    ends = (value if e.low is None else e.low, value if e.high is None else e.high)
    return [[max(value - ends[0], 0.0)], [max(ends[1] - value, 0.0)]]


def _found_and_false(ax: Any, made: Sequence[Figures]) -> None:
    for i, f in enumerate(made):
        one, other = f.accuracy["users"], f.accuracy["producers"]
        if one.value is not None and other.value is not None:
            ax.errorbar(
                one.value, other.value, xerr=_error(one), yerr=_error(other), label=f.detector, ms=5, lw=0.8, ls="",
                **_style(i),
            )  # fmt: skip
        else:
            ax.plot([], [], label=f"{f.detector} (nothing to judge)", ls="", **_style(i))
    ax.set(xlim=(0, 1.02), ylim=(0, 1.02))
    ax.set_xlabel("user's accuracy: confirmed alarms that are true", fontsize=8)
    ax.set_ylabel("producer's accuracy: losses found", fontsize=8)
    ax.grid(alpha=0.3)


def _days(ax: Any, made: Sequence[Figures]) -> None:
    for i, f in enumerate(made):
        for e, fill in ((f.median_days, True), (f.p80_days, False)):
            if e.value is not None:
                style = _style(i) | ({} if fill else {"markerfacecolor": "white"})
                ax.errorbar(
                    e.value, i, xerr=_error(e), ms=5, lw=0.8, ls="", label=f.detector if fill else None, **style
                )
    ax.set_yticks(range(len(made)), [f.detector for f in made])
    ax.set_ylim(len(made) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.set_xlabel(
        "days until half (filled) and four fifths are confirmed;\nmisses censored, no mark: never so many", fontsize=8
    )
    ax.grid(alpha=0.3, axis="x")


def _sizes(ax: Any, made: Sequence[Figures]) -> None:
    for i, f in enumerate(made):
        shown = [(name, e) for name, e in f.sizes.items() if e.value is not None]
        ax.plot([name for name, _ in shown], [e.value for _, e in shown], label=f.detector, ms=4, lw=0.9, **_style(i))
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("hectares of the event", fontsize=8)
    ax.set_ylabel("events of which at least half was found", fontsize=8)
    ax.tick_params(axis="x", rotation=45)
    ax.grid(alpha=0.3)


def _hard(ax: Any, made: Sequence[Figures]) -> None:
    kinds = list(dict.fromkeys(kind for f in made for kind in f.hard))
    width = 0.8 / max(len(made), 1)
    for i, f in enumerate(made):
        heights = [1000 * f.hard[k].alarms / f.hard[k].series if k in f.hard else 0.0 for k in kinds]
        places = [k + (i - len(made) / 2 + 0.5) * width for k in range(len(kinds))]
        ax.bar(places, heights, width, label=f.detector, color=_style(i)["color"])
    ax.set_xticks(range(len(kinds)), kinds, rotation=30, ha="right")
    ax.set_ylabel("false alarms of 1000 series it touched", fontsize=8)
    ax.grid(alpha=0.3, axis="y")
