"""What every discovery strategy must do, of those that need nothing from outside."""

import pytest

from gemstone.discovery import BaseDiscoveryStrategy, DiscoveryError, MemoryDiscoveryStrategy
from gemstone_core.testing import DiscoveryStrategyContract


class TestMemory(DiscoveryStrategyContract):
    url = "memory://contract"

    def make_strategy(self):
        return MemoryDiscoveryStrategy("contract")

    def make_short_lived_strategy(self):
        return MemoryDiscoveryStrategy("contract", time_to_live=0.5)


class TestTwoMethods(DiscoveryStrategyContract):
    """One that has nothing but what every strategy must have."""

    can_unregister = False
    knows_patterns = False
    can_list = False

    @pytest.fixture(autouse=True)
    def known(self):
        self._known = {}

    def make_strategy(self):
        return TwoMethods(self._known)

    def make_unreachable_strategy(self):
        return TwoMethods(None)


class TwoMethods(BaseDiscoveryStrategy):
    def __init__(self, known):
        self._known = known

    def ping(self, name, location):
        self._there().setdefault(name, {})[location] = True

    def locate(self, name):
        return [*self._there().get(name, ())]

    def _there(self):
        if self._known is None:
            raise DiscoveryError("there is no registry")
        return self._known
