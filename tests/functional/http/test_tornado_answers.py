"""What Tornado's handlers answer, as it comes over the wire: its framing, and errors."""

import asyncio
from http.client import HTTPMessage, responses

import pytest
from tornado import httputil, web

from .conftest import BOTH_LOOPS, ONE_WAY, Site
from .wire import request

TEXT = "some text\n" * 100


class Whole(web.RequestHandler):
    async def get(self, how):
        await getattr(self, how)()

    head = post = get

    async def text(self):
        self.write(TEXT)

    async def nothing(self):
        pass

    async def length(self):
        self.set_header("Content-Length", str(len(TEXT)))
        for begin in range(0, len(TEXT), 300):
            self.write(TEXT[begin : begin + 300])
            await self.flush()

    async def flushes(self):
        for begin in range(0, len(TEXT), 300):
            self.write(TEXT[begin : begin + 300])
            await self.flush()
            await self.flush()  # of nothing, which must not end the answer

    async def no_content(self):
        self.set_status(204)

    async def not_modified(self):
        self.set_status(304)
        self.set_header("Etag", '"x"')

    async def redirected(self):
        self.redirect("/elsewhere?a=ä")

    async def closing(self):
        self.set_header("Connection", "close")
        self.write("the last one")

    async def by_itself(self):
        self.request.connection.write_headers(
            httputil.ResponseStartLine("", 200, "Fine"), httputil.HTTPHeaders({"X-A": "b"}), b""
        )
        self.request.connection.finish()
        self._finished = True  # what Tornado's own handlers do that write by themselves

    async def failing(self):
        raise LookupError("on purpose")

    async def refusing(self):
        raise web.HTTPError(418, "not shown", reason="A teapot")

    async def sending_error(self):
        self.send_error(503)

    async def cancelled(self):
        raise asyncio.CancelledError


@pytest.fixture
def wire(start, connect):
    return connect(start(Site((r"/(\w+)", Whole))))


def goes_on(wire):
    """Whether the connection can be used for one more request."""
    wire.send(request("GET", "/text"))
    return wire.answer().body == TEXT.encode()


@pytest.mark.parametrize("how", ["text", "length", "flushes"])
def test_framing_for_http_1_1(wire, how):
    wire.send(request("GET", f"/{how}"))
    answer = wire.answer()
    assert (answer.status, answer.body) == (200, TEXT.encode())
    assert answer.framing == ("chunks" if how == "flushes" else "length")
    assert goes_on(wire)


@pytest.mark.parametrize("how", ["text", "length", "flushes"])
def test_framing_for_http_1_0(wire, how):
    wire.send(request("GET", f"/{how}", version="1.0"))
    answer = wire.answer()
    assert (answer.status, answer.body) == (200, TEXT.encode())
    assert answer.framing == ("close" if how == "flushes" else "length")
    assert wire.is_closed()


@pytest.mark.parametrize("how", ["text", "length"])
def test_http_1_0_that_goes_on(wire, how):
    wire.send(request("GET", f"/{how}", "Connection: keep-alive", version="1.0"))
    answer = wire.answer()
    assert (answer.framing, answer.headers["Connection"].lower()) == ("length", "keep-alive")
    assert goes_on(wire)


def test_http_1_0_that_can_not_go_on(wire):
    wire.send(request("GET", "/flushes", "Connection: keep-alive", version="1.0"))
    answer = wire.answer()
    assert (answer.framing, answer.body) == ("close", TEXT.encode())
    assert answer.headers.get("Connection", "").lower() != "keep-alive"


@pytest.mark.parametrize("how", ["text", "length", "flushes", "nothing", "redirected", "failing"])
def test_head_has_no_body(wire, how):
    wire.send(request("HEAD", f"/{how}"))
    answer = wire.answer("HEAD")
    if how in ("text", "length"):
        assert answer.headers["Content-Length"] == str(len(TEXT))
    assert goes_on(wire)


@pytest.mark.parametrize("how", ["no_content", "not_modified"])
def test_answers_without_a_body(wire, how):
    wire.send(request("GET", f"/{how}"))
    answer = wire.answer()
    assert answer.status in (204, 304)
    assert answer.headers["Transfer-Encoding"] is None
    assert answer.headers["Content-Length"] is None
    assert goes_on(wire)


def test_an_empty_answer(wire):
    wire.send(request("GET", "/nothing"))
    answer = wire.answer()
    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, "0", b"")
    assert goes_on(wire)


@pytest.mark.parametrize("how", ["text", "flushes", "no_content"])
@pytest.mark.parametrize("verb", ["GET", "HEAD", "POST"])
def test_who_asks_for_the_end_gets_it(wire, verb, how):
    body = b"x" if verb == "POST" else None
    wire.send(request(verb, f"/{how}", "Connection: close", body=body))
    answer = wire.answer(verb)
    assert answer.closes
    if verb != "HEAD" and how != "no_content":
        assert answer.body == TEXT.encode()
    assert wire.is_closed()


@BOTH_LOOPS
def test_http_1_0_without_a_host(start, connect):
    wire = connect(start(Site((r"/(\w+)", Whole))), b"GET /text HTTP/1.0\r\n\r\n")
    assert wire.answer().body == TEXT.encode()
    assert wire.is_closed()


@BOTH_LOOPS
@pytest.mark.parametrize("said", ["Close", "close, te", "TE, close"])
def test_ways_to_ask_for_the_end(wire, said):
    wire.send(request("GET", "/text", f"Connection: {said}"))
    answer = wire.answer()
    assert answer.body == TEXT.encode()
    if answer.closes:
        assert wire.is_closed()
    else:
        assert "," in said  # a list, which Tornado does not look into
        assert goes_on(wire)


def test_a_handler_that_says_that_it_closes(wire):
    wire.send(request("GET", "/closing"), request("GET", "/closing"))
    answer = wire.answer()
    assert (answer.body, answer.closes) == (b"the last one", True)


@ONE_WAY
def test_an_etag(wire):
    wire.send(request("GET", "/text"))
    etag = wire.answer().headers["Etag"]
    wire.send(request("GET", "/text", f"If-None-Match: {etag}"))
    answer = wire.answer()
    assert (answer.status, answer.headers["Etag"], answer.body) == (304, etag, b"")
    wire.send(request("GET", "/text", 'If-None-Match: "other"'))
    assert wire.answer().status == 200
    wire.send(request("HEAD", "/text", f"If-None-Match: {etag}"))
    assert wire.answer("HEAD").status == 304
    assert goes_on(wire)


@ONE_WAY
def test_a_redirect(wire):
    wire.send(request("GET", "/redirected"))
    answer = wire.answer()
    location = answer.headers["Location"].encode("latin-1").decode()
    assert (answer.status, location) == (302, "/elsewhere?a=ä")
    assert goes_on(wire)


@BOTH_LOOPS
def test_headers_that_each_answer_has(wire):
    wire.send(request("GET", "/text"))
    headers = wire.answer().headers
    assert isinstance(headers, HTTPMessage)
    assert headers["Date"].endswith(" GMT")
    for name in ("Date", "Content-Type", "Content-Length", "Server"):
        assert len(headers.get_all(name)) == 1
    assert headers["Connection"] is None


@BOTH_LOOPS
@pytest.mark.parametrize(
    ("how", "status"),
    [("failing", 500), ("refusing", 418), ("sending_error", 503), ("cancelled", 500)],
)
def test_errors(wire, how, status):
    wire.send(request("GET", f"/{how}"))
    answer = wire.answer()
    assert answer.status == status
    assert answer.reason == ("A teapot" if status == 418 else responses[status])
    assert b"on purpose" not in answer.body
    assert b"not shown" not in answer.body
    assert goes_on(wire)


@BOTH_LOOPS
def test_a_page_that_is_not_there(start, connect):
    wire = connect(start(Site()), request("GET", "/nothing"), request("POST", "/", body=b"x"))
    assert [wire.answer().status for _ in range(2)] == [404, 404]


@BOTH_LOOPS
def test_a_handler_that_writes_by_itself(wire):
    wire.send(request("GET", "/by_itself"))
    answer = wire.answer()
    assert (answer.status, answer.headers["X-A"], answer.body) == (200, "b", b"")
    assert goes_on(wire)
