"""Services and their transports through start, outages, stop and restart."""

import asyncio
import logging
import subprocess
import sys
import threading
import time

import pytest

import gemstone
from gemstone.errors import EventError, ServiceConfigurationError, ShutdownTimeoutError
from gemstone.event import BaseEventTransport, MemoryEventTransport
from gemstone_core._events import _attachments
from tools.waiting import until

from .conftest import Service


class Notes(Service):
    @gemstone.event_handler("a")
    def note(self, body):
        self.seen["a"].append(body)

    @gemstone.exposed_method()
    def ping(self):
        return "pong"


def status(service):
    [only] = service.event_status()
    return only


def test_it_leaves_nothing(events, no_thread_left, caplog):
    caplog.set_level(logging.WARNING)
    service = events.make(Notes)
    for _ in range(3):
        with service.start_in_thread():
            service.emit_event("a", 1).wait(30)
            assert status(service).connected_since is not None
        no_thread_left()
        assert status(service).connected_since is None
    assert not caplog.records  # an ordinary life has nothing to complain about


def test_a_stopped_service_starts_again_with_its_transport(events):
    service = events.make(Notes, event_transports=[MemoryEventTransport(events.url)])
    for life in range(3):
        with service.start_in_thread():
            service.emit_event("a", life).wait(30)
            assert service.wait_for("a", life + 1) == [*range(life + 1)]
            assert status(service).consumed == 1


def test_start_and_stop_while_the_broker_is_away(events, no_thread_left, monkeypatch):
    monkeypatch.setattr(_attachments, "_FLUSH", 0.5)
    broker = events.Broker()
    broker.is_up = False
    service = events.make(Notes, event_transports=[events.BrokenTransport(broker)])
    began = time.monotonic()
    with service.start_in_thread():
        with gemstone.RemoteService(service.accessible_at) as remote:
            assert remote.call_method("ping").result == "pong"
        receipt = service.emit_event("a", 1)
        assert "the broker is away" in status(service).error
    assert time.monotonic() - began < 15
    with pytest.raises(EventError, match="was closed before the broker took it"):
        receipt.wait(0)


def test_it_joins_when_the_broker_comes(events):
    broker = events.Broker()
    broker.is_up = False
    service = events.start(events.make(Notes, event_transports=[events.BrokenTransport(broker)]))
    receipt = service.emit_event("a", 1)
    broker.is_up = True
    receipt.wait(30)
    until(lambda: status(service).connected_since, what="it is connected")
    service.emit_event("a", 2).wait(30)
    until(lambda: 2 in service.seen["a"], what="it comes")
    assert status(service).error is None
    assert status(service).reconnects == 0


def test_outages_are_told_once_each_and_healed(events, caplog):
    caplog.set_level(logging.WARNING)
    broker = events.Broker()
    service = events.start(events.make(Notes, event_transports=[events.BrokenTransport(broker)]))
    for outage in (1, 2, 3):
        until(lambda: status(service).connected_since, what="it is connected")
        tries = broker.tries
        broker.is_up = False
        until(lambda before=tries: broker.tries >= before + 4, what="it tries again")
        broker.is_up = True
        until(lambda n=outage: status(service).reconnects == 2 * n, what="it is there again")
        service.emit_event("a", outage).wait(30)
        assert service.wait_for("a", outage)[-1] == outage
    told = [record.message for record in caplog.records]
    assert sum("connected again, after" in each for each in told) == 6
    assert len(told) <= 6 + 2 * 6  # why it broke, and why it can't be made again


def test_a_stop_while_it_starts_leaves_nothing(events, no_thread_left):
    """The first try is waited for: a stop ends that."""

    class Hangs(BaseEventTransport):
        reports_connected = True
        entered = threading.Event()
        go = threading.Event()

        def emit_event(self, event_name, event_body):
            pass

        def start_accepting_events(self):
            self.entered.set()
            self.go.wait(30)

        def stop(self):
            self.go.set()

    service = events.make(Notes, event_transports=[Hangs()])
    stopping = threading.Thread(target=lambda: (Hangs.entered.wait(30), service.stop()))
    stopping.start()
    with pytest.raises(gemstone.errors.ServiceStateError, match="stopped while it started"):
        service.start_in_thread()
    stopping.join()


def test_two_services_that_list_one_instance(events, no_thread_left):
    transport = MemoryEventTransport("shared")

    class Shares(Notes):
        event_transports = [transport]

    one, other = Shares(), Shares()
    with one.start_in_thread(), other.start_in_thread(), Shares().start_in_thread() as third:
        one.emit_event("a", 1).wait(30)
        for service in (one, other, third):
            assert service.wait_for("a", 1) == [1]
            assert status(service).consumed == 1
    assert Shares.event_transports == [transport]


class Single(BaseEventTransport):
    """One that does not say how to be copied."""

    def __init__(self):
        self.ended = threading.Event()

    def emit_event(self, event_name, event_body):
        self.on_event_received(event_name, event_body)

    def start_accepting_events(self):
        self.ended.clear()
        self.ended.wait(60)

    def stop(self):
        self.ended.set()


def test_two_live_services_can_not_share_what_can_not_be_copied(no_thread_left):
    class Shares(Notes):
        event_transports = [Single()]

    one, other = Shares(), Shares()
    with one.start_in_thread():
        for another in (other.start_in_thread, Shares):
            with pytest.raises(ServiceConfigurationError, match="already belongs to the running"):
                another()
        one.emit_event("a", 1).wait(30)
        assert one.wait_for("a", 1) == [1]
    with other.start_in_thread():
        other.emit_event("a", 2).wait(30)
        assert other.wait_for("a", 1) == [2]
    assert one.seen["a"] == [1]


def test_a_service_that_only_looked_takes_nothing_away(no_thread_left):
    class Shares(Notes):
        event_transports = [Single()]

    one, other = Shares(), Shares()
    one.event_status()
    other.event_status()
    with one.start_in_thread():
        one.emit_event("a", 1).wait(30)
        assert one.wait_for("a", 1) == [1]
        assert status(one).consumed == 1


class Hears(Service):
    @gemstone.event_handler("b")
    def note(self, body):
        self.seen["b"].append(body)


def test_handlers_of_events_that_came_finish_before_the_stop(events, no_thread_left):
    class Slow(Service):
        stopping = threading.Event()

        @gemstone.event_handler("a")
        async def handle(self, body, event):
            self.seen["begun"].append(body)
            while self.is_running and not self.stopping.is_set():
                await asyncio.sleep(0.005)
            await self.emit_event("b", body)
            self.seen["ended"].append(body)

    hears = events.start(Hears)
    service = events.make(Slow)
    with service.start_in_thread():
        events.emit("a", 1).wait(30)
        service.wait_for("begun", 1)
        later = threading.Timer(0.2, service.stopping.set)
        later.start()
    assert service.seen["ended"] == [1]
    assert hears.wait_for("b", 1) == [1]
    hears.stop()
    events.opened.close()


def test_a_handler_that_does_not_end_is_named(events):
    class Stuck(Service):
        shutdown_timeout = 0.5

        @gemstone.event_handler("a")
        async def handle(self, body):
            self.seen["a"].append(body)
            await asyncio.sleep(600)

    service = events.make(Stuck)
    thread = service.start_in_thread()
    events.emit("a", 1).wait(30)
    service.wait_for("a", 1)
    with pytest.raises(ShutdownTimeoutError, match="a handler of the event 'a'"):
        thread.stop()


def test_a_start_that_fails_leaves_nothing(events, no_thread_left):
    class Fails(Notes):
        def on_service_start(self):
            self.emit_event("a", 1)
            raise LookupError("no")

    with pytest.raises(LookupError):
        events.make(Fails).start_in_thread()


def test_a_transport_whose_stop_fails_is_told(events, caplog):
    class Fails(Single):
        def stop(self):
            super().stop()
            raise LookupError("stop is broken")

    service = events.make(Notes, event_transports=[Fails()])
    with service.start_in_thread():
        pass
    assert "Fails failed" in caplog.text


WRITES = """
import sys, gemstone
from gemstone.event import BaseEventTransport, open_transport

class Writes(BaseEventTransport):
    def emit_event(self, name, body):
        print(name, body, flush=True)
    def start_accepting_events(self):
        pass

class Emits(gemstone.MicroService):
    name = "emits"
    event_transports = [Writes()]
"""


@pytest.mark.parametrize(
    "emit",
    [
        "emit = Emits().emit_event",
        "service = Emits(); service.port = 0; service.start_in_thread(); emit = service.emit_event",
        "emit = open_transport(Writes()).emit_event",
    ],
)
@pytest.mark.parametrize("end", ["", "sys.exit(0)"])
def test_a_process_that_ends_without_a_stop_emits_what_it_promised(emit, end):
    code = f"{WRITES}\n{emit}\nfor number in range(200):\n    emit('a', number)\n{end}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"a {number}" for number in range(200)]
    assert done.stderr == ""
