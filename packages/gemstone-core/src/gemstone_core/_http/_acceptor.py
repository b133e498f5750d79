"""The port: who connects is let in, as long as there are files for it."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ._listen import listen

#: How many connections the kernel keeps for us while the loop is busy.
_BACKLOG: Final = 1024
#: How many are let in at once, before others get their turn on the loop.
_AT_ONCE: Final = 128
#: How long nobody is let in when the process can open no more files, in seconds.
_PAUSE: Final = 0.5


class Acceptor:
    """Listens, and accepts. On the event loop's thread.

    Args:
        let_in: is given each connection.
    """

    def __init__(self, let_in: Callable[[socket.socket], None]) -> None:
        self._let_in = let_in
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}

    def bind(self, host: str, port: int) -> int:
        """Take the port; who connects from now on waits until :meth:`start`.

        Returns:
            The port, which the system chose if `port` is 0.

        Raises:
            ServiceAddressError: the port is taken, or there is no such address here.
        """
        self._sockets = listen(host, port, _BACKLOG)
        bound: int = self._sockets[0].getsockname()[1]
        return bound

    def start(self) -> None:
        """Begin to let in who connects."""
        for listener in self._sockets:
            self._loop.add_reader(listener, self._accept, listener)

    def stop(self) -> None:
        """Let in those who wait, and nobody else.

        The kernel has accepted them already, and they may have sent a call.
        """
        for listener in self._sockets:
            # Nothing else may happen between the last of them and the end of the listener.
            with suppress(OSError):
                while True:
                    self._let_in(listener.accept()[0])
        self.close()

    def close(self) -> None:
        """Let nobody in."""
        for listener in self._sockets:
            self._loop.remove_reader(listener)
            listener.close()
        for pause in self._pauses.values():
            pause.cancel()
        self._sockets = []
        self._pauses = {}

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError:
                # Else the loop would try it again without end.
                self._loop.remove_reader(listener)
                self._pauses[listener] = self._loop.call_later(_PAUSE, self._resume, listener)
                return
            self._let_in(connection)

    def _resume(self, listener: socket.socket) -> None:
        del self._pauses[listener]
        self._loop.add_reader(listener, self._accept, listener)
