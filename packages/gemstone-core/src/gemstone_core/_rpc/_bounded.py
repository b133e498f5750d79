"""Waiting for an outcome, but not beyond a deadline."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from .._tasks import begin

T = TypeVar("T")

#: How much later timers are set than what they are for, in seconds. uvloop counts milliseconds,
#: so that it may call too early, when it would not be true yet that the time is over.
_CLOCK: Final = 0.002


class DeadlinePassed(Exception):
    """There was no answer by the deadline.

    Attributes:
        began: whether what was called has begun, and may have done something.
    """

    def __init__(self, *, began: bool) -> None:
        super().__init__(began)
        self.began = began


def seconds_until(deadline: float | None) -> float | None:
    """How long to wait until a deadline is over, less than 0 afterwards; ``None`` without one."""
    return None if deadline is None else deadline - time.monotonic() + _CLOCK


def check_time(deadline: float | None) -> None:
    """See to it that nothing is begun too late.

    Raises:
        DeadlinePassed: `deadline` is not in the future.
    """
    if deadline is not None and time.monotonic() >= deadline:
        raise DeadlinePassed(began=False)


async def run_until(
    deadline: float,
    coroutine: Coroutine[Any, Any, T],
    name: str,
    abandon: Callable[[asyncio.Task[T]], None],
) -> T:
    """Run a coroutine that must not hold up who waits for it, even if it never ends.

    Args:
        deadline: when to give up, in seconds of :func:`time.monotonic`.
        coroutine: what to run, in a task of its own.
        name: of the task.
        abandon: takes the task if it has not ended by then.

    Raises:
        DeadlinePassed: there was no result by the deadline.
    """
    loop = asyncio.get_running_loop()
    task = begin(loop, coroutine, name=name)
    if task.done():
        try:
            return task.result()
        finally:
            del task  # an error that is the result may lead here
    woken: asyncio.Future[None] = loop.create_future()

    def wake(_: object = None) -> None:
        if not woken.done():
            woken.set_result(None)

    # As asyncio.wait() does it, at half of its cost, which is a tenth of a call.
    task.add_done_callback(wake)
    timer = loop.call_later(deadline - time.monotonic() + _CLOCK, wake)
    try:
        await woken
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        timer.cancel()
    if task.done():
        return task.result()
    abandon(task)
    raise DeadlinePassed(began=True)
