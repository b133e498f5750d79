"""Connections that a handler takes over, as websockets do: as one of Tornado's streams.

A plain one is duplicated for the stream, and the original closed. An encrypted one stays where it
is, and what comes and goes by it is carried to the stream by a pair of sockets. So does one that
has not sent all yet.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from tornado.iostream import IOStream, StreamClosedError

#: How much is carried at once, in bytes.
_PIECE: Final = 64 * 1024
#: How long the end of an encrypted connection may take, in seconds.
_GOODBYE: Final = 1.0


class DetachedStream(IOStream):
    """A stream that begins with what has come already.

    Args:
        connection: the socket; it belongs to the stream.
        before: what has come already.
        on_close: called when it is closed, by whomever.
    """

    def __init__(
        self, connection: socket.socket, before: bytes, on_close: Callable[[IOStream], None]
    ) -> None:
        self._before = memoryview(before)
        self._on_close = on_close
        super().__init__(connection)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Read what has come, into a buffer of Tornado's."""
        if not self._before:
            return super().read_from_fd(buf)
        size = min(len(buf), len(self._before))
        buf[:size] = self._before[:size]
        self._before = self._before[size:]
        return size

    def close_fd(self) -> None:
        """Close the socket."""
        super().close_fd()
        self._on_close(self)


def detach(
    transport: asyncio.Transport, before: bytes, on_close: Callable[[IOStream], None]
) -> IOStream:
    """The stream that a connection becomes.

    Args:
        transport: the connection; it belongs to the stream from now on.
        before: what has come by it already.
        on_close: called with the stream when the connection is closed.
    """
    is_encrypted = transport.get_extra_info("sslcontext") is not None
    if is_encrypted or transport.get_write_buffer_size():
        near, far = socket.socketpair()
        stream = DetachedStream(near, before, lambda _: None)
        _Bridge(transport, IOStream(far), lambda: on_close(stream))
        return stream
    original = transport.get_extra_info("socket")
    duplicate = socket.socket(fileno=os.dup(original.fileno()))
    duplicate.setblocking(False)
    # It sends nothing to the other side: the connection is open as long as the duplicate is.
    transport.abort()
    return DetachedStream(duplicate, before, on_close)


class _Bridge(asyncio.Protocol):
    """Carries everything between a transport and a stream, until one of them ends.

    Args:
        transport: one side.
        stream: the other side.
        on_close: called when the transport has ended.
    """

    def __init__(
        self, transport: asyncio.Transport, stream: IOStream, on_close: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._stream = stream
        self._on_close = on_close
        self._may_write = asyncio.Event()
        self._may_write.set()
        transport.set_protocol(self)
        if not transport.is_reading():
            transport.resume_reading()
        self._task = asyncio.get_running_loop().create_task(self._carry(), name="detached")

    def data_received(self, data: bytes) -> None:
        """Something has come from the other side."""
        with suppress(StreamClosedError):
            written = self._stream.write(data)
            if not written.done():
                self._transport.pause_reading()
                written.add_done_callback(self._go_on)

    def pause_writing(self) -> None:
        """The other side takes no more for now."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """The other side takes more."""
        self._may_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side is gone."""
        self._stream.close()
        self._may_write.set()
        self._on_close()

    def _go_on(self, written: "asyncio.Future[Any]") -> None:
        written.exception()
        if not self._transport.is_closing():
            self._transport.resume_reading()

    async def _carry(self) -> None:
        with suppress(StreamClosedError):
            while True:
                self._transport.write(await self._stream.read_bytes(_PIECE, partial=True))
                await self._may_write.wait()
        self._stream.close()
        self._transport.close()
        # Who does not say goodbye is not waited for.
        asyncio.get_running_loop().call_later(_GOODBYE, self._transport.abort)
