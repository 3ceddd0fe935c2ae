"""Text messages by an HTTP gateway, for SMS and satellite messengers: provider-neutral, 160 characters of GSM-7."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from pydantic import Field

from detection.errors import BadInput
from detection.sources.addresses import Lookup, resolved
from detection.types import parameters
from jobs.notify.channels.result import Outcome
from jobs.notify.channels.secrets import secret
from jobs.notify.channels.webhook import reach

MAX_SEPTETS: Final = 160
"""Of one message: 140 octets of 7 bits (3GPP TS 23.038, section 6.1.2.1)."""
BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The 127 characters of the default alphabet, one septet each (3GPP TS 23.038, section 6.2.1); the 128th is the escape."""
EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""Characters after an escape, two septets each (3GPP TS 23.038, section 6.2.1.1)."""
INSTEAD: Final = str.maketrans(
    dict.fromkeys("‘’‚‛′´`ʹʼˈ", "'")
    | dict.fromkeys("“”„‟″«»", '"')
    | dict.fromkeys("‐‑‒–—―−⁃", "-")
    | dict.fromkeys("•·∙‣", "*")
    | dict.fromkeys("\t\v\f\x1c\x1d\x1e\x1f°", " ")
    | dict.fromkeys("\x85\u2028\u2029", "\n")
    | {"‹": "<", "›": ">", "⟨": "<", "⟩": ">", "…": "...", "⁄": "/", "÷": "/", "×": "x", "µ": "u", "ı": "i", "ł": "l"}
    | {"Ł": "L", "đ": "d", "Đ": "D", "Œ": "OE", "œ": "oe", "þ": "th", "Þ": "Th", "ð": "d", "Ð": "D"}
    | {"≈": "~", "≥": ">=", "≤": "<=", "±": "+-"}
)
"""What stands for characters that are nothing but another shape of one of the alphabet; chosen."""
NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164: country code and number, at most 15 digits; at least 7, chosen."""
SLOT: Final = re.compile(r"\{([^{}]*)\}")
SLOTS: Final = frozenset({"to", "text", "id"})


@parameters
class Gateway:
    """An HTTP service that sends text messages."""

    url: Annotated[str, Field(examples=["https://example.org/sms"])]
    """Where to post to."""
    fields: Annotated[Mapping[str, str], Field(examples=[{"to": "{to}", "message": "{text}", "reference": "{id}"}])]
    """Name of a field -> what goes into it: text with `{to}`, `{text}` and `{id}`, which is the same over all attempts."""
    method: Literal["POST"] = "POST"
    """How it is asked."""
    encoding: Literal["json", "form"] = "json"
    """How the fields are written."""
    auth_header: str | None = None
    """Where the header that proves who we are is kept, `env:NAME` or `file:/path`; it reads like `Authorization: Bearer ...`."""

    def __post_init__(self) -> None:
        slots = [slot for template in self.fields.values() for slot in SLOT.findall(template)]
        if unknown := sorted(set(slots) - SLOTS):
            raise BadInput(f"gateway.fields: {{{unknown[0]}}} is not known; use {{to}}, {{text}} and {{id}}")
        if missing := sorted({"to", "text"} - set(slots)):
            raise BadInput(f"gateway.fields: no field holds {{{missing[0]}}}; give one, e.g. message: '{{text}}'")


def septets(text: str) -> int | None:
    """How many septets a text takes in GSM-7; None where a character has no place in it."""
    if not BASIC.issuperset(text) and not (BASIC | EXTENSION).issuperset(text):
        return None
    return len(text) + sum(character in EXTENSION for character in text)


def plain(text: str) -> str:
    """The text in GSM-7 without accents: a reader knows `mineria`, and a phone that would need accents takes 70 characters.

    GSM-7 has some accented letters (é, ñ, ü, à) but not á, í, ó, ú: all lose their accents alike, ñ too, because gateways and
    satellite messengers often count any accent as a reason to leave GSM-7. Quotes, dashes and blanks become plain ones, what
    has no shape (joiners, soft hyphens) goes, anything else becomes `?`. What came out stays as it is.
    """
    return "".join(_plain(character) for character in text.replace("\r\n", "\n").replace("\r", "\n"))


def check_number(number: str) -> str:
    """The number, if it is E.164, e.g. +51984123456; raises BadInput, which shows its last three characters only."""
    if not NUMBER.fullmatch(number):
        raise BadInput(
            f"phone number ending in {number[-3:]!r}: write + with country code, then digits, e.g. +51984123456"
        )
    return number


def send(
    gateway: Gateway,
    to: str,
    text: str,
    ident: str,
    timeout_s: float,
    *,
    allow: Sequence[str] = (),
    lookup: Lookup = resolved,
    roots: str | None = None,
) -> Outcome:
    """Hand one message to the gateway, `to` one number; a text that takes more than one SMS is `never`.

    Raises BadInput where the secret cannot be read or is no header: nothing was tried then, and the config is to be mended.
    """
    headers = _auth(gateway.auth_header)
    if flaw := _flaw(to, text):
        return Outcome("never", flaw)
    fields = _filled(gateway.fields, {"to": to, "text": text, "id": ident})
    if gateway.encoding == "json":
        headers["Content-Type"], body = "application/json", json.dumps(fields, ensure_ascii=False).encode()
    else:
        headers["Content-Type"], body = "application/x-www-form-urlencoded", urlencode(fields).encode()
    return reach(gateway.url, headers, body, timeout_s, allow=allow, lookup=lookup, roots=roots)


def _plain(character: str) -> str:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return ""
    shaped = unicodedata.normalize("NFKD", character.translate(INSTEAD)).translate(INSTEAD)
    bare = "".join(" " if c.isspace() and c != "\n" else c for c in shaped if not unicodedata.combining(c))
    return bare if septets(bare) else "?"


def _flaw(to: str, text: str) -> str:
    """Why this cannot be sent; empty where it can."""
    try:
        check_number(to)
    except BadInput as error:
        return str(error)
    taken = septets(text)
    if not taken:
        return "text message: is empty or holds characters outside GSM-7; pass it through `plain`"
    if taken > MAX_SEPTETS:
        return f"text message: takes {taken} septets, one message carries {MAX_SEPTETS}; shorten it"
    return ""


def _filled(fields: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """In one pass, so that what stands in a text is never taken for a slot."""
    return {name: SLOT.sub(lambda slot: values[slot[1]], template) for name, template in fields.items()}


def _auth(reference: str | None) -> dict[str, str]:
    if reference is None:
        return {}
    name, _, value = secret(reference).partition(":")
    if not re.fullmatch("[A-Za-z0-9-]+", name) or not value.strip():
        raise BadInput(f"secret {reference}: is not a header; write it as `Authorization: Bearer ...`")
    return {name: value.strip()}
