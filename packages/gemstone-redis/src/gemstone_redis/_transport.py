"""Broadcasts over Redis."""

from typing import Any, ClassVar, Self

from gemstone_core.event import BaseEventTransport, Emission, Outbox

from ._body import BodyOnly, Envelope
from ._emitter import SingleEmitter
from ._link import Link
from ._publishing import ToChannels, publish
from ._subscription import Subscription
from ._url import RedisUrl


class RedisEventTransport(BaseEventTransport):
    """Event transport over the channels of Redis (PUBSUB).

    Delivery: to every running instance that handles the event, at most once. The receipt is done
    when Redis has answered PUBLISH. An instance misses what is emitted while it has no
    connection, and only that; outages are logged and counted.

    The channel is called as the event, and a message is the JSON of its body alone. So an event
    has no id and no headers, unless both sides ask for an envelope by ``?envelope=1``: then a
    message is a JSON object with the members ``id``, ``headers`` and ``body``.

    A broker that hangs, or that is cut off, is found within 20 seconds. ``socket_timeout`` in the
    URL, in seconds, makes that earlier. While handlers are slow nothing is read, and Redis keeps
    what comes; when that is too much (``client-output-buffer-limit pubsub``) it ends the
    connection, and what it kept is lost.

    ::

        event_transports = [RedisEventTransport("redis://:secret@redis.example:6379/0")]
        event_transports = ["unix:///run/redis.sock?db=0&envelope=1"]

    Args:
        redis_url: a ``redis://``, ``rediss://`` or ``unix://`` URL, as redis-py has them. What it
            says of pools, retries and decoding has no effect here.

    Raises:
        ServiceConfigurationError: the URL is wrong; the message says what of it.
    """

    reports_connected: ClassVar[bool] = True

    def __init__(self, redis_url: str) -> None:
        self._url = RedisUrl(redis_url, type(self).__name__, own_options=["envelope"])
        self._format = Envelope() if self._url.flag("envelope") else BodyOnly()
        self._carriage = ToChannels(self._format.encode)
        self._begin()

    def _begin(self) -> None:
        """Set what belongs to this one alone."""
        self._accepting: Link | None = None
        self._publishing: tuple[Outbox, Link] | None = None
        self._emitter = SingleEmitter(self._url, self._carriage)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The transport of a URL: ``cls(url)``."""
        return cls(url)

    def emit_event(self, event_name: str, event_body: Any) -> None:
        """Emit one event; returns when Redis has answered. For use without a service.

        From any thread. The connection is kept for the next event, until :meth:`stop`.

        Raises:
            InvalidEventError: the body can't be encoded as JSON.
            EventRefusedError: it was not emitted: there is no Redis, or it does not take it.
            EventUnconfirmedError: the connection broke, and nobody knows.
        """
        self._emitter.emit(Emission.of_body(event_name, event_body))

    def publish(self, outbox: Outbox) -> None:
        """Publish the events of an outbox, as many at once as wait, until it is finished.

        Raises:
            Exception: there is no connection, or it broke.
        """
        link = Link(self._url, self._url.timeout)
        self._publishing = outbox, link
        try:
            publish(link, outbox, self._carriage, self._url.timeout / 2)
        finally:
            link.close()
            self._publishing = None

    def start_accepting_events(self) -> None:
        """Receive events, until :meth:`stop` is called.

        Raises:
            Exception: there is no connection, or it broke, or it may have.
        """
        link = self._accepting = Link(self._url, self._url.timeout / 2)
        decode = self._format.decode
        subscription = Subscription(
            link,
            self.event_names,
            self.connected,
            lambda name, message: self.deliver(decode(name, message)),
        )
        try:
            subscription.run()
        except Exception:
            if not link.is_closed:
                raise
        finally:
            link.close()

    def stop(self) -> None:
        """Close the connections, but for that of an outbox that is not given up."""
        if self._accepting is not None:
            self._accepting.close()
        self._emitter.close()
        publishing = self._publishing
        if publishing is not None and publishing[0].is_given_up:
            publishing[1].close()

    def __copy__(self) -> Self:
        copied = self.renewed()
        copied._begin()
        return copied

    def __str__(self) -> str:
        return str(self._url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"
