"""How services tell registries where they are: real services, from their start to their stop."""

import asyncio
import dataclasses
import logging
import threading
import time

import pytest

import gemstone
from gemstone.discovery import (
    BaseDiscoveryStrategy,
    HttpDiscoveryStrategy,
    MemoryDiscoveryStrategy,
)
from gemstone.errors import DiscoveryError, ServiceConfigurationError
from tools.waiting import until

FAST = {"service_registry_ping_interval": 0.05}


def located(discovery, name="users"):
    return MemoryDiscoveryStrategy.from_url(discovery.url).locate(name)


def test_a_service_that_has_started_is_found_at_once(discovery):
    registry = discovery.registry()
    service = discovery.start("users", discovery_strategies=[discovery.url, registry.accessible_at])
    assert located(discovery) == [service.accessible_at]
    asked = HttpDiscoveryStrategy(registry.accessible_at)
    assert asked.locate("users") == [service.accessible_at]
    asked.close()


def test_a_service_that_has_stopped_is_not_found(discovery, no_thread_left):
    registry = discovery.registry()
    service = discovery.make("users", discovery_strategies=[discovery.url, registry.accessible_at])
    with service.start_in_thread():
        assert registry._entries.services() == {"users": [service.accessible_at]}
    assert registry._entries.services() == {}
    assert located(discovery) == []
    discovery.stack.close()


def test_it_unregisters_before_anything_else(discovery):
    goes_on, is_called = threading.Event(), threading.Event()

    class Slow(discovery.Service):
        name = "users"
        discovery_strategies = [discovery.url]

        @gemstone.exposed_method()
        def wait(self):
            is_called.set()
            return goes_on.wait(30)

    with Slow().start_in_thread() as service, gemstone.RemoteService(service.accessible_at) as it:
        call = it.call_method_async("wait")
        assert is_called.wait(30)
        stop = threading.Thread(target=service.stop)
        stop.start()
        try:
            until(lambda: located(discovery) == [], what="it is unregistered")
            assert not call.finished()
        finally:
            goes_on.set()
        assert call.result(wait=True).result is True
        stop.join()


def test_it_pings_again_and_again(discovery):
    noted = discovery.Noted()
    service = discovery.start("users", discovery_strategies=[noted], **FAST)
    until(lambda: len(noted.pings) > 3, what="it has pinged")
    assert {*noted.pings} == {("users", service.accessible_at)}


def test_it_is_registered_as_it_says(discovery):
    noted = discovery.Noted()
    discovery.start("users", discovery_strategies=[noted], accessible_at="https://u.example/api")
    assert noted.pings == [("users", "https://u.example/api")]


def test_a_service_on_all_addresses_has_the_name_of_its_machine(discovery, monkeypatch, caplog):
    monkeypatch.setattr("socket.gethostname", lambda: "box7")
    noted = discovery.Noted()
    service = discovery.start("users", discovery_strategies=[noted], host="0.0.0.0")
    assert noted.pings == [("users", f"http://box7:{service.port}/api")]
    assert "only this machine" not in caplog.text


@pytest.mark.parametrize(
    "accessible_at",
    ["http://0.0.0.0:8000/api", "http://[::]:8000/api", "http://0:8000/api"],
)
def test_where_nobody_else_can_reach_it(discovery, accessible_at, no_thread_left):
    service = discovery.make("users", accessible_at=accessible_at)
    with pytest.raises(ServiceConfigurationError, match="nobody else can reach: write the address"):
        service.start_in_thread()
    service.accessible_at = "http://10.0.0.1:8000/api"
    with service.start_in_thread():
        assert located(discovery) == ["http://10.0.0.1:8000/api"]


@pytest.mark.parametrize(
    "accessible_at",
    ["http://", "http://:80/", "http://host:0/", "ftp://host/", "", "users:80", "http://h /"],
)
def test_what_is_no_url(discovery, accessible_at):
    service = discovery.make("users", accessible_at=accessible_at)
    with pytest.raises(ServiceConfigurationError, match=r"\.accessible_at is .*: it must be a URL"):
        service.start_in_thread()


def test_without_strategies_nothing_of_this_is_asked(discovery):
    service = discovery.start(
        "a*",
        discovery_strategies=[],
        accessible_at="http://0.0.0.0/",
        service_registry_ping_interval="never",
    )
    assert service.is_running


def test_a_loopback_address_is_a_warning_once(discovery, caplog):
    service = discovery.make("users", discovery_strategies=[discovery.url, "memory://b"])
    with service.start_in_thread():
        pass
    told = [each for each in caplog.records if "only this machine can reach" in each.message]
    assert [each.levelname for each in told] == ["WARNING"]
    caplog.clear()
    with discovery.make("users", accessible_at="http://u:secret@localhost/").start_in_thread():
        pass
    assert "as http://localhost/, which only this machine" in caplog.text
    assert "secret" not in caplog.text


def test_what_registers_nowhere_needs_no_address(discovery, caplog):
    strategy = gemstone.discovery.StaticDiscoveryStrategy({})
    with discovery.make(
        "users", discovery_strategies=[strategy], accessible_at="http://0.0.0.0/"
    ).start_in_thread():
        assert not any("heartbeat" in each.name for each in threading.enumerate())
    assert "only this machine" not in caplog.text


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("name", "a*", "pattern"),
        ("name", "x" * 201, "at most 200"),
        ("service_registry_ping_interval", 0, "greater than 0"),
        ("service_registry_ping_interval", True, "greater than 0"),
        ("service_registry_ping_interval", "10", "greater than 0"),
        ("service_registry_ping_interval", 30, "memory://.* forgets a service after 30.0 seconds"),
        ("remote_service_cache", None, "remote_service_cache is None"),
        ("remote_service_cache", dict, "it must be a ServiceDiscoveryCache"),
        ("remote_service_cache", 10, "it must be a ServiceDiscoveryCache"),
    ],
)
def test_settings_that_can_t_work(discovery, attribute, value, said):
    service = discovery.make()
    setattr(service, attribute, value)
    with pytest.raises(ServiceConfigurationError, match=said):
        service.start_in_thread()


def test_a_strategy_of_coroutines(discovery):
    class Coroutines(discovery.Noted):
        async def ping(self, name, location): ...

    service = discovery.make(discovery_strategies=[Coroutines])
    with pytest.raises(ServiceConfigurationError, match=r"Coroutines.ping is a coroutine function"):
        service.start_in_thread()


@pytest.mark.parametrize(
    ("strategies", "said"),
    [
        ("memory://", "must be a list"),
        ([object()], "no BaseDiscoveryStrategy"),
        (["memory://a?b"], "write memory://"),
        ([MemoryDiscoveryStrategy, 3], "no BaseDiscoveryStrategy"),
    ],
)
def test_a_list_of_something_else(discovery, strategies, said):
    with pytest.raises(ServiceConfigurationError, match=said):
        discovery.make(discovery_strategies=strategies)


def test_the_same_strategy_twice(discovery):
    noted, memory = discovery.Noted(), MemoryDiscoveryStrategy.from_url(discovery.url)
    service = discovery.make(
        discovery_strategies=[noted, memory, noted, memory, discovery.url, discovery.url]
    )
    with service.start_in_thread():
        assert len(noted.pings) == 1
        assert located(discovery) == [service.accessible_at]
        assert service.get_service("users").locations == [service.accessible_at]
        assert noted.lookups == ["users"]
    assert located(discovery) == []


def test_two_services_of_one_class(discovery):
    registry = discovery.registry()

    class Worker(discovery.Service):
        name = "worker"
        discovery_strategies = [
            MemoryDiscoveryStrategy.from_url(discovery.url),
            HttpDiscoveryStrategy(registry.accessible_at),
        ]

    with Worker().start_in_thread() as one, Worker().start_in_thread() as other:
        both = {one.accessible_at, other.accessible_at}
        assert {*located(discovery, "worker")} == both
        assert {*registry._entries.locate("worker")} == both
        other.stop()
        assert located(discovery, "worker") == [one.accessible_at]
        assert one.get_service("worker").locations == [one.accessible_at]


def test_an_instance_without_a_copy_is_shared(discovery):
    class Worker(discovery.Service):
        name = "worker"
        port = 0
        discovery_strategies = [discovery.Noted()]

    [noted] = Worker.discovery_strategies
    with Worker().start_in_thread() as one, Worker().start_in_thread() as other:
        until(
            lambda: {one.accessible_at, other.accessible_at} <= {each[-1] for each in noted.pings},
            what="both have told it where they are",
        )
        assert noted.microservice is other


def test_a_restart(discovery):
    registry = discovery.registry()
    service = discovery.make(discovery_strategies=[discovery.url, registry.accessible_at])
    for _ in range(3):
        with service.start_in_thread():
            assert located(discovery) == [service.accessible_at]
            assert registry._entries.locate("users") == [service.accessible_at]
            assert service.find("users") == service.port
        assert located(discovery) == registry._entries.locate("users") == []
    other = f"{discovery.url}other"
    service.discovery_strategies = [other]
    with service.start_in_thread():
        assert located(discovery) == []
        assert MemoryDiscoveryStrategy.from_url(other).locate("users") == [service.accessible_at]


def test_a_registry_that_restarts_empty_knows_all_again(discovery, caplog):
    registry = discovery.registry()
    services = [
        discovery.start(discovery_strategies=[registry.accessible_at], **FAST) for _ in range(3)
    ]
    all_of_them = {each.accessible_at for each in services}
    assert {*registry._entries.locate("users")} == all_of_them
    registry.stop()
    until(lambda: caplog.text.count("can't be registered now") == 3, what="all have noticed it")
    caplog.set_level(logging.INFO)
    again = discovery.registry(port=registry.port)
    until(lambda: {*again._entries.locate("users")} == all_of_them, what="all are back")
    until(lambda: caplog.text.count("is registered again") == 3, what="all have said so")


def test_a_registry_that_is_away_delays_nothing(discovery, dead_url, silent_url):
    # Those that hang would, for 5 s each.
    hanging = [silent_url, f"{silent_url}/2", discovery.hanging()]
    began = time.monotonic()
    service = discovery.make(discovery_strategies=[dead_url, *hanging, discovery.url])
    with service.start_in_thread():
        assert located(discovery) == [service.accessible_at]
        assert service.find("users") == service.port
    assert located(discovery) == []
    assert time.monotonic() - began < 5


def test_a_registry_that_refuses_connections_leaves_no_thread(discovery, dead_url, no_thread_left):
    with discovery.make(discovery_strategies=[dead_url]).start_in_thread():
        pass


def test_what_hangs_is_named_and_the_stop_is_a_good_one(discovery, caplog):
    hanging = discovery.hanging()
    service = discovery.make(discovery_strategies=[hanging], shutdown_timeout=1.0)
    with service.start_in_thread():
        pass
    assert "Hanging does not answer; users stops without it" in caplog.text
    hanging.goes_on.set()
    until(
        lambda: not any("heartbeat" in each.name for each in threading.enumerate()),
        what="its thread ends",
    )


def test_one_that_hangs_just_when_it_is_to_unregister(discovery, caplog, monkeypatch):
    monkeypatch.setattr("gemstone_core._discovery._hub._UNREGISTER", 0.05)
    monkeypatch.setattr("gemstone_core._discovery._hub._LAST_WAIT", 0.05)
    goes_on = threading.Event()

    class Late(discovery.Noted):
        def unregister(self, name, location):
            goes_on.wait(30)

    late = Late()
    service = discovery.make(discovery_strategies=[late, discovery.url], **FAST)
    with service.start_in_thread():
        until(lambda: len(late.pings) > 1, what="it is registered")
    assert located(discovery) == []
    assert "Late does not answer; users stops without it" in caplog.text
    # The next life waits for the former one, which would take away what this one says.
    count = len(late.pings)
    with service.start_in_thread():
        assert len(late.pings) == count
        goes_on.set()
        until(lambda: len(late.pings) > count, what="it is registered again")


def test_strangers_that_raise(discovery, caplog):
    class Rude(discovery.Noted):
        def unregister(self, name, location):
            raise SystemExit("unregister")

        def close(self):
            raise ValueError("close")

    rude = Rude()
    rude.ping_error = RuntimeError("http://u:secret@host")
    with discovery.make(discovery_strategies=[rude, discovery.url]).start_in_thread() as service:
        assert located(discovery) == [service.accessible_at]
    assert "Rude failed\nTraceback" in caplog.text
    assert "Rude: users can't be registered now, trying again: RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_strategy_that_is_a_dataclass_has_no_hash(discovery):
    @dataclasses.dataclass
    class Counting(discovery.Noted):
        count: int = 0

        def ping(self, name, location):
            self.count += 1

        def locate(self, name):
            return []

    one, other = Counting(), Counting()
    with discovery.make(discovery_strategies=[one, other]).start_in_thread() as service:
        assert service.get_service("users") is None
    assert (one.count, other.count) == (1, 1)


def test_strategies_are_closed_with_their_service(discovery):
    class Closed(discovery.Noted):
        closed = 0

        def close(self):
            self.closed += 1

    strategy = Closed()
    service = discovery.make(discovery_strategies=[strategy])
    with service.start_in_thread():
        assert strategy.closed == 0
    assert strategy.closed == 1
    assert service.get_service("users") is None  # of a service that does not run
    service.stop()
    assert strategy.closed == 2


def test_no_deadline_of_others_is_in_force(discovery):
    seen = []

    class Looks(discovery.Noted):
        def ping(self, name, location):
            seen.append(gemstone.deadlines.current_deadline())

        def locate(self, name):
            seen.append(gemstone.deadlines.current_deadline())
            return []

    async def serve():
        service = discovery.make(discovery_strategies=[Looks])
        with gemstone.deadlines.deadline_in(30):
            task = asyncio.create_task(service.serve())
            while not seen:
                await asyncio.sleep(0.01)
            assert await service.get_service_async("users") is None
            service.stop()
            await task

    asyncio.run(serve())
    assert seen == [None, None]


def test_a_start_that_fails_registers_nothing(discovery, no_thread_left):
    class Failing(discovery.Service):
        name = "users"
        discovery_strategies = [discovery.url]

        def on_service_start(self):
            assert self.get_executor().submit(self.get_service, "users").result() is None
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Failing().start_in_thread()
    assert located(discovery) == []


class Odd(BaseDiscoveryStrategy):
    """One that can't say what it is, nor end, nor what was wrong."""

    class Trouble(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    def __init__(self):
        self.pings = 0

    def ping(self, name, location):
        self.pings += 1
        raise self.Trouble

    def locate(self, name):
        raise self.Trouble

    def close(self):
        raise SystemExit("closed")

    def __str__(self):
        raise RuntimeError("no name")


def test_one_that_can_t_even_say_what_is_wrong_with_it(discovery, caplog):
    odd = Odd()
    service = discovery.make(discovery_strategies=[odd], service_registry_ping_interval=0.2)
    with service.start_in_thread():
        until(lambda: odd.pings >= 3, what="it is tried again and again")
        with pytest.raises(DiscoveryError, match="its text can't be had"):
            service.get_service("users")
    assert "Odd (its text can't be had)" in caplog.text
    assert "close() of Odd" in caplog.text


def test_a_ping_that_is_a_coroutine_has_told_nobody(discovery, caplog):
    class Late(discovery.Noted):
        def ping(self, name, location):
            async def tell():
                """Never awaited."""

            super().ping(name, location)
            return tell()

    late = Late()
    with discovery.make(discovery_strategies=[late]).start_in_thread():
        until(lambda: "ping() returned a coroutine" in caplog.text, what="it is said")
    assert "is registered\n" not in caplog.text


def test_it_is_not_registered_again_where_it_never_was(discovery, caplog):
    caplog.set_level(logging.INFO)
    noted = discovery.Noted()
    noted.ping_error = ConnectionError("away")
    service = discovery.make(discovery_strategies=[noted], service_registry_ping_interval=0.2)
    with service.start_in_thread():
        until(lambda: len(noted.pings) >= 2, what="it was tried")
        noted.ping_error = None
        until(lambda: "is registered now" in caplog.text, what="it is said")
    assert "registered again" not in caplog.text
