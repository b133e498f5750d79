"""Raw connections of those who mean no good: nothing is buffered, parsed or mended here."""

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

_HOST: Final = "127.0.0.1"
#: As much as is taken at once, in bytes.
_AT_ONCE: Final = 65_536
#: What makes a connection end by RST, and not by FIN.
_NO_LINGER: Final = struct.pack("ii", 1, 0)
#: How long the service may take for anything that it has no limit for, in seconds.
PATIENCE: Final = 60.0


class Link:
    """A connection to the service, on the event loop that runs.

    Args:
        connection: a socket that is connected and does not block.

    Attributes:
        opened: when it was opened.
        was_reset: whether the service has ended it (RST) while something was on its way: what was
            sent back before that may be lost.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self.opened = time.monotonic()
        self.was_reset = False

    @classmethod
    async def open(cls, port: int, *, receives_at_most: int = 0) -> "Link":
        """Connects.

        Args:
            port: where the service is.
            receives_at_most: how much the system keeps for somebody who reads nothing, in bytes;
                0: as much as it wants.
        """
        connection = socket.socket()
        connection.setblocking(False)
        if receives_at_most:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives_at_most)
        try:
            await asyncio.get_running_loop().sock_connect(connection, (_HOST, port))
        except BaseException:
            connection.close()
            raise
        # Pieces are sent as they are: nobody waits until there is more.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connection)

    async def send(self, data: bytes) -> bool:
        """Sends all of it; gives whether that was possible: the service may have closed."""
        try:
            await self._loop.sock_sendall(self._socket, data)
        except (ConnectionError, TimeoutError):
            self.was_reset = True
            return False
        return True

    @property
    def port(self) -> int:
        """The port on this side."""
        return int(self._socket.getsockname()[1])

    def send_what_fits(self, data: bytes | memoryview) -> int:
        """Sends what the system takes without waiting; -1: the service has closed."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return -1

    def end_sending(self) -> None:
        """Says that no more will come (FIN)."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    async def receive(self, at_most: int = _AT_ONCE) -> bytes:
        """What has come; nothing: the service has closed."""
        try:
            return await self._loop.sock_recv(self._socket, at_most)
        except (ConnectionError, TimeoutError):
            self.was_reset = True
            return b""

    async def receive_all(self, within: float = PATIENCE) -> bytes:
        """What comes until the service closes the connection.

        Raises:
            TimeoutError: it does not close it.
        """
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout(within):
                while piece := await self.receive():
                    pieces.append(piece)
        except TimeoutError:
            got = b"".join(pieces)
            raise TimeoutError(f"not closed within {within:g} s, after {got[-200:]!r}") from None
        return b"".join(pieces)

    async def receive_answer(self, within: float = PATIENCE) -> bytes:
        """What comes until there is a whole answer with a Content-Length, or the end."""
        got = b""
        async with asyncio.timeout(within):
            while not _is_whole(got) and (piece := await self.receive()):
                got += piece
        return got

    def close(self) -> None:
        """Closes it (FIN)."""
        self._socket.close()

    def vanish(self) -> None:
        """Closes it as if its end had never been there (RST)."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._socket.close()


def _is_whole(got: bytes) -> bool:
    head, blank, body = got.partition(b"\r\n\r\n")
    _, length, rest = head.lower().partition(b"\r\ncontent-length:")
    return bool(blank and length) and len(body) >= int(rest.split(b"\r\n")[0])


def call(method: str, *params: object, id: object = 1, more: Iterable[str] = ()) -> bytes:
    """A request that calls a method.

    Args:
        method: its name.
        params: its params.
        id: the id of the call.
        more: more lines of the head.
    """
    body = call_body(method, *params, id=id)
    return request("POST /api HTTP/1.1", f"Content-Length: {len(body)}", *more) + body


def call_body(method: str, *params: object, id: object = 1) -> bytes:
    """The body of it."""
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": id}).encode()


def request(first: str, *lines: str) -> bytes:
    """The head of a request."""
    return "\r\n".join([first, "Host: soak", *lines, "", ""]).encode("latin-1")


async def at_most(count: int, jobs: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Does all jobs, and no more than so many of them at once."""
    waiting = iter(jobs)

    async def work() -> None:
        for job in waiting:
            await job()

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(work())
