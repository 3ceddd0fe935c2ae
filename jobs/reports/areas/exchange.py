"""Files for the programs in which samples are interpreted, with exactly the columns that they want.

Collect Earth Online: plots to upload (openforis/collect-earth-online, docs project/management.rst). SEPAL: areas, sampling
design and points for Collect Earth (openforis/accuracy-assessment, aa_design/server.R).
"""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, Final

import numpy as np

from detection.accuracy.allocation import sepal
from detection.errors import BadInput
from jobs.reports.areas.asked import Sampling
from jobs.reports.areas.sample import Design, Sample
from jobs.reports.areas.strata import Strata

MOST_PLOTS: Final = 50_000
"""Plots of a file that Collect Earth Online takes."""
CEO_PLOTS: Final = ("LON", "LAT", "PLOTID")
"""First columns of an upload. Nothing else is told: who knows the stratum sees what the map says."""
AREA_RAST: Final = ("map_code", "map_area", "map_edited_class")
SAMPLING: Final = (
    *AREA_RAST, "wi", "eua", "si", "wisi", "equal", "proportional", "min", "adjprop", "adjusted", "final",
)  # fmt: skip
COLLECT_EARTH: Final = (
    "id", "YCoordinate", "XCoordinate", "elevation", "slope", "aspect", "region", "country", "geometry", "area", "map_class",
)  # fmt: skip
NOT_TOLD: Final = (0, 0, 0, "region", "country", "points", 1)
"""What SEPAL itself writes for elevation, slope, aspect, region and country where it knows none, for points of one cell."""
DECIMALS: Final = 8
"""Of degrees: a millimetre."""


def numbered(strata: Strata, classes: Sequence[str]) -> dict[str, int]:
    """Name of a stratum or a class -> its number in files, one numbering for both, from 1 in the order of the config."""
    return {name: place for place, name in enumerate(dict.fromkeys((*strata.names, *classes)), 1)}


def ceo_plots(sample: Sample) -> bytes:
    """The plots for Collect Earth Online. Raises BadInput for more than it takes."""
    if (many := len(sample.stratum)) > MOST_PLOTS:
        raise BadInput(
            f"areas.sampling: {many:,} samples; Collect Earth Online takes {MOST_PLOTS:,} plots, ask for fewer"
        )
    lon, lat = sample.places
    rows = zip(_degrees(lon), _degrees(lat), sample.ids.tolist(), strict=True)
    return table(CEO_PLOTS, rows)


def area_rast(strata: Strata, numbers: dict[str, int]) -> bytes:
    """The areas of the strata for SEPAL, in hectares."""
    return table(AREA_RAST, _areas(strata, numbers))


def sampling(strata: Strata, asked: Sampling, made: Design, numbers: dict[str, int]) -> bytes:
    """The design for SEPAL: its own steps of sharing samples out, and under `final` what was drawn, by whatever rule."""
    there = strata.cells > 0
    steps = sepal(made.wanted, strata.hectares[there], asked.least)
    share, users = strata.hectares[there] / strata.total, made.expected[there]
    spread = np.sqrt(users * (1 - users))
    columns = (
        share, users, spread, share * spread, steps.equal, steps.proportional, steps.least, steps.adjprop, steps.adjusted,
        made.many[there],
    )  # fmt: skip
    rows = zip(_areas(strata, numbers), zip(*(one.tolist() for one in columns), strict=True), strict=True)
    return table(SAMPLING, ([*one, *map(_known, more)] for one, more in rows))


def collect_earth(sample: Sample, strata: Strata, numbers: dict[str, int]) -> bytes:
    """The samples for Collect Earth: one cell each, with the number of its stratum."""
    lon, lat = sample.places
    code = [numbers[strata.names[place]] for place in sample.stratum.tolist()]
    rows = zip(sample.ids.tolist(), _degrees(lat), _degrees(lon), code, strict=True)
    return table(COLLECT_EARTH, ([ident, y, x, *NOT_TOLD, said] for ident, y, x, said in rows))


def drawn(sample: Sample, strata: Strata) -> bytes:
    """The sample with all that is known of it, for who checks or repeats the estimate; not for interpreters."""
    columns = ("id", "stratum", "map_class", "lon", "lat", "easting", "northing", "row", "column")
    lon, lat = sample.places
    east, north = sample.centres
    whose = sample.stratum.tolist()
    rows = zip(
        sample.ids.tolist(), (strata.names[s] for s in whose), (strata.claims[s] for s in whose), _degrees(lon), _degrees(lat),
        east.tolist(), north.tolist(), sample.rows.tolist(), sample.columns.tolist(), strict=True,
    )  # fmt: skip
    return table(columns, rows)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A CSV file in UTF-8; None is an empty field."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def _areas(strata: Strata, numbers: dict[str, int]) -> list[tuple[int, float, str]]:
    found = zip(strata.names, strata.hectares.tolist(), strata.cells.tolist(), strict=True)
    return [(numbers[name], area, name) for name, area, cells in found if cells]


def _degrees(values: Any) -> list[str]:
    return [f"{value:.{DECIMALS}f}" for value in values.tolist()]


def _known(value: float) -> float | str:
    """As R writes what is not there."""
    return "NA" if isinstance(value, float) and np.isnan(value) else value
