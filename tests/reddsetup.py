"""The account of the second example of Open Foris mocaredd (its workbook example2.xlsx), as our own records."""

from typing import Final

from jobs.reports.redd.activity import Period, Transition
from jobs.reports.redd.emissions import Account
from jobs.reports.redd.quantity import Quantity, constant
from jobs.reports.redd.stocks import Element, Stocks

AREAS: Final = {
    "T1": ((22455, 7513), (11327, 3429), (55074, 16234), (16734, 4038), (316681, 27632), (22954, 2213)),
    "T2": ((2055, 512), (2107, 525), (6029, 1578), (6195, 1467), (44939, 3690), (5633, 511)),
}
"""ha and standard error, in the order of WAYS."""
WAYS: Final = (
    ("EV", "EV", "Crop", "DF"), ("M", "M", "Crop", "DF"), ("EV", "EV_deg", "Crop", "DF"), ("M", "M_deg", "Crop", "DF"),
    ("EV", "EV", "EV_deg", "DG"), ("M", "M", "M_deg", "DG"),
)  # fmt: skip
"""Stratum, land use before and after, activity."""
FRACTION: Final = Quantity("carbon_fraction", 0.47, "1", 0.013)
STOCKS: Final = Stocks(
    (
        Element("EV_AGB", "EV", "AGB", Quantity("EV_AGB", 274.959, "t dm/ha", 71.765)),
        Element("EV_RS", "EV", "RS", Quantity("EV_RS", 0.333, "1", 0.0308)),
        Element("M_AGB", "M", "AGB", Quantity("M_AGB", 195.58, "t dm/ha", 48.006)),
        Element("M_RS", "M", "RS", Quantity("M_RS", 0.407, "1", 0.0308)),
        Element("EV_ratio", "EV_deg", "DG_ratio", Quantity("EV_ratio", 0.72, "1", 0, "beta", (4.811, 1.871))),
        Element("M_ratio", "M_deg", "DG_ratio", Quantity("M_ratio", 0.72, "1", 0, "beta", (2.668, 1.037))),
        Element("Crop_ALL", "Crop", "ALL", constant("Crop_ALL", 0, "tC/ha")),
    ),
    fraction=FRACTION,
)
PERIODS: Final = (Period("T1", 2011, 2015, "REF"), Period("T2", 2016, 2017, "MON"))


def transitions() -> tuple[Transition, ...]:
    return tuple(
        Transition(f"{period}_{b}_{a}", period, stratum, activity, b, a, Quantity(f"{period}_{b}_{a}", ha, "ha", se))  # type: ignore[arg-type]
        for period, areas in AREAS.items()
        for (stratum, b, a, activity), (ha, se) in zip(WAYS, areas, strict=True)
    )


def example() -> Account:
    return Account(PERIODS, transitions(), STOCKS)
