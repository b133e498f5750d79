"""What a process has handled lately, through whatever connection."""

from typing import Final

#: How many are remembered: more than can be acknowledged and not known to the broker.
_MOST: Final = 10_000


class Recent:
    """The events that were handled lately.

    An acknowledgement may die with its connection, on its way. Then the broker delivers the event
    again, and mostly to the same process, which knows better. One thread adds, any may ask.
    """

    def __init__(self) -> None:
        self._ids: dict[tuple[str, object], None] = {}

    def add(self, event_name: str, message_id: object) -> None:
        """Remember an event that was handled."""
        self._ids[event_name, message_id] = None
        if len(self._ids) > _MOST:
            del self._ids[next(iter(self._ids))]

    def has(self, event_name: str, message_id: object) -> bool:
        """Whether an event was handled lately. One that has no id never was."""
        return message_id is not None and (event_name, message_id) in self._ids
