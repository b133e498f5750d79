"""The events of a service: what it emits goes out here, and what it handles begins here."""

import atexit
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from gemstone.errors import ServiceStateError

from .._parts import make_parts
from .._plugins._hooks import prepare_hook
from .._threads import run_in_thread
from ._backends import transport_from_url
from ._handler import collect_handlers
from ._transport import BaseEventTransport

if TYPE_CHECKING:
    from .._microservice import MicroService
    from ._attachment import Attachment
    from ._delivery import Delivery
    from ._figures import EventStatus
    from ._receipt import Receipt

#: How long a start waits until it is known whether the brokers are there, in seconds.
_FIRST_TRY: Final = 2.0
#: How long a stop may take that nobody has bounded, in seconds.
_DISCARD: Final = 10.0
#: How long a durable transport has to acknowledge what was handled just in time, in seconds.
_ACKNOWLEDGE: Final = 1.0
#: What ending a transport may take beyond its time, in seconds, before it is taken to hang.
_MARGIN: Final = 0.5


class EventHub:
    """The events of one service.

    What only transports need is loaded when there are some: a start takes less without.

    Args:
        service: whose they are.
        owners: whose methods may be event handlers: the service, and its modules.

    Raises:
        ServiceConfigurationError: a transport is none, or a handler can't be called.
    """

    def __init__(self, service: "MicroService", owners: Iterable[object]) -> None:
        self._service = service
        self._handlers = collect_handlers(owners)
        self._lock = threading.Lock()
        self._attachments: list[Attachment] | None = None
        self._emits = False
        self._has_ended = False
        self._delivery: Delivery | None = None
        self._list_transports()

    def prepare(self) -> None:
        """Look again at what the service says: it may have changed since it was created.

        Raises:
            ServiceConfigurationError: it lists something that is no transport, or that belongs
                to another service, which runs.
        """
        if self._listed is not self._service.event_transports:
            self.discard()
            self._list_transports()
        self.claim()

    def claim(self) -> None:
        """Tell the transports to whom they belong.

        Raises:
            ServiceConfigurationError: one of them belongs to another service, which runs.
        """
        for transport in self._transports:
            transport.set_microservice(self._service)

    def emit(self, name: str, body: Any, headers: Mapping[str, str] | None) -> "Receipt":
        """What :meth:`MicroService.emit_event` does."""
        from ._attachments import emit

        if not self._emits:
            if self._has_ended:
                raise ServiceStateError(
                    f"{self._service.name} has stopped: it emits events again when it is started"
                )
            self._begin_to_emit()
        return emit(self._attached(), name, body, headers)

    def status(self) -> "list[EventStatus]":
        """What :meth:`MicroService.event_status` does."""
        return [attachment.status() for attachment in self._attached()]

    def connections(self) -> list[tuple[str, bool]]:
        """Each transport that is at work, and whether it has its connections. From any thread."""
        if not self._emits:
            return []
        return [(each.transport, each.connected_since is not None) for each in self.status()]

    def start(self) -> None:
        """Begin to emit, when the service starts."""
        with self._lock:
            if self._has_ended:
                self._attachments, self._has_ended = None, False
        self._begin_to_emit()

    async def accept(self) -> None:
        """Begin to handle events. Waits a moment, to see whether the brokers are there."""
        service, attachments = self._service, self._attached()
        if not self._handlers:
            return
        if not attachments:
            service.logger.warning(
                "%s has event handlers, but no event_transports: nothing will call them",
                service.name,
            )
            return
        from ._delivery import Delivery

        self._delivery = Delivery(
            self._handlers,
            service.max_concurrent_events,
            service.get_executor,
            service.logger,
            prepare_hook(service._plugins, "on_event", service.logger),
        )
        for attachment in attachments:
            attachment.start_accepting(self._handlers, self._delivery)
        deadline = time.monotonic() + _FIRST_TRY

        def wait() -> None:
            for attachment in attachments:
                attachment.wait_for_first_try(deadline)

        await run_in_thread(wait, f"{service.name}-events-start")

    async def stop_accepting(self, deadline: float) -> list[str]:
        """Receive no more events, and wait for the handlers of those that came.

        Args:
            deadline: when to cancel what still runs, in seconds of :func:`time.monotonic`.

        Returns:
            What did not end in time.
        """
        if self._delivery is None:
            return []
        # Those that have something to acknowledge end when the handlers have.
        durable = [each for each in self._attached() if each.stop_receiving()]
        others = [each for each in self._attached() if each not in durable]
        late = await self._end(others, deadline) if others else []
        late += await self._delivery.finish(deadline)
        if durable:
            late += await self._end(durable, max(deadline, time.monotonic() + _ACKNOWLEDGE))
        return late

    async def _end(self, attachments: "list[Attachment]", deadline: float) -> list[str]:
        return await self._in_thread(
            lambda: _late(each for each in attachments if not each.stop_accepting(deadline)),
            "stop",
            deadline - time.monotonic(),
        )

    async def end(self, within: float) -> list[str]:
        """Let the brokers take what was emitted, and end.

        Args:
            within: when to give up, in seconds.

        Returns:
            What did not end in time.
        """
        return await self._in_thread(lambda: self.discard(within), "end", within)

    async def _in_thread(
        self, function: Callable[[], list[str]], what: str, within: float
    ) -> list[str]:
        """Run what ends transports; that a transport of somebody else's hangs is bounded, too."""
        try:
            return await run_in_thread(
                function, f"{self._service.name}-events-{what}", max(0.0, within) + _MARGIN
            )
        except TimeoutError:
            return ["stop() of an event transport"]

    def discard(self, within: float = _DISCARD) -> list[str]:
        """Let the brokers take what was emitted, and end. Blocks; from any thread.

        Args:
            within: when to give up, in seconds.

        Returns:
            What did not end in time.
        """
        with self._lock:
            attachments = self._attachments if self._emits else None
            self._has_ended = self._has_ended or self._emits
            self._emits = False
        if not attachments:
            return []
        from ._attachments import close_attachments

        atexit.unregister(self.discard)
        return _late(close_attachments(attachments, within))

    def _list_transports(self) -> None:
        self._listed = self._service.event_transports
        self._transports = make_parts(
            self._listed,
            BaseEventTransport,  # type: ignore[type-abstract]  # nobody makes one of it
            "event_transports",
            transport_from_url,
        )
        with self._lock:
            self._attachments, self._has_ended = None, False

    def _attached(self) -> "list[Attachment]":
        if self._attachments is None:
            with self._lock:
                if self._attachments is None:
                    self.claim()
                    self._attachments = self._attach() if self._transports else []
        return self._attachments

    def _attach(self) -> "list[Attachment]":
        from ._attachments import attach

        return attach(self._service, self._transports)

    def _begin_to_emit(self) -> None:
        attachments = self._attached()
        with self._lock:
            if self._emits or self._has_ended:
                return
            self._emits = True
            if attachments:
                atexit.register(self.discard)
            for attachment in attachments:
                attachment.start_publishing()


def _late(attachments: "Iterable[Attachment]") -> list[str]:
    return [f"the event transport {attachment.transport}" for attachment in attachments]
