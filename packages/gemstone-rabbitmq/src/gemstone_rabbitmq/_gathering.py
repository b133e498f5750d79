"""What is written in one turn of the loop is sent at once.

pika sends each frame by itself, three of them for a message. That costs the broker, which wakes for
each, as much as it costs us.
"""

from collections.abc import Callable
from typing import Any, Final

from pika.adapters.utils.nbio_interface import (  # type: ignore[import-untyped]
    AbstractStreamTransport,
)
from pika.adapters.utils.selector_ioloop_adapter import (  # type: ignore[import-untyped]
    SelectorIOServicesAdapter,
)

#: How many bytes are gathered at most, so that the broker begins while more is written.
_ENOUGH: Final = 64 * 1024


class GatheringServices(SelectorIOServicesAdapter):  # type: ignore[misc]  # pika has no types
    """The input and output of a connection, for ``custom_ioloop`` of a ``SelectConnection``.

    Args:
        loop: the ``IOLoop`` of the connection.
    """

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self._loop = loop

    def create_streaming_connection(
        self, protocol_factory: Callable[[], Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Connect; the protocol is given a transport that gathers."""

        def make_protocol() -> Any:
            protocol = protocol_factory()
            connection_made = protocol.connection_made
            protocol.connection_made = lambda transport: connection_made(
                _GatheringTransport(transport, self._loop)
            )
            return protocol

        return super().create_streaming_connection(make_protocol, *args, **kwargs)


class _GatheringTransport(AbstractStreamTransport):  # type: ignore[misc]  # pika has no types
    def __init__(self, transport: Any, loop: Any) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_aborted = False

    def abort(self) -> None:
        self._is_aborted = True
        self._transport.abort()

    def get_protocol(self) -> Any:
        return self._transport.get_protocol()

    def get_write_buffer_size(self) -> int:
        buffered: int = self._transport.get_write_buffer_size()
        return buffered + self._size

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.add_callback_threadsafe(self._flush)
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= _ENOUGH:
            self._flush()

    def _flush(self) -> None:
        pieces, self._pieces, self._size = self._pieces, [], 0
        if pieces and not self._is_aborted:
            self._transport.write(b"".join(pieces))
