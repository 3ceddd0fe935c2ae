"""The report of a territory, ready to be written in any form."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from jobs.reports.areas.strata import Progress
from jobs.reports.parts import Cell, Chart, Layer, Report
from jobs.reports.territory.asked import TerritoryReport
from jobs.reports.territory.charts import YEARS_TITLE, yearly
from jobs.reports.territory.facts import tables
from jobs.reports.territory.found import Found, find
from jobs.reports.territory.outline import multi
from jobs.reports.territory.sketch import MAP_TITLE, alt, drawn
from jobs.reports.territory.wording import TITLE, by_year, plain, unknown


def territory_report(
    asked: TerritoryReport, place: str, *, simulated: bool = False, progress: Progress = lambda *_: None
) -> Report:
    """What satellites saw of a territory. place: its name for people; simulated: something is invented, whatever the files say.

    Writes nothing. Raises BadInput and GridMismatch, one clear line, for whatever is wrong.
    """
    found = find(asked, place, progress)
    return Report(
        "territory", TITLE, place, found.simulated or simulated, lambda words: tuple(plain(found, words)),
        lambda words: tuple(unknown(found, words)), tuple(tables(found)), tuple(_charts(found)), tuple(_layers(found)),
        basis=_basis(found), paper=True,
    )  # fmt: skip


def _charts(found: Found) -> Iterator[Chart]:
    yield Chart("territory_map", MAP_TITLE, partial(drawn, found), partial(alt, found))
    if found.years:
        yield Chart("territory_years", YEARS_TITLE, partial(yearly, found), partial(by_year, found))


def _layers(found: Found) -> Iterator[Layer]:
    outline = multi(found.territory.on(found.grid.crs))
    yield Layer("territory", found.grid.crs, ({"name": found.place, "hectares": found.territory.hectares},), (outline,))
    if found.alerts is not None and found.alerts.alerts:
        rows: list[dict[str, Cell]] = [
            {
                "id": one.id, "short_code": one.code, "status": one.status, "first_detected": one.detected.isoformat(),
                "change_type": one.change_type, "hectares": one.hectares, "area_ha": one.whole_ha,
                "simulated": found.alerts.simulated,
            }
            for one in found.alerts.alerts
        ]  # fmt: skip
        yield Layer("territory_alerts", found.grid.crs, tuple(rows), tuple(one.shape for one in found.alerts.alerts))
    if found.patches:
        yield Layer("territory_loss", found.grid.crs, tuple(_patches(found)), tuple(one.shape for one in found.patches))


def _patches(found: Found) -> Iterator[dict[str, Cell]]:
    for one in found.patches:
        said = one.said
        yield {
            "id": str(said["id"]), "year": int(said["year"]), "change_type": said["change_type"], "driver": said["driver"],
            "hectares": one.share * float(said["area_ha"]), "area_ha": float(said["area_ha"]),
            "simulated": bool(said["simulated"]),
        }  # fmt: skip


def _basis(found: Found) -> dict[str, Any]:
    """What it rests on."""
    grid = found.grid
    return {
        "inputs": {str(one.path): one.sha256 for one in found.sources},
        "grid": {"crs": grid.crs, "resolution_m": grid.resolution, "shape": list(grid.shape)},
        "runs": {str(one.path): one.run for one in found.sources if one.run},
        "cells": "each counts with the share of it that lies in the territory",
        "areas": "equal-area hectares: of cells by the areal scale of the projection (PROJ), of outlines in EPSG:6933",
        "interval": "mapped hectares times UA over PA, delta method on the logarithm, the two taken as independent",
    }
