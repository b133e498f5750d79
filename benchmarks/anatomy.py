"""Where the time of a call goes: what its pieces cost, each by itself."""

import json
from typing import Final

from .processes import Bench, Program, run_client
from .report import Part, spread, table

_TIMES: Final = 20_000
_PIECES: Final = {
    "kernel": "the kernel: one receive, one send",
    "parse": "httptools: the request",
    "decode": "msgspec: the call, read",
    "encode": "msgspec: the answer, written",
    "uvloop": "a task that awaits the method, on uvloop",
    "asyncio": "the same on asyncio's loop",
}


def run(bench: Bench, *, rounds: int) -> Part:
    """Does each piece of a call many times, with nothing of a service around it.

    Args:
        bench: where that runs.
        rounds: how often each has its turn.

    Raises:
        BenchmarkError: a piece failed.
    """
    found: dict[str, list[float]] = {piece: [] for piece in _PIECES}
    for _ in range(rounds):
        for piece, microseconds in json.loads(
            run_client(bench, Program("pieces.py"), _TIMES)
        ).items():
            found[piece].append(microseconds)
    rows = [[label, spread(found[piece], 1)] for piece, label in _PIECES.items()]
    return Part(
        f"the pieces of a call by themselves, {_TIMES:,} of each in a round, {rounds} rounds\n\n"
        + table(["piece", "µs"], rows),
        [],
    )
