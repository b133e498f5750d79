"""One instance of a service: where it is, and how it has been lately."""

import random
from typing import Final

from ._connections import Connections

#: So many calls in a row without an answer, and an instance is set aside.
_FAILURES: Final = 3
#: Seconds between the probes of one that is set aside: at first, and at most.
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0


class Instance:
    """A URL that calls go to, and its circuit breaker.

    The breaker opens (the instance is set aside) when it refuses a connection, or gives no answer
    several times in a row. It closes when a probe was answered, never by a call.

    Args:
        connections: the connections to it.

    Attributes:
        connections: as above.
        is_aside: whether the breaker is open: no calls go to it.
        is_watched: whether a probe is under way or will be.
        last_failure: what was wrong the last time, in words.
    """

    __slots__ = ("_failures", "_pause", "connections", "is_aside", "is_watched", "last_failure")

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self.is_aside = self.is_watched = False
        self.last_failure = ""
        self._failures = 0
        self._pause = _FIRST_PAUSE

    def has_answered(self) -> None:
        """Note that a call was answered. (Numbers may get lost between threads: no harm.)"""
        if self._failures:
            self._failures = 0
        if self._pause != _FIRST_PAUSE:
            self._pause = _FIRST_PAUSE

    def has_failed(self, error: Exception, *, refused: bool) -> bool:
        """Note that a call got no answer.

        Args:
            error: what was raised.
            refused: whether it accepted no connection.

        Returns:
            Whether that is enough to set it aside.
        """
        self.last_failure = str(error)
        self._failures += 1
        return refused or self._failures >= _FAILURES

    def next_pause(self) -> float:
        """How many seconds to wait before the next probe: each time longer, and never the same.

        It begins with the shortest one again when a call was answered, not already when a probe
        was: an instance may answer probes, and no calls.
        """
        pause = self._pause
        self._pause = min(2 * pause, _LONGEST_PAUSE)
        return pause * random.uniform(0.75, 1.25)

    def is_back(self) -> None:
        """Note that a probe was answered."""
        self.is_aside = False
        self._failures = 0
