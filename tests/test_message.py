"""What alerts say, in every language: complete, short enough, and harmless whatever names there are."""

import ast
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from noticesetup import NOON, PLACE, RESERVE, notice

from detection.codes import CHANGE_TYPES, DRIVERS
from detection.errors import BadInput
from jobs.notify import compose
from jobs.notify.asked import Folder, Mail, NotifyConfig, Reader
from jobs.notify.channels.gateway import plain, septets
from jobs.notify.feeds.places import coarse
from jobs.notify.message import DIRECTIONS, FROM, SAID, STATUS, TYPES, distance, headline, lines, text
from jobs.notify.message import DRIVERS as WORDS_OF_DRIVERS
from jobs.notify.notice import Nearby
from jobs.notify.policy import Rule
from jobs.notify.short import KINDS, LIMIT, WAYS, WHO, short
from jobs.overlays import NAMED, Overlay
from jobs.words import Words, catalogue, languages

FOLDER = Path(__file__).parents[1] / "jobs"
LANGUAGES = languages()
HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a\r\nBcc: x@example.org", "{0.__class__}", "{name}", "%s %n",
    "\x00\x07", "\u202egnp.exe", "]]>", "&lt;b&gt;", "ñandú 🌳", "x" * 5_000, "=?utf-8?q?a?=", "'; DROP TABLE alert;--",
]  # fmt: skip
LONG = "Reserva Comunal de los Pueblos Ancestrales del Alto Río y sus Afluentes " * 4


def marked() -> set[str]:
    """Every text of the packages that is said to people: what `_` marks, inside f-strings too."""
    calls = (node for file in FOLDER.rglob("*.py") for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    mine = (one for one in calls if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "_")
    return {argument.value for one in mine for argument in one.args if isinstance(argument, ast.Constant)}


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_every_text_is_in_every_catalogue_and_keeps_its_places(language: str) -> None:
    texts = marked()
    assert len(texts) > 60
    plural = {message.id[0]: message for message in catalogue(language) if isinstance(message.id, tuple)}
    for said in texts:
        message = catalogue(language).get(said) or plural.get(said)
        if message is None:
            assert any(said == message.id[1] for message in plural.values()), f"{language}: {said!r} is not there"
            continue
        forms = message.string if isinstance(message.string, tuple | list) else [message.string]
        assert all(forms), f"{language}: {said!r} has no words"
        for form in forms:
            assert set(re.findall(r"\{\w+\}", form)) == set(re.findall(r"\{\w+\}", said)), form
    known = {
        message.id if isinstance(message.id, str) else message.id[0] for message in catalogue(language) if message.id
    }
    assert known <= texts, "nothing is left over"


def test_every_code_has_words() -> None:
    assert set(TYPES) == set(KINDS) == set(CHANGE_TYPES)
    assert set(WORDS_OF_DRIVERS) == set(WHO) == set(DRIVERS)
    assert len(DIRECTIONS) == 8 and set(WAYS) == set(DIRECTIONS)


def test_a_language_without_catalogue_is_refused() -> None:
    with pytest.raises(BadInput, match="language 'qu': there is no catalogue; choose en, es"):
        Words("qu")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", list(STATUS))
def test_the_status_and_what_it_means_come_first(language: str, status: str) -> None:
    words, made = Words(language), notice(status=status, simulated=False)
    first = lines(made, words)[0].said
    assert first.startswith(words.say(STATUS[status][0])) and words.say(STATUS[status][1]) in first
    assert headline(made, words).startswith(words.say(STATUS[status][0]))
    assert made.alert.short_code in headline(made, words)


def test_what_is_simulated_says_so_everywhere() -> None:
    for language, said in (("es", "SIMULADO"), ("en", "SIMULATED")):
        words = Words(language)
        for made in (headline(notice(), words), text(notice(), words), short(notice(), words)):
            assert made.startswith(said)
        assert said not in text(notice(simulated=False, model="real@1"), words)


def test_the_letter_of_an_alert_by_hand() -> None:
    made = notice(
        simulated=False, change_date=date(2024, 5, 20), last_clear_before=date(2024, 5, 8), last_detected=date(2024, 6, 1),
        area_ha=3.24, confirmed_ha=2.0,
    )  # fmt: skip
    assert text(made, Words("es")).splitlines() == [
        "CONFIRMADA. Vista de nuevo en imágenes posteriores.",
        "Qué: Bosque talado (quizá minería). Es una primera opinión: el modelo aprendió solo de imágenes simuladas.",
        "Certeza: de diez alertas así, unas 9 son pérdida de bosque (93 %)",
        "Tamaño: 3.2 ha mapeadas, de ellas 2.0 ha confirmadas",
        "Dónde: -12.98214, -69.47730 (UTM 19S 448212 8564780)",
        "todo dentro de Reserva Nacional Tambopata (RN)",
        "0.6 ha (55 %) dentro de Aprovechamiento Directo (AD)",
        "a 850 m de Comunidad Nativa Infierno",
        "a 48 km al suroeste de Puerto Maldonado",
        (
            "Cuándo: entre el 8 may 2024 (aún había bosque) y el 20 may 2024; última imagen con cambio 1 jun 2024 de Landsat,"
            " Sentinel-1"
        ),
        "No se vio: antes de eso el lugar estuvo 11 días sin verse",
        "Código: 40SSKF-0, revisión 1, 3 jun 2024, 12:00",
    ]
    assert headline(made, Words("en")) == (
        "CONFIRMED: Forest cleared (perhaps mining), 3.2 ha, Reserva Nacional Tambopata [40SSKF-0]"
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", list(STATUS))
@pytest.mark.parametrize("kind", list(CHANGE_TYPES))
@pytest.mark.parametrize("driver", [*DRIVERS, None])
def test_a_short_text_is_one_message_with_the_longest_values(
    language: str, status: str, kind: str, driver: str | None
) -> None:
    name = replace(RESERVE, name=LONG)
    place = replace(PLACE, overlaps=(name,), lat=-18.12345, lon=-179.12345)
    changes = {"status": status, "change_type": kind, "driver": driver, "area_ha": 9_999_999.9, "revision": 99_999}
    made = short(notice(place=place, kind="update", **changes), Words(language))
    taken = septets(made)
    assert taken is not None and taken <= LIMIT
    assert made == plain(made) and made.isascii()
    assert "-18.12345,-179.12345" in made and "40SSKF-0" in made, "never without code and place"


@settings(max_examples=100, deadline=None)
@given(name=st.text(max_size=300), area=st.floats(0.01, 1e6), language=st.sampled_from(LANGUAGES))
def test_a_short_text_is_one_message_whatever_the_name(name: str, area: float, language: str) -> None:
    place = replace(PLACE, overlaps=(replace(RESERVE, name=name),))
    made = short(notice(place=place, area_ha=area), Words(language))
    taken = septets(made)
    assert taken is not None and taken <= LIMIT and "\n" not in made
    assert made.endswith(("01/06", "-69.47730"))


CONFIG = NotifyConfig(
    name="note", job=Path("job.yaml"), since=date(2024, 1, 1), readers=(Reader(name="jefatura", channel=Folder()),),
    rules=(Rule(name="all", to=("jefatura",)),),
)  # fmt: skip


class Page(HTMLParser):
    """What a page holds: tags, addresses, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.said, self.addresses = set(), "", []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.mark.parametrize(
    ("kind", "name", "spanish", "english"),
    [
        ("settlement", "Río Seco", "a 3.0 km al suroeste de Río Seco", "3.0 km southwest of Río Seco"),
        ("river", "Malinowski", "a 3.0 km al suroeste del río Malinowski", "3.0 km southwest of the river Malinowski"),
        ("river", "RÍO  INAMBARI", "a 3.0 km al suroeste del río INAMBARI", "3.0 km southwest of the river INAMBARI"),
        ("river", "Quebrada Yanayacu", "a 3.0 km al suroeste de Quebrada Yanayacu", "3.0 km southwest of Quebrada Yanayacu"),
        ("river", "Rio", "a 3.0 km al suroeste de Rio", "3.0 km southwest of Rio"),
        ("road", "PE-30C", "a 3.0 km al suroeste de la carretera PE-30C", "3.0 km southwest of the road PE-30C"),
        ("road", "Carretera Interoceánica", "a 3.0 km al suroeste de la carretera Interoceánica",
         "3.0 km southwest of the road Interoceánica"),
        ("road", "Trocha Unión", "a 3.0 km al suroeste de Trocha Unión", "3.0 km southwest of Trocha Unión"),
    ],
)  # fmt: skip
def test_a_named_place_is_called_what_it_is(kind: str, name: str, spanish: str, english: str) -> None:
    place = replace(PLACE, overlaps=(), nearby=(Nearby(name, 3_000.0, "SW", kind),))
    for language, said in (("es", spanish), ("en", english)):
        words, made = Words(language), notice(place=place, simulated=False, model="real@1")
        assert said in text(made, words).splitlines() and f", {said} [" in headline(made, words)
        told = short(made, words)
        brief = said.replace("suroeste", "SO").replace("southwest", "SW")
        assert f" {plain(brief)} -12.98214,-69.47730" in told and (septets(told) or 999) <= LIMIT


def test_every_kind_of_named_place_has_words() -> None:
    assert set(FROM) == set(NAMED) and set(SAID) < set(NAMED)


@settings(max_examples=60, deadline=None)
@given(name=st.text(max_size=200), kind=st.sampled_from(NAMED), metres=st.floats(0, 50_000), area=st.floats(0.01, 1e6),
       way=st.sampled_from(list(DIRECTIONS)), language=st.sampled_from(LANGUAGES))  # fmt: skip
def test_a_short_text_cuts_names_and_never_distance_or_direction(
    name: str, kind: str, metres: float, area: float, way: str, language: str
) -> None:
    place = replace(PLACE, overlaps=(), nearby=(Nearby(name, metres, way, kind),))  # type: ignore[arg-type]
    words = Words(language)
    made = short(notice(place=place, area_ha=area), words)
    assert (septets(made) or 999) <= LIMIT and "\n" not in made and made.endswith("01/06")
    said = plain(f"{distance(metres, words)} ")
    if said in made:
        letters = words.say(WAYS[way])
        assert re.search(rf"{re.escape(said)}(al )?{letters} ", made)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_places_stay_text(name: str) -> None:
    place = replace(PLACE, overlaps=(replace(RESERVE, name=name, category=name),))
    letter = compose.letter_of(CONFIG, CONFIG.readers[0], [notice(place=place)], 0, NOON)
    read = message_from_bytes(letter.as_bytes(), policy=policy.default)
    assert read["Bcc"] is None and len(read.get_all("To")) == 1
    page = Page(read.get_body(("html",)).get_content())
    assert page.tags == {"html", "head", "meta", "title", "body", "div", "h1", "p", "strong"}
    assert page.addresses == []
    assert len(letter.as_bytes()) < 100_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_letter_says_the_same_as_page_and_as_text_and_carries_files(language: str) -> None:
    reader = replace(CONFIG.readers[0], language=language, channel=Mail(to="jefe@example.org"))
    letter = compose.letter_of(replace(CONFIG, mail=None, readers=(CONFIG.readers[0],)), reader, [notice()], 0, NOON)
    read = message_from_bytes(letter.as_bytes(), policy=policy.default)
    page, bare = Page(read.get_body(("html",)).get_content()), read.get_body(("plain",)).get_content()
    for line in lines(notice(), Words(language)):
        assert line.said in page.said and line.said in bare
    assert [part.get_filename().rpartition(".")[2] for part in read.iter_attachments()] == ["gpx", "kmz"]
    assert (read["To"], read["References"]) == ("jefe@example.org", f"<{'a' * 8}@example.org>")
    again = compose.letter_of(CONFIG, reader, [notice()], 0, NOON)
    assert again.as_bytes() == letter.as_bytes(), "the same over all attempts"


def test_several_together_say_how_many_and_how_many_more() -> None:
    made = [notice("a1"), notice("a2", status="provisional")]
    letter = compose.letter_of(replace(CONFIG, title="Tambopata"), CONFIG.readers[0], made, 12, NOON)
    read = message_from_bytes(letter.as_bytes(), policy=policy.default)
    assert read["Subject"] == "SIMULADO - 2 alertas, Tambopata"
    said = read.get_body(("plain",)).get_content()
    assert "12 alertas más no se enviaron" in said and said.count("Código:") == 2


def test_the_public_is_told_no_place_and_partners_no_hidden_layer() -> None:
    made, overlay = [notice(simulated=False)], Overlay(
        name="zoning", kind="zone", path=Path("zones.gpkg"), source="x", version="1", restricted=True
    )  # fmt: skip
    config, reader = replace(CONFIG, overlays=(overlay,)), CONFIG.readers[0]
    everybody = replace(reader, access="public")
    (public,) = compose.seen_by(config, everybody, made, b"a secret of sixteen bytes")
    assert "en algún lugar a menos de 5 km de -12.97, -69.47" in text(public, Words("es"))
    assert short(public, Words("es")).count("~-12.97,-69.47") == 1
    assert public.place == coarse(PLACE) and public.alert.id != made[0].alert.id and not len(public.alert.cells)
    letter = compose.letter_of(config, everybody, [public], 0, NOON).as_string()
    data = str(compose.data_of(public, Words("es")))
    for secret in ("-69.477", "-12.982", "Tambopata", "448212", "40SSKF", made[0].alert.id):
        assert secret not in letter and secret not in data
    with pytest.raises(BadInput, match="seal"):
        compose.seen_by(config, everybody, made)
    (partner,) = compose.seen_by(config, replace(reader, access="partners"), made)
    assert "zoning" not in {one.layer for one in partner.place.overlaps} and partner.place.overlaps
    assert compose.seen_by(config, reader, made) == made


def test_what_a_webhook_says_is_the_record() -> None:
    data = compose.data_of(notice(), Words("es"))
    assert (data["id"], data["revision"], data["status"], data["change_date"]) == (
        "a" * 8,
        1,
        "confirmed",
        "2024-06-01",
    )
    assert data["overlays"][0]["area_ha"] == 1.08 and data["location"]["lat"] == PLACE.lat
    assert data["simulated"] is True


@pytest.mark.parametrize(
    "changes",
    [{}, {"status": "retracted", "driver": None, "probability": None, "model": None}, {"change_type": "unclassified"},
     {"last_clear_before": None, "confirmed_on": None, "confidence": "low", "status": "provisional"}],
)  # fmt: skip
def test_what_a_webhook_says_keeps_to_the_published_schema(changes: dict[str, Any]) -> None:
    schema = json.loads((FOLDER.parent / "docs" / "alert.schema.json").read_text(encoding="utf-8"))
    assert schema["$id"] == compose.SCHEMA
    made = notice("7b0e2f6a-0000-5000-8000-000000000001", **changes)
    data = json.loads(json.dumps(compose.data_of(made, Words("es"))))
    check = Draft202012Validator(schema, format_checker=FormatChecker())
    assert list(check.iter_errors(data)) == []
    (public,) = compose.seen_by(
        CONFIG, replace(CONFIG.readers[0], access="public"), [made], b"a secret of sixteen bytes"
    )
    assert list(check.iter_errors(json.loads(json.dumps(compose.data_of(public, Words("es")))))) == []
    assert list(check.iter_errors(data | {"status": "gone"})) and list(check.iter_errors(data | {"more": 1}))
    assert set(schema["properties"]["change_type"]["enum"]) == set(CHANGE_TYPES)
    assert set(schema["properties"]["driver"]["enum"]) == {*DRIVERS, None}
    assert set(schema["properties"]["status"]["enum"]) == set(STATUS)


def test_hours_are_those_of_the_reader() -> None:
    assert Words("es", "America/Lima").moment(datetime(2024, 6, 3, 3, tzinfo=UTC)) == "2 jun 2024, 22:00"


def test_a_config_that_cannot_work_is_refused_in_one_line() -> None:
    reader = CONFIG.readers[0]
    for changes, said in (
        ({"readers": (reader, reader)}, "jefatura is named twice"),
        ({"rules": (Rule(name="all", to=("jefatura", "nadie")),)}, "nadie is no reader"),
        ({"readers": (reader, replace(reader, name="otro"))}, "no rule names otro"),
        (
            {"rules": (Rule(name="all", to=("jefatura",), inside=("protected-areas:RN03",)),)},
            "protected-areas is no layer",
        ),
        ({"readers": (replace(reader, channel=Mail(to="a@example.org")),)}, "no server is named"),
        ({"readers": (replace(reader, access="public"),)}, "no secret seals the ids"),
    ):
        with pytest.raises(ValueError, match=said) as refused:
            replace(CONFIG, **changes)
        assert "\n" not in str(refused.value)
