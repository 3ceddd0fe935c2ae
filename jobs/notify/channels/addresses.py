"""Where a message may go: its receiver wrote the URL, and it must not lead into the sender's own network.

Which addresses and names may be contacted is said in `detection.sources.addresses`. Here what is open is named one by one, and
no message repeats the path of a URL, where receivers keep their tokens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final
from urllib.parse import quote, urlsplit

from detection.errors import BadInput
from detection.sources.addresses import PORTS, STRANGE, Ip, Lookup, address, host_of, refusal, resolved

Network = IPv4Network | IPv6Network

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
    ips = [_known(text, name) for text in lookup(host, port)]
    if not ips:
        raise OSError(f"{name}: has no address")
    for ip in ips:
        is_open = named or doors.holds(ip)
        if why := refusal(ip, is_open=is_open):
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
    """The host, as `host_of`; said: what the message begins with."""
    try:
        return host_of(text)
    except BadInput as error:
        raise BadInput(f"{said}: {error}") from None


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


def _known(text: str, name: str) -> Ip:
    """An address as the resolver writes it."""
    try:
        return address(text)
    except ValueError:
        raise BadInput(f"{name}: leads to what is not an address; check the name") from None
