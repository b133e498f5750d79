"""What both transports have in common."""

import copy
import logging
from abc import abstractmethod
from typing import Any, ClassVar, Final, Self

from gemstone.errors import EventExpiredError, ServiceStateError
from gemstone_core.event import BaseEventTransport, Outbox, open_transport

from ._consumer import Consumer
from ._credit import Credit
from ._moves import Moves
from ._parameters import build_parameters, parse_url, shown_url
from ._places import Route
from ._publisher import Publisher

#: How long :meth:`RabbitMqTransport.emit_event` tries, in seconds.
_PATIENCE: Final = 10.0


class RabbitMqTransport(BaseEventTransport):
    """A transport of events through RabbitMQ: where it is, and how events are emitted.

    Attributes:
        route: through which exchanges events go.
        kind: what is added to the schemes of its URLs.
    """

    reports_connected: ClassVar[bool] = True
    route: ClassVar[Route]
    kind: ClassVar[str] = ""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 5672,
        username: str = "",
        password: str = "",
        **connection_options: Any,
    ) -> None:
        self._parameters = build_parameters(host, port, username, password, connection_options)
        self._shown_url = shown_url(self._parameters, self.kind)
        self._begin()

    def _begin(self) -> None:
        """Set what belongs to this one alone."""
        self._credit = Credit()
        self._moves = Moves()
        self._made_otherwise: set[str] = set()
        # It is set by the thread that runs it.
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
        return cls(**parse_url(url, cls.kind))

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
            self.route,
            outbox,
            self._parameters,
            self._shown_url,
            self._logger,
            self._made_otherwise,
            self._moves,
        )
        try:
            publisher.run()
        finally:
            self._publisher = None

    @abstractmethod
    def stop(self) -> None:
        """End :meth:`publish`, of a given up outbox."""
        publisher = self._publisher
        if publisher is not None:
            publisher.stop()

    def _make_consumer(self) -> Consumer:
        """One with a queue of its own, that goes with its connection."""
        return Consumer(
            self.route,
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
