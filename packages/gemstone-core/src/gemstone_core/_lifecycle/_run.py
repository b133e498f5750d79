"""One life of a service: everything is started in order, and ended in reverse."""

import asyncio
import inspect
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, Final

from tornado.ioloop import IOLoop

from gemstone.deadlines import DEADLINE
from gemstone.errors import ServiceStateError, ShutdownTimeoutError

from .._discovery._names import shown_location
from .._http._handlers import TornadoJsonRpcHandler
from .._http._server import HttpOptions, HttpServer
from .._http._tls import make_tls_context
from .._plugins._hooks import run_hooks
from .._rpc._dispatcher import Dispatcher
from .._tasks import is_cancelled
from ._executor import ServiceExecutor
from ._periodic import PeriodicTasks

if TYPE_CHECKING:
    from .._microservice import MicroService


#: What is left, in seconds, even when no time is left: threads that are idle end in less.
_MOMENT: Final = 0.5
#: How often who waits for the end looks whether somebody has closed the loop, in seconds.
_LOOK_EVERY: Final = 0.5
#: After how long a loop that was stopped is taken not to run again, in seconds.
_NOT_AGAIN: Final = 2.0
#: The tasks of those that have not ended. One whose loop was closed by somebody is kept: it can't
#: end any more, and Python would tell of each thing that it still wants to wait for.
_LIVES: Final[set[asyncio.Task[Any] | None]] = set()


class Run:
    """One life of a service, on the event loop on which it is made.

    Args:
        service: whose life it is.
        owns_loop: whether the loop is there for this service alone.
    """

    def __init__(self, service: "MicroService", owns_loop: bool) -> None:
        self._service = service
        self._owns_loop = owns_loop
        self._loop_threads = ServiceExecutor(service, "loop")
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._asked_to_stop = asyncio.Event()
        self._undo = AsyncExitStack()
        self._deadline: float | None = None
        self._events_stop: asyncio.Task[list[str]] | None = None
        self._left_over: list[str] = []
        self._has_started = False
        self.io_loop = IOLoop.current()
        self._ended = threading.Event()

    def is_on_this_thread(self) -> bool:
        """Whether the caller runs on a thread of this life's event loop."""
        return threading.get_ident() == self._thread or self._loop_threads.owns_this_thread()

    @property
    def state(self) -> str:
        """``starting``, ``serving`` or ``stopping``."""
        if self._asked_to_stop.is_set():
            return "stopping"
        return "serving" if self._has_started else "starting"

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left of this life, or its loop is closed. From any thread."""
        return self._ended.is_set() or self._loop.is_closed()

    def wait(self) -> None:
        """Wait for the end. From any other thread.

        Raises:
            ServiceStateError: the loop was stopped, so that the end never comes.
        """
        runs_until = time.monotonic()
        while not self.has_ended:
            self._ended.wait(_LOOK_EVERY)
            if self._loop.is_running():
                runs_until = time.monotonic()
            elif time.monotonic() - runs_until > _NOT_AGAIN:
                raise ServiceStateError(
                    f"{self._service.name} can't stop: its event loop was stopped by somebody else"
                )

    def ask_to_stop(self) -> None:
        """Let the life come to its end. From any thread."""
        with suppress(RuntimeError):  # the loop is closed: it has come to its end
            self._loop.call_soon_threadsafe(self._asked_to_stop.set)

    async def live(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Start the service, serve until somebody asks it to stop, and stop it.

        Args:
            on_ready: called when the service serves.

        Raises:
            GemstoneError: the service can't be started.
            ShutdownTimeoutError: something had not ended ``shutdown_timeout`` after the stop.
        """
        # A deadline of whoever starts the service is none of what it does.
        token = DEADLINE.set(None)
        task = asyncio.current_task()
        _LIVES.add(task)
        try:
            await self._start()
            on_ready()
            await self._asked_to_stop.wait()
        except _StoppedEarly:
            self._service.logger.info("%s was stopped while it started", self._service.name)
        finally:
            try:
                await self._stop()
            finally:
                self._ended.set()
                _LIVES.discard(task)
                DEADLINE.reset(token)

    async def _start(self) -> None:
        service = self._service
        async with AsyncExitStack() as undo:
            dispatcher = service._prepare()
            # After all threads, which may ask for other services until they end.
            undo.push_async_callback(self._end_discovery)
            if self._owns_loop:
                # Else asyncio would make one itself, and wait for its threads without end.
                self._loop.set_default_executor(self._loop_threads.get())
                undo.push_async_callback(self._end_loop_threads)
            undo.push_async_callback(self._end_executor, dispatcher)
            periodic = PeriodicTasks(service)
            application = service.make_tornado_app()
            server = HttpServer(
                dispatcher,
                application,
                lambda request, visit: application.get_handler_delegate(
                    request, TornadoJsonRpcHandler, {"microservice": service, "visit": visit}
                ),
                _http_options(service),
                service.logger,
            )
            undo.push_async_callback(server.close)
            service.port = server.bind(service.host, service.port)
            if service.accessible_at in (None, service._last_location):
                service.accessible_at = service._last_location = _location(service)
            service._discovery.check_location()
            undo.push_async_callback(self._end_events)
            service._events.start()
            run_hooks(service._plugins, "on_service_start", logger=service.logger)
            undo.callback(run_hooks, service._plugins, "on_service_stop", logger=service.logger)
            await self._unless_asked_to_stop(service.on_service_start())
            undo.push_async_callback(self._say_stop)
            undo.push_async_callback(self._wait_for_events)
            undo.push_async_callback(self._wait_for_periodic, periodic)
            undo.push_async_callback(self._wait_for_notifications, dispatcher)
            undo.push_async_callback(self._drain, server)
            undo.callback(self._stop_accepting_events)
            await self._unless_asked_to_stop(service._events.accept())
            server.accept()
            undo.callback(periodic.stop)
            periodic.start()
            undo.push_async_callback(self._unregister)
            await service._discovery.register()
            self._undo = undo.pop_all()
            self._has_started = True
        service.logger.info("%s serves %s", service.name, shown_location(service.accessible_at))

    async def _stop(self) -> None:
        self._asked_to_stop.set()  # whatever has ended it
        await self._undo.aclose()
        if self._left_over:
            raise ShutdownTimeoutError(
                f"{self._service.name} was stopped, and {self._service.shutdown_timeout} s "
                f"later there still ran: {', '.join(self._left_over)}"
            )

    def _stop_by(self) -> float:
        """When everything must have ended: the time runs from the first thing that ends."""
        if self._deadline is None:
            self._deadline = time.monotonic() + self._service.shutdown_timeout
        return self._deadline

    def _remaining(self) -> float:
        """How many seconds are left for what comes after the drain: always a few moments."""
        return max(_MOMENT, self._stop_by() - time.monotonic())

    def _drain_by(self) -> float:
        """When the drain must be over, so that hooks and threads get their time as well."""
        return self._stop_by() - min(5.0, self._service.shutdown_timeout / 5)

    async def _unless_asked_to_stop(self, outcome: Any) -> None:
        """Wait for a hook that may be a coroutine, but not when nobody wants its service."""
        if not inspect.isawaitable(outcome):
            return
        hook = asyncio.ensure_future(outcome)
        asked = asyncio.create_task(self._asked_to_stop.wait())
        try:
            await asyncio.wait({hook, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not hook.done():
                hook.cancel()
                await asyncio.wait({hook}, timeout=self._remaining())
                raise _StoppedEarly
            hook.result()
        finally:
            asked.cancel()
            hook.cancel()

    async def _unregister(self) -> None:
        self._stop_by()
        await self._service._discovery.unregister()

    async def _drain(self, server: HttpServer) -> None:
        self._service.logger.info("%s is stopping", self._service.name)
        self._left_over += await server.drain(self._service.drain_grace, self._drain_by())

    async def _wait_for_notifications(self, dispatcher: Dispatcher) -> None:
        if dispatcher.notifications:
            remaining = max(0.0, self._drain_by() - time.monotonic())
            _, late = await asyncio.wait(dispatcher.notifications, timeout=remaining)
            for task in late:
                task.cancel()
            self._left_over += sorted(f"the notification {task.get_name()}" for task in late)

    def _stop_accepting_events(self) -> None:
        """Begin with it: the drain, which comes next, takes its time as well."""
        self._events_stop = asyncio.create_task(
            self._service._events.stop_accepting(self._drain_by())
        )

    async def _wait_for_events(self) -> None:
        if self._events_stop is not None:
            self._left_over += await self._events_stop

    async def _end_events(self) -> None:
        self._left_over += await self._service._events.end(self._remaining())

    async def _wait_for_periodic(self, periodic: PeriodicTasks) -> None:
        running = await periodic.wait(self._drain_by())
        self._left_over += [f"the periodic task {name}" for name in running]

    async def _say_stop(self) -> None:
        try:
            outcome = self._service.on_service_stop()
            if inspect.isawaitable(outcome):
                async with asyncio.timeout(self._remaining()):
                    await outcome
        except TimeoutError:
            self._left_over.append("on_service_stop()")
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if is_cancelled(error):
                raise
            self._service.logger.exception("on_service_stop() failed")

    async def _end_executor(self, dispatcher: Dispatcher) -> None:
        abandoned = set(dispatcher.abandoned)
        for task in abandoned:
            task.cancel()
        if not await self._service._executor.end(self._remaining()):
            running = dispatcher.blocking.running()
            self._left_over += [f"the blocking method {name}" for name in running]
            if not self._left_over:
                self._left_over.append("a function that was handed to get_executor()")
        if abandoned:
            _, pending = await asyncio.wait(abandoned, timeout=self._remaining())
            self._left_over += [f"the call of {task.get_name()}" for task in pending]

    async def _end_discovery(self) -> None:
        self._left_over += await self._service._discovery.end(self._remaining())

    async def _end_loop_threads(self) -> None:
        if not await self._loop_threads.end(self._remaining()):
            self._left_over.append("a function that was handed to asyncio's own threads")


class _StoppedEarly(Exception):
    """Somebody asked the service to stop while it started."""


def _http_options(service: "MicroService") -> HttpOptions:
    return HttpOptions(
        endpoint=service.endpoint,
        service=str(service.name),
        tls=make_tls_context(service),
        max_body_size=service.max_body_size,
        max_connections=service.max_connections,
        header_timeout=service.header_timeout,
        idle_timeout=service.idle_timeout,
        body_timeout=service.body_timeout,
        cancel_on_disconnect=service.cancel_on_disconnect,
    )


def _location(service: "MicroService") -> str:
    """Where others reach a service that does not say so itself."""
    host = socket.gethostname() if service.host in ("", "0.0.0.0", "::") else service.host
    if ":" in host:
        host = f"[{host}]"
    scheme = "http" if service.ssl_options is None else "https"
    return f"{scheme}://{host}:{service.port}{service.endpoint}"
