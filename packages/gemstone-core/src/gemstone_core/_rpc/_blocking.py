"""Calls that need a thread of their own.

A call through ``run_in_executor`` wakes a thread and then the loop, which costs ten times as much
as a short method. So a few runners, which are jobs of the executor, take one call after another
from a queue, and tell the loop of all that have ended meanwhile at once.
"""

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any, Final

from ._bounded import DeadlinePassed, seconds_until

#: How long a runner keeps its thread, in seconds, when functions of others may wait for it.
_TURN: Final = 0.01


class Busy(Exception):
    """As many calls as may wait are waiting already."""


class Job(ABC):
    """What a runner takes from the queue.

    Attributes:
        name: what is called now, for :meth:`BlockingCalls.running`.
    """

    name: str

    @abstractmethod
    def run(self) -> bool:
        """Do it, in a thread. It must not raise.

        Returns:
            Whether there is more to do: then it goes back to the end of the queue.
        """

    @abstractmethod
    def end(self) -> None:
        """Called on the event loop when it is done."""


class BlockingCalls:
    """Runs calls in an executor, and only so many that waiting for a thread makes sense.

    Args:
        executor: gives the executor when it is needed.
        limit: how many calls may run or wait at once.
        threads: how many threads the executor has.
    """

    def __init__(self, executor: Callable[[], Executor], limit: int, threads: int) -> None:
        self._executor = executor
        self._limit = limit
        self._threads = threads
        #: Held for whatever decides who runs a job: no job is lost, and none runs twice.
        self._lock = threading.Lock()
        self._queue: deque[tuple[Job, _Mailbox]] = deque()
        self._runners = 0
        self._running: dict[int, Job] = {}
        self._mailbox: _Mailbox | None = None

    def running(self) -> list[str]:
        """The names of the calls that occupy a thread now."""
        return sorted(job.name for job in [*self._running.values()])

    async def run(
        self, name: str, deadline: float | None, function: Callable[..., Any], *arguments: Any
    ) -> Any:
        """Run a function in the executor, in a copy of the context that runs here.

        If it is cancelled, or late, what has not begun never begins; what has goes on unheard.

        Args:
            name: what is called now, for :meth:`running`.
            deadline: when to give up, in seconds of :func:`time.monotonic`, or ``None``.
            function: what to run; it must not raise.
            arguments: its arguments.

        Raises:
            Busy: too many calls are waiting.
            DeadlinePassed: there was no result by the deadline.
        """
        future = asyncio.get_running_loop().create_future()
        job = _Call(name, deadline, copy_context(), function, arguments, future)
        self.submit(job)
        try:
            if deadline is None:
                return await future
            async with asyncio.timeout(seconds_until(deadline)):
                outcome = await future
        except TimeoutError:
            raise DeadlinePassed(began=not self.withdraw(job)) from None
        except BaseException:
            self.withdraw(job)
            raise
        if outcome is _TOO_LATE:
            raise DeadlinePassed(began=False)
        return outcome

    def submit(self, job: Job) -> None:
        """Put a job into the queue. On the event loop's thread.

        Raises:
            Busy: too many are waiting.
        """
        loop = asyncio.get_running_loop()
        mailbox = self._mailbox
        if mailbox is None or mailbox.loop is not loop:
            mailbox = self._mailbox = _Mailbox(loop)
        with self._lock:
            if len(self._queue) + len(self._running) >= self._limit:
                raise Busy
            self._queue.append((job, mailbox))
            # Whoever runs may do so for long: as long as threads are free, nobody waits for it.
            needs_runner = self._runners < self._threads
            self._runners += needs_runner
        if needs_runner:
            self._start_runner(job)

    def withdraw(self, job: Job) -> bool:
        """Take a job out of the queue again. From any thread.

        Returns:
            Whether it was there: otherwise a runner has taken it.
        """
        with self._lock:
            for entry in self._queue:
                if entry[0] is job:
                    self._queue.remove(entry)
                    return True
        return False

    def _start_runner(self, job: Job) -> None:
        try:
            executor = self._executor()
            # Not in the context of the call that happens to be the first.
            Context().run(executor.submit, self._work, executor)
        except BaseException:
            with self._lock:
                self._runners -= 1
            # Another runner may have taken it.
            if self.withdraw(job):
                raise

    def _work(self, executor: Executor) -> None:
        """Run one job after another until there are none. This is a runner."""
        thread = threading.get_ident()
        turn_ends = time.monotonic() + _TURN
        while (entry := self._take(thread)) is not None:
            job, mailbox = entry
            try:
                is_to_go_on = job.run()
            finally:
                # Before anybody hears of it, who may call again at once.
                del self._running[thread]
            if is_to_go_on:
                self._queue.append(entry)
            else:
                mailbox.post(job)
            if time.monotonic() > turn_ends:
                if self._queue and self._hand_over(executor):
                    return
                turn_ends = time.monotonic() + _TURN

    def _take(self, thread: int) -> "tuple[Job, _Mailbox] | None":
        with self._lock:
            if not self._queue:
                self._runners -= 1
                return None
            entry = self._queue.popleft()
            self._running[thread] = entry[0]
            return entry

    def _hand_over(self, executor: Executor) -> bool:
        """Let a runner that stands behind what others have given the executor take over."""
        try:
            executor.submit(self._work, executor)
        except RuntimeError:  # it takes no more, and ends when the queue is empty
            return False
        return True


#: The outcome of a call that a thread had no time for before its deadline.
_TOO_LATE: Final = object()


class _Call(Job):
    """One call, for which a future waits."""

    __slots__ = ("_arguments", "_context", "_deadline", "_function", "_future", "_outcome", "name")

    def __init__(
        self,
        name: str,
        deadline: float | None,
        context: Context,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        future: asyncio.Future[Any],
    ) -> None:
        self.name = name
        self._deadline = deadline
        self._context = context
        self._function = function
        self._arguments = arguments
        self._future = future

    def run(self) -> bool:
        # The loop may be late with taking it back.
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._outcome = _TOO_LATE
        else:
            self._outcome = self._context.run(self._function, *self._arguments)
        return False

    def end(self) -> None:
        future, outcome = self._future, self._outcome
        del self._future, self._outcome  # an error's traceback leads to who runs this
        if not future.done():
            future.set_result(outcome)


class _Mailbox:
    """Brings jobs that are done to their event loop, which wakes up once for many.

    Attributes:
        loop: the event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._done: deque[Job] = deque()
        self._is_told = False

    def post(self, job: Job) -> None:
        """Let a job be ended on the loop. From any thread."""
        self._done.append(job)
        # The loop takes this back before it looks: what it may not see, it is told of again.
        if not self._is_told:
            self._is_told = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._is_told = False
        for _ in range(len(self._done)):
            self._done.popleft().end()
