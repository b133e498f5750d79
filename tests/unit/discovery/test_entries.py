"""What a registry keeps, and for how long."""

import pytest

from gemstone_core._discovery import _entries
from gemstone_core._discovery._entries import Entries

URLS = [f"http://10.0.0.{number}/api" for number in range(20)]


class Clock:
    now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(_entries, "time", clock)
    return clock


def put(entries, name, url, time_to_live=30.0, limit=100):
    return entries.put(name, url, time_to_live, limit)


def test_locations_in_the_order_of_their_coming():
    entries = Entries()
    for url in (URLS[2], URLS[0], URLS[1], URLS[2]):
        assert put(entries, "users", url)
    put(entries, "mails", URLS[3])
    assert entries.locate("users") == [URLS[2], URLS[0], URLS[1]]
    assert entries.locate("nobody") == []
    assert entries.services() == {"users": [URLS[2], URLS[0], URLS[1]], "mails": [URLS[3]]}
    assert len(entries) == 4


def test_patterns_give_each_location_once():
    entries = Entries()
    for name in ("p.1", "p.2", "q.1"):
        put(entries, name, URLS[0])
    put(entries, "p.2", URLS[1])
    assert entries.locate("p.*") == URLS[:2]


def test_removal():
    entries = Entries()
    put(entries, "users", URLS[0])
    put(entries, "users", URLS[1])
    entries.remove("users", URLS[0])
    entries.remove("users", URLS[0])
    entries.remove("nobody", URLS[0])
    assert entries.locate("users") == [URLS[1]]
    assert len(entries) == 1
    entries.remove("users", URLS[1])
    assert entries.services() == {}


def test_an_entry_lives_until_its_time_to_live_after_the_last_ping(clock):
    entries = Entries()
    put(entries, "users", URLS[0])
    put(entries, "users", URLS[1])
    clock.now += 29.9
    put(entries, "users", URLS[1])
    assert entries.locate("users") == URLS[:2]
    clock.now += 0.1
    assert entries.locate("users") == entries.locate("u*") == [URLS[1]]
    assert entries.services() == {"users": [URLS[1]]}


def test_what_has_expired_goes_away_though_nobody_asks_for_it(clock):
    entries = Entries()
    for number in range(1000):
        put(entries, f"worker.{number}", URLS[0], limit=10_000)
    clock.now += 31
    put(entries, "users", URLS[0])
    assert len(entries) == 1
    assert [*entries._expiries] == ["users"]


def test_beyond_the_limit_nothing_new_is_taken(clock):
    entries = Entries()
    assert put(entries, "a", URLS[0], limit=2)
    assert put(entries, "b", URLS[0], limit=2)
    assert not put(entries, "b", URLS[1], limit=2)
    assert not put(entries, "c", URLS[0], limit=2)
    assert "c" not in entries._expiries
    assert put(entries, "a", URLS[0], limit=2)  # what is known is pinged on
    clock.now += 0.5
    entries.remove("b", URLS[0])
    assert put(entries, "c", URLS[0], limit=2)


def test_what_expired_a_moment_ago_makes_room(clock):
    entries = Entries()
    put(entries, "a", URLS[0], time_to_live=0.25, limit=1)
    clock.now += 0.5  # earlier than the next sweep
    assert put(entries, "b", URLS[0], limit=1)
    assert entries.services() == {"b": [URLS[0]]}


def test_the_last_of_a_name_expires_as_the_next_one_comes(clock):
    entries = Entries()
    put(entries, "a", URLS[0], time_to_live=0.25, limit=1)
    clock.now += 0.5
    assert put(entries, "a", URLS[1], limit=1)
    assert entries.locate("a") == [URLS[1]]
    assert len(entries) == 1
