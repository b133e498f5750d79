"""RedisDiscoveryStrategy: what it is given, what it shows, and answers that Redis does not give."""

import copy
import socketserver
import threading
import time
from decimal import Decimal

import pytest

from gemstone.discovery import RedisDiscoveryStrategy
from gemstone.errors import DiscoveryError, ServiceConfigurationError
from gemstone_core._discovery._backends import strategy_from_url

HERE = "http://127.0.0.1:1000/api"


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://user:p%40ss@host:6380/3?socket_timeout=1&client_name=me",
        "rediss://host:6380/0?ssl_cert_reqs=none",
        "unix:///run/redis.sock?db=2&password=x",
    ],
)
def test_urls_of_redis_py_are_taken(url):
    assert RedisDiscoveryStrategy(url).time_to_live == 30
    assert RedisDiscoveryStrategy.from_url(url).time_to_live == 30


@pytest.mark.parametrize("url", ["redis://host", "rediss://host", "unix:///run/redis.sock"])
def test_urls_in_a_list_of_strategies_stand_for_it(url):
    made = strategy_from_url(f"{url}?time_to_live=7")
    assert type(made) is RedisDiscoveryStrategy
    assert made.time_to_live == 7


@pytest.mark.parametrize("time_to_live", [30, 0.001, 5.5, 31_536_000])
def test_a_time_to_live(time_to_live):
    assert RedisDiscoveryStrategy("redis://", time_to_live).time_to_live == time_to_live
    url = f"redis://host/1?db=2&time_to_live={time_to_live}"
    assert RedisDiscoveryStrategy.from_url(url).time_to_live == time_to_live
    assert RedisDiscoveryStrategy(url, 77).time_to_live == time_to_live


@pytest.mark.parametrize(
    "time_to_live",
    [0, -1, True, False, None, "30", float("nan"), float("inf"), 1e9, Decimal(30), [30]],
)
def test_a_wrong_time_to_live(time_to_live):
    with pytest.raises(ServiceConfigurationError, match="time_to_live must be a number") as caught:
        RedisDiscoveryStrategy("redis://", time_to_live)
    assert repr(time_to_live) in str(caught.value)


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "inf", "1e400"])
def test_a_wrong_time_to_live_in_the_url(value):
    with pytest.raises(ServiceConfigurationError) as caught:
        RedisDiscoveryStrategy(f"redis://host?time_to_live={value}")
    said = f"'time_to_live' must be a number of seconds above 0, not {value!r}"
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://host", "scheme must be redis://"),
        ("redis://host?time_to_life=1", "did you mean 'time_to_live'"),
        ("redis://host?envelope=1", "don't have an option of it: 'envelope'"),
        ("redis://host:x", "port"),
        (7, "must be a string"),
    ],
)
def test_a_wrong_url(url, said):
    with pytest.raises(ServiceConfigurationError) as caught:
        RedisDiscoveryStrategy(url)
    assert said in str(caught.value)
    assert "RedisDiscoveryStrategy" in str(caught.value)


def test_it_shows_no_password():
    strategy = RedisDiscoveryStrategy("redis://me:hunter2@127.0.0.1:1/0", 5)
    assert str(strategy) == "redis://me:***@127.0.0.1:1/0"
    assert repr(strategy) == (
        "RedisDiscoveryStrategy('redis://me:***@127.0.0.1:1/0', time_to_live=5)"
    )
    with pytest.raises(DiscoveryError) as caught:
        strategy.locate("users")
    assert "hunter2" not in str(caught.value)


def test_a_copy_has_the_same_settings():
    class Mine(RedisDiscoveryStrategy):
        def __init__(self):
            super().__init__("redis://:hunter2@host:1/0", 7)
            self.more = 1

    strategy = Mine()
    copied = copy.copy(strategy)
    assert type(copied) is Mine
    assert (repr(copied), copied.more) == (repr(strategy), 1)
    assert copied._registry is not strategy._registry


class FakeRedis(socketserver.ThreadingTCPServer):
    """Answers EVAL as it is told to, or not at all, and everything else with OK."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Connection)
        self.answer = b"+OK\r\n"
        self.asked = threading.Semaphore(0)
        self.strategy = RedisDiscoveryStrategy(f"redis://127.0.0.1:{self.server_address[1]}")

    def handle_error(self, request, client_address):
        pass


class _Connection(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length + 2)[:-2])
            if words[0] != b"EVAL":
                self.wfile.write(b"+OK\r\n")
                continue
            self.server.asked.release()
            self.wfile.write(self.server.answer)


@pytest.fixture
def fake():
    with FakeRedis() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.strategy.close()
        server.shutdown()
        serving.join()


def failures(strategy):
    for question in (
        lambda: strategy.ping("users", HERE),
        lambda: strategy.locate("users"),
        lambda: strategy.locate("u*"),
        lambda: strategy.unregister("users", HERE),
        strategy.services,
    ):
        with pytest.raises(DiscoveryError) as caught:
            question()
        yield str(caught.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"+OK\r\n", "it answers something else than it is asked"),
        (b":7\r\n", "it answers something else than it is asked"),
        (b"$-1\r\n", "it answers something else than it is asked"),
        (b"*0\r\n", "it answers something else than it is asked"),
        (b"*1\r\n$1\r\nx\r\n", "it answers something else than it is asked"),
        (b"*1\r\n*1\r\n:1\r\n", "it answers something else than it is asked"),
        (b"*2\r\n*0\r\n*0\r\n", "it answers something else than it is asked"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "loading the dataset"),
        (b"-NOAUTH Authentication required.\r\n", "the URL must have the right user"),
        (b"-READONLY You can't write against a read only replica.\r\n", "read only replica"),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", "'maxmemory'"),
        (b"-BUSY Redis is busy running a script.\r\n", "busy running a script"),
        (b"-MOVED 7 10.0.0.1:7000\r\n", "10.0.0.1:7000"),
        (b"-ERR unknown command 'EVAL'\r\n", "unknown command 'EVAL'"),
        (b"HTTP/1.1 400 Bad Request\r\n", "rotocol"),
        (b"", "hangs"),
    ],
)
def test_answers_that_are_none(fake, answer, said):
    fake.answer = answer
    for each in failures(fake.strategy):
        assert said in each
        assert each.startswith(f"{fake.strategy} could not be ")


def test_nothing_is_asked_twice(fake):
    fake.answer = b"-LOADING Redis is loading the dataset in memory\r\n"
    assert len([*failures(fake.strategy)]) == 5
    for _ in range(5):
        assert fake.asked.acquire(blocking=False)
    assert not fake.asked.acquire(blocking=False)


def test_close_ends_a_wait(fake):
    fake.answer = b""
    ended = []

    def ask():
        with pytest.raises(DiscoveryError):
            fake.strategy.locate("users")
        ended.append(time.monotonic())

    asking = threading.Thread(target=ask)
    asking.start()
    assert fake.asked.acquire(timeout=30)
    began = time.monotonic()
    fake.strategy.close()
    asking.join()
    assert ended[0] - began < 2
    fake.answer = b"*1\r\n*1\r\n$1\r\nx\r\n"
    assert fake.strategy.locate("users") == ["x"]
