"""``BaseConfigurator``: where the values of configurables come from."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ._configurable import Configurable
from ._errors import ConfigurationError, UnusableValueError


class BaseConfigurator(ABC):
    """Base of configurators: what finds out the values of configurables.

    A service copies it (:func:`copy.copy`), registers its configurables with the copy, loads it
    once, and gets from it what it found. So a constructor only remembers its arguments. All of it
    happens in the thread that configures the service.
    """

    #: The name of the service that is configured, which that sets before :meth:`load`.
    service_name: str | None = None
    #: What was registered.
    configurables: Sequence[Configurable] = ()

    @abstractmethod
    def load(self) -> None:
        """Find out the values of the registered configurables.

        Raises:
            ConfigurationError: what was found can't be used.
        """

    @abstractmethod
    def get(self, name: str) -> Any:
        """The value of a configurable, after :meth:`load`.

        Either the final value, as :meth:`final_value` makes it, or what was extracted.

        Args:
            name: the name of the configurable.

        Returns:
            The value; ``None`` if nothing was found. Any other value counts, also ``0``,
            ``False`` and an empty text.

        Raises:
            ConfigurationError: the value can't be used.
        """

    def source(self, name: str) -> str:
        """Where the value of a configurable comes from, or would come from, in words.

        Args:
            name: the name of the configurable.
        """
        return self.__class__.__name__

    def final_value(self, name: str, extracted: Any) -> Any:
        """The final value of a configurable.

        Args:
            name: the name of the configurable.
            extracted: what was found, as it was found; ``None`` stands for nothing.

        Raises:
            ConfigurationError: the value can't be used, or nothing is registered by this name.
        """
        configurable = self.get_configurable_by_name(name)
        if configurable is None:
            raise ConfigurationError(f"{self!r} knows no configurable {name!r}")
        if extracted is None:
            return None
        configurable.set_value(extracted)
        try:
            return configurable.get_final_value()
        except UnusableValueError as error:
            raise UnusableValueError(self.source(name), error.reason) from error.__cause__

    def register_configurable(self, configurable: Configurable) -> None:
        """Add a configurable to those whose values are found out.

        Args:
            configurable: the configurable.

        Raises:
            ConfigurationError: there is one of this name already.
        """
        if self.get_configurable_by_name(configurable.name) is not None:
            raise ConfigurationError(
                f"there are two configurables {configurable.name!r}: dashes and underscores are "
                "the same"
            )
        self.configurables = [*self.configurables, configurable]

    def get_configurable_by_name(self, name: str) -> Configurable | None:
        """The registered configurable of that name, or ``None``.

        Args:
            name: the name; dashes and underscores are the same.
        """
        attribute = name.replace("-", "_")
        for configurable in self.configurables:
            if configurable.attribute == attribute:
                return configurable
        return None

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__}>"


class Found(NamedTuple):
    """What a configurator of ours has found.

    Attributes:
        value: the value, as it was found.
        source: where.
    """

    value: Any
    source: str


class FindingConfigurator(BaseConfigurator):
    """A configurator that finds out everything at once, when it is loaded."""

    _found: Mapping[str, Found] = {}

    @abstractmethod
    def _find(self) -> Mapping[str, Found]:
        """What there is now, by the attribute of the configurable."""

    @abstractmethod
    def _where(self, configurable: Configurable) -> str:
        """Where the value of a configurable is looked for."""

    def load(self) -> None:
        """Find out the values of the registered configurables.

        Raises:
            ConfigurationError: what was found can't be used.
        """
        self._found = self._find()

    def get(self, name: str) -> Any:
        """The final value of a configurable, after :meth:`load`.

        Args:
            name: the name of the configurable.

        Returns:
            The value; ``None`` if nothing was found.

        Raises:
            ConfigurationError: the value can't be used.
        """
        configurable = self.get_configurable_by_name(name)
        if configurable is None or configurable.attribute not in self._found:
            return None
        return self.final_value(name, self._found[configurable.attribute].value)

    def source(self, name: str) -> str:
        """Where the value of a configurable comes from, or would come from.

        Args:
            name: the name of the configurable.
        """
        configurable = self.get_configurable_by_name(name)
        if configurable is None:
            return super().source(name)
        found = self._found.get(configurable.attribute)
        return self._where(configurable) if found is None else found.source
