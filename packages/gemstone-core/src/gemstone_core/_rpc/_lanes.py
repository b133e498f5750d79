"""The calls of a batch that need a thread: whoever has done one takes the next.

So the event loop begins only as many as may run at once, and hears of them when all are done.
"""

import time
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Final

from gemstone.deadlines import DEADLINE

from .._request import CURRENT, Exchange
from ._blocking import BlockingCalls, Busy, Job
from ._calls import Outcome, run_blocking, too_busy
from ._messages import Call
from ._method import ExposedMethod

#: A call of a batch, as ``CURRENT`` notes it: what brought it, the call, its id, no deadline; and
#: which one it is, and what is called.
LaneMember = tuple[Exchange, Call, bytes, None, int, ExposedMethod]

#: After how many seconds a lane lets others have its thread: to go back to the queue costs as much
#: as a short method.
_SLICE: Final = 0.0005


class Lane(Job):
    """Executes one call after another, in whatever threads. For the queue it is one job.

    Attributes:
        outcomes: what the calls came to: which ones, their ids, methods and outcomes.

    Args:
        lanes: where it takes calls from, and where it is told of when there are no more.
        member: the first one.
    """

    __slots__ = ("_lanes", "_member", "name", "outcomes")

    def __init__(self, lanes: "Lanes", member: LaneMember) -> None:
        self._lanes = lanes
        self._member = member
        self.name = member[5].name
        self.outcomes: list[tuple[int, bytes, str, Outcome]] = []

    def run(self) -> bool:
        """Execute calls, of which only quick ones follow one another."""
        lanes = self._lanes
        ends = time.monotonic() + _SLICE
        while not lanes.are_dropped:
            member = self._member
            _, _, id, _, index, method = member
            run = lanes.context.copy().run
            # In no variable, nor kept by the lane: an error's traceback leads to this frame.
            self.outcomes.append((index, id, method.name, run(_execute, member)))
            try:
                self._member = lanes.waiting.popleft()
            except IndexError:
                return False
            self.name = self._member[5].name
            # Who waits in the queue comes first: no batch keeps the calls of others out.
            if time.monotonic() >= ends:
                return True
        return False

    def refuse(self, outcome: Outcome) -> None:
        """Let this be what the call has come to that would have been executed next."""
        _, _, id, _, index, method = self._member
        self.outcomes.append((index, id, method.name, outcome))

    def end(self) -> None:
        """Tell the batch."""
        self._lanes.ended(self)


class Lanes:
    """The lanes of one batch.

    Attributes:
        waiting: the calls that are in no lane yet; taken out by threads, too.
        are_dropped: whether nobody waits for them any more.
        context: what each call is executed in a copy of.

    Args:
        blocking: runs the lanes.
        on_end: told of a lane whose calls are done. On the event loop.
    """

    def __init__(self, blocking: BlockingCalls, on_end: Callable[[Lane], None]) -> None:
        self._blocking = blocking
        self._on_end = on_end
        self._open: set[Lane] = set()
        self.waiting: deque[LaneMember] = deque()
        self.are_dropped = False
        self.context = without_deadline()

    def begin(self) -> bool:
        """Begin a lane, if calls wait. One that is refused has come to its end.

        Returns:
            Whether calls waited, and were not all in other lanes.
        """
        try:
            lane = Lane(self, self.waiting.popleft())
        except IndexError:
            return False
        try:
            self._blocking.submit(lane)
        except Busy:
            lane.refuse(too_busy())
            self._on_end(lane)
        else:
            self._open.add(lane)
        return True

    def ended(self, lane: Lane) -> None:
        """A lane has come to its end. On the event loop."""
        if lane in self._open:
            self._open.remove(lane)
            self._on_end(lane)
            lane.outcomes.clear()

    def drop(self) -> int:
        """Forget all calls. What has begun goes on unheard, what has not never begins.

        Returns:
            How many lanes there were.
        """
        self.are_dropped = True
        self.waiting.clear()
        dropped, self._open = self._open, set()
        for lane in dropped:
            self._blocking.withdraw(lane)
        return len(dropped)


def without_deadline() -> Context:
    """A copy of the context that runs here, in which no deadline of somebody else is in force."""
    context = copy_context()
    if context.get(DEADLINE) is not None:
        context.run(DEADLINE.set, None)
    return context


def _execute(member: LaneMember) -> Outcome:
    CURRENT.set(member)
    return run_blocking(member[5], member[1].params)
