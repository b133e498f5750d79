"""The threads of a service: those that run its blocking methods."""

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from .._threads import run_in_thread

if TYPE_CHECKING:
    from .._microservice import MicroService


P = ParamSpec("P")
T = TypeVar("T")


class ContextExecutor(ThreadPoolExecutor):
    """A thread pool that runs each function in a copy of the context that hands it over."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Hand over a function, from any thread."""
        context = contextvars.copy_context()
        return super().submit(context.run, fn, *args, **kwargs)  # type: ignore[arg-type]


class ServiceExecutor:
    """A thread pool that is made when it is first needed, and ends within a time.

    Args:
        service: whose threads they are.
        purpose: what they are for, which is in their names.
    """

    def __init__(self, service: "MicroService", purpose: str) -> None:
        self._service = service
        self._purpose = purpose
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._threads: set[int] = set()

    def get(self) -> ThreadPoolExecutor:
        """The thread pool. From any thread."""
        with self._lock:
            if self._pool is None:
                self._pool = ContextExecutor(
                    self._service.max_parallel_blocking_tasks,
                    thread_name_prefix=f"{self._service.name}-{self._purpose}",
                    initializer=lambda: self._threads.add(threading.get_ident()),
                )
            return self._pool

    def owns_this_thread(self) -> bool:
        """Whether the caller runs in one of the threads."""
        return threading.get_ident() in self._threads

    def discard(self) -> None:
        """Let the threads end when they have done what they were given."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            self._threads.clear()
            pool.shutdown(wait=False)

    async def end(self, within: float) -> bool:
        """Let the threads finish what they were given, and end them.

        Args:
            within: when to give up, in seconds.

        Returns:
            Whether all have ended.
        """
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is None:
            return True
        try:
            # shutdown() waits without a limit, so that somebody else has to do the waiting.
            await run_in_thread(pool.shutdown, f"{self._service.name}-shutdown", within)
        except TimeoutError:
            return False
        self._threads.clear()
        return True
