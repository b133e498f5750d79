"""What the tests of event transports are made with: services that listen, and an emitter."""

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any
from unittest import SkipTest

from gemstone.errors import EventError

from .._events._figures import EventStatus
from .._events._open_transport import OpenTransport, open_transport
from .._events._receipt import Receipt
from .._events._transport import BaseEventTransport
from ._listening import Handler, Listener, make_listener, note, until


class TransportBench(ABC):
    """What a transport says of itself, and what its tests are made with.

    Attributes:
        carries_ids: whether an event comes with an id.
        carries_headers: whether an event comes with the headers it was emitted with.
        keeps_order: whether events of one name come in the order in which they were emitted.
        shares_among_instances: whether an event goes to one of the running services of the same
            name; else to all of them.
        can_be_stopped: whether it has a ``stop()``, so that it ends with its service.
        url: one that ``event_transports`` may list for the same broker as
            :meth:`make_transport`, if there is one.
        deadline: how long anything may take, in seconds.
    """

    carries_ids: bool = False
    carries_headers: bool = False
    keeps_order: bool = True
    shares_among_instances: bool = False
    can_be_stopped: bool = True
    url: str | None = None
    deadline: float = 30.0

    # What the author of a transport writes.

    @abstractmethod
    def make_transport(self) -> BaseEventTransport:
        """A new transport; all of them are connected to the same broker."""

    def make_unreachable_transport(self) -> BaseEventTransport:
        """A transport whose broker is not there. If there can be none, leave it out."""
        raise SkipTest("make_unreachable_transport() is not overridden")

    def break_connections(self) -> None:
        """Break the connections of all transports, as an outage does; returns when it is over."""
        raise SkipTest("break_connections() is not overridden")

    def send_raw(self, event_name: str, data: bytes) -> None:
        """Emit an event whose body is no JSON, past the transport."""
        raise SkipTest("send_raw() is not overridden")

    # What pytest calls.

    def setup_method(self) -> None:
        """Begin a test."""
        self._stack = ExitStack()
        self._unique = uuid.uuid4().hex
        self._opened: OpenTransport | None = None

    def teardown_method(self) -> None:
        """End all that a test has started."""
        self._stack.close()

    # For the tests.

    def _name(self, word: str) -> str:
        return f"contract.{self._unique}.{word}"

    def _emit(self, word: str, body: Any, headers: dict[str, str] | None = None) -> Receipt:
        if self._opened is None:
            self._opened = self._stack.enter_context(open_transport(self.make_transport()))
        return self._opened.emit_event(self._name(word), body, headers=headers)

    def _handlers(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        return {self._name(word): handler for word, handler in handlers.items()} | {
            self._name("joined"): lambda service, event: setattr(service, "joined", event.body)
        }

    def _start(
        self,
        transports: Sequence[BaseEventTransport | str],
        handlers: Mapping[str, Handler],
        **attributes: Any,
    ) -> Listener:
        service = make_listener(transports, self._handlers(handlers), **attributes)
        return self._stack.enter_context(service.start_in_thread())

    def _listen(self, *words: str, services: int = 1, **more: Any) -> list[Listener]:
        """Services that handle some events, when they really get them."""
        handlers: dict[str, Handler] = dict.fromkeys(words, note)
        handlers |= {word: value for word, value in more.items() if callable(value)}
        attributes = {name: value for name, value in more.items() if name not in handlers}
        listeners = [
            self._start([self.make_transport()], handlers, **attributes) for _ in range(services)
        ]
        self._join(listeners)
        return listeners

    def _join(self, listeners: Sequence[Listener]) -> None:
        """Wait until events reach all of them: a transport need not say when it is connected."""
        mark = uuid.uuid4().hex
        deadline = time.monotonic() + self.deadline
        while not all(getattr(each, "joined", None) == mark for each in listeners):
            assert time.monotonic() < deadline, "no event reaches the services"
            receipt = self._emit("joined", mark)
            with suppress(EventError, TimeoutError):
                receipt.wait(1)
            time.sleep(0.02)

    def _await_bodies(self, listener: Listener, word: str, count: int) -> list[Any]:
        name = self._name(word)
        self._until(lambda: len(listener.bodies(name)) >= count, f"{count} events have come")
        return listener.bodies(name)

    def _until(self, condition: Callable[[], object], what: str) -> None:
        until(condition, what, self.deadline)

    def _status(self, service: Listener) -> EventStatus:
        [status] = service.event_status()
        return status

    def _needs_stop(self) -> None:
        if not self.can_be_stopped:
            raise SkipTest("can_be_stopped is False")
