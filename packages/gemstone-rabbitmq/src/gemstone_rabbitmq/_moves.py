"""Messages that go from one queue to another: to be delivered again, or to the dead letters."""

import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ._pika import pika


class Move:
    """A message that is to be put into a queue, before it is taken out of another one.

    Args:
        queue: where to.
        body: the body of the message.
        headers: what is said about it, and by whom.
        message_id: the id of the event.
        timestamp: when it was emitted.
        on_done: called with ``None`` when the broker has it, or with why not; in the thread of the
            connection that has sent it.

    Attributes:
        id: what tells it from all others, of whatever process.
    """

    def __init__(
        self,
        queue: str,
        body: bytes,
        headers: Mapping[str, Any],
        message_id: Any,
        timestamp: Any,
        on_done: Callable[[Exception | None], None],
    ) -> None:
        self.queue = queue
        self.body = body
        self.id = uuid.uuid4().hex
        self.on_done = on_done
        self._headers = headers
        self._message_id = message_id
        self._timestamp = timestamp

    def properties(self) -> Any:
        """What travels with the body."""
        return pika.BasicProperties(
            content_type="application/json",
            headers=dict(self._headers),
            delivery_mode=2,
            correlation_id=self.id,
            message_id=self._message_id,
            timestamp=self._timestamp,
        )


class Moves:
    """The moves that wait for the connection that emits. From any thread.

    A broker that is short of memory or disk takes nothing more from connections that publish, not
    even acknowledgements. So what consumes must not publish.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Move] = deque()
        self._when_ready: Callable[[], None] | None = None

    def put(self, move: Move) -> None:
        """Let a move wait."""
        with self._lock:
            self._waiting.append(move)
            when_ready = self._when_ready
        if when_ready is not None:
            when_ready()

    def put_back(self, moves: Iterable[Move]) -> None:
        """These were taken, and perhaps not made: they are to be made again."""
        with self._lock:
            self._waiting.extendleft(reversed([*moves]))

    def take(self) -> list[Move]:
        """Take all that wait."""
        with self._lock:
            taken = [*self._waiting]
            self._waiting.clear()
            return taken

    def call_when_ready(self, callback: Callable[[], None] | None) -> None:
        """Call something whenever there is a move; it must not block."""
        with self._lock:
            self._when_ready = callback
