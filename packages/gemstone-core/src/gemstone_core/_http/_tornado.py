"""What Tornado's handlers send their answers by: its ``HTTPConnection``, over one of ours.

How an answer is framed is said here, once for every handler.

.. seealso:: RFC 9112, sections 6 (message body) and 9.6 (tear-down); RFC 9110, section 6.4.1
   (which answers have no body).
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from tornado import httputil
from tornado.iostream import IOStream, StreamClosedError

from ._connection import Connection
from ._message import Message

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What ends a header, or a request: no part of an answer's head may have it.
_ENDS: Final = ("\r", "\n", "\0")
_SWITCHING: Final = 101


class Context(Struct, eq=False, frozen=True):
    """What Tornado's requests are told of a connection."""

    remote_ip: str | None
    protocol: str


class _Certificate(Struct, eq=False, frozen=True):
    """Where Tornado's requests look for the certificate of a client."""

    holder: Any

    @property
    def socket(self) -> "_Certificate":
        return self

    def getpeercert(self, binary_form: bool = False) -> Any:
        """The certificate; ``None`` without one."""
        return self.holder.getpeercert(binary_form) if self.holder is not None else None


class TornadoConnection(httputil.HTTPConnection):
    """One message's connection, as Tornado's handlers know it.

    Args:
        connection: the connection that the message came by.
        message: the message, while it has its turn.
        on_answered: called when the answer is written.

    Attributes:
        context: who is on the other side.
        max_body_size: how large the body may be, if a handler has said so.
        body_timeout: how long it may take, if a handler has said so.
    """

    def __init__(
        self,
        connection: Connection,
        message: Message,
        on_answered: Callable[[], None] = lambda: None,
    ) -> None:
        holder = connection.certificate_holder
        self.context = Context(connection.peer, "https" if holder is not None else "http")
        self.stream = _Certificate(holder)
        self.max_body_size: int | None = None
        self.body_timeout: float | None = None
        self._is_finished = False
        self._connection = connection
        self._message = message
        self._on_answered = on_answered
        self._on_close: Callable[[], None] | None = None
        self._is_chunked = False
        self._remaining: int | None = None
        self._ends = False
        self._switch: bytes | None = None
        self._is_open = True

    # As Tornado has it.

    def write_headers(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,
        headers: httputil.HTTPHeaders,
        chunk: bytes | None = None,
    ) -> "asyncio.Future[None]":
        """Begin the answer. Its headers are completed by what says where it ends."""
        assert isinstance(start_line, httputil.ResponseStartLine)
        head = self._message.head
        status = start_line.code
        is_switch = status == _SWITCHING
        has_body = head.verb != b"HEAD" and status >= 200 and status not in (204, 304)
        length = headers.get("Content-Length")
        self._is_chunked = has_body and length is None and not head.is_1_0
        self._remaining = None if has_body else 0
        if has_body and length is not None:
            self._remaining = int(length)
        if self._is_chunked:
            headers["Transfer-Encoding"] = "chunked"
        if not is_switch:
            self._ends = (
                self._connection.ends_with(self._message)
                or headers.get("Connection", "").lower() == "close"
                or (has_body and length is None and head.is_1_0)
            )
            if self._ends:
                headers["Connection"] = "close"
            elif head.is_1_0:
                headers["Connection"] = "keep-alive"
        data = _head(status, start_line.reason, headers.get_all())
        self._message.has_answered = True
        if is_switch:  # it is written by who takes the connection over
            self._switch = data
            return self._connection.drained()
        return self._write(data + self._framed(chunk or b""))

    def write(self, chunk: bytes) -> "asyncio.Future[None]":
        """Send a part of the body."""
        return self._write(self._framed(chunk))

    def finish(self) -> None:
        """End the answer.

        Raises:
            HTTPOutputError: its body is shorter than its head has said.
        """
        if self._is_finished:
            return
        self._is_finished = True
        self._on_close = None
        if not self._can_write():
            self._on_answered()
            return
        if self._remaining:
            self._connection.abort()
            self._on_answered()
            raise httputil.HTTPOutputError(
                f"the body is {self._remaining} bytes shorter than its Content-Length"
            )
        if self._is_chunked:
            self._connection.write(b"0\r\n\r\n")
        if self._switch is not None:
            # Whoever answers so takes the connection over, at once.
            asyncio.get_running_loop().call_soon(self._end_of_switch)
            return
        self._end(ends=self._ends)

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """Call a function when the other side goes away before the answer is written."""
        self._on_close = callback

    def set_max_body_size(self, max_body_size: int) -> None:
        """Let the body of this message be that large, in bytes."""
        self.max_body_size = max_body_size

    def set_body_timeout(self, timeout: float) -> None:
        """Let the body of this message take that long, in seconds."""
        self.body_timeout = timeout

    def detach(self) -> IOStream:
        """Take the connection over: from now on it is not HTTP.

        Raises:
            StreamClosedError: the other side went away.
        """
        if not self._is_open or self._connection.is_lost:
            raise StreamClosedError
        self._is_open = False
        self._is_finished = True
        self._on_close = None
        stream = self._connection.detach()
        self._on_answered()
        if self._switch is not None:
            stream.write(self._switch)
        return stream

    # For the message.

    def close(self, *, tell: bool) -> None:
        """Nothing more can be said: tell the handler, unless it is told otherwise."""
        self._is_open = False
        callback, self._on_close = self._on_close, None
        if tell and callback is not None:
            callback()

    def _can_write(self) -> bool:
        return self._is_open and not self._connection.is_lost

    def _write(self, data: bytes) -> "asyncio.Future[None]":
        if self._can_write():
            self._connection.write(data)
            return self._connection.drained()
        future = asyncio.get_running_loop().create_future()
        future.set_exception(StreamClosedError())
        future.exception()
        return future

    def _framed(self, chunk: bytes) -> bytes:
        if self._remaining is not None:
            self._remaining -= len(chunk)
            if self._remaining < 0:
                self._connection.abort()
                raise httputil.HTTPOutputError("the body is longer than its Content-Length")
        if self._is_chunked and chunk:  # an empty one would end the body
            return b"%x\r\n%b\r\n" % (len(chunk), chunk)
        return chunk

    def _end(self, *, ends: bool) -> None:
        self._is_open = False
        self._on_answered()
        self._connection.answered(ends=ends)

    def _end_of_switch(self) -> None:
        if self._is_open and not self._connection.is_lost:
            self._connection.write(self._switch or b"")
            self._end(ends=True)


def _head(status: int, reason: str, headers: "Iterable[tuple[str, str]]") -> bytes:
    """The head of an answer.

    Raises:
        ValueError: something in it would end it.
    """
    lines = [f"HTTP/1.1 {status} {reason}"]
    lines += [f"{name}: {value}" for name, value in headers]
    for line in lines:
        if any(end in line for end in _ENDS):
            raise ValueError(f"a head may have no line's end within a line: {line!r}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
