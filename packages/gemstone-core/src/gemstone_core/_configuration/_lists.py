"""The configurables and configurators that a service lists, checked."""

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from gemstone.errors import ServiceConfigurationError
from gemstone_config import BaseConfigurator, Configurable

if TYPE_CHECKING:
    from .._microservice import MicroService

#: What is a value although it can be called.
_FACTORIES: Final = frozenset({"remote_service_cache"})


def listed_configurables(service: "MicroService") -> list[Configurable]:
    """The configurables of a service.

    Raises:
        ServiceConfigurationError: the list holds something else, or nothing could be set by one.
    """
    owner = type(service)
    by_attribute: dict[str, Configurable] = {}
    for configurable in _listed(service, "configurables"):
        if not isinstance(configurable, Configurable):
            raise ServiceConfigurationError(
                f"{owner.__qualname__}.configurables lists {configurable!r}, which is no "
                "Configurable"
            )
        attribute = configurable.attribute
        if attribute in by_attribute:
            raise ServiceConfigurationError(
                f"{owner.__qualname__}.configurables has {attribute!r} twice: dashes and "
                "underscores are the same"
            )
        of_class = getattr(owner, attribute, None)
        if attribute not in _FACTORIES and (callable(of_class) or isinstance(of_class, property)):
            raise ServiceConfigurationError(
                f"{owner.__qualname__}.configurables has {attribute!r}, which is a method: "
                "only values can be configured"
            )
        by_attribute[attribute] = configurable
    return [*by_attribute.values()]


def made_configurators(service: "MicroService") -> list[BaseConfigurator]:
    """The configurators of a service: copies, which keep nothing from one service to another.

    Raises:
        ServiceConfigurationError: the list holds something else.
    """
    made = []
    for entry in _listed(service, "configurators"):
        configurator = copy.copy(entry) if isinstance(entry, BaseConfigurator) else entry
        if not isinstance(configurator, BaseConfigurator) and callable(configurator):
            configurator = configurator()
        if not isinstance(configurator, BaseConfigurator):
            raise ServiceConfigurationError(
                f"{type(service).__qualname__}.configurators lists {entry!r}, which is no "
                "configurator, and no class or function that makes one"
            )
        configurator.configurables = []  # a list, to which one of 0.12 may append
        made.append(configurator)
    return made


def _listed(service: "MicroService", attribute: str) -> list[Any]:
    listed = getattr(service, attribute)
    if isinstance(listed, str | Mapping) or not isinstance(listed, Iterable):
        raise ServiceConfigurationError(
            f"{type(service).__qualname__}.{attribute} is {listed!r}: it must be a list"
        )
    return [*listed]
