"""What the command line of ``gemstone run`` sets, in place of the service's own."""

import difflib
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from gemstone_config import BaseConfigurator, CommandLineConfigurator, ConfigurationError

from .._attributes import port_from
from .._configuration._lists import listed_configurables, made_configurators
from .._microservice import MicroService


class Given(NamedTuple):
    """A value that was given.

    Attributes:
        value: as it was written.
        source: what it was written after: ``--set port``.
    """

    value: str
    source: str


class GivenConfigurator(BaseConfigurator):
    """Finds what was given to ``gemstone run``.

    Args:
        given: the values, by the attributes that they are for.
    """

    def __init__(self, given: dict[str, Given]) -> None:
        self._given = given

    def load(self) -> None:
        """See that everything that was given is for something.

        Raises:
            ConfigurationError: something is not.
        """
        known = {each.attribute: each.name for each in self.configurables}
        for attribute, (_, source) in self._given.items():
            if attribute not in known:
                near = difflib.get_close_matches(attribute, known, n=1)
                hint = f" (did you mean {known[near[0]]}?)" if near else ""
                raise ConfigurationError(
                    f"{source}: nothing of that name can be set{hint}; what can be set is: "
                    f"{', '.join(sorted(known.values())) or 'nothing'}"
                )

    def get(self, name: str) -> Any:
        """What was given for a configurable, as it was written."""
        given = self._given.get(_attribute(name))
        return None if given is None else given.value

    def source(self, name: str) -> str:
        """What it was written after."""
        given = self._given.get(_attribute(name))
        return f"--set {name}" if given is None else given.source


def configure(
    service: MicroService, host: str | None, port: str | None, settings: Sequence[tuple[str, str]]
) -> None:
    """Configure a service, whose command line is ours.

    Args:
        service: the service.
        host: what ``--host`` says.
        port: what ``--port`` says.
        settings: what ``--set`` says: names and values.

    Raises:
        click.UsageError: a value is given twice, or ``--port`` is none.
        ServiceConfigurationError: what the service lists can't be configured, or can't configure.
        SystemExit: another value is wrong, or is for nothing; one line on stderr says so.
    """
    given: dict[str, Given] = {}
    for name, value in settings:
        _add(given, _attribute(name), Given(value, f"--set {name}"))
    # Also a service whose address is no configurable has one.
    configurable = {each.attribute for each in listed_configurables(service)}
    unconfigurable: dict[str, str] = {}
    for name, word in (("host", host), ("port", port)):
        if word is not None:
            _add(given, name, Given(word, f"--{name}"))
            if name not in configurable:
                unconfigurable[name] = given.pop(name).value
    ours = GivenConfigurator(given)
    # Made here: of a function nobody knows what it makes.
    listed = [
        ours if isinstance(each, CommandLineConfigurator) else each
        for each in made_configurators(service)
    ]
    service.configurators = listed if ours in listed else [*listed, ours]
    service.configure()
    if "host" in unconfigurable:
        service.host = unconfigurable["host"]
    if "port" in unconfigurable:
        try:
            service.port = port_from(unconfigurable["port"])
        except ValueError as error:
            raise click.UsageError(f"--port: {error}, not {unconfigurable['port']!r}") from None


def _add(given: dict[str, Given], attribute: str, new: Given) -> None:
    if attribute in given:
        raise click.UsageError(
            f"{attribute} is given twice: by {given[attribute].source} and {new.source}"
        )
    given[attribute] = new


def _attribute(name: str) -> str:
    return name.replace("-", "_")
