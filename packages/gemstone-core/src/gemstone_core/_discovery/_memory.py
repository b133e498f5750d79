"""``memory://``: discovery within one process, for development and tests."""

import threading
from typing import Any, ClassVar, Final, Self

from gemstone.errors import DiscoveryError, ServiceConfigurationError

from .._backends import memory_name
from ._entries import Entries
from ._names import check_location, check_name, check_registered_name
from ._strategy import BaseDiscoveryStrategy

#: How many locations there may be, of all services.
_LIMIT: Final = 10_000


class MemoryDiscoveryStrategy(BaseDiscoveryStrategy):
    """Discovery within the process: services in it find each other. It needs no registry.

    Args:
        name: strategies of different names know nothing of each other.
        time_to_live: how long a service is found after its last heartbeat, in seconds.

    Raises:
        ServiceConfigurationError: the time is none.
    """

    _registries: ClassVar[dict[str, "_Registry"]] = {}

    def __init__(self, name: str = "", time_to_live: float = 30.0) -> None:
        if (
            isinstance(time_to_live, bool)
            or not isinstance(time_to_live, int | float)
            or not 0 < time_to_live < 1e9
        ):
            raise ServiceConfigurationError(
                f"the time_to_live of a MemoryDiscoveryStrategy is {time_to_live!r}: it must be a "
                "number of seconds greater than 0"
            )
        self.name = name
        self.time_to_live = time_to_live
        self._registry = self._registries.setdefault(name, _Registry())

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The strategy of ``memory://`` or ``memory://name``.

        Raises:
            ServiceConfigurationError: there is more in the URL than a name.
        """
        return cls(memory_name(url, "MemoryDiscoveryStrategy"))

    def ping(self, name: str, location: str, **kwargs: Any) -> None:
        """Note where a service is.

        Raises:
            ValueError: the name or the location is none.
            DiscoveryError: 10,000 locations are known already.
        """
        check_registered_name(name)
        check_location(location)
        with self._registry.lock:
            if not self._registry.entries.put(name, location, self.time_to_live, _LIMIT):
                raise DiscoveryError(
                    f"{self} knows {_LIMIT:,} locations already, and takes no more"
                )

    def locate(self, name: str) -> list[str]:
        """Where the services of a name or pattern are.

        Raises:
            ValueError: nobody can have such a name.
        """
        check_name(name)
        with self._registry.lock:
            return self._registry.entries.locate(name)

    def unregister(self, name: str, location: str) -> None:
        """Forget where a service is."""
        with self._registry.lock:
            self._registry.entries.remove(name, location)

    def services(self) -> dict[str, list[str]]:
        """The locations of all services, by name."""
        with self._registry.lock:
            return self._registry.entries.services()

    def __copy__(self) -> Self:
        return self.renewed()

    def __str__(self) -> str:
        return f"memory://{self.name}"


class _Registry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.entries = Entries()
