"""RedisDiscoveryStrategy on a real Redis, which is killed and paused."""

import copy
import os
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from redis.crc import key_slot

from gemstone.discovery import RedisDiscoveryStrategy
from gemstone.errors import DiscoveryError
from gemstone_core.testing import DiscoveryStrategyContract
from gemstone_redis._registry import PREFIX, RIGHTS
from tools.brokers import free_ports
from tools.waiting import until

CERTIFICATE = Path(__file__).parents[1] / "functional" / "client" / "tls.pem"
HERE, THERE = "http://127.0.0.1:1000/api", "http://127.0.0.1:1001/api"
#: How long a Redis that hangs may be asked, in seconds.
GIVES_UP_WITHIN = 6.0


class TestRedis(DiscoveryStrategyContract):
    gives_up_within = GIVES_UP_WITHIN

    @pytest.fixture(autouse=True)
    def broker(self, redis_server):
        self.url = redis_server.url

    def make_strategy(self):
        return RedisDiscoveryStrategy(self.url)

    def make_short_lived_strategy(self):
        return RedisDiscoveryStrategy(self.url, time_to_live=0.5)

    def make_unreachable_strategy(self):
        [port] = free_ports(1)
        return RedisDiscoveryStrategy(f"redis://127.0.0.1:{port}")


@pytest.fixture
def make():
    """Makes strategies, that are closed with the test."""
    made = []

    def make_one(url, time_to_live=30):
        made.append(RedisDiscoveryStrategy(url, time_to_live))
        return made[-1]

    yield make_one
    for strategy in made:
        strategy.close()


@pytest.fixture
def keys(mortal_redis):
    """The keys of discovery in a Redis, which is empty at first."""
    with mortal_redis.client(decode_responses=True) as client:
        client.flushall()
        yield lambda: sorted(client.keys("*"))


def works(strategy):
    """Registers, finds and unregisters."""
    name = f"tests.{uuid.uuid4().hex}"
    strategy.ping(name, HERE)
    assert strategy.locate(name) == strategy.locate(f"{name[:-1]}?") == [HERE]
    strategy.unregister(name, HERE)
    assert strategy.locate(name) == []
    return True


def failure(question):
    """What is said of a question that fails, and that it is said in time."""
    began = time.monotonic()
    with pytest.raises(DiscoveryError) as caught:
        question()
    assert time.monotonic() - began < GIVES_UP_WITHIN
    return str(caught.value)


def user_url(broker, user, password):
    return f"redis://{user}:{quote(password, safe='')}@{broker.host}:{broker.port}/0"


# What is in Redis.


def test_keys_are_in_one_slot_and_none_is_left(mortal_redis, keys, make):
    strategy = make(mortal_redis.url)
    strategy.ping("users", HERE)
    strategy.ping("users", THERE)
    strategy.ping("mails", HERE)
    assert keys() == [f"{PREFIX}names", f"{PREFIX}service:mails", f"{PREFIX}service:users"]
    with mortal_redis.client() as client:
        for key in keys():
            assert 0 < client.pttl(key) <= 30_000
    assert len({key_slot(key.encode()) for key in keys()}) == 1
    for name, location in [("users", HERE), ("users", THERE), ("mails", HERE)]:
        strategy.unregister(name, location)
    assert keys() == []


def test_the_keys_of_who_died_go(mortal_redis, keys, make):
    make(mortal_redis.url, 0.2).ping("users", HERE)
    assert keys()
    until(lambda: not keys(), what="they have expired")


def test_entries_of_several_lives(mortal_redis, keys, make):
    long, short = make(mortal_redis.url, 60), make(mortal_redis.url, 0.2)
    long.ping("users", HERE)

    def all_are_there():
        short.ping("users", THERE)
        short.ping("mails", THERE)
        return long.locate("*") == [HERE, THERE]

    until(all_are_there, what="all are there")
    until(lambda: long.locate("*") == [HERE], what="the short one has expired")
    assert long.locate("users") == [HERE]
    left = [f"{PREFIX}names", f"{PREFIX}service:users"]
    until(lambda: keys() == left, what="the key of the one that is gone has expired, too")
    with mortal_redis.client() as client:
        assert min(client.pttl(key) for key in left) > 30_000


def test_time_is_that_of_redis(mortal_redis, keys, make, monkeypatch):
    strategy = make(mortal_redis.url, 60)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    strategy.ping("users", HERE)
    assert strategy.locate("users") == [HERE]
    with mortal_redis.client() as client:
        seconds, microseconds = client.time()
        now = seconds * 1000 + microseconds / 1000
        [(member, expiry)] = client.zrange(f"{PREFIX}service:users", 0, -1, withscores=True)
        assert member == HERE.encode()
        assert now < expiry <= now + 60_000
        client.zadd(f"{PREFIX}service:users", {THERE: now + 60_000, HERE: now - 1})
    assert strategy.locate("users") == [THERE]


def test_no_command_looks_through_all_keys(mortal_redis, keys, make):
    with mortal_redis.client() as client:
        client.config_resetstat()
        strategy = make(mortal_redis.url)
        for number in range(20):
            strategy.ping(f"users.{number}", HERE)
        assert strategy.locate("users.1?") == [HERE]
        assert strategy.locate("users.1") == [HERE]
        assert len(strategy.services()) == 20
        strategy.unregister("users.1", HERE)
        used = {name.removeprefix("cmdstat_") for name in client.info("commandstats")}
    allowed = {word.removeprefix("+") for word in RIGHTS.split() if word.startswith("+")}
    of_connections = {"client|setinfo", "config|resetstat", "client|setname", "select", "info"}
    assert allowed - {"select"} <= used  # that is for other databases than 0
    assert used <= allowed | of_connections
    assert not {"keys", "scan"} & used


def test_a_lookup_is_one_question(mortal_redis, keys, make):
    strategy = make(mortal_redis.url)
    strategy.ping("users", HERE)
    with mortal_redis.client() as client:

        def questions(name):
            client.config_resetstat()
            strategy.locate(name)
            return client.info("commandstats")["cmdstat_eval"]["calls"]

        assert questions("users") == 1
        assert questions("nobody") == 1
        assert questions("u*") == 2
        assert questions("n*") == 1


def test_all_services_in_few_questions(mortal_redis, keys, make, monkeypatch):
    monkeypatch.setattr("gemstone_redis._registry._AT_ONCE", 4)
    strategy = make(mortal_redis.url)
    assert strategy.services() == {}
    for number in range(10):
        strategy.ping(f"users.{number}", THERE)
        strategy.ping(f"users.{number}", HERE)
    with mortal_redis.client() as client:
        client.config_resetstat()
        assert strategy.services() == {f"users.{number}": [HERE, THERE] for number in range(10)}
        assert client.info("commandstats")["cmdstat_eval"]["calls"] == 1 + 3


def test_databases_know_nothing_of_each_other(mortal_redis, keys, make):
    make(mortal_redis.url).ping("users", HERE)
    assert make(mortal_redis.url.replace("/0", "/1")).locate("*") == []


def test_what_others_have_written_is_given_as_it_is(mortal_redis, keys, make):
    strategy = make(mortal_redis.url)
    strategy.ping("users", HERE)
    with mortal_redis.client() as client:
        for key, members in [
            ("service:users", [b"no URL", b"http://\xff/", b"", b"javascript:1", b"\n"]),
            ("names", [b"\xff\xfe", b"", b"u\n"]),
        ]:
            client.zadd(f"{PREFIX}{key}", dict.fromkeys(members, "+inf"))
        client.zadd((PREFIX + "service:").encode() + b"\xff\xfe", {THERE: "+inf"})
        client.zadd(f"{PREFIX}service:users", {"http://long.ago": "-inf"})
    found = sorted([HERE, "no URL", "http://\\xff/", "", "javascript:1", "\n"])
    assert strategy.locate("users") == strategy.locate("us*") == found
    assert strategy.locate("*") == sorted([*found, THERE])
    assert strategy.services() == {"users": found, "\\xff\\xfe": [THERE]}
    strategy.ping("users", HERE)
    strategy.unregister("users", HERE)
    assert HERE not in strategy.locate("users")


def test_a_key_of_another_type(mortal_redis, keys, make):
    strategy = make(mortal_redis.url)
    with mortal_redis.client() as client:
        client.set(f"{PREFIX}service:users", "mine")
        for question in (
            lambda: strategy.ping("users", HERE),
            lambda: strategy.locate("users"),
            lambda: strategy.locate("use*"),
            lambda: strategy.unregister("users", HERE),
        ):
            said = failure(question)
            assert "WRONGTYPE" in said
            assert PREFIX in said
            assert "script" not in said
        strategy.ping("mails", HERE)
        assert strategy.locate("mails") == strategy.locate("m*") == [HERE]
        client.delete(f"{PREFIX}service:users")
        client.rpush(f"{PREFIX}names2", "x")
        client.rename(f"{PREFIX}names2", f"{PREFIX}names")
        assert "WRONGTYPE" in failure(lambda: strategy.ping("users", HERE))
        assert "WRONGTYPE" in failure(lambda: strategy.locate("*"))
        assert strategy.locate("mails") == [HERE]
        client.delete(f"{PREFIX}names")
    strategy.ping("users", HERE)
    assert strategy.locate("*") == [HERE]


def test_after_flushall_the_next_ping_registers_again(mortal_redis, keys, make):
    strategy = make(mortal_redis.url)
    strategy.ping("users", HERE)
    with mortal_redis.client() as client:
        client.flushall()
        client.script_flush()
    assert strategy.locate("users") == strategy.locate("*") == []
    strategy.ping("users", HERE)
    assert strategy.locate("users") == strategy.locate("*") == [HERE]


# Ways to connect.


def test_a_unix_socket_and_a_password(own_redis, tmp_path, make):
    socket = tmp_path / "redis.sock"
    broker = own_redis(unixsocket=str(socket), requirepass="a/b@c?d#e&f=g%h i")
    password = quote("a/b@c?d#e&f=g%h i", safe="")
    assert works(make(f"unix://{socket}?db=3&password={password}"))
    assert works(make(f"unix://:{password}@{socket}?time_to_live=5"))
    assert works(make(broker.url))
    said = failure(lambda: make(f"unix://{socket}").locate("users"))
    assert "Authentication required" in said
    assert "the right user and password" in said
    wrong = make(f"redis://:hunter2@{broker.host}:{broker.port}/0")
    said = failure(lambda: wrong.ping("users", HERE))
    assert "invalid username-password pair" in said
    assert "hunter2" not in said


def test_tls(own_redis, make):
    [port] = free_ports(1)
    own_redis(
        tls_port=str(port),
        tls_cert_file=str(CERTIFICATE),
        tls_key_file=str(CERTIFICATE),
        tls_auth_clients="no",
    )
    assert works(make(f"rediss://127.0.0.1:{port}/1?ssl_ca_certs={quote(str(CERTIFICATE))}"))
    assert works(make(f"rediss://127.0.0.1:{port}/1?ssl_cert_reqs=none"))
    distrusting = make(f"rediss://127.0.0.1:{port}")
    assert "CERTIFICATE_VERIFY_FAILED" in failure(lambda: distrusting.locate("users"))


def test_the_rights_that_are_named_are_enough(own_redis, make):
    broker = own_redis()
    with broker.client() as client:
        client.execute_command("ACL", "SETUSER", "some", "on", ">hunter2", *RIGHTS.split())
        strategy = make(user_url(broker, "some", "hunter2"))
        assert works(strategy)
        client.execute_command("ACL", "SETUSER", "some", "-zadd")
        said = failure(lambda: strategy.ping("users", HERE))
        assert RIGHTS in said
        assert "hunter2" not in said
        client.execute_command("ACL", "SETUSER", "some", "-eval")
        assert "'eval' command" in failure(lambda: strategy.locate("users"))
        client.execute_command("ACL", "SETUSER", "some", "+eval", "resetkeys", "~other")
        assert RIGHTS in failure(lambda: strategy.locate("users"))


def test_a_redis_that_is_full_still_knows_who_is_there(own_redis, make):
    broker = own_redis(maxmemory="100kb", maxmemory_policy="noeviction")
    with broker.client() as client, pytest.raises(redis.OutOfMemoryError):
        client.set("anything", "x")
    assert works(make(broker.url))


def test_a_replica_answers_and_takes_nothing(own_redis, make):
    broker = own_redis()
    strategy = make(broker.url)
    strategy.ping("users", HERE)
    with broker.client() as client:
        client.replicaof("127.0.0.1", "1")
        said = failure(lambda: strategy.ping("users", HERE))
        assert "read only replica (the URL must be" in said
        assert strategy.locate("users") == strategy.locate("*") == [HERE]
        client.config_set("replica-serve-stale-data", "no")
        assert "MASTER is down" in failure(lambda: strategy.locate("users"))
        client.replicaof("NO", "ONE")
    assert works(strategy)


# Faults.


def test_killed_and_restarted(mortal_redis, make):
    strategy = make(mortal_redis.url)
    works(strategy)
    for _ in range(3):
        mortal_redis.restart()
        assert works(strategy)
    mortal_redis.kill()
    said = failure(lambda: strategy.locate("users"))
    assert "Connection refused" in said
    assert said.startswith(f"{mortal_redis.url} could not be asked where 'users' is: ")
    mortal_redis.start()
    assert works(strategy)


@pytest.mark.parametrize("connected", [True, False])
def test_a_redis_that_hangs_is_given_up(mortal_redis, make, connected):
    strategy = make(mortal_redis.url)
    impatient = make(f"{mortal_redis.url}?socket_timeout=0.2")
    if connected:
        works(strategy)
        works(impatient)
    mortal_redis.pause()
    began = time.monotonic()
    failure(lambda: impatient.locate("users"))
    assert time.monotonic() - began < 2
    said = []
    threads = [
        threading.Thread(target=lambda: said.append(failure(lambda: strategy.locate("users"))))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    assert "hangs" in failure(lambda: strategy.ping("users", HERE))
    for thread in threads:
        thread.join()
    assert len(said) == 20
    assert all("hangs" in each for each in said)
    mortal_redis.resume()
    assert works(strategy)


def test_connections_are_few_and_end(mortal_redis, make):
    until(lambda: not mortal_redis.connections(), what="nobody is connected")
    strategy = make(mortal_redis.url)
    assert not mortal_redis.connections()
    for _ in range(10):
        works(strategy)
    assert len(mortal_redis.connections()) == 1
    other = copy.copy(strategy)
    failed = []

    def use():
        try:
            works(strategy)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=use) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert 1 <= len(mortal_redis.connections()) <= 8
    works(other)
    strategy.close()
    until(lambda: len(mortal_redis.connections()) == 1, what="those of one are closed")
    other.close()
    until(lambda: not mortal_redis.connections(), what="those of the other are closed")
    assert works(strategy)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_connections_of_its_own(redis_server, make):
    strategy = make(redis_server.url)
    assert works(strategy)
    child = os.fork()
    if not child:
        try:
            for _ in range(50):
                works(strategy)
            os._exit(0)
        finally:
            os._exit(1)
    for _ in range(50):
        works(strategy)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert works(strategy)
