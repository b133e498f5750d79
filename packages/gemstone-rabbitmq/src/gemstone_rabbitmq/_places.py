"""Where events are on the broker."""

from typing import Final, Protocol

_BROADCAST: Final = "gemstone.broadcast."
_DURABLE: Final = "gemstone.events"
#: The queue of the dead letters of all services.
DEAD: Final = "gemstone.dead"
#: No name on the broker is longer, in bytes.
_LONGEST: Final = 255


class Route(Protocol):
    """Through which exchange events go.

    Attributes:
        exchange_type: how that one routes.
        is_durable: whether it, and what it is given, outlives the broker.
        keeps: whether events are kept for those who are not there. Then what was perhaps sent is
            sent again.
    """

    exchange_type: str
    is_durable: bool
    keeps: bool

    def exchange_of(self, event_name: str) -> str:
        """The exchange of the events of a name."""
        ...

    def key_of(self, event_name: str) -> str:
        """The routing key of the events of a name, and of what binds a queue to it."""
        ...

    def event_of(self, exchange: str, key: str) -> str | None:
        """The name of the events that come with these, if they are ours."""
        ...


class Broadcast:
    """An exchange for each event: every instance gets everything while it is there."""

    exchange_type = "fanout"
    is_durable = False
    keeps = False

    def exchange_of(self, event_name: str) -> str:
        """One for each event, as in 0.12."""
        return _BROADCAST + event_name

    def key_of(self, event_name: str) -> str:
        """Of a fanout exchange the key says nothing."""
        return ""

    def event_of(self, exchange: str, key: str) -> str | None:
        """The exchange tells it."""
        return exchange.removeprefix(_BROADCAST) if exchange.startswith(_BROADCAST) else None


class Durable:
    """One exchange for all: the queues of services keep what it is given."""

    exchange_type = "topic"
    is_durable = True
    keeps = True

    def exchange_of(self, event_name: str) -> str:
        """The one."""
        return _DURABLE

    def key_of(self, event_name: str) -> str:
        """The event's name, in which no character means anything to a topic exchange."""
        return event_name

    def event_of(self, exchange: str, key: str) -> str | None:
        """The key tells it."""
        return key if exchange == _DURABLE else None


def queue_of(service: str, event_name: str) -> str:
    """The queue in which a service has the events of a name. No such name has a colon.

    Raises:
        ValueError: the name of the service is too long for that.
    """
    return _checked(f"gemstone:{service}:{event_name}", service)


def retries_of(service: str) -> str:
    """The queue of what failed in a service, and is to be delivered again.

    Raises:
        ValueError: the name of the service is too long for that.
    """
    return _checked(f"gemstone.retries:{service}", service)


def suspects_of(service: str) -> str:
    """The queue of what was delivered to processes of a service that died, and may be why.

    Raises:
        ValueError: the name of the service is too long for that.
    """
    return _checked(f"gemstone.suspects:{service}", service)


def _checked(queue: str, service: str) -> str:
    if len(queue.encode()) > _LONGEST:
        raise ValueError(
            f"the queue {queue!r} would have a name of more than {_LONGEST} bytes: give the "
            f"service {service!r} a shorter name, or the event"
        )
    return queue
