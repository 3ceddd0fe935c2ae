"""Text messages: what GSM-7 can say, what stands for what it cannot, and what a gateway receives; secrets by reference."""

import json
import os
import sys
import unicodedata
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from test_channels_webhook import AMPLE_S, OK, receiver

from detection.errors import BadInput
from jobs.notify.channels.gateway import Gateway, check_number, plain, send, septets
from jobs.notify.channels.secrets import secret

TO, ID = "+51984123456", "3f0c1f0e-6d0f-5a4e-9a51-0d3a1f8f6f11/2"
PUBLISHED = (
    "COMMERCIAL AT|POUND SIGN|DOLLAR SIGN|YEN SIGN|LATIN SMALL LETTER E WITH GRAVE|LATIN SMALL LETTER E WITH ACUTE|"
    "LATIN SMALL LETTER U WITH GRAVE|LATIN SMALL LETTER I WITH GRAVE|LATIN SMALL LETTER O WITH GRAVE|"
    "LATIN CAPITAL LETTER C WITH CEDILLA|LATIN CAPITAL LETTER O WITH STROKE|LATIN SMALL LETTER O WITH STROKE|"
    "LATIN CAPITAL LETTER A WITH RING ABOVE|LATIN SMALL LETTER A WITH RING ABOVE|GREEK CAPITAL LETTER DELTA|LOW LINE|"
    "GREEK CAPITAL LETTER PHI|GREEK CAPITAL LETTER GAMMA|GREEK CAPITAL LETTER LAMDA|GREEK CAPITAL LETTER OMEGA|"
    "GREEK CAPITAL LETTER PI|GREEK CAPITAL LETTER PSI|GREEK CAPITAL LETTER SIGMA|GREEK CAPITAL LETTER THETA|"
    "GREEK CAPITAL LETTER XI|LATIN CAPITAL LETTER AE|LATIN SMALL LETTER AE|LATIN SMALL LETTER SHARP S|"
    "LATIN CAPITAL LETTER E WITH ACUTE|CURRENCY SIGN|INVERTED EXCLAMATION MARK|LATIN CAPITAL LETTER A WITH DIAERESIS|"
    "LATIN CAPITAL LETTER O WITH DIAERESIS|LATIN CAPITAL LETTER N WITH TILDE|LATIN CAPITAL LETTER U WITH DIAERESIS|"
    "SECTION SIGN|INVERTED QUESTION MARK|LATIN SMALL LETTER A WITH DIAERESIS|LATIN SMALL LETTER O WITH DIAERESIS|"
    "LATIN SMALL LETTER N WITH TILDE|LATIN SMALL LETTER U WITH DIAERESIS|LATIN SMALL LETTER A WITH GRAVE"
)
"""Beside plain ASCII, by name, in Unicode's table of the GSM 03.38 alphabet (GSM0338.TXT; capital Ç, as the standard has it)."""
SHIFTED = (
    "CIRCUMFLEX ACCENT|LEFT CURLY BRACKET|RIGHT CURLY BRACKET|REVERSE SOLIDUS|LEFT SQUARE BRACKET|TILDE|"
    "RIGHT SQUARE BRACKET|VERTICAL LINE|EURO SIGN"
)
EVERY = "".join(map(chr, (*range(0x20000), *range(0xE0000, 0xE0200), 0x2F800, sys.maxunicode)))
"""All of the two planes that hold alphabets and signs, the tags, and one ideograph and the last of the rest."""
ASCII = set(map(chr, range(0x20, 0x7F))) - set("$@[\\]^_`{|}~")


def test_the_alphabet_is_the_published_one():
    one = ASCII | {unicodedata.lookup(name) for name in PUBLISHED.split("|")} | {"\n", "\r"}
    two = {unicodedata.lookup(name) for name in SHIFTED.split("|")} | {"\f"}
    assert (len(one), len(two)) == (127, 10)
    found = {1: set(), 2: set(), None: set()}
    for character in EVERY:
        found[septets(character)].add(character)
    assert found[1] == one and found[2] == two


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("", 0),
        ("hola", 4),
        ("a" * 160, 160),
        ("€", 2),
        ("[ok] {x}", 12),
        ("ñandú", None),
        ("ñ é ü à", 7),
        ("mineri\u0301a", None),
        ("\x1b", None),
        ("😀", None),
        ("`", None),
        ("ç", None),
    ],
)
def test_septets(text, taken):
    assert septets(text) == taken


def test_the_message_of_the_field_fits():
    text = (
        "ALERTA K7Q4-M2 PROVISIONAL mineria? 3.2ha RN Tambopata (ZA). -12.98214,-69.47730. "
        "S1 18nov, no visto por optico. Resp: K7Q4 1=visto 2=patrulla 3=falso"
    )
    assert septets(text) == len(text) == 150 and plain(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Minería en el río Malinowski, Ñ ñ", "Mineria en el rio Malinowski, N n"),
        ("á é í ó ú ü Á É Í Ó Ú Ü à è ç", "a e i o u u A E I O U U a e c"),
        ("mineri\u0301a", "mineria"),
        ("“Tambopata” ‘ZA’ «x» `y´", "\"Tambopata\" 'ZA' \"x\" 'y'"),
        ("5–10 — 3‑4 −12.9…", "5-10 - 3-4 -12.9..."),
        ("3,2\u00a0ha\u202f12\u2009m\u3000x", "3,2 ha 12 m x"),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("Nº 5, 1ª, ½ km², 12°58′", 'No 5, 1a, 1/2 km2, 12 58\''),
        ("a\tb\r\nc\rd\u2028e", "a b\nc\nd\ne"),
        ("Ærø straße Łódź đ œ", "Ærø straße Lodz d oe"),
        ("¿Qué? ¡Sí! 5 € [x]", "¿Que? ¡Si! 5 € [x]"),
        ("ab😀c 森 \x00\x1b \ud800", "ab?c ? ?? ?"),
        ("ﬁ ™ Ⅳ １２", "fi TM IV 12"),
        ("한", "?"),
        ("", ""),
    ],
)  # fmt: skip
def test_plain(text, expected):
    assert plain(text) == expected


def test_every_character_there_is_becomes_plain_and_stays_so():
    found = plain(EVERY)
    assert septets(found) is not None and plain(found) == found


@given(st.text(max_size=300))
@settings(deadline=None, max_examples=50)
def test_plain_text_always_encodes_and_stays_as_it_is(text):
    found = plain(text)
    assert septets(found) is not None and plain(found) == found
    bare = [c for c in unicodedata.normalize("NFD", found) if unicodedata.combining(c)]
    assert bare == [] and plain(f"{text} {text}") == f"{found} {found}"


@pytest.mark.parametrize("number", ["+51984123456", "+8816123456789", "+1234567", "+123456789012345"])
def test_numbers(number):
    assert check_number(number) == number


@pytest.mark.parametrize(
    "number",
    [
        *("", "987000111", "0051984123456", "+051984123456", "+51 984 123 456", "+51-984123456", "+1234567890123456"),
        *(
            "+51984123456\n",
            "+51984123456,+51984123457",
            "+5１９８４１２３４５６",
            "+51984x23456",
            "tel:+51984123456",
            "+123456",
        ),
    ],
)
def test_other_numbers_are_refused_and_not_repeated(number):
    with pytest.raises(BadInput, match="country code") as caught:
        check_number(number)
    assert "\n" not in str(caught.value) and (len(number) < 5 or number not in str(caught.value))


# --- over the wire


def gateway(server, **changed):
    return Gateway(**({"url": server.url, "fields": {"to": "{to}", "message": "{text}", "ref": "{id}"}} | changed))


def sent(server, *, to=TO, text="ALERTA K7Q4-M2", **changed):
    return send(gateway(server, **changed), to, text, ID, AMPLE_S, allow=server.allow)


def test_json():
    with receiver() as server:
        outcome = sent(server, text="ALERTA {to} [x] €\n¿visto?")
    [(first, headers, body)] = server.requests
    assert outcome.state == "sent" and first == "POST /hook HTTP/1.1" and headers["content-type"] == "application/json"
    assert json.loads(body) == {"to": TO, "message": "ALERTA {to} [x] €\n¿visto?", "ref": ID}
    assert "authorization" not in headers


def test_form_with_a_header_of_its_own(monkeypatch):
    monkeypatch.setenv("GATEWAY_AUTH", "X-Api-Key: k-1 234")
    fields = {"To": "tel {to}", "Body": "[{id}] {text}", "From": "Sachawatch"}
    with receiver() as server:
        outcome = sent(server, encoding="form", fields=fields, auth_header="env:GATEWAY_AUTH", text="a&b=c+d €")
    [(_, headers, body)] = server.requests
    assert outcome.state == "sent" and headers["content-type"] == "application/x-www-form-urlencoded"
    assert headers["x-api-key"] == "k-1 234"
    assert parse_qs(body.decode(), strict_parsing=True) == {
        "To": [f"tel {TO}"],
        "Body": [f"[{ID}] a&b=c+d €"],
        "From": ["Sachawatch"],
    }


@pytest.mark.parametrize(
    ("text", "to", "word"),
    [
        ("a" * 161, TO, "takes 161 septets"),
        ("€" * 80 + "a", TO, "takes 161 septets"),
        ("ALERTA minería", TO, "outside GSM-7"),
        ("", TO, "is empty"),
        ("ALERTA", "984123456", "country code"),
    ],
)
def test_what_no_message_can_carry_is_never_sent(text, to, word):
    with receiver() as server:
        outcome = sent(server, text=text, to=to)
    assert outcome.state == "never" and word in outcome.why and server.connections == 0


def test_exactly_160_septets_are_sent():
    with receiver() as server:
        assert [sent(server, text=text).state for text in ("a" * 160, "€" * 80)] == ["sent"] * 2


@pytest.mark.parametrize(
    ("status", "state"), [(202, "sent"), (400, "never"), (410, "gone"), (429, "again"), (503, "again")]
)
def test_answers_of_a_gateway(status, state):
    with receiver(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nRetry-After: 9\r\n\r\n".encode()) as server:
        outcome = sent(server)
    assert (outcome.state, outcome.code, outcome.after_s) == (state, status, 9 if state == "again" else None)


def test_a_gateway_inside_our_network_must_be_allowed():
    with receiver() as server:
        assert send(gateway(server), TO, "ALERTA", ID, AMPLE_S).state == "never"
    assert server.connections == 0


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"to": "{to}", "text": "{text} {name}"}, "{name} is not known"),
        ({"to": "{to}", "text": "{text} {}"}, "{} is not known"),
        ({"to": "{to}"}, "no field holds {text}"),
        ({"text": "{text}"}, "no field holds {to}"),
        ({}, "no field holds {text}"),
    ],
)
def test_fields_that_cannot_be_filled_are_refused(fields, word):
    with pytest.raises(BadInput) as caught:
        Gateway(url="https://sms.example/", fields=fields)
    assert word in str(caught.value) and "\n" not in str(caught.value)


def test_a_gateway_is_a_section_of_a_config():
    adapter = TypeAdapter(Gateway)
    found = adapter.validate_python({"url": "https://sms.example/", "fields": {"a": "{to}", "b": "{text}"}})
    assert (found.method, found.encoding, found.auth_header) == ("POST", "json", None)
    with pytest.raises(ValueError, match="methd"):
        adapter.validate_python({"url": "https://sms.example/", "fields": {"a": "{to}{text}"}, "methd": "GET"})


# --- secrets


def written(folder, content, mode=0o600):
    path = folder / "secret.txt"
    path.write_bytes(content)
    path.chmod(mode)
    return f"file:{path}"


@pytest.mark.parametrize("content", [b"s3cret", b"s3cret\n", b"s3cret\r\n"])
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_secrets_are_read_without_their_line_break(tmp_path, content, mode):
    assert secret(written(tmp_path, content, mode)) == "s3cret"


def test_secrets_of_the_environment(monkeypatch):
    monkeypatch.setenv("SOME_KEY", "contraseña con blancos")
    assert secret("env:SOME_KEY") == "contraseña con blancos"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o606, 0o610, 0o777])
def test_files_that_others_may_use_are_refused(tmp_path, mode):
    with pytest.raises(BadInput, match="chmod 600") as caught:
        secret(written(tmp_path, b"s3cret", mode))
    assert f"{mode:04o}" in str(caught.value) and "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"CANARY\nCANARY", b"CANARY\0", b"CANARY" * 1000, b"CANARY\xff", b"CANARY\n\n"]
)
def test_files_of_other_than_one_line_are_refused(tmp_path, content):
    with pytest.raises(BadInput, match="one line of text") as caught:
        secret(written(tmp_path, content))
    assert "CANARY" not in str(caught.value) and caught.value.__suppress_context__ | (caught.value.__context__ is None)


def test_what_is_no_plain_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path, word in [
        (tmp_path / "absent", "cannot be read"),
        (tmp_path, "plain file"),
        (tmp_path / "pipe", "plain file"),
    ]:
        with pytest.raises(BadInput, match=word) as caught:
            secret(f"file:{path}")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "CANARY",
        "env:",
        "env:CANARY-1",
        "env:1CANARY",
        "file:",
        "file:CANARY",
        "vault:CANARY",
        "ENV:CANARY",
        "file:/CANARY\n/x",
    ],
)
def test_references_that_are_none_are_refused_and_not_repeated(reference):
    with pytest.raises(BadInput, match="env:NAME or file:/absolute/path") as caught:
        secret(reference)
    assert "CANARY" not in str(caught.value)


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    with pytest.raises(BadInput, match="secret env:NOT_SET_ANYWHERE: is not set; export NOT_SET_ANYWHERE"):
        secret("env:NOT_SET_ANYWHERE")


@pytest.mark.parametrize("value", ["Bearer CANARY", "Author ization: CANARY", "Authorization:", ": CANARY"])
def test_a_secret_that_is_no_header_is_refused_before_anything_is_sent(monkeypatch, value):
    monkeypatch.setenv("GATEWAY_AUTH", value)
    with receiver() as server, pytest.raises(BadInput, match="is not a header") as caught:
        sent(server, auth_header="env:GATEWAY_AUTH")
    assert "CANARY" not in str(caught.value) and server.connections == 0


def test_a_planted_secret_stands_nowhere_but_on_the_wire(monkeypatch, tmp_path, caplog):
    caplog.set_level("DEBUG")
    reference = written(tmp_path, b"Authorization: Bearer CANARY-5519")
    said = []
    for answer in (OK, b"", b"HTTP/1.1 401 No\r\n\r\n", b"HTTP/1.1 302 X\r\nbad\r\n: y\r\n\r\n"):
        with receiver(answer) as server:
            said += [repr(gateway(server, auth_header=reference)), repr(sent(server, auth_header=reference))]
            assert server.requests[0][1]["authorization"] == "Bearer CANARY-5519"
    monkeypatch.setenv("GATEWAY_AUTH", "Authorization: CANARY-5519 ñ")
    said.append(repr(sent(server, auth_header="env:GATEWAY_AUTH")))
    assert "cannot be sent" in said[-1] and "CANARY" not in "".join(said) + caplog.text
