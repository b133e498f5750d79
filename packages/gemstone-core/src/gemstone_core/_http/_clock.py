"""The time of a server: it is looked at once for all that happens between two ticks."""

import math
import time
from collections.abc import Callable

from tornado.httputil import format_timestamp


class Clock:
    """Counts ticks, which deadlines are made of: a deadline is stored, and no timer is set for it.

    Args:
        interval: how long a tick is, in seconds.

    Attributes:
        now: how many ticks there have been.
        date: the ``Date`` header, as a line.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.now = 0
        self.date = b""
        self._second = 0
        self._on_second: list[Callable[[], None]] = []
        self.tick()

    def on_second(self, function: Callable[[], None]) -> None:
        """Call a function now, and whenever the date has changed."""
        self._on_second.append(function)
        function()

    def tick(self) -> None:
        """A tick has passed."""
        self.now += 1
        second = int(time.time())
        if second != self._second:
            self._second = second
            self.date = b"Date: %b\r\n" % format_timestamp(second).encode()
            for function in self._on_second:
                function()

    def ticks(self, seconds: float) -> int:
        """How many ticks are not less than so many seconds, whenever they begin."""
        return math.ceil(seconds / self.interval) + 1
