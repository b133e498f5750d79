"""One connection to Redis, and what keeps it from hanging."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import redis
from redis.exceptions import NoPermissionError

from ._url import RedisUrl

#: A command, and its arguments.
Command = Sequence[str | bytes]
_PING: Final[Command] = ("PING",)


class Link:
    """A connection that one thread uses, and that any other may close.

    Nothing is ever sent twice: redis-py tries once, and where it would connect anew to send
    something, it gets an error. A link that broke is of no use any more.

    Args:
        url: where Redis is.
        timeout: how long each reading or writing may take, in seconds.

    Attributes:
        is_closed: whether :meth:`close` was called.
        answer: reads one answer; of redis-py, and as it is because it is called for each event.
            Raises :exc:`redis.ResponseError` if Redis answers with an error, anything else if
            the connection is of no use any more.
    """

    def __init__(self, url: RedisUrl, timeout: float) -> None:
        # Its methods have no types.
        self._connection: Any = url.connection(timeout, self._greet)
        self._was_opened = False
        self.is_closed = False
        self.answer = self._connection.read_response

    def open(self) -> None:
        """Connect, and see that Redis serves.

        Raises:
            redis.RedisError: it does not, or there is none, or the link was closed meanwhile.
        """
        self._connection.connect()
        self.ping()

    def send(self, commands: Iterable[Command]) -> None:
        """Send commands, whose answers are then to be read, each of them.

        Raises:
            redis.ConnectionError: it can't be told which of them were sent.
        """
        connection = self._connection
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands, and read the answers, of which some may be errors of Redis.

        Raises:
            redis.ConnectionError: it can't be told which of them were executed.
        """
        if not commands:
            return []
        self.send(commands)
        answers = []
        for _ in commands:
            try:
                answers.append(self.answer())
            except redis.ResponseError as error:
                answers.append(error)
        return answers

    def ping(self) -> None:
        """See that Redis answers.

        Raises:
            redis.RedisError: it does not, or only to say that it can't serve.
        """
        self.send([_PING])
        try:
            answer = self.answer()
        except NoPermissionError:
            return  # who may do nothing but publish is answered too
        if answer != b"PONG":
            raise redis.ConnectionError("Redis answers something else than it is asked")

    def check(self) -> None:
        """See, without asking Redis, that it has not closed the connection.

        Raises:
            redis.ConnectionError: it has.
        """
        if self._connection.can_read(0):
            # TLS may have something to read that is no answer. If it is one, this finds out.
            self.ping()

    def close(self) -> None:
        """End the connection. From any thread: who waits for an answer gets an error at once."""
        self.is_closed = True
        self._connection.disconnect()

    def _greet(self, connection: Any) -> None:
        if self.is_closed or self._was_opened:
            raise redis.ConnectionError("the connection is closed")
        self._was_opened = True
        connection.on_connect()
