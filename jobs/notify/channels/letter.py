"""A letter: one alert to one reader, all revisions of an alert in one thread; no word in it can become a header."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any, Final

from detection.errors import BadInput

MAX_BYTES: Final = 1_000_000
"""Of a whole letter as it goes over the wire: what a weak link still takes (chosen)."""
IDENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""Alert ids, as they stand in a Message-ID."""
FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""File names and content ids: nothing that a header or a file system reads as more."""
DOMAIN: Final = re.compile(r"(?=.{1,200}$)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
"""Labels of a name (RFC 1035, section 2.3.4), ASCII."""
ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
ADDRESS: Final = re.compile(rf"(?=.{{1,64}}@){ATOM}(\.{ATOM})*@{DOMAIN.pattern}")
"""A dot-atom at a domain (RFC 5321, section 4.1.2), ASCII; quoted local parts and address literals are not taken."""
MEDIA: Final = re.compile(r"(application|audio|image|text|video)/[a-z0-9.+-]{1,100}")
LINK: Final = re.compile(r"https://[!#-;=?-~]{1,600}")
"""https, visible ASCII, nothing that ends a link in List-Unsubscribe (RFC 2369): no quotes, no angle brackets; fits one line."""
UNFOLDED: Final = frozenset({"message-id", "in-reply-to", "references", "content-id", "list-unsubscribe", "to"})
"""Headers of plain ASCII that are written as they are, on one line of at most 998 characters (RFC 5322, section 2.1.1)."""
LINE: Final = 78
"""Characters a header line should stay under (RFC 5322, section 2.1.1)."""


class _Post(EmailPolicy):
    """Writes headers itself: Python 3.11 makes encoded words of long identifiers and links, which no reader then takes for
    what they are, and forgets the quotes of a long name, so that an address in it becomes the sender's."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The header as it goes over the wire."""
        return self.fold(name, value).encode("ascii")

    def fold(self, name: str, value: Any) -> str:
        """The same as text."""
        if name.lower() in UNFOLDED:
            return f"{name}: {value}\r\n"
        if name.lower() == "subject":
            return f"{name}: {_worded(str(value), name, '[ -~]*')}\r\n"
        if name.lower() == "from":
            [author] = value.addresses
            words = _worded(author.display_name, name, "[A-Za-z0-9 ]*")
            line = f"{name}: {words}{' ' * bool(words)}<{author.addr_spec}>\r\n"
            return line if len(line) <= LINE else line.replace(" <", "\r\n <")
        return str(super().fold(name, value))


def _worded(text: str, name: str, plain: str) -> str:
    """Short text of plain characters as it is, other text as encoded words of UTF-8 (RFC 2047)."""
    if len(text) + len(name) + 2 <= LINE and re.fullmatch(plain, text) and "=?" not in text:
        return text
    return Header(text, "utf-8", header_name=name).encode(linesep="\r\n")


POST: Final = _Post(linesep="\r\n", cte_type="7bit")


@dataclass(frozen=True)
class Part:
    """A picture of the page, or a file that goes with the letter."""

    name: str
    """File name; also the content id of a picture, which the page shows by `cid:` and this name."""
    media: str
    """Media type, e.g. `image/png` or `application/gpx+xml`."""
    content: bytes
    """The file."""


@dataclass(frozen=True)
class Content:
    """What a letter says."""

    subject: str
    """One line; line breaks become blanks."""
    text: str
    """The whole of it as plain text."""
    html: str
    """The same as a page."""
    pictures: tuple[Part, ...] = ()
    """Shown in the page."""
    attachments: tuple[Part, ...] = ()
    """Files beside it."""


@dataclass(frozen=True)
class Thread:
    """Which alert a letter is about: all its revisions make one conversation in the reader's mailbox."""

    alert: str
    """Id of the alert."""
    revision: int
    """1, 2, ..."""
    domain: str
    """Domain of the service, for the identifiers of its letters."""


@dataclass(frozen=True)
class Route:
    """Who writes to whom."""

    sender: str
    """Address of the service."""
    to: str
    """Address of the one reader."""
    at: datetime
    """When it was written, aware; the same over all attempts."""
    sender_name: str = ""
    """Name of the service for people."""
    unsubscribe_mail: str = ""
    """Address that takes a reader off the list."""
    unsubscribe_url: str = ""
    """https address that does so by one click (RFC 8058): a POST, without asking again."""


def letter(content: Content, thread: Thread, route: Route) -> EmailMessage:
    """A letter ready to send: mixed(alternative(text, related(page, pictures)), attachments); same input, same bytes.

    Raises BadInput for an id, address, file name, media type or link that is none, a time without zone, and a letter of
    over 1 MB, naming its largest part.
    """
    _check(content, thread, route)
    message = EmailMessage(policy=POST)
    _address(message, thread, route)
    message["Subject"] = one_line(content.subject)
    message.set_content(_encodable(content.text), cte="quoted-printable")
    message.add_alternative(_encodable(content.html), subtype="html", cte="quoted-printable")
    page = list(message.iter_parts())[1]
    for part in content.pictures:
        kind, _, subtype = part.media.partition("/")
        page.add_related(part.content, kind, subtype, cid=f"<{part.name}>", filename=part.name, disposition="inline")
    message.make_mixed()
    for part in content.attachments:
        kind, _, subtype = part.media.partition("/")
        message.add_attachment(part.content, kind, subtype, filename=part.name)
    _fix_boundaries(message)
    _check_size(message, content)
    return message


def one_line(text: str) -> str:
    """Text as a header may carry it: line breaks and controls become blanks, and nothing reads as an encoded word.

    Python 3.11 decodes encoded words in what it is given, and wrote a line break hidden in one as a line break.
    """
    plain = "".join(c if c.isprintable() else " " for c in _encodable(text))
    return " ".join(plain.replace("=?", "= ?").split())


def _check(content: Content, thread: Thread, route: Route) -> None:
    if not IDENT.fullmatch(thread.alert) or thread.revision < 1:
        raise BadInput(
            f"mail: {thread.alert!r} revision {thread.revision} is no revision of an alert; give its id and 1, 2, ..."
        )
    if not DOMAIN.fullmatch(thread.domain):
        raise BadInput(f"mail: domain {thread.domain!r} is none; give one in ASCII, e.g. alertas.example.org")
    for address in (route.sender, route.to, route.unsubscribe_mail or route.sender):
        if not ADDRESS.fullmatch(address):
            raise BadInput(f"mail: address {address!r} is none; give one plain ASCII address, e.g. puesto@example.org")
    if route.unsubscribe_url and not LINK.fullmatch(route.unsubscribe_url):
        raise BadInput(
            "mail: the link to unsubscribe is not a plain https address; give one without blanks and brackets"
        )
    if route.at.tzinfo is None:
        raise BadInput(f"mail: date {route.at.isoformat()} has no zone; give it in UTC")
    _check_parts((*content.pictures, *content.attachments))


def _check_parts(parts: Sequence[Part]) -> None:
    for part in parts:
        if not FILE.fullmatch(part.name) or not MEDIA.fullmatch(part.media):
            raise BadInput(
                f"mail: part {part.name!r} ({part.media!r}) has no plain name and type; e.g. mapa.png, image/png"
            )
    if len({part.name for part in parts}) < len(parts):
        raise BadInput("mail: two parts have the same name; give each its own")


def _address(message: EmailMessage, thread: Thread, route: Route) -> None:
    root = f"<{thread.alert}@{thread.domain}>"
    reader = hashlib.sha256(route.to.lower().encode()).hexdigest()[:16]
    message["From"] = Address(one_line(route.sender_name), addr_spec=route.sender)
    message["To"] = Address(addr_spec=route.to)
    message["Date"] = route.at
    message["Message-ID"] = f"<{thread.alert}.{thread.revision}.{reader}@{thread.domain}>"
    message["In-Reply-To"] = message["References"] = root
    message["Auto-Submitted"] = "auto-generated"  # so that no absence note answers (RFC 3834, section 5)
    ways = [f"<mailto:{route.unsubscribe_mail}>"] if route.unsubscribe_mail else []
    ways += [f"<{route.unsubscribe_url}>"] if route.unsubscribe_url else []
    if ways:
        message["List-Unsubscribe"] = ", ".join(ways)
    if route.unsubscribe_url:
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _fix_boundaries(message: EmailMessage) -> None:
    """Python draws them. `=_` stands neither in quoted-printable nor in base64 (RFC 2045, section 6.7), as all leaves are."""
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_part_{number}")


def _check_size(message: EmailMessage, content: Content) -> None:
    size = len(message.as_bytes())
    if size <= MAX_BYTES:
        return
    sizes = {"text": len(content.text), "page": len(content.html)}
    sizes |= {part.name: len(part.content) for part in (*content.pictures, *content.attachments)}
    largest = max(sizes, key=lambda name: sizes[name])
    raise BadInput(f"mail: {size:,} bytes, over {MAX_BYTES:,}; make {largest} smaller, it has {sizes[largest]:,}")


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
