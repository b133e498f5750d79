"""Whatever is sent to the port: it is answered or cut off, and the service goes on."""

import contextlib
import http.client
import io
import json
import logging
import re
import socket
import time

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from .bodies import mutated
from .conftest import examples
from .playground import Playground

DEADLINE = 30.0
STATUSES = {100, 200, 400, 404, 405, 408, 413, 415, 431, 505}
CALL = b'{"jsonrpc":"2.0","method":"blocking","params":[1],"id":1}'


class Impatient(Playground):
    max_body_size = 2_000
    header_timeout = idle_timeout = body_timeout = 0.2


class Port:
    """A service, and what it logs as an error."""

    def __init__(self, service):
        self.errors = []
        self.service = service
        self.thread = service.start_in_thread()
        self.handler = logging.Handler(logging.WARNING)
        self.handler.emit = self.note
        logging.getLogger().addHandler(self.handler)

    def note(self, record):
        if record.name != "tornado.access":  # what a handler of Tornado's has refused
            self.errors.append(record.getMessage())

    def open(self):
        return contextlib.closing(socket.create_connection(("127.0.0.1", self.service.port), 30))

    def check_health(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=DEADLINE)
        with contextlib.closing(connection):
            connection.request("POST", "/api", CALL)
            assert json.loads(connection.getresponse().read())["result"] == 1
        assert self.errors == []

    def close(self):
        logging.getLogger().removeHandler(self.handler)
        self.thread.stop()
        assert self.errors == []


@pytest.fixture(scope="module")
def port():
    with contextlib.closing(Port(Impatient())) as port:
        yield port


#: The parts of a request: first what is right, then what may be wrong.
GOOD = {
    "verb": st.just(b"POST"),
    "target": st.sampled_from([b"/api", b"/api", b"/api?a=%ff&b", b"http://x/api"]),
    "version": st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"]),
    "lines": st.sampled_from(
        [
            *([], [b"Content-Type: application/json"], [b"Connection: keep-alive"]),
            *([b"Expect: 100-continue"], [b"Cookie: a=b; c"], [b"X: \xff\x80"], [b"X: x"] * 20),
        ]
    ).map(lambda lines: [b"Host: x", *lines]),
    "body": st.sampled_from(
        [
            *(CALL, CALL.replace(b',"id":1', b""), CALL.replace(b"blocking", b"private")),
            *(CALL.replace(b'"blocking","params":[1]', b'"own_error"'), b"{", b"[" * 1_000),
            b"[" + CALL + b"," + CALL + b"]",
        ]
    ),
    "framing": st.sampled_from(["length", "chunks"]),
}
WRONG = {
    "verb": st.sampled_from([b"GET", b"HEAD", b"PUT", b"OPTIONS", b"BREW", b"PRI", b"post", b""]),
    "target": st.sampled_from(
        [
            *(b"/", b"/api/", b"*", b"http://", b"//x/api", b"", b"/%00", b"/\xff", b"/..", b"x:y"),
            *(b"/" + b"a" * 5_000, b"http://a b/api", b"http://a,b/api", b"http:///api"),
        ]
    ),
    "version": st.sampled_from([b"HTTP/2.0", b"HTTP/1.x", b"HTTP/1.10", b"http/1.1", b""]),
    "lines": st.lists(
        st.sampled_from(
            [
                *(b"Host: x", b"Host: a b", b"Host: a,b", b"Host:", b"Content-Type: text/plain"),
                *(b"Connection: close", b"Expect: x", b"Content-Length: 5", b"Origin: http://x"),
                *(b"Content-Length: 99999999", b"Content-Length: -1", b"Content-Length: 5,5"),
                *(b"Content-Length: " + b"9" * 30, b"Transfer-Encoding: gzip", b"x" * 9_000),
                *(b"Transfer-Encoding: chunked", b"Upgrade: websocket", b"X:" + b"x" * 9_000),
            ]
        ),
        max_size=4,
    ),
    "body": st.sampled_from([b"", b" " * 3_000, CALL.ljust(2_001)]),
    "framing": st.none(),
}


@st.composite
def requests(draw):
    """The bytes of a request, with at most two parts that may be wrong."""
    wrongs = draw(st.just([]) | st.lists(st.sampled_from([*WRONG]), max_size=2))
    parts = {name: draw(WRONG[name] if name in wrongs else GOOD[name]) for name in GOOD}
    lines, body = [*parts["lines"]], parts["body"]
    if parts["framing"] == "length":
        lines.append(b"Content-Length: %d" % len(body))
    elif parts["framing"] == "chunks":
        lines.append(b"Transfer-Encoding: chunked")
        pieces = [piece for piece in (body[:3], body[3:]) if piece]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    first = b" ".join([parts["verb"], parts["target"], parts["version"]])
    return b"\r\n".join([first, *lines, b"", body])


TOKENS = st.sampled_from(
    [
        *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b":", b"\x00", b"\t", b"\xff", b"0", b";"),
        *(b"HTTP/1.1", b"POST /api", b"Content-Length: 3\r\n", b"\r\nTransfer-Encoding: chunked"),
        *(
            b"ffffffffffffffff\r\n",
            b"-1\r\n",
            b"9" * 5_000,
            b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n",
        ),
    ]
) | st.binary(max_size=3)
STREAMS = st.lists(requests(), min_size=1, max_size=3).map(b"".join)
ANY_STREAM = st.one_of(STREAMS, mutated(STREAMS, TOKENS), st.binary(max_size=100))


def check_answers(data):
    """Reads answer after answer, to the end; they can't be told apart if one is broken."""
    stream = io.BufferedReader(io.BytesIO(data))
    while line := stream.readline():
        match = re.fullmatch(rb"HTTP/1\.1 (\d{3}) [^\r\n]+\r\n", line)
        assert match, data
        status = int(match[1])
        event(f"status {status}")
        assert status in STATUSES, data
        headers = http.client.parse_headers(stream)
        length = int(headers.get("Content-Length", 0))
        if status in (404, 405) and stream.peek(9)[:9] in (b"", b"HTTP/1.1 "):
            length = 0  # it answers a HEAD
        body = stream.read(length)
        assert len(body) == length, data
        if headers.get("Connection") == "close":
            assert stream.read() == b"", data
        if body and headers.get("Content-Type") == "application/json":
            answers = json.loads(body)
            for answer in answers if isinstance(answers, list) else [answers]:
                assert answer["jsonrpc"] == "2.0"


def read_all(connection):
    """What comes until the other side ends the connection, which it must."""
    data, until = b"", time.monotonic() + DEADLINE
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            data += piece
            assert time.monotonic() < until
    return data


def send(connection, data):
    with contextlib.suppress(OSError):  # it may have seen enough, and closed the connection
        connection.sendall(data)


@examples(1_000)
@given(ANY_STREAM)
@example(b"")
@example(b"\r\n" * 40_000)
@example(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # TLS
@example(b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n")
@example(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
def test_any_stream_that_ends(port, data):
    with port.open() as connection:
        send(connection, data)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        check_answers(read_all(connection))
    port.check_health()


@examples(20)
@given(st.lists(ANY_STREAM, min_size=5, max_size=30))
def test_any_streams_whose_senders_stay(port, streams):
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(port.open()) for _ in streams]
        for connection, data in zip(connections, streams, strict=True):
            send(connection, data)
        for connection in connections:
            check_answers(read_all(connection))
    port.check_health()
