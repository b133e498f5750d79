"""Services that find each other, and registries that don't work."""

import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import gemstone
from gemstone.discovery import BaseDiscoveryStrategy, ServiceRegistry


class Service(gemstone.MicroService):
    """A service that says who it is."""

    name = "service"
    port = 0
    drain_grace = 0

    @gemstone.exposed_method()
    def whoami(self):
        return self.port

    @gemstone.exposed_method()
    def find(self, name):
        found = self.get_service(name)
        return found and found.methods.whoami()

    @gemstone.exposed_method()
    async def find_async(self, name):
        found = await self.get_service_async(name)
        return found and (await found.call_method_async("whoami")).result


class Noted(BaseDiscoveryStrategy):
    """A strategy of somebody else: with two methods, and what a test makes of them."""

    def __init__(self, *locations: str) -> None:
        self.locations: Any = [*locations]
        self.pings: list[tuple[str, str]] = []
        self.lookups: list[str] = []
        self.ping_error: BaseException | None = None
        self.locate_error: BaseException | None = None

    def ping(self, name, location):
        self.pings.append((name, location))
        if self.ping_error is not None:
            raise self.ping_error

    def locate(self, name):
        self.lookups.append(name)
        if self.locate_error is not None:
            raise self.locate_error
        return self.locations


class Hanging(BaseDiscoveryStrategy):
    """One that never returns, until the test ends."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()

    def ping(self, name, location):
        self.goes_on.wait(60)

    def locate(self, name):
        self.goes_on.wait(60)
        return []


class Discovery:
    """What tests of discovery are made with."""

    Service = Service
    Noted = Noted

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.url = f"memory://{uuid.uuid4().hex}"

    def make(self, name: str = "users", **attributes: Any) -> Service:
        """A service that finds others by memory://, unless it is said otherwise."""
        attributes = {"name": name, "discovery_strategies": [self.url], **attributes}
        return type("Service", (Service,), attributes)()

    def start(self, name: str = "users", **attributes: Any) -> Service:
        """Starts a service, which ends with the test."""
        return self.stack.enter_context(self.make(name, **attributes).start_in_thread())

    def registry(self, **attributes: Any) -> ServiceRegistry:
        """Starts a registry, which ends with the test."""
        attributes = {"port": 0, "drain_grace": 0, **attributes}
        registry = type("Registry", (ServiceRegistry,), attributes)()
        return self.stack.enter_context(registry.start_in_thread())

    def hanging(self) -> Hanging:
        """A strategy that hangs until the test ends."""
        strategy = Hanging()
        self.stack.callback(strategy.goes_on.set)
        return strategy


@pytest.fixture
def discovery() -> Iterator[Discovery]:
    with ExitStack() as stack:
        yield Discovery(stack)


@pytest.fixture
def silent_url() -> Iterator[str]:
    """The URL of something that accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api"


@pytest.fixture
def dead_url() -> str:
    """A URL that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/api"
