"""RedisEventTransport on a real Redis, which is killed and paused."""

import json
import logging
import socketserver
import threading
import uuid
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

import gemstone
from gemstone.errors import EventExpiredError, EventRefusedError, EventUnconfirmedError
from gemstone.event import Event, RedisEventTransport, event_handler, open_transport
from gemstone_core.testing import EventTransportContract
from tools.brokers import free_ports
from tools.waiting import until

CERTIFICATE = Path(__file__).parents[1] / "functional" / "client" / "tls.pem"
#: So that a broker that hangs is found within 1.5 times this, in seconds.
IMPATIENT = "socket_timeout=1"


class TestBroadcast(EventTransportContract):
    @pytest.fixture(autouse=True)
    def broker(self, mortal_redis):
        self._broker = mortal_redis
        self.url = mortal_redis.url

    def make_transport(self):
        return RedisEventTransport(self.url)

    def make_unreachable_transport(self):
        [port] = free_ports(1)
        return RedisEventTransport(f"redis://127.0.0.1:{port}")

    def break_connections(self):
        self._broker.restart()

    def send_raw(self, event_name, data):
        with self._broker.client() as client:
            client.publish(event_name, data)


class TestBroadcastInEnvelopes(TestBroadcast):
    carries_ids = True
    carries_headers = True

    @pytest.fixture(autouse=True)
    def broker(self, mortal_redis):
        self._broker = mortal_redis
        self.url = f"{mortal_redis.url}?envelope=1"

    def make_unreachable_transport(self):
        [port] = free_ports(1)
        return RedisEventTransport(f"redis://127.0.0.1:{port}/0?envelope=1")


class Service(gemstone.MicroService):
    """Notes the events of one name that come."""

    name = "service"
    port = 0
    drain_grace = 0

    def __init__(self, url):
        self.event_transports = [url]
        self.came = []
        super().__init__()

    @event_handler("noted")
    def note(self, event: Event):
        self.came.append(event)

    @property
    def status(self):
        [status] = self.event_status()
        return status

    def bodies(self):
        return [event.body for event in [*self.came]]


@pytest.fixture
def run():
    """Runs services, that are connected if they can be; ends them with the test."""
    running = []

    def start(url, connected=True):
        service = Service(url)
        running.append(service.start_in_thread())
        running[-1].__enter__()
        if connected:
            until(lambda: service.status.connected_since, what="it is connected")
        return service

    yield start
    for each in running:
        each.__exit__(None, None, None)


@pytest.fixture
def listener(redis_server):
    """A client of redis-py that listens to a channel nobody else uses."""
    with redis_server.client() as client, client.pubsub() as pubsub:
        channel = f"tests.{uuid.uuid4().hex}"
        pubsub.subscribe(channel)
        assert pubsub.get_message(timeout=30)["type"] == "subscribe"
        pubsub.channel = channel
        yield pubsub


def with_options(url, options):
    return f"{url}{'&' if '?' in url else '?'}{options}"


def user_url(broker, user, password):
    return f"redis://{user}:{quote(password, safe='')}@{broker.host}:{broker.port}/0"


# What travels.


def test_a_message_is_the_json_of_the_body(redis_server, listener):
    with open_transport(redis_server.url) as transport:
        transport.emit_event(listener.channel, {"a": [1, None, "\u00fc"]}, headers={"x": "y"})
        message = listener.get_message(timeout=30)
    assert message["channel"] == listener.channel.encode()
    assert json.loads(message["data"]) == {"a": [1, None, "\u00fc"]}


def test_an_envelope_is_a_json_object(redis_server, listener):
    with open_transport(with_options(redis_server.url, "envelope=1")) as transport:
        transport.emit_event(listener.channel, [1], headers={"x": "y"})
        transport.emit_event(listener.channel, [2])
        first, second = (json.loads(listener.get_message(timeout=30)["data"]) for _ in "12")
    assert first == {"id": first["id"], "headers": {"x": "y"}, "body": [1]}
    assert second == {"id": second["id"], "headers": {}, "body": [2]}
    assert len({first["id"], second["id"]}) == 2


def test_what_others_publish_is_handled(mortal_redis, run):
    service = run(mortal_redis.url)
    with mortal_redis.client() as client:
        assert client.publish("noted", '{"a": 1}') == 1
        client.publish("noted", b" null ")
    until(lambda: len(service.came) == 2, what="both have come")
    assert service.bodies() == [{"a": 1}, None]
    assert [(event.id, dict(event.headers)) for event in service.came] == [(None, {})] * 2


def test_bad_envelopes_are_told_once_and_counted(mortal_redis, run, caplog):
    bad = [
        b"[",
        b"1",
        b"[]",
        b"{}",
        b'{"id": "1", "headers": {}}',
        b'{"id": 1, "headers": {}, "body": 1}',
        b'{"id": "1", "headers": {"a": 1}, "body": 1}',
        b'{"id": "1", "headers": [], "body": 1}',
        b'{"id": "1", "headers": {}, "body": }',
        b"\xff",
        b"[" * 100_000,
    ]
    service = run(with_options(mortal_redis.url, "envelope=1"))
    with mortal_redis.client() as client:
        for message in bad:
            client.publish("noted", message)
        client.publish("noted", b'{"body": "just it"}')
        client.publish("noted", b'{"more": 1, "id": "7", "headers": {"a": "b"}, "body": "all"}')
    until(lambda: len(service.came) == 2, what="the good ones have come")
    assert service.bodies() == ["just it", "all"]
    assert [(event.id, dict(event.headers)) for event in service.came] == [
        (None, {}),
        ("7", {"a": "b"}),
    ]
    assert service.status.refused == len(bad)
    assert service.status.reconnects == 0
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(told) == 1
    assert "it is no envelope" in told[0]


# Ways to connect.


def works(url):
    """Emits and receives through a URL."""
    with open_transport(url) as transport:
        events = transport.listen("noted", timeout=30)
        until(lambda: transport.event_status().connected_since, what="it is connected")
        transport.emit_event("noted", 1).wait(30)
        assert next(events).body == 1


def test_a_unix_socket(own_redis, tmp_path):
    socket = tmp_path / "redis.sock"
    broker = own_redis(unixsocket=str(socket), requirepass="a/b@c?d#e&f=g%h i")
    password = quote("a/b@c?d#e&f=g%h i", safe="")
    works(f"unix://{socket}?db=3&password={password}")
    works(f"unix://:{password}@{socket}")
    works(f"{broker.url}")


def test_tls(own_redis):
    [port] = free_ports(1)
    own_redis(
        tls_port=str(port),
        tls_cert_file=str(CERTIFICATE),
        tls_key_file=str(CERTIFICATE),
        tls_auth_clients="no",
    )
    works(f"rediss://127.0.0.1:{port}/1?ssl_ca_certs={quote(str(CERTIFICATE))}")
    works(f"rediss://127.0.0.1:{port}/1?ssl_cert_reqs=none")
    transport = RedisEventTransport(f"rediss://127.0.0.1:{port}")
    with pytest.raises(EventRefusedError, match="CERTIFICATE_VERIFY_FAILED"):
        transport.emit_event("noted", 1)


def test_wrong_credentials_are_told_until_they_are_right(own_redis, run, caplog):
    broker = own_redis(requirepass="right")
    service = run(f"redis://:hunter2@{broker.host}:{broker.port}/0", connected=False)
    receipt = service.emit_event("noted", 1)
    until(lambda: "AuthenticationError" in (service.status.error or ""), what="it says so")
    with broker.client() as client:
        client.config_set("requirepass", "hunter2")
        until(lambda: service.status.connected_since, what="it is connected")
        assert client.info("clients")["connected_clients"] == 3
    receipt.wait(30)
    assert service.status.error is None
    assert "hunter2" not in caplog.text


def test_a_wrong_database_is_told(own_redis, run):
    broker = own_redis(databases="2")
    service = run(broker.url.replace("/0", "/2"), connected=False)
    until(lambda: "DB index is out of range" in (service.status.error or ""), what="it says so")


def test_a_channel_that_is_forbidden_fails_its_events_alone(own_redis):
    broker = own_redis()
    with broker.client() as client:
        client.acl_setuser(
            "some", enabled=True, passwords=["+x"], channels=["allowed"], commands=["+publish"]
        )
    with open_transport(user_url(broker, "some", "x")) as transport:
        names = ["allowed", "forbidden"] * 20
        receipts = [transport.emit_event(name, 1) for name in names]
        for name, receipt in zip(names, receipts, strict=True):
            error = receipt.exception(30)
            assert (error is None) is (name == "allowed")
            assert error is None or isinstance(error, EventRefusedError)
        status = transport.event_status()
        assert (status.emitted, status.failed, status.reconnects) == (20, 20, 0)


def test_a_forbidden_subscription_is_named(own_redis, run):
    broker = own_redis()
    with broker.client() as client:
        client.acl_setuser(
            "some", enabled=True, passwords=["+x"], channels=["other"], categories=["+@all"]
        )
        service = run(user_url(broker, "some", "x"), connected=False)
        said = "the subscription to 'noted' was refused"
        until(lambda: said in (service.status.error or ""), what="it says so")
        client.execute_command("ACL", "SETUSER", "some", "&noted")
        until(lambda: service.status.connected_since, what="it is connected")


def test_rights_to_publish_and_subscribe_are_enough(own_redis):
    broker = own_redis()
    with broker.client() as client:
        client.acl_setuser(
            "some",
            enabled=True,
            passwords=["+x"],
            channels=["*"],
            commands=["+publish", "+subscribe"],
        )
    works(user_url(broker, "some", "x"))


# Faults.


def test_an_idle_connection_that_was_closed_costs_no_event(mortal_redis):
    with open_transport(mortal_redis.url) as transport:
        for number in range(3):
            transport.emit_event("noted", number).wait(30)
            mortal_redis.restart()
        assert transport.event_status().failed == 0


def test_kill_and_return(mortal_redis, run):
    service = run(mortal_redis.url)
    for number in range(1, 3):
        mortal_redis.kill()
        until(lambda: not service.status.connected_since, what="it is noticed")
        waits = service.emit_event("elsewhere", 1)
        mortal_redis.start()
        waits.wait(30)
        until(lambda: service.status.connected_since, what="it is connected", within=5)
        service.emit_event("noted", number).wait(30)
        until(service.came.copy, what="it has come")
        assert service.came.pop().body == number


def test_a_connection_that_redis_ends_is_made_again(mortal_redis, run):
    service = run(mortal_redis.url)
    with mortal_redis.client() as client:
        client.client_kill_filter(_type="pubsub")
        until(lambda: service.status.reconnects == 1, what="it is there again")
        client.publish("noted", "1")
        client.client_kill_filter(_type="normal", skipme=True)
        service.emit_event("noted", 2).wait(30)
    until(lambda: service.bodies() == [1, 2], what="both have come")


def test_a_broker_that_hangs_is_noticed(mortal_redis, run):
    service = run(with_options(mortal_redis.url, IMPATIENT))
    mortal_redis.pause()
    receipt = service.emit_event("noted", 1)
    assert isinstance(receipt.exception(10), EventUnconfirmedError)
    until(lambda: "accept" in noticed(service), what="the reader notices", within=10)
    mortal_redis.resume()
    until(lambda: service.status.connected_since, what="it is connected")
    service.emit_event("noted", 2).wait(30)
    until(lambda: 2 in service.bodies(), what="it has come")


def test_an_idle_broker_that_hangs_is_noticed(mortal_redis, run):
    service = run(with_options(mortal_redis.url, IMPATIENT))
    mortal_redis.pause()
    until(lambda: len(noticed(service)) == 2, what="both connections are given up", within=10)
    mortal_redis.resume()
    until(lambda: service.status.connected_since, what="it is connected")
    assert service.status.failed == 0


def noticed(service):
    """Which of the connections of a service are missing."""
    [attachment] = service._events._attached()
    known = {"accept": attachment._accepting, "publish": attachment._publishing}
    return {name for name, each in known.items() if each.connected_since is None}


def test_it_stops_while_the_broker_hangs(mortal_redis, caplog):
    transport = open_transport(mortal_redis.url)
    transport.listen("noted")
    until(lambda: transport.event_status().connected_since, what="it is connected")
    mortal_redis.pause()
    receipts = [transport.emit_event("noted", number) for number in range(1000)]
    until(lambda: transport.event_status().waiting == 1000, what="they wait")
    transport.close(4)
    # The first were sent, and the others were not.
    errors = {type(receipt.exception(0)) for receipt in receipts}
    assert errors <= {EventUnconfirmedError, EventExpiredError}
    assert "did not end" not in caplog.text


def test_stop_leaves_nothing(mortal_redis, run):
    until(lambda: not mortal_redis.connections(), what="nobody is connected")
    before = {*threading.enumerate()}
    service = Service(mortal_redis.url)
    for round in range(1, 4):
        with service.start_in_thread():
            service.emit_event("noted", round).wait(30)
            assert len(mortal_redis.connections()) == 2
        assert not mortal_redis.connections()
        assert {*threading.enumerate()} <= before


def test_a_service_that_stops_at_once_leaves_nothing(mortal_redis):
    before = {*threading.enumerate()}
    for _ in range(20):
        transport = open_transport(mortal_redis.url)
        transport.emit_event("noted", 1)
        accepting = threading.Thread(target=transport.listen, args=["noted"])
        accepting.start()
        transport.close()
        accepting.join()
    until(lambda: not mortal_redis.connections(), what="nobody is connected")
    assert {*threading.enumerate()} <= before


# Without a service.


def test_emitting_without_a_service(mortal_redis):
    transport = RedisEventTransport(mortal_redis.url)
    with mortal_redis.client() as client, client.pubsub() as pubsub:
        pubsub.subscribe("noted")
        assert pubsub.get_message(timeout=30)["type"] == "subscribe"
        transport.emit_event("noted", [1])
        transport.emit_event("noted", [2])
        assert [pubsub.get_message(timeout=30)["data"] for _ in "12"] == [b"[1]", b"[2]"]
        assert len(mortal_redis.connections()) == 1
    mortal_redis.restart()
    transport.emit_event("noted", 3)
    transport.stop()
    until(lambda: not mortal_redis.connections(), what="nobody is connected")
    transport.emit_event("noted", 4)
    mortal_redis.kill()
    with pytest.raises(EventRefusedError, match="refused"):
        transport.emit_event("noted", 5)
    transport.stop()


def test_stop_ends_an_emit_that_hangs(mortal_redis):
    transport = RedisEventTransport(mortal_redis.url)
    transport.emit_event("noted", 1)
    mortal_redis.pause()
    failed = []

    def emit():
        try:
            transport.emit_event("noted", 2)
        except (EventRefusedError, EventUnconfirmedError) as error:
            failed.append(error)

    emitting = threading.Thread(target=emit)
    emitting.start()

    def ended():
        transport.stop()
        emitting.join(0.01)
        return not emitting.is_alive()

    until(ended, what="it has ended", within=5)
    assert len(failed) == 1


# Answers that a healthy Redis does not give.


class FakeRedis(socketserver.ThreadingTCPServer):
    """Answers every command as it is told to, or as Redis does."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Connection)
        self.answers = {}
        self.seen = []
        self.url = f"redis://127.0.0.1:{self.server_address[1]}/0"

    def handle_error(self, request, client_address):
        pass


class _Connection(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length + 2)[:-2])
            name = words[0].decode()
            self.server.seen.append(name)
            usual = {"PING": b"+PONG\r\n", "PUBLISH": b":0\r\n"}.get(name, b"+OK\r\n")
            self.wfile.write(self.server.answers.get(name, usual))


@pytest.fixture
def fake():
    with FakeRedis() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.shutdown()
        serving.join()


STATES = [
    (b"-LOADING Redis is loading the dataset in memory\r\n", "loading the dataset"),
    (b"-MASTERDOWN Link with MASTER is down\r\n", "Link with MASTER is down"),
    (b"-NOAUTH Authentication required.\r\n", "Authentication required"),
    (b"-READONLY You can't write against a read only replica.\r\n", "read only replica"),
    (b"+what\r\n", "something else than it is asked"),
]


@pytest.mark.parametrize(("answer", "said"), STATES)
def test_a_redis_that_does_not_serve_is_waited_for(fake, answer, said):
    fake.answers["PING"] = answer
    with open_transport(fake.url) as transport:
        receipt = transport.emit_event("noted", 1)
        until(lambda: said in (transport.event_status().error or ""), what="it says so")
        assert "PUBLISH" not in fake.seen
        tries = fake.seen.count("PING")
        del fake.answers["PING"]
        receipt.wait(30)
    assert tries < 10


def test_events_wait_while_redis_takes_none(fake):
    fake.answers["PUBLISH"] = STATES[1][0]
    with open_transport(fake.url) as transport:
        receipts = [transport.emit_event("noted", number) for number in range(10)]
        until(lambda: "MASTER is down" in (transport.event_status().error or ""), what="says so")
        del fake.answers["PUBLISH"]
        for receipt in receipts:
            receipt.wait(30)
        assert transport.event_status().emitted == 10


def test_an_answer_that_is_none_makes_the_rest_unconfirmed(fake):
    fake.answers["PUBLISH"] = b"+OK\r\n"
    with open_transport(fake.url) as transport:
        receipt = transport.emit_event("noted", 1)
        assert isinstance(receipt.exception(30), EventUnconfirmedError)


def test_the_password_is_masked_in_the_status(redis_server):
    parts = urlsplit(redis_server.url)
    url = f"redis://:hunter2@{parts.hostname}:{parts.port}/0"
    with open_transport(url) as transport:
        transport.listen("noted")
        assert "hunter2" not in repr(transport.event_status())
