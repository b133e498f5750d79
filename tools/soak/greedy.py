"""Clients that take nothing of what they asked for, and clients that send without end."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from .links import Link, call, request
from .service import MAX_BODY_SIZE
from .stage import Result, Settings, Stage

_MEBIBYTE: Final = 1024 * 1024
#: What the system keeps for one who reads nothing, in bytes.
_LITTLE: Final = 4096
#: How many bytes are sent at once.
_PIECE: Final = 64 * 1024
#: How long a service that does not read is given until it is taken for one that does not, in
#: seconds.
_PAUSE: Final = 0.05
#: How long those who were refused may go on to send, so that they get to see it, in seconds.
_LINGER: Final = 5.0
#: How large an answer is: as large as a body may be, which is the measure of the service's memory.
_LARGE: Final = MAX_BODY_SIZE
#: What the service may keep of one connection, in MiB: a whole body, what a method makes of it, the
#: answer, and this as it is sent.
_KEPT: Final = 4.0
#: How much more it may take, whatever happens, in MiB: an allocator gives back late.
_ANYHOW: Final = 32.0
#: How much may be sent before the service stops to read, beside what it reads to answer, in bytes:
#: the system keeps some MiB on both sides.
_TAKEN: Final = 16 * _MEBIBYTE

_SMALL: Final = "x" * 10_000
#: Of those who never read, what they send: at once, and then again and again.
_DEAF: Final[Mapping[str, tuple[bytes, bytes]]] = {
    "large answers": (b"".join(call("large", _LARGE, id=n) for n in range(20)), b""),
    "large answers without end": (b"", call("large", _LARGE)),
    "small answers without end": (b"", call("echo", _SMALL)),
    "answers of threads without end": (b"", call("echo_blocking", _SMALL)),
    "a page that is streamed": (request(f"GET /stream?size={1024 * _MEBIBYTE} HTTP/1.1"), b""),
    "pages without end": (
        b"",
        request("POST /page HTTP/1.1", f"Content-Length: {len(_SMALL)}") + _SMALL.encode(),
    ),
}

_START: Final = b"POST /api HTTP/1.1\r\nHost: soak\r\n"
_CHUNKS: Final = _START + b"Transfer-Encoding: chunked\r\n\r\n"
_PAGE: Final = b"POST /page HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNK: Final = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
#: Of those who send without end, what they send: at once, and then again and again.
_ENDLESS: Final[Mapping[str, tuple[bytes, bytes]]] = {
    "a target": (b"POST /", b"x" * _PIECE),
    "a method": (b"", b"X" * _PIECE),
    "the name of a header": (_START, b"x" * _PIECE),
    "the value of a header": (_START + b"X: ", b"x" * _PIECE),
    "spaces before a value": (_START + b"X:", b" " * _PIECE),
    "zeros of a length": (_START + b"Content-Length: ", b"0" * _PIECE),
    "headers": (_START, b"x: y\r\n" * 10_000),
    "empty lines": (b"", b"\r\n" * 30_000),
    "chunks": (_CHUNKS, _CHUNK),
    "tiny chunks": (_CHUNKS, b"1\r\n \r\n" * 10_000),
    "chunks of a page": (_PAGE, _CHUNK),
    "tiny chunks of a page": (_PAGE, b"1\r\n \r\n" * 10_000),
    "the size of a chunk": (_CHUNKS, b"0" * _PIECE),
    "an extension": (_CHUNKS + b"1;", b"x" * _PIECE),
    "extensions of tiny chunks": (_CHUNKS, b"1;" + b"x" * 1000 + b"\r\n \r\n"),
    "a trailer": (_CHUNKS + b"0\r\nX: ", b"x" * _PIECE),
    "trailers": (_CHUNKS + b"0\r\n", b"x: y\r\n" * 10_000),
    "a body": (_START + b"Content-Length: 99999999999\r\n\r\n", b" " * _PIECE),
    "something else": (b"", b"\x00\xff" * _PIECE),
}


@dataclass(slots=True)
class _Sender:
    """Somebody who sends without end.

    Attributes:
        sent: how many bytes the service, or the system, has taken.
        ended: after how many seconds the service has closed; endless: it has not.
    """

    kind: str
    link: Link
    sent: int = 0
    ended: float = float("inf")

    async def send(self, at_once: bytes, again: bytes, most: int, within: float) -> None:
        """Sends until the service has closed, or all was sent, or the time is over.

        Args:
            at_once: what to send first.
            again: what to send then, again and again.
            most: how many bytes to send at most.
            within: how long to do so, in seconds.
        """
        again *= _PIECE // len(again) + 1 if again else 0
        rest = memoryview(at_once or again)
        while rest and self.sent < most and self._lasts() < within:
            count = self.link.send_what_fits(rest)
            if count < 0:
                self.ended = self._lasts()
                return
            self.sent += count
            rest = rest[count:] or memoryview(again)
            await asyncio.sleep(0 if count else _PAUSE)

    def _lasts(self) -> float:
        return time.monotonic() - self.link.opened


def never_reading(settings: Settings) -> Result:
    """They ask for much, some of them again and again, and take nothing of it."""
    result = Result("clients that never read")
    stage = Stage(result, settings)
    # They may send for one timeout; then they have another one to take something.
    within = 2 * settings.timeout + settings.tolerance
    with stage.played():
        with stage.measured():
            senders = asyncio.run(_all_send(stage, _DEAF, 2 * _TAKEN, within, _LITTLE))
        _account(stage, senders, within)
    for kind in _DEAF:
        sent = max(each.sent for each in senders if each.kind == kind) / _MEBIBYTE
        if sent > _TAKEN / _MEBIBYTE:
            stage.problem(f"{kind}: {sent:.0f} MiB were read, and no answer was taken")
    return result


def sending_without_end(settings: Settings) -> Result:
    """They send a head, or a body, that has no end, as fast as they can."""
    result = Result("clients that send without end")
    stage = Stage(result, settings)
    within = settings.timeout + _LINGER + settings.tolerance
    with stage.played():
        with stage.measured():
            most = settings.megabytes * _MEBIBYTE
            senders = asyncio.run(_all_send(stage, _ENDLESS, most, within))
        _account(stage, senders, within)
    most_sent = max(senders, key=lambda each: each.sent)
    result.notes.append(f"{most_sent.sent / _MEBIBYTE:.0f} MiB at most: {most_sent.kind}")
    return result


async def _all_send(
    stage: Stage,
    kinds: Mapping[str, tuple[bytes, bytes]],
    most: int,
    within: float,
    receives_at_most: int = 0,
) -> list[_Sender]:
    """Lets as many of them send as the settings say, and waits until the service has closed."""
    # Each kind at least once.
    names = itertools.islice(itertools.cycle(kinds), max(stage.settings.few, len(kinds)))
    senders = [
        _Sender(kind, await Link.open(stage.port, receives_at_most=receives_at_most))
        for kind in names
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for sender in senders:
                group.create_task(sender.send(*kinds[sender.kind], most, within))
            group.create_task(_watch(stage, senders, within))
    finally:
        for sender in senders:
            sender.link.close()
    return senders


async def _watch(stage: Stage, senders: Sequence[_Sender], within: float) -> None:
    """Notes when the service has closed which connection: those who don't read can't know."""
    deadline = time.monotonic() + within
    still = senders
    while still and time.monotonic() < deadline:
        await asyncio.sleep(_PAUSE)
        peers, now = stage.subject.peers(), time.monotonic()
        for sender in still:
            if sender.link.port not in peers:
                sender.ended = min(sender.ended, now - sender.link.opened)
        still = [each for each in still if each.ended == float("inf")]


def _account(stage: Stage, senders: Sequence[_Sender], within: float) -> None:
    result = stage.result
    result.done = len(senders)
    closed = [each.ended for each in senders if each.ended < float("inf")]
    if closed:
        result.notes.append(f"closed after {median(closed):.1f} s, {max(closed):.1f} s at most")
    late = Counter(each.kind for each in senders if each.ended == float("inf"))
    for kind, count in late.items():
        stage.problem(f"{kind}: {count} were not closed within {within:g} s")
    stage.files_return()
    grew = stage.subject.peak_memory() - result.memory[0]
    allowed = _ANYHOW + len(senders) * _KEPT
    if grew > allowed:
        stage.problem(f"the memory grew by {grew:.0f} MiB, not {allowed:.0f}")
