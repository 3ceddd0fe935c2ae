"""A folder of pages, one an alert that its reader was told, and a list of them; and the page of an alert that is asked for."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy.engine import Engine

from jobs import store
from jobs.notify.channels.result import Outcome
from jobs.notify.chips import Chips
from jobs.notify.compose import COLOUR, GREY, footer
from jobs.notify.evidence import evidence_of
from jobs.notify.kept import Kept
from jobs.notify.labels import LABELS
from jobs.notify.message import headline, meaning
from jobs.notify.notice import Notice
from jobs.notify.page import PageFacts, page_of, rendered, shortened
from jobs.outputs import publish
from jobs.words import Words, _

INDEX: Final = "index.html"
Page = Callable[[Notice, Words], str]
"""Makes the page of a revision as its reader may see it."""


class Pages:
    """Makes pages from the record and the looks that are kept."""

    def __init__(self, engine: Engine, kept: Kept) -> None:
        self.engine, self.kept, self.chips = engine, kept, Chips(kept)

    def __call__(self, notice: Notice, words: Words) -> str:
        """Raises BadDatabase for a damaged record, DamagedGeneration for damaged looks."""
        alert = notice.alert
        keys = [(alert.id, number) for number in range(1, alert.revision + 1)]
        known = store.revisions(self.engine, keys)
        past = [known[key] for key in keys if key in known]
        evidence, chip = evidence_of(alert, self.kept), self.chips.found(alert)
        return page_of(PageFacts(notice, past, evidence, chip), words)


def put(
    folder: Path, standing: Sequence[Notice], now: Collection[str], page: Page, title: str, words: Words
) -> Outcome:
    """Write the pages of what is told now (ids), those that are not there, and the list of all that stands.

    A folder that cannot be written to is `again`; raises as `Pages`.
    """
    names = names_of(standing)
    try:
        for notice in standing:
            name = names[notice.alert.id]
            if notice.alert.id in now or not (folder / name).exists():
                publish(folder / name, page(notice, words).encode())
        publish(folder / INDEX, index_of(standing, names, title, words).encode())
    except OSError as error:
        return Outcome("again", f"{folder}: {error.strerror}; make it writable, or free some space")
    return Outcome("sent", f"{len(standing)} alerts in {folder}")


def names_of(notices: Sequence[Notice]) -> dict[str, str]:
    """Id of the alert -> name of its file: its code, and its id too where two alerts have one code."""
    codes = [notice.alert.short_code for notice in notices]
    return {
        n.alert.id: f"{n.alert.short_code}{f'_{n.alert.id}' if codes.count(n.alert.short_code) > 1 else ''}.html"
        for n in notices
    }


def index_of(notices: Sequence[Notice], names: Mapping[str, str], title: str, words: Words) -> str:
    """The list, the newest word first."""
    ordered = sorted(notices, key=lambda n: (n.known_at, n.alert.id), reverse=True)
    simulated = any(n.alert.simulated for n in notices)
    view = {
        "title": f"{words.say(LABELS['told'])}: {title}",
        "banner": words.say(_("SIMULATED images: no satellite saw this")) if simulated else "",
        "many": words.count(_("{n} alert"), _("{n} alerts"), len(notices)),
        "alerts": [
            {
                "file": names[n.alert.id], "headline": headline(shortened(n), words), "moment": words.moment(n.known_at),
                "meaning": meaning(n.alert, words), "colour": COLOUR.get(n.alert.status, GREY),
            }
            for n in ordered
        ],
        "footer": footer(words),
    }  # fmt: skip
    return rendered("index.html.j2", view, words)
