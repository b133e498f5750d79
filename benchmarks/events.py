"""Events per second, and how long one takes: services beside the bare libraries."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tools.brokers import Address, RabbitMq, Redis

from .pairs import Passage, Way, travel
from .processes import Bench, Program
from .report import Comparison, Part, percentile, ratios, spread, table

OURS: Final = Program("events_gemstone.py")
_REDIS_PY: Final = Program("events_redis_py.py")
_BLOCKING: Final = Program("events_pika_blocking.py")
_SELECT: Final = Program("events_pika_select.py")
_STREAMS: Final = Program("events_redis_streams.py")
_DURABLE: Final = Program("events_pika_durable.py")
#: How long to wait between events that are to meet idle services, in seconds.
_PAUSE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured.

    Args:
        rounds: how often each contestant has its turn.
        events: how many events go through in a turn, as fast as they can.
        singles: how many then go one at a time.
    """

    rounds: int
    events: int
    singles: int


@dataclass(slots=True)
class Contestant:
    """A way for events, and what was measured of it.

    Args:
        way: which one.
        kind: what is added to the scheme of the URL.
    """

    way: Way
    kind: str = ""
    streams: list[Passage] = field(default_factory=list)
    singles: list[Passage] = field(default_factory=list)

    def emitted(self) -> list[float]:
        """Events per second in each round, until all are emitted."""
        return [stream.emitted_rate for stream in self.streams]

    def received(self) -> list[float]:
        """Events per second in each round, until all are with their handler."""
        return [stream.received_rate for stream in self.streams]

    def latencies(self, percent: float) -> list[float]:
        """The latency that this part of the single events of each round did not exceed."""
        return [percentile(single.latencies(), percent) for single in self.singles]

    def row_of_streams(self) -> list[str]:
        """Its row in the table of rates."""
        return [
            self.way.label,
            spread(self.emitted()),
            spread(self.received()),
            spread([stream.publisher_cpu / len(stream.sent) * 1e6 for stream in self.streams]),
            spread([stream.subscriber_cpu / len(stream.sent) * 1e6 for stream in self.streams]),
        ]

    def row_of_singles(self) -> list[str]:
        """Its row in the table of latencies."""
        microseconds = [[each * 1e6 for each in self.latencies(percent)] for percent in (50, 99)]
        return [self.way.label, *map(spread, microseconds)]


def run_redis(bench: Bench, amount: Amount, url: str | None = None) -> Part:
    """Sends events over Redis.

    Args:
        bench: where the processes run.
        amount: how much is measured.
        url: of the broker; by default one is started.

    Raises:
        BenchmarkError: an event was lost, changed, repeated or overtaken.
    """
    loop = Contestant(Way("redis-py, publish() in a loop", _REDIS_PY))
    pipelines = Contestant(Way("redis-py, pipelines of 100", _REDIS_PY, "publish-in-pipelines"))
    ours = Contestant(Way("gemstone, redis://", OURS))
    with bench.on_all_cores(), redis_server(url) as broker:
        _compete(bench, broker.url, amount, [loop, pipelines, ours], singles=[loop, ours])
    return Part(
        _text("Redis", bench, amount, [loop, pipelines, ours]),
        _comparisons("Redis", ours, loop, "redis-py's loop", emitted=6.0, received=4.0),
    )


def run_rabbitmq(bench: Bench, amount: Amount, url: str | None = None) -> Part:
    """Sends events over RabbitMQ; all else is as for :func:`run_redis`."""
    blocking = Contestant(Way("pika, BlockingConnection, unconfirmed", _BLOCKING))
    select = Contestant(Way("pika, SelectConnection, confirmed", _SELECT))
    ours = Contestant(Way("gemstone, amqp://, confirmed", OURS))
    with bench.on_all_cores(), rabbitmq_server(url) as broker:
        _compete(bench, broker.url, amount, [blocking, select, ours], singles=[blocking, ours])
    return Part(
        _text("RabbitMQ", bench, amount, [blocking, select, ours]),
        _comparisons("RabbitMQ", ours, blocking, "BlockingConnection", emitted=1.5, received=1.5),
    )


def run_redis_streams(bench: Bench, amount: Amount, url: str | None = None) -> Part:
    """Sends durable events over Redis; all else is as for :func:`run_redis`."""
    loop = Contestant(Way("redis-py, XADD and XREADGROUP and XACK in loops", _STREAMS))
    ours = Contestant(Way("gemstone, redis+stream://", OURS), "+stream")
    with bench.on_all_cores(), redis_server(url) as broker:
        _compete(bench, broker.url, amount, [loop, ours], singles=[loop, ours])
    name = "Redis streams"
    return Part(
        _text(name, bench, amount, [loop, ours]),
        _comparisons(name, ours, loop, "redis-py's loop", emitted=3.0, received=3.0),
    )


def run_rabbitmq_durable(bench: Bench, amount: Amount, url: str | None = None) -> Part:
    """Sends durable events over RabbitMQ; all else is as for :func:`run_redis`."""
    blocking = Contestant(Way("pika, BlockingConnection, confirmed, acked", _DURABLE))
    ours = Contestant(Way("gemstone, amqp+durable://", OURS), "+durable")
    with bench.on_all_cores(), rabbitmq_server(url) as broker:
        _compete(bench, broker.url, amount, [blocking, ours], singles=[blocking, ours])
    name = "RabbitMQ, durable"
    return Part(
        _text(name, bench, amount, [blocking, ours]),
        _comparisons(name, ours, blocking, "BlockingConnection", emitted=8.0, received=8.0),
    )


def redis_server(url: str | None) -> AbstractContextManager[Address]:
    """The broker at a URL, or else a private one."""
    return nullcontext(Address(url)) if url else Redis()


def rabbitmq_server(url: str | None) -> AbstractContextManager[Address]:
    """The broker at a URL, or else a private one."""
    return nullcontext(Address(url)) if url else _TwoSchedulers()


class _TwoSchedulers(RabbitMq):
    """As on a machine of two cores; the brokers of the tests have one scheduler each."""

    def _environment(self, folder: Path) -> dict[str, str]:
        inherited = super()._environment(folder)
        arguments = "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"
        return {**inherited, arguments: f"{inherited[arguments]} +S 2:2"}  # the last one counts


def _compete(
    bench: Bench,
    url: str,
    amount: Amount,
    contestants: Sequence[Contestant],
    singles: Sequence[Contestant],
) -> None:
    for number in range(amount.rounds):
        turn = -1 if number % 2 else 1
        for each in contestants[::turn]:
            each.streams.append(travel(bench, each.way, _url(url, each), amount.events))
        for each in singles[::turn]:
            each.singles.append(
                travel(bench, each.way, _url(url, each), amount.singles, pause=_PAUSE)
            )


def _url(url: str, contestant: Contestant) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}{contestant.kind}://{rest}"


def _text(broker: str, bench: Bench, amount: Amount, contestants: Sequence[Contestant]) -> str:
    header = [
        "over " + broker,
        "emitted/s",
        "received/s",
        "publisher's CPU µs/event",
        "subscriber's",
    ]
    streams = table(header, [each.row_of_streams() for each in contestants])
    header = ["over " + broker + ", one at a time", "median µs", "p99 µs"]
    singles = table(header, [each.row_of_singles() for each in contestants if each.singles])
    return (
        f"{amount.events:,} events of 60 bytes over {broker}, {amount.rounds} rounds; nothing is "
        f"pinned: publisher, subscriber and broker share {len(bench.cores)} cores\n\n{streams}\n\n"
        f"{amount.singles:,} events, one each {_PAUSE * 1e3:g} ms, {amount.rounds} rounds\n\n"
        f"{singles}"
    )


def _comparisons(
    broker: str,
    ours: Contestant,
    theirs: Contestant,
    who: str,
    *,
    emitted: float,
    received: float,
) -> list[Comparison]:
    return [
        Comparison(
            f"{broker}, emitted/s, gemstone / {who}",
            ratios(ours.emitted(), theirs.emitted()),
            at_least=emitted,
        ),
        Comparison(
            f"{broker}, received/s, gemstone / {who}",
            ratios(ours.received(), theirs.received()),
            at_least=received,
        ),
        Comparison(
            f"{broker}, median latency, gemstone / {who}",
            ratios(ours.latencies(50), theirs.latencies(50)),
        ),
    ]
