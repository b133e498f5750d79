"""What is done to brokers, emitters and workers while events flow, and what has to come of it."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Final

from gemstone.event import DeadLetter, dead_letters, open_transport
from gemstone_core.event import DeadLetters

from .brokers import Keeper, RabbitMqKeeper
from .processes import Emitter, Worker
from .service import POISON
from .stage import (
    PATIENCE,
    Amount,
    Result,
    account,
    await_promises,
    flow,
    let_end,
    moments,
    note_return,
    patiently,
)

#: How many times fewer events flow with poison: those that are in deaths are tried one by one.
_FEWER: Final = 4


def brokers_die(keeper: Keeper, amount: Amount) -> Result:
    """The broker is killed and started again, while events flow."""
    result = Result(keeper.label, "broker: kill -9")
    with flow(keeper, amount.rate) as (emitter, worker):
        time.sleep(keeper.writes_queues_within)
        for _ in moments(emitter, amount.events, amount.broker_kills):
            keeper.broker.kill()
            keeper.broker.start()
            note_return(result, [worker])
        account(result, keeper, amount, emitter, [worker])
    return result


def workers_die(keeper: Keeper, amount: Amount) -> Result:
    """The process that handles is killed, while events flow."""
    result = Result(keeper.label, "consumer: kill -9")
    with flow(keeper, amount.rate) as (emitter, worker):
        for _ in moments(emitter, amount.events, amount.worker_kills):
            worker.kill()
            worker.start()
            note_return(result, [worker])
        account(result, keeper, amount, emitter, [worker])
    return result


def emitters_die(keeper: Keeper, amount: Amount) -> Result:
    """The process that emits is killed, while events flow."""
    result = Result(keeper.label, "emitter: kill -9")
    with flow(keeper, amount.rate) as (emitter, worker):
        for _ in moments(emitter, amount.events, amount.emitter_kills):
            emitter.kill()
            emitter.start()
            result.rounds += 1
        account(result, keeper, amount, emitter, [worker])
    return result


def workers_stop(keeper: Keeper, amount: Amount) -> Result:
    """The process that handles is stopped in good order, while events come in a burst."""
    result = Result(keeper.label, "consumer: SIGTERM")
    with flow(keeper, 4 * amount.rate) as (emitter, worker):
        for moment in range(1, amount.stops + 1):
            due = amount.events * moment // (amount.stops + 1)
            patiently(partial(_has_handled, worker, due), f"{due} events are handled")
            status = worker.end()
            result.must(status == 0, f"the worker ended with the status {status}")
            worker.start()
            note_return(result, [worker])
        account(result, keeper, amount, emitter, [worker])
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
        emitter = stack.enter_context(Emitter(keeper.url, 1e9))
        for service in services:
            account(result, keeper, amount, emitter, service)
            result.rounds += 1
            for worker in service:
                part = len(worker.handled) / len(emitter.promised)
                result.must(part > 0.1, f"an instance had only {part:.0%} of the events")
        result.must(result.repeats == 0, f"{result.repeats} events were handled again")
        for worker in workers:
            worker.end()
    return result


def poison_is_given_up(keeper: Keeper, amount: Amount) -> Result:
    """An event at which handlers fail, and one at which their process dies, among others."""
    result = Result(keeper.label, "poison, and poison that kills")
    with ExitStack() as stack:
        flowing = flow(keeper, amount.rate / _FEWER, amount.max_deliveries)
        emitter, worker = stack.enter_context(flowing)
        letters = stack.enter_context(dead_letters(keeper.url))
        transport = stack.enter_context(open_transport(keeper.url))
        for body in ("fail", "kill"):
            given_up: list[DeadLetter] = []
            for times in (1, 2):
                await_promises(emitter, 1, after=emitter.begun)
                if given_up:
                    replayed = letters.replay([letter.id for letter in given_up])
                    result.must(replayed == 1, f"{replayed} letters of {body!r} were replayed")
                else:
                    transport.emit_event(POISON, body).wait(PATIENCE)
                given_up = _give_up(result, letters, worker, body)
                _settle(result, keeper, emitter, worker)
                tried = [attempt for what, attempt in worker.tried if what == body]
                expected = [*range(1, amount.max_deliveries + 1)] * times
                result.must(tried == expected, f"{body!r} was tried as {tried}")
                result.must(letters.list() == given_up, f"{body!r} became more letters later")
                emitter.start()
                worker.start()
            purged = letters.purge([letter.id for letter in given_up])
            result.must(purged == 1, f"{purged} letters of {body!r} were purged")
        account(result, keeper, amount, emitter, [worker])
        worker.end()
    return result


def _give_up(result: Result, letters: DeadLetters, worker: Worker, body: str) -> list[DeadLetter]:
    """Waits until poison is a dead letter; gives what it has become."""

    def found() -> list[DeadLetter]:
        result.rounds += worker.restart_if_dead()
        mine = letters.list(service=worker.label, event_name=POISON)
        return [letter for letter in mine if letter.body == body]

    given_up = patiently(found, f"{body!r} is a dead letter")
    result.must(len(given_up) == 1, f"{body!r} became {len(given_up)} letters")
    for letter in given_up:
        counts = letter.attempts
        result.must(counts == worker.max_deliveries, f"a letter of {body!r} counts {counts}")
    return given_up


def _settle(result: Result, keeper: Keeper, emitter: Emitter, worker: Worker) -> None:
    """Ends both in good order, when all is handled, and the broker knows it.

    So nothing is in the next deaths that was in these: it might be in too many.
    """
    let_end(emitter)

    def is_settled() -> bool:
        patiently(lambda: not keeper.left(worker.label, has_ended=False), "nothing is left")
        status = worker.end()
        result.must(status == 0, f"the worker ended with the status {status}")
        if not keeper.left(worker.label, has_ended=True):
            return True
        worker.start()
        worker.wait_until_connected()
        return False

    patiently(is_settled, "nothing is left")


def brokers_lose_everything(keeper: Keeper, amount: Amount) -> Result:
    """FLUSHALL, or a deleted queue: what is emitted after it is handled."""
    result = Result(keeper.label, "FLUSHALL" if keeper.label == "Redis" else "queue deleted")
    with flow(keeper, amount.rate) as (emitter, worker):
        await_promises(emitter, amount.events // 2)
        keeper.forget(worker.label)
        patiently(lambda: keeper.says_of_loss in worker.log(), "the worker has said so")
        patiently(
            lambda: "connected again" in worker.log() or "made again" in worker.log(), "it goes"
        )
        begun = emitter.begun
        result.rounds = 1
        await_promises(emitter, amount.events // 2, after=begun)
        let_end(emitter)
        after = emitter.promised_after(begun)
        patiently(lambda: after <= {*worker.handled}, f"all {len(after)} after it are handled")
        result.promised, result.handled = len(after), len(after & {*worker.handled})
        result.must(worker.runs(), "the worker has ended")
        worker.end()
    return result


def brokers_take_nothing(keeper: Keeper, amount: Amount) -> Result:
    """The memory alarm of RabbitMQ: publishing blocks, for a while."""
    result = Result(keeper.label, "memory alarm")
    assert isinstance(keeper, RabbitMqKeeper)
    with flow(keeper, amount.rate) as (emitter, worker):
        await_promises(emitter, amount.events // 2)
        keeper.broker.ctl("set_vm_memory_high_watermark", "0.00001")
        try:
            patiently(lambda: "takes no events for now" in emitter.log(), "the emitter says so")
            # What was on its way to the broker before may still be confirmed.
            patiently(partial(_stands_still, emitter), "no more events are taken")
            result.must(worker.runs() and emitter.runs(), "somebody has ended")
            begun = emitter.begun
        finally:
            keeper.broker.ctl("set_vm_memory_high_watermark", "0.4")
        result.rounds = 1
        patiently(lambda: "takes events again" in emitter.log(), "the emitter says so")
        await_promises(emitter, amount.events // 2, after=begun)
        let_end(emitter)
        account(result, keeper, amount, emitter, [worker])
    return result


def _stands_still(emitter: Emitter) -> bool:
    """Whether something waits for a while, and nothing is promised meanwhile."""
    promised = len(emitter.promised)
    time.sleep(1)
    return promised <= emitter.begun and len(emitter.promised) == promised


def _has_handled(worker: Worker, count: int) -> bool:
    return len(worker.handled) >= count


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
