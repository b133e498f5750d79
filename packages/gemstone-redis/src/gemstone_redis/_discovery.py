"""Discovery over Redis."""

import fnmatch
import re
from collections.abc import Callable
from typing import Any, Final, Self, TypeVar

import redis
from redis.exceptions import NoPermissionError, ReadOnlyError

from gemstone.errors import DiscoveryError, ServiceConfigurationError
from gemstone_core.discovery import (
    BaseDiscoveryStrategy,
    check_location,
    check_name,
    check_registered_name,
)

from ._registry import PREFIX, RIGHTS, Registry
from ._url import RedisUrl

T = TypeVar("T")

#: How many connections a strategy has at most. They are made as threads need them at once.
_CONNECTIONS: Final = 8
#: How long to wait for one of them, and then for Redis, in seconds. A Redis that hangs holds each
#: of them for that long, so that one is free in time, or there is no hope.
_WAIT: Final = 2.0
_TIMEOUT: Final = 3.0
_LONGEST_LIFE: Final = 365 * 24 * 3600.0

_PATTERN: Final = re.compile(r"[*?\[]")
#: Where in a script an error arose.
_PLACE: Final = re.compile(r"\.? script: [0-9a-f]{40}, on @\w+:\d+\.?$")


class RedisDiscoveryStrategy(BaseDiscoveryStrategy):
    """Discovery strategy that keeps in Redis who is where.

    An entry lives `time_to_live` seconds by Redis's own clock, so that those of the services' hosts
    do not matter, and nothing is left of a service that died. All keys begin with
    ``{gemstone.discovery}:``, which is one slot of a cluster. Databases, as in
    ``redis://host/1``, know nothing of each other. It needs Redis 5 or newer.

    Any number of threads may use it at once; they share up to 8 connections, which are made when
    they are needed, and anew in a forked process. Nothing is tried twice, and a Redis that hangs
    is given up within 5 seconds; ``socket_timeout`` in the URL, in seconds, makes that earlier.

    ::

        discovery_strategies = [RedisDiscoveryStrategy("redis://:secret@redis.example:6379/0")]
        discovery_strategies = ["rediss://redis.example?time_to_live=60", "unix:///run/redis.sock"]

    Args:
        redis_url: a ``redis://``, ``rediss://`` or ``unix://`` URL, as redis-py has them. What it
            says of pools, retries and decoding has no effect here. An option ``time_to_live`` in
            it counts before the argument.
        time_to_live: how long a service is found after it has last said where it is, in seconds.

    Attributes:
        time_to_live: as above.

    Raises:
        ServiceConfigurationError: the URL is wrong, or `time_to_live` is no number of seconds;
            the message says what of it.
    """

    def __init__(self, redis_url: str, time_to_live: float = 30) -> None:
        self._url = RedisUrl(redis_url, type(self).__name__, own_options=["time_to_live"])
        own = self._url.seconds("time_to_live")
        self.time_to_live: float = _checked(time_to_live if own is None else own)
        self._begin()

    def _begin(self) -> None:
        """Set what belongs to this one alone."""
        self._registry = Registry(self._url.client(_CONNECTIONS, _WAIT, _TIMEOUT))

    @classmethod
    def from_url(cls, url: str) -> Self:
        """The strategy of a URL: ``cls(url)``."""
        return cls(url)

    def ping(self, name: str, location: str, **kwargs: Any) -> None:
        """Say that a service is at a location, for the next `time_to_live` seconds.

        From any thread; returns when Redis has answered.

        Raises:
            DiscoveryError: it is not certain that Redis knows it; the message says why.
            TypeError: the name or the location is no string.
            ValueError: nobody can have such a name, or be called there.
        """
        check_registered_name(name)
        check_location(location)
        lifetime = max(1, round(self.time_to_live * 1000))
        self._ask(
            f"be told where {name!r} is",
            lambda registry: registry.register(name, location, lifetime),
        )

    def locate(self, name: str) -> list[str]:
        """Where the instances of a service are, as Redis knows now. From any thread.

        A pattern is compared with all names, so that it takes longer the more services there are;
        what else is in Redis does not matter.

        Args:
            name: the name of the service, or a pattern, as :func:`fnmatch.fnmatchcase` has them.

        Returns:
            What was given to :meth:`ping`, in alphabetical order. What others may have written
            into Redis is among it as it is.

        Raises:
            DiscoveryError: Redis could not be asked; the message says why.
            TypeError: the name is no string.
            ValueError: nobody can have such a name.
        """
        check_name(name)

        def locations(registry: Registry) -> set[str]:
            if not _PATTERN.search(name):
                return registry.locations([name])
            names = [each for each in registry.names() if fnmatch.fnmatchcase(each, name)]
            return registry.locations(names)

        return sorted(self._ask(f"be asked where {name!r} is", locations))

    def unregister(self, name: str, location: str) -> None:
        """Say that a service is not at a location any more. From any thread.

        Raises:
            DiscoveryError: it is not certain that Redis knows it; the message says why.
        """
        self._ask(
            f"be told where {name!r} is no longer",
            lambda registry: registry.forget(name, location),
        )

    def services(self) -> dict[str, list[str]]:
        """All services that Redis knows now, by name in alphabetical order. From any thread.

        Raises:
            DiscoveryError: Redis could not be asked; the message says why.
        """
        known = self._ask("be asked for all services", Registry.services)
        return {name: sorted(known[name]) for name in sorted(known)}

    def close(self) -> None:
        """End all connections. From any thread: who waits for an answer gets an error at once.

        The strategy may be used again, and connects anew then.
        """
        closed = self._registry
        self._begin()
        closed.close()

    def __copy__(self) -> Self:
        copied = self.renewed()
        copied._begin()
        return copied

    def __str__(self) -> str:
        return str(self._url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, time_to_live={self.time_to_live:g})"

    def _ask(self, what: str, question: Callable[[Registry], T]) -> T:
        try:
            return question(self._registry)
        # Not only redis-py's errors: it raises anything when a connection is closed under it.
        except Exception as error:
            raise DiscoveryError(f"{self} could not {what}: {_reason(error)}") from error


def _checked(time_to_live: object) -> float:
    if (
        not isinstance(time_to_live, int | float)
        or isinstance(time_to_live, bool)
        or not 0 < time_to_live <= _LONGEST_LIFE
    ):
        raise ServiceConfigurationError(
            "time_to_live must be a number of seconds above 0, and at most a year, not "
            f"{time_to_live!r}"
        )
    return time_to_live


def _reason(error: Exception) -> str:
    """What an error says, and what can be done about it."""
    said = _PLACE.sub("", str(error)) or type(error).__name__
    hint = ""
    if isinstance(error, NoPermissionError) or "can't run this command" in said:
        hint = f"what its user must be allowed is: {RIGHTS}"
    elif isinstance(error, redis.AuthenticationError):
        hint = "the URL must have the right user and password, as in redis://user:password@host"
    elif isinstance(error, ReadOnlyError):
        hint = "the URL must be that of the Redis it is a replica of"
    elif isinstance(error, redis.TimeoutError):
        hint = "it hangs, or is cut off"
    elif "WRONGTYPE" in said:
        hint = f"something else has written a key that begins with {PREFIX!r}; delete it"
    elif said.startswith("No connection available"):
        hint = f"all {_CONNECTIONS} wait for Redis, which hangs or is too slow"
    return f"{said} ({hint})" if hint else said
