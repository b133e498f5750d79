"""An open connection, and the messages that come by it one after the other."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tornado import httputil
from tornado.http1connection import HTTP1Connection

from ._rules import split_target


class Connection:
    """What is known of one open connection.

    Attributes:
        http: what Tornado reads the current message from.
        busy: whether that message is being answered.
        taking: whether its client is taking a large answer.
        patience: how long its client may take for what it is at, in seconds.
        deadline: when the client is late with it, in seconds of :func:`time.monotonic`.
        sender: the task that waits until the client has taken a part of its answer.
        ending: whether the next answer is to be the last one.
        told: whether the client was told that it is.
    """

    __slots__ = ("busy", "deadline", "ending", "http", "patience", "sender", "taking", "told")

    def __init__(self, patience: float) -> None:
        self.http: HTTP1Connection | None = None
        self.busy = False
        self.taking = False
        self.patience = patience
        self.deadline = math.inf
        self.sender: asyncio.Task[None] | None = None
        self.ending = False
        self.told = False

    def closed(self) -> None:
        """The connection has ended: nobody takes anything any more."""
        if self.sender is not None:
            self.sender.cancel()

    def awaits_client(self, patience: float | None = None, *, taking: bool = False) -> None:
        """It is the client's turn: to send, or to take what was sent to it."""
        self.busy = False
        self.taking = taking
        self.deadline = time.monotonic() + (self.patience if patience is None else patience)

    def awaits_service(self) -> None:
        """It is the service's turn, which has other limits."""
        self.busy = True
        self.deadline = math.inf

    def close_if_late(self, now: float) -> None:
        """Close the connection if its client has let its time pass."""
        if self.deadline < now and self.http is not None:
            self.http.close()

    def close_if_idle(self) -> None:
        """Close the connection, unless a message is being answered, or the answer taken."""
        if not self.busy and not self.taking and self.http is not None:
            self.http.close()


class Message(httputil.HTTPMessageDelegate):
    """A message of which nobody knows yet whom it is for.

    Args:
        connection: the connection that it comes by.
        endpoint: the path of the RPC endpoint.
        for_rpc: makes what takes a message to the endpoint.
        for_application: makes what takes any other message.
    """

    def __init__(
        self,
        connection: Connection,
        endpoint: str,
        for_rpc: Callable[[], httputil.HTTPMessageDelegate],
        for_application: Callable[[], httputil.HTTPMessageDelegate],
    ) -> None:
        self._connection = connection
        self._endpoint = endpoint
        self._for_rpc = for_rpc
        self._for_application = for_application
        self._target: httputil.HTTPMessageDelegate | None = None

    def headers_received(
        self, start_line: Any, headers: httputil.HTTPHeaders
    ) -> Awaitable[None] | None:
        """Find out whom the message is for."""
        self._connection.awaits_service()
        authority, path = split_target(start_line.path)
        if authority is not None:
            start_line = start_line._replace(path=path)
            if len(headers.get_list("Host")) == 1:
                headers["Host"] = authority
        is_rpc = start_line.path.partition("?")[0] == self._endpoint
        self._target = self._for_rpc() if is_rpc else self._for_application()
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
