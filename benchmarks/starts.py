"""From the start of a process until it listens: the hello service beside its libraries."""

from typing import Final

from .processes import Bench, Program, Server, warm_up
from .report import Comparison, Part, ratios, spread, table

_OURS: Final = "gemstone, the hello service"
_BARE: Final = "imports tornado.web, msgspec and httptools"
_PROGRAMS: Final = {
    _OURS: Program("hello_gemstone.py"),
    _BARE: Program("bare_listener.py"),
    "RequestHandler + json": Program("hello_tornado.py"),
}


def run(bench: Bench, *, starts: int) -> Part:
    """Starts all programs in turn, several times.

    Args:
        bench: where they run.
        starts: how often each is started.
    """
    times: dict[str, list[float]] = {label: [] for label in _PROGRAMS}
    memory: dict[str, int] = {}
    warm_up(bench, _PROGRAMS.values())
    for number in range(starts):
        for label in [*_PROGRAMS][:: -1 if number % 2 else 1]:
            with Server(bench, _PROGRAMS[label]) as server:
                memory[label] = server.peak_memory()
            times[label].append(server.seconds_to_listen)
    rows = [
        [label, spread([seconds * 1e3 for seconds in each]), f"{memory[label] / 2**20:.1f}"]
        for label, each in times.items()
    ]
    return Part(
        f"{starts} starts of each, bytecode cached\n\n"
        + table(["process", "start to listening, ms", "memory MiB"], rows),
        [
            Comparison(
                "start to listening, gemstone / its libraries",
                ratios(times[_OURS], times[_BARE]),
                at_most=1.3,
            )
        ],
    )
