"""What is used of pika, with types: pika has none that a type checker reads.

These protocols are narrow, and hold for each pika that is allowed. (There are stubs of others,
but for one version each, and whoever uses this distribution would have to install them too.)
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

import pika  # type: ignore[import-untyped]
from pika import exceptions, spec
from pika.adapters.select_connection import IOLoop  # type: ignore[import-untyped]

from ._gathering import GatheringServices

AnyCallback = Callable[..., object]

#: In characters; each has up to four bytes.
_HEADERS_MAX: Final = 24 * 1024


class Channel(Protocol):
    """A channel of a connection."""

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        ...

    def add_on_close_callback(self, callback: AnyCallback) -> None:
        """Calls back with the channel and the reason."""
        ...

    def add_on_cancel_callback(self, callback: AnyCallback) -> None:
        """Calls back when the broker ends a consumer."""
        ...

    def confirm_delivery(
        self, ack_nack_callback: AnyCallback, callback: AnyCallback | None = None
    ) -> None:
        """Have the broker confirm what is published."""
        ...

    def exchange_declare(
        self,
        exchange: str,
        exchange_type: str,
        *,
        durable: bool = False,
        callback: AnyCallback | None = None,
    ) -> None:
        """Make an exchange, unless it is there."""
        ...

    def queue_declare(
        self,
        queue: str,
        *,
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: Mapping[str, object] | None = None,
        callback: AnyCallback | None = None,
    ) -> None:
        """Make a queue, or look at it."""
        ...

    def queue_bind(
        self, queue: str, exchange: str, *, routing_key: str, callback: AnyCallback | None = None
    ) -> None:
        """Let a queue have what an exchange gets."""
        ...

    def basic_qos(self, *, prefetch_count: int, callback: AnyCallback | None = None) -> None:
        """Bound what is delivered, and not acknowledged."""
        ...

    def basic_consume(
        self, queue: str, on_message_callback: AnyCallback, *, callback: AnyCallback | None = None
    ) -> str:
        """Have the messages of a queue delivered."""
        ...

    def basic_cancel(self, consumer_tag: str, callback: AnyCallback | None = None) -> None:
        """Have the messages of a queue delivered no more."""
        ...

    def basic_ack(self, delivery_tag: int, multiple: bool = False) -> None:
        """Acknowledge a message, or all up to it."""
        ...

    def basic_publish(
        self,
        exchange: str,
        routing_key: str,
        body: bytes,
        properties: object,
        mandatory: bool = False,
    ) -> None:
        """Hand a message to an exchange."""
        ...

    def add_on_return_callback(self, callback: AnyCallback) -> None:
        """Calls back with mandatory messages that are for no queue."""
        ...


class AmqpConnection(Protocol):
    """A ``SelectConnection``."""

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        ...

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        ...

    @property
    def is_closing(self) -> bool:
        """Whether its end was asked for."""
        ...

    def channel(
        self, channel_number: int | None = None, on_open_callback: AnyCallback | None = None
    ) -> Channel:
        """Open a channel."""
        ...

    def close(self) -> None:
        """Ask for its end."""
        ...

    def add_on_connection_blocked_callback(self, callback: AnyCallback) -> None:
        """Calls back when the broker takes no messages for a while."""
        ...

    def add_on_connection_unblocked_callback(self, callback: AnyCallback) -> None:
        """Calls back when it takes messages again."""
        ...


def connect(
    parameters: object,
    loop: IOLoop,
    on_open: AnyCallback,
    on_open_error: AnyCallback,
    on_close: AnyCallback,
) -> AmqpConnection:
    """Begin to connect, on a loop that is still to be started."""
    _be_quiet()
    return cast(
        AmqpConnection,
        pika.SelectConnection(
            parameters,
            on_open_callback=on_open,
            on_open_error_callback=on_open_error,
            on_close_callback=on_close,
            custom_ioloop=GatheringServices(loop),
        ),
    )


class MessageProperties(spec.BasicProperties):  # type: ignore[misc]  # pika has no types
    """What travels with the body of an event.

    It encodes itself as :class:`pika.BasicProperties` does, which takes a good part of the time
    that is needed to publish a small event; there is no need to ask for each of 14 properties.

    Args:
        message_id: the id of the event: letters and digits.
        headers: its headers.
        timestamp: when it was emitted, in seconds.
        is_persistent: whether the broker keeps it on disk.

    Raises:
        ValueError: the headers are too many, or too long.
    """

    def __init__(
        self,
        message_id: str,
        headers: Mapping[str, str],
        timestamp: int,
        is_persistent: bool = False,
    ) -> None:
        if headers:
            # The broker ends the connection of who sends a frame of more than 128 KiB.
            if sum(map(len, headers)) + sum(map(len, headers.values())) > _HEADERS_MAX:
                raise ValueError(f"its headers have more than {_HEADERS_MAX:,} characters")
            super().__init__("application/json", None, dict(headers))
            self.message_id = message_id
            self.timestamp = timestamp
            self.delivery_mode = _PERSISTENT if is_persistent else None
            self._pieces = super().encode()
        else:
            id = message_id.encode()
            begin = _NO_HEADERS_PERSISTENT if is_persistent else _NO_HEADERS
            self._pieces = [begin, bytes((len(id),)), id, timestamp.to_bytes(8, "big")]

    def encode(self) -> list[bytes]:
        return [*self._pieces]


_FLAGS: Final[int] = (
    spec.BasicProperties.FLAG_CONTENT_TYPE
    | spec.BasicProperties.FLAG_MESSAGE_ID
    | spec.BasicProperties.FLAG_TIMESTAMP
)
_PERSISTENT: Final = 2
_NO_HEADERS: Final = _FLAGS.to_bytes(2, "big") + b"\x10application/json"
_NO_HEADERS_PERSISTENT: Final = (
    (_FLAGS | spec.BasicProperties.FLAG_DELIVERY_MODE).to_bytes(2, "big")
    + b"\x10application/json"
    + bytes((_PERSISTENT,))
)


def connection_parameters(**arguments: Any) -> Any:
    """Where and how to connect.

    Raises:
        TypeError: an argument is unknown, or of a wrong type.
        ValueError: it has a wrong value.
    """
    return pika.ConnectionParameters(**arguments)


def _be_quiet() -> None:
    """Let pika log nothing, unless somebody has configured its logger.

    It logs each attempt to connect that fails as several errors, some with a traceback. Of ours
    the supervisor tells once whatever is to be known. Who wants to read more sets a level, before
    or after: ``logging.getLogger("pika").setLevel(logging.INFO)``. (A filter would not do: those
    of a logger do not see what is logged by the ones below it.)
    """
    configured = any(not isinstance(each, logging.NullHandler) for each in _LOGGER.handlers)
    if _LOGGER.level == logging.NOTSET and not configured:
        _LOGGER.setLevel(logging.CRITICAL)


_LOGGER: Final = logging.getLogger("pika")

__all__ = [
    "AmqpConnection",
    "Channel",
    "IOLoop",
    "MessageProperties",
    "connect",
    "connection_parameters",
    "exceptions",
    "pika",
    "spec",
]
