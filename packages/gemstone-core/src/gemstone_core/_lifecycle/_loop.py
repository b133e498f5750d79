"""The event loop of a service: run until the service has ended, whatever ends the loop before."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tornado.ioloop import IOLoop

from gemstone.errors import ServiceStateError

from ._loop_factory import loop_factory

if TYPE_CHECKING:
    from .._microservice import MicroService


def run_service(
    service: "MicroService", live: Callable[[], Awaitable[None]], io_loop: IOLoop | None
) -> None:
    """Run one life of a service.

    Where something on the loop raises what ends it, as a ``SystemExit`` in a callback, the
    service is stopped as by :meth:`MicroService.stop`.

    Args:
        service: whose life it is.
        live: the life.
        io_loop: the loop to run it on, or ``None`` for a new one.

    Raises:
        ServiceConfigurationError: there can be no such loop as the service asks for.
        ServiceStateError: the loop runs already, or is closed.
        BaseException: what `live` has raised, or what has ended the loop.
    """
    if io_loop is not None:
        loop: asyncio.AbstractEventLoop | None = getattr(io_loop, "asyncio_loop", None)
        if loop is not None and (loop.is_running() or loop.is_closed()):
            state = "runs already, elsewhere" if loop.is_running() else "is closed"
            raise ServiceStateError(f"{service.name} can't be served: its event loop {state}")
        _run(service, live, io_loop.run_sync)
    else:
        with asyncio.Runner(loop_factory=loop_factory(service)) as runner:
            _run(service, live, lambda main: runner.run(main()))


def _run(
    service: "MicroService",
    live: Callable[[], Awaitable[None]],
    run: Callable[[Callable[[], Coroutine[Any, Any, None]]], None],
) -> None:
    task: asyncio.Task[None] | None = None

    async def main() -> None:
        nonlocal task
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        service.logger.debug("%s runs on a loop of %s", service.name, type(loop).__module__)
        await live()

    try:
        run(main)
    except BaseException as error:
        if task is not None and not task.done():
            _stop(service, task, error)
        raise


def _stop(service: "MicroService", task: "asyncio.Task[None]", error: BaseException) -> None:
    """Let a life come to its end, on a loop that something else has ended."""
    service.logger.error(
        "%s stops, because something has ended its event loop", service.name, exc_info=error
    )
    loop = task.get_loop()
    while not task.done() and not loop.is_closed():
        service.stop()  # does not wait on this thread
        # The same may be raised once more: Tornado does so with what a handler raised.
        with suppress(BaseException):
            loop.run_until_complete(task)
