"""Tasks that a service does every so many seconds."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from gemstone.errors import ServiceConfigurationError

from .._exposed import describe

if TYPE_CHECKING:
    from .._microservice import MicroService

Job = Callable[[], Awaitable[Any]]


class PeriodicTasks:
    """Runs functions again and again, each in its own time, none twice at once.

    Args:
        service: whose tasks they are.

    Raises:
        ServiceConfigurationError: an entry of ``periodic_tasks`` is no such pair.
    """

    def __init__(self, service: "MicroService") -> None:
        self._logger = service.logger
        self._jobs = [
            (_name(function), _job(service, function), interval)
            for function, interval in _checked(service.periodic_tasks)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin: each function is called for the first time after its first interval."""
        for name, job, interval in self._jobs:
            task = asyncio.create_task(self._repeat(name, job, interval), name=name)
            self._tasks.append(task)

    def stop(self) -> None:
        """Call nothing any more; what runs goes on."""
        self._stopping.set()

    async def wait(self, deadline: float) -> list[str]:
        """Wait for what still runs after :meth:`stop`.

        Args:
            deadline: when to cancel it, in seconds of :func:`time.monotonic`.

        Returns:
            The names of what did not end in time.
        """
        if not self._tasks:
            return []
        _, late = await asyncio.wait(self._tasks, timeout=max(0.0, deadline - time.monotonic()))
        for task in late:
            task.cancel()
        return sorted(task.get_name() for task in late)

    async def _repeat(self, name: str, job: Job, interval: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + interval
        while True:
            try:
                async with asyncio.timeout_at(due):
                    await self._stopping.wait()
                return
            except TimeoutError:
                pass
            try:
                await job()
            except (Exception, SystemExit):
                self._logger.exception("The periodic task %s failed; it is tried again", name)
            # A task that took longer than its interval leaves out the turns that it missed.
            missed = max(0.0, loop.time() - due)
            due += interval * (1 + missed // interval)


def _job(service: "MicroService", function: Callable[..., Any]) -> Job:
    # Inside the class body a method is still a plain function, and is named as one.
    name = getattr(function, "__name__", "")
    if inspect.isfunction(function) and getattr(type(service), name, None) is function:
        function = getattr(service, name)
    if inspect.iscoroutinefunction(function):
        return function

    def outcome() -> BaseException | None:
        # No future carries a StopIteration, and the loop ends at a SystemExit.
        try:
            function()
        except BaseException as error:
            return error
        return None

    async def in_executor() -> None:
        loop = asyncio.get_running_loop()
        error = await loop.run_in_executor(service.get_executor(), outcome)
        if error is not None:
            raise RuntimeError(f"it raised {error!r}") from error

    return in_executor


def _checked(listed: Iterable[Any]) -> Iterable[tuple[Callable[..., Any], float]]:
    for entry in listed:
        try:
            function, interval = entry
            if not callable(function) or not 0 < float(interval) < 1e9:
                raise ValueError
        except (TypeError, ValueError):
            raise ServiceConfigurationError(
                f"periodic_tasks lists {entry!r}: each entry is (function, seconds), with a "
                "function without arguments and more than 0 seconds"
            ) from None
        yield function, float(interval)


def _name(function: Callable[..., Any]) -> str:
    inner = function.func if isinstance(function, partial) else function
    return describe(inner) if hasattr(inner, "__qualname__") else repr(inner)
