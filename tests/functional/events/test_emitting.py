"""``emit_event``: from anywhere, at any time, and what its receipt says."""

import asyncio
import logging
import threading
import time

import pytest

import gemstone
from gemstone.errors import (
    EventBufferFullError,
    EventExpiredError,
    EventUnconfirmedError,
    InvalidEventError,
    ServiceConfigurationError,
    ServiceStateError,
)
from gemstone.event import Emission, Receipt
from tools.waiting import until

from .conftest import Service


class Notes(Service):
    @gemstone.event_handler("a")
    def note(self, body):
        self.seen["a"].append(body)


class Emits(Notes):
    """Emits wherever one can."""

    def on_service_start(self):
        self.emit_event("start", "start")

    async def on_service_stop(self):
        await self.emit_event("stop", "stop")

    @gemstone.event_handler("a")
    def note(self, body):
        self.emit_event("plain", body)

    @gemstone.event_handler("a")
    async def note_later(self, body):
        await self.emit_event("async", body)
        assert (await asyncio.gather(self.emit_event("async", body)))[0] is None

    @gemstone.event_handler("a", blocking=True)
    def note_blocking(self, body):
        self.emit_event("blocking", body).wait(30)

    @gemstone.exposed_method()
    def blocking_method(self):
        return self.emit_event("method", 1).wait(30)

    @gemstone.exposed_method()
    async def coroutine(self):
        return await self.emit_event("coroutine", 1)

    @gemstone.exposed_method()
    async def wait_on_the_loop(self):
        with pytest.raises(ServiceStateError, match="await the receipt"):
            self.emit_event("waited", 1).wait(30)


NAMES = ("start", "stop", "plain", "async", "blocking", "method", "coroutine", "waited", "before")


class Hears(Service):
    def hear(self, body, event):
        self.seen[event.name].append(body)

    for name in NAMES:
        hear = gemstone.event_handler(name)(hear)


def test_from_anywhere(events):
    hears = events.start(Hears)
    emits = events.make(Emits)
    emits.emit_event("before", 1).wait(30)
    with emits.start_in_thread():
        events.emit("a", 2)
        with gemstone.RemoteService(emits.accessible_at) as remote:
            for method in ("blocking_method", "coroutine", "wait_on_the_loop"):
                assert remote.call_method(method).result is None
        for name, count in {"plain": 1, "async": 2, "blocking": 1}.items():
            assert hears.wait_for(name, count) == [2] * count
        for name in ("before", "start", "method", "coroutine", "waited"):
            assert len(hears.wait_for(name, 1)) == 1
        assert hears.seen["stop"] == []
    assert hears.wait_for("stop", 1) == ["stop"]
    with pytest.raises(ServiceStateError, match="service has stopped: it emits events again when"):
        emits.emit_event("before", 1)
    with emits.start_in_thread():
        emits.emit_event("before", 2).wait(30)
    assert hears.wait_for("before", 2) == [1, 2]


def test_many_threads_emit_while_the_service_starts_and_stops(events, no_thread_left):
    hears = events.start(Hears)
    emits = events.make(Emits)
    receipts, refused, over = [], [], threading.Event()

    def emit():
        while not over.is_set():
            try:
                receipts.append(emits.emit_event("before", 1))
            except ServiceStateError as error:
                refused.append(error)
            time.sleep(0.0005)

    threads = [threading.Thread(target=emit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        with emits.start_in_thread():
            pass
    over.set()
    for thread in threads:
        thread.join()
    emits.stop()

    assert receipts
    assert all(receipt.done() for receipt in receipts)
    promised = sum(receipt.exception() is None for receipt in receipts)
    assert len(hears.wait_for("before", promised)) >= promised
    hears.stop()


def test_without_being_started_it_emits_until_it_is_stopped(events, no_thread_left):
    hears = events.start(Hears)
    emits = events.make(Emits)
    emits.stop()  # of a service that has done nothing yet, this ends nothing
    emits.emit_event("before", 1).wait(30)
    emits.stop()

    assert hears.wait_for("before", 1) == [1]
    with pytest.raises(ServiceStateError, match="has stopped"):
        emits.emit_event("before", 1)
    hears.stop()


def test_the_transports_may_be_changed_before_the_start(events, no_thread_left):
    hears = events.start(Hears)
    emits = events.make(Emits, event_transports=["memory://somewhere.else"])
    emits.emit_event("before", 0).wait(30)
    emits.event_transports = [events.url]
    emits.make_tornado_app()
    emits.emit_event("before", 1).wait(30)
    with emits.start_in_thread():
        emits.emit_event("before", 2).wait(30)
    assert hears.wait_for("before", 2) == [1, 2]
    hears.stop()


@pytest.mark.parametrize(
    "body",
    [object(), {1, print}, "\ud800", 10**5000, {(1, 2): 3}],
    ids=lambda body: type(body).__name__,
)
def test_a_body_that_can_not_travel_is_refused_at_the_call(events, body):
    service = events.make(Notes)
    with pytest.raises(InvalidEventError, match="can't be encoded as JSON"):
        service.emit_event("a", body)
    assert service.event_status()[0].waiting == 0


def test_a_body_that_is_too_large_is_refused_at_the_call(events):
    service = events.make(Notes, max_event_size=100)
    service.emit_event("a", "x" * 98).wait(30)
    with pytest.raises(InvalidEventError, match="has 101 bytes, and max_event_size is 100"):
        service.emit_event("a", "x" * 99)
    service.stop()


def test_names_and_headers_that_can_not_travel_are_refused_at_the_call(events):
    service = events.make(Notes)
    for name in ("", "a b", "\u00fc", "a" * 201, None, 7):
        with pytest.raises(InvalidEventError, match="is no name of an event"):
            service.emit_event(name, 1)
    for headers in ({"": "a"}, {"a": 1}, {"a": "\ud800"}):
        with pytest.raises(InvalidEventError, match="can't travel with an event"):
            service.emit_event("a", 1, headers=headers)
    service.stop()


def test_what_is_emitted_is_what_it_was_at_the_call(events):
    service = events.start(Notes)
    body, headers = {"list": []}, {"a": "b"}
    receipt = service.emit_event("a", body, headers=headers)
    body["list"].append("later")
    receipt.wait(30)
    assert service.wait_for("a", 1) == [{"list": []}]


def test_a_service_without_transports(caplog):
    class Alone(Service):
        @gemstone.event_handler("a")
        def handle(self, body):
            pass

    service = Alone()
    with pytest.raises(ServiceConfigurationError, match="the service has no event_transports"):
        service.emit_event("a", 1)
    with service.start_in_thread():
        assert service.event_status() == []
    assert "has event handlers, but no event_transports" in caplog.text


def test_two_transports(events):
    first, second = f"{events.url}-1", f"{events.url}-2"
    one = events.start(events.make(Notes, event_transports=[first]))
    other = events.start(events.make(Notes, event_transports=[second]))
    both = events.start(events.make(Notes, event_transports=[first, second]))
    receipt = both.emit_event("a", 1)
    assert type(receipt) is Receipt
    receipt.wait(30)

    assert one.wait_for("a", 1) == [1]
    assert other.wait_for("a", 1) == [1]
    assert both.wait_for("a", 2) == [1, 1]
    assert [status.emitted for status in both.event_status()] == [1, 1]
    assert [status.transport for status in both.event_status()] == [first, second]


def test_a_receipt_of_two_transports_fails_if_one_does(events):
    broker = events.Broker()
    broker.is_up = False
    both = events.make(
        Notes, event_transports=[events.url, events.BrokenTransport(broker)], emit_timeout=0.05
    )
    events.start(both)
    receipt = both.emit_event("a", 1)
    with pytest.raises(EventExpiredError):
        receipt.wait(30)
    assert both.wait_for("a", 1) == [1]
    assert [status.failed for status in both.event_status()] == [0, 1]


def test_a_buffer_that_is_full_while_the_broker_is_away(events, caplog):
    caplog.set_level(logging.WARNING)
    broker = events.Broker()
    broker.is_up = False
    service = events.make(
        Notes, event_transports=[events.BrokenTransport(broker)], emit_buffer_size=5
    )
    events.start(service)
    receipts = [service.emit_event("a", number) for number in range(12)]
    for receipt in receipts[5:]:
        with pytest.raises(EventBufferFullError, match="5 events waiting already"):
            receipt.wait(0)
    [status] = service.event_status()
    assert (status.waiting, status.failed, status.emitted) == (5, 7, 0)
    assert status.connected_since is None
    assert "the broker is away" in status.error
    broker.is_up = True
    for receipt in receipts[:5]:
        receipt.wait(30)

    assert [int(data) for _, data in broker.got] == [*range(5)]
    told = [each.message for each in caplog.records if "did not emit" in each.message]
    assert len(told) == 2
    assert "did not emit 1 event (1 EventBufferFullError)" in told[0]
    assert "did not emit 6 events (6 EventBufferFullError)" in told[1]


def test_events_expire_while_the_broker_is_away(events, caplog):
    broker = events.Broker()
    broker.is_up = False
    service = events.make(
        Notes, event_transports=[events.BrokenTransport(broker)], emit_timeout=0.1
    )
    events.start(service)
    receipts = [service.emit_event("a", number) for number in range(20)]
    for receipt in receipts:
        with pytest.raises(EventExpiredError, match=r"within 0\.1 s \(emit_timeout\)"):
            receipt.wait(30)
    broker.is_up = True
    until(lambda: service.event_status()[0].connected_since, what="it is connected")
    service.emit_event("a", "after")

    assert service.wait_for("a", 1) == ["after"]
    assert [data for _, data in broker.got] == [b'"after"']


def test_what_the_broker_has_not_confirmed_is_not_sent_again(events):
    broker = events.Broker()
    broker.confirms = False
    service = events.start(events.make(Notes, event_transports=[events.BrokenTransport(broker)]))
    receipt = service.emit_event("a", 1)
    service.wait_for("a", 1)
    broker.is_up = False
    with pytest.raises(EventUnconfirmedError, match="the connection broke"):
        receipt.wait(30)
    broker.confirms = broker.is_up = True
    service.emit_event("a", 2).wait(30)

    assert [data for _, data in broker.got] == [b"1", b"2"]
    assert service.event_status()[0].failed == 1


def test_a_wait_that_is_given_up_does_not_break_the_receipt(events):
    broker = events.Broker()
    broker.is_up = False

    class Waits(Notes):
        @gemstone.exposed_method()
        async def wait(self):
            receipt = self.emit_event("a", 1)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(receipt, 0.01)
            assert not receipt.done()
            broker.is_up = True
            await receipt
            await receipt
            return True

    service = events.start(events.make(Waits, event_transports=[events.BrokenTransport(broker)]))
    with gemstone.RemoteService(service.accessible_at) as remote:
        assert remote.call_method("wait").result is True
    assert [data for _, data in broker.got] == [b"1"]


def test_the_id_of_an_emission_is_made_once():
    emission = Emission("a", b"[1]", {}, None, 0.0)
    assert emission.id == emission.id
    assert len(emission.id) == 32
    assert emission.body == [1]
    assert emission.body is not emission.body
    assert Emission("a", b"1", {}, "7", 0.0).id == "7"
