"""Websockets: a handler, and frames byte by byte (RFC 6455, section 5.2)."""

from tornado import websocket

import gemstone

from .wire import Truncated, Wire, request

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def handshake(target: str) -> bytes:
    """A client's handshake, with the key of the RFC's example."""
    return request(
        "GET",
        target,
        "Upgrade: websocket",
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )


def frame(opcode: int, payload: bytes) -> bytes:
    """A whole message as a client sends it: masked, by a mask that changes nothing."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65_536:
        length = b"\xfe" + size.to_bytes(2)
    else:
        length = b"\xff" + size.to_bytes(8)
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


class Echo(gemstone.GemstoneCustomHandler, websocket.WebSocketHandler):
    """Sends back what comes, and tells of the rest."""

    async def open(self):
        self.microservice.told.append("open")

    async def on_message(self, message):
        await self.write_message(message, binary=isinstance(message, bytes))

    def on_pong(self, data):
        self.microservice.told.append(("pong", data))

    def on_close(self):
        self.microservice.told.append(("closed", self.close_code, self.close_reason))

    def select_subprotocol(self, subprotocols):
        return "second" if "second" in subprotocols else None


class Frames:
    """Reads what a server sends."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def next(self) -> tuple[int, bytes]:
        """The opcode and the payload of the next frame, which must be a whole message."""
        first, second = self._read(2)
        assert first & 0xF0 == 0x80, first
        size = second
        if second == 126:
            size = int.from_bytes(self._read(2))
        elif second == 127:
            size = int.from_bytes(self._read(8))
        return first & 0x0F, self._read(size)

    def _read(self, size: int) -> bytes:
        data = self.wire.stream.read(size)
        if len(data) < size:
            raise Truncated("the connection has ended within a frame")
        return data
