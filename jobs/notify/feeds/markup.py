"""Text that cannot break a file, XML elements, values of JSON, and times as the formats want them."""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from xml.etree import ElementTree as Xml

from detection.errors import BadInput

BREAKS: Final = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
"""What Unicode counts as the end of a line, besides the line feed."""
REMOVED: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""What XML 1.0 forbids (production 2) or advises against (controls up to 9F, noncharacters), halves of surrogate pairs, and
the marks of Unicode's Bidi_Control: in a name they would turn round what stands after it."""


def clean(text: str) -> str:
    """The text without what breaks a file or reorders it; lines end in a line feed, none is empty at either end."""
    return REMOVED.sub("", BREAKS.sub("\n", text)).strip()


def line(text: str) -> str:
    """The same in one line: every run of white space is one space."""
    return " ".join(clean(text).split())


def harmless(value: Any, text: Callable[[str], str] = line) -> Any:
    """Values of JSON with each text as `line` or `clean` leaves it, keys as they are; a figure that is not finite is null."""
    if isinstance(value, Mapping):
        return {key: harmless(one, text) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [harmless(one, text) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return text(value) if isinstance(value, str) else value


def sub(parent: Xml.Element, tag: str, text: str = "", **attributes: str) -> Xml.Element:
    """A new last child with this text, which is taken as it is: hand over what `clean` or `line` gave."""
    child = Xml.SubElement(parent, tag, attributes)
    child.text = text or None
    return child


def document(root: Xml.Element) -> bytes:
    """UTF-8 with its declaration, one element a line."""
    Xml.indent(root, " ")
    return bytes(Xml.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"


def utc(at: datetime) -> str:
    """RFC 3339 in UTC, whole seconds, ending in Z. Raises BadInput for a time without a zone."""
    if at.tzinfo is None:
        raise BadInput(f"time {at}: has no time zone; give it in UTC")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def noon(day: date) -> datetime:
    """Where a format wants an instant and only the day is known: the same date in every zone from -12 to +11 hours."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
