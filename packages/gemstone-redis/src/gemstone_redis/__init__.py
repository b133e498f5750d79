"""Redis for gemstone: event transports and service discovery.

Users find the transports in ``gemstone.event``, and the strategy in ``gemstone.discovery``.
"""

from typing import TYPE_CHECKING

from ._discovery import RedisDiscoveryStrategy
from ._stream_transport import RedisStreamEventTransport
from ._transport import RedisEventTransport

__all__ = [
    "RedisDiscoveryStrategy",
    "RedisEventTransport",
    "RedisStreamEventTransport",
    "__version__",
]

__version__: str

if not TYPE_CHECKING:  # else a type checker would believe that every name is here

    def __getattr__(name: str) -> str:
        if name == "__version__":
            from importlib.metadata import version

            return version("gemstone-redis")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
