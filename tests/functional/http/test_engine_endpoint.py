"""The RPC endpoint, byte by byte: framing, slow readers, and how connections go on and end."""

import json

import pytest
from tornado import web

import gemstone

from .conftest import BOTH_LOOPS, ONE_WAY, Site
from .wire import call, chunked, request, settled

TYPE = "Content-Type: application/json"


class Page(web.RequestHandler):
    def get(self, number):
        self.write(f"page {number}")

    head = get


@pytest.fixture
def service(start):
    return start(Site((r"/page/(\d+)", Page), max_body_size=10_000_000))


@pytest.fixture
def wire(service, connect):
    return connect(service)


@BOTH_LOOPS
@pytest.mark.parametrize("verb", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_verbs(wire, verb):
    for body in (None, b"{}"):
        wire.send(request(verb, "/api", TYPE, body=body))
        answer = wire.answer(verb)
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert answer.headers["Gemstone-Service"] == "site"
        if verb != "HEAD":
            assert answer.json["error"]["code"] == -32600
    wire.send(call(9))
    assert wire.answer().json["id"] == 9


BODY = json.dumps({"jsonrpc": "2.0", "method": "echo", "params": ["x"], "id": 1}).encode()
CHUNKED = request("POST", "/api", TYPE, "Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    "body",
    [
        chunked(BODY),
        chunked(*(BODY[i : i + 1] for i in range(len(BODY)))),
        b"%X\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
        b"000%x\r\n%b\r\n000\r\n\r\n" % (len(BODY), BODY),
    ],
)
def test_chunks(wire, body):
    wire.send(CHUNKED + body, CHUNKED + body + call(2))
    assert [wire.answer().json["id"] for _ in range(3)] == [1, 1, 2]


@BOTH_LOOPS
@pytest.mark.parametrize(
    "body",
    [
        chunked(BODY, extension=b";a=b"),
        chunked(BODY, extension=b';a="b;c"'),
        chunked(BODY, trailers=b"X-Sum: 5\r\n"),
        chunked(BODY, trailers=b"X-Sum: 5\r\nX-More: 6\r\n"),
        chunked(BODY, extension=b";a", trailers=b"Upgrade: y\r\nHost: y\r\n"),
    ],
)
def test_chunks_with_more_about_them(wire, body):
    wire.send(CHUNKED + body + call(2))
    assert [wire.answer().json["id"] for _ in range(2)] == [1, 2]


@BOTH_LOOPS
def test_large_calls(wire):
    large = "x" * 5_000_000
    for number in range(3):
        wire.send(call(number, "echo", [large]) + call("next"))
        answer = wire.answer()
        assert (answer.json["id"], answer.json["result"]) == (number, large)
        assert wire.answer().json["id"] == "next"


@pytest.mark.parametrize("method", ["echo", "blocking"])
def test_a_slow_reader(start, connect, method):
    """Gets a large answer whole, and does not hold up anybody."""
    service = start(Site(max_body_size=40_000_000))
    large = "x" * 30_000_000
    wire = connect(service, call(1, method, [large]), call(2), buffer=65_536)
    assert connect(service, call(3)).answer().json["id"] == 3
    answer = wire.answer()
    assert answer.json["result"] == large
    assert wire.answer().json["id"] == 2


@BOTH_LOOPS
def test_who_never_reads_is_not_read_from(start, connect):
    """What waits for a client that does not take its answers is bounded."""

    class Counting(Site):
        @gemstone.exposed_method()
        async def large(self):
            self.amount += 1
            return "x" * 1_000_000

    service = start(Counting(idle_timeout=60))
    wire = connect(service, buffer=65_536)
    wire.push(call(1, "large") * 1_000)
    assert settled(lambda: service.amount) < 40
    wire.close()
    assert connect(service, call()).answer().status == 200


@pytest.mark.parametrize(
    ("version", "line", "goes_on"),
    [
        ("1.1", "X-A: b", True),
        ("1.1", "Connection: keep-alive", True),
        ("1.1", "Connection: close", False),
        ("1.1", "Connection: Close", False),
        ("1.0", "X-A: b", False),
        ("1.0", "Connection: keep-alive", True),
        ("1.0", "Connection: Keep-Alive", True),
        ("1.0", "Connection: close", False),
    ],
)
@pytest.mark.parametrize("target", ["endpoint", "page", "refused"])
def test_how_connections_go_on(wire, version, line, goes_on, target):
    if target == "page":
        data = request("GET", "/page/5", line, version=version)
    elif target == "refused":
        data = request("GET", "/api", line, version=version)
    else:
        data = call(1, "echo", [], line, version=version)
    wire.send(data)
    answer = wire.answer()
    assert answer.status == (405 if target == "refused" else 200)
    said = answer.headers.get("Connection", "").lower()
    if goes_on:
        assert said == ("keep-alive" if version == "1.0" else "")
        wire.send(call(2))
        assert wire.answer().json["id"] == 2
    else:
        assert said == ("close" if version == "1.1" else said)
        assert said != "keep-alive"
        assert wire.is_closed()


@BOTH_LOOPS
def test_nothing_is_answered_behind_the_last_request(service, wire):
    wire.send(call(1, "echo", [], "Connection: close") + call(2) + request("GET", "/page/1"))
    assert wire.answer().json["id"] == 1
    assert wire.is_closed()


def test_a_go_ahead(wire):
    data = call(1, "echo", [], "Expect: 100-continue")
    head, _, body = data.partition(b"\r\n\r\n")
    wire.send(head + b"\r\n\r\n")
    assert wire.answer().status == 100
    wire.send(body)
    assert wire.answer().json["id"] == 1
    # Who does not wait for it may get one nevertheless.
    wire.send(data)
    while (answer := wire.answer()).status == 100:
        pass
    assert answer.json["id"] == 1


@BOTH_LOOPS
def test_a_go_ahead_for_others(wire):
    head, _, body = call(1, "echo", [], "Expect: 100-Continue").partition(b"\r\n\r\n")
    wire.send(head + b"\r\n\r\n")
    assert wire.answer().status == 100
    wire.send(body)
    assert wire.answer().json["id"] == 1
    # HTTP/1.0 knows none (RFC 9110, section 10.1.1).
    wire.send(call(1, "echo", [], "Expect: 100-continue", version="1.0"))
    assert wire.answer().json["id"] == 1


@BOTH_LOOPS
def test_no_go_ahead_for_what_is_refused(service, connect):
    for lines in (["Content-Length: 99999999"], ["Content-Length: 99999999", "Connection: close"]):
        wire = connect(service, request("POST", "/api", TYPE, "Expect: 100-continue", *lines))
        answer = wire.answer()
        assert (answer.status, answer.closes) == (413, True)
        assert wire.is_closed()


@ONE_WAY
@pytest.mark.parametrize("line", ["Upgrade: h2c", "Upgrade: websocket", "Upgrade: TLS/1.2"])
@pytest.mark.parametrize(
    "connection", ["Upgrade", "Upgrade, HTTP2-Settings", "keep-alive, Upgrade"]
)
def test_who_asks_for_another_protocol_gets_this_one(wire, line, connection):
    lines = [line, f"Connection: {connection}", "HTTP2-Settings: x"]
    wire.send(call(1, "echo", ["a"], *lines) + call(2))
    chunks = request("POST", "/api", TYPE, "Transfer-Encoding: chunked", *lines)
    wire.send(chunks + chunked(BODY[:9], BODY[9:]) + call(3))
    assert wire.answer().json["result"] == "a"
    assert [wire.answer().json["id"] for _ in range(3)] == [2, 1, 3]
    wire.send(request("GET", "/page/1", *lines) + call(4))
    assert wire.answer().body == b"page 1"
    assert wire.answer().json["id"] == 4


@ONE_WAY
def test_lines_between_requests(wire):
    """Some clients send an empty line behind a body (RFC 9112, section 2.2)."""
    wire.send(b"\r\n" + call(1) + b"\r\n" + call(2))
    assert [wire.answer().json["id"] for _ in range(2)] == [1, 2]
