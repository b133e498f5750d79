"""What a consumer moves from one queue to another, until the broker has it in one place only."""

import itertools
from collections import deque
from collections.abc import Callable

from ._pika import Channel


class Underway:
    """The moves of a consumer that are not over, and what has to wait until they are.

    A message is moved by putting it into the other queue, and then acknowledging it. Between the
    two the broker has it twice, and would deliver both, if the process died. So no handler may
    begin with one that comes from the other queue, and kill the process, before that is over.

    It is over when the broker has answered something that was asked behind the acknowledgement,
    through the same channel: it does what a channel asks for in that order.

    All methods are for the connection's thread.

    Args:
        acknowledge: sends what is to be acknowledged.
        guarded: makes a callback for pika.
        when_none: called when no move is left.
    """

    def __init__(
        self,
        acknowledge: Callable[[], None],
        guarded: Callable[[Callable[..., object]], Callable[..., None]],
        when_none: Callable[[], None],
    ) -> None:
        self._acknowledge = acknowledge
        self._guarded = guarded
        self._when_none = when_none
        self._numbers = itertools.count()
        # In their order, for which a dict is good.
        self._moves: dict[int, None] = {}
        # Those of which the broker has both; and those that are acknowledged, while it is asked.
        self._twice: list[int] = []
        self._asked: list[int] = []
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()

    def __len__(self) -> int:
        return len(self._moves)

    def begin(self) -> int:
        """A move begins; gives its number."""
        number = next(self._numbers)
        self._moves[number] = None
        return number

    def is_there(self, number: int, channel: Channel) -> None:
        """The message is in the other queue, and no more to be in this one.

        Args:
            number: of the move.
            channel: the one that the message came through; its acknowledgement is due.
        """
        self._twice.append(number)
        if not self._asked:
            self._ask(channel)

    def when_over(self, callback: Callable[[], None]) -> None:
        """Call something when all moves are over that have begun by now; in the order of calls."""
        self._waiting.append((next(self._numbers), callback))
        self._call_waiting()

    def _ask(self, channel: Channel) -> None:
        self._asked, self._twice = self._twice, []
        self._acknowledge()
        # This changes nothing: it is said of consumers that will begin, and there are none.
        channel.basic_qos(
            prefetch_count=1, callback=self._guarded(lambda _: self._on_answer(channel))
        )

    def _on_answer(self, channel: Channel) -> None:
        for number in self._asked:
            del self._moves[number]
        self._asked = []
        if self._twice:
            self._ask(channel)
        self._call_waiting()
        if not self._moves:
            self._when_none()

    def _call_waiting(self) -> None:
        while self._waiting and self._waiting[0][0] < next(iter(self._moves), float("inf")):
            _, callback = self._waiting.popleft()
            callback()
