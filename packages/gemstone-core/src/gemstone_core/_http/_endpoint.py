"""The RPC endpoint: one HTTP message on its way to the dispatcher, and the answer back."""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.client import responses
from typing import Any, Final

from tornado import httputil
from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from gemstone.deadlines import TIMEOUT_HEADER
from gemstone.errors import ServiceStateError

from .._rpc._dispatcher import Dispatcher
from ._connection import Connection
from ._handlers import TornadoJsonRpcHandler, Visit
from ._rules import MOST_DIGITS, Refusal, look_at, too_large

#: How long the rest of a body that is too large is read and thrown away, in seconds, so that
#: its sender gets to see the answer before the connection goes.
_LINGER: Final = 5.0
#: What is written at once, in bytes: a client must take so much in its time.
_PIECE: Final = 256 * 1024
#: The slowest that a client may take an answer which is written as one, in bytes a second.
_SLOWEST: Final = 64 * 1024
_PLAIN_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]+")


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    """The ``Date`` header, worked out once a second: each time would be a tenth of a call."""
    return httputil.format_timestamp(second)


#: Makes what carries a request through a Tornado handler that is on a visit.
StartVisit = Callable[[httputil.HTTPServerRequest, Visit], httputil.HTTPMessageDelegate]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What all messages to the RPC endpoint have in common.

    Attributes:
        path: where it is.
        service: the name of the service.
        dispatcher: what answers the bodies.
        start_visit: brings a Tornado handler for calls that need one.
        max_body_size: how large a body may be, in bytes.
        body_timeout: how long its sender may take, in seconds.
        on_task: is told of each task that answers.
        logger: where failures are logged.
    """

    path: str
    service: str
    dispatcher: Dispatcher
    start_visit: StartVisit
    max_body_size: int
    body_timeout: float
    on_task: Callable[[asyncio.Task[None]], None]
    logger: logging.Logger


class RpcMessage(httputil.HTTPMessageDelegate):
    """A message to the RPC endpoint, and its answer. For the dispatcher it is the exchange.

    Args:
        endpoint: whom it is for.
        connection: the connection that it comes by.
        http: what Tornado reads it from, and writes the answer to.

    Attributes:
        came: when its head was there, in seconds of :func:`time.monotonic`.
    """

    def __init__(self, endpoint: Endpoint, connection: Connection, http: HTTP1Connection) -> None:
        self.came = time.monotonic()
        self._endpoint = endpoint
        self._connection = connection
        self._http = http
        self._refusal: Refusal | None = None
        self._refused_early = False
        self._finished = False
        self._chunks: list[bytes] = []
        self._body = b""
        self._size = 0
        self._request: httputil.HTTPServerRequest | None = None
        self._visit: Visit | None = None

    # The exchange, as the dispatcher sees it.

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the message."""
        return self._headers

    @property
    def timeout(self) -> str | None:
        """How long the other side waits for the answer, as it says so."""
        return self._headers.get(TIMEOUT_HEADER)

    @property
    def peer(self) -> str | None:
        """The IP address of the other side."""
        return getattr(self._http.context, "remote_ip", None)

    async def handler(self) -> TornadoJsonRpcHandler:
        """The Tornado handler of this message, brought when it is first asked for.

        Raises:
            ServiceStateError: the message was answered already.
        """
        if self._finished:
            raise ServiceStateError("the request was answered before its handler was asked for")
        if self._visit is None:
            self._visit = Visit()
            # The body was read already: the handler gets to see a message without one.
            request = self._server_request()
            request.body = self._body
            way = self._endpoint.start_visit(request, self._visit)
            way.headers_received(self._start_line, self._headers)
            way.finish()
        return await asyncio.shield(self._visit.handler)

    # The way in.

    def headers_received(self, start_line: Any, headers: httputil.HTTPHeaders) -> None:
        """Look at the headers, and refuse at once what will not be read."""
        self._connection.awaits_client(self._endpoint.body_timeout)
        self._start_line: httputil.RequestStartLine = start_line
        self._headers = headers
        if "?" in start_line.path or not _PLAIN_HOST.fullmatch(headers.get("Host", "")):
            # Raises what is answered by 400.
            self._request = self._server_request()
        self._refusal = look_at(
            start_line.method, headers, self._endpoint.max_body_size, self._endpoint.service
        )
        # A body that is too large is counted here: Tornado would answer 400.
        self._http.set_max_body_size(sys.maxsize)
        if self._refusal is not None and self._refusal.status == 413:
            self._refuse_early(self._refusal)

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body, as long as it is not too large."""
        self._size += len(chunk)
        if self._refusal is None and self._size > self._endpoint.max_body_size:
            self._refusal = too_large(self._endpoint.max_body_size)
            self._refuse_early(self._refusal)
        if self._refusal is None:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    def finish(self) -> None:
        """Answer, now that the body is there."""
        self._connection.awaits_service()
        if self._refused_early:
            self._finish()
        elif self._refusal is not None:
            self._send_refusal(self._refusal)
            self._finish()
        else:
            self._endpoint.on_task(asyncio.get_running_loop().create_task(self._answer()))

    def on_connection_close(self) -> None:
        """Drop the part of the body that has come: the other side went away."""
        self._chunks.clear()

    # The way out.

    async def _answer(self) -> None:
        self._body = b"".join(self._chunks)
        self._chunks.clear()
        answer = None
        try:
            answer = await self._endpoint.dispatcher.dispatch(self._body, self)
            if self._visit is not None:
                self._hand_over(await self._visit.handler, answer or b"")
            else:
                await self._send_slowly(answer or b"")
                self._finish()
        except StreamClosedError:
            pass  # the client went away
        except BaseException as error:
            self._http.close()
            if not isinstance(error, Exception):
                raise
            self._endpoint.logger.exception("An answer could not be sent to %s", self.peer)
        finally:
            if self._visit is not None:
                self._visit.answer.set_result(answer)

    def _hand_over(self, handler: TornadoJsonRpcHandler, answer: bytes) -> None:
        """Let the handler send the answer, which it does as soon as it is known."""
        if self._connection.ending:
            self._connection.told = True
            handler.set_header("Connection", "close")
        # Tornado writes it as one, and does not tell how much of it was taken.
        patience = self._connection.patience + len(answer) / _SLOWEST
        self._connection.awaits_client(patience, taking=len(answer) > _PIECE)

    async def _send_slowly(self, answer: bytes) -> None:
        """Send an answer no faster than the client takes it; a client must take some of it."""
        written = self._send(200, answer[:_PIECE], {}, len(answer))
        self._connection.sender = asyncio.current_task()
        for begin in range(_PIECE, len(answer), _PIECE):
            await written
            self._connection.awaits_client(taking=True)
            written = self._http.write(answer[begin : begin + _PIECE])
        self._connection.sender = None

    def _refuse_early(self, refusal: Refusal) -> None:
        self._refused_early = True
        self._connection.ending = True
        self._send_refusal(refusal)
        awaits_go_ahead = self._headers.get("Expect", "").lower() == "100-continue"
        if awaits_go_ahead or len(self._headers.get("Content-Length", "")) > MOST_DIGITS:
            # Nothing has been sent yet, or what Tornado can't even count: it would answer 400.
            self._finish()
        else:
            self._connection.awaits_client(_LINGER)

    def _send_refusal(self, refusal: Refusal) -> None:
        body = self._endpoint.dispatcher.refuse(refusal.reason)
        self._send(
            refusal.status, b"" if self._start_line.method == "HEAD" else body, refusal.headers
        )

    def _send(
        self, status: int, body: bytes, more: Mapping[str, str], length: int | None = None
    ) -> Awaitable[None]:
        headers = httputil.HTTPHeaders(more)
        if body:
            headers["Content-Type"] = "application/json"
        length = len(body) if length is None else length
        headers["Content-Length"] = str(length)
        headers["Date"] = _date(int(time.time()))
        if self._connection.ending:
            headers["Connection"] = "close"
            self._connection.told = True
        line = httputil.ResponseStartLine("", status, responses[status])
        if not self._refused_early:
            self._connection.awaits_client(taking=length > _PIECE)
        return self._http.write_headers(line, headers, body)

    def _finish(self) -> None:
        if not self._finished:
            self._finished = True
            self._http.finish()

    def _server_request(self) -> httputil.HTTPServerRequest:
        if self._request is None:
            self._request = httputil.HTTPServerRequest(
                start_line=self._start_line, headers=self._headers, connection=self._http
            )
        return self._request
