"""The correctness pass: each call by itself, then many at once, each answer compared with its own.

:mod:`.wrk`, which measures, knows of no answer to which connection it belongs.
"""

import http.client
import itertools
import json
import select
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from .processes import BenchmarkError

#: How long to wait for an answer, in seconds.
_PATIENCE: Final = 10.0

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and the body that answers it, in the very bytes."""

    request: bytes
    answer: bytes


def learn(address: Address, path: str, calls: Iterable[tuple[Any, Any]]) -> list[Exchange]:
    """Makes each call once, checks its answer, and keeps both as they go over the wire.

    Args:
        address: where the server listens.
        path: the path of its endpoint.
        calls: requests, with the answers that they must get, as values to be written as JSON.

    Raises:
        BenchmarkError: an answer is wrong.
    """
    exchanges = []
    connection = http.client.HTTPConnection(*address, timeout=_PATIENCE)
    with closing(connection):
        for call, expected in calls:
            body = json.dumps(call).encode()
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200 or json.loads(answer) != expected:
                raise BenchmarkError(
                    f"{body!r} was answered {response.status} {answer!r} instead of {expected!r}"
                )
            head = (
                f"POST {path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            exchanges.append(Exchange(head.encode() + body, answer))
    return exchanges


def check(
    address: Address, exchanges: Sequence[Exchange], *, connections: int, seconds: float
) -> int:
    """Keeps a server busy for some time, and compares every answer with its own.

    Args:
        address: where the server listens.
        exchanges: what to send, and what must come. Shared out among the connections, so that
            an answer that belongs to another connection is a wrong one.
        connections: how many calls are under way at any time.
        seconds: for how long calls are sent.

    Returns:
        How many were answered.

    Raises:
        BenchmarkError: an answer is wrong, or does not come.
    """
    answered = 0
    poll = select.epoll()
    open_connections: dict[int, _Connection] = {}
    try:
        for number in range(connections):
            own = exchanges[number::connections] or exchanges
            connection = _Connection(address, itertools.cycle(own))
            open_connections[connection.socket.fileno()] = connection
            poll.register(connection.socket, select.EPOLLIN)
        end = time.perf_counter() + seconds
        for connection in open_connections.values():
            connection.send_next()
        waiting = connections
        while waiting:
            ready = poll.poll(_PATIENCE)
            if not ready:
                raise BenchmarkError(f"{waiting} answers did not come within {_PATIENCE} s")
            for descriptor, _ in ready:
                connection = open_connections[descriptor]
                if not connection.receive():
                    continue
                answered += 1
                if time.perf_counter() < end:
                    connection.send_next()
                else:
                    waiting -= 1
    finally:
        poll.close()
        for connection in open_connections.values():
            connection.socket.close()
    return answered


class _Connection:
    __slots__ = ("_answer", "_exchanges", "_received", "socket")

    def __init__(self, address: Address, exchanges: Iterator[Exchange]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._exchanges = exchanges
        self._answer = b""
        self._received = b""

    def send_next(self) -> None:
        exchange = next(self._exchanges)
        self._answer = exchange.answer
        self.socket.sendall(exchange.request)

    def receive(self) -> bool:
        """Takes what has come, and says whether it is the whole answer."""
        data = self.socket.recv(65536)
        whole = self._received + data
        head, _, body = whole.partition(b"\r\n\r\n")
        if body == self._answer and head.startswith(b"HTTP/1.1 200 "):
            self._received = b""
            return True
        if not data or len(body) >= len(self._answer):
            raise BenchmarkError(f"instead of {self._answer!r} there came {whole!r}")
        self._received = whole
        return False
