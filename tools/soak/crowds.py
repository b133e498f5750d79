"""Many at once: who come and go at the worst moment, and who stay and say nothing more."""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from .links import Link, at_most, call, request
from .stage import Result, Settings, Stage

#: How many connect at once.
_AT_ONCE: Final = 100
#: How long those who stay have before the service closes their connections, in seconds: longer than
#: it takes until all of them are there.
_STAY: Final = 60.0
#: The same where there are few.
_STAY_SHORTLY: Final = 4.0
_FEW: Final = 1_000
#: How large an answer is in whose middle somebody vanishes, in bytes: more than is sent at once.
_LARGE: Final = 500_000
#: By how much the memory of a service may grow when all has happened before, in MiB.
_MEMORY: Final = 8.0

_LATE: Final = call("late", "x", 0.05)
_BODY: Final = request("POST /api HTTP/1.1", "Content-Length: 1000")
_UPLOAD: Final = request("POST /upload HTTP/1.1", "Transfer-Encoding: chunked")


async def _end(link: Link) -> None:
    link.close()


async def _vanish(link: Link) -> None:
    link.vanish()


async def _vanish_in_the_middle(link: Link) -> None:
    await link.receive(1000)
    link.vanish()


async def _end_sending(link: Link) -> None:
    """Half of the connection is closed: the service answers, or it does not, and closes."""
    link.end_sending()
    await link.receive_all()
    link.close()


#: What those send who come and go, and how they go.
_VISITS: Final[Mapping[str, tuple[bytes, Callable[[Link], Awaitable[None]]]]] = {
    "nothing, and the end": (b"", _end),
    "nothing, and a reset": (b"", _vanish),
    "half a head, and the end": (_LATE[:20], _end),
    "half a head, and a reset": (_LATE[:20], _vanish),
    "half a body, and the end": (_BODY + b" " * 500, _end),
    "half a body, and a reset": (_BODY + b" " * 500, _vanish),
    "half a body, and half the end": (_BODY + b" " * 500, _end_sending),
    "half an upload, and a reset": (_UPLOAD + b"5\r\nab", _vanish),
    "a call, and a reset": (call("echo", "x"), _vanish),
    "a call of a thread, and a reset": (call("echo_blocking", "x"), _vanish),
    "a call that takes its time, and a reset": (_LATE, _vanish),
    "a call that takes its time, and the end": (_LATE, _end),
    "a call that takes its time, and half the end": (_LATE, _end_sending),
    "many calls, and a reset": (_LATE + call("echo_blocking", "x") * 20, _vanish),
    "many calls, and half the end": (call("echo_blocking", "x") * 20, _end_sending),
    "calls, and half of another": (call("echo", "x") * 3 + _BODY, _end),
    "a large answer, and a reset": (call("large", _LARGE), _vanish_in_the_middle),
    "large answers, and a reset": (call("large", _LARGE) * 3, _vanish_in_the_middle),
    "a stream, and a reset": (
        request("GET /stream?size=100000000 HTTP/1.1"),
        _vanish_in_the_middle,
    ),
    "what is no HTTP, and a reset": (b"\x16\x03\x01\r\n\r\n", _vanish),
}


def storm(settings: Settings) -> Result:
    """They come, and go in the middle of requests and answers: closing, or resetting."""
    result = Result("a storm of visits")
    stage = Stage(result, settings)
    with stage.played():
        with stage.measured():
            asyncio.run(_storm(stage, settings.storm // 2))
        stage.files_return()
        # The first time, much is allocated that is kept for the next time.
        stage.subject.tidy()
        memory = stage.subject.memory()
        asyncio.run(_storm(stage, settings.storm // 2))
        stage.files_return()
        stage.subject.tidy()
        grew = stage.subject.memory() - memory
        result.notes.append(f"{grew:+.1f} MiB in the second half")
        if grew > _MEMORY:
            stage.problem(f"the memory grew by {grew:.0f} MiB in the second half")
    return result


async def _storm(stage: Stage, count: int) -> None:
    chance = random.Random(1)

    async def visit(kind: str) -> None:
        send, leave = _VISITS[kind]
        link = await Link.open(stage.port)
        await link.send(send)
        # At any moment of what the service makes of it.
        await asyncio.sleep(chance.choice((0, 0.001, 0.01, 0.1)))
        try:
            await leave(link)
        except TimeoutError as error:
            stage.problem(f"{kind}: {error}")
            link.close()
        stage.result.done += 1

    kinds = itertools.islice(itertools.cycle(_VISITS), count)
    await at_most(_AT_ONCE, (partial(visit, kind) for kind in kinds))


def idle(settings: Settings) -> Result:
    """They call once each, and then stay; the service closes them all when their time is over."""
    result = Result("idle connections")
    stay = _STAY if settings.idle > _FEW else _STAY_SHORTLY
    options = replace(settings.options(), idle_timeout=stay, header_timeout=stay)
    stage = Stage(result, settings, options=options)
    with stage.played():
        with stage.measured():
            asyncio.run(_stay(stage, stay))
        stage.files_return()
    return result


async def _stay(stage: Stage, within: float) -> None:
    settings = stage.settings
    links: list[Link] = []

    async def come() -> None:
        link = await Link.open(stage.port)
        links.append(link)
        await link.send(call("echo", "x"))
        if not (await link.receive_answer()).startswith(b"HTTP/1.1 200 "):
            stage.problem("somebody was not answered before staying")

    begun, files, memory = time.monotonic(), stage.subject.files(), stage.subject.memory()
    try:
        await at_most(_AT_ONCE, itertools.repeat(come, settings.idle))
        took = time.monotonic() - begun
        there = stage.subject.files() - files
        each = (stage.subject.memory() - memory) * 1024 / settings.idle
        stage.result.done = there
        stage.result.notes.append(f"{each:.1f} KiB each; all there after {took:.1f} s")
        # The visitor opens and closes one now and then.
        if there < settings.idle - 1:
            stage.problem(f"only {there} connections of {settings.idle} are open")
        if each > settings.kibibytes:
            stage.problem(f"{each:.1f} KiB for an idle connection, not {settings.kibibytes:g}")
        await _all_close(stage, links, within)
    finally:
        for link in links:
            link.close()


async def _all_close(stage: Stage, links: list[Link], within: float) -> None:
    """Waits until the service has closed all connections, each when its time is over."""
    late = within + stage.settings.tolerance
    lasted: list[float] = []

    async def end(link: Link) -> None:
        try:
            if await link.receive_all(late):
                stage.problem("something was sent to somebody who was idle")
            lasted.append(time.monotonic() - link.opened)
        except TimeoutError:
            lasted.append(float("inf"))

    async with asyncio.TaskGroup() as group:
        for link in links:
            group.create_task(end(link))
    stage.result.notes.append(f"closed after {max(lasted):.1f} s at most")
    if late_ones := sum(each > late for each in lasted):
        stage.problem(f"{late_ones} idle connections were not closed within {late:g} s")
