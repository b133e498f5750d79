"""What becomes of an event that was delivered, and how that is counted."""

import logging

import pytest

from gemstone.errors import InvalidEventError
from gemstone.event import Event, Verdict
from gemstone_core._events._tally import Tally
from gemstone_core._events._verdict import Unhandled, redelivery_delay, verdict


def event(data=b"1", attempt=1):
    return Event.from_json("a", data, attempt=attempt)


@pytest.mark.parametrize(
    ("came", "error", "expected"),
    [
        (event(), ValueError(), Verdict.AGAIN),
        (event(attempt=4), ValueError(), Verdict.AGAIN),
        (event(attempt=5), ValueError(), Verdict.DEAD),
        (event(attempt=6), ValueError(), Verdict.DEAD),
        (event(attempt=5), Unhandled("it stopped"), Verdict.LEFT),
        # It will never be anything else, however often it is delivered.
        (event(b"{"), InvalidEventError("it is no JSON"), Verdict.DEAD),
        (event(b'"12345678901"'), InvalidEventError("it is too large"), Verdict.DEAD),
        # Of another event, which a handler could not emit.
        (event(), InvalidEventError("it is no name"), Verdict.AGAIN),
    ],
)
def test_verdicts(came, error, expected):
    assert verdict(came, error, max_deliveries=5, max_size=10) is expected


def test_delays_double_up_to_a_limit():
    assert [redelivery_delay(attempt) for attempt in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 32, 32]
    assert redelivery_delay(10**6) == 32


def test_a_tally_tells_the_first_at_once_and_the_others_now_and_then(caplog, monkeypatch):
    tally = Tally(logging.getLogger("gemstone.test"), "100% %s of redis://%40: %s")
    tally.add(1, "the first")
    tally.add(2, "the second")
    tally.add(3, "the third")
    assert tally.total == 6
    assert [each.getMessage() for each in caplog.records] == [
        "100% 1 event of redis://%40: the first"
    ]
    monkeypatch.setattr(tally, "_tell_at", 0.0)
    tally.add(1000, "the last")
    assert caplog.records[1].getMessage() == "100% 1,005 events of redis://%40: the last"
