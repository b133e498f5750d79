"""Which transport a URL stands for."""

from typing import Final

from .._backends import Backends
from ._transport import BaseEventTransport

_TRANSPORTS: Final[Backends[BaseEventTransport]] = Backends(
    BaseEventTransport,  # type: ignore[type-abstract]  # nobody makes one of it
    "an event transport",
    "gemstone.event_transports",
    own={"memory": "gemstone_core._events._memory:MemoryEventTransport"},
    known={
        "redis": "redis",
        "rediss": "redis",
        "unix": "redis",
        "amqp": "rabbitmq",
        "amqps": "rabbitmq",
        "redis+stream": "redis",
        "rediss+stream": "redis",
        "unix+stream": "redis",
        "amqp+durable": "rabbitmq",
        "amqps+durable": "rabbitmq",
    },
)


def register_event_transport(scheme: str, transport: type[BaseEventTransport]) -> None:
    """Let the URLs of a scheme stand for a transport, in this process. From any thread.

    A distribution does better with an entry point in the group ``gemstone.event_transports``.

    Args:
        scheme: the scheme, as in ``nats`` for ``nats://…``.
        transport: a class with ``from_url(url)``.

    Raises:
        TypeError: it is no such class.
        ValueError: the scheme can't stand in a URL.
    """
    _TRANSPORTS.register(scheme, transport)


def transport_from_url(url: str) -> BaseEventTransport:
    """The transport that a URL stands for.

    Raises:
        ServiceConfigurationError: the URL is wrong; the message says what of it.
        BackendError: there is no transport for its scheme, or it can't be imported.
    """
    return _TRANSPORTS.from_url(url)
