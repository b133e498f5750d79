"""How durable events are handed to Redis: each is added to its stream."""

import time
from collections.abc import Callable
from typing import Final

import redis

from gemstone_core.event import Emission

from ._link import Command, Link
from ._streams import addition
from ._trimming import cut_off, trim_unwanted

#: How often to look whether anybody reads what is added, in seconds.
_LOOK_EVERY: Final = 10.0


class ToStreams:
    """Adds events to streams.

    Args:
        max_length: how many entries a stream may have; ``None`` for any number.
        on_lost: called with how many entries were thrown away that somebody needed, and why.
    """

    keeps = True

    def __init__(self, max_length: int | None, on_lost: Callable[[int, str], None]) -> None:
        self._max_length = max_length
        self._on_lost = on_lost
        # The names of the events that were added since somebody has looked.
        self._unseen: set[str] = set()
        self._uncut: set[str] = set()
        self._look_at = time.monotonic() + _LOOK_EVERY

    def command(self, emission: Emission) -> Command:
        """An XADD."""
        self._unseen.add(emission.name)
        self._uncut.add(emission.name)
        return addition(emission)

    def check_answer(self, answer: object) -> None:
        """It must be the id of the entry."""
        if type(answer) is not bytes:
            raise redis.ConnectionError("Redis answers something else than it is asked")

    def tidy(self, link: Link) -> None:
        """Throw away what nobody reads, and what is too much."""
        if self._max_length is not None and self._uncut:
            names, self._uncut = [*self._uncut], set()
            lost = cut_off(link, names, self._max_length)
            if lost:
                self._on_lost(lost, f"max_length is {self._max_length:,}")
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY
            names, self._unseen = [*self._unseen], set()
            trim_unwanted(link, names)
            # What is too young now is looked at again.
            self._unseen.update(names)
