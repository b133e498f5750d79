"""The same as :mod:`gemstone.event.transport`: the manual of 0.12 writes both."""

from typing import TYPE_CHECKING, Any

from ..event import transport as _transport
from ..event.transport import BaseEventTransport as BaseEventTransport
from ..event.transport import MemoryEventTransport as MemoryEventTransport

if TYPE_CHECKING:
    from ..event.transport import DurableRabbitMqEventTransport as DurableRabbitMqEventTransport
    from ..event.transport import RabbitMqEventTransport as RabbitMqEventTransport
    from ..event.transport import RedisEventTransport as RedisEventTransport
    from ..event.transport import RedisStreamEventTransport as RedisStreamEventTransport

__all__ = ["BaseEventTransport", "MemoryEventTransport"]

if not TYPE_CHECKING:  # else a type checker would believe that every name is here

    def __getattr__(name: str) -> Any:
        return getattr(_transport, name)
