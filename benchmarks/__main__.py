"""``python -m benchmarks``: runs the benchmarks and prints what they found, in Markdown."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from tools.brokers import BrokerError

from . import (
    anatomy,
    async_calls,
    breaker,
    calls,
    client_calls,
    events,
    lookup,
    memory,
    starts,
    ticker,
    waits,
)
from .processes import PEERS_ENVIRONMENTS, Bench, BenchmarkError, bench
from .report import Comparison, Part, comparisons_table, machine

_PARTS: Final = [
    *("floor", "calls", "blocking", "batches", "anatomy", "memory", "starts", "waits"),
    *("redis", "redis-streams", "rabbitmq", "rabbitmq-durable", "ticker"),
    *("lookup", "breaker", "async", "client"),
]
#: The parts that differ only in who is driven.
_LOADS: Final = [
    ("floor", calls.floor),
    ("calls", calls.coroutines),
    ("blocking", calls.blocking),
    ("batches", calls.in_batches),
]


def main() -> int:
    """Gives the status of the process: 0, or 1 after a wrong answer or, if strict, a miss."""
    options = _options()
    amount = events.Amount(options.event_rounds, options.events, options.single_events)
    parts: dict[str, Callable[[Bench], Part]] = {
        **{
            name: partial(run, rounds=options.rounds, seconds=options.seconds)
            for name, run in _LOADS
        },
        "anatomy": lambda bench: anatomy.run(bench, rounds=options.rounds),
        "memory": lambda bench: memory.run(
            bench, rounds=options.memory_rounds, connections=options.connections
        ),
        "starts": lambda bench: starts.run(bench, starts=options.starts),
        "waits": lambda bench: waits.run(
            bench,
            rounds=options.wait_rounds,
            calls=options.wait_calls,
            threads=options.wait_threads,
            seconds=options.wait_seconds,
        ),
        "redis": lambda bench: events.run_redis(bench, amount, options.redis_url),
        "rabbitmq": lambda bench: events.run_rabbitmq(bench, amount, options.rabbitmq_url),
        "redis-streams": lambda bench: events.run_redis_streams(bench, amount, options.redis_url),
        "rabbitmq-durable": lambda bench: events.run_rabbitmq_durable(
            bench, amount, options.rabbitmq_url
        ),
        "ticker": lambda bench: ticker.run(
            bench, rounds=amount.rounds, events=amount.events, url=options.redis_url
        ),
        "lookup": lambda bench: lookup.run(
            bench,
            rounds=options.lookup_rounds,
            lookups=options.lookups,
            few=1_000,
            many=options.unrelated_keys,
        ),
        "breaker": lambda bench: breaker.run(
            bench, rounds=options.single_rounds, calls=options.single_calls
        ),
        "async": lambda bench: async_calls.run(
            bench,
            rounds=options.async_rounds,
            calls=options.async_calls,
            seconds=options.async_seconds,
        ),
        "client": lambda bench: client_calls.run(
            bench, rounds=options.client_rounds, calls=options.client_calls
        ),
    }
    print(machine(), flush=True)
    comparisons: list[Comparison] = []
    try:
        with bench(options.peers) as place:
            if place.server_core == place.load_core:
                print("Only one core: servers and load disturb each other, the figures are low.")
            for name in options.part or parts:
                part = parts[name](place)
                print(f"\n{part.text}", flush=True)
                comparisons += part.comparisons
    except (BenchmarkError, BrokerError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(f"\n{comparisons_table(comparisons)}")
    missed = any(comparison.missed for comparison in comparisons)
    return 1 if options.strict and missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--part", action="append", choices=_PARTS, help="only this one")
    add("--strict", action="store_true", help="exit with status 1 if a target is missed")
    add("--rounds", type=int, default=9, help="rounds of load (%(default)s)")
    add("--seconds", type=int, default=2, help="length of a round of load (%(default)s)")
    add("--memory-rounds", type=int, default=3, help="rounds of idle connections (%(default)s)")
    add("--connections", type=int, default=10_000, help="idle connections (%(default)s)")
    add("--starts", type=int, default=21, help="starts of each process (%(default)s)")
    add("--wait-rounds", type=int, default=5, help="rounds of waiting calls (%(default)s)")
    add("--wait-calls", type=int, default=1000, help="waiting calls in a round (%(default)s)")
    add("--wait-threads", type=int, default=200, help="how many wait at once (%(default)s)")
    add("--wait-seconds", type=float, default=1.0, help="how long each waits (%(default)s)")
    add("--event-rounds", type=int, default=5, help="rounds of events (%(default)s)")
    add("--events", type=int, default=20_000, help="events in a round (%(default)s)")
    add("--single-events", type=int, default=500, help="events one at a time (%(default)s)")
    add("--single-rounds", type=int, default=9, help="rounds of single calls (%(default)s)")
    add("--single-calls", type=int, default=1000, help="single calls in a round (%(default)s)")
    add("--async-rounds", type=int, default=5, help="rounds of asynchronous calls (%(default)s)")
    add("--async-calls", type=int, default=1000, help="asynchronous calls in one (%(default)s)")
    add("--async-seconds", type=float, default=0.005, help="how long each waits (%(default)s)")
    add("--client-rounds", type=int, default=9, help="rounds of a client's calls (%(default)s)")
    add("--client-calls", type=int, default=2000, help="a client's calls in one (%(default)s)")
    add("--lookup-rounds", type=int, default=9, help="rounds of lookups (%(default)s)")
    add("--lookups", type=int, default=2_000, help="lookups in a round (%(default)s)")
    add("--unrelated-keys", type=int, default=1_000_000, help="keys beside them (%(default)s)")
    add("--peers", type=Path, default=PEERS_ENVIRONMENTS, help="where peers are installed")
    add("--redis-url", help="a Redis to use, instead of a private one")
    add("--rabbitmq-url", help="a RabbitMQ to use, instead of a private one")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
