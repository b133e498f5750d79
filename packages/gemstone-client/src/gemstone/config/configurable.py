"""Configurables, where the manual of 0.12 has them. The same as in :mod:`gemstone.config`."""

from gemstone_config import Configurable as Configurable

__all__ = ["Configurable"]
