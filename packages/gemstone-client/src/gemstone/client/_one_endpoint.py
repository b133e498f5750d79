"""A service whose one URL is known from the beginning."""

from collections.abc import Collection
from typing import Final

from ._connections import Connections
from ._instance import Instance


class OneEndpoint:
    """Every call goes to the same URL. Stands where :class:`Instances` does.

    It is never set aside: there is nobody else whom a call could go to, so it may as well try.

    Args:
        connections: the connections to it.
    """

    #: Whether a call that reached nobody may find somebody else.
    has_others: Final = False

    def __init__(self, connections: Connections) -> None:
        self._instance = Instance(connections)
        self.shown = connections.shown

    def locations(self, within: float) -> list[str]:
        """The one URL."""
        return [self._instance.connections.endpoint.url]

    def choose(self, tried: Collection[Instance], deadline: float) -> Instance:
        """The one there is."""
        return self._instance

    def count_others(self, tried: Collection[Instance]) -> int:
        """None."""
        return 0

    def has_failed(self, instance: Instance, error: Exception, *, refused: bool) -> None:
        """Nothing comes of it."""

    def close(self, within: float) -> None:
        """Close the connections."""
        self._instance.connections.close()
