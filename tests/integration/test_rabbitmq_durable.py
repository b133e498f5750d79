"""DurableRabbitMqEventTransport on a real RabbitMQ, which is killed and disturbed."""

import contextlib
import json
import time

import pika
import pytest

from gemstone.errors import EventRefusedError, ServiceConfigurationError
from gemstone.event import (
    DurableRabbitMqEventTransport,
    dead_letters,
    forget_service,
    open_transport,
)
from gemstone_core.testing import DurableEventTransportContract
from gemstone_rabbitmq import _durable_consumer
from tools.brokers import RabbitMq, free_ports
from tools.waiting import until

from ..conftest import RABBITMQ, skip_if_given
from .conftest import lines


@pytest.fixture(scope="module")
def _mortal_rabbitmq():
    """One for these tests alone: durable queues stay, and others count the queues of theirs."""
    skip_if_given(RABBITMQ)
    with RabbitMq() as broker:
        yield broker


def durable_url(broker):
    return f"amqp+durable{broker.url.removeprefix('amqp')}"


@contextlib.contextmanager
def client(broker):
    """A channel of pika's own."""
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        yield connection.channel()


class TestDurable(DurableEventTransportContract):
    @pytest.fixture(autouse=True)
    def broker(self, mortal_rabbitmq):
        self._broker = mortal_rabbitmq
        self.url = durable_url(mortal_rabbitmq)

    def make_transport(self):
        return DurableRabbitMqEventTransport.from_url(self.url)

    def make_unreachable_transport(self):
        [port] = free_ports(1)
        return DurableRabbitMqEventTransport("127.0.0.1", port)

    def break_connections(self):
        self._broker.close_connections()

    def send_raw(self, event_name, data):
        with client(self._broker) as channel:
            channel.basic_publish("gemstone.events", event_name, data)


EXCHANGE = "gemstone.events"
QUEUE = "gemstone:service:noted"
RETRIES = "gemstone.retries:service"
SUSPECTS = "gemstone.suspects:service"
DEAD = "gemstone.dead"


@pytest.fixture(scope="module")
def own_empty_rabbitmq():
    """One more, on which there is nothing but what is named here."""
    skip_if_given(RABBITMQ)
    with RabbitMq() as broker:
        yield broker


@pytest.fixture
def broker(own_empty_rabbitmq):
    """A RabbitMQ on which there is nothing.

    Not to be killed: where queues of the same names were deleted just before, it comes back with
    some that never answer.
    """
    broker = own_empty_rabbitmq
    with client(broker) as channel:
        channel.exchange_delete(EXCHANGE)
        for queue in (QUEUE, RETRIES, SUSPECTS, DEAD):
            channel.queue_delete(queue)
    return broker


def taken_by_the_dead(broker, count, times, queue=QUEUE):
    """Have messages delivered to consumers that are gone then."""
    for _ in range(times):
        with client(broker) as channel:
            until(lambda channel=channel: ready(channel, queue) >= count, what="they are there")
            channel.basic_qos(prefetch_count=count)
            came = []
            channel.basic_consume(queue, lambda *message, came=came: came.append(message))
            while len(came) < count:
                channel.connection.process_data_events(1)


def ready(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def own_headers(properties):
    """Without what the broker adds."""
    headers = properties.headers or {}
    return {name: v for name, v in headers.items() if name != "x-delivery-count"}


def comes_back(service, before):
    return service.status.reconnects > before and service.status.connected_since


# What is on the broker.


def test_what_is_emitted_is_persistent_and_lies_in_a_quorum_queue(broker, run):
    run.end(run(durable_url(broker)))
    before = int(time.time())
    with open_transport(durable_url(broker)) as transport:
        transport.emit_event("noted", {"\u00fc": 1}, headers={"a": "b"}).wait(30)
        transport.emit_event("noted", 2).wait(30)
        transport.emit_event("nobody.handles.it", 3).wait(30)
    with client(broker) as channel:
        method, properties, body = channel.basic_get(QUEUE)
        assert (method.exchange, method.routing_key) == (EXCHANGE, "noted")
        assert json.loads(body) == {"\u00fc": 1}
        assert (properties.delivery_mode, properties.content_type) == (2, "application/json")
        assert own_headers(properties) == {"a": "b"}
        assert before <= properties.timestamp <= time.time()
        _, other, body = channel.basic_get(QUEUE)
        assert (body, own_headers(other), other.delivery_mode) == (b"2", {}, 2)
        assert len({properties.message_id, other.message_id}) == 2
    columns = ("name", "type", "durable")
    told = json.loads(broker.ctl("--formatter", "json", "list_queues", *columns))
    assert {queue["type"] for queue in told} == {"quorum"}
    assert all(queue["durable"] for queue in told)
    assert {queue["name"] for queue in told} == {QUEUE, RETRIES, SUSPECTS, DEAD}


def test_what_others_publish_arrives(broker, run):
    service = run(durable_url(broker))
    with client(broker) as channel:
        channel.basic_publish(EXCHANGE, "noted", b"1")
        strange = pika.BasicProperties(message_id="7", headers={"n": 1, "x-gemstone-attempts": "x"})
        channel.basic_publish(EXCHANGE, "noted", b"2", strange)
    until(lambda: len(service.came) == 2, what="both have come")
    first, second = service.came
    assert (first.body, first.id, dict(first.headers), first.time) == (1, None, {}, None)
    assert (second.body, second.id, second.headers, second.attempt) == (2, "7", {"n": "1"}, 1)


def test_prefetch_follows_max_concurrent_events(broker, run):
    service = run(durable_url(broker), max_concurrent_events=3)
    service.release.clear()
    for number in range(50):
        service.emit_event("noted", number).wait(30)
    until(lambda: service.at_once[0] == 3, what="as many are with handlers as may")

    def unacknowledged():
        return {queue.name: queue.messages_unacknowledged for queue in broker.queues()}[QUEUE]

    until(lambda: unacknowledged() == 12, what="four times as many are fetched")
    service.release.set()
    until(lambda: len(service.came) == 50, what="all have come")
    until(lambda: unacknowledged() == 0, what="all is acknowledged")


# The dead.


def test_what_a_dead_instance_had_comes_again(broker, run):
    run.end(run(durable_url(broker)))
    with open_transport(durable_url(broker)) as transport:
        for number in range(30):
            transport.emit_event("noted", number).wait(30)
    taken_by_the_dead(broker, 20, times=1)
    service = run(durable_url(broker), takes=0.05)
    until(lambda: len(service.came) == 30, what="all have come")
    assert sorted(service.bodies()) == [*range(30)]
    assert {event.attempt for event in service.came if event.body < 20} == {2}
    assert {event.attempt for event in service.came if event.body >= 20} == {1}
    assert service.at_once[1] > 1


def test_suspects_are_tried_alone_and_the_others_are_not_held_up(broker, run):
    run.end(run(durable_url(broker)))
    with open_transport(durable_url(broker)) as transport:
        for number in range(20):
            transport.emit_event("noted", number, headers={"a": "b"}).wait(30)
    taken_by_the_dead(broker, 10, times=2)
    service = run(durable_url(broker), takes=0.1)
    until(lambda: len(service.came) == 20, what="all have come")
    bodies = service.bodies()
    suspects = [body for body in bodies if body < 10]
    assert suspects == [*range(10)]
    assert {*bodies[:10]} > {*range(11, 20)}
    for event in service.came:
        assert event.attempt == (3 if event.body < 10 else 1)
        assert event.headers == {"a": "b"}


@pytest.mark.parametrize(("count", "times", "most"), [(1, 1, 2), (2, 1, 3), (2, 3, 5)])
def test_a_suspect_that_was_in_too_many_deaths_is_given_up_unseen(
    broker, run, caplog, count, times, most
):
    run.end(run(durable_url(broker)))
    headers = {"x-gemstone-event": "noted", "x-gemstone-attempts": count, "a": "b"}
    with client(broker) as channel:
        properties = pika.BasicProperties(message_id="7", headers=headers, delivery_mode=2)
        channel.basic_publish("", SUSPECTS, b"1", properties)
    taken_by_the_dead(broker, 1, times, SUSPECTS)
    service = run(durable_url(broker), max_deliveries=most)
    with dead_letters(durable_url(broker)) as letters:
        [letter] = until(letters.list, what="it is a dead letter")
    assert (letter.service, letter.event_name, letter.event_id) == ("service", "noted", "7")
    assert (letter.body, letter.headers, letter.attempts) == (1, {"a": "b"}, most)
    assert letter.reason == "its process died each time"
    assert service.came == []
    assert lines(caplog, "1 event went to the dead letters", "its process died each time")


def test_what_may_be_tried_once_is_not_tried_after_a_death(broker, run):
    run.end(run(durable_url(broker)))
    with open_transport(durable_url(broker)) as transport:
        transport.emit_event("noted", 1).wait(30)
    taken_by_the_dead(broker, 1, times=1)
    service = run(durable_url(broker), max_deliveries=1)
    with dead_letters(durable_url(broker)) as letters:
        [letter] = until(letters.list, what="it is a dead letter")
    assert letter.attempts == 1
    assert service.came == []


def test_dead_letters_that_were_looked_at_are_there_again_and_in_their_order(broker, run):
    url = durable_url(broker)
    service = run(url, max_deliveries=1)
    with client(broker) as channel, dead_letters(url) as letters:
        for _ in range(20):
            channel.basic_publish(EXCHANGE, "noted", b'"bad"')
        until(lambda: len(letters.list()) == 20, what="all are dead letters")
        all_of_them = letters.list()
        for _ in range(20):
            # One is read, or some are; the others never left the queue.
            [first] = letters.list(limit=1)
            assert letters.list() == all_of_them
            [chosen] = letters.list([first.id])
            assert chosen == first
            with dead_letters(url) as others:
                assert others.list() == all_of_them
        assert letters.purge([all_of_them[7].id]) == 1
        assert letters.list() == all_of_them[:7] + all_of_them[8:]
    run.end(service)


# Outages.


def test_a_deleted_queue_is_made_again(broker, run, caplog):
    service = run(durable_url(broker))
    for queue in (QUEUE, RETRIES):
        before = service.status.reconnects
        broker.delete_queue(queue)
        until(lambda before=before: comes_back(service, before), what="it is connected again")
    assert lines(caplog, "sends no events: a queue was deleted")
    service.emit_event("noted", 1).wait(30)
    until(lambda: service.bodies() == [1], what="it has come")


def test_where_dead_letters_have_no_queue_it_is_made_again(broker, run, caplog):
    service = run(durable_url(broker), max_deliveries=1)
    with client(broker) as channel:
        channel.queue_delete(DEAD)
    service.emit_event("noted", "bad").wait(30)
    with dead_letters(durable_url(broker)) as letters:
        until(letters.list, what="it is a dead letter")
    # It has come twice: what had nowhere to go was not acknowledged.
    assert lines(caplog, "the queue 'gemstone.dead' is not there any more")


@pytest.mark.parametrize("is_made_again", [True, False])
def test_an_exchange_that_is_deleted_is_bound_again(broker, run, monkeypatch, is_made_again):
    monkeypatch.setattr(_durable_consumer, "_LOOK_EVERY", 1.0)
    service = run(durable_url(broker))
    with client(broker) as channel:
        channel.exchange_delete(EXCHANGE)
        if is_made_again:
            channel.exchange_declare(EXCHANGE, "topic", durable=True)
        else:
            until(lambda: comes_back(service, 0), what="it is connected again")

        def arrives():
            channel.basic_publish(EXCHANGE, "noted", b"1")
            return service.came

        until(arrives, what="one has come")


def test_an_exchange_that_was_made_otherwise_is_told(broker, run, caplog):
    with client(broker) as channel:
        channel.exchange_declare(EXCHANGE, "fanout")
    service = run(durable_url(broker), connected=False, emit_timeout=60.0)
    receipt = service.emit_event("noted", 1)
    until(lambda: lines(caplog, "to accept events", EXCHANGE), what="it is told")
    until(
        lambda: lines(caplog, "to emit events", "than a topic exchange that is durable"),
        what="it is told by the other, too",
    )
    with client(broker) as channel:
        channel.exchange_delete(EXCHANGE)
    receipt.wait(30)
    until(lambda: service.status.connected_since, what="it is connected")


def test_an_alarm_is_waited_for_and_holds_up_no_acknowledgement(own_rabbitmq, run, caplog):
    broker = own_rabbitmq()  # else others would wait for the end of the alarm if this fails
    service = run(durable_url(broker), emit_timeout=60.0)
    service.release.clear()
    for number in range(10):
        service.emit_event("noted", number if number else "bad").wait(30)
    until(lambda: service.at_once[0] == 10, what="all are with their handlers")
    broker.ctl("set_vm_memory_high_watermark", "0.00001")
    receipt = service.emit_event("noted", "last")
    until(lambda: lines(caplog, "takes no events for now"), what="it is told")
    service.release.set()

    def left():
        return {queue.name: queue.messages for queue in broker.queues()}[QUEUE]

    # The one that failed must be moved, which must wait; it keeps none of the others waiting.
    until(lambda: left() == 1, what="the others are acknowledged")
    assert not receipt.done()
    broker.ctl("set_vm_memory_high_watermark", "0.4")
    receipt.wait(30)
    until(lambda: "last" in service.bodies(), what="it has come")
    until(lambda: service.bodies().count("bad") > 1, what="the one that failed is tried again")


def test_a_broker_that_was_killed_has_kept_everything(own_rabbitmq, run):
    broker = own_rabbitmq()
    service = run(durable_url(broker), emit_timeout=60.0)
    service.release.clear()
    receipts = [service.emit_event("noted", number) for number in range(500)]
    broker.kill()
    service.release.set()
    receipts += [service.emit_event("noted", number) for number in range(500, 600)]
    broker.start()
    for receipt in receipts:
        receipt.wait(60)
    until(lambda: {*service.bodies()} == {*range(600)}, what="all have come")


def test_what_was_handled_in_an_outage_is_not_handled_again(own_rabbitmq, run):
    broker = own_rabbitmq()
    service = run(durable_url(broker), emit_timeout=60.0)
    service.release.clear()
    for number in range(50):
        service.emit_event("noted", number).wait(30)
    until(lambda: service.at_once[0] == 50, what="all are with their handlers")
    broker.kill()
    service.release.set()
    until(lambda: len(service.came) == 50, what="all are handled")
    broker.start()
    until(lambda: service.status.connected_since, what="it is connected again")
    service.emit_event("noted", "last").wait(60)
    until(lambda: "last" in service.bodies(), what="the next one has come")

    def left():
        with client(broker) as channel:
            return ready(channel, QUEUE)

    until(lambda: left() == 0, what="all is acknowledged")
    assert len(service.came) == 51


# What may be wrong.


def test_urls_that_are_wrong():
    for url in ("amqp://guest:s3cret@127.0.0.1", "amqp+durable://ada:s3cret@127.0.0.1/?x=1"):
        with pytest.raises(ServiceConfigurationError) as caught:
            DurableRabbitMqEventTransport.from_url(url)
        assert "s3cret" not in str(caught.value)
    transport = DurableRabbitMqEventTransport.from_url("amqps+durable://ada:s3cret@there")
    assert str(transport) == "amqps+durable://ada:***@there:5671/"


def test_a_name_that_is_too_long_for_a_queue_is_told(broker, run):
    service = run(durable_url(broker), connected=False, name="x" * 250)
    until(lambda: service.status.error, what="it is told")
    assert "give the service" in service.status.error


def test_dead_letters_that_have_nowhere_to_go(broker, run):
    url = durable_url(broker)
    service = run(url, max_deliveries=1)
    service.emit_event("noted", "bad").wait(30)
    with dead_letters(url) as letters:
        until(letters.list, what="it is a dead letter")
        with pytest.raises(EventRefusedError, match="an instance of 'service' runs"):
            forget_service(url, "service", ["noted"])
        run.end(service)
        assert forget_service(url, "service", ["noted", "another"]) == 1
        with pytest.raises(EventRefusedError, match="has no queue 'gemstone:service:noted'"):
            letters.replay()
        assert len(letters.list()) == 1
    assert {queue.name for queue in broker.queues()} == {DEAD}
