"""The brokers of the proofs, and what happens to them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import pika  # type: ignore[import-untyped]

from ...brokers import Broker, RabbitMq, Redis
from ...waiting import until
from .service import EVENTS, NUMBER

_SCENARIOS: Final = (
    *("brokers-die", "workers-die", "emitters-die", "poison", "instances", "workers-stop"),
    "loss",
)


class Keeper(ABC):
    """A broker that keeps events.

    Attributes:
        label: how it is called in the table.
        broker: which one it is.
    """

    label: str

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    @property
    @abstractmethod
    def url(self) -> str:
        """What services use it by."""

    @abstractmethod
    def forget(self, service: str) -> None:
        """Loses what it keeps, while it runs."""

    @abstractmethod
    def left(self, service: str, *, has_ended: bool) -> int:
        """How many events it keeps for a service.

        Args:
            service: which one.
            has_ended: whether all its instances have; else those may be left out that they have.
        """

    #: What the service says of that.
    says_of_loss: str
    #: How old a queue has to be, in seconds, to be there again after the broker was killed.
    writes_queues_within = 0.0
    #: What can happen to it.
    scenarios: Sequence[str]

    def prepare(self) -> None:
        """See to it that it runs, and can be looked into."""
        self.broker.start()


class RedisKeeper(Keeper):
    """A Redis that writes everything down before it answers."""

    label = "Redis"
    says_of_loss = "had forgotten the group"
    scenarios = _SCENARIOS
    broker: Redis

    @property
    def url(self) -> str:
        """Dead workers are found soon."""
        return f"redis+stream{self.broker.url.removeprefix('redis')}?claim_after=2"

    def forget(self, service: str) -> None:
        """FLUSHALL."""
        with self.broker.client() as client:
            client.flushall()

    def left(self, service: str, *, has_ended: bool) -> int:
        """What is pending in its groups, and what is behind that."""
        left = 0
        with self.broker.client(decode_responses=True) as client:
            for name in EVENTS:
                stream = f"{{gemstone}}:events:{name}"
                groups: Any = client.xinfo_groups(stream)
                [group] = [group for group in groups if group["name"] == service]
                behind: Any = client.xrange(stream, f"({group['last-delivered-id']}")
                left += int(group["pending"]) + len(behind)
        return left


class RabbitMqKeeper(Keeper):
    """A RabbitMQ."""

    label = "RabbitMQ"
    says_of_loss = "a queue was deleted"
    scenarios = (*_SCENARIOS, "alarm")
    #: A quorum queue of 3.10 may not come back if the kill came within about a second.
    writes_queues_within = 3.0
    broker: RabbitMq

    @property
    def url(self) -> str:
        """The one with queues."""
        return f"amqp+durable{self.broker.url.removeprefix('amqp')}"

    def prepare(self) -> None:
        """That is a moment after it answers clients."""
        super().prepare()
        self.broker.ctl("await_startup")

    def forget(self, service: str) -> None:
        """The queue is deleted."""
        self.broker.delete_queue(f"gemstone:{service}:{NUMBER}")

    def left(self, service: str, *, has_ended: bool) -> int:
        """What is in its queues; when it has ended, as soon as the broker knows that."""
        queues = [f"gemstone:{service}:{name}" for name in EVENTS]
        queues += [f"gemstone.{what}:{service}" for what in ("retries", "suspects")]
        with closing(pika.BlockingConnection(pika.URLParameters(self.broker.url))) as connection:
            channel = connection.channel()

            def look() -> list[Any]:
                told = [channel.queue_declare(queue, passive=True).method for queue in queues]
                return [] if has_ended and any(queue.consumer_count for queue in told) else told

            told = until(look, what=f"nobody consumes the queues of {service}")
            return sum(queue.message_count for queue in told)


#: By their names for a command line.
KEEPERS: Final[Mapping[str, Callable[[], Keeper]]] = {
    "redis": lambda: RedisKeeper(Redis(appendonly="yes", appendfsync="always")),
    "rabbitmq": lambda: RabbitMqKeeper(RabbitMq()),
}
