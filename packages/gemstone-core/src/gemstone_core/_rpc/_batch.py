"""The way of a batch: its calls side by side, but only so many at once, and one answer."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from .._tasks import begin
from ._arrival import Arrival
from ._blocking import BlockingCalls
from ._calls import Calls
from ._lanes import Lane, Lanes
from ._messages import Call
from ._notifications import Notifications


class Batch:
    """The members of one batch, and their answers. To be used in the task that answers it.

    Args:
        calls: executes those that run on the event loop, and writes the answers of all.
        blocking: runs those that need a thread.
        notifications: executes those that want no answer.
        arrival: what they came with.
        places: how many of them are executed at once.
    """

    def __init__(
        self,
        calls: Calls,
        blocking: BlockingCalls,
        notifications: Notifications,
        arrival: Arrival,
        places: int,
    ) -> None:
        self._calls = calls
        self._blocking = blocking
        self._notifications = notifications
        self._arrival = arrival
        self._free_places = places
        self._loop = asyncio.get_running_loop()
        self._began = time.monotonic()
        self._answers: list[bytes | None] = []
        #: How many calls are not answered yet.
        self._open = 0
        #: What begins the members that have no place yet, and takes one if it has to.
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_beginning = False
        self._tasks: dict[int, asyncio.Task[None] | None] = {}
        self._lanes: Lanes | None = None
        self._noted: list[asyncio.Task[None]] = []
        self._woken: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None

    def add_answer(self, answer: bytes | None) -> None:
        """Add a member that is answered already."""
        self._answers.append(answer)

    def add_call(self, call: Call, id: bytes) -> None:
        """Add a member that is to be executed."""
        index = len(self._answers)
        self._answers.append(None)
        self._open += 1
        method = self._calls.for_thread(call, self._arrival)
        if method is None:
            self._waiting.append(partial(self._begin_call, index, call, id))
            return
        if self._lanes is None:
            self._lanes = Lanes(self._blocking, self._arrival, self._lane_ended)
        self._lanes.waiting.append((index, id, call, method))
        self._waiting.append(self._begin_lane)

    def add_notification(self, call: Call) -> None:
        """Add a member that is to be executed, and not answered."""
        self._answers.append(None)
        turn: asyncio.Future[None] = self._loop.create_future()
        task = self._notifications.begin(call, self._arrival, turn)
        self._noted.append(task)
        self._waiting.append(partial(self._begin_notification, task, turn))

    async def answers(self) -> list[bytes | None]:
        """Execute all members.

        If this is cancelled, all calls are: those that have not begun never begin. Notifications
        are executed all the same.

        Returns:
            The answers, in the order in which the members were added.

        Raises:
            BaseException: what was raised that is no answer of a call; it ends all calls.
        """
        self._begin_next()
        while self._open:
            self._woken = self._loop.create_future()
            try:
                await self._woken
            except asyncio.CancelledError as error:
                self._drop(error)
        self._lanes = None  # which know this batch
        if self._failure is not None:
            raise self._failure
        if self._noted:
            await self._notifications.wait(self._noted, self._began)
        return self._answers

    def _begin_next(self) -> None:
        """Begin members as long as there are places for them."""
        # A member may end before it has begun: then it comes here from within.
        if self._is_beginning:
            return
        self._is_beginning = True
        while self._free_places and self._waiting:
            self._waiting.popleft()()
        self._is_beginning = False
        if not self._open and self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def _drop(self, failure: BaseException) -> None:
        """Cancel all calls that are not answered."""
        self._failure = failure
        if self._lanes is not None:
            self._free_places += self._lanes.drop()
        self._open = len(self._tasks)
        for index, task in self._tasks.items():
            if task is not None:
                task.cancel()
                # What has not run yet never does, not even its end.
                task.add_done_callback(partial(self._call_ended, index))
        self._begin_next()

    # Calls on the event loop.

    def _begin_call(self, index: int, call: Call, id: bytes) -> None:
        if self._failure is not None:
            return
        self._free_places -= 1
        self._tasks[index] = None  # it may end before it is known
        task = begin(self._loop, self._answer(index, call, id), name=call.method)
        if not task.done():
            self._tasks[index] = task

    async def _answer(self, index: int, call: Call, id: bytes) -> None:
        try:
            self._answers[index] = await self._calls.answer(call, id, self._arrival)
        except BaseException as error:
            if self._failure is None:
                self._drop(error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._call_ended(index)

    def _call_ended(self, index: int, _: object = None) -> None:
        if index in self._tasks:
            del self._tasks[index]
            self._open -= 1
            self._free_places += 1
            self._begin_next()

    # Calls that need a thread.

    def _begin_lane(self) -> None:
        if self._lanes is None or self._failure is not None:
            return
        self._free_places -= 1
        try:
            if not self._lanes.begin():
                self._free_places += 1
        except Exception as error:  # there are no threads
            self._free_places += 1
            self._drop(error)

    def _lane_ended(self, lane: Lane) -> None:
        for index, id, method, outcome in lane.outcomes:
            self._answers[index] = self._calls.write(method, id, outcome)
        self._open -= len(lane.outcomes)
        self._free_places += 1
        self._begin_next()

    # Notifications.

    def _begin_notification(self, task: asyncio.Task[None], turn: asyncio.Future[None]) -> None:
        if not turn.done():  # else the end of the service has cancelled it
            self._free_places -= 1
            task.add_done_callback(self._notification_ended)
            turn.set_result(None)

    def _notification_ended(self, _: asyncio.Task[None]) -> None:
        self._free_places += 1
        self._begin_next()
