"""A connection: what comes by it, in which order it is answered, and how long that may take."""

import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from tornado.iostream import IOStream

from ._detached import detach
from ._head import BadRequest
from ._link import FOR_ANSWERS, FOR_HANDLER, Link
from ._message import Message, Route
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
#: How much is read before it is looked whether others wait for their turn, in bytes: of a small
#: message there are some thirty, and as an object it takes a thousand.
_AT_ONCE: Final = 16 * 1024

# Whom a connection waits for: with a limit for each, but for the service.
_NEXT, _HEAD, _BODY, _SERVICE, _CLIENT, _END = range(6)


class Connection(Link):
    """One connection, from the first byte to the last. On the event loop's thread.

    Args:
        server: the server to which it belongs.

    Attributes:
        server: the server to which it belongs.
        current: the message whose turn it is, or ``None``.
        deadline: when the other side is late, in ticks.
    """

    __slots__ = (
        "_ahead",
        "_failure",
        "_is_advancing",
        "_is_over",
        "_is_reading",
        "_lingers_until",
        "_reader",
        "_state",
        "_waiting",
        "current",
        "deadline",
        "server",
    )

    def __init__(self, server: "HttpServer") -> None:
        super().__init__()
        self.server = server
        self._reader = Reader(server.known_routes, server.route, self.begin)
        #: Messages that have come before their turn, and bytes of which none are made yet; most
        #: connections never have any.
        self._waiting: deque[Message] | None = None
        self._ahead: bytearray | None = None
        self._is_reading = False
        self._failure: BadRequest | None = None
        self._is_advancing = False
        self._is_over = False
        self._lingers_until = 0
        self._state = _HEAD
        self.current: Message | None = None
        self.deadline = NEVER

    # What the event loop tells.

    def connection_made(self, transport: Any) -> None:
        """The connection is there, and its TLS handshake done."""
        self._open(transport)
        self.deadline = self.server.clock.now + self.server.patience[_HEAD]
        if transport.is_closing():  # its server did not wait for it
            self.is_lost = True
            return
        self.server.connection_made(self)
        if self.server.closes_idle:
            self._end(True)

    def data_received(self, data: bytes) -> None:
        """Something has come."""
        if self._ahead is None and len(data) <= _AT_ONCE:
            self._read(data)
        else:
            self._ahead = bytearray(data) if self._ahead is None else self._ahead + data
            self._read_ahead()
        self._look()

    def eof_received(self) -> None:
        """No more comes: the connection is closed, with what is not answered."""

    def pause_writing(self) -> None:
        """What was written has not all left."""
        self._block()
        self._look()

    def resume_writing(self) -> None:
        """What was written has left."""
        self._unblock()
        if not self._is_over:
            self._advance()
        elif self._state != _END:
            self._linger(LINGER)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended, whoever has ended it."""
        self._lose()
        self.deadline = NEVER
        self._waiting = self._ahead = None
        self._reader.close()
        if self.current is not None:
            self.current.abandon()
        self.server.connection_lost(self)

    # What its messages are told and tell.

    def begin(self, route: Route, body: bytes | None) -> Message:
        """A message has begun to come.

        Args:
            route: where it goes.
            body: its body, if all of it has come.
        """
        message = route.message(self, body)
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
            or (self.server.is_draining and not self._waiting and self._failure is None)
        )

    def answer(self, data: bytes, *, ends: bool) -> None:
        """Send the whole answer of the message that has its turn.

        Args:
            data: the answer.
            ends: whether it is the last one, as it says.
        """
        self._written += len(data)
        self._transport.write(data)
        reader, server = self._reader, self.server
        if (
            ends
            or self._is_blocked
            or self._paused
            or self._waiting
            or self._ahead
            or self._failure is not None
            or reader.is_holding
        ):
            self.answered(ends=ends)
            return
        # Most answers are followed by nothing for now.
        self.current = None
        self._state = state = _HEAD if reader.has_begun else _NEXT
        self.deadline = server.clock.now + server.patience[state]

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
            self._ahead = bytearray(self._reader.release()) + (self._ahead or b"")
            self._read_ahead()
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

    def resume_reading(self, why: int = FOR_HANDLER) -> None:
        """This is no reason any more to let the other side wait."""
        super().resume_reading(why)
        self._look()

    def wait_for_body(self, seconds: float) -> None:
        """Let the body of the message that has its turn take that long, from now on."""
        self._state = _BODY
        self.deadline = self.server.clock.now + self.server.clock.ticks(seconds)

    def detach(self) -> IOStream:
        """Hand the connection over to whoever asks for it: from now on it is not HTTP."""
        held = self._reader.release() + bytes(self._ahead or b"")
        self._ahead = None
        self.current = None
        stream = detach(self._transport, held, self.server.stream_closed)
        self.server.detached(self, stream, self._transport)
        return stream

    # What the server does with all of them.

    def close_if_idle(self) -> None:
        """Close it, unless a message is being answered, or its answer taken."""
        if self._state not in (_SERVICE, _CLIENT):
            self._end(True)

    def late(self) -> None:
        """The deadline has passed."""
        if self._state == _CLIENT:
            if self._has_taken():
                self.deadline = self.server.clock.now + self.server.patience[_CLIENT]
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

    def _read(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
        except BadRequest as bad:
            self._fail(bad)
        except Exception:
            self.server.logger.exception("What %s has sent could not be read", self.peer)
            self.abort()

    def _read_ahead(self) -> None:
        """Read what has come, but make no more messages of it while others wait for their turn."""
        if self._is_reading:  # it has come here from within
            return
        self._is_reading = True
        while self._ahead and not self._waiting:
            piece = bytes(self._ahead[:_AT_ONCE])
            del self._ahead[:_AT_ONCE]
            self._read(piece)
        self._is_reading = False
        if not self._ahead:
            self._ahead = None

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
                self.write(self.server.refusal(bad))
                self._end(False)
            else:
                if self.server.closes_idle:
                    self._end(True)
                break
        self._is_advancing = False
        if self._ahead and not self._waiting:
            self._read_ahead()
        if self._paused and not self._waiting:
            self.resume_reading(FOR_ANSWERS)
        self._look()

    def _end(self, has_come: bool) -> None:
        """The last answer is written, or there is none.

        Args:
            has_come: whether nothing more may come that the answer must not be lost for.
        """
        self._is_over = self._reader.is_at_end = True
        self._waiting = self._ahead = None
        if not has_come:
            self._linger(LINGER)
            if self._transport.can_write_eof():
                self._transport.write_eof()
        elif not self._is_blocked:  # else it is closed when the rest was taken
            self._linger(0)
            self._transport.close()

    def _linger(self, seconds: float) -> None:
        """Leave the other side that long to take its answer and close the connection."""
        clock = self.server.clock
        self._state = _END
        self._lingers_until = clock.now + max(1, clock.ticks(seconds) - 1)  # no need to be exact
        self.deadline = min(self._lingers_until, clock.now + clock.ticks(_QUIET))

    def _look(self) -> None:
        """See for whom the connection waits now, and for how long."""
        current = self.current
        if self._is_over and self._state == _END:
            clock = self.server.clock
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
            self.deadline = self.server.clock.now + self.server.patience[state]
