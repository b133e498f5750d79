"""``ServiceRegistry``: a registry of services that is a service itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tornado.ioloop import IOLoop

from gemstone import jsonrpc
from gemstone.errors import RpcError, ServiceConfigurationError

from .._exposed import exposed_method
from .._microservice import MicroService
from .._rpc._dispatcher import Dispatcher
from ._entries import Entries
from ._names import check_location, check_name, check_registered_name


class ServiceRegistry(MicroService):
    """A registry of services, for those that list its URL in their ``discovery_strategies``.

    ::

        ServiceRegistry().start()  # http://127.0.0.1:8000/api

    It keeps everything in memory. After a restart all services are known again as soon as each
    has sent a heartbeat, and meanwhile their callers go on with what they knew.

    Whoever can reach it can register anything: it belongs into a network of one's own.
    """

    name = "service_registry"

    #: How long a service is known after its last heartbeat, in seconds.
    time_to_live: float = 30.0
    #: How many locations may be known, of all services; beyond, they are answered -32000.
    max_locations: int = 10_000

    def __init__(self, io_loop: IOLoop | None = None) -> None:
        self._entries = Entries()
        super().__init__(io_loop)

    # On the event loop, all of them: so they need no lock.

    @exposed_method()
    async def ping(self, name: Any, url: Any) -> None:
        """Note that a service is at a URL, for ``time_to_live`` seconds.

        Args:
            name: the name of the service.
            url: where it is.
        """
        with _checking():
            check_registered_name(name)
            check_location(url)
        if not self._entries.put(name, url, self.time_to_live, self.max_locations):
            raise RpcError(
                jsonrpc.BUSY,
                "Busy",
                f"the registry knows {self.max_locations:,} locations already, and takes no more",
            )

    @exposed_method()
    async def locate_service(self, name: Any) -> list[str]:
        """Where a service is.

        Args:
            name: its name, or a pattern like ``project.worker.*``.

        Returns:
            The URLs of its instances; none if it is not known.
        """
        with _checking():
            check_name(name)
        return self._entries.locate(name)

    @exposed_method()
    async def unregister(self, name: Any, url: Any) -> None:
        """Forget that a service is at a URL; if it is not known, nothing.

        Args:
            name: the name of the service.
            url: where it was.
        """
        with _checking():
            check_registered_name(name)
            check_location(url)
        self._entries.remove(name, url)

    @exposed_method()
    async def list_services(self) -> dict[str, list[str]]:
        """All services that are known: their URLs by their names."""
        return self._entries.services()

    def _prepare(self) -> Dispatcher:
        for attribute in ("time_to_live", "max_locations"):
            value = getattr(self, attribute)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
                raise ServiceConfigurationError(
                    f"{type(self).__qualname__}.{attribute} is {value!r}: it must be a number "
                    "greater than 0"
                )
        return super()._prepare()


@contextmanager
def _checking() -> Iterator[None]:
    """Answer what the checks of names and locations raise."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise RpcError(jsonrpc.INVALID_PARAMS, "Invalid params", str(error)) from None
