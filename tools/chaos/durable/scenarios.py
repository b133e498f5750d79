"""What is done to brokers, emitters and workers while events flow, and what has to come of it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from gemstone.event import DeadLetter, dead_letters, open_transport

from ...waiting import until
from .brokers import Keeper, RabbitMqKeeper
from .processes import Emitter, Worker, handled_by
from .service import NUMBER, POISON

T = TypeVar("T")

#: Within how many seconds events must be handled again, when the broker is there again.
BACK_WITHIN: Final = 10.0
_PATIENCE: Final = 120.0
#: By how much less is emitted in a second where events must still come afterwards, however long it
#: takes until the broker is as it was.
_SLOWLY: Final = 4
#: What part of what was emitted must have been promised: of an emitter that is killed again and
#: again, all that was not decided yet is lost.
_AT_LEAST: Final = 0.3


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of it there is.

    Args:
        events: how many are emitted in a scenario.
        rate: how many in a second.
        broker_kills: how often the broker is killed.
        worker_kills: how often what handles is killed.
        emitter_kills: how often what emits is killed.
        stops: how often what handles is stopped.
        max_deliveries: how often poison is tried.
    """

    events: int = 2_000
    rate: float = 500.0
    broker_kills: int = 3
    worker_kills: int = 5
    emitter_kills: int = 3
    stops: int = 5
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


def brokers_die(keeper: Keeper, amount: Amount) -> Result:
    """The broker is killed and started again, while events flow."""
    result = Result(keeper.label, "broker: kill -9")
    with _flow(keeper, amount) as (emitter, worker):
        for _ in _moments(emitter, amount.events, amount.broker_kills):
            keeper.broker.kill()
            keeper.broker.start()
            _note_return(result, [worker])
        _account(result, keeper, emitter, [worker])
    return result


def workers_die(keeper: Keeper, amount: Amount) -> Result:
    """The process that handles is killed, while events flow."""
    result = Result(keeper.label, "consumer: kill -9")
    with _flow(keeper, amount) as (emitter, worker):
        for _ in _moments(emitter, amount.events, amount.worker_kills):
            worker.kill()
            worker.start()
            _note_return(result, [worker])
        _account(result, keeper, emitter, [worker])
    return result


def emitters_die(keeper: Keeper, amount: Amount) -> Result:
    """The process that emits is killed, while events flow."""
    result = Result(keeper.label, "emitter: kill -9")
    with _flow(keeper, amount) as (emitter, worker):
        for _ in _moments(emitter, amount.events, amount.emitter_kills):
            emitter.kill()
            emitter.start()
            result.rounds += 1
        _account(result, keeper, emitter, [worker])
    return result


def workers_stop(keeper: Keeper, amount: Amount) -> Result:
    """The process that handles is stopped in good order, while events come in a burst."""
    result = Result(keeper.label, "consumer: SIGTERM")
    with _flow(keeper, amount, rate=4 * amount.rate) as (emitter, worker):
        for moment in range(1, amount.stops + 1):
            due = amount.events * moment // (amount.stops + 1)
            _until(partial(_has_handled, worker, due), f"{due} events are handled")
            status = worker.end()
            result.must(status == 0, f"the worker ended with the status {status}")
            worker.start()
            if len(worker.handled) < amount.events:  # else all was handled before the end
                _note_return(result, [worker])
        _account(result, keeper, emitter, [worker])
        result.must(result.repeats == 0, f"{result.repeats} events were handled again")
    return result


def instances_share(keeper: Keeper, amount: Amount) -> Result:
    """Two services, of two instances each."""
    result = Result(keeper.label, "2 services of 2 instances")
    with ExitStack() as stack:
        services = [
            [stack.enter_context(Worker(keeper.url, f"{result.scenario} {number}")) for _ in "ab"]
            for number in range(2)
        ]
        workers = [worker for service in services for worker in service]
        for worker in workers:
            worker.wait_until_connected()
        emitter = stack.enter_context(Emitter(keeper.url, amount.events, 1e9))
        for service in services:
            _account(result, keeper, emitter, service)
            result.rounds += 1
            for worker in service:
                part = len(worker.handled) / amount.events
                result.must(part > 0.1, f"an instance had only {part:.0%} of the events")
        result.must(result.repeats == 0, f"{result.repeats} events were handled again")
        for worker in workers:
            worker.end()
    return result


def poison_is_given_up(keeper: Keeper, amount: Amount) -> Result:
    """An event at which handlers fail, and one at which their process dies, among others."""
    result = Result(keeper.label, "poison, and poison that kills")
    name, tries = f"poisoned {keeper.label}", amount.max_deliveries
    with ExitStack() as stack:
        worker = stack.enter_context(Worker(keeper.url, name, tries))
        worker.wait_until_connected()
        emitter = stack.enter_context(Emitter(keeper.url, amount.events, amount.rate))
        letters = stack.enter_context(dead_letters(keeper.url))
        transport = stack.enter_context(open_transport(keeper.url))
        _until(lambda: worker.handled, "events flow")

        def is_dead() -> list[DeadLetter]:
            result.rounds += worker.restart_if_dead()
            return letters.list(service=name, event_name=POISON)

        # One after the other: of what happens to others when a process dies, nobody can be sure.
        for body in ("fail", "kill"):
            transport.emit_event(POISON, body).wait(_PATIENCE)
            for times in (1, 2):
                [letter, *others] = _until(is_dead, f"{body!r} is a dead letter")
                tried = [attempt for what, attempt in worker.tried if what == body]
                expected = [*range(1, tries + 1)] * times
                result.must(tried == expected, f"{body!r} was tried as {tried}")
                result.must(letter.attempts == tries, f"its letter counts {letter.attempts}")
                result.must(not others, f"{body!r} became more than one letter")
                if times == 1:
                    replayed = letters.replay(service=name, event_name=POISON)
                    result.must(replayed == 1, f"{replayed} letters were replayed")
            letters.purge(service=name, event_name=POISON)
        _account(result, keeper, emitter, [worker])
        worker.end()
    return result


def brokers_lose_everything(keeper: Keeper, amount: Amount) -> Result:
    """FLUSHALL, or a deleted queue: what is emitted after it is handled."""
    result = Result(keeper.label, "FLUSHALL" if keeper.label == "Redis" else "queue deleted")
    with _flow(keeper, amount, rate=amount.rate / _SLOWLY) as (emitter, worker):
        [*_] = _moments(emitter, amount.events, 1)
        keeper.forget(worker.label)
        _until(lambda: keeper.says_of_loss in worker.log(), "the worker has said so")
        _until(lambda: "connected again" in worker.log() or "made again" in worker.log(), "it goes")
        begun = emitter.begun
        result.rounds = 1
        _until(lambda: emitter.is_done, "all is emitted")
        after = {number for number in emitter.promised if number > begun}
        _until(lambda: after <= {*worker.handled}, f"all {len(after)} after it are handled")
        result.promised, result.handled = len(after), len(after & {*worker.handled})
        result.must(worker.runs(), "the worker has ended")
        worker.end()
    return result


def brokers_take_nothing(keeper: Keeper, amount: Amount) -> Result:
    """The memory alarm of RabbitMQ: publishing blocks, for a while."""
    result = Result(keeper.label, "memory alarm")
    assert isinstance(keeper, RabbitMqKeeper)
    with _flow(keeper, amount, rate=amount.rate / _SLOWLY) as (emitter, worker):
        [*_] = _moments(emitter, amount.events, 1)
        keeper.broker.ctl("set_vm_memory_high_watermark", "0.00001")
        try:
            _until(lambda: "takes no events for now" in emitter.log(), "the emitter says so")
            # What was on its way to the broker before may still be confirmed.
            _until(partial(_stands_still, emitter), "no more events are taken")
            result.must(worker.runs() and emitter.runs(), "somebody has ended")
        finally:
            keeper.broker.ctl("set_vm_memory_high_watermark", "0.4")
        result.rounds = 1
        _until(lambda: "takes events again" in emitter.log(), "the emitter says so")
        _account(result, keeper, emitter, [worker])
    return result


@contextmanager
def _flow(
    keeper: Keeper, amount: Amount, rate: float | None = None
) -> Iterator[tuple[Emitter, Worker]]:
    """An emitter and a worker, which is connected before anything is emitted."""
    name = f"worker {time.monotonic_ns()}"  # each scenario has its own
    with Worker(keeper.url, name) as worker:
        worker.wait_until_connected()
        with Emitter(keeper.url, amount.events, rate or amount.rate) as emitter:
            try:
                yield emitter, worker
            except Exception as error:
                for process in (emitter, worker):
                    error.add_note(f"{process.label}:\n{process.end_of_log()}")
                raise


def _moments(emitter: Emitter, events: int, count: int) -> Iterator[int]:
    """Gives moments in which events flow, evenly over all of them."""
    for number in range(1, count + 1):
        due = events * number // (count + 1)
        _until(partial(_has_begun, emitter, due), f"{due} events are emitted")
        yield number


def _stands_still(emitter: Emitter) -> bool:
    """Whether something waits for a while, and nothing is promised meanwhile."""
    promised = len(emitter.promised)
    time.sleep(1)
    return promised <= emitter.begun and len(emitter.promised) == promised


def _has_begun(emitter: Emitter, number: int) -> bool:
    return emitter.begun >= number


def _has_handled(worker: Worker, count: int) -> bool:
    return len(worker.handled) >= count


def _note_return(result: Result, workers: Sequence[Worker]) -> None:
    began = time.monotonic()
    _until(lambda: any(worker.last_at > began for worker in workers), "events are handled again")
    result.rounds += 1
    result.back.append(max(worker.last_at for worker in workers) - began)
    result.must(
        result.back[-1] <= BACK_WITHIN, f"it took {result.back[-1]:.1f} s until events came again"
    )


def _account(result: Result, keeper: Keeper, emitter: Emitter, workers: Sequence[Worker]) -> None:
    """Waits until all is handled that was promised; then counts."""
    _until(lambda: emitter.is_done, "all is emitted")
    until_deadline = time.monotonic() + _PATIENCE
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
    result.must(len(emitter.promised) > emitter.begun * _AT_LEAST, "hardly anything was promised")


def _until(condition: Callable[[], T], what: str) -> T:
    return until(condition, what=what, within=_PATIENCE)


#: By their names for a command line.
SCENARIOS: Final[Mapping[str, Callable[[Keeper, Amount], Result]]] = {
    "brokers-die": brokers_die,
    "workers-die": workers_die,
    "emitters-die": emitters_die,
    "poison": poison_is_given_up,
    "instances": instances_share,
    "workers-stop": workers_stop,
    "loss": brokers_lose_everything,
    "alarm": brokers_take_nothing,
}
