"""Threads of one purpose, and waiting for what blocks without blocking the event loop."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def on_event_loop() -> bool:
    """Whether an event loop runs in this thread, which nobody may hold up."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def daemon(function: Callable[..., object], *args: object, name: str) -> threading.Thread:
    """A thread for what no call waits for, and no process: in a context of its own.

    So what its maker has to be in time for, or answers, is none of its business.

    Args:
        function: what it runs.
        args: the arguments of that.
        name: of the thread.

    Returns:
        The thread, which is not started yet.
    """
    run = contextvars.Context().run
    return threading.Thread(target=run, args=(function, *args), name=name, daemon=True)


async def run_in_thread(function: Callable[[], T], name: str, within: float | None = None) -> T:
    """Run a function in a thread that is there for nothing else, so that no pool is occupied.

    Args:
        function: what to run.
        name: of the thread.
        within: when to give up, in seconds; the thread then goes on unheard.

    Raises:
        TimeoutError: the function had not returned in time.
        Exception: whatever it raises.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:
            outcome.set_exception(error)
        with suppress(RuntimeError):  # the loop has given up and gone
            loop.call_soon_threadsafe(ended.set)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    async with asyncio.timeout(within):
        await ended.wait()
    thread.join()
    return outcome.result()
