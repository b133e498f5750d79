"""What keeps the services that were found, for one service."""

from collections import OrderedDict
from typing import TYPE_CHECKING, Self

from gemstone.errors import ServiceConfigurationError

if TYPE_CHECKING:
    from gemstone.client import RemoteService


class ServiceDiscoveryCache:
    """Keeps what ``get_service()`` has found: with their connections, and where they are.

    Each service instance has one of its own, which is a copy of the one in
    ``remote_service_cache``. All methods are called by one thread at a time.

    Args:
        lifetime: how long the answer of the registries is good for, in seconds. Then they are
            asked again, before the next call; while they can't be, the last answer is used.
        max_services: how many services are kept; beyond, the one is dropped that nobody has asked
            for the longest. Who still has that one can go on calling it.

    Raises:
        ServiceConfigurationError: an argument is none of that.
    """

    def __init__(self, lifetime: float = 10.0, max_services: int = 1_000) -> None:
        if (
            isinstance(lifetime, bool)
            or not isinstance(lifetime, int | float)
            or not 0 <= lifetime < 1e9
        ):
            raise ServiceConfigurationError(
                f"the lifetime of a {type(self).__qualname__} is {lifetime!r}: it must be a number "
                "of seconds, 0 or more"
            )
        if isinstance(max_services, bool) or not isinstance(max_services, int) or max_services < 1:
            raise ServiceConfigurationError(
                f"max_services of a {type(self).__qualname__} is {max_services!r}: it must be an "
                "integer of at least 1"
            )
        self.lifetime = lifetime
        self.max_services = max_services
        self._kept: OrderedDict[str, RemoteService] = OrderedDict()

    def get(self, name: str) -> "RemoteService | None":
        """The service that is kept under a name or pattern, or ``None``."""
        service = self._kept.get(name)
        if service is not None:
            self._kept.move_to_end(name)
        return service

    def put(self, name: str, service: "RemoteService") -> None:
        """Keep a service.

        Args:
            name: the name or pattern that was asked for.
            service: what was found.
        """
        self._kept[name] = service
        self._kept.move_to_end(name)
        while len(self._kept) > self.max_services:
            self._kept.popitem(last=False)

    def __copy__(self) -> Self:
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied._kept = OrderedDict()
        return copied


class DummyCache(ServiceDiscoveryCache):
    """Keeps no answer of the registries: they are asked before each call.

    The services themselves are kept, as by any other one, because their connections are worth it.
    """

    def __init__(self) -> None:
        super().__init__(lifetime=0.0)
