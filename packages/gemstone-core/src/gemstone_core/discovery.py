"""Discovery: strategies, caches, and a registry. Users find them in ``gemstone.discovery``."""

from ._discovery._backends import register_discovery_strategy
from ._discovery._cache import DummyCache, ServiceDiscoveryCache
from ._discovery._http import HttpDiscoveryStrategy
from ._discovery._memory import MemoryDiscoveryStrategy
from ._discovery._names import check_location, check_name, check_registered_name
from ._discovery._registry import ServiceRegistry
from ._discovery._static import StaticDiscoveryStrategy
from ._discovery._strategy import BaseDiscoveryStrategy

__all__ = [
    "BaseDiscoveryStrategy",
    "DummyCache",
    "HttpDiscoveryStrategy",
    "MemoryDiscoveryStrategy",
    "ServiceDiscoveryCache",
    "ServiceRegistry",
    "StaticDiscoveryStrategy",
    "check_location",
    "check_name",
    "check_registered_name",
    "register_discovery_strategy",
]
