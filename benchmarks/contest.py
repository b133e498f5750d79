"""Servers that are driven in turn, and what was found of each."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from . import load, wrk
from .processes import Bench, Program, Server, warm_up
from .report import Comparison, ratios, spread, table

_PATH: Final = "/api"
#: How long every answer is compared with the one that belongs to its call, in seconds. That also
#: warms a server up.
_CHECKED: Final = 0.5

#: Requests, with the answers that they must get.
Exchanges = Sequence[tuple[Any, Any]]


@dataclass(slots=True)
class Contestant:
    """A program with what is asked of it, and what was measured of them.

    Args:
        label: what it is called.
        program: the server.
        exchanges: what is asked, and what must be answered.
        calls_each: how many calls a request has: more than one is a batch.
    """

    label: str
    program: Program
    exchanges: Exchanges
    calls_each: int = 1
    rounds: list[wrk.Round] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    kernel: list[float] = field(default_factory=list)
    peak_memory: int = 0

    def rates(self) -> list[float]:
        """Calls per second in each round."""
        return [round.exchanges * self.calls_each / round.seconds for round in self.rounds]

    def tails(self) -> list[float]:
        """The 99th percentile of the latency in each round, in seconds."""
        return [round.p99 for round in self.rounds]

    def measure(self, server: Server, exchanges: Sequence[load.Exchange], **load: Any) -> None:
        """Drives its server for a round."""
        cpu, kernel = server.cpu_seconds(), server.kernel_seconds()
        found = wrk.drive(server.address, _PATH, exchanges, **load)
        calls = found.exchanges * self.calls_each
        self.rounds.append(found)
        self.cpu.append((server.cpu_seconds() - cpu) / calls)
        self.kernel.append((server.kernel_seconds() - kernel) / calls)

    def row(self) -> list[str]:
        """Its row in the table."""
        return [
            self.label,
            spread(self.rates()),
            spread([round.p50 * 1e3 for round in self.rounds], 1),
            spread([tail * 1e3 for tail in self.tails()], 1),
            spread([seconds * 1e6 for seconds in self.cpu], 1),
            f"{median(self.kernel) * 1e6:.1f}",
            f"{self.peak_memory / 2**20:.1f}",
            f"{max(round.load for round in self.rounds):.0%}",
        ]


def hold(
    bench: Bench,
    contestants: Sequence[Contestant],
    *,
    connections: int,
    rounds: int,
    seconds: float,
) -> str:
    """Drives all contestants in turn, several times, and gives the table of what was found.

    Before that each call is made once by itself, and all of them at once, where every answer has to
    be the one that belongs to its call.

    Args:
        bench: where they run.
        contestants: who is driven, and where is kept what was found.
        connections: how many requests are under way at any time.
        rounds: how often each has its turn.
        seconds: how long a turn is.

    Raises:
        BenchmarkError: an answer was wrong.
    """
    load_by = wrk.version()  # before anything that takes time
    warm_up(bench, [contestant.program for contestant in contestants])
    with ExitStack() as stack:
        plays = []
        for contestant in contestants:
            server = stack.enter_context(Server(bench, contestant.program))
            exchanges = load.learn(server.address, _PATH, contestant.exchanges)
            load.check(server.address, exchanges, connections=connections, seconds=_CHECKED)
            plays.append((contestant, server, exchanges))
        for number in range(rounds):
            for contestant, server, exchanges in plays[:: -1 if number % 2 else 1]:
                contestant.measure(server, exchanges, connections=connections, seconds=seconds)
        for contestant, server, _ in plays:
            contestant.peak_memory = server.peak_memory()
    header = ["server", "calls/s", "p50 ms", "p99 ms", "CPU µs/call", "in the kernel"]
    header += ["peak MiB", "load's core"]
    return (
        f"{connections} keep-alive connections by {load_by}, {rounds} rounds of {seconds:g} s"
        f"\n\n{table(header, [contestant.row() for contestant in contestants])}"
    )


def faster(ours: Contestant, theirs: Contestant, at_least: float | None = None) -> list[Comparison]:
    """How many times as many calls a second ours answers, and how much more CPU theirs takes."""
    return [
        Comparison(
            f"calls/s, {ours.label} / {theirs.label}",
            ratios(ours.rates(), theirs.rates()),
            at_least=at_least,
        ),
        Comparison(f"CPU per call, {theirs.label} / {ours.label}", ratios(theirs.cpu, ours.cpu)),
    ]


def hello(method: str, calls: int) -> list[tuple[Any, Any]]:
    """Calls of a method that says hello, no two of them alike, and their answers."""
    return [
        (
            {"jsonrpc": "2.0", "method": method, "params": {"name": f"n{number}"}, "id": number},
            {"jsonrpc": "2.0", "result": f"hello n{number}", "id": number},
        )
        for number in range(calls)
    ]


def batches(method: str, batches: int, calls_each: int) -> list[tuple[Any, Any]]:
    """The same as batches."""
    calls = hello(method, batches * calls_each)
    return [
        ([call for call, _ in batch], [answer for _, answer in batch])
        for batch in (
            calls[first : first + calls_each] for first in range(0, len(calls), calls_each)
        )
    ]
