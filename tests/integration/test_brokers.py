"""The private brokers of the tests: they start, die, come back, stand still, and leave nothing."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pika
import pytest
import redis

from tools.brokers import Address, Broker, BrokerError, RabbitMq, Redis, free_ports
from tools.waiting import until

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
KINDS = {"redis": Redis, "rabbitmq": RabbitMq}
STARTS_AND_WAITS = """
import sys, time
from tools.brokers import RabbitMq, Redis
broker = {"redis": Redis, "rabbitmq": RabbitMq}[sys.argv[1]]().start()
if "paused" in sys.argv:
    broker.pause()
print(broker.port, *broker.pids, flush=True)
time.sleep(600)
"""


@pytest.fixture(params=KINDS)
def mortal(request: pytest.FixtureRequest) -> Broker:
    return request.getfixturevalue(f"mortal_{request.param}")


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def runs(pid: int) -> bool:
    """Whether a process is there, and is not dead and waiting for its parent to notice."""
    if sys.platform == "linux":
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return state_and_parent(pid)[0] not in "ZX"
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
    return False


def state_and_parent(pid: int) -> tuple[str, int]:
    # The name of the process stands in parentheses, and may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[1])


def family(pids: list[int]) -> set[int]:
    """The processes, and all that they have started."""
    found = set(pids)
    if sys.platform == "linux":
        parents = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                parents[int(folder.name)] = state_and_parent(int(folder.name))[1]
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
    return found


def is_over(pids: set[int]) -> bool:
    return not any(map(runs, pids))


def use(broker: Address) -> None:
    """Does what only a broker that works can do, and leaves nothing: it may be anybody's."""
    if broker.url.startswith("redis"):
        with redis.Redis.from_url(broker.url) as client:
            assert client.echo("here") == b"here"
    else:
        with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            connection.channel().queue_declare("", exclusive=True)


@pytest.mark.parametrize("kind", KINDS)
def test_the_shared_ones_work(request, kind):
    use(request.getfixturevalue(f"{kind}_server"))


def test_one_is_killed_while_it_is_paused_and_comes_back_at_the_same_place(mortal):
    before = family(mortal.pids)
    mortal.pause()
    mortal.kill()
    assert not accepts(mortal.port)
    until(lambda: is_over(before), what="its processes have ended")
    mortal.start()
    use(mortal)
    assert not before & set(mortal.pids)


def test_a_paused_one_does_not_answer_until_it_is_resumed(mortal):
    greeting = b"AMQP\x00\x00\x09\x01" if isinstance(mortal, RabbitMq) else b"PING\r\n"
    mortal.pause()
    with socket.create_connection(("127.0.0.1", mortal.port), 30) as connection:
        connection.sendall(greeting)
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        mortal.resume()
        connection.settimeout(30)
        assert connection.recv(1)
    use(mortal)


def test_starting_one_that_is_paused_resumes_it(mortal):
    before = mortal.pids
    mortal.pause()
    assert mortal.start().pids == before
    use(mortal)


@pytest.mark.parametrize("end", ["runs", "paused", "killed", "died"])
def test_a_stopped_one_leaves_nothing(own_redis, end):
    broker = own_redis()
    folder, [pid] = broker.folder, broker.pids
    if end == "paused":
        broker.pause()
    elif end == "killed":
        broker.kill()
    elif end == "died":
        os.kill(pid, signal.SIGTERM)
    broker.stop()
    assert not folder.exists()
    assert not runs(pid)
    assert not broker.pids


@pytest.mark.parametrize(
    ("kind", "state"), [("redis", "runs"), ("redis", "paused"), ("rabbitmq", "paused")]
)
def test_one_ends_with_the_process_that_started_it(request, kind, state, tmp_path):
    request.getfixturevalue(f"own_{kind}")  # says so where it must not be started
    command = [sys.executable, "-c", STARTS_AND_WAITS, kind, state]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            port, *pids = map(int, process.stdout.readline().split())
            started = family(pids)
        finally:
            process.kill()
    # Not the one because of the other: of a process with threads, one may end last.
    until(lambda: is_over(started) and not accepts(port), what="the broker has ended")
    assert not list(tmp_path.iterdir())


def test_one_that_cannot_start_says_why_and_leaves_nothing(own_redis, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(BrokerError, match=r"(?s)Redis at redis://.* ended.*sideways"):
        own_redis(maxmemory_policy="sideways")
    assert not list(tmp_path.iterdir())


def test_one_that_does_not_run_says_so():
    with pytest.raises(BrokerError, match="does not run: start"):
        RabbitMq().ctl("status")


def test_an_address_knows_host_and_port():
    address = Address("amqp://a:b@somewhere/")
    assert (address.host, address.port) == ("somewhere", 5672)


def test_ports_differ():
    assert len(set(free_ports(5))) == 5


def test_redis_is_looked_into(redis_server):
    channel = "tests.brokers"
    with redis_server.client() as ours, ours.pubsub() as looking:
        looking.subscribe(channel)
        until(lambda: redis_server.subscribers(channel) == 1, what="there is a subscriber")
        with redis.Redis.from_url(redis_server.url, client_name="theirs") as theirs:
            theirs.ping()
            names = [connection["name"] for connection in redis_server.connections()]
            assert "theirs" in names
            assert "looking-on" not in names


def test_redis_keeps_data_and_asks_for_a_password_if_told_to(own_redis):
    broker = own_redis(requirepass="a/b@c", appendonly="yes", appendfsync="always")
    with broker.client() as client:
        client.set("kept", "yes")
    broker.restart()
    with broker.client(decode_responses=True) as client:
        assert client.get("kept") == "yes"
        assert client.config_get("appendfsync") == {"appendfsync": "always"}
    with socket.create_connection((broker.host, broker.port), 30) as stranger:
        stranger.sendall(b"PING\r\n")
        assert stranger.recv(100).startswith(b"-NOAUTH")


def test_rabbitmq_is_looked_into(mortal_rabbitmq):
    name, cancelled = "tests.brokers", []
    until(lambda: not mortal_rabbitmq.connections(), what="nobody is connected")
    with contextlib.ExitStack() as stack:
        connection = pika.BlockingConnection(pika.URLParameters(mortal_rabbitmq.url))
        stack.callback(lambda: connection.is_open and connection.close())
        channel = connection.channel()
        channel.queue_declare(name)
        channel.basic_publish("", name, b"1")
        channel.add_on_cancel_callback(cancelled.append)
        channel.basic_consume(name, lambda *_: None)
        assert len(mortal_rabbitmq.connections()) == 1
        [(queue_name, channel)] = mortal_rabbitmq.consumers()
        assert (queue_name, channel[0]) == (name, "<")
        until(lambda: mortal_rabbitmq.queues() == [(name, 1, 1, 1)], what="the message is with it")

        mortal_rabbitmq.delete_queue(name)
        assert mortal_rabbitmq.queues() == []
        until(
            lambda: connection.process_data_events(time_limit=0.1) or cancelled,
            what="the consumer is cancelled",
        )

        mortal_rabbitmq.close_connections()
        with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="closed by a test"):
            connection.process_data_events(time_limit=30)
    until(lambda: not mortal_rabbitmq.connections(), what="nobody is connected")


def test_rabbitmq_takes_a_configuration_and_keeps_durable_queues(own_rabbitmq):
    broker = own_rabbitmq("heartbeat = 7\n")
    assert broker.ctl("eval", "application:get_env(rabbit, heartbeat).").strip() == "{ok,7}"
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        connection.channel().queue_declare("kept", durable=True)
    broker.restart()
    assert [queue.name for queue in broker.queues()] == ["kept"]
