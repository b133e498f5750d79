"""One transport at work, for a service or for ``open_transport()``."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from gemstone.errors import InvalidEventError

from .._threads import on_event_loop
from ._durable import DurableEventTransport
from ._event import Event
from ._figures import EventLimits, EventStatus
from ._outbox import Outbox
from ._supervisor import Supervisor
from ._tally import Tally
from ._verdict import Unhandled, Verdict

if TYPE_CHECKING:
    from ._transport import BaseEventTransport


#: When a transport that says nothing of its connection is taken to have it again, in seconds.
_PROBATION: Final = 5.0
#: How often one that waits for a transport looks whether it is to end, in seconds.
_ASK_EVERY: Final = 0.2

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
        service_name: the service in whose name durable events are received; empty for none.
    """

    def __init__(
        self,
        transport: "BaseEventTransport",
        owner: str,
        limits: EventLimits,
        logger: logging.Logger,
        service_name: str,
    ) -> None:
        self.transport = transport
        self.service_name = service_name
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
        self._judged: Counter[Verdict] = Counter()
        self._lost = Tally(
            logger, f"{transport}: the broker threw away %s that not all services had handled: %s"
        )
        self._dead = Tally(logger, f"{transport}: %s went to the dead letters; the last one: %s")
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

    def stop_receiving(self) -> bool:
        """Take no more events from a durable transport, which is to acknowledge the others.

        Returns:
            Whether it is durable; if not, there is nothing to acknowledge.
        """
        if not isinstance(self.transport, DurableEventTransport):
            return False
        self._refuse_more()
        try:
            self.transport.stop_receiving()
        except Exception:
            self._logger.exception("stop_receiving() of %s failed", self.transport)
        return True

    def stop_accepting(self, deadline: float) -> bool:
        """Receive no more events. Blocks.

        Args:
            deadline: when to give up, in seconds of :func:`time.monotonic`.

        Returns:
            Whether the transport has ended.
        """
        self._refuse_more()
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

    def judged(self, event: Event, decided: Verdict, error: BaseException | None) -> None:
        """Count, and tell, what became of an event that was not handled."""
        with self._has_place:
            self._judged[decided] += 1
        if decided is Verdict.DEAD:
            why = "its process died each time" if error is None else repr(error)
            self._dead.add(1, f"{event!r}, after {event.attempt} deliveries ({why})")

    def count_lost(self, count: int, why: str) -> None:
        """What :meth:`DurableEventTransport.count_lost` does."""
        self._lost.add(count, why)

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
            retried=self._judged[Verdict.AGAIN],
            dead=self._judged[Verdict.DEAD],
            lost=self._lost.total,
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

    def _refuse_more(self) -> None:
        with self._has_place:
            self._is_stopping = True
            self._has_place.notify_all()

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
                raise Unhandled(f"{self.transport} accepts no events now")
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
