"""Calls per second: the hello service beside the same written by hand."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from .load import Exchange, Round, drive, learn
from .processes import Bench, Program, Server, warm_up
from .report import Comparison, Part, ratios, spread, table

CONNECTIONS: Final = 64
_PATH: Final = "/api"
#: Different calls for each connection, so that an answer that is not its own is noticed.
_CALLS_EACH: Final = 4
_WARM_UP: Final = 0.2  # of a round


@dataclass(slots=True)
class Contestant:
    """A program with one method of it, and what was measured of them."""

    label: str
    program: Program
    method: str
    rounds: list[Round] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak_memory: int = 0

    def rates(self) -> list[float]:
        """Calls per second in each round."""
        return [round.rate for round in self.rounds]

    def row(self) -> list[str]:
        """Its row in the table."""
        return [
            self.label,
            spread(self.rates()),
            spread([round.percentile(50) * 1e3 for round in self.rounds], 1),
            spread([round.percentile(99) * 1e3 for round in self.rounds], 1),
            spread([seconds * 1e6 for seconds in self.cpu]),
            f"{self.peak_memory / 2**20:.1f}",
            f"{max(round.load for round in self.rounds):.0%}",
        ]


def run(bench: Bench, *, rounds: int, seconds: float) -> Part:
    """Drives all contestants in turn, several times.

    Args:
        bench: where they run.
        rounds: how often each has its turn.
        seconds: how long a turn is.

    Raises:
        BenchmarkError: an answer was wrong.
    """
    ours, by_hand = Program("hello_gemstone.py"), Program("hello_tornado.py")
    coroutine = Contestant("gemstone, coroutine method", ours, "say_hello")
    handler = Contestant("RequestHandler + json", by_hand, "say_hello")
    blocking = Contestant("gemstone, blocking method", ours, "say_hello_blocking")
    threads = Contestant("RequestHandler + json, in a thread", by_hand, "say_hello_blocking")
    contestants = [coroutine, handler, blocking, threads]
    warm_up(bench, [ours, by_hand])
    with ExitStack() as stack:
        servers = [
            stack.enter_context(Server(bench, contestant.program)) for contestant in contestants
        ]
        plays = [
            (contestant, server, learn(server.address, _PATH, hello(contestant.method)))
            for contestant, server in zip(contestants, servers, strict=True)
        ]
        for _, server, exchanges in plays:
            drive(server.address, exchanges, connections=CONNECTIONS, seconds=seconds * _WARM_UP)
        for number in range(rounds):
            for contestant, server, exchanges in plays[:: -1 if number % 2 else 1]:
                _measure(contestant, server, exchanges, seconds)
        for contestant, server, _ in plays:
            contestant.peak_memory = server.peak_memory()
    header = ["server", "calls/s", "p50 ms", "p99 ms", "CPU µs/call", "peak MiB", "load's core"]
    return Part(
        f"{CONNECTIONS} keep-alive connections, {rounds} rounds of {seconds:g} s\n\n"
        + table(header, [contestant.row() for contestant in contestants]),
        [
            Comparison(
                "calls/s, coroutine method / RequestHandler",
                ratios(coroutine.rates(), handler.rates()),
                at_least=1.3,
            ),
            Comparison(
                "CPU per call, coroutine method / RequestHandler",
                ratios(coroutine.cpu, handler.cpu),
            ),
            Comparison(
                "calls/s, blocking method / RequestHandler with a thread",
                ratios(blocking.rates(), threads.rates()),
            ),
        ],
    )


def hello(method: str) -> list[tuple[object, object]]:
    """Calls of a method that says hello, no two of them alike, and their answers."""
    return [
        (
            {"jsonrpc": "2.0", "method": method, "params": {"name": f"n{number}"}, "id": number},
            {"jsonrpc": "2.0", "result": f"hello n{number}", "id": number},
        )
        for number in range(CONNECTIONS * _CALLS_EACH)
    ]


def _measure(
    contestant: Contestant, server: Server, exchanges: list[Exchange], seconds: float
) -> None:
    before = server.cpu_seconds()
    found = drive(server.address, exchanges, connections=CONNECTIONS, seconds=seconds)
    contestant.rounds.append(found)
    contestant.cpu.append((server.cpu_seconds() - before) / found.calls)
