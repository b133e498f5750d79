"""What every request of a service is made with, whatever URL it goes to."""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from ._connections import Connections
from ._lanes import Authentication, Template


class Preparation:
    """Headers and authentication, prepared once for each URL. May be used from any thread.

    Args:
        headers: are sent with every request; checked.
        auth: what the service was given to authenticate with; checked.
    """

    def __init__(self, headers: Mapping[str, str], auth: Authentication) -> None:
        self._headers = headers
        self._auth = auth
        self._templates: WeakKeyDictionary[Connections, Template] = WeakKeyDictionary()

    def with_headers(self, headers: Mapping[str, str]) -> "Preparation":
        """The same with more headers."""
        names = {name.lower() for name in headers}
        kept = {name: text for name, text in self._headers.items() if name.lower() not in names}
        return Preparation({**kept, **headers}, self._auth)

    def template(self, connections: Connections) -> Template:
        """The request without its body. Raises as :meth:`Connections.prepare` does."""
        template = self._templates.get(connections)
        if template is None:
            template = self._templates[connections] = connections.prepare(self._headers, self._auth)
        return template
