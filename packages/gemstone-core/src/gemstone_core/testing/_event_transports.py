"""What every event transport must do."""

import asyncio
import copy
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from unittest import SkipTest

from gemstone.errors import EventError

from .._events._event import Event
from .._events._open_transport import open_transport
from .._events._receipt import Receipt
from .._events._transport import BaseEventTransport
from ._bench import TransportBench
from ._listening import Listener, make_listener, note

#: What must arrive as it was emitted.
_BODIES: Final[Sequence[Any]] = (
    None,
    True,
    0,
    -(2**53),
    0.1,
    "",
    'a "quoted"\\ line\nand \u00fcml\u00e4uts, \u2028 \U0001f48e and \x00',
    [],
    {},
    {"a": [1, {"b": None, "": [[]]}]},
    "x" * 100_000,
)


class EventTransportContract(TransportBench):
    """What every event transport must do: inherit it in a class whose name begins with ``Test``.

    Say by the attributes what the transport promises, and by :meth:`make_transport` how to make
    one. Some tests need one more method; they are skipped, and say so, where it is left out. Each
    test uses events of names that nobody else uses, so that one broker may serve all.
    """

    def test_bodies_arrive_as_they_were(self) -> None:
        """Whatever JSON can say comes as it was emitted."""
        [listener] = self._listen("bodies")
        for receipt in [self._emit("bodies", body) for body in _BODIES]:
            receipt.wait(self.deadline)
        arrived = self._await_bodies(listener, "bodies", len(_BODIES))
        assert sorted(map(repr, arrived)) == sorted(map(repr, _BODIES))

    def test_events_keep_their_order(self) -> None:
        """Events of one name come in the order in which they were emitted."""
        if not self.keeps_order:
            raise SkipTest("keeps_order is False")
        [listener] = self._listen("order")
        for number in range(1_000):
            self._emit("order", number)
        assert self._await_bodies(listener, "order", 1_000) == [*range(1_000)]

    def test_each_service_gets_each_event(self) -> None:
        """Services of different names all get an event, once."""
        listeners = self._listen("all", services=3)
        for number in range(50):
            self._emit("all", number)
        for listener in listeners:
            assert sorted(self._await_bodies(listener, "all", 50)) == [*range(50)]

    def test_instances_of_a_service(self) -> None:
        """Instances of one service share events or all get them, as the transport says."""
        name = f"shared-{self._unique}"
        one, other = self._listen("instances", services=2, name=name)
        for number in range(50):
            self._emit("instances", number)
        if self.shares_among_instances:
            event_name = self._name("instances")

            def bodies() -> list[Any]:
                return one.bodies(event_name) + other.bodies(event_name)

            self._until(lambda: len(bodies()) >= 50, "all of them have come")
            assert sorted(bodies()) == [*range(50)]
        else:
            for listener in (one, other):
                assert sorted(self._await_bodies(listener, "instances", 50)) == [*range(50)]

    def test_only_the_events_of_its_names_come(self) -> None:
        """A service gets what it has handlers for, and nothing else."""
        [listener] = self._listen("mine")
        self._emit("mine.too", "of another")
        self._emit("MINE", "of another")
        self._emit("mine", "of mine")
        assert self._await_bodies(listener, "mine", 1) == ["of mine"]
        assert {event.name for event in listener.events} == {self._name("mine")}

    def test_long_names_and_all_their_characters(self) -> None:
        """Names have up to 200 letters, digits, dots, underscores and hyphens."""
        word = "A-z_0.9..--__".ljust(199 - len(self._name("")), "x") + "."
        [listener] = self._listen(word)
        assert len(self._name(word)) == 200
        self._emit(word, 1).wait(self.deadline)
        assert self._await_bodies(listener, word, 1) == [1]

    def test_what_an_event_brings(self) -> None:
        """Name, transport and attempt are there; id and headers where they are carried."""
        headers = {"trace": "1-2-3", "author": "\u00dcnal"}
        one, other = self._listen("brings", services=2)
        self._emit("brings", 1, headers)
        self._emit("brings", 2)
        for listener in (one, other):
            self._await_bodies(listener, "brings", 2)
            for event in listener.events:
                assert event.name == self._name("brings")
                assert isinstance(event.transport, BaseEventTransport)
                assert event.attempt == 1
                expected = headers if self.carries_headers and event.body == 1 else {}
                assert event.headers == expected
        ids = [{event.body: event.id for event in each.events} for each in (one, other)]
        assert ids[0] == ids[1]
        assert len({*ids[0].values()}) == (2 if self.carries_ids else 1)
        assert (None in ids[0].values()) is not self.carries_ids

    def test_a_receipt_can_be_awaited(self) -> None:
        """A receipt is done when the transport has what it promises."""
        [listener] = self._listen("awaited")

        async def emit() -> None:
            async with asyncio.timeout(self.deadline):
                await self._emit("awaited", 1)
                await asyncio.gather(*(self._emit("awaited", 2) for _ in range(10)))

        asyncio.run(emit())
        assert self._await_bodies(listener, "awaited", 11) == [1, *[2] * 10]

    def test_many_threads_emit(self) -> None:
        """Nothing is lost or doubled when several threads emit at once."""
        [listener] = self._listen("threads")
        receipts: list[Receipt] = []

        def emit(first: int) -> None:
            receipts.extend([self._emit("threads", first + number) for number in range(100)])

        threads = [threading.Thread(target=emit, args=(first,)) for first in range(0, 800, 100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for receipt in receipts:
            receipt.wait(self.deadline)
        assert sorted(self._await_bodies(listener, "threads", 800)) == [*range(800)]

    def test_handlers_emit(self) -> None:
        """An event may be answered with another one, from the handler."""

        def answer(service: Listener, event: Event) -> None:
            service.emit_event(self._name("answer"), event.body * 2)

        [listener] = self._listen(question=answer, answer=note)
        for number in range(50):
            self._emit("question", number)
        answers = self._await_bodies(listener, "answer", 50)
        assert sorted(answers) == [*range(0, 100, 2)]

    def test_a_handler_that_raises_disturbs_nobody(self) -> None:
        """The events after one whose handler raised come as before."""

        def fail_at_first(service: Listener, event: Event) -> None:
            service.events.append(event)
            if event.body == 0:
                raise ValueError("the handler of a test fails, as it should")

        [listener] = self._listen(fails=fail_at_first)
        for number in range(10):
            self._emit("fails", number)
        assert sorted(self._await_bodies(listener, "fails", 10)) == [*range(10)]

    def test_handlers_are_not_flooded(self) -> None:
        """No more than max_concurrent_events are with handlers, and none is lost meanwhile."""
        held = threading.Event()
        running: list[int] = [0, 0]

        async def hold(service: Listener, event: Event) -> None:
            running[0] += 1
            running[1] = max(running)
            while not held.is_set():  # noqa: ASYNC110  # it is set in another thread
                await asyncio.sleep(0.01)
            running[0] -= 1
            service.events.append(event)

        [listener] = self._listen(held=hold, max_concurrent_events=3)
        for number in range(60):
            self._emit("held", number)
        self._until(lambda: running[0] == 3, "as many run as may")
        held.set()
        assert sorted(self._await_bodies(listener, "held", 60)) == [*range(60)]
        assert running == [0, 3]

    def test_its_status_counts(self) -> None:
        """event_status() says what came, and what was emitted."""
        [listener] = self._listen("counted")
        before = self._status(listener)
        for number in range(10):
            listener.emit_event(self._name("counted"), number).wait(self.deadline)
        self._await_bodies(listener, "counted", 10)
        after = self._status(listener)
        assert after.connected_since is not None
        assert after.error is None
        assert after.emitted - before.emitted == 10
        assert after.consumed - before.consumed == 10
        assert (after.waiting, after.failed, after.refused) == (0, 0, 0)

    def test_open_transport(self) -> None:
        """It emits and listens without a service."""
        name = self._name("open")
        with open_transport(self.make_transport()) as opened:
            events = opened.listen(name, timeout=self.deadline)
            listening = threading.Event()

            def emit_until_heard() -> None:
                while not listening.wait(0.1):
                    self._emit("open", {"number": 1})

            emitting = threading.Thread(target=emit_until_heard)
            emitting.start()
            try:
                first = next(events, None)
            finally:
                listening.set()
                emitting.join()
        assert first is not None
        assert (first.name, first.body) == (name, {"number": 1})

    def test_a_copy_is_another_transport(self) -> None:
        """Two services may list one instance, where it says how to copy it."""
        transport = self.make_transport()
        if not hasattr(type(transport), "__copy__"):
            raise SkipTest("it has no __copy__")
        assert type(copy.copy(transport)) is type(transport)
        listeners = [self._start([transport], {"copied": note}) for _ in range(2)]
        self._join(listeners)
        self._emit("copied", 1)
        for listener in listeners:
            assert self._await_bodies(listener, "copied", 1) == [1]

    def test_a_url_stands_for_it(self) -> None:
        """A service that lists its URL gets the same events."""
        if self.url is None:
            raise SkipTest("url is not set")
        listener = self._start([self.url], {"by.url": note})
        self._join([listener])
        assert type(listener._events._transports[0]) is type(self.make_transport())
        self._emit("by.url", 1)
        assert self._await_bodies(listener, "by.url", 1) == [1]

    def test_a_constructor_only_remembers(self) -> None:
        """No thread is started before there is something to do; stop() is harmless then."""
        before = threading.active_count()
        transport = self.make_transport()
        transport.stop()
        transport.stop()
        assert threading.active_count() == before

    def test_it_works_without_a_service(self) -> None:
        """The methods of the manual are enough to use it alone."""
        self._needs_stop()
        transport, bodies = self.make_transport(), list[Any]()
        transport.register_event_handler(bodies.append, self._name("alone"))
        accepting = threading.Thread(target=transport.start_accepting_events, daemon=True)
        accepting.start()
        emitting = self.make_transport()
        try:
            deadline = time.monotonic() + self.deadline
            while not bodies and time.monotonic() < deadline:
                emitting.emit_event(self._name("alone"), [1])
                time.sleep(0.05)
        finally:
            self._until(lambda: _stopped(accepting, transport), "stop() has ended it")
            emitting.stop()
        assert bodies
        assert bodies[0] == [1]

    def test_it_leaves_no_thread(self) -> None:
        """After the stop of its service nothing is left of it."""
        self._needs_stop()
        before = {*threading.enumerate()}
        service = make_listener([self.make_transport()], {self._name("left"): note})
        with service.start_in_thread():
            service.emit_event(self._name("left"), 1).wait(self.deadline)
        self._until(lambda: {*threading.enumerate()} <= before, "its threads have ended")

    def test_its_service_starts_again(self) -> None:
        """A service that was stopped may be started again, and gets each event once."""
        self._needs_stop()
        service = make_listener([self.make_transport()], self._handlers({"again": note}))
        for life in range(2):
            with service.start_in_thread():
                self._join([service])
                self._emit("again", life).wait(self.deadline)
                assert self._await_bodies(service, "again", life + 1)[-1] == life
        assert service.bodies(self._name("again")) == [0, 1]

    def test_it_heals(self) -> None:
        """After an outage it is there again, and what receipts promise arrives."""
        listeners = self._listen("heals", services=2)
        self.break_connections()
        self._join(listeners)
        promised = []
        for number in range(100):
            receipt = self._emit("heals", number)
            with suppress(EventError):
                receipt.wait(self.deadline)
                promised.append(number)
        assert promised
        for listener in listeners:
            self._await_bodies(listener, "heals", len(promised))
            assert {*promised} <= {*listener.bodies(self._name("heals"))}

    def test_a_body_that_is_no_json(self) -> None:
        """It is counted, and the events after it come as before."""
        [listener] = self._listen("raw")
        for data in (b"{", b"", b"\xff\xfe", b"[" * 100_000, b"nonsense"):
            self.send_raw(self._name("raw"), data)
        self._emit("raw", "good").wait(self.deadline)
        assert self._await_bodies(listener, "raw", 1) == ["good"]
        self._until(lambda: self._status(listener).refused == 5, "all are counted")

    def test_a_broker_that_is_away(self) -> None:
        """The service starts and stops, says that there is no broker, and receipts fail."""
        transport = self.make_unreachable_transport()
        service = make_listener([transport], {self._name("away"): note}, emit_timeout=0.5)
        began = time.monotonic()
        with service.start_in_thread():
            receipt = service.emit_event(self._name("away"), 1)
            error = receipt.exception(self.deadline)
            assert isinstance(error, EventError), error
            self._until(lambda: self._status(service).error, "it says what is wrong")
            assert self._status(service).connected_since is None
            assert self._status(service).failed == 1
        assert time.monotonic() - began < self.deadline


def _stopped(accepting: threading.Thread, transport: BaseEventTransport) -> bool:
    transport.stop()
    accepting.join(0.1)
    return not accepting.is_alive()
