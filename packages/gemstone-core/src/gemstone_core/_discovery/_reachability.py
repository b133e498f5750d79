"""Telling when a registry can't be reached, and when it can again: once each time."""

import logging
import threading
from typing import Final

from gemstone.errors import DiscoveryError

from .._backends import mask_message

_LONGEST: Final = 500


class Reachability:
    """Whether something with a registry works; logs changes of that. From any thread.

    Args:
        works: what to say when it works again, as "memory://: users is registered".
        fails: what to say when it does not, as "memory://: users can't be registered".
        logger: where it is told.
    """

    def __init__(self, works: str, fails: str, logger: logging.Logger) -> None:
        self._works = works
        self._fails = fails
        self._logger = logger
        self._lock = threading.Lock()
        self._has_worked = False
        #: Whether it worked the last time; ``None`` before the first.
        self.works: bool | None = None

    def succeeded(self) -> None:
        """It worked."""
        with self._lock:
            before, self.works = self.works, True
            has_worked, self._has_worked = self._has_worked, True
        if before is False:
            self._logger.info("%s%s", self._works, " again" if has_worked else " now")

    def failed(self, error: BaseException) -> None:
        """It did not work."""
        with self._lock:
            before, self.works = self.works, False
        if before is not False:
            self._logger.warning("%s now, trying again: %s", self._fails, reason(error))


def reason(error: BaseException) -> str:
    """What an error says, fit for a log: one line, and without the passwords of URLs in it."""
    text = mask_message(safe_text(error))
    if text and isinstance(error, DiscoveryError):
        return printable(text)
    kind = type(error).__name__
    return f"{kind}: {printable(text)}" if text else kind


def safe_text(thing: object) -> str:
    """What somebody else's object says of itself, on one line, whatever its class does."""
    try:
        return printable(str(thing))
    except BaseException:
        return f"{type(thing).__qualname__} (its text can't be had)"


def printable(text: str) -> str:
    """The beginning of a text, without control characters."""
    shown = "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:_LONGEST]
    )
    return shown if len(text) <= _LONGEST else f"{shown}…"
