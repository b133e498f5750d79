"""Starting tasks, and what a task can know of itself."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

if sys.version_info >= (3, 12):

    def begin(
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
    ) -> asyncio.Task[T]:
        """Start a task. To be called on the event loop's thread, while it runs.

        On Python 3.12 and later it runs at once, until it first waits: what never waits has
        ended when this returns, and has cost the loop no turn.

        Args:
            loop: the event loop that runs.
            coroutine: what the task runs.
            name: of the task; by default one that asyncio makes.
        """
        return asyncio.Task(coroutine, loop=loop, name=name, eager_start=True)

else:

    def begin(
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
    ) -> asyncio.Task[T]:
        """Start a task. To be called on the event loop's thread, while it runs.

        Args:
            loop: the event loop that runs.
            coroutine: what the task runs, from the loop's next turn on.
            name: of the task; by default one that asyncio makes.
        """
        return asyncio.Task(coroutine, loop=loop, name=name)


def is_cancelled(error: BaseException) -> bool:
    """Whether this was raised because somebody cancels the task that runs here.

    Code that a task runs may raise a ``CancelledError`` of its own, as by awaiting something
    that was cancelled: that is an error like any other.
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
