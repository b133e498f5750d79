"""The answers that no handler of Tornado's writes: to calls, and to what is refused."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from ._clock import Clock

#: What an answer says of its connection, as a line.
CLOSE: Final = b"Connection: close\r\n"
KEEP_ALIVE: Final = b"Connection: keep-alive\r\n"
GO_AHEAD: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
#: What one is told for whom there is no room.
OVERLOADED: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


def _last_line(length: int) -> bytes:
    """The last line of a head, and what ends it."""
    return b"Content-Length: %d\r\n\r\n" % length


#: That of most answers: formatting it takes longer than all else that is done to write an answer.
_LENGTHS: Final = [_last_line(length) for length in range(512)]


class AnswerWriter:
    """Writes whole answers.

    Args:
        refuse: the body that gives a reason, as JSON-RPC has it.
        clock: the time.
    """

    def __init__(self, refuse: Callable[[str], bytes], clock: Clock) -> None:
        self._refuse = refuse
        self._clock = clock
        self._to_call = b""
        clock.on_second(self._prepare)

    def answer(self, body: bytes | None, connection: bytes) -> bytes:
        """The answer to a call, or to several; without a body if there is nothing to say.

        Args:
            body: its body.
            connection: what it says of its connection: a line, or nothing.
        """
        if not body:
            return self._head(HTTPStatus.OK, connection, 0)
        length = len(body)
        last = _LENGTHS[length] if length < len(_LENGTHS) else _last_line(length)
        return b"".join((self._to_call, connection, last, body))

    def refusal(
        self,
        status: int,
        reason: str,
        connection: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        is_head: bool = False,
    ) -> bytes:
        """The answer to what is not let in.

        Args:
            status: the HTTP status.
            reason: why, in one line for the client.
            connection: what it says of its connection: a line, or nothing.
            headers: what its headers say besides.
            is_head: whether it answers a HEAD, and so has no body.
        """
        lines = connection
        for name, value in (headers or {}).items():
            lines += f"{name}: {value}\r\n".encode()
        if is_head:
            return self._head(HTTPStatus(status), lines, 0)
        body = self._refuse(reason)
        lines += b"Content-Type: application/json\r\n"
        return self._head(HTTPStatus(status), lines, len(body)) + body

    def _head(self, status: HTTPStatus, lines: bytes, length: int) -> bytes:
        first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        return b"%b%b%bContent-Length: %d\r\n\r\n" % (first, self._clock.date, lines, length)

    def _prepare(self) -> None:
        """Write once what all answers to calls of this second begin with."""
        first = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        self._to_call = first + self._clock.date
