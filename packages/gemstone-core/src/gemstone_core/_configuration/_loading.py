"""``configure()``: what configurators find out becomes the attributes of one service."""

import copy
import sys
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from gemstone_config import (
    BaseConfigurator,
    Configurable,
    ConfigurationError,
    ConfiguredValue,
)

from .._backends import mask_message
from ._lists import listed_configurables, made_configurators
from ._shown import said_by, without_secrets

if TYPE_CHECKING:
    from .._microservice import MicroService

_MASKED: Final = "***"
_UNTOLD: Final = "the service can't use this value (which is secret, or told together with one)"
#: Stands for an attribute that the instance did not have.
_NONE: Final = object()
#: The status with which a process ends that was called in a wrong way.
_USAGE_ERROR: Final = 2


class _Found(NamedTuple):
    """A value, and where it was found."""

    configurable: Configurable
    value: Any
    source: str


class Configuration:
    """The configurable values of one service.

    Args:
        service: whose they are.
    """

    def __init__(self, service: "MicroService") -> None:
        self._service = service
        self._found: dict[str, _Found] = {}

    def load(self) -> None:
        """What :meth:`MicroService.configure` does."""
        service = self._service
        configurables = listed_configurables(service)
        configurators = made_configurators(service)
        try:
            for configurator in configurators:
                configurator.service_name = service.name
                for configurable in configurables:
                    configurator.register_configurable(_with_default(configurable, service))
                configurator.load()
            found = [_find(configurable, configurators) for configurable in configurables]
            self._set([each for each in found if each is not None])
        except ConfigurationError as error:
            _end_with_usage_error(service, str(error))

    def shown(self) -> dict[str, ConfiguredValue]:
        """What :meth:`MicroService.configuration` does."""
        return {each.name: self._shown(each) for each in listed_configurables(self._service)}

    def _shown(self, configurable: Configurable) -> ConfiguredValue:
        attribute = configurable.attribute
        value = getattr(self._service, attribute, None)
        found = self._found.get(attribute)
        source = "default"
        # What is another value by now, the program has set; but a start sets the port, too.
        if found is not None and (
            value is found.value or (attribute == "port" and found.value in (0, value))
        ):
            source = found.source
        is_masked = configurable.secret and value is not None
        return ConfiguredValue(_MASKED if is_masked else without_secrets(value), source)

    def _set(self, found: list[_Found]) -> None:
        """Set what was found, and then look whether the service can do with all of it."""
        service = self._service
        attributes = [each.configurable.attribute for each in found]
        former = {attribute: getattr(service, attribute, _NONE) for attribute in attributes}
        try:
            for each in found:
                self._set_one(each, found)
            problem = self._problem(attributes)
            if problem is not None:
                self._blame(problem, found, former)
        except ConfigurationError:
            for attribute in attributes:
                _put_back(service, attribute, former[attribute])
            raise
        # As the service has them: a descriptor may have made something else of a value.
        self._found |= {
            each.configurable.attribute: each._replace(
                value=getattr(service, each.configurable.attribute)
            )
            for each in found
        }

    def _set_one(self, one: _Found, found: list[_Found]) -> None:
        try:
            setattr(self._service, one.configurable.attribute, one.value)
        except Exception as error:  # of a property, or a descriptor, of the service's class
            raise ConfigurationError(_told(said_by(error), one, found)) from None

    def _blame(self, problem: str, found: list[_Found], former: dict[str, Any]) -> None:
        """Say which value it is without which there is another problem, or none.

        If it is the same without any of them, it is the class's, and a start will tell it.
        """
        attributes = list(former)
        for each in found:
            attribute = each.configurable.attribute
            _put_back(self._service, attribute, former[attribute])
            if self._problem(attributes) != problem:
                raise ConfigurationError(_told(problem, each, found))
            setattr(self._service, attribute, each.value)

    def _problem(self, attributes: Collection[str]) -> str | None:
        """What is wrong with the service, if something is."""
        try:
            self._service._check_configured(attributes)
        except Exception as error:  # of ours, or of whatever makes modules and plugins
            return said_by(error)
        return None


def _find(configurable: Configurable, configurators: Sequence[BaseConfigurator]) -> _Found | None:
    """What the last configurator gives that has a value."""
    name = configurable.name
    for configurator in reversed(configurators):
        value = configurator.get(name)
        registered = configurator.get_configurable_by_name(name)
        # One that has handed its value over itself gives what came of it, which may be None.
        has_value = registered is not None and registered.is_set
        if value is not None and not has_value:
            value = configurator.final_value(name, value)
            has_value = True
        if has_value:
            return _Found(configurable, value, configurator.source(name))
    if configurable.required:
        sources = " or ".join(configurator.source(name) for configurator in configurators)
        raise ConfigurationError(
            f"{name} is required, and was not given; it can come from "
            f"{sources or 'nowhere: the service has no configurators'}"
        )
    return None


def _put_back(service: "MicroService", attribute: str, former: Any) -> None:
    """Let an attribute be what it was, wherever its class keeps it."""
    vars(service).pop(attribute, None)
    if former is not _NONE and getattr(service, attribute, _NONE) is not former:
        setattr(service, attribute, former)


def _told(problem: str, blamed: _Found, found: list[_Found]) -> str:
    """What may be told of a problem with a value."""
    is_secret = blamed.configurable.secret or any(
        text in problem for each in found if each.configurable.secret for text in _texts(each.value)
    )
    return f"{blamed.source}: {_UNTOLD if is_secret else problem}"


def _texts(value: Any) -> Iterator[str]:
    """The texts by which a value may stand in a message."""
    for each in (value, *value) if isinstance(value, list | tuple | set) else (value,):
        yield from filter(None, (str(each), repr(each)))


def _with_default(configurable: Configurable, service: "MicroService") -> Configurable:
    """A copy, which knows what the service does without it."""
    copied = copy.copy(configurable)
    if hasattr(service, configurable.attribute):
        copied.default = getattr(service, configurable.attribute)
    return copied


def _end_with_usage_error(service: "MicroService", message: str) -> NoReturn:
    from pathlib import Path  # no service that starts has to load it

    program = Path(sys.argv[0]).name if sys.argv else ""
    told = mask_message(message)  # a configurator may be anybody's
    line = " ".join(f"{program or service.name}: usage error: {told}".split())
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
    if sys.stderr is not None:
        print(line, file=sys.stderr)  # noqa: T201
    raise SystemExit(_USAGE_ERROR)
