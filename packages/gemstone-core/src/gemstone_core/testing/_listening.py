"""Services that listen, and waiting for what they hear."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from .._events._event import Event
from .._events._handler import event_handler
from .._events._transport import BaseEventTransport
from .._microservice import MicroService

T = TypeVar("T")

#: What is called for an event: with the service, and the event.
Handler = Callable[[Any, Event], Any]

_ASK_EVERY: Final = 0.01
_numbers = itertools.count(1)


class Listener(MicroService):
    """A service that writes down the events that come; each has a name of its own."""

    port = 0
    drain_grace = 0.0

    def __init__(self) -> None:
        self.events: list[Event] = []
        super().__init__()

    def bodies(self, event_name: str) -> list[Any]:
        """The bodies of the events of a name, as they came."""
        return [event.body for event in [*self.events] if event.name == event_name]


def note(service: Listener, event: Event) -> None:
    """A handler that writes the event down."""
    service.events.append(event)


def make_listener(
    transports: Sequence[BaseEventTransport | str],
    handlers: Mapping[str, Handler] | Sequence[tuple[str, Handler]],
    **attributes: Any,
) -> Listener:
    """A service with a handler for each event.

    Args:
        transports: its ``event_transports``.
        handlers: what is called, by the names of the events; pairs, where one has several.
        attributes: what else is to stand in its class.
    """
    members: dict[str, Any] = {
        "name": f"listener-{next(_numbers)}",
        "event_transports": transports,
        **attributes,
    }
    pairs = handlers.items() if isinstance(handlers, Mapping) else handlers
    for number, (event_name, handler) in enumerate(pairs):
        members[f"handle_{number}"] = _method(event_name, handler)
    cls: type[Listener] = type("Listener", (Listener,), members)
    return cls()


def _method(event_name: str, handler: Handler) -> Callable[..., Any]:
    @event_handler(event_name)
    def handle(self: Listener, event: Event) -> Any:
        return handler(self, event)

    return handle


def until(condition: Callable[[], T], what: str, within: float) -> T:
    """Wait until something is true.

    Args:
        condition: asked again and again.
        what: what is waited for, as it is said when it does not come.
        within: how many seconds it may take.

    Raises:
        TimeoutError: it took longer; the message holds the last answer.
    """
    deadline = time.monotonic() + within
    while not (answer := condition()):
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {within:g} s in vain until {what}; last: {answer!r}")
        time.sleep(_ASK_EVERY)
    return answer
