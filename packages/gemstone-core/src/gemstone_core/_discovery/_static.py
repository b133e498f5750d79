"""Discovery without a registry: addresses that are known beforehand."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from gemstone.errors import ServiceConfigurationError

from ._names import check_location, check_registered_name, matching
from ._strategy import BaseDiscoveryStrategy


class StaticDiscoveryStrategy(BaseDiscoveryStrategy):
    """Fixed addresses, for names that something else looks after (Kubernetes), and for tests.

    ::

        discovery_strategies = [StaticDiscoveryStrategy({"users": ["http://users:8000/api"]})]

    Args:
        services: the URLs of each service, by its name.

    Raises:
        ServiceConfigurationError: it holds something else.
    """

    registers: ClassVar[bool] = False

    def __init__(self, services: Mapping[str, Sequence[str]]) -> None:
        if not isinstance(services, Mapping):
            raise ServiceConfigurationError(
                "a StaticDiscoveryStrategy is made of lists of URLs by name, as in "
                f"{{'users': ['http://users:8000/api']}}, not of {type(services).__name__}"
            )
        self._services: dict[str, list[str]] = {}
        for name, locations in services.items():
            if isinstance(locations, str) or not isinstance(locations, Sequence):
                raise ServiceConfigurationError(
                    f"a StaticDiscoveryStrategy has {type(locations).__name__} for {name!r}: write "
                    "a list of URLs"
                )
            try:
                self._services[check_registered_name(name)] = [*map(check_location, locations)]
            except (TypeError, ValueError) as error:
                raise ServiceConfigurationError(
                    f"a StaticDiscoveryStrategy can't use {name!r}: {error}"
                ) from None

    def ping(self, name: str, location: str, **kwargs: Any) -> None:
        """Nothing: who is where was said before."""

    def locate(self, name: str) -> list[str]:
        """The URLs of a name, or of all names that a pattern stands for."""
        names = matching(name, self._services)
        return list(dict.fromkeys(url for each in names for url in self._services[each]))

    def services(self) -> dict[str, list[str]]:
        """What it was given, without the names that have no URL."""
        return {name: [*dict.fromkeys(urls)] for name, urls in self._services.items() if urls}

    def __copy__(self) -> Self:
        return self.renewed()
