"""The threads of a service's asynchronous calls."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from ..errors import ServiceStateError
from ._forking import restart_after_fork
from .structs import Result

# Seconds that a thread waits for another call. The exit of the interpreter waits as long.
_LINGER: Final = 0.2
_LINGERING: Final = 8  # threads that may do so; of hundreds that end at once, few are needed soon


class Workers:
    """At most `limit` threads that make calls, as long as there are calls to make.

    They are threads that the interpreter waits for when it exits, and that end by themselves: no
    call is cut off in the middle, nothing idle is left, and a service that is never closed holds
    nobody. (An executor would make all calls that wait before the interpreter may exit.) May be
    used from any thread.

    Args:
        limit: how many threads.
        shown: the URL of the service, for messages.
    """

    def __init__(self, limit: int, shown: str) -> None:
        self._limit = limit
        self._shown = shown
        self._closed = False
        self._start()
        restart_after_fork(self)

    def _start(self) -> None:
        self._lock = threading.Condition(threading.Lock())
        self._idle = 0
        self._pending: deque[tuple[Future[Result], Callable[[], Result]]] = deque()
        self._threads: set[threading.Thread] = set()

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Have `work` done in another thread.

        Raises:
            ServiceStateError: :meth:`close` was called.
        """
        future: Future[Result] = Future()
        with self._lock:
            if self._closed:
                raise ServiceStateError(
                    f"this RemoteService of {self._shown} is closed; make a new one"
                )
            self._pending.append((future, work))
            if self._idle >= len(self._pending):
                self._lock.notify()
                return future
            if len(self._threads) == self._limit:
                return future
            thread = threading.Thread(target=self._work, name=f"gemstone-client {self._shown}")
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the system has no more, or the interpreter exits
            with self._lock:
                self._threads.remove(thread)
                alone = not self._threads
            if alone:  # else the others make this call too
                self._fail_pending("no thread could be started for it")
        return future

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._pending and not self._closed and self._idle < _LINGERING:
                    self._idle += 1
                    self._lock.wait(_LINGER)
                    self._idle -= 1
                if not self._pending:
                    self._threads.remove(threading.current_thread())
                    return
                future, work = self._pending.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    result = work()
                except BaseException as exc:
                    future.set_exception(exc)
                else:
                    future.set_result(result)
                    del result
            del future, work
            if not threading.main_thread().is_alive():
                self._fail_pending("the interpreter exits")

    def _fail_pending(self, why: str) -> None:
        with self._lock:
            pending, self._pending = self._pending, deque()
        for future, _ in pending:
            if future.set_running_or_notify_cancel():
                future.set_exception(ServiceStateError(f"the call was not sent: {why}"))

    def close(self, wait: bool) -> None:
        """Fail what has not begun, and end the threads.

        Args:
            wait: until the calls under way have ended. Never done on one of these threads.
        """
        with self._lock:
            self._closed = True
            self._lock.notify_all()
            threads = set(self._threads)
        self._fail_pending(f"the RemoteService of {self._shown} was closed before")
        if wait and threading.current_thread() not in threads:
            for thread in threads:
                thread.join()

    def restart_in_child(self) -> None:
        """Forget, in a process just forked, the threads and calls of its parent."""
        self._start()
