"""The calls of a batch: each by itself, though many of them share a task."""

import asyncio
import contextvars
import functools
import json
import sys
import threading
import time

import pytest

import gemstone

HELD = contextvars.ContextVar("held", default="nothing")
#: The context in which :func:`run` was called.
OUTER = contextvars.ContextVar("outer", default="nothing")


class Nobody:
    """What brings a body to the dispatcher, without a socket."""

    headers: dict[str, str] = {}
    timeout = None
    came = 0.0
    peer = None

    async def handler(self):
        return self


def run(service, *batches):
    """Sends batches at once, to a service without a socket; gives results or codes of errors."""
    service.make_tornado_app()

    async def send(batch):
        members = [
            {"jsonrpc": "2.0", "method": method, "params": params, "id": number}
            for number, (method, *params) in enumerate(batch)
        ]
        body = json.dumps(members).encode()
        answers = json.loads(await service._dispatcher.dispatch(body, Nobody()))
        assert [each["id"] for each in answers] == list(range(len(batch)))
        return [each["result"] if "result" in each else each["error"]["code"] for each in answers]

    async def main():
        OUTER.set("outer")
        return await asyncio.gather(*map(send, batches))

    return asyncio.run(main())


def passing_on(function):
    @functools.wraps(function)
    async def wrapper(*arguments):
        return await function(*arguments)

    return wrapper


class Members(gemstone.MicroService):
    name = "members"
    max_batch_size = 2000

    def __init__(self):
        super().__init__()
        self.log = []
        self.now = self.most = 0
        self.event = asyncio.Event()
        self.tasks = set()

    @gemstone.exposed_method()
    async def number(self, number):
        self.log.append(number)
        return number

    @gemstone.exposed_method()
    @passing_on
    async def wrapped(self, number, other=0):
        return number + other

    @gemstone.exposed_method()
    async def hold(self, value, turns):
        """What was held before, and what is held after so many turns of the loop."""
        before = HELD.get()
        HELD.set(value)
        for _ in range(turns):
            await asyncio.sleep(0)
        return [before, HELD.get(), OUTER.get(), gemstone.current_request().params]

    @gemstone.exposed_method()
    def hold_in_thread(self, value):
        before = HELD.get()
        HELD.set(value)
        return [before, HELD.get(), OUTER.get(), gemstone.current_request().params]

    @gemstone.exposed_method()
    async def spawn(self, number):
        """Starts a task that asks which call this is after the call has ended."""
        self.tasks.add(asyncio.create_task(self._later(number)))

    async def _later(self, number):
        await self.event.wait()
        self.log.append((number, gemstone.current_request().params))

    @gemstone.exposed_method()
    async def spawned(self):
        self.event.set()
        await asyncio.gather(*self.tasks)
        return self.log

    @gemstone.exposed_method()
    async def name_of_task(self, turns):
        first = asyncio.current_task().get_name()
        for _ in range(turns):
            await asyncio.sleep(0)
        return [first, asyncio.current_task().get_name()]

    @gemstone.exposed_method()
    async def same_task(self):
        first = asyncio.current_task()
        await asyncio.sleep(0)
        return asyncio.current_task() is first

    @gemstone.exposed_method()
    async def time_out(self):
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(30)
        except TimeoutError:
            return "timed out"

    @gemstone.exposed_method()
    async def time_out_at_once(self):
        async with asyncio.timeout(0):
            pass
        return "not yet"

    @gemstone.exposed_method()
    async def group(self):
        async def fail():
            raise LookupError

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                await asyncio.sleep(30)
        except ExceptionGroup:
            return "failed"

    @gemstone.exposed_method()
    async def cancel_itself(self, turns_before, waits):
        for _ in range(turns_before):
            await asyncio.sleep(0)
        asyncio.current_task().cancel()
        if waits:
            await asyncio.sleep(30)
        return "cancelled"

    @gemstone.exposed_method()
    async def raise_cancelled(self, cancels):
        if cancels:
            asyncio.current_task().cancel()
        raise asyncio.CancelledError

    @gemstone.exposed_method()
    async def crowd(self, seconds):
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(seconds)
        self.now -= 1
        return self.now

    @gemstone.exposed_method()
    async def wait_for_event(self):
        await self.event.wait()
        return "came"

    @gemstone.exposed_method()
    async def set_event(self):
        self.event.set()

    @gemstone.exposed_method()
    async def note(self, what):
        self.log.append(what)
        await asyncio.sleep(0)
        self.log.append(what)

    @gemstone.exposed_method()
    async def stay(self):
        self.log.append("began")
        self.now += 1
        try:
            await asyncio.sleep(30)
        finally:
            self.log.append("cancelled")

    @gemstone.exposed_method(private=True)
    async def private(self):
        HELD.set("private")
        return HELD.get()

    async def authenticate_request(self, handler):
        await asyncio.sleep(0)
        return True


QUICK = [("number", 1), ("number", 2)]


@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_answers_come_in_the_order_of_the_calls(concurrency):
    service = Members()
    service.max_batch_concurrency = concurrency
    batch = [("hold", number, number % 4) if number % 3 else ("number", number)
             for number in range(100)]  # fmt: skip
    answers = run(service, batch)[0]
    assert answers == [
        ["nothing", number, "outer", [number, number % 4]] if number % 3 else number
        for number in range(100)
    ]


def test_with_one_place_calls_on_the_loop_come_one_after_another():
    service = Members()
    service.max_batch_concurrency = 1
    run(service, [("note", number) for number in range(5)])
    assert service.log == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("timeout", [None, 20])
@pytest.mark.parametrize("places", [1, 16])
@pytest.mark.parametrize("plugged", [False, True])
def test_no_call_sees_what_another_has_put_into_a_context_variable(plugged, places, timeout):
    class Watching(gemstone.BasePlugin):
        name = "watching"

        def on_method_call(self, jsonrpc_request):
            pass

    service = Members()
    service.max_batch_concurrency = places
    service.method_timeout = timeout
    if plugged:
        service.register_plugin(Watching)
    batch = [
        *[("hold", turns, turns) for turns in [0, 0, 1, 0, 2, 0, 0]],
        ("private",),
        ("hold", "a", 0),
        *[("hold_in_thread", number) for number in range(40)],
        ("hold", "b", 3),
    ]
    first, second = run(service, batch, batch)
    assert first == second
    assert first == [
        "private" if method == "private" else ["nothing", params[0], "outer", params]
        for method, *params in batch
    ]


def test_a_task_that_a_call_starts_goes_on_with_its_request():
    answers = run(Members(), [("spawn", 1), ("spawn", 2), ("number", 3), ("spawned",)])[0]
    assert answers[-1] == [3, [1, [1]], [2, [2]]]


def test_each_call_runs_in_a_task_that_has_the_name_of_its_method():
    batch = [("number", 1), *[("name_of_task", turns) for turns in (0, 1, 0, 2)], ("same_task",)]
    assert run(Members(), batch)[0] == [1, *[["name_of_task"] * 2] * 4, True]


def test_timeouts_and_task_groups_end_what_they_are_around():
    batch = [
        *[("time_out",), ("number", 1), ("group",), ("time_out_at_once",), ("number", 2)],
        *[("time_out",), ("group",), ("hold", 1, 2)],
    ]
    assert run(Members(), batch)[0] == [
        *["timed out", 1, "failed", "not yet", 2],
        *["timed out", "failed", ["nothing", 1, "outer", [1, 2]]],
    ]


@pytest.mark.parametrize("timeout", [None, 20])
@pytest.mark.parametrize("places", [1, 16])
@pytest.mark.parametrize(
    ("call", "outcome"),
    [
        (("cancel_itself", 0, False), "cancelled"),
        (("cancel_itself", 1, False), "cancelled"),
        (("cancel_itself", 0, True), -32603),
        (("cancel_itself", 1, True), -32603),
        (("raise_cancelled", False), -32603),
        (("raise_cancelled", True), -32603),
    ],
)
def test_a_call_that_cancels_itself_costs_no_other_its_answer(places, timeout, call, outcome):
    service = Members()
    service.method_timeout = timeout
    service.max_batch_concurrency = places
    if timeout is not None:
        outcome = -32603  # its task is one more, which ends as cancelled
    waiting = ("hold", 1, 3)
    batch = [waiting, *QUICK, call, call, waiting, *QUICK, call, waiting]
    held = ["nothing", 1, "outer", [1, 3]]
    assert run(service, batch)[0] == [
        *[held, 1, 2, outcome, outcome, held],
        *[1, 2, outcome, held],
    ]


def test_only_so_many_calls_of_a_batch_wait_at_once():
    service = Members()
    run(service, [("crowd", 0.01)] * 50)
    assert service.most == 16
    service = Members()
    service.max_batch_concurrency = 3
    run(service, [*QUICK, *[("crowd", 0.01)] * 9])
    assert service.most == 3


def test_a_call_that_waits_holds_up_no_more_than_its_place():
    service = Members()
    service.max_batch_concurrency = 2
    batch = [("wait_for_event",), *[("hold", 1, 1), ("number", 1)] * 10, ("set_event",)]
    assert run(service, batch)[0][0] == "came"


@pytest.mark.parametrize("eager", [False, pytest.param(True, marks=pytest.mark.skipif(
    sys.version_info < (3, 12), reason="there are no eager tasks"))])  # fmt: skip
def test_more_calls_may_wait_than_python_nests(eager):
    class Eager(Members):
        max_batch_concurrency = 2000

        @gemstone.exposed_method()
        async def be_eager(self):
            if eager:
                asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

    service = Eager()
    answers = run(service, [("be_eager",), *[("wait_for_event",)] * 1500, ("set_event",)])[0]
    assert answers == [None, *["came"] * 1500, None]


def test_calls_that_do_not_wait_let_the_loop_have_its_turns(monkeypatch):
    monkeypatch.setattr("gemstone_core._rpc._batch._TURN", 0.0)
    turns = 0

    class Turning(Members):
        @gemstone.exposed_method()
        async def turns(self):
            nonlocal turns
            if not self.tasks:
                self.tasks.add(asyncio.create_task(self._count()))
            time.sleep(0.0001)
            return turns

        @gemstone.exposed_method()
        async def end(self):
            for task in self.tasks:
                task.cancel()

        async def _count(self):
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

    *counted, _ = run(Turning(), [*[("turns",)] * 100, ("end",)])[0]
    assert len(set(counted)) > 5
    assert counted == sorted(counted)


def cancelled(service, members, turns):
    """Cancels a batch after so many turns of the loop."""
    service.make_tornado_app()
    dispatcher = service._dispatcher
    body = json.dumps([{"jsonrpc": "2.0", **each} for each in members]).encode()

    async def main():
        batch = asyncio.create_task(dispatcher.dispatch(body, Nobody()))
        for _ in range(turns):
            await asyncio.sleep(0)
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await batch
        if dispatcher.notifications:
            await asyncio.wait(dispatcher.notifications)
        # Nothing of the batch is left.
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


@pytest.mark.parametrize("timeout", [None, 20])
@pytest.mark.parametrize("turns", range(1, 12))
def test_the_end_of_a_batch_ends_its_calls_and_no_notification(turns, timeout):
    service = Members()
    service.max_batch_concurrency = 3
    service.method_timeout = timeout
    calls = [{"method": "number", "params": ["quick"], "id": 1}]
    calls += [{"method": "stay", "id": 2}] * 5
    notifications = [{"method": "note", "params": [str(number)]} for number in range(5)]
    later = [{"method": "number", "params": ["later"], "id": 3}]
    cancelled(service, [*calls, *notifications, *later], turns)
    began = service.log.count("began")
    assert began == service.log.count("cancelled")
    assert began == 3 or turns < 10
    assert "later" not in service.log
    noted = [each for each in service.log if each.isdecimal()]
    assert sorted(noted) == sorted([*"01234", *"01234"])


def test_params_that_python_refuses_are_told_of_as_others_are():
    batch = [("number",), ("number", 1, 2), ("number", 1), ("wrapped",), ("wrapped", 1)]
    assert run(Members(), batch)[0] == [-32602, -32602, 1, -32602, 1]


def test_quick_blocking_calls_do_not_keep_slow_ones_from_other_threads():
    meeting = threading.Barrier(3)

    class Meeting(Members):
        max_parallel_blocking_tasks = 3

        @gemstone.exposed_method()
        def meet(self):
            meeting.wait(30)
            return "met"

    quick = [("hold_in_thread", 1)] * 30
    batch = [*quick, ("meet",), *quick, ("meet",), *quick, ("meet",)]
    assert run(Meeting(), batch)[0].count("met") == 3
