"""A message that Tornado's application answers: web pages, files, health, websockets."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from msgspec import field
from tornado import httputil
from tornado.web import Application

from ._answers import GO_AHEAD
from ._connection import Connection
from ._head import BadRequest, Head, pairs
from ._message import Message, Route
from ._rules import split_target, too_large
from ._tornado import TornadoConnection


class PageRoute(Route, eq=False, frozen=True):
    """The way to the application.

    Args:
        head: the head of a message.
        application: what answers it.
        limit: how large a body may be, in bytes, unless a handler says otherwise.
        logger: where is told what the application has raised.
    """

    _application: Application
    _limit: int
    _logger: logging.Logger

    def message(self, connection: Connection, body: bytes | None) -> "Page":
        """A message that has begun to come by a connection, with its body if that has come."""
        page = Page(self.head, connection, self._application, self._limit, self._logger)
        if body is not None:
            page.has_come = True
            if body:
                page.data_received(body)
        return page


class Page(Message, eq=False):
    """A message, and what the application's delegate is told of it.

    The delegate may take its time with a part of the body: what comes meanwhile waits here, and the
    other side with the rest.

    Args:
        head: its head.
        connection: the connection that it comes by.
        application: what answers it.
        limit: how large its body may be, in bytes, unless its handler says otherwise.
        logger: where is told what the application has raised.
    """

    head: Head
    _connection: Connection
    _application: Application
    _limit: int
    _logger: logging.Logger
    _chunks: deque[bytes] = field(default_factory=deque)
    _size: int = 0
    _delegate: httputil.HTTPMessageDelegate | None = None
    _http: TornadoConnection | None = None
    _is_waited_for: bool = False
    _is_told: bool = False

    def take_turn(self) -> None:
        """Tell the application of the head, and of what has come of the body."""
        self._http = http = TornadoConnection(self._connection, self, self._was_answered)
        try:
            line, headers = tornado_head(self.head)
            self._delegate = delegate = self._application.start_request(self._connection, http)
            self._wait_for(delegate.headers_received(line, headers), then=self._read_body)
        except Exception as error:
            self._failed(error)
        else:
            if not self._is_waited_for:
                self._read_body()

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body, and tell of it as soon as that may be."""
        self._chunks.append(chunk)
        self._go_on()
        if self._chunks and self._delegate is not None:
            self._connection.pause_reading()

    def finish(self) -> None:
        """Tell of the end, as soon as that may be."""
        self.has_come = True
        self._go_on()

    def abandon(self) -> None:
        """Tell the handler that the other side went away."""
        self._chunks.clear()
        delegate, self._delegate = self._delegate, None
        try:
            if self._http is not None:
                self._http.close(tell=self._is_told)
            if delegate is not None and not self._is_told:
                self._is_told = True
                delegate.on_connection_close()
        except Exception:
            self._logger.exception("on_connection_close() failed")

    def _was_answered(self) -> None:
        """The answer is written: what still comes of the body is for nobody."""
        self._chunks.clear()
        self._delegate = None

    def _read_body(self) -> None:
        """The head was taken: now the body may come."""
        if self._http is not None and self._http.max_body_size is not None:
            self._limit = self._http.max_body_size
        if self.head.length > self._limit:
            self._refuse_body()
            return
        if self._http is not None and self._http.body_timeout is not None:
            self._connection.wait_for_body(self._http.body_timeout)
        if self.head.wants_go_ahead and not self.has_come and not self.has_answered:
            self._connection.write(GO_AHEAD)
        self._go_on()

    def _go_on(self) -> None:
        """Tell of what has come, up to where the delegate wants to be waited for."""
        while self._delegate is not None and not self._is_waited_for and not self._is_told:
            try:
                if self._chunks:
                    self._tell(self._delegate, self._chunks.popleft())
                elif self.has_come:
                    self._is_told = True
                    self._delegate.finish()
                else:
                    break
            except Exception as error:
                self._failed(error)
        if not self._chunks:
            self._connection.resume_reading()

    def _tell(self, delegate: httputil.HTTPMessageDelegate, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._limit:
            self._refuse_body()
        else:
            self._wait_for(delegate.data_received(chunk), then=self._go_on)

    def _wait_for(self, outcome: Awaitable[None] | None, then: Callable[[], None]) -> None:
        """Tell the delegate no more until this is done."""
        if outcome is None:
            return

        def go_on(future: "asyncio.Future[None]") -> None:
            self._is_waited_for = False
            error = None if future.cancelled() else future.exception()
            if error is not None:
                self._failed(error)
            elif self._delegate is not None:
                then()

        self._is_waited_for = True
        asyncio.ensure_future(outcome).add_done_callback(go_on)

    def _refuse_body(self) -> None:
        refusal = too_large(self._limit)
        self._connection.fail(BadRequest(refusal.status, refusal.reason))

    def _failed(self, error: BaseException) -> None:
        """The application has raised something that it does not answer itself."""
        if self._connection.current is not self:
            return
        if isinstance(error, httputil.HTTPInputError):
            error = BadRequest(HTTPStatus.BAD_REQUEST, str(error))
        if isinstance(error, BadRequest):
            self._connection.fail(error)
            return
        self._logger.error("A request could not be handled", exc_info=error)
        self._connection.fail(
            BadRequest(HTTPStatus.INTERNAL_SERVER_ERROR, "the request could not be handled")
        )


def tornado_head(head: Head) -> tuple[httputil.RequestStartLine, httputil.HTTPHeaders]:
    """A head, as Tornado has it.

    Raises:
        BadRequest: Tornado does not take it.
    """
    headers = httputil.HTTPHeaders()
    try:
        for name, value in pairs(head.fields):
            headers.add(name.decode("latin-1"), value.rstrip(b" \t").decode("latin-1"))
    except httputil.HTTPInputError as error:
        raise BadRequest(HTTPStatus.BAD_REQUEST, str(error)) from None
    authority, path = split_target(head.target.decode("latin-1"))
    if authority is not None:
        headers["Host"] = authority
    version = "HTTP/1.0" if head.is_1_0 else "HTTP/1.1"
    return httputil.RequestStartLine(head.verb.decode(), path, version), headers
