"""Tasks that a service does every so many seconds."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from tornado import gen

from gemstone.errors import ServiceConfigurationError

from .._marks import describe
from .._tasks import is_cancelled

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
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                if is_cancelled(error):
                    raise
                self._logger.exception("The periodic task %s failed; it is tried again", name)
            # A task that took longer than its interval leaves out the turns that it missed.
            missed = max(0.0, loop.time() - due)
            due += interval * (1 + missed // interval)


def _job(service: "MicroService", function: Callable[..., Any]) -> Job:
    function = _bound(service, function)
    called = getattr(function, "__call__", function)  # noqa: B004  # what an object runs
    if any(map(inspect.iscoroutinefunction, (function, called))):
        return function
    if gen.is_coroutine_function(function):
        return function

    def outcome() -> Any:
        # No future carries a StopIteration, and the loop ends at a SystemExit.
        try:
            return function()
        except BaseException as error:
            return _Raised(error)

    async def in_executor() -> None:
        loop = asyncio.get_running_loop()
        value = await loop.run_in_executor(service.get_executor(), outcome)
        if isinstance(value, _Raised):
            raise RuntimeError(f"it raised a {type(value.error).__name__}") from value.error
        if inspect.isawaitable(value):
            await value

    return in_executor


class _Raised:
    """What a function raised, on its way from a thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _bound(service: "MicroService", function: Callable[..., Any]) -> Callable[..., Any]:
    """The service's method that a function in its class body stands for."""
    for cls in type(service).__mro__:
        for attribute, value in vars(cls).items():
            if value is function:
                bound: Callable[..., Any] = getattr(service, attribute)
                return bound
    return function


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
