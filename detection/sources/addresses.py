"""Which addresses may be contacted: a catalogue is written by others, and its links must not lead into our network."""

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
CGNAT: Final = ipaddress.ip_network("100.64.0.0/10")
"""Shared address space of carriers (RFC 6598)."""
PROTOCOLS: Final = ipaddress.ip_network("192.0.0.0/24")
"""Protocol assignments (RFC 6890); a metadata service of Oracle's lies there."""
STRANGE: Final = re.compile(r"[\x00-\x20\x7f\\]")
"""Characters that readers of URLs disagree about."""


@dataclass(frozen=True)
class Address:
    """A URL that may be contacted, and where it leads now: connect to `ips`, never to the name again."""

    scheme: str
    """`https`, or `http` where local addresses are allowed."""
    host: str
    """Name in the URL, lower case; what the certificate must say."""
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
    address = parts_of(url, allow_local=allow_local)
    ips = (lookup or resolved)(address.host, address.port)
    if not ips:
        raise OSError(f"{address.host}: has no address")
    for ip in ips:
        if why := _refusal(ip, allow_local=allow_local):
            raise BadInput(f"{shown(url)}: {address.host} is {ip}, {why}; only public addresses are contacted")
    return replace(address, ips=tuple(ips))


def parts_of(url: str, *, allow_local: bool = False) -> Address:
    """The parts of a URL, nothing resolved; raises BadInput for what could not be contacted wherever it leads."""
    if STRANGE.search(url):
        raise BadInput(f"{shown(url)}: holds blanks, control characters or backslashes; write a plain https URL")
    try:
        split = urlsplit(url)
        host, port = (split.hostname or "").rstrip("."), split.port
    except ValueError as error:
        raise BadInput(f"{shown(url)}: is not a URL ({error}); write a plain https URL") from error
    if split.scheme not in PORTS or (split.scheme == "http" and not allow_local):
        raise BadInput(f"{shown(url)}: {split.scheme or 'no scheme'} is not contacted; only https is")
    if split.username is not None or split.password is not None:
        raise BadInput(f"{shown(url)}: holds a user or a password; leave them out")
    if not host or "%" in host or host in METADATA_HOSTS:
        raise BadInput(f"{shown(url)}: {host or 'no host'} is not contacted; only public https addresses are")
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


def _refusal(text: str, *, allow_local: bool) -> str:
    """Why an address is not contacted; empty where it is."""
    try:
        ip = _innermost(ipaddress.ip_address(text.split("%", 1)[0]))
    except ValueError:
        return "not an address"
    if ip in METADATA_IPS:
        return "a metadata service"
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return "link-local, multicast or unspecified"
    if ip.version == 4 and ip in PROTOCOLS:
        return "reserved"
    if ip.is_loopback or ip.is_private or (ip.version == 4 and ip in CGNAT):
        return "" if allow_local else "loopback, private or shared"
    return "" if ip.is_global and not ip.is_reserved else "reserved"


def _innermost(ip: Ip) -> Ip:
    """The IPv4 address that an IPv6 one carries (mapped, NAT64, 6to4, Teredo), or the address itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
