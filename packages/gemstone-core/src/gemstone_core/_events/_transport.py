"""``BaseEventTransport``: what a transport is, to those who write one and to those who run it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from gemstone.errors import ServiceConfigurationError, ServiceStateError

from .._parts import Part, unclaimed_copy
from ._event import Event

if TYPE_CHECKING:
    from ._attachment import Attachment
    from ._outbox import Outbox

#: What a transport calls for each event of a name: it is given the event's body.
HandlerFunction = Callable[[Any], object]


class BaseEventTransport(Part, ABC):
    """Base of event transports: what carries events between services.

    The service registers its functions with :meth:`register_event_handler`, one for each
    name, and runs :meth:`start_accepting_events` in a thread of its own. For each event that
    comes the transport calls :meth:`on_event_received`, or :meth:`dispatch`. Events are
    emitted by :meth:`emit_event`, one after the other, in a second thread.

    :meth:`emit_event` and :meth:`start_accepting_events` are all that a transport must have. Both
    may block; when :meth:`start_accepting_events` raises, it is called again after a while.
    To be better than that, a transport overrides

    - :meth:`stop`, so that it ends with its service;
    - :meth:`from_url`, so that it can be listed by a URL, and an entry point of the group
      ``gemstone.event_transports`` for each scheme;
    - :meth:`publish`, to emit many events at once, and to keep them while there is no broker;
    - ``__copy__``, if several services may list one instance: each has a copy then, which
      :meth:`renewed` makes.

    Constructors only remember what they are given: they connect to nothing, and start nothing.

    Attributes:
        reports_connected: whether :meth:`start_accepting_events` calls :meth:`connected`. If
            not, it is taken for connected as long as it has not raised.
    """

    reports_connected: ClassVar[bool] = False

    # Not made by a constructor: that of a transport need not call this one's.
    _attachment: "Attachment | None" = None
    __handlers: dict[str, list[HandlerFunction]] | None = None
    __registered_names: frozenset[str] = frozenset()
    _works_by_itself: bool = False

    # To be overridden.

    @abstractmethod
    def emit_event(self, event_name: str, event_body: Any) -> None:
        """Hand one event to the others; returns when the transport has done what it promises.

        It may block. A service calls it in one thread, one event after the other.

        Args:
            event_name: the name of the event.
            event_body: its body, anything that can be encoded as JSON.

        Raises:
            Exception: the event was not emitted; it fails the receipt.
        """

    @abstractmethod
    def start_accepting_events(self) -> None:
        """Begin to receive the events of all names that were registered.

        It may block as long as it receives; a service calls it in a thread of its own.

        Raises:
            Exception: the connection can't be made, or broke: it is called again.
        """

    def stop(self) -> None:
        """Let :meth:`start_accepting_events` end soon; and :meth:`publish`, of a given up outbox.

        It must not wait for them. It is called from any thread, more than once, and perhaps
        when nothing was started. After it, the transport may be started again.
        """

    @classmethod
    def from_url(cls, url: str) -> Self:
        """A transport as a URL describes it; called for the URLs in ``event_transports``.

        Args:
            url: the URL, whose scheme is one that this class was registered for.

        Raises:
            ServiceConfigurationError: the URL is not one that this class understands.
        """
        raise ServiceConfigurationError(
            f"{cls.__qualname__} can't be made from a URL: list an instance of it"
        )

    def publish(self, outbox: "Outbox") -> None:
        """Hand over the events of an outbox, until it is finished.

        A service runs it in a thread of its own. By default it calls :meth:`emit_event` for
        one event after the other; override it to do better. It should say
        ``outbox.connected()`` when it has its connection.

        Args:
            outbox: where the events wait.

        Raises:
            Exception: there is no connection, or it broke: it is called again after a while.
                What was taken and not sent should have been put back before.
        """
        outbox.connected()
        while not outbox.is_finished:
            for emission in outbox.take(1):  # of those that wait, some may expire meanwhile
                try:
                    self.emit_event(emission.name, emission.body)
                except Exception as error:
                    outbox.fail([emission], error)
                else:
                    outbox.done([emission])

    # To be called.

    def register_event_handler(
        self, handler_func: HandlerFunction, handled_event_name: str
    ) -> None:
        """Have a function called for each event of a name. Before events are accepted.

        Args:
            handler_func: called with the body of each event.
            handled_event_name: the name of the events.
        """
        if self.__handlers is None:
            self.__handlers = {}
        self.__handlers.setdefault(handled_event_name, []).append(handler_func)

    def on_event_received(self, event_name: str, event_body: Any) -> None:
        """Call, on the event loop's thread, what was registered for an event that came.

        From any thread; returns at once where there is an event loop.

        Args:
            event_name: the name of the event.
            event_body: its body, decoded.
        """
        for function in self._registered(event_name):
            self.run_on_main_thread(function, (event_body,))

    def run_on_main_thread(
        self,
        func: Callable[..., Any],
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """Call a function on the thread of the service's event loop, soon. From any thread.

        Without a service it is called at once, in the thread that asks; when the service has
        stopped, it is not called.

        Args:
            func: what to call.
            args: its positional arguments.
            kwargs: its keyword arguments.
        """
        if self._microservice is None:
            func(*(args or ()), **(kwargs or {}))
        else:
            try:
                loop = self._microservice.get_io_loop()
            except ServiceStateError:
                return  # nobody is there for what still comes
            loop.add_callback(func, *(args or ()), **(kwargs or {}))

    def dispatch(self, event: Event) -> "Future[None]":
        """Hand an event that came to its handlers.

        From any thread. On a thread that runs no event loop it waits while
        ``max_concurrent_events`` events of this transport are with their handlers, so that a
        transport that reads and dispatches in turn reads no faster than its events are handled.

        Args:
            event: what came; :meth:`Event.from_json` makes one from bytes.

        Returns:
            A future that is done when all handlers have ended. It raises what one of them
            raised, and :exc:`InvalidEventError` if the event's body could not be read.
        """
        if self._attachment is not None:
            return self._attachment.dispatch(event)
        outcome: Future[None] = Future()
        try:
            self._call_registered(event)
        except Exception as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(None)
        return outcome

    def deliver(
        self,
        event: Event,
        on_done: Callable[[BaseException | None], object] | None = None,
        *,
        more: bool = False,
    ) -> None:
        """Do as :meth:`dispatch`, but make no future: for transports of very many events.

        Args:
            event: what came.
            on_done: called when all handlers have ended, in whatever thread that is known, with
                ``None`` or with what the future would raise. It must not block.
            more: whether another event follows at once, from the same thread: the event loop
                then need not be woken for this one.
        """
        if self._attachment is not None:
            self._attachment.deliver(event, on_done, more)
            return
        failed: Exception | None = None
        try:
            self._call_registered(event)
        except Exception as error:
            failed = error
        if on_done is not None:
            on_done(failed)

    def connected(self) -> None:
        """Say that all subscriptions are made: from now on no event is missed.

        Called by :meth:`start_accepting_events`, each time that it has its connection.
        """
        if self._attachment is not None:
            self._attachment.connected()

    def renewed(self) -> Self:
        """A copy that belongs to no service: what the ``__copy__`` of a transport begins with.

        Returns:
            An object of the same class with the same attributes, made without its constructor. What
            of them must not be shared, as connections, is to be replaced.
        """
        return unclaimed_copy(
            self, "_attachment", "_at_work", "_works_by_itself", "_BaseEventTransport__"
        )

    @property
    def event_names(self) -> Sequence[str]:
        """The names of the events that functions were registered for."""
        return [*self.__handlers] if self.__handlers else []

    @property
    def max_concurrent_events(self) -> int:
        """How many events may be with their handlers at once: no use in fetching more."""
        return 100 if self._attachment is None else self._attachment.limits.max_concurrent_events

    @cached_property
    def _at_work(self) -> threading.Lock:
        """Held while :meth:`start_accepting_events` of one that can't be stopped runs."""
        return threading.Lock()

    @property
    def _can_be_stopped(self) -> bool:
        return type(self).stop is not BaseEventTransport.stop

    def __str__(self) -> str:
        return type(self).__qualname__

    def _register_for_attachment(self, names: Iterable[str]) -> None:
        """Register one function for each name, once for all lives of a service."""
        for name in names:
            if name not in self.__registered_names:
                self.__registered_names |= {name}
                self.register_event_handler(partial(self._dispatch_body, name), name)

    def _dispatch_body(self, event_name: str, event_body: Any) -> None:
        self.deliver(Event(event_name, event_body))

    def _call_registered(self, event: Event) -> None:
        event.transport = self
        for function in self._registered(event.name):
            function(event.body)

    def _registered(self, event_name: str) -> Sequence[HandlerFunction]:
        return self.__handlers.get(event_name, ()) if self.__handlers else ()
