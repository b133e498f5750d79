"""Counting what happens to events, and telling it now and then."""

import logging
import threading
import time
from typing import Final

#: How often it is told, in seconds.
_QUIET: Final = 60.0


class Tally:
    """Counts events, and logs how many there were: the first at once, then once a minute.

    From any thread.

    Args:
        logger: where it is told.
        message: what is told, with a ``%s`` for how many there were, and one for the last.
    """

    def __init__(self, logger: logging.Logger, message: str) -> None:
        self._logger = logger
        self._message = message.replace("%", "%%").replace("%%s", "%s")
        self._lock = threading.Lock()
        self._untold = 0
        self._tell_at = 0.0
        #: How many there were in all.
        self.total = 0

    def add(self, count: int, last: str) -> None:
        """Count some.

        Args:
            count: how many.
            last: what is to be said of the last of them.
        """
        now = time.monotonic()
        with self._lock:
            self.total += count
            self._untold += count
            if now < self._tell_at:
                return
            untold, self._untold = self._untold, 0
            self._tell_at = now + _QUIET
        said = "1 event" if untold == 1 else f"{untold:,} events"
        self._logger.error(self._message, said, last)
