"""Reports on paper, read back by a program that did not write them."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pypdf import PageObject, PdfReader
from pypdf.generic import ArrayObject, DictionaryObject
from reportsetup import AREAS, HOSTILE, REPORT
from wholereports import WHOLE

from jobs.reports.form import SHOWN, files, page
from jobs.reports.paper import fonts, paper
from jobs.reports.parts import Chart, Column, Report, Table
from jobs.words import Words, _, languages

STRANGE = (
    '#import "x"',
    "$a$ and *b*",
    "<x> ]",
    "[ @ref `raw` \\ ~ -- // no /* c */",
    "= no heading",
    HOSTILE,
    "W" * 300,
)
"""What others may have written: markup, code, a formula, a word that no line holds."""
MARK = r"^SIMULA(DO|TED)\.?"
SENTENCE = "Entre 1,200 y 1,500 hectáreas de bosque se talaron en la comunidad de Boca Pariamanú entre 2019 y 2023."


def read(report: Report, language: str = "es") -> PdfReader:
    return PdfReader(BytesIO(paper(report, Words(language))))


def words_of(reader: PdfReader) -> str:
    return "\n".join(sheet.extract_text() for sheet in reader.pages)


def close(text: str) -> str:
    """Without what ends lines, or prints nothing: where lines break is not what is said."""
    return "".join(one for one in text if not one.isspace() and unicodedata.category(one)[0] != "C")


@cache
def drawing(across: int = 360, high: int = 270) -> Chart:
    shape = f'<rect width="{across}" height="{high}" fill="#0072b2"/>'
    svg = f'<svg viewBox="0 0 {across} {high}" xmlns="http://www.w3.org/2000/svg">{shape}</svg>'
    return Chart("c", _("Size"), lambda _: svg, lambda words: (words.say(_("Where")), "alto"))


def table(rows: int, columns: int = 4, **more: object) -> Table:
    made = tuple((f"fila {row}", *[float(row)] * (columns - 1)) for row in range(rows))
    heads = tuple(Column(f"c{place}_ha", "ha", _("Where") if place else "") for place in range(columns))
    return Table("t", _("Size"), heads, made, paper=True, **more)  # type: ignore[arg-type]


def between(reader: PdfReader) -> Iterator[str]:
    """What each sheet says between its head and its foot, closed up."""
    title = str(reader.metadata.title if reader.metadata else "")
    for number, sheet in enumerate(reader.pages, 1):
        said = close(sheet.extract_text())
        foot = close(f"{re.sub(MARK, '', title)}{number}/{len(reader.pages)}")
        assert said.endswith(foot)
        yield re.sub(MARK, "", said.removesuffix(foot))


def tags(reader: PdfReader) -> Iterator[DictionaryObject]:
    """What a reader aloud goes through, in its order."""
    waiting = [reader.trailer["/Root"]["/StructTreeRoot"]]
    while waiting:
        one = waiting.pop().get_object()
        if isinstance(one, DictionaryObject):
            yield one
            one = one.get("/K", ArrayObject()).get_object()
        waiting.extend(
            reversed(one if isinstance(one, ArrayObject) else [one] if isinstance(one, DictionaryObject) else [])
        )


def painted(sheet: PageObject) -> tuple[float, float, float, float]:
    """Where the blue of `drawing` lies: west, south, east, north, points."""
    colour: list[float] = []
    corners: dict[tuple[float, ...], list[tuple[float, float]]] = {}

    def follow(operator: bytes, operands: Any, matrix: list[float], *_: object) -> None:
        nonlocal colour
        if operator == b"scn":
            colour = [round(float(one), 2) for one in operands]
        if operator in (b"m", b"l"):
            (x, y), (a, b, c, d, e, f) = map(float, operands), matrix
            corners.setdefault(tuple(colour), []).append((a * x + c * y + e, b * x + d * y + f))

    sheet.extract_text(visitor_operand_before=follow)
    xs, ys = zip(*corners.get((0.0, 0.45, 0.7), [(0.0, 0.0)]), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


@pytest.mark.parametrize("language", languages())
def test_it_says_what_the_report_says_in_its_language(language: str) -> None:
    words, reader = Words(language), read(replace(REPORT, tables=(replace(AREAS, paper=True),)), language)
    said = close(words_of(reader))
    plain = {
        "es": ("Cambioenelbosque:MadredeDios<&>", "Enpocaspalabras", "entre1y2", "Loquenosesabe", "Tablas", "21,158")
    }
    plain["en"] = ("Forestchange:MadredeDios<&>", "Inshort", "entre1y2", "Whatisnotknown", "Tables", "21,158")
    assert all(one in said for one in plain[language])
    assert reader.trailer["/Root"]["/Lang"] == language
    assert reader.metadata and reader.metadata.title == {
        "es": "SIMULADO. Cambio en el bosque: Madre de Dios <&>", "en": "SIMULATED. Forest change: Madre de Dios <&>",
    }[language]  # fmt: skip
    assert close(words.say(_("Where"))) in said, "the note of the table"


def test_a_reader_aloud_finds_headings_tables_and_drawings_in_words() -> None:
    reader = read(replace(REPORT, charts=(drawing(),), tables=(table(2), table(2, cards=True))))
    found = [(str(one.get("/S", "")), str(one.get("/Alt", ""))) for one in tags(reader)]
    kinds = [kind for kind, _alt in found]
    assert kinds.count("/TH") == 4 and kinds.count("/TD") == 8 and kinds.count("/LI") == 1
    assert [kind for kind in kinds if re.fullmatch(r"/H\d", kind)] == ["/H1", "/H1", "/H1", "/H2", "/H2"]
    assert [alt for kind, alt in found if kind == "/Figure"] == ["Dónde alto"]
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]


def test_the_same_report_is_the_same_bytes_and_lies_beside_the_page() -> None:
    printed = replace(REPORT, paper=True, tables=(table(3),))
    one, other = files(printed, ("es", "en")), files(printed, ("es", "en"))
    assert one == other and one["report.es.pdf"] != one["report.en.pdf"] and one["report.es.pdf"].startswith(b"%PDF")
    assert (
        'href="report.es.pdf"' in one["report.es.html"].decode()
        and "PDF para imprimir" in one["report.es.html"].decode()
    )
    assert not [name for name in files(REPORT, ("es",)) if name.endswith(".pdf")]
    assert ".pdf" not in page(REPORT, Words("es"), ("es",))


def test_neither_the_clock_nor_the_fonts_of_the_machine_are_in_it() -> None:
    reader = read(REPORT)
    assert reader.metadata and set(reader.metadata) == {"/Title", "/Creator"}
    used = [str(one.get_object()["/BaseFont"]) for one in reader.pages[0]["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert len(used) > 1 and all(re.fullmatch(r"/[A-Z]{6}\+DejaVuSans(-Bold)?(-Identity-H)?", one) for one in used)
    assert {Path(str(one.path)).parents[2] for one in fonts().fonts()} == {Path(matplotlib.get_data_path())}


def test_no_word_is_too_long_for_its_place() -> None:
    room = {
        "sheet": 68,
        "column": 26,
        "eighth": 7,
    }  # letters W of 7.5 points on 178 mm, of 8 points on 64 mm and on 22 mm
    long = Table("t", _("Size"), (Column("W" * 90), Column("b")), (("W" * 300, "a_" * 90),), paper=True)
    heads = Table("t", _("Size"), tuple(Column("W" * 28) for _ in range(8)), (("a",) * 8,), paper=True)
    cells = Table("t", _("Size"), tuple(Column("a") for _ in range(8)), (("W" * 28,) * 8,), paper=True)
    for made, most in (
        (replace(REPORT, place="W" * 300, plain=lambda _: ("W" * 300,)), room["sheet"]),
        (replace(REPORT, tables=(long,)), room["column"]),
        (replace(REPORT, tables=(heads,)), room["eighth"]),
        (replace(REPORT, tables=(cells,)), room["eighth"]),
        (replace(REPORT, tables=(replace(long, cards=True),)), room["sheet"]),
    ):
        runs = [len(one) for one in re.findall("W+", words_of(read(made)).replace("\u200b", ""))]
        assert most / 3 < max(runs) <= most


def test_only_tables_for_paper_are_printed() -> None:
    told = close(words_of(read(replace(REPORT, tables=(AREAS, replace(table(1), name="mine"))))))
    assert "mine.csv" in told and "area_estimates.csv" not in told and "21,158" not in told
    none = close(words_of(read(replace(REPORT, tables=(AREAS,)))))
    assert "Tablas" not in none and "report.xlsx" in none


def test_what_is_strange_stands_as_it_was_written() -> None:
    strange = tuple(Column(f"c{place}") for place in range(len(STRANGE)))
    rows = Table("rows", _("Size"), strange, (STRANGE, STRANGE[::-1]), lambda _: STRANGE, paper=True)
    cards = replace(rows, name="cards", cards=True)
    reader = read(
        replace(REPORT, place=STRANGE[0], plain=lambda _: STRANGE, unknown=lambda _: STRANGE, tables=(rows, cards))
    )
    said = close(words_of(reader))
    for one in STRANGE:
        assert said.count(close(one)) >= 2 + 2 * 3, one


@settings(max_examples=25, deadline=None)
@example("\x00\x07\u180e\ufeff\ufffe\ufdd0\u202e")
@example("-" * 90 + "_" * 90)
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_any_text_makes_a_report_in_which_it_is(text: str) -> None:
    rows = Table("rows", _("Size"), (Column("a"), Column("b")), ((text, 1.0),), lambda _: (text,), paper=True)
    lines = (text, "end of it")
    made = read(replace(REPORT, place=text, plain=lambda _: lines, tables=(rows, replace(rows, cards=True))))
    assert "endofit" in close(words_of(made))
    plain = close("".join(one for one in text if one.isascii()))
    assert not plain or text.isascii() <= (plain in close(words_of(made)))


def test_simulated_is_said_on_every_sheet() -> None:
    wide = replace(table(3, 12), name="wide")
    invented = replace(REPORT, tables=(table(SHOWN), wide), charts=(drawing(),) * 3)
    for language, mark in (("es", "SIMULADO"), ("en", "SIMULATED")):
        sheets = read(invented, language).pages
        assert len(sheets) > 2 and all(mark in sheet.extract_text() for sheet in sheets)
        assert not [s for s in read(replace(invented, simulated=False), language).pages if mark in s.extract_text()]
    told = close(words_of(read(invented)))
    assert (
        "Ningunacifradeaquísirveparaunlugarreal" in told
        and told.count("SIMULADO") == len(read(invented).pages) + 2 + 3 + 2
    )


def test_a_long_table_is_cut_and_says_so() -> None:
    reader = read(replace(REPORT, tables=(table(3_000),)))
    told = words_of(reader)
    assert f"fila {SHOWN - 1}" in told and f"fila {SHOWN}\n" not in told and "60 de 3000 filas" in told
    assert len(reader.pages) < 5 and "60 de" not in words_of(read(replace(REPORT, tables=(table(SHOWN),))))
    assert told.count("Dónde") > 4, "its heading stands on each sheet again"


def test_a_wide_table_lies_across() -> None:
    reader = read(replace(REPORT, tables=(replace(table(3, 12), name="wide"), table(3))))
    sides = [sheet.mediabox.width > sheet.mediabox.height for sheet in reader.pages]
    assert sides == [False, True] and "wide.csv" in reader.pages[1].extract_text()
    assert words_of(reader).count("Tablas") == 1
    lone = read(replace(REPORT, tables=(table(3, 12),)))
    assert "Tablas" in lone.pages[1].extract_text() and "Tablas" not in lone.pages[0].extract_text()


def test_a_usual_report_is_two_sheets_of_a4() -> None:
    usual = replace(
        REPORT, plain=lambda _: (SENTENCE,) * 10, unknown=lambda _: (SENTENCE,) * 5, charts=(drawing(),) * 2, tables=(table(8),)
    )  # fmt: skip
    reader = read(usual)
    assert len(reader.pages) == 2 and words_of(reader).count("hectáreas") == 15
    assert all((round(float(s.mediabox.width)), round(float(s.mediabox.height))) == (595, 842) for s in reader.pages)
    assert "1 / 2" in reader.pages[0].extract_text() and "2 / 2" in reader.pages[1].extract_text()


@pytest.mark.parametrize(("across", "high"), [(360, 270), (360, 4_000), (900, 200), (400, 8)])
def test_drawings_are_whole(across: int, high: int) -> None:
    """Their own colour, where it lies on the sheet: within the margins, in its own shape."""
    sheets = read(replace(REPORT, charts=(drawing(across, high),))).pages
    west, south, east, north = next(box for sheet in sheets if (box := painted(sheet))[2] > 0)
    assert (east - west) / (north - south) == pytest.approx(across / high, rel=0.02)
    assert 40 < west < east < 595 - 40 and 40 < south < north < 842 - 40


@pytest.mark.parametrize(("name", "language"), [*zip(WHOLE, cycle(languages()))])
def test_full_reports_are_printed_whole(name: str, language: str, tmp_path: Path) -> None:
    made, words = WHOLE[name](tmp_path), Words(language)
    reader = read(replace(made, tables=tuple(replace(one, paper=True) for one in made.tables)), language)
    told = "".join(between(reader))
    for said in (*made.plain(words), *made.unknown(words), *(words.say(one.title) for one in made.charts)):
        assert close(said) in told, said
    assert [one["/Alt"] for one in tags(reader) if "/Alt" in one] == [" ".join(one.alt(words)) for one in made.charts]
