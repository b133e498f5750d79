"""What waiting for many calls costs: our ``as_completed`` beside ``concurrent.futures``'."""

from .processes import Bench, Program, Server, run_client
from .report import Comparison, Part, ratios, spread, table


def run(bench: Bench, *, rounds: int, calls: int, threads: int, seconds: float) -> Part:
    """Makes many calls that wait, in a fresh client process each time, with both in turn.

    Args:
        bench: where they run.
        rounds: how often each has its turn.
        calls: how many calls.
        threads: how many of them are under way at once.
        seconds: how long each of them waits.

    Raises:
        BenchmarkError: an answer was wrong.
    """
    used: dict[str, list[float]] = {"gemstone": [], "futures": []}
    with Server(bench, Program("hello_gemstone.py")) as server:
        url = f"http://{server.address[0]}:{server.address[1]}/api"
        for number in range(rounds):
            for whose in [*used][:: -1 if number % 2 else 1]:
                printed = run_client(
                    bench, Program("waiting_client.py"), url, whose, calls, threads, seconds
                )
                used[whose].append(float(printed))
    rows = [
        [label, spread([cpu * 1e3 for cpu in used[whose]])]
        for label, whose in [
            ("gemstone.as_completed", "gemstone"),
            ("concurrent.futures.as_completed", "futures"),
        ]
    ]
    return Part(
        f"{calls:,} calls that wait {seconds:g} s, by {threads} threads, {rounds} rounds\n\n"
        + table(["client", "CPU ms"], rows),
        [
            Comparison(
                "CPU, gemstone.as_completed / concurrent.futures",
                ratios(used["gemstone"], used["futures"]),
                at_most=1.5,
            )
        ],
    )
