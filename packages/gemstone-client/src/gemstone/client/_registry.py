"""Asking an HTTP registry where a service is."""

from typing import TYPE_CHECKING, Final

from ..errors import DiscoveryError, RemoteServiceError
from ._shown import printable

if TYPE_CHECKING:
    from .remote_service import RemoteService

#: Seconds that a registry may take: a call may be waiting for it.
TIMEOUT: Final = 5.0


class HttpRegistry:
    """A registry that answers ``locate_service`` by JSON-RPC, as gemstone's and 0.12's do.

    May be called from any thread.

    Args:
        registry: the registry's own service.
    """

    def __init__(self, registry: "RemoteService") -> None:
        self._registry = registry

    def __call__(self, name: str) -> list[str]:
        """Where a service is, as the registry says it.

        Raises:
            DiscoveryError: it could not be asked, or answered with an error.
        """
        try:
            result = self._registry.call_method("locate_service", {"name": name})
        except RemoteServiceError as exc:
            raise DiscoveryError(
                f"the registry could not be asked where {name!r} is: {exc}"
            ) from exc
        if result.error is not None:
            raise DiscoveryError(
                f"the registry {self._registry.url} does not say where {name!r} is: "
                f"{printable(result.error['message'], 500)} ({result.error['code']})"
            )
        locations: list[str] = result.result
        return locations
