"""From the broker to the handlers."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from gemstone_core.event import Event

from ._channels import Attempts, is_made_otherwise
from ._connection import Connection
from ._credit import Credit, Deliveries
from ._headers import readable_headers, readable_id
from ._pika import Channel
from ._places import event_of, exchange_of

#: How often to ask whether the queue is there, is bound and has its consumer, in seconds. The
#: answer must have come when it is asked for again.
_LOOK_EVERY: Final = 8.0
#: How many events are fetched, as a multiple of those that may be with handlers: so the next ones
#: are there when these are done. They are lost with the queue, there or here.
_AHEAD: Final = 4
#: How long to gather what is handled, in seconds; unless it is such a part of all that may be
#: fetched: one of so many.
_GATHER: Final = 0.005
_SHARE: Final = 4
#: The most that can be said to the broker.
_PREFETCH_MAX: Final = 65535


class Consumer:
    """Fetches the events of some names, through one connection, with a queue of its own.

    Args:
        names: the names of the events.
        deliver: hands an event to its handlers, and calls back when they have ended.
        limit: how many events may be with their handlers.
        credit: counts them.
        on_connected: called when events of all names will come.
        parameters: where and how to connect.
        shown_url: what to call the broker in messages.
        logger: where is told what may be wrong with an exchange.
        told: the exchanges that were told to be made otherwise.
    """

    def __init__(
        self,
        names: Sequence[str],
        deliver: Callable[..., None],
        limit: int,
        credit: Credit,
        on_connected: Callable[[], None],
        parameters: Any,
        shown_url: str,
        logger: logging.Logger,
        told: set[str],
    ) -> None:
        self._names = names
        self._deliver = deliver
        self._limit = limit
        self._prefetch = min(limit * _AHEAD, _PREFETCH_MAX)
        self._credit = credit
        self._on_connected = on_connected
        self._shown_url = shown_url
        self._logger = logger
        self._told = told
        self._connection = Connection(parameters, shown_url, self._on_open)
        self._attempts = Attempts(self._connection)
        self._channel: Channel | None = None
        self._queue = ""
        self._is_asked = False
        # What came just now, or while handlers had as many as they may.
        self._held: deque[tuple[int, Event]] = deque()
        self._deliveries = Deliveries()
        self._finished: deque[int] = deque()
        self._is_due = False
        self._will_look = False

    def run(self) -> None:
        """Connect, and deliver events until it is stopped. Blocks.

        Raises:
            ConnectionError: there is no connection, or it broke.
        """
        self._connection.run()

    def stop(self) -> None:
        """End. From any thread."""
        self._connection.stop()

    # Step by step until events come.

    def _on_open(self) -> None:
        self._connection.open_channel(self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        guarded = self._connection.guarded
        self._channel = channel
        channel.add_on_cancel_callback(guarded(self._on_cancel))
        channel.basic_qos(prefetch_count=self._prefetch)
        channel.queue_declare(
            "", exclusive=True, auto_delete=True, callback=guarded(self._on_queue)
        )

    def _on_queue(self, frame: Any) -> None:
        self._queue = frame.method.queue
        self._declare([*self._names])

    def _declare(self, names: list[str]) -> None:
        if not names:
            self._consume()
            return
        name = names.pop()

        def declared(error: Exception | None) -> None:
            # Whether the exchange can be used as it is, binding will tell.
            if error is not None and is_made_otherwise(error) and name not in self._told:
                self._told.add(name)
                self._logger.warning(
                    "%s: the exchange %r is there with other properties than a fanout exchange "
                    "that is not durable; it is used as it is",
                    self._shown_url,
                    exchange_of(name),
                )
            self._declare(names)

        self._attempts.declare(exchange_of(name), "fanout", False, declared)

    def _bind(self, channel: Channel) -> None:
        for name in self._names:
            # Of a fanout exchange the key says nothing; one of another type has its own way.
            for key in ("", "#") if name in self._told else ("",):
                channel.queue_bind(self._queue, exchange_of(name), routing_key=key)

    def _consume(self) -> None:
        assert self._channel is not None
        guarded = self._connection.guarded
        self._bind(self._channel)
        self._channel.basic_consume(
            self._queue, guarded(self._on_message), callback=guarded(self._on_consuming)
        )

    def _on_consuming(self, _: object) -> None:
        self._on_connected()
        self._connection.call_later(_LOOK_EVERY, self._look)

    # What could end it, unseen.

    def _on_cancel(self, _: object) -> None:
        self._lost("its queue was deleted")

    def _look(self) -> None:
        assert self._channel is not None
        if self._is_asked:
            self._lost(f"nothing was answered for {_LOOK_EVERY:g} s")
            return
        self._is_asked = True
        # Nobody says when an exchange was deleted. If it was made again, it is bound again here;
        # if not, the broker closes the channel, and all begins anew.
        self._bind(self._channel)
        self._channel.queue_declare(
            self._queue, passive=True, callback=self._connection.guarded(self._on_looked)
        )
        self._connection.call_later(_LOOK_EVERY, self._look)

    def _on_looked(self, frame: Any) -> None:
        self._is_asked = False
        if not frame.method.consumer_count:
            self._lost("its queue has lost its consumer")

    def _lost(self, why: str) -> None:
        self._connection.close(ConnectionError(f"{self._shown_url} sends no events: {why}"))

    # What comes.

    def _on_message(self, _: object, method: Any, properties: Any, body: bytes) -> None:
        name = event_of(method.exchange)
        if self._connection.is_closing:
            return
        if name is None:  # somebody else has bound our queue, or sent to it
            self._is_handled(method.delivery_tag)
            return
        event = Event.from_json(
            name,
            body,
            id=readable_id(properties.message_id),
            headers=readable_headers(properties.headers),
        )
        if not self._held:
            # Soon: when all is read that came together with it.
            self._connection.call_later(0, self._hand_over)
        self._held.append((method.delivery_tag, event))

    def _hand_over(self) -> None:
        """Hand over what is held, as far as there is room, all at once."""
        held, batch = self._held, []
        while held and self._credit.take(self._limit, self._wake):
            batch.append(held.popleft())
        if batch:
            self._gather()
        for left, (tag, event) in zip(range(len(batch) - 1, -1, -1), batch, strict=True):
            self._deliver(event, partial(self._handled, tag), more=left > 0)

    def _handled(self, tag: int, _: BaseException | None) -> None:
        self._credit.give()
        self._is_handled(tag)

    def _is_handled(self, tag: int) -> None:
        """Give credit back. From any thread; many in a row wake the connection once."""
        self._finished.append(tag)
        if not self._is_due and (
            not self._will_look or len(self._finished) * _SHARE >= self._prefetch
        ):
            self._is_due = True
            self._wake()

    def _gather(self) -> None:
        """Look soon at what is handled of what came now."""
        if not self._will_look:
            self._will_look = True
            self._connection.call_later(_GATHER, self._gathered)

    def _gathered(self) -> None:
        self._will_look = False
        self._work_off()

    def _wake(self) -> None:
        self._connection.call_soon(self._connection.guarded(self._work_off))

    def _work_off(self) -> None:
        self._is_due = False  # before looking at what is there, so that nothing is overlooked
        connection, channel, finished = self._connection, self._channel, self._finished
        if connection.is_closing or channel is None:
            return
        if finished:
            up_to, singles = self._deliveries.finish(
                finished.popleft() for _ in range(len(finished))
            )
            if up_to is not None:
                channel.basic_ack(up_to, multiple=True)
            for tag in singles:
                channel.basic_ack(tag)
        self._hand_over()
