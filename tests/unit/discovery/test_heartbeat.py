"""The thread that tells a registry where its service is."""

import logging
import threading
import time

import pytest

from gemstone.discovery import BaseDiscoveryStrategy
from gemstone_core._discovery import _heartbeat
from gemstone_core._discovery._heartbeat import Heartbeat
from tools.waiting import until

LOGGER = logging.getLogger("tests.heartbeat")
URL = "http://10.0.0.1/api"


class Registry(BaseDiscoveryStrategy):
    def __init__(self):
        self.told = []
        self.error = None
        self.hangs = threading.Event()
        self.hangs.set()

    def ping(self, name, location):
        self.told.append("ping")
        self.hangs.wait(30)
        if self.error is not None:
            raise self.error

    def locate(self, name):
        return []

    def unregister(self, name, location):
        assert (name, location) == ("users", URL)
        self.told.append("unregister")
        if self.error is not None:
            raise self.error


class Pauses:
    """In place of the event that ends a heartbeat: notes how long it would wait."""

    def __init__(self, count):
        self.count = count
        self.seconds = []

    def is_set(self):
        return len(self.seconds) >= self.count

    def wait(self, seconds):
        self.seconds.append(seconds)


def make(registry, interval=1000.0, former=None):
    return Heartbeat(registry, "users", URL, interval, LOGGER, former)


def soon():
    return time.monotonic() + 30


@pytest.fixture
def registry():
    registry = Registry()
    yield registry
    registry.hangs.set()
    until(
        lambda: all("heartbeat" not in each.name for each in threading.enumerate()),
        what="no heartbeat is left",
    )


def test_it_pings_at_once_and_unregisters_at_the_end(registry):
    heartbeat = make(registry)
    assert not heartbeat.works
    heartbeat.start()
    assert heartbeat.decided.wait(30)
    assert heartbeat.works
    assert not heartbeat.wait(time.monotonic())
    heartbeat.ask_to_stop()
    assert heartbeat.wait(soon())
    assert registry.told == ["ping", "unregister"]


def test_the_interval_is_never_exceeded_and_seldom_the_same(registry):
    heartbeat = make(registry, interval=10.0)
    pauses = heartbeat._stopping = Pauses(50)
    heartbeat.start()
    assert heartbeat.wait(soon())
    assert all(seconds <= 10.0 for seconds in pauses.seconds)
    assert len({round(seconds, 3) for seconds in pauses.seconds}) > 10
    assert registry.told == ["ping"] * 50 + ["unregister"]


def test_after_a_failure_it_tries_again_sooner(registry):
    registry.error = ConnectionError("away")
    heartbeat = make(registry, interval=10.0)
    pauses = heartbeat._stopping = Pauses(50)
    heartbeat.start()
    assert heartbeat.wait(soon())
    assert all(1.9 < seconds <= 2.5 for seconds in pauses.seconds)


@pytest.mark.parametrize("error", [ConnectionError("away"), SystemExit(1), KeyboardInterrupt()])
def test_it_lives_whatever_is_raised(registry, error):
    registry.error = error
    heartbeat = make(registry, interval=0.001)
    heartbeat.start()
    until(lambda: len(registry.told) > 3, what="it has tried again")
    assert not heartbeat.works
    registry.error = None
    until(lambda: heartbeat.works, what="it is registered")
    heartbeat.ask_to_stop()
    assert heartbeat.wait(soon())


def test_changes_are_logged_once_and_without_passwords(registry, caplog):
    caplog.set_level("DEBUG", LOGGER.name)
    heartbeat = make(registry, interval=0.001)
    heartbeat.start()
    until(lambda: len(registry.told) > 3, what="it has pinged")
    for _ in range(2):
        registry.error = ConnectionError("redis://u:secret@host:1 is away")
        count = len(registry.told)
        until(lambda count=count: len(registry.told) > count + 3, what="it has tried again")
        registry.error = None
        count = len(registry.told)
        until(lambda count=count: len(registry.told) > count + 3, what="it has pinged")
    heartbeat.ask_to_stop()
    assert heartbeat.wait(soon())
    away = (
        "WARNING",
        "Registry: users can't be registered now, trying again: ConnectionError: "
        "redis://u:***@host:1 is away",
    )
    back = ("INFO", "Registry: users is registered again")
    first = ("INFO", "Registry: users is registered")
    logged = [(each.levelname, each.getMessage()) for each in caplog.records]
    assert logged == [first, away, back, away, back]


def test_a_late_ping_is_followed_by_unregistering(registry):
    registry.hangs.clear()
    heartbeat = make(registry)
    heartbeat.start()
    until(lambda: registry.told, what="it pings")
    heartbeat.ask_to_stop()
    assert not heartbeat.wait(time.monotonic() + 0.02)
    registry.hangs.set()
    assert heartbeat.wait(soon())
    assert registry.told == ["ping", "unregister"]


def test_a_ping_that_seems_to_have_failed_may_have_arrived(registry):
    registry.error = TimeoutError("no answer")
    heartbeat = make(registry)
    heartbeat.start()
    assert heartbeat.decided.wait(30)
    heartbeat.ask_to_stop()
    assert heartbeat.wait(soon())
    assert registry.told == ["ping", "unregister"]


def test_one_that_is_given_up_tells_nothing_more(registry):
    registry.hangs.clear()
    heartbeat = make(registry)
    heartbeat.start()
    until(lambda: registry.told, what="it pings")
    heartbeat.give_up()
    registry.hangs.set()
    assert heartbeat.wait(soon())
    assert registry.told == ["ping"]


def test_one_that_is_stopped_before_it_began_tells_nothing(registry):
    heartbeat = make(registry)
    heartbeat.ask_to_stop()
    heartbeat.start()
    assert heartbeat.wait(soon())
    assert registry.told == []


def test_unregistering_that_fails_is_told(registry, caplog):
    heartbeat = make(registry)
    heartbeat.start()
    assert heartbeat.decided.wait(30)
    registry.error = ConnectionError("http://u:secret@host")
    heartbeat.ask_to_stop()
    assert heartbeat.wait(soon())
    assert [each.getMessage() for each in caplog.records] == [
        "Registry: users can't be unregistered, it may be found until it expires: "
        "ConnectionError: http://u:***@host"
    ]


def test_the_next_life_waits_for_what_the_former_one_still_says(registry):
    registry.hangs.clear()
    former = make(registry)
    former.start()
    until(lambda: registry.told, what="the former one pings")
    former.ask_to_stop()
    heartbeat = make(registry, former=former)
    heartbeat.start()
    assert not heartbeat.decided.wait(0.02)
    registry.hangs.set()
    assert heartbeat.decided.wait(30)
    assert registry.told == ["ping", "unregister", "ping"]
    heartbeat.ask_to_stop()
    assert heartbeat.wait(soon())


def test_a_former_life_that_hangs_for_ever_is_not_waited_for(registry, monkeypatch):
    monkeypatch.setattr(_heartbeat, "_FORMER", 0.02)
    hanging = Registry()
    hanging.hangs.clear()
    former = make(hanging)
    former.start()
    former.give_up()
    heartbeat = make(registry, former=former)
    heartbeat.start()
    assert heartbeat.decided.wait(30)
    heartbeat.ask_to_stop()
    hanging.hangs.set()
    assert heartbeat.wait(soon())
