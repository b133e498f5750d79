"""Requests in a row: the same answers in the same order, wherever their bytes are cut."""

import json
import socket
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gemstone

from ..functional.http.wire import DEADLINE, Wire, chunked, request
from .conftest import examples
from .playground import Playground


class Page(gemstone.GemstoneCustomHandler):
    """A page that says what it was sent."""

    def get(self):
        self.write(self.get_query_argument("value"))

    head = get

    def post(self):
        self.write(self.request.body)


class Pieces(gemstone.GemstoneCustomHandler):
    """A page that comes in chunks."""

    async def post(self):
        for letter in self.request.body.decode():
            self.write(letter)
            await self.flush()


class Site(Playground):
    extra_handlers = (("/page", Page), ("/pieces", Pieces))


@dataclass(frozen=True)
class Exchange:
    """A request, and what has to be answered.

    Args:
        answer: the body; or JSON, where that is no text.
    """

    data: bytes
    answer: Any
    status: int = 200
    verb: str = "POST"


def rpc(method, params, **more):
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more})


def result(value, id):
    return {"jsonrpc": "2.0", "result": value, "id": id}


def error(code, id=None):
    return {"code": code, "id": id}


WORDS = st.text("abc", max_size=8)
VALUES = WORDS | st.integers(-9, 9) | st.lists(st.just("x" * 300), max_size=3)
METHODS = st.sampled_from(["echo", "blocking"])
IDS = st.integers(0, 999)
#: The target, the body, and what is answered.
POSTS = st.one_of(
    st.tuples(METHODS, VALUES, IDS).map(
        lambda call: ("/api", rpc(call[0], [call[1]], id=call[2]), result(call[1], call[2]))
    ),
    st.lists(st.tuples(METHODS, VALUES, IDS), min_size=1, max_size=3).map(
        lambda calls: (
            "/api",
            f"[{','.join(rpc(method, [value], id=id) for method, value, id in calls)}]",
            [result(value, id) for _, value, id in calls],
        )
    ),
    st.tuples(METHODS, VALUES).map(lambda call: ("/api", rpc(call[0], [call[1]]), "")),
    IDS.map(lambda id: ("/api", rpc("nothing", [], id=id), error(-32601, id))),
    IDS.map(lambda id: ("/api", rpc("fails", [], id=id), error(-32603, id))),
    st.just(("/api", "{", error(-32700))),
    st.just(("/api", "", error(-32700))),
    WORDS.map(lambda word: ("/page", word, word)),
    WORDS.map(lambda word: ("/pieces", word, word)),
)
LINES = st.sampled_from(
    [*([()] * 3), ("X: y",), ("Connection: keep-alive",), ("X: \xff " + "y" * 5_000,)]
)
#: Tornado's own server knows neither.
TRAILERS = st.sampled_from([b"", b"", b"X: y\r\n"])
EXTENSIONS = st.sampled_from([b"", b"", b';a="b;c"'])


@st.composite
def posts(draw):
    """A POST, with a length or in chunks."""
    target, text, answer = draw(POSTS)
    lines, body = draw(LINES), text.encode()
    if draw(st.booleans()):
        return Exchange(request("POST", target, *lines, body=body), answer)
    places = draw(st.lists(st.integers(0, len(body)), max_size=3))
    chunks = [piece for piece in cut(body, places) if piece]
    trailers, extension = draw(TRAILERS), draw(EXTENSIONS)
    return Exchange(
        request("POST", target, *lines, "Transfer-Encoding: chunked")
        + chunked(*chunks, extension=extension, trailers=trailers),
        answer,
    )


GETS = st.one_of(
    WORDS.map(lambda word: Exchange(request("GET", f"/page?value={word}"), word, verb="GET")),
    WORDS.map(lambda word: Exchange(request("HEAD", f"/page?value={word}"), "", verb="HEAD")),
    st.just(Exchange(request("GET", "/api"), error(-32600), 405, "GET")),
)
EXCHANGES = st.one_of(posts(), posts(), posts(), GETS)


def cut(data, cuts):
    places = sorted({each % (len(data) + 1) for each in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(places)]


@pytest.fixture(scope="module")
def site():
    service = Site()
    with service.start_in_thread():
        yield service


def check(exchange, answer):
    assert answer.status == exchange.status, exchange
    expected = exchange.answer
    if isinstance(expected, dict) and "code" in expected:
        found = answer.json
        assert (found["error"]["code"], found["id"]) == (expected["code"], expected["id"])
    elif isinstance(expected, str):
        assert answer.body.decode() == expected, exchange
    else:
        assert answer.json == expected, exchange


@examples(300)
@given(
    st.lists(EXCHANGES, min_size=1, max_size=8),
    st.lists(st.integers(0, 2**16), max_size=40),
)
def test_answers_come_in_order_wherever_requests_are_cut(site, exchanges, cuts):
    with socket.create_connection(("127.0.0.1", site.port), DEADLINE) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(plain)
        # Each piece is sent as it is; what of it is read at once is a matter of chance.
        wire.send(*cut(b"".join(exchange.data for exchange in exchanges), cuts))
        for exchange in exchanges:
            check(exchange, wire.answer(exchange.verb))
        # And nothing else comes.
        wire.send(request("POST", "/page", "Connection: close", body=b"the end"))
        assert wire.answer().body == b"the end"
        assert wire.is_closed()
