"""``amqp://``: events through RabbitMQ, to every instance that runs."""

from typing import ClassVar

from ._base import RabbitMqTransport
from ._consumer import Consumer
from ._places import Broadcast, Route


class RabbitMqEventTransport(RabbitMqTransport):
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

    route: ClassVar[Route] = Broadcast()

    def _begin(self) -> None:
        super()._begin()
        # It is set by the thread that runs it.
        self._consumer: Consumer | None = None

    def start_accepting_events(self) -> None:
        """Receive events, until :meth:`stop` is called."""
        consumer = self._consumer = self._make_consumer()
        try:
            consumer.run()
        finally:
            self._consumer = None

    def stop(self) -> None:
        """End :meth:`start_accepting_events`; and :meth:`publish`, of a given up outbox."""
        consumer = self._consumer
        if consumer is not None:
            consumer.stop()
        super().stop()
