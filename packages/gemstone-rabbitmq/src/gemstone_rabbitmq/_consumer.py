"""From the broker to the handlers."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from gemstone_core.event import Event

from ._channels import Attempts, is_made_otherwise, made_otherwise
from ._connection import Connection
from ._credit import Credit
from ._delivering import Delivering
from ._headers import readable_headers, readable_id, readable_time
from ._pika import Channel
from ._places import Route

#: How often to ask whether the queue is there, is bound and has its consumer, in seconds. The
#: answer must have come when it is asked for again.
_LOOK_EVERY: Final = 8.0


class Consumer:
    """Fetches the events of some names, through one connection, with a queue of its own.

    What is fetched ahead is lost with the queue, there or here.

    Args:
        route: through which exchanges they come.
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
        route: Route,
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
        self._route = route
        self._names = names
        self._on_connected = on_connected
        self._shown_url = shown_url
        self._logger = logger
        self._told = told
        self._connection = Connection(parameters, shown_url, self._on_open)
        self._attempts = Attempts(self._connection)
        self._delivering = Delivering(self._connection, deliver, limit, credit)
        self._channel: Channel | None = None
        self._queue = ""
        self._is_asked = False

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
        self._channel = self._delivering.channel = channel
        channel.add_on_cancel_callback(guarded(self._on_cancel))
        channel.basic_qos(prefetch_count=self._delivering.prefetch)
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
        name, route = names.pop(), self._route
        exchange = route.exchange_of(name)

        def declared(error: Exception | None) -> None:
            # Whether the exchange can be used as it is, binding will tell.
            if error is not None and is_made_otherwise(error) and name not in self._told:
                self._told.add(name)
                self._logger.warning(
                    "%s; it is used as it is", made_otherwise(self._shown_url, exchange, route)
                )
            self._declare(names)

        self._attempts.declare(exchange, route.exchange_type, route.is_durable, declared)

    def _bind(self, channel: Channel) -> None:
        for name in self._names:
            exchange, usual = self._route.exchange_of(name), self._route.key_of(name)
            # An exchange of another type has its own way with keys.
            for key in (usual, "#") if name in self._told else (usual,):
                channel.queue_bind(self._queue, exchange, routing_key=key)

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
        name = self._route.event_of(method.exchange, method.routing_key)
        if self._connection.is_closing:
            return
        if name is None:  # somebody else has bound our queue, or sent to it
            self._delivering.finish(method.delivery_tag)
            return
        event = Event.from_json(
            name,
            body,
            id=readable_id(properties.message_id),
            headers=readable_headers(properties.headers),
            time=readable_time(properties.timestamp),
        )
        self._delivering.hold(method.delivery_tag, event, self._handled)

    def _handled(self, tag: int, event: Event, error: BaseException | None) -> None:
        self._delivering.finish(tag)
