"""Transports as others write them, who have read nothing but the manual of 0.12.

Its section "The gemstone.event module" knows four methods that a transport may define, and two that
it is given: ``run_on_main_thread`` and ``set_microservice``. There is no ``stop()``.
"""

import json
import logging
import queue
import threading
import time

import pytest

import gemstone
from gemstone.errors import EventRefusedError, EventUnconfirmedError
from gemstone.event import BaseEventTransport
from gemstone_core._events import _attachment, _attachments
from gemstone_core.testing import EventTransportContract
from tools.waiting import until

from .conftest import Service

GOODBYE = object()


class Wire:
    """Something that carries lines of text to whoever reads them."""

    def __init__(self):
        self.readers = []

    def send(self, line):
        for reader in [*self.readers]:
            reader.put(line)

    def read(self):
        """The lines that come from now on."""
        lines = queue.Queue()
        self.readers.append(lines)
        return iter(lines.get, GOODBYE)


class Blocking(BaseEventTransport):
    """``start_accepting_events`` reads for ever."""

    def __init__(self, wire):
        self.wire = wire

    def emit_event(self, event_name, event_body):
        self.wire.send(json.dumps([event_name, event_body]))

    def start_accepting_events(self):
        for line in self.wire.read():
            self.on_event_received(*json.loads(line))


class Threaded(Blocking):
    """``start_accepting_events`` returns at once: a thread of its own reads."""

    def start_accepting_events(self):
        lines = self.wire.read()
        threading.Thread(target=self.read, args=(lines,), daemon=True).start()

    def read(self, lines):
        for line in lines:
            self.on_event_received(*json.loads(line))


class KeepsAll(Threaded):
    """Defines all four, and keeps the functions itself, under the names that come to mind."""

    def __init__(self, wire):
        super().__init__(wire)
        self._handlers = {}
        self.handlers = self._handlers
        self.connection = self.channel = None

    def register_event_handler(self, handler_func, handled_event_name):
        self._handlers[handled_event_name] = handler_func

    def on_event_received(self, event_name, event_body):
        handler = self._handlers.get(event_name)
        if handler is not None:
            self.run_on_main_thread(handler, args=(event_body,))


class CallsDirectly(KeepsAll):
    """Calls the functions in its own thread."""

    def on_event_received(self, event_name, event_body):
        if event_name in self._handlers:
            self._handlers[event_name](event_body)


class KeepsFunctionsOnly(Blocking):
    """Defines how to register, and leaves the calling to what it is given."""

    def __init__(self, wire):
        super().__init__(wire)
        self.mine = {}

    def register_event_handler(self, handler_func, handled_event_name):
        self.mine[handled_event_name] = handler_func
        super().register_event_handler(handler_func, handled_event_name)


class ByKeywords(KeepsAll):
    """Passes what the manual names by its names, or leaves it out."""

    def on_event_received(self, event_name, event_body):
        self.run_on_main_thread(func=self.handle, kwargs={"name": event_name, "body": event_body})
        self.run_on_main_thread(self.nothing)
        self.run_on_main_thread(self.nothing, args=None, kwargs=None)

    def handle(self, name, body):
        assert self.microservice.name
        if name in self._handlers:
            self._handlers[name](body)

    def nothing(self):
        pass


class Stumbles(Blocking):
    """``start_accepting_events`` raises now and then."""

    def __init__(self, wire):
        super().__init__(wire)
        self.tries = 0

    def start_accepting_events(self):
        self.tries += 1
        if self.tries % 4:
            raise OSError("nobody answers")
        super().start_accepting_events()


STYLES = [Blocking, Threaded, KeepsAll, CallsDirectly, KeepsFunctionsOnly, ByKeywords, Stumbles]


@pytest.fixture
def wire():
    """A wire; who still reads at the end reads a farewell."""
    wire = Wire()
    yield wire
    wire.send(GOODBYE)


class FromTheManual(EventTransportContract):
    can_be_stopped = False
    style = Blocking

    def setup_method(self):
        super().setup_method()
        self.wire = Wire()

    def teardown_method(self):
        super().teardown_method()
        self.wire.send(GOODBYE)

    def make_transport(self):
        return self.style(self.wire)


class TestBlocking(FromTheManual):
    pass


class TestThreaded(FromTheManual):
    style = Threaded


class TestKeepsAll(FromTheManual):
    style = KeepsAll


class TestCallsDirectly(FromTheManual):
    style = CallsDirectly


class TestStumbles(FromTheManual):
    style = Stumbles


class Notes(Service):
    @gemstone.event_handler("a")
    def note(self, body, event):
        self.seen["a"].append(body)
        self.seen["thread"].append(threading.current_thread().name)
        self.seen["event"].append((event.name, event.id, dict(event.headers)))

    @gemstone.event_handler("a")
    async def note_later(self, body):
        self.seen["later"].append(body)

    @gemstone.event_handler("b", blocking=True)
    def note_blocking(self, body):
        self.seen["b"].append(body)


@pytest.mark.parametrize("style", STYLES)
def test_it_works_as_the_manual_says(events, wire, style):
    service = events.make(Notes, event_transports=[style(wire)])
    with service.start_in_thread():
        until(lambda: wire.readers, what="it reads")
        for number in range(100):
            receipt = service.emit_event("a", number)
        receipt.wait(30)
        service.emit_event("b", {"list": [None]}).wait(30)
        assert service.wait_for("a", 100) == [*range(100)]
        assert service.wait_for("later", 100) == [*range(100)]
        assert service.wait_for("b", 1) == [{"list": [None]}]
        assert {*service.seen["thread"]} == {"service"}
        assert {*map(str, service.seen["event"])} == {"('a', None, {})"}
        [status] = service.event_status()
        assert (status.emitted, status.consumed, status.transport) == (101, 101, style.__name__)


@pytest.mark.parametrize("style", STYLES)
def test_one_without_stop_does_not_hold_up_its_service(events, wire, style):
    service = events.make(Notes, event_transports=[style(wire)])
    began = time.monotonic()
    with service.start_in_thread():
        service.emit_event("a", 1).wait(30)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("style", STYLES)
def test_each_event_comes_once_also_when_the_service_is_started_again(events, wire, style):
    """Nobody can end what reads: it goes on for the next life, and for the next service."""
    transport = style(wire)
    first = events.make(Notes, event_transports=[transport])
    other = events.make(Notes, event_transports=[transport])
    for life, service in enumerate([first, first, other, first]):
        with service.start_in_thread():
            until(lambda: wire.readers, what="it reads")
            service.emit_event("b", life).wait(30)
            until(lambda: life in service.seen["b"], what="it comes")  # noqa: B023
        wire.send('["a", "while nobody is there: read now, or in the next life"]')
    assert first.seen["b"] == [0, 1, 3]
    assert other.seen["b"] == [2]
    assert len(wire.readers) == 1


class ToldByHooks(Blocking):
    """What ``emit_event`` does is as the test says."""

    def __init__(self, wire):
        super().__init__(wire)
        self.go = threading.Event()
        self.go.set()
        self.emitted = []

    def emit_event(self, event_name, event_body):
        self.emitted.append((threading.current_thread().name, event_body))
        assert self.go.wait(60)
        if isinstance(event_body, str):
            raise LookupError(event_body)
        super().emit_event(event_name, event_body)


def test_emit_event_blocks_nobody_and_keeps_the_order(events, wire):
    transport = ToldByHooks(wire)
    transport.go.clear()
    service = events.start(events.make(Notes, event_transports=[transport]))
    receipts = [service.emit_event("a", number) for number in range(50)]
    until(lambda: transport.emitted, what="it has begun")
    assert not any(receipt.done() for receipt in receipts)
    assert service.event_status()[0].waiting == 50
    transport.go.set()
    for receipt in receipts:
        receipt.wait(30)
    [thread] = {name for name, _ in transport.emitted}
    assert thread == "service-ToldByHooks-publishing"
    assert [body for _, body in transport.emitted] == [*range(50)]


def test_what_emit_event_raises_fails_the_receipt(events, wire, caplog):
    service = events.start(events.make(Notes, event_transports=[ToldByHooks(wire)]))
    until(lambda: wire.readers, what="it reads")
    with pytest.raises(
        EventRefusedError, match="ToldByHooks could not emit it: no route"
    ) as caught:
        service.emit_event("a", "no route").wait(30)
    assert isinstance(caught.value.__cause__, LookupError)
    service.emit_event("a", 1).wait(30)
    assert service.wait_for("a", 1) == [1]
    assert service.event_status()[0].failed == 1
    assert caplog.text.count("did not emit 1 event") == 1


def test_an_emit_event_that_never_returns_is_given_up_at_the_stop(events, wire, monkeypatch):
    monkeypatch.setattr(_attachments, "_FLUSH", 0.2)
    transport = ToldByHooks(wire)
    transport.go.clear()
    service = events.make(Notes, event_transports=[transport], shutdown_timeout=2)
    running = service.start_in_thread()
    first, second = service.emit_event("a", 1), service.emit_event("a", 2)
    until(lambda: transport.emitted, what="it has begun")
    with pytest.raises(gemstone.errors.ShutdownTimeoutError, match="ToldByHooks"):
        running.stop()
    assert isinstance(first.exception(30), EventUnconfirmedError)
    assert isinstance(second.exception(30), gemstone.event.EventExpiredError)
    transport.go.set()
    assert [body for _, body in transport.emitted] == [1]


def test_a_stop_that_never_returns_does_not_hang_its_service(events, wire):
    release = threading.Event()

    class NeverStops(ToldByHooks):
        def stop(self):
            release.wait(60)

    service = events.make(Notes, event_transports=[NeverStops(wire)], shutdown_timeout=1)
    running = service.start_in_thread()
    try:
        with pytest.raises(gemstone.errors.ShutdownTimeoutError, match="event transport"):
            running.stop()
    finally:
        release.set()


def test_a_start_that_raises_is_told_once_and_tried_again(events, wire, caplog, monkeypatch):
    monkeypatch.setattr(_attachment, "_PROBATION", 0.2)
    caplog.set_level(logging.WARNING)
    transport = Stumbles(wire)
    service = events.start(events.make(Notes, event_transports=[transport]))
    for outage in (1, 2, 3):
        until(lambda n=outage: transport.tries == 4 * n, what="it is tried until it succeeds")
        until(lambda: service.event_status()[0].connected_since, what="it is taken for connected")
        service.emit_event("a", outage)
        assert service.wait_for("a", outage)[-1] == outage
        wire.send("this is no JSON: it raises in start_accepting_events")
    until(lambda: transport.tries == 16, what="it is there again")
    told = [record.message for record in caplog.records]
    assert sum("connected again" in each for each in told) == 3
    assert sum("nobody answers" in each for each in told) == 4
    assert sum("JSONDecodeError" in each for each in told) == 3
    assert len(told) == 10
