"""What the author of a service can set, without calling or overriding anything."""

import os
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tornado import web

from gemstone_config import BaseConfigurator, CommandLineConfigurator, Configurable

from ._container import Container
from ._discovery._cache import ServiceDiscoveryCache
from ._discovery._strategy import BaseDiscoveryStrategy
from ._events._transport import BaseEventTransport
from ._plugins._base import BasePlugin

_DIGITS: Final = re.compile(r"[0-9]{1,5}")


def port_from(value: Any) -> int:
    """The port that somebody gives: a number, or ``random`` for any free one.

    Raises:
        ValueError: it is something else.
    """
    if value == "random":
        return 0
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and _DIGITS.fullmatch(value)):
        port = int(value)
        if 0 <= port <= 65535:
            return port
    raise ValueError("a port is a number from 0 (any free one) to 65535, or random")


class Attributes:
    """The attributes of a service, with their defaults."""

    #: The name of the service, by which others know it. Required.
    name: str | None = None
    #: The address to listen on; ``0.0.0.0`` and ``::`` stand for all.
    host: str = "127.0.0.1"
    #: The port to listen on; 0 stands for any free one, and is replaced by it at the start.
    port: int = 8000
    #: The URL at which others reach the service; by default made of host, port and endpoint.
    accessible_at: str | None = None
    #: The path at which calls are answered.
    endpoint: str = "/api"
    #: The path below which the service says how it is, at ``/live`` and ``/ready``; ``None``
    #: turns that off.
    health_endpoint: str | None = "/health"
    #: To be served over TLS: an :class:`ssl.SSLContext`, or a mapping with ``certfile``,
    #: ``keyfile`` and what else :func:`tornado.netutil.ssl_options_to_context` takes.
    ssl_options: ssl.SSLContext | Mapping[str, Any] | None = None

    #: Where the templates of ``extra_handlers`` are.
    template_dir: str | os.PathLike[str] | None = "."
    #: Folders whose files are served: ``(URL path, folder)``.
    static_dirs: Sequence[tuple[str, str | os.PathLike[str]]] = ()
    #: Tornado request handlers beside the service: ``(pattern, handler class)``, and the
    #: handler's arguments as a third. A :class:`GemstoneCustomHandler` knows its service.
    extra_handlers: Sequence[
        tuple[str, type[web.RequestHandler]]
        | tuple[str, type[web.RequestHandler], Mapping[str, Any]]
    ] = ()

    #: Containers with more methods: instances, classes, or functions that make one.
    modules: Sequence[Container | Callable[[], Container]] = ()
    #: Plugins: instances, classes, functions that make one, or names of installed ones.
    plugins: Sequence[BasePlugin | Callable[[], BasePlugin] | str] = ()
    #: How events travel: transports, classes or functions that make one, or URLs.
    event_transports: Sequence[BaseEventTransport | Callable[[], BaseEventTransport] | str] = ()
    #: How services find each other: strategies, classes or functions that make one, or URLs.
    discovery_strategies: Sequence[
        BaseDiscoveryStrategy | Callable[[], BaseDiscoveryStrategy] | str
    ] = ()
    #: What :meth:`configure` may set.
    configurables: Sequence[Configurable] = [
        Configurable("port", template=port_from, help='the port to listen on, or "random"'),
        Configurable("host", help="the address to listen on"),
        Configurable("accessible_at", help="the URL at which others reach the service"),
        Configurable("endpoint", help="the path at which calls are answered"),
    ]
    #: Where :meth:`configure` looks for values, the last one first: configurators, or classes or
    #: functions that make one.
    configurators: Sequence[BaseConfigurator | Callable[[], BaseConfigurator]] = [
        CommandLineConfigurator()
    ]
    #: ``(function, seconds)``: what is called every so often, without arguments. A plain
    #: function runs in the executor. None runs twice at once.
    periodic_tasks: Sequence[tuple[Callable[..., Any], float]] = ()

    #: Which event loop :meth:`start` and :meth:`start_in_thread` make: ``uvloop``, ``asyncio``, or
    #: ``auto``, which is uvloop where it is installed.
    event_loop: str = "auto"
    #: How many blocking methods run at once; by default four more than there are processors, but
    #: at most 32.
    #:
    #: :meta hide-value:
    max_parallel_blocking_tasks: int = min(32, (os.cpu_count() or 1) + 4)
    #: How many calls of blocking methods may run or wait; beyond, they are answered -32000.
    max_pending_blocking_calls: int = 1_000
    #: How long a method may take, in seconds; then the call is answered -32002.
    method_timeout: float | None = None
    #: How large the body of a request may be, in bytes; beyond, it is answered 413.
    max_body_size: int = 4 * 1024 * 1024
    #: How many calls a batch may have; beyond, it is answered -32600.
    max_batch_size: int = 100
    #: How many calls of one batch are executed at once.
    max_batch_concurrency: int = 16
    #: How many connections may be open; beyond, they are answered 503.
    max_connections: int = 10_000
    #: How long a client may take for the headers of a request, in seconds, and not longer than
    #: ``idle_timeout``; then it is answered 408.
    header_timeout: float = 60.0
    #: How long a connection may be idle, and a client take nothing of an answer, in seconds.
    idle_timeout: float = 60.0
    #: How long a client may take for the body of a request, in seconds; then it is answered 408.
    body_timeout: float = 30.0
    #: Whether a call is cancelled when its client goes away before it is answered.
    cancel_on_disconnect: bool = False

    #: How many events may be with their handlers at once; then no more are read.
    max_concurrent_events: int = 100
    #: How often an event is delivered that handlers fail at, in all; then it goes to the dead
    #: letters. Durable transports only: the others deliver once.
    max_deliveries: int = 5
    #: How large the body of an event may be, in bytes; larger ones are refused.
    max_event_size: int = 4 * 1024 * 1024
    #: How many emitted events may wait for a broker; beyond, their receipts fail.
    emit_buffer_size: int = 10_000
    #: How long an emitted event may wait for a broker, in seconds; then its receipt fails.
    emit_timeout: float = 30.0

    #: How often the service tells the registries where it is, in seconds.
    service_registry_ping_interval: float = 10.0
    #: What keeps the services that :meth:`get_service` finds: a cache, which is copied for each
    #: service, or a class or function that makes one.
    remote_service_cache: ServiceDiscoveryCache | Callable[[], ServiceDiscoveryCache] = (
        ServiceDiscoveryCache
    )

    #: How long idle connections stay open when the service stops, in seconds, so that their
    #: clients learn of it from an answer and not from a failed call.
    drain_grace: float = 5.0
    #: How long a stop may take in all, in seconds.
    shutdown_timeout: float = 30.0

    #: Whether internal errors tell the client what was raised. Not for production.
    debug: bool = False
    #: Whether answers have both members, ``result`` and ``error``, as those of gemstone 0.12.
    legacy_responses: bool = False
