"""For those who write backends of gemstone: what each of them must do, as tests.

Inherit a contract in a test file of your own, and run it with pytest::

    from gemstone_core.testing import EventTransportContract

    class TestMyTransport(EventTransportContract):
        carries_ids = True

        def make_transport(self):
            return MyTransport("my://127.0.0.1:1234")

Or of a discovery strategy::

    from gemstone_core.testing import DiscoveryStrategyContract

    class TestMyStrategy(DiscoveryStrategyContract):
        def make_strategy(self):
            return MyStrategy("my://127.0.0.1:1234")

A durable transport has a contract of its own, :class:`DurableEventTransportContract`. Nothing but
pytest is needed.
"""

from ._discovery_strategies import DiscoveryStrategyContract
from ._durable_transports import DurableEventTransportContract
from ._event_transports import EventTransportContract

__all__ = ["DiscoveryStrategyContract", "DurableEventTransportContract", "EventTransportContract"]
