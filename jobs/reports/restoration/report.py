"""The report of restoration: registers, how they do, targets, files for platforms; one piece after the other."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from jobs.reports.degradation.definitions import definitions_piece
from jobs.reports.degradation.ldn import ldn_piece
from jobs.reports.parts import Chart, Report
from jobs.reports.piece import Piece, together
from jobs.reports.restoration import charts, tables, wording
from jobs.reports.restoration.archive import open_archive
from jobs.reports.restoration.asked import RestorationReport
from jobs.reports.restoration.exchange import exchange
from jobs.reports.restoration.land import Land, against, inputs, read_land
from jobs.reports.restoration.outcome import Outcomes, outcomes
from jobs.reports.restoration.targets import peru

Progress = Callable[[str, int, int], None]


def restoration_report(
    asked: RestorationReport, place: str, *, simulated: bool = False, progress: Progress = lambda *_: None
) -> Report:
    """The report that a config asks for.

    Raises BadInput and GridMismatch, one clear line each, `register.Refused` with every row that a receiver would refuse.
    """
    progress("registers", 0, len(asked.registers))
    land = read_land(asked)
    progress("registers", len(asked.registers), len(asked.registers))
    found = None
    if asked.recovery is not None:
        found = outcomes(asked.recovery, open_archive(asked.recovery.history), land, progress=progress)
    made = together(
        (
            _registered(asked, land, found),
            *_measured(land, found),
            _targets(asked, land),
            exchange(asked.exchange, land),
        )
    )
    sums = {str(file): _sha256(file) for file in made.inputs}
    return Report(
        "restoration", wording.TITLE, place, simulated or made.simulated, made.plain, made.unknown, made.tables, made.charts,
        made.layers, made.files, {"inputs": sums, **made.basis}, paper=True,
    )  # fmt: skip


def _registered(asked: RestorationReport, land: Land, found: Outcomes | None) -> Piece:
    mended = (tables.repairs(land),) if any(one.repairs for one in land.registers) else ()
    twice = (tables.overlaps(land),) if land.within or land.between else ()
    chart = Chart(
        "restoration_map", charts.MAP_TITLE, partial(charts.where, land, found),
        lambda words: tuple(charts.where_told(land, found, words)),
    )  # fmt: skip
    return Piece(
        plain=lambda words: tuple(wording.registered(land, words)),
        unknown=lambda words: tuple(wording.unknown(land, found, words)),
        tables=(tables.registers(land), *twice, *mended, tables.areas(land, found)),
        charts=(chart,),
        layers=tuple(tables.layers(land, found)),
        inputs=inputs(asked),
        basis={"year": land.year},
    )


def _measured(land: Land, found: Outcomes | None) -> tuple[Piece, ...]:
    if found is None:
        return ()
    chart = Chart(
        "restoration_courses", charts.COURSES_TITLE, partial(charts.courses, found),
        lambda words: tuple(charts.courses_told(found, words)),
    )  # fmt: skip
    odd = (tables.changed(found),) if found.changed else ()
    frozen = (found.asked.frozen,) if found.asked.frozen else ()
    piece = Piece(
        plain=lambda words: tuple(wording.recovering(found, words)),
        tables=(*odd, tables.baselines(land, found), tables.recovery(found)),
        charts=(chart,),
        inputs=(*found.archive.paths, *frozen),
        basis={"imagery": found.archive.imagery, "index": found.archive.index},
        simulated=found.archive.plane.simulated,
    )
    return (piece,)


def _targets(asked: RestorationReport, land: Land) -> Piece:
    held = tuple(against(asked, land))
    chart = Chart(
        "restoration_progress", charts.PROGRESS_TITLE, partial(charts.progress, held),
        lambda words: tuple(charts.progress_told(held, words)),
    )  # fmt: skip
    return Piece(
        plain=lambda words: tuple(wording.held_against(held, words)),
        tables=(tables.progress(held),),
        charts=(chart,) if held else (),
        basis={"targets": {"source": peru().source, "status": peru().status}},
    )


def _degraded(asked: RestorationReport, place: str, progress: Progress) -> Iterator[Piece]:
    if asked.degradation is not None:
        yield ldn_piece(asked.degradation, place, progress)
    if asked.definitions is not None:
        yield definitions_piece(asked.definitions, place, progress)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
