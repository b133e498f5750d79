"""Large answers and uploads of Tornado's handlers, and clients that are slow or go away."""

import asyncio
import contextlib
import hashlib

import pytest
from tornado import iostream, web

import gemstone
from tools.waiting import until

from .conftest import BOTH_LOOPS, Site
from .wire import Truncated, chunked, request, settled

MEBIBYTE = 1024 * 1024
PIECE = bytes(range(256)) * 256
#: What may be on its way between a sender and one who does not read: in the kernel on both sides
#: (whose buffers grow as they like up to some MiB), in the engine, and in what encrypts.
ON_ITS_WAY = 16 * MEBIBYTE


class Large(gemstone.GemstoneCustomHandler):
    """Writes a large answer no faster than it is read."""

    def initialize(self, pieces):
        self.pieces = pieces

    async def get(self):
        if self.get_argument("length", None):
            self.set_header("Content-Length", str(self.pieces * len(PIECE)))
        try:
            for _ in range(self.pieces):
                self.write(PIECE)
                await self.flush()
                self.microservice.amount += 1
        except iostream.StreamClosedError:
            self.microservice.told.append("stream closed")
            raise

    def on_connection_close(self):
        super().on_connection_close()
        self.microservice.told.append("closed")

    def on_finish(self):
        self.microservice.told.append("finished")


@pytest.mark.parametrize("length", ["", "?length=1"])
def test_a_slow_reader_holds_up_its_answer(start, connect, length):
    pieces = 40 * MEBIBYTE // len(PIECE)
    service = start(Site(("/large", Large, {"pieces": pieces})))
    wire = connect(service, request("GET", f"/large{length}"), buffer=65_536)
    written = settled(lambda: service.amount)
    assert written * len(PIECE) < ON_ITS_WAY
    # Nobody else is held up by it.
    assert connect(service, request("GET", "/api")).answer().status == 405
    answer = wire.answer()
    assert answer.framing == ("length" if length else "chunks")
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(PIECE * pieces).digest()
    wire.send(request("GET", "/api"))
    assert wire.answer().status == 405
    service.until_told("finished")
    assert "closed" not in service.told


def test_a_large_answer_that_is_written_at_once(start, connect):
    class AtOnce(web.RequestHandler):
        def get(self):
            self.write(PIECE * 320)

    wire = connect(start(Site(("/", AtOnce))), *[request("GET", "/")] * 2)
    for _ in range(2):
        answer = wire.answer()
        assert answer.framing == "length"
        assert answer.body == PIECE * 320


@pytest.mark.parametrize("rudely", [False, True])
def test_who_goes_away_while_it_is_answered(start, connect, rudely):
    service = start(Site(("/large", Large, {"pieces": 100_000})))
    wire = connect(service, request("GET", "/large"), buffer=65_536)
    until(lambda: service.amount, what="the answer has begun")
    wire.reset() if rudely else wire.close()
    service.until_told("stream closed")
    service.until_told("finished")
    assert service.told.count("finished") == 1


class InParts(gemstone.GemstoneCustomHandler):
    async def get(self):
        self.write("begun")
        await self.flush()
        await self.microservice.may_go_on()
        self.write("ended")


def test_each_part_comes_as_soon_as_it_was_flushed(start, connect):
    """And a handler may take its time between two of them."""
    limits = {"idle_timeout": 0.1, "header_timeout": 0.1, "body_timeout": 0.1}
    service = start(Site(("/", InParts), **limits))
    wire = connect(service, request("GET", "/"))
    assert wire.read_until(b"begun").startswith(b"HTTP/1.1 200 ")
    # What would be closed by now if handlers counted, is.
    for _ in range(2):
        assert connect(service).is_closed()
    service.may_go.set()
    assert b"ended" in wire.read_until(b"\r\n0\r\n\r\n")


class Waiting(gemstone.GemstoneCustomHandler):
    async def get(self):
        self.microservice.told.append("waiting")
        await self.microservice.may_go_on()
        self.write("waited")

    def on_connection_close(self):
        self.microservice.told.append("closed")

    def on_finish(self):
        self.microservice.told.append("finished")


@pytest.mark.parametrize("rudely", [False, True])
def test_who_goes_away_before_it_is_answered(start, connect, rudely):
    service = start(Site(("/", Waiting)))
    wire = connect(service, request("GET", "/"))
    service.until_told("waiting")
    wire.reset() if rudely else wire.close()
    service.until_told("closed")
    assert "finished" not in service.told  # the handler goes on: it may have something to do
    service.may_go.set()
    service.until_told("finished")
    assert service.told == ["waiting", "closed", "finished"]


@BOTH_LOOPS
def test_who_stays_is_not_taken_for_gone(start, connect):
    service = start(Site(("/", Waiting)))
    wire = connect(service, request("GET", "/"))
    service.until_told("waiting")
    service.may_go.set()
    assert wire.answer().body == b"waited"
    wire.close()
    assert connect(service, request("GET", "/api")).answer().status == 405
    assert service.told == ["waiting", "finished"]


@web.stream_request_body
class Upload(gemstone.GemstoneCustomHandler):
    """Takes a body in pieces, and each only when it may."""

    def initialize(self, largest=None, slowly=False):
        self.largest = largest
        self.slowly = slowly
        self.taken = 0
        self.hash = hashlib.sha256()

    def prepare(self):
        if self.largest is not None:
            self.request.connection.set_max_body_size(self.largest)
            self.request.connection.set_body_timeout(60)
        if self.get_argument("refused", None):
            self.set_status(403)
            self.finish("refused")

    async def data_received(self, chunk):
        assert isinstance(chunk, bytes)
        self.hash.update(chunk)
        self.taken += len(chunk)
        self.microservice.amount += len(chunk)
        if self.slowly:
            await self.microservice.may_go_on()
        await asyncio.sleep(0)

    def put(self):
        assert self.request.body == b""
        self.write({"taken": self.taken, "hash": self.hash.hexdigest()})

    post = put

    def on_connection_close(self):
        super().on_connection_close()
        self.microservice.told.append("closed")

    def on_finish(self):
        self.microservice.told.append("finished")


BODY = PIECE * (50 * MEBIBYTE // len(PIECE))


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_large_upload(start, connect, in_chunks):
    service = start(Site(("/up", Upload, {"largest": len(BODY)}), max_body_size=1_000))
    wire = connect(service)
    if in_chunks:
        wire.send(request("PUT", "/up", "Transfer-Encoding: chunked"))
        wire.send(chunked(*(BODY[i : i + 700_001] for i in range(0, len(BODY), 700_001))))
    else:
        wire.send(request("PUT", "/up", body=BODY))
    assert wire.answer().json == {"taken": len(BODY), "hash": hashlib.sha256(BODY).hexdigest()}
    wire.send(request("GET", "/api"))
    assert wire.answer().status == 405


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_slow_handler_holds_up_its_sender(start, connect, in_chunks):
    service = start(Site(("/up", Upload, {"largest": len(BODY), "slowly": True})))
    data = chunked(BODY) if in_chunks else BODY
    framing = "Transfer-Encoding: chunked" if in_chunks else f"Content-Length: {len(BODY)}"
    wire = connect(service, request("PUT", "/up", framing))
    sent = wire.push(data)
    assert 0 < sent < ON_ITS_WAY
    assert 0 < service.amount <= sent
    service.may_go.set()
    wire.send(data[sent:])
    assert wire.answer().json["hash"] == hashlib.sha256(BODY).hexdigest()


@BOTH_LOOPS
def test_many_small_pieces(start, connect):
    wire = connect(start(Site(("/up", Upload))))
    wire.send(request("PUT", "/up", "Transfer-Encoding: chunked"))
    wire.send(chunked(*[b"x"] * 20_000), request("PUT", "/up", body=b"more"))
    assert wire.answer().json["taken"] == 20_000
    assert wire.answer().json["taken"] == 4


@pytest.mark.parametrize("rudely", [False, True])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_who_goes_away_within_an_upload(start, connect, rudely, in_chunks):
    service = start(Site(("/up", Upload)))
    framing = "Transfer-Encoding: chunked" if in_chunks else "Content-Length: 20"
    wire = connect(
        service, request("PUT", "/up", framing), b"5\r\nhello" if in_chunks else b"hello"
    )
    until(lambda: service.amount == 5, what="the beginning of the body is there")
    wire.reset() if rudely else wire.close()
    service.until_told("closed")
    assert connect(service, request("GET", "/api")).answer().status == 405


@BOTH_LOOPS
@pytest.mark.parametrize("in_chunks", [False, True])
def test_an_upload_that_is_too_large(start, connect, in_chunks):
    service = start(Site(("/up", Upload, {"largest": 1_000})))
    body = b"x" * 2_000
    if in_chunks:
        data = request("PUT", "/up", "Transfer-Encoding: chunked") + chunked(body[:900], body[900:])
    else:
        data = request("PUT", "/up", body=body)
    wire = connect(service, data)
    assert wire.answer().status in (400, 413)
    assert wire.is_closed()
    service.until_told("closed")


@BOTH_LOOPS
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_that_is_too_large_for_a_page(start, connect, in_chunks):
    service = start(Site(("/", Waiting), max_body_size=1_000))
    body = b"x" * 1_001
    if in_chunks:
        data = request("POST", "/", "Transfer-Encoding: chunked") + chunked(body)
    else:
        data = request("POST", "/", body=body)
    wire = connect(service, data)
    assert wire.answer().status in (400, 413)
    assert wire.is_closed()


@BOTH_LOOPS
def test_which_is_said_so(start, connect):
    service = start(Site(("/", Waiting), ("/up", Upload, {"largest": 10}), max_body_size=1_000))
    for target in ("/", "/up"):
        wire = connect(service, request("POST", target, body=b"x" * 1_001))
        assert wire.answer().status == 413
        assert wire.is_closed()


@pytest.mark.parametrize("expects", [False, True])
def test_an_answer_before_the_body(start, connect, expects):
    service = start(Site(("/up", Upload)))
    lines = ["Content-Length: 1000", *["Expect: 100-continue"] * expects]
    wire = connect(service, request("PUT", "/up?refused=1", *lines))
    answer = wire.answer()
    assert (answer.status, answer.body) == (403, b"refused")
    assert wire.is_closed()  # the body is not taken for a request
    service.until_told("finished")


@BOTH_LOOPS
def test_an_answer_before_a_body_that_is_on_its_way(start, connect):
    wire = connect(start(Site(("/up", Upload))))
    wire.send_if_open(request("PUT", "/up?refused=1", body=request("GET", "/api") * 100_000))
    with contextlib.suppress(Truncated):  # a reset for what was not read may overtake the answer
        assert wire.answer().status == 403
    assert wire.is_closed()


def test_a_go_ahead(start, connect):
    wire = connect(start(Site(("/up", Upload))))
    wire.send(request("PUT", "/up", "Content-Length: 5", "Expect: 100-continue"))
    assert wire.answer().status == 100
    wire.send(b"hello")
    assert wire.answer().json["taken"] == 5


@BOTH_LOOPS
@pytest.mark.parametrize("in_chunks", [False, True])
def test_who_sends_no_body(start, connect, in_chunks):
    """Is not waited for longer than ``body_timeout``."""
    service = start(Site(("/up", Upload), body_timeout=0.1))
    framing = "Transfer-Encoding: chunked" if in_chunks else "Content-Length: 20"
    wire = connect(service, request("PUT", "/up", framing))
    rest = wire.rest()
    assert rest == b"" or rest.startswith(b"HTTP/1.1 408 ")
    service.until_told("closed")


@BOTH_LOOPS
def test_a_handler_that_fails_in_mid_body(start, connect):
    @web.stream_request_body
    class Failing(gemstone.GemstoneCustomHandler):
        def data_received(self, chunk):
            raise LookupError("on purpose")

        def put(self):
            self.write("never")

    service = start(Site(("/", Failing)))
    wire = connect(service, request("PUT", "/", "Content-Length: 10"), b"hello")
    rest = wire.rest()
    assert rest == b"" or rest.startswith(b"HTTP/1.1 500 ")
    assert b"on purpose" not in rest
    assert connect(service, request("GET", "/api")).answer().status == 405
