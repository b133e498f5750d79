"""Calls per second: the hello service beside the same on other libraries, and beside the floor."""

from typing import Final

from .contest import Contestant, batches, faster, hello, hold
from .environments import described, peer
from .processes import Bench, Program
from .report import Comparison, Part, ratios

CONNECTIONS: Final = 64
#: Four different calls for each connection, so that an answer that is not its own is noticed.
_CALLS: Final = 4 * CONNECTIONS
_BATCH: Final = 100
#: Batches are as many calls at once by themselves.
_BATCH_CONNECTIONS: Final = 8
_LOOPS: Final = ("uvloop", "asyncio")


def floor(bench: Bench, *, rounds: int, seconds: float) -> Part:
    """A coroutine method, and the least that it costs on the same libraries and the same loop.

    Args:
        bench: where they run.
        rounds: how often each has its turn.
        seconds: how long a turn is.

    Raises:
        BenchmarkError: an answer was wrong.
    """
    calls = hello("say_hello", _CALLS)
    ours = {loop: Contestant(f"gemstone, {loop}", _ours(loop), calls) for loop in _LOOPS}
    floors = {loop: Contestant(f"the floor, {loop}", _floor(loop), calls) for loop in _LOOPS}
    contestants = [*ours.values(), *floors.values()]
    text = hold(bench, contestants, connections=CONNECTIONS, rounds=rounds, seconds=seconds)
    comparisons: list[Comparison] = []
    for loop in _LOOPS:
        comparisons += faster(ours[loop], floors[loop], 0.75)
    return Part(f"the floor: a coroutine method, {text}", comparisons)


def coroutines(bench: Bench, *, rounds: int, seconds: float) -> Part:
    """A coroutine method, and the same on other libraries.

    Args:
        bench: where they run.
        rounds: how often each has its turn.
        seconds: how long a turn is.

    Raises:
        BenchmarkError: an answer was wrong, or a peer can't be installed.
    """
    calls = hello("say_hello", _CALLS)
    ours = {loop: Contestant(f"gemstone, {loop}", _ours(loop), calls) for loop in _LOOPS}
    pjrpc = Contestant("pjrpc on aiohttp", peer(bench, "pjrpc", "hello_pjrpc.py"), calls)
    asgi, asgi_with_msgspec = (
        Contestant(
            f"a bare ASGI application on uvicorn, {library}",
            peer(bench, "uvicorn", "hello_asgi.py", library),
            calls,
        )
        for library in ("json", "msgspec")
    )
    handler = Contestant("RequestHandler + json", Program("hello_tornado.py"), calls)
    contestants = [*ours.values(), pjrpc, asgi, asgi_with_msgspec, handler]
    text = hold(bench, contestants, connections=CONNECTIONS, rounds=rounds, seconds=seconds)
    comparisons: list[Comparison] = []
    for loop, than_pjrpc, than_asgi in [("uvloop", 5, 2.5), ("asyncio", 4, 1.8)]:
        comparisons += faster(ours[loop], pjrpc, than_pjrpc)
        comparisons += faster(ours[loop], asgi, than_asgi)
        comparisons += faster(ours[loop], asgi_with_msgspec)
    comparisons += faster(ours["asyncio"], handler, 1.3)
    comparisons += [
        Comparison(
            f"p99, {each.label} / {pjrpc.label}", ratios(each.tails(), pjrpc.tails()), at_most=0.5
        )
        for each in ours.values()
    ]
    return Part(f"a coroutine method, {text}\n\n{_made_of('pjrpc', 'uvicorn')}", comparisons)


def blocking(bench: Bench, *, rounds: int, seconds: float) -> Part:
    """A blocking method, and the same on other libraries.

    Args:
        bench: where they run.
        rounds: how often each has its turn.
        seconds: how long a turn is.

    Raises:
        BenchmarkError: an answer was wrong, or a peer can't be installed.
    """
    calls = hello("say_hello_blocking", _CALLS)
    ours = {loop: Contestant(f"gemstone, blocking, {loop}", _ours(loop), calls) for loop in _LOOPS}
    fastapi = Contestant(
        "fastapi-jsonrpc, plain def", peer(bench, "fastapi", "hello_fastapi.py"), calls
    )
    threads = Contestant("RequestHandler + json, in a thread", Program("hello_tornado.py"), calls)
    contestants = [*ours.values(), fastapi, threads]
    text = hold(bench, contestants, connections=CONNECTIONS, rounds=rounds, seconds=seconds)
    comparisons: list[Comparison] = []
    for loop in _LOOPS:
        comparisons += faster(ours[loop], fastapi, 8)
    comparisons += faster(ours["asyncio"], threads)
    return Part(f"a blocking method, {text}\n\n{_made_of('fastapi')}", comparisons)


def in_batches(bench: Bench, *, rounds: int, seconds: float) -> Part:
    """Batches, of coroutine methods and of blocking ones.

    Args:
        bench: where they run.
        rounds: how often each has its turn.
        seconds: how long a turn is.

    Raises:
        BenchmarkError: an answer was wrong, or a peer can't be installed.
    """
    coroutine = batches("say_hello", _BATCH_CONNECTIONS, _BATCH)
    blocking = batches("say_hello_blocking", _BATCH_CONNECTIONS, _BATCH)
    ours = {}
    ours_blocking = {}
    floors = {}
    for loop in _LOOPS:
        ours[loop] = Contestant(f"batches, gemstone, {loop}", _ours(loop), coroutine, _BATCH)
        ours_blocking[loop] = Contestant(
            f"batches, gemstone, blocking, {loop}", _ours(loop), blocking, _BATCH
        )
        floors[loop] = Contestant(
            f"batches, a submit per call, {loop}", _floor(loop), blocking, _BATCH
        )
    pjrpc = Contestant(
        "batches, pjrpc on aiohttp", peer(bench, "pjrpc", "hello_pjrpc.py"), coroutine, _BATCH
    )
    contestants = [*ours.values(), pjrpc, *ours_blocking.values(), *floors.values()]
    text = hold(bench, contestants, connections=_BATCH_CONNECTIONS, rounds=rounds, seconds=seconds)
    comparisons: list[Comparison] = []
    for loop in _LOOPS:
        comparisons += faster(ours[loop], pjrpc, 5)
    for loop in _LOOPS:
        comparisons += faster(ours_blocking[loop], floors[loop], 5)
    return Part(f"batches of {_BATCH}, {text}\n\n{_made_of('pjrpc')}", comparisons)


def _ours(loop: str) -> Program:
    return Program("hello_gemstone.py", arguments=(loop,))


def _floor(loop: str) -> Program:
    return Program("floor.py", arguments=(loop,))


def _made_of(*peers: str) -> str:
    return "; ".join(f"{name}: {described(name)}" for name in peers)
