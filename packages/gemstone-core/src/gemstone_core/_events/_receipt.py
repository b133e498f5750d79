"""What the emitter of an event gets: word of what became of it."""

import asyncio
import logging
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import Final

from gemstone.errors import EventError, ServiceStateError

from .._threads import on_event_loop

#: One for all: nothing is done under it but to set and to read a few attributes.
_LOCK: Final = threading.Lock()
_LOGGER: Final = logging.getLogger("gemstone.event")


class Receipt:
    """Word of an event that was emitted: done when every transport has what it promises.

    A coroutine awaits it; elsewhere :meth:`wait` does. Nobody has to. Its methods are those of a
    :class:`concurrent.futures.Future`, but it is much lighter, because each event has one, and
    it can't be cancelled, because nobody can take an event back. From any thread.
    """

    __slots__ = ("_callbacks", "_error", "_is_done")

    def __init__(self) -> None:
        self._is_done = False
        self._error: EventError | None = None
        self._callbacks: list[Callable[[Receipt], object]] | None = None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until every transport has what it promises. Not on an event loop's thread.

        Args:
            timeout: for how long, in seconds; by default until it is decided. The transports of
                gemstone decide it some seconds after ``emit_timeout`` at the latest.

        Raises:
            EventError: one of the transports could not emit the event; the message says why.
            TimeoutError: nothing is decided yet.
            ServiceStateError: an event loop runs in this thread.
        """
        error = self.exception(timeout)
        if error is not None:
            # Many wait for what one error decides: none of them is to see where the others were.
            raise error.with_traceback(None)

    result = wait

    def exception(self, timeout: float | None = None) -> EventError | None:
        """Why the event was not emitted; ``None`` if it was. Waits like :meth:`wait`.

        Raises:
            TimeoutError: nothing is decided yet.
            ServiceStateError: an event loop runs in this thread.
        """
        if not self._is_done:
            if on_event_loop():
                raise ServiceStateError(
                    "wait() would hold up the event loop that runs here: await the receipt"
                )
            decided = threading.Event()
            self.add_done_callback(lambda _: decided.set())
            if not decided.wait(timeout):
                raise TimeoutError(f"after {timeout} s it is not decided what becomes of the event")
        return self._error

    def done(self) -> bool:
        """Whether it is decided what became of the event."""
        return self._is_done

    def add_done_callback(self, function: "Callable[[Receipt], object]") -> None:
        """Call a function with this receipt when it is done; if it is already, at once.

        Args:
            function: called in whatever thread decides it, so it must not block. What it
                raises is logged.
        """
        with _LOCK:
            if not self._is_done:
                if self._callbacks is None:
                    self._callbacks = []
                self._callbacks.append(function)
                return
        self._call(function)

    def set_result(self, result: None) -> None:
        """Say that the event was emitted. For those who emit it."""
        self._settle(None)

    def set_exception(self, error: EventError) -> None:
        """Say why the event was not emitted. For those who should have emitted it."""
        self._settle(error)

    def __await__(self) -> Generator[object, None, None]:
        if not self._is_done:
            loop = asyncio.get_running_loop()
            decided: asyncio.Future[None] = loop.create_future()

            def wake(_: Receipt) -> None:
                with suppress(RuntimeError):  # who waited is gone, and the loop with it
                    loop.call_soon_threadsafe(_wake, decided)

            self.add_done_callback(wake)
            yield from decided
        if self._error is not None:
            raise self._error.with_traceback(None)

    def _settle(self, error: EventError | None) -> None:
        with _LOCK:
            self._error = error
            self._is_done = True
            callbacks, self._callbacks = self._callbacks, None
        if callbacks is not None:
            for function in callbacks:
                self._call(function)

    def _call(self, function: "Callable[[Receipt], object]") -> None:
        try:
            function(self)
        except Exception:  # of somebody else than the one who decides what becomes of events
            _LOGGER.exception("a callback of a receipt failed: %r", function)


def _wake(decided: "asyncio.Future[None]") -> None:
    if not decided.done():
        decided.set_result(None)


def joint_receipt(receipts: Sequence[Receipt]) -> Receipt:
    """A receipt that is done when all of these are; it fails as the first of them that did."""
    joint = Receipt()
    lock = threading.Lock()
    left = len(receipts)

    def settle(_: Receipt) -> None:
        nonlocal left
        with lock:
            left -= 1
            if left:
                return
        joint._settle(next((each._error for each in receipts if each._error is not None), None))

    for receipt in receipts:
        receipt.add_done_callback(settle)
    return joint
