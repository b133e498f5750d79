"""What every discovery strategy must do, of the one that asks a ServiceRegistry."""

from contextlib import ExitStack

import pytest

from gemstone.discovery import HttpDiscoveryStrategy, ServiceRegistry
from gemstone_core.testing import DiscoveryStrategyContract


class Registry(ServiceRegistry):
    port = 0
    drain_grace = 0


class ForgetfulRegistry(Registry):
    time_to_live = 0.5


class TestHttp(DiscoveryStrategyContract):
    @pytest.fixture(autouse=True)
    def registry(self):
        with ExitStack() as self._registries:
            self.url = self._run(Registry())
            yield

    def _run(self, registry):
        return self._registries.enter_context(registry.start_in_thread()).accessible_at

    def make_strategy(self):
        return HttpDiscoveryStrategy(self.url)

    def make_short_lived_strategy(self):
        return HttpDiscoveryStrategy(self._run(ForgetfulRegistry()))

    def make_unreachable_strategy(self):
        registry = Registry()
        with registry.start_in_thread():
            url = registry.accessible_at
        return HttpDiscoveryStrategy(url)
