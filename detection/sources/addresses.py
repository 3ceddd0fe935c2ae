"""Which addresses may be contacted: a catalogue is written by others, and its links must not lead into our network.

The one definition, for messages too (`jobs.notify.channels.addresses`).
"""

import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from detection.errors import BadInput

Lookup = Callable[[str, int], list[str]]
Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS: Final = {"https": 443, "http": 80}
METADATA_HOSTS: Final = frozenset(
    {"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}
)
"""Names of cloud metadata services; their addresses are link-local, but a name may lead there late."""
METADATA_IPS: Final = frozenset(map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "fd00:ec2::254")))
"""Metadata services that do not lie in 169.254.0.0/16: Azure's, Alibaba's and EC2's over IPv6."""
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses inside IPv6 ones (RFC 6052, section 2.1)."""
LOCAL: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10"),
        *("::1/128", "fc00::/7"),
    )
)
"""Private, loopback and carriers' shared addresses (RFC 1918, 1122, 6598, 4291, 4193): only where they are opened."""
NEVER: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
"""Whatever is opened: link-local, multicast, documentation, benchmarks, 6to4, Teredo, reserved (IANA's special-purpose
registries for IPv4 and IPv6). Listed here, because Python's own answer differs from version to version."""
UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is given out for the public (RFC 4291, section 2.4)."""
DEVIANT: Final = frozenset("ßς\u200c\u200d")
"""Characters that the two versions of IDNA turn into different names (RFC 5894, section 7.2): perhaps another owner's."""
NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
STRANGE: Final = re.compile(r"[\x00-\x20\x7f\\]")
"""Characters that readers of URLs disagree about."""


@dataclass(frozen=True)
class Address:
    """A URL that may be contacted, and where it leads now: connect to `ips`, never to the name again."""

    scheme: str
    """`https`, or `http` where local addresses are allowed."""
    host: str
    """Name or address in the URL, ASCII, lower case; what the certificate must say."""
    port: int
    """Port of the URL or the scheme's own."""
    target: str
    """Path and query: what goes into the request line."""
    ips: tuple[str, ...] = ()
    """Resolved and checked, every one of them; empty: not resolved yet."""


def address_of(url: str, *, allow_local: bool = False, lookup: Lookup | None = None) -> Address:
    """Check a URL and resolve its host once.

    `allow_local` permits http and loopback or private addresses (tests, local mirrors); link-local, multicast, reserved
    and metadata addresses stay refused. Raises BadInput, one line, for everything else; a host that cannot be resolved
    raises OSError, which may heal.
    """
    found = parts_of(url, allow_local=allow_local)
    ips = (lookup or resolved)(found.host, found.port)
    if not ips:
        raise OSError(f"{found.host}: has no address")
    for text in ips:
        if why := _why_not(text, is_open=allow_local):
            raise BadInput(f"{shown(url)}: {found.host} is {text}, {why}; only public addresses are contacted")
    return replace(found, ips=tuple(ips))


def parts_of(url: str, *, allow_local: bool = False) -> Address:
    """The parts of a URL, nothing resolved; raises BadInput for what could not be contacted wherever it leads."""
    if STRANGE.search(url):
        raise BadInput(f"{shown(url)}: holds blanks, control characters or backslashes; write a plain https URL")
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError as error:
        raise BadInput(f"{shown(url)}: is not a URL ({error}); write a plain https URL") from error
    if split.scheme not in PORTS or (split.scheme == "http" and not allow_local):
        raise BadInput(f"{shown(url)}: {split.scheme or 'no scheme'} is not contacted; only https is")
    if split.username is not None or split.password is not None:
        raise BadInput(f"{shown(url)}: holds a user or a password; leave them out")
    if port == 0:
        raise BadInput(f"{shown(url)}: port 0 is no port; leave it out, or give the server's")
    try:
        host = host_of(split.hostname or "")
    except BadInput as error:
        raise BadInput(f"{shown(url)}: {error}") from None
    target = (split.path or "/") + (f"?{split.query}" if split.query else "")
    return Address(split.scheme, host, port or PORTS[split.scheme], target)


def shown(url: str) -> str:
    """The URL as a message may show it: without its query, where signatures stand, and at most 120 characters."""
    plain = re.sub(r"//[^/@]*@", "//", url.split("?", 1)[0].split("#", 1)[0])
    return STRANGE.sub("?", plain)[:120] or "''"


def resolved(host: str, port: int) -> list[str]:
    """All addresses behind a name, in the resolver's order; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def host_of(text: str) -> str:
    """The host of a URL in ASCII (IDNA), lower case, no dot at its end; raises BadInput where it must not be contacted."""
    if not DEVIANT.isdisjoint(text):
        raise BadInput("its name can be read in two ways; write it in its xn-- form")
    try:
        if ":" in text and "%" not in text:
            return str(ipaddress.IPv6Address(text))
        host = text.encode("idna").decode("ascii").lower().removesuffix(".")
    except ValueError:  # no IPv6 address, an empty or too long part of a name
        host = "?"
    if not NAME.fullmatch(host) or host in METADATA_HOSTS:
        raise BadInput(f"{'is not contacted' if host else 'holds no host name'}; give a public https address")
    return host


def address(text: str) -> Ip:
    """An address as the resolver writes it, zone ids cut off; IPv4 inside IPv6 is IPv4 (RFC 4291, section 2.5.5.2).

    Raises ValueError for what is none.
    """
    ip = ipaddress.ip_address(text.split("%", 1)[0])
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


def refusal(ip: Ip, *, is_open: bool) -> str:
    """Why an address is not contacted; empty where it is. is_open: local ones are meant to be."""
    inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else ip
    if inner in METADATA_IPS:
        return "a metadata service"
    if any(inner in network for network in LOCAL):
        # Whoever translates would be asked for an address of its own network (RFC 6052, section 3.1, forbids it).
        return "" if is_open and inner is ip else "private, loopback or shared"
    if any(inner in network for network in NEVER) or (inner.version == 6 and inner not in UNICAST):
        return "link-local, multicast or reserved"
    return "" if inner.is_global else "reserved"


def _why_not(text: str, *, is_open: bool) -> str:
    try:
        return refusal(address(text), is_open=is_open)
    except ValueError:
        return "not an address"
