"""Faults of Tornado's handlers: none of them may be taken for an answer, or for two."""

import pytest
from tornado import httputil, web

import gemstone

from .conftest import BOTH_LOOPS, Site
from .wire import Truncated, request


class Wrong(web.RequestHandler):
    """Says one length and writes another, or fails when it has written."""

    async def get(self, how):
        await getattr(self, how)()

    async def less(self):
        self.set_header("Content-Length", "10")
        self.write("12345")

    async def less_in_flushes(self):
        self.set_header("Content-Length", "10")
        self.write("12345")
        await self.flush()

    async def more(self):
        self.set_header("Content-Length", "3")
        self.write("12345")

    async def more_in_flushes(self):
        self.set_header("Content-Length", "3")
        self.write("123")
        await self.flush()
        self.write("45")
        await self.flush()

    async def fails_within_its_length(self):
        self.set_header("Content-Length", "10")
        self.write("12345")
        await self.flush()
        raise LookupError("on purpose")

    async def fails_within_its_chunks(self):
        self.write("12345")
        await self.flush()
        raise LookupError("on purpose")


@pytest.fixture
def wrong(start, connect):
    service = start(Site((r"/(\w+)", Wrong)))
    yield lambda how: connect(service, request("GET", f"/{how}"), request("GET", "/api"))
    assert connect(service, request("GET", "/api")).answer().status == 405


@pytest.mark.parametrize("how", ["less", "less_in_flushes", "fails_within_its_length"])
def test_less_than_was_promised_is_seen_as_such(wrong, how):
    with pytest.raises(Truncated):
        wrong(how).answer()


@pytest.mark.parametrize("how", ["more", "more_in_flushes"])
def test_more_than_was_promised_is_not_sent(wrong, how):
    rest = wrong(how).rest()
    body = rest.partition(b"\r\n\r\n")[2]
    assert b"12345".startswith(body)
    assert len(body) <= 3


def test_a_failure_among_chunks(wrong):
    wire = wrong("fails_within_its_chunks")
    # Tornado's own handlers end the answer as if it were whole.
    try:
        answer = wire.answer()
    except Truncated:
        assert wire.is_closed()
    else:
        assert answer.body == b"12345"


class Injecting(gemstone.GemstoneCustomHandler):
    """Hands on what it is told, without a look at it."""

    EVIL = "a\r\nX-Injected: 1"

    def get(self, how):
        try:
            getattr(self, how)()
        except ValueError:
            self.microservice.told.append(how)
            raise

    def header(self):
        self.set_header("X-A", self.EVIL)

    def name_of_header(self):
        self.set_header(self.EVIL, "a")

    def cookie(self):
        self.set_cookie("a", self.EVIL)

    def reason(self):
        self.set_status(200, self.EVIL)

    def elsewhere(self):
        self.redirect(self.EVIL)

    def beyond_latin_1(self):
        self.set_header("X-A", "\N{EURO SIGN}")

    def past_tornado(self):
        line = httputil.ResponseStartLine("", 200, self.EVIL)
        self.request.connection.write_headers(line, httputil.HTTPHeaders(), b"x")


@BOTH_LOOPS
@pytest.mark.parametrize(
    "how",
    ["header", "name_of_header", "cookie", "reason", "elsewhere", "beyond_latin_1", "past_tornado"],
)
def test_nothing_can_be_put_into_the_headers(start, connect, how):
    service = start(Site((r"/(\w+)", Injecting)))
    wire = connect(service, request("GET", f"/{how}", "Connection: close"))
    assert b"\nX-Injected" not in wire.rest()
    if how == "past_tornado":
        assert how in service.told
    assert connect(service, request("GET", "/api")).answer().status == 405
