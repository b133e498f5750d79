"""Discovery: how services say where they are, and how they find others.

Most comes from the distribution ``gemstone-core``; the strategy of Redis comes from its own, and is
loaded when it is first used.
"""

from typing import TYPE_CHECKING, Any

from ._missing import missing
from .errors import DiscoveryError as DiscoveryError

try:
    from gemstone_core.discovery import BaseDiscoveryStrategy as BaseDiscoveryStrategy
    from gemstone_core.discovery import DummyCache as DummyCache
    from gemstone_core.discovery import HttpDiscoveryStrategy as HttpDiscoveryStrategy
    from gemstone_core.discovery import MemoryDiscoveryStrategy as MemoryDiscoveryStrategy
    from gemstone_core.discovery import ServiceDiscoveryCache as ServiceDiscoveryCache
    from gemstone_core.discovery import ServiceRegistry as ServiceRegistry
    from gemstone_core.discovery import StaticDiscoveryStrategy as StaticDiscoveryStrategy
    from gemstone_core.discovery import check_location as check_location
    from gemstone_core.discovery import check_name as check_name
    from gemstone_core.discovery import check_registered_name as check_registered_name
    from gemstone_core.discovery import register_discovery_strategy as register_discovery_strategy
except ModuleNotFoundError as error:
    if error.name != "gemstone_core":
        raise
    raise missing("gemstone_core", "gemstone") from None

if TYPE_CHECKING:
    from gemstone_redis import RedisDiscoveryStrategy as RedisDiscoveryStrategy

__all__ = [
    "BaseDiscoveryStrategy",
    "DiscoveryError",
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

_REDIS = "RedisDiscoveryStrategy"

if not TYPE_CHECKING:  # else a type checker would believe that every name is here

    def __getattr__(name: str) -> Any:
        if name != _REDIS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from gemstone_redis import RedisDiscoveryStrategy
        except ModuleNotFoundError as error:
            if error.name != "gemstone_redis":
                raise
            raise missing("gemstone_redis", "gemstone[redis]") from None
        return RedisDiscoveryStrategy


def __dir__() -> list[str]:
    return sorted({*globals(), _REDIS})
