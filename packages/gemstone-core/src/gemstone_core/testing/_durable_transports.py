"""What every durable event transport must do."""

import asyncio
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from unittest import SkipTest

from .._events._dead_letters import DeadLetter
from .._events._durable import DurableEventTransport
from .._events._event import Event
from .._events._open_transport import open_transport
from .._events._transport import BaseEventTransport
from ._event_transports import EventTransportContract
from ._listening import Handler, Listener, make_listener, note


class DurableEventTransportContract(EventTransportContract):
    """What every durable event transport must do: inherit it as :class:`EventTransportContract`.

    That is all that other transports must do, too. The names of the services are used by nobody
    else, so that one broker may serve all. What was kept for them is removed after each test.
    """

    carries_ids = True
    carries_headers = True
    shares_among_instances = True

    def make_transport(self) -> DurableEventTransport:
        """A new transport; all of them are connected to the same broker."""
        raise SkipTest("make_transport() is not overridden")

    def setup_method(self) -> None:
        """Begin a test."""
        super().setup_method()
        self._retired: list[tuple[str, Sequence[str]]] = []

    def teardown_method(self) -> None:
        """End all that a test has started, and have the broker forget it."""
        super().teardown_method()
        transport = self.make_transport()
        for name, event_names in dict(self._retired).items():
            self._when_gone(partial(transport.forget_service, name, event_names))
            with transport.dead_letters() as letters:
                letters.purge(service=name)

    def test_what_was_emitted_while_a_service_was_down_comes_when_it_returns(self) -> None:
        """Nothing is lost between two lives of a service, and nothing comes twice."""
        name = self._unique
        [first] = self._listen("down", name=name)
        self._emit("down", 0).wait(self.deadline)
        self._await_bodies(first, "down", 1)
        self._end(first)
        for number in range(1, 50):
            self._emit("down", number).wait(self.deadline)
        second = self._start([self.make_transport()], {"down": note}, name=name)
        assert self._await_bodies(second, "down", 49) == [*range(1, 50)]
        self._join([second])
        assert first.bodies(self._name("down")) == [0]
        assert second.bodies(self._name("down")) == [*range(1, 50)]

    def test_services_have_all_and_instances_share(self) -> None:
        """Two services of two instances each: each service handles each event, once."""
        one, other = f"one-{self._unique}", f"other-{self._unique}"
        instances = [self._listen("shared", name=name)[0] for name in (one, one, other, other)]
        for number in range(200):
            self._emit("shared", number)
        for pair in (instances[:2], instances[2:]):
            self._until(partial(self._have_come, pair, "shared", 200), "all of them have come")
        self._join(instances)
        for pair in (instances[:2], instances[2:]):
            assert sorted(self._bodies(pair, "shared")) == [*range(200)]

    def test_all_handlers_are_called_again_when_one_fails(self) -> None:
        """The event is the same, and says which attempt it is."""
        calls: list[tuple[str, int, str | None]] = []

        def good(service: Listener, event: Event) -> None:
            calls.append(("good", event.attempt, event.id))

        async def bad(service: Listener, event: Event) -> None:
            await asyncio.sleep(0)
            calls.append(("bad", event.attempt, event.id))
            if event.attempt < 3:
                raise ValueError("the handler of a test fails, as it should")
            service.events.append(event)

        listener = self._start_several([self.make_transport()], {"again": [good, bad]})
        self._join([listener])
        self._emit("again", {"a": 1}, {"trace": "7"}).wait(self.deadline)
        assert self._await_bodies(listener, "again", 1) == [{"a": 1}]
        [event] = [each for each in listener.events if each.name == self._name("again")]
        assert (event.attempt, event.headers) == (3, {"trace": "7"})
        assert sorted(calls) == sorted(
            (who, attempt, event.id) for who in ("good", "bad") for attempt in (1, 2, 3)
        )
        status = self._status(listener)
        assert (status.retried, status.dead) == (2, 0)

    def test_a_poison_event_becomes_a_dead_letter_and_can_be_replayed(self) -> None:
        """It is tried max_deliveries times; a replay begins anew, for its service alone."""
        attempts: list[int] = []
        is_cured = threading.Event()

        def fail(service: Listener, event: Event) -> None:
            attempts.append(event.attempt)
            if not is_cured.is_set():
                raise ValueError("the handler of a test fails, as it should")
            service.events.append(event)

        [listener] = self._listen(poison=fail, max_deliveries=3, name=self._unique)
        [other] = self._listen("poison")
        self._emit("poison", ["it"], {"trace": "7"}).wait(self.deadline)
        [letter] = self._await_letters(1)
        assert attempts == [1, 2, 3]
        assert letter.service == self._unique
        assert letter.event_name == self._name("poison")
        assert (letter.body, letter.headers, letter.attempts) == (["it"], {"trace": "7"}, 3)
        assert "ValueError" in letter.reason
        assert letter.died_at > 0
        [heard] = [each for each in other.events if each.name == self._name("poison")]
        assert letter.event_id == heard.id
        assert self._status(listener).dead == 1
        is_cured.set()
        with self.make_transport().dead_letters() as letters:
            assert letters.replay(["no such id"], service=self._unique) == 0
            assert letters.replay([letter.id], service=self._unique) == 1
            assert letters.list(service=self._unique) == []
        self._await_bodies(listener, "poison", 1)
        self._join([listener, other])
        assert attempts == [1, 2, 3, 1]
        assert other.bodies(self._name("poison")) == [["it"]]
        [event] = [each for each in listener.events if each.name == self._name("poison")]
        assert (event.body, event.headers, event.id) == (["it"], {"trace": "7"}, heard.id)

    def test_dead_letters_are_purged(self) -> None:
        """Those that are chosen are gone, and the others stay where they are."""

        def fail(service: Listener, event: Event) -> None:
            raise ValueError("the handler of a test fails, as it should")

        self._listen(one=fail, other=fail, max_deliveries=1, name=self._unique)
        for number in range(5):
            self._emit("one" if number < 3 else "other", number).wait(self.deadline)
        assert sorted(each.body for each in self._await_letters(5)) == [*range(5)]
        with self.make_transport().dead_letters() as letters:
            assert letters.purge(service=self._unique, event_name=self._name("one")) == 3
            left = letters.list(service=self._unique)
            assert sorted(each.body for each in left) == [3, 4]
            assert len(letters.list(service=self._unique, limit=1)) == 1
            assert letters.purge([left[0].id], service=self._unique) == 1
            assert letters.list(service=self._unique) == left[1:]
            assert letters.purge(service=self._unique) == 1

    def test_poison_holds_up_nobody(self) -> None:
        """Events whose handlers fail wait aside, more of them than may be with handlers."""

        def fail_some(service: Listener, event: Event) -> None:
            if event.body < 0:
                raise ValueError("the handler of a test fails, as it should")
            service.events.append(event)

        [listener] = self._listen(some=fail_some, max_concurrent_events=2, max_deliveries=4)
        for number in range(-40, 40):
            self._emit("some", number)
        assert self._await_bodies(listener, "some", 40) == [*range(40)]
        # Before the first of them has been given up.
        assert self._status(listener).dead == 0

    def test_a_stop_lets_handlers_finish_and_leaves_the_rest_to_others(self) -> None:
        """What was handled is acknowledged; what was not comes to the next instance, unharmed."""
        name = self._unique

        async def work(service: Listener, event: Event) -> None:
            await asyncio.sleep(0.02)
            service.events.append(event)

        [first] = self._listen(slow=work, name=name, max_concurrent_events=5)
        for number in range(300):
            self._emit("slow", number)
        self._await_bodies(first, "slow", 20)
        self._end(first)
        done = first.bodies(self._name("slow"))
        assert len(done) < 300
        [second] = self._listen(slow=work, name=name)
        self._until(lambda: len(done) + len(self._bodies([second], "slow")) >= 300, "all came")
        self._join([second])
        assert sorted(done + self._bodies([second], "slow")) == [*range(300)]

    def test_a_forgotten_service_gets_nothing_more(self) -> None:
        """What is emitted after it was forgotten is not kept for it."""
        name = self._unique
        [first] = self._listen("forgotten", name=name)
        self._end(first)
        self._emit("forgotten", "before").wait(self.deadline)
        event_names = [*self._handlers({"forgotten": note})]
        forgotten = self._when_gone(lambda: self.make_transport().forget_service(name, event_names))
        assert forgotten == len(event_names)
        self._emit("forgotten", "after").wait(self.deadline)
        [second] = self._listen("forgotten", name=name)
        self._emit("forgotten", "again").wait(self.deadline)
        self._await_bodies(second, "forgotten", 1)
        self._join([second])
        assert second.bodies(self._name("forgotten")) == ["again"]

    def test_it_shares_the_events_of_a_service_without_being_one(self) -> None:
        """open_transport() with a name gets that service's share, and with none misses nobody's."""
        name = self._unique
        with open_transport(self.make_transport(), name=name) as opened:
            opened.listen(self._name("named"), timeout=0.01)
        self._retired.append((name, [self._name("named")]))
        for number in range(3):
            self._emit("named", number).wait(self.deadline)
        with open_transport(self.make_transport(), name=name) as opened:
            events = opened.listen(self._name("named"), timeout=self.deadline)
            assert [next(events).body for _ in range(2)] == [0, 1]
        # The second one was not finished: nobody had asked for the next.
        with open_transport(self.make_transport(), name=name) as opened:
            events = opened.listen(self._name("named"), timeout=self.deadline)
            assert sorted(next(events).body for _ in range(2)) == [1, 2]
            events.close()  # type: ignore[attr-defined]  # it is a generator

    def test_events_say_when_they_were_emitted(self) -> None:
        """That is when they were emitted, and not when they came."""
        [listener] = self._listen("timed")
        self._emit("timed", 1).wait(self.deadline)
        self._await_bodies(listener, "timed", 1)
        [event] = [each for each in listener.events if each.name == self._name("timed")]
        assert event.time is not None
        assert event.time > 1_700_000_000

    # What the tests are made with.

    def _start(
        self,
        transports: Sequence[BaseEventTransport | str],
        handlers: Mapping[str, Handler],
        **attributes: Any,
    ) -> Listener:
        several = {word: [handler] for word, handler in handlers.items()}
        return self._start_several(transports, several, **attributes)

    def _start_several(
        self,
        transports: Sequence[BaseEventTransport | str],
        handlers: Mapping[str, Sequence[Handler]],
        **attributes: Any,
    ) -> Listener:
        pairs = [
            (name, handler)
            for word, several in handlers.items()
            for each in several
            for name, handler in self._handlers({word: each}).items()
            if name != self._name("joined")
        ]
        pairs += [*self._handlers({}).items()]
        attributes.setdefault("name", f"listener-{uuid.uuid4().hex}")
        service = make_listener(transports, pairs, **attributes)
        self._retired.append((attributes["name"], [name for name, _ in pairs]))
        running = self._stack.enter_context(service.start_in_thread())
        self._running = {**getattr(self, "_running", {}), service: running}
        return service

    def _end(self, service: Listener) -> None:
        self._running[service].stop()

    def _bodies(self, listeners: Sequence[Listener], word: str) -> list[Any]:
        return [body for each in listeners for body in each.bodies(self._name(word))]

    def _have_come(self, listeners: Sequence[Listener], word: str, count: int) -> bool:
        return len(self._bodies(listeners, word)) >= count

    def _await_letters(self, count: int) -> list[DeadLetter]:
        with self.make_transport().dead_letters() as letters:

            def enough() -> list[DeadLetter]:
                found = letters.list(service=self._unique)
                return found if len(found) >= count else []

            self._until(enough, f"there are {count} dead letters")
            return letters.list(service=self._unique)

    def _when_gone(self, forget: Callable[[], int]) -> int:
        """Have a service forgotten that has just ended: the broker may not know it yet."""
        forgotten: list[int] = []

        def is_forgotten() -> bool:
            try:
                forgotten.append(forget())
            except Exception as error:
                if "runs" not in str(error):
                    raise
                return False
            return True

        self._until(is_forgotten, "the service is gone")
        return forgotten[0]
