"""One full report of each kind, with everything that it can show at once, on data with a known truth or of published texts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from areasetup import GRID, world, write_map
from restorationsetup import archive, everything, feature, outline, register
from shapely import LineString, box
from territorysetup import area as cells
from territorysetup import asked as all_of_it
from territorysetup import geojson
from territorysetup import report as of_territory
from test_claims_report import made as of_claims
from test_redd_report import AREAS
from test_redd_report import made as of_redd
from test_report_areas_boundaries import layer
from test_report_areas_report import report as of_areas
from test_report_areas_report import with_answers

from jobs.overlays import Overlay
from jobs.reports.areas.asked import Sampling
from jobs.reports.form import as_csv
from jobs.reports.parts import Report
from jobs.reports.peat.asked import PeatReport
from jobs.reports.peat.peat import Sampling as Draws
from jobs.reports.peat.report import peat_report
from jobs.reports.restoration.asked import Exchange, Quota, RecoveryAsked, RegisterFile, RestorationReport
from jobs.reports.restoration.recovery import Measuring
from jobs.reports.restoration.report import restoration_report

PEAT = """peat_stratum,disturbance,year,area_ha,se_ha,until_year
palm_swamp,drained_oil_palm,2017,1205.5,100,
palm_swamp,degraded_heavy,2018,3000,450,2019
palm_swamp,degraded_moderate,2019,900,150,
palm_swamp,gold_mined,2020,55,6,
pole_forest,drained_cropland,2018,210,30,
pole_forest,burnt,2019,12,,
open_peat,road_flooded,2019,4,1,
"""
LATER = "T3_cut,T3,north,DF,forest,field,2500,300\nT3_thin,T3,north,DG,forest,forest_deg,2900,420\n"
HAND: dict[str, Any] = {"source": "made by hand", "version": "1", "name_field": "n"}
SETS = ("peat-ipcc-2013-wetlands", "peat-palm-degradation", "peat-excavation")


def areas(folder: Path) -> Report:
    """With answers of two people who do not always agree, and two layers of boundaries, one of which claims land twice."""
    west, south, _, north = GRID.bounds
    projects = [("a", box(west, south, west + 3000, north)), ("b", box(west + 2700, south, west + 4000, north))]
    provinces = [
        ("tahuamanu", box(west, south, west + 2500, north)),
        ("manu", box(west + 2500, south, west + 9000, north)),
    ]
    made = with_answers(
        write_map(folder / "map.tif", world()[0], SIMULATED="true"), folder, sampling=Sampling(samples=400, least=80),
        boundaries=(layer(folder, "provinces", provinces), layer(folder, "projects", projects, inside="provinces")),
    )  # fmt: skip
    file = made.answers.path if made.answers else folder
    lines = file.read_bytes().replace(b"\xef\xbb\xbf", b"").decode().splitlines(keepends=True)
    doubtful = [line for line in lines if "luis@" in line][::25]
    swapped = {line: line.replace("stable forest", "no forest") for line in doubtful}
    third = [line.replace("luis@", "rosa@") for line in lines if "luis@" in line]
    file.write_text("".join([*(swapped.get(line, line) for line in lines), *third]), encoding="utf-8")
    return of_areas(made)


def redd(folder: Path) -> Report:
    """With degradation, regrowth, fires, all schemes, a land matrix, and what others have submitted beside it."""

    def change(data: dict[str, Any]) -> None:
        data["account"]["periods"].append({"name": "T3", "first": 2018, "last": 2021, "kind": "MON"})

    return of_redd(folder, change, AREAS + LATER)


def peat(folder: Path) -> Report:
    """With several sets of factors, some of them not verified, and gaps."""
    file = folder / "peat.csv"
    file.write_text(PEAT, encoding="utf-8")
    wanted = PeatReport(areas=file, first_year=2017, last_year=2023, factors=SETS, sampling=Draws(draws=1_000))
    return peat_report(wanted, "Abanico del Pastaza", simulated=True)


def claims(_: Path) -> Report:
    """Three public texts on two projects."""
    return of_claims()


def territory(folder: Path) -> Report:
    """With all its parts, alerts of every state, and places whose names are long."""
    spots = [cells(r, c, r + 0.01, c + 0.01).centroid for r, c in ((12, 20), (13, 21), (31, 44), (60, 12))]
    names = [{"n": one} for one in ("Puerto Nuevo", "Nueva Esperanza del Alto Manu", "Boca Colorado", "Shintuya")]
    stream = LineString([cells(r, c, r + 0.01, c + 0.01).centroid for r, c in ((6, -9), (15, 12), (11, 30), (25, 70))])
    layers = (
        Overlay(name="towns", kind="settlement", path=geojson(folder / "towns.geojson", spots, names), **HAND),
        Overlay(
            name="rivers", kind="river", path=geojson(folder / "r.geojson", [stream], [{"n": "Malinowski"}]), **HAND
        ),
    )
    return of_territory(all_of_it(folder, overlays=layers), simulated=True)


def restoration(folder: Path) -> Report:
    """Two registers that overlap, areas of every course, some that cannot be measured, a baseline that changed."""
    more = feature("again", outline("back", shift=150))
    first, second = register(folder / "first.geojson", *everything()), register(folder / "second.geojson", more)
    history = archive(folder / "history")
    frozen = folder / "frozen.csv"
    told = RestorationReport(
        registers=(RegisterFile(name="first", path=first), RegisterFile(name="second", path=second)),
        recovery=RecoveryAsked(history=history, measuring=Measuring(draws=200)),
        quotas=(Quota(region="Madre de Dios", hectares=90),), exchange=Exchange(project="PE-T", year=2024),
    )  # fmt: skip
    before = restoration_report(told, "Tambopata")
    lines = as_csv(next(one for one in before.tables if one.name == "restoration_baselines")).decode()
    frozen.write_text(lines[:-2] + ("0" if lines[-2] != "0" else "1") + "\n", encoding="utf-8")
    assert told.recovery is not None
    return restoration_report(replace(told, recovery=replace(told.recovery, frozen=frozen)), "Tambopata")


WHOLE = {
    "areas": areas,
    "redd": redd,
    "peat": peat,
    "claims": claims,
    "restoration": restoration,
    "territory": territory,
}
"""Name -> a full report, made from files in a folder."""
