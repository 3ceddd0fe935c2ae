"""No request leaves for an address that is not public: a corpus of what has been used to get around such checks."""

import ipaddress
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback_stac import Server
from test_channels_webhook import AMPLE_S, receiver

from detection.errors import BadInput
from detection.sources import Traffic
from detection.sources.addresses import address_of, parts_of, shown
from detection.sources.fetch import Client, Failed, Request, backoff_s, retry_after_s
from jobs.notify.channels.addresses import allowed, resolve
from jobs.notify.channels.webhook import reach

REFUSED = """\
file:///etc/passwd
file://localhost/etc/passwd
/etc/passwd
relative/path.tif
/vsicurl/https://example.org/x.tif
/vsis3/bucket/key
/vsizip//vsicurl/https://example.org/x.zip/y.tif
s3://bucket/key.tif
gs://bucket/key.tif
az://container/key.tif
ftp://example.org/x.tif
gopher://example.org/1
data:image/tiff;base64,AAAA
javascript:alert(1)
http://example.org/x.tif
HTTP://EXAMPLE.ORG/x.tif
//example.org/x.tif
https:///x.tif
https://
https://user@example.org/x.tif
https://user:secret@example.org/x.tif
https://example.org@127.0.0.1/x.tif
https://example.org\\@127.0.0.1/x.tif
https://example.org:99999/x.tif
https://example.org:abc/x.tif
https://[::1/x.tif
https://exa mple.org/x.tif
https://example.org/x.tif\\y
https://127.0.0.1/
https://127.0.0.1:8443/x
https://127.1/
https://127.0.1/
https://127.255.255.254/
https://2130706433/
https://017700000001/
https://0x7f000001/
https://0x7f.0.0.1/
https://0177.0.0.1/
https://0/
https://0.0.0.0/
https://localhost/
https://LOCALHOST./
https://10.0.0.1/
https://10.255.255.255/
https://172.16.0.1/
https://172.31.255.254/
https://192.168.1.1/
https://169.254.169.254/latest/meta-data/
https://169.254.170.2/v2/credentials
https://2852039166/latest/meta-data/
https://[fd00:ec2::254]/latest/meta-data/
https://100.64.0.1/
https://100.100.100.200/latest/meta-data/
https://168.63.129.16/machine
https://192.0.0.192/opc/v1/
https://metadata.google.internal/computeMetadata/v1/
https://metadata/computeMetadata/v1/
https://224.0.0.1/
https://239.255.255.250/
https://240.0.0.1/
https://255.255.255.255/
https://198.18.0.1/
https://192.0.2.1/
https://[::]/
https://[::1]/
https://[::ffff:127.0.0.1]/
https://[::ffff:10.0.0.1]/
https://[::ffff:a9fe:a9fe]/
https://[64:ff9b::7f00:1]/
https://[64:ff9b::a9fe:a9fe]/
https://[2002:7f00:1::]/
https://[2002:a9fe:a9fe::]/
https://[fe80::1]/
https://[fe80::1%25eth0]/
https://[fc00::1]/
https://[fd12:3456::1]/
https://[ff02::1]/
https://[2001:db8::1]/
https://rebound.example/
https://mixed.example/
https://sixmapped.example/
""".strip().split("\n")
ALSO_REFUSED = """\
https://example.org:0/
https://example.org:-1/
https://example.org:65536/
https://example.org../
https://.example.org/
https://exa..mple.org/
https://fa\u00df.example/
https://\u0131\u200d.example/
https://%31%32%37.0.0.1/
https://127\u30020\u30020\u30021/
https://\uff11\uff12\uff17.0.0.1/
https://\u2460\u2461\u2466.0.0.1/
https://[::ffff:0:127.0.0.1]/
https://[::127.0.0.1]/
https://[64:ff9b:1::7f00:1]/
https://[2002:808:808::1]/
https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/
https://[fec0::1]/
https://[3fff::1]/
https://[5f00::1]/
https://[4000::1]/
https://[v1.fe80::1]/
https://[fe80::1%eth0]/
https://[example.org]/
https://192.88.99.1/
https://198.51.100.7/
https://203.0.113.7/
https://0x7f.1/
https://0177.1/
https://127.000.000.001/
https://[0:0:0:0:0:0:0:1]/
https://[::ffff:7f00:1]/
wss://example.org/
unix:///run/docker.sock
https:example.org/
https:/example.org/
https://example.org:443:443/
https://example.org%2f@127.0.0.1/
https://example.org%00.evil.example/
https://*/
""".strip().split("\n")
"""What only careful readers refuse: odd spellings, tunnels, ranges that are set aside."""
NAMES = {
    "rebound.example": ["127.0.0.1"],
    "mixed.example": ["93.184.216.34", "10.0.0.1"],
    "sixmapped.example": ["::ffff:169.254.169.254"],
    "example.org": ["93.184.216.34"],
    "localhost": ["127.0.0.1"],
}


def lookup(host, port):
    """Names from the table, numbers in all their spellings by the system: no name server is asked."""
    if host in NAMES:
        return NAMES[host]
    try:
        return [
            str(e[4][0]) for e in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        ]
    except socket.gaierror:
        return [socket.inet_ntoa(socket.inet_aton(host))]


@pytest.fixture
def connects(monkeypatch):
    made = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: made.append(address))
    return made


def test_the_corpus_is_large():
    assert len(set(REFUSED)) >= 60


@pytest.mark.parametrize("url", [*REFUSED, *ALSO_REFUSED])
def test_refused_before_any_connection(url, connects):
    client = Client(Traffic(wait=lambda _: None), timeout_s=1, attempts=3, lookup=lookup)
    with pytest.raises(BadInput) as caught:
        client.check(url)
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)
    with pytest.raises(Failed) as failed:
        client.send(Request(url))
    assert failed.value.status == 0 and "tries" not in failed.value.reason  # final at once
    assert connects == []


@pytest.mark.parametrize("url", [url for url in REFUSED if not url.startswith("https://") or "@" in url])
def test_allowing_local_addresses_opens_no_other_door(url):
    if url.lower().startswith("http://"):
        pytest.skip("http is what it allows")
    with pytest.raises(BadInput):
        address_of(url, allow_local=True, lookup=lookup)


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "100.100.100.200", "168.63.129.16", "224.0.0.1", "0.0.0.0", "metadata"]
)
def test_metadata_and_multicast_stay_refused_with_local_ones_allowed(host):
    with pytest.raises(BadInput):
        address_of(f"http://{host}/", allow_local=True, lookup=lambda *_: [host])


def test_public_addresses_pass_and_keep_path_and_query():
    found = address_of("https://Example.org:8443/a/b.tif?sig=x%2By&z#top", lookup=lookup)
    assert (found.host, found.port, found.ips, found.target) == (
        "example.org",
        8443,
        ("93.184.216.34",),
        "/a/b.tif?sig=x%2By&z",
    )
    assert address_of("https://[2606:2800:220:1::1]/", lookup=lookup).ips == ("2606:2800:220:1::1",)
    assert parts_of("https://example.org").target == "/"
    # Networks without IPv4 of their own reach the rest of the world so.
    for carried in ("64:ff9b::5db8:d822", "::ffff:93.184.216.34"):
        assert address_of("https://example.org/", lookup=lambda *_, ip=carried: [ip]).ips == (carried,)


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.1.2.3", "100.64.0.1", "::1", "fd12::1"])
def test_local_addresses_pass_where_they_are_allowed(ip):
    assert address_of("http://mirror.example/", allow_local=True, lookup=lambda *_: [ip]).ips == (ip,)


def test_messages_show_no_query_and_no_user():
    assert shown("https://u:p@example.org/a.tif?sig=secret#x") == "https://example.org/a.tif"


def test_the_connection_goes_to_the_address_that_was_checked():
    """A name that leads elsewhere the second time (rebinding) is not asked a second time."""
    server, asked = Server(), []
    server.assets["x"] = b"y" * 100

    def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.9.9.9"]

    client = Client(Traffic(), timeout_s=5, attempts=1, allow_local=True, lookup=rebinding)
    for _ in range(3):
        url = f"http://assets.example:{server.server_address[1]}/assets/x"
        assert client.send(Request(url, {"Range": "bytes=0-9"}, limit=10)).body == b"y" * 10
    server.close()
    assert asked == ["assets.example"]


def test_redirects_are_not_followed():
    server = Server()
    server.schedule = {"/assets/x": ["redirect*"]}
    client = Client(Traffic(), timeout_s=5, attempts=3, allow_local=True)
    with pytest.raises(Failed, match="302: redirected"):
        client.send(Request(server.href("x")))
    assert server.log == [("GET", "/assets/x")]
    server.close()


def test_a_host_that_does_not_resolve_is_tried_again_and_named():
    waits: list[float] = []

    def nowhere(host, port):
        raise socket.gaierror(-2, "Name or service not known")

    client = Client(Traffic(wait=waits.append), timeout_s=5, attempts=4, lookup=nowhere)
    with pytest.raises(Failed, match="Name or service not known"):
        client.send(Request("https://example.org/x?sig=secret"))
    assert len(waits) == 3 and waits == sorted(waits)


def test_the_next_address_of_a_host_is_tried_when_one_does_not_answer():
    server = Server()
    server.assets["x"] = b"y" * 100
    client = Client(
        Traffic(wait=lambda _: None),
        timeout_s=2,
        attempts=2,
        allow_local=True,
        lookup=lambda *_: ["127.0.0.2", "127.0.0.1"],
    )
    url = f"http://assets.example:{server.server_address[1]}/assets/x"
    assert client.send(Request(url, {"Range": "bytes=0-9"}, limit=10)).status == 206
    server.close()


def test_waits_grow_to_a_cap_and_repeat():
    url = "https://example.org/a.tif"
    waits = [backoff_s(url, attempt) for attempt in range(1, 12)]
    assert waits == [backoff_s(f"{url}?sig=other", attempt) for attempt in range(1, 12)]
    assert all(
        0.5 * 2 ** (n - 1) / 2 <= wait <= min(0.5 * 2 ** (n - 1), 60)
        for n, wait in zip(range(1, 8), waits, strict=False)
    )
    assert max(waits) <= 60
    assert len({backoff_s(f"https://example.org/{n}", 1) for n in range(50)}) > 40


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "100000"}, 60),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT", "date": "Sat, 21 Nov 2026 12:00:00 GMT"}, 30),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:30 GMT", "date": "Sat, 21 Nov 2026 12:00:00 GMT"}, 0),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:30 GMT", "date": "Sat, 21 Nov 2026 12:00:00 GMT"}, 60),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "٧"}, None),
        ({"retry-after": "Sat, 21 Nov 99999999999 12:00:30 GMT", "date": "Sat, 21 Nov 2026 12:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after_s(headers) == seconds


# --- where messages go (jobs.notify.channels.addresses): the same corpus


@pytest.mark.parametrize("url", [*REFUSED, *ALSO_REFUSED])
def test_no_message_leaves_for_an_address_that_is_not_public(url, connects):
    outcome = reach(url, {}, b"{}", 1, lookup=lookup)
    assert outcome.state == "never" and connects == []
    assert "\n" not in outcome.why and len(outcome.why) < 200
    assert not any(word in outcome.why for word in ("secret", "meta-data", "passwd", "x.tif"))


def test_no_spelling_of_our_own_address_makes_a_connection_unless_allowed():
    """On a port where somebody listens, so that a connection would be seen."""
    hosts = ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "localhost"]
    hosts += [
        "127.0.0.1.",
        "LOCALHOST.",
        "0.0.0.0",
        "0",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "127\u30020\u30020\u30021",
    ]
    hosts += ["rebound.example", "\uff11\uff12\uff17.0.0.1"]
    with receiver() as server:
        for host in hosts:
            for scheme in ("http", "https"):
                outcome = reach(f"{scheme}://{host}:{server.port}/", {}, b"{}", 1, lookup=lookup)
                assert outcome.state == "never", (host, scheme)
        assert server.connections == 0
        for number, host in enumerate(hosts[:8], 1):
            allow = ["127.0.0.0/8"]
            assert (
                reach(f"http://{host}:{server.port}/", {}, b"{}", AMPLE_S, allow=allow, lookup=lookup).state == "sent"
            )
            assert server.connections == number


@pytest.mark.parametrize(
    ("allow", "opens"),
    [
        (["127.0.0.1:{port}"], True),
        (["10.0.0.0/8", "127.0.0.0/8"], True),
        (["127.0.0.1/32"], True),
        (["127.0.0.1:1"], False),
        (["localhost:{port}"], False),
        (["10.0.0.0/8", "127.0.0.2/32", "::1/128"], False),
        ([], False),
    ],
)
def test_only_what_is_allowed_by_its_own_name_or_network_opens(allow, opens):
    with receiver() as server:
        entries = [entry.format(port=server.port) for entry in allow]
        outcome = reach(server.url, {}, b"{}", AMPLE_S, allow=entries, lookup=lookup)
    assert (outcome.state, server.connections) == (("sent", 1) if opens else ("never", 0))


@pytest.mark.parametrize("ip", ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "::1", "fd12::1"])
def test_local_addresses_open_to_their_name_or_network_and_public_http_too(ip):
    network = str(ipaddress.ip_network(ip))
    for scheme in ("http", "https"):
        assert resolve(f"{scheme}://gw.example:8080/x", ["gw.example:8080"], lambda *_: [ip]).ip == ip
        assert resolve(f"{scheme}://gw.example/x", [network], lambda *_: [ip]).ip == ip
        for allow in ([], ["gw.example:8081"], ["11.0.0.0/8", "fd13::/16"]):
            with pytest.raises(BadInput):
                resolve(f"{scheme}://gw.example:8080/x", allow, lambda *_: [ip])
    with pytest.raises(BadInput, match="http is not used"):
        resolve("http://gw.example/", ["10.0.0.0/8"], lambda *_: ["93.184.216.34"])
    with pytest.raises(BadInput, match="http is not used"):  # nobody is asked where it leads
        resolve("http://gw.example/", (), lambda *_: pytest.fail("resolved"))
    assert resolve("http://gw.example/", ["93.184.216.0/24"], lambda *_: ["93.184.216.34"]).scheme == "http"


@pytest.mark.parametrize(
    "ip",
    [
        *(
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "fe80::1%eth0",
            "224.0.0.1",
            "0.0.0.0",
        ),
        *(
            "255.255.255.255",
            "64:ff9b::a00:1",
            "169.254.1.1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:10::1",
            "192.0.2.1",
            "198.18.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:a00:1::",
            "::ffff:169.254.169.254",
            "ff02::1",
            "::",
        ),
    ],
)
def test_metadata_link_local_multicast_and_translated_addresses_stay_refused_whatever_is_allowed(ip):
    allow = ["gw.example:443", "128.0.0.0/1", "0.0.0.0/1", "8000::/1", "::/1"]
    with pytest.raises(BadInput, match="leads to .*, (a metadata service|link-local, multicast or reserved|private)"):
        resolve("https://gw.example/", allow, lambda *_: [ip])


@pytest.mark.parametrize("second", ["127.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "nonsense"])
def test_one_bad_address_of_a_name_refuses_it(second):
    for ips in (["93.184.216.34", second], [second, "93.184.216.34"]):
        with pytest.raises(BadInput):
            resolve("https://example.org/", (), lambda *_, found=ips: found)


@given(st.ip_addresses())
@settings(deadline=None, max_examples=50)
def test_whatever_passes_is_public(ip):
    """Python's own opinion of the address, and of the IPv4 one inside, is the peer."""
    try:
        found = resolve("https://example.org/", (), lambda *_: [str(ip)])
    except BadInput:
        return
    assert found.ip == str(getattr(ip, "ipv4_mapped", None) or ip)
    inner = ipaddress.ip_address(int(ip) % 2**32) if ip in ipaddress.ip_network("64:ff9b::/96") else ip
    inner = getattr(inner, "ipv4_mapped", None) or inner
    assert inner.is_global and not (inner.is_multicast or inner.is_private or inner.is_reserved or inner.is_loopback)


def test_public_targets_keep_their_parts():
    found = resolve(
        "https://Hooks.Example.org.:8443/a/b%20c/\u00f1?sig=x%2By&z={1}#top", (), lambda *_: ["93.184.216.34"]
    )
    assert (found.scheme, found.host, found.port, found.ip) == ("https", "hooks.example.org", 8443, "93.184.216.34")
    assert found.path == "/a/b%20c/%C3%B1?sig=x%2By&z=%7B1%7D" and found.authority == "hooks.example.org:8443"
    plain = resolve("https://example.org", (), lambda *_: ["2606:2800:220:1::1", "93.184.216.34"])
    assert (plain.path, plain.port, plain.authority, plain.ip) == ("/", 443, "example.org", "2606:2800:220:1::1")
    # Networks without IPv4 of their own reach the rest of the world so.
    for carried, ip in (("64:ff9b::5db8:d822", "64:ff9b::5db8:d822"), ("::ffff:93.184.216.34", "93.184.216.34")):
        assert resolve("https://example.org/", (), lambda *_, found=carried: [found]).ip == ip
    literal = resolve("https://[2606:2800:220:1:0:0:0:1]/", (), lookup)
    assert (literal.host, literal.authority) == ("2606:2800:220:1::1", "[2606:2800:220:1::1]")


def test_names_go_to_the_resolver_in_ascii():
    asked = []

    def resolver(host, port):
        asked.append((host, port))
        return ["93.184.216.34"]

    for host in ("m\u00fcnchen.example", "M\u00dcNCHEN.EXAMPLE.", "xn--mnchen-3ya.example"):
        assert resolve(f"https://{host}/", (), resolver).host == "xn--mnchen-3ya.example"
    assert asked == [("xn--mnchen-3ya.example", 443)] * 3


def test_a_second_answer_of_the_resolver_is_never_asked_for():
    asked = []

    def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    with receiver() as server:
        url = f"http://hooks.example:{server.port}/"
        assert reach(url, {}, b"{}", AMPLE_S, allow=[f"hooks.example:{server.port}"], lookup=rebinding).state == "sent"
    assert asked == ["hooks.example"] and server.connections == 1
    assert server.requests[0][1]["host"] == f"hooks.example:{server.port}"


@pytest.mark.parametrize(
    "entry",
    [
        *(
            "",
            "10.0.0.1",
            "example.org",
            "10.0.0.1/8",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/33",
            "example.org:0",
            "a.example:99999",
        ),
        *(
            "https://a.example:443",
            "user@a.example:80",
            "a.example:80/x",
            "*:80",
            "a b:80",
            "fd12::1:80",
            "[::1]",
            ":80",
        ),
        *("fa\u00df.example:80", "a..b:80", "a.example:80\n", "10.0.0.0/8\n"),
    ],
)
def test_allow_takes_places_and_networks_only(entry):
    with pytest.raises(BadInput, match="^allow: ") as caught:
        allowed([entry])
    assert "\n" not in str(caught.value)


def test_allow_reads_names_as_urls_are_read():
    found = allowed(["GW.Example.:8080", "[0:0::1]:25", "m\u00fcnchen.example:1", "10.0.0.0/8"])
    assert found.places == {"gw.example:8080", "[::1]:25", "xn--mnchen-3ya.example:1"}
    assert found.holds(ipaddress.ip_address("10.9.9.9")) and not found.holds(ipaddress.ip_address("::1"))
