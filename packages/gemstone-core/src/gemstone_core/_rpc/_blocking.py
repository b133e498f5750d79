"""Calls that need a thread of their own."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from ._bounded import DeadlinePassed, check_time, seconds_until

T = TypeVar("T")


class Busy(Exception):
    """As many calls as may wait are waiting already."""


class BlockingCalls:
    """Runs calls in an executor, and only so many that waiting for a thread makes sense.

    Args:
        executor: gives the executor when it is needed.
        limit: how many calls may run or wait at once.
    """

    def __init__(self, executor: Callable[[], Executor], limit: int) -> None:
        self._executor = executor
        self._places = threading.BoundedSemaphore(limit)
        self._running: dict[int, str] = {}

    def running(self) -> list[str]:
        """The names of the calls that occupy a thread now."""
        return sorted(self._running.values())

    async def run(self, name: str, function: Callable[[], T], deadline: float | None) -> T:
        """Run a function in the executor.

        Args:
            name: what is called, for :meth:`running`.
            function: what to run; it must not raise.
            deadline: when to give up, in seconds of :func:`time.monotonic`, or ``None``.
                What has not begun by then never begins; what has goes on unheard.

        Raises:
            Busy: too many calls are waiting.
            DeadlinePassed: there was no result by the deadline.
        """
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            job = self._executor().submit(self._occupy, name, function, deadline)
        except BaseException:
            self._places.release()
            raise
        # Also called for a job that is cancelled, from whatever thread ends it.
        job.add_done_callback(lambda _: self._places.release())
        try:
            async with asyncio.timeout(seconds_until(deadline)):
                return await asyncio.wrap_future(job)
        except TimeoutError:
            raise DeadlinePassed(began=not job.cancel()) from None

    def _occupy(self, name: str, function: Callable[[], T], deadline: float | None) -> T:
        check_time(deadline)  # the loop may be late with taking it back
        thread = threading.get_ident()
        self._running[thread] = name
        try:
            return function()
        finally:
            del self._running[thread]
