"""The account as a workbook that Open Foris mocaredd opens, and back: four sheets with its headers to the letter.

What its sheets have no place for stands in sheets of our own, which it does not look at: `removals`, `fires`, `baseline`. A
stratum that is not the intact land use before stands in `trans_placeholder`; the name of a figure that several land uses
share in `c_placeholder` (mocaredd draws it for each of them). It knows the shapes normal and beta alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from detection.errors import BadInput
from jobs.reports.parts import Cell
from jobs.reports.redd.activity import Activity, Period, Transition
from jobs.reports.redd.emissions import Account
from jobs.reports.redd.flows import Fire, Regrowth
from jobs.reports.redd.quantity import SHAPED, Distribution, Quantity, Unit, mean_of
from jobs.reports.redd.schemes import TreesRow
from jobs.reports.redd.sheets import Record, Sheets
from jobs.reports.redd.stocks import BIOMASS, FRACTION, RATIOS, Element, MeasuredIn, Pool, Stocks
from jobs.reports.workbook import workbook

Sheet = tuple[str, Sequence[str], Sequence[Sequence[Cell]]]
USER: Final = (
    "trunc_pdf", "n_iter", "ran_seed", "c_unit", "c_fraction", "c_fraction_se", "c_fraction_pdf", "dg_ext", "dg_pool",
    "ad_annual", "conf_level", "round_digits",
)  # fmt: skip
SHAPED_FRACTION: Final = ("c_fraction_a", "c_fraction_b", "c_fraction_c")
"""Ours, where the carbon fraction has a shape that its parameters describe."""
TIME: Final = ("period_no", "year_start", "year_end", "period_type")
AREAS: Final = (
    "trans_no", "trans_id", "trans_period", "trans_placeholder", "lu_initial_id", "lu_final_id", "trans_area", "trans_se",
    "trans_pdf", "trans_pdf_a", "trans_pdf_b", "trans_pdf_c", "lu_initial", "lu_final", "redd_activity",
)  # fmt: skip
CARBON: Final = (
    "c_no", "c_id", "c_period", "c_element", "c_lu_id", "c_placeholder", "c_value", "c_se", "c_pdf", "c_pdf_a", "c_pdf_b",
    "c_pdf_c", "c_lu_name",
)  # fmt: skip
PARTS: Final = ("value", "se", "pdf", "pdf_a", "pdf_b", "pdf_c")
NAMED: Final = ("name", *PARTS)
GROWN_OF: Final[Mapping[str, Unit]] = {"area": "ha", "growth": "t dm/ha/yr", "rs": "1"}
BURNT_OF: Final[Mapping[str, Unit]] = {
    "area": "ha", "fuel": "t dm/ha", "combustion": "1", "ch4": "g/kg", "n2o": "g/kg", "gwp_ch4": "1", "gwp_n2o": "1",
}  # fmt: skip
GROWN: Final = ("removal_id", "removal_period", "stratum", *(f"{what}_{part}" for what in GROWN_OF for part in NAMED))
BURNT: Final = (
    "fire_id", "fire_period", "stratum", "redd_activity", *(f"{what}_{part}" for what in BURNT_OF for part in NAMED)
)  # fmt: skip
TREES: Final = ("Year", "GHG ER (tCO2)", "BUFt", "LEAKt", "90 % CIt", "UAt", "UNCt", "TREES ER")
"""Guyana's ART workbook, sheet "TREES ERs"."""
PERIODS_OF_STOCKS: Final = "ALL"
TRUNCATED: Final = "truncated normal"


@dataclass(frozen=True)
class Drawing:
    """How an account is drawn from."""

    draws: int = 10_000
    """Iterations; ART TREES 2.0 asks for 10,000."""
    seed: int = 1
    """The same seed gives the same draws."""
    level: float = 90.0
    """Of the intervals, per cent."""
    digits: int = 0
    """To which mocaredd rounds; nothing is rounded here."""


def write(account: Account, drawing: Drawing, results: Sequence[Sheet] = ()) -> bytes:
    """`redd_emissions.xlsx`: the account, then results."""
    return workbook([*_account(account, drawing), *results])


def write_trees(rows: Sequence[TreesRow]) -> bytes:
    """`trees_er.xlsx`: a line a year or a span of years, as TREES tables have them."""
    return workbook([("TREES ERs", TREES, [_trees(one) for one in rows])])


def _trees(one: TreesRow) -> Sequence[Cell]:
    year: Cell = int(one.label) if one.label.isdecimal() else one.label
    taken = (one.buffer, one.leakage, one.half_width, one.adjustment, one.uncertainty)
    return (year, one.reduction, *taken, one.credited)


def _account(account: Account, drawing: Drawing) -> Iterator[Sheet]:
    cut = _cut(account)
    shaped = account.stocks.fraction is not None and account.stocks.fraction.distribution in SHAPED
    yield "user_inputs", (*USER, *(SHAPED_FRACTION if shaped else ())), [_user(account, drawing, cut, shaped)]
    yield "time_periods", TIME, [(one.name, one.first, one.last, one.kind) for one in account.periods]
    yield "AD_lu_transitions", AREAS, [_area(i, t, account, cut) for i, t in enumerate(account.transitions, 1)]
    yield "c_stocks", CARBON, [_carbon(i, e, cut) for i, e in enumerate(account.stocks.elements, 1)]
    if account.regrowth:
        yield "removals", GROWN, [_grown(one, cut) for one in account.regrowth]
    if account.fires:
        yield "fires", BURNT, [_burnt(one, cut) for one in account.fires]
    if account.baseline is not None:
        yield "baseline", NAMED, [_named(account.baseline, cut)]


def _cut(account: Account) -> bool:
    """All normal distributions are truncated: what `trunc_pdf` says of a whole workbook."""
    shapes = {one.distribution for one in account.quantities.values()}
    return TRUNCATED in shapes and "normal" not in shapes


def _user(account: Account, drawing: Drawing, cut: bool, shaped: bool) -> Sequence[Cell]:
    stocks = account.stocks
    fraction = (None,) * 6 if stocks.fraction is None else _parts(stocks.fraction, cut)
    return (
        cut, drawing.draws, drawing.seed, stocks.measured_in, *fraction[:3], stocks.degraded, ", ".join(stocks.degraded_pools),
        account.yearly_areas, drawing.level / 100, drawing.digits,
        *(fraction[3:] if shaped else ()),
    )  # fmt: skip


def _area(number: int, one: Transition, account: Account, cut: bool) -> Sequence[Cell]:
    stratum = None if one.stratum == account.stocks.intact(one.before) else one.stratum
    parts = _parts(one.area, cut)
    return (number, one.name, one.period, stratum, one.before, one.after, *parts, one.before, one.after, one.activity)


def _carbon(number: int, one: Element, cut: bool) -> Sequence[Cell]:
    shared = None if one.quantity.name == one.name else one.quantity.name
    parts = _parts(one.quantity, cut)
    return (number, one.name, PERIODS_OF_STOCKS, one.pool, one.land_use, shared, *parts, one.land_use)


def _grown(one: Regrowth, cut: bool) -> Sequence[Cell]:
    parts = [_named(some, cut) for some in (one.area, one.growth, one.root_shoot)]
    return (one.name, one.period, one.stratum, *(cell for part in parts for cell in part))


def _burnt(one: Fire, cut: bool) -> Sequence[Cell]:
    cells = (cell for some in one.quantities for cell in _named(some, cut))
    return (one.name, one.period, one.stratum, one.activity, *cells)


def _named(one: Quantity | None, cut: bool) -> tuple[Cell, ...]:
    return (None,) * len(NAMED) if one is None else (one.name, *_parts(one, cut))


def _parts(one: Quantity, cut: bool) -> tuple[Cell, ...]:
    """Value, standard error, shape and its three parameters; a constant is a normal one without error."""
    shape = "normal" if one.distribution == "constant" or (cut and one.distribution == TRUNCATED) else one.distribution
    se = None if one.distribution in SHAPED and one.se == 0 else one.se
    return (one.value, se, shape, *one.parameters, *(None,) * (3 - len(one.parameters)))


def read_workbook(content: bytes, name: str) -> tuple[Account, Drawing]:
    """The account of a workbook of that form. Raises BadInput with sheet, row and column of the first mistake."""
    sheets = Sheets(content, name)
    users = sheets.records("user_inputs", USER[:-1])
    if len(users) != 1:
        raise BadInput(f"{name}, sheet user_inputs: {len(users)} rows, expected one")
    user = users[0]
    cut = user.truth("trunc_pdf")
    stocks = _stocks(user, sheets.records("c_stocks", _without(CARBON, "c_placeholder", "c_lu_name", "c_no")), cut)
    periods = tuple(
        Period(row.text("period_no"), row.whole("year_start"), row.whole("year_end"), row.text("period_type"))
        for row in sheets.records("time_periods", TIME)
    )
    needed = _without(AREAS, "trans_placeholder", "trans_no", "lu_initial", "lu_final")
    changed = tuple(_transition(row, stocks, cut) for row in sheets.records("AD_lu_transitions", needed))
    grown = sheets.records("removals", GROWN) if "removals" in sheets else []
    burnt = sheets.records("fires", BURNT) if "fires" in sheets else []
    given = sheets.records("baseline", NAMED) if "baseline" in sheets else []
    baseline = _quantity(given[0], given[0].text("name"), "tCO2e/yr", PARTS.__getitem__, cut) if given else None
    flows = tuple(_regrowth(row, cut) for row in grown), tuple(_fire(row, cut) for row in burnt)
    account = Account(periods, changed, stocks, *flows, user.truth("ad_annual"), baseline)
    level = user.number("conf_level") * 100
    return account, Drawing(
        user.whole("n_iter"), user.whole("ran_seed", 1), round(level, 9), user.whole("round_digits", 0)
    )


def _without(headers: Sequence[str], *spare: str) -> tuple[str, ...]:
    return tuple(one for one in headers if one not in spare)


def _stocks(user: Record, rows: Sequence[Record], cut: bool) -> Stocks:
    measured = user.text("c_unit")
    if measured not in ("DM", "C"):
        raise user.fail("c_unit", f"found {measured!r}, expected DM or C")
    names = ("c_fraction", "c_fraction_se", "c_fraction_pdf", *SHAPED_FRACTION)
    fraction = _quantity(user, FRACTION, "1", names.__getitem__, cut) if user.has("c_fraction") else None
    pools = tuple(part.strip() for part in user.text("dg_pool", "AGB, BGB").split(",") if part.strip())
    elements = tuple(_element(row, cast("MeasuredIn", measured), cut) for row in rows if _given(row))
    return Stocks(
        elements, cast("MeasuredIn", measured), fraction, user.text("dg_ext", "_deg"), cast("tuple[Pool, ...]", pools)
    )


def _given(row: Record) -> bool:
    """mocaredd's template leaves rows without a value for pools that nobody measured."""
    return row.has("c_value") or row.has("c_pdf_a")


def _element(row: Record, measured: MeasuredIn, cut: bool) -> Element:
    if row.text("c_period") != PERIODS_OF_STOCKS:
        raise row.fail(
            "c_period", f"found {row.text('c_period')!r}; stocks that differ by period are not reckoned, expected ALL"
        )
    pool = row.text("c_element")
    unit: Unit = "1" if pool in RATIOS else "t dm/ha" if pool in BIOMASS and measured == "DM" else "tC/ha"
    name = row.text("c_id")
    quantity = _quantity(row, row.text("c_placeholder", name), unit, lambda i: f"c_{PARTS[i]}", cut)
    return Element(name, row.text("c_lu_id"), cast("Pool", pool), quantity)


def _transition(row: Record, stocks: Stocks, cut: bool) -> Transition:
    names = ("trans_area", "trans_se", "trans_pdf", "trans_pdf_a", "trans_pdf_b", "trans_pdf_c")
    name, before = row.text("trans_id"), row.text("lu_initial_id")
    area = _quantity(row, name, "ha", names.__getitem__, cut)
    stratum = row.text("trans_placeholder", stocks.intact(before))
    activity = cast("Activity", row.text("redd_activity"))
    return Transition(name, row.text("trans_period"), stratum, activity, before, row.text("lu_final_id"), area)


def _regrowth(row: Record, cut: bool) -> Regrowth:
    known = {what: unit for what, unit in GROWN_OF.items() if what != "rs" or row.has("rs_name")}
    area, growth, *roots = (_one_of(row, what, unit, cut) for what, unit in known.items())
    period, stratum = row.text("removal_period"), row.text("stratum")
    return Regrowth(row.text("removal_id"), period, stratum, area, growth, roots[0] if roots else None)


def _fire(row: Record, cut: bool) -> Fire:
    parts = [_one_of(row, what, unit, cut) for what, unit in BURNT_OF.items()]
    activity = cast("Activity", row.text("redd_activity"))
    return Fire(row.text("fire_id"), row.text("fire_period"), row.text("stratum"), activity, *parts)


def _one_of(row: Record, what: str, unit: Unit, cut: bool) -> Quantity:
    return _quantity(row, row.text(f"{what}_name"), unit, lambda i: f"{what}_{PARTS[i]}", cut)


def _quantity(row: Record, name: str, unit: Unit, column: Callable[[int], str], cut: bool) -> Quantity:
    """A figure out of the columns for value, standard error, shape and parameters."""
    shape = row.text(column(2), "normal")
    parameters = tuple(row.number(column(i)) for i in (3, 4, 5) if shape in SHAPED and row.has(column(i)))
    if shape in SHAPED:
        value = row.number(
            column(0), mean_of(cast("Distribution", shape), parameters) if _whole(shape, parameters) else None
        )
        return Quantity(name, value, unit, row.number(column(1), 0.0), cast("Distribution", shape), parameters)
    if row.has(column(1)) and not row.has(column(0)):
        raise row.fail(column(0), "a standard error without a value; give both")
    value, se = row.number(column(0)), row.number(column(1), 0.0 if shape == "constant" else None)
    if shape == "normal":
        shape = "constant" if se == 0 else TRUNCATED if cut else "normal"
    return Quantity(name, value, unit, se, cast("Distribution", shape))


def _whole(shape: str, parameters: Sequence[float]) -> bool:
    return len(parameters) == SHAPED[shape]
