"""Pipelines: answers come in order, and the one of an error behind those before it."""

import pytest
from tornado import web

from .conftest import BOTH_LOOPS, Site
from .wire import call, chunked, request

TYPE = "Content-Type: application/json"


class Page(web.RequestHandler):
    def get(self, number):
        self.write(f"page {number}")

    head = get


class InFlushes(web.RequestHandler):
    async def get(self):
        for number in range(5):
            self.write(f"{number} ")
            await self.flush()


@pytest.fixture
def service(start):
    return start(Site((r"/page/(\d+)", Page), ("/flushes", InFlushes)))


@pytest.fixture
def wire(service, connect):
    return connect(service)


PIPELINE = [
    call(1, "blocking", ["a"]),
    request("GET", "/page/1"),
    call(2, "echo", ["b"]),
    request("HEAD", "/page/2"),
    request("GET", "/flushes"),
    request("GET", "/api"),
    call(3, "with_handler"),
    request("GET", "/nothing"),
    request("POST", "/api", TYPE, "Transfer-Encoding: chunked")
    + chunked(b'{"jsonrpc": "2.0", "method": "echo", "par', b'ams": ["c"], "id": 4}'),
    request("POST", "/api", TYPE, body=b'{"jsonrpc": "2.0", "method": "echo"}'),
    request("HEAD", "/api"),
    request("GET", "/page/3"),
    call(5, "blocking", ["d"]),
    request("GET", "/health/live"),
    request("POST", "/api", TYPE, body=b"{"),
    call(6, "nothing"),
]


def read_pipeline(wire, first="a"):
    assert wire.answer().json["result"] == first
    assert wire.answer().body == b"page 1"
    assert wire.answer().json["result"] == "b"
    assert wire.answer("HEAD").headers["Content-Length"] == "6"
    assert wire.answer().body == b"0 1 2 3 4 "
    assert wire.answer().status == 405
    assert wire.answer().json["result"] == "/api"
    assert wire.answer().status == 404
    assert wire.answer().json["result"] == "c"
    answer = wire.answer()
    assert (answer.status, answer.body) == (200, b"")
    assert wire.answer("HEAD").status == 405
    assert wire.answer().body == b"page 3"
    assert wire.answer().json["result"] == "d"
    assert wire.answer().json == {"status": "live"}
    assert wire.answer().json["error"]["code"] == -32700
    assert wire.answer().json["error"]["code"] == -32601


def test_a_pipeline_is_answered_in_order(wire):
    for _ in range(3):
        wire.send(b"".join(PIPELINE))
        read_pipeline(wire)


def test_a_pipeline_byte_by_byte(wire):
    data = b"".join(PIPELINE)
    wire.send(*(data[i : i + 1] for i in range(len(data))))
    read_pipeline(wire)


@BOTH_LOOPS
@pytest.mark.parametrize("size", [2, 3, 7, 100, 1000])
def test_a_pipeline_in_pieces(wire, size):
    data = b"".join(PIPELINE)
    wire.send(*(data[i : i + size] for i in range(0, len(data), size)))
    read_pipeline(wire)


@pytest.mark.parametrize("method", ["slow", "slow_coroutine"])
def test_a_pipeline_waits_for_its_slow_beginning(service, connect, wire, method):
    wire.send(call(1, method, ["a"]) + b"".join(PIPELINE[1:]))
    service.until_told("slow")
    # The others are not held up.
    other = connect(service, *PIPELINE)
    read_pipeline(other)
    service.may_go.set()
    read_pipeline(wire)


@pytest.mark.parametrize("method", ["slow", "slow_coroutine"])
def test_answers_do_not_wait_for_those_behind_them(service, wire, method):
    wire.send(call(1) + request("GET", "/page/1") + call(2, "blocking") + call(3, method))
    assert wire.answer().json["id"] == 1
    assert wire.answer().body == b"page 1"
    assert wire.answer().json["id"] == 2
    assert not service.may_go.is_set()
    service.may_go.set()
    assert wire.answer().json["id"] == 3


@BOTH_LOOPS
def test_a_long_pipeline(wire):
    """Longer than any recursion may be deep."""
    wire.send(*[b"".join(call(number) for number in range(2_000))])
    assert [wire.answer().json["id"] for _ in range(2_000)] == [*range(2_000)]


ERRORS = {
    "nonsense": b"nonsense\r\n\r\n",
    "a length that is none": request("POST", "/api", TYPE, "Content-Length: x"),
    "an unknown coding": request("POST", "/api", TYPE, "Transfer-Encoding: gzip"),
    "two hosts": request("GET", "/page/1", "Host: y"),
    "a chunk that is none": request("POST", "/api", TYPE, "Transfer-Encoding: chunked") + b"x\r\n",
}
errors = pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)


@errors
@pytest.mark.parametrize("method", ["slow", "slow_coroutine"])
def test_an_error_waits_for_the_answers_before_it(service, wire, method, error):
    wire.send(call(1, method, ["a"]) + request("GET", "/page/1") + call(2) + error + call(3))
    service.until_told("slow")
    service.may_go.set()
    assert wire.answer().json["result"] == "a"
    assert wire.answer().body == b"page 1"
    assert wire.answer().json["id"] == 2
    assert wire.answer().status == 400
    assert wire.is_closed()


@pytest.mark.parametrize("method", ["slow", "slow_coroutine"])
def test_a_body_that_is_too_large_waits_for_them_too(service, wire, method):
    too_large = request("POST", "/api", TYPE, "Content-Length: 99999999")
    wire.send(call(1, method, ["a"]) + call(2) + too_large)
    service.until_told("slow")
    service.may_go.set()
    assert wire.answer().json["result"] == "a"
    assert wire.answer().json["id"] == 2
    answer = wire.answer()
    assert (answer.status, answer.closes) == (413, True)
    assert answer.json["error"]["code"] == -32600


@errors
def test_errors_of_requests(service, connect, error):
    wire = connect(service, error)
    answer = wire.answer()
    assert answer.status == 400
    if answer.body:
        assert answer.json["error"]["code"] == -32600
    assert wire.is_closed()


@BOTH_LOOPS
@errors
def test_errors_say_that_they_are_the_last_answer(service, connect, error):
    answer = connect(service, error).answer()
    assert answer.closes
    assert answer.framing == "length"
