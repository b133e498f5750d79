"""The way of a batch: its calls side by side, but only so many at once, and one answer."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, repeat
from typing import Final

from ._arrival import Arrival
from ._blocking import BlockingCalls
from ._calls import Calls
from ._lanes import Lane, LaneMember, Lanes, without_deadline
from ._messages import Call
from ._notifications import Notifications
from ._steps import IDLE, Member, steps, until_idle

#: How long calls that do not wait keep the event loop, in seconds, and after how many of them it
#: is asked whether that is over.
_TURN: Final = 0.01
_FEW: Final = 16


class Batch:
    """The members of one batch, and their answers. To be used in the task that answers it.

    Args:
        calls: executes those that run on the event loop, and writes the answers of all.
        blocking: runs those that need a thread.
        notifications: executes those that want no answer.
        arrival: what they came with.
        size: how many they are.
        places: how many of them are executed at once.
    """

    def __init__(
        self,
        calls: Calls,
        blocking: BlockingCalls,
        notifications: Notifications,
        arrival: Arrival,
        size: int,
        places: int,
    ) -> None:
        self._calls = calls
        self._blocking = blocking
        self._notifications = notifications
        self._arrival = arrival
        self._simple = calls.simple if arrival.deadline is None else {}
        self._is_timed = calls.are_timed(arrival)
        self._free_places = places
        self._loop = asyncio.get_running_loop()
        self._began = time.monotonic()
        self._answers: list[bytes | None] = [None] * size
        #: How many calls are not answered yet.
        self._open = size
        #: The members that have no place yet: rows of calls on the event loop, which tasks go on
        #: with one after another; otherwise what begins a member, and takes a place if it has to.
        self._waiting: deque[Iterator[Member] | Callable[[], None]] = deque()
        self._is_beginning = False
        self._own_task = asyncio.current_task(self._loop)
        #: Those that execute calls on the event loop; each has a place.
        self._tasks: set[asyncio.Task[None]] = set()
        self._context = without_deadline()
        self._lanes: Lanes | None = None
        self._noted: list[asyncio.Task[None]] = []
        self._woken: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None

    def add_answer(self, index: int, answer: bytes | None) -> None:
        """Add a member that is answered already."""
        self._answers[index] = answer
        self._open -= 1

    def add_calls(self, calls: list[Call], ids: list[bytes]) -> None:
        """Add all members, which are to be executed, with their ids."""
        simple = self._simple
        methods = [simple.get(call.method) for call in calls]
        if None not in methods:
            came, never = repeat(self._arrival.exchange), repeat(None)
            self._waiting.append(zip(came, calls, ids, never, count(), methods, strict=False))
            return
        for index, (call, id) in enumerate(zip(calls, ids, strict=True)):
            self.add_call(index, call, id)

    def add_call(self, index: int, call: Call, id: bytes) -> None:
        """Add a member that is to be executed."""
        method = self._simple.get(call.method)
        if method is None:
            for_thread = self._calls.for_thread(call, self._arrival)
            if for_thread is not None:
                self._add_to_lanes((self._arrival.exchange, call, id, None, index, for_thread))
                return
        member = (self._arrival.exchange, call, id, None, index, method)
        self._waiting.append(
            partial(self._begin_timed, member) if self._is_timed else iter((member,))
        )

    def _add_to_lanes(self, member: LaneMember) -> None:
        if self._lanes is None:
            self._lanes = Lanes(self._blocking, self._lane_ended)
        self._lanes.waiting.append(member)
        self._waiting.append(self._begin_lane)

    def add_notification(self, call: Call) -> None:
        """Add a member that is to be executed, and not answered."""
        self._open -= 1
        turn: asyncio.Future[None] = self._loop.create_future()
        task = self._notifications.begin(call, self._arrival, turn)
        self._noted.append(task)
        self._waiting.append(partial(self._begin_notification, task, turn))

    async def answers(self) -> list[bytes | None]:
        """Execute all members.

        If this is cancelled, all calls are: those that have not begun never begin. Notifications
        are executed all the same.

        Returns:
            The answers, each in the place of its member.

        Raises:
            BaseException: what was raised that is no answer of a call; it ends all calls.
        """
        self._begin_next()
        while self._open or self._tasks:
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

    def _begin_next(self, tasks: int = 1) -> None:
        """Begin members as long as there are places for them.

        Args:
            tasks: how many tasks to begin, at most, for calls on the event loop. One may do with
                all of them, so that it pays only to begin more where calls are known to wait.
        """
        # A member may end before it has begun: then it comes here from within.
        if self._is_beginning:
            return
        self._is_beginning = True
        while self._free_places and self._waiting:
            first = self._waiting[0]
            if callable(first):
                self._waiting.popleft()
                first()
            elif tasks:
                tasks -= 1
                self._free_places -= 1
                # Never an eager one, which would nest as deep as there are places.
                self._tasks.add(asyncio.Task(self._run_calls(), loop=self._loop))
            else:
                break
        self._is_beginning = False
        if not (self._open or self._tasks or self._woken is None or self._woken.done()):
            self._woken.set_result(None)

    def _drop(self, failure: BaseException) -> None:
        """Cancel all calls that are not answered."""
        self._failure = failure
        if self._lanes is not None:
            self._free_places += self._lanes.drop()
        self._open = 0
        kept = [each for each in self._waiting if callable(each)]
        self._waiting.clear()
        self._waiting.extend(kept)  # which knows that calls have failed
        for task in self._tasks:
            task.cancel()
            # What has not run yet never does, not even its end.
            task.add_done_callback(self._task_ended)
        self._begin_next()

    # Calls on the event loop.

    async def _run_calls(self) -> None:
        """Begin members one after another, until a call has waited.

        A call that waits has this task to itself, and leaves it to another to go on. So does one
        that has cancelled the task: the next call has nothing to do with it.
        """
        task = asyncio.current_task(self._loop)
        assert task is not None
        running = steps(self._calls, self._arrival, self._answers)
        run = running.send
        new_context = self._context.copy
        waiting = self._waiting
        turn_ends = time.monotonic() + _TURN
        answered = 0
        member: Member | None = None
        try:
            while waiting and not callable(row := waiting[0]):
                method: object = row  # whose name the task does not have yet
                for member in row:
                    answered += 1
                    if member[5] is not method:
                        method = member[5]
                        task.set_name(member[1].method)
                    context = new_context()
                    awaited = context.run(run, member)
                    if awaited is not IDLE:
                        # Where the first one waits, the next will, too.
                        self._begin_next(2 if answered == 1 else 1)
                        await until_idle(running, context, awaited)
                        return
                    if task.cancelling():
                        return
                    if answered % _FEW == 0 and time.monotonic() > turn_ends:
                        return
                waiting.popleft()
        except BaseException as error:
            self._call_failed(member, error)
        finally:
            if self._failure is None:
                self._open -= answered
            self._task_ended(task)

    def _begin_timed(self, member: Member) -> None:
        """Begin a call that has a deadline: for that it waits for one more task in any case."""
        if self._failure is None:
            self._free_places -= 1
            task = asyncio.Task(
                self._run_timed(member),
                loop=self._loop,
                name=member[1].method,
                context=self._context.copy(),  # not that of the call which has made place for it
            )
            self._tasks.add(task)

    async def _run_timed(self, member: Member) -> None:
        _, call, id, _, index, _ = member
        task = asyncio.current_task(self._loop)
        assert task is not None
        try:
            self._answers[index] = await self._calls.answer(call, id, self._arrival)
        except BaseException as error:
            self._call_failed(member, error)
        finally:
            if self._failure is None:
                self._open -= 1
            self._task_ended(task)

    def _call_failed(self, member: Member | None, error: BaseException) -> None:
        """See to what has left a call: it is nothing that a method may raise.

        Raises:
            BaseException: the error, if it is to end the task.
        """
        is_wanted = self._failure is None and not (self._own_task and self._own_task.cancelling())
        if isinstance(error, asyncio.CancelledError) and is_wanted and member is not None:
            # It has cancelled itself, or has let somebody do so who knows nothing of the batch.
            _, call, id, _, index, _ = member
            self._answers[index] = self._calls.write(call.method, id, error)
            return
        if self._failure is None:
            self._drop(error)
        if not isinstance(error, Exception):
            raise error

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if task in self._tasks:
            self._tasks.remove(task)
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
