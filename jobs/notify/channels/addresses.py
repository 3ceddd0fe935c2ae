"""Where a message may go: its receiver wrote the URL, and it must not lead into the sender's own network.

Stricter than `detection.sources.addresses`, whose tables it shares: what is open is named one by one, addresses that only
a tunnel reaches are refused, and no message repeats the path of a URL, where receivers keep their tokens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import quote, urlsplit

from detection.errors import BadInput
from detection.sources.addresses import METADATA_HOSTS, METADATA_IPS, NAT64, PORTS, STRANGE, Lookup, resolved

Ip = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOCAL: Final = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10"),
        *("::1/128", "fc00::/7"),
    )
)
"""Private, loopback and carriers' shared addresses (RFC 1918, 1122, 6598, 4291, 4193): only where `allow` names them."""
NEVER: Final = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
"""Whatever `allow` says: link-local, multicast, documentation, benchmarks, 6to4, Teredo, reserved (IANA's special-purpose
registries for IPv4 and IPv6). Listed here, because Python's own answer differs from version to version."""
UNICAST: Final = IPv6Network("2000::/3")
"""All of IPv6 that is given out for the public (RFC 4291, section 2.4)."""
DEVIANT: Final = frozenset("ßς\u200c\u200d")
"""Characters that the two versions of IDNA turn into different names (RFC 5894, section 7.2): perhaps another owner's."""
NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
PLACE: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]/?#@:%\s]+):[0-9]{1,5}", re.ASCII)
KEPT: Final = "/?:@!$&'()*+,;=%~-._[]|"
"""Characters of a path and query that stay as they are; everything else is sent as %XX of its UTF-8."""


@dataclass(frozen=True)
class Target:
    """A URL that may be contacted: connect to `ip`, never to the name again."""

    scheme: str
    """`https`, or `http` where it is allowed."""
    host: str
    """Name or address in the URL, ASCII, lower case, no brackets: what the certificate must say."""
    port: int
    """1..65535."""
    path: str = field(repr=False)
    """Path and query, ASCII; may hold a token, so it is in no message."""
    ip: str
    """The address that was checked."""

    @property
    def name(self) -> str:
        """`host:port`, as messages and `allow` write it."""
        return _name(self.host, self.port)

    @property
    def authority(self) -> str:
        """What stands in the Host header: without the scheme's own port."""
        return self.name.removesuffix(f":{PORTS[self.scheme]}") if self.port == PORTS[self.scheme] else self.name


@dataclass(frozen=True)
class Allowed:
    """Local places that messages may go to, and where http will do."""

    places: frozenset[str]
    """`host:port`; whatever local address the name leads to."""
    networks: tuple[Network, ...]
    """Of local or public addresses, any port."""

    def holds(self, ip: Ip) -> bool:
        """Lies the address in one of the networks?"""
        return any(ip in network for network in self.networks)


def allowed(entries: Sequence[str]) -> Allowed:
    """Read `allow` of the config: exact `host:port`, or a network such as `10.0.0.0/8`; raises BadInput for others."""
    places, networks = set(), []
    for entry in entries:
        if "/" in entry:
            networks.append(_network(entry))
        else:
            places.add(_place(entry))
    return Allowed(frozenset(places), tuple(networks))


def resolve(url: str, allow: Sequence[str] = (), lookup: Lookup = resolved) -> Target:
    """Check a URL and resolve its host, once; every address of it must be fine, the first one is contacted.

    lookup(host, port) gives all addresses as text: odd spellings of numbers mean what it says they mean. Raises BadInput,
    one line without path, query or password, for what must not be contacted; OSError where the name does not resolve now.
    """
    scheme, host, port, path = _parts(url)
    name, doors = _name(host, port), allowed(allow)
    named = name in doors.places
    if scheme == "http" and not named and not doors.networks:
        raise BadInput(f"{name}: http is not used; give an https URL, or name {name} under allow")
    ips = [_address(text, name) for text in lookup(host, port)]
    if not ips:
        raise OSError(f"{name}: has no address")
    for ip in ips:
        is_open = named or doors.holds(ip)
        if why := _refusal(ip, is_open=is_open):
            raise BadInput(f"{name}: leads to {ip}, {why}; give a public address")
        if scheme == "http" and not is_open:
            raise BadInput(f"{name}: http is not used; give an https URL, or name {name} under allow")
    return Target(scheme, host, port, path, str(ips[0]))


def _parts(url: str) -> tuple[str, str, int, str]:
    """(scheme, host, port, path and query); raises BadInput for what could not be contacted wherever it leads."""
    said = _said(url)
    if STRANGE.search(url):
        raise BadInput(f"{said}: the URL holds blanks, control characters or backslashes; write a plain https URL")
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:  # its words repeat the URL
        raise BadInput(f"{said}: is not a URL; write a plain https URL") from None
    if split.scheme not in PORTS:
        raise BadInput(f"{said}: the scheme {split.scheme[:20] or 'none'} is not used; write a plain https URL")
    if split.username is not None or split.password is not None:
        raise BadInput(f"{said}: the URL holds a user or a password; leave them out")
    if port == 0:
        raise BadInput(f"{said}: port 0 is no port; leave it out, or give the server's")
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    return (
        split.scheme,
        _host(split.hostname or "", said),
        port or PORTS[split.scheme],
        quote(path, KEPT, errors="replace"),
    )


def _host(text: str, said: str) -> str:
    """The host in ASCII (IDNA), lower case, no dot at its end."""
    if not DEVIANT.isdisjoint(text):
        raise BadInput(f"{said}: its name can be read in two ways; write it in its xn-- form")
    try:
        if ":" in text and "%" not in text:
            return str(IPv6Address(text))
        host = text.encode("idna").decode("ascii").lower().removesuffix(".")
    except ValueError:  # no IPv6 address, an empty or too long part of a name
        host = "?"
    if not NAME.fullmatch(host) or host in METADATA_HOSTS:
        raise BadInput(f"{said}: {'is not contacted' if host else 'holds no host name'}; give a public https address")
    return host


def _said(url: str) -> str:
    """The authority of a URL as a message may show it: no user, no path, at most 80 characters."""
    found = re.match(r"[^/?#\\]*//([^/?#\\]*)", url)
    return STRANGE.sub("?", found[1].rpartition("@")[2])[:80] if found and found[1] else "the URL"


def _name(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _network(entry: str) -> Network:
    try:
        network = ip_network(entry)
    except ValueError as error:
        raise BadInput(f"allow: {entry!r} is not a network ({error}); write e.g. 10.0.0.0/8") from None
    if not network.prefixlen:
        raise BadInput(f"allow: {entry!r} is the whole world; name the networks that messages may go to")
    return network


def _place(entry: str) -> str:
    host, _, port = entry.rpartition(":")
    if not PLACE.fullmatch(entry) or not 0 < int(port) < 65_536:
        raise BadInput(f"allow: {entry!r} is neither host:port nor a network; write e.g. 10.1.2.3:8080 or 10.0.0.0/8")
    return _name(_host(host.strip("[]").lower(), f"allow: {host}"), int(port))


def _address(text: str, name: str) -> Ip:
    """An address as the resolver writes it, zone ids cut off; IPv4 inside IPv6 is IPv4 (RFC 4291, section 2.5.5.2)."""
    try:
        ip = ip_address(text.split("%", 1)[0])
    except ValueError:
        raise BadInput(f"{name}: leads to what is not an address; check the name") from None
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def _refusal(ip: Ip, *, is_open: bool) -> str:
    """Why an address is not contacted; empty where it is."""
    inner = IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else ip
    if inner in METADATA_IPS:
        return "a metadata service"
    if any(inner in network for network in LOCAL):
        # Whoever translates would be asked for an address of its own network (RFC 6052, section 3.1, forbids it).
        return "" if is_open and inner is ip else "private, loopback or shared"
    if any(inner in network for network in NEVER) or (inner.version == 6 and inner not in UNICAST):
        return "link-local, multicast or reserved"
    return "" if inner.is_global else "reserved"
