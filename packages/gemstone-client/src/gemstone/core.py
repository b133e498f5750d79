"""The server's names, as ``gemstone.core.<name>``: services, what they expose, how they run.

They come from the distribution ``gemstone-core``.
"""

from ._missing import missing

try:
    from gemstone_core import BasePlugin as BasePlugin
    from gemstone_core import Container as Container
    from gemstone_core import GemstoneCustomHandler as GemstoneCustomHandler
    from gemstone_core import MicroService as MicroService
    from gemstone_core import Module as Module
    from gemstone_core import Request as Request
    from gemstone_core import ServiceThread as ServiceThread
    from gemstone_core import TornadoJsonRpcHandler as TornadoJsonRpcHandler
    from gemstone_core import current_request as current_request
    from gemstone_core import event_handler as event_handler
    from gemstone_core import exposed_method as exposed_method
except ModuleNotFoundError as error:
    if error.name != "gemstone_core":
        raise
    raise missing("gemstone_core", "gemstone") from None

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
