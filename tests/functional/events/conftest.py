"""Services that handle events, and a broker whose connections break when a test says so."""

import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

import gemstone
from gemstone.event import BaseEventTransport, Event, OpenTransport, open_transport
from gemstone_core._events import _supervisor
from tools.waiting import until


class Broker:
    """A broker in this process, that can be away, and keep its confirmations to itself."""

    def __init__(self) -> None:
        self.is_up = True
        self.confirms = True
        self.tries = 0
        self.got: list[tuple[str, bytes]] = []
        self.transports: list[BrokenTransport] = []

    def check(self) -> None:
        self.tries += 1
        if not self.is_up:
            raise ConnectionError("the broker is away")


class BrokenTransport(BaseEventTransport):
    """A transport as a good one is written, to a broker of the tests."""

    reports_connected = True

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.stopped = threading.Event()

    def emit_event(self, event_name, event_body):
        raise NotImplementedError

    def publish(self, outbox):
        self.broker.check()
        outbox.connected()
        while not outbox.is_finished:
            taken = outbox.take(timeout=0.01)
            if not self.broker.is_up:
                outbox.put_back(taken)
                raise ConnectionError("the connection broke")
            for emission in taken:
                self.broker.got.append((emission.name, emission.data))
                for each in [*self.broker.transports]:
                    each.dispatch(Event.from_json(emission.name, emission.data, id=emission.id))
            while taken and not self.broker.confirms:
                if outbox.is_given_up:
                    return
                if not self.broker.is_up:
                    raise ConnectionError("the connection broke")
                threading.Event().wait(0.005)
            outbox.done(taken)

    def start_accepting_events(self):
        self.stopped.clear()
        self.broker.check()
        self.broker.transports.append(self)
        try:
            self.connected()
            while not self.stopped.wait(0.005):
                if not self.broker.is_up:
                    raise ConnectionError("the connection broke")
        finally:
            self.broker.transports.remove(self)

    def stop(self):
        self.stopped.set()


class Service(gemstone.MicroService):
    """A service that notes what its handlers get."""

    name = "service"
    port = 0
    drain_grace = 0

    def __init__(self):
        self.seen = defaultdict(list)
        super().__init__()

    def wait_for(self, what, count):
        until(lambda: len(self.seen[what]) >= count, what=f"{count} of {what!r} are seen")
        return self.seen[what]


class Events:
    """What tests of events are made with."""

    Broker = Broker
    BrokenTransport = BrokenTransport
    Service = Service

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.url = f"memory://{uuid.uuid4().hex}"
        self.opened: OpenTransport | None = None

    def start(self, service: gemstone.MicroService | type[gemstone.MicroService]) -> Service:
        """Starts a service, which ends with the test; of one without transports, on memory://."""
        if isinstance(service, type):
            service = self.make(service)
        return self.stack.enter_context(service.start_in_thread())

    def make(self, cls: type[gemstone.MicroService], **attributes) -> Service:
        """A service of a class; with memory:// if it lists no transports."""
        if not cls.event_transports:
            attributes = {"event_transports": [self.url], **attributes}
        return type(cls.__name__, (cls,), attributes)()

    def emit(self, name, body=None, **more):
        """Emits an event over memory://, from outside of a service."""
        if self.opened is None:
            self.opened = self.stack.enter_context(open_transport(self.url))
        return self.opened.emit_event(name, body, **more)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[Events]:
    # Outages of tests are short, and so are the times in between.
    monkeypatch.setattr(_supervisor, "_FIRST_DELAY", 0.01)
    monkeypatch.setattr(_supervisor, "_GOOD_LIFE", 0.0)
    with ExitStack() as stack:
        yield Events(stack)
