"""What is in a message: the event's body alone, or an envelope."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gemstone.errors import InvalidEventError
from gemstone_core.event import Emission, Event


class BodyOnly:
    """The JSON of the body and nothing else, as gemstone has always published it."""

    def encode(self, emission: Emission) -> bytes:
        """The message that carries an event."""
        return emission.data

    def decode(self, name: str, message: bytes) -> Event:
        """The event that a message carries. If it carries none, that is found when it is read."""
        return Event.from_json(name, message)


class Envelope:
    """A JSON object with the members ``id``, ``headers`` and ``body``."""

    def encode(self, emission: Emission) -> bytes:
        """The message that carries an event."""
        return _encode(_Envelope(msgspec.Raw(emission.data), emission.id, dict(emission.headers)))

    def decode(self, name: str, message: bytes) -> Event:
        """The event that a message carries. If it carries none, that is found when it is read."""
        try:
            envelope = _decode(message)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            return _NoEvent(name, f"it is no envelope: {error}")
        return Event.from_json(name, bytes(envelope.body), id=envelope.id, headers=envelope.headers)


class _Envelope(msgspec.Struct):
    body: msgspec.Raw
    id: str | None = None
    headers: Mapping[str, str] = {}


class _NoEvent(Event):
    """Stands for an event that can't be read: who tries is told why."""

    __slots__ = ("_why",)

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name)
        self._why = why

    @property
    def body(self) -> Any:
        raise InvalidEventError(self._why)


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Envelope).decode
