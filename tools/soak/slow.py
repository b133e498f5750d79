"""Connections that send a byte now and then, beside good traffic."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from ssl import MemoryBIO, SSLContext, SSLWantReadError, create_default_context
from statistics import median
from typing import Final

from .answers import BrokenAnswer, read_answers
from .links import PATIENCE, Link, at_most, call, request
from .stage import Result, Settings, Stage

#: In how many groups they take turns: nobody has told them to send all at once, and each group
#: is a burst.
_TURNS: Final = 100
#: How many of them connect at once.
_AT_ONCE: Final = 50
#: What may be said to one whose message is not only late, but strange.
_REFUSALS: Final = frozenset({400, 413, 431})
#: The answer to a first request, and that the next one is late.
_EXPECTED: Final = frozenset({200, 408})
#: What begins an answer in the language of TLS: an alert, or a part of a handshake.
_RECORDS: Final = (b"\x15", b"\x16")
#: How many bytes each of them sends within a timeout.
_BYTES: Final = 10
#: No limit has passed before this part of it: something else has ended the connection.
_TOO_EARLY: Final = 0.9


@dataclass(frozen=True, slots=True)
class _Kind:
    """A way of being slow.

    Args:
        at_once: what is sent at once.
        byte_by_byte: what comes then, again and again.
        may_be_refused: whether the service need not wait for its end.
    """

    at_once: bytes
    byte_by_byte: bytes
    may_be_refused: bool = False


_LENGTH: Final = "Content-Length: 1000"
_CHUNKED: Final = "Transfer-Encoding: chunked"
_HEADER_LINES: Final = b"POST /api HTTP/1.1\r\nHost: soak\r\n"
_CHUNKS: Final = request("POST /api HTTP/1.1", _CHUNKED)
_KINDS: Final[Mapping[str, _Kind]] = {
    "nothing": _Kind(b"", b""),
    "heads": _Kind(b"", b"POST /api HTTP/1.1\r\nHost: soak\r\nX: " + b"x" * 1000),
    "header lines": _Kind(_HEADER_LINES, b"a:\r\n"),
    "a value": _Kind(_HEADER_LINES + b"X: ", b"x"),
    "empty lines": _Kind(b"", b"\r\n", may_be_refused=True),
    "heads of a second request": _Kind(call("echo", "first"), b"POST /" + b"x" * 1000),
    "nothing after a request": _Kind(call("echo", "first"), b""),
    "bodies": _Kind(request("POST /api HTTP/1.1", _LENGTH), b" "),
    "bodies of a page": _Kind(request("POST /page HTTP/1.1", _LENGTH), b" "),
    "uploads": _Kind(request("POST /upload HTTP/1.1", _LENGTH), b" "),
    "chunks": _Kind(_CHUNKS, b"1\r\n \r\n"),
    "chunks of a page": _Kind(request("POST /page HTTP/1.1", _CHUNKED), b"1\r\n \r\n"),
    "the size of a chunk": _Kind(_CHUNKS, b"0", may_be_refused=True),
    "an extension": _Kind(_CHUNKS + b"1;", b"x", may_be_refused=True),
    "trailers": _Kind(_CHUNKS + b"1\r\n \r\n0\r\n", b"a:\r\n", may_be_refused=True),
    "bodies that wait for a go-ahead": _Kind(
        request("POST /api HTTP/1.1", _LENGTH, "Expect: 100-continue"), b" "
    ),
}


@dataclass(slots=True)
class _Slow:
    """A slow connection.

    Attributes:
        ended: how long it was open, in seconds; endless: it was not closed.
        got: what came back.
    """

    kind: str
    link: Link
    to_send: Iterator[int]
    ended: float = float("inf")
    got: bytes = b""

    def send(self) -> None:
        """Sends a byte, if there is one."""
        for byte in itertools.islice(self.to_send, 1):
            self.link.send_what_fits(bytes([byte]))

    async def receive(self, within: float) -> None:
        """Waits until it is closed."""
        try:
            self.got = await self.link.receive_all(within)
            self.ended = time.monotonic() - self.link.opened
        except TimeoutError:
            pass  # it says so by being endless
        finally:
            self.link.close()


def slow_connections(settings: Settings) -> Result:
    """Heads and bodies come byte by byte; the good calls have to be quick all the same."""
    result = Result("slow connections")
    stage = Stage(result, settings)
    with stage.played():
        for _ in range(settings.rounds):
            with stage.measured():
                slow = asyncio.run(_besiege(stage, _KINDS))
            _account(stage, slow, _KINDS)
            stage.files_return()
    if result.ratio > settings.ratio:
        stage.problem(f"good calls took {result.ratio:.1f} times as long (p99)")
    return result


def slow_handshakes(settings: Settings) -> Result:
    """Handshakes of TLS come byte by byte, in half, or not at all."""
    result = Result("slow handshakes")
    stage = Stage(result, settings, tls=True)
    hello = _hello()
    kinds = {
        "nothing": _Kind(b"", b""),
        "hellos": _Kind(b"", hello),
        "half a hello": _Kind(hello[: len(hello) // 2], b""),
        "nothing after the hello": _Kind(hello, b""),
    }
    with stage.played(), stage.measured():
        slow = asyncio.run(_besiege(stage, kinds))
    _account(stage, slow, kinds)
    return result


async def _besiege(stage: Stage, kinds: Mapping[str, _Kind]) -> list[_Slow]:
    settings, slow = stage.settings, list[_Slow]()
    within = settings.timeout + settings.tolerance + PATIENCE
    async with asyncio.TaskGroup() as group:

        async def begin(name: str) -> None:
            link = await Link.open(stage.port)
            await link.send(kinds[name].at_once)
            each = _Slow(name, link, itertools.cycle(kinds[name].byte_by_byte))
            slow.append(each)
            receivers.append(group.create_task(each.receive(within)))

        receivers: list[asyncio.Task[None]] = []
        sender = group.create_task(_send(slow, settings.timeout / _BYTES))
        names = itertools.islice(itertools.cycle(kinds), settings.slow)
        await at_most(_AT_ONCE, (partial(begin, name) for name in names))
        await asyncio.wait(receivers)
        sender.cancel()
    return slow


async def _send(slow: Sequence[_Slow], pause: float) -> None:
    """Each of them sends a byte in each pause."""
    for turn in itertools.cycle(range(_TURNS)):
        for each in slow[turn::_TURNS]:
            if each.ended == float("inf"):
                each.send()
        await asyncio.sleep(pause / _TURNS)


def _account(stage: Stage, slow: Sequence[_Slow], kinds: Mapping[str, _Kind]) -> None:
    result = stage.result
    result.done += len(slow)
    ended = [each.ended for each in slow]
    result.notes.append(f"closed after {median(ended):.1f} s, {max(ended):.1f} s at most")
    for name, kind in kinds.items():
        wrong = [_wrong(each, kind, stage.settings) for each in slow if each.kind == name]
        for what, count in Counter(wrong).items():
            if what:
                stage.problem(f"{name}: {what} ({count} of {len(wrong)})")


def _wrong(slow: _Slow, kind: _Kind, settings: Settings) -> str:
    """What is wrong with the end of a slow connection; nothing is fine."""
    if slow.ended > settings.timeout + settings.tolerance:
        return f"closed only after {slow.ended:.0f} s"
    if slow.got[:1] in _RECORDS:
        slow.got = b""
    try:
        statuses = {answer.status for answer in read_answers(slow.got, reset=slow.link.was_reset)}
    except BrokenAnswer as error:
        return str(error)
    if kind.may_be_refused and statuses & _REFUSALS:
        return ""
    if statuses - _EXPECTED:
        return f"answered by {statuses}"
    if slow.ended < settings.timeout * _TOO_EARLY:
        return f"closed already after {slow.ended:.1f} s"
    return ""


def _hello() -> bytes:
    """What a client begins a handshake with."""
    sent = MemoryBIO()
    context: SSLContext = create_default_context()
    context.check_hostname = False
    client = context.wrap_bio(MemoryBIO(), sent)
    try:
        client.do_handshake()
    except SSLWantReadError:
        return sent.read()
    raise RuntimeError("there was nobody to shake hands with")
