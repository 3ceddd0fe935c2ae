"""Messages of the Common Alerting Protocol."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from feedchecks import check_cap
from feedsetup import FACTS, SHAPES, WORDING, inside, made, notice_of
from lxml import etree

from detection.errors import BadInput
from jobs.notify.feeds.cap import CAP, Earlier, area_words, cap, certainty, severity, urgency
from jobs.notify.feeds.places import coarse
from jobs.notify.feeds.told import told
from jobs.notify.notice import Nearby


def test_a_message_says_who_what_and_since_when() -> None:
    notice = notice_of(SHAPES["apart"], kind="update", revision=3)
    sent = [
        Earlier(2, datetime(2026, 5, 20, 1, 2, 3, tzinfo=UTC)),
        Earlier(1, datetime(2026, 5, 10, tzinfo=UTC), "old@x.org"),
    ]
    content = cap(notice, FACTS, {"es-PE": WORDING, "en": WORDING, "agr": WORDING}, sent)
    check_cap(content, notice)
    root, c = etree.fromstring(content), f"{{{CAP}}}"
    found = {tag: root.findtext(c + tag) for tag in ("identifier", "sender", "sent", "status", "msgType", "scope")}
    assert found == {
        "identifier": "0b5e1b6e-0000-5000-8000-000000000001.3",
        "sender": "alerts@example.org",
        "sent": "2026-05-26T06:12:07-00:00",
        "status": "Actual",
        "msgType": "Update",
        "scope": "Restricted",
    }
    assert root.findtext(f"{c}restriction") == FACTS.restriction
    assert root.findtext(f"{c}references") == (
        "old@x.org,0b5e1b6e-0000-5000-8000-000000000001.1,2026-05-10T00:00:00-00:00 "
        "alerts@example.org,0b5e1b6e-0000-5000-8000-000000000001.2,2026-05-20T01:02:03-00:00"
    )
    infos = root.findall(f"{c}info")
    assert [i.findtext(f"{c}language") for i in infos] == ["es-PE", "agr", "en"]
    assert {i.findtext(f"{c}category") for i in infos} == {"Env"}
    parameters = {p.findtext(f"{c}valueName"): p.findtext(f"{c}value") for p in infos[0].findall(f"{c}parameter")}
    assert parameters["area_ha"] == "3.2178" and parameters["change_date"] == "2026-05-01"
    assert parameters["simulated"] == "false" and "finished_on" not in parameters
    assert infos[0].findtext(f"{c}onset") == "2026-05-01T12:00:00-00:00"
    assert infos[0].findtext(f"{c}area/{c}areaDesc") == f"Tambopata; Tambopata; {notice.place.utm}"


def test_what_is_not_known_is_no_parameter() -> None:
    text = cap(notice_of(probability=None, driver=None), FACTS, {"es-PE": WORDING}).decode()
    assert "<valueName>probability" not in text and "<valueName>driver" not in text and "None" not in text
    assert "<valueName>probability" in cap(notice_of(), FACTS, {"es-PE": WORDING}).decode()


def test_the_order_of_languages_and_references_changes_no_byte() -> None:
    notice = notice_of(kind="cancel", status="retracted", revision=3)
    sent = [Earlier(2, datetime(2026, 5, 20, tzinfo=UTC)), Earlier(1, datetime(2026, 5, 10, tzinfo=UTC))]
    one = cap(notice, FACTS, {"es-PE": WORDING, "en": WORDING}, sent)
    assert one == cap(notice, FACTS, {"en": WORDING, "es-PE": WORDING}, [*sent[::-1], sent[0]])
    assert b"<msgType>Cancel</msgType>" in one


@pytest.mark.parametrize(
    ("changes", "wordings", "references", "said"),
    [
        ({"kind": "update"}, {"es-PE": WORDING}, [], "give the messages sent before it"),
        ({"kind": "cancel"}, {"es-PE": WORDING}, [], "give the messages sent before it"),
        ({"kind": "update"}, {"es-PE": WORDING}, [Earlier(2, datetime(2026, 5, 1, tzinfo=UTC))], "give earlier ones"),
        ({"kind": "update"}, {"es-PE": WORDING}, [Earlier(1, datetime(2026, 5, 1, tzinfo=UTC), "a,b")], "mend it"),
        ({"kind": "update"}, {"es-PE": WORDING}, [Earlier(1, datetime(2026, 5, 1))], "no time zone"),
        ({}, {"en": WORDING}, [], "no wording in 'es-PE'"),
        ({}, {}, [], "no wording in 'es-PE'"),
        ({}, {"es-PE": WORDING, "<b>": WORDING}, [], "no BCP 47 tag"),
    ],
)
def test_a_message_that_would_break_the_protocol_is_refused(
    changes: Any, wordings: Any, references: Any, said: str
) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        cap(notice_of(**changes), FACTS, wordings, references)
    assert "\n" not in str(refused.value)


def test_a_public_message_tells_the_box_and_refers_by_the_sealed_id() -> None:
    notice = notice_of(kind="update")
    content = cap(notice, FACTS, {"es-PE": WORDING}, [Earlier(1, datetime(2026, 5, 10, tzinfo=UTC))], public=True)
    shown = told(notice, FACTS, public=True)
    check_cap(content, shown)
    text = content.decode()
    assert "<scope>Public</scope>" in text and "<restriction>" not in text
    assert f"{shown.alert.id}.1,2026-05-10" in text and notice.alert.id not in text
    west, south, east, north = coarse(notice.place).geometry.bounds
    assert f"<areaDesc>{south:.2f}..{north:.2f}, {west:.2f}..{east:.2f}</areaDesc>" in text


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"status": "provisional", "confirmed_on": None}, ("Future", "Moderate", "Possible")),
        ({}, ("Future", "Moderate", "Likely")),
        ({"area_ha": 9.99}, ("Future", "Moderate", "Likely")),
        ({"area_ha": 10.0}, ("Future", "Severe", "Likely")),
        ({"area_ha": 1.0}, ("Future", "Moderate", "Likely")),
        ({"area_ha": 0.99}, ("Future", "Minor", "Likely")),
        ({"change_type": "other", "area_ha": 50.0}, ("Future", "Minor", "Likely")),
        ({"status": "finished"}, ("Past", "Moderate", "Likely")),
        ({"status": "merged"}, ("Past", "Moderate", "Likely")),
        ({"status": "merged", "confirmed_on": None}, ("Past", "Moderate", "Possible")),
        ({"status": "expired", "confirmed_on": None}, ("Past", "Moderate", "Unlikely")),
        ({"status": "retracted"}, ("Past", "Moderate", "Unlikely")),
    ],
)
def test_the_three_words_of_a_message_follow_their_rules(changes: Any, wanted: tuple[str, str, str]) -> None:
    alert = made(**changes)
    assert (urgency(alert), severity(alert), certainty(alert)) == wanted
    text = cap(notice_of(**changes), FACTS, {"es-PE": WORDING}).decode()
    for tag, word in zip(("urgency", "severity", "certainty"), wanted, strict=True):
        assert f"<{tag}>{word}</{tag}>" in text


def test_where_an_alert_lies_leaves_out_what_is_only_near_and_what_is_too_much() -> None:
    names = [inside(n) for n in "abcd"] + [inside("far", relation="near")] + [inside("", feature="RN07")]
    place = replace(notice_of().place, overlaps=tuple(names[3:]), nearby=(), utm="19S 1 2")
    assert area_words(place) == "d; RN07; 19S 1 2"
    assert area_words(replace(place, overlaps=tuple(names))) == "a; b; c; 19S 1 2"
    near = tuple(Nearby(n, 1.0, "N") for n in "pqrs")
    assert area_words(replace(place, overlaps=(), nearby=near)) == "p; q; r; 19S 1 2"
