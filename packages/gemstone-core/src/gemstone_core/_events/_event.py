"""What travels: a name and a body, and what may come with them."""

import copy
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from msgspec import DecodeError, json

from gemstone.errors import InvalidEventError

if TYPE_CHECKING:
    from ._transport import BaseEventTransport

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_UNDECODED: Final = object()
_encode: Final = json.Encoder().encode
_decode: Final = json.Decoder().decode


class Event:
    """An event that came, as a handler gets it that asks for it.

    Args:
        name: the name under which it was emitted.
        body: what was emitted.
        id: what tells it from all others, where the transport carries ids.
        headers: what the emitter said about it, where the transport carries headers.
        attempt: which delivery of the event this is, from 1.
        transport: what it came through.
        time: when it was emitted, in seconds of :func:`time.time`, where the transport carries
            that; over AMQP without fractions.

    Attributes:
        name: as above, and so are the others.
    """

    __slots__ = ("_body", "_data", "attempt", "headers", "id", "name", "time", "transport")

    def __init__(
        self,
        name: str,
        body: Any = None,
        *,
        id: str | None = None,
        headers: Mapping[str, str] | None = None,
        attempt: int = 1,
        transport: "BaseEventTransport | None" = None,
        time: float | None = None,
    ) -> None:
        self.name = name
        self._body = body
        self._data: bytes | None = None
        self.id = id
        self.headers = headers or NO_HEADERS
        self.attempt = attempt
        self.transport = transport
        self.time = time

    @classmethod
    def from_json(
        cls,
        name: str,
        data: bytes,
        *,
        id: str | None = None,
        headers: Mapping[str, str] | None = None,
        attempt: int = 1,
        time: float | None = None,
    ) -> "Event":
        """An event whose body came as JSON. Nothing is decoded yet, so nothing can fail.

        Args:
            name: the name under which it was emitted.
            data: the body.
            id: its id, if it came with one.
            headers: its headers, if it came with some.
            attempt: which delivery of the event this is, from 1.
            time: when it was emitted, in seconds of :func:`time.time`, if that is known.
        """
        event = cls(name, _UNDECODED, id=id, headers=headers, attempt=attempt, time=time)
        event._data = data
        return event

    @property
    def body(self) -> Any:
        """What was emitted.

        Raises:
            InvalidEventError: what came is no JSON.
        """
        if self._body is _UNDECODED:
            self._body = decode_body(self._data or b"")
        return self._body

    @property
    def size(self) -> int | None:
        """How many bytes the body had when it came, or ``None`` if it came as no bytes."""
        return None if self._data is None else len(self._data)

    def copies(self, count: int) -> "list[Event]":
        """This event, and as many more that share nothing with it that could be changed."""
        if count == 1:
            return [self]
        return [self, *(self._copy() for _ in range(count - 1))][:count]

    def _copy(self) -> "Event":
        return Event(
            self.name,
            copy.deepcopy(self.body) if self._data is None else decode_body(self._data),
            id=self.id,
            headers=dict(self.headers),
            attempt=self.attempt,
            transport=self.transport,
            time=self.time,
        )

    def __repr__(self) -> str:
        known = "" if self.id is None else f" {self.id}"
        return f"<Event {self.name!r}{known}>"


def encode_body(body: Any) -> bytes:
    """The JSON of a body.

    Raises:
        InvalidEventError: it can't be encoded as JSON.
    """
    try:
        return _encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidEventError(f"the event's body can't be encoded as JSON: {error}") from error


def decode_body(data: bytes) -> Any:
    """The body that was encoded as JSON.

    Raises:
        InvalidEventError: it is no JSON.
    """
    try:
        return _decode(data)
    except RecursionError:
        raise InvalidEventError("it is nested too deeply") from None
    except (DecodeError, ValueError) as error:
        raise InvalidEventError(_what_is_wrong(data, error)) from None


def _what_is_wrong(data: bytes, error: Exception) -> str:
    # msgspec says so too, but each of its versions in another way.
    try:
        data.decode()
    except UnicodeDecodeError as undecodable:
        return f"it is not UTF-8: {undecodable.reason} at byte {undecodable.start}"
    return f"it is not JSON: {error}"


def check_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """A copy of what an emitter says about an event.

    Raises:
        InvalidEventError: a name or a value is no string, or too long for a message.
    """
    try:
        copied = dict(headers)
    except (TypeError, ValueError):
        raise InvalidEventError(f"headers must be a mapping of strings, not {headers!r}") from None
    for name, value in copied.items():
        if not (_is_text(name) and _is_text(value)) or not 0 < len(name.encode()) <= 128:
            raise InvalidEventError(
                f"the header {name!r}: {value!r} can't travel with an event: names are strings "
                "of 1 to 128 bytes of UTF-8, and values are strings"
            )
    return copied


def check_event_name(name: str) -> None:
    """Look at a name that an event is to have.

    Raises:
        InvalidEventError: it is not one that every transport can carry.
    """
    if not isinstance(name, str) or not _is_name(name):
        raise InvalidEventError(
            f"{name!r} is no name of an event: it must be 1 to 200 letters, digits, dots, "
            "underscores and hyphens"
        )


def _is_text(value: object) -> bool:
    """Whether it is a string that has an encoding: some surrogates have none."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=4096)
def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
