"""Event handlers of services: what they are given, where they run, and what they can't disturb."""

import asyncio
import logging
import threading

import pytest
from tornado import gen

import gemstone
from gemstone.errors import ServiceStateError
from gemstone.event import Event, MemoryEventTransport
from tools.waiting import until

from .conftest import Service


def test_every_kind_of_handler_on_its_thread(events):
    class Kinds(Service):
        @gemstone.event_handler("a")
        def plain(self, body):
            self.seen["plain"].append((body, threading.current_thread().name))

        @gemstone.event_handler("a")
        async def asynchronous(self, body):
            await asyncio.sleep(0)
            self.seen["async"].append((body, threading.current_thread().name))

        @gemstone.event_handler("a")
        @gen.coroutine
        def old(self, body):
            yield gen.sleep(0)
            self.seen["old"].append((body, threading.current_thread().name))

        @gemstone.event_handler("a", blocking=True)
        def blocking(self, body):
            self.seen["blocking"].append((body, threading.current_thread().name))

        @gemstone.event_handler("a")
        def awaitable(self, body):
            return self.asynchronous(body)

    service = events.start(Kinds)
    events.emit("a", [1]).wait(30)

    assert service.wait_for("plain", 1) == [([1], "service")]
    assert service.wait_for("old", 1) == [([1], "service")]
    assert service.wait_for("async", 2) == [([1], "service")] * 2
    [(body, thread)] = service.wait_for("blocking", 1)
    assert body == [1]
    assert thread.startswith("service-blocking")


def test_several_decorators_several_handlers_and_containers(events):
    class Part(gemstone.Container):
        @gemstone.event_handler("a")
        def in_a_part(self, body, event):
            self.microservice.seen["part"].append((event.name, body))

    class Whole(Service):
        modules = [Part, Part()]

        @gemstone.event_handler("a")
        @gemstone.event_handler("b")
        def both(self, body, event):
            self.seen["both"].append((event.name, body))

        @gemstone.event_handler("b")
        def other(self, body):
            self.seen["other"].append(body)

    service = events.start(Whole)
    events.emit("a", 1)
    events.emit("b", 2)

    assert service.wait_for("both", 2) == [("a", 1), ("b", 2)]
    assert service.wait_for("other", 1) == [2]
    assert service.wait_for("part", 2) == [("a", 1)] * 2


def test_what_an_event_brings(events):
    class Asks(Service):
        @gemstone.event_handler("a")
        def by_name(self, body, event):
            self.seen["event"].append((body, event))

        @gemstone.event_handler("a")
        async def by_annotation(self, what: Event):
            self.seen["event"].append((what.body, what))

    service = events.start(Asks)
    events.emit("a", {"b": [1]}, headers={"trace": "7"}).wait(30)
    for body, event in service.wait_for("event", 2):
        assert body == event.body == {"b": [1]}
        assert (event.name, event.attempt, event.headers) == ("a", 1, {"trace": "7"})
        assert event.id
        assert isinstance(event.transport, MemoryEventTransport)


def test_handlers_share_no_body(events):
    class Changes(Service):
        @gemstone.event_handler("a")
        def first(self, body):
            body["list"].append("first")
            self.seen["body"].append(body)

        @gemstone.event_handler("a")
        async def second(self, body):
            body["list"].append("second")
            self.seen["body"].append(body)

        @gemstone.event_handler("a", blocking=True)
        def third(self, body, event):
            body["list"].append("third")
            self.seen["body"].append(event.body)

    one, other = events.start(Changes), events.start(Changes)
    events.emit("a", {"list": []}).wait(30)
    for service in (one, other):
        bodies = service.wait_for("body", 3)
        assert sorted(body["list"][0] for body in bodies) == ["first", "second", "third"]
        assert all(len(body["list"]) == 1 for body in bodies)


def test_plain_handlers_keep_the_order_also_among_others(events):
    class Orders(Service):
        max_concurrent_events = 3

        @gemstone.event_handler("a")
        def plain(self, body):
            self.seen["plain"].append(body)

        @gemstone.event_handler("a")
        async def asynchronous(self, body):
            await asyncio.sleep(0.001 * (body % 3))
            self.seen["async"].append(body)

    service = events.start(Orders)
    for number in range(300):
        events.emit("a", number)
    assert service.wait_for("plain", 300) == [*range(300)]
    assert sorted(service.wait_for("async", 300)) == [*range(300)]


@pytest.mark.parametrize("kind", ["async", "blocking"])
def test_so_many_run_at_once_and_no_more_are_read(events, kind):
    class Slow(Service):
        max_concurrent_events = 4
        running = most = 0
        lock = threading.Lock()
        go = threading.Event()

        def enter(self, by):
            with self.lock:
                self.running += by
                self.most = max(self.most, self.running)

    if kind == "async":

        async def handle(self, body):
            self.enter(1)
            while not self.go.is_set():
                await asyncio.sleep(0.005)
            self.enter(-1)
            self.seen["a"].append(body)
    else:

        def handle(self, body):
            self.enter(1)
            self.go.wait(30)
            self.enter(-1)
            self.seen["a"].append(body)

    handler = gemstone.event_handler("a", blocking=kind == "blocking")(handle)
    service = events.start(type("Slow", (Slow,), {"handle": handler}))
    for number in range(40):
        events.emit("a", number).wait(30)
    until(lambda: service.running == 4, what="four run")
    [status] = service.event_status()
    assert status.consumed == 4  # and one more that waits for its place is read, not more
    [transport] = service._events._transports
    assert transport._subscriber.waiting.qsize() == 35
    service.go.set()

    assert sorted(service.wait_for("a", 40)) == [*range(40)]
    assert service.most == 4


RAISED = [
    ValueError("wrong"),
    SystemExit(3),
    asyncio.CancelledError(),
    StopIteration(7),
    StopAsyncIteration(),
    GeneratorExit(),
    RecursionError(),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("kind", ["plain", "async", "blocking"])
def test_a_handler_that_raises_disturbs_nobody(events, caplog, kind, error):
    def handle(self, body):
        if body == 0:
            raise error
        self.seen["a"].append(body)

    async def handle_later(self, body):
        handle(self, body)

    class Others(Service):
        max_concurrent_events = 2
        first = gemstone.event_handler("a", blocking=kind == "blocking")(
            handle_later if kind == "async" else handle
        )

        @gemstone.event_handler("a")
        def next_one(self, body):
            self.seen["next"].append(body)

        @gemstone.event_handler("a")
        async def last(self, body):
            self.seen["last"].append(body)

    service = events.start(Others)
    for _ in range(5):  # more than may be with handlers at once
        events.emit("a", 0, headers={"trace": "7"})
    events.emit("a", 1)

    assert service.wait_for("a", 1) == [1]
    assert service.wait_for("next", 6) == [0] * 5 + [1]
    assert sorted(service.wait_for("last", 6)) == [0] * 5 + [1]
    until(lambda: sum("failed with" in each.message for each in caplog.records) == 5, what="logged")
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 5
    assert all("handle" in each.message and "<Event 'a' " in each.message for each in told)
    assert all(each.exc_info for each in told)


def test_a_body_too_deep_to_be_copied_is_no_obstacle(events):
    class Two(Service):
        max_concurrent_events = 1

        @gemstone.event_handler("a")
        def first(self, body):
            self.seen["a"].append(type(body))

        @gemstone.event_handler("a")
        def second(self, body):
            self.seen["a"].append(type(body))

    deep = []
    for _ in range(600):
        deep = [deep]
    service = events.start(Two)
    for _ in range(3):
        events.emit("a", deep)
    events.emit("a", {})
    assert service.wait_for("a", 8) == [list] * 6 + [dict] * 2


def test_what_can_not_be_copied_is_told_and_the_next_one_comes(events, caplog):
    class Two(Service):
        @gemstone.event_handler("a")
        def first(self, body):
            self.seen["a"].append(body)

        @gemstone.event_handler("a")
        def second(self, body):
            self.seen["a"].append(body)

    service = events.start(Two)
    [transport] = service._events._transports
    outcome = transport.dispatch(Event("a", threading.Lock()))
    assert isinstance(outcome.exception(30), TypeError)
    assert transport.dispatch(Event("a", 1)).result(30) is None
    assert service.wait_for("a", 2) == [1, 1]
    assert "can't be copied for each of its handlers" in caplog.text


def test_dispatch_tells_what_became_of_an_event(events):
    class Tells(Service):
        @gemstone.event_handler("plain")
        def plain(self, body):
            if body:
                raise LookupError(body)

        @gemstone.event_handler("async")
        async def asynchronous(self, body):
            await asyncio.sleep(0)
            if body:
                raise LookupError(body)

    service = events.start(Tells)
    [transport] = service._events._transports
    for name in ("plain", "async"):
        assert transport.dispatch(Event(name, 0)).result(30) is None
        error = transport.dispatch(Event(name, 7)).exception(30)
        assert isinstance(error, LookupError)
    assert transport.dispatch(Event("nobody.handles.this", 1)).result(30) is None
    outcome = transport.dispatch(Event("plain", 0))
    assert not outcome.cancel()


def test_dispatch_on_the_loop_does_not_wait(events):
    class Loop(Service):
        max_concurrent_events = 1

        @gemstone.event_handler("a")
        async def handle(self, body):
            self.seen["a"].append(body)

        @gemstone.exposed_method()
        async def dispatch(self):
            [transport] = self._events._transports
            return len([transport.dispatch(Event("a", number)) for number in range(20)])

    service = events.start(Loop)
    with gemstone.RemoteService(service.accessible_at) as remote:
        assert remote.call_method("dispatch").result == 20
    assert service.wait_for("a", 20) == [*range(20)]


def test_no_handler_sees_the_call_that_emitted_or_the_variables_of_another(events):
    import contextvars

    variable = contextvars.ContextVar("variable", default="nothing")

    class Context(Service):
        def look(self, what):
            self.seen[what].append(variable.get())
            variable.set(what)
            with pytest.raises(ServiceStateError):
                gemstone.current_request()
            self.seen[f"{what} is no call"].append(True)

        @gemstone.event_handler("a")
        def plain(self, body):
            self.look("plain")

        @gemstone.event_handler("a")
        async def asynchronous(self, body):
            self.look("async")

        @gemstone.event_handler("a", blocking=True)
        def blocking(self, body):
            self.look("blocking")

        @gemstone.exposed_method()
        async def call(self):
            variable.set("call")
            [transport] = self._events._transports
            await self.emit_event("a", 1)
            await asyncio.wrap_future(transport.dispatch(Event("a", 2)))

    service = events.start(Context)
    with gemstone.RemoteService(service.accessible_at) as remote:
        for _ in range(2):
            remote.call_method("call")
    for what in ("plain", "async", "blocking"):
        assert service.wait_for(what, 4) == ["nothing"] * 4
        assert service.wait_for(f"{what} is no call", 4) == [True] * 4


def test_a_burst_does_not_hold_up_the_loop(events):
    """While thousands of events wait, what else the loop has to do gets its turn in between."""

    class Busy(Service):
        async def on_service_start(self):
            self.ticking = asyncio.ensure_future(self.tick())

        async def on_service_stop(self):
            self.ticking.cancel()

        async def tick(self):
            while True:
                self.seen["tick"].append(len(self.seen["a"]))
                await asyncio.sleep(0)

        @gemstone.event_handler("a")
        def handle(self, body):
            sum(range(2_000))
            self.seen["a"].append(body)

        @gemstone.event_handler("hold")
        def hold(self, body):
            threading.Event().wait(0.3)  # meanwhile all others arrive

    service = events.start(Busy)
    events.emit("hold")
    for number in range(3_000):
        events.emit("a", number)
    service.wait_for("a", 3_000)
    assert len({count for count in service.seen["tick"] if 0 < count < 3_000}) >= 5


def test_a_bad_body_is_told_once_and_counted(events, caplog):
    class Reads(Service):
        max_event_size = 100

        @gemstone.event_handler("a")
        @gemstone.event_handler("b")
        def handle(self, body):
            self.seen["a"].append(body)

    service = events.start(Reads)
    [transport] = service._events._transports
    for name in "ab":
        for data in (b"{", b"\xff", b"", b"[" * 99, b'"%s"' % (b"x" * 200)):
            assert isinstance(
                transport.dispatch(Event.from_json(name, data)).exception(30),
                gemstone.event.InvalidEventError,
            )
    transport.dispatch(Event.from_json("a", b"1")).result(30)

    assert service.seen["a"] == [1]
    [status] = service.event_status()
    assert (status.refused, status.consumed) == (10, 1)
    assert caplog.text.count("that can't be read") == 2
    assert events.url in caplog.text
