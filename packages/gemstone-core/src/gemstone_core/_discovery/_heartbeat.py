"""The thread that tells a registry where its service is, again and again."""

import inspect
import logging
import random
import threading
import time
from typing import Any, Final

from .._threads import daemon
from ._reachability import Reachability, reason, safe_text
from ._strategy import BaseDiscoveryStrategy

#: After a failure it is tried again so much sooner.
_SOONER: Final = 4
#: How long to wait for the thread of a former life, in seconds, if that is still at it.
_FORMER: Final = 10.0


class Heartbeat:
    """Registers a service with one strategy, in a thread, until it is told to stop.

    Pings and the unregistering are in one thread, so that no late ping comes after it.

    Args:
        strategy: whom to tell.
        name: the name of the service.
        location: where it is.
        interval: how often to ping, in seconds, at least.
        logger: where changes of the state are told.
        former: the heartbeat of a former life with the same strategy: its end is waited for, or
            it might take away what this one says.
    """

    def __init__(
        self,
        strategy: BaseDiscoveryStrategy,
        name: str,
        location: str,
        interval: float,
        logger: logging.Logger,
        former: "Heartbeat | None",
    ) -> None:
        self.strategy = strategy
        shown = self._shown = safe_text(strategy)
        self._name = name
        self._location = location
        self._interval = interval
        self._logger = logger
        self._former = former
        self._reachability = Reachability(
            f"{shown}: {name} is registered", f"{shown}: {name} can't be registered", logger
        )
        self._stopping = threading.Event()
        self._is_given_up = False
        self._thread = daemon(self._beat, name=f"{name}-heartbeat {shown}")
        #: Set when it is known whether the first ping has succeeded.
        self.decided = threading.Event()

    def start(self) -> None:
        """Begin, with a ping at once."""
        self._thread.start()

    @property
    def works(self) -> bool:
        """Whether the last ping has succeeded. From any thread."""
        return self._reachability.works is True

    @property
    def is_registered(self) -> bool:
        """Whether the registry is known to list the service. From any thread."""
        return self.works and not self._stopping.is_set()

    def ask_to_stop(self) -> None:
        """Let it unregister the service, and end. From any thread."""
        self._stopping.set()

    def give_up(self) -> None:
        """Have it tell the registry nothing more, after what it is at. From any thread."""
        self._is_given_up = True
        self._stopping.set()

    def wait(self, deadline: float) -> bool:
        """Wait for its end, after :meth:`ask_to_stop`. Blocks.

        Args:
            deadline: when to give up, in seconds of :func:`time.monotonic`.

        Returns:
            Whether it has ended.
        """
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def _beat(self) -> None:
        if self._former is not None:
            self._former.wait(time.monotonic() + _FORMER)
            self._former = None
        has_pinged = False
        while not self._stopping.is_set():
            has_pinged = True
            began = time.monotonic()
            worked = self._ping()
            self.decided.set()
            # Downwards, so that within an interval everybody has been there.
            jitter = random.uniform(0.8, 1.0)
            if worked:
                self._stopping.wait(max(0.0, began + self._interval * jitter - time.monotonic()))
            else:
                self._stopping.wait(self._interval / _SOONER * jitter)
        # One that seems to have failed may have arrived all the same.
        if has_pinged and not self._is_given_up:
            self._unregister()

    def _ping(self) -> bool:
        is_first = self._reachability.works is None
        try:
            said: Any = self.strategy.ping(self._name, self._location)
            if inspect.iscoroutine(said):
                said.close()
                raise TypeError("ping() returned a coroutine: it must be a plain function")
        except BaseException as error:  # whatever it is: nobody else would ping again
            self._reachability.failed(error)
            return False
        self._reachability.succeeded()
        if is_first:
            self._logger.info("%s: %s is registered", self._shown, self._name)
        return True

    def _unregister(self) -> None:
        try:
            self.strategy.unregister(self._name, self._location)
        except BaseException as error:
            if self.works:
                self._logger.warning(
                    "%s: %s can't be unregistered, it may be found until it expires: %s",
                    self._shown,
                    self._name,
                    reason(error),
                )
