"""Durable events over the streams of Redis."""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Collection
from typing import Any, ClassVar, Final, Self

import redis

from gemstone.errors import ServiceStateError
from gemstone_core.event import DeadLetters, DurableEventTransport, Emission, Outbox

from ._appending import ToStreams
from ._emitter import SingleEmitter
from ._holdings import Holdings
from ._link import Link
from ._publishing import publish
from ._reader import Reader, make_groups
from ._settler import Settler, is_gone
from ._stream_admin import StreamDeadLetters, forget_group
from ._tail import follow
from ._url import RedisUrl

_SCHEMES: Final = ("redis+stream", "rediss+stream", "unix+stream")
_CLAIM_AFTER: Final = 30.0
#: How long nothing is thrown away when Redis has forgotten the groups, in seconds: so long others
#: may take to notice it, who read a stream from its beginning then.
_OTHERS_NOTICE: Final = 30.0
#: How often one that waits for its end looks around, in seconds.
_ASK_EVERY: Final = 0.1


class RedisStreamEventTransport(DurableEventTransport):
    """Event transport over the streams of Redis: each service gets every event, once at least.

    Each event has a stream, and each service that handles it a group, whose instances share the
    events. An event is acknowledged (XACK) when all its handlers succeeded. Else it is delivered
    again, ``max_deliveries`` times in all; then it is a dead letter. A service that is down gets
    later what is emitted meanwhile. A new one begins with what is emitted from then on.

    The receipt is done when Redis has answered XADD. What that promises is up to the configuration
    of Redis: with ``appendonly yes`` and ``appendfsync always`` it survives a crash, with
    ``appendfsync everysec`` a crash may take the last second, and without it everything. Redis 6.2
    or newer, one node; its replicas follow it a moment later.

    What all groups have acknowledged is thrown away after some seconds, and nothing else, unless
    the URL says ``max_length``.

    ::

        event_transports = ["redis+stream://:secret@redis.example:6379/0"]
        event_transports = [RedisStreamEventTransport("unix+stream:///run/redis.sock?claim_after=10")]

    Args:
        redis_url: a ``redis+stream://``, ``rediss+stream://`` or ``unix+stream://`` URL, and for
            the rest as redis-py has them. Two options are our own: ``claim_after`` (30), after how
            many seconds the events of an instance that died are given to another one; and
            ``max_length``, how many events a stream may have: beyond, the oldest are lost, and
            counted.

    Raises:
        ServiceConfigurationError: the URL is wrong; the message says what of it.
    """

    reports_connected: ClassVar[bool] = True

    def __init__(self, redis_url: str) -> None:
        self._url = RedisUrl(
            redis_url, type(self).__name__, _SCHEMES, own_options=["claim_after", "max_length"]
        )
        self._claim_after = self._url.seconds("claim_after") or _CLAIM_AFTER
        self._max_length = self._url.number("max_length")
        self._begin()

    def _begin(self) -> None:
        """Set what belongs to this one alone."""
        self._emitter = SingleEmitter(self._url, ToStreams(None, self.count_lost))
        self._reading: Link | None = None
        self._publishing: tuple[Outbox, Link] | None = None
        self._leaving = threading.Event()
        self._stopped = threading.Event()
        self._consumer = ""
        self._holdings = Holdings()
        # The names of events whose groups were there once, and when they were not there any more.
        self._known: set[str] = set()
        self._forgotten_at = -_OTHERS_NOTICE

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
        """Add the events of an outbox to their streams, as many at once as wait.

        Raises:
            Exception: there is no connection, or it broke. What was not confirmed waits again.
        """
        link = Link(self._url, self._url.timeout)
        self._publishing = outbox, link
        try:
            publish(
                link, outbox, ToStreams(self._max_length, self.count_lost), self._url.timeout / 2
            )
        finally:
            link.close()
            self._publishing = None

    def start_accepting_events(self) -> None:
        """Receive events, until :meth:`stop` is called.

        Raises:
            Exception: there is no connection, or it broke, or it may have.
        """
        self._leaving.clear()
        self._stopped.clear()
        link = self._reading = Link(self._url, self._url.timeout / 2)
        try:
            link.open()
            if self.service_name and self.event_names:
                self._receive(link)
            else:
                follow(link, self.event_names, self.connected, self.deliver, self._leaving.is_set)
        except Exception:
            if not link.is_closed or not self._stopped.is_set():
                raise
        finally:
            link.close()

    def stop_receiving(self) -> None:
        """Read no more; what was read is acknowledged when it is handled."""
        self._leaving.set()

    def stop(self) -> None:
        """End :meth:`start_accepting_events`; and :meth:`publish`, of a given up outbox."""
        self._leaving.set()
        self._stopped.set()
        self._emitter.close()
        publishing = self._publishing
        if publishing is not None and publishing[0].is_given_up:
            publishing[1].close()

    def dead_letters(self) -> DeadLetters:
        """The dead letters in this Redis."""
        return StreamDeadLetters(self._url)

    def forget_service(self, service: str, event_names: Collection[str] = ()) -> int:
        """Remove the groups of a service that will not return. Blocks.

        Args:
            service: the name of the service, none of whose instances runs.
            event_names: the events that it has handled; by default all of which there are streams.

        Returns:
            How many groups there were.

        Raises:
            EventBrokerError: Redis can't be asked.
            EventRefusedError: an instance of the service runs.
        """
        return forget_group(self._url, service, event_names)

    def _receive(self, link: Link) -> None:
        """Read, and have Redis told what became of what was read."""
        group, names = self.service_name, self.event_names
        if not self._consumer:
            self._consumer = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._make_groups(link)
        common = (self._holdings, names, group, self._consumer, self._claim_after)
        reader = Reader(link, self, *common)
        settling = _Settling(
            Settler(
                own := Link(self._url, self._url.timeout),
                *common,
                lambda: time.monotonic() - self._forgotten_at >= _OTHERS_NOTICE,
            ),
            own,
            link,
        )
        with settling:
            reader.adopt()
            self.connected()
            while not self._leaving.is_set():
                try:
                    reader.read()
                except redis.ResponseError as error:
                    if not is_gone(error):
                        raise
                    self._make_groups(link)
            while not self._stopped.wait(_ASK_EVERY) and settling.is_alive():
                pass  # handlers are at work
        self._consumer, self._holdings = "", Holdings()

    def _make_groups(self, link: Link) -> None:
        """Make the groups that are not there: anew at the end, and if they were there, at 0."""
        known = self._known
        begins = {name: "0" if name in known else "$" for name in self.event_names}
        forgotten = known.intersection(make_groups(link, self.service_name, begins))
        known.update(begins)
        if forgotten:
            self._forgotten_at = time.monotonic()
            self._logger.warning(
                "%s had forgotten the group %r of %s: it is made again, and reads from the "
                "beginning",
                self,
                self.service_name,
                ", ".join(sorted(forgotten)),
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
        return str(self._url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class _Settling:
    """A settler at work, in a thread of its own, from the beginning of a block to its end.

    If it fails, the connection of the reader is closed. If the block fails, it ends without telling
    what is left to be told: there will be another connection.
    """

    def __init__(self, settler: Settler, own: Link, reading: Link) -> None:
        self._settler = settler
        self._own = own
        self._reading = reading
        self._error: Exception | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"{threading.current_thread().name}-settling", daemon=True
        )
        self.is_alive = self._thread.is_alive

    def __enter__(self) -> Self:
        try:
            self._own.open()
        except BaseException:
            self._own.close()
            raise
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        failed_first = self._reading.is_closed  # else it fails because it is ended here
        if error is not None:
            self._own.close()
        self._settler.end()
        self._thread.join()
        self._own.close()
        if self._error is not None and (error is None or failed_first):
            raise self._error

    def _run(self) -> None:
        try:
            self._settler.run()
        except Exception as error:
            self._error = error
            self._reading.close()
