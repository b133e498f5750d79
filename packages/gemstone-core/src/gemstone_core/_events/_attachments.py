"""Several transports at work at once: made, emitted through, and ended."""

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from gemstone.errors import InvalidEventError, ServiceConfigurationError

from ._attachment import Attachment
from ._emission import Emission
from ._event import NO_HEADERS, check_event_name, check_headers, encode_body
from ._figures import EventLimits
from ._receipt import Receipt, joint_receipt

if TYPE_CHECKING:
    from .._microservice import MicroService
    from ._transport import BaseEventTransport

#: How long a stop waits for a broker to take what was emitted, in seconds.
_FLUSH: Final = 5.0


def attach(service: "MicroService", transports: "Iterable[BaseEventTransport]") -> list[Attachment]:
    """Let transports work for a service."""
    limits = EventLimits(
        service.max_concurrent_events,
        service.max_event_size,
        service.emit_buffer_size,
        service.emit_timeout,
        service.max_deliveries,
    )
    name = str(service.name)
    return [Attachment(transport, name, limits, service.logger, name) for transport in transports]


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
