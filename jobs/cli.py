"""The command line. Heavy imports live inside commands, so that `--help` answers at once."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from detection.errors import BadInput, DetectionError, NoImagery, SourceUnavailable

DONE, USAGE, PARTIAL, UNAVAILABLE, IO_ERROR, LOCKED, BAD_CONFIG, INTERRUPTED = 0, 2, 3, 69, 74, 75, 78, 130
"""Exit codes: sysexits.h where it has one."""
CONFIG: Final = click.argument("config", type=click.Path(path_type=Path))
MAX_GB: Final = click.option(
    "--max-gb",
    type=click.FloatRange(min=0),
    help="Refuse, before anything is spent, when more gigabytes are still to be read.",
)
LISTED: Final = 5
"""So many scenes of a kind are named."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sachawatch")
def sachawatch() -> None:
    """From a config file to forest-change alerts.

    \b
    sachawatch init job.yaml        write a commented config
    sachawatch validate job.yaml    check it
    sachawatch estimate job.yaml    what it will cost
    sachawatch run job.yaml         take in what is new, make alerts
    sachawatch alerts job.yaml      list them
    """


@sachawatch.command()
@click.argument("target", type=click.Path(path_type=Path), default=Path("job.yaml"))
@click.option(
    "--kind",
    type=click.Choice(["monitor", "history", "series", "evaluate", "train", "notify", "report"]),
    default="monitor",
    help="What to describe.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def init(target: Path, kind: str, force: bool) -> None:
    """Write a commented config to TARGET."""
    from jobs.template import template

    if target.exists() and not force:
        raise BadInput(f"{target}: is there already; choose another name or add --force")
    target.write_text(template(kind), encoding="utf-8")
    click.echo(f"{target}: written; edit it, then `sachawatch validate {target}`")


@sachawatch.command()
@CONFIG
def validate(config: Path) -> None:
    """Check CONFIG and say every mistake with its place."""
    from jobs.config import load

    found = load(config)
    click.echo(f"{config}: a good {found.kind} config named {found.name}")


@sachawatch.command()
@CONFIG
@MAX_GB
def estimate(config: Path, max_gb: float | None) -> None:
    """Say what CONFIG will read and cost, before anything is spent."""
    _say_estimate(config, max_gb)


@sachawatch.command()
@CONFIG
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@MAX_GB
def run(config: Path, dry_run: bool, max_gb: float | None) -> None:
    """Take in what is new and make alerts of it; of kind history: cut up the archive. Nothing new changes nothing."""
    if dry_run:
        _say_estimate(config, max_gb)
    else:
        _run(config, max_gb)


@sachawatch.command()
@CONFIG
def resume(config: Path) -> None:
    """Go on after a crash or an interruption; finished tiles are not done again."""
    _run(config)


@sachawatch.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(config: Path, as_json: bool) -> None:
    """Say how the job stands: its last runs, what is owed, what could not be seen."""
    from jobs import overview

    asked = _monitor(config)
    facts, seen, blind = overview.standing(asked), overview.account_of(asked), overview.never_clear(asked)
    if as_json:
        _print(facts | {"seen": overview.seen_as_data(seen, blind)}, as_json)
        return
    _print(facts, as_json)
    for line in overview.seen_lines(seen, blind):
        click.echo(line)


@sachawatch.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object a line.")
@click.option("--all", "everything", is_flag=True, help="Expired, merged, retracted and rejected ones too.")
def alerts(config: Path, as_json: bool, everything: bool) -> None:
    """List the alerts of a job, the largest first."""
    from jobs.overview import alert_lines

    for line in alert_lines(_monitor(config), as_json=as_json, everything=everything):
        click.echo(line)


@sachawatch.command()
@CONFIG
@click.argument("code", required=False)
@click.option("--verdict", help="in_review, needs_revision, validated, rejected or reopened.")
@click.option("--reason", help="Why it is rejected, e.g. CLOUD or FLOOD.")
@click.option("--by", help="Who says so; a role will do.")
@click.option("--note", default="", help="Anything more.")
@click.option("--at", help="When the images were looked at (ISO 8601, UTC); without it: now.")
@click.option("--revision", type=int, help="The revision looked at; without it: the last one known then.")
@click.option(
    "--file", "table", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Many reviews, CSV."
)
def review(config: Path, code: str | None, table: Path | None, **said: Any) -> None:
    """Put on record what people say of the alert CODE of a job, or of those in a CSV file.

    \b
    sachawatch review job.yaml K7Q4M2-X --verdict rejected --reason CLOUD --by analyst
    sachawatch review job.yaml --file reviews.csv
    """
    if (code is None) == (table is None):
        _end("review: give either CODE or --file FILE", USAGE)
    from jobs.clock import now
    from jobs.overview import opened
    from jobs.reviews import given, read_reviews
    from jobs.reviews import review as put

    job = _monitor(config)
    asked = read_reviews(table, now()) if table is not None else [given({"code": code or "", **said}, now())]
    for line in put(opened(job), job.name, asked, now).lines():
        click.echo(line)


@sachawatch.command()
@CONFIG
@click.option("--dry-run", is_flag=True, help="Say who would be told what, and send nothing.")
@click.option("--revive", is_flag=True, help="Try again what was given up.")
@click.option(
    "--replay", "past", is_flag=True, help="Say what these rules would have told of the past, and send nothing."
)
def notify(config: Path, dry_run: bool, revive: bool, past: bool) -> None:
    """Tell people of the alerts of a job, by the rules of CONFIG (kind notify). Nothing new sends nothing."""
    from jobs.clock import now
    from jobs.notify.run import notify as tell
    from jobs.notify.run import replay

    asked = _asked(config, "notify")
    if past:
        for line in replay(asked):
            click.echo(line)
        return
    made = tell(asked, now=now, dry_run=dry_run, revive=revive)
    for line in made.lines():
        click.echo(line)
    if not made.complete:
        raise SystemExit(PARTIAL)


@sachawatch.command()
@CONFIG
@click.argument("code")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File for the page (.html).")
@click.option("--reader", help="As this reader of CONFIG sees it; else as the first does.")
def page(config: Path, code: str, out: Path, reader: str | None) -> None:
    """Write all that there is to say of the alert CODE as one page, by the words of CONFIG (kind notify)."""
    from jobs.notify.run import page as made
    from jobs.outputs import publish

    publish(out, made(_asked(config, "notify"), code, reader).encode())
    click.echo(f"open {out}")


@sachawatch.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--config", required=True, type=click.Path(path_type=Path), help="A config of kind series.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Table of changes (.csv or .parquet).")
@click.option("--monitor-from", type=click.DateTime(["%Y-%m-%d"]), help="First day that is monitored.")
def series(table: Path, config: Path, out: Path, monitor_from: Any) -> None:
    """Run a detector on TABLE (series_id, date, values), one row per change ever flagged."""
    from jobs.series import run_series

    outcome = run_series(table, _asked(config, "series"), out, monitor_from.date() if monitor_from else None)
    for line in outcome.lines():
        click.echo(line)


@sachawatch.command()
@CONFIG
@click.option("--why", default="", help="Stands in the log of evaluations on the blind variant.")
def evaluate(config: Path, why: str) -> None:
    """Score the detectors of CONFIG on data with a known truth, side by side."""
    from jobs.clock import now
    from jobs.evaluation.run import evaluate as start
    from jobs.progress import shown

    asked = _asked(config, "evaluate")
    with shown() as progress:
        outcome = start(asked, now=now, progress=progress, why=why)
    for line in outcome.lines:
        click.echo(line)
    for line in outcome.failures:
        click.echo(f"not done: {line}", err=True)
    if outcome.failures:
        raise SystemExit(PARTIAL)


@sachawatch.command()
@click.argument("config", type=click.Path(path_type=Path), required=False)
@click.option(
    "--model", help="Rebuild a model that ships from its seeds, in place of CONFIG (long: hundreds of scenes)."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the model, in place of the config's `output.folder`."
)
@click.option("--version", help="Version of the model, in place of the config's or the shipped one's.")
def train(config: Path | None, model: str | None, out: Path | None, version: str | None) -> None:
    """Make a model as CONFIG (of kind train) says, of samples with known answers."""
    if (config is None) == (model is None):
        _end("train: give either CONFIG or --model NAME", USAGE)
    from jobs.clock import now
    from jobs.progress import shown
    from jobs.training.run import run_training

    asked = _training(config, model)
    output = asked.output if out is None else replace(asked.output, folder=out)
    with shown() as progress:
        chosen = replace(asked, output=output, version=version or asked.version)
        outcome = run_training(chosen, now=now, progress=progress)
    for line in outcome.lines:
        click.echo(line)


def _training(config: Path | None, model: str | None) -> Any:
    """What a config asks for, or a shipped model."""
    from jobs.sections import Output
    from jobs.training.asked import config_of
    from models.recipes import RECIPES

    if config is None:
        if model not in RECIPES:
            raise BadInput(f"train: no model {model!r} ships; there is {', '.join(RECIPES)}")
        return config_of(RECIPES[model], Output(folder=Path("models-trained")))
    return _asked(config, "train")


@sachawatch.command()
@click.argument("section", type=click.Choice(["areas", "redd", "peat", "claims", "restoration", "territory"]))
@CONFIG
def report(section: Any, config: Path) -> None:
    """Make the report SECTION of CONFIG (kind report): areas with intervals, emissions, peat, claims, restoration, territory.

    \b
    sachawatch report areas report.yaml     the sample to interpret, then areas with intervals
    sachawatch report redd report.yaml      emissions from forest and their reduction
    sachawatch report restoration report.yaml     registered areas: hectares, how they do, files for platforms
    sachawatch report territory report.yaml       two pages on a district, a community, a concession, a parcel
    """
    from jobs.progress import shown
    from jobs.reports.run import report as make

    with shown() as progress:
        folder, languages = make(config, section, progress=progress)
    click.echo(f"open {folder}/report.{languages[0]}.html")


@sachawatch.command()
@click.argument("manifest", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def repro(manifest: Path) -> None:
    """Make the products of MANIFEST (manifest.json of a run or a report) again, and say whether they are the same."""
    from jobs.clock import now
    from jobs.progress import shown
    from jobs.repro import again

    with shown() as progress:
        made = again(manifest, now=now, progress=progress)
    for line in made.lines():
        click.echo(line)
    if not made.complete:
        raise SystemExit(PARTIAL)


@sachawatch.command()
def models() -> None:
    """List the trained models."""
    from models.registry import available

    for name, version in available():
        click.echo(f"{name}@{version}")


@sachawatch.command()
@click.argument("config", type=click.Path(path_type=Path), required=False)
def doctor(config: Path | None) -> None:
    """Check this machine (and CONFIG's job): versions, disk, database, state on disk."""
    from jobs.overview import examine

    sick = False
    for good, line in examine(_monitor(config) if config else None):
        sick |= not good
        click.echo(f"{'ok ' if good else 'BAD'} {line}")
    if sick:
        raise SystemExit(IO_ERROR)


def _asked(config: Path, *kinds: str) -> Any:
    """The config; raises BadInput for one of another kind than the command takes."""
    from jobs.config import load

    found = load(config)
    if found.kind not in kinds:
        raise BadInput(f"{config}: is of kind {found.kind}; this command takes a config of kind {' or '.join(kinds)}")
    return found


def _monitor(config: Path) -> Any:
    return _asked(config, "monitor")


def _say_estimate(config: Path, max_gb: float | None) -> None:
    from jobs import estimate as cost
    from jobs.history.run import left as tiles_left
    from jobs.overview import taken
    from jobs.plan import plan, plan_history
    from models.predict import chosen, wanted

    asked = _asked(config, "monitor", "history")
    model = chosen(asked.model.name, asked.model.version, asked.monitor) if asked.kind == "monitor" else None
    told = None if model is None else wanted(model)
    work: Any = plan(asked, told) if asked.kind == "monitor" else plan_history(asked)
    known = taken(asked) if asked.kind == "monitor" else ()
    left = None if asked.kind == "monitor" else tiles_left(work)
    _print(cost.estimate(work, known, left), False)
    cost.check_memory(work)
    cost.check_budget(work, max_gb, known, left)


def _within_budget(work: Any, max_gb: float | None) -> None:
    from jobs.estimate import check_budget
    from jobs.overview import taken

    if max_gb is not None:
        check_budget(work, max_gb, taken(work.config))


def _run(config: Path, max_gb: float | None = None) -> None:
    from jobs.clock import now
    from jobs.progress import shown
    from jobs.run import run as start

    asked = _asked(config, "monitor", "history")
    if asked.kind == "history":
        _run_history(asked, max_gb)
        return
    with shown() as progress:
        approve = partial(_within_budget, max_gb=max_gb)
        outcome = start(asked, now=now, progress=progress, approve=approve)
    for line in outcome.failures:
        click.echo(f"not done: {line}", err=True)
    for scene in outcome.late:
        click.echo(f"too late: scene {scene} is older than what can be replayed", err=True)
    _name_some("lacks a band", outcome.lacking)
    _name_some("not understood", outcome.not_understood)
    counts = ", ".join(f"{n} {status}" for status, n in outcome.alerts.items()) or "no alerts"
    if outcome.kind == "nothing new":
        click.echo(f"{asked.name}: nothing new; {counts}. Products: {outcome.folder}")
        return
    click.echo(f"{asked.name}: {outcome.new_scenes} scenes taken in, {outcome.new_revisions} new revisions; {counts}.")
    click.echo(f"open {outcome.folder}/report.html")
    if outcome.kind == "partial":
        raise SystemExit(PARTIAL)


def _run_history(asked: Any, max_gb: float | None) -> None:
    from jobs.clock import now
    from jobs.estimate import check_budget
    from jobs.history.run import run_history
    from jobs.progress import shown

    with shown() as progress:
        outcome = run_history(
            asked, now=now, progress=progress, approve=lambda work, left: check_budget(work, max_gb, left=left)
        )
    for line in outcome.failures:
        click.echo(f"not done: {line}", err=True)
    _name_some("lacks a band", outcome.lacking)
    _name_some("not understood", outcome.not_understood)
    _name_some("note", outcome.notes)
    found = "; ".join(f"{k}: {n} polygons, {outcome.hectares[k]:,.1f} ha mapped" for k, n in outcome.polygons.items())
    before = "nothing new" if outcome.kind == "nothing new" else f"{outcome.scenes} scenes"
    click.echo(f"{asked.name}: {before}; {found or 'no changes'}. Products: {outcome.folder}")
    if outcome.kind == "partial":
        raise SystemExit(PARTIAL)


def _name_some(what: str, lines: Sequence[str]) -> None:
    for line in lines[:LISTED]:
        click.echo(f"{what}: {line}", err=True)
    if len(lines) > LISTED:
        click.echo(f"{what}: {len(lines) - LISTED} more", err=True)


def _print(facts: dict[str, Any], as_json: bool) -> None:
    import json

    if as_json:
        click.echo(json.dumps(facts, default=str, sort_keys=True))
        return
    width = max(len(k) for k in facts)
    for key, value in facts.items():
        click.echo(f"{key:{width}}  {value}")


def main() -> None:
    """Run the command line; every mistake of the user ends in one line and an exit code, never in a traceback."""
    try:
        sachawatch.main(standalone_mode=False)
    except click.exceptions.Abort:
        _end("interrupted; `sachawatch resume CONFIG` goes on", INTERRUPTED)
    except KeyboardInterrupt:
        _end("interrupted; `sachawatch resume CONFIG` goes on", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except (ConnectionError, TimeoutError) as error:
        _end(f"connection: {error}; check the address and that it answers, then resume", UNAVAILABLE)
    except OSError as error:
        _end(
            f"{error.filename or 'input or output'}: {error.strerror or error}; make room or give access, then resume",
            IO_ERROR,
        )
    except DetectionError as error:
        _end(str(error), _code(error))


def _code(error: DetectionError) -> int:
    """The exit code of an error a user can mend."""
    from jobs.database import BadDatabase
    from jobs.ledger import Busy, LeaseLost
    from jobs.state import DamagedGeneration

    if isinstance(error, (SourceUnavailable, NoImagery)):
        return UNAVAILABLE
    if isinstance(error, (Busy, LeaseLost)):
        return LOCKED
    return IO_ERROR if isinstance(error, (BadDatabase, DamagedGeneration)) else BAD_CONFIG


def _end(line: str, code: int) -> None:
    click.echo(line, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
