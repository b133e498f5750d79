"""The registries to which things happen."""

import os
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gemstone.discovery import (
    BaseDiscoveryStrategy,
    HttpDiscoveryStrategy,
    RedisDiscoveryStrategy,
)

from ...brokers import Broker, Redis, free_ports
from ...brokers.broker import HOST
from ...brokers.group import Group
from .instance import NAME

_PING_EVERY: Final = 0.5
_SERVER: Final = Path(__file__).with_name("registry_server.py")


class Registry(ABC):
    """A registry to which things happen. It has forgotten everything when it is started again.

    Args:
        label: how it is called in the table.
        broker: its process.
        strategy: how we ask it ourselves.
        url: what services use it by.
    """

    def __init__(
        self, label: str, broker: Broker, strategy: BaseDiscoveryStrategy, url: str
    ) -> None:
        self.label = label
        self.broker = broker
        self.url = url
        self._strategy = strategy

    def registered(self) -> set[str]:
        """Where the instances are, as far as it knows."""
        return {*self._strategy.locate(NAME)}

    @contextmanager
    def registers(self, location: str) -> Iterator[None]:
        """Keeps one more instance registered within the block."""
        ending = threading.Event()

        def ping() -> None:
            while not ending.is_set():
                self._strategy.ping(NAME, location)
                ending.wait(_PING_EVERY)

        with ThreadPoolExecutor(1) as pool:
            pinging = pool.submit(ping)
            try:
                yield
            finally:
                ending.set()
        pinging.result()
        self._strategy.unregister(NAME, location)

    def close(self) -> None:
        """Lets our own connections go."""
        self._strategy.close()

    @abstractmethod
    def forget(self) -> None:
        """Makes it forget everything, and answer again at once."""


class RedisRegistry(Registry):
    """A private Redis."""

    def __init__(self, time_to_live: float) -> None:
        broker = Redis()
        url = f"{broker.url}?time_to_live={time_to_live:g}"
        super().__init__("Redis", broker, RedisDiscoveryStrategy(broker.url, time_to_live), url)
        self._redis = broker

    def forget(self) -> None:
        """Deletes all of its keys."""
        with self._redis.client() as client:
            client.flushall()


class HttpRegistry(Registry):
    """A :class:`gemstone.discovery.ServiceRegistry` in a process of its own."""

    def __init__(self, time_to_live: float) -> None:
        broker = RegistryServer(time_to_live)
        super().__init__("HTTP", broker, HttpDiscoveryStrategy(broker.url), broker.url)

    def forget(self) -> None:
        """Kills it and starts it again."""
        self.broker.restart()


class RegistryServer(Broker):
    """The process of an HTTP registry.

    Args:
        time_to_live: of its entries, in seconds.
    """

    def __init__(self, time_to_live: float) -> None:
        [port] = free_ports(1)
        super().__init__(f"http://{HOST}:{port}/api")
        self._time_to_live = time_to_live

    def _start_processes(self, group: Group, folder: Path) -> None:
        command = [sys.executable, str(_SERVER), str(self.port), str(self._time_to_live)]
        group.start(command, os.environ)

    def _is_ready(self) -> bool:
        return self._answer_to(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/")


#: By their names for a command line.
REGISTRIES: Final[Mapping[str, Callable[[float], Registry]]] = {
    "redis": RedisRegistry,
    "http": HttpRegistry,
}
