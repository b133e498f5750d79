"""Notifications: calls that nobody wants an answer to."""

import asyncio
import time
from collections.abc import Collection
from typing import Final

from .._tasks import begin
from ._arrival import Arrival
from ._calls import Calls
from ._messages import Call

#: How long the request of a notification is held up for it, in seconds. Whoever sends one
#: does not want to wait, but finds what a quick one has done when the answer is there.
_PATIENCE: Final = 0.1


class Notifications:
    """Executes notifications, also beyond the end of their requests.

    Args:
        calls: executes them.

    Attributes:
        tasks: those that are being executed, or will be.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._with_handler: set[asyncio.Task[None]] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    def begin(
        self, call: Call, arrival: Arrival, turn: asyncio.Future[None] | None = None
    ) -> asyncio.Task[None]:
        """Begin to execute a notification, in a task of its own.

        Args:
            call: the notification.
            arrival: what it came with.
            turn: done when it may begin; ``None``: at once.
        """
        loop = asyncio.get_running_loop()
        task = begin(loop, self._execute(call, arrival, turn), name=call.method)
        if not task.done():
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            # A handler is there as long as its request is not answered.
            if self._calls.needs_handler(call):
                self._with_handler.add(task)
                task.add_done_callback(self._with_handler.discard)
        return task

    async def wait(self, tasks: Collection[asyncio.Task[None]], since: float) -> None:
        """Wait for notifications as long as nobody minds.

        Args:
            tasks: those that came with one body.
            since: when they came, in seconds of :func:`time.monotonic`.
        """
        with_handler = self._with_handler.intersection(tasks)
        if with_handler:
            await asyncio.wait(with_handler)
        others = self.tasks.intersection(tasks)
        patience = since + _PATIENCE - time.monotonic()
        if others and patience > 0:
            await asyncio.wait(others, timeout=patience)

    async def _execute(
        self, call: Call, arrival: Arrival, turn: asyncio.Future[None] | None
    ) -> None:
        if turn is not None:
            await turn
        await self._calls.answer(call, b"", arrival)
