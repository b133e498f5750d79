"""``FoundService``: what ``get_service()`` gives."""

from gemstone.client import RemoteService


class FoundService(RemoteService):
    """A service that was found by its name, and is kept for all who ask for it."""

    def close(self, *, wait: bool = True) -> None:
        """Nothing: the service that found it closes it, when it stops.

        So ``with self.get_service("users") as users`` closes it for nobody else.
        """

    def end(self, *, wait: bool) -> None:
        """End the threads and close the connections, as ``RemoteService.close`` does."""
        super().close(wait=wait)
