"""How events lie in Redis: a stream for each name, a group for each service.

An entry of a stream has the fields ``id``, ``time`` and ``body``; ``headers``, a JSON object, if
there are some; and ``to``, the name of a service, if it is there for that one alone. All keys have
one hash tag, so that one command may touch several of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from gemstone_core.event import Emission, Event

from ._link import Command

_PREFIX: Final = "{gemstone}:events:"
#: The stream of the dead letters of all services.
DEAD: Final = "{gemstone}:dead"
_encode: Final = msgspec.json.Encoder().encode
_BROUGHT: Final = (b"id", b"time", b"headers")
_decode_headers: Final = msgspec.json.Decoder(dict[str, str]).decode

#: The name of an event, and the id of an entry of its stream.
Place = tuple[str, bytes]


def stream_of(event_name: str) -> str:
    """The key of the stream of an event."""
    return _PREFIX + event_name


def event_of(stream: bytes) -> str:
    """The name of the event whose stream has this key."""
    return stream.decode().removeprefix(_PREFIX)


class Entry(NamedTuple):
    """An entry of a stream.

    Attributes:
        name: of the event.
        id: of the entry.
        fields: what stands in it, by the names of the fields.
    """

    name: str
    id: bytes
    fields: Mapping[bytes, bytes]

    @property
    def place(self) -> Place:
        """What tells it from all other entries."""
        return self.name, self.id

    @property
    def data(self) -> bytes:
        """The body; what somebody else has written may have none."""
        return self.fields.get(b"body", b"")

    @property
    def to(self) -> str:
        """The service that it is for; empty for all."""
        return self.fields.get(b"to", b"").decode(errors="replace")

    def event(self, attempt: int) -> Event:
        """The event that it carries. If it carries none, that is found when it is read."""
        fields = self.fields
        return Event.from_json(
            self.name,
            self.data,
            id=fields.get(b"id", b"").decode(errors="replace") or None,
            headers=read_headers(fields.get(b"headers")),
            attempt=attempt,
            time=_seconds(fields.get(b"time")),
        )


def entries(name: str, answer: Any) -> Iterator[Entry]:
    """The entries of a stream, as XRANGE, XREADGROUP and XCLAIM answer them."""
    for id, values in answer or ():
        if values is not None:  # of one that was deleted meanwhile
            yield Entry(name, id, dict(zip(values[::2], values[1::2], strict=True)))


def addition(emission: Emission) -> Command:
    """The command that adds an event to its stream; its message comes last."""
    if emission.headers:
        return (
            *("XADD", stream_of(emission.name), "*", "id", emission.id),
            *("time", repr(emission.emitted_at), "headers", _encode(dict(emission.headers))),
            *("body", emission.data),
        )
    return (
        *("XADD", stream_of(emission.name), "*", "id", emission.id),
        *("time", repr(emission.emitted_at), "body", emission.data),
    )


def burial(entry: Entry, service: str, attempts: int, reason: str, at: float) -> Command:
    """The command that adds an entry to the dead letters."""
    told = {
        b"event": entry.name.encode(),
        b"service": service.encode(),
        b"attempts": str(attempts).encode(),
        b"reason": reason.encode(errors="replace"),
        b"died": repr(at).encode(),
    }
    return ("XADD", DEAD, "*", *_pairs({**told, **_kept(entry)}))


def resurrection(entry: Entry, event_name: str, service: str) -> Command:
    """The command that adds a dead letter to its stream again, for one service."""
    fields = {b"to": service.encode(), **_kept(entry)}
    return ("XADD", stream_of(event_name), "*", *_pairs(fields))


def _kept(entry: Entry) -> dict[bytes, bytes]:
    """What an event brings."""
    brought = {name: entry.fields[name] for name in _BROUGHT if name in entry.fields}
    return {**brought, b"body": entry.data}


def _pairs(fields: Mapping[bytes, bytes]) -> list[bytes]:
    return [each for pair in fields.items() for each in pair]


def read_headers(data: bytes | None) -> Mapping[str, str]:
    """The headers of an entry; none if they can't be read, because somebody else wrote them."""
    if not data:
        return {}
    try:
        return _decode_headers(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {}


def _seconds(data: bytes | None) -> float | None:
    try:
        return None if data is None else float(data)
    except ValueError:
        return None
