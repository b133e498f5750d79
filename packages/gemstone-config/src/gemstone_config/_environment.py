"""``EnvironmentConfigurator``: values from environment variables."""

import os
import re
from collections.abc import Mapping
from typing import Final

from ._configurable import Configurable
from ._configurator import FindingConfigurator, Found
from ._errors import ConfigurationError
from ._shown import shown

_PREFIX: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)?")


class EnvironmentConfigurator(FindingConfigurator):
    """Finds the value of ``port`` in the environment variable ``USERS_PORT``.

    An empty variable counts: it is an empty text.

    Args:
        prefix: what the names of the variables begin with, ``"USERS_"``; by default the name of
            the service, in upper case and with underscores for what can't be in a variable.
        environment: what to look into instead of the environment of the process.

    Raises:
        ConfigurationError: no variable can begin like that.
        TypeError: an argument is of the wrong type.
    """

    def __init__(
        self, prefix: str | None = None, *, environment: Mapping[str, str] | None = None
    ) -> None:
        if prefix is not None and not isinstance(prefix, str):
            raise TypeError(f"prefix is {shown(prefix)}: it must be a text")
        if prefix is not None and not _PREFIX.fullmatch(prefix):
            raise ConfigurationError(
                f"no environment variable can begin with {shown(prefix)}: a prefix has letters, "
                "digits and underscores only, and no digit first"
            )
        if environment is not None and not isinstance(environment, Mapping):
            raise TypeError("environment is no mapping of names to texts")
        self._prefix = prefix
        self._environment = environment

    def _find(self) -> Mapping[str, Found]:
        """What is in the environment now, by the attribute of the configurable."""
        environment = os.environ if self._environment is None else self._environment
        found = {}
        taken: dict[str, Configurable] = {}
        for configurable in self.configurables:
            variable = self._variable(configurable)
            other = taken.setdefault(variable, configurable)
            if other is not configurable:
                raise ConfigurationError(
                    f"{other.name} and {configurable.name} would both come from {variable}: call "
                    "one of them otherwise"
                )
            if variable in environment:
                found[configurable.attribute] = Found(
                    environment[variable], self._where(configurable)
                )
        return found

    def _where(self, configurable: Configurable) -> str:
        """Where the value of a configurable is looked for."""
        return f"the environment variable {self._variable(configurable)}"

    def _variable(self, configurable: Configurable) -> str:
        return (self._used_prefix() + configurable.attribute).upper()

    def _used_prefix(self) -> str:
        if self._prefix is not None:
            return self._prefix
        if self.service_name is None:
            raise ConfigurationError(
                "EnvironmentConfigurator() belongs to no service whose name its variables could "
                'begin with: give it a prefix, EnvironmentConfigurator("USERS_")'
            )
        prefix = re.sub(r"[^A-Za-z0-9_]", "_", self.service_name)
        return f"_{prefix}_" if prefix[:1].isdigit() else f"{prefix}_"

    def __repr__(self) -> str:
        return f"EnvironmentConfigurator({'' if self._prefix is None else repr(self._prefix)})"
