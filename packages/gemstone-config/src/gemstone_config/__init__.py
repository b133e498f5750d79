"""Configurable values of gemstone services, and where they come from.

Users write ``gemstone.config``, and find every name below there.
"""

from typing import TYPE_CHECKING, Any

from ._command_line import CommandLineConfigurator
from ._configurable import UNSET, Configurable
from ._configurator import BaseConfigurator
from ._configured import ConfiguredValue
from ._errors import ConfigurationError

if TYPE_CHECKING:
    from ._environment import EnvironmentConfigurator
    from ._file import FileConfigurator

__all__ = [
    "UNSET",
    "BaseConfigurator",
    "CommandLineConfigurator",
    "Configurable",
    "ConfigurationError",
    "ConfiguredValue",
    "EnvironmentConfigurator",
    "FileConfigurator",
    "__version__",
]

__version__: str

if not TYPE_CHECKING:  # else a type checker would believe that every name is here

    def __getattr__(name: str) -> Any:
        # What only those need who ask for it: it takes its time to load.
        if name == "EnvironmentConfigurator":
            from ._environment import EnvironmentConfigurator

            return EnvironmentConfigurator
        if name == "FileConfigurator":
            from ._file import FileConfigurator

            return FileConfigurator
        if name == "__version__":
            from importlib.metadata import version

            return version("gemstone-config")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
