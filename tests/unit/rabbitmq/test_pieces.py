"""The pieces of the RabbitMQ transport that need no broker."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import pika
import pytest
from pika import exceptions

from gemstone_rabbitmq._channels import ConfirmedChannel
from gemstone_rabbitmq._connection import Connection, describe
from gemstone_rabbitmq._credit import Credit, Deliveries
from gemstone_rabbitmq._headers import readable_headers, readable_id
from gemstone_rabbitmq._pika import MessageProperties


class Acknowledged:
    """What a broker knows of the deliveries of a channel."""

    def __init__(self, count):
        self.open = set(range(1, count + 1))
        self.frames = 0

    def take(self, up_to, singles):
        if up_to is not None:
            assert up_to in self.open  # else the broker would close the channel
            self.open = {tag for tag in self.open if tag > up_to}
            self.frames += 1
        for tag in singles:
            self.open.remove(tag)
            self.frames += 1


def test_a_row_of_deliveries_is_acknowledged_at_once():
    deliveries, broker = Deliveries(), Acknowledged(100)
    broker.take(*deliveries.finish(range(100, 0, -1)))
    assert (broker.open, broker.frames) == (set(), 1)


def test_a_slow_one_does_not_hold_up_the_others():
    deliveries, broker = Deliveries(), Acknowledged(5)
    broker.take(*deliveries.finish([2, 3, 5]))
    assert broker.open == {1, 4}
    broker.take(*deliveries.finish([1]))
    assert broker.open == {4}
    broker.take(*deliveries.finish([4]))
    assert not broker.open


@pytest.mark.parametrize("seed", range(20))
def test_exactly_what_was_handled_is_acknowledged(seed):
    order = random.Random(seed)
    tags = [*range(1, 201)]
    left = sorted(tags, key=lambda tag: tag + order.uniform(0, 30))
    deliveries, broker = Deliveries(), Acknowledged(200)
    while left:
        some = [left.pop(0) for _ in range(min(len(left), order.randint(1, 9)))]
        broker.take(*deliveries.finish(some))
        assert broker.open == set(left)


def test_credit_is_given_to_who_waits_for_it():
    credit, called = Credit(), []
    assert credit.take(2, lambda: called.append(1))
    assert credit.take(2, lambda: called.append(2))
    assert not credit.take(2, lambda: called.append(3))
    assert not called
    credit.give()
    assert called == [3]
    assert credit.take(2, lambda: called.append(4))
    credit.give()
    assert called == [3]


@pytest.fixture
def confirmed():
    """A channel without a broker: `frame(...)` stands for what one says, `said` for what came."""
    sent, callbacks, said = [], [], []
    channel = SimpleNamespace(
        confirm_delivery=lambda *given: callbacks.extend(given),
        basic_publish=lambda *given: sent.append(given),
    )
    connection = SimpleNamespace(guarded=lambda callback: callback)
    channel = ConfirmedChannel(
        connection, channel, lambda: None, lambda what, is_taken: said.append((what, is_taken))
    )

    def frame(kind, tag, multiple=False):
        callbacks[0](SimpleNamespace(method=kind(tag, multiple)))

    channel.frame, channel.said = frame, said
    for number in range(1, 8):
        channel.publish(number, "e", "", b"", None)
    return channel


def test_confirms_come_in_any_order(confirmed):
    ack, nack = pika.spec.Basic.Ack, pika.spec.Basic.Nack
    confirmed.frame(ack, 3)
    confirmed.frame(ack, 2, multiple=True)
    confirmed.frame(nack, 6)
    confirmed.frame(ack, 7)
    confirmed.frame(nack, 5, multiple=True)
    confirmed.publish(8, "e", "", b"", None)
    confirmed.frame(ack, 8)
    assert confirmed.said == [
        ([3], True),
        ([1, 2], True),
        ([6], False),
        ([7], True),
        ([4, 5], False),
        ([8], True),
    ]
    assert confirmed.undecided == 0


def test_what_is_forgotten_is_not_decided_later(confirmed):
    confirmed.frame(pika.spec.Basic.Ack, 2)
    assert confirmed.forget(lambda what: what < 4) == [1, 3]
    assert confirmed.undecided == 4
    confirmed.frame(pika.spec.Basic.Ack, 1)
    confirmed.frame(pika.spec.Basic.Ack, 7, multiple=True)
    assert confirmed.said == [([2], True), ([4, 5, 6, 7], True)]
    assert confirmed.undecided == 0


@pytest.mark.parametrize("headers", [{}, {"a": "1", "ü": "ü" * 1000}])
def test_properties_are_encoded_as_pika_does(headers):
    ours = MessageProperties("0123456789abcdef" * 2, headers, 1_700_000_000)
    theirs = pika.BasicProperties(
        content_type="application/json",
        headers=headers or None,
        message_id="0123456789abcdef" * 2,
        timestamp=1_700_000_000,
    )
    for _ in range(2):  # whoever encodes may change what it gets
        pieces = ours.encode()
        assert b"".join(pieces) == b"".join(theirs.encode())
        pieces.insert(0, b"header")
    assert ours.INDEX == theirs.INDEX


def test_headers_that_fit_in_no_frame_are_refused():
    with pytest.raises(ValueError, match="headers"):
        MessageProperties("1", {"a": "x" * 200_000}, 1)


def test_headers_of_any_type_become_strings():
    headers = {
        "text": "ü",
        "bytes": b"\xff\xfeok",
        b"\xffname": "x",
        "true": True,
        "nothing": None,
        "number": -7,
        "decimal": Decimal("1.50"),
        "time": datetime(2026, 1, 2, tzinfo=UTC),
        "table": {"a": [1, {b"\xff": b"b", "t": Decimal(1)}], "n": None},
    }
    assert readable_headers(headers) == {
        "text": "ü",
        "bytes": "\ufffd\ufffdok",
        "\ufffdname": "x",
        "true": "true",
        "nothing": "null",
        "number": "-7",
        "decimal": "1.50",
        "time": "2026-01-02T00:00:00+00:00",
        "table": '{"a": [1, {"\ufffd": "b", "t": "1"}], "n": null}',
    }
    assert not readable_headers(None)


def test_an_id_of_any_type_becomes_a_string():
    assert readable_id("x") == "x"
    assert readable_id(b"\xff") == "\ufffd"
    assert readable_id(None) is None
    assert readable_id("") is None


def test_an_error_is_told_without_its_wrapping():
    inner = ConnectionRefusedError(111, "Connection refused")
    assert describe(exceptions.AMQPConnectionError(inner)) == "[Errno 111] Connection refused"
    closed = exceptions.ConnectionClosedByBroker(320, "CONNECTION_FORCED")
    assert describe(closed) == "320 CONNECTION_FORCED"
    assert "password" in describe(exceptions.ProbableAuthenticationError("refused"))
    assert describe(exceptions.AMQPHeartbeatTimeout()) == "AMQPHeartbeatTimeout"


def test_a_connection_that_never_ran_leaves_nothing():
    connection = Connection(pika.ConnectionParameters("127.0.0.1", 1), "here", lambda: None)
    connection.stop()
    connection.run()
    connection.stop()
