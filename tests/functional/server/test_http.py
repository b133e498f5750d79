"""HTTP, as clients of all manners speak it, over real sockets."""

import asyncio
import contextlib
import http.client
import io
import json
import logging
import socket
import threading
import time
import tracemalloc
from concurrent.futures import Future

import pytest
import requests
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

import gemstone

from .conftest import Caller

DEADLINE = 20.0  # no wait below takes that long, unless something hangs


class Echo(gemstone.MicroService):
    name = "echo"
    max_body_size = 100_000
    drain_grace = 0

    def __init__(self, **limits):
        super().__init__()
        vars(self).update(limits)
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.ended: list[str] = []

    @gemstone.exposed_method()
    async def echo(self, value=None):
        return value

    def _wait(self, name):
        self.begun.release()
        self.may_end.wait(DEADLINE)
        self.ended.append(name)
        return name

    @gemstone.exposed_method()
    def blocking(self):
        return self._wait("blocking")

    @gemstone.exposed_method()
    async def coroutine(self):
        return await asyncio.to_thread(self._wait, "coroutine")

    @gemstone.exposed_method(requires_handler_reference=True)
    async def with_handler(self, handler):
        handler.set_header("X-Echo", handler.request.headers["X-Echo"])
        handler.set_header("X-Host", handler.request.host)
        return await asyncio.to_thread(self._wait, "with_handler")

    @gemstone.exposed_method(private=True)
    async def private(self):
        return "private"

    def authenticate_request(self, handler):
        return handler.request.headers.get("X-Token") == "let me in"


def call(id=1, method="echo", params=None):
    request = {"jsonrpc": "2.0", "method": method, "params": params or [], "id": id}
    return json.dumps(request).encode()


def head(length, *lines, verb="POST", target="/api", version="1.1"):
    """The head of a request, with a Host and a Content-Length if `length` is not None."""
    lengths = [] if length is None else [f"Content-Length: {length}"]
    first = [f"{verb} {target} HTTP/{version}", "Content-Type: application/json"]
    return "\r\n".join([*first, *lengths, *(lines or ["Host: x"]), "", ""]).encode("latin-1")


def chunked(*chunks):
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


class Answer:
    """One answer, read off a connection and no further."""

    def __init__(self, stream: io.BufferedReader, verb: str = "POST") -> None:
        status_line = stream.readline()
        assert status_line.startswith(b"HTTP/1.1 "), status_line
        self.status = int(status_line.split()[1])
        self.headers = http.client.parse_headers(stream)
        length = 0 if verb == "HEAD" else int(self.headers.get("Content-Length", 0))
        self.body = stream.read(length)
        assert len(self.body) == length

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code of the JSON-RPC error that goes with an HTTP status."""
        assert self.headers["Content-Type"] == "application/json"
        assert self.json["id"] is None
        return self.json["error"]["code"]


class Wire:
    """A connection on which a test says every byte."""

    def __init__(self, port: int, *data: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.stream = self.socket.makefile("rb")
        self.send(*data)

    def send(self, *data: bytes) -> None:
        for piece in data:
            self.socket.sendall(piece)

    def answer(self, verb: str = "POST") -> Answer:
        return Answer(self.stream, verb)

    def end(self) -> None:
        """Says that nothing more will come."""
        with contextlib.suppress(OSError):  # the other side has closed the connection already
            self.socket.shutdown(socket.SHUT_WR)

    def rest(self) -> bytes:
        """What still comes until the other side closes the connection."""
        try:
            return self.stream.read()
        except ConnectionResetError:
            return b""

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


def is_refusal(rest, status=400):
    """Whether the connection was closed, with this answer or without one."""
    return rest == b"" or rest.startswith(b"HTTP/1.1 %d " % status)


@pytest.fixture
def echo(serve):
    return serve(Echo())


@pytest.fixture
def connect():
    with contextlib.ExitStack() as stack:

        def connect(caller, *data):
            return stack.enter_context(contextlib.closing(Wire(caller.service.port, *data)))

        yield connect


@pytest.fixture
def embedded():
    """A service whose application is served by a plain Tornado server, and was not started."""
    service = Echo()
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main():
        server = HTTPServer(service.make_tornado_app())
        sockets = bind_sockets(0, "127.0.0.1")
        service.port = sockets[0].getsockname()[1]
        server.add_sockets(sockets)
        may_end = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), may_end))
        await may_end.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    loop, may_end = started.result(DEADLINE)
    with contextlib.closing(Caller(service)) as caller:
        yield caller
    loop.call_soon_threadsafe(may_end.set)
    thread.join()
    service.stop()


@pytest.fixture(params=["served", "embedded"])
def either(request):
    """A service that serves itself, and one that another Tornado server embeds."""
    return request.getfixturevalue("echo" if request.param == "served" else "embedded")


class TestBothServers:
    """What a service answers by itself, and as a part of somebody's application."""

    def test_calls_and_notifications(self, either):
        assert either.result("echo", [1]) == 1
        assert either.error("nope")["code"] == -32601
        notification = {"jsonrpc": "2.0", "method": "echo", "params": [1]}
        answer = either.post(notification)
        assert (answer.status, answer.body) == (200, b"")
        batch = [notification, json.loads(call(2)), 5]
        first, second = either.post(batch).json
        assert (first["id"], second["error"]["code"]) == (2, -32600)
        assert either.post(b"{").json["error"]["code"] == -32700

    def test_methods_of_every_kind(self, either):
        either.service.may_end.set()
        assert either.result("blocking") == "blocking"
        assert either.result("coroutine") == "coroutine"
        request = json.loads(call(method="with_handler"))
        answer = either.post(request, X_Echo="mine")
        assert (answer.json["result"], answer.headers["X-Echo"]) == ("with_handler", "mine")
        assert "X-Echo" not in either.post(call()).headers

    def test_private_methods(self, either):
        assert either.error("private")["code"] == -32001
        assert either.error("private", X_Token="wrong")["code"] == -32001
        assert either.result("private", X_Token="let me in") == "private"

    @pytest.mark.parametrize(
        "media_type",
        [
            "application/json",
            "application/json-rpc",
            "application/jsonrequest",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json ;x=y",
            None,
        ],
    )
    def test_media_types_that_are_let_in(self, either, media_type):
        headers = {} if media_type is None else {"Content-Type": media_type}
        answer = either.request("POST", "/api", call(params=[1]), headers)
        assert (answer.status, answer.json["result"]) == (200, 1)

    @pytest.mark.parametrize(
        "headers",
        [
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "application/jsonx"},
            {"Content-Type": "application/json, text/plain"},
            {"Content-Type": ""},
            {"Content-Type": "text/plain; application/json"},
            {"Origin": "http://elsewhere"},
            {"sec-fetch-site": "cross-site"},
        ],
    )
    def test_media_types_that_are_not(self, either, headers):
        answer = either.request("POST", "/api", call(), headers)
        assert answer.status == 415
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json["error"]["code"] == -32600
        assert answer.json["id"] is None
        assert either.result("echo", [1]) == 1

    def test_a_browser_that_asked_before_is_let_in(self, either):
        assert either.result("echo", [1], Origin="http://elsewhere") == 1

    @pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW"])
    def test_other_verbs(self, either, verb):
        answer = either.request(verb, "/api", None if verb in ("GET", "HEAD", "BREW") else call())
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        if verb != "BREW":  # which Tornado itself refuses, where the service is embedded
            assert answer.headers["Gemstone-Service"] == "echo"
        if verb == "BREW":
            either.close()  # Tornado's own server ends the connection at one that it does not know
        if verb == "HEAD":
            assert answer.body == b""
        else:
            assert answer.json["error"]["code"] == -32600
        assert either.result("echo", [1]) == 1

    def test_a_form_is_not_parsed(self, either, monkeypatch):
        monkeypatch.setattr("tornado.httputil.parse_multipart_form_data", pytest.fail)
        form = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
        answer = either.request(
            "POST", "/api", form, {"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert answer.status == 415

    def test_another_path(self, either):
        assert either.request("POST", "/apis", call()).status == 404
        assert either.request("POST", "/", call()).status == 404

    def test_bodies_that_are_too_large_and_their_senders_see_why(self, either):
        body = call().ljust(Echo.max_body_size)
        assert either.post(body).json["result"] is None
        for too_large in (body + b" ", b" " * 5_000_000, iter([b" " * 50_000] * 100)):
            answer = requests.post(
                f"http://127.0.0.1:{either.service.port}/api",
                data=too_large,
                headers={"Content-Type": "application/json"},
                timeout=DEADLINE,
            )
            assert answer.status_code == 413
            assert answer.json()["error"]["code"] == -32600
        assert either.result("echo", [1]) == 1


class TestTargets:
    @pytest.mark.parametrize(
        "target",
        [
            "/api?",
            "/api?a=1&b=%20",
            "/api?a?b",
            "http://x/api",
            "HTTP://x:80/api?a=1",
            "https://x/api",
        ],
    )
    def test_of_the_endpoint(self, echo, connect, target):
        wire = connect(echo, head(len(call()), target=target), call())
        assert wire.answer().json["id"] == 1

    @pytest.mark.parametrize("target", ["http://x/other", "http://x", "/api/", "//api", "*"])
    def test_of_something_else(self, echo, connect, target):
        wire = connect(echo, head(len(call()), target=target), call())
        assert wire.answer().status in (400, 404)

    def test_an_absolute_target_and_a_handler(self, echo, connect):
        echo.service.may_end.set()
        body = call(method="with_handler")
        lines = ["Host: x", "X-Echo: mine"]
        wire = connect(echo, head(len(body), *lines, target="http://y:80/api"), body)
        answer = wire.answer()
        assert (answer.json["result"], answer.headers["X-Echo"]) == ("with_handler", "mine")
        assert answer.headers["X-Host"] == "y:80"  # and not that of the header


class TestHosts:
    @pytest.mark.parametrize(
        "lines",
        [
            ["X-No-Host: x"],
            ["Host: a", "Host: b"],
            ["Host: a", "Host: a"],
            ["Host: a,b"],
            ["Host: a b"],
            ["Host: a/b"],
            ["Host: user@a"],
            ["Host: a\x00b"],
        ],
    )
    def test_that_are_refused(self, echo, connect, lines):
        wire = connect(echo, head(len(call()), *lines), call())
        assert wire.answer().status == 400
        assert wire.rest() == b""

    @pytest.mark.parametrize("host", ["a", "a:80", "127.0.0.1:80", "[::1]:80", "a_b.example", ""])
    def test_that_are_not(self, echo, connect, host):
        wire = connect(echo, head(len(call()), f"Host: {host}"), call())
        assert wire.answer().status == 200


class TestBodiesThatAreTooLarge:
    SIZE = 5_000_000

    @pytest.fixture
    def quick(self, monkeypatch):
        """No patience with those who go on sending."""
        monkeypatch.setattr("gemstone_core._http._connection.LINGER", 0.2)

    @pytest.mark.parametrize("length", ["100001", "1" + "0" * 12, "9" * 30, "9" * 5_000])
    def test_are_refused_before_they_come(self, echo, connect, quick, length):
        wire = connect(echo, head(length))
        answer = wire.answer()
        assert (answer.status, answer.code) == (413, -32600)
        assert answer.headers["Connection"] == "close"
        assert wire.rest() == b""

    def test_are_not_asked_for(self, echo, connect):
        wire = connect(echo, head(100_001, "Host: x", "Expect: 100-continue"))
        assert wire.answer().status == 413
        assert wire.rest() == b""

    def test_others_are_asked_for(self, echo, connect):
        wire = connect(echo, head(len(call()), "Host: x", "Expect: 100-continue"))
        assert wire.answer().status == 100
        wire.send(call())
        assert wire.answer().status == 200

    def test_the_connection_ends_after_the_last_byte(self, echo, connect):
        wire = connect(echo, head(self.SIZE), b" " * self.SIZE)
        assert wire.answer().status == 413
        # A call that comes after it is not answered.
        with contextlib.suppress(OSError):
            wire.send(head(len(call())), call())
        assert wire.rest() == b""

    def test_who_never_ends_is_cut_off(self, echo, connect, quick):
        wire = connect(echo, head(10**12))
        assert wire.answer().status == 413
        until = time.monotonic() + DEADLINE
        with contextlib.suppress(OSError):
            while time.monotonic() < until:
                wire.send(b" " * 65_536)
        assert time.monotonic() < until

    def test_are_not_kept(self, echo, connect):
        size = 30_000_000
        tracemalloc.start()
        try:
            wire = connect(echo, head(size), *[b" " * 100_000] * (size // 100_000))
            assert wire.answer().status == 413
            wire.rest()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < size / 10


class TestFraming:
    def test_chunks(self, echo, connect):
        parts = [call()[i : i + 7] for i in range(0, len(call()), 7)]
        request = head(None, "Host: x", "Transfer-Encoding: chunked")
        wire = connect(echo, request, chunked(*parts), request, chunked(call(2)))
        assert [wire.answer().json["id"] for _ in range(2)] == [1, 2]

    def test_byte_by_byte(self, echo, connect):
        wire = connect(echo)
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = head(len(call())) + call()
        wire.send(*(data[i : i + 1] for i in range(len(data))))
        assert wire.answer().json["id"] == 1

    @pytest.mark.parametrize(
        "body",
        [b"x\r\n", b"-1\r\n", b"5\r\nabc\r\n", b"3\r\nabcde\r\n0\r\n\r\n", b"\r\n", b"0x3\r\n"],
    )
    def test_chunks_that_are_none(self, echo, connect, body):
        wire = connect(echo, head(None, "Host: x", "Transfer-Encoding: chunked"), body)
        wire.end()
        assert is_refusal(wire.rest())
        assert echo.result("echo", [1]) == 1

    @pytest.mark.parametrize("length", ["-1", "x", "", "+5", "5_0", "0x5", "5.0", "1e3", "5 5"])
    def test_lengths_that_are_none(self, echo, connect, length):
        wire = connect(echo, head(length), call())
        assert wire.answer().status == 400
        assert wire.rest() == b""

    @pytest.mark.parametrize(
        "lines",
        [
            ["Content-Length: 61", "Content-Length: 60"],
            ["Content-Length: 60", "Transfer-Encoding: chunked"],
            ["Content-Length: 99999999", "Transfer-Encoding: chunked"],
            ["Transfer-Encoding: gzip"],
            ["Transfer-Encoding: chunked, chunked"],
            ["Transfer-Encoding: xchunked"],
            ["Transfer-Encoding : chunked"],
        ],
    )
    def test_framing_that_could_be_read_in_two_ways(self, echo, connect, lines):
        wire = connect(echo, head(None, "Host: x", *lines), chunked(call()))
        assert wire.answer().status == 400
        assert wire.rest() == b""

    def test_a_length_that_is_too_short(self, echo, connect):
        wire = connect(echo, head(len(call()) - 1), call())
        assert wire.answer().json["error"]["code"] == -32700
        wire.end()
        assert is_refusal(wire.rest())

    @pytest.mark.parametrize(
        "data",
        [
            head(len(call()) + 1) + call(),
            head(len(call())),
            head(len(call()))[:-2],
            head(None, "Host: x", "Transfer-Encoding: chunked") + chunked(call())[:-5],
        ],
    )
    def test_what_is_cut_off_is_not_executed(self, echo, connect, data, monkeypatch):
        monkeypatch.setattr(type(echo.service._dispatcher), "dispatch", pytest.fail)
        wire = connect(echo, data)
        wire.end()
        assert wire.rest() == b""
        monkeypatch.undo()
        assert echo.result("echo", [1]) == 1

    def test_pipelined_requests_are_answered_in_order(self, echo, connect):
        slow = call(0, "blocking")
        calls = [slow, *(call(number) for number in range(1, 6))]
        wire = connect(echo, b"".join(head(len(body)) + body for body in calls))
        assert echo.service.begun.acquire(timeout=DEADLINE)
        echo.service.may_end.set()
        assert [wire.answer().json["id"] for _ in calls] == [0, 1, 2, 3, 4, 5]


class TestKeepAlive:
    def test_http_1_1_goes_on_unless_told(self, echo, connect):
        wire = connect(echo, head(len(call())), call())
        assert wire.answer().headers["Connection"] is None
        wire.send(head(len(call()), "Host: x", "Connection: close"), call())
        assert wire.answer().headers["Connection"] == "close"
        assert wire.rest() == b""

    def test_http_1_0_ends_unless_told(self, echo, connect):
        wire = connect(echo, head(len(call()), "X-No-Host: x", version="1.0"), call())
        assert wire.answer().json["id"] == 1
        assert wire.rest() == b""
        lines = ["Host: x", "Connection: keep-alive"]
        wire = connect(echo, *[head(len(call()), *lines, version="1.0"), call()] * 2)
        for _ in range(2):
            answer = wire.answer()
            assert answer.json["id"] == 1
            assert answer.headers["Connection"].lower() == "keep-alive"

    @pytest.mark.parametrize("verb", ["GET", "HEAD"])
    def test_a_refusal_ends_nothing(self, echo, connect, verb):
        wire = connect(echo, head(None, verb=verb), head(len(call())), call())
        assert wire.answer(verb).status == 405
        assert wire.answer().json["id"] == 1


class TestHeaders:
    @pytest.mark.parametrize(
        "lines",
        [
            [f"X-{number}: x" for number in range(10_000)],
            ["X: " + "x" * 1_000_000],
            ["X" * 1_000_000 + ": x"],
            ["X: x"] * 20_000,
        ],
    )
    def test_too_many_and_too_large_ones(self, echo, connect, lines):
        wire = connect(echo)
        with contextlib.suppress(OSError):
            wire.send(head(len(call()), "Host: x", "Connection: close", *lines), call())
        rest = wire.rest()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 4")
        assert echo.result("echo", [1]) == 1

    @pytest.mark.parametrize("line", ["no colon", ": x", "A B: x", " X: x", "X: a\x00b", "X: a\rb"])
    def test_broken_ones(self, echo, connect, line):
        wire = connect(echo, head(len(call()), "Host: x", line), call())
        wire.end()
        rest = wire.rest()
        assert rest == b"" or rest.startswith((b"HTTP/1.1 400", b"HTTP/1.1 200"))
        assert echo.result("echo", [1]) == 1

    @pytest.mark.parametrize(
        "line", [b"", b"\x00\x01\x02", b"POST", b"POST /api", b"POST /api HTTP/9.9", b"a b c d"]
    )
    def test_broken_first_lines(self, echo, connect, line):
        wire = connect(echo, line + b"\r\nHost: x\r\n\r\n")
        wire.end()
        assert is_refusal(wire.rest())
        assert echo.result("echo", [1]) == 1


class TestTimeouts:
    def drip(self, wire, data):
        """Sends it byte by byte, as slowly as the connection allows, until it is refused."""
        until = time.monotonic() + DEADLINE
        wire.socket.settimeout(0.02)
        for i in range(len(data)):
            with contextlib.suppress(TimeoutError):
                assert wire.socket.recv(12) in (b"", b"HTTP/1.1 408")
                return
            assert time.monotonic() < until
            wire.socket.sendall(data[i : i + 1])
        pytest.fail("not closed")

    @pytest.mark.parametrize("limit", ["idle_timeout", "header_timeout"])
    def test_who_sends_no_request(self, serve, connect, limit):
        assert connect(serve(Echo(**{limit: 0.1}))).rest() == b""

    @pytest.mark.parametrize("limit", ["idle_timeout", "header_timeout"])
    def test_who_sends_half_a_head(self, serve, connect, limit):
        wire = connect(serve(Echo(**{limit: 0.1})), b"POST /api HTTP/1.1\r\nHost: x")
        answer = wire.answer()
        assert (answer.status, answer.code) == (408, -32600)
        assert wire.rest() == b""

    def test_who_sends_no_second_request(self, serve, connect):
        wire = connect(serve(Echo(idle_timeout=0.1)), head(len(call())), call())
        assert wire.answer().status == 200
        assert wire.rest() == b""

    def test_who_sends_no_body(self, serve, connect):
        wire = connect(serve(Echo(body_timeout=0.1)), head(len(call())), call()[:-1])
        answer = wire.answer()
        assert (answer.status, answer.code) == (408, -32600)
        assert wire.rest() == b""

    def test_who_is_slow_with_headers(self, serve, connect):
        wire = connect(serve(Echo(header_timeout=0.2)))
        with contextlib.suppress(ConnectionError):
            self.drip(wire, head(len(call()), "X: " + "x" * 5_000))

    @pytest.mark.parametrize("in_chunks", [False, True])
    def test_who_is_slow_with_the_body(self, serve, connect, in_chunks):
        framing = "Transfer-Encoding: chunked" if in_chunks else "Content-Length: 50000"
        wire = connect(serve(Echo(body_timeout=0.2)), head(None, "Host: x", framing))
        with contextlib.suppress(ConnectionError):
            self.drip(wire, chunked(*[b" "] * 5_000) if in_chunks else b" " * 50_000)

    def test_a_method_may_take_longer(self, serve, connect):
        echo = serve(Echo(idle_timeout=0.1, header_timeout=0.1, body_timeout=0.1))
        body = call(method="blocking")
        wire = connect(echo, head(len(body)), body)
        assert echo.service.begun.acquire(timeout=DEADLINE)
        # What would be closed by now if methods counted, is.
        assert connect(echo).rest() == b""
        assert is_refusal(connect(echo, head(9)).rest(), 408)
        echo.service.may_end.set()
        assert wire.answer().json["result"] == "blocking"


def test_no_more_connections_than_allowed(serve, connect):
    echo = serve(Echo(max_connections=2))
    first, second = (connect(echo, head(len(call())), call()) for _ in range(2))
    assert first.answer().status == second.answer().status == 200
    third = connect(echo)
    assert third.answer().status == 503
    assert third.rest() == b""
    # The others were not disturbed, and their places can be had again.
    second.send(head(len(call())), call())
    assert second.answer().status == 200
    first.close()
    until = time.monotonic() + DEADLINE
    while (answer := connect(echo, head(len(call())), call()).answer()).status == 503:
        assert time.monotonic() < until
    assert answer.status == 200


@pytest.mark.parametrize("method", ["blocking", "coroutine", "with_handler"])
@pytest.mark.parametrize("rudely", [False, True])
def test_a_client_that_goes_away(serve, connect, caplog, method, rudely):
    caplog.set_level(logging.INFO)
    echo = serve(Echo())
    body = call(method=method)
    wire = connect(echo, head(len(body), "Host: x", "X-Echo: x"), body)
    assert echo.service.begun.acquire(timeout=DEADLINE)
    if rudely:
        linger = b"\x01\0\0\0\0\0\0\0"  # closing sends a reset
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    wire.close()
    assert echo.result("echo", [1]) == 1
    echo.close()
    stopping = threading.Thread(target=echo.service.stop)
    stopping.start()
    until = time.monotonic() + DEADLINE
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < until:
            connect(echo).close()
    echo.service.may_end.set()
    stopping.join(DEADLINE)
    assert not stopping.is_alive()
    assert echo.service.ended == [method]
    assert [r.getMessage() for r in caplog.records if r.levelno > logging.INFO] == []
