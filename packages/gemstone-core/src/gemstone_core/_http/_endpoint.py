"""The RPC endpoint: one message on its way to the dispatcher, and the answer back."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from time import monotonic
from typing import Any, Final

from tornado import httputil

from gemstone.deadlines import TIMEOUT_HEADER
from gemstone.errors import ServiceStateError

from .._rpc._dispatcher import Dispatcher
from .._tasks import begin
from ._answers import CLOSE, GO_AHEAD, KEEP_ALIVE, AnswerWriter
from ._connection import Connection
from ._handlers import TornadoJsonRpcHandler, Visit
from ._head import BadRequest, Head
from ._message import Message, Route
from ._page import tornado_head
from ._rules import MEDIA_TYPES, TOO_LARGE, Refusal, look_at, too_large
from ._tornado import TornadoConnection

#: Makes what carries a request through a Tornado handler that is on a visit.
StartVisit = Callable[[httputil.HTTPServerRequest, Visit], httputil.HTTPMessageDelegate]

_TIMEOUT: Final = TIMEOUT_HEADER.lower().encode()
_MEDIA_TYPES: Final = frozenset(each.encode() for each in MEDIA_TYPES)


class Endpoint:
    """What all messages to the RPC endpoint have in common.

    Args:
        path: where it is.
        service: the name of the service.
        dispatcher: what answers the bodies.
        start_visit: brings a Tornado handler for calls that need one.
        max_body_size: how large a body may be, in bytes.
        cancels: whether a call is cancelled whose client goes away.
        writer: writes the answers.
        logger: where failures are logged.
    """

    __slots__ = (
        "_target",
        "cancels",
        "dispatcher",
        "logger",
        "loop",
        "max_body_size",
        "service",
        "start_visit",
        "writer",
    )

    def __init__(
        self,
        *,
        path: str,
        service: str,
        dispatcher: Dispatcher,
        start_visit: StartVisit,
        max_body_size: int,
        cancels: bool,
        writer: AnswerWriter,
        logger: logging.Logger,
    ) -> None:
        self._target = path.encode()
        self.service = service
        self.dispatcher = dispatcher
        self.start_visit = start_visit
        self.max_body_size = max_body_size
        self.cancels = cancels
        self.writer = writer
        self.logger = logger
        self.loop = asyncio.get_running_loop()

    def route(self, head: Head) -> "RpcRoute":
        """The way of a message with this head.

        Raises:
            BadRequest: its target says more than the path, and Tornado does not take that.
        """
        refusal = timeout = None
        if _TIMEOUT in head.by_name:
            timeout = head.by_name[_TIMEOUT].decode("latin-1")
        if head.target != self._target:
            self._check_target(head)
        if (
            head.verb != b"POST"
            or head.by_name.get(b"content-type") not in _MEDIA_TYPES
            or head.length > self.max_body_size
        ):
            headers = tornado_head(head)[1]
            refusal = look_at(head.verb.decode(), headers, self.max_body_size, self.service)
        return RpcRoute(head, self, timeout, refusal)

    def _check_target(self, head: Head) -> None:
        line, headers = tornado_head(head)
        try:
            httputil.HTTPServerRequest(start_line=line, headers=headers)
        except httputil.HTTPInputError as error:
            raise BadRequest(HTTPStatus.BAD_REQUEST, str(error)) from None


class RpcRoute(Route, eq=False, frozen=True):
    """The way to the dispatcher, or to a refusal.

    Args:
        head: the head of a message.
        endpoint: whom it is for.
        timeout: how long the other side waits for the answer, as it says so.
        refusal: why it is not let in, if it is not.
    """

    _endpoint: Endpoint
    _timeout: str | None
    _refusal: Refusal | None

    def message(self, connection: Connection, body: bytes | None) -> "RpcMessage":
        """A message that has begun to come by a connection, with its body if that has come."""
        return RpcMessage(
            self.head,
            connection,
            self._endpoint,
            0.0 if self._timeout is None else monotonic(),
            self._timeout,
            self._refusal,
            has_come=body is not None,
            _body=body or b"",
        )


class RpcMessage(Message, eq=False):
    """A message to the RPC endpoint, and its answer. For the dispatcher it is the exchange.

    Args:
        head: its head.
        connection: the connection that it comes by.
        endpoint: whom it is for.
        came: when its head was there, in seconds of :func:`time.monotonic`; 0 without a timeout.
        timeout: how long the other side waits for the answer, as it says so.
        refusal: why it is not let in, if it is not.

    Attributes:
        called: the method that it calls, as soon as that is known.
    """

    head: Head
    _connection: Connection
    _endpoint: Endpoint
    came: float
    timeout: str | None
    _refusal: Refusal | None = None
    called: str = ""
    _chunks: list[bytes] | None = None
    _size: int = 0
    _body: bytes = b""
    _headers: httputil.HTTPHeaders | None = None
    _visit: Visit | None = None
    _http: TornadoConnection | None = None

    # The exchange, as the dispatcher sees it.

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the message."""
        if self._headers is None:
            self._headers = tornado_head(self.head)[1]
        return self._headers

    @property
    def peer(self) -> str | None:
        """The IP address of the other side."""
        return self._connection.peer

    async def handler(self) -> TornadoJsonRpcHandler:
        """The Tornado handler of this message, brought when it is first asked for.

        Raises:
            ServiceStateError: the message was answered already.
        """
        if self._connection.current is not self:
            raise ServiceStateError("the request was answered before its handler was asked for")
        if self._visit is None:
            line, headers = tornado_head(self.head)
            self._headers = headers
            self._http = TornadoConnection(self._connection, self)
            # The body was read already: the handler gets to see a message without one.
            request = httputil.HTTPServerRequest(
                start_line=line, headers=headers, connection=self._http, body=self._body
            )
            self._visit = visit = Visit()
            way = self._endpoint.start_visit(request, visit)
            way.headers_received(line, headers)
            way.finish()
        return await asyncio.shield(self._visit.handler)

    # The way in.

    def take_turn(self) -> None:
        """Refuse at once what will not be read, and let come what is waited for."""
        if self.has_come:
            self._begin()
        elif self._refusal is not None and self._refusal.status == TOO_LARGE:
            self._refuse(self._refusal)
        elif self.head.wants_go_ahead:
            self._connection.write(GO_AHEAD)

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body, as long as it is not too large."""
        endpoint = self._endpoint
        self._size += len(chunk)
        if self._size > endpoint.max_body_size:
            self._chunks, self._body = None, b" "
            self._refusal = self._refusal or too_large(endpoint.max_body_size)
            if self._connection.current is self:
                self._refuse(self._refusal)
        elif not self._body:
            self._body = chunk
        elif self._chunks is None:
            self._chunks = [self._body, chunk]
        else:
            self._chunks.append(chunk)

    def finish(self) -> None:
        """Answer, now that the body is there."""
        self.has_come = True
        if self._connection.current is self:
            self._begin()

    def abandon(self) -> None:
        """The client went away: its call goes on unheard, unless it is to be cancelled."""
        self._chunks = None
        if self._http is not None:
            self._http.close(tell=True)
        if self.task is not None and self._endpoint.cancels:
            self.task.cancel()

    # The way out.

    def _begin(self) -> None:
        if self._refusal is not None:
            self._refuse(self._refusal)
            return
        if self._chunks is not None:
            self._body = b"".join(self._chunks)
            self._chunks = None
        endpoint = self._endpoint
        answering = self._answer(endpoint.dispatcher.dispatch(self._body, self))
        task = begin(endpoint.loop, answering, name=self.called or "call")
        if not task.done():
            self.task = task

    async def _answer(self, answering: Coroutine[Any, Any, bytes | None]) -> None:
        answer = None
        connection = self._connection
        try:
            answer = await answering
            if self._visit is not None:
                await self._visit.handler
            elif not connection.is_lost:
                self._send(answer)
        except BaseException as error:
            connection.abort()
            if not isinstance(error, Exception):
                raise
            self._endpoint.logger.exception("An answer could not be sent to %s", self.peer)
        finally:
            if self._visit is not None:
                self._visit.answer.set_result(answer)
            # The task knows this message by its context: else only the garbage collector, which has
            # enough to do, would find that nobody needs the two any more.
            self.task = None

    def _send(self, answer: bytes | None) -> None:
        connection, head = self._connection, self.head
        ends, line = False, b""
        if head.is_1_0 or not head.keeps_alive or connection.server.is_draining:
            ends = connection.ends_with(self)
            line = self._line(ends)
        connection.answer(self._endpoint.writer.answer(answer, line), ends=ends)

    def _refuse(self, refusal: Refusal) -> None:
        ends = self._connection.ends_with(self)
        answer = self._endpoint.writer.refusal(
            refusal.status,
            refusal.reason,
            self._line(ends),
            headers=refusal.headers,
            is_head=self.head.verb == b"HEAD",
        )
        self._connection.answer(answer, ends=ends)

    def _line(self, ends: bool) -> bytes:
        if ends:
            return CLOSE
        return KEEP_ALIVE if self.head.is_1_0 else b""
