"""How long it takes to look a service up in Redis: beside nothing else, and among many keys."""

import os
import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from gemstone_redis import RedisDiscoveryStrategy
from tools.brokers import Redis

from .processes import Bench, BenchmarkError
from .report import Comparison, Part, percentile, ratios, spread, table

SERVICES: Final = 1_000
#: How long services are found: for longer than any measurement.
_TIME_TO_LIVE: Final = 24 * 3600
#: How many of the services the pattern finds.
_MATCHING: Final = 10
_PATTERN: Final = f"bench.worker.{SERVICES // 2 // _MATCHING}?"
_KEYS_AT_ONCE: Final = 10_000
_FILL: Final = """
for number = ARGV[1] + 1, ARGV[2] do
    redis.call('SET', 'unrelated:' .. number, number)
end
"""


@dataclass(slots=True)
class Contestant:
    """A Redis of its own with the same services, and how long lookups took, in seconds.

    Args:
        keys: how many keys there are beside the services.
    """

    keys: int
    by_name: list[list[float]] = field(default_factory=list)
    by_pattern: list[list[float]] = field(default_factory=list)

    def row(self, label: str, rounds: list[list[float]]) -> list[str]:
        """A row in the table."""
        microseconds = [
            spread([percentile(each, percent) * 1e6 for each in rounds]) for percent in (50, 99)
        ]
        return [f"{self.keys:,}", label, *microseconds]


def run(bench: Bench, *, rounds: int, lookups: int, few: int, many: int) -> Part:
    """Looks services up in two Redis, in turn.

    Args:
        bench: where they run.
        rounds: how often each has its turn.
        lookups: how many services are looked up in a turn; a tenth of that by a pattern.
        few: how many unrelated keys are in one of them.
        many: how many are in the other.

    Raises:
        BenchmarkError: an answer was wrong.
    """
    contestants = [Contestant(few), Contestant(many)]
    with ExitStack() as stack:
        plays = [(each, _filled(stack, bench, each.keys)) for each in contestants]
        for number in range(rounds):
            for contestant, strategy in plays[:: -1 if number % 2 else 1]:
                names = [_name(random.randrange(SERVICES)) for _ in range(lookups)]
                contestant.by_name.append([_look_up(strategy, name, 1) for name in names])
                patterns = [_PATTERN] * max(1, lookups // 10)
                contestant.by_pattern.append(
                    [_look_up(strategy, pattern, _MATCHING) for pattern in patterns]
                )
    rows = [each.row("one by its name", each.by_name) for each in contestants]
    rows += [each.row(f"{_MATCHING} by a pattern", each.by_pattern) for each in contestants]
    with_few, with_many = ([median(turn) for turn in each.by_name] for each in contestants)
    return Part(
        f"{lookups:,} lookups among {SERVICES:,} services in Redis, {rounds} rounds\n\n"
        + table(["unrelated keys", "looked up", "median µs", "p99 µs"], rows),
        [
            Comparison(
                f"a lookup by name, with {many:,} unrelated keys / with {few:,}",
                ratios(with_many, with_few),
                at_most=1.2,
            )
        ],
    )


def _filled(stack: ExitStack, bench: Bench, keys: int) -> RedisDiscoveryStrategy:
    os.sched_setaffinity(0, {bench.server_core})  # a process begins, and stays, where it was made
    try:
        broker = stack.enter_context(Redis())
    finally:
        os.sched_setaffinity(0, {bench.load_core})
    strategy = RedisDiscoveryStrategy(broker.url, _TIME_TO_LIVE)
    stack.callback(strategy.close)
    for number in range(SERVICES):
        strategy.ping(_name(number), f"http://127.0.0.1:{20_000 + number}/api")
    with broker.client() as client:
        before = client.dbsize()
        for first in range(0, keys, _KEYS_AT_ONCE):
            client.eval(_FILL, 0, first, min(first + _KEYS_AT_ONCE, keys))
        if client.dbsize() - before != keys:
            raise BenchmarkError(f"{broker} does not have {keys:,} keys more than before")
    return strategy


def _name(number: int) -> str:
    return f"bench.worker.{number}"


def _look_up(strategy: RedisDiscoveryStrategy, name: str, expected: int) -> float:
    begun = time.perf_counter()
    found = strategy.locate(name)
    took = time.perf_counter() - begun
    if len(found) != expected:
        raise BenchmarkError(f"{name} was found at {found}, and not {expected} times")
    return took
