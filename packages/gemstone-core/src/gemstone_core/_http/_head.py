"""The head of a request: what it says, and whether it says it in one way only.

httptools (llhttp) refuses what is no HTTP. What is HTTP and could be taken for two different things
by two servers is refused here.

.. seealso:: RFC 9112, sections 2.3 (versions), 3.2 (Host), 6.1 (Transfer-Encoding) and 6.2
   (Content-Length).
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from msgspec import Struct

from ._rules import MOST_DIGITS

#: How large a head may be, and what surrounds the bytes of a body, in bytes.
MAX_HEAD: Final = 64 * 1024
_HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+;=%]*)(?::[0-9]*)?")
_LONGEST_HOST: Final = 1024
#: What must not be said twice.
_ONCE: Final = frozenset({b"host", b"content-length", b"transfer-encoding"})

#: The names of headers, and their values: each behind its name. Pairs would be so many objects more
#: that Python's garbage collector looks at.
Fields = list[bytes]


def pairs(fields: Fields) -> Iterator[tuple[bytes, bytes]]:
    """Names with their values."""
    parts = iter(fields)
    return zip(parts, parts, strict=True)


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


class Head(Struct, eq=False, frozen=True, gc=False):
    """The head of a request, or of several that are alike.

    Attributes:
        verb: the method, as ``b"POST"``.
        target: what is asked for, as it stands in the first line.
        fields: the headers as they came.
        by_name: their values by their names, in small letters; those of a name that came more than
            once, joined by commas.
        keeps_alive: whether the other side wants to go on after the answer.
        is_1_0: whether the other side speaks HTTP/1.0, and not 1.1.
        length: how long the body is, in bytes; -1: it comes in chunks.
    """

    verb: bytes
    target: bytes
    fields: Fields
    by_name: dict[bytes, bytes]
    keeps_alive: bool
    is_1_0: bool
    length: int

    @property
    def wants_go_ahead(self) -> bool:
        """Whether the body is held back until a go-ahead comes (RFC 9110, section 10.1.1)."""
        expected = self.by_name.get(b"expect")
        return expected is not None and expected.lower() == b"100-continue" and not self.is_1_0


def read_head(
    verb: bytes, target: bytes, fields: Fields, keeps_alive: bool, version: Callable[[], str]
) -> Head:
    """A head, made of what the parser has found.

    Args:
        verb: the method.
        target: what is asked for.
        fields: the headers.
        keeps_alive: whether the other side wants to go on, as the parser sees it.
        version: gives the version of HTTP, as ``1.1``.

    Raises:
        BadRequest: it could be read in two ways, or in none.
    """
    by_name = {name.lower(): value.rstrip(b" \t") for name, value in pairs(fields)}
    if 2 * len(by_name) != len(fields):
        by_name = _joined(fields)
    is_1_0 = False
    # Who goes on without a word about it speaks 1.1: to ask for the version takes its time.
    if not keeps_alive or b"connection" in by_name:
        is_1_0 = _is_1_0(version())
    host = by_name.get(b"host")
    if host is None:
        if not is_1_0:
            raise _bad("a request has a Host header")
    elif not _is_host(host):
        raise _bad(f"there can be no such host as {_shown(host)}")
    length = by_name.get(b"content-length")
    if b"transfer-encoding" in by_name:
        size = _size_of_chunks(by_name[b"transfer-encoding"], length, is_1_0)
    else:
        size = 0 if length is None else _size(length)
    return Head(verb, target, fields, by_name, keeps_alive, is_1_0, size)


def _is_1_0(version: str) -> bool:
    if version == "1.1":
        return False
    if version == "1.0":
        return True
    if version == "0.9":  # so llhttp takes a first line without any
        raise _bad("the first line of a request ends with HTTP/1.1")
    raise BadRequest(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, f"speak HTTP/1.1 or 1.0, not {version}")


@lru_cache(maxsize=256)
def _is_host(host: bytes) -> bool:
    return len(host) <= _LONGEST_HOST and _HOST.fullmatch(host) is not None


def _size(length: bytes) -> int:
    if not length.isdigit():  # of bytes: those of ASCII
        raise _bad(f"Content-Length is a number of bytes, not {_shown(length)}")
    if len(length) > MOST_DIGITS and len(length.lstrip(b"0")) > MOST_DIGITS:
        raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "no body may be that large")
    return int(length)


def _size_of_chunks(coding: bytes, length: bytes | None, is_1_0: bool) -> int:
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
    for name, value in pairs(fields):
        name, value = name.lower(), value.rstrip(b" \t")
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
