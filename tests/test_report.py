"""The page a manager reads: nothing from outside, nothing unescaped, nothing left unsaid."""

import base64
import io
import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from detection.alerts import Alert
from detection.codes import Monitored, Status
from detection.errors import GridMismatch
from detection.types import Grid, Row, Scene, to_day
from jobs.completeness import Completeness, completeness, looked
from jobs.outputs import RunFacts
from jobs.reports import html
from jobs.reports.figures import SeriesFacts, looks_chart, scale_bar, thinned
from jobs.reports.html import (
    LISTED,
    ROWS,
    AccuracyFacts,
    ReportFacts,
    SceneFacts,
    hectares,
    long_date,
    percent,
    render,
    wilson,
    write_report,
)

GRID = Grid("EPSG:32719", 480_000, 8_580_000, 30, (60, 80))
END = date(2024, 9, 30)
RUN = RunFacts(
    run_id="run-1",
    job="Tambopata",
    collection="tambopata-nrt",
    grid=GRID,
    period_start=date(2024, 1, 1),
    period_end=END,
    known_at="2024-10-01T06:12:00Z",
    detected_by="ewma on nbr, landsat-8",
    config_sha256="ab" * 32,
    software={"sachawatch": "0.1.0"},
    lineage="Simulated looks, monitored pixel by pixel.",
    simulated=True,
)


def make_alert(number: int = 1, **changes: Any) -> Alert:
    """A made-up alert of two cells; its number gives its place, code and size."""
    row, column = divmod(number, 40)
    cells = np.add([(row % 60, 2 * column), (row % 60, 2 * column + 1)], (GRID.first_row, GRID.first_column))
    alert = Alert(
        id=f"{number:08x}",
        short_code=f"A{number:05d}-X",
        revision=1,
        collection=RUN.collection,
        lattice=GRID.lattice,
        status="confirmed",
        status_code=int(Status.CONFIRMED_HIGH),
        change_date=date(2024, 5, 1),
        last_clear_before=None,
        first_detected=date(2024, 5, 9),
        confirmed_on=date(2024, 5, 25),
        finished_on=None,
        last_detected=date(2024, 5, 25),
        observed_at=1_716_648_000,
        cells=cells.astype(np.int32),
        confirmed_cells=np.ones(len(cells), np.bool_),
        area_ha=1000.0 - number,
        confirmed_ha=1000.0 - number,
        area_ha_new=0.0,
        mmu_ha=0.5,
        magnitude=-0.4,
        magnitude_max=-0.6,
        magnitude_sigma=-8.0,
        magnitude_metric="nbr",
        count=4,
        confidence="high",
        change_type="tree_cover_loss",
        driver="agriculture",
        probability=0.93,
        model="demo@1",
        baseline="own history",
        simulated=True,
    )
    return replace(alert, **changes)


def make_series(alert_id: str) -> SeriesFacts:
    days = np.arange(to_day(date(2021, 1, 3)), to_day(END), 16, dtype=np.int32)
    fitted = np.full(days.size, 0.6, np.float32)
    values = np.where(days < to_day(date(2024, 5, 1)), fitted, np.float32(0.2))
    values[::7] = np.nan
    return SeriesFacts(alert_id, days, values, fitted, 0.03, date(2024, 5, 1), date(2024, 5, 9), None)


def make_facts(*alerts: Alert, **changes: Any) -> ReportFacts:
    status, monitored = np.zeros(GRID.shape, np.uint8), np.zeros(GRID.shape, np.uint8)
    monitored[:, :20], monitored[:, 20:40] = Monitored.OUTSIDE, Monitored.NO_LOOK
    status[monitored != Monitored.MONITORED] = 255
    last = np.full(GRID.shape, to_day(END) - 10, np.int32)
    last[:, 20:40] = -1
    facts = ReportFacts(RUN, alerts, status, monitored, last, 0.5, SceneFacts(212, ("LC08_x",), ("LC09_y", "LC09_z")))
    return replace(facts, **changes)


class Page(HTMLParser):
    """An independent reader: the text, the tags and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.tags, self.silent = "", [], False
        self.open: list[str] = []
        self.feed(text)

    tags: list[tuple[str, dict[str, str]]]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes what it did not open"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def images(self) -> list[bytes]:
        sources = [a["src"] for tag, a in self.tags if tag == "img"]
        return [base64.b64decode(s.removeprefix("data:image/png;base64,"), validate=True) for s in sources]

    @property
    def words(self) -> str:
        return re.sub(r"[ \n]+", " ", self.text)


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take most of the time, and a test of words needs none."""
    for name in ("status_map", "monitored_map", "series_key", "series_chart", "looks_chart"):
        monkeypatch.setattr(html, name, lambda *_: b"no picture")


@pytest.fixture(scope="module")
def text() -> str:
    alerts = (
        make_alert(1),
        make_alert(2, status="provisional", confirmed_on=None, probability=None),
        make_alert(3, status="expired"),
    )
    truth = AccuracyFacts("the events put into the simulation", 40, 36, 44, 37, 17.0)
    return render(make_facts(*alerts, series=(make_series("00000001"), make_series("gone")), accuracy=truth))


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_page_is_whole_and_in_a_language(text: str, page: Page) -> None:
    assert text.startswith("<!doctype html>")
    assert page.open == []
    assert ("html", {"lang": "en"}) in page.tags
    assert "@page" in text and "A4" in text


def test_the_page_asks_nobody_for_anything(text: str, page: Page) -> None:
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "base")
        for name in ("src", "href", "action", "srcset"):
            assert attributes.get(name, "data:").startswith(("data:image/png;base64,", "geo:", "data:"))
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"https?:|@import|url\(", text)
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_pictures_are_pictures_and_have_words_beside_them(page: Page) -> None:
    sizes = [Image.open(io.BytesIO(png)).size for png in page.images()]
    assert len(sizes) == 4  # map, key, one series (the other has no alert), what was monitored
    assert min(min(size) for size in sizes) > 30
    assert all(len(a["alt"]) > 20 for tag, a in page.tags if tag == "img")


def test_the_map_shows_an_alert_in_its_colour() -> None:
    status = np.zeros(GRID.shape, np.uint8)
    quiet = Image.open(io.BytesIO(Page(render(make_facts())).images()[0])).convert("RGB")
    status[30:40, 50:60] = Status.CONFIRMED_HIGH
    loud = Image.open(io.BytesIO(Page(render(make_facts(status=status))).images()[0])).convert("RGB")
    vermillion = (0xD5, 0x5E, 0x00)
    assert (np.array(quiet) == vermillion).all(axis=2).sum() == 0
    assert (np.array(loud) == vermillion).all(axis=2).sum() > 1000


def test_the_figures_of_the_alerts_add_up(page: Page) -> None:
    assert "2 alerts over 1\u202f997.0 ha: 1 confirmed (999.0 ha), 1 provisional (998.0 ha)." in page.words
    for said in ("A00001-X", "2024-05-25", "0.93", "tree cover loss", "19S 480075 E 8579985 N", "expired"):
        assert said in page.words
    assert "half of the whole area was last seen clearly no more than 10 days" in page.words
    assert "212 taken in, 1 could not be read, 2 came too late" in page.words


def test_what_could_not_be_seen_is_a_share_of_the_area_not_of_the_frame(page: Page) -> None:
    # 80 columns: 20 outside, 20 without a look, 40 monitored.
    assert re.search(r"monitored ?66\.7\u00a0%", page.words)
    assert re.search(r"no clear look in the monitoring period ?33\.3\u00a0%", page.words)
    assert re.search(r"9 to 16 days ?66\.7\u00a0%", page.words)
    assert re.search(r"never ?33\.3\u00a0%", page.words)


def test_accuracy_comes_with_its_interval_and_says_it_is_simulated(page: Page) -> None:
    assert "recall 90.0\u00a0%: 36 of 40" in page.words
    assert "95 % interval 76.9\u00a0% to 96.0\u00a0%" in page.words
    assert "These figures are simulated" in page.words


@pytest.mark.usefixtures("without_pictures")
def test_without_truth_the_page_says_that_accuracy_is_unknown() -> None:
    assert "local accuracy is unknown" in Page(render(make_facts(make_alert()))).words


@pytest.mark.usefixtures("without_pictures")
def test_simulated_input_has_a_banner_and_real_input_none() -> None:
    assert "SIMULATED INPUT" in Page(render(make_facts())).words
    assert "SIMULATED" not in render(make_facts(run=replace(RUN, simulated=False)))


@pytest.mark.usefixtures("without_pictures")
def test_a_page_without_alerts_warns_against_reading_it_as_calm() -> None:
    words = Page(render(make_facts())).words
    assert "No alert stands at the end of this period" in words
    assert "see the next section" in words


def test_an_area_of_which_nothing_was_seen_still_makes_a_page() -> None:
    nothing = np.full(GRID.shape, Monitored.OUTSIDE, np.uint8)
    words = Page(render(make_facts(monitored=nothing, last_clear_day=np.full(GRID.shape, -1, np.int32)))).words
    assert "0.0\u00a0% of the area could be monitored." in words


@pytest.mark.usefixtures("without_pictures")
def test_cells_that_are_not_monitored_are_not_called_never_seen() -> None:
    facts = make_facts()
    assert (
        "not monitored" not in Page(render(facts)).words.partition("Last clear look before")[2].partition("Colours")[0]
    )
    facts.monitored[:, 20:30] = Monitored.NOT_FOREST  # half of the cells without a look
    words = Page(render(facts)).words
    assert re.search(r"never ?16\.7\u00a0%\s*not monitored ?16\.7\u00a0%", words)


@pytest.mark.usefixtures("without_pictures")
def test_half_of_an_area_that_was_mostly_never_seen_has_no_last_look() -> None:
    last = np.full(GRID.shape, -1, np.int32)
    last[:, 60:] = to_day(END)  # a third of what lies inside
    assert "half of the whole area" not in Page(render(make_facts(last_clear_day=last))).words


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("field", ["job", "run_id", "lineage", "detected_by", "known_at", "collection"])
def test_a_name_is_never_markup(field: str) -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    changes: dict[str, Any] = {field: hostile}
    text = render(make_facts(run=replace(RUN, **changes)))
    assert "<script" not in text
    assert "<img src=x" not in text
    assert "&lt;script&gt;" in text
    assert "<script>alert(1)</script>" in Page(text).text


@pytest.mark.usefixtures("without_pictures")
def test_names_inside_alerts_and_scenes_are_never_markup() -> None:
    bad = '"><script>x</script>'
    alert = make_alert(short_code=bad, change_type=bad, baseline=bad, magnitude_metric=bad)
    facts = make_facts(
        alert,
        scenes=SceneFacts(1, (bad,), (bad,)),
        series=(make_series(alert.id),),
        accuracy=AccuracyFacts(bad, 1, 1, 1, 1),
        method=(bad,),
        provenance={bad: bad},
    )
    text = render(facts)
    assert "<script" not in text
    assert Page(text).open == []


def test_a_dollar_in_a_name_is_not_mathematics() -> None:
    alert = make_alert(short_code="$\\frac$", magnitude_metric="$x_{$")
    assert len(Page(render(make_facts(alert, series=(make_series(alert.id),)))).images()) == 4


def test_a_series_without_looks_is_left_out() -> None:
    nothing = np.empty(0, np.float32)
    series = replace(make_series("00000001"), days=np.empty(0, np.int32), values=nothing, fitted=nothing)
    assert len(Page(render(make_facts(make_alert(), series=(series,)))).images()) == 2


def test_a_series_of_which_only_the_change_was_seen_is_drawn() -> None:
    series = make_series("00000001")
    late = replace(series, days=series.days[-1:], values=series.values[-1:], fitted=series.fitted[-1:] * np.nan)
    assert len(Page(render(make_facts(make_alert(), series=(late,)))).images()) == 4


@pytest.mark.usefixtures("without_pictures")
def test_the_list_is_capped_and_says_how_many_are_left_out() -> None:
    words = Page(render(make_facts(*(make_alert(n) for n in range(ROWS + 7))))).words
    assert words.count("tree cover loss") == ROWS
    assert "7 more alerts are in the files" in words
    assert "A00499-X" in words and "A00500-X" not in words


def test_the_same_facts_give_the_same_bytes_and_a_page_that_travels(tmp_path: Path) -> None:
    facts = make_facts(*(make_alert(n) for n in range(1, 4)), series=(make_series("00000001"),))
    write_report(tmp_path / "a.html", facts)
    write_report(tmp_path / "b.html", replace(facts, alerts=facts.alerts[::-1]))
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert (tmp_path / "a.html").stat().st_size < 500_000


def test_an_array_of_another_shape_is_refused() -> None:
    with pytest.raises(GridMismatch, match="report: status has shape"):
        make_facts(status=np.zeros((2, 2), np.uint8))


def make_account(fails: int = 2, sensor: str = "landsat-c2l2", bad: str = "nir: 404", until: int = 270) -> Completeness:
    """A scene every 8 days of 2024; none from day 96 to 160; the first so many since then failed; one tile stayed dark."""
    days = [day for day in range(0, until, 8) if not 96 < day < 160]
    start = to_day(date(2024, 1, 1))
    rows = [Row(Scene((start + day) * 86_400, "p", f"{sensor}-{day}"), sensor, note="odd") for day in days]
    lost = [f"{sensor}-{day}" for day in days if day >= 160][:fails]
    seen = {r.scene.id: (60, 20, 0, 0, 20) if r.scene.id in lost else (60, 40, 0, 0, 0) for r in rows}
    dark = {r.scene.id: (0, 100, 0, 0, 0) for r in rows}
    told = [*looked("a", rows, seen), *looked("b", rows, dark)]
    return completeness(rows, told, ("a", "b"), start, reasons=dict.fromkeys(lost, bad))


def test_what_was_not_seen_is_told_by_sensor_with_its_gaps_and_failures() -> None:
    page = Page(render(make_facts(completeness=make_account())))
    assert page.open == []
    assert len(page.images()) == 3  # map, what was monitored, the looks
    # 13 scenes until day 96, 14 from day 160 on; two failed: 25 x 60 clear cells of 25 x 100 and 27 x 100
    assert re.search(r"Landsat 27 25 0 0 2 0 28\.8\u00a0% 2024-09-21", page.words)
    assert "80 days, 2024-04-06 to 2024-06-25; in a part of the area 264 days, 2024-01-01 to 2024-09-21" in page.words
    assert "Landsat: no image from 2024-04-06 to 2024-06-25 (80 days; usually one every 8): not explained" in page.words
    assert "Could not be read: landsat-c2l2-160 (nir: 404), landsat-c2l2-168 (nir: 404)." in page.words
    assert "Noted: 27 scenes (odd)." in page.words


@pytest.mark.usefixtures("without_pictures")
def test_a_gap_that_failures_explain_says_so_and_none_at_all_too() -> None:
    words = Page(render(make_facts(completeness=make_account(fails=14)))).words
    assert "from 2024-04-06 to 2024-09-21 (168 days; usually one every 8): not explained" in words
    calm = Page(render(make_facts(completeness=make_account(fails=0, until=96)))).words
    assert "None: in the monitoring period images came as often as usual." in calm
    assert "Gaps" not in Page(render(make_facts())).words


@pytest.mark.usefixtures("without_pictures")
def test_what_failed_is_listed_up_to_a_bound_and_is_never_markup() -> None:
    bad = '"><script>x</script>'
    text = render(make_facts(completeness=make_account(fails=14, sensor=bad, bad=bad)))
    assert "<script" not in text
    words = Page(text).words
    assert f"and {14 - LISTED} more." in words
    assert words.count(f"({bad})") == LISTED
    many = replace(make_account(), unrecorded=3)
    assert "3 older scenes were taken in before this was recorded" in Page(render(make_facts(completeness=many))).words


def test_the_picture_of_the_looks_shows_what_was_clear_and_what_failed() -> None:
    found = make_account(fails=0)
    quiet = looks_chart(found.looks, [], date(2024, 1, 1))
    leaf, alarm = ((np.array(Image.open(io.BytesIO(png)).convert("RGB")) == colour).all(axis=2).sum()
                   for png, colour in ((quiet, (0x17, 0x57, 0x3A)), (quiet, (0xD5, 0x5E, 0x00))))  # fmt: skip
    assert leaf > 200
    assert alarm == 0
    loud = looks_chart(make_account(fails=14).looks, [], date(2024, 1, 1))
    assert (np.array(Image.open(io.BytesIO(loud)).convert("RGB")) == (0xD5, 0x5E, 0x00)).all(axis=2).sum() > 20
    assert looks_chart(found.looks, [], date(2024, 1, 1)) == quiet, "the same facts give the same bytes"


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_thinning_a_map_loses_no_alert_and_invents_none(rows: int, columns: int, step: int, seed: int) -> None:
    classes = np.random.default_rng(seed).choice(6, (rows, columns), p=[0.3, 0.3, 0.34, 0.02, 0.02, 0.02])
    small = thinned(classes.astype(np.uint8), step, 3)
    assert small.shape == (-(-rows // step), -(-columns // step))
    for (row, column), shown in np.ndenumerate(small):
        block = classes[row * step : (row + 1) * step, column * step : (column + 1) * step]
        assert shown == (block.max() if block.max() >= 3 else block[0, 0])


@given(st.floats(100, 1e6))
def test_a_scale_bar_is_round_and_fits(width: float) -> None:
    length = scale_bar(width)
    assert width / 10 - 1 <= length <= width / 4
    assert str(length).strip("0") in ("1", "2", "5")


def test_numbers_and_dates_are_written_for_people() -> None:
    assert (hectares(1234.56), hectares(0.504)) == ("1\u202f234.6", "0.50")
    assert (percent(0.1234), percent(0.0001), percent(0.0)) == ("12.3\u00a0%", "< 0.1\u00a0%", "0.0\u00a0%")
    assert long_date(date(2024, 3, 5)) == "5 March 2024"
    assert long_date(date(2024, 12, 31) + timedelta(1)) == "1 January 2025"


def test_the_interval_of_a_share_is_wilsons() -> None:
    # Newcombe 1998, Statistics in Medicine 17: 857-872, table I: 81 of 263 and 0 of 20, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
