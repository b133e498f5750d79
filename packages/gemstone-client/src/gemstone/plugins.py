"""Plugins of a service: the base class, and the errors.

The base class comes from the distribution ``gemstone-core``.
"""

from ._missing import missing
from .errors import MissingPluginNameError, PluginDoesNotExistError, PluginError

try:
    from gemstone_core import BasePlugin as BasePlugin
except ModuleNotFoundError as error:
    if error.name != "gemstone_core":
        raise
    raise missing("gemstone_core", "gemstone") from None

__all__ = ["BasePlugin", "MissingPluginNameError", "PluginDoesNotExistError", "PluginError"]
