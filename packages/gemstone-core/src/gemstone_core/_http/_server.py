"""The HTTP server: it is given a dispatcher and an application, listens, drains and closes.

This is the seam behind which the engine can be exchanged: nothing outside of ``_http`` knows how
messages are read and answers written.
"""

import asyncio
import logging
import resource
import socket
import ssl
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from msgspec import Struct
from tornado.iostream import IOStream
from tornado.web import Application

from .._rpc._dispatcher import Dispatcher
from .._tasks import begin
from ._acceptor import Acceptor
from ._answers import CLOSE, OVERLOADED, AnswerWriter
from ._clock import Clock
from ._connection import LINGER, NEVER, Connection
from ._endpoint import Endpoint, StartVisit
from ._head import BadRequest, Head
from ._message import Route
from ._page import PageRoute
from ._reader import KnownRoutes
from ._rules import split_target
from ._tls import FewHandshakes

#: How long a call may take to be cancelled, in seconds, when there is no time left.
_CANCEL_TIMEOUT: Final = 1.0
#: What a process opens besides its connections: sockets, logs, databases, modules.
_OTHER_FILES: Final = 64
#: How much is read from a connection at once, in bytes.
_READ: Final = 64 * 1024


class HttpOptions(Struct, eq=False, frozen=True):
    """What is served and how, and what bounds it: sizes in bytes, times in seconds."""

    endpoint: str
    service: str
    tls: ssl.SSLContext | None
    max_body_size: int
    max_connections: int
    header_timeout: float
    idle_timeout: float
    body_timeout: float
    cancel_on_disconnect: bool


class HttpServer:
    """Serves one service on one port. To be used on the event loop's thread only.

    Args:
        dispatcher: answers what comes to the RPC endpoint.
        application: answers everything else.
        start_visit: brings a Tornado handler for calls that need one.
        options: the limits.
        logger: where failures are logged.

    Attributes:
        clock: the time of the connections.
        known_routes: the heads that are known, with where their messages go.
        patience: how long a connection waits for what it waits for, in ticks.
        is_draining: whether connections are to end with what is under way.
        closes_idle: whether they have no time left for anything else.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        application: Application,
        start_visit: StartVisit,
        options: HttpOptions,
        logger: logging.Logger,
    ) -> None:
        head_timeout = min(options.header_timeout, options.idle_timeout)
        self.clock = Clock(min(1.0, head_timeout / 4, options.body_timeout / 4))
        self.logger = logger
        self.is_draining = False
        self.closes_idle = False
        idle, head, body = map(
            self.clock.ticks, (options.idle_timeout, head_timeout, options.body_timeout)
        )
        self.patience = (idle, head, body, NEVER // 2, idle)
        self._application = application
        self._options = options
        self._max_connections = _affordable(options.max_connections, logger)
        self.known_routes = KnownRoutes()
        self._writer = AnswerWriter(dispatcher.refuse, self.clock)
        self._endpoint = Endpoint(
            path=options.endpoint,
            service=options.service,
            dispatcher=dispatcher,
            start_visit=start_visit,
            max_body_size=options.max_body_size,
            cancels=options.cancel_on_disconnect,
            writer=self._writer,
            logger=logger,
        )
        self._target = options.endpoint.encode()
        self._loop = asyncio.get_running_loop()
        self._acceptor = Acceptor(self._let_in)
        self._few_handshakes = FewHandshakes(logger)
        self._opening: dict[Connection, asyncio.Task[None]] = {}
        self._connections: set[Connection] = set()
        self._detached: dict[IOStream, asyncio.Transport] = {}
        #: What answers calls whose clients went away.
        self._unheard: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._sweeper: asyncio.TimerHandle | None = None
        self._buffer = memoryview(bytearray(_READ))

    def bind(self, host: str, port: int) -> int:
        """Take the port; who connects from now on waits until :meth:`accept`.

        Returns:
            The port, which the system chose if `port` is 0.

        Raises:
            ServiceAddressError: the port is taken, or there is no such address here.
        """
        return self._acceptor.bind(host, port)

    def accept(self) -> None:
        """Begin to serve those who connect."""
        self._acceptor.start()
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
        self.is_draining = True
        self._acceptor.stop()
        await self._until_closed(min(time.monotonic() + grace, deadline))
        self.closes_idle = True
        self._close_others()
        for connection in list(self._connections):
            connection.close_if_idle()
        await self._until_closed(deadline)
        tasks = self._tasks()
        if not tasks and self._connections:
            return [f"{len(self._connections)} requests to web pages"]
        return sorted(f"the call of {task.get_name()}" for task in tasks)

    async def close(self) -> None:
        """Close what is still open, and cancel what is still being answered.

        What does not let itself be cancelled is left alone.
        """
        self._acceptor.close()
        self._close_others()
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        for connection in list(self._connections):
            connection.abort()
        for transport in list(self._detached.values()):
            transport.abort()
        await self._until_closed(time.monotonic() + _CANCEL_TIMEOUT, and_detached=True)
        if self._sweeper is not None:
            self._sweeper.cancel()

    # What its connections ask and tell.

    def route(self, head: Head) -> Route:
        """Where a message with this head goes.

        Raises:
            BadRequest: it can go nowhere.
        """
        target = head.target
        if target == self._target or self._is_endpoint(target):
            return self._endpoint.route(head)
        return PageRoute(head, self._application, self._options.max_body_size, self.logger)

    def refusal(self, bad: BadRequest) -> bytes:
        """The last answer of a connection by which something came that can't be answered."""
        return self._writer.refusal(bad.status, bad.reason, CLOSE)

    def connection_made(self, connection: Connection) -> None:
        """A connection is there."""
        self._opening.pop(connection, None)
        self._connections.add(connection)

    def connection_lost(self, connection: Connection) -> None:
        """A connection has ended; what answers its call may go on."""
        self._connections.discard(connection)
        task = connection.current.task if connection.current is not None else None
        if task is not None and not task.done():
            self._unheard.add(task)
            task.add_done_callback(self._unheard_ended)
        self._changed.set()

    def detached(
        self, connection: Connection, stream: IOStream, transport: asyncio.Transport
    ) -> None:
        """A connection has become a stream of somebody else."""
        self._connections.discard(connection)
        self._detached[stream] = transport
        self._changed.set()

    def stream_closed(self, stream: IOStream) -> None:
        """Which has ended."""
        self._detached.pop(stream, None)
        self._changed.set()

    def _is_endpoint(self, target: bytes) -> bool:
        """Whether a target that is not the endpoint's to the letter stands for it."""
        authority, path = split_target(target.decode("latin-1"))
        if authority == "":  # RFC 9110, section 4.2.1
            raise BadRequest(HTTPStatus.BAD_REQUEST, "the target names no host")
        return path.partition("?")[0] == self._options.endpoint

    def _let_in(self, accepted: socket.socket) -> None:
        open_ = len(self._connections) + len(self._opening) + len(self._detached)
        if open_ < self._max_connections:
            accepted.setblocking(False)
            with suppress(OSError):  # some systems say so of one that is gone already
                # asyncio's own loop does this only for sockets that name their protocol.
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = self._make_connection()
            task = begin(self._loop, self._open(connection, accepted), name="connection")
            if not task.done():
                self._opening[connection] = task
            return
        with accepted, suppress(OSError):
            # Over TLS it could be told only after a handshake, which may never come.
            if self._options.tls is None:
                accepted.setblocking(False)
                accepted.send(OVERLOADED)

    async def _open(self, connection: Any, accepted: socket.socket) -> None:
        """Make a connection of a socket."""
        tls = self._options.tls
        limits: dict[str, float] = {}
        if tls is not None:
            limits["ssl_handshake_timeout"] = self._options.header_timeout
            limits["ssl_shutdown_timeout"] = LINGER
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection, accepted, ssl=tls, **limits
            )
        except (OSError, TimeoutError) as error:
            accepted.close()
            self._few_handshakes.failed(error)
        finally:
            self._opening.pop(connection, None)
            self._changed.set()

    def _make_connection(self) -> Any:
        if isinstance(self._loop, asyncio.SelectorEventLoop):
            return _BufferedConnection(self, self._buffer)
        return Connection(self)

    def _unheard_ended(self, task: asyncio.Task[None]) -> None:
        self._unheard.discard(task)
        self._changed.set()

    def _sweep(self) -> None:
        """See to those who are late, and do so again with each tick.

        A timer for each message would be a quarter of a call.
        """
        self.clock.tick()
        now = self.clock.now
        for connection in [each for each in self._connections if each.deadline <= now]:
            connection.late()
        self._sweeper = self._loop.call_later(self.clock.interval, self._sweep)

    def _close_others(self) -> None:
        """Close what is no connection yet, and what is none any more."""
        if self._options.tls is not None:  # a handshake may never come
            for task in self._opening.values():
                task.cancel()
        for stream in list(self._detached):
            stream.close()

    def _tasks(self) -> list[asyncio.Task[None]]:
        """What is answering calls."""
        current = [each.current.task for each in self._connections if each.current is not None]
        return [task for task in (*current, *self._unheard) if task is not None and not task.done()]

    async def _until_closed(self, deadline: float, *, and_detached: bool = False) -> None:
        while (
            self._connections or self._opening or self._unheard or (and_detached and self._detached)
        ):
            self._changed.clear()
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self._changed.wait()
            except TimeoutError:
                return


class _BufferedConnection(Connection, asyncio.BufferedProtocol):
    """A connection that is read into a buffer which all of a loop's connections share.

    asyncio makes one of 256 KiB for each read else, for which the C library may ask the system.
    """

    __slots__ = ("_buffer",)

    def __init__(self, server: HttpServer, buffer: memoryview) -> None:
        super().__init__(server)
        self._buffer = buffer

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to read to."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Something has come."""
        self.data_received(bytes(self._buffer[:nbytes]))


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
