"""How long an event loop is held up, by a ticker on it: while it emits, and at other times."""

from .events import OURS, redis_server
from .pairs import Way, travel
from .processes import Bench
from .report import Comparison, Part, percentile, spread, table


def run(bench: Bench, *, rounds: int, events: int, url: str | None = None) -> Part:
    """Lets a service tick while it emits events over Redis, and while it does not.

    Args:
        bench: where the processes run.
        rounds: how often each has its turn.
        events: how many are emitted in a turn.
        url: of the broker; by default one is started.

    Raises:
        BenchmarkError: an event was lost, changed, repeated or overtaken.
    """
    idle = Way("idle", OURS, "tick-idle")
    thread = Way("one busy Python thread", OURS, "tick-beside-a-thread")
    emitting = Way(f"emits {events:,} events, awaits every 500th", OURS, "tick-emitting")
    ways = [idle, thread, emitting]
    late: dict[Way, list[list[float]]] = {way: [] for way in ways}
    with bench.on_all_cores(), redis_server(url) as broker:
        for number in range(rounds):
            for way in ways[:: -1 if number % 2 else 1]:
                passage = travel(bench, way, broker.url, events if way is emitting else 0)
                late[way].append([each / 1e6 for each in passage.late])
    tails = {way: [percentile(each, 99) for each in late[way]] for way in ways}
    rows = [
        [
            way.label,
            spread([percentile(each, 50) for each in late[way]], 1),
            spread(tails[way], 1),
            spread([max(each) for each in late[way]], 1),
            spread([len(each) for each in late[way]]),
        ]
        for way in ways
    ]
    return Part(
        f"A service that ticks every ms, {rounds} rounds; nothing is pinned: with its Redis and a "
        f"subscriber it shares {len(bench.cores)} cores\n\n"
        + table(["meanwhile the service", "p50 ms late", "p99 ms late", "most", "ticks"], rows),
        [Comparison("p99 of a ticker's lateness while emitting, ms", tails[emitting], at_most=15)],
    )
