"""Atom, as feedparser and GDAL read it."""

from dataclasses import replace
from pathlib import Path

import feedparser
import pyogrio
from feedsetup import FACTS, SHAPES, WORDING, notice_of, several

from detection.codes import ALERT_COLOUR
from jobs.notify.feeds.atom import atom
from jobs.notify.feeds.told import ordered


def test_feedparser_and_gdal_read_the_feed(tmp_path: Path) -> None:
    content = atom(several(), replace(FACTS, simulated=True), WORDING)
    feed = feedparser.parse(content)
    assert not feed.bozo and feed.version == "atom10"
    assert feed.feed.title_detail.language == FACTS.language
    assert (feed.feed.title, feed.feed.author, feed.feed.id) == (FACTS.title, FACTS.author, FACTS.id)
    assert feed.feed.updated == "2026-11-21T06:12:30Z"
    wanted = ordered(several(), FACTS, public=False)
    assert [e.title for e in feed.entries] == [WORDING.headline(n) for n in wanted]
    assert [e.content[0].value for e in feed.entries] == [WORDING.body(n) for n in wanted]
    assert [e.link for e in feed.entries] == [f"https://example.org/a/{n.alert.id}" for n in wanted]
    assert [[t.term for t in e.tags][:2] for e in feed.entries] == [
        [n.alert.status, n.alert.change_type] for n in wanted
    ]
    (tmp_path / "a.atom").write_bytes(atom([notice_of(SHAPES["one"])], FACTS, WORDING))
    frame = pyogrio.read_dataframe(tmp_path / "a.atom")
    assert [frame.geometry[0]] == list(notice_of(SHAPES["one"]).place.geometry.geoms)


def test_the_withdrawn_stay_in_the_feed_and_say_so() -> None:
    titles = [e.title for e in feedparser.parse(atom(several(), FACTS, WORDING)).entries]
    assert {t.split(":")[0] for t in titles} == {status.upper() for status in ALERT_COLOUR}
