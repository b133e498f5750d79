"""What a task can know of itself."""

import asyncio


def is_cancelled(error: BaseException) -> bool:
    """Whether this was raised because somebody cancels the task that runs here.

    Code that a task runs may raise a ``CancelledError`` of its own, as by awaiting something
    that was cancelled: that is an error like any other.
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
