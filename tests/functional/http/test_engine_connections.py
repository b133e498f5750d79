"""Connections: how many there may be, how long they may take, and what is refused on them."""

import asyncio
import gc
import resource
import socket
import threading

import pytest
from tornado import web

from gemstone_core._http._connection import Connection
from tools.waiting import until

from .conftest import BOTH_LOOPS, ONE_WAY, Site, is_served
from .wire import DEADLINE, Wire, call, request

TYPE = "Content-Type: application/json"


class Page(web.RequestHandler):
    def get(self):
        self.write("page")

    post = get


def test_many_at_once(start, connect):
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = min(1_000, (files - 300) // 2)
    service = start(Site(("/", Page)))
    wires = [connect(service) for _ in range(many)]
    for number, wire in enumerate(wires):
        wire.send(call(number) if number % 2 else request("GET", "/"))
    for number, wire in enumerate(wires):
        answer = wire.answer()
        assert (answer.json["id"] == number) if number % 2 else (answer.body == b"page")
    for number, wire in enumerate(wires):
        wire.send(call(number, "blocking"))
    assert [wire.answer().json["id"] for wire in wires] == [*range(many)]


@BOTH_LOOPS
def test_no_piece_of_an_answer_waits_for_the_other_side(start, connect):
    """Else the kernel keeps a small one back until the one before is acknowledged: 40 ms."""
    wire = connect(start(Site()), call())
    assert wire.answer().status == 200
    there = [each for each in gc.get_objects() if isinstance(each, Connection) and not each.is_lost]
    for connection in there:
        ours = connection._transport.get_extra_info("socket")
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert there


@BOTH_LOOPS
def test_who_comes_and_goes_without_a_word(start, connect):
    service = start(Site(("/", Page), max_connections=20))
    for number in range(100):
        wire = connect(service, *[b"POST /api"] * (number % 3 == 0))
        wire.reset() if number % 2 else wire.close()
        # Its place can be had again, as soon as the service knows.
        until(lambda: is_served(service), what="others are served")


@BOTH_LOOPS
def test_no_more_than_allowed(start, connect):
    service = start(Site(("/", Page), max_connections=2))
    first, second = connect(service, call(1)), connect(service, request("GET", "/"))
    assert first.answer().status == second.answer().status == 200
    for data in (b"", call(), request("GET", "/") * 100):
        third = connect(service)
        third.send_if_open(data)
        rest = third.rest()
        # What was sent and not read may have the answer reset.
        assert rest.startswith(b"HTTP/1.1 503 ") or (data and rest == b"")
    for wire in (first, second):
        wire.send(call(5))
        assert wire.answer().json["id"] == 5


@pytest.mark.parametrize("limit", ["idle_timeout", "header_timeout"])
@pytest.mark.parametrize("data", [b"", b"POST /api HTTP/1.1\r\nHost: x\r\nX-"])
def test_who_sends_no_request(start, connect, limit, data):
    rest = connect(start(Site(**{limit: 0.1})), data).rest()
    assert rest == b"" or (data and rest.startswith(b"HTTP/1.1 408 "))


@pytest.mark.parametrize("before", [call(1), request("GET", "/"), request("GET", "/nothing")])
def test_who_sends_no_second_request(start, connect, before):
    wire = connect(start(Site(("/", Page), idle_timeout=0.1)), before)
    assert wire.answer().status in (200, 404)
    assert wire.is_closed()


@pytest.mark.parametrize("target", ["/api", "/"])
@pytest.mark.parametrize("framing", ["Content-Length: 10", "Transfer-Encoding: chunked"])
def test_who_sends_no_body(start, connect, target, framing):
    service = start(Site(("/", Page), body_timeout=0.1))
    rest = connect(service, request("POST", target, TYPE, framing), b"1").rest()
    assert rest == b"" or rest.startswith(b"HTTP/1.1 408 ")


@BOTH_LOOPS
def test_who_takes_no_answer(start, connect):
    """Is not waited for longer than ``idle_timeout``."""
    service = start(Site(max_body_size=40_000_000, max_connections=1, idle_timeout=0.3))
    wire = connect(service, call(1, "echo", ["x" * 30_000_000]), buffer=65_536)
    until(lambda: is_served(service), what="others are served in its place")
    assert len(wire.rest()) < 30_000_000


@BOTH_LOOPS
@pytest.mark.parametrize("method", ["slow", "slow_coroutine"])
def test_a_method_may_take_longer_than_all_that(start, connect, method):
    service = start(Site(idle_timeout=0.1, header_timeout=0.1, body_timeout=0.1))
    wire = connect(service, call(1, method))
    service.until_told("slow")
    # What would be closed by now if methods counted, is.
    assert connect(service).rest() == b""
    assert connect(service).rest() == b""
    service.may_go.set()
    assert wire.answer().json["id"] == 1


TOO_LARGE = {
    "one header": ["X: " + "x" * 1_000_000],
    "many headers": [f"X-{number}: x" for number in range(50_000)],
    "a long name": ["X" * 1_000_000 + ": x"],
}


@BOTH_LOOPS
@pytest.mark.parametrize("target", ["/api", "/"])
@pytest.mark.parametrize("lines", TOO_LARGE.values(), ids=TOO_LARGE)
def test_headers_that_are_too_large(start, connect, target, lines):
    service = start(Site(("/", Page)))
    wire = connect(service)
    wire.send_if_open(request("POST", target, TYPE, *lines, body=b"{}"))
    rest = wire.rest()
    assert rest == b"" or rest.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert connect(service, call()).answer().status == 200


@BOTH_LOOPS
def test_which_is_said_so(start, connect):
    service = start(Site(("/", Page)))
    for lines in (["X: " + "x" * 70_000], [f"X-{number}: {'x' * 100}" for number in range(700)]):
        for target in ("/api", "/"):
            # No more is sent than is read, so that no reset overtakes the answer.
            answer = connect(service, request("GET", target, *lines)).answer()
            assert (answer.status, answer.closes) == (431, True)


@ONE_WAY
def test_headers_that_are_large(start, connect):
    """Cookies are, and those of a request do not count for the next one."""
    service = start(Site(("/", Page)))
    wire = connect(service)
    lines = ["Cookie: " + "x" * 8_000, *[f"X-{number}: {'x' * 200}" for number in range(60)]]
    for _ in range(5):
        wire.send(request("GET", "/", *lines) + call(1, "echo", [], *lines))
        assert wire.answer().status == 200
        assert wire.answer().json["id"] == 1


@BOTH_LOOPS
@pytest.mark.parametrize("target", ["/" + "x" * 1_000_000, "/api?" + "x" * 1_000_000])
def test_a_target_that_is_too_long(start, connect, target):
    service = start(Site())
    wire = connect(service)
    wire.send_if_open(request("GET", target))
    rest = wire.rest()
    assert rest == b"" or rest.startswith(b"HTTP/1.1 4")
    assert connect(service, call()).answer().status == 200


@BOTH_LOOPS
@pytest.mark.parametrize("version", ["2.0", "3.0", "9.9"])
def test_versions_that_are_not_spoken(start, connect, version):
    answer = connect(start(Site()), request("GET", "/", version=version)).answer()
    assert (answer.status in (400, 505), answer.closes) == (True, True)


@BOTH_LOOPS
def test_the_other_family_of_addresses(start, connect):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")

    class Peer(web.RequestHandler):
        def get(self):
            self.write(self.request.remote_ip)

    service = start(Site(("/", Peer), host="::1"))
    assert service.accessible_at.startswith(f"http://[::1]:{service.port}/")
    wire = connect(service, request("GET", "/"), call(1))
    assert wire.answer().body == b"::1"
    assert wire.answer().json["id"] == 1


@BOTH_LOOPS
def test_services_that_share_a_loop(way):
    """And a stop of one is nothing to the other."""
    first, second = Site(("/", Page)), Site(("/", Page))
    factory = asyncio.new_event_loop
    if way.loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop

    async def serve():
        await asyncio.gather(first.serve(), second.serve())

    def run():
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for service in (first, second):
            until(lambda service=service: service.port and _is_up(service), what="it serves")
        wires = [
            Wire(socket.create_connection(("127.0.0.1", each.port), DEADLINE))
            for each in (first, second)
        ]
        for number, wire in enumerate(wires):
            wire.send(call(number, "blocking"), request("GET", "/"))
            assert wire.answer().json["id"] == number
            assert wire.answer().body == b"page"
        first.stop()
        assert wires[0].is_closed()
        wires[1].send(call(7))
        assert wires[1].answer().json["id"] == 7
        for wire in wires:
            wire.close()
    finally:
        first.stop()
        second.stop()
        thread.join(DEADLINE)
    assert not thread.is_alive()


def _is_up(service):
    try:
        socket.create_connection(("127.0.0.1", service.port), DEADLINE).close()
    except OSError:
        return False
    return True
