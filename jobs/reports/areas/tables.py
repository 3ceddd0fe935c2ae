"""The tables of a report of areas."""

from collections.abc import Iterator, Sequence

import numpy as np

from detection.accuracy.bootstrap import Estimate
from jobs.reports.areas.agreement import Agreement, Settled
from jobs.reports.areas.boundaries import NONE, Account, Laid
from jobs.reports.areas.estimate import Estimated, Figure
from jobs.reports.areas.found import Found
from jobs.reports.parts import Cell, Column, Table, coded
from jobs.words import Words, _

ALL = "all"
"""Stands in the column `stratum` where a figure is of all of them together."""
REST = "rest"
"""Id of what no area of a layer covers."""


ESTIMATORS = {"olofsson": _("Olofsson and others 2014"), "stehman": _("Stehman 2014")}
MEASURES = {
    "interpreters": _("people who looked"),
    "percent_agreement": _("share on which they agree"),
    "kappa": _("agreement beyond chance"),
    "kappa_cohen": _("agreement beyond chance (Cohen's kappa)"),
    "kappa_fleiss": _("agreement beyond chance (Fleiss' kappa)"),
    "left_out_ties": _("left out: as many say one thing as another"),
    "left_out_unanswered": _("left out: nobody answered"),
}
"""Measure of agreement -> in words."""
COMMON = (_("stable forest"), _("no forest"), _("forest"))
"""Names that maps often give their classes: said in the reader's language, too."""


def _called(name: str, words: Words) -> str:
    """A class or a stratum in words, where they are known."""
    known = {ALL: _("all of them"), REST: _("the rest")}
    said = words.say(known[name]) if name in known else words.own(name)
    return "" if said == name else said


def tables(found: Found) -> tuple[Table, ...]:
    """All that there are, in the order of a report."""
    return tuple(_tables(found))


def _tables(found: Found) -> Iterator[Table]:
    if found.estimated is not None:
        yield _estimates(found, found.estimated)
        yield _bias(found, found.estimated)
        yield from _matrices(found, found.estimated)
        yield _sae(found, found.estimated)
    if found.years:
        yield _years(found)
    if found.agreement is not None and found.settled is not None:
        yield _agreement(found.agreement, found.settled)
    if any(made for _, made, _ in found.accounts):
        yield _boundaries(found)
    if found.asked.boundaries:
        yield _overlaps(found)
    yield _design(found)


ESTIMATES = (
    Column("aoi_id", "", _("area")), Column("period_start", "", _("first day")), Column("period_end", "", _("last day")),
    Column("stratum", "", _("stratum, or all of them"), says=_called), Column("class", "", _("what was seen"), says=_called),
    Column("map_area_ha", "ha", _("by counting cells of the map")), Column("n_samples", "", _("samples"), 0),
    Column("area_ha", "ha", _("estimated")), Column("se_ha", "ha", _("standard error")),
    Column("ci_level", "", _("confidence of the interval")), Column("ci_low_ha", "ha", _("interval from")),
    Column("ci_high_ha", "ha", _("interval to")),
    Column("ua", "", _("share of what the map calls so that is so"), 4), Column("ua_se", "", _("standard error"), 4),
    Column("pa", "", _("share of what is so that the map calls so"), 4), Column("pa_se", "", _("standard error"), 4),
    Column("estimator", "", _("how it was estimated"), says=coded(ESTIMATORS)),
    Column("z", "", _("standard errors to either side"), 4),
    Column("source_version", "", _("map")),
)  # fmt: skip
"""Of the table `area_estimates`, exactly."""


def _estimates(found: Found, made: Estimated) -> Table:
    right = made.accuracy
    rows = []
    for k, name in enumerate(made.classes):
        four = (right.users[k], right.users_se[k], right.producers[k], right.producers_se[k])
        rows.append(_row(found, made, ALL, name, float(made.mapped[k]), made.figures[k], *map(_known, four)))
    for h, stratum in enumerate(found.strata.names):
        for k, name in enumerate(made.classes):
            if found.strata.cells[h]:
                mapped = float(found.strata.hectares[h]) if found.strata.claims[h] == name else 0.0
                rows.append(_row(found, made, stratum, name, mapped, made.within[h][k], None, None, None, None))
    return Table(
        "area_estimates", _("Areas, with what the map alone would have said"), ESTIMATES, tuple(rows), _interval
    )


def _row(
    found: Found, made: Estimated, stratum: str, name: str, mapped: float, one: Figure, *accuracies: Cell
) -> tuple[Cell, ...]:
    asked = found.asked
    return (
        found.place, asked.first.isoformat(), asked.last.isoformat(), stratum, name, mapped, one.samples, one.hectares, one.se,
        asked.confidence, one.low, one.high, *accuracies, made.estimator, found.z, found.version,
    )  # fmt: skip


def _interval(words: Words) -> Sequence[str]:
    return (
        words.say(_(
"An interval is the estimate and so many standard errors to either side. Where it begins "
"below nought the samples are too few to say more than its upper end."
)),
        words.say(_(
"No standard error: a stratum has one sample alone, or no sample shows the class. That does "
"not mean that there is none."
)),
    )  # fmt: skip


def _bias(found: Found, made: Estimated) -> Table:
    columns = (
        Column("class", "", _("what was seen"), says=_called), Column("map_area_ha", "ha", _("by counting cells of the map")),
        Column("area_ha", "ha", _("estimated")), Column("bias_ha", "ha", _("map minus estimate")),
        Column("bias_share", "", _("as a share of the estimate"), 4),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for k, name in enumerate(made.classes):
        area, bias = made.figures[k].hectares, float(made.bias[k])
        rows.append((name, float(made.mapped[k]), area, bias, bias / area if area else None))
    return Table("map_bias", _("What counting the cells of the map would have been off by"), columns, tuple(rows))


def _matrices(found: Found, made: Estimated) -> Iterator[Table]:
    head = (
        Column("stratum", "", _("stratum"), says=_called),
        Column("map_class", "", _("what the map says"), says=_called),
    )
    for name, title, values, digits in (
        ("error_matrix", _("Samples by what the map says and what was seen"), made.counts, 0),
        ("error_matrix_proportions", _("The same as shares of the whole area"), made.shares, 4),
    ):
        columns = (*head, *(Column(one, "", _("what was seen"), digits) for one in made.classes))
        whose = zip(found.strata.names, found.strata.claims, values.tolist(), strict=True)
        yield Table(name, title, columns, tuple((stratum, claim, *row) for stratum, claim, row in whose))


SAE = (
    "class", "code", "producers_accuracy", "weighted_producers_accuracy", "users_accuracy", "map_pixel_count",
    "strRS_area_estimate", "strRS_standard_error", "strRS_confidence_interval", "number_samples", "simRS_weight",
    "simRS_area_estimate", "simRS_standard_error", "simRS_confidence_interval", "simRS_confidence_interval_area",
    "strRS_unbiased_area_estimate", "strRS_direct_estimate",
)  # fmt: skip
"""Columns under which SEPAL's accuracy assessment writes its results."""


SAID = {
    "class": _("what was seen"), "code": _("number in files"),
    "producers_accuracy": _("share of what is so that the map calls so, by samples"),
    "weighted_producers_accuracy": _("share of what is so that the map calls so"),
    "users_accuracy": _("share of what the map calls so that is so"), "map_pixel_count": _("hectares of the map"),
    "strRS_area_estimate": _("hectares, estimated"), "strRS_standard_error": _("standard error"),
    "strRS_confidence_interval": _("half the interval"), "number_samples": _("samples"),
}  # fmt: skip
"""The same in words, those that are to be used."""


def _sae(found: Found, made: Estimated) -> Table:
    """As openforis/accuracy-assessment, aa_analysis/server.R computes them; the last two columns it does not have."""
    whole, answered = found.strata.total, int(made.counts.sum())
    rows: list[tuple[Cell, ...]] = []
    own = np.array([[claim == name for name in made.classes] for claim in found.strata.claims], bool)
    for k, name in enumerate(made.classes):
        many, hits, one = int(made.counts[:, k].sum()), int(made.counts[own[:, k], k].sum()), made.figures[k]
        share = many / answered
        spread = float(np.sqrt(share * (1 - share) / answered))
        half = None if one.se is None else one.se * found.z
        rows.append(
            (
                name, found.numbers[name], hits / many if many else None, _known(made.accuracy.producers[k]),
                _known(made.accuracy.users[k]), float(made.mapped[k]), one.hectares, one.se, half, many, share, share * whole,
                spread, spread * found.z, spread * found.z * whole, None, None,
            )
        )  # fmt: skip
    columns = tuple(
        Column(name, about=SAID.get(name, ""), digits=4, says=_called if name == "class" else None) for name in SAE
    )
    return Table("sae_estimates", _("The same under the names of SEPAL"), columns, tuple(rows), _simple)


def _simple(words: Words) -> Sequence[str]:
    said = _(
        "Areas are hectares, also where SEPAL counts cells. The columns of simRS take the sample for "
        "one that was drawn without strata, which it was not: do not use them. What SEPAL's published "
        "code does not define stays empty."
    )
    return (words.say(said),)


def _years(found: Found) -> Table:
    columns = (
        Column("class", "", _("change"), says=_called), Column("year", "", _("year; empty: nobody said which"), 0),
        Column("n_samples", "", _("samples"), 0), *_figures(),
    )  # fmt: skip
    rows = tuple((name, year, one.seen, *_cells(one)) for (name, year), one in found.years.items())
    return Table("change_by_year", _("Change, year by year"), columns, rows, _interval)


def _figures() -> tuple[Column, ...]:
    return tuple(column for column in ESTIMATES if column.name in ("area_ha", "se_ha", "ci_low_ha", "ci_high_ha"))


def _cells(one: Figure) -> tuple[Cell, ...]:
    return one.hectares, one.se, one.low, one.high


def _agreement(made: Agreement, settled: Settled) -> Table:
    columns = (
        Column("measure", "", _("what was measured"), says=coded(MEASURES)), Column("value", "", _("figure"), 4),
        Column("ci_low", "", _("interval from"), 4),
        Column("ci_high", "", _("interval to"), 4), Column("of", "", _("of how many"), 0),
    )  # fmt: skip
    rows: tuple[tuple[Cell, ...], ...] = (
        ("interpreters", made.interpreters, None, None, made.samples),
        ("percent_agreement", *_interval_of(made.alike)),
        (f"kappa_{made.measure.lower()}" if made.measure else "kappa", *_interval_of(made.kappa)),
        (
            "left_out_ties",
            len(settled.ties),
            None,
            None,
            len(settled.sample) + len(settled.ties) + len(settled.missing),
        ),
        (
            "left_out_unanswered",
            len(settled.missing),
            None,
            None,
            len(settled.sample) + len(settled.ties) + len(settled.missing),
        ),
    )
    return Table("agreement", _("Do those who looked at the same place agree"), columns, rows, _majority)


def _interval_of(one: Estimate) -> tuple[Cell, ...]:
    return one.value, one.low, one.high, int(one.of)


def _majority(words: Words) -> Sequence[str]:
    return (
        words.say(
            _(
                "Of several answers to one place the one that most gave counts. A place on which as many say "
                "one thing as another is decided by nobody: the report stops there, or leaves it out where "
                "the config says so."
            )
        ),
    )


def _boundaries(found: Found) -> Table:
    columns = (
        Column("layer", "", _("layer")), Column("id", "", _("area"), says=_called), Column("name", "", _("name")),
        Column("inside_layer", "", _("layer in which it lies")),
        Column("inside_id", "", _("area in which it lies"), says=_called),
        Column("class", "", _("what was seen"), says=_called), Column("map_area_ha", "ha", _("by counting cells of the map")),
        Column("n_samples", "", _("samples"), 0), Column("n_class", "", _("samples of the class"), 0), *_figures(),
    )  # fmt: skip
    rows = tuple(row for laid, made, _ in found.accounts for one in made for row in _account(laid, one, found.classes))
    empty = sum(bare for _, _, bare in found.accounts)

    def notes(words: Words) -> Sequence[str]:
        said = words.say(
            _(
                "All rows come of one sample and one estimator: the areas of a layer and the rest of what "
                "they lie in add up to it."
            )
        )
        few = words.count(
            _("{n} area holds no sample and is not listed: nothing can be said of it alone."),
            _("{n} areas hold no sample and are not listed: nothing can be said of them alone."),
            empty,
        )
        return (said, few) if empty else (said,)

    return Table("boundaries", _("Areas within boundaries"), columns, rows, notes)


def _account(laid: Laid, one: Account, classes: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    outer, place = one.piece
    layer, around = laid.layer, laid.outer
    ident, name = (REST, "") if place == NONE else (layer.ids[place], layer.names[place])
    where: tuple[Cell, Cell] = (None, None)
    if around is not None:
        where = (around.asked.name, REST if outer == NONE else around.ids[outer])
    for k, said in enumerate(classes):
        figure = one.figures[k]
        yield (
            layer.asked.name, ident, name, *where, said, float(one.mapped[k]), figure.samples, figure.seen, *_cells(figure),
        )  # fmt: skip


def _overlaps(found: Found) -> Table:
    columns = (
        Column("layer", "", _("layer")), Column("id", "", _("area")), Column("other_layer", "", _("other layer")),
        Column("other_id", "", _("other area; empty: it lies outside of all of them")),
        Column("hectares", "ha", _("claimed twice, or outside"), 4),
    )  # fmt: skip
    rows = tuple((one.layer, one.id, one.other_layer, one.other_id or None, one.hectares) for one in found.overlaps)

    def notes(words: Words) -> Sequence[str]:
        return (
            words.say(
                _(
                    "In the estimates every place counts once: for the first area in the order of their ids, and "
                    "only within the area in which it must lie."
                )
            ),
        )

    return Table("overlaps", _("What would count twice"), columns, rows, notes)


def _design(found: Found) -> Table:
    columns = (
        Column("stratum", "", _("stratum"), says=_called), Column("map_class", "", _("what the map says"), says=_called),
        Column("code", "", _("number in files"), 0),
        Column("cells", "", _("cells"), 0), Column("hectares", "ha", _("area")), Column("share", "", _("share of the area"), 4),
        Column("expected_ua", "", _("accuracy that was expected"), 2), Column("samples", "", _("samples"), 0),
    )  # fmt: skip
    strata, many = found.strata, found.design
    rows = tuple(
        (
            name, strata.claims[h], found.numbers[name], int(strata.cells[h]), float(strata.hectares[h]),
            float(strata.hectares[h] / strata.total), _known(many.expected[h]), int(many.many[h]),
        )
        for h, name in enumerate(strata.names)
    )  # fmt: skip
    return Table("sample_design", _("Strata, and how many samples of each"), columns, rows)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
