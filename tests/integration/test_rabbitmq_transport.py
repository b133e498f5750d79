"""RabbitMqEventTransport on a real RabbitMQ, which is killed, paused and disturbed."""

import contextlib
import json
import logging
import socket
import threading
import time
from pathlib import Path

import pika
import pytest

import gemstone
from gemstone.errors import EventExpiredError, EventRefusedError
from gemstone.event import Event, RabbitMqEventTransport, event_handler, open_transport
from gemstone_core.testing import EventTransportContract
from gemstone_rabbitmq import _consumer
from tools.brokers import free_ports
from tools.waiting import until

CERTIFICATE = Path(__file__).parents[1] / "functional" / "client" / "tls.pem"
EXCHANGE = "gemstone.broadcast.noted"


class TestBroadcast(EventTransportContract):
    carries_ids = True
    carries_headers = True

    @pytest.fixture(autouse=True)
    def broker(self, mortal_rabbitmq):
        self._broker = mortal_rabbitmq
        self.url = mortal_rabbitmq.url

    def make_transport(self):
        return RabbitMqEventTransport.from_url(self.url)

    def make_unreachable_transport(self):
        [port] = free_ports(1)
        return RabbitMqEventTransport("127.0.0.1", port)

    def break_connections(self):
        self._broker.close_connections()

    def send_raw(self, event_name, data):
        with client(self._broker.url) as channel:
            channel.basic_publish(f"gemstone.broadcast.{event_name}", "", data)


class Service(gemstone.MicroService):
    """Notes the events of one name that come; those that are to be held wait for `release`."""

    name = "service"
    port = 0
    drain_grace = 0
    emit_timeout = 10.0

    def __init__(self, url, **attributes):
        self.event_transports = [url]
        self.__dict__.update(attributes)
        self.came = []
        self.release = threading.Event()
        super().__init__()

    @event_handler("noted", blocking=True)
    def note(self, body, event: Event):
        self.came.append(event)
        if isinstance(body, str) and body.startswith("hold"):
            assert self.release.wait(60)

    @property
    def status(self):
        [status] = self.event_status()
        return status

    def bodies(self):
        return [event.body for event in [*self.came]]


class Emitter(gemstone.MicroService):
    """Only emits."""

    name = "emitter"
    port = 0
    drain_grace = 0

    def __init__(self, url, **attributes):
        self.event_transports = [url]
        self.__dict__.update(attributes)
        super().__init__()

    @property
    def status(self):
        [status] = self.event_status()
        return status


@pytest.fixture
def run():
    """Runs services, that are connected if they can be; ends them with the test."""
    running = []

    def start(url, connected=True, kind=Service, **attributes):
        service = kind(url, **attributes)
        thread = service.start_in_thread()
        thread.__enter__()
        running.append((service, thread))
        if connected:
            until(lambda: service.status.connected_since, what="it is connected")
        return service

    yield start
    for service, thread in running:
        if isinstance(service, Service):
            service.release.set()
        thread.__exit__(None, None, None)


@contextlib.contextmanager
def client(url):
    """A channel of pika's own."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        yield connection.channel()


def unacknowledged(broker):
    return sum(
        queue["messages_unacknowledged"]
        for queue in broker._list("list_queues", "messages_unacknowledged")
    )


def lines(caplog, *words):
    return [
        record.getMessage()
        for record in caplog.records
        if all(word in record.getMessage() for word in words)
    ]


def comes_back(service, before):
    """Whether a connection was there again, and there is one."""
    return service.status.reconnects > before and service.status.connected_since


def test_a_raw_client_gets_what_is_emitted(rabbitmq_server, run):
    emitter = run(rabbitmq_server.url, kind=Emitter)
    with client(rabbitmq_server.url) as channel:
        channel.exchange_declare(EXCHANGE, "fanout")
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, EXCHANGE)
        before = int(time.time())
        emitter.emit_event("noted", {"ü": [1, None]}, headers={"a": "ü"}).wait(30)
        emitter.emit_event("noted", 2).wait(30)
        _, properties, body = channel.basic_get(queue)
        assert json.loads(body) == {"ü": [1, None]}
        assert properties.headers == {"a": "ü"}
        assert properties.content_type == "application/json"
        assert before <= properties.timestamp <= time.time()
        _, other, body = channel.basic_get(queue)
        assert (body, other.headers) == (b"2", None)
        assert len({properties.message_id, other.message_id}) == 2


def test_what_a_raw_client_publishes_arrives(rabbitmq_server, run):
    service = run(rabbitmq_server.url)
    with client(rabbitmq_server.url) as channel:
        channel.exchange_declare(EXCHANGE, "fanout")
        channel.basic_publish(EXCHANGE, "", b'{"a": 1}')
        channel.basic_publish(
            EXCHANGE,
            "whatever",
            b"[]",
            pika.BasicProperties(
                message_id="7", headers={"n": 1, "b": b"\xff", "t": {"x": [True]}}
            ),
        )
        until(lambda: len(service.came) == 2, what="both have come")
    first, second = service.came
    assert (first.body, first.id, dict(first.headers)) == ({"a": 1}, None, {})
    assert (second.body, second.id) == ([], "7")
    assert second.headers == {"n": "1", "b": "\ufffd", "t": '{"x": [true]}'}
    assert second.transport is not None


def test_bad_bodies_kill_nothing(rabbitmq_server, run, caplog):
    service = run(rabbitmq_server.url, max_event_size=1000)
    with client(rabbitmq_server.url) as channel:
        for body in (b"", b"\xff", b"nonsense", b"[" * 900, b'"' + b"x" * 2000 + b'"'):
            channel.basic_publish(EXCHANGE, "", body)
        channel.basic_publish(EXCHANGE, "", b'"good"')
        until(lambda: service.came, what="the good one has come")
    assert service.bodies() == ["good"]
    assert service.status.refused == 5
    assert service.status.reconnects == 0
    assert len(lines(caplog, "can't be read")) == 1


class TimeInMilliseconds(pika.BasicProperties):
    """A header of a time that Python has no date for, which pika can't read."""

    def encode(self):
        value = b"\x01tT" + (10**15).to_bytes(8, "big")
        return [self.FLAG_HEADERS.to_bytes(2, "big"), len(value).to_bytes(4, "big"), value]


def test_headers_that_pika_cannot_read_only_break_the_connection(rabbitmq_server, run):
    service = run(rabbitmq_server.url)
    with client(rabbitmq_server.url) as channel:
        channel.basic_publish(EXCHANGE, "", b"1", TimeInMilliseconds())
        until(lambda: comes_back(service, 0), what="it is connected again")
        channel.basic_publish(EXCHANGE, "", b'"good"')
        until(lambda: service.bodies() == ["good"], what="the good one has come")


def test_it_comes_back_when_the_broker_does(mortal_rabbitmq, run, caplog):
    service = run(mortal_rabbitmq.url, emit_timeout=60.0)
    for number in range(2):
        caplog.clear()
        before = service.status.reconnects
        mortal_rabbitmq.kill()
        until(lambda: len(lines(caplog, "Connection refused")) == 2, what="both ways are gone")
        waiting = service.emit_event("noted", number)
        mortal_rabbitmq.start()
        began = time.monotonic()
        until(lambda before=before: comes_back(service, before + 1), what="it is connected again")
        assert time.monotonic() - began < 5
        waiting.wait(30)
        service.emit_event("noted", f"after {number}").wait(30)
        until(lambda number=number: f"after {number}" in service.bodies(), what="it has come")
        # Each way is gone once, and back once; and nothing of pika's own is told.
        assert len(lines(caplog, "connected again")) == 2
        assert not [record for record in caplog.records if record.name.startswith("pika")]
        assert not [record for record in caplog.records if record.exc_info]


def test_it_comes_back_when_its_queue_is_deleted(mortal_rabbitmq, run):
    service = run(mortal_rabbitmq.url)
    [queue] = mortal_rabbitmq.queues()
    assert queue.consumers == 1
    mortal_rabbitmq.delete_queue(queue.name)
    until(lambda: comes_back(service, 0), what="it is connected again")
    service.emit_event("noted", 1).wait(30)
    until(lambda: service.bodies() == [1], what="it has come")


def test_a_consumer_that_is_gone_without_a_word_is_noticed(mortal_rabbitmq, run, monkeypatch):
    monkeypatch.setattr(_consumer, "_LOOK_EVERY", 1.0)
    monkeypatch.setattr(_consumer.Consumer, "_on_cancel", lambda self, _: None)
    service = run(mortal_rabbitmq.url)
    [queue] = mortal_rabbitmq.queues()
    mortal_rabbitmq.delete_queue(queue.name)
    until(lambda: comes_back(service, 0), what="it is connected again")
    service.emit_event("noted", 1).wait(30)
    until(lambda: service.bodies() == [1], what="it has come")


@pytest.mark.parametrize("is_made_again", [True, False])
def test_an_exchange_that_is_deleted_is_bound_again(
    mortal_rabbitmq, run, monkeypatch, is_made_again
):
    monkeypatch.setattr(_consumer, "_LOOK_EVERY", 1.0)
    service = run(mortal_rabbitmq.url)
    with client(mortal_rabbitmq.url) as channel:
        channel.exchange_delete(EXCHANGE)
        if is_made_again:
            channel.exchange_declare(EXCHANGE, "fanout")
        else:
            until(lambda: comes_back(service, 0), what="it is connected again")

        def arrives():
            channel.basic_publish(EXCHANGE, "", b"1")
            return service.came

        until(arrives, what="one has come")


@pytest.fixture
def without_exchange(mortal_rabbitmq):
    """A broker on which nobody has made the exchange, nor has when the test is over."""

    def delete():
        with client(mortal_rabbitmq.url) as channel:
            channel.exchange_delete(EXCHANGE)

    delete()
    yield mortal_rabbitmq
    delete()


@pytest.mark.parametrize("kind", [("fanout", True), ("topic", False), ("direct", False)])
def test_an_exchange_that_was_made_otherwise_is_used_as_it_is(without_exchange, run, caplog, kind):
    broker = without_exchange
    exchange_type, durable = kind
    with client(broker.url) as channel:
        channel.exchange_declare(EXCHANGE, exchange_type, durable=durable)
    service = run(broker.url)
    others = [service.emit_event("other", number) for number in range(500)]
    service.emit_event("noted", 1).wait(30)
    for receipt in others:
        receipt.wait(30)
    until(lambda: service.bodies() == [1], what="it has come")
    assert service.status.reconnects == 0
    broker.close_connections()
    until(lambda: comes_back(service, 1), what="it is connected again")
    service.emit_event("noted", 2).wait(30)
    assert len(lines(caplog, EXCHANGE, "used as it is")) == 1


def test_wrong_credentials_and_hosts_are_told_and_tried_again(mortal_rabbitmq, run, caplog):
    broker = mortal_rabbitmq
    address = f"{broker.host}:{broker.port}"
    for user, vhost, words in [
        ("guest:sesame", "", "the user name or the password is wrong"),
        ("guest:guest", "nowhere", "nowhere"),
    ]:
        caplog.clear()
        service = run(f"amqp://{user}@{address}/{vhost}", connected=False)
        until(lambda service=service: service.status.error, what="it is told")
        assert words in service.status.error
        assert f"amqp://guest:***@{address}/{vhost}" in service.status.error
        until(lambda: len(lines(caplog, "trying again")) == 2, what="it is told, of each way")
        assert "sesame" not in caplog.text
        assert not [record for record in caplog.records if record.name.startswith("pika")]
    receipt = service.emit_event("noted", 1)
    broker.ctl("add_vhost", "nowhere")
    broker.ctl("set_permissions", "-p", "nowhere", "guest", ".*", ".*", ".*")
    until(lambda: service.status.connected_since, what="it is connected")
    receipt.wait(30)


def test_an_exchange_that_is_refused_fails_only_its_events(mortal_rabbitmq, run):
    broker = mortal_rabbitmq
    broker.ctl("add_user", "ada", "sesame")
    anything_but = r"^(?!gemstone\.broadcast\.secret).*"
    broker.ctl("set_permissions", "ada", anything_but, anything_but, ".*")
    emitter = run(f"amqp://ada:sesame@{broker.host}:{broker.port}/", kind=Emitter)
    others, refused = [], []
    for number in range(300):
        others.append(emitter.emit_event(f"other.{number % 3}", number))
        if number % 10 == 0:
            refused.append(emitter.emit_event("secret", number))
    for receipt in refused:
        with pytest.raises(EventRefusedError, match=r"gemstone\.broadcast\.secret"):
            receipt.wait(30)
    for receipt in others:
        receipt.wait(30)
    assert emitter.status.reconnects == 0
    # There already, made by who may: what is not to be made can be used.
    broker.ctl("set_permissions", "ada", anything_but, ".*", ".*")
    with client(broker.url) as channel:
        channel.exchange_declare("gemstone.broadcast.secret", "fanout")
    emitter.emit_event("secret", 1).wait(30)


def test_reading_pauses_while_handlers_have_as_many_as_they_may(mortal_rabbitmq, run):
    service = run(mortal_rabbitmq.url, max_concurrent_events=3, executor_size=8)
    for receipt in [service.emit_event("noted", f"hold {number}") for number in range(20)]:
        receipt.wait(30)
    until(lambda: len(service.came) == 3, what="three are with their handler")
    # Three, and three times as many that are fetched ahead.
    until(lambda: unacknowledged(mortal_rabbitmq) == 12, what="no more are fetched")
    assert [queue.messages for queue in mortal_rabbitmq.queues()] == [20]
    assert len(service.came) == 3
    service.release.set()
    until(lambda: len(service.came) == 20, what="all have come")
    until(lambda: unacknowledged(mortal_rabbitmq) == 0, what="all are acknowledged")


def test_a_slow_handler_holds_up_nothing_behind_it(rabbitmq_server, run):
    service = run(rabbitmq_server.url, max_concurrent_events=4)
    service.emit_event("noted", "hold").wait(30)
    until(lambda: service.came, what="the slow one has come")
    for number in range(200):
        service.emit_event("noted", number)
    until(lambda: len(service.came) == 201, what="all have come")
    assert not service.release.is_set()


def test_handlers_of_a_broken_connection_hold_up_only_events(mortal_rabbitmq, run):
    service = run(mortal_rabbitmq.url, max_concurrent_events=3)
    for number in range(3):
        service.emit_event("noted", f"hold {number}").wait(30)
    until(lambda: len(service.came) == 3, what="three are with their handler")
    mortal_rabbitmq.close_connections()
    until(lambda: comes_back(service, 1), what="it is connected again")
    for number in range(20):
        service.emit_event("noted", number).wait(30)
    until(lambda: unacknowledged(mortal_rabbitmq) == 12, what="the next ones are fetched")
    # The thread of the connection does not wait for them: it still answers, and is closed.
    mortal_rabbitmq.close_connections()
    until(lambda: comes_back(service, 3), what="it is connected again")
    assert len(service.came) == 3
    service.release.set()
    service.emit_event("noted", "last").wait(30)
    until(lambda: "last" in service.bodies(), what="the last one has come")
    until(lambda: unacknowledged(mortal_rabbitmq) == 0, what="all are acknowledged")


def test_a_broker_that_takes_nothing_is_waited_for(mortal_rabbitmq, run, caplog):
    emitter = run(mortal_rabbitmq.url, kind=Emitter, emit_timeout=1.0)
    emitter.emit_event("noted", 0).wait(30)
    try:
        mortal_rabbitmq.ctl("set_vm_memory_high_watermark", "0.0000001")
        # It says so to who publishes.
        stuck = emitter.emit_event("noted", 1)
        until(lambda: lines(caplog, "takes no events for now"), what="it is told")
        expired = emitter.emit_event("noted", 2)
        with pytest.raises(EventExpiredError):
            expired.wait(30)
    finally:
        mortal_rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")
    until(lambda: lines(caplog, "takes events again"), what="it is told")
    emitter.emit_event("noted", 3).wait(30)
    stuck.exception(30)  # whatever became of it, it is decided
    assert len(lines(caplog, "takes no events for now")) == 1
    assert emitter.status.reconnects == 0


def test_nothing_is_left_after_its_end(mortal_rabbitmq):
    before = set(threading.enumerate())
    until(lambda: not mortal_rabbitmq.connections(), what="nobody is connected")
    logged = len(mortal_rabbitmq.log)
    with Service(mortal_rabbitmq.url).start_in_thread() as service:
        service.emit_event("noted", 1).wait(30)
        until(lambda: service.bodies() == [1], what="it has come")
        assert len(mortal_rabbitmq.connections()) == 2
        assert len(mortal_rabbitmq.queues()) == 1
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert set(threading.enumerate()) <= before
    until(lambda: not mortal_rabbitmq.connections(), what="nobody is connected")
    assert not mortal_rabbitmq.queues()
    assert "unexpectedly" not in mortal_rabbitmq.log[logged:]


def test_a_broker_that_hangs_holds_up_nobodys_end(mortal_rabbitmq):
    before = set(threading.enumerate())
    with Service(mortal_rabbitmq.url).start_in_thread() as service:
        service.emit_event("noted", 1).wait(30)
        mortal_rabbitmq.pause()
        lost = service.emit_event("noted", 2)
        began = time.monotonic()
    assert time.monotonic() - began < 9  # 5 s of them to flush
    mortal_rabbitmq.resume()
    assert lost.exception(0) is not None
    assert set(threading.enumerate()) <= before


def test_it_ends_while_it_connects():
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        transport = RabbitMqEventTransport("127.0.0.1", port)
        with Service(transport).start_in_thread(), silent.accept()[0]:
            began = time.monotonic()
        assert time.monotonic() - began < 3
    until(lambda: set(threading.enumerate()) <= before, what="no thread is left", within=5)


def test_it_emits_without_a_service(rabbitmq_server, run):
    service = run(rabbitmq_server.url)
    transport = RabbitMqEventTransport.from_url(rabbitmq_server.url)
    transport.emit_event("noted", {"from": "a script"})
    until(lambda: service.bodies() == [{"from": "a script"}], what="it has come")


def test_who_emits_without_a_service_is_told_why_it_failed(monkeypatch):
    monkeypatch.setattr("gemstone_rabbitmq._base._PATIENCE", 0.5)
    [port] = free_ports(1)
    with pytest.raises(EventExpiredError, match=r"guest:\*\*\*@.*refused"):
        RabbitMqEventTransport(port=port).emit_event("noted", 1)


def test_bodies_of_many_frames_and_many_headers_travel(rabbitmq_server):
    headers = {f"header-{number}": "ü" * 50 for number in range(100)}
    with open_transport(rabbitmq_server.url) as transport:
        events = transport.listen("large", timeout=30)
        transport.emit_event("large", "x" * 1_000_000, headers=headers).wait(30)
        event = next(events)
        assert len(event.body) == 1_000_000
        assert event.headers == headers
        with pytest.raises(EventRefusedError, match="headers"):
            transport.emit_event("large", 1, headers={"a": "x" * 200_000}).wait(30)
        transport.emit_event("large", 2).wait(30)
        assert next(events).body == 2


def test_tls_is_spoken_and_verified(own_rabbitmq, run):
    [port] = free_ports(1)
    own_rabbitmq(
        f"listeners.ssl.default = 127.0.0.1:{port}\n"
        f"ssl_options.certfile = {CERTIFICATE}\n"
        f"ssl_options.keyfile = {CERTIFICATE}\n"
    )
    service = run(f"amqps://127.0.0.1:{port}/?cacertfile={CERTIFICATE}")
    service.emit_event("noted", 1).wait(30)
    until(lambda: service.bodies() == [1], what="it has come")
    stranger = run(f"amqps://127.0.0.1:{port}/", connected=False)
    until(lambda: stranger.status.error, what="it is told")
    assert "CERTIFICATE_VERIFY_FAILED" in stranger.status.error
    plain = run(f"amqp://127.0.0.1:{port}/", connected=False)
    until(lambda: plain.status.error, what="it is told")
    assert "wants TLS" in plain.status.error


def test_it_logs_to_its_service(mortal_rabbitmq, run, caplog):
    caplog.set_level(logging.INFO)
    run(mortal_rabbitmq.url)
    assert lines(caplog, "to accept events: connected")
