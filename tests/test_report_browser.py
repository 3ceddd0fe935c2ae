"""Full reports of every kind in a real browser: what a phone shows, what a keyboard reaches, what a sheet of paper holds."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_page_browser import CONTRAST, LACKING, LEVELS, TEXT_SIZE, WIDTHS, browser, opened
from wholereports import WHOLE

from jobs.reports.form import write
from jobs.words import languages

pytestmark = pytest.mark.skipif(bool(LACKING), reason=LACKING)
__all__ = ["browser"]
PAPER, ACROSS = 695, 1046
"""Pixels between the margins of an A4 sheet, upright and across."""
MOST_SHEETS = 20
WIDEST = """() => [...document.querySelectorAll('body *')].filter(e => !e.ownerSVGElement && !e.closest('.wide table')
  && e.checkVisibility() && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => e.outerHTML.slice(0, 80))"""
"""What sticks out; a table scrolls within its own frame."""
OUTSIDE = """() => [...document.querySelectorAll('svg')].flatMap(s => { const b = s.viewBox.baseVal;
  return [...s.querySelectorAll('text')].filter(t => { const r = t.getBBox();
    return r.x < -1 || r.y < -1 || r.x + r.width > b.width + 1 || r.y + r.height > b.height + 1; })
    .map(t => t.textContent); })"""
"""Text of drawings that is cut off."""
TOUCHING = """() => [...document.querySelectorAll('svg')].flatMap(s => { const all = [...s.querySelectorAll('text')]
    .map(t => [t.textContent, t.getBBox()]); const hit = [];
  all.forEach(([a, p], i) => all.slice(i + 1).forEach(([b, q]) => {
    const x = Math.min(p.x + p.width, q.x + q.width) - Math.max(p.x, q.x);
    const y = Math.min(p.y + p.height, q.y + q.height) - Math.max(p.y, q.y);
    if (x > 1 && y > 3) hit.push(a + ' / ' + b); })); return hit; })"""
"""Texts of a drawing that lie on one another."""
TOO_WIDE = """(across) => [...document.querySelectorAll('.wide')].filter(e => Boolean(e.closest('.across')) === across
  && e.querySelector('table').getBoundingClientRect().width > document.documentElement.clientWidth + 1)
  .map(e => e.getAttribute('aria-label') + ' ' + e.querySelector('table').getBoundingClientRect().width)"""
SAID = """() => { const copy = document.body.cloneNode(true); copy.querySelectorAll('code, td, dd').forEach(e => e.remove());
  return copy.innerText; }"""
"""What the report says in its own words."""
ENGLISH = re.compile(r"\b(the|and|of|with|between|from|was|were|is|are|not|which|without|years?|hectares|tonnes)\b")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for name, make in WHOLE.items():
        folder = tmp_path_factory.mktemp(name)
        made[name] = write(make(folder), folder / "out", languages(), {})
    return made


@pytest.fixture(scope="module", params=[(name, language) for name in WHOLE for language in languages()], ids="-".join)
def file(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Path:
    name, language = request.param
    return folders[name] / f"report.{language}.html"


@pytest.fixture(scope="module")
def tab(browser: Any, file: Path) -> Iterator[Any]:
    made = opened(browser, file, WIDTHS[0])
    yield made
    assert made.asked == [] and made.errors == []
    made.page.context.close()


def test_it_fits_reads_well_and_asks_nobody(tab: Any) -> None:
    page = tab.page
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        assert page.evaluate(WIDEST) == []
        found = page.evaluate(CONTRAST)
        assert len(found) > 50 and [one for one in found if one["ratio"] < one["least"]] == []
        assert page.evaluate(TEXT_SIZE) >= 10.5, "pixels, drawings as they are shown"
    levels = page.evaluate(LEVELS)
    assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


def test_drawings_are_whole_and_told_in_words(tab: Any) -> None:
    page = tab.page
    assert page.evaluate(OUTSIDE) == [] and page.evaluate(TOUCHING) == []
    drawings = page.locator("figure")
    assert drawings.count() == page.locator("figure .chart[role=img][aria-label]:not([aria-label='']) svg").count() > 0
    for number in range(drawings.count()):
        assert drawings.nth(number).locator("p.note").all_inner_texts()


def test_it_speaks_one_language(tab: Any) -> None:
    language = tab.page.evaluate("() => document.documentElement.lang")
    said = tab.page.evaluate(SAID)
    if language == "en":
        assert not re.search(r"[ñ¿áéíóú]", said.replace("español", "").replace("San Martín", ""))
        return
    quoted = re.sub(r"IPCC[^);.\]]*|Default of the IPCC[^\]]*|GEOBOSQUES[^\]]*|1 - observed / baseline[^.]*", "", said)
    inside = re.sub(r"\([^()]*\)", "", quoted)
    assert ENGLISH.findall(inside) == []


def test_what_is_simulated_is_marked_wherever_a_figure_stands(tab: Any) -> None:
    page = tab.page
    marks, banner = page.locator("h1 .sim, h3 .sim, figcaption .sim").count(), page.locator(".banner").count()
    wanted = 1 + page.locator("h3").count() + page.locator("figcaption").count()
    assert (marks, banner) in ((0, 0), (wanted, 1))
    assert bool(banner) == page.title().startswith(("SIMULADO", "SIMULATED"))


def test_every_column_has_a_heading_and_long_figures_are_rounded(tab: Any) -> None:
    heads = tab.page.locator("th").all_inner_texts()
    assert heads and all(one.strip() for one in heads)
    figures = tab.page.locator("td.n, dl dd").all_inner_texts()
    assert figures and [one for one in figures if re.search(r"\d{5}|\.\d{5}|e[-+]\d", one)] == []


def test_a_keyboard_reaches_every_table_without_any_script(browser: Any, file: Path) -> None:
    made = opened(browser, file, WIDTHS[0], script=False)
    tables, reached = made.page.locator(".wide").count(), set()
    for _ in range(tables + 3):
        made.page.keyboard.press("Tab")
        if made.page.locator(".wide:focus").count():
            reached.add(made.page.locator(".wide:focus").get_attribute("aria-label"))
    assert tables and len(reached) == tables
    assert made.page.locator("main p.lead").first.is_visible() and made.asked == [] and made.errors == []
    made.page.context.close()


def test_paper_holds_it(tab: Any) -> None:
    page = tab.page
    page.emulate_media(media="print")
    for width, across in ((PAPER, False), (ACROSS, True)):
        page.set_viewport_size({"width": width, "height": 1000})
        assert page.evaluate(TOO_WIDE, across) == []
    found = page.evaluate(CONTRAST)
    assert [one for one in found if one["ratio"] < one["least"]] == []
    printed = page.pdf(prefer_css_page_size=True)
    page.emulate_media(media="screen")
    assert printed.startswith(b"%PDF") and 3 <= printed.count(b"/Type /Page\n") <= MOST_SHEETS
