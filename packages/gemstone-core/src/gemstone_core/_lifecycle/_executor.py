"""The threads of a service: those that run its blocking methods."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._microservice import MicroService


class ServiceExecutor:
    """A thread pool that is made when it is first needed, and ends within a time.

    Args:
        service: whose threads they are.
    """

    def __init__(self, service: "MicroService") -> None:
        self._service = service
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._threads: set[int] = set()

    def get(self) -> ThreadPoolExecutor:
        """The thread pool. From any thread."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(
                    self._service.max_parallel_blocking_tasks,
                    thread_name_prefix=f"{self._service.name}-blocking",
                    initializer=lambda: self._threads.add(threading.get_ident()),
                )
            return self._pool

    def owns_this_thread(self) -> bool:
        """Whether the caller runs in one of the threads."""
        return threading.get_ident() in self._threads

    def discard(self) -> None:
        """End the threads that have nothing to do, and the others when they are done."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    async def end(self, deadline: float) -> bool:
        """Let the threads finish what they are at, and end them.

        Args:
            deadline: when to give up, in seconds of :func:`time.monotonic`.

        Returns:
            Whether all have ended.
        """
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is None:
            return True
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        # shutdown() waits without a limit, so that somebody else has to do the waiting.
        def wait() -> None:
            pool.shutdown(cancel_futures=True)
            with suppress(RuntimeError):  # the loop has given up and gone
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=wait, name=f"{self._service.name}-shutdown", daemon=True).start()
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await ended.wait()
        except TimeoutError:
            return False
        self._threads.clear()
        return True
