"""Discovery by an HTTP registry, which is a service like any other."""

from typing import Any, Final, Self
from urllib.parse import urlsplit

from gemstone import jsonrpc
from gemstone.client import RemoteService, Result
from gemstone.errors import (
    DiscoveryError,
    RemoteServiceError,
    ServiceConfigurationError,
    ServiceStateError,
)

from ._names import check_location
from ._reachability import printable
from ._strategy import BaseDiscoveryStrategy

#: How long the registry may take, in seconds.
_TIMEOUT: Final = 5.0


class HttpDiscoveryStrategy(BaseDiscoveryStrategy):
    """Discovery by a registry that answers JSON-RPC: a :class:`ServiceRegistry`, or 0.12's.

    One that does not know ``unregister``, as 0.12's, goes on giving the location of a service
    that has stopped until that expires.

    Args:
        registry_url: the URL of the registry. A user and a password in it are used for basic
            authentication, and never shown.

    Raises:
        ServiceConfigurationError: it is no such URL.
    """

    def __init__(self, registry_url: str) -> None:
        try:
            check_location(registry_url)
        except (TypeError, ValueError) as error:
            said = str(error).replace("the location of a service", "the URL of the registry", 1)
            raise ServiceConfigurationError(said) from None
        self._url = registry_url
        # Whoever answers a request with a secret in it may repeat that: nothing is quoted then.
        self._has_secret = "@" in registry_url or "?" in registry_url
        self._begin()

    def _begin(self) -> None:
        self._remote: RemoteService | None = None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The strategy of an ``http://`` or ``https://`` URL.

        Raises:
            ServiceConfigurationError: it is no good one.
        """
        return cls(url)

    def ping(self, name: str, location: str, **kwargs: Any) -> None:
        """Tell the registry where a service is.

        Raises:
            DiscoveryError: the registry could not be told.
        """
        self._refuse_error(self._ask("ping", name=name, url=location))

    def locate(self, name: str) -> list[str]:
        """Where the services of a name or pattern are, as the registry says now.

        Raises:
            DiscoveryError: the registry could not be asked, or answered nonsense.
        """
        answer = self._ask("locate_service", name=name)
        self._refuse_error(answer)
        locations = answer.result
        if locations is None:  # what registries of 0.12 may say where nobody is known
            return []
        if not _is_list_of_urls(locations):
            raise DiscoveryError(
                f"the registry {self} answered locate_service with something else than a list of "
                "URLs"
            )
        urls: list[str] = locations
        return urls

    def unregister(self, name: str, location: str) -> None:
        """Tell the registry that a service is not there any more.

        Raises:
            DiscoveryError: the registry could not be told.
        """
        answer = self._ask("unregister", name=name, url=location)
        if answer.error is None or answer.error["code"] != jsonrpc.METHOD_NOT_FOUND:
            self._refuse_error(answer)

    def services(self) -> dict[str, list[str]]:
        """All services that the registry knows now.

        Raises:
            DiscoveryError: the registry could not be asked, has no ``list_services``, or answered
                nonsense.
        """
        answer = self._ask("list_services")
        if answer.error is not None and answer.error["code"] == jsonrpc.METHOD_NOT_FOUND:
            raise DiscoveryError(
                f"the registry {self} can't list services: it has no method list_services (those "
                "of gemstone 0.12 have none)"
            )
        self._refuse_error(answer)
        services = answer.result
        if not isinstance(services, dict) or not all(map(_is_list_of_urls, services.values())):
            raise DiscoveryError(
                f"the registry {self} answered list_services with something else than lists of "
                "URLs by name"
            )
        return {name: urls for name, urls in services.items() if urls}

    def close(self) -> None:
        """Close the connections to the registry."""
        remote, self._remote = self._remote, None
        if remote is not None:
            remote.close(wait=False)

    def __copy__(self) -> Self:
        copied = self.renewed()
        copied._begin()
        return copied

    def __str__(self) -> str:
        parts = urlsplit(self._url)
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return f"{shown}?…" if parts.query else shown

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({str(self)!r})"

    def _ask(self, method: str, **params: str) -> Result:
        try:
            return self._service().call_method(method, params)
        except (RemoteServiceError, ServiceStateError) as error:
            raise DiscoveryError(f"the registry {self} did not answer {method}: {error}") from error

    def _refuse_error(self, answer: Result) -> None:
        if answer.error is None:
            return
        said = f"the error {answer.error['code']}"
        if not self._has_secret:
            told = (answer.error["message"], answer.error.get("data"))
            said = ": ".join([said, *(printable(each) for each in told if isinstance(each, str))])
        raise DiscoveryError(f"the registry {self} answered {_method(answer)} with {said}")

    def _service(self) -> RemoteService:
        # Without a lock, which a fork could leave taken: that two threads make one does no harm.
        remote = self._remote
        if remote is None:
            remote = self._remote = RemoteService(self._url, timeout=_TIMEOUT)
        return remote


def _is_list_of_urls(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _method(answer: Result) -> str:
    return answer.method_call.method_name if answer.method_call is not None else "a call"
