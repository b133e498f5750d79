"""What is won by calls that are not waited for: ``call_method_async`` beside ``call_method``."""

import json
from typing import Final

from .processes import Bench, Program, Server, run_client
from .report import Comparison, Part, ratios, spread, table

#: How many calls are under way at once.
_THREADS: Final = 8


def run(bench: Bench, *, rounds: int, calls: int, seconds: float) -> Part:
    """Makes many calls of a coroutine method that waits, both ways in turn, in one client process.

    Args:
        bench: where they run.
        rounds: how often each way has its turn.
        calls: how many calls a turn has.
        seconds: how long the method waits.

    Raises:
        BenchmarkError: an answer was wrong.
    """
    with Server(bench, Program("hello_gemstone.py")) as server:
        url = f"http://{server.address[0]}:{server.address[1]}/api"
        client = Program("async_client.py")
        printed = run_client(bench, client, url, rounds, calls, seconds, _THREADS)
    found: dict[str, list[float]] = json.loads(printed)
    rates = {way: [calls / each for each in times] for way, times in found.items()}
    rows = [
        [f"call_method_async, {_THREADS} threads", spread(rates["async"])],
        ["call_method in a loop", spread(rates["loop"])],
    ]
    return Part(
        f"{calls:,} calls of a coroutine that waits {seconds * 1e3:g} ms, {rounds} rounds\n\n"
        + table(["client", "calls/s"], rows),
        [
            Comparison(
                "calls/s, call_method_async / a loop",
                ratios(rates["async"], rates["loop"]),
                at_least=4,
            )
        ],
    )
