"""What came back by a raw connection, read strictly: what is not as HTTP has it is an error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: No connection goes on after one of these: nobody can know where the next message would begin.
FATAL: Final = frozenset({400, 408, 413, 414, 417, 431, 501, 503, 505})

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [\t -~]*")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*)")
_CHUNK_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,8}")
_WITHOUT_BODY: Final = frozenset({204, 304})


class BrokenAnswer(Exception):
    """What came is no answer, or none that may come here."""


class CutShort(BrokenAnswer):
    """It is not all of an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer.

    Args:
        status: its status.
        headers: its headers, with names in lower case.
        body: its body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends with it."""
        return self.headers.get("connection", "").lower() == "close"


def read_answers(data: bytes, *, heads: bool = False, reset: bool = False) -> list[Answer]:
    """All answers, in order; 100 (Continue) is none.

    Args:
        data: what came until the connection was closed.
        heads: whether a HEAD may be among the requests, whose answer has no body.
        reset: whether it was ended in such a way that the last answer need not be whole.

    Raises:
        BrokenAnswer: it is not well-formed, or goes on after an answer that closes.
    """
    answers: list[Answer] = []
    while data:
        if answers and (answers[-1].closes or answers[-1].status in FATAL):
            raise BrokenAnswer(f"after {answers[-1].status}, which closes, came {data[:80]!r}")
        try:
            answer, data = _read_one(data, heads)
        except CutShort:
            if reset:
                break
            raise
        if answer.status >= 200:
            answers.append(answer)
        elif answer.status != 100:
            raise BrokenAnswer(f"nobody has asked for {answer.status}")
    return answers


def _read_one(data: bytes, heads: bool) -> tuple[Answer, bytes]:
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        raise CutShort(f"a head without an end: {data[:80]!r}")
    first, *lines = head.split(b"\r\n")
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        raise BrokenAnswer(f"no status line: {first[:80]!r}")
    status = int(match[1])
    headers = _read_headers(lines)
    if status < 200 or status in _WITHOUT_BODY:
        return Answer(status, headers, b""), rest
    chunked, length = "transfer-encoding" in headers, headers.get("content-length")
    if chunked and length is not None:
        raise BrokenAnswer("both Transfer-Encoding and Content-Length")
    if heads and (not rest or rest.startswith(b"HTTP/1.1 ")):
        return Answer(status, headers, b""), rest
    if chunked:
        body, rest = _read_chunks(rest)
    elif length is None:
        body, rest = rest, b""  # it ends with the connection
    elif not length.isdecimal():
        raise BrokenAnswer(f"a length of {length}")
    elif len(rest) < int(length):
        raise CutShort(f"{len(rest)} bytes of a body, not {length}")
    else:
        body, rest = rest[: int(length)], rest[int(length) :]
    return Answer(status, headers, body), rest


def _read_headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise BrokenAnswer(f"no header: {line[:80]!r}")
        name = match[1].decode().lower()
        if name in headers and name != "set-cookie":
            raise BrokenAnswer(f"{name} twice")
        headers[name] = match[2].decode("latin-1").strip()
    return headers


def _read_chunks(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, end, data = data.partition(b"\r\n")
        if not end or (_CHUNK_SIZE.fullmatch(size) and len(data) < int(size, 16) + 2):
            raise CutShort("a chunk without an end")
        if not _CHUNK_SIZE.fullmatch(size):
            raise BrokenAnswer(f"no size of a chunk: {size[:80]!r}")
        count = int(size, 16)
        if data[count : count + 2] != b"\r\n":
            raise BrokenAnswer("a chunk without a line's end")
        body, data = body + data[:count], data[count + 2 :]
        if not count:
            return body, data
