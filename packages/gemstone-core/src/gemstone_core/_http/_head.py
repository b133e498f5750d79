"""The head of a request: what it says, and whether it says it in one way only.

httptools (llhttp) refuses what is no HTTP. What is HTTP and could be taken for two different things
by two servers is refused here.

.. seealso:: RFC 9112, sections 2.3 (versions), 3.2 (Host), 6.1 (Transfer-Encoding) and 6.2
   (Content-Length).
"""

import re
from http import HTTPStatus
from typing import Final

from msgspec import Struct

#: How large a head may be, and what surrounds the bytes of a body, in bytes.
MAX_HEAD: Final = 64 * 1024
#: A length of more digits is more than any machine has room for.
_MOST_DIGITS: Final = 18

_HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+;=%]*)(?::[0-9]*)?")
_LENGTH: Final = re.compile(rb"[0-9]+")
#: What must not be said twice.
_ONCE: Final = frozenset({b"host", b"content-length", b"transfer-encoding"})

#: The names of headers, in small letters, and their values.
Fields = list[tuple[bytes, bytes]]


class BadRequest(Exception):
    """What has come is no request that can be answered: the connection ends with this answer.

    Attributes:
        status: the HTTP status.
        reason: one line for the client.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


class Head(Struct, eq=False):
    """The head of a request.

    Attributes:
        verb: the method, as ``b"POST"``.
        target: what is asked for, as it stands in the first line.
        is_1_0: whether the other side speaks HTTP/1.0, and not 1.1.
        fields: the headers as they came, with their names in small letters.
        by_name: their values; those of a name that came more than once, joined by commas.
        keeps_alive: whether the other side wants to go on after the answer.
        length: how long the body is, in bytes; -1: it comes in chunks.
    """

    verb: bytes
    target: bytes
    is_1_0: bool
    fields: Fields
    by_name: dict[bytes, bytes]
    keeps_alive: bool
    length: int

    @property
    def wants_go_ahead(self) -> bool:
        """Whether the body is held back until a go-ahead comes (RFC 9110, section 10.1.1)."""
        expected = self.by_name.get(b"expect")
        return expected is not None and expected.lower() == b"100-continue" and not self.is_1_0


def read_head(verb: bytes, target: bytes, version: str, fields: Fields, keeps_alive: bool) -> Head:
    """A head, made of what the parser has found.

    Raises:
        BadRequest: it could be read in two ways, or in none.
    """
    by_name = dict(fields)
    if len(by_name) != len(fields):
        by_name = _joined(fields)
    is_1_0 = version == "1.0"
    if not is_1_0 and version != "1.1":
        if version == "0.9":  # so llhttp takes a first line without any
            raise _bad("the first line of a request ends with HTTP/1.1")
        raise BadRequest(
            HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
            f"speak HTTP/1.1 or 1.0, not {version}",
        )
    host = by_name.get(b"host")
    if host is None:
        if not is_1_0:
            raise _bad("a request has a Host header")
    elif not _HOST.fullmatch(host):
        raise _bad(f"there can be no such host as {_shown(host)}")
    return Head(verb, target, is_1_0, fields, by_name, keeps_alive, _length(by_name, is_1_0))


def _length(by_name: dict[bytes, bytes], is_1_0: bool) -> int:
    length = by_name.get(b"content-length")
    coding = by_name.get(b"transfer-encoding")
    if coding is None:
        if length is None:
            return 0
        if not _LENGTH.fullmatch(length):
            raise _bad(f"Content-Length is a number of bytes, not {_shown(length)}")
        digits = length.lstrip(b"0")
        if len(digits) > _MOST_DIGITS:
            raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "no body may be that large")
        return int(digits or b"0")
    if length is not None:
        raise _bad("send Content-Length or Transfer-Encoding, and not both")
    if is_1_0:
        raise _bad("HTTP/1.0 has no Transfer-Encoding")
    if coding.lower() != b"chunked":
        raise _bad(f"the one Transfer-Encoding is chunked, not {_shown(coding)}")
    return -1


def _joined(fields: Fields) -> dict[bytes, bytes]:
    """The fields by their names, of which some have come more than once."""
    joined: dict[bytes, bytes] = {}
    for name, value in fields:
        if name not in joined:
            joined[name] = value
        elif name in _ONCE:
            raise _bad(f"{name.decode().title()} was sent twice")
        else:
            joined[name] += b"," + value
    return joined


def _bad(reason: str) -> BadRequest:
    return BadRequest(HTTPStatus.BAD_REQUEST, reason)


def _shown(value: bytes) -> str:
    return repr(value[:80].decode("latin-1"))
