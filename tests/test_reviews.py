"""Reviews put on record: by file and by hand, once, in one transaction, and nothing by halves."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from modelsetup import alert
from sqlalchemy.engine import Engine

from detection.alerts import Alert, short_code
from detection.errors import BadInput
from detection.types import Grid
from jobs import store
from jobs.database import OUTBOX, REVIEWS, default_url, open_database, reading
from jobs.ledger import Busy, Job, Run, lease, register_job, runs, unpublished_run
from jobs.reviews import Reviewed, Said, given, read_reviews, review, standing

START = datetime(2024, 6, 3, 12, tzinfo=UTC)
LATER = START + timedelta(days=3)
IDS = [f"0000000{n}-0000-5000-8000-000000000000" for n in range(3)]
CODES = [short_code(ident) for ident in IDS]
HEADER = "code,verdict,reason,by,at,note\n"


def now() -> datetime:
    return LATER


def one(ident: str, revision: int = 1, cells: int = 12, **changes: object) -> Alert:
    made = alert([(r, 2) for r in range(cells)], 1_717_400_000 + revision, revision=revision, **changes)
    return replace(made, id=ident, short_code=short_code(ident))


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = open_database(default_url(tmp_path))
    register_job(made, Job("job", "test", "c" * 64, Grid("EPSG:32719", 0, 0, 30, (40, 50)), START), ())
    commit(made, [one(ident) for ident in IDS], START)
    return made


def commit(engine: Engine, alerts: Sequence[Alert], at: datetime) -> None:
    with lease(engine, "job", "me", 60, lambda: at) as held:
        ran = Run(f"run-{at.isoformat()}", "job", at, "done", "c" * 64, "1")
        store.commit_run(engine, held, ran, (), {}, alerts, lambda: at)


def rows(engine: Engine, table: sa.Table) -> list[sa.Row[tuple[object, ...]]]:
    with reading(engine) as connection:
        return list(connection.execute(sa.select(table)).all())


def put(engine: Engine, tmp_path: Path, text: str) -> Reviewed:
    (tmp_path / "r.csv").write_text(HEADER + text, encoding="utf-8")
    return review(engine, "job", read_reviews(tmp_path / "r.csv", LATER), now)


def test_a_file_is_on_record_once_with_a_revision_and_a_message_each(engine: Engine, tmp_path: Path) -> None:
    text = f"{CODES[0].lower()},rejected,cloud,analyst,2024-06-04,haze all over\n"
    text += f"{IDS[1]},validated,,jefatura,2024-06-05T10:00-05:00,\n"
    made = put(engine, tmp_path, text)
    assert (made.new, [(a.short_code, a.status, a.revision) for a in made.revisions]) == (
        2, [(CODES[0], "rejected", 2), (CODES[1], "confirmed", 2)],
    )  # fmt: skip
    assert [(row.alert, row.message_kind) for row in rows(engine, OUTBOX)][3:] == [
        (IDS[0], "cancel"),
        (IDS[1], "update"),
    ]
    found = rows(engine, REVIEWS)
    assert {(r.verdict, r.by, r.revision, r.note) for r in found} == {
        ("rejected", "analyst", 1, "haze all over"), ("validated", "jefatura", 1, ""),
    }  # fmt: skip
    again = put(engine, tmp_path, text)
    assert (again.new, again.revisions, len(rows(engine, REVIEWS)), len(rows(engine, OUTBOX))) == (0, (), 2, 5)
    assert unpublished_run(engine, "job").outcome in ("done", "review")  # type: ignore[union-attr]
    assert [r.outcome for r in runs(engine, "job")] == ["done", "review"]
    read = store.latest(engine, "job")[IDS[0]]
    assert (read.status, read.detected, read.rejection_reason, read.rests_on) == ("rejected", "confirmed", "CLOUD", 1)


def test_the_latest_look_counts_whatever_the_order_of_lines_and_files(engine: Engine, tmp_path: Path) -> None:
    late, early = f"{CODES[0]},reopened,,a,2024-06-05,\n", f"{CODES[0]},rejected,FLOOD,a,2024-06-04,\n"
    assert put(engine, tmp_path, late + early).revisions == (), "rejected and reopened before anybody was told"
    assert standing(engine, "job")[IDS[0]].verdict == "reopened"
    older = put(engine, tmp_path, f"{CODES[0]},validated,,b,2024-06-03T13:00Z,\n")
    assert (older.new, older.revisions) == (1, ()), "put on record, and outdone already"
    (one,) = put(engine, tmp_path, f"{CODES[0]},validated,,b,2024-06-05T13:00Z,\n").revisions
    assert (one.status, one.review_status, one.revision) == ("confirmed", "validated", 2)


def test_a_review_covers_what_was_known_when_it_was_made(engine: Engine, tmp_path: Path) -> None:
    """The alert has doubled since the images were looked at: the rejection no longer holds for all of it."""
    commit(engine, [one(IDS[0], 2, cells=24, area_ha=2.16)], START + timedelta(days=2))
    made = put(engine, tmp_path, f"{CODES[0]},rejected,FLOOD,a,2024-06-04,\n{CODES[1]},rejected,FLOOD,a,2024-06-04,\n")
    assert [(a.status, a.review_status) for a in made.revisions] == [
        ("confirmed", "needs_revision"),
        ("rejected", "rejected"),
    ]
    both = put(engine, tmp_path, f"{CODES[0]},rejected,FLOOD,a,2024-06-06,\n")
    assert [(a.status, a.review_status) for a in both.revisions] == [("rejected", "rejected")]


def wrong_check() -> str:
    return CODES[0][:-1] + ("0" if CODES[0][-1] != "0" else "1")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{wrong_check()},rejected,CLOUD,a,2024-06-04,", "its check character does not fit"),
        ("hello,rejected,CLOUD,a,2024-06-04,", "is no code of an alert"),
        (f"{short_code('nobody')},rejected,CLOUD,a,2024-06-04,", "job has no alert"),
        (f"{CODES[0]},false,CLOUD,a,2024-06-04,", "verdict 'false' is none; write in_review"),
        (f"{CODES[0]},rejected,,a,2024-06-04,", "a rejection has a reason; write REFORESTATION"),
        (f"{CODES[0]},rejected,BECAUSE,a,2024-06-04,", "reason 'BECAUSE' is none"),
        (f"{CODES[0]},validated,CLOUD,a,2024-06-04,", "only a rejection has a reason"),
        (f"{CODES[0]},rejected,CLOUD,,2024-06-04,", "nobody says so"),
        (f"{CODES[0]},rejected,CLOUD,a,yesterday,", "at 'yesterday' is no date; write 2026-11-30"),
        (f"{CODES[0]},rejected,CLOUD,a,,", "at is empty"),
        (f"{CODES[0]},rejected,CLOUD,a,2030-01-01,", "is still to come"),
        (f"{CODES[0]},rejected,CLOUD,a,2024-06-04,{'x' * 501}", "`note` is one line of at most 500 characters"),
        (f"{CODES[0]},rejected,CLOUD,a\x1b[2J,2024-06-04,", "`by` is one line"),
    ],
)
def test_a_line_that_is_wrong_is_named_and_none_of_the_file_counts(
    line: str, said: str, engine: Engine, tmp_path: Path
) -> None:
    good = f"{CODES[1]},rejected,CLOUD,a,2024-06-04,\n"
    with pytest.raises(BadInput) as error:
        put(engine, tmp_path, good + line + "\n")
    assert said in str(error.value) and "line 3: " in str(error.value) and "\n" not in str(error.value)
    assert rows(engine, REVIEWS) == [] and len(rows(engine, OUTBOX)) == 3


def test_every_mistake_of_a_file_is_said(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        put(engine, tmp_path, "x,rejected,CLOUD,a,2024-06-04,\n" * 25)
    lines = str(error.value).splitlines()
    assert len(lines) == 21 and lines[-1] == "and 5 more lines; none of the file counts"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "lacks at, by, code, verdict"),
        (b"code,verdict,by\n", "lacks at;"),
        (b"code,verdict,by,at,colour\n", "has a column 'colour'"),
        (b"code,verdict,by,at\n\xff\xfe", "is not UTF-8"),
        (b'code,verdict,by,at\n"a', "put quotes"),
    ],
)
def test_what_is_no_file_of_reviews_is_said(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(content)
    with pytest.raises(BadInput) as error:
        read_reviews(tmp_path / "r.csv", LATER)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_two_alerts_of_one_code_are_told_apart_by_their_ids(engine: Engine) -> None:
    twin = replace(one("f" * 36), short_code=CODES[0])
    commit(engine, [twin], START + timedelta(hours=1))
    with pytest.raises(BadInput, match=f"{CODES[0]} names 2 alerts; give the id: {IDS[0]}, f"):
        review(engine, "job", [given({"code": CODES[0], "verdict": "validated", "by": "a"}, LATER)], now)


def test_while_a_run_is_at_work_a_review_waits(engine: Engine) -> None:
    said = Said(IDS[0], "validated", "a", LATER)
    with lease(engine, "job", "somebody else", 60, now), pytest.raises(Busy, match="somebody else"):
        review(engine, "job", [said], now)
    assert review(engine, "job", [said], now).new == 1


def test_a_revision_that_is_not_there_is_said(engine: Engine) -> None:
    asked = given({"code": CODES[0], "verdict": "validated", "by": "a", "revision": 7}, LATER)
    with pytest.raises(BadInput, match="has no revision 7, the last is 1"):
        review(engine, "job", [asked], now)
