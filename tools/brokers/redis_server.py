"""A private Redis."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .broker import HOST, Address, Broker, find_program, free_ports
from .group import Group

# The tests of the built files run where no client is installed.
if TYPE_CHECKING:
    import redis

#: How connections that look on are called, so that they are not taken for a service's.
_LOOKING_ON = "looking-on"


class RedisAddress(Address):
    """A Redis to look into, whoever started it."""

    def client(self, **options: Any) -> "redis.Redis":
        """A new client of redis-py, which tries once; as a context manager it closes itself."""
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        defaults = {"client_name": _LOOKING_ON, "retry": Retry(NoBackoff(), 0)}
        return redis.Redis.from_url(self.url, **{**defaults, **options})

    def connections(self) -> list[dict[str, Any]]:
        """What CLIENT LIST says of every connection, but for those of our :meth:`client`."""
        with self.client() as client:
            found: Any = client.client_list()
        return [connection for connection in found if connection["name"] != _LOOKING_ON]

    def subscribers(self, channel: str) -> int:
        """How many connections have subscribed to a channel by its name."""
        with self.client(decode_responses=True) as client:
            [(_, count)] = client.pubsub_numsub(channel)
        return int(count)


class Redis(Broker, RedisAddress):
    """A private Redis. It keeps nothing over a kill, unless its options say so.

    Args:
        options: lines of redis.conf; an underscore stands for a hyphen. With ``appendonly="yes",
            appendfsync="always"`` data survive, with ``requirepass`` the URL has the password.
    """

    def __init__(self, **options: str) -> None:
        [port] = free_ports(1)
        password = options.get("requirepass")
        user = f":{quote(password, safe='')}@" if password else ""
        super().__init__(f"redis://{user}{HOST}:{port}/0")
        self._options = {"save": "", "appendonly": "no", **options}

    def _start_processes(self, group: Group, folder: Path) -> None:
        options = {"bind": HOST, "port": str(self.port), "dir": str(folder), **self._options}
        words = [
            word
            for name, value in options.items()
            for word in (f"--{name.replace('_', '-')}", value)
        ]
        group.start([find_program("redis-server"), *words], os.environ)

    def _is_ready(self) -> bool:
        # While it still loads data it says so; that it wants a password is an answer.
        return self._answer_to(b"PING\r\n").startswith((b"+PONG", b"-NOAUTH"))
