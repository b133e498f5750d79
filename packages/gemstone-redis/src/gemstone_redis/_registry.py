"""Which service is where, and until when: what Redis keeps of it, and the scripts that do."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final

import redis

#: What all keys begin with. The braces are a hash tag: a cluster keeps such keys in one place.
PREFIX: Final = "{gemstone.discovery}:"
#: What a user of Redis must be allowed, as ACL SETUSER is told it.
RIGHTS: Final = (
    f"~{PREFIX}* +eval +time +zadd +zrem +zcard +zscore +zrangebyscore +zremrangebyscore "
    "+pttl +pexpire +select"
)

#: Of how many services the locations are asked for at once: Redis does nothing else meanwhile.
_AT_ONCE: Final = 1_000

#: The names of all services. This and the sorted set of each service, which holds its locations,
#: are scored by when an entry expires, in milliseconds of Redis's own clock.
_NAMES: Final = f"{PREFIX}names".encode()
_SERVICE: Final = f"{PREFIX}service:".encode()

_NOW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
# A key lives as long as its longest entry, so that nothing is left behind. A name may be kept for
# longer by another instance, whose entries live longer. What has expired goes first: a script that
# has begun to write may go on when Redis is full, so that nobody is lost then who is there.
_REGISTER: Final = (
    _NOW
    + """
local lifetime = tonumber(ARGV[3])
local function keep(key, member, expiry)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    redis.call('ZADD', key, expiry, member)
    if redis.call('PTTL', key) < lifetime then
        redis.call('PEXPIRE', key, lifetime)
    end
end
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
keep(KEYS[1], ARGV[1], math.max(now + lifetime, tonumber(known or 0)))
keep(KEYS[2], ARGV[2], now + lifetime)
return 1
"""
)
_FORGET: Final = (
    _NOW
    + """
redis.call('ZREM', KEYS[2], ARGV[2])
for _, key in ipairs(KEYS) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
end
if redis.call('ZCARD', KEYS[2]) == 0 then
    redis.call('ZREM', KEYS[1], ARGV[1])
end
return 1
"""
)
_LIVING: Final = (
    _NOW
    + """
local living = {}
for number, key in ipairs(KEYS) do
    living[number] = redis.call('ZRANGEBYSCORE', key, now + 1, '+inf')
end
return living
"""
)


class Registry:
    """The entries of all services, in one database of Redis.

    Every method asks Redis once, but for :meth:`services`, and may be called from any thread.

    Args:
        client: what asks Redis; it must not decode answers.

    Raises:
        redis.RedisError: by every method: Redis can't be asked, or answers with an error, or
            with something else than it was asked.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def register(self, name: str, location: str, lifetime: int) -> None:
        """Keep a location of a service for so many milliseconds from now."""
        self._tell(_REGISTER, name, location, lifetime)

    def forget(self, name: str, location: str) -> None:
        """Keep a location of a service no longer."""
        self._tell(_FORGET, name, location)

    def names(self) -> list[str]:
        """The names of all services."""
        [names] = self._living([_NAMES])
        return [name.decode("utf-8", "surrogateescape") for name in names]

    def services(self) -> dict[str, list[str]]:
        """Where all services are, by name. It asks Redis once more for each thousand of them.

        Names and locations that are no UTF-8 are written as :meth:`locations` does.
        """
        known = {}
        names = self.names()
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            for name, found in zip(some, self._living(map(_key, some)), strict=True):
                known[_text(name.encode("utf-8", "surrogateescape"))] = [*map(_text, found)]
        return {name: locations for name, locations in known.items() if locations}

    def locations(self, names: Iterable[str]) -> set[str]:
        """Where the services of these names are.

        What others have written may be anything. It is given as it is, but for bytes that are no
        UTF-8, which are written as ``\\xff``.
        """
        found = self._living(map(_key, names))
        return {_text(each) for each in chain.from_iterable(found)}

    def close(self) -> None:
        """End all connections."""
        self._client.connection_pool.disconnect()

    def _tell(self, script: str, name: str, *arguments: str | int) -> None:
        if self._run(script, [_NAMES, _key(name)], [name, *arguments]) != 1:
            raise _nonsense()

    def _living(self, of: Iterable[bytes]) -> list[list[bytes]]:
        keys = [*of]
        if not keys:
            return []
        found = self._run(_LIVING, keys, [])
        if not isinstance(found, list) or len(found) != len(keys):
            raise _nonsense()
        if not all(isinstance(each, list) for each in found):
            raise _nonsense()
        if not all(isinstance(member, bytes) for each in found for member in each):
            raise _nonsense()
        return found

    def _run(self, script: str, keys: Sequence[bytes], arguments: Sequence[Any]) -> object:
        # As a whole, each time: it is short, and so there is no need to know which Redis has it.
        return self._client.eval(script, len(keys), *keys, *arguments)


def _key(name: str) -> bytes:
    return _SERVICE + name.encode("utf-8", "surrogateescape")


def _text(written: bytes) -> str:
    return written.decode("utf-8", "backslashreplace")


def _nonsense() -> redis.RedisError:
    return redis.ResponseError("it answers something else than it is asked")
