"""What the tests of discovery strategies are made with: strategies, and services that use them."""

import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from unittest import SkipTest

from .._discovery._cache import DummyCache
from .._discovery._strategy import BaseDiscoveryStrategy
from .._exposed import exposed_method
from .._microservice import MicroService
from ._listening import until


class StrategyBench(ABC):
    """What a strategy says of itself, and what its tests are made with.

    Attributes:
        can_unregister: whether a location is not found any more after ``unregister()``.
        knows_patterns: whether ``locate()`` understands patterns.
        can_list: whether ``services()`` lists all services.
        url: one that ``discovery_strategies`` may list for the same registry as
            :meth:`make_strategy`, if there is one.
        gives_up_within: how long a registry that is not there may be asked, in seconds.
        deadline: how long anything else may take, in seconds.
    """

    can_unregister: bool = True
    knows_patterns: bool = True
    can_list: bool = True
    url: str | None = None
    gives_up_within: float = 10.0
    deadline: float = 30.0

    # What the author of a strategy writes.

    @abstractmethod
    def make_strategy(self) -> BaseDiscoveryStrategy:
        """A new strategy; all of them ask the same registry."""

    def make_short_lived_strategy(self) -> BaseDiscoveryStrategy:
        """One whose entries live for about a second, in the registry of the others."""
        raise SkipTest("make_short_lived_strategy() is not overridden")

    def make_unreachable_strategy(self) -> BaseDiscoveryStrategy:
        """A strategy whose registry is not there. If there can be none, leave it out."""
        raise SkipTest("make_unreachable_strategy() is not overridden")

    # What pytest calls.

    def setup_method(self) -> None:
        """Begin a test."""
        self._stack = ExitStack()
        self._unique = uuid.uuid4().hex

    def teardown_method(self) -> None:
        """End all that a test has started."""
        self._stack.close()

    # For the tests.

    def _name(self, word: str) -> str:
        return f"contract.{self._unique}.{word}"

    def _make(self) -> BaseDiscoveryStrategy:
        strategy = self.make_strategy()
        self._stack.callback(strategy.close)
        return strategy

    def _located(self, strategy: BaseDiscoveryStrategy, word: str) -> list[str]:
        return sorted(strategy.locate(self._name(word)))

    def _listed(self, strategy: BaseDiscoveryStrategy) -> dict[str, list[str]]:
        """The services of this test that a strategy lists, by the words of their names."""
        prefix = self._name("")
        return {
            name.removeprefix(prefix): sorted(locations)
            for name, locations in strategy.services().items()
            if name.startswith(prefix)
        }

    def _start(self, strategy: BaseDiscoveryStrategy | str, word: str) -> "Greeter":
        service = Greeter.named(self._name(word), strategy)
        return self._stack.enter_context(service.start_in_thread())

    def _calls(self, finder: MicroService, name: str) -> None:
        found = until(lambda: finder.get_service(name), f"{name} is found", self.deadline)
        assert found is not None
        assert found.call_method("greet", {"name": "you"}).result == "hello you"

    def _in_threads(self, count: int, function: Callable[[int], None]) -> None:
        threads = [threading.Thread(target=function, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _needs(self, **abilities: bool) -> None:
        for ability, is_there in abilities.items():
            if not is_there:
                raise SkipTest(f"{ability} is False")


class Greeter(MicroService):
    """A service that can be found, and that looks up others anew each time."""

    port = 0
    drain_grace = 0.0
    remote_service_cache = DummyCache

    @exposed_method()
    def greet(self, name: str) -> str:
        return f"hello {name}"

    @classmethod
    def named(cls, name: str, strategy: BaseDiscoveryStrategy | str) -> "Greeter":
        members = {"name": name, "discovery_strategies": [strategy]}
        made: type[Greeter] = type("Greeter", (cls,), members)
        return made()
