"""What one instance has of the streams: which entries, and what became of them."""

import heapq
import threading
import time
from collections import deque
from collections.abc import Collection
from typing import NamedTuple

from gemstone_core.event import Verdict

from ._streams import Entry, Place


class Decided(NamedTuple):
    """An entry of which it is known what is to become.

    Attributes:
        entry: which one.
        verdict: what is to become of it; not ``AGAIN``.
        attempt: which delivery it was.
        reason: why it failed, if it did.
    """

    entry: Entry
    verdict: Verdict
    attempt: int
    reason: str


class Holdings:
    """The entries that an instance has, through all its connections. From any thread.

    An entry is held until Redis was told what became of it. So one that was handled when a
    connection broke is not handled again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[Place] = set()
        self._waiting: list[tuple[float, Place, int]] = []
        self._decided: deque[Decided] = deque()
        #: Set when there is something to tell Redis.
        self.something_is_decided = threading.Event()

    def take(self, place: Place) -> bool:
        """Hold an entry; says whether it was not held before."""
        with self._lock:
            if place in self._held:
                return False
            self._held.add(place)
            return True

    def holds(self, place: Place) -> bool:
        """Whether an entry is held."""
        return place in self._held

    def places(self) -> list[Place]:
        """All entries that are held."""
        with self._lock:
            return [*self._held]

    def wait(self, place: Place, attempt: int, delay: float) -> None:
        """Let an entry wait until it is delivered again.

        Args:
            place: which entry.
            attempt: which delivery that will be.
            delay: how long, in seconds.
        """
        with self._lock:
            heapq.heappush(self._waiting, (time.monotonic() + delay, place, attempt))

    def due(self, limit: int) -> list[tuple[Place, int]]:
        """Those that are to be delivered again now, and which delivery that is."""
        now = time.monotonic()
        due: list[tuple[Place, int]] = []
        with self._lock:
            while self._waiting and self._waiting[0][0] <= now and len(due) < limit:
                _, place, attempt = heapq.heappop(self._waiting)
                due.append((place, attempt))
        return due

    def decide(self, decided: Decided) -> None:
        """Have Redis told what became of an entry."""
        with self._lock:
            self._decided.append(decided)
        if not self.something_is_decided.is_set():
            self.something_is_decided.set()

    def decided(self) -> list[Decided]:
        """What Redis is to be told; it is forgotten when :meth:`release` is called."""
        with self._lock:
            return [*self._decided]

    def release(self, told: Collection[Decided]) -> None:
        """Hold those no more that were decided first, as :meth:`decided` gave them."""
        with self._lock:
            for each in told:
                self._decided.popleft()
                self._held.discard(each.entry.place)

    def drop(self, places: Collection[Place]) -> None:
        """Hold some no more that are not there any longer."""
        with self._lock:
            self._held.difference_update(places)
