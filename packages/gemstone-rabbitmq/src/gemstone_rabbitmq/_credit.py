"""How many more events may be fetched, and which were handled."""

import threading
from collections.abc import Callable, Iterable


class Credit:
    """Counts the events that are with their handlers, of all connections one after the other.

    Those of a connection that broke still are, when the next one begins to deliver. All methods
    may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = 0
        self._when_free: Callable[[], None] | None = None

    def take(self, limit: int, when_free: Callable[[], None]) -> bool:
        """Use one more, if there is one.

        Args:
            limit: how many there are.
            when_free: called once when one is given back, if there is none now.
        """
        with self._lock:
            if self._used < limit:
                self._used += 1
                return True
            self._when_free = when_free
            return False

    def give(self) -> None:
        """Give one back."""
        with self._lock:
            self._used -= 1
            when_free, self._when_free = self._when_free, None
        if when_free is not None:
            when_free()


class Deliveries:
    """The deliveries of one channel, by their tags: 1, 2, 3, and so on."""

    def __init__(self) -> None:
        # All before this one are acknowledged; and so are these, after it.
        self._first = 1
        self._beyond: set[int] = set()

    def finish(self, tags: Iterable[int]) -> tuple[int | None, list[int]]:
        """Note which were handled.

        Args:
            tags: the deliveries, in any order, each of them once.

        Returns:
            The tag up to which all are to be acknowledged, if that is to be done; and the tags
            that are to be acknowledged one by one.
        """
        new = sorted(tags)
        self._beyond.update(new)
        while self._first in self._beyond:
            self._beyond.discard(self._first)
            self._first += 1
        up_to = None
        singles = []
        for tag in new:
            # The broker knows only what it was not told yet: it must be one of these.
            if tag < self._first:
                up_to = tag
            else:
                singles.append(tag)
        return up_to, singles
