"""No request leaves for an address that is not public: a corpus of what has been used to get around such checks."""

import socket

import pytest
from loopback_stac import Server

from detection.errors import BadInput
from detection.sources import Traffic
from detection.sources.addresses import address_of, parts_of, shown
from detection.sources.fetch import Client, Failed, Request, backoff_s, retry_after_s

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


@pytest.mark.parametrize("url", REFUSED)
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
        ({}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after_s(headers) == seconds
