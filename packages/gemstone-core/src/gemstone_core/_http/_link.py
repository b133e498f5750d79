"""The two directions of a connection, and what holds them up."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from tornado.iostream import StreamClosedError

#: What a client must take of an answer in its time, in bytes, as long as so much is left.
_LEAST: Final = 64 * 1024

# Why nothing is read for now: what has come is to be answered first, or a handler takes its time.
FOR_ANSWERS: Final = 1
FOR_HANDLER: Final = 2


class Link:
    """What goes out by a connection, and whether anything comes in. On the event loop's thread.

    Attributes:
        is_lost: whether the other side is not there any more.
    """

    __slots__ = (
        "__weakref__",
        "_is_blocked",
        "_paused",
        "_taken",
        "_transport",
        "_writers",
        "_written",
        "is_lost",
    )

    def __init__(self) -> None:
        self._transport: Any = None
        self._is_blocked = False
        self._paused = 0
        self._written = 0
        self._taken = 0
        #: Who waits until what was written has left.
        self._writers: list[asyncio.Future[None]] | None = None
        self.is_lost = False

    @property
    def peer(self) -> str | None:
        """The IP address of the other side."""
        name = self._transport.get_extra_info("peername")
        return name[0] if isinstance(name, tuple) and name else None

    @property
    def certificate_holder(self) -> Any:
        """What has the certificate of the other side, over TLS; else ``None``."""
        return self._transport.get_extra_info("ssl_object")

    def abort(self) -> None:
        """Close the connection at once."""
        with suppress(RuntimeError):  # somebody has closed the loop
            self._transport.abort()

    def _open(self, transport: Any) -> None:
        self._transport = transport
        # Whoever writes waits until it has left: nothing piles up for a client that does not take
        # it. (asyncio's TLS is full when there is as much as the limit, and not only beyond it.)
        transport.set_write_buffer_limits(high=0 if self.certificate_holder is None else 1, low=0)

    # What goes out.

    def write(self, data: bytes) -> None:
        """Send something."""
        self._written += len(data)
        self._transport.write(data)

    def drained(self) -> "asyncio.Future[None]":
        """Done when what was written has left, with an error if it never does."""
        future = asyncio.get_running_loop().create_future()
        if self.is_lost or self._transport.is_closing():
            future.set_exception(StreamClosedError())
            future.exception()
        elif not self._is_blocked:
            future.set_result(None)
        else:
            if self._writers is None:
                self._writers = []
            self._writers.append(future)
        return future

    def _block(self) -> None:
        """What was written has not all left."""
        self._is_blocked = True
        self._taken = self._written

    def _unblock(self) -> None:
        """It has."""
        self._is_blocked = False
        writers, self._writers = self._writers, None
        for future in writers or ():
            if not future.done():
                future.set_result(None)

    def _lose(self) -> None:
        """Nothing goes out any more."""
        self.is_lost = True
        writers, self._writers = self._writers, None
        for future in writers or ():
            if not future.done():
                future.set_exception(StreamClosedError())
                future.exception()

    def _has_taken(self) -> bool:
        """Whether the other side has taken something worth it since this was last asked."""
        left = self._transport.get_write_buffer_size()
        before, self._taken = self._taken, self._written - left
        return bool(self._taken - before >= min(_LEAST, left))

    # What comes in.

    def pause_reading(self, why: int = FOR_HANDLER) -> None:
        """Let the other side wait with the rest, for this reason."""
        if not self._paused and not self.is_lost and not self._transport.is_closing():
            self._transport.pause_reading()
        self._paused |= why

    def resume_reading(self, why: int = FOR_HANDLER) -> None:
        """This is no reason any more to let the other side wait."""
        if self._paused & why:
            self._paused &= ~why
            if not self._paused and not self.is_lost and not self._transport.is_closing():
                self._transport.resume_reading()
