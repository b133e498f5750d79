"""Plugins of a service: the base class, and the errors.

The base class comes from the distribution ``gemstone-core``, when it is first used.
"""

from typing import TYPE_CHECKING, Any

from ._missing import missing
from .errors import MissingPluginNameError, PluginDoesNotExistError, PluginError

if TYPE_CHECKING:
    from gemstone_core import BasePlugin as BasePlugin

__all__ = ["BasePlugin", "MissingPluginNameError", "PluginDoesNotExistError", "PluginError"]

if not TYPE_CHECKING:  # else a type checker would believe that every name is here

    def __getattr__(name: str) -> Any:
        if name != "BasePlugin":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from gemstone_core import BasePlugin
        except ModuleNotFoundError as error:
            if error.name != "gemstone_core":
                raise
            raise missing("gemstone_core", "gemstone") from None
        return BasePlugin
