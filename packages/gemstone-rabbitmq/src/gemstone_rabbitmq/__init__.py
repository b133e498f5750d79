"""RabbitMQ for gemstone: event transports."""

from typing import TYPE_CHECKING

from ._durable_transport import DurableRabbitMqEventTransport
from ._transport import RabbitMqEventTransport

__all__ = ["DurableRabbitMqEventTransport", "RabbitMqEventTransport", "__version__"]

__version__: str

if not TYPE_CHECKING:  # else a type checker would believe that every name is here

    def __getattr__(name: str) -> str:
        if name == "__version__":
            from importlib.metadata import version

            return version("gemstone-rabbitmq")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
