"""The HTTP server: it is given a dispatcher and an application, listens, drains and closes.

This is the seam behind which the engine can be exchanged: nothing outside of ``_http`` knows
that it is Tornado's.
"""

import asyncio
import logging
import resource
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tornado import httputil
from tornado.http1connection import HTTP1Connection
from tornado.log import gen_log
from tornado.netutil import add_accept_handler
from tornado.web import Application

from .._rpc._dispatcher import Dispatcher
from ._connection import Connection, Message
from ._endpoint import Endpoint, RpcMessage, StartVisit
from ._engine import Engine
from ._listen import listen
from ._tls import FewHandshakes, wrapped

#: How many connections the kernel keeps for us while the loop is busy.
_BACKLOG: Final = 1024
#: How long a call may take to be cancelled, in seconds, when there is no time left.
_CANCEL_TIMEOUT: Final = 1.0
#: What a process opens besides its connections: sockets, logs, databases, modules.
_OTHER_FILES: Final = 64


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """What is served and how, and what bounds it: sizes in bytes, times in seconds."""

    endpoint: str
    service: str
    tls: ssl.SSLContext | None
    max_body_size: int
    max_connections: int
    header_timeout: float
    idle_timeout: float
    body_timeout: float


class HttpServer:
    """Serves one service on one port. To be used on the event loop's thread only.

    Args:
        dispatcher: answers what comes to the RPC endpoint.
        application: answers everything else.
        start_visit: brings a Tornado handler for calls that need one.
        options: the limits.
        logger: where failures are logged.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        application: Application,
        start_visit: StartVisit,
        options: HttpOptions,
        logger: logging.Logger,
    ) -> None:
        self._application = application
        self._max_connections = _affordable(options.max_connections, logger)
        self._endpoint = Endpoint(
            options.endpoint,
            options.service,
            dispatcher,
            start_visit,
            options.max_body_size,
            options.body_timeout,
            on_task=self._task_begins,
            logger=logger,
        )
        self._tls = options.tls
        self._few_handshakes = FewHandshakes()
        self._sockets: list[socket.socket] = []
        self._stop_listening: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: dict[object, Connection] = {}
        self._draining = False
        self._grace_over = False
        self._changed = asyncio.Event()
        self._engine = Engine(self, max_body_size=options.max_body_size)
        # Tornado does not tell when a message begins: one time bounds both.
        self._patience = min(options.header_timeout, options.idle_timeout)
        self._body_timeout = options.body_timeout
        self._sweep_interval = min(1.0, self._patience / 4, self._body_timeout / 4)
        self._sweeper: asyncio.TimerHandle | None = None

    def bind(self, host: str, port: int) -> int:
        """Take the port; who connects from now on waits until :meth:`accept`.

        Returns:
            The port, which the system chose if `port` is 0.

        Raises:
            ServiceAddressError: the port is taken, or there is no such address here.
        """
        self._sockets = listen(host, port, _BACKLOG)
        bound: int = self._sockets[0].getsockname()[1]
        return bound

    def accept(self) -> None:
        """Begin to serve those who connect."""
        if self._tls is not None:
            gen_log.addFilter(self._few_handshakes)
        self._stop_listening = [add_accept_handler(each, self._let_in) for each in self._sockets]
        self._sweep()

    async def drain(self, grace: float, deadline: float) -> list[str]:
        """Take no more connections, and answer what is under way.

        An idle connection stays until one more request was answered on it, with
        ``Connection: close``, or until the grace has passed.

        Args:
            grace: how long idle connections may stay, in seconds.
            deadline: when to give up, in seconds of :func:`time.monotonic`.

        Returns:
            What was not answered, in words.
        """
        self._draining = True
        for connection in self._connections.values():
            connection.ending = True
            connection.patience = min(connection.patience, grace)
        self._patience = min(self._patience, grace)
        self._engine.conn_params.no_keep_alive = True
        self._take_backlog()
        self._close_listeners()
        grace_ends = min(time.monotonic() + grace, deadline)
        await self._until_closed(grace_ends)
        self._grace_over = True
        self._engine.close_detached()
        for connection in list(self._connections.values()):
            connection.close_if_idle()
        await self._until_closed(deadline)
        late = [f"the call of {task.get_name()}" for task in self._tasks]
        if not late and self._engine.open:
            late = [f"{self._engine.open} requests to web pages"]
        return sorted(late)

    async def close(self) -> None:
        """Close what is still open, and cancel what is still being answered.

        What does not let itself be cancelled is left alone.
        """
        self._close_listeners()
        gen_log.removeFilter(self._few_handshakes)
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in list(self._tasks):
            task.cancel()
        self._engine.close_detached()
        await self._engine.close_all_connections()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CANCEL_TIMEOUT)

    def _take_backlog(self) -> None:
        """Accept those who wait: the kernel has let them in, and they may have sent a call."""
        for listener in self._sockets:
            # Nothing else may happen between the last of them and the end of the listener.
            with suppress(OSError):
                while True:
                    self._let_in(*listener.accept())

    def _let_in(self, client: socket.socket, address: Any) -> None:
        with suppress(OSError):  # it went away already
            self._engine.handle_stream(wrapped(client, self._tls), address)

    def _sweep(self) -> None:
        """Close the connections whose clients are late, and do so again and again.

        Tornado's own timeouts take a timer and a task for each message: a quarter of a call.
        """
        now = time.monotonic()
        for connection in list(self._connections.values()):
            connection.close_if_late(now)
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(self._sweep_interval, self._sweep)

    def _close_listeners(self) -> None:
        for stop_listening in self._stop_listening:
            stop_listening()
        self._stop_listening = []
        for listener in self._sockets:
            listener.close()
        self._sockets = []

    async def _until_closed(self, deadline: float) -> None:
        while self._engine.open or self._tasks:
            self._changed.clear()
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self._changed.wait()
            except TimeoutError:
                return

    # What the engine tells of its connections.

    def has_room(self) -> bool:
        """Whether one more connection may be served."""
        return self._engine.open + self._engine.detached() < self._max_connections

    def message_begins(self, key: object, http: HTTP1Connection) -> Message:
        """A connection is idle, and its next message may come at any time."""
        connection = self._connections.setdefault(key, Connection(self._patience))
        connection.http = http
        connection.awaits_client()
        connection.ending = self._draining
        self._changed.set()
        if connection.told or self._grace_over:
            http.close()
        return Message(
            connection,
            self._endpoint.path,
            for_rpc=partial(RpcMessage, self._endpoint, connection, http),
            for_application=partial(self._application_message, key, http),
        )

    def _application_message(
        self, key: object, http: HTTP1Connection
    ) -> httputil.HTTPMessageDelegate:
        # By Tornado's own clock, which handlers that take streams may set.
        http.set_body_timeout(self._body_timeout)
        return self._application.start_request(key, http)

    def connection_closed(self, key: object) -> None:
        """A connection has ended."""
        connection = self._connections.pop(key, None)
        if connection is not None:
            connection.closed()
        self._changed.set()

    def _task_begins(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # A task can outlive its connection, so that this may be what drain() waits for.
        self._changed.set()


def _affordable(max_connections: int, logger: logging.Logger) -> int:
    """How many connections may be open, when each is an open file.

    Without files left, the loop would try to accept the same connection without end.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    affordable = max(1, files - _OTHER_FILES)
    if files == resource.RLIM_INFINITY or affordable >= max_connections:
        return max_connections
    logger.info(
        "The process may open %d files, so that it serves %d connections and not %d: "
        "raise the limit (ulimit -n) or lower max_connections",
        files,
        affordable,
        max_connections,
    )
    return affordable
