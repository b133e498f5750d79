"""Which transport a URL stands for, and what is shown of it."""

import importlib.metadata
import sys

import pytest

import gemstone
from gemstone.errors import BackendError, ServiceConfigurationError
from gemstone.event import (
    BaseEventTransport,
    MemoryEventTransport,
    mask_password,
    open_transport,
    register_event_transport,
)
from gemstone_core._backends import mask_message
from gemstone_core._events import _backends
from gemstone_core._events._backends import transport_from_url

SECRET = "s3cr3t"


class Pigeon(BaseEventTransport):
    def __init__(self, url=""):
        self.url = url

    @classmethod
    def from_url(cls, url):
        return cls(url)

    def emit_event(self, event_name, event_body):
        pass

    def start_accepting_events(self):
        pass


class Hand(BaseEventTransport):
    def emit_event(self, event_name, event_body):
        pass

    def start_accepting_events(self):
        pass


class Wrong(Pigeon):
    @classmethod
    def from_url(cls, url):
        return "a pigeon"


@pytest.fixture
def registered(monkeypatch):
    """What is registered in this test is forgotten after it."""
    registry = dict(_backends._TRANSPORTS._registered)
    monkeypatch.setattr(_backends._TRANSPORTS, "_registered", registry)
    return registry


@pytest.fixture
def installed(monkeypatch):
    """Entry points, as if distributions offered them."""
    points = []

    def entry_points(*, group, name=None):
        assert group == "gemstone.event_transports"
        return [point for point in points if name is None or point.name == name]

    monkeypatch.setattr("gemstone_core._entry_points.entry_points", entry_points)

    def offer(scheme, value, distribution="pigeons"):
        class Point(importlib.metadata.EntryPoint):
            @property
            def dist(self):
                return type("Distribution", (), {"name": distribution})

        points.append(Point(scheme, value, "gemstone.event_transports"))

    return offer


@pytest.mark.parametrize("url", ["memory://", "memory://name", "MEMORY://name", "memory:///"])
def test_memory(url):
    transport = transport_from_url(url)
    assert type(transport) is MemoryEventTransport
    assert str(transport) in ("memory://", "memory://name")


@pytest.mark.parametrize(
    "url",
    ["memory://a/b", "memory://?a=b", "memory://a#b", f"memory://a:{SECRET}@b", "memory://a b"],
)
def test_a_wrong_url_of_memory(url):
    with pytest.raises(
        ServiceConfigurationError, match="write memory:// or memory://name"
    ) as error:
        transport_from_url(url)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memory",
        "memory:",
        "127.0.0.1:6379",
        "://a",
        "1a://b",
        f":{SECRET}@host",
        f"redis:/u:{SECRET}@host/0",
    ],
)
def test_what_is_no_url(url):
    with pytest.raises(ServiceConfigurationError, match="it must begin with a scheme") as error:
        transport_from_url(url)
    assert SECRET not in str(error.value)


def test_a_registered_class(registered):
    register_event_transport("Pigeon", Pigeon)
    transport = transport_from_url("pigeon://roof")
    assert type(transport) is Pigeon
    assert transport.url == "pigeon://roof"

    class Post(gemstone.MicroService):
        name = "post"
        event_transports = ["pigeon://roof"]

    assert type(Post()._events._transports[0]) is Pigeon
    assert open_transport("pigeon://roof").event_status().transport == "Pigeon"


@pytest.mark.parametrize("backend", [Pigeon(), Pigeon.from_url, str, None])
def test_what_can_not_be_registered(registered, backend):
    with pytest.raises(TypeError, match="is no class that inherits BaseEventTransport"):
        register_event_transport("pigeon", backend)


@pytest.mark.parametrize("scheme", ["", "a b", "1a", "pigeon://", None, 7])
def test_schemes_that_are_none(registered, scheme):
    with pytest.raises(ValueError, match="is no scheme of a URL"):
        register_event_transport(scheme, Pigeon)


def test_an_installed_class(registered, installed):
    installed("pigeon", f"{__name__}:Pigeon")
    sys.modules.setdefault(__name__, sys.modules[Pigeon.__module__])
    assert type(transport_from_url("pigeon://roof")) is Pigeon


def test_what_is_registered_comes_before_what_is_installed(registered, installed):
    installed("pigeon", "nobody.has.this:Pigeon")
    register_event_transport("pigeon", Pigeon)
    assert type(transport_from_url("pigeon://roof")) is Pigeon


def test_two_distributions_that_claim_one_scheme(registered, installed):
    installed("pigeon", f"{__name__}:Pigeon", "pigeons")
    installed("pigeon", f"{__name__}:Pigeon", "doves")
    with pytest.raises(BackendError, match="doves and pigeons both offer an event transport"):
        transport_from_url("pigeon://roof")


def test_an_installed_class_that_can_not_be_imported(registered, installed):
    installed("pigeon", "nobody.has.this:Pigeon")
    with pytest.raises(BackendError, match="of pigeons can't be imported: No module"):
        transport_from_url("pigeon://roof")


@pytest.mark.parametrize(("scheme", "extra"), [("redis", "redis"), ("amqps", "rabbitmq")])
def test_a_known_one_that_is_not_installed(registered, installed, scheme, extra):
    with pytest.raises(BackendError) as error:
        transport_from_url(f"{scheme}://user:{SECRET}@host/0")
    assert f'pip install "gemstone[{extra}]>=1"' in str(error.value)
    assert f"{scheme}://user:***@host/0" in str(error.value)


def test_an_unknown_one(registered, installed):
    installed("pigeon", f"{__name__}:Pigeon")
    with pytest.raises(BackendError) as error:
        transport_from_url(f"pidgeon://:{SECRET}@host")
    assert "did you mean pigeon://?" in str(error.value)
    assert "there are memory://, pigeon://" in str(error.value)
    assert SECRET not in str(error.value)
    with pytest.raises(BackendError, match=r"did you mean rediss://\?"):
        transport_from_url("rediss2://host")


def test_a_class_without_from_url(registered):
    register_event_transport("hand", Hand)
    with pytest.raises(ServiceConfigurationError, match="Hand can't be made from a URL"):
        transport_from_url("hand://left")


def test_a_from_url_that_makes_something_else(registered):
    register_event_transport("wrong", Wrong)
    with pytest.raises(BackendError, match="made 'a pigeon' of one"):
        transport_from_url("wrong://")


@pytest.mark.parametrize("thing", [None, 7, Pigeon, [Pigeon()]])
def test_what_open_transport_does_not_take(thing):
    with pytest.raises(TypeError, match="neither a URL nor an event transport"):
        open_transport(thing)


def test_a_transport_of_a_service_is_not_opened():
    transport = Pigeon()

    class Post(gemstone.MicroService):
        name = "post"
        event_transports = [transport]

    Post()
    with pytest.raises(ServiceConfigurationError, match="belongs to the service 'post'"):
        open_transport(transport)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://user@host", "redis://user@host"),
        ("redis://:pass@host", "redis://:***@host"),
        ("redis://user:pass@host:1/0", "redis://user:***@host:1/0"),
        ("redis://us/er:pass@host:1/0", "redis://***@host:1/0"),
        ("redis://us?er@host", "redis://***@host"),
        ("amqp://user:p@ss/w:rd#?@host/%2F", "amqp://user:***@host/%2F"),
        ("redis+stream://user:pa\nss@host", "redis+stream://user:***@host"),
        ("redis://host?password=pass&db=1", "redis://host?password=***&db=1"),
        ("unix:///path?db=1&PASSWORD=pass", "unix:///path?db=1&PASSWORD=***"),
        ("amqps://host?ssl_token=a#b", "amqps://host?ssl_token=***#b"),
        ("redis://host:1/0?password=p@ss&db=1", "redis://host:1/0?password=***&db=1"),
        ("redis://host?db=1&password=p@ss&token=t@", "redis://host?db=1&password=***&token=***"),
        ("redis://user:pass@host/0?password=p@ss", "redis://user:***@host/0?password=***"),
        ("redis://[::1]:1?password=p@ss", "redis://[::1]:1?password=***"),
        ("redis://user:pa?password=ss@host", "redis://user:***@host"),
        ("user:pass@host", "user:***@host"),
        ("redis:/user:pa:ss@host", "redis:***@host"),
        ("no url", "no url"),
        ("", ""),
    ],
)
def test_a_password_is_never_shown(url, shown):
    assert mask_password(url) == shown
    assert mask_password(shown) == shown


@pytest.mark.parametrize("listed", [f"redis://:{SECRET}@host", 7, None])
def test_transports_must_be_a_list(listed):
    class Post(gemstone.MicroService):
        name = "post"
        event_transports = listed

    with pytest.raises(ServiceConfigurationError, match="event_transports must be a list") as error:
        Post()
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("entry", [7, object, lambda: "a pigeon", None])
def test_what_is_no_transport(entry):
    class Post(gemstone.MicroService):
        name = "post"
        event_transports = [entry]

    with pytest.raises(ServiceConfigurationError, match="which is no BaseEventTransport"):
        Post()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "redis://:hunter2@h:1/0 refused: wrong password (write redis://user:password@host)",
            "redis://:***@h:1/0 refused: wrong password (write redis://user:***@host)",
        ),
        (
            "http://127.0.0.1:8000/users has no user bob@example.com, ask ops@example.com",
            "http://127.0.0.1:8000/users has no user bob@example.com, ask ops@example.com",
        ),
        (
            "at amqp://u:a@b@h and at http://h:1/?token=hunter2@ it",
            "at amqp://u:***@h and at http://h:1/?token=*** it",
        ),
        ("bob: bob@example.com", "bob: bob@example.com"),
    ],
)
def test_the_other_words_of_a_message_stay(said, shown):
    assert mask_message(said) == shown
    assert mask_message(shown) == shown
