"""Letters: delivered to a real SMTP server on 127.0.0.1 and parsed again; no text becomes a header; faults of every kind."""

import base64
import datetime as dt
import email
import email.policy
import re
import socket
import time
from contextlib import contextmanager
from email.header import decode_header, make_header

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from hypothesis import given, settings
from hypothesis import strategies as st
from test_channels_webhook import AMPLE_S, LIMIT_S, SLACK_S, authority, receiver  # noqa: F401 - a fixture

from detection.errors import BadInput
from jobs.notify.channels.letter import MAX_BYTES, one_line
from jobs.notify.channels.mail import Content, MailServer, Part, Route, Thread, letter, send

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
GPX = b'<?xml version="1.0"?>\r\n<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"/>\n'
ALERT = "3f0c1f0e-6d0f-5a4e-9a51-0d3a1f8f6f11"
SUBJECT = "Alerta K7Q4M2-X: minería en la Reserva Nacional Tambopata, zona de amortiguamiento, río Malinowski"
TEXT = "Se vio pérdida de bosque.\n.punto al inicio\n..dos\nFrom aquí\n" + "línea larga " * 100 + "\n"
HTML = '<html><body><p>Pérdida de bosque: ñ</p><img src="cid:antes.png" alt="antes"></body></html>\n'
AT = dt.datetime(2026, 11, 18, 12, 30, 5, tzinfo=dt.UTC)
CANARY = "CANARY-7710"


def content(**changed):
    facts = {
        "subject": SUBJECT,
        "text": TEXT,
        "html": HTML,
        "pictures": (Part("antes.png", "image/png", PNG),),
        "attachments": (Part("alerta.gpx", "application/gpx+xml", GPX),),
    }
    return Content(**(facts | changed))


def thread(**changed):
    return Thread(**({"alert": ALERT, "revision": 2, "domain": "alertas.example.org"} | changed))


def route(**changed):
    facts = {
        "sender": "alertas@example.org",
        "to": "puesto.malinowski@example.net",
        "at": AT,
        "sender_name": "Sachawatch (alertas), Perú",
        "unsubscribe_mail": "baja@example.org",
        "unsubscribe_url": "https://example.org/baja?t=abc&u=1",
    }
    return Route(**(facts | changed))


def lines(part):
    """Its text, line ends as Python writes them."""
    return part.get_content().replace("\r\n", "\n")


def parsed(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


# --- a server


class Post:
    """Keeps what it is given; refuses what a test says."""

    def __init__(self, rcpt="250 OK", data="250 OK", mail="250 OK"):
        self.rcpt, self.data, self.mail, self.taken, self.logins, self.senders = rcpt, data, mail, [], [], []

    async def handle_MAIL(self, server, session, envelope, address, options):
        self.senders.append(address)
        envelope.mail_from = address
        return self.mail

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server, session, envelope):
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content, session.ssl is not None))
        return self.data

    def login(self, server, session, envelope, mechanism, given):
        self.logins.append((given.login, given.password))
        return AuthResult(success=given.password == CANARY.encode(), handled=False)


@contextmanager
def post_office(post, **options):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(post, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield MailServer(host="127.0.0.1", port=port, tls="none")
    finally:
        controller.stop()


def delivered(message, post=None):
    post = post or Post()
    with post_office(post) as server:
        outcome = send(server, message, AMPLE_S)
    return outcome, post.taken


# --- a letter and its way


def test_a_letter_arrives_as_it_was_written():
    outcome, taken = delivered(letter(content(), thread(), route()))
    assert (outcome.state, outcome.code, outcome.after_s) == ("sent", 250, None)
    [(sender, readers, raw, _)] = taken
    assert sender == "alertas@example.org" and readers == ["puesto.malinowski@example.net"]
    found = parsed(raw)
    assert [part.get_content_type() for part in found.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/gpx+xml",
    ]
    _, _, text, _, page, picture, file = found.walk()
    assert lines(text) == TEXT and lines(page) == HTML
    assert picture.get_content() == PNG and picture["Content-ID"] == "<antes.png>"
    assert picture.get_content_disposition() == "inline" and file.get_content_disposition() == "attachment"
    assert file.get_content() == GPX and file.get_filename() == "alerta.gpx"
    assert lines(found.get_body(("plain",))) == TEXT and lines(found.get_body(("html",))) == HTML
    assert [part.defects for part in found.walk()] == [[]] * 7


def test_its_headers():
    _, [(_, _, raw, _)] = delivered(letter(content(), thread(), route()))
    found = parsed(raw)
    assert found["Subject"] == SUBJECT and found["To"] == "puesto.malinowski@example.net"
    [author] = found["From"].addresses
    assert (author.display_name, author.addr_spec) == ("Sachawatch (alertas), Perú", "alertas@example.org")
    assert found["Date"].datetime == AT and found["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(rf"<{ALERT}\.2\.[0-9a-f]{{16}}@alertas\.example\.org>", found["Message-ID"])
    assert found["In-Reply-To"] == found["References"] == f"<{ALERT}@alertas.example.org>"
    assert found["List-Unsubscribe"] == "<mailto:baja@example.org>, <https://example.org/baja?t=abc&u=1>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert raw.isascii() and max(map(len, raw.split(b"\r\n"))) <= 998


def test_it_is_the_same_bytes_at_every_attempt_and_one_thread_per_alert():
    first = letter(content(), thread(revision=1), route())
    assert first.as_bytes() == letter(content(), thread(revision=1), route()).as_bytes()
    others = [
        letter(content(), thread(revision=2), route()),
        letter(content(), thread(revision=1), route(to="otro@example.net")),
        letter(content(), thread(revision=1, alert="another"), route()),
    ]
    assert len({message["Message-ID"] for message in (first, *others)}) == 4
    assert (
        letter(content(), thread(), route(to="A@example.net"))["Message-ID"]
        == (letter(content(), thread(), route(to="a@EXAMPLE.net"))["Message-ID"])
    )
    assert [message["References"] for message in others] == [first["References"]] * 2 + [
        "<another@alertas.example.org>"
    ]
    assert first["Message-ID"] != first["References"]


@pytest.mark.parametrize(
    ("changed", "listed", "one_click"),
    [
        ({"unsubscribe_url": ""}, "<mailto:baja@example.org>", None),
        ({"unsubscribe_mail": ""}, "<https://example.org/baja?t=abc&u=1>", "List-Unsubscribe=One-Click"),
        ({"unsubscribe_mail": "", "unsubscribe_url": ""}, None, None),
    ],
)
def test_ways_to_unsubscribe(changed, listed, one_click):
    found = parsed(letter(content(), thread(), route(**changed)).as_bytes())
    assert (found["List-Unsubscribe"], found["List-Unsubscribe-Post"]) == (listed, one_click)


def test_long_identifiers_addresses_and_links_stay_whole():
    """Python alone would write them as encoded words, and no thread would hold together."""
    domain = ".".join(["d" * 49] * 4)
    long = f"{'a' * 64}@{domain}"
    link = "https://example.org/" + "x" * 580
    message = letter(content(), thread(domain=domain), route(to=long, sender=long, unsubscribe_url=link))
    raw = message.as_bytes().partition(b"\r\n\r\n")[0].decode()
    for line in (f"References: <{ALERT}@{domain}>", f"In-Reply-To: <{ALERT}@{domain}>", f"To: {long}"):
        assert line in raw.split("\r\n")
    assert f"@{domain}>" in raw.split("Message-ID: ")[1].split("\r\n")[0] and f"<{link}>" in raw
    assert parsed(message.as_bytes())["From"].addresses[0].addr_spec == long
    outcome, [(sender, readers, _, _)] = delivered(message)
    assert outcome.state == "sent" and (sender, readers) == (long, [long])


def test_a_letter_without_pictures_and_files():
    found = parsed(letter(content(pictures=(), attachments=()), thread(), route()).as_bytes())
    assert [part.get_content_type() for part in found.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_boundaries_do_not_stand_in_what_they_part():
    first = letter(content(), thread(), route())
    inside = content(text="\n".join(f"--{part.get_boundary()}--" for part in first.walk() if part.is_multipart()))
    again = parsed(letter(inside, thread(), route()).as_bytes())
    assert lines(again.get_body(("plain",))).strip() == inside.text and len(list(again.walk())) == 7


def test_large_letters_are_refused_by_the_name_of_their_largest_part():
    big = Part("mapa.pdf", "application/pdf", b"\0" * 740_000)
    with pytest.raises(BadInput, match=r"over 1,000,000; make mapa.pdf smaller, it has 740,000") as caught:
        letter(content(attachments=(big,)), thread(), route())
    assert "\n" not in str(caught.value)
    fits = letter(content(attachments=(Part("mapa.pdf", "application/pdf", b"\0" * 700_000),)), thread(), route())
    assert 900_000 < len(fits.as_bytes()) <= MAX_BYTES
    with pytest.raises(BadInput, match="make page smaller"):
        letter(content(html="x" * MAX_BYTES), thread(), route())


# --- header injection

EVIL = "evil@example.com"
INJECTED = [
    *(f"x{end}Bcc: {EVIL}" for end in ("\r\n", "\n", "\r", "\n\r", "\r\n ", "\r\n\t", "\n ", "\r\r\n", "\x0b", "\x0c")),
    *(
        f"x{end}Bcc: {EVIL}"
        for end in ("\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\0", "\x7f", "\x9b", "\u560a")
    ),
    *(
        f"\r\n\r\n<p>{EVIL}</p>",
        f"x\r\n.\r\nMAIL FROM:<{EVIL}>\r\n",
        f"x>\r\nBcc: <{EVIL}",
        f'"\r\nBcc: {EVIL}\r\nX: "',
    ),
    *(f"x%0d%0aBcc: {EVIL}", f"x\\r\\nBcc: {EVIL}", f"=?utf-8?q?x=0D=0ABcc:_{EVIL}?=", f"=?utf-8?q?x=0ABcc:_{EVIL}?="),
    *(
        "=?utf-8?b?eA0KQmNjOiBldmlsQGV4YW1wbGUuY29t?=",
        f"=?iso-8859-1?Q?=0D=0A?= Bcc: {EVIL}",
        "=?utf-8?q?a?= =?utf-8?q?=0A?=",
    ),
    *(
        f"=\r\n?utf-8?q?=0ABcc:_{EVIL}?=",
        f"=\u200b?utf-8?q?=0ABcc:_{EVIL}?=",
        f"==??utf-8?q?=0ABcc:_{EVIL}?=",
        "=?utf-8?q?=",
    ),
    *(
        f"{EVIL}, other@example.com",
        f"<{EVIL}>",
        f"x <{EVIL}>",
        f"x: {EVIL};",
        f"x\r\nContent-Type: text/html\r\n\r\n{EVIL}",
    ),
    *(
        "\ud800\nBcc: x",
        "a" * 3000 + f"\nBcc: {EVIL}",
        "\u202eBcc: x\n",
        " \n \n ",
        "x\r\nTo: y",
        "ñ" * 400,
        "'\"\\()<>@,;:[]",
    ),
]
TEXTS = ("subject", "sender_name")
NAMES = ("to", "sender", "unsubscribe_mail", "unsubscribe_url", "alert", "domain", "picture", "attachment", "media")


def with_payload(slot, payload):
    if slot in ("picture", "attachment"):
        return letter(content(**{f"{slot}s": (Part(payload, "image/png", PNG),)}), thread(), route())
    if slot == "media":
        return letter(content(attachments=(Part("a.bin", payload, PNG),)), thread(), route())
    parts = content(), thread(), route()
    return letter(*(type(p)(**(vars(p) | ({slot: payload} if slot in vars(p) else {}))) for p in parts))


def bare(text):
    """What of it can be seen, without blanks."""
    return "".join(c for c in text if c.isprintable() and not c.isspace())


def header_names(raw):
    """As a reader of bytes sees them that knows no Python: lines up to the first empty one."""
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
    return [line.split(b":")[0] for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n") if line[:1] not in b" \t"]


PLAIN = letter(content(), thread(), route()).as_bytes()


def test_the_corpus_is_large():
    assert len(set(INJECTED)) >= 30


@pytest.mark.parametrize("slot", TEXTS)
@pytest.mark.parametrize("payload", INJECTED)
def test_no_text_becomes_a_header(slot, payload):
    raw = with_payload(slot, payload).as_bytes()
    found = parsed(raw)
    assert header_names(raw) == header_names(PLAIN) and found.keys() == parsed(PLAIN).keys()
    assert [a.addr_spec for a in found["To"].addresses] == ["puesto.malinowski@example.net"]
    assert [a.addr_spec for a in found["From"].addresses] == ["alertas@example.org"]
    assert [part.keys() for part in found.walk()] == [part.keys() for part in parsed(PLAIN).walk()]
    assert not re.search(
        r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", found["Subject"] + found["From"].addresses[0].display_name
    )
    arrived = found["Subject"] if slot == "subject" else found["From"].addresses[0].display_name
    assert bare(arrived) == bare(payload.replace("\ud800", "?")) and (slot != "subject" or arrived == one_line(payload))


@pytest.mark.parametrize("slot", NAMES)
@pytest.mark.parametrize("payload", INJECTED)
def test_no_name_becomes_a_header(slot, payload):
    with pytest.raises(BadInput, match="^mail: ") as caught:
        with_payload(slot, payload)
    assert "\n" not in str(caught.value) and "\r" not in str(caught.value)


def test_a_long_subject_keeps_its_blanks():
    """Python's own folding loses the last one of this."""
    subject = "nueva: km [K7Q4M2-X] “Tambopata” nueva: río —"
    assert parsed(letter(content(subject=subject), thread(), route()).as_bytes())["Subject"] == subject


@given(st.text(max_size=200), st.text(max_size=80))
@settings(deadline=None, max_examples=50)
def test_any_subject_and_name_arrive_on_one_line(subject, name):
    raw = letter(content(subject=subject, pictures=(), attachments=()), thread(), route(sender_name=name)).as_bytes()
    found = parsed(raw)
    assert header_names(raw) == header_names(PLAIN) and found.defects == []
    assert [a.addr_spec for a in found["From"].addresses] == ["alertas@example.org"]
    author = email.message_from_bytes(raw)["From"].rpartition("<")[
        0
    ]  # the older reader: the newer one parts long names by blanks
    assert (found["Subject"], str(make_header(decode_header(author.strip())))) == (one_line(subject), one_line(name))
    assert bare(one_line(subject)) == bare(subject) and one_line(subject).isprintable()


@pytest.mark.parametrize(
    "changed",
    [
        *({"to": ""}, {"to": "a@b@c"}, {"to": "puesto"}, {"to": "a..b@example.org"}, {"to": ".a@example.org"}),
        *({"to": "ñ@example.org"}, {"to": "a@exämple.org"}, {"to": "a b@example.org"}, {"to": "a@[127.0.0.1]"}),
        *(
            {"to": "a" * 65 + "@example.org"},
            {"to": '"a b"@example.org'},
            {"sender": ""},
            {"at": dt.datetime(2026, 1, 1)},
        ),
        *(
            {"unsubscribe_url": "http://example.org/"},
            {"unsubscribe_url": "javascript:x"},
            {"alert": "../x"},
            {"revision": 0},
        ),
    ],
)
def test_what_no_letter_can_carry_is_refused(changed):
    parts = content(), thread(), route()
    with pytest.raises(BadInput, match="^mail: "):
        letter(*(type(p)(**(vars(p) | {k: v for k, v in changed.items() if k in vars(p)})) for p in parts))


def test_two_parts_of_one_name_are_refused():
    with pytest.raises(BadInput, match="same name"):
        letter(content(attachments=(Part("antes.png", "image/png", PNG),)), thread(), route())


# --- what the server answers


@pytest.mark.parametrize("where", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        ("550 5.1.1 <puesto.malinowski@example.net>: unknown here", "never", 550),
        ("554 no", "never", 554),
        ("553 relay 5.7.1 says no to 5.5.5 hosts", "never", 553),
        ("552 5.3.4 too big", "never", 552),
        ("451 4.7.1 greylisted, come back", "again", 451),
        ("421 4.3.2 closing", "again", 421),
        ("450 busy", "again", 450),
    ],
)
def test_answers_to_sender_reader_and_letter(where, answer, state, code):
    outcome, _ = delivered(letter(content(), thread(), route()), Post(**{where: answer}))
    assert (outcome.state, outcome.code) == (state, code)
    assert "puesto" not in outcome.why and "\n" not in outcome.why
    enhanced = answer.split()[1] if answer[4].isdigit() else ""
    assert outcome.why.endswith(f"code {code} {enhanced}".strip())


def spoken(*answers, after=b""):
    """A server that says one line for each it hears, the first unasked; then `after`, then hangs up."""

    def talk(line):
        with line.makefile("rb") as heard:
            for answer in answers:
                line.sendall(answer + b"\r\n")
                if answer[:3] == b"354":
                    while heard.readline() not in (b".\r\n", b""):
                        pass
                elif not heard.readline():
                    return
            line.sendall(after)

    return talk


def said(answer, timeout_s=AMPLE_S, **changed):
    with receiver(answer) as raw:
        server = MailServer(**({"host": "127.0.0.1", "port": raw.port, "tls": "none"} | changed))
        begun = time.monotonic()
        return send(server, letter(content(), thread(), route()), timeout_s), time.monotonic() - begun


GREETED = (b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"354 go")


def test_what_was_taken_stays_taken_though_nobody_says_goodbye():
    assert said(spoken(*GREETED, b"250 ok"))[0].state == "sent"
    assert said(spoken(*GREETED, b"250 ok", after=b"\xff" * 10))[0].state == "sent"
    assert said(spoken(*GREETED, b"250 ok", b"500 what"))[0].state == "sent"


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ((b"554 no service",), 554),
        ((b"421 too many",), 421),
        ((b"nonsense",), None),
        ((), None),
        (GREETED[:1], None),
        (GREETED[:2], None),
        (GREETED[:3], None),
        (GREETED[:4], None),
        ((*GREETED[:3], b"250 ok"), None),
        (GREETED, None),  # the letter went out, its receipt did not come: again, under the same Message-ID
    ],
)
def test_no_word_on_the_letter_is_tried_again(answers, code):
    outcome, _ = said(spoken(*answers))
    assert outcome.state == "again" and outcome.code == code and "\n" not in outcome.why


@pytest.mark.parametrize("cut", [b"250", b"250 ok", b"250-ok\r\n", b"250-ok\r\n250"])
def test_an_answer_that_was_cut_off_is_none(cut):
    outcome, _ = said(spoken(*GREETED, after=cut))
    assert (outcome.state, outcome.code) == ("again", None)


def drip(line):
    while True:
        line.sendall(b"2")
        time.sleep(0.05)


def endless_greeting(line):
    while True:
        line.sendall(b"220-hello\r\n")
        time.sleep(0.05)


def silence(line):
    time.sleep(LIMIT_S * 2)


def drip_after(*answers):
    def talk(line):
        spoken(*answers)(line)
        drip(line)

    return talk


@pytest.mark.parametrize(
    "answer",
    [drip, endless_greeting, silence, drip_after(*GREETED[:1]), drip_after(*GREETED[:3]), drip_after(*GREETED)],
    ids=["drip", "endless", "silence", "ehlo", "mail", "data"],
)
def test_servers_that_drip_meet_the_limit(answer):
    outcome, took = said(answer, timeout_s=LIMIT_S)
    assert outcome.state == "again" and "no answer within 0.6 s" in outcome.why and took < LIMIT_S + SLACK_S


def test_a_goodbye_that_drips_meets_the_limit_and_the_letter_is_sent():
    outcome, took = said(drip_after(*GREETED, b"250 ok"), timeout_s=2.0)
    assert outcome.state == "sent" and took < 2.0 + SLACK_S


def test_a_dead_server_is_tried_again():
    with receiver() as raw:
        pass
    server = MailServer(host="127.0.0.1", port=raw.port, tls="none")
    outcome = send(server, letter(content(), thread(), route()), AMPLE_S)
    assert (outcome.state, outcome.why) == (
        "again",
        f"127.0.0.1:{raw.port}: refuses the connection; check `host` and `port` of `mail`, and that the server runs",
    )


# --- TLS and login


def test_letters_go_by_tls_and_login(authority, monkeypatch, caplog):  # noqa: F811
    caplog.set_level("DEBUG")
    roots, context = authority
    monkeypatch.setenv("MAIL_PASSWORD", CANARY)
    message, post = letter(content(), thread(), route()), Post()
    options = {"tls_context": context("localhost"), "require_starttls": True, "authenticator": post.login}
    with post_office(post, auth_required=True, **options) as plain:
        facts = {"host": "localhost", "port": plain.port, "user": "sacha", "password": "env:MAIL_PASSWORD"}
        good = send(MailServer(**facts), message, AMPLE_S, roots=roots)
        assert good.state == "sent" and post.logins == [(b"sacha", CANARY.encode())] and post.taken[0][3] is True
        monkeypatch.setenv("MAIL_PASSWORD", "wrong" + CANARY)
        wrong = send(MailServer(**facts), message, AMPLE_S, roots=roots)
        assert (wrong.state, wrong.code) == ("again", 535) and "refuses our login" in wrong.why
        strange = send(MailServer(**facts), message, AMPLE_S)
        other = send(MailServer(**(facts | {"host": "127.0.0.1"})), message, AMPLE_S, roots=roots)
        assert {strange.state, other.state} == {"again"} and "certificate" in strange.why and "certificate" in other.why
    assert len(post.taken) == 1 and {password for _, password in post.logins[1:]} == {b"wrong" + CANARY.encode()}
    assert CANARY not in f"{MailServer(**facts)!r} {good!r} {wrong!r} {strange!r} {other!r} {caplog.text}"


def test_nothing_is_told_to_a_server_without_starttls(monkeypatch):
    monkeypatch.setenv("MAIL_PASSWORD", CANARY)
    post = Post()
    with post_office(post, authenticator=post.login, auth_require_tls=False) as plain:
        facts = {"host": "localhost", "port": plain.port, "user": "sacha", "password": "env:MAIL_PASSWORD"}
        outcome = send(MailServer(**facts), letter(content(), thread(), route()), AMPLE_S)
    assert outcome.state == "again" and "STARTTLS" in outcome.why and not (post.logins or post.senders or post.taken)


def test_starttls_that_is_refused_or_drips():
    heard = []

    def offer(answer):
        def talk(line):
            with line.makefile("rb") as lines:
                line.sendall(b"220 hi\r\n")
                lines.readline()
                line.sendall(b"250-hi\r\n250 STARTTLS\r\n")
                lines.readline()
                line.sendall(answer)
                while answer[:3] == b"220":
                    line.sendall(b"\x16")
                    time.sleep(0.05)
                heard.extend(iter(lines.readline, b""))

        return talk

    refused, _ = said(offer(b"454 4.7.0 not now\r\n"), timeout_s=LIMIT_S, tls="starttls")
    dripping, took = said(offer(b"220 go\r\n"), timeout_s=LIMIT_S, tls="starttls")
    assert refused.state == dripping.state == "again" and took < LIMIT_S + SLACK_S
    assert [line.strip().lower() for line in heard] in ([], [b"quit"])


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"tls": "none", "host": "mail.example.org"}, "in the clear"),
        ({"tls": "none", "host": "10.0.0.1"}, "in the clear"),
        ({"tls": "none", "host": "localhost.example.org"}, "in the clear"),
        ({"host": "a..b"}, "is no host"),
        ({"host": "mail.example.org\r\nX"}, "is no host"),
        ({"host": "a" * 64 + ".example"}, "is no host"),
        ({"host": ""}, "is no host"),
        ({"port": 0}, "is no port"),
        ({"port": 70_000}, "is no port"),
        ({"user": "x"}, "go together"),
        ({"password": "env:X"}, "go together"),
        ({"user": "ñ", "password": "env:X"}, "go together"),
    ],
)
def test_servers_that_cannot_be_meant_are_refused(changed, word):
    with pytest.raises(BadInput, match=word) as caught:
        MailServer(**({"host": "mail.example.org"} | changed))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_needs_no_tls(host):
    assert MailServer(host=host, tls="none").port == 587


@pytest.mark.parametrize("value", [None, "contraseña" + CANARY])
def test_a_password_that_cannot_be_used_stops_before_anything_is_sent(monkeypatch, value):
    monkeypatch.delenv("MAIL_PASSWORD", raising=False)
    if value:
        monkeypatch.setenv("MAIL_PASSWORD", value)
    with receiver() as raw, pytest.raises(BadInput, match="^secret env:MAIL_PASSWORD: ") as caught:
        server = MailServer(host="127.0.0.1", port=raw.port, tls="none", user="x", password="env:MAIL_PASSWORD")
        send(server, letter(content(), thread(), route()), AMPLE_S)
    assert raw.connections == 0 and CANARY not in str(caught.value)
