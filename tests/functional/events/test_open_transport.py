"""``open_transport``: events without a service."""

import threading
import time

import pytest

import gemstone
from gemstone.errors import EventExpiredError, InvalidEventError, ServiceStateError
from gemstone.event import BaseEventTransport, Event, MemoryEventTransport, open_transport
from tools.waiting import until

from .conftest import Service


def test_what_is_emitted_reaches_services(events):
    class Notes(Service):
        @gemstone.event_handler("a")
        def note(self, body, event):
            self.seen["a"].append((body, dict(event.headers)))

    service = events.start(Notes)
    with open_transport(events.url) as transport:
        transport.emit_event("a", 1, headers={"b": "c"}).wait(30)
        assert transport.event_status().emitted == 1
    assert service.wait_for("a", 1) == [(1, {"b": "c"})]


def test_listen_gives_the_events_of_its_names(events, no_thread_left):
    with open_transport(events.url) as transport, open_transport(events.url) as other:
        heard = transport.listen("a", "b", timeout=30)
        for name in "abc":
            other.emit_event(name, [name]).wait(30)
        other.emit_event("a", 2).wait(30)
        got = [next(heard) for _ in range(3)]
        assert [(event.name, event.body) for event in got] == [("a", ["a"]), ("b", ["b"]), ("a", 2)]
        assert all(isinstance(event, Event) for event in got)
        assert all(str(event.transport) == events.url for event in got)


def test_listen_ends_when_nothing_comes_and_when_it_is_closed(events, no_thread_left):
    transport = open_transport(events.url)
    assert [*transport.listen("a", timeout=0.01)] == []
    transport.close()

    transport = open_transport(events.url)
    heard = transport.listen("a")
    got = []
    thread = threading.Thread(target=lambda: got.extend(heard))
    thread.start()
    transport.emit_event("a", 1).wait(30)
    until(lambda: got, what="it comes")
    transport.close()
    thread.join(30)
    assert [event.body for event in got] == [1]
    assert [*heard] == []


def test_registered_functions_are_called_in_one_thread(events, no_thread_left):
    transport = open_transport(events.url)
    got = []
    transport.register_event_handler(lambda body: got.append(("first", body)), "a")
    transport.register_event_handler(lambda body: got.append(("second", body)), "a")
    transport.register_event_handler(lambda body: got.append(threading.current_thread()), "b")
    transport.start_accepting_events()
    for name in "aabb":
        transport.emit_event(name, [])
    until(lambda: len(got) == 6, what="all have come")
    transport.close()
    assert got[:4] == [("first", []), ("second", [])] * 2
    assert got[4] is got[5]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_a_function_that_raises_disturbs_nobody(events, caplog, error):
    got = []

    def fail(body):
        raise error

    with open_transport(events.url) as transport:
        transport.register_event_handler(fail, "a")
        transport.register_event_handler(got.append, "a")
        transport.start_accepting_events()
        for number in range(3):
            transport.emit_event("a", number)
        until(lambda: got == [0, 1, 2], what="all have come")
    assert caplog.text.count("an event handler failed with <Event 'a'") == 3


def test_functions_share_no_body(events):
    got = []

    def change(body):
        body.append("changed")
        got.append(body)

    with open_transport(events.url) as transport:
        for _ in range(3):
            transport.register_event_handler(change, "a")
        transport.start_accepting_events()
        transport.emit_event("a", [])
        until(lambda: len(got) == 3, what="all are called")
    assert got == [["changed"]] * 3


def test_no_more_are_fetched_than_may_be(events):
    with open_transport(events.url, max_concurrent_events=3) as transport:
        heard = transport.listen("a", timeout=30)
        for number in range(20):
            transport.emit_event("a", number).wait(30)
        until(lambda: transport._arrived.qsize() == 3, what="three are fetched")
        assert transport.event_status().consumed == 3
        assert [next(heard).body for _ in range(20)] == [*range(20)]
        heard.close()


def test_a_loop_that_is_left_does_not_hold_up_the_close(events, no_thread_left):
    with open_transport(events.url, max_concurrent_events=1) as transport:
        heard = transport.listen("a", timeout=30)
        for number in range(10):
            transport.emit_event("a", number).wait(30)
        for event in heard:
            assert event.body == 0
            break
        began = time.monotonic()
    assert time.monotonic() - began < 10


def test_it_may_be_closed_from_a_handler(events, no_thread_left):
    transport = open_transport(events.url)
    transport.register_event_handler(lambda body: transport.close(), "a")
    transport.start_accepting_events()
    transport.emit_event("a", 1)
    with pytest.raises(ServiceStateError):
        until(lambda: transport.emit_event("b", 1) is None, what="it is closed")


def test_what_it_does_not_do(events):
    transport = open_transport(events.url)
    for name in ("a b", "", None):
        with pytest.raises(InvalidEventError):
            transport.listen(name)
        with pytest.raises(InvalidEventError):
            transport.register_event_handler(print, name)
        with pytest.raises(InvalidEventError):
            transport.emit_event(name, 1)
    transport.listen("a")
    with pytest.raises(ServiceStateError, match="accepts events already"):
        transport.listen("b")
    with pytest.raises(ServiceStateError, match="before events are accepted"):
        transport.register_event_handler(print, "b")
    transport.close()
    transport.close()
    with pytest.raises(ServiceStateError, match="is closed"):
        transport.listen("b")
    with pytest.raises(ServiceStateError, match="is closed"):
        transport.start_accepting_events()
    with pytest.raises(ServiceStateError, match="is closed"):
        transport.emit_event("b", 1)


def test_a_broker_that_is_away(events, no_thread_left):
    broker = events.Broker()
    broker.is_up = False
    transport = open_transport(events.BrokenTransport(broker), emit_timeout=0.1)
    receipt = transport.emit_event("a", 1)
    with pytest.raises(EventExpiredError):
        receipt.wait(30)
    broker.is_up = True
    until(lambda: transport.event_status().connected_since, what="it is connected")
    transport.emit_event("a", 2)
    transport.close(timeout=20)
    assert [data for _, data in broker.got] == [b"2"]


class Deaf(BaseEventTransport):
    """Nothing of it ever ends before it is released."""

    def __init__(self):
        self.release = threading.Event()

    def emit_event(self, event_name, event_body):
        self.release.wait(60)

    def start_accepting_events(self):
        self.release.wait(60)

    def stop(self):
        pass


def test_a_transport_that_does_not_end_holds_up_nobody(caplog, no_thread_left):
    deaf = Deaf()
    transport = open_transport(deaf)
    transport.start_accepting_events()
    first, second = transport.emit_event("a", 1), transport.emit_event("a", 2)
    until(lambda: transport.event_status().waiting == 2, what="both wait")
    transport.close(timeout=0.3)

    assert "Deaf did not end within 0.3 s" in caplog.text
    for receipt in (first, second):
        with pytest.raises(gemstone.event.EventError):
            receipt.wait(0)
    deaf.release.set()


def test_a_transport_without_any_service():
    """The methods of the base alone: no threads but those of the caller."""
    name = f"alone-{time.monotonic_ns()}"
    accepting, emitting = MemoryEventTransport(name), MemoryEventTransport(name)
    got = []
    accepting.register_event_handler(got.append, "a")
    accepting.register_event_handler(lambda body: got.append([body]), "a")
    thread = threading.Thread(target=accepting.start_accepting_events)
    thread.start()
    until(lambda: emitting.emit_event("a", 1) or got, what="it comes")
    accepting.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert got[:2] == [1, [1]]
    assert accepting.event_names == ["a"]
    assert accepting.max_concurrent_events == 100
    with pytest.raises(InvalidEventError):
        emitting.emit_event("a", object())


def test_dispatch_without_any_service():
    transport = MemoryEventTransport("nobody")
    got = []
    transport.register_event_handler(got.append, "a")
    transport.register_event_handler(lambda body: 1 / body, "b")
    event = Event.from_json("a", b"[1]")
    assert transport.dispatch(event).result(0) is None
    assert event.transport is transport
    assert isinstance(transport.dispatch(Event("b", 0)).exception(0), ZeroDivisionError)
    assert isinstance(
        transport.dispatch(Event.from_json("a", b"{")).exception(0), InvalidEventError
    )
    assert transport.dispatch(Event("c")).result(0) is None
    transport.on_event_received("a", 2)
    transport.run_on_main_thread(got.append, [3])
    transport.run_on_main_thread(lambda **more: got.append(more), kwargs={"a": 4})
    transport.connected()
    assert got == [[1], 2, 3, {"a": 4}]
