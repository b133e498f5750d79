"""From bytes to messages: httptools parses, and what it does not look at is looked at here."""

import re
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)
from msgspec import structs

from ._head import MAX_HEAD, BadRequest, Fields, Head, read_head
from ._message import Message, Route

#: What llhttp says of a length that it can't count.
_OVERFLOW: Final = "overflow"
#: The name of a method (RFC 9110, section 9.1).
_VERB: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: What makes a parser read a body whose head another one has read.
_FRAMED: Final = b"POST / HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n"


class Parser:
    """Makes messages of the bytes that come by one connection.

    Args:
        route: finds where a message with a head goes.
        begin: makes a message that goes there; it is given its body with that, or then.

    Attributes:
        route: where the last message went whose head was read.
        heads: how many heads were read.
        has_begun: whether the head of a message is coming.
        has_body: whether something of a body was in what was parsed last.
        is_before_head: whether something has come that is not enough to begin one.
        message: the message whose body is coming, or ``None``.
        is_at_end: whether a message was the last one: what comes behind it is thrown away.
        is_holding: whether a message was the last one for now, because it asks for another
            protocol: what comes behind it is kept as it is.
    """

    # The methods without a docstring are httptools' callbacks.

    __slots__ = (
        "_begin",
        "_fed",
        "_fed_at_least",
        "_fields",
        "_held",
        "_is_muted",
        "_keep",
        "_parser",
        "_route",
        "_target",
        "_upgraded",
        "_verb",
        "has_begun",
        "has_body",
        "heads",
        "is_at_end",
        "is_before_head",
        "is_holding",
        "message",
        "route",
    )

    def __init__(
        self, route: Callable[[Head], Route], begin: Callable[[Route, bytes | None], Message]
    ) -> None:
        self._route = route
        self._begin = begin
        self._parser = HttpRequestParser(self)
        self._target = b""
        self._fields: Fields = []
        self._keep: Callable[[bytes], None] = _ignore
        #: How many bytes have come since the head began, or since there was some body: at most,
        #: and at least, because it may have begun anywhere in what was fed at once.
        self._fed = 0
        self._fed_at_least = 0
        #: The method of the head that comes, if llhttp does not know it.
        self._verb: bytes | None = None
        self._held = bytearray()
        self.is_holding = False
        self._upgraded: Head | None = None
        self._is_muted = False
        self.has_begun = False
        self.has_body = False
        self.is_before_head = False
        self.message: Message | None = None
        self.route: Route | None = None
        self.heads = 0
        self.is_at_end = False

    def parse(self, data: bytes) -> None:
        """Read what has come, which may end anywhere.

        Raises:
            BadRequest: it is no request that can be answered.
        """
        if self.is_at_end:
            return
        if self.is_holding:
            self._held += data
            return
        self.has_body = False
        self._fed += len(data)
        fields, is_between = self._fields, not self.has_begun and self.message is None
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            go_on = partial(self._go_on_without_upgrade, data[upgrade.args[0] :])
        except HttpParserInvalidMethodError as error:
            verb, space, rest = data.partition(b" ")
            is_first = is_between and self._fields is fields  # no head was read before it
            if not is_first or not space or not _VERB.fullmatch(verb):
                raise _explained(error) from None
            go_on = partial(self._go_on_with_verb, verb, rest)
        except HttpParserError as error:
            if self.is_at_end:  # it is about what comes behind
                return
            raise _explained(error) from None
        else:
            if self.has_begun or self.message is not None:
                self._look_at_sizes(len(data), is_new=self._fields is not fields)
            else:
                self._fed = 0
                # All of it may stand before a target: a part of the first line, or empty lines.
                self.is_before_head = is_between and self._fields is fields
            return
        # Not within an except clause, which would change where httptools says what was raised.
        go_on()

    def _look_at_sizes(self, size: int, *, is_new: bool) -> None:
        """Refuse what has no end.

        Args:
            size: how many bytes were fed at once.
            is_new: whether the head that comes began in them.
        """
        if self.has_begun:
            if is_new:
                self._fed, self._fed_at_least = size, self._size_of_head()
            else:
                self._fed_at_least += size
            if self._fed_at_least > MAX_HEAD:
                raise _too_large()
        elif self.has_body:
            self._fed = 0
        elif self._fed > MAX_HEAD:
            raise BadRequest(HTTPStatus.BAD_REQUEST, "there is too much around the body's chunks")

    def release(self) -> bytes:
        """What was kept; from now on nothing is."""
        held, self._held = self._held, bytearray()
        self.is_holding = False
        return bytes(held)

    def close(self) -> None:
        """Forget everything: the parser and this know each other."""
        self.is_at_end = True
        del self._parser, self._begin, self._route
        self.message = None

    def on_url(self, target: bytes) -> None:
        if self._is_muted:
            return
        if self.has_begun:
            self._target += target
        else:
            self.has_begun = True
            self.is_before_head = False
            self._target = target
            fields: Fields = []
            self._fields = fields
            self._keep = fields.append

    def on_header(self, name: bytes, value: bytes) -> None:
        self._keep(name)
        self._keep(value)

    def on_headers_complete(self) -> None:
        if self._is_muted:
            self._is_muted = False
            return
        self.has_begun = False
        self._keep = _ignore  # what comes behind the body
        verb, self._verb = self._verb, None
        if self._fed > MAX_HEAD and self._size_of_head() > MAX_HEAD:
            raise _too_large()
        self.heads += 1
        self.route = route = self._route(self._read_head(verb))
        self.message = self._begin(route, None)

    def on_body(self, chunk: bytes) -> None:
        self.has_body = True
        if self.message is not None:
            self.message.data_received(chunk)

    def on_message_complete(self) -> None:
        message = self.message
        if self._upgraded is not None or message is None:
            return  # llhttp does not read the body of what asks for another protocol
        self.message = None
        if message.head.length < 0 and not self._parser.should_keep_alive():
            # It is said behind the chunks.
            message.head = structs.replace(message.head, keeps_alive=False)
        if not message.head.keeps_alive:
            self.is_at_end = True
        message.finish()

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Read the body of a message that asks for another protocol, as that of any other."""
        head, message = self._upgraded, self.message
        self._upgraded = None
        self._parser = HttpRequestParser(self)
        if head is None or message is None:
            return
        if head.length:
            framing = b"Content-Length: %d" % head.length
            if head.length < 0:
                framing = b"Transfer-Encoding: chunked"
            self._is_muted = True
            self._parser.feed_data(_FRAMED % framing)
            self.parse(rest)
        else:
            # It may get it: nobody knows yet what the rest is.
            self.is_holding = True
            self._held = bytearray(rest)
            self.on_message_complete()

    def _go_on_with_verb(self, verb: bytes, rest: bytes) -> None:
        """Read a message whose method llhttp does not know, as that of any other.

        It has a list of them; which are allowed, the one says that answers.
        """
        self._verb = verb
        self._parser = HttpRequestParser(self)
        self.parse(b"GET " + rest)

    def _read_head(self, verb: bytes | None) -> Head:
        parser = self._parser
        head = read_head(
            verb or parser.get_method(),
            self._target,
            self._fields,
            parser.should_keep_alive(),
            parser.get_http_version,
        )
        if parser.should_upgrade():
            self._upgraded = head
        return head

    def _size_of_head(self) -> int:
        return len(self._target) + sum(len(part) + 2 for part in self._fields)


def _ignore(part: bytes) -> None:
    """Keep nothing of a header that is none of a head."""


def _too_large() -> BadRequest:
    return BadRequest(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"the head of a request may have {MAX_HEAD} bytes",
    )


def _explained(error: HttpParserError) -> BadRequest:
    if isinstance(error, HttpParserCallbackError):
        if isinstance(error.__context__, BadRequest):
            return error.__context__
        raise error
    if _OVERFLOW in str(error):
        return BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "no body may be that large")
    return BadRequest(HTTPStatus.BAD_REQUEST, f"this is no HTTP: {error}")
