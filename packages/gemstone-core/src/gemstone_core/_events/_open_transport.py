"""``open_transport()``: events without a service."""

import atexit
import logging
import math
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Any, Final, Self

from gemstone.errors import ServiceConfigurationError, ServiceStateError

from ._attachment import Attachment, OnDone
from ._attachments import close_attachments, emit
from ._backends import transport_from_url
from ._event import Event, check_event_name
from ._figures import EventLimits, EventStatus
from ._receipt import Receipt
from ._transport import BaseEventTransport, HandlerFunction
from ._verdict import Unhandled

#: How long :meth:`OpenTransport.listen` waits for the broker, in seconds.
_PATIENCE: Final = 10.0
#: How long :meth:`OpenTransport.listen` waits at once, in seconds: of a Ctrl-C that came just
#: before a wait, Python learns only after it.
_SLICE: Final = 0.5
_Arrival = tuple[Event, OnDone]


def open_transport(
    transport: str | BaseEventTransport,
    *,
    emit_buffer_size: int = EventLimits.emit_buffer_size,
    emit_timeout: float = EventLimits.emit_timeout,
    max_concurrent_events: int = EventLimits.max_concurrent_events,
    max_event_size: int = EventLimits.max_event_size,
    max_deliveries: int = EventLimits.max_deliveries,
    name: str = "",
) -> "OpenTransport":
    """Emit events, and listen to them, without a service.

    ::

        with gemstone.event.open_transport("redis://127.0.0.1:6379/0") as transport:
            transport.emit_event("users.created", {"name": "ada"}).wait(5)

        with gemstone.event.open_transport("redis://127.0.0.1:6379/0") as transport:
            for event in transport.listen("users.created"):
                print(event.body)

    Args:
        transport: a URL as in ``event_transports``, or a transport that belongs to no service.
        emit_buffer_size: how many events wait, at most, while the broker is away.
        emit_timeout: how long each of them waits, in seconds.
        max_concurrent_events: how many events are fetched before the first is handled.
        max_event_size: how large the body of an event may be, in bytes.
        max_deliveries: how often a durable transport delivers an event whose handlers fail.
        name: of the service whose share of durable events is received. By default that is nobody's:
            then what is emitted from now on is received, none of it is kept, and no service misses
            it.

    Returns:
        The transport, open; nothing is connected before it is needed.

    Raises:
        ServiceConfigurationError: the URL is wrong; the message says what of it. Or the
            transport belongs to a service.
        TypeError: it is no transport.
        BackendError: there is no transport for its scheme.
    """
    if isinstance(transport, str):
        transport = transport_from_url(transport)
    elif not isinstance(transport, BaseEventTransport):
        raise TypeError(f"{transport!r} is neither a URL nor an event transport")
    elif transport._microservice is not None:
        raise ServiceConfigurationError(
            f"{transport} belongs to the service {transport.microservice.name!r}: make another one"
        )
    limits = EventLimits(
        max_concurrent_events, max_event_size, emit_buffer_size, emit_timeout, max_deliveries
    )
    for limit, value in asdict(limits).items():
        if not isinstance(value, int | float) or value <= 0:
            raise ServiceConfigurationError(f"{limit} is {value!r}: it must be a number above 0")
    if not isinstance(name, str) or not (name.isprintable() or not name):
        raise ServiceConfigurationError(f"name is {name!r}: it must be a printable string")
    return OpenTransport(transport, limits, name)


class OpenTransport:
    """A transport that works without a service; :func:`open_transport` makes it.

    All methods may be called from any thread but those of an event loop, :meth:`emit_event`
    from those too. As a context manager it is closed at the end.
    """

    def __init__(self, transport: BaseEventTransport, limits: EventLimits, name: str) -> None:
        self._logger = logging.getLogger("gemstone.event")
        self._attachment = Attachment(transport, name or "open", limits, self._logger, name)
        self._handlers: dict[str, list[HandlerFunction]] = {}
        self._arrived: queue.SimpleQueue[_Arrival | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._call_handlers, name=f"open-{transport}-handlers", daemon=True
        )
        self._lock = threading.Lock()
        self._is_emitting = False
        self._is_accepting = False
        self._is_closed = False

    def emit_event(
        self, event_name: str, event_body: Any, *, headers: Mapping[str, str] | None = None
    ) -> Receipt:
        """Emit an event, as :meth:`MicroService.emit_event` does."""
        if not self._is_emitting:
            self._begin_to_emit()
        return emit([self._attachment], event_name, event_body, headers)

    def register_event_handler(
        self, handler_func: HandlerFunction, handled_event_name: str
    ) -> None:
        """Have a function called for each event of a name. Before events are accepted.

        Args:
            handler_func: called with the body of each event, one after the other, in a thread
                that is there for that.
            handled_event_name: the name of the events.

        Raises:
            InvalidEventError: it is no name of an event.
            ServiceStateError: events are accepted already.
        """
        check_event_name(handled_event_name)
        if self._is_accepting:
            raise ServiceStateError("register event handlers before events are accepted")
        self._handlers.setdefault(handled_event_name, []).append(handler_func)

    def start_accepting_events(self) -> None:
        """Begin to call the registered functions; returns when the broker has been tried.

        Raises:
            ServiceStateError: events are accepted already, or it is closed.
        """
        self._accept(self._handlers)
        self._thread.start()

    def listen(self, *event_names: str, timeout: float | None = None) -> Iterator[Event]:
        """The events of some names, as they come. Begins when it is called.

        An event is handled when the next one is asked for. Of a durable transport that has a name,
        it is delivered again if it never is.

        Args:
            event_names: the names.
            timeout: ends when no event has come for so many seconds; by default only when the
                transport is closed.

        Raises:
            InvalidEventError: one of them is no name of an event.
            ServiceStateError: events are accepted already, or it is closed.
        """
        for name in event_names:
            check_event_name(name)
        self._accept(event_names)
        return self._events(timeout)

    def event_status(self) -> EventStatus:
        """How the transport is doing."""
        return self._attachment.status()

    def close(self, timeout: float = 10.0) -> None:
        """Let the broker take what was emitted, and end; again, nothing.

        Args:
            timeout: when to give up, in seconds.
        """
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        atexit.unregister(self.close)
        deadline = time.monotonic() + timeout
        if self._attachment.stop_receiving():
            self._leave_the_rest(deadline)
        if close_attachments([self._attachment], max(0.0, deadline - time.monotonic())):
            self._logger.error("%s did not end within %s s", self._attachment.transport, timeout)
        self._arrived.put(None)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    stop = close

    def deliver(self, event: Event, on_done: OnDone) -> None:
        """Take an event from the transport."""
        self._arrived.put((event, on_done))

    def wake(self) -> None:
        """Nothing: who handles them waits for each of them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _leave_the_rest(self, deadline: float) -> None:
        """Handle what has begun; somebody else gets the rest."""
        waiting: list[_Arrival] = []
        while True:
            try:
                arrival = self._arrived.get_nowait()
            except queue.Empty:
                break
            if arrival is not None:
                waiting.append(arrival)
        for _, on_done in waiting:
            on_done(Unhandled("it was closed before the event was handled"))
        self._arrived.put(None)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _begin_to_emit(self) -> None:
        with self._lock:
            if not self._is_closed and not self._is_emitting:
                self._is_emitting = True
                atexit.register(self.close)
                self._attachment.start_publishing()

    def _accept(self, names: Iterable[str]) -> None:
        with self._lock:
            if self._is_closed or self._is_accepting:
                state = "is closed" if self._is_closed else "accepts events already"
                raise ServiceStateError(f"{self._attachment.transport} {state}: open another one")
            self._is_accepting = True
            self._attachment.start_accepting(names, self)
        if self._attachment.service_name:
            self._begin_to_emit()  # what is to be delivered again may have to be sent
        self._attachment.wait_for_first_try(time.monotonic() + _PATIENCE)

    def _events(self, timeout: float | None) -> Iterator[Event]:
        while True:
            try:
                arrival = self._next(timeout)
            except queue.Empty:
                return
            if arrival is None:
                self._arrived.put(None)  # whoever iterates again is to know, too
                return
            event, on_done = arrival
            error: Exception | None = Unhandled("nobody asked for the event after it")
            try:
                yield event
                error = None
            finally:
                on_done(error)

    def _next(self, timeout: float | None) -> _Arrival | None:
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            remaining = max(0.0, deadline - time.monotonic())
            try:
                return self._arrived.get(timeout=min(remaining, _SLICE))
            except queue.Empty:
                if remaining <= _SLICE:
                    raise

    def _call_handlers(self) -> None:
        while (arrival := self._arrived.get()) is not None:
            event, on_done = arrival
            failed: BaseException | None = None
            functions = self._handlers.get(event.name, ())
            for function in functions:
                try:
                    function(event.copies(2)[1].body if len(functions) > 1 else event.body)
                except BaseException as error:  # nobody else would call the next one
                    failed = failed or error
                    self._logger.exception("an event handler failed with %r", event)
            on_done(failed)
