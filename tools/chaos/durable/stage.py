"""What all scenarios are made with: how much happens, what was found, and events that flow."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar

from gemstone.event import dead_letters

from ...waiting import until
from .brokers import Keeper
from .processes import Emitter, Worker, handled_by
from .service import NUMBER

T = TypeVar("T")

#: Within how many seconds events must be handled again, when the broker is there again.
BACK_WITHIN: Final = 10.0
#: How long anything may take, in seconds.
PATIENCE: Final = 120.0


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of it there is.

    Args:
        events: how many are promised in a scenario, at least.
        rate: how many are emitted in a second.
        broker_kills: how often the broker is killed.
        worker_kills: how often what handles is killed.
        emitter_kills: how often what emits is killed.
        stops: how often what handles is stopped.
        max_deliveries: how often poison is tried.
    """

    events: int = 600
    rate: float = 300.0
    broker_kills: int = 2
    worker_kills: int = 2
    emitter_kills: int = 2
    stops: int = 2
    max_deliveries: int = 3


@dataclass(slots=True)
class Result:
    """What was found in one scenario.

    Attributes:
        broker: how the broker is called.
        scenario: what happened.
        rounds: how often.
        promised: of how many events a receipt said yes.
        failed: of how many it said no.
        handled: how many were handled.
        lost: how many were promised, and not handled.
        repeats: how many were handled more than once.
        dead: how many were given up.
        back: after how many seconds events were handled again.
        problems: all that may not be, in words.
    """

    broker: str
    scenario: str
    rounds: int = 0
    promised: int = 0
    failed: int = 0
    handled: int = 0
    lost: int = 0
    repeats: int = 0
    dead: int = 0
    back: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def must(self, holds: bool, what: str) -> None:
        """Notes a problem, unless something holds."""
        if not holds:
            self.problems.append(what)


@contextmanager
def flow(keeper: Keeper, rate: float, max_deliveries: int = 5) -> Iterator[tuple[Emitter, Worker]]:
    """An emitter and a worker, which is connected before anything is emitted.

    Args:
        keeper: the broker.
        rate: how many events are emitted in a second, until :func:`account` has them end.
        max_deliveries: how often the worker tries.
    """
    name = f"worker {time.monotonic_ns()}"  # each scenario has its own
    with Worker(keeper.url, name, max_deliveries) as worker:
        worker.wait_until_connected()
        with Emitter(keeper.url, rate) as emitter:
            try:
                yield emitter, worker
            except Exception as error:
                for process in (emitter, worker):
                    error.add_note(f"{process.label}:\n{process.end_of_log()}")
                raise


def moments(emitter: Emitter, events: int, count: int) -> Iterator[int]:
    """Gives moments in which events flow, evenly over all that are promised."""
    for number in range(1, count + 1):
        await_promises(emitter, events * number // (count + 1))
        yield number


def await_promises(emitter: Emitter, count: int, after: int = -1) -> None:
    """Waits until so many events are promised, of those after a number."""
    what = f"{count} events are promised" + (f" after {after}" if after >= 0 else "")
    patiently(lambda: len(emitter.promised_after(after)) >= count, what)


def let_end(emitter: Emitter) -> None:
    """Has no more emitted, and waits until all is decided."""
    emitter.end()
    patiently(lambda: emitter.is_done, "all is decided that was emitted")
    emitter.wait(PATIENCE)


def note_return(result: Result, workers: Sequence[Worker]) -> None:
    """Waits until events are handled again, and notes how long it took."""
    began = time.monotonic()
    patiently(lambda: any(worker.last_at > began for worker in workers), "events are handled again")
    result.rounds += 1
    result.back.append(max(worker.last_at for worker in workers) - began)
    result.must(
        result.back[-1] <= BACK_WITHIN, f"it took {result.back[-1]:.1f} s until events came again"
    )


def account(
    result: Result, keeper: Keeper, amount: Amount, emitter: Emitter, workers: Sequence[Worker]
) -> None:
    """Waits until as much is promised as is to be, and all of that is handled; then counts."""
    await_promises(emitter, amount.events)
    let_end(emitter)
    until_deadline = time.monotonic() + PATIENCE
    name = workers[0].label
    given_up: set[int] = set()
    while time.monotonic() < until_deadline:
        if emitter.promised <= {*handled_by(workers)} | given_up:
            break
        time.sleep(0.2)
        with dead_letters(keeper.url) as letters:
            given_up = {each.body for each in letters.list(service=name, event_name=NUMBER)}
    handled = handled_by(workers)
    lost = emitter.promised - {*handled} - given_up
    result.promised += len(emitter.promised)
    result.failed += len(emitter.failed)
    result.handled += len(handled)
    result.lost += len(lost)
    result.dead += len(given_up)
    result.repeats += sum(count > 1 for count in handled.values())
    result.must(not lost, f"{len(lost)} promised events were lost: {sorted(lost)[:5]}")
    result.must(not given_up, f"{len(given_up)} events were given up that nothing was wrong with")


def patiently(condition: Callable[[], T], what: str) -> T:
    """Waits until a condition gives something true, and gives that."""
    return until(condition, what=what, within=PATIENCE)
