"""Websockets of Tornado's handlers: what travels by them, how they begin, and how they end."""

import asyncio
import threading

import pytest
from tornado import websocket
from tornado.httpclient import HTTPRequest

import gemstone
from tools.waiting import until

from .conftest import BOTH_LOOPS, ONE_WAY, Site
from .frames import BINARY, PING, PONG, TEXT, Echo, Frames, frame, handshake
from .wire import DEADLINE, call, request, settled

PIECE = bytes(range(256)) * 256
ON_ITS_WAY = 24 * 1024 * 1024


class Compressed(Echo):
    def get_compression_options(self):
        return {}


@pytest.fixture
def service(start):
    return start(Site(("/echo", Echo), ("/compressed", Compressed)))


@pytest.fixture
def talk(service, way):
    """Opens a websocket by Tornado's own client, and has a coroutine talk by it."""

    def talk(target, conversation, **options):
        scheme, ca = ("ws", None) if way.certificate is None else ("wss", way.certificate.ca)
        asked = HTTPRequest(f"{scheme}://127.0.0.1:{service.port}{target}", ca_certs=ca)

        async def main():
            async with asyncio.timeout(DEADLINE):
                connection = await websocket.websocket_connect(asked, **options)
                said = await conversation(connection)
                connection.close(1000, "enough")
                assert await connection.read_message() is None
                return said

        said = asyncio.run(main())
        service.until_told(("closed", 1000, "enough"))
        return said

    return talk


@pytest.mark.parametrize("target", ["/echo", "/compressed"])
def test_messages(talk, target):
    async def converse(connection):
        for message in ("", "hello", "ä" * 70_000, b"", b"\0\xff", PIECE * 16):
            await connection.write_message(message, binary=isinstance(message, bytes))
            assert await connection.read_message() == message
        for number in range(500):
            await connection.write_message(str(number))
        for number in range(500):
            assert await connection.read_message() == str(number)

    talk(target, converse, compression_options={} if target == "/compressed" else None)


@ONE_WAY
def test_subprotocols(talk):
    async def selected(connection):
        return connection.selected_subprotocol

    assert talk("/echo", selected, subprotocols=["first", "second"]) == "second"
    assert talk("/echo", selected, subprotocols=["first"]) is None


@pytest.fixture
def open_(service, connect):
    """Opens a websocket, of which the test says every byte."""

    def open_(*data, target="/echo", **options):
        wire = connect(service, handshake(target), *data, **options)
        answer = wire.answer()
        assert answer.status == 101
        assert answer.headers["Upgrade"].lower() == "websocket"
        assert answer.headers["Connection"].lower() == "upgrade"
        assert answer.headers["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert answer.headers["Content-Length"] is None
        return Frames(wire)

    return open_


def test_frames_right_behind_the_handshake(service, connect):
    """In one packet with it: none of their bytes may get lost, or be taken for a request."""
    behind = frame(TEXT, b"first") + frame(BINARY, PIECE) + frame(PING, b"x") + frame(TEXT, b"last")
    for data in (
        [handshake("/echo") + behind],
        [handshake("/echo") + behind[:3], behind[3:]],
        [handshake("/echo")[:-1], handshake("/echo")[-1:] + behind],
        [handshake("/echo")[i : i + 1] for i in range(len(handshake("/echo")))] + [behind],
    ):
        wire = connect(service, *data)
        assert wire.answer().status == 101
        frames = Frames(wire)
        assert [frames.next() for _ in range(4)] == [
            (TEXT, b"first"),
            (BINARY, PIECE),
            (PONG, b"x"),
            (TEXT, b"last"),
        ]


def test_requests_before_the_handshake(service, connect):
    wire = connect(
        service,
        call(1, "blocking", ["first"])
        + request("GET", "/nothing")
        + request("HEAD", "/nothing")
        + call(2)
        + handshake("/echo")
        + frame(TEXT, b"hello"),
    )
    assert wire.answer().json["result"] == "first"
    assert wire.answer().status == 404
    assert wire.answer("HEAD").status == 404
    assert wire.answer().json["id"] == 2
    assert wire.answer().status == 101
    assert Frames(wire).next() == (TEXT, b"hello")


def test_a_large_answer_right_before_the_handshake(service, connect):
    """Which has not been taken yet, when the connection is handed over."""
    large = "x" * 3_000_000
    wire = connect(service, call(1, "echo", [large]) + handshake("/echo"), buffer=65_536)
    assert wire.answer().json["result"] == large
    assert wire.answer().status == 101
    wire.send(frame(TEXT, b"hello"))
    assert Frames(wire).next() == (TEXT, b"hello")


def test_frames_byte_by_byte(open_):
    frames = open_()
    data = frame(TEXT, b"hello") + frame(PING, b"")
    frames.wire.send(*(data[i : i + 1] for i in range(len(data))))
    assert [frames.next(), frames.next()] == [(TEXT, b"hello"), (PONG, b"")]


@BOTH_LOOPS
def test_pings_of_a_handler(start, connect):
    class Pinging(Site):
        def make_tornado_app(self):
            application = super().make_tornado_app()
            application.settings["websocket_ping_interval"] = 0.05
            return application

    service = start(Pinging(("/echo", Echo)))
    wire = connect(service, handshake("/echo"))
    assert wire.answer().status == 101
    opcode, data = Frames(wire).next()
    assert opcode == PING
    wire.send(frame(PONG, data))
    service.until_told(("pong", data))


def upgrade(*lines, target="/echo", verb="GET", version="1.1"):
    return request(verb, target, *lines, version=version)


GOOD = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
]


@BOTH_LOOPS
@pytest.mark.parametrize(
    ("data", "status"),
    [
        (upgrade(*GOOD[1:]), 400),
        (upgrade(GOOD[0], *GOOD[2:]), 400),
        (upgrade("Upgrade: h2c", *GOOD[1:]), 400),
        (upgrade(*GOOD[:2], GOOD[3]), 426),
        (upgrade(*GOOD[:2], "Sec-WebSocket-Version: 99", GOOD[3]), 426),
        (upgrade(*GOOD[:3]), 400),
        (upgrade(*GOOD, "Origin: http://elsewhere"), 403),
        (upgrade(*GOOD, verb="POST"), 405),
        (upgrade(*GOOD, target="/nothing"), 404),
        (upgrade(*GOOD, target="/api"), 405),
    ],
)
def test_handshakes_that_fail(service, connect, data, status):
    wire = connect(service, data)
    answer = wire.answer()
    assert answer.status == status
    if status == 426:
        assert answer.headers["Sec-WebSocket-Version"] == "13"
    # What comes behind is a request again, or the connection is at its end.
    if answer.closes:
        assert wire.is_closed()
    else:
        wire.send(call(5))
        assert wire.answer().json["id"] == 5
    assert "open" not in service.told


@BOTH_LOOPS
def test_an_origin_that_is_ours(service, connect):
    wire = connect(service, upgrade(*GOOD, "Origin: http://x"))
    assert wire.answer().status == 101


def test_a_slow_reader_holds_up_the_handler(start, connect):
    class Large(Echo):
        async def on_message(self, message):
            for _ in range(1_000):
                await self.write_message(PIECE, binary=True)
                self.microservice.amount += 1

    service = start(Site(("/echo", Large)))
    wire = connect(service, handshake("/echo"), frame(TEXT, b"go"), buffer=65_536)
    assert settled(lambda: service.amount) * len(PIECE) < ON_ITS_WAY
    assert wire.answer().status == 101
    frames = Frames(wire)
    for _ in range(1_000):
        assert frames.next() == (BINARY, PIECE)


def test_a_slow_handler_holds_up_the_sender(start, connect):
    class Slow(Echo):
        async def on_message(self, message):
            await self.microservice.may_go_on()
            self.microservice.amount += len(message)

    service = start(Site(("/echo", Slow)))
    wire = connect(service, handshake("/echo"))
    assert wire.answer().status == 101
    data = frame(BINARY, PIECE) * 800
    sent = wire.push(data)
    assert 0 < sent < ON_ITS_WAY
    service.may_go.set()
    wire.send(data[sent:])
    until(lambda: service.amount == 800 * len(PIECE), what="everything is there")


@BOTH_LOOPS
def test_messages_from_another_thread(start, connect):
    """Through the loop, as a blocking method would send them."""

    class Kept(Echo):
        async def open(self):
            self.microservice.told.append(self)

    service = start(Site(("/echo", Kept)))
    wire = connect(service, handshake("/echo"))
    assert wire.answer().status == 101
    until(lambda: service.told, what="it is open")
    loop = service.get_io_loop()
    sender = threading.Thread(
        target=lambda: loop.add_callback(service.told[0].write_message, "from elsewhere")
    )
    sender.start()
    assert Frames(wire).next() == (TEXT, b"from elsewhere")
    sender.join()


@BOTH_LOOPS
def test_a_connection_that_a_handler_takes_over(start, connect):
    """By ``detach()``, for a protocol of its own."""

    class Tunnel(gemstone.GemstoneCustomHandler):
        async def get(self):
            stream = self.detach()
            await stream.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: own\r\n\r\n")
            said = await stream.read_until(b"\n")
            await stream.write(b"you said " + said)
            stream.close()

    service = start(Site(("/tunnel", Tunnel)))
    asked = request("GET", "/tunnel", "Connection: Upgrade", "Upgrade: own")
    wire = connect(service, call(3), asked + b"hel", b"lo\n")
    assert wire.answer().json["id"] == 3
    assert wire.answer().status == 101
    assert wire.rest() == b"you said hello\n"
