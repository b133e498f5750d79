"""Configuration: what of a service can be set from outside, and where the values come from.

It comes from the distribution ``gemstone-config``.
"""

from .._missing import missing

try:
    from gemstone_config import UNSET as UNSET
    from gemstone_config import BaseConfigurator as BaseConfigurator
    from gemstone_config import CommandLineConfigurator as CommandLineConfigurator
    from gemstone_config import Configurable as Configurable
    from gemstone_config import ConfigurationError as ConfigurationError
    from gemstone_config import ConfiguredValue as ConfiguredValue
    from gemstone_config import EnvironmentConfigurator as EnvironmentConfigurator
    from gemstone_config import FileConfigurator as FileConfigurator
except ModuleNotFoundError as error:
    if error.name != "gemstone_config":
        raise
    raise missing("gemstone_config", "gemstone") from None

from . import configurable as configurable
from . import configurator as configurator

__all__ = [
    "UNSET",
    "BaseConfigurator",
    "CommandLineConfigurator",
    "Configurable",
    "ConfigurationError",
    "ConfiguredValue",
    "EnvironmentConfigurator",
    "FileConfigurator",
    "configurable",
    "configurator",
]
