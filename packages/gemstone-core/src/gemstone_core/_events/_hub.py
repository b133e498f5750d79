"""The events of a service: what it emits goes out here, and what it handles begins here."""

import atexit
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from gemstone.errors import InvalidEventError, ServiceConfigurationError, ServiceStateError

from .._parts import make_parts
from .._plugins._hooks import prepare_hook
from .._threads import run_in_thread
from ._attachment import Attachment, EventLimits, EventStatus
from ._backends import transport_from_url
from ._delivery import Delivery
from ._emission import Emission
from ._event import NO_HEADERS, check_event_name, check_headers, encode_body
from ._handler import collect_handlers
from ._receipt import Receipt, joint_receipt
from ._transport import BaseEventTransport

if TYPE_CHECKING:
    from .._microservice import MicroService

#: How long a start waits until it is known whether the brokers are there, in seconds.
_FIRST_TRY: Final = 2.0
#: How long a stop waits for a broker to take what was emitted, in seconds.
_FLUSH: Final = 5.0
#: What ending a transport may take beyond its time, in seconds, before it is taken to hang.
_MARGIN: Final = 0.5


class EventHub:
    """The events of one service.

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

    def emit(self, name: str, body: Any, headers: Mapping[str, str] | None) -> Receipt:
        """What :meth:`MicroService.emit_event` does."""
        if not self._emits:
            if self._has_ended:
                raise ServiceStateError(
                    f"{self._service.name} has stopped: it emits events again when it is started"
                )
            self._begin_to_emit()
        return emit(self._attached(), name, body, headers)

    def status(self) -> list[EventStatus]:
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
        late = await self._in_thread(
            lambda: _late(each for each in self._attached() if not each.stop_accepting(deadline)),
            "stop",
            deadline - time.monotonic(),
        )
        return late + await self._delivery.finish(deadline)

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

    def discard(self, within: float = 2 * _FLUSH) -> list[str]:
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

    def _attached(self) -> list[Attachment]:
        if self._attachments is None:
            service = self._service
            limits = EventLimits(
                service.max_concurrent_events,
                service.max_event_size,
                service.emit_buffer_size,
                service.emit_timeout,
            )
            with self._lock:
                if self._attachments is None:
                    self.claim()
                    self._attachments = [
                        Attachment(transport, str(service.name), limits, service.logger)
                        for transport in self._transports
                    ]
        return self._attachments

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


def emit(
    attachments: Sequence[Attachment], name: str, body: Any, headers: Mapping[str, str] | None
) -> Receipt:
    """Emit an event through several transports.

    Raises:
        InvalidEventError: its name, its body or a header is none that can travel.
        ServiceConfigurationError: there is no transport.
        ServiceStateError: the transports are closed.
    """
    if not attachments:
        raise ServiceConfigurationError(
            f"the event {name!r} can't be emitted: the service has no event_transports"
        )
    check_event_name(name)
    data = encode_body(body)
    limits = attachments[0].limits
    if len(data) > limits.max_event_size:
        raise InvalidEventError(
            f"the body of the event {name!r} has {len(data):,} bytes, and max_event_size is "
            f"{limits.max_event_size:,}"
        )
    checked = check_headers(headers) if headers else NO_HEADERS
    expires_at = time.monotonic() + limits.emit_timeout
    if len(attachments) == 1:
        emission = Emission(name, data, checked, None, expires_at)
        attachments[0].outbox.put(emission)
        return emission.receipt
    id = secrets.token_hex(16)
    emissions = [Emission(name, data, checked, id, expires_at) for _ in attachments]
    for attachment, emission in zip(attachments, emissions, strict=True):
        attachment.outbox.put(emission)
    return joint_receipt([emission.receipt for emission in emissions])


def close_attachments(attachments: Sequence[Attachment], within: float) -> list[Attachment]:
    """Let the brokers take what was emitted, and end. Blocks.

    Args:
        attachments: what to end, all at once.
        within: when to give up, in seconds.

    Returns:
        Those that did not end in time.
    """
    # All of them end at the same time, though they are waited for in turn. No threads are made
    # for that, because none can be when the process ends.
    flush_by, deadline = time.monotonic() + min(_FLUSH, within / 2), time.monotonic() + within
    for each in attachments:
        each.outbox.close()
    late = {each for each in attachments if not each.stop_accepting(deadline)}
    for each in attachments:
        each.outbox.flush(flush_by)
    return [each for each in attachments if not each.stop_publishing(deadline) or each in late]


def _late(attachments: Iterable[Attachment]) -> list[str]:
    return [f"the event transport {attachment.transport}" for attachment in attachments]
