"""``amqp://``: events through RabbitMQ, to every instance that runs."""

import copy
import logging
from typing import Any, ClassVar, Final, Self

from gemstone.errors import EventExpiredError, ServiceStateError
from gemstone_core.event import BaseEventTransport, Outbox, open_transport

from ._consumer import Consumer
from ._credit import Credit
from ._parameters import build_parameters, parse_url, shown_url
from ._publisher import Publisher

#: How long :meth:`RabbitMqEventTransport.emit_event` tries, in seconds.
_PATIENCE: Final = 10.0


class RabbitMqEventTransport(BaseEventTransport):
    """Event transport through RabbitMQ: every running instance of a service gets every event.

    Listed as an instance, or by a URL: ``amqp://user:password@host:port/vhost?heartbeat=10``, or
    ``amqps://…`` for TLS.

    - Delivery: to every instance that runs and handles the event, through the fanout exchange
      ``gemstone.broadcast.<event name>``.
    - The receipt is done when the broker has confirmed the event.
    - Promise: at most once. What is emitted while an instance is not connected, it does not get.
      What the broker had not confirmed when the connection broke is not sent again: its receipt
      fails.

    The body of a message is the event's body as JSON, and nothing else; the event's id is its
    ``message_id``, its headers are its ``headers``.

    pika's own logger is made silent when first a connection is made, unless it has a level or a
    handler: each outage is told once, by the service.

    Args:
        host: where the broker is.
        port: where it listens.
        username: who this is; if empty, it is ``guest`` with the password ``guest``.
        password: the password.
        connection_options: further arguments of ``pika.ConnectionParameters``, as
            ``virtual_host``, ``ssl_options`` or ``heartbeat``. A connection that is dead is given
            up after two times (``heartbeat`` + 5) seconds; ``heartbeat`` is 4, if not given.

    Raises:
        ServiceConfigurationError: one of them is wrong; the message says which.
    """

    reports_connected: ClassVar[bool] = True

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 5672,
        username: str = "",
        password: str = "",
        **connection_options: Any,
    ) -> None:
        self._parameters = build_parameters(host, port, username, password, connection_options)
        self._shown_url = shown_url(self._parameters)
        self._begin()

    def _begin(self) -> None:
        """Set what belongs to this one alone."""
        self._credit = Credit()
        self._made_otherwise: set[str] = set()
        # Each is set by the thread that runs it.
        self._consumer: Consumer | None = None
        self._publisher: Publisher | None = None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The transport of ``amqp://user:password@host:port/vhost?option=value`` or ``amqps://…``.

        What is left out is as in the constructor; the port of ``amqps`` is 5671. ``/`` in the name
        of a virtual host is written ``%2F``. Options are those of ``pika.ConnectionParameters``
        that are numbers or strings; and for ``amqps`` the files ``cacertfile``, ``certfile`` and
        ``keyfile``.

        Raises:
            ServiceConfigurationError: a part of the URL is wrong; the message says which.
        """
        return cls(**parse_url(url))

    def emit_event(self, event_name: str, event_body: Any) -> None:
        """Emit one event, without a service; returns when the broker has confirmed it. Blocks.

        It makes a connection for this one event; :func:`gemstone.event.open_transport` keeps it.

        Raises:
            EventError: the event was not emitted.
            ServiceStateError: an event loop runs in this thread.
        """
        with open_transport(copy.copy(self), emit_timeout=_PATIENCE) as transport:
            try:
                transport.emit_event(event_name, event_body).wait()
            except EventExpiredError as error:
                why = transport.event_status().error or error
                raise EventExpiredError(f"{self} did not take the event: {why}") from error

    def publish(self, outbox: Outbox) -> None:
        """Hand over the events of an outbox."""
        if outbox.is_finished:
            return
        publisher = self._publisher = Publisher(
            outbox, self._parameters, self._shown_url, self._logger, self._made_otherwise
        )
        try:
            publisher.run()
        finally:
            self._publisher = None

    def start_accepting_events(self) -> None:
        """Receive events, until :meth:`stop` is called."""
        consumer = self._consumer = Consumer(
            self.event_names,
            self.deliver,
            self.max_concurrent_events,
            self._credit,
            self.connected,
            self._parameters,
            self._shown_url,
            self._logger,
            self._made_otherwise,
        )
        try:
            consumer.run()
        finally:
            self._consumer = None

    def stop(self) -> None:
        """End :meth:`start_accepting_events`; and :meth:`publish`, of a given up outbox."""
        consumer, publisher = self._consumer, self._publisher
        if consumer is not None:
            consumer.stop()
        if publisher is not None:
            publisher.stop()

    @property
    def _logger(self) -> logging.Logger:
        try:
            return self.microservice.logger
        except ServiceStateError:
            return logging.getLogger("gemstone.event")

    def __copy__(self) -> Self:
        copied = self.renewed()
        copied._begin()
        return copied

    def __str__(self) -> str:
        return self._shown_url

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} {self._shown_url}>"
