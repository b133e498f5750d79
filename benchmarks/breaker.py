"""What a call costs that is refused, because nobody can be called, beside one that is made."""

import json

from .processes import Bench, Program, Server, run_client
from .report import Comparison, Part, ratios, spread, table


def run(bench: Bench, *, rounds: int, calls: int) -> Part:
    """Makes single calls, one after the other, in one client process: of each kind in turn.

    Args:
        bench: where they run.
        rounds: how often each kind has its turn.
        calls: how many calls a turn has.

    Raises:
        BenchmarkError: an answer was wrong, or a call was not refused.
    """
    with Server(bench, Program("hello_gemstone.py")) as server:
        url = f"http://{server.address[0]}:{server.address[1]}/api"
        printed = run_client(bench, Program("breaker_client.py"), url, rounds, calls)
    found: dict[str, list[float]] = json.loads(printed)
    rows = [
        [label, spread([seconds * 1e6 for seconds in found[kind]])]
        for kind, label in [
            ("refused", "refused: all instances of the name are set aside"),
            ("name", "answered, of a service found by its name"),
            ("url", "answered, of a service at a URL"),
        ]
    ]
    return Part(
        f"single calls, {calls:,} of each kind in a round, {rounds} rounds\n\n"
        + table(["call", "median µs"], rows),
        [
            Comparison(
                "time of a call, refused / answered", ratios(found["refused"], found["name"])
            ),
            Comparison(
                "time of a call, found by its name / at a URL", ratios(found["name"], found["url"])
            ),
        ],
    )
