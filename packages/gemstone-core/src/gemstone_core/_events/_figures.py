"""What limits the events of a service, and what is counted of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EventLimits:
    """What limits the events of a service; its attributes of the same names say more."""

    max_concurrent_events: int = 100
    max_event_size: int = 4 * 1024 * 1024
    emit_buffer_size: int = 10_000
    emit_timeout: float = 30.0
    max_deliveries: int = 5


@dataclass(frozen=True, slots=True)
class EventStatus:
    """How one transport of a service is doing.

    Attributes:
        transport: which one, without its password.
        connected_since: since when it has all the connections that it needs, in seconds of
            :func:`time.time`; ``None`` if one is missing.
        error: why one is missing, as far as that is known.
        reconnects: how often a connection was there again.
        emitted: how many events the broker has taken.
        waiting: how many of which nothing is decided yet.
        failed: how many were not emitted.
        consumed: how many came, and were given to handlers.
        refused: how many came, and could not be read.
        retried: how many deliveries failed, and were made again; of durable transports.
        dead: how many events went to the dead letters.
        lost: how many the broker threw away unhandled, because somebody has limited it.
    """

    transport: str
    connected_since: float | None
    error: str | None
    reconnects: int
    emitted: int
    waiting: int
    failed: int
    consumed: int
    refused: int
    retried: int = 0
    dead: int = 0
    lost: int = 0
