"""The way of events that came: from the threads of transports to handlers, on the event loop."""

import asyncio
import contextvars
import inspect
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Final

from .._tasks import is_cancelled
from ._attachment import OnDone
from ._event import Event
from ._handler import EventHandler
from ._verdict import Unhandled

#: How long events may hold up what else the loop has to do, in seconds.
_SLICE: Final = 0.002


class Delivery:
    """Hands events to the handlers of a service, on the loop on which it is made.

    Args:
        handlers: by the names of their events.
        limit: how many events may be with handlers that are tasks, or run in the executor.
        executor: gives the executor for handlers that block.
        logger: where the errors of handlers are told.
        on_event: is shown each event before its handlers; ``None`` if nobody wants to see it.
    """

    def __init__(
        self,
        handlers: Mapping[str, Sequence[EventHandler]],
        limit: int,
        executor: Callable[[], Executor],
        logger: logging.Logger,
        on_event: Callable[[Event], None] | None,
    ) -> None:
        self._handlers = handlers
        self._limit = limit
        self._executor = executor
        self._logger = logger
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[tuple[Event, OnDone]] = deque()
        self._is_due = False
        self._has_ended = False
        # Whoever hands over an event, and in whatever context, it is no handler's.
        self._context = contextvars.copy_context()
        self._tasks: set[asyncio.Task[None]] = set()

    def deliver(self, event: Event, on_done: OnDone) -> None:
        """Have an event handled, when this is woken; says when its handlers have ended.

        From any thread; returns at once.
        """
        self._arrived.append((event, on_done))

    def wake(self) -> None:
        """Have what was delivered handled. From any thread; returns at once."""
        # Many events that come in a row wake the loop once.
        if self._arrived and not self._is_due:
            self._is_due = True
            try:
                self._loop.call_soon_threadsafe(self._work_off, context=self._context)
            except RuntimeError:  # the loop is closed: the service has ended
                self._give_up()

    async def finish(self, deadline: float) -> list[str]:
        """Wait until all that came is handled.

        Args:
            deadline: when to cancel what still runs, in seconds of :func:`time.monotonic`.

        Returns:
            What did not end in time.
        """
        while (self._arrived or self._tasks) and (remaining := deadline - time.monotonic()) > 0:
            if self._tasks:
                await asyncio.wait(
                    self._tasks, timeout=remaining, return_when=asyncio.FIRST_COMPLETED
                )
            else:
                await asyncio.sleep(0)
        late = sorted(f"a handler of the event {task.get_name()!r}" for task in self._tasks)
        for task in self._tasks:
            task.cancel()
        if self._arrived:
            late.append(f"handlers of {len(self._arrived)} more events")
        self._has_ended = True
        self._give_up()
        return late

    def _give_up(self) -> None:
        while self._arrived:
            _, on_done = self._arrived.popleft()
            on_done(Unhandled("the service stopped before it was handled"))

    def _work_off(self) -> None:
        self._is_due = False  # before looking at what is there, so that nothing is overlooked
        if self._has_ended:
            self._give_up()
            return
        until = time.perf_counter() + _SLICE
        while self._arrived and len(self._tasks) < self._limit:
            event, on_done = self._arrived.popleft()
            if self._on_event is None:
                self._handle(event, on_done)
            else:
                # What plugins write into the context is there for this event's handlers only.
                contextvars.copy_context().run(self._show, self._on_event, event, on_done)
            if time.perf_counter() > until:
                self._is_due = True
                self._loop.call_soon(self._work_off, context=self._context)
                return

    def _show(self, on_event: Callable[[Event], None], event: Event, on_done: OnDone) -> None:
        on_event(event)
        self._handle(event, on_done)

    def _handle(self, event: Event, on_done: OnDone) -> None:
        error: BaseException | None = None
        others: list[tuple[EventHandler, Event, Any]] = []
        handlers = self._handlers.get(event.name, ())
        try:
            copies = event.copies(len(handlers))
        except Exception as raised:  # a transport may bring anything
            self._logger.exception("%r can't be copied for each of its handlers", event)
            on_done(raised)
            return
        for handler, own in zip(handlers, copies, strict=True):
            if not handler.is_plain:
                others.append((handler, own, None))
                continue
            try:
                returned = contextvars.copy_context().run(handler.call, own)
            except KeyboardInterrupt:
                raise
            except BaseException as raised:
                error = error or self._failed(handler, event, raised)
            else:
                if returned is not None and inspect.isawaitable(returned):
                    others.append((handler, own, returned))
        if others:
            task = self._loop.create_task(
                self._run(others, on_done, error),
                name=event.name,
                context=contextvars.copy_context(),
            )
            self._tasks.add(task)
            task.add_done_callback(self._ended, context=self._context)
        else:
            on_done(error)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._work_off()

    async def _run(
        self,
        handlers: list[tuple[EventHandler, Event, Any]],
        on_done: OnDone,
        error: BaseException | None,
    ) -> None:
        try:
            if len(handlers) == 1:
                errors = [await self._run_one(*handlers[0])]
            else:
                errors = await asyncio.gather(*(self._run_one(*each) for each in handlers))
        except asyncio.CancelledError:
            on_done(Unhandled("the service stopped while it was handled"))
            raise
        on_done(next((each for each in (error, *errors) if each is not None), None))

    async def _run_one(
        self, handler: EventHandler, event: Event, returned: Any
    ) -> BaseException | None:
        try:
            if handler.is_blocking:
                raised = await self._loop.run_in_executor(
                    self._executor(), _outcome, handler, event
                )
                if raised is not None:
                    return self._failed(handler, event, raised)
            else:
                await (handler.call(event) if returned is None else returned)
        except KeyboardInterrupt:
            raise
        except BaseException as raised:
            if is_cancelled(raised):
                raise
            return self._failed(handler, event, raised)
        return None

    def _failed(self, handler: EventHandler, event: Event, error: BaseException) -> BaseException:
        self._logger.error(
            "The event handler %s failed with %r", handler.origin, event, exc_info=error
        )
        return error


def _outcome(handler: EventHandler, event: Event) -> BaseException | None:
    # No future carries a StopIteration, and the loop ends at a SystemExit.
    try:
        handler.call(event)
    except BaseException as error:
        return error
    return None
