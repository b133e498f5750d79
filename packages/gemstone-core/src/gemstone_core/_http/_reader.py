"""What was read before is not read again: clients send the same head with call after call."""

from collections.abc import Callable
from typing import Final

from ._head import Head
from ._message import Message, Route
from ._parser import Parser

_END: Final = b"\r\n\r\n"
#: How many heads are known at once, and how large one may be, in bytes.
_MOST: Final = 256
_LARGEST: Final = 2048
#: After how many unknown heads, with no known one among them, a connection looks for none any more.
_PATIENCE: Final = 8
#: The parser alone knows where a message ends.
_UNKNOWN: Final = -1


class KnownRoutes:
    """The heads that a server's connections have brought, with where their messages go.

    A head is known by its bytes, to the last one: so a parser would say the same of it again.

    Attributes:
        get: a known head and its route, or ``None``.
    """

    def __init__(self) -> None:
        self._routes: dict[bytes, tuple[bytes, Route]] = {}
        self.get = self._routes.get

    def __len__(self) -> int:
        return len(self._routes)

    def add(self, head: bytes, route: Route) -> None:
        """Know a head from now on."""
        if len(head) <= _LARGEST:
            if len(self._routes) >= _MOST:
                self._routes.clear()
            self._routes[head] = head, route


class Reader(Parser):
    """Makes messages of the bytes that come by one connection.

    What it has not seen goes to the parser, in pieces: first a head by itself. If the parser has
    found just one head in it, with a length, and nothing of a body, then these bytes are that head,
    and where its message ends can be counted. When they come again, the parser, which stands where
    it stood before, is not asked: it would say the same, and stand there again behind the body.

    Where heads do not come again, because each has the id of a trace, for instance, the pieces
    would only cost time: soon the parser gets all that comes.

    Args:
        known: the heads that are known.
        route: finds where a message with a head goes.
        begin: makes a message that goes there; it is given its body with that, or then.
    """

    __slots__ = ("_is_known", "_known", "_last", "_left", "_patience")

    def __init__(
        self,
        known: KnownRoutes,
        route: Callable[[Head], Route],
        begin: Callable[[Route, bytes | None], Message],
    ) -> None:
        super().__init__(route, begin)
        self._known = known
        #: The head that came last, and its route, if it was known.
        self._last: tuple[bytes, Route] | None = None
        #: How much of a body is to come; at 0, a head is.
        self._left = 0
        #: Whether it is the body of a message whose head was known.
        self._is_known = False
        self._patience = _PATIENCE

    def feed(self, data: bytes) -> None:
        """Read what has come, which may end anywhere.

        Raises:
            BadRequest: it is no request that can be answered.
        """
        while data and not self.is_at_end:
            if self._left:
                data = self._feed_body(data)
                continue
            last = self._last
            if last is None or not data.startswith(last[0]):
                end = data.find(_END) + len(_END)
                last = self._last = self._known.get(data[:end])
                if last is None:
                    data = self._feed_head(data, end)
                    continue
                self._patience = _PATIENCE
            head, route = last
            length = route.head.length
            end = len(head) + length
            body, data = data[len(head) : end], data[end:]
            if len(body) == length:
                self._begin(route, body)
                continue
            self.message = self._begin(route, None)
            self._is_known = True
            self._left = length
            data = body

    def _feed_head(self, data: bytes, end: int) -> bytes:
        """Read a head that is not known, or what there is of it.

        Args:
            data: what has come.
            end: how much of it may be the head.

        Returns:
            What is behind the head.
        """
        self._left = _UNKNOWN
        if end < len(_END) or not self._patience:  # all of it has not come, or nobody cares
            self.parse(data)
            return b""
        self._patience -= 1
        head, heads, parser = data[:end], self.heads, self._parser
        self.parse(head)
        route, message = self.route, self.message
        if (
            self.heads == heads + 1
            and route is not None
            and route.head.keeps_alive
            and route.head.length >= 0
            and (message is not None) == (route.head.length > 0)
            and self._parser is parser
            and not (self.has_begun or self.has_body or self.is_at_end or self.is_holding)
        ):
            self._known.add(head, route)
            self._is_known = False
            self._left = route.head.length
        return data[end:]

    def _feed_body(self, data: bytes) -> bytes:
        """Read what there is of a body.

        Returns:
            What is behind it.
        """
        if self._left < 0:
            self.parse(data)
            return b""
        chunk = data[: self._left]
        self._left -= len(chunk)
        if not self._is_known:
            self.parse(chunk)
        elif self.message is not None:
            message = self.message
            if not self._left:
                self.message = None
            message.data_received(chunk)
            if not self._left:
                message.finish()
        return data[len(chunk) :]
