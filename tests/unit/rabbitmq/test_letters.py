"""What is written on moved messages is read again, whoever has written it."""

import time

import pika
import pytest

from gemstone_rabbitmq import _letters
from gemstone_rabbitmq._places import Broadcast, Durable, queue_of, retries_of, suspects_of


def test_only_what_the_emitter_wrote_is_an_event_s_header():
    theirs = {"x-death": [], "x-first-death-queue": "q", "x-delivery-count": 3}
    ours = {_letters.ATTEMPTS: 2, _letters.EVENT: "a"}
    own = {"trace": "7", "x-trace": "8"}
    assert _letters.own_headers({**theirs, **ours, **own}) == own
    assert _letters.own_headers(None) == {}


def test_counts_are_read_and_nonsense_is_none():
    assert _letters.deaths({"x-delivery-count": 3}) == 3
    assert _letters.attempts({_letters.ATTEMPTS: 2}) == 2
    for nonsense in (None, {}, {"x-delivery-count": "x", _letters.ATTEMPTS: -1}):
        assert _letters.deaths(nonsense) == _letters.attempts(nonsense) == 0


@pytest.mark.parametrize(
    ("due", "least", "most"),
    [(10.0, 9.0, 10.0), (1000.0, 60.0, 60.0), (-5.0, 0.0, 0.0)],
)
def test_a_clock_that_is_wrong_keeps_nobody_waiting_for_long(due, least, most):
    headers = {_letters.DUE: repr(time.time() + due)}
    assert least <= _letters.wait(headers, 60.0) <= most


def test_no_time_is_no_wait():
    assert _letters.wait(None, 60.0) == _letters.wait({_letters.DUE: "soon"}, 60.0) == 0.0


def test_a_dead_letter_can_be_anything():
    letter = _letters.dead_letter(pika.BasicProperties(), b"{")
    assert (letter.id, letter.service, letter.attempts, letter.died_at) == ("", "", 0, 0.0)
    headers = {**_letters.burial("s", "a", 3, "x" * 5000 + "\ud800"), "trace": "7"}
    headers = {**headers, _letters.REASON: headers[_letters.REASON]}
    properties = pika.BasicProperties(headers=headers, message_id="e", correlation_id="1")
    letter = _letters.dead_letter(properties, b"1")
    assert (letter.id, letter.service, letter.event_name) == ("1", "s", "a")
    assert (letter.attempts, letter.event_id, letter.headers) == (3, "e", {"trace": "7"})
    assert len(letter.reason) == 1000
    assert letter.died_at == pytest.approx(time.time(), abs=60)
    headers[_letters.DIED] = "yesterday"
    assert _letters.dead_letter(pika.BasicProperties(headers=headers), b"").died_at == 0.0


def test_places():
    assert queue_of("a:b", "c") != queue_of("a", "b:c".replace(":", "."))
    assert (retries_of("s"), suspects_of("s")) == ("gemstone.retries:s", "gemstone.suspects:s")
    with pytest.raises(ValueError, match="give the service 'xxx"):
        queue_of("x" * 250, "a")
    broadcast, durable = Broadcast(), Durable()
    assert broadcast.event_of(broadcast.exchange_of("a"), "") == "a"
    assert broadcast.event_of("others", "a") is None
    assert durable.event_of(durable.exchange_of("a"), durable.key_of("a")) == "a"
    assert durable.event_of("others", "a") is None
