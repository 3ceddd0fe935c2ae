"""A report of areas: the design and the files for interpreters first, and estimates once their answers are there."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shapely import MultiPolygon, box

from detection.errors import BadInput
from jobs.reports.areas import exchange
from jobs.reports.areas.agreement import agreement, settle
from jobs.reports.areas.answers import read_answers
from jobs.reports.areas.asked import AreaReport
from jobs.reports.areas.boundaries import Laid, accounts, lay, off_by, open_boundaries
from jobs.reports.areas.chart import Bar, intervals
from jobs.reports.areas.estimate import Estimated, by_year, estimate
from jobs.reports.areas.found import Found
from jobs.reports.areas.overlaps import overlaps
from jobs.reports.areas.overview import Overview, alt, drawn, overview
from jobs.reports.areas.plain import amount, plain, unknown
from jobs.reports.areas.sample import Sample, design, draw
from jobs.reports.areas.strata import Frame, Progress, Strata, frame, measure
from jobs.reports.areas.tables import tables
from jobs.reports.parts import Cell, Chart, Layer, Report
from jobs.words import Words, _


def areas_report(
    asked: AreaReport, place: str, *, simulated: bool = False, progress: Progress = lambda *_: None
) -> Report:
    """Draw the sample, and estimate what the answers to it allow.

    place: name of the area for people; simulated: something is invented, whatever the map says of itself. Writes nothing.
    Raises BadInput and GridMismatch, one clear line each, for whatever is wrong with the map, the design, the answers or the
    boundaries.
    """
    made = frame(asked)
    strata = measure(made, progress=progress)
    wanted = design(strata, asked.sampling)
    sample = draw(made, wanted, asked.sampling.seed, progress=progress)
    classes = _classes(asked, strata)
    sums = made.map.checksums
    version = "; ".join(f"{name} sha256:{value[:12]}" for name, value in sums.items())
    found = Found(asked, place, version, strata, wanted, exchange.numbered(strata, classes), classes)
    opened = open_boundaries(asked.boundaries, made.map.grid)
    found = replace(found, overlaps=overlaps(opened, made.map.grid.crs))
    if asked.answers is not None:
        laid = lay(opened, made, sample, progress=progress) if opened else ()
        found = _answered(found, sample, laid)
    return _report(found, made, sample, sums, made.map.simulated or simulated)


def _classes(asked: AreaReport, strata: Strata) -> tuple[str, ...]:
    """Those of the map first. Raises BadInput for a change that is no class."""
    claims = [claim for claim, cells in zip(strata.claims, strata.cells.tolist(), strict=True) if cells]
    classes = tuple(dict.fromkeys((*claims, *strata.claims, *asked.classes)))
    if strange := [name for name in asked.change if name not in classes]:
        raise BadInput(
            f"areas.change: {strange[0]!r} is no class of the map ({', '.join(classes)}); name one, or add it to `classes`"
        )
    return classes


def _answered(found: Found, sample: Sample, laid: Sequence[Laid]) -> Found:
    asked, strata, z = found.asked, found.strata, found.z
    if asked.answers is None:
        return found
    said = read_answers(asked.answers, sample, strata, found.numbers, found.classes)
    settled = settle(said, len(sample.stratum), asked.answers.unanswered, asked.answers.path.name)
    made = estimate(settled, strata, found.classes, z)
    years = by_year(settled, strata, asked.change, range(asked.first.year, asked.last.year + 1), z)
    pieces = tuple((one, *accounts(one, settled, strata, found.classes, z)) for one in laid)
    days = sorted(day for day in said.seen_on if day is not None)
    images = (days[0].isoformat(), days[-1].isoformat()) if days else ()
    return replace(
        found,
        settled=settled,
        agreement=agreement(said, z),
        estimated=made,
        years=years,
        accounts=pieces,
        images=images,
    )


def _report(found: Found, made: Frame, sample: Sample, sums: dict[str, str], simulated: bool) -> Report:
    return Report(
        name="areas",
        title=_("How much changed"),
        place=found.place,
        simulated=simulated,
        plain=lambda words: plain(found, words),
        unknown=lambda words: unknown(found, words),
        tables=tables(found),
        charts=(*_charts(found), _map(overview(made, sample, found.asked.change))),
        layers=(_layer(found, sample),),
        files=_files(found, sample),
        basis=_basis(found, made, sums),
    )


def _files(found: Found, sample: Sample) -> dict[str, bytes]:
    strata, numbers = found.strata, found.numbers
    return {
        "collect-earth-online/plots.csv": exchange.ceo_plots(sample),
        "sepal/area_rast.csv": exchange.area_rast(strata, numbers),
        "sepal/sampling.csv": exchange.sampling(strata, found.asked.sampling, found.design, numbers),
        "collect-earth/points.csv": exchange.collect_earth(sample, strata, numbers),
        "sample.csv": exchange.drawn(sample, strata),
    }


def _charts(found: Found) -> list[Chart]:
    made = found.estimated
    if made is None:
        return []
    charts = [
        Chart(
            "areas", _("Estimates beside what the map counts"), lambda words: intervals(_bars(found, made, words), words),
            lambda words: [line for one in _bars(found, made, words) for line in _alt(one, words)],
        )
    ]  # fmt: skip
    if found.years:
        charts.append(
            Chart(
                "years", _("Change, year by year"), lambda words: intervals(_yearly(found, words), words),
                lambda words: [line for one in _yearly(found, words) for line in _alt(one, words)],
            )
        )  # fmt: skip
    return charts


def _map(found: Overview) -> Chart:
    return Chart("map", _("Where the sample lies"), lambda words: drawn(found, words), lambda words: alt(found, words))


def _bars(found: Found, made: Estimated, words: Words) -> list[Bar]:
    places = [made.classes.index(name) for name in found.asked.change]
    rows = [(made.classes[k], made.figures[k], float(made.mapped[k])) for k in places]
    return [Bar(words.say(name), one.hectares or 0.0, one.low, one.high, mapped) for name, one, mapped in rows]


def _yearly(found: Found, words: Words) -> list[Bar]:
    many = len(found.asked.change) > 1
    return [
        Bar(
            f"{words.say(name)} {year}" if many else str(year if year else words.say(_("year not said"))),
            one.hectares or 0.0, one.low, one.high, None,
        )
        for (name, year), one in found.years.items()
        if year is not None or one.seen
    ]  # fmt: skip


def _alt(one: Bar, words: Words) -> list[str]:
    made = [f"{one.label}: {amount(one.value, words)} ha"]
    if one.low is not None and one.high is not None:
        ends = {"low": amount(max(one.low, 0.0), words), "high": amount(one.high, words)}
        made[0] += f", {words.say(_('between {low} and {high}'), **ends)}"
    elif not one.value:
        made[0] += f"; {words.say(_('none was seen in the sample, which does not mean that there is none'))}"
    if one.mapped is not None:
        made[0] += f"; {words.say(_('the map alone'))}: {amount(one.mapped, words)} ha"
    return made


def _layer(found: Found, sample: Sample) -> Layer:
    """The cells that were drawn, and what was seen there."""
    size, strata = found.strata, sample.grid.resolution
    seen: dict[int, str] = {}
    if found.settled is not None:
        seen = dict(zip(found.settled.sample.tolist(), found.settled.reference, strict=True))
    rows: list[dict[str, Cell]] = []
    shapes = []
    for ident, place, row, column in zip(
        sample.ids.tolist(), sample.stratum.tolist(), sample.rows.tolist(), sample.columns.tolist(), strict=True
    ):
        rows.append(
            {"id": ident, "stratum": size.names[place], "map_class": size.claims[place], "reference": seen.get(ident)}
        )
        west, north = column * strata, -row * strata
        shapes.append(MultiPolygon([box(west, north - strata, west + strata, north)]))
    return Layer("samples", sample.grid.crs, tuple(rows), tuple(shapes))


def _basis(found: Found, made: Frame, sums: dict[str, str]) -> dict[str, Any]:
    asked, grid = found.asked, made.map.grid
    files = [raster.path for raster in made.map.rasters] + [one.path for one in asked.boundaries]
    files += [asked.answers.path] if asked.answers else []
    estimated = found.estimated
    return {
        "map": sums,
        "grid": {"crs": grid.crs, "resolution_m": grid.resolution, "shape": list(grid.shape)},
        "period": [asked.first.isoformat(), asked.last.isoformat()],
        "sample": {
            "seed": asked.sampling.seed, "rule": asked.sampling.rule, "wanted": found.design.wanted,
            "drawn": int(found.design.many.sum()), "method": "stratified random, without replacement, permanent random numbers",
        },
        "inputs": {str(path): _sha256(path) for path in files}
        | {str(one.path): sums[one.path.name] for one in made.map.rasters},
        "confidence": asked.confidence,
        "z": found.z,
        "estimator": estimated.estimator if estimated else None,
        "images": list(found.images),
        "nesting_off_by": _off_by(found),
        "areas": "equal-area hectares (areal scale of the projection, PROJ)",
    }  # fmt: skip


def _off_by(found: Found) -> dict[str, float]:
    """Layer -> by what share its pieces differ from what they make up: nought but for rounding."""
    settled, strata = found.settled, found.strata
    if settled is None:
        return {}
    return {
        one.layer.asked.name: off_by(one, made, settled, strata, found.classes) for one, made, _bare in found.accounts
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
