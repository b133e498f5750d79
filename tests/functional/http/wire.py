"""HTTP as a test says every byte of it, and answers read off a connection and no further."""

import contextlib
import http.client
import io
import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

#: No wait takes that long, unless something hangs.
DEADLINE = 20.0


def request(
    verb: str, target: str, *lines: str, body: bytes | None = None, version: str = "1.1"
) -> bytes:
    """A request with a Host; its Content-Length is that of the body, if there is one."""
    first = [f"{verb} {target} HTTP/{version}", "Host: x"]
    lengths = [] if body is None else [f"Content-Length: {len(body)}"]
    return "\r\n".join([*first, *lengths, *lines, "", ""]).encode("latin-1") + (body or b"")


def call(id: Any = 1, method: str = "echo", params: Any = (), *lines: str, **more: Any) -> bytes:
    """A request to the RPC endpoint."""
    body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": id}).encode()
    return request("POST", "/api", "Content-Type: application/json", *lines, body=body, **more)


def chunked(*chunks: bytes, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    """A body in chunks."""
    sizes = (b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    return b"".join([*sizes, b"0\r\n", trailers, b"\r\n"])


class Truncated(Exception):
    """The connection has ended in the middle of an answer."""


class Answer:
    """One answer.

    Attributes:
        reason: what is said besides the status.
        framing: how its end is known: by "length", "chunks", "close", or "none" without a body.
    """

    def __init__(self, stream: io.BufferedReader, verb: str) -> None:
        line = stream.readline()
        if not line:
            raise Truncated("there is no answer")
        version, status, *reason = line.decode("latin-1").split(maxsplit=2)
        assert version == "HTTP/1.1", line
        self.status = int(status)
        self.reason = "".join(reason).strip()
        self.headers = http.client.parse_headers(stream)
        lengths = self.headers.get_all("Content-Length", [])
        assert len(lengths) <= 1, lengths
        self.body = b""
        if verb == "HEAD" or self.status < 200 or self.status in (204, 304):
            self.framing = "none"
        elif "Transfer-Encoding" in self.headers:
            assert self.headers["Transfer-Encoding"] == "chunked"
            assert not lengths
            self.framing, self.body = "chunks", b"".join(_chunks(stream))
        elif lengths:
            self.framing, self.body = "length", _exactly(stream, int(lengths[0]))
        else:
            self.framing, self.body = "close", stream.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        """Whether it says that it is the last one."""
        return self.headers.get("Connection", "").lower() == "close"


def _exactly(stream: io.BufferedReader, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise Truncated(f"{len(data)} bytes have come of {size}")
    return data


def _chunks(stream: io.BufferedReader) -> Iterator[bytes]:
    size = -1
    while size:
        line = stream.readline()
        if not line.endswith(b"\r\n"):
            raise Truncated(f"there is no chunk after {line!r}")
        size = int(line, 16)
        yield _exactly(stream, size)
        assert _exactly(stream, 2) == b"\r\n"


class Wire:
    """A connection on which a test says every byte, plain or encrypted."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.stream = connection.makefile("rb")

    def send(self, *data: bytes) -> None:
        for piece in data:
            self.socket.sendall(piece)

    def send_if_open(self, *data: bytes) -> None:
        """Sends what the other side need not take: it may have closed the connection."""
        with contextlib.suppress(OSError):
            self.send(*data)

    def push(self, data: bytes, quiet: float = 0.3) -> int:
        """Sends until nothing has been taken for some time.

        Returns:
            How many bytes were taken.
        """
        view, sent = memoryview(data), 0
        self.socket.settimeout(quiet)
        with contextlib.suppress(TimeoutError):
            while sent < len(data):
                sent += self.socket.send(view[sent : sent + 65_536])
        self.socket.settimeout(DEADLINE)
        return sent

    def answer(self, verb: str = "GET") -> Answer:
        """The next answer.

        Raises:
            Truncated: the connection has ended before it or within it.
        """
        try:
            return Answer(self.stream, verb)
        except ConnectionError as error:
            raise Truncated("the connection was reset") from error

    def read_until(self, end: bytes) -> bytes:
        """What comes until these bytes have come, with them."""
        read = bytearray()
        while not read.endswith(end):
            piece = self.stream.read(1)
            if not piece:
                raise Truncated(f"{bytes(read)!r} is all that has come")
            read += piece
        return bytes(read)

    def rest(self) -> bytes:
        """What still comes until the other side closes the connection."""
        rest = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while piece := self.stream.read1():
                rest += piece
        return bytes(rest)

    def is_closed(self) -> bool:
        """Whether nothing more comes, waiting for the other side to close the connection."""
        return self.rest() == b""

    def reset(self) -> None:
        """Goes away at once, with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


def settled(count: Callable[[], int], quiet: float = 0.3) -> int:
    """What a counter says when it has begun, and has said the same for some time."""
    deadline = time.monotonic() + DEADLINE
    last, since = count(), time.monotonic()
    while last == 0 or time.monotonic() - since < quiet:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        if (now := count()) != last:
            last, since = now, time.monotonic()
    return last
