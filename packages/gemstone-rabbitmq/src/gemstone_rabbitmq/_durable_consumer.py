"""From the queues of a service to its handlers, and back: acknowledged, moved, or left."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from gemstone_core.event import DurableEventTransport, Event, Verdict

from ._connection import Connection
from ._credit import Credit
from ._delivering import Delivering
from ._letters import (
    ATTEMPTS,
    DUE,
    EVENT,
    attempts,
    burial,
    deaths,
    event_of_message,
    own_headers,
    wait,
)
from ._moves import Move, Moves
from ._pika import Channel
from ._places import DEAD, Durable, queue_of, retries_of, suspects_of
from ._recent import Recent
from ._underway import Underway

#: How often to ask whether the exchange is there, and the queues are bound to it, in seconds. The
#: answer must have come when it is asked for again.
_LOOK_EVERY: Final = 8.0
#: How many events wait here to be delivered again, at most; more wait at the broker.
_WAITING: Final = 1000
#: How long one of them waits at most, in seconds.
_LONGEST_WAIT: Final = 60.0
#: An event that was delivered so often, and never to an end, is delivered alone.
_SUSPECT: Final = 2
#: How long what was decided may take to be told to the broker in the end, in seconds.
_PATIENCE: Final = 3.0
#: The broker is to give up nothing by itself. (Where it has no limit, it puts what was delivered
#: before behind everything else; and from version 4 on there is always one.)
KEPT: Final[Mapping[str, object]] = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000}


class DurableConsumer:
    """Fetches the events of some names for a service, through one connection.

    The service has a queue for each event, and two more: one for what is to be delivered again, and
    one for suspects. With a process everything dies that it had, guilty or not, and the broker
    counts that. So what was in two deaths is moved to the suspects, who are delivered alone, one
    at a time: there the count is right. What was moved is delivered when it is nowhere else: a
    process that dies of it leaves one of it.

    Args:
        host: the transport.
        credit: counts the events that are with their handlers.
        moves: what is to be put into other queues.
        recent: what was handled lately.
        parameters: where and how to connect.
        shown_url: what to call the broker in messages.

    Raises:
        ValueError: the name of the service is too long for those of its queues.
    """

    def __init__(
        self,
        host: DurableEventTransport,
        credit: Credit,
        moves: Moves,
        recent: Recent,
        parameters: Any,
        shown_url: str,
    ) -> None:
        service, limit = host.service_name, host.max_concurrent_events
        self._queues = {queue_of(service, name): name for name in host.event_names}
        self._retries = retries_of(service)
        self._suspects = suspects_of(service)
        self._service = service
        self._host = host
        self._moves = moves
        self._recent = recent
        self._shown_url = shown_url
        self._connection = Connection(parameters, shown_url, self._on_open)
        self._delivering = Delivering(self._connection, host.deliver, limit, credit)
        self._channel: Channel | None = None
        self._consumers: list[str] = []
        self._is_asked = False
        self._is_leaving = False
        self._is_ending = False
        self._underway = Underway(
            self._delivering.acknowledge, self._connection.guarded, self._close_if_told
        )

    def run(self) -> None:
        """Connect, and deliver events until it is stopped. Blocks.

        Raises:
            ConnectionError: there is no connection, or it broke.
        """
        self._connection.run()

    def stop_receiving(self) -> None:
        """Take no more events. From any thread."""
        self._connection.call_soon(self._connection.guarded(self._leave))

    def stop(self) -> None:
        """End, when everything that is decided is told to the broker. From any thread."""
        self._connection.call_soon(self._connection.guarded(self._end))

    # Step by step until events come.

    def _on_open(self) -> None:
        self._connection.open_channel(self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        guarded = self._connection.guarded
        self._channel = self._delivering.channel = channel
        channel.add_on_cancel_callback(guarded(self._on_cancel))
        channel.exchange_declare(Durable().exchange_of(""), Durable.exchange_type, durable=True)
        for queue in (*self._queues, self._retries, self._suspects, DEAD):
            channel.queue_declare(queue, durable=True, arguments=KEPT)
        self._bind(channel, guarded(self._on_bound))

    def _bind(self, channel: Channel, when_done: Callable[..., object]) -> None:
        left = len(self._queues)
        exchange = Durable().exchange_of("")
        for queue, name in self._queues.items():
            left -= 1
            callback = None if left else when_done
            channel.queue_bind(queue, exchange, routing_key=name, callback=callback)

    def _on_bound(self, _: object) -> None:
        assert self._channel is not None
        guarded = self._connection.guarded
        take = {queue: partial(self._on_message, name) for queue, name in self._queues.items()}
        self._consume(self._channel, self._delivering.prefetch, take)
        self._consume(self._channel, _WAITING, {self._retries: self._on_retry})
        self._channel.basic_qos(prefetch_count=1)
        tag = self._channel.basic_consume(
            self._suspects, guarded(self._on_suspect), callback=guarded(self._on_consuming)
        )
        self._consumers.append(tag)

    def _consume(
        self, channel: Channel, prefetch: int, take: Mapping[str, Callable[..., object]]
    ) -> None:
        channel.basic_qos(prefetch_count=prefetch)  # of each consumer that begins after it
        for queue, on_message in take.items():
            self._consumers.append(
                channel.basic_consume(queue, self._connection.guarded(on_message))
            )

    def _on_consuming(self, _: object) -> None:
        self._host.connected()
        self._connection.call_later(_LOOK_EVERY, self._look)

    # What could end it, unseen.

    def _on_cancel(self, _: object) -> None:
        self._lost("a queue was deleted")

    def _look(self) -> None:
        assert self._channel is not None
        if self._is_asked:
            self._lost(f"nothing was answered for {_LOOK_EVERY:g} s")
            return
        self._is_asked = True
        # Nobody says when an exchange was deleted. If it is there, it is bound again here; if not,
        # the broker closes the channel, and all begins anew.
        self._bind(self._channel, self._connection.guarded(self._on_looked))
        self._connection.call_later(_LOOK_EVERY, self._look)

    def _on_looked(self, _: object) -> None:
        self._is_asked = False

    def _lost(self, why: str) -> None:
        self._connection.close(ConnectionError(f"{self._shown_url} sends no events: {why}"))

    # The end.

    def _leave(self) -> None:
        if self._is_leaving or self._channel is None:
            return
        self._is_leaving = True
        self._delivering.hand_over_no_more()
        for tag in self._consumers:
            self._channel.basic_cancel(tag)

    def _end(self) -> None:
        if self._is_ending:
            return
        self._is_ending = True
        self._leave()
        self._connection.call_later(_PATIENCE, self._connection.close)
        self._close_if_told()

    def _close_if_told(self) -> None:
        if self._is_ending and not self._underway:
            self._delivering.acknowledge()
            self._connection.close()

    # What comes.

    def _on_message(self, name: str, _: object, method: Any, properties: Any, body: bytes) -> None:
        tag, headers = method.delivery_tag, properties.headers
        if not headers:
            self._take(name, 1, tag, properties, body)
            return
        died = deaths(headers)
        attempt = attempts(headers) + died + 1
        if died and self._recent.has(name, properties.message_id):
            self._delivering.finish(tag)
        # At its last try it must be known whose death it is.
        elif died >= _SUSPECT or (died > 0 and attempt >= self._host.max_deliveries > 1):
            # From the second death on it was not tried here.
            count = attempts(headers) + min(died, _SUSPECT)
            count = min(count, max(1, self._host.max_deliveries - 1))
            self._take_aside(name, count, tag, properties, body)
        else:
            self._take(name, attempt, tag, properties, body)

    def _on_retry(self, _: object, method: Any, properties: Any, body: bytes) -> None:
        tag, headers = method.delivery_tag, properties.headers or {}
        name, count = str(headers.get(EVENT, "")), attempts(headers)
        # Most of the time it only waits here. So the death of the process does not count.
        if deaths(headers) and self._recent.has(name, properties.message_id):
            self._delivering.finish(tag)
        elif deaths(headers) >= _SUSPECT:
            self._take_aside(name, count, tag, properties, body)
        else:
            take = partial(self._take, name, count + 1, tag, properties, body)
            self._underway.when_over(
                lambda: self._connection.call_later(wait(headers, _LONGEST_WAIT), take)
            )

    def _on_suspect(self, _: object, method: Any, properties: Any, body: bytes) -> None:
        headers = properties.headers or {}
        name, tag = str(headers.get(EVENT, "")), method.delivery_tag
        if deaths(headers) and self._recent.has(name, properties.message_id):
            self._delivering.finish(tag)
        else:
            attempt = attempts(headers) + deaths(headers) + 1
            self._underway.when_over(partial(self._take, name, attempt, tag, properties, body))

    def _take_aside(self, name: str, count: int, tag: int, properties: Any, body: bytes) -> None:
        if not self._is_leaving:
            self._move(self._suspects, tag, properties, body, {EVENT: name, ATTEMPTS: count})

    def _take(self, name: str, attempt: int, tag: int, properties: Any, body: bytes) -> None:
        if self._connection.is_closing or self._is_leaving:
            return
        event = event_of_message(name, properties, body, attempt)
        if attempt > 1 and self._host.is_spent(event):
            reason = "its process died each time"
            self._bury(event, tag, properties, body, attempt - 1, reason)
        else:
            self._delivering.hold(tag, event, partial(self._on_handled, properties, body))

    # What became of it.

    def _on_handled(
        self,
        properties: Any,
        body: bytes,
        tag: int,
        event: Event,
        error: BaseException | None,
    ) -> None:
        verdict = self._host.judge(event, error)
        if verdict is Verdict.DONE:
            self._recent.add(event.name, properties.message_id)
            self._delivering.finish(tag)
        elif verdict is not Verdict.LEFT:
            # In the connection's thread, as all else that is counted.
            self._connection.call_soon(
                self._connection.guarded(
                    partial(self._on_failed, verdict, properties, body, tag, event, repr(error))
                )
            )

    def _on_failed(
        self, verdict: Verdict, properties: Any, body: bytes, tag: int, event: Event, reason: str
    ) -> None:
        if verdict is Verdict.DEAD:
            self._bury(event, tag, properties, body, event.attempt, reason)
        else:
            due = time.time() + self._host.redelivery_delay(event.attempt)
            said = {EVENT: event.name, ATTEMPTS: event.attempt, DUE: repr(due)}
            self._move(self._retries, tag, properties, body, said)

    def _bury(
        self, event: Event, tag: int, properties: Any, body: bytes, count: int, reason: str
    ) -> None:
        self._move(DEAD, tag, properties, body, burial(self._service, event.name, count, reason))

    def _move(
        self, queue: str, tag: int, properties: Any, body: bytes, said: Mapping[str, object]
    ) -> None:
        """Put a message into another queue, and when it is there, take it out of this one."""
        if self._connection.is_closing:
            return
        headers = {**own_headers(properties.headers), **said}
        on_done = partial(self._on_moved, self._underway.begin(), tag)
        self._moves.put(
            Move(queue, body, headers, properties.message_id, properties.timestamp, on_done)
        )

    def _on_moved(self, number: int, tag: int, error: Exception | None) -> None:
        """Called in another connection's thread."""
        self._connection.call_soon(
            self._connection.guarded(partial(self._on_move_known, number, tag, error))
        )

    def _on_move_known(self, number: int, tag: int, error: Exception | None) -> None:
        if self._connection.is_closing or self._channel is None:
            return
        if error is not None:
            self._lost(str(error))  # and makes the queue again
            return
        self._delivering.finish(tag)
        self._underway.is_there(number, self._channel)
