"""What a found service does in the background: looking up its name, and probing instances."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from ._forking import restart_after_fork

_logger: Final = logging.getLogger("gemstone.client")

_THREADS: Final = 8
#: Seconds that a thread waits for another chore when there is none.
_LINGER: Final = 1.0


class Chores:
    """Does each chore at its time, in a few threads that are only there while there are chores.

    They are daemon threads: nothing that they do matters to a process that ends. May be used from
    any thread.

    Args:
        name: whose chores they are, for the names of the threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._order = itertools.count()
        self._closed = False
        self._start()
        restart_after_fork(self)

    def _start(self) -> None:
        self._lock = threading.Condition(threading.Lock())
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._threads: set[threading.Thread] = set()
        self._waits = False  # whether a thread waits for the next chore

    def put(self, chore: Callable[[], None], delay: float = 0.0) -> None:
        """Have something done after `delay` seconds; never after :meth:`close`."""
        with self._lock:
            if not self._closed:
                heapq.heappush(self._due, (time.monotonic() + delay, next(self._order), chore))
                self._see_to_it()

    def close(self, within: float = 0.0) -> None:
        """Forget what has not begun, and end the threads.

        Args:
            within: how many seconds to wait for what has. Never done on one of these threads.
        """
        deadline = time.monotonic() + within
        with self._lock:
            self._closed = True
            self._due.clear()
            self._lock.notify_all()
            threads = set(self._threads)
        if threading.current_thread() not in threads:
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))

    def restart_in_child(self) -> None:
        """Forget, in a process just forked, the threads and chores of its parent."""
        self._start()

    def _see_to_it(self) -> None:
        if self._waits:
            self._lock.notify()
        elif len(self._threads) < _THREADS:
            thread = threading.Thread(
                target=self._work, name=f"gemstone-client {self._name}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # the system has no more, or the interpreter exits
                return
            self._threads.add(thread)

    def _work(self) -> None:
        while (chore := self._next()) is not None:
            try:
                chore()
            except BaseException:  # each handles what it expects, and no thread may be lost
                _logger.exception("What %s does in the background has failed", self._name)
            del chore

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            while not self._closed:
                now = time.monotonic()
                if self._due and self._due[0][0] <= now:
                    chore = heapq.heappop(self._due)[2]
                    if self._due:
                        self._see_to_it()
                    return chore
                if self._waits:
                    break  # another one waits: one is enough
                self._waits = True
                told = self._lock.wait(self._due[0][0] - now if self._due else _LINGER)
                self._waits = False
                if not told and not self._due:
                    break
            self._threads.discard(threading.current_thread())
            return None
