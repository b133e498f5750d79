"""``memory://``: events within one process, for development and tests."""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, ClassVar, Final, Self

from gemstone.errors import EventRefusedError

from .._backends import memory_name
from ._emission import Emission
from ._event import Event
from ._outbox import Outbox
from ._transport import BaseEventTransport

#: How many events may wait for one subscriber.
_CAPACITY: Final = 10_000
#: How often to look whether it still makes sense to wait for a place, in seconds.
_ASK_EVERY: Final = 0.05


class MemoryEventTransport(BaseEventTransport):
    """Event transport within the process: every subscriber in it gets every event.

    The default for development and tests, and for parts of one program. It needs no broker.

    Delivery: to every service in the process that handles the event, and runs when it is
    emitted. The receipt is done when the event is in the queue of each of them; it fails if
    one of them has 10,000 events waiting, and still has when the event expires. What is in
    a queue when its service stops is lost.

    Args:
        name: transports of different names know nothing of each other.
    """

    reports_connected: ClassVar[bool] = True

    _buses: ClassVar[dict[str, "_Bus"]] = {}

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._bus = self._buses.setdefault(name, _Bus())
        self._subscriber: _Subscriber | None = None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The transport of ``memory://`` or ``memory://name``.

        Raises:
            ServiceConfigurationError: there is more in the URL than a name.
        """
        return cls(memory_name(url, "MemoryEventTransport"))

    def emit_event(self, event_name: str, event_body: Any) -> None:
        """Put an event into the queue of each subscriber.

        Raises:
            InvalidEventError: the body can't be encoded as JSON.
            EventRefusedError: too many events wait for one of the subscribers.
        """
        self._bus.emit(Emission.of_body(event_name, event_body))

    def publish(self, outbox: Outbox) -> None:
        """Put the events of an outbox into the queues of their subscribers."""
        outbox.connected()
        while not outbox.is_finished:
            for emission in outbox.take():
                try:
                    self._bus.emit(emission, lambda: outbox.is_given_up)
                except EventRefusedError as error:
                    outbox.fail([emission], error)
                else:
                    outbox.done([emission])

    def start_accepting_events(self) -> None:
        """Receive events, until :meth:`stop` is called."""
        subscriber = self._subscriber = _Subscriber()
        self._bus.subscribe(subscriber, self.event_names)
        try:
            self.connected()
            while (event := subscriber.waiting.get()) is not None and not subscriber.is_stopped:
                self.deliver(event)
        finally:
            self._bus.unsubscribe(subscriber)

    def stop(self) -> None:
        """End :meth:`start_accepting_events`."""
        if self._subscriber is not None:
            self._subscriber.stop()

    def __copy__(self) -> Self:
        copied = self.renewed()
        copied._subscriber = None
        return copied

    def __str__(self) -> str:
        return f"memory://{self.name}"


class _Subscriber:
    """One that gets events, and the queue in which they wait for it."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[Event | None] = queue.Queue(_CAPACITY)
        self.is_stopped = False

    def has_put(self, event: Event, timeout: float | None = None) -> bool:
        """Whether the event is in the queue now, or nobody wants it any more."""
        try:
            self.waiting.put(event, timeout is not None, timeout)
        except queue.Full:
            return self.is_stopped
        return True

    def stop(self) -> None:
        self.is_stopped = True
        with suppress(queue.Full):  # then it is not waiting for one more
            self.waiting.put_nowait(None)


class _Bus:
    """Who subscribed to what."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: dict[str, list[_Subscriber]] = {}

    def subscribe(self, subscriber: _Subscriber, names: Iterable[str]) -> None:
        with self._lock:
            for name in names:
                self._subscribers.setdefault(name, []).append(subscriber)

    def unsubscribe(self, subscriber: _Subscriber) -> None:
        with self._lock:
            for subscribers in self._subscribers.values():
                if subscriber in subscribers:
                    subscribers.remove(subscriber)

    def emit(self, emission: Emission, is_given_up: Callable[[], bool] = lambda: False) -> None:
        """Put an event into every queue; waits for those that are full.

        Args:
            emission: the event; it waits until it expires.
            is_given_up: whether it is to wait no longer.

        Raises:
            EventRefusedError: one of the queues is still full then.
        """
        # All at once, so that all queues that are not full have the same order.
        with self._lock:
            full = [
                (subscriber, event)
                for subscriber in self._subscribers.get(emission.name, ())
                if not subscriber.has_put(event := _event(emission))
            ]
        for subscriber, event in full:
            while not subscriber.has_put(event, _ASK_EVERY):
                if is_given_up() or time.monotonic() > emission.expires_at:
                    raise EventRefusedError(
                        f"a service that handles {emission.name!r} has {_CAPACITY:,} events "
                        "waiting already, and did not get it"
                    )


def _event(emission: Emission) -> Event:
    return Event.from_json(
        emission.name,
        emission.data,
        id=emission.id,
        headers=dict(emission.headers),
        time=emission.emitted_at,
    )
