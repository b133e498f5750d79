"""One HTTP message: to the dispatcher if it is for the RPC endpoint, else to the application."""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from http.client import responses
from typing import Any, Final

from tornado import httputil
from tornado.http1connection import HTTP1Connection

from .._rpc._dispatcher import Dispatcher
from ._handlers import TornadoJsonRpcHandler, Visit
from ._rules import MOST_DIGITS, Refusal, look_at, split_target, too_large

#: How long the rest of a body that is too large is read and thrown away, in seconds, so that
#: its sender gets to see the answer before the connection goes.
_LINGER: Final = 5.0
_PLAIN_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]+")


class Connection:
    """What is known of one open connection.

    Attributes:
        current: the message that it is at, or waits for.
        busy: whether that message has begun, and was not answered yet.
        ending: whether the next answer is to be the last one.
        told: whether the client was told that it is.
    """

    __slots__ = ("busy", "current", "ending", "told")

    def __init__(self) -> None:
        self.current: HTTP1Connection | None = None
        self.busy = False
        self.ending = False
        self.told = False


#: Makes what carries a request through a Tornado handler that is on a visit.
StartVisit = Callable[[httputil.HTTPServerRequest, Visit], httputil.HTTPMessageDelegate]


class RpcMessage(httputil.HTTPMessageDelegate):
    """A message to the RPC endpoint, and its answer. For the dispatcher it is the exchange.

    Args:
        http: what the message comes by.
        connection: what is known of the connection.
        dispatcher: what answers its body.
        start_visit: brings a Tornado handler for calls that need one.
        max_body_size: how large a body may be, in bytes.
        on_task: is given the task that answers, to keep it until it is done.
        logger: where failures are logged.
    """

    def __init__(
        self,
        http: HTTP1Connection,
        connection: Connection,
        dispatcher: Dispatcher,
        *,
        start_visit: StartVisit,
        max_body_size: int,
        on_task: Callable[[asyncio.Task[None]], None],
        logger: logging.Logger,
    ) -> None:
        self._http = http
        self._connection = connection
        self._dispatcher = dispatcher
        self._start_visit = start_visit
        self._max_body_size = max_body_size
        self._on_task = on_task
        self._logger = logger
        self._refusal: Refusal | None = None
        self._refused_early = False
        self._finished = False
        self._chunks: list[bytes] = []
        self._size = 0
        self._request: httputil.HTTPServerRequest | None = None
        self._visit: Visit | None = None

    # The exchange, as the dispatcher sees it.

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the message."""
        return self._headers

    @property
    def peer(self) -> str | None:
        """The IP address of the other side."""
        return getattr(self._http.context, "remote_ip", None)

    async def handler(self) -> TornadoJsonRpcHandler:
        """The Tornado handler of this message, brought when it is first asked for."""
        if self._visit is None:
            self._visit = Visit()
            # The body was read already: the handler gets to see a message without one.
            way = self._start_visit(self._server_request(), self._visit)
            way.headers_received(self._start_line, self._headers)
            way.finish()
        return await asyncio.shield(self._visit.handler)

    # The way in.

    def headers_received(self, start_line: Any, headers: httputil.HTTPHeaders) -> None:
        """Look at the headers, and refuse at once what will not be read."""
        self._start_line: httputil.RequestStartLine = start_line
        self._headers = headers
        if "?" in start_line.path or not _PLAIN_HOST.fullmatch(headers.get("Host", "")):
            # Raises what is answered by 400.
            self._request = self._server_request()
        self._refusal = look_at(start_line.method, headers, self._max_body_size)
        # A body that is too large is counted here: Tornado would answer 400.
        self._http.set_max_body_size(sys.maxsize)
        if self._refusal is not None and self._refusal.status == 413:
            self._refuse_early(self._refusal)

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body, as long as it is not too large."""
        self._size += len(chunk)
        if self._refusal is None and self._size > self._max_body_size:
            self._refusal = too_large(self._max_body_size)
            self._refuse_early(self._refusal)
        if self._refusal is None:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    def finish(self) -> None:
        """Answer, now that the body is there."""
        if self._refused_early:
            self._finish()
        elif self._refusal is not None:
            self._send_refusal(self._refusal)
            self._finish()
        else:
            self._on_task(asyncio.get_running_loop().create_task(self._answer()))

    def on_connection_close(self) -> None:
        """Drop the part of the body that has come: the other side went away."""
        self._chunks.clear()

    # The way out.

    async def _answer(self) -> None:
        body = b"".join(self._chunks)
        self._chunks.clear()
        answer = None
        try:
            answer = await self._dispatcher.dispatch(body, self)
            if self._visit is None:
                self._send(200, answer or b"", {})
                self._finish()
            elif self._connection.ending:
                self._connection.told = True
                (await self.handler()).set_header("Connection", "close")
        except Exception:
            self._logger.exception("An answer could not be sent to %s", self.peer)
            self._http.close()
        finally:
            if self._visit is not None:
                self._visit.answer.set_result(answer)

    def _refuse_early(self, refusal: Refusal) -> None:
        self._refused_early = True
        self._connection.ending = True
        self._send_refusal(refusal)
        awaits_go_ahead = self._headers.get("Expect", "").lower() == "100-continue"
        if awaits_go_ahead or len(self._headers.get("Content-Length", "")) > MOST_DIGITS:
            # Nothing has been sent yet, or what Tornado can't even count: it would answer 400.
            self._finish()
        else:
            self._http.set_body_timeout(_LINGER)

    def _send_refusal(self, refusal: Refusal) -> None:
        body = self._dispatcher.refuse(refusal.reason)
        self._send(
            refusal.status, b"" if self._start_line.method == "HEAD" else body, refusal.headers
        )

    def _send(self, status: int, body: bytes, more: Mapping[str, str]) -> None:
        headers = httputil.HTTPHeaders(more)
        if body:
            headers["Content-Type"] = "application/json"
        headers["Content-Length"] = str(len(body))
        headers["Date"] = httputil.format_timestamp(time.time())
        if self._connection.ending:
            headers["Connection"] = "close"
            self._connection.told = True
        line = httputil.ResponseStartLine("", status, responses[status])
        self._http.write_headers(line, headers, body)

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


class Message(httputil.HTTPMessageDelegate):
    """A message of which nobody knows yet whom it is for.

    Args:
        endpoint: the path of the RPC endpoint.
        rpc: makes what takes a message to the endpoint.
        application: makes what takes any other message.
        on_headers: called when its headers have come.
    """

    def __init__(
        self,
        endpoint: str,
        rpc: Callable[[], httputil.HTTPMessageDelegate],
        application: Callable[[], httputil.HTTPMessageDelegate],
        on_headers: Callable[[], None],
    ) -> None:
        self._endpoint = endpoint
        self._rpc = rpc
        self._application = application
        self._on_headers = on_headers
        self._target: httputil.HTTPMessageDelegate | None = None

    def headers_received(
        self, start_line: Any, headers: httputil.HTTPHeaders
    ) -> Awaitable[None] | None:
        """Find out whom the message is for."""
        self._on_headers()
        authority, path = split_target(start_line.path)
        if authority is not None:
            start_line = start_line._replace(path=path)
            if len(headers.get_list("Host")) == 1:
                headers["Host"] = authority
        for_rpc = start_line.path.partition("?")[0] == self._endpoint
        self._target = self._rpc() if for_rpc else self._application()
        return self._target.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Hand on a part of the body."""
        return self._target.data_received(chunk) if self._target is not None else None

    def finish(self) -> None:
        """Hand on the end of the message."""
        if self._target is not None:
            self._target.finish()

    def on_connection_close(self) -> None:
        """Hand on that the other side went away."""
        if self._target is not None:
            self._target.on_connection_close()
