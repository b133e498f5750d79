"""What a service has found, and its searches for more."""

import threading
import weakref
from concurrent.futures import Future
from typing import TypeAlias

from gemstone.client import RemoteService
from gemstone.errors import ServiceStateError

from .._threads import daemon
from ._cache import ServiceDiscoveryCache
from ._found import FoundService
from ._lookup import Lookups

#: Something that is done when it is known whether there is such a service.
Search: TypeAlias = "Future[RemoteService | None]"


class Finder:
    """Finds services by their names, each once. From any thread.

    Args:
        lookups: asks the registries.
        cache: keeps what was found.
        owner: the name of the service that asks, for the names of threads.
    """

    def __init__(self, lookups: Lookups, cache: ServiceDiscoveryCache, owner: str) -> None:
        self._lookups = lookups
        self._cache = cache
        self._owner = owner
        self._lock = threading.Lock()
        self._searches: dict[str, Search] = {}
        self._found: weakref.WeakSet[FoundService] = weakref.WeakSet()
        self._has_ended = False

    def known(self, name: str) -> RemoteService | None:
        """The service of a name, if it was found before."""
        with self._lock:
            return self._cache.get(name)

    def search(self, name: str) -> Search:
        """Look for a service in another thread; those who ask at the same time share the search.

        Returns:
            A future, which can't be cancelled, of the service, or of ``None`` if it is nowhere.
        """
        with self._lock:
            if name in self._searches:
                return self._searches[name]
            search: Search = Future()
            search.set_running_or_notify_cancel()
            self._searches[name] = search
        thread = daemon(self._do, search, name, name=f"{self._owner}-search {name}")
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more, or the interpreter exits
            self._settle(search, name, error)
        return search

    def end(self, *, wait: bool) -> None:
        """Close everything that was found.

        Args:
            wait: until the calls under way have ended. Blocks.
        """
        with self._lock:
            self._has_ended = True
            found = [*self._found]
        for service in found:
            service.end(wait=False)
        for service in found if wait else ():
            service.end(wait=True)

    def _do(self, search: Search, name: str) -> None:
        outcome: RemoteService | BaseException | None
        try:
            outcome = self.known(name)
            if outcome is None:
                outcome = self._find(name)
            elif not outcome.locations:
                outcome = None
        except BaseException as error:
            outcome = error
        self._settle(search, name, outcome)

    def _settle(
        self, search: Search, name: str, outcome: RemoteService | BaseException | None
    ) -> None:
        with self._lock:
            del self._searches[name]
        if isinstance(outcome, BaseException):
            search.set_exception(outcome)
        else:
            search.set_result(outcome)

    def _find(self, name: str) -> FoundService | None:
        found = FoundService.find(name, self._lookups.locate, lifetime=self._cache.lifetime)
        if found is None:
            return None
        with self._lock:
            is_late = self._has_ended
            if not is_late:
                self._found.add(found)
                self._cache.put(name, found)
        if is_late:
            found.end(wait=False)
            raise ServiceStateError(f"{self._owner} has stopped while it looked for {name!r}")
        return found
