"""What becomes of an event that was delivered, and when it is delivered again."""

from enum import Enum
from typing import Final

from gemstone.errors import InvalidEventError, ServiceStateError

from ._event import Event

#: How long an event whose handlers failed waits at first, in seconds; then twice as long each time.
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 32.0


class Verdict(Enum):
    """What a durable transport is to do with an event that it has delivered."""

    #: All handlers succeeded: acknowledge it.
    DONE = "done"
    #: One failed: deliver it again, all handlers anew, after ``redelivery_delay(event.attempt)``.
    AGAIN = "again"
    #: It failed too often, or can't be read: put it to the dead letters.
    DEAD = "dead"
    #: Nobody has handled it, because the service stops: leave it to whoever takes it next.
    LEFT = "left"


class Unhandled(ServiceStateError):
    """The service stopped before the handlers of an event had ended."""


def verdict(event: Event, error: BaseException, max_deliveries: int, max_size: int) -> Verdict:
    """What becomes of an event that was not handled.

    Args:
        event: which one.
        error: what its handlers came to.
        max_deliveries: how often it may be delivered in all.
        max_size: how large its body may be, in bytes.
    """
    if isinstance(error, Unhandled):
        return Verdict.LEFT
    if event.attempt >= max_deliveries or not _can_be_read(event, max_size):
        return Verdict.DEAD
    return Verdict.AGAIN


def redelivery_delay(attempt: int) -> float:
    """How long an event waits whose handlers failed, in seconds.

    Args:
        attempt: which delivery failed, from 1.
    """
    return float(min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(attempt - 1, 20)))


def _can_be_read(event: Event, max_size: int) -> bool:
    if event.size is not None and event.size > max_size:
        return False
    try:
        event.body  # noqa: B018  # is decoded now
    except InvalidEventError:
        return False
    return True
