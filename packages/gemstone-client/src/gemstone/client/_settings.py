"""What a service is made with besides where it is: checked once, for all its connections."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from ._arguments import (
    checked_auth,
    checked_cert,
    checked_max_connections,
    checked_timeout,
    checked_verify,
)
from ._endpoint import Endpoint, checked_headers

if TYPE_CHECKING:
    from requests import PreparedRequest

    from ._connections import Connections

    Path: TypeAlias = str | os.PathLike[str]
    Authentication: TypeAlias = (
        tuple[str, str] | Mapping[str, str] | Callable[[PreparedRequest], PreparedRequest]
    )


class ServiceOptions(TypedDict, total=False):
    """The options of a :class:`RemoteService`, which says what they mean."""

    authentication_method: "Authentication | None"
    timeout: float
    headers: Mapping[str, str] | None
    verify: "bool | Path"
    cert: "Path | tuple[Path, Path] | None"
    max_connections: int


class Settings:
    """The same options, checked.

    Raises:
        TypeError: an option is of the wrong type.
        ValueError: its value can't be used.
    """

    def __init__(
        self,
        *,
        authentication_method: "Authentication | None" = None,
        timeout: float = 30,
        headers: Mapping[str, str] | None = None,
        verify: "bool | Path" = True,
        cert: "Path | tuple[Path, Path] | None" = None,
        max_connections: int = 8,
    ) -> None:
        self.headers = checked_headers(headers, "headers")
        self.auth: Any = checked_auth(authentication_method)
        if isinstance(self.auth, Mapping):
            self.headers |= checked_headers(self.auth, "authentication_method")
        self.timeout = checked_timeout(timeout)
        self.max_connections = checked_max_connections(max_connections)
        self._verify, self._cert = checked_verify(verify), checked_cert(cert)

    def connect(self, endpoint: Endpoint) -> "Connections":
        """Connections to an endpoint; none is opened yet."""
        from ._connections import Connections

        return Connections(endpoint, self._verify, self._cert, self.max_connections)
