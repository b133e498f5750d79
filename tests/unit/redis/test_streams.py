"""Entries of streams, whoever wrote them; and what an instance holds of them."""

import time

from gemstone.event import Emission, Verdict
from gemstone_redis._holdings import Decided, Holdings
from gemstone_redis._streams import DEAD, Entry, addition, burial, entries, event_of, stream_of


def entry(**fields):
    return Entry("a", b"1-1", {name.encode(): value for name, value in fields.items()})


def test_what_is_added_comes_back():
    emission = Emission("a", b"[1]", {"x": "\u00fc"}, "7", 0.0)
    command, key, _, *fields = addition(emission)
    assert (command, key) == ("XADD", stream_of("a"))
    assert event_of(key.encode()) == "a"
    encoded = [each.encode() if isinstance(each, str) else each for each in fields]
    [read] = entries("a", [[b"1-1", encoded], [b"2-1", None]])
    event = read.event(3)
    assert (event.name, event.body, event.id, event.attempt) == ("a", [1], "7", 3)
    assert (event.headers, event.time) == ({"x": "\u00fc"}, emission.emitted_at)


def test_nonsense_is_read_too():
    event = entry(id=b"\xff", time=b"noon", headers=b"[" * 100_000, body=b"1").event(1)
    assert (event.body, event.time, event.headers) == (1, None, {})
    assert entry(headers=b'{"a": 1}').event(1).headers == {}
    assert entry(to=b"\xff").to != ""


def test_a_dead_letter_keeps_what_the_event_brought():
    command = burial(entry(id=b"7", body=b"1", other=b"x"), "mailer", 5, "why \ud800", 1.5)
    fields = dict(zip(command[3::2], command[4::2], strict=True))
    assert command[1] == DEAD
    assert (fields[b"event"], fields[b"service"], fields[b"attempts"]) == (b"a", b"mailer", b"5")
    assert (fields[b"id"], fields[b"body"], fields[b"reason"]) == (b"7", b"1", b"why ?")
    assert b"other" not in fields


def test_an_entry_is_held_until_redis_was_told():
    holdings, one = Holdings(), entry(body=b"1")
    assert holdings.take(one.place)
    assert not holdings.take(one.place)
    decided = Decided(one, Verdict.DONE, 1, "")
    holdings.decide(decided)
    assert holdings.something_is_decided.is_set()
    assert holdings.decided() == [decided]
    assert holdings.holds(one.place)
    holdings.release([decided])
    assert not holdings.holds(one.place)
    assert holdings.decided() == []


def test_what_waits_is_due_in_its_time():
    holdings = Holdings()
    holdings.wait(("a", b"1"), 2, 0.0)
    holdings.wait(("a", b"2"), 3, 60.0)
    holdings.wait(("a", b"3"), 4, 0.0)
    deadline = time.monotonic() + 5
    due = []
    while len(due) < 2 and time.monotonic() < deadline:
        due += holdings.due(1)
    assert sorted(due) == [(("a", b"1"), 2), (("a", b"3"), 4)]
    assert holdings.due(10) == []
