"""A small territory whose every hectare is known: maps, alerts, registers and peat, written as our jobs write them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from test_outputs import RUN, make_alert

from detection.alerts import Alert
from detection.areas import LONLAT, project
from detection.codes import CHANGE_TYPES, DRIVERS, NO_YEAR, Segmented
from detection.context import Layer
from detection.types import Grid
from jobs.outputs.rasters import write_rasters, write_yearly
from jobs.outputs.vectors import write_vectors
from jobs.reports.parts import Report
from jobs.reports.restoration.asked import RegisterFile
from jobs.reports.territory.asked import Checking, Maps, Outline, TerritoryReport
from jobs.reports.territory.report import territory_report
from models.kinds import coded

GRID = Grid("EPSG:32719", 480_000, 8_580_000, 30, (40, 50))
YEARS = range(2015, 2025)
WHOLE = (5, 5, 35, 45)
"""First and last row, first and last column, of the territory in cells of the map."""
HOSTILE = "<script>alert(1)</script>"


def area(top: float, left: float, bottom: float, right: float, grid: Grid = GRID) -> BaseGeometry:
    """A box of cells, metres."""
    size = grid.resolution
    return shapely.box(
        grid.west + left * size, grid.north - bottom * size, grid.west + right * size, grid.north - top * size
    )


def flat_ha(shape: BaseGeometry, crs: str = GRID.crs) -> float:
    """Hectares in EPSG:6933: cells are measured by another way."""
    return float(project(shapely.segmentize(shape, 30), crs, "EPSG:6933").area) / 1e4


def gpkg(path: Path, shapes: Sequence[BaseGeometry], rows: Sequence[Mapping[str, Any]], crs: str = GRID.crs) -> Path:
    """Polygons in metres, as they are."""
    geopandas.GeoDataFrame(rows, geometry=list(shapes), crs=crs).to_file(path, driver="GPKG")
    return path


def geojson(path: Path, shapes: Sequence[BaseGeometry], rows: Sequence[Mapping[str, Any]]) -> Path:
    """Features in longitude and latitude, of shapes in metres, their edges where they are straight in metres."""
    dense = shapely.segmentize(np.array(shapes, object), 30)
    drawn = [json.loads(one) for one in shapely.to_geojson(project(dense, GRID.crs, LONLAT)).tolist()]
    features = [
        {"type": "Feature", "properties": dict(said), "geometry": one} for one, said in zip(drawn, rows, strict=True)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def outline(folder: Path, shape: BaseGeometry | None = None, **said: Any) -> Outline:
    """The territory in a file of two."""
    folder.mkdir(exist_ok=True)
    rows = [{"code": "A-1"}, {"code": "B-2"}]
    file = gpkg(folder / "areas.gpkg", [area(*WHOLE) if shape is None else shape, area(0, 0, 2, 2)], rows)
    return Outline(**{"path": file, "id_column": "code", "id": "A-1", **said})


def layers() -> dict[str, NDArray[Any]]:
    """The whole map is forest; losses of two years and three kinds, cells that were not seen, a river; regrowth of two ages."""
    made: dict[str, NDArray[Any]] = {
        "loss_year": np.full(GRID.shape, NO_YEAR, np.uint16),
        "segmented": np.full(GRID.shape, Segmented.SEGMENTED, np.uint8),
        "change_type": np.zeros(GRID.shape, np.uint8),
        "driver": np.zeros(GRID.shape, np.uint8),
    }
    made["loss_year"][10:20, 10:20] = 2020
    made["loss_year"][20:22, 10:20] = 2023
    made["loss_year"][0:3, 0:10] = 2023  # outside of the territory
    made["change_type"][10:20, 10:20] = coded(CHANGE_TYPES, "tree_cover_loss")
    made["change_type"][10:12, 10:20] = coded(CHANGE_TYPES, "degradation")
    made["change_type"][20:22, 10:20] = coded(CHANGE_TYPES, "peat_disturbance")
    made["driver"][12:20, 10:20] = coded(DRIVERS, "mining")
    made["segmented"][30:35, 40:45] = Segmented.NEVER_STABLE
    made["segmented"][5:35, 30:31] = Segmented.NOT_FOREST
    return made


def ages() -> NDArray[np.uint8]:
    """(year, y, x): in the last year four cells of three years and two of seven, within what was lost."""
    made = np.zeros((len(YEARS), *GRID.shape), np.uint8)
    made[-1, 10, 10:14], made[-1, 11, 10:12] = 3, 7
    made[:-1, 10:20, 10:20] = 9  # of years that are over
    return made


def history(folder: Path, *, simulated: bool = False, grid: Grid = GRID, **changes: NDArray[Any] | None) -> Path:
    """The folder of a history; a layer changed to None is not there."""
    run = replace(RUN, grid=grid, run_id="run-h", simulated=simulated)
    made = {**layers(), "regrowth_age": ages(), **changes}
    cube = made.pop("regrowth_age")
    folder.mkdir(exist_ok=True)
    write_rasters({name: values for name, values in made.items() if values is not None}, folder, run=run)
    if cube is not None:
        write_yearly("regrowth_age", cube, YEARS, folder, run=run)
    return folder


def index(folder: Path, grid: Grid = GRID) -> Path:
    """A history's folder with its index year by year, too: what was lost stays low."""
    lost = layers()["loss_year"]
    years = np.array(YEARS)[:, None, None]
    cube = np.where((lost != NO_YEAR) & (years >= lost), 2_000, 7_000).astype(np.int16)
    run = replace(RUN, grid=grid, simulated=True)
    write_yearly("index_yearly", cube, YEARS, folder, run=run, scale=0.0001, tags={"INDEX": "nbr"})
    return folder


def box_of(top: int, left: int, bottom: int, right: int) -> list[tuple[int, int]]:
    """Cells."""
    return [(row, column) for row in range(top, bottom) for column in range(left, right)]


def some_alerts() -> list[Alert]:
    """Of every state; the second lies half outside, the last one wholly."""
    plan = [
        ("confirmed", "2024-05-09", box_of(10, 10, 14, 14), "tree_cover_loss"),
        ("provisional", "2024-06-10", box_of(20, 43, 22, 47), "degradation"),
        ("finished", "2023-02-01", box_of(25, 10, 27, 12), "tree_cover_loss"),
        ("expired", "2024-03-01", box_of(8, 20, 9, 21), None),
        ("retracted", "2024-03-02", box_of(8, 22, 9, 23), "other"),
        ("rejected", "2024-03-03", box_of(8, 24, 9, 25), "other"),
        ("merged", "2024-03-04", box_of(8, 26, 9, 27), "tree_cover_loss"),
        ("confirmed", "2024-07-01", box_of(0, 0, 3, 3), "tree_cover_loss"),
    ]
    made = []
    for place, (status, day, cells, kind) in enumerate(plan):
        row = np.add(cells, (GRID.first_row, GRID.first_column)).astype(np.int32)
        size = sum(flat_ha(area(r, c, r + 1, c + 1)) for r, c in cells)
        said: dict[str, Any] = {
            "id": f"{place:08x}", "short_code": f"CODE{place}-X", "status": status, "change_type": kind, "simulated": False,
            "first_detected": date.fromisoformat(day), "area_ha": size, "lattice": GRID.lattice,
        }  # fmt: skip
        alert = make_alert([(0, 0)], **said)
        made.append(replace(alert, cells=row, confirmed_cells=np.ones(len(row), np.bool_)))
    return made


def moved(some: Sequence[Alert], grid: Grid) -> list[Alert]:
    """The alerts where they lie in this map."""
    by = grid.first_row - GRID.first_row, grid.first_column - GRID.first_column
    return [replace(one, cells=(one.cells + by).astype(np.int32)) for one in some]


def alerts(folder: Path, some: Sequence[Alert] | None = None, *, simulated: bool = False) -> Path:
    """The folder of a monitoring job, its vector files only."""
    folder.mkdir(exist_ok=True)
    made = [replace(one, simulated=simulated) for one in (some_alerts() if some is None else some)]
    run = replace(RUN, grid=GRID, simulated=simulated)
    write_vectors(made, folder, known_at={one.id: "2024-10-01T06:12:00Z" for one in made}, run=run)
    return folder


def register(path: Path, shapes: Sequence[BaseGeometry], **said: Any) -> RegisterFile:
    """Areas under restoration called R-0, R-1, ..."""
    rows = [{"codigo": f"R-{i}", "titulo": f"Area {i}", "anio_inicio": 2020, **said} for i in range(len(shapes))]
    return RegisterFile(name=path.stem, path=geojson(path, shapes, rows))


ESTIMATES = "aoi_id,period_start,period_end,stratum,class,map_area_ha,area_ha,se_ha,ci_level,ua,ua_se,pa,pa_se\n"


def estimates(path: Path, row: str = "0.8,0.04,0.5,0.05", level: float = 0.95, first: int = 2018) -> Path:
    """A check of the map in a wider region: of class loss, and of one more."""
    head = f"Region,{first}-01-01,2023-12-31"
    lines = [
        f"{head},all,loss,100,160,20,{level},{row}\n",
        f"{head},all,no loss,900,840,20,{level},0.9,0.01,0.99,0.01\n",
    ]
    path.write_text(ESTIMATES + "".join(lines) + f"{head},loss,loss,100,80,9,{level},,,,\n", encoding="utf-8")
    return path


def peat(path: Path) -> Layer:
    """On two columns of what was lost in 2020, and elsewhere."""
    shape = area(8, 18, 30, 24)
    return Layer(path=geojson(path, [shape], [{"name": "aguajal"}]), source="made by hand", version="1")


def asked(folder: Path, **changes: Any) -> TerritoryReport:
    """Everything at once."""
    parts: dict[str, Callable[[], Any]] = {
        "area": lambda: outline(folder),
        "history": lambda: Maps(folder=history(folder / "history")),
        "checked": lambda: Checking(path=estimates(folder / "area_estimates.csv")),
        "alerts": lambda: alerts(folder / "alerts"),
        "peat": lambda: peat(folder / "peat.geojson"),
        "registers": lambda: (register(folder / "one.geojson", [area(20, 20, 30, 30), area(25, 25, 32, 32)]),),
    }
    return TerritoryReport(**{key: make() for key, make in parts.items() if key not in changes}, **changes)


def report(made: TerritoryReport, **more: Any) -> Report:
    """Of a place with a name that nobody should trust."""
    return territory_report(made, f"Tres Islas {HOSTILE}", **more)


def facts(made: Report) -> dict[tuple[str, int | None], tuple[Any, ...]]:
    """(measure, year) -> (hectares, low, high)."""
    (table,) = (one for one in made.tables if one.name == "territory_facts")
    return {(str(row[0]), row[1]): row[2:5] for row in table.rows}  # type: ignore[misc]
