"""What the class of a service says, checked before anything is started."""

import inspect
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gemstone.errors import ServiceConfigurationError, ServiceStateError

from .._backends import mask_password
from .._discovery._names import check_location
from .._http._health import health_paths
from .._marks import describe

if TYPE_CHECKING:
    from .._microservice import MicroService
    from .._rpc._method import ExposedMethod

_COUNTS = (
    "emit_buffer_size",
    "max_batch_concurrency",
    "max_batch_size",
    "max_body_size",
    "max_concurrent_events",
    "max_connections",
    "max_deliveries",
    "max_event_size",
    "max_parallel_blocking_tasks",
    "max_pending_blocking_calls",
)
_EVENT_LOOPS = ("auto", "uvloop", "asyncio")
_LISTS = ("extra_handlers", "periodic_tasks", "static_dirs")
_SWITCHES = ("cancel_on_disconnect", "debug", "legacy_responses")
#: Characters of a URL's path (RFC 3986, section 3.3).
_PATH = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*")
_TIMES = ("body_timeout", "emit_timeout", "header_timeout", "idle_timeout", "shutdown_timeout")


def check_constructed(service: "MicroService") -> None:
    """Look whether the service has what its constructor makes.

    Raises:
        ServiceStateError: it has not.
    """
    if not hasattr(service, "_methods"):
        raise ServiceStateError(
            f"{type(service).__qualname__}.__init__() does not call super().__init__()"
        )


def check_name(service: "MicroService") -> None:
    """Look at the name, the one thing that every service must have.

    Raises:
        ServiceConfigurationError: there is none, or it is no name.
    """
    name = service.name
    if name is None:
        raise ServiceConfigurationError(
            f'{type(service).__qualname__} has no name: give its class one, name = "…"'
        )
    if not isinstance(name, str) or not name or not name.isprintable():
        raise _wrong(service, "name", "a printable string")


def check_settings(service: "MicroService") -> None:
    """Look at everything else.

    Raises:
        ServiceConfigurationError: an attribute has a value that can't work; it says which.
    """
    check_event_loop(service)
    if not _is_host(service.host):
        raise _wrong(service, "host", 'an address, the name of a host, or "" for all addresses')
    port = service.port
    if not _is_integer(port) or not 0 <= port <= 65535:
        raise _wrong(service, "port", "an integer from 0 (any free port) to 65535")
    if not isinstance(service.endpoint, str) or not _PATH.fullmatch(service.endpoint):
        raise _wrong(service, "endpoint", 'a path that begins with "/", as it stands in a URL')
    health = service.health_endpoint
    if health is not None and (
        not isinstance(health, str) or not _PATH.fullmatch(health) or health.endswith("/")
    ):
        raise _wrong(
            service, "health_endpoint", 'a path like "/health", as it stands in a URL, or None'
        )
    if service.endpoint in dict(health_paths(service)):
        raise _wrong(service, "endpoint", "another path than those below health_endpoint")
    if service.accessible_at is not None and not _is_location(service.accessible_at):
        raise _wrong(
            service, "accessible_at", "a URL as 'http://10.0.0.1:8000/api', with a host, or None"
        )
    if not isinstance(service.template_dir, str | os.PathLike | None):
        raise _wrong(service, "template_dir", "the path of a folder, or None")
    for attribute in _COUNTS:
        value = getattr(service, attribute)
        if not _is_integer(value) or value < 1:
            raise _wrong(service, attribute, "an integer of at least 1")
    for attribute in _SWITCHES:
        if not isinstance(getattr(service, attribute), bool):
            raise _wrong(service, attribute, "True or False")
    for attribute in _LISTS:
        value = getattr(service, attribute)
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise _wrong(service, attribute, "a list")
    for attribute in _TIMES:
        if not _is_time(getattr(service, attribute)):
            raise _wrong(service, attribute, "a number of seconds greater than 0")
    if not _is_time(service.drain_grace) and service.drain_grace != 0:
        raise _wrong(service, "drain_grace", "a number of seconds, 0 or more")
    if service.method_timeout is not None and not _is_time(service.method_timeout):
        raise _wrong(service, "method_timeout", "a number of seconds greater than 0, or None")


def check_event_loop(service: "MicroService") -> None:
    """Look at ``event_loop``, the one thing that is needed before a loop runs.

    Raises:
        ServiceConfigurationError: ``event_loop`` is unknown.
    """
    if service.event_loop not in _EVENT_LOOPS:
        raise _wrong(service, "event_loop", '"auto", "uvloop" or "asyncio"')


def check_private_methods(
    service: "MicroService", methods: "dict[str, ExposedMethod]", base: type["MicroService"]
) -> None:
    """See to it that private methods are guarded.

    Raises:
        ServiceConfigurationError: there are some, and nothing says who may call them.
    """
    private = sorted(method.origin for method in methods.values() if method.private)
    guard: Any = service.authenticate_request
    if private and (
        not callable(guard) or getattr(guard, "__func__", None) is base.authenticate_request
    ):
        raise ServiceConfigurationError(
            f"{', '.join(private)} can only be called by those whom authenticate_request() "
            f"lets in: override it in {describe(type(service))}"
        )
    if inspect.isgeneratorfunction(guard) or inspect.isasyncgenfunction(guard):
        raise ServiceConfigurationError(
            f"{describe(guard)} is a generator, which says nothing: make it a plain function, "
            "or a coroutine function with async def"
        )


def _wrong(service: "MicroService", attribute: str, expected: str) -> ServiceConfigurationError:
    return ServiceConfigurationError(
        f"{type(service).__qualname__}.{attribute} is "
        f"{mask_password(repr(getattr(service, attribute)))}: it must be {expected}"
    )


def _is_host(value: Any) -> bool:
    try:
        return isinstance(value, str) and value.encode("idna") is not None  # as a socket does it
    except UnicodeError:
        return False


def _is_location(value: Any) -> bool:
    try:
        return bool(check_location(value))
    except (TypeError, ValueError):
        return False


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9
