"""What the section `territory` of a config of kind `report` says: whose territory, and what is to be told of it."""

from pathlib import Path
from typing import Annotated, Final

from annotated_types import Interval, MinLen
from pydantic import Field

from detection.context import Layer
from detection.types import parameters
from jobs.mistakes import require
from jobs.overlays import NAMED, Overlay
from jobs.reports.areas.asked import Named
from jobs.reports.restoration.asked import RecoveryAsked, RegisterFile

Year = Annotated[int, Interval(ge=1980, le=2200)]
DRAWN: Final = NAMED
"""Kinds of layers that the map shows."""


@parameters
class Outline:
    """Where the territory lies: polygons of a district, a community, a concession, a parcel."""

    path: Annotated[Path, Field(examples=["communities.gpkg"])]
    """GeoPackage, GeoJSON, KML or zipped shapefile of polygons, relative to the config file."""
    id_column: str | None = None
    """Column that identifies an area; null: all areas of the file together are the territory."""
    id: Annotated[str, MinLen(1)] | None = None
    """What stands there for the territory; rows that share it are one."""

    def __post_init__(self) -> None:
        both = (self.id is None) == (self.id_column is None)
        require((both, ("id", "id_column"), "only one of `id` and `id_column` is given; give both, or neither"))


@parameters
class Maps:
    """The maps of a job of kind history."""

    folder: Annotated[Path, Field(examples=["../out/archive/latest"])]
    """Folder of the products; `loss_year.tif` and `segmented.tif` are read, and where they are there `change_type.tif`,
    `driver.tif`, `regrowth_age.tif` and `changes.parquet`."""
    years: Annotated[int, Interval(ge=1, le=60)] = 10
    """So many years are told, the last of the archive and those before it."""
    last_year: Year | None = None
    """Last year that is told; null: that of the last band of `regrowth_age.tif`."""


@parameters
class Checking:
    """What people found who checked the map of a wider region on images."""

    path: Annotated[Path, Field(examples=["../out/region/areas/latest/area_estimates.csv"])]
    """`area_estimates.csv` of a report of areas, or a table with its columns."""
    named: Named = "loss"
    """Its class that the losses of the map belong to."""


@parameters
class TerritoryReport:
    """What satellites saw of one territory, on two pages; every part but the outline may be left out."""

    area: Outline
    """The territory."""
    history: Maps | None = None
    """Loss year by year, what it was, and what grows back."""
    checked: Checking | None = None
    """Makes estimates with intervals of what `history` maps, where people checked the map of a wider region."""
    alerts: Annotated[Path, Field(examples=["../out/job/latest"])] | None = None
    """Folder of the products of a monitoring job, or its `alerts.geojson` or `alerts.parquet`."""
    newest: Annotated[int, Interval(ge=1, le=30)] = 6
    """So many of the newest open alerts are printed; with many more the page takes a third sheet."""
    peat: Layer | None = None
    """Where there is peat."""
    registers: tuple[RegisterFile, ...] = ()
    """Registers of areas under restoration."""
    recovery: RecoveryAsked | None = None
    """How the registered areas do, seen from satellites; null: only what the registers say is told."""
    overlays: tuple[Overlay, ...] = ()
    """Rivers, roads and settlements: drawn on the map, and said of alerts as the way to them."""

    def __post_init__(self) -> None:
        names = [one.name for one in self.registers]
        strange = [one.kind for one in self.overlays if one.kind not in DRAWN]
        require(
            (
                self.checked is None or self.history is not None,
                ("checked", "history"),
                "`checked` needs the map it is about; give `history`",
            ),
            (
                self.recovery is None or bool(self.registers),
                ("recovery", "registers"),
                "`recovery` needs areas that it is about; give `registers`",
            ),
            (len(set(names)) == len(names), ("registers",), "two registers have one name; give each its own"),
            (
                not strange,
                ("overlays",),
                f"a layer of kind {''.join(strange[:1])} is not used here; give {', '.join(DRAWN)}",
            ),
        )
