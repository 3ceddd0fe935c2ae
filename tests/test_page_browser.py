"""Pages and letters in a real browser: what a phone shows, what a keyboard reaches, what never leaves."""

import base64
import importlib.util
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from noticesetup import NOON, RESERVE
from pagesetup import LONG, UNBROKEN, chip, facts, hard, notice_of, record
from test_message import CONFIG as LETTERS
from test_message import HOSTILE

from jobs.notify import compose, pages
from jobs.notify.chips import drawn
from jobs.notify.message import STATUS
from jobs.notify.page import page_of
from jobs.words import Words, languages

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LACKING = (
    "the browser: no chromium on this machine (apt-get install chromium)" if CHROMIUM is None
    else "the browser: playwright is not installed" if importlib.util.find_spec("playwright") is None else ""
)  # fmt: skip
pytestmark = pytest.mark.skipif(bool(LACKING), reason=LACKING)
ARGUMENTS = [
    "--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip
WIDTHS = (360, 1280)
SPANISH = Words("es")
CONTRAST = """() => {
  const parse = c => { const n = (c.match(/[\\d.]+/g) || []).map(Number);
    return n.length < 3 ? null : [n[0], n[1], n[2], n[3] ?? 1]; };
  const light = c => { const f = c.slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
  const over = (top, under) => top.slice(0, 3).map((v, i) => v * top[3] + under[i] * (1 - top[3]));
  const ground = e => { const layers = [];
    for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c && c[3] > 0) layers.push(c); }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]); };
  const found = [];
  for (const e of document.body.querySelectorAll('*')) {
    const own = [...e.childNodes].filter(n => n.nodeType === 3 && n.textContent.trim());
    if (!own.length || !e.checkVisibility()) continue;
    const style = getComputedStyle(e), drawn = e.ownerSVGElement, size = parseFloat(style.fontSize), under = ground(e);
    const ink = over(parse(drawn ? style.fill : style.color), under);
    const [a, b] = [light(ink), light(under)].sort((x, y) => y - x);
    const large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
    found.push({ratio: (a + .05) / (b + .05), least: large ? 3 : 4.5, said: own[0].textContent.trim().slice(0, 40)});
  }
  return found;
}"""
"""Of every element with text of its own: contrast with what lies under it (WCAG 2.2, 1.4.3), and the least that is allowed."""
TEXT_SIZE = """() => Math.min(...[...document.querySelectorAll(
  'svg text, p, li, td, th, dd, dt, figcaption, small, a, h1, h2, h3')]
  .filter(e => e.checkVisibility()).map(e => parseFloat(getComputedStyle(e).fontSize)
    * (e.ownerSVGElement ? e.ownerSVGElement.getBoundingClientRect().width / e.ownerSVGElement.viewBox.baseVal.width : 1)))"""
WIDEST = """() => [...document.querySelectorAll('body *')].filter(e => !e.ownerSVGElement && e.checkVisibility()
  && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(e => e.outerHTML.slice(0, 80))"""
LEVELS = "() => [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(e => +e.tagName[1])"


@dataclass
class Tab:
    """A page that is open, and what it did."""

    page: Any
    asked: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield made
        made.close()


def opened(browser: Any, file: Path, width: int, *, script: bool = True) -> Tab:
    """The file in a window so wide; every request but that for the file itself is noted and refused."""
    context = browser.new_context(viewport={"width": width, "height": 740}, java_script_enabled=script)
    tab = Tab(context.new_page())

    def guard(route: Any) -> None:
        if route.request.url == file.as_uri() or route.request.url.startswith("data:"):
            route.continue_()
        else:
            tab.asked.append(route.request.url)
            route.abort()

    context.route("**/*", guard)
    tab.page.on("console", lambda said: tab.errors.append(said.text) if said.type in ("error", "warning") else None)
    tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.page.goto(file.as_uri())
    return tab


def hostile() -> Any:
    """A page whose names are all that one fears."""
    names = [
        replace(RESERVE, name=name, category=name[:40], feature=str(i))
        for i, name in enumerate([*HOSTILE, UNBROKEN, LONG])
    ]
    made = facts(model=HOSTILE[0], baseline=UNBROKEN)
    return replace(made, notice=notice_of(made.notice.alert, names))


CASES = {
    "plain": facts, "hard": hard, "hostile": hostile,
    "taken back": lambda: facts(status="retracted", simulated=False),
    "nothing kept": lambda: replace(facts(), chip=None, evidence=replace(facts().evidence, looks=())),
}  # fmt: skip
"""Name -> facts of a page."""


def letter(language: str, many: int) -> str:
    """The page of a letter, its pictures put in as a mail program shows them."""
    reader = replace(LETTERS.readers[0], language=language)
    status = list(STATUS)
    notices = [notice_of(record(id=f"alert{i}", status=status[i % len(status)])) for i in range(many)]
    notices[0] = replace(notices[0], place=replace(notices[0].place, overlaps=(replace(RESERVE, name=UNBROKEN),)))
    picture = drawn(chip(), True, Words(language))
    assert picture is not None
    made = compose.letter_of(LETTERS, reader, notices, 12, NOON, {one.alert.id: picture for one in notices})
    read = message_from_bytes(made.as_bytes(), policy=policy.default)
    page: str = read.get_body(("html",)).get_content()
    for part in read.walk():
        if part.get_content_type() == "image/png":
            data = base64.b64encode(part.get_content()).decode()
            page = page.replace(f"cid:{part['Content-ID'].strip('<>')}", f"data:image/png;base64,{data}")
    return page


def written(folder: Path, name: str, language: str) -> Path:
    """A case, a list or a letter as a file."""
    words = Words(language)
    if name.startswith("letter"):
        page = letter(language, int(name.split()[1]))
    elif name == "list":
        notices = [notice_of(record(id=f"a{i}", short_code=f"CODE{i:02}-X", status=s), (replace(RESERVE, name=UNBROKEN),))
                   for i, s in enumerate(STATUS)]  # fmt: skip
        page = pages.index_of(notices, pages.names_of(notices), LONG, words)
    else:
        page = page_of(CASES[name](), words)
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    return file


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", [*CASES, "list", "letter 1", "letter 9"])
def test_it_fits_reads_well_and_asks_nobody(browser: Any, tmp_path: Path, name: str, language: str) -> None:
    file = written(tmp_path, name, language)
    for width in WIDTHS:
        tab = opened(browser, file, width)
        page = tab.page
        page.evaluate("() => document.querySelectorAll('details').forEach(e => e.open = true)")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width, page.evaluate(WIDEST)
        assert page.evaluate(WIDEST) == []
        found = page.evaluate(CONTRAST)
        assert len(found) > 3 and [one for one in found if one["ratio"] < one["least"]] == []
        assert page.evaluate(TEXT_SIZE) >= 10.5, "pixels, drawings as they are shown"
        images = page.evaluate("() => [...document.images].map(e => [e.alt, e.naturalWidth])")
        assert all(alt.strip() and wide > 0 for alt, wide in images)
        levels = page.evaluate(LEVELS)
        assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
        assert page.evaluate("() => document.documentElement.lang") == language
        assert tab.asked == [] and tab.errors == []
        page.context.close()


def test_a_keyboard_reaches_the_table_without_any_script(browser: Any, tmp_path: Path) -> None:
    tab = opened(browser, written(tmp_path, "plain", "es"), 360, script=False)
    table = tab.page.locator("details table")
    assert not table.is_visible() and tab.page.locator("header .lead").is_visible()
    for _ in range(10):
        tab.page.keyboard.press("Tab")
        if tab.page.locator("summary:focus").count():
            break
    tab.page.keyboard.press("Enter")
    assert table.is_visible() and table.locator("tbody tr").count() == 102
    assert tab.asked == [] and tab.errors == []
    tab.page.context.close()


def test_markup_in_names_is_not_run(browser: Any, tmp_path: Path) -> None:
    tab = opened(browser, written(tmp_path, "hostile", "es"), 360)
    said: list[str] = []
    tab.page.on("dialog", lambda dialog: said.append(dialog.message))
    assert tab.page.locator("script, iframe, object, [onerror]").count() == 0 and tab.page.locator("img").count() == 1
    assert "<script>alert(1)</script>" in tab.page.inner_text("body") and said == []
    tab.page.context.close()


def test_what_is_meant_to_be_refused_is_refused(browser: Any, tmp_path: Path) -> None:
    """The policy in the page holds: a picture from elsewhere and a script of its own do nothing."""
    file = written(tmp_path, "plain", "es")
    page = file.read_text(encoding="utf-8")
    file.write_text(
        page.replace(
            "<main>", '<main><img alt="x" src="http://127.0.0.1:9/x.png"><script>document.title = "run"</script>'
        )
    )
    tab = opened(browser, file, 360)
    assert tab.asked == [] and tab.page.title() != "run"
    assert sum("Content Security Policy" in line for line in tab.errors) == 2
    tab.page.context.close()


def test_it_prints_to_a_few_sheets(browser: Any, tmp_path: Path) -> None:
    tab = opened(browser, written(tmp_path, "plain", "es"), 1280)
    printed = tab.page.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF") and 1 <= printed.count(b"/Type /Page\n") <= 4
    tab.page.context.close()
