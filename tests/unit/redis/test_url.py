"""The URLs that a RedisEventTransport takes, and how it says what is wrong with one."""

import copy
import traceback

import pytest
import redis

from gemstone.errors import ServiceConfigurationError
from gemstone.event import RedisEventTransport
from gemstone_redis._url import RedisUrl

GOOD = [
    "redis://",
    "redis://host",
    "REDIS://host",
    "redis://:6380",
    "redis://host:6380/",
    "redis://host:6380/15",
    "redis://host?db=3",
    "redis://[::1]:6379/0",
    "redis://[::1]",
    "redis://user@host",
    "redis://:p%40s%2Fs@host:1/0",
    "redis://:a:b@host",
    "redis://user:pass@host/0?socket_timeout=3&client_name=a%20b&max_connections=7&protocol=3",
    "redis://host?socket_keepalive=0&socket_read_size=1024&socket_connect_timeout=0.5&timeout=1",
    "redis://host?retry_on_timeout=1&health_check_interval=10&decode_responses=1&encoding=latin-1",
    "redis://host?client_name=me@here",
    "redis://host?envelope=1",
    "redis://host?envelope=no&db=1",
    "rediss://host:6380/0?ssl_cert_reqs=none&ssl_check_hostname=false",
    "rediss://host?ssl_ca_certs=/etc/ca.pem&ssl_keyfile=/k&ssl_certfile=/c&ssl_password=s",
    "unix:///run/redis.sock",
    "unix:///run/a@b.sock?db=2",
    "unix://user:pass@/run/redis.sock?db=2&envelope=true",
    "unix:///run/redis.sock?password=secret",
]

#: A URL, and what the message says.
BAD = [
    ("", "scheme must be redis://, rediss:// or unix://"),
    ("host:6379", "scheme must be"),
    ("http://host", "scheme must be"),
    ("redis:/host", "scheme must be"),
    ("redis+stream://host", "scheme must be"),
    ("redis://host:port", "port must be a number from 1 to 65535, not 'port'"),
    ("redis://host:0", "port must be"),
    ("redis://host:65536", "port must be"),
    ("redis://host:-1", "port must be"),
    ("redis://[::1]:x", "port must be"),
    ("redis://[::1", "host"),
    ("redis://host/one", "database must be a number, as in /0, not 'one'"),
    ("redis://host/-1", "database must be"),
    ("redis://host/0/1", "database must be"),
    ("redis://host/1.5", "database must be"),
    ("redis://host?db=x", "database must be a number, not 'x'"),
    ("redis://host?db=-1", "database must be"),
    ("redis://host#1", "fragment"),
    ("redis://ho st", "space"),
    ("redis://host\n", "space"),
    ("redis://host?envelop=1", "'envelop'; did you mean 'envelope'"),
    (
        "redis://host?ssl_cert_reqs=none",
        "redis:// URLs don't have an option",
    ),
    ("redis://host?credential_provider=x", "'credential_provider'"),
    ("redis://host?socket_type=1", "'socket_type'"),
    ("redis://host?envelope=maybe", "'envelope' must be 1 or 0, not 'maybe'"),
    ("redis://host?envelope=", "an option of it has no value: 'envelope'"),
    ("redis://host?envelope", "has no value"),
    ("redis://host?socket_timeout=soon", "socket_timeout"),
    ("redis://host?socket_timeout=0", "'socket_timeout' must be a number of seconds above 0"),
    ("redis://host?socket_connect_timeout=-1", "socket_connect_timeout"),
    ("redis://host?socket_timeout=nan", "socket_timeout"),
    ("redis://host?socket_read_size=much", "socket_read_size"),
    ("redis://host?socket_read_size=0", "socket_read_size"),
    ("rediss://host?ssl_cert_reqs=perhaps", "perhaps"),
    ("unix://", "no path of a socket"),
    ("unix:///", "no path of a socket"),
    ("unix://run/redis.sock", "host, 'run'"),
]

#: URLs that are wrong, each in another way, and hold a secret.
SECRET = [
    "http://:hunter2@host",
    ":hunter2@host",
    "redis://:hunter2@host:x",
    "redis://:hunter2@host/x",
    "redis://:hunter2@host?db=x",
    "redis://:hunter2@host?nothing=1",
    "redis://:hunter2@host?socket_timeout=x",
    "redis://:hunter2@[host",
    "redis://:hun/hunter2@host",
    "redis://:12/hunter2@host",
    "redis://:12?hunter2@host",
    "redis://:12?hunter2=1@host",
    "redis://:12#hunter2@host",
    "redis://:a@12/hunter2@host",
    "redis://:a@12?hunter2@host",
    "redis://:hunter2 @host",
    "redis://:hunter2\u2100@host",
    "rediss://host?ssl_password=hunter2&ssl_cert_reqs=x",
    "unix:///run/x?password=hunter2&nothing=1",
]


@pytest.mark.parametrize("url", GOOD)
def test_good_ones_are_taken(url):
    assert str(RedisEventTransport(url))


@pytest.mark.parametrize(("url", "said"), BAD)
def test_what_is_wrong_is_said(url, said):
    with pytest.raises(ServiceConfigurationError) as caught:
        RedisEventTransport(url)
    assert said in str(caught.value)
    assert "RedisEventTransport" in str(caught.value)


@pytest.mark.parametrize("url", SECRET)
def test_no_secret_is_told(url):
    with pytest.raises(ServiceConfigurationError) as caught:
        RedisEventTransport(url)
    assert "hunter2" not in str(caught.value)
    error = caught.value
    while error is not None:
        assert "hunter2" not in "".join(traceback.format_exception_only(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize("url", [None, 1, b"redis://:hunter2@host", ["redis://host"]])
def test_what_is_no_string_is_no_url(url):
    with pytest.raises(ServiceConfigurationError, match="must be a string") as caught:
        RedisEventTransport(url)
    assert "hunter2" not in str(caught.value)


def test_its_password_is_not_shown():
    transport = RedisEventTransport("redis://me:hunter2@host:1/2")
    assert str(transport) == "redis://me:***@host:1/2"
    assert repr(transport) == "RedisEventTransport('redis://me:***@host:1/2')"
    other = RedisEventTransport("unix:///run/redis.sock?password=hunter2")
    assert "hunter2" not in f"{other} {other!r}"


def test_redis_py_is_given_what_the_url_says():
    url = RedisUrl("redis://me:p%40ss@host:1/2?client_name=who", "a test")
    connection = url.connection(3)
    assert isinstance(connection, redis.Connection)
    assert (connection.host, connection.port, connection.db) == ("host", 1, 2)
    assert (connection.username, connection.password) == ("me", "p@ss")
    assert connection.client_name == "who"
    assert connection.socket_timeout == 3
    assert isinstance(RedisUrl("rediss://h", "a test").connection(1), redis.SSLConnection)
    local = RedisUrl("unix:///run/x?db=4", "a test").connection(1)
    assert isinstance(local, redis.UnixDomainSocketConnection)
    assert (local.path, local.db) == ("/run/x", 4)


@pytest.mark.parametrize(
    ("option", "timeout"), [("", 10), ("?socket_timeout=2", 2), ("?socket_timeout=60", 10)]
)
def test_a_broker_that_hangs_is_found_within_20_s(option, timeout):
    # Half of this time passes until it is asked whether it is there.
    assert RedisUrl(f"redis://host{option}", "a test").timeout == timeout


def test_nothing_is_tried_twice():
    url = RedisUrl("redis://host?retry_on_timeout=1&retry_on_error=x", "a test")
    attempts = []

    def fail():
        attempts.append(1)
        raise redis.TimeoutError

    with pytest.raises(redis.TimeoutError):
        url.connection(1).retry.call_with_retry(fail, lambda error: None)
    assert len(attempts) == 1


class Named(RedisEventTransport):
    def __init__(self, who="nobody", redis_url="redis://host"):
        super().__init__(redis_url)
        self.who = who

    @classmethod
    def from_url(cls, url):
        return cls(redis_url=url)


def test_a_copy_has_the_same_url():
    transport = RedisEventTransport("redis://:hunter2@host:1/2?envelope=1")
    transport.register_event_handler(print, "name")
    other = copy.copy(transport)
    assert type(other) is RedisEventTransport
    assert other._url.text == transport._url.text
    assert not other.event_names
    assert type(copy.copy(Named("me", "redis://there"))) is Named
    assert str(copy.copy(Named("me", "redis://there"))) == "redis://there"
    assert copy.copy(Named("me", "redis://there")).who == "me"


def test_messages_name_the_class():
    with pytest.raises(ServiceConfigurationError, match="Named"):
        Named(redis_url="http://host")
