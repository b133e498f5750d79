"""The brokers to which things happen, and what they say of their clients."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ...brokers import Broker, RabbitMq, Redis
from .service import NAMES


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens to a broker.

    Args:
        name: how it is called in the table.
        strike: does it.
        mend: ends it, and returns when the broker answers.
        lasts: for how many seconds it goes on between the two.
        is_silent: whether nobody is told, and the services must find out by themselves.
    """

    name: str
    strike: Callable[[], object]
    mend: Callable[[], object] = _nothing
    lasts: float = 0.0
    is_silent: bool = False


class Victim(ABC):
    """A broker to which things happen.

    Attributes:
        label: how it is called in the table.
        broker: which one it is.
        url: what services use it by.
    """

    label: str

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.url = broker.url

    @abstractmethod
    def subscribers(self) -> set[str]:
        """Who is subscribed, as the broker sees it; whoever comes back is somebody else."""

    @abstractmethod
    def connections(self) -> int:
        """How many connections services have to it, as it sees it."""

    @abstractmethod
    def disturbances(self) -> Mapping[str, Fault]:
        """What happens to its clients while it runs, by names for a command line."""

    def killed(self, seconds: float = 0.0) -> Fault:
        """It is gone at once, and started again."""
        return Fault("kill -9", self.broker.kill, self.broker.start, seconds)

    def paused(self, seconds: float = 0.0) -> Fault:
        """It stands still, with all its connections open, and goes on."""
        return Fault("SIGSTOP", self.broker.pause, self.broker.start, seconds, is_silent=True)


class RedisVictim(Victim):
    """A Redis to which things happen."""

    label = "Redis"
    broker: Redis

    def __init__(self, broker: Redis) -> None:
        super().__init__(broker)

    def subscribers(self) -> set[str]:
        """The connections that have subscribed to everything."""
        return {
            f"{self.broker.pids} {connection['id']}"
            for connection in self.broker.connections()
            if int(connection["sub"]) == len(NAMES)
        }

    def connections(self) -> int:
        """How many there are but for our own."""
        return len(self.broker.connections())

    def disturbances(self) -> Mapping[str, Fault]:
        """Connections killed: that of the subscriber, or all."""
        return {
            "subscriber": Fault("CLIENT KILL TYPE pubsub", lambda: self._kill("pubsub")),
            "connections": Fault("CLIENT KILL of all", lambda: self._kill("pubsub", "normal")),
        }

    def _kill(self, *types: str) -> None:
        with self.broker.client() as client:
            for type in types:
                client.execute_command("CLIENT", "KILL", "TYPE", type)


class RabbitMqVictim(Victim):
    """A RabbitMQ to which things happen."""

    label = "RabbitMQ"
    broker: RabbitMq

    def __init__(self, broker: RabbitMq) -> None:
        super().__init__(broker)

    def subscribers(self) -> set[str]:
        """The channels and queues of its consumers."""
        pids = self.broker.pids
        return {f"{pids} {each.queue_name} {each.channel_pid}" for each in self.broker.consumers()}

    def connections(self) -> int:
        """How many there are."""
        return len(self.broker.connections())

    def disturbances(self) -> Mapping[str, Fault]:
        """The queue of the consumer deleted, or all connections closed."""
        return {
            "subscriber": Fault("consumer's queue deleted", self._delete_queues),
            "connections": Fault("all connections closed", self.broker.close_connections),
        }

    def _delete_queues(self) -> None:
        for queue in self.broker.queues():
            self.broker.delete_queue(queue.name)


#: By their names for a command line.
VICTIMS: Final[Mapping[str, Callable[[], Victim]]] = {
    "redis": lambda: RedisVictim(Redis()),
    "rabbitmq": lambda: RabbitMqVictim(RabbitMq()),
}
