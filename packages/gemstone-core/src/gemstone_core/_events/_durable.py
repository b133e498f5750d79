"""``DurableEventTransport``: what a transport is that keeps events until they are handled."""

from abc import abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING

from ._event import Event
from ._figures import EventLimits
from ._transport import BaseEventTransport
from ._verdict import Verdict, redelivery_delay, verdict

if TYPE_CHECKING:
    from ._dead_letters import DeadLetters


class DurableEventTransport(BaseEventTransport):
    """Base of transports that promise: each service gets every event, once at least.

    Events are kept for :attr:`service_name`, whose instances share them. For each that comes

    - the transport asks :meth:`is_spent`, if it was delivered before;
    - calls ``deliver()``, with an event that has its ``attempt``;
    - and when all handlers have ended, it asks :meth:`judge` what to do: that is called in
      ``on_done``, with what ``on_done`` was given.

    It acknowledges the event when that is decided and the broker has it, and not before. What it
    was not told of in time it leaves to the broker, which delivers it to somebody else.

    A service that stops first calls :meth:`stop_receiving`. Then the events that were delivered
    are handled, and only then ``stop()`` is called: ``start_accepting_events()`` is to
    acknowledge what was handled, before it ends.

    When it emits, it puts what was not confirmed back with ``outbox.put_back(…,
    unconfirmed=True)`` before it raises. That is sent again, and whoever gets it twice can tell
    that by its id.
    """

    # To be overridden.

    @abstractmethod
    def stop_receiving(self) -> None:
        """Take no more events, but let those that were delivered be acknowledged.

        It must not wait. It is called from any thread, more than once, and perhaps when nothing
        was started.
        """

    @abstractmethod
    def dead_letters(self) -> "DeadLetters":
        """The dead letters of the broker; connects when they are first asked for something."""

    @abstractmethod
    def forget_service(self, service: str, event_names: Collection[str] = ()) -> int:
        """Do as :func:`gemstone.event.forget_service`."""

    # To be called.

    def judge(self, event: Event, error: BaseException | None) -> Verdict:
        """What to do with an event whose handlers have ended. From any thread.

        Args:
            event: the event, as it was delivered.
            error: what ``on_done`` was given.
        """
        if error is None:
            return Verdict.DONE
        limits = self._limits
        decided = verdict(event, error, limits.max_deliveries, limits.max_event_size)
        if self._attachment is not None:
            self._attachment.judged(event, decided, error)
        return decided

    def is_spent(self, event: Event) -> bool:
        """Whether an event was delivered as often as it may, and its process died each time.

        If so, it is not to be delivered, but goes to the dead letters. From any thread.

        Args:
            event: the event, with the attempt that would be the next one.
        """
        spent = event.attempt > self._limits.max_deliveries
        if spent and self._attachment is not None:
            self._attachment.judged(event, Verdict.DEAD, None)
        return spent

    @staticmethod
    def redelivery_delay(attempt: int) -> float:
        """How long an event waits before it is delivered again, in seconds.

        Args:
            attempt: which delivery failed, from 1.
        """
        return redelivery_delay(attempt)

    def count_lost(self, count: int, why: str) -> None:
        """Tell that the broker has thrown away events that some service had not handled.

        Args:
            count: how many.
            why: what has made it do so.
        """
        if self._attachment is not None:
            self._attachment.count_lost(count, why)

    @property
    def service_name(self) -> str:
        """The service in whose name events are received.

        It is empty where nobody's are: then the broker is to keep nothing, and to deliver what is
        emitted from now on.
        """
        return "" if self._attachment is None else self._attachment.service_name

    @property
    def max_deliveries(self) -> int:
        """How often an event is delivered in all, before it goes to the dead letters."""
        return self._limits.max_deliveries

    @property
    def _limits(self) -> EventLimits:
        return EventLimits() if self._attachment is None else self._attachment.limits
