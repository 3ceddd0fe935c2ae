"""One alert as one page: all that there is to say of it, in a file that needs nothing but itself."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from detection.alerts import WITHDRAWN, short_code
from detection.types import SECONDS_A_DAY, to_date
from jobs.notify.chips import LEGEND, Chip, attribution, drawn, when
from jobs.notify.compose import COLOUR, GREY, footer
from jobs.notify.curve import LANE
from jobs.notify.evidence import Evidence
from jobs.notify.feeds.markup import clean
from jobs.notify.labels import CONFIDENCE, LABELS
from jobs.notify.locator import locator_of
from jobs.notify.message import STATUS, away, called, distance, headline, hectares, lines, meaning, sureness
from jobs.notify.notice import Notice, Overlap
from jobs.notify.past import Step, steps
from jobs.notify.spoken import interval, series, unseen
from jobs.outputs.vectors import lattice_parts
from jobs.store import Known
from jobs.words import Words, _

MOST_BYTES: Final = 200_000
"""Of a page, so that a weak network brings it."""
MOST_ROWS: Final = 600
"""Looks in the table; older ones are counted."""
FEWER_ROWS: Final = 100
"""The same of a page that would be too large."""
MOST_STEPS: Final = 100
"""Revisions in the history: the first, and the last ones; those between are counted."""
MOST_NAMED: Final = 40
"""Places touched; those of the smallest share are counted."""
LONGEST_NAME: Final = 120
"""Letters of a name that are shown."""


@dataclass(frozen=True)
class PageFacts:
    """All that a page says, as data: it reads no file, no clock and no network."""

    notice: Notice
    """The revision, as its reader may see it."""
    past: Sequence[Known]
    """All revisions up to this one, oldest first."""
    evidence: Evidence
    """What the kept looks say."""
    chip: Chip | None
    """The place before and after; None where the looks do not show it."""


def page_of(facts: PageFacts, words: Words) -> str:
    """The page as text, at most MOST_BYTES of it; every value is escaped. The same facts give the same text.

    Where it would be larger, fewer looks are listed, and at last there is no picture; the page says so.
    """
    facts = replace(facts, notice=shortened(facts.notice))
    page = _page(facts, words, MOST_ROWS, _picture(facts, words))
    if len(page.encode()) > MOST_BYTES:
        page = _page(facts, words, FEWER_ROWS, _picture(facts, words))
    return page if len(page.encode()) <= MOST_BYTES else _page(facts, words, FEWER_ROWS, None)


def _page(facts: PageFacts, words: Words, rows: int, picture: Mapping[str, Any] | None) -> str:
    notice, alert = facts.notice, facts.notice.alert
    said = lines(notice, words)
    view = {
        "title": headline(notice, words),
        "banner": said[0].said if alert.simulated else "",
        "status": [words.say(STATUS[alert.status][0]), meaning(alert, words)],
        "colour": COLOUR.get(alert.status, GREY),
        "over": alert.status in WITHDRAWN,
        "onward": _onward(notice, words),
        "lines": [replace(line, said=_upper(line.said)) for line in said if line.about],
        "geo": f"geo:{notice.place.lat:.5f},{notice.place.lon:.5f}",
        "picture": picture,
        "kept_out": facts.chip is not None,
        **series(facts.evidence, alert, words, rows),
        "interval": list(interval(facts.evidence, alert, words)),
        "unseen": unseen(facts.evidence, alert, words),
        **_where(notice, words),
        "sure": list(_sure(notice, words)),
        **_history(facts, words),
        "provenance": _provenance(notice, words),
        "footer": footer(words),
    }
    return rendered("page.html.j2", view, words)


def rendered(name: str, view: Mapping[str, Any], words: Words) -> str:
    """A template of pages with its words."""
    labels = SimpleNamespace(**{key: words.say(text) for key, text in LABELS.items()})
    made: str = _templates().get_template(name).render(view, label=labels, language=words.language, lane=LANE)
    return made


@cache
def _templates() -> Environment:
    strict: dict[str, Any] = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    return Environment(loader=PackageLoader("jobs.notify", "."), autoescape=True, finalize=_harmless, **strict)


def _harmless(value: Any) -> Any:
    """Without marks that turn text round or that no file may hold; what is markup already was made so here."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def shortened(notice: Notice) -> Notice:
    """With no name longer than LONGEST_NAME: what is cut ends in three dots."""
    place = notice.place
    touched = tuple(
        replace(one, name=_cut(one.name), category=_cut(one.category), feature=_cut(one.feature), layer=_cut(one.layer),
                version=_cut(one.version)) for one in place.overlaps
    )  # fmt: skip
    nearby = tuple(replace(one, name=_cut(one.name)) for one in place.nearby)
    return replace(notice, place=replace(place, overlaps=touched, nearby=nearby))


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _onward(notice: Notice, words: Words) -> str:
    alert = notice.alert
    if alert.merged_into:
        return words.say(_("It goes on as alert {code}."), code=short_code(alert.merged_into))
    return words.say(_("It follows on alert {code}."), code=short_code(alert.previous_id)) if alert.previous_id else ""


def _picture(facts: PageFacts, words: Words) -> dict[str, Any] | None:
    chip, simulated = facts.chip, facts.notice.alert.simulated
    png = drawn(chip, simulated, words) if chip is not None else None
    if chip is None or png is None:
        return None
    looks = [
        f"{words.say(_('before'))}: {when(chip.before, words)}",
        f"{words.say(_('after'))}: {when(chip.after, words)}",
    ]
    return {
        "src": "data:image/png;base64," + base64.b64encode(png).decode(),
        "alt": f"{words.say(_('the place before and after'))}. {'; '.join(looks)}",
        "said": [*(_upper(look) for look in looks), attribution(chip, simulated, words), _upper(words.say(LEGEND))],
    }


def _where(notice: Notice, words: Words) -> dict[str, Any]:
    place, alert = notice.place, notice.alert
    touched, more = place.overlaps[:MOST_NAMED], len(place.overlaps) - MOST_NAMED
    locator = locator_of(alert, place)
    cell = lattice_parts(alert.lattice)[1]
    high, wide = ((alert.cells.max(0) - alert.cells.min(0) + 1) * cell).tolist()
    coarser = words.say(_("Drawn in squares of {side}."), side=distance(locator.square_m, words))
    left_out = _("{n} more that it touches is not listed."), _("{n} more that it touches are not listed.")
    return {
        "touched": [_touched(one, words) for one in touched],
        "touched_left_out": words.count(*left_out, more) if more > 0 else "",
        "nearby": [_upper(away(one, words)) for one in place.nearby],
        "locator": locator,
        "bar": distance(locator.bar_m, words),
        "extent": words.say(
            _("Outline of the alert, {wide} from west to east and {high} from north to south."),
            wide=distance(wide, words), high=distance(high, words),
        ),
        "coarser": coarser if locator.square_m > cell else "",
    }  # fmt: skip


def _touched(one: Overlap, words: Words) -> tuple[str, str, str]:
    """Name, how much of the alert, and where that is from."""
    name = called(one, words)
    if one.relation == "near":
        much = words.say(_("{distance} away"), distance=distance(one.distance_m, words))
    else:
        much = f"{hectares(one.area_ha, words)} ({words.share(one.share)})"
    return name, much, f"{one.layer} {one.version}".strip()


def _sure(notice: Notice, words: Words) -> Iterator[str]:
    alert = notice.alert
    if alert.model is None:
        yield words.say(_("No model has judged it."))
    elif alert.probability is None:
        yield words.say(_("The model {model} abstains: the place is like nothing it learnt from."), model=alert.model)
    else:
        yield f"{_upper(sureness(notice, words))}. {words.say(_('So says the model {model}.'), model=alert.model)}"
        if "simulated" in alert.model:
            yield words.say(_("A first opinion: the model has learnt from simulated images alone."))
    yield words.say(CONFIDENCE[alert.confidence])
    yield words.say(_("How often such alerts are right in this area is not known: none was compared with the ground."))


def _history(facts: PageFacts, words: Words) -> dict[str, Any]:
    made: list[Step] = steps(facts.notice, facts.past, words)
    more = len(made) - MOST_STEPS
    if more > 0:
        made = [made[0], *made[more + 1 :]]
    between = _("{n} revision between is not listed."), _("{n} revisions between are not listed.")
    return {"steps": made[::-1], "steps_left_out": words.count(*between, more) if more > 0 else ""}


def _provenance(notice: Notice, words: Words) -> list[tuple[str, str]]:
    alert, say = notice.alert, words.say
    observed = to_date(alert.observed_at // SECONDS_A_DAY)
    pairs = (
        (_("Code"), alert.short_code), (_("Id"), alert.id),
        (_("Revision"), f"{alert.revision}, {words.moment(notice.known_at)}"), (_("Last image used"), words.day(observed)),
        (_("Collection"), alert.collection), (_("Grid"), alert.lattice),
        (_("Smallest change told"), f"{words.number(alert.mmu_ha, 2)} ha"), (_("Model"), alert.model or "-"),
        (_("What forest means"), alert.baseline),
        (_("Mean change"), f"{words.number(alert.magnitude, 3)} {alert.magnitude_metric.upper()}"),
    )  # fmt: skip
    return [(say(name), value) for name, value in pairs]
