"""Events: handlers, what they are given, receipts, and the transports that carry them.

Most comes from the distribution ``gemstone-core``; the transports of Redis and RabbitMQ come from
their own, and are loaded when they are first used.
"""

from typing import TYPE_CHECKING, Any

from .._missing import missing
from ..errors import EventBrokerError as EventBrokerError
from ..errors import EventBufferFullError as EventBufferFullError
from ..errors import EventError as EventError
from ..errors import EventExpiredError as EventExpiredError
from ..errors import EventRefusedError as EventRefusedError
from ..errors import EventUnconfirmedError as EventUnconfirmedError
from ..errors import InvalidEventError as InvalidEventError

try:
    from gemstone_core.event import BaseEventTransport as BaseEventTransport
    from gemstone_core.event import DeadLetter as DeadLetter
    from gemstone_core.event import DeadLetters as DeadLetters
    from gemstone_core.event import DurableEventTransport as DurableEventTransport
    from gemstone_core.event import Emission as Emission
    from gemstone_core.event import Event as Event
    from gemstone_core.event import EventStatus as EventStatus
    from gemstone_core.event import MemoryEventTransport as MemoryEventTransport
    from gemstone_core.event import OpenTransport as OpenTransport
    from gemstone_core.event import Outbox as Outbox
    from gemstone_core.event import Receipt as Receipt
    from gemstone_core.event import Verdict as Verdict
    from gemstone_core.event import dead_letters as dead_letters
    from gemstone_core.event import event_handler as event_handler
    from gemstone_core.event import forget_service as forget_service
    from gemstone_core.event import mask_password as mask_password
    from gemstone_core.event import open_transport as open_transport
    from gemstone_core.event import register_event_transport as register_event_transport
except ModuleNotFoundError as error:
    if error.name != "gemstone_core":
        raise
    raise missing("gemstone_core", "gemstone") from None

from . import transport as transport

if TYPE_CHECKING:
    from .transport import DurableRabbitMqEventTransport as DurableRabbitMqEventTransport
    from .transport import RabbitMqEventTransport as RabbitMqEventTransport
    from .transport import RedisEventTransport as RedisEventTransport
    from .transport import RedisStreamEventTransport as RedisStreamEventTransport

__all__ = [
    "BaseEventTransport",
    "DeadLetter",
    "DeadLetters",
    "DurableEventTransport",
    "Emission",
    "Event",
    "EventBrokerError",
    "EventBufferFullError",
    "EventError",
    "EventExpiredError",
    "EventRefusedError",
    "EventStatus",
    "EventUnconfirmedError",
    "InvalidEventError",
    "MemoryEventTransport",
    "OpenTransport",
    "Outbox",
    "Receipt",
    "Verdict",
    "dead_letters",
    "event_handler",
    "forget_service",
    "mask_password",
    "open_transport",
    "register_event_transport",
    "transport",
]

if not TYPE_CHECKING:  # else a type checker would believe that every name is here

    def __getattr__(name: str) -> Any:
        if name in transport.INSTALLED_APART:
            return getattr(transport, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
