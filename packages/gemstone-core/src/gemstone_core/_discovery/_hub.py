"""The discovery of a service: where it tells that it is, and how it finds others."""

import asyncio
import concurrent.futures
import os
import threading
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gemstone.deadlines import current_deadline
from gemstone.errors import DiscoveryError, ServiceConfigurationError, ServiceStateError

from .._backends import mask_password
from .._parts import make_parts
from .._threads import on_event_loop, run_in_thread
from ._backends import strategy_from_url
from ._heartbeat import Heartbeat
from ._names import check_name
from ._reachability import safe_text
from ._settings import check_accessible_at, check_discovery, make_cache
from ._strategy import BaseDiscoveryStrategy

if TYPE_CHECKING:
    from gemstone.client import RemoteService

    from .._microservice import MicroService
    from ._finder import Finder

#: How long a start waits for the first heartbeats, in seconds.
_FIRST_PING: Final = 0.25
#: How long a stop waits until the service is unregistered, in seconds, before it goes on.
_UNREGISTER: Final = 1.0
#: How long the end of a stop waits for a registry that does not answer, in seconds.
_LAST_WAIT: Final = 1.0


_living: "weakref.WeakSet[DiscoveryHub]" = weakref.WeakSet()


class DiscoveryHub:
    """The discovery of one service: its strategies, its heartbeats, and what it has found.

    Args:
        service: whose it is.

    Raises:
        ServiceConfigurationError: a strategy is none.
    """

    def __init__(self, service: "MicroService") -> None:
        self._service = service
        self._begin()
        self._list_strategies()
        _living.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._finder: Finder | None = None
        self._heartbeats: list[Heartbeat] = []
        self._hanging: list[Heartbeat] = []

    def restart_in_child(self) -> None:
        """Forget, in a process just forked, what is done by threads of its parent."""
        self._begin()

    def prepare(self) -> None:
        """Look again at what the service says: it may have changed since it was created.

        Raises:
            ServiceConfigurationError: something of it can't work.
        """
        service = self._service
        if (
            self._listed is not service.discovery_strategies
            or self._listed_cache != service.remote_service_cache
        ):
            self.discard()
            self._list_strategies()
        self.claim()
        if self._strategies:
            check_discovery(service, self._strategies)
            make_cache(service)

    def claim(self) -> None:
        """Tell the strategies to whom they belong.

        Raises:
            ServiceConfigurationError: one of them belongs to another service, which runs.
        """
        for strategy in self._strategies:
            strategy.set_microservice(self._service)

    # Telling where the service is.

    def check_location(self) -> None:
        """Look at where the service is to be registered.

        Raises:
            ServiceConfigurationError: nobody can reach it there.
        """
        if self._registering():
            check_accessible_at(self._service)

    async def register(self) -> None:
        """Begin the heartbeats. Waits a moment for the first ones, so that it is found at once."""
        service = self._service
        self._heartbeats = [
            Heartbeat(
                strategy,
                str(service.name),
                str(service.accessible_at),
                service.service_registry_ping_interval,
                service.logger,
                next((each for each in self._hanging if each.strategy is strategy), None),
            )
            for strategy in self._registering()
        ]
        heartbeats = self._heartbeats
        for heartbeat in heartbeats:
            heartbeat.start()
        deadline = time.monotonic() + _FIRST_PING

        def wait() -> None:
            for heartbeat in heartbeats:
                heartbeat.decided.wait(max(0.0, deadline - time.monotonic()))

        if heartbeats:
            await run_in_thread(wait, f"{service.name}-discovery-start")

    def registrations(self) -> list[tuple[str, bool]]:
        """Each registry that is told of the service, and whether it lists it."""
        return [
            (mask_password(safe_text(each.strategy)), each.is_registered)
            for each in self._heartbeats
        ]

    async def unregister(self) -> None:
        """Let nobody find the service any more. Does not wait for registries that are away."""
        for heartbeat in self._heartbeats:
            heartbeat.ask_to_stop()
        await self._wait_for([each for each in self._heartbeats if each.works], _UNREGISTER)

    async def end(self, within: float) -> list[str]:
        """End everything.

        Args:
            within: when to give up, in seconds.

        Returns:
            What did not end in time; registries that do not answer are none of it.
        """
        await self._wait_for(self._heartbeats, min(_LAST_WAIT, within))
        hanging = [each for each in self._heartbeats if not each.wait(0.0)]
        self._hanging = [each for each in self._hanging if not each.wait(0.0)] + hanging
        self._heartbeats = []
        for heartbeat in hanging:
            heartbeat.give_up()
            self._service.logger.warning(
                "%s does not answer; %s stops without it",
                safe_text(heartbeat.strategy),
                self._service.name,
            )
        finder = self._take_finder()
        if finder is None and not self._strategies:
            return []
        left_over = []
        if finder is not None:
            try:
                await run_in_thread(
                    lambda: finder.end(wait=True), f"{self._service.name}-discovery-end", within
                )
            except TimeoutError:
                left_over.append("a call to another service")
        with suppress(TimeoutError):
            await run_in_thread(
                self._close_strategies, f"{self._service.name}-discovery-close", _LAST_WAIT
            )
        return left_over

    def discard(self) -> None:
        """Close what the service has found, of a service that does not run. From any thread."""
        finder = self._take_finder()
        if finder is not None:
            finder.end(wait=False)
            self._close_strategies()

    # Finding others.

    def get(self, name: str) -> "RemoteService | None":
        """What :meth:`MicroService.get_service` does."""
        self._check(name)
        if on_event_loop():
            raise ServiceStateError(
                f"get_service({name!r}) would block the event loop that runs in this thread: use "
                f"await get_service_async({name!r})"
            )
        finder = self._finder_now()
        known = finder.known(name)
        if known is not None:
            return known if known.locations else None
        search = finder.search(name)
        concurrent.futures.wait([search], _remaining())
        if not search.done():
            raise _late(name)
        return search.result()

    async def get_async(self, name: str) -> "RemoteService | None":
        """What :meth:`MicroService.get_service_async` does."""
        self._check(name)
        search = asyncio.wrap_future(self._finder_now().search(name))
        try:
            await asyncio.wait({search}, timeout=_remaining())
            if not search.done():
                raise _late(name)
            return search.result()
        finally:
            search.cancel()  # the search itself goes on: it is others' too

    def _check(self, name: str) -> None:
        if not self._strategies:
            raise ServiceConfigurationError(
                f"{self._service.name} can't find {name!r}: it has no discovery_strategies. List "
                'some in its class, for example discovery_strategies = ["redis://127.0.0.1:6379"]'
            )
        check_name(name)

    def _finder_now(self) -> "Finder":
        with self._lock:
            if self._finder is None:
                # Only who looks for others needs what calls them.
                from ._finder import Finder
                from ._lookup import Lookups

                self._finder = Finder(
                    Lookups(self._strategies, self._service.logger),
                    make_cache(self._service),
                    str(self._service.name),
                )
            return self._finder

    def _take_finder(self) -> "Finder | None":
        with self._lock:
            finder, self._finder = self._finder, None
        return finder

    def _list_strategies(self) -> None:
        self._listed = self._service.discovery_strategies
        self._listed_cache = self._service.remote_service_cache
        made = make_parts(
            self._listed,
            BaseDiscoveryStrategy,  # type: ignore[type-abstract]  # nobody makes one of it
            "discovery_strategies",
            strategy_from_url,
        )
        # One instance that is listed twice is asked once.
        self._strategies = list({id(each): each for each in made}.values())

    def _registering(self) -> list[BaseDiscoveryStrategy]:
        return [each for each in self._strategies if each.registers]

    async def _wait_for(self, heartbeats: list[Heartbeat], within: float) -> None:
        deadline = time.monotonic() + within

        def wait() -> None:
            for heartbeat in heartbeats:
                heartbeat.wait(deadline)

        if any(not each.wait(0.0) for each in heartbeats):
            await run_in_thread(wait, f"{self._service.name}-discovery-stop")

    def _close_strategies(self) -> None:
        for strategy in self._strategies:
            try:
                strategy.close()
            except BaseException:  # somebody else's; this thread is ours
                shown = safe_text(strategy)
                self._service.logger.exception("close() of %s failed", shown)


def _remaining() -> float | None:
    deadline = current_deadline()
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _late(name: str) -> DiscoveryError:
    return DiscoveryError(f"{name!r} was not found before the deadline of this call")


def _restart_all() -> None:
    for hub in list(_living):
        hub.restart_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart_all)
