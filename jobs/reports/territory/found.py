"""All that a report of a territory tells, gathered once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from detection.codes import Turn
from detection.errors import BadInput
from detection.types import Grid
from jobs.overlays import Overlays, open_overlays
from jobs.reports.areas.strata import Progress
from jobs.reports.territory.alerts import Alerts, placed, read_alerts
from jobs.reports.territory.asked import TerritoryReport
from jobs.reports.territory.change import History, Sums, gather, open_history
from jobs.reports.territory.checked import Checked, Range, read_checked
from jobs.reports.territory.features import Piece, file_of, pieces
from jobs.reports.territory.outline import Territory, grid_of, read_territory
from jobs.reports.territory.picture import Picture
from jobs.reports.territory.restored import Restoration, read_restoration
from jobs.reports.territory.sources import Source, run_of

LEAST_HA: Final = 1e-6
"""Less than a square centimetre is nothing: what is left where an edge runs along cells."""
PATCHES: Final = ("id", "kind", "year", "change_type", "driver", "area_ha", "simulated")
"""Columns of the polygons of a history that are read."""


@dataclass(frozen=True)
class Found:
    """A territory, and what is known of it; None for what was not asked for."""

    asked: TerritoryReport
    """What the config says."""
    place: str
    """Name of the territory for people."""
    territory: Territory
    """Where it lies."""
    grid: Grid
    """Cells around it."""
    history: History | None
    """The maps."""
    sums: Sums
    """What they and the layer of peat hold."""
    checked: Checked | None
    """How right the maps are in a wider region."""
    patches: tuple[Piece, ...]
    """Losses of the years that are told, as polygons; empty also where the history has none."""
    alerts: Alerts | None
    """Of a monitoring job."""
    restoration: Restoration | None
    """Registered areas."""
    overlays: Overlays | None
    """Rivers, roads and settlements near it."""
    picture: Picture
    """The map."""
    sources: tuple[Source, ...]
    """What it rests on."""

    @property
    def years(self) -> range:
        """That are told; none without a history."""
        return self.history.years if self.history else range(0)

    @property
    def checked_years(self) -> range:
        """Of these, those that people checked elsewhere."""
        if self.checked is None or not self.years:
            return range(0)
        return range(max(self.years.start, self.checked.first), min(self.years.stop, self.checked.last + 1))

    @property
    def estimate(self) -> Range | None:
        """Of the loss of the checked years; None where there is none, or no loss to begin with."""
        mapped = self.sums.lost(self.checked_years)
        return self.checked.of(mapped) if self.checked is not None and mapped > 0 else None

    @property
    def simulated(self) -> bool:
        """Does any of its sources say so?"""
        return any(one.simulated for one in self.sources)


def find(asked: TerritoryReport, place: str, progress: Progress) -> Found:
    """Read and add up all that is asked for. Raises BadInput, GridMismatch and the like, one line each, for what is wrong."""
    territory = read_territory(asked.area)
    history = None if asked.history is None else open_history(asked.history)
    grid = grid_of(territory, None if history is None else history.grid)
    shape = territory.on(grid.crs)
    sums, picture = gather(shape, grid, history, asked.peat, progress)
    if history is not None and sums.watched + sums.never + sums.blind <= LEAST_HA:
        raise BadInput(f"{place}: lies outside of the maps of {history.folder}; give a history of this place")
    overlays = open_overlays(asked.overlays, grid) if asked.overlays else None
    alerts = None if asked.alerts is None else read_alerts(asked.alerts, territory, grid.crs)
    if alerts is not None and overlays is not None:
        alerts = placed(alerts, overlays)
    checked = None if asked.checked is None else read_checked(asked.checked)
    patches = () if history is None else _patches(history, territory, grid.crs)
    restoration = read_restoration(asked.registers, asked.recovery, territory) if asked.registers else None
    sources = tuple(_sources(asked, history, checked, alerts, restoration))
    return Found(
        asked, place, territory, grid, history, sums, checked, patches, alerts, restoration, overlays, picture, sources
    )


def _patches(history: History, territory: Territory, crs: str) -> tuple[Piece, ...]:
    try:
        file = file_of(history.folder, "changes")
    except BadInput:  # polygons are for GIS; figures are those of the cells
        return ()
    loss = Turn.LOSS.name.lower()
    return tuple(
        one
        for one in pieces(file, PATCHES, territory, crs)
        if one.said["kind"] == loss and int(one.said["year"]) in history.years
    )


def _sources(
    asked: TerritoryReport,
    history: History | None,
    checked: Checked | None,
    alerts: Alerts | None,
    restoration: Restoration | None,
) -> Iterator[Source]:
    yield Source("area", asked.area.path)
    if history is not None:
        first, last = history.archive or (history.years.start, history.years.stop - 1)
        paths = [raster.path for raster in history.rasters.values()]
        for path in (*paths, *_polygons(history.folder)):
            yield Source("history", path, "", run_of(path), str(first), str(last), history.simulated)
    if checked is not None:
        years = str(checked.first), str(checked.last)
        yield Source("checked", checked.file, checked.where, "", *years, checked.simulated)
    if alerts is not None:
        yield Source("alerts", alerts.file, "", run_of(alerts.file), *_span(alerts), alerts.simulated)
    if asked.peat is not None:
        yield Source("peat", asked.peat.path, str(asked.peat))
    for file in restoration.files if restoration else ():
        yield Source("register", file)
    for file in restoration.archive if restoration else ():
        run = run_of(file) if file.suffix == ".tif" else ""
        yield Source("recovery", file, "", run, simulated=restoration.simulated if restoration else None)
    for one in asked.overlays:
        yield Source("overlay", one.path, f"{one.source} {one.version}")


def _polygons(folder: Path) -> Sequence[Path]:
    try:
        return [file_of(folder, "changes")]
    except BadInput:
        return []


def _span(alerts: Alerts) -> tuple[str, str]:
    """First and last day on which one of the alerts here was raised."""
    days = [one.detected.isoformat() for one in alerts.alerts]
    return min(days, default=""), max(days, default="")
