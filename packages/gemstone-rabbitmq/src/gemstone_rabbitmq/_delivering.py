"""What all consumers do: handing over what came, and acknowledging what was handled."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from gemstone_core.event import Event

from ._connection import Connection
from ._credit import Credit, Deliveries
from ._pika import Channel

#: How many events are fetched, as a multiple of those that may be with handlers: so the next ones
#: are there when these are done.
_AHEAD: Final = 4
#: How long to gather what is handled, in seconds; unless it is such a part of all that may be
#: fetched: one of so many.
_GATHER: Final = 0.005
_SHARE: Final = 4
#: The most that can be said to the broker.
_PREFETCH_MAX: Final = 65535

#: What came: its tag, the event, and what is called with what its handlers came to.
Held = tuple[int, Event, Callable[[int, Event, BaseException | None], None]]


class Delivering:
    """The way of what comes through a channel: to its handlers, and back to the broker.

    Args:
        connection: that of the channel.
        deliver: hands an event to its handlers, and calls back when they have ended.
        limit: how many events may be with their handlers.
        credit: counts them.
    """

    def __init__(
        self, connection: Connection, deliver: Callable[..., None], limit: int, credit: Credit
    ) -> None:
        self._connection = connection
        self._deliver = deliver
        self._limit = limit
        self._credit = credit
        #: How many events are to be fetched.
        self.prefetch = min(limit * _AHEAD, _PREFETCH_MAX)
        #: The channel, when it is open.
        self.channel: Channel | None = None
        # What came just now, or while handlers had as many as they may.
        self._held: deque[Held] = deque()
        self._deliveries = Deliveries()
        self._finished: deque[int] = deque()
        self._is_due = False
        self._will_look = False
        self._is_closed = False

    # In the connection's thread.

    def hold(
        self, tag: int, event: Event, on_done: Callable[[int, Event, BaseException | None], None]
    ) -> None:
        """Hand over an event as soon as there is room.

        Args:
            tag: of its delivery.
            event: what came.
            on_done: called with both and with what the handlers came to, in any thread.
        """
        if not self._held:
            # Soon: when all is read that came together with it.
            self._connection.call_later(0, self._hand_over)
        self._held.append((tag, event, on_done))

    def hand_over_no_more(self) -> None:
        """Keep what handlers have not begun with; the broker gives it to somebody else."""
        self._is_closed = True
        self._held.clear()

    def acknowledge(self) -> None:
        """Acknowledge what was handled."""
        channel, finished = self.channel, self._finished
        if self._connection.is_closing or channel is None or not finished:
            return
        up_to, singles = self._deliveries.finish(finished.popleft() for _ in range(len(finished)))
        if up_to is not None:
            channel.basic_ack(up_to, multiple=True)
        for tag in singles:
            channel.basic_ack(tag)

    # From any thread.

    def finish(self, tag: int) -> None:
        """A delivery is to be acknowledged soon; many in a row wake the connection once."""
        self._finished.append(tag)
        if not self._is_due and (
            not self._will_look or len(self._finished) * _SHARE >= self.prefetch
        ):
            self._is_due = True
            self._wake()

    def _hand_over(self) -> None:
        """Hand over what is held, as far as there is room, all at once."""
        held, batch = self._held, []
        while held and self._credit.take(self._limit, self._wake):
            batch.append(held.popleft())
        if batch:
            self._gather()
        for left, (tag, event, on_done) in zip(range(len(batch) - 1, -1, -1), batch, strict=True):
            self._deliver(event, partial(self._handled, tag, event, on_done), more=left > 0)

    def _handled(
        self,
        tag: int,
        event: Event,
        on_done: Callable[[int, Event, BaseException | None], None],
        error: BaseException | None,
    ) -> None:
        self._credit.give()
        on_done(tag, event, error)

    def _gather(self) -> None:
        """Look soon at what is handled of what came now."""
        if not self._will_look:
            self._will_look = True
            self._connection.call_later(_GATHER, self._gathered)

    def _gathered(self) -> None:
        self._will_look = False
        self._work_off()

    def _wake(self) -> None:
        self._connection.call_soon(self._connection.guarded(self._work_off))

    def _work_off(self) -> None:
        self._is_due = False  # before looking at what is there, so that nothing is overlooked
        if self._connection.is_closing or self.channel is None:
            return
        self.acknowledge()
        if not self._is_closed:
            self._hand_over()
