"""The HTTP server: it is given a dispatcher and an application, listens, drains and closes.

This is the seam behind which the engine can be exchanged: nothing outside of ``_http`` knows
that it is Tornado's.
"""

import asyncio
import logging
import socket
import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tornado import httputil
from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.web import Application

from .._rpc._dispatcher import Dispatcher
from ._listen import listen
from ._message import Connection, Message, RpcMessage, StartVisit

#: How many connections the kernel keeps for us while the loop is busy.
_BACKLOG: Final = 1024
#: Tornado accepts up to 128 connections each time that the loop comes round.
_ROUNDS_FOR_BACKLOG: Final = 2 + _BACKLOG // 128
#: How long a call may take to be cancelled, in seconds, when there is no time left.
_CANCEL_TIMEOUT: Final = 1.0
_OVERLOADED: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """What bounds the server: sizes in bytes, times in seconds."""

    endpoint: str
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
        self._dispatcher = dispatcher
        self._application = application
        self._start_visit = start_visit
        self._options = options
        self._logger = logger
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: dict[object, Connection] = {}
        self._draining = False
        self._grace_over = False
        self._changed = asyncio.Event()
        self._engine = _Engine(
            self,
            # Tornado has one clock for both.
            idle_connection_timeout=min(options.header_timeout, options.idle_timeout),
            body_timeout=options.body_timeout,
            max_body_size=options.max_body_size,
        )

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
        self._engine.add_sockets(self._sockets)

    async def drain(self, grace: float, deadline: float) -> list[str]:
        """Take no more connections, and answer what is under way.

        An idle connection stays until one more request was answered on it, with
        ``Connection: close``, or until the grace has passed.

        Args:
            grace: how long idle connections may stay, in seconds.
            deadline: when to give up, in seconds of :func:`time.monotonic`.

        Returns:
            The names of what was not answered.
        """
        self._draining = True
        for connection in self._connections.values():
            connection.ending = True
        self._engine.conn_params.no_keep_alive = True
        # Who stands in the backlog was let in by the kernel, and may have sent a call.
        for _ in range(_ROUNDS_FOR_BACKLOG):
            await asyncio.sleep(0)
        self._close_listeners()
        grace_ends = min(time.monotonic() + grace, deadline)
        await self._until_closed(grace_ends)
        self._grace_over = True
        for connection in list(self._connections.values()):
            if not connection.busy and connection.current is not None:
                connection.current.close()
        await self._until_closed(deadline)
        return sorted(task.get_name() for task in self._tasks)

    async def close(self) -> None:
        """Close what is still open, and cancel what is still being answered.

        What does not let itself be cancelled is left alone.
        """
        self._close_listeners()
        for task in list(self._tasks):
            task.cancel()
        await self._engine.close_all_connections()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CANCEL_TIMEOUT)

    def _close_listeners(self) -> None:
        self._engine.stop()
        # Sockets that were bound, but never served, are not the engine's.
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
        return self._engine.open < self._options.max_connections

    def message_begins(self, key: object, http: HTTP1Connection) -> Message:
        """A connection is idle, and its next message may come at any time."""
        connection = self._connections.setdefault(key, Connection())
        connection.current = http
        connection.busy = False
        connection.ending = self._draining
        self._changed.set()
        if connection.told or self._grace_over:
            http.close()
        return Message(
            self._options.endpoint,
            rpc=partial(self._rpc_message, http, connection),
            application=partial(self._application.start_request, key, http),
            on_headers=partial(setattr, connection, "busy", True),
        )

    def connection_closed(self, key: object) -> None:
        """A connection has ended."""
        self._connections.pop(key, None)
        self._changed.set()

    def _task_begins(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # A task can outlive its connection, so that this may be what drain() waits for.
        self._changed.set()

    def _rpc_message(self, http: HTTP1Connection, connection: Connection) -> RpcMessage:
        return RpcMessage(
            http,
            connection,
            self._dispatcher,
            start_visit=self._start_visit,
            max_body_size=self._options.max_body_size,
            on_task=self._task_begins,
            logger=self._logger,
        )


class _Engine(HTTPServer):
    """Tornado's server, which tells ours about connections and counts them."""

    # Tornado's servers are set up here, not in __init__().
    def initialize(self, server: HttpServer, **options: Any) -> None:  # type: ignore[override]
        super().initialize(server, **options)  # type: ignore[arg-type]
        self._server = server
        self.open = 0

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        if not self._server.has_room():
            stream.write(_OVERLOADED).add_done_callback(lambda _: stream.close())
            return
        self.open += 1
        super().handle_stream(stream, address)

    def start_request(
        self, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> httputil.HTTPMessageDelegate:
        assert isinstance(request_conn, HTTP1Connection)
        return self._server.message_begins(server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        self.open -= 1
        super().on_close(server_conn)
        self._server.connection_closed(server_conn)
