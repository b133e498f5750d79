"""What is known of messages that go from one queue to another."""

import subprocess
import sys

import pytest

from gemstone_rabbitmq._underway import Underway

_PRINTS_AN_ID = """
from gemstone_rabbitmq._moves import Move
print(Move("queue", b"", {}, None, None, print).properties().correlation_id)
"""


def test_moves_of_two_processes_have_different_ids():
    command = [sys.executable, "-c", _PRINTS_AN_ID]
    told = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)]
    assert told[0].strip()
    assert told[0] != told[1]


class Broker:
    """A channel, and a broker that answers when it is told to."""

    def __init__(self):
        self.said = []
        self._questions = []
        self.underway = Underway(
            lambda: self.said.append("ack"), lambda callback: callback, self.nothing_left
        )

    def basic_qos(self, *, prefetch_count, callback):
        self.said.append("question")
        self._questions.append(callback)

    def answer(self):
        self._questions.pop(0)(None)

    def nothing_left(self):
        self.said.append("nothing left")


@pytest.fixture
def broker():
    return Broker()


def test_what_waits_for_moves_begins_when_the_broker_has_answered_behind_the_acknowledgement(
    broker,
):
    underway, said = broker.underway, broker.said
    underway.when_over(lambda: said.append("at once"))
    assert said == ["at once"]
    move = underway.begin()
    underway.when_over(lambda: said.append("first"))
    underway.when_over(lambda: said.append("second"))
    assert said == ["at once"]
    underway.is_there(move, broker)
    assert said == ["at once", "ack", "question"]
    assert len(underway) == 1
    broker.answer()
    assert said[3:] == ["first", "second", "nothing left"]
    assert len(underway) == 0


def test_later_moves_keep_nobody_waiting(broker):
    underway, said = broker.underway, broker.said
    one = underway.begin()
    underway.when_over(lambda: said.append("waited for one"))
    other = underway.begin()
    underway.when_over(lambda: said.append("waited for both"))
    underway.is_there(other, broker)
    broker.answer()
    assert said == ["ack", "question"]
    third = underway.begin()
    underway.is_there(one, broker)
    broker.answer()
    assert said[4:] == ["waited for one", "waited for both"]
    underway.is_there(third, broker)
    broker.answer()
    assert said[-1] == "nothing left"


def test_moves_that_come_while_the_broker_is_asked_are_asked_for_together(broker):
    underway, said = broker.underway, broker.said
    moves = [underway.begin() for _ in range(3)]
    for move in moves:
        underway.is_there(move, broker)
    underway.when_over(lambda: said.append("all"))
    assert said == ["ack", "question"]
    broker.answer()
    assert said == ["ack", "question", "ack", "question"]
    broker.answer()
    assert said[4:] == ["all", "nothing left"]


def test_what_waits_may_begin_with_a_move_itself(broker):
    underway, said = broker.underway, broker.said
    move = underway.begin()
    underway.when_over(lambda: said.append(underway.begin()))
    underway.when_over(lambda: said.append("both had waited for the first"))
    underway.is_there(move, broker)
    broker.answer()
    assert said[-1] == "both had waited for the first"
    assert len(underway) == 1
