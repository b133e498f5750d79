"""What is written on a message that goes from one queue to another, and read there."""

import time
from collections.abc import Mapping
from typing import Any, Final

from gemstone_core.event import DeadLetter, Event

from ._headers import readable_headers, readable_id, readable_time

_OURS: Final = "x-gemstone-"
EVENT: Final = _OURS + "event"
ATTEMPTS: Final = _OURS + "attempts"
DUE: Final = _OURS + "due"
SERVICE: Final = _OURS + "service"
REASON: Final = _OURS + "reason"
DIED: Final = _OURS + "died"
#: How often the broker has delivered a message to somebody who did not acknowledge it.
_DELIVERED: Final = "x-delivery-count"
#: What the broker writes.
_THEIRS: Final = (_DELIVERED, "x-acquired-count", "x-death", "x-first-death-", "x-last-death-")
#: The broker ends the connection of who sends a frame of more than 128 KiB.
_LONGEST_REASON: Final = 1000


def own_headers(headers: Mapping[str, Any] | None) -> dict[str, Any]:
    """The headers that the emitter has written."""
    return {
        name: value
        for name, value in (headers or {}).items()
        if not name.startswith((_OURS, *_THEIRS))
    }


def deaths(headers: Mapping[str, object] | None) -> int:
    """How often a message was delivered, and what became of that is not known."""
    return _number(headers, _DELIVERED)


def attempts(headers: Mapping[str, object] | None) -> int:
    """How often an event was delivered before it was moved to where it is."""
    return _number(headers, ATTEMPTS)


def wait(headers: Mapping[str, object] | None, longest: float) -> float:
    """How long an event is to wait until it is delivered again, in seconds.

    Args:
        headers: of the message.
        longest: by the clock of whoever wrote it; that of another machine may be wrong.
    """
    try:
        due = float(str((headers or {}).get(DUE, 0.0)))
    except ValueError:
        return 0.0
    return max(0.0, min(longest, due - time.time()))


def event_of_message(name: str, properties: Any, body: bytes, attempt: int) -> Event:
    """The event that a message carries."""
    return Event.from_json(
        name,
        body,
        id=readable_id(properties.message_id),
        headers=readable_headers(own_headers(properties.headers)),
        attempt=attempt,
        time=readable_time(properties.timestamp),
    )


def burial(service: str, name: str, count: int, reason: str) -> dict[str, object]:
    """What is written on a dead letter, beside what stands there already."""
    return {
        EVENT: name,
        SERVICE: service,
        ATTEMPTS: count,
        REASON: reason[:_LONGEST_REASON].encode(errors="replace").decode(),
        DIED: repr(time.time()),
    }


def dead_letter(properties: Any, body: bytes) -> DeadLetter:
    """The dead letter that a message is. Never fails: anybody may have put it there."""
    headers = readable_headers(properties.headers) or {}
    try:
        died_at = float(headers.get(DIED, 0.0))
    except ValueError:
        died_at = 0.0
    return DeadLetter(
        id=readable_id(properties.correlation_id) or "",
        service=headers.get(SERVICE, ""),
        event_name=headers.get(EVENT, ""),
        data=body,
        event_id=readable_id(properties.message_id),
        headers=readable_headers(own_headers(properties.headers)) or {},
        attempts=attempts(properties.headers),
        reason=headers.get(REASON, ""),
        died_at=died_at,
    )


def _number(headers: Mapping[str, object] | None, name: str) -> int:
    value = (headers or {}).get(name, 0)
    return value if isinstance(value, int) and value > 0 else 0
