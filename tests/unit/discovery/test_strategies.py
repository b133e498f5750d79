"""Strategies that need nothing else, and which of them a URL stands for."""

import copy

import pytest

import gemstone
from gemstone.discovery import (
    BaseDiscoveryStrategy,
    HttpDiscoveryStrategy,
    MemoryDiscoveryStrategy,
    StaticDiscoveryStrategy,
    register_discovery_strategy,
)
from gemstone.errors import BackendError, DiscoveryError, ServiceConfigurationError
from gemstone_core._discovery._backends import _STRATEGIES, strategy_from_url

URL = "http://10.0.0.1:8000/api"


class Pigeons(BaseDiscoveryStrategy):
    def ping(self, name, location): ...

    def locate(self, name):
        return []


def test_a_strategy_needs_two_methods_only():
    pigeons = Pigeons()
    pigeons.unregister("users", URL)
    pigeons.close()
    assert str(pigeons) == "Pigeons"
    assert pigeons.registers
    with pytest.raises(DiscoveryError, match="Pigeons can't list services"):
        pigeons.services()
    with pytest.raises(ServiceConfigurationError, match="Pigeons can't be made from a URL"):
        Pigeons.from_url("pigeons://roof")
    for missing in ("ping", "locate"):
        half = type("Half", (BaseDiscoveryStrategy,), {missing: vars(Pigeons)[missing]})
        with pytest.raises(TypeError, match="abstract"):
            half()


def test_a_renewed_one_belongs_to_nobody():
    pigeons = Pigeons()
    pigeons.roof = "red"
    pigeons._microservice = object()
    renewed = pigeons.renewed()
    assert type(renewed) is Pigeons
    assert renewed.roof == "red"
    assert renewed._microservice is None


@pytest.mark.parametrize(
    ("url", "kind", "shown"),
    [
        ("memory://", MemoryDiscoveryStrategy, "memory://"),
        ("MEMORY://Rock/", MemoryDiscoveryStrategy, "memory://Rock"),
        ("http://registry:8000/api", HttpDiscoveryStrategy, "http://registry:8000/api"),
        ("https://u:secret@registry/a?b=c", HttpDiscoveryStrategy, "https://registry/a?…"),
    ],
)
def test_what_a_url_stands_for(url, kind, shown):
    strategy = strategy_from_url(url)
    assert type(strategy) is kind
    assert str(strategy) == shown
    assert "secret" not in repr(strategy)


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("memory://a/b", ServiceConfigurationError, "write memory:// or memory://name"),
        ("memory://a?b=c", ServiceConfigurationError, "write memory:// or memory://name"),
        ("http://", ServiceConfigurationError, "the URL of the registry 'http://' has no host"),
        ("http://h:0/", ServiceConfigurationError, "has the port 0"),
        ("http://u:secret@h:x/", ServiceConfigurationError, "wrong host or port"),
        ("registry:8000", ServiceConfigurationError, "no URL of a discovery strategy"),
        ("htpp://registry", BackendError, r"did you mean http://\?"),
        ("consul://u:secret@h", BackendError, "nothing is known of a discovery strategy for"),
    ],
)
def test_a_url_that_stands_for_nothing(url, error, said):
    with pytest.raises(error, match=said) as caught:
        strategy_from_url(url)
    assert "secret" not in str(caught.value)


def test_a_scheme_of_ones_own(monkeypatch):
    monkeypatch.setattr(_STRATEGIES, "_registered", {**_STRATEGIES._registered})

    class Carrier(Pigeons):
        @classmethod
        def from_url(cls, url):
            return cls()

    register_discovery_strategy("pigeons", Carrier)
    assert type(strategy_from_url("pigeons://roof")) is Carrier
    with pytest.raises(TypeError, match="no class that inherits BaseDiscoveryStrategy"):
        register_discovery_strategy("pigeons", object)


def test_memory_refuses_what_could_not_be_called():
    memory = MemoryDiscoveryStrategy("refusing")
    with pytest.raises(ValueError, match="pattern"):
        memory.ping("a*", URL)
    with pytest.raises(ValueError, match="does not begin with http"):
        memory.ping("users", "10.0.0.1")
    with pytest.raises(ValueError, match="control character"):
        memory.locate("a\n")
    assert memory.locate("*") == []


@pytest.mark.parametrize("time_to_live", [0, -1, True, "30", None, float("inf"), float("nan")])
def test_a_time_to_live_that_is_none(time_to_live):
    with pytest.raises(ServiceConfigurationError, match="time_to_live"):
        MemoryDiscoveryStrategy("a", time_to_live)


def test_memories_of_different_names_know_nothing_of_each_other():
    one, same, other = (MemoryDiscoveryStrategy(name) for name in ("one", "one", "two"))
    one.ping("test_memories", URL)
    assert same.locate("test_memories") == copy.copy(one).locate("test_memories") == [URL]
    assert other.locate("test_memories") == []
    same.unregister("test_memories", URL)
    assert one.locate("test_memories") == []


def test_static():
    static = StaticDiscoveryStrategy({"p.a": [URL], "p.b": (f"{URL}/b", URL), "q": []})
    assert static.locate("p.a") == [URL]
    assert static.locate("p.*") == [URL, f"{URL}/b"]
    assert static.locate("q") == static.locate("r") == []
    assert static.services() == {"p.a": [URL], "p.b": [f"{URL}/b", URL]}
    static.services()["p.a"].clear()
    static.ping("p.a", f"{URL}/c")
    static.locate("p.a").clear()
    assert copy.copy(static).locate("p.a") == static.locate("p.a") == [URL]
    assert not static.registers


@pytest.mark.parametrize(
    ("services", "said"),
    [
        ([("users", URL)], "lists of URLs by name"),
        ({"users": URL}, "has str for 'users': write a list"),
        ({"users": None}, "has NoneType for 'users'"),
        ({"users": ["users:8000"]}, "does not begin with http"),
        ({"users": [1]}, "not int"),
        ({"a*": [URL]}, "pattern"),
        ({1: [URL]}, "not int"),
        ({"": [URL]}, "empty"),
    ],
)
def test_what_static_refuses(services, said):
    with pytest.raises(ServiceConfigurationError, match=said):
        StaticDiscoveryStrategy(services)


def test_nothing_is_connected_or_started_by_making_one(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("it connects")

    monkeypatch.setattr(gemstone.RemoteService, "__init__", refuse)
    http = HttpDiscoveryStrategy("http://registry:8000/api")
    assert str(copy.copy(http)) == str(http)
    http.close()
