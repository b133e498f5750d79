"""The server side of gemstone: services, and the way of a call through them.

Users write ``import gemstone`` and find every name below there.
"""

from typing import Any

from ._container import Container, Module
from ._events._handler import event_handler
from ._exposed import exposed_method
from ._http._handlers import GemstoneCustomHandler, TornadoJsonRpcHandler
from ._lifecycle._thread import ServiceThread
from ._microservice import MicroService
from ._plugins._base import BasePlugin
from ._request import Request, current_request

__all__ = [
    "BasePlugin",
    "Container",
    "GemstoneCustomHandler",
    "MicroService",
    "Module",
    "Request",
    "ServiceThread",
    "TornadoJsonRpcHandler",
    "current_request",
    "event_handler",
    "exposed_method",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gemstone-core")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
