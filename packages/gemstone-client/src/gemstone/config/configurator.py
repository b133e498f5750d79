"""Configurators, where the manual of 0.12 has them. The same as in :mod:`gemstone.config`."""

from gemstone_config import BaseConfigurator as BaseConfigurator
from gemstone_config import CommandLineConfigurator as CommandLineConfigurator
from gemstone_config import EnvironmentConfigurator as EnvironmentConfigurator
from gemstone_config import FileConfigurator as FileConfigurator

__all__ = [
    "BaseConfigurator",
    "CommandLineConfigurator",
    "EnvironmentConfigurator",
    "FileConfigurator",
]
