"""Telling what was not emitted: once for each outage, with a count."""

import logging
import math
import threading
import time
from collections import Counter
from typing import Final

from gemstone.errors import EventError

#: How often losses are told while there is a connection, in seconds.
_QUIET: Final = 60.0


class Losses:
    """Counts the events that a transport did not emit, and logs how many there were.

    That is when the first one is lost; of an outage, when it is over, else after a while. From
    any thread.

    Args:
        transport: whose events they are.
        logger: where they are told.
    """

    def __init__(self, transport: object, logger: logging.Logger) -> None:
        self._transport = transport
        self._logger = logger
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._last: EventError | None = None
        self._tell_at = 0.0
        self._is_outage = False
        #: How many there were in all.
        self.total = 0

    def add(self, count: int, error: EventError) -> None:
        """Count some events that were not emitted, all for one reason."""
        with self._lock:
            self.total += count
            self._counts[type(error).__name__] += count
            self._last = error

    def outage_begins(self) -> None:
        """There is no connection: what is lost now is told once, and again when it is over."""
        with self._lock:
            self._is_outage = True

    def outage_ends(self) -> None:
        """There is a connection again."""
        with self._lock:
            if self._is_outage:
                self._is_outage, self._tell_at = False, 0.0
        self.tell(at_once=True)

    def tell(self, at_once: bool = False) -> None:
        """Log what was lost since this was last told, if it is time to.

        Args:
            at_once: whether it is, in any case.
        """
        if not self._counts:
            return
        now = time.monotonic()
        with self._lock:
            if not self._counts or (now < self._tell_at and not at_once):
                return
            counts, self._counts = self._counts, Counter()
            self._tell_at = math.inf if self._is_outage else now + _QUIET
        count = counts.total()
        self._logger.error(
            "%s did not emit %s (%s); the last error: %s",
            self._transport,
            "1 event" if count == 1 else f"{count:,} events",
            ", ".join(f"{number} {kind}" for kind, number in counts.most_common()),
            self._last,
        )
