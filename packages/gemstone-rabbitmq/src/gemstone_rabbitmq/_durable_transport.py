"""``amqp+durable://``: events through RabbitMQ, kept until each service has handled them."""

from collections.abc import Collection
from typing import ClassVar

from gemstone.errors import ServiceConfigurationError
from gemstone_core.event import DeadLetters, DurableEventTransport

from ._admin import QueueDeadLetters, delete_queues
from ._base import RabbitMqTransport
from ._consumer import Consumer
from ._durable_consumer import DurableConsumer
from ._places import Durable, Route
from ._recent import Recent


class DurableRabbitMqEventTransport(RabbitMqTransport, DurableEventTransport):
    """Event transport through RabbitMQ: each service gets every event, once at least.

    Listed as an instance, or by a URL: ``amqp+durable://user:password@host:port/vhost``, or
    ``amqps+durable://…`` for TLS.

    All events go through the durable topic exchange ``gemstone.events``. Each service has a durable
    quorum queue for each event that it handles, whose events its instances share. An event is
    acknowledged when all its handlers succeeded. Else it is delivered again, ``max_deliveries``
    times in all; then it is a dead letter. A service that is down gets later what is emitted
    meanwhile.

    The receipt is done when the broker has confirmed the event: then it is on disk in the queue of
    each service; in a cluster, on most nodes that have the queue. RabbitMQ 3.8 or newer.

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

    route: ClassVar[Route] = Durable()
    kind: ClassVar[str] = "+durable"

    def _begin(self) -> None:
        super()._begin()
        self._recent = Recent()
        # It is set by the thread that runs it.
        self._consumer: Consumer | DurableConsumer | None = None

    def start_accepting_events(self) -> None:
        """Receive events, until :meth:`stop` is called."""
        consumer = self._consumer = self._make_durable_consumer()
        try:
            consumer.run()
        finally:
            self._consumer = None

    def stop_receiving(self) -> None:
        """Take no more events; those that came are acknowledged when they are handled."""
        consumer = self._consumer
        if isinstance(consumer, DurableConsumer):
            consumer.stop_receiving()

    def stop(self) -> None:
        """End :meth:`start_accepting_events`; and :meth:`publish`, of a given up outbox."""
        consumer = self._consumer
        if consumer is not None:
            consumer.stop()
        super().stop()

    def dead_letters(self) -> DeadLetters:
        """The dead letters of this broker."""
        return QueueDeadLetters(self._parameters, self._shown_url)

    def forget_service(self, service: str, event_names: Collection[str] = ()) -> int:
        """Delete the queues of a service that will not return. Blocks.

        Args:
            service: the name of the service, none of whose instances runs.
            event_names: the events that it has handled.

        Returns:
            How many of these it had queues for.

        Raises:
            ServiceConfigurationError: no event is named; the broker tells nobody which there are.
            EventBrokerError: the broker can't be asked.
            EventRefusedError: an instance of the service runs.
        """
        if not event_names:
            raise ServiceConfigurationError(
                f"name the events that {service!r} has handled: RabbitMQ does not tell its clients "
                "which queues there are (rabbitmqctl list_queues does)"
            )
        return delete_queues(self._parameters, self._shown_url, service, event_names)

    def _make_durable_consumer(self) -> Consumer | DurableConsumer:
        if not self.service_name:  # what is emitted from now on, of which nothing is kept
            return self._make_consumer()
        return DurableConsumer(
            self, self._credit, self._moves, self._recent, self._parameters, self._shown_url
        )
