"""What is told to whom survives crashes, flaky receivers and any order: nothing is lost, what was told is taken back."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from noticesetup import notice
from sqlalchemy.engine import Engine

from jobs.database import (
    ALERTS,
    DELIVERIES,
    JOBS,
    OUTBOX,
    REVISIONS,
    RUNS,
    default_url,
    open_database,
    reading,
    writing,
)
from jobs.notify import deliveries
from jobs.notify.channels.result import Outcome
from jobs.notify.deliveries import CLAIM, DEAD, GONE, HELD, PASSED, SENT, WAITING, Delivery, delivery_id
from jobs.notify.notice import Notice
from jobs.notify.opening import TOO_OLD, Audience, Key, open_outbox
from jobs.notify.policy import OVER_BUDGET, Budget, Embargo, Quiet, Rule
from jobs.notify.replay import replayed
from jobs.notify.sender import Sent, send_due

START = datetime(2024, 6, 3, 15, tzinfo=UTC)
URGENT = Rule(name="urgent", to=("jefatura", "guardaparques"))
OVER = ("retracted", "expired")


class Killed(BaseException):
    """The sender dies here."""


@dataclass
class World:
    """A job with its alerts, a clock, and receivers that write down what they get."""

    engine: Engine
    audience: Audience
    at: datetime = START
    said: dict[Key, str] = field(default_factory=dict)
    when: dict[Key, datetime] = field(default_factory=dict)
    got: list[Delivery] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def say(self, ident: str, status: str = "confirmed", area: float = 1.0) -> None:
        number = 1 + max((r for a, r in self.said if a == ident), default=0)
        self.said[ident, number], self.when[ident, number] = f"{status}|{area}", self.at
        with writing(self.engine) as connection:
            if number == 1:
                connection.execute(sa.insert(ALERTS), {"id": ident, "job": "job", "minted_run": "run", "anchor_row": 0,
                                                       "anchor_column": 0, "change_date": date(2024, 6, 1)})  # fmt: skip
            connection.execute(sa.insert(REVISIONS), {
                "alert": ident, "number": number, "run": "run", "status": status, "observed_at": 0, "known_at": self.at,
                "fingerprint": "", "record": {}, "cells": b"",
            })  # fmt: skip
            entry = {"alert": ident, "revision": number, "message_kind": "alert", "created": self.at}
            connection.execute(sa.insert(OUTBOX), entry)

    def notices(self, keys: Sequence[Key]) -> dict[Key, Notice]:
        made = {}
        for ident, number in keys:
            status, area = self.said[ident, number].split("|")
            told = notice(ident, revision=number, status=status, area_ha=float(area))
            made[ident, number] = replace(told, known_at=self.when[ident, number])
        return made

    def open(self) -> list[Delivery]:
        return open_outbox(self.engine, self.audience, self.notices, self.now)

    def send(self, answers: Sequence[str] = (), most: int | None = None) -> Sent:
        left = list(answers)

        def post(claimed: Sequence[Delivery]) -> Outcome:
            answer = left.pop(0) if left else "sent"
            if answer in ("sent", "lost answer", "killed after"):
                self.got += claimed
            if answer.startswith("killed"):
                raise Killed
            return Outcome({"lost answer": "again"}.get(answer, answer), answer)  # type: ignore[arg-type]

        return send_due(self.engine, "note", post, now=self.now, together=self.audience.together, chance=Random(1).random,
                        most=most)  # fmt: skip

    def states(self) -> dict[tuple[str, str, int], str]:
        with reading(self.engine) as connection:
            rows = connection.execute(sa.select(DELIVERIES)).all()
        return {(row.reader, row.alert, row.revision): row.state for row in rows}


@pytest.fixture(params=["sqlite", "postgresql"])
def new(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Makes databases, and says their URLs."""
    if request.param == "postgresql":
        return request.getfixturevalue("new_databases")  # type: ignore[no-any-return]
    return lambda: default_url(tmp_path_factory.mktemp("w"))


def world(url: str, *rules: Rule, **changes: Any) -> World:
    engine = open_database(url)
    with writing(engine) as connection:
        connection.execute(sa.insert(JOBS), {"name": "job", "collection": "job", "config_digest": "", "lattice": "",
                                             "grid": {}, "created": START})  # fmt: skip
        connection.execute(sa.insert(RUNS), {"id": "run", "job": "job", "started": START, "outcome": "done", "detail": {},
                                             "config_digest": "", "code_version": "", "published": False})  # fmt: skip
    asked = rules or (URGENT,)
    readers = {name: "restricted" for rule in asked for name in rule.to}
    fields = {"since": date(2024, 1, 1), "readers": readers, "embargo": Embargo(), "digest_at": time(7)} | changes
    return World(engine, Audience("note", "job", rules=tuple(asked), **fields))  # type: ignore[arg-type]


def test_an_alert_is_told_once_to_each_and_again_when_it_is_taken_back(new: Callable[[], str]) -> None:
    made = world(new())
    made.say("a", "provisional")
    assert len(made.open()) == 2 and made.send().deliveries == 2
    assert made.open() == [] and made.send() == Sent(), "the same twice is once"
    made.say("a", "provisional")
    assert [d.state for d in made.open()] == [HELD] * 2, "nothing that matters has changed"
    made.say("a", "expired")
    made.open()
    assert made.send().deliveries == 2
    assert [(d.revision, d.kind) for d in made.got] == [(1, "alert")] * 2 + [(3, "cancel")] * 2
    assert {d.reader for d in made.got[:2]} == {d.reader for d in made.got[2:]} == {"jefatura", "guardaparques"}


def test_who_was_never_told_hears_no_retraction_and_what_waits_is_overtaken(new: Callable[[], str]) -> None:
    made = world(new())
    made.say("a")
    made.open()
    made.say("a", "retracted")
    assert {d.state for d in made.open()} == {HELD}
    assert made.send() == Sent() and made.got == []
    assert set(made.states().values()) == {HELD, PASSED}


def test_what_may_have_arrived_is_taken_back_too(new: Callable[[], str]) -> None:
    made = world(new(), Rule(name="urgent", to=("jefatura",)))
    made.say("a")
    made.open()
    made.send(["lost answer"], most=1)
    assert made.states() == {("jefatura", "a", 1): WAITING}
    made.say("a", "retracted")
    assert [(d.kind, d.state) for d in made.open()] == [("cancel", WAITING)]
    made.at += timedelta(days=1)
    made.send()
    assert [(d.revision, d.kind) for d in made.got] == [(1, "alert"), (2, "cancel")]


def test_who_dies_is_followed_by_another_who_sends_it_again_under_the_same_id(new: Callable[[], str]) -> None:
    made = world(new(), Rule(name="urgent", to=("jefatura",)))
    made.say("a")
    made.open()
    with pytest.raises(Killed):
        made.send(["killed after"])
    assert made.send() == Sent(), "it is claimed still"
    made.at += CLAIM
    assert made.send().deliveries == 1
    first, second = made.got
    assert first.id == second.id and (first.attempts, second.attempts) == (1, 2)


def test_what_fails_is_tried_again_later_and_given_up_at_last(new: Callable[[], str]) -> None:
    made, tries = world(new(), Rule(name="urgent", to=("jefatura",))), 0
    made.say("a")
    made.open()
    while set(made.states().values()) == {WAITING} and tries < 50:
        tries += 1
        made.send(["again"], most=1)
        made.at += timedelta(days=2)
    assert (tries, made.states()) == (10, {("jefatura", "a", 1): DEAD})
    assert deliveries.revive(made.engine, "note", made.at) == 1 and made.send().deliveries == 1


def test_a_receiver_that_wants_no_more_gets_no_more_until_it_is_revived(new: Callable[[], str]) -> None:
    made = world(new())
    made.say("a")
    made.open()
    made.send(["gone", "sent"])
    assert sorted(made.states().values()) == [GONE, SENT]
    made.say("b")
    assert len(made.open()) == 1


def test_what_goes_together_is_one_message(new: Callable[[], str]) -> None:
    made = world(new(), Rule(name="daily", to=("jefatura",), pace="daily"))
    for ident in "abc":
        made.say(ident)
    made.open()
    assert made.send() == Sent(), "not before its hour"
    made.at += timedelta(days=1)
    said = made.send()
    assert (said.messages, said.deliveries) == (1, 3)


def test_what_was_known_before_it_began_is_not_told_and_what_is_too_much_is_counted(new: Callable[[], str]) -> None:
    rule = Rule(name="few", to=("jefatura",), budget=Budget(alerts=1, days=7))
    made = world(new(), rule, since=date(2024, 6, 4))
    made.say("old")
    assert [d.why for d in made.open()] == [TOO_OLD]
    made.at += timedelta(days=1)
    for ident in "abc":
        made.say(ident)
    assert sorted(d.why for d in made.open()) == [OVER_BUDGET, OVER_BUDGET, "rule few"]
    assert deliveries.withheld(made.engine, "note", "jefatura", "few") == 2
    made.send()
    made.at += timedelta(days=8)
    made.say("d")
    made.open()
    assert deliveries.withheld(made.engine, "note", "jefatura", "few") == 0, "it was told with the message before"


def test_others_wait_for_the_embargo(new: Callable[[], str]) -> None:
    made = world(new(), Rule(name="open", to=("prensa",), quiet=Quiet()), readers={"prensa": "public"})
    made.say("a")
    made.open()
    made.at += timedelta(days=29)
    assert made.send() == Sent()
    made.at += timedelta(days=2)
    assert made.send().deliveries == 1


SEND_TOO = """
import json, sys, threading, time
from datetime import datetime, timedelta
from jobs.database import open_database
from jobs.notify.deliveries import SENT, claim, settle
decided = threading.Event()  # nothing more is decided on: who stops before would leave what comes later unsent
engine, at, idle = open_database(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), 0
print("ready", flush=True)
sys.stdin.readline()
threading.Thread(target=lambda: (sys.stdin.readline(), decided.set()), daemon=True).start()
while idle < 20 or not decided.is_set():
    claimed = claim(engine, "note", at, {("jefatura", "daily"): True})
    idle = 0 if claimed else idle + 1
    time.sleep(0.005)  # what a message takes on its way: else the lock of SQLite may stay with one
    settle(engine, claimed, SENT, at, at, "")
    if claimed:
        print(json.dumps([[one.id, one.attempts] for one in claimed]))
"""


def test_two_senders_at_once_send_everything_once_while_more_is_decided_on(new: Callable[[], str]) -> None:
    url = new()
    made = world(url, Rule(name="urgent", to=("guardaparques",)), Rule(name="daily", to=("jefatura",), pace="daily"))
    for number in range(60):
        made.say(f"a{number}")
    made.open()
    command = [sys.executable, "-W", "error", "-c", SEND_TOO, url, (START + timedelta(days=3)).isoformat()]
    both = [subprocess.Popen(command, cwd=Path(__file__).parents[1], text=True, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE) for _ in range(2)]  # fmt: skip
    assert [process.stdout.readline() for process in both] == ["ready\n"] * 2  # type: ignore[union-attr]
    for process in both:
        print(file=process.stdin, flush=True)
    for number in range(0, 60, 2):
        made.say(f"a{number}", "retracted")
        if number % 10 == 8:
            made.open()
    for process in both:
        print(file=process.stdin, flush=True)
    lines = [process.communicate(timeout=60)[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    claims = Counter(ident for said in lines for line in said for ident, _ in json.loads(line))
    assert min(map(len, lines)) >= 1, "both have worked, and at the same time"
    assert set(claims.values()) == {1}, "nothing is claimed by both"
    states = made.states()
    for reader in ("guardaparques", "jefatura"):
        for number in range(60):
            ident = f"a{number}"
            began = delivery_id("note", reader, ident, 1) in claims
            first, last = (states.get((reader, ident, revision)) for revision in (1, 2))
            if number % 2:
                assert (began, first, last) == (True, SENT, None)
            else:  # told, and then taken back; or overtaken before anybody was told
                assert (first, last) in ([(SENT, SENT), (PASSED, SENT)] if began else [(PASSED, HELD)])


def test_what_is_sent_while_it_is_decided_on_is_taken_back_too(new: Callable[[], str]) -> None:
    made = world(new(), Rule(name="urgent", to=("jefatura",)))
    made.say("a")
    made.say("b")
    made.open()
    made.say("a", "retracted")
    made.say("b", "provisional")
    asked = []

    def notices(keys: Sequence[Key]) -> dict[Key, Notice]:
        asked.append(keys)
        if len(asked) == 1:  # another sender, between the question who was told and the answer
            made.send(most=1)
        return made.notices(keys)

    decided = open_outbox(made.engine, made.audience, notices, made.now)
    assert {(d.alert, d.kind, d.state) for d in decided} == {("a", "cancel", WAITING), ("b", "alert", WAITING)}
    assert len(asked) == 2 and {key[0] for key in asked[1]} == {"a"}, "only what was told is decided on anew"
    made.send()
    assert [(d.alert, d.revision, d.kind) for d in made.got] == [
        ("a", 1, "alert"),
        ("a", 2, "cancel"),
        ("b", 2, "alert"),
    ]


STATUSES = ("provisional", "confirmed", "finished", *OVER)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from("abc"), st.sampled_from(STATUSES)),
        st.tuples(st.just("open")),
        st.tuples(st.just("send"), st.lists(st.sampled_from(["sent", "again", "lost answer", "killed before", "killed after"]),
                                            max_size=3)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, budget=st.sampled_from([None, Budget(alerts=2)]))
def test_nothing_is_lost_whatever_happens(new: Callable[[], str], steps: list[Any], budget: Any) -> None:
    made = world(new(), Rule(name="urgent", to=("jefatura", "guardaparques"), budget=budget))
    mishaps, troubled = 0, any(answer != "sent" for what, *rest in steps if what == "send" for answer in rest[0])
    for what, *rest in steps:
        if what == "say":
            made.say(rest[0], rest[1])
        elif what == "open":
            made.open()
        elif what == "wait":
            made.at += timedelta(hours=rest[0])
        else:
            mishaps += sum(answer in ("lost answer", "killed after") for answer in rest[0])
            with suppress(Killed):
                made.send(rest[0], most=max(1, len(rest[0])))
    made.open()
    for _ in range(12):
        made.at += timedelta(days=2)
        made.send()
    seen: dict[tuple[str, str], list[Delivery]] = {}
    for one in made.got:
        seen.setdefault((one.reader, one.alert), []).append(one)
    last = {alert: max(r for a, r in made.said if a == alert) for alert, _ in made.said}
    for (_, alert), heard in seen.items():
        assert [d.revision for d in heard] == sorted(d.revision for d in heard), "no older word after a newer one"
        assert heard[0].kind == "alert" or troubled, "what may have arrived counts as told"
        if made.said[alert, last[alert]].split("|")[0] in OVER:
            assert (heard[-1].revision, heard[-1].kind) == (last[alert], "cancel") or (
                made.said[alert, heard[-1].revision].split("|")[0] == made.said[alert, last[alert]].split("|")[0]
            ), "whoever was told hears that it is over"
    ids = {(d.reader, d.alert, d.revision): d.id for d in made.got}
    assert all(ids[d.reader, d.alert, d.revision] == d.id for d in made.got)
    assert len(made.got) - len(ids) <= mishaps, "twice only after a mishap"
    assert WAITING not in made.states().values()


def test_a_replay_says_what_was_told_and_writes_nothing(new: Callable[[], str]) -> None:
    rule = Rule(name="few", to=("jefatura",), budget=Budget(alerts=2, days=7), statuses=("confirmed",))
    made = world(new(), rule)
    for day, (ident, status) in enumerate([("a", "confirmed"), ("b", "provisional"), ("b", "confirmed"), ("c", "confirmed"),
                                           ("a", "retracted"), ("a", "retracted")]):  # fmt: skip
        made.at = START + timedelta(days=day)
        made.say(ident, status)
    (past,) = replayed(made.audience, deliveries.unopened(made.engine, None, "job"), made.notices)
    assert past.told == {"alert": 2, "cancel": 1}
    assert past.held == {"provisional is not asked for": 1, OVER_BUDGET: 1, "taken back before": 1}
    assert past.line().startswith("jefatura: 2 alerts, 1 cancels; at most 3 a week; not told: ")
    assert made.states() == {} and len(deliveries.unopened(made.engine, "note", "job")) == 6
    (none,) = replayed(
        replace(made.audience, since=date(2025, 1, 1)), deliveries.unopened(made.engine, None, "job"), made.notices
    )
    assert none.line() == "jefatura: nothing; at most 0 a week"


@pytest.mark.parametrize("new", ["sqlite"], indirect=True)  # the other engine has been asked enough
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(STATUSES)),
        max_size=20,
    )
)
def test_a_replay_tells_what_a_sender_that_never_sleeps_told(
    new: Callable[[], str], said: list[tuple[str, str]]
) -> None:
    made = world(new(), Rule(name="urgent", to=("jefatura",), budget=Budget(alerts=2, days=3)))
    for ident, status in said:
        made.at += timedelta(hours=9)
        made.say(ident, status)
        made.open()
        made.send()
    (past,) = replayed(made.audience, deliveries.unopened(made.engine, None, "job"), made.notices)
    assert sum(past.told.values()) == len(made.got)
    assert past.told["cancel"] == sum(one.kind == "cancel" for one in made.got)
