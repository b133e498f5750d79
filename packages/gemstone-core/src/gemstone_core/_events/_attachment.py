"""One transport at work, for a service or for ``open_transport()``."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from gemstone.errors import InvalidEventError, ServiceStateError

from .._threads import on_event_loop
from ._event import Event
from ._outbox import Outbox
from ._supervisor import Supervisor

if TYPE_CHECKING:
    from ._transport import BaseEventTransport


#: When a transport that says nothing of its connection is taken to have it again, in seconds.
_PROBATION: Final = 5.0
#: How often one that waits for a transport looks whether it is to end, in seconds.
_ASK_EVERY: Final = 0.2


@dataclass(frozen=True)
class EventLimits:
    """What limits the events of a service; its attributes of the same names say more."""

    max_concurrent_events: int = 100
    max_event_size: int = 4 * 1024 * 1024
    emit_buffer_size: int = 10_000
    emit_timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class EventStatus:
    """How one transport of a service is doing.

    Attributes:
        transport: which one, without its password.
        connected_since: since when it has all the connections that it needs, in seconds of
            :func:`time.time`; ``None`` if one is missing.
        error: why one is missing, as far as that is known.
        reconnects: how often a connection was there again.
        emitted: how many events the broker has taken.
        waiting: how many of which nothing is decided yet.
        failed: how many were not emitted.
        consumed: how many came, and were given to handlers.
        refused: how many came, and could not be read.
    """

    transport: str
    connected_since: float | None
    error: str | None
    reconnects: int
    emitted: int
    waiting: int
    failed: int
    consumed: int
    refused: int


#: What is called when all handlers of an event have ended: with what one of them raised, if so.
OnDone = Callable[[BaseException | None], object]


class Receiver(Protocol):
    """Where events go that came."""

    def deliver(self, event: Event, on_done: OnDone) -> None:
        """Have an event handled, when it is woken; says when its handlers have ended."""
        ...

    def wake(self) -> None:
        """Handle what was delivered."""
        ...


class Attachment:
    """One transport at work: its two threads, its outbox, and what is counted of it.

    Args:
        transport: the transport.
        owner: the name of the service, for the names of threads.
        limits: how many, how large, how long.
        logger: where changes of the state, losses and bad events are told.
    """

    def __init__(
        self,
        transport: "BaseEventTransport",
        owner: str,
        limits: EventLimits,
        logger: logging.Logger,
    ) -> None:
        self.transport = transport
        self.limits = limits
        self.outbox = Outbox(transport, limits.emit_buffer_size, limits.emit_timeout, logger)
        self._logger = logger
        self._receiver: Receiver | None = None
        self._has_place = threading.Condition(threading.Lock())
        self._with_handlers = 0
        self._waits_for_place = False
        self._is_stopping = False
        self._stop_has_failed = False
        self._refused_names: set[str] = set()
        self._consumed = 0
        self._refused = 0
        self._publishing = Supervisor(
            f"{owner}-{transport}-publishing",
            f"{transport}, to emit events",
            self._publish,
            may_return=lambda: self.outbox.is_finished,
            logger=logger,
            on_outage=self._on_outage,
        )
        self.outbox.on_connected(self._publishing.connected)
        self._accepting = Supervisor(
            f"{owner}-{transport}-accepting",
            f"{transport}, to accept events",
            self._accept,
            may_return=lambda: not transport.reports_connected,
            logger=logger,
        )
        transport._attachment = self

    def start_publishing(self) -> None:
        """Begin to hand over what is in the outbox; if that was begun already, nothing."""
        self._publishing.start()

    def start_accepting(self, names: Iterable[str], receiver: Receiver) -> None:
        """Begin to receive events.

        Args:
            names: the names of the events.
            receiver: where they go.
        """
        self._receiver = receiver
        # Another service, which does not run, may have been the last to look at it.
        self.transport._attachment = self
        self.transport._register_for_attachment(names)
        self._accepting.start()

    def connected(self) -> None:
        """What :meth:`BaseEventTransport.connected` does."""
        self._accepting.connected()

    def supervisors(self) -> list[Supervisor]:
        """What keeps up its connections, as many as there are to be."""
        return [each for each in (self._accepting, self._publishing) if each.is_running()]

    def wait_for_first_try(self, deadline: float) -> None:
        """Wait until it is known whether the broker is there. Blocks.

        Args:
            deadline: when to give up, in seconds of :func:`time.monotonic`.
        """
        for supervisor in self.supervisors():
            supervisor.decided.wait(max(0.0, deadline - time.monotonic()))

    def stop_accepting(self, deadline: float) -> bool:
        """Receive no more events. Blocks.

        Args:
            deadline: when to give up, in seconds of :func:`time.monotonic`.

        Returns:
            Whether the transport has ended.
        """
        with self._has_place:
            self._is_stopping = True
            self._has_place.notify_all()
        if not self.transport._can_be_stopped:
            # Its thread is a daemon, and what it still brings is refused.
            self._accepting.stop(self._stop_transport, time.monotonic())
            return True
        return self._accepting.stop(self._stop_transport, deadline)

    def stop_publishing(self, deadline: float) -> bool:
        """End what emits, when the outbox is flushed. Blocks.

        Args:
            deadline: when to give up, in seconds of :func:`time.monotonic`.

        Returns:
            Whether the transport has ended.
        """
        ended = self._publishing.stop(self._stop_transport, deadline)
        if not ended:
            self.outbox.disconnected(TimeoutError("the transport did not end in time"))
        return ended

    def dispatch(self, event: Event) -> "Future[None]":
        """What :meth:`BaseEventTransport.dispatch` does."""
        outcome: Future[None] = Future()
        outcome.set_running_or_notify_cancel()  # a handler can't be cancelled

        def settle(error: BaseException | None) -> None:
            if error is None:
                outcome.set_result(None)
            else:
                outcome.set_exception(error)

        self.deliver(event, settle)
        return outcome

    def deliver(self, event: Event, on_done: OnDone | None, more: bool = False) -> None:
        """What :meth:`BaseEventTransport.deliver` does."""
        event.transport = self.transport
        try:
            self._read(event)
            receiver = self._enter()
        except Exception as error:
            if on_done is not None:
                on_done(error)
            if not more and self._receiver is not None:
                self._receiver.wake()
            return
        if self._accepting.connected_since is None and not self.transport.reports_connected:
            self._accepting.connected()  # or nothing would have come
        receiver.deliver(
            event, self._leave if on_done is None else partial(self._leave_and_say, on_done)
        )
        if not more:
            receiver.wake()

    def status(self) -> EventStatus:
        """How it is doing. From any thread."""
        supervisors = self.supervisors()
        since = [each.connected_since for each in supervisors]
        known = [each for each in since if each is not None]
        return EventStatus(
            transport=str(self.transport),
            connected_since=max(known) if known and len(known) == len(since) else None,
            error=next((each.error for each in supervisors if each.error is not None), None),
            reconnects=sum(each.reconnects for each in supervisors),
            emitted=self.outbox.emitted,
            waiting=self.outbox.waiting,
            failed=self.outbox.failed,
            consumed=self._consumed,
            refused=self._refused,
        )

    def _publish(self) -> None:
        try:
            self.transport.publish(self.outbox)
        except BaseException as error:
            self.outbox.disconnected(error)
            raise
        self.outbox.disconnected(RuntimeError("the transport has ended"))

    def _accept(self) -> None:
        transport = self.transport
        if transport._can_be_stopped:
            self._accept_now()
            return
        # One that nobody can stop is still at it, if its service was started before: so two
        # never are, and each event comes once.
        while not transport._at_work.acquire(timeout=_ASK_EVERY):
            self._accepting.connected()
            if self._is_stopping:
                return
        try:
            if not transport._works_by_itself:
                self._accept_now()
                transport._works_by_itself = not transport.reports_connected
        finally:
            transport._at_work.release()

    def _accept_now(self) -> None:
        if self.transport.reports_connected:
            self.transport.start_accepting_events()
        elif self._accepting.error is None:
            self._accepting.connected()
            self.transport.start_accepting_events()
        else:
            # It failed before: whether it is connected now, an event or time will tell.
            timer = threading.Timer(_PROBATION, self._accepting.connected)
            timer.daemon = True
            timer.start()
            try:
                self.transport.start_accepting_events()
            finally:
                timer.cancel()
                timer.join()
            self._accepting.connected()

    def _on_outage(self) -> None:
        self.outbox.away()
        self.outbox.expire()

    def _stop_transport(self) -> None:
        try:
            self.transport.stop()
        except Exception:
            if not self._stop_has_failed:  # it is called more than once
                self._stop_has_failed = True
                self._logger.exception("stop() of %s failed", self.transport)

    def _read(self, event: Event) -> None:
        """Look at the body, so that no handler has to."""
        try:
            if event.size is not None and event.size > self.limits.max_event_size:
                raise InvalidEventError(
                    f"it has {event.size:,} bytes, and max_event_size is "
                    f"{self.limits.max_event_size:,}"
                )
            event.body  # noqa: B018  # is decoded now
        except InvalidEventError as error:
            self._refused += 1
            if event.name not in self._refused_names:
                self._refused_names.add(event.name)
                self._logger.error(
                    "%s: an event %r came that can't be read; more of this name are only "
                    "counted: %s",
                    self.transport,
                    event.name,
                    error,
                )
            raise

    def _enter(self) -> Receiver:
        """Wait until there is a place for one more event."""
        with self._has_place:
            while (
                self._with_handlers >= self.limits.max_concurrent_events
                and not self._is_stopping
                and not on_event_loop()
            ):
                self._waits_for_place = True
                if self._receiver is not None:
                    self._receiver.wake()
                self._has_place.wait()
            if self._is_stopping or self._receiver is None:
                raise ServiceStateError(f"{self.transport} accepts no events now")
            self._with_handlers += 1
            self._consumed += 1
            return self._receiver

    def _leave(self, error: BaseException | None) -> None:
        """Give a place back, when all handlers of an event have ended."""
        with self._has_place:
            self._with_handlers -= 1
            if self._waits_for_place:
                self._waits_for_place = False
                self._has_place.notify_all()

    def _leave_and_say(self, on_done: OnDone, error: BaseException | None) -> None:
        self._leave(error)
        on_done(error)
