"""One connection of a transport, kept up for ever by a thread of its own."""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Final

#: How long to wait before trying again, in seconds: at first, then twice as long each time.
_FIRST_DELAY: Final = 0.1
#: At most so long in the first minute, and at most so long after.
_SHORT_CAP: Final = 1.0
_LONG_CAP: Final = 4.0
_SHORT_OUTAGE: Final = 60.0
#: How long it takes to connect and to subscribe when the broker is there, in seconds; at most.
_TO_CONNECT: Final = 0.5
#: A connection that lived this long was a good one, in seconds: the delays begin anew.
_GOOD_LIFE: Final = 5.0
#: How often to look after what waits during an outage, in seconds.
_LOOK_EVERY: Final = 0.5


class Supervisor:
    """Runs what holds a connection, again and again until it is stopped.

    Args:
        name: of the thread.
        purpose: what the connection is for, with the name of its transport; for the log.
        work: connects, says so by calling :meth:`connected`, and works until the connection
            breaks (it raises), or until there is nothing more to do (it returns).
        may_return: whether the work may have returned though nobody has stopped it, because
            it goes on in a thread of its own, or is done; else that is a failure too.
        logger: where changes of the state are told.
        on_outage: called when there is no connection, and then twice a second.
    """

    def __init__(
        self,
        name: str,
        purpose: str,
        work: Callable[[], None],
        may_return: Callable[[], bool],
        logger: logging.Logger,
        on_outage: Callable[[], None] = lambda: None,
    ) -> None:
        self._purpose = purpose
        self._work = work
        self._may_return = may_return
        self._logger = logger
        self._on_outage = on_outage
        self._stopping = threading.Event()
        self._state_changes = threading.Lock()
        self._thread = threading.Thread(target=self._keep_up, name=name, daemon=True)
        self._tries = 0
        self._told: set[str] = set()
        self._lost_at: float | None = None
        self._connected_at = 0.0
        #: Set when it is known whether the first try succeeded.
        self.decided = threading.Event()
        #: Since when there is a connection, in seconds of :func:`time.time`, or ``None``.
        self.connected_since: float | None = None
        #: How often the connection was there again.
        self.reconnects = 0
        #: Why there is no connection, or ``None``.
        self.error: str | None = None

    def start(self) -> None:
        """Begin, in the thread; if that was done already, nothing. From one thread at a time."""
        if self._thread.ident is None:
            self._thread.start()

    def is_running(self) -> bool:
        """Whether the thread runs. From any thread."""
        return self._thread.is_alive()

    def connected(self) -> float:
        """Told that the work has its connection. From any thread.

        Returns:
            For how many seconds others may still be trying, who lost theirs to the same outage.
        """
        now = time.monotonic()
        others_need = 0.0
        with self._state_changes:
            if self.connected_since is not None:
                return 0.0
            if self._lost_at is not None:
                away = now - self._lost_at
                others_need = _longest_delay(away) + _TO_CONNECT
                self._logger.warning("%s: connected again, after %.1f s", self._purpose, away)
                self.reconnects += 1 if self._connected_at else 0
            else:
                self._logger.info("%s: connected", self._purpose)
            self._connected_at = now
            self._lost_at = None
            self._told.clear()
            self.error = None
            self.connected_since = time.time()
        self.decided.set()
        return others_need

    def stop(self, interrupt: Callable[[], None], deadline: float) -> bool:
        """Let the work end, and wait for it. From any thread but its own.

        Args:
            interrupt: makes the work end; may be called more than once.
            deadline: when to give up, in seconds of :func:`time.monotonic`.

        Returns:
            Whether it has ended.
        """
        self._stopping.set()
        self.decided.set()
        interrupt()
        patience = 0.05
        while self._thread.is_alive():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            self._thread.join(min(patience, remaining))
            if self._thread.is_alive():
                # It may have begun anew just when it was interrupted.
                interrupt()
                patience = min(1.0, patience * 2)
        return True

    def _keep_up(self) -> None:
        while not self._stopping.is_set():
            try:
                self._work()
                if self._stopping.is_set() or self._may_return():
                    return
                self._lost(RuntimeError("it ended, and nobody had asked it to"))
            except BaseException as error:
                # Whatever it is, this thread is all that could bring the connection back.
                if not self._stopping.is_set():
                    self._lost(error)
            self._wait()

    def _lost(self, error: BaseException) -> None:
        now = time.monotonic()
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        with self._state_changes:
            if self._lost_at is None:
                self._lost_at = now
                # What comes and goes at once is one long outage.
                if now - self._connected_at > _GOOD_LIFE:
                    self._tries = 0
            if reason not in self._told:
                self._told.add(reason)
                self._logger.warning(
                    "%s: there is no connection, trying again: %s", self._purpose, reason
                )
            self.error = reason
            self.connected_since = None
        self.decided.set()
        self._on_outage()

    def _wait(self) -> None:
        outage = time.monotonic() - (self._lost_at or 0.0)
        delay = min(_longest_delay(outage), _FIRST_DELAY * 2**self._tries)
        delay *= random.uniform(0.5, 1.0)
        self._tries = min(self._tries + 1, 20)
        until = time.monotonic() + delay
        while (remaining := until - time.monotonic()) > 0:
            if self._stopping.wait(min(_LOOK_EVERY, remaining)):
                return
            self._on_outage()


def _longest_delay(outage: float) -> float:
    """How long to wait at most before trying again, in seconds, in an outage of that length."""
    return _SHORT_CAP if outage < _SHORT_OUTAGE else _LONG_CAP
