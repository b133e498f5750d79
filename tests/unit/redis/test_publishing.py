"""Which events are sent again, and which never."""

import logging
import math

import pytest
import redis

from gemstone.event import Emission, EventRefusedError, Outbox
from gemstone_redis._publishing import ToChannels, publish

LARGE = b"1" * 200_000


class Broken(redis.ConnectionError):
    """The connection is gone."""


class ScriptedLink:
    """Takes commands, and answers what a script says; then it is broken."""

    def __init__(self, *script, is_closed=False, sends=100):
        self._script = iter(script)
        self._is_closed = is_closed
        self._sends = sends
        self.sent = []

    def open(self):
        pass

    def check(self):
        if self._is_closed:
            raise Broken

    def send(self, commands):
        if len(self.sent) == self._sends:
            raise Broken
        self.sent.append([*commands])

    def answer(self):
        answer = next(self._script, Broken())
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def outbox():
    return Outbox("a transport", 100, 30, logging.getLogger("tests"))


def put(outbox, count, data=b"1"):
    emissions = [Emission(f"e{number}", data, {}, None, math.inf) for number in range(count)]
    for emission in emissions:
        outbox.put(emission)
    return emissions


def breaks(link, outbox, error=Broken):
    with pytest.raises(error):
        publish(link, outbox, ToChannels(lambda emission: emission.data), 0.01)


def test_what_waits_goes_at_once(outbox):
    emissions = put(outbox, 3)
    link = ScriptedLink(0, 1, 2)
    breaks(link, outbox, error=AttributeError)  # it has no ping()
    assert link.sent == [[("PUBLISH", f"e{number}", b"1") for number in range(3)]]
    assert all(emission.receipt.done() for emission in emissions)
    assert outbox.emitted == 3


def test_nothing_is_sent_on_a_connection_that_is_known_to_be_closed(outbox):
    emissions = put(outbox, 3)
    link = ScriptedLink(is_closed=True)
    breaks(link, outbox)
    assert not link.sent
    assert [*outbox.take()] == emissions


def test_what_was_surely_not_sent_waits_again(outbox):
    emissions = put(outbox, 4, LARGE)
    link = ScriptedLink(sends=2)
    breaks(link, outbox)
    assert [len(commands) for commands in link.sent] == [1, 1]
    # Of the third, a part may have gone.
    assert [*outbox.take()] == emissions[3:]
    assert outbox.waiting == 4


def test_what_was_answered_is_done_though_the_rest_is_not(outbox):
    emissions = put(outbox, 3)
    breaks(ScriptedLink(0), outbox)
    assert [emission.receipt.done() for emission in emissions] == [True, False, False]
    assert not outbox.take(timeout=0)


def test_each_has_its_own_answer(outbox):
    emissions = put(outbox, 3)
    breaks(ScriptedLink(0, redis.ResponseError("no"), 0), outbox, error=AttributeError)
    errors = [emission.receipt.exception(0) for emission in emissions]
    assert [type(error) for error in errors] == [type(None), EventRefusedError, type(None)]


@pytest.mark.parametrize(
    "error",
    [
        redis.exceptions.ReadOnlyError("You can't write against a read only replica."),
        redis.exceptions.ClusterDownError("The cluster is down"),
        redis.ResponseError("MASTERDOWN Link with MASTER is down"),
    ],
)
def test_what_a_broker_refuses_that_serves_nobody_waits_again(outbox, error):
    emissions = put(outbox, 3)
    breaks(ScriptedLink(error, 0, error), outbox, error=type(error))
    assert [*outbox.take()] == [emissions[0], emissions[2]]
    assert emissions[1].receipt.done()
