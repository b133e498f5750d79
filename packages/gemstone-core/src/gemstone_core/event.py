"""Events: what services emit and handle, and what transports are made with.

Users find every name below in ``gemstone.event``.
"""

from ._backends import mask_password
from ._events._backends import register_event_transport
from ._events._dead_letters import DeadLetter, DeadLetters, dead_letters, forget_service
from ._events._durable import DurableEventTransport
from ._events._emission import Emission
from ._events._event import Event
from ._events._figures import EventStatus
from ._events._handler import event_handler
from ._events._memory import MemoryEventTransport
from ._events._open_transport import OpenTransport, open_transport
from ._events._outbox import Outbox
from ._events._receipt import Receipt
from ._events._transport import BaseEventTransport
from ._events._verdict import Verdict

__all__ = [
    "BaseEventTransport",
    "DeadLetter",
    "DeadLetters",
    "DurableEventTransport",
    "Emission",
    "Event",
    "EventStatus",
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
]
