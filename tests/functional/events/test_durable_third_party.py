"""A durable transport of somebody else's, by public means only, does all that ours do."""

import heapq
import itertools
import threading
import time
from collections import defaultdict, deque

import pytest

from gemstone.errors import EventRefusedError
from gemstone.event import DeadLetter, DeadLetters, DurableEventTransport, Emission, Event, Verdict
from gemstone_core.testing import DurableEventTransportContract


class Parcel:
    """An event that a shelf keeps for a service."""

    def __init__(self, emission, attempt=1):
        self.name, self.data, self.id = emission.name, emission.data, emission.id
        self.headers, self.time = dict(emission.headers), emission.emitted_at
        self.attempt = attempt

    def event(self):
        return Event.from_json(
            self.name,
            self.data,
            id=self.id,
            headers=dict(self.headers),
            attempt=self.attempt,
            time=self.time,
        )


class Shelf:
    """A broker in the memory: a row of parcels for each service, by the names of its events."""

    def __init__(self):
        self.lock = threading.Condition()
        self.rows = defaultdict(deque)
        self.subscribed = {}
        self.passers_by = []
        self.dead = []
        self.running = defaultdict(int)

    def put(self, emission):
        with self.lock:
            for service, names in self.subscribed.items():
                if emission.name in names:
                    self.rows[service].append(Parcel(emission))
            for names, row in self.passers_by:
                if emission.name in names:
                    row.append(Parcel(emission))
            self.lock.notify_all()


class ShelfTransport(DurableEventTransport):
    """Puts events on a shelf, and takes them from there when they are handled."""

    reports_connected = True

    def __init__(self, shelf):
        self.shelf = shelf
        self._leaving = self._stopped = False
        self._with_handlers = 0
        self._waiting = []
        self._numbers = itertools.count()

    def __copy__(self):
        copied = self.renewed()
        copied.__init__(self.shelf)
        return copied

    def emit_event(self, event_name, event_body):
        self.shelf.put(Emission.of_body(event_name, event_body))

    def publish(self, outbox):
        outbox.connected(others_must_be_there=False)
        while not outbox.is_finished:
            for emission in outbox.take():
                self.shelf.put(emission)
                outbox.done([emission])

    def start_accepting_events(self):
        shelf, service, names = self.shelf, self.service_name, self.event_names
        with shelf.lock:
            self._leaving = self._stopped = False
            row = shelf.rows[service] if service else deque()
            if service:
                known = shelf.subscribed.get(service, ())
                shelf.subscribed[service] = {*known, *names}
                shelf.running[service] += 1
            else:
                shelf.passers_by.append(({*names}, row))
        self.connected()
        while not self._leaving:
            with shelf.lock:
                while self._waiting and self._waiting[0][0] <= time.monotonic():
                    row.append(heapq.heappop(self._waiting)[2])
                if not row:
                    shelf.lock.wait(0.02)
                    continue
                parcel = row.popleft()
                self._with_handlers += 1
            event = parcel.event()
            self.deliver(event, lambda error, p=parcel, e=event: self._ended(p, e, error))
        with shelf.lock:
            shelf.lock.wait_for(lambda: self._stopped and not self._with_handlers, 5)
            row.extend(parcel for _, _, parcel in self._waiting)
            self._waiting.clear()
            shelf.running[service] -= 1

    def _ended(self, parcel, event, error):
        verdict = self.judge(event, error)
        with self.shelf.lock:
            self._with_handlers -= 1
            if verdict is Verdict.LEFT:
                self.shelf.rows[self.service_name].appendleft(parcel)
            elif verdict is Verdict.AGAIN:
                due = time.monotonic() + self.redelivery_delay(parcel.attempt)
                parcel.attempt += 1
                heapq.heappush(self._waiting, (due, next(self._numbers), parcel))
            elif verdict is Verdict.DEAD and self.service_name:
                self.shelf.dead.append((self.service_name, parcel, repr(error), time.time()))
            self.shelf.lock.notify_all()

    def stop_receiving(self):
        self._leaving = True

    def stop(self):
        self._leaving = self._stopped = True

    def dead_letters(self):
        return ShelvedLetters(self.shelf)

    def forget_service(self, service, event_names=()):
        with self.shelf.lock:
            if self.shelf.running[service]:
                raise EventRefusedError(f"an instance of {service!r} runs")
            self.shelf.rows.pop(service, None)
            return len(self.shelf.subscribed.pop(service, ()))


class ShelvedLetters(DeadLetters):
    def __init__(self, shelf):
        self.shelf = shelf

    def read(self):
        for entry in [*self.shelf.dead]:
            service, parcel, reason, at = self._entry = entry
            yield DeadLetter(
                f"{service} {parcel.id}",
                service,
                parcel.name,
                parcel.data,
                parcel.id,
                parcel.headers,
                parcel.attempt,
                reason,
                at,
            )

    def replay_one(self, letter):
        service, parcel, *_ = self._entry
        with self.shelf.lock:
            self.purge_one(letter)
            parcel.attempt = 1
            self.shelf.rows[service].append(parcel)

    def purge_one(self, letter):
        self.shelf.dead.remove(self._entry)

    def close(self):
        pass


class TestShelf(DurableEventTransportContract):
    @pytest.fixture(autouse=True)
    def shelf(self):
        self._shelf = Shelf()

    def make_transport(self):
        return ShelfTransport(self._shelf)


def test_what_was_in_too_many_deaths_is_spent():
    transport = ShelfTransport(Shelf())
    assert transport.max_deliveries == 5
    assert not transport.is_spent(Event("a", attempt=5))
    assert transport.is_spent(Event("a", attempt=6))
