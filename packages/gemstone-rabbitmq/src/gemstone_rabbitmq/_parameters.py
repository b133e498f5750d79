"""Where and how to connect: what the constructor is given, and what a URL says."""

import inspect
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from gemstone.errors import ServiceConfigurationError
from gemstone_core.event import mask_password

from ._pika import connection_parameters, pika

_GUEST: Final = "guest"
#: A connection of which nothing is heard is given up after one and at most two times
#: (heartbeat + 5) seconds: that is how pika looks after it.
_DEFAULTS: Final = {"heartbeat": 4, "socket_timeout": 5.0, "stack_timeout": 10.0}
#: What is said otherwise than by an option.
_NOT_OPTIONS: Final = ("self", "host", "port", "kwargs")
_OPTIONS: Final = tuple(
    name
    for name in inspect.signature(pika.ConnectionParameters.__init__).parameters
    if name not in _NOT_OPTIONS
)
#: The options that a URL can say, and how their values are read.
_URL_OPTIONS: Final[Mapping[str, Callable[[str], Any]]] = {
    "blocked_connection_timeout": float,
    "channel_max": int,
    "connection_attempts": int,
    "frame_max": int,
    "heartbeat": int,
    "locale": str,
    "retry_delay": float,
    "socket_timeout": float,
    "stack_timeout": float,
}
#: Files for TLS; the names are those that RabbitMQ's own clients know.
_TLS_FILES: Final = ("cacertfile", "certfile", "keyfile")


def build_parameters(
    host: str, port: int, username: str, password: str, options: Mapping[str, Any]
) -> Any:
    """The parameters of connections.

    Raises:
        ServiceConfigurationError: one of them is wrong; the message says which.
    """
    if not isinstance(host, str) or not host.strip():
        raise _wrong("host", f"{host!r} is no name or address of a host")
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:
        raise _wrong("port", f"{port!r} is no number from 1 to 65535")
    if not isinstance(username, str) or not isinstance(password, str):
        raise _wrong("username and password", "they must be strings")
    for name, value in options.items():
        _check_option(name, value)
    if "credentials" in options and username:
        raise _wrong("option 'credentials'", "give credentials, or a user name, but not both")
    credentials = pika.PlainCredentials(username or _GUEST, password if username else _GUEST)
    arguments = {"credentials": credentials, **_DEFAULTS, **options}
    return connection_parameters(host=host, port=port, **arguments)


def shown_url(parameters: Any, kind: str = "") -> str:
    """The URL that says the same, with its password masked.

    Args:
        parameters: of connections.
        kind: what is added to the scheme.
    """
    scheme = ("amqp" if parameters.ssl_options is None else "amqps") + kind
    user = getattr(parameters.credentials, "username", None)
    login = "" if user is None else f"{quote(user, safe='')}:***@"
    host = f"[{parameters.host}]" if ":" in parameters.host else parameters.host
    vhost = "" if parameters.virtual_host == "/" else quote(parameters.virtual_host, safe="")
    return f"{scheme}://{login}{host}:{parameters.port}/{vhost}"


def parse_url(url: str, kind: str = "") -> dict[str, Any]:
    """The arguments of the constructor, as a URL says them.

    Args:
        url: the URL.
        kind: what is added to its scheme.

    Raises:
        ServiceConfigurationError: a part of it is wrong; the message says which.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise _wrong_url(url, "host", "the brackets of an IPv6 address do not match") from None
    if parts.scheme not in (f"amqp{kind}", f"amqps{kind}"):
        raise _wrong_url(url, "scheme", f"it must be amqp{kind} or amqps{kind}")
    parts = parts._replace(scheme=parts.scheme.removesuffix(kind))
    default_port = 5672 if parts.scheme == "amqp" else 5671
    if parts.fragment:
        raise _wrong_url(url, "fragment", "there must be none; in a password, write # as %23")
    return {
        "host": unquote(host) if host else "127.0.0.1",
        "port": _port(url, parts) or default_port,
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "virtual_host": _virtual_host(url, parts.path),
        **_options(url, parts),
    }


def _port(url: str, parts: SplitResult) -> int | None:
    # What stands there is not shown: it may be the begin of a password with a "/" in it.
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise _wrong_url(
            url,
            "port",
            "it is no number from 1 to 65535 (in a user name or a password, write / as %2F, "
            "? as %3F and # as %23)",
        )
    return port


def _virtual_host(url: str, path: str) -> str:
    if "/" in path[1:]:
        raise _wrong_url(url, "virtual host", "write a / in its name as %2F")
    return unquote(path[1:]) or "/"


def _options(url: str, parts: SplitResult) -> dict[str, Any]:
    options: dict[str, Any] = {}
    files: dict[str, str] = {}
    for name, said in parse_qsl(parts.query, keep_blank_values=True):
        if name in options or name in files:
            raise _wrong_url(url, f"option {name!r}", "it is there twice")
        if name in _TLS_FILES and parts.scheme == "amqps":
            files[name] = said
            continue
        if name not in _URL_OPTIONS:
            known = [*_URL_OPTIONS, *(_TLS_FILES if parts.scheme == "amqps" else ())]
            raise _wrong_url(
                url, f"option {name!r}", f"it is unknown; a URL may say {', '.join(known)}"
            )
        read = _URL_OPTIONS[name]
        try:
            options[name] = read(said)
            _check_option(name, options[name])
        except (ValueError, ServiceConfigurationError):
            raise _wrong_url(
                url, f"option {name!r}", f"{said!r} is no value for it ({read.__name__})"
            ) from None
    if parts.scheme == "amqps":
        options["ssl_options"] = _ssl_options(url, files)
    return options


def _ssl_options(url: str, files: Mapping[str, str]) -> Any:
    if "keyfile" in files and "certfile" not in files:
        raise _wrong_url(url, "option 'keyfile'", "it is of no use without certfile")
    option = "cacertfile"
    try:
        context = ssl.create_default_context(cafile=files.get(option))
        option = "certfile"
        if option in files:
            context.load_cert_chain(files[option], files.get("keyfile"))
    except (OSError, ValueError) as error:
        raise _wrong_url(
            url, f"option {option!r}", f"{files.get(option)!r} can't be read: {error}"
        ) from None
    return pika.SSLOptions(context)


def _check_option(name: str, value: object) -> None:
    if name not in _OPTIONS:
        raise _wrong(f"option {name!r}", f"it is unknown; there are {', '.join(_OPTIONS)}")
    try:
        connection_parameters(**{name: value})
    except (TypeError, ValueError) as error:
        why = f"{type(value).__name__} is no type for it" if name == "credentials" else str(error)
        raise _wrong(f"option {name!r}", why) from None


def _wrong(part: str, why: str) -> ServiceConfigurationError:
    return ServiceConfigurationError(f"the {part} of a RabbitMqEventTransport: {why}")


def _wrong_url(url: str, part: str, why: str) -> ServiceConfigurationError:
    return ServiceConfigurationError(f"the {part} of {mask_password(url)!r}: {why}")
