"""The load: keep-alive connections that each send the next call when they have their answer.

Written on ``epoll`` and blocking sockets, with answers compared as bytes, because it has to be
faster than every server that it drives.
"""

import http.client
import itertools
import json
import select
import socket
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from .processes import BenchmarkError
from .report import percentile

#: How long to wait for an answer, in seconds.
_PATIENCE: Final = 10.0

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and the body that answers it, in the very bytes."""

    request: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of load found.

    Args:
        seconds: how long it took.
        latencies: of every call, in seconds.
        load: how busy the load's own core was, 0 to 1; near 1 it was no match for the server.
    """

    seconds: float
    latencies: Sequence[float]
    load: float

    @property
    def calls(self) -> int:
        """How many calls were answered."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds

    def percentile(self, percent: float) -> float:
        """The latency that this part of the calls did not exceed, in seconds."""
        return percentile(self.latencies, percent)


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


def drive(
    address: Address, exchanges: Sequence[Exchange], *, connections: int, seconds: float
) -> Round:
    """Keeps a server busy for some time, and checks every answer.

    Args:
        address: where the server listens.
        exchanges: what to send, and what must come. Shared out among the connections, so that
            an answer that belongs to another connection is a wrong one.
        connections: how many calls are under way at any time.
        seconds: for how long calls are sent.

    Raises:
        BenchmarkError: an answer is wrong, or does not come.
    """
    clock = time.perf_counter
    latencies = array("d")
    poll = select.epoll()
    open_connections: dict[int, _Connection] = {}
    try:
        for number in range(connections):
            own = exchanges[number::connections] or exchanges
            connection = _Connection(address, itertools.cycle(own))
            open_connections[connection.socket.fileno()] = connection
            poll.register(connection.socket, select.EPOLLIN)
        busy = time.process_time()
        begin = now = clock()
        end = begin + seconds
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
                now = clock()
                latencies.append(now - connection.sent)
                if now < end:
                    connection.send_next()
                else:
                    waiting -= 1
        elapsed = now - begin
        busy = time.process_time() - busy
    finally:
        poll.close()
        for connection in open_connections.values():
            connection.socket.close()
    return Round(elapsed, latencies, busy / elapsed)


class _Connection:
    __slots__ = ("_answer", "_exchanges", "_received", "sent", "socket")

    def __init__(self, address: Address, exchanges: Iterator[Exchange]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = 0.0
        self._exchanges = exchanges
        self._answer = b""
        self._received = b""

    def send_next(self) -> None:
        exchange = next(self._exchanges)
        self._answer = exchange.answer
        self.sent = time.perf_counter()
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
