"""Plugins: the base class, what they are told, and one. Users find them in ``gemstone.plugins``."""

from ._plugins._base import BasePlugin
from ._plugins._outcome import MethodOutcome
from ._plugins._request_log import RequestLog

__all__ = ["BasePlugin", "MethodOutcome", "RequestLog"]
