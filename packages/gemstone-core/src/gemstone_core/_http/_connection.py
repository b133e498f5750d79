"""A connection: what comes by it, in which order it is answered, and how long that may take."""

import asyncio
import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tornado.iostream import IOStream, StreamClosedError

from ._detached import detach
from ._head import BadRequest, Head
from ._message import Message
from ._reader import Reader

if TYPE_CHECKING:
    from ._server import HttpServer

#: A deadline that never comes, in ticks.
NEVER: Final = sys.maxsize
#: How long what comes is thrown away behind an answer that ends the connection early, in seconds:
#: who still sends would lose the answer if the connection were closed at once.
LINGER: Final = 5.0
#: How long it may be silent meanwhile, in seconds.
_QUIET: Final = 1.0
#: What a client must take of an answer in its time, in bytes, as long as so much is left.
_LEAST: Final = 64 * 1024

# Whom a connection waits for: with a limit for each, but for the service.
_NEXT, _HEAD, _BODY, _SERVICE, _CLIENT, _END = range(6)

# Why nothing is read for now: what has come is to be answered first, or a handler takes its time.
FOR_ANSWERS: Final = 1
FOR_HANDLER: Final = 2


class Connection:
    """One connection, from the first byte to the last. On the event loop's thread.

    Args:
        server: the server to which it belongs.

    Attributes:
        current: the message whose turn it is, or ``None``.
        deadline: when the other side is late, in ticks.
        is_lost: whether the other side is not there any more.
    """

    __slots__ = (
        "__weakref__",
        "_failure",
        "_is_advancing",
        "_is_blocked",
        "_is_over",
        "_lingers_until",
        "_paused",
        "_reader",
        "_server",
        "_state",
        "_taken",
        "_transport",
        "_waiting",
        "_writers",
        "_written",
        "current",
        "deadline",
        "is_lost",
    )

    def __init__(self, server: "HttpServer") -> None:
        self._server = server
        self._reader = Reader(self.begin)
        self._transport: Any = None
        #: Messages that have come before their turn; most connections never have any.
        self._waiting: deque[Message] | None = None
        self._failure: BadRequest | None = None
        #: Who waits until what was written has left.
        self._writers: list[asyncio.Future[None]] | None = None
        self._written = 0
        self._taken = 0
        self._is_advancing = False
        self._is_blocked = False
        self._is_over = False
        self._lingers_until = 0
        self._paused = 0
        self._state = _HEAD
        self.current: Message | None = None
        self.deadline = NEVER
        self.is_lost = False

    # What the event loop tells.

    def connection_made(self, transport: Any) -> None:
        """The connection is there, and its TLS handshake done."""
        self._transport = transport
        # Whoever writes waits until it has left: nothing piles up for a client that does not take
        # it. (asyncio's TLS is full when there is as much as the limit, and not only beyond it.)
        transport.set_write_buffer_limits(high=0 if self.certificate_holder is None else 1, low=0)
        self.deadline = self._server.clock.now + self._server.patience[_HEAD]
        if transport.is_closing():  # its server did not wait for it
            self.is_lost = True
            return
        self._server.connection_made(self)
        if self._server.closes_idle:
            self._end(True)

    def data_received(self, data: bytes | memoryview) -> None:
        """Something has come."""
        try:
            self._reader.feed(data)
        except BadRequest as bad:
            self._fail(bad)
        except Exception:
            self._server.logger.exception("What %s has sent could not be read", self.peer)
            self.abort()
        self._look()

    def eof_received(self) -> None:
        """No more comes: the connection is closed, with what is not answered."""

    def pause_writing(self) -> None:
        """What was written has not all left."""
        self._is_blocked = True
        self._taken = self._written
        self._look()

    def resume_writing(self) -> None:
        """What was written has left."""
        self._is_blocked = False
        writers, self._writers = self._writers, None
        for future in writers or ():
            if not future.done():
                future.set_result(None)
        if not self._is_over:
            self._advance()
        elif self._state != _END:
            self._linger(LINGER)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended, whoever has ended it."""
        self.is_lost = True
        self.deadline = NEVER
        writers, self._writers = self._writers, None
        for future in writers or ():
            if not future.done():
                future.set_exception(StreamClosedError())
                future.exception()
        self._waiting = None
        self._reader.close()
        if self.current is not None:
            self.current.abandon()
        self._server.connection_lost(self)

    # What its messages are told and tell.

    @property
    def peer(self) -> str | None:
        """The IP address of the other side."""
        name = self._transport.get_extra_info("peername")
        return name[0] if isinstance(name, tuple) and name else None

    @property
    def certificate_holder(self) -> Any:
        """What has the certificate of the other side, over TLS; else ``None``."""
        return self._transport.get_extra_info("ssl_object")

    def begin(self, head: Head) -> Message:
        """A message has begun to come."""
        message = self._server.message(self, head)
        if self._is_over:
            pass  # it stands behind the last answer, and never has its turn
        elif self.current is None and not self._waiting and not self._is_blocked:
            self.current = message
            message.take_turn()
        else:
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append(message)
        return message

    def ends_with(self, message: Message) -> bool:
        """Whether the answer of a message is the last one, as its head has to say."""
        return (
            not message.head.keeps_alive
            or not message.has_come
            or (self._server.is_draining and not self._waiting and self._failure is None)
        )

    def write(self, data: bytes) -> None:
        """Send a part of the answer of the message that has its turn."""
        self._written += len(data)
        self._transport.write(data)

    def answer(self, data: bytes, *, ends: bool) -> None:
        """Send the whole answer of the message that has its turn.

        Args:
            data: the answer.
            ends: whether it is the last one, as it says.
        """
        self._written += len(data)
        self._transport.write(data)
        if (
            ends
            or self._is_blocked
            or self._paused
            or self._waiting
            or self._failure is not None
            or self._reader.is_holding
            or self._server.closes_idle
            or self.is_lost
        ):
            self.answered(ends=ends)
            return
        # Most answers are followed by nothing for now.
        self.current = None
        self._state = state = _HEAD if self._reader.has_begun else _NEXT
        self.deadline = self._server.clock.now + self._server.patience[state]

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

    def answered(self, *, ends: bool) -> None:
        """The message that has its turn is answered.

        Args:
            ends: whether the answer was the last one.
        """
        message, self.current = self.current, None
        if self.is_lost:
            return
        if ends:
            self._end(message is not None and message.has_come)
            return
        if self._reader.is_holding and not self._waiting:  # it was the one
            self.data_received(self._reader.release())
        self._advance()

    def fail(self, bad: BadRequest) -> None:
        """The message that has its turn can't go on; where that can be said, it is."""
        message, self.current = self.current, None
        self._reader.is_at_end = True
        if message is None or self.is_lost:
            return
        message.abandon()
        if message.has_answered:
            self.abort()
        else:
            self._failure = bad
            self._waiting = None
            self._advance()

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
            self._look()

    def wait_for_body(self, seconds: float) -> None:
        """Let the body of the message that has its turn take that long, from now on."""
        self._state = _BODY
        self.deadline = self._server.clock.now + self._server.clock.ticks(seconds)

    def detach(self) -> IOStream:
        """Hand the connection over to whoever asks for it: from now on it is not HTTP."""
        held = self._reader.release()
        self.current = None
        stream = detach(self._transport, held, self._server.stream_closed)
        self._server.detached(self, stream, self._transport)
        return stream

    def abort(self) -> None:
        """Close the connection at once."""
        with suppress(RuntimeError):  # somebody has closed the loop
            self._transport.abort()

    # What the server does with all of them.

    def close_if_idle(self) -> None:
        """Close it, unless a message is being answered, or its answer taken."""
        if self._state not in (_SERVICE, _CLIENT):
            self._end(True)

    def late(self) -> None:
        """The deadline has passed."""
        if self._state == _CLIENT:
            left = self._transport.get_write_buffer_size()
            taken = self._written - left
            if taken - self._taken >= min(_LEAST, left):
                self._taken = taken
                self.deadline = self._server.clock.now + self._server.patience[_CLIENT]
            else:
                self.abort()
        elif self._state == _END:
            self.abort()
        elif not self._has_begun():
            self._end(True)
        else:
            self._fail(BadRequest(408, "the rest of the request did not come in time"))
            self._look()

    def _has_begun(self) -> bool:
        return self._reader.has_begun or self._reader.message is not None

    def _fail(self, bad: BadRequest) -> None:
        """Nothing that comes can be read any more: say so, when everything else is answered."""
        reader = self._reader
        broken, reader.message = reader.message, None
        reader.is_at_end = True
        reader.has_begun = False
        if broken is not None and broken is self.current:
            self.fail(bad)
            return
        if broken is not None and self._waiting:
            self._waiting.pop()
        self._failure = bad
        self._advance()

    def _advance(self) -> None:
        """Let the next message take its turn, and one after the other that is answered at once."""
        if self._is_advancing:  # it has come here from within
            return
        self._is_advancing = True
        while self.current is None and not (self._is_blocked or self._is_over or self.is_lost):
            if self._waiting:
                self.current = self._waiting.popleft()
                self.current.take_turn()
            elif self._failure is not None:
                bad, self._failure = self._failure, None
                self.write(self._server.refusal(bad))
                self._end(False)
            else:
                if self._server.closes_idle:
                    self._end(True)
                break
        self._is_advancing = False
        if self._paused and not self._waiting:
            self.resume_reading(FOR_ANSWERS)
        self._look()

    def _end(self, has_come: bool) -> None:
        """The last answer is written, or there is none.

        Args:
            has_come: whether nothing more may come that the answer must not be lost for.
        """
        self._is_over = self._reader.is_at_end = True
        self._waiting = None
        if not has_come:
            self._linger(LINGER)
            if self._transport.can_write_eof():
                self._transport.write_eof()
        elif not self._is_blocked:  # else it is closed when the rest was taken
            self._linger(0)
            self._transport.close()

    def _linger(self, seconds: float) -> None:
        """Leave the other side that long to take its answer and close the connection."""
        clock = self._server.clock
        self._state = _END
        self._lingers_until = clock.now + max(1, clock.ticks(seconds) - 1)  # no need to be exact
        self.deadline = min(self._lingers_until, clock.now + clock.ticks(_QUIET))

    def _look(self) -> None:
        """See for whom the connection waits now, and for how long."""
        current = self.current
        if self._is_over and self._state == _END:
            clock = self._server.clock
            self.deadline = min(self._lingers_until, clock.now + clock.ticks(_QUIET))
            return
        if self._is_blocked:
            state = _CLIENT
        elif current is not None:
            if self._waiting:
                self.pause_reading(FOR_ANSWERS)
            state = _SERVICE if current.has_come or self._paused else _BODY
        else:  # the first request is awaited as its head is
            reader = self._reader
            begins = reader.has_begun or reader.is_before_head or not self._written
            state = _HEAD if begins else _NEXT
        if state != self._state:
            self._state = state
            self.deadline = self._server.clock.now + self._server.patience[state]
