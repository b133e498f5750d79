"""One connection to the broker, which lives in the thread that runs it."""

import os
import socket
from collections.abc import Callable
from typing import Any, Final

from ._pika import AmqpConnection, Channel, IOLoop, connect, exceptions

#: How long the broker has to answer that a connection is closed, in seconds.
_GRACE: Final = 1.0


class Connection:
    """One connection to the broker: made, used and ended in the thread that calls :meth:`run`.

    Args:
        parameters: where and how to connect.
        shown_url: what to call it in messages.
        on_open: called when there is a connection, in the thread that runs it.
    """

    def __init__(self, parameters: Any, shown_url: str, on_open: Callable[[], None]) -> None:
        self._parameters = parameters
        self._shown_url = shown_url
        self._on_open = on_open
        self._loop = _Loop()
        self._amqp: AmqpConnection | None = None
        self._is_closing = False
        self._error: Exception | None = None

    def run(self) -> None:
        """Connect, and work until the connection is closed. Blocks.

        Raises:
            ConnectionError: there is no connection, or it broke.
            Exception: what was given to :meth:`close`, or raised by a callback.
        """
        try:
            self._amqp = connect(
                self._parameters,
                self._loop,
                self.guarded(lambda _: self._on_open()),
                self._on_open_error,
                self._on_close,
            )
            self._loop.start()
        finally:
            self._is_closing = True
            self._loop.close()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Have the connection closed, so that :meth:`run` returns. From any thread."""
        self.call_soon(self.close)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call something in the connection's thread; never, if it has ended. From any thread."""
        self._loop.add_callback_threadsafe(callback)

    # The others are for the connection's thread only.

    @property
    def amqp(self) -> AmqpConnection:
        """The connection of pika."""
        assert self._amqp is not None
        return self._amqp

    @property
    def is_closing(self) -> bool:
        """Whether its end was asked for: nothing more is to be sent."""
        return self._is_closing

    def open_channel(
        self,
        on_open: Callable[[Channel], None],
        on_close: Callable[[Exception], None] | None = None,
    ) -> None:
        """Open a channel.

        Args:
            on_open: called with the channel when it is open.
            on_close: called with the reason, if the broker closes it; by default that is the end
                of the connection.
        """

        def closed(_: Channel, reason: Exception) -> None:
            if self._is_closing or not isinstance(reason, exceptions.ChannelClosedByBroker):
                return  # the end of the connection tells more
            if on_close is not None:
                on_close(reason)
            else:
                self.close(
                    ConnectionError(f"{self._shown_url} closed a channel: {describe(reason)}")
                )

        def opened(channel: Channel) -> None:
            if not self._is_closing:
                on_open(channel)

        channel = self.amqp.channel(on_open_callback=self.guarded(opened))
        channel.add_on_close_callback(self.guarded(closed))

    def call_later(self, delay: float, callback: Callable[[], None]) -> None:
        """Call something after a while, if the connection lives."""

        def call() -> None:
            if not self._is_closing:
                callback()

        self._loop.call_later(delay, self.guarded(call))

    def close(self, error: Exception | None = None) -> None:
        """End the connection in good order; a broker that does not answer is left.

        Args:
            error: what :meth:`run` is to raise.
        """
        if self._is_closing:
            return
        self._is_closing = True
        self._error = error
        self._loop.call_later(_GRACE, self._loop.hang_up)
        if self._amqp is None or self._amqp.is_closed:
            self._loop.stop()
        elif not self._amqp.is_closing:
            self._amqp.close()

    def guarded(self, callback: Callable[..., object]) -> Callable[..., None]:
        """A callback that closes the connection when it fails.

        Of what is raised by a callback, pika makes a break of the connection.
        """

        def call(*args: Any) -> None:
            try:
                callback(*args)
            except Exception as error:
                self.close(error)

        return call

    def _on_open_error(self, _: object, error: Exception) -> None:
        if not self._is_closing:
            self._error = ConnectionError(
                f"there is no connection to {self._shown_url}: {describe(error)}"
            )
        self._ended()

    def _on_close(self, _: object, error: Exception) -> None:
        if not self._is_closing:
            self._error = ConnectionError(
                f"the connection to {self._shown_url} broke: {describe(error)}"
            )
        self._ended()

    def _ended(self) -> None:
        self._is_closing = True
        self._loop.stop()


class _Loop(IOLoop):  # type: ignore[misc]  # pika has no types
    """A loop of pika's that knows the socket it watches, and so can hang up.

    pika has no public way to end a connection that the broker does not answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._watched: set[int] = set()

    def add_handler(self, fd: int, handler: Callable[[int, int], None], events: int) -> None:
        self._watched.add(fd)
        super().add_handler(fd, handler, events)

    def remove_handler(self, fd: int) -> None:
        self._watched.discard(fd)
        super().remove_handler(fd)

    def hang_up(self) -> None:
        """Shut the socket down: pika reads its end, and closes it."""
        for fd in [*self._watched]:
            try:
                with socket.socket(fileno=os.dup(fd)) as same:
                    same.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is not connected any more, or not yet
                self.stop()


def describe(error: BaseException) -> str:
    """What went wrong with a connection, without what pika packs around it."""
    while (inner := _inner(error)) is not None:
        error = inner
    said = str(error) or type(error).__name__
    if isinstance(error, exceptions.ProbableAuthenticationError):
        return f"the user name or the password is wrong ({said})"
    if isinstance(error, exceptions.ProbableAccessDeniedError):
        return f"the virtual host is not there, or not for this user ({said})"
    if isinstance(error, exceptions.ConnectionOpenAborted):
        return "it did not answer in time"
    if isinstance(error, exceptions.IncompatibleProtocolError):
        return f"what answers there is no RabbitMQ, or it wants TLS ({said})"
    if isinstance(error, (exceptions.ConnectionClosed, exceptions.ChannelClosed)):
        return f"{error.reply_code} {error.reply_text}"
    return said


def _inner(error: BaseException) -> BaseException | None:
    several = getattr(error, "exceptions", None) or getattr(error, "exception", None) or error.args
    last = several[-1] if isinstance(several, (list, tuple)) and several else several
    return last if isinstance(last, BaseException) else None
