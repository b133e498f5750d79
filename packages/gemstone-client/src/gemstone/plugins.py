"""Plugins of a service: the base class, what plugins are told, a log of calls, and the errors.

All but the errors come from the distribution ``gemstone-core``.
"""

from ._missing import missing
from .errors import MissingPluginNameError as MissingPluginNameError
from .errors import PluginDoesNotExistError as PluginDoesNotExistError
from .errors import PluginError as PluginError

try:
    from gemstone_core.plugins import BasePlugin as BasePlugin
    from gemstone_core.plugins import MethodOutcome as MethodOutcome
    from gemstone_core.plugins import RequestLog as RequestLog
except ModuleNotFoundError as error:
    if error.name != "gemstone_core":
        raise
    raise missing("gemstone_core", "gemstone") from None

__all__ = [
    "BasePlugin",
    "MethodOutcome",
    "MissingPluginNameError",
    "PluginDoesNotExistError",
    "PluginError",
    "RequestLog",
]
