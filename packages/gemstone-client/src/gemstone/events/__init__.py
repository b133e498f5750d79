"""The same as :mod:`gemstone.event`: the manual of 0.12 writes both."""

from typing import TYPE_CHECKING, Any

from .. import event as _event
from ..event import BaseEventTransport as BaseEventTransport
from ..event import DeadLetter as DeadLetter
from ..event import DeadLetters as DeadLetters
from ..event import DurableEventTransport as DurableEventTransport
from ..event import Emission as Emission
from ..event import Event as Event
from ..event import EventBrokerError as EventBrokerError
from ..event import EventBufferFullError as EventBufferFullError
from ..event import EventError as EventError
from ..event import EventExpiredError as EventExpiredError
from ..event import EventRefusedError as EventRefusedError
from ..event import EventStatus as EventStatus
from ..event import EventUnconfirmedError as EventUnconfirmedError
from ..event import InvalidEventError as InvalidEventError
from ..event import MemoryEventTransport as MemoryEventTransport
from ..event import OpenTransport as OpenTransport
from ..event import Outbox as Outbox
from ..event import Receipt as Receipt
from ..event import Verdict as Verdict
from ..event import dead_letters as dead_letters
from ..event import event_handler as event_handler
from ..event import forget_service as forget_service
from ..event import mask_password as mask_password
from ..event import open_transport as open_transport
from ..event import register_event_transport as register_event_transport
from . import transport as transport

if TYPE_CHECKING:
    from ..event import DurableRabbitMqEventTransport as DurableRabbitMqEventTransport
    from ..event import RabbitMqEventTransport as RabbitMqEventTransport
    from ..event import RedisEventTransport as RedisEventTransport
    from ..event import RedisStreamEventTransport as RedisStreamEventTransport

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
        return getattr(_event, name)
