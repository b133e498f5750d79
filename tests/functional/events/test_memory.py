"""``memory://``: the contract of transports, and what is its own."""

import threading

import gemstone
from gemstone.errors import EventRefusedError
from gemstone.event import Emission, MemoryEventTransport
from gemstone_core._events import _memory
from gemstone_core.testing import EventTransportContract
from tools.waiting import until

from .conftest import Service


class TestMemory(EventTransportContract):
    carries_ids = True
    carries_headers = True
    url = "memory://contract"

    def make_transport(self):
        return MemoryEventTransport("contract")

    def send_raw(self, event_name, data):
        self.make_transport()._bus.emit(Emission(event_name, data, {}, None, 0.0))


class TestMemoryAsFactory(TestMemory):
    """The same for a class of a third party that inherits it."""

    url = None

    class Own(MemoryEventTransport):
        def __init__(self):
            super().__init__("own")

        def __copy__(self):
            return type(self)()

    def make_transport(self):
        return self.Own()


class Notes(Service):
    @gemstone.event_handler("a")
    def note(self, body):
        self.seen["a"].append(body)


def test_transports_of_different_names_know_nothing_of_each_other(events):
    one = events.start(events.make(Notes, event_transports=[f"{events.url}-1"]))
    other = events.start(events.make(Notes, event_transports=[f"{events.url}-2"]))
    one.emit_event("a", 1).wait(30)
    other.emit_event("a", 2).wait(30)
    assert one.wait_for("a", 1) == [1]
    assert other.wait_for("a", 1) == [2]


def test_the_class_itself_may_be_listed():
    service = type("Listed", (Notes,), {"event_transports": [MemoryEventTransport]})()
    with service.start_in_thread():
        service.emit_event("a", 1).wait(30)
        assert 1 in service.wait_for("a", 1)
        assert service.event_status()[0].transport == "memory://"


def test_a_service_that_does_not_come_after_is_waited_for(events, monkeypatch):
    class Hasty(Service):
        emit_timeout = 0.2

    quick, hasty = events.start(Notes), events.start(Hasty)
    monkeypatch.setattr(_memory, "_CAPACITY", 3)
    go = threading.Event()

    class Slow(Service):
        max_concurrent_events = 1

        @gemstone.event_handler("a", blocking=True)
        def handle(self, body):
            go.wait(30)
            self.seen["a"].append(body)

    slow = events.start(Slow)
    failed = []
    for number in range(20):
        error = hasty.emit_event("a", number).exception(30)
        if error is not None:
            failed.append(number)
            assert isinstance(error, EventRefusedError)
            assert "a service that handles 'a' has 3 events waiting" in str(error)
    assert len(failed) >= 15
    receipts = [events.emit("a", number) for number in range(20, 30)]
    go.set()
    for receipt in receipts:
        receipt.wait(30)
    assert quick.wait_for("a", 30) == [*range(30)]
    expected = [number for number in range(30) if number not in failed]
    assert slow.wait_for("a", len(expected)) == expected


def test_a_full_queue_does_not_hold_up_the_stop(events, monkeypatch, no_thread_left):
    monkeypatch.setattr(_memory, "_CAPACITY", 2)
    go = threading.Event()

    class Slow(Service):
        max_concurrent_events = 1

        @gemstone.event_handler("a", blocking=True)
        def handle(self, body):
            go.wait(30)

    service = events.make(Slow)
    with service.start_in_thread():
        [transport] = service._events._transports
        waiting = transport._subscriber.waiting
        service.emit_event("a", 0).wait(30)
        service.emit_event("a", 1).wait(30)
        until(lambda: waiting.empty(), what="one is handled, and one waits for its place")
        service.emit_event("a", 2).wait(30)
        service.emit_event("a", 3).wait(30)
        assert waiting.full()
        go.set()
