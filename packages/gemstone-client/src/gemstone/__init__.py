"""Microservices, simple and scalable: a client and a server of JSON-RPC 2.0, and what they share.

Everything is reached from here, wherever it is installed from. The client is always there
(``pip install gemstone-client``); the server's names come with ``pip install "gemstone>=1"``, and
are loaded when they are first used: a program that only calls others never loads a server, and a
service that calls nobody no client.
"""

from typing import TYPE_CHECKING, Any

# `from . import …` is written out because a type checker would else ask __getattr__.
from . import errors as errors
from . import jsonrpc as jsonrpc
from ._leftover import warn_of_old_gemstone
from .errors import GemstoneError as GemstoneError
from .errors import RpcError as RpcError

if TYPE_CHECKING:
    from . import client as client
    from . import config as config
    from . import core as core
    from . import discovery as discovery
    from . import event as event
    from . import events as events
    from . import plugins as plugins
    from . import util as util
    from .client import AsyncMethodCall as AsyncMethodCall
    from .client import BatchResult as BatchResult
    from .client import MethodCall as MethodCall
    from .client import Notification as Notification
    from .client import RemoteService as RemoteService
    from .client import Result as Result
    from .core import BasePlugin as BasePlugin
    from .core import Container as Container
    from .core import GemstoneCustomHandler as GemstoneCustomHandler
    from .core import MicroService as MicroService
    from .core import Module as Module
    from .core import Request as Request
    from .core import ServiceThread as ServiceThread
    from .core import TornadoJsonRpcHandler as TornadoJsonRpcHandler
    from .core import current_request as current_request
    from .core import event_handler as event_handler
    from .core import exposed_method as exposed_method
    from .util import as_completed as as_completed
    from .util import dynamic_load as dynamic_load
    from .util import first_completed as first_completed
    from .util import make_callbacks as make_callbacks

__version__: str

# The modules of this package that are loaded when they are first used, and the names that are
# served from each: here those of the client, which a service may do without …
_CLIENT = {
    "gemstone.client": (
        "AsyncMethodCall",
        "BatchResult",
        "MethodCall",
        "Notification",
        "RemoteService",
        "Result",
    ),
    "gemstone.util": ("as_completed", "dynamic_load", "first_completed", "make_callbacks"),
}
# … and those that re-export another distribution.
_SERVED = {
    "gemstone.config": (),
    "gemstone.core": (
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
    ),
    "gemstone.discovery": (),
    "gemstone.event": (),
    "gemstone.events": (),
    "gemstone.plugins": (),
}

if not TYPE_CHECKING:  # else a type checker would believe that every name is here

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            return version("gemstone-client")
        if name == "__all__":
            return _installed_names()
        from importlib import import_module

        for module, names in (_CLIENT | _SERVED).items():
            if name in names:
                return getattr(import_module(module), name)
            if module == f"{__name__}.{name}":
                return import_module(module)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    own = (name for name in globals() if name.startswith("_"))
    return sorted({*_installed_names(), *own})


def _installed_names() -> list[str]:
    from importlib.util import find_spec

    names = ["GemstoneError", "RpcError", "errors", "jsonrpc"]
    for module, served in _CLIENT.items():
        names += [module.removeprefix(f"{__name__}."), *served]
    for module, served in _SERVED.items():
        # All but this one re-export the server first of all.
        needed = "gemstone_config" if module == f"{__name__}.config" else "gemstone_core"
        if find_spec(needed) is not None:
            names += [module.removeprefix(f"{__name__}."), *served]
    return sorted(names)


warn_of_old_gemstone()
