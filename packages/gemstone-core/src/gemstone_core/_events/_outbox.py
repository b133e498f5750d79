"""Where events wait for a transport to hand them to its broker."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from gemstone.errors import (
    EventBufferFullError,
    EventError,
    EventExpiredError,
    EventRefusedError,
    EventUnconfirmedError,
    ServiceStateError,
)

from .._threads import on_event_loop
from ._emission import Emission
from ._losses import Losses

#: How many events :meth:`Outbox.take` gives at once, at most.
_BATCH: Final = 500


class Outbox:
    """The events that wait to be handed over by one transport, in their order.

    Its transport takes some, hands them to the broker, and says for each what became of it:
    :meth:`done`, :meth:`fail`, or :meth:`put_back`. Of those about which it has said nothing
    when it gives up its connection, nobody knows: their receipts fail, and they are not sent
    again. (A durable transport puts them back, too.) All methods may be called from any thread.

    Args:
        transport: whose events they are, for messages.
        capacity: how many may wait.
        timeout: how long each may wait, in seconds.
        logger: where losses are told.
    """

    def __init__(
        self, transport: object, capacity: int, timeout: float, logger: logging.Logger
    ) -> None:
        self.timeout = timeout
        self._transport = transport
        self._capacity = capacity
        self._lock = threading.Lock()
        self._something_waits = threading.Condition(self._lock)
        self._place_is_free = threading.Condition(self._lock)
        self._all_is_decided = threading.Condition(self._lock)
        self._waiting: deque[Emission] = deque()
        self._in_flight: set[Emission] = set()
        self._takers = 0
        self._when_ready: Callable[[], None] | None = None
        self._on_connected: Callable[[], float] = lambda: 0.0
        self._is_away = False
        self._is_closed = False
        self._is_given_up = False
        self._is_held = False
        self._end_of_hold: threading.Timer | None = None
        self._losses = Losses(transport, logger)
        #: How many events were emitted.
        self.emitted = 0

    # For transports.

    @property
    def is_finished(self) -> bool:
        """Whether nothing waits, and nothing will come any more."""
        return self._is_closed and not self._waiting

    @property
    def is_given_up(self) -> bool:
        """Whether there is no time left to wait for what the broker has not confirmed yet."""
        return self._is_given_up

    def take(self, limit: int = _BATCH, timeout: float | None = None) -> Sequence[Emission]:
        """Take the events that wait, the oldest first.

        Args:
            limit: how many at most.
            timeout: how long to wait for the first one, in seconds; by default until there is
                one, or the outbox is closed.

        Returns:
            The events; none if there was none in time, or if the outbox is finished.
        """
        with self._lock:
            if timeout != 0 and not self._is_ready():
                self._takers += 1
                self._something_waits.wait_for(self._is_ready, timeout)
                self._takers -= 1
            expired = self._pop_expired()
            take = self._waiting.popleft
            count = min(limit, len(self._waiting)) if self._is_ready() else 0
            taken = [take() for _ in range(count)]
            self._in_flight.update(taken)
            self._place_is_free.notify_all()
        self._fail_expired(expired)
        self._losses.tell()
        return taken

    def call_when_ready(self, callback: Callable[[], None]) -> None:
        """Call something once, as soon as an event waits or the outbox is closed.

        Args:
            callback: called in whatever thread puts the event there; at once if one is there
                already. It must not block.
        """
        with self._lock:
            ready = self._is_ready()
            self._when_ready = None if ready else callback
        if ready:
            callback()

    def done(self, emissions: Sequence[Emission]) -> None:
        """The broker has these events, as far as the transport promises it."""
        with self._lock:
            self.emitted += len(emissions)
            self._settle(emissions)
        for emission in emissions:
            emission.receipt.set_result(None)

    def fail(self, emissions: Sequence[Emission], error: Exception) -> None:
        """These events were not emitted.

        Args:
            emissions: the events.
            error: why; what is no :exc:`EventError` is told as the cause of one.
        """
        if not emissions:
            return
        if not isinstance(error, EventError):
            cause = error
            error = EventRefusedError(f"{self._transport} could not emit it: {cause}")
            error.__cause__ = cause
        with self._lock:
            self._settle(emissions)
        self._losses.add(len(emissions), error)
        for emission in emissions:
            emission.receipt.set_exception(error)
        self._losses.tell(at_once=self._is_given_up)  # nobody would tell it later

    def put_back(self, emissions: Sequence[Emission], *, unconfirmed: bool = False) -> None:
        """These events were taken, but not sent: they wait again, before all others.

        Args:
            emissions: the events, in their order.
            unconfirmed: whether they were perhaps sent, and are to be sent again. If they expire
                now, their receipts don't say that they were not emitted.
        """
        if not emissions:
            return
        if unconfirmed:
            for emission in emissions:
                emission.may_be_emitted = True
        when_ready = None
        with self._lock:
            given_up = self._is_given_up
            if not given_up:
                self._in_flight.difference_update(emissions)
                self._waiting.extendleft(reversed(emissions))
                when_ready = self._wake()
        if given_up:
            self._fail_closed(emissions)
        elif when_ready is not None:
            when_ready()

    def connected(self, *, others_must_be_there: bool = True) -> None:
        """There is a connection to the broker, which takes events from now on.

        Args:
            others_must_be_there: whether an event is lost to those who are not connected when it is
                emitted. Then nothing is handed over until they had time to come back, too.
        """
        with self._lock:
            self._is_away = False
            expired = self._pop_expired()
        self._fail_expired(expired)
        self._losses.outage_ends()
        others_need = min(self._on_connected(), self.timeout / 2)
        self._hold(others_need if others_must_be_there else 0.0)

    # For those who run transports.

    def on_connected(self, callback: Callable[[], float]) -> None:
        """Call something whenever the transport says that it has a connection.

        Args:
            callback: gives for how many seconds nothing is to be handed over yet.
        """
        self._on_connected = callback

    def put(self, emission: Emission) -> None:
        """Let an event wait for the transport.

        If the buffer is full, a thread that runs no event loop waits for a place, unless the
        broker is away. Where there is none, the receipt fails.

        Raises:
            ServiceStateError: the outbox is closed.
        """
        with self._lock:
            if self._is_closed:
                raise ServiceStateError(f"{self._transport} is closed: it emits no more events")
            full = len(self._waiting) >= self._capacity and not self._wait_for_place(emission)
            when_ready = None
            if not full:
                self._waiting.append(emission)
                when_ready = self._wake()
        if full:
            self.fail([emission], EventBufferFullError(self._full()))
        if when_ready is not None:
            when_ready()

    @property
    def failed(self) -> int:
        """How many events were not emitted."""
        return self._losses.total

    @property
    def waiting(self) -> int:
        """How many events nothing is decided about."""
        with self._lock:
            return len(self._waiting) + len(self._in_flight)

    def away(self) -> None:
        """There is no connection: nobody is to wait for a place."""
        self._losses.outage_begins()
        with self._lock:
            self._is_away = True
            self._place_is_free.notify_all()

    def expire(self) -> None:
        """Give up the events that have waited too long."""
        with self._lock:
            expired = self._pop_expired()
        self._fail_expired(expired)
        self._losses.tell()

    def disconnected(self, error: BaseException) -> None:
        """The transport has given up its connection: what is in flight can't be decided."""
        with self._lock:
            unconfirmed = [*self._in_flight]
        self.fail(
            unconfirmed,
            EventUnconfirmedError(
                f"the connection of {self._transport} broke before the broker had confirmed "
                f"it; it is not sent again ({error})"
            ),
        )

    def close(self) -> None:
        """Take no more events; what waits can still be taken."""
        with self._lock:
            self._is_closed = True
            if self._end_of_hold is not None:
                self._end_of_hold.cancel()
            self._something_waits.notify_all()
            self._place_is_free.notify_all()
            when_ready, self._when_ready = self._when_ready, None
        if when_ready is not None:
            when_ready()

    def flush(self, deadline: float) -> None:
        """Wait until everything is decided; then give up what waits. Closes the outbox.

        Args:
            deadline: when to give up, in seconds of :func:`time.monotonic`.
        """
        self.close()
        with self._lock:
            while self._waiting or self._in_flight:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    break
                self._all_is_decided.wait(remaining)
            self._is_given_up = True
            left = [*self._waiting]
            self._waiting.clear()
            when_ready, self._when_ready = self._when_ready, None
        self._fail_closed(left)
        self._losses.tell(at_once=True)
        if when_ready is not None:
            when_ready()

    def _is_ready(self) -> bool:
        return self._is_closed or (bool(self._waiting) and not self._is_held)

    def _wake(self) -> Callable[[], None] | None:
        """Wake who takes what waits; gives what is to be called when the lock is free again."""
        if not self._is_ready():
            return None
        if self._takers:
            self._something_waits.notify()
        when_ready, self._when_ready = self._when_ready, None
        return when_ready

    def _hold(self, seconds: float) -> None:
        """Hand over nothing for a while."""
        with self._lock:
            if seconds <= 0 or self._is_closed:
                return
            if self._end_of_hold is not None:
                self._end_of_hold.cancel()
            self._is_held = True
            self._end_of_hold = threading.Timer(seconds, self._release)
            self._end_of_hold.daemon = True
            self._end_of_hold.start()

    def _release(self) -> None:
        with self._lock:
            self._is_held = False
            when_ready = self._wake()
        if when_ready is not None:
            when_ready()

    def _settle(self, emissions: Sequence[Emission]) -> None:
        self._in_flight.difference_update(emissions)
        if self._is_closed and not self._waiting and not self._in_flight:
            self._all_is_decided.notify_all()

    def _wait_for_place(self, emission: Emission) -> bool:
        if on_event_loop():
            return False
        while len(self._waiting) >= self._capacity:
            remaining = emission.expires_at - time.monotonic()
            if self._is_away or self._is_closed or remaining <= 0:
                return False
            self._place_is_free.wait(remaining)
        return not self._is_closed

    def _pop_expired(self) -> list[Emission]:
        now = time.monotonic()
        expired = []
        while self._waiting and self._waiting[0].expires_at <= now:
            expired.append(self._waiting.popleft())
        return expired

    def _fail_expired(self, expired: list[Emission]) -> None:
        if expired:
            self._give_up(
                expired,
                f"did not take it within {self.timeout} s (emit_timeout): there was no connection "
                "to the broker, or it was too slow",
            )

    def _fail_closed(self, emissions: Sequence[Emission]) -> None:
        self._give_up(emissions, "was closed before the broker took it")

    def _give_up(self, emissions: Sequence[Emission], why: str) -> None:
        known = [each for each in emissions if not each.may_be_emitted]
        unknown = [each for each in emissions if each.may_be_emitted]
        self.fail(known, EventExpiredError(f"{self._transport} {why}"))
        self.fail(
            unknown,
            EventUnconfirmedError(
                f"{self._transport} {why}; it was sent, but never confirmed: the broker may have it"
            ),
        )

    def _full(self) -> str:
        return (
            f"{self._transport} has {self._capacity} events waiting already "
            "(emit_buffer_size): await the receipts of some before you emit more"
        )
