"""``redis://``, ``rediss://`` and ``unix://`` URLs: what they say, and connections made of them."""

import difflib
import inspect
import math
import re
from collections.abc import Callable, Collection
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.retry import Retry

from gemstone.errors import ServiceConfigurationError
from gemstone_core.event import mask_password

#: Longer ones of a URL count as this many seconds: a broker that hangs is to be found in time.
_LONGEST_TIMEOUT: Final = 10.0
_CONNECT_TIMEOUT: Final = 5.0

#: Options that redis-py knows from other uses of the same URL: for pools, retries and decoding.
_WITHOUT_EFFECT: Final = frozenset(
    {
        "decode_responses",
        "encoding",
        "encoding_errors",
        "health_check_interval",
        "legacy_responses",
        "lib_name",
        "lib_version",
        "max_connections",
        "protocol",
        "retry_on_error",
        "retry_on_timeout",
        "timeout",
    }
)
_CONNECTION_OPTIONS: Final = frozenset({"client_name", "db", "password", "username"})
#: Options that are no strings, so that no URL can have them.
_NOT_IN_URLS: Final = frozenset({"socket_keepalive_options", "socket_type", "ssl_ocsp_context"})
_TIMEOUTS: Final = ("socket_timeout", "socket_connect_timeout")

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f]")
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_YES: Final = frozenset({"1", "on", "true", "yes"})
_NO: Final = frozenset({"0", "off", "false", "no"})


class RedisUrl:
    """A URL that is right as far as that can be told without connecting.

    Args:
        text: the URL.
        owner: what is made of it, for messages.
        schemes: those it may have: each one of redis-py's, or such a one and ``+something``.
        own_options: names of options in its query that are the owner's, and not redis-py's.

    Attributes:
        text: as above. It may hold a password: :func:`str` gives what can be shown.
        timeout: how long the broker may take to answer, in seconds.

    Raises:
        ServiceConfigurationError: a part of it is wrong; the message says which.
    """

    def __init__(
        self,
        text: str,
        owner: str,
        schemes: Collection[str] = ("redis", "rediss", "unix"),
        own_options: Collection[str] = (),
    ) -> None:
        if not isinstance(text, str):
            # It is not shown, because a password may be in it.
            raise ServiceConfigurationError(
                f"the URL of {owner} must be a string, and it is a {type(text).__name__}"
            )
        self.text = text
        self._masked = mask_password(text)
        self._owner = owner
        self._own_options = frozenset(own_options)
        scheme = self._scheme(schemes)
        parts = self._split(scheme)
        self._check_place(parts)
        self._own: dict[str, str] = {}
        kept = self._options(parts)
        pool = self._pool(parts._replace(query="&".join(kept)))
        self._class: type[AbstractConnection] = pool.connection_class
        self._check_names(parts, kept)
        self._arguments: dict[str, Any] = {**pool.connection_kwargs, "protocol": 2}
        for name, default in zip(_TIMEOUTS, (_LONGEST_TIMEOUT, _CONNECT_TIMEOUT), strict=True):
            self._arguments[name] = self._timeout(name, default)
        self.timeout: float = self._arguments["socket_timeout"]
        self._check_arguments()

    def connection(
        self, timeout: float, on_connect: Callable[[Any], None] | None = None
    ) -> AbstractConnection:
        """A new connection, which is not connected yet.

        Args:
            timeout: how long each reading or writing may take, in seconds.
            on_connect: called with the connection when it has a socket, and instead of its own
                ``on_connect()``.
        """
        more = {"socket_timeout": timeout, "redis_connect_func": on_connect}
        return self._class(**{**self._arguments, **more})

    def client(self, connections: int, wait: float, timeout: float) -> redis.Redis:
        """A new client, which connects when it is used. It tries everything once.

        Args:
            connections: how many of them it has at most; it keeps those that it once needed.
            wait: how long it waits for one of them to be free, in seconds.
            timeout: how long each reading or writing may take, in seconds, and half of it each
                attempt to connect, because a host may have two addresses. The URL may make that
                less.
        """
        timeouts = {
            name: min(self._arguments[name], most)
            for name, most in zip(_TIMEOUTS, (timeout, timeout / 2), strict=True)
        }
        make_pool: Any = redis.BlockingConnectionPool  # its constructor has no types
        pool = make_pool(
            max_connections=connections,
            timeout=wait,
            connection_class=self._class,
            retry=Retry(NoBackoff(), 0),
            **{**self._arguments, **timeouts},
        )
        return redis.Redis(connection_pool=pool)

    def flag(self, name: str) -> bool:
        """What one of the owner's options says, which is false if it is not there.

        Raises:
            ServiceConfigurationError: it says something else than yes or no.
        """
        value = self._own.get(name, "0").lower()
        if value not in _YES | _NO:
            raise self._wrong(f"its option {name!r} must be 1 or 0{self._not(value)}")
        return value in _YES

    def seconds(self, name: str) -> float | None:
        """What one of the owner's options says, a number of seconds; none if it is not there.

        Raises:
            ServiceConfigurationError: it says something else.
        """
        value = self._own.get(name)
        if value is None:
            return None
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < math.inf:
            said = self._not(value)
            raise self._wrong(f"its option {name!r} must be a number of seconds above 0{said}")
        return seconds

    def number(self, name: str) -> int | None:
        """What one of the owner's options says, a number above 0; none if it is not there.

        Raises:
            ServiceConfigurationError: it says something else.
        """
        value = self._own.get(name)
        if value is None:
            return None
        if not _NUMBER.fullmatch(value) or not int(value):
            raise self._wrong(f"its option {name!r} must be a number above 0{self._not(value)}")
        return int(value)

    def __str__(self) -> str:
        return self._masked

    def _wrong(self, what: str) -> ServiceConfigurationError:
        return ServiceConfigurationError(f"{self._masked!r} is no URL of {self._owner}: {what}")

    def _not(self, value: str) -> str:
        return "" if self._may_be_secret else f", not {value!r}"

    def _named(self, name: str) -> str:
        return "" if self._may_be_secret else f": {name!r}"

    def _scheme(self, schemes: Collection[str]) -> str:
        match = _SCHEME.match(self.text)
        scheme = match[1].lower() if match else ""
        if scheme not in schemes:
            *others, last = (f"{each}://" for each in schemes)
            must = f"{', '.join(others)} or {last}" if others else last
            raise self._wrong(f"its scheme must be {must}")
        return scheme

    def _split(self, scheme: str) -> SplitResult:
        if _UNPRINTABLE.search(self.text):
            raise self._wrong(
                "there is a space or an unprintable character in it, which must be "
                "percent-encoded, as in %20"
            )
        rest = self.text.partition("://")[2]
        try:
            parts = urlsplit(f"{scheme.partition('+')[0]}://{rest}")
        except ValueError:
            raise self._wrong("its host is none") from None
        # Then what is in the wrong part of it may be half of a password.
        self._may_be_secret = bool(parts.netloc) and "@" in f"{parts.path}{parts.query}"
        if parts.netloc and "@" in f"{parts.path}{parts.fragment}":
            raise self._wrong(
                "what is before the @ is not percent-encoded: write %2F for /, %3F for ?, "
                "%23 for # and %40 for @"
            )
        if parts.fragment:
            raise self._wrong("it has a fragment: write %23 for a #")
        return parts

    def _check_place(self, parts: SplitResult) -> None:
        host = parts.netloc.rpartition("@")[2]
        if parts.scheme == "unix":
            if host:
                raise self._wrong(
                    f"it has a host, {host!r}: the path of a socket comes after three slashes, "
                    "as in unix:///run/redis.sock"
                )
            if parts.path in ("", "/"):
                raise self._wrong("it has no path of a socket, as in unix:///run/redis.sock")
            return
        port = host.rpartition("]")[2].partition(":")[2] if "[" in host else host.partition(":")[2]
        if port and not (_NUMBER.fullmatch(port) and 0 < int(port) < 65536):
            raise self._wrong(f"its port must be a number from 1 to 65535{self._not(port)}")
        database = unquote(parts.path).strip("/")
        if database and not _NUMBER.fullmatch(database):
            raise self._wrong(f"its database must be a number, as in /0{self._not(database)}")

    def _options(self, parts: SplitResult) -> list[str]:
        """Take what is the owner's out of the query, and what has no effect; gives the rest."""
        kept = []
        for option in filter(None, parts.query.split("&")):
            name, is_there, value = option.partition("=")
            if not is_there or not value:
                raise self._wrong(f"an option of it has no value{self._named(name)}")
            if name in self._own_options:
                self._own.setdefault(name, unquote(value))
            elif name not in _WITHOUT_EFFECT:
                kept.append(option)
        return kept

    def _pool(self, parts: SplitResult) -> redis.ConnectionPool:
        # The pool is not used, but to read the URL: it is redis-py's documented way to do so.
        query = parse_qs(parts.query)
        database = query.get("db", ["0"])[0]
        if not _NUMBER.fullmatch(database):
            raise self._wrong(f"its database must be a number{self._not(database)}")
        url = f"{parts.scheme}://{parts.netloc}{parts.path}?{parts.query}"
        try:
            return redis.ConnectionPool.from_url(url, protocol=2)
        except (ValueError, redis.RedisError) as error:
            raise self._wrong(str(error)) from None

    def _check_names(self, parts: SplitResult, kept: Collection[str]) -> None:
        known = _known_options(self._class) | self._own_options
        for option in kept:
            name = option.partition("=")[0]
            if name not in known:
                near = difflib.get_close_matches(name, known | _WITHOUT_EFFECT, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise self._wrong(
                    f"{parts.scheme}:// URLs don't have an option of it{self._named(name)}{hint}"
                )

    def _timeout(self, name: str, default: float) -> float:
        value = self._arguments.get(name, default)
        if not isinstance(value, float) or not value > 0:
            raise self._wrong(f"its option {name!r} must be a number of seconds above 0")
        return min(value, _LONGEST_TIMEOUT)

    def _check_arguments(self) -> None:
        if "socket_read_size" in self._arguments:
            size = str(self._arguments["socket_read_size"])
            if not _NUMBER.fullmatch(size) or not int(size):
                raise self._wrong("its option 'socket_read_size' must be a number of bytes")
            self._arguments["socket_read_size"] = int(size)  # old versions leave it a string
        try:
            self.connection(self.timeout)
        except (redis.RedisError, TypeError, ValueError) as error:
            raise self._wrong(str(error)) from None


def _known_options(connection: type[AbstractConnection]) -> frozenset[str]:
    """The options that a class of connections takes and that can stand in a URL."""
    known = set(_CONNECTION_OPTIONS)
    for each in connection.__mro__[:-1]:
        if "__init__" in vars(each):
            parameters = inspect.signature(vars(each)["__init__"]).parameters
            known.update(name for name in parameters if name.startswith(("socket_", "ssl_")))
    return frozenset(known - _NOT_IN_URLS)
