"""``get_service()``: real services that find others by their names."""

import asyncio
import gc
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

import gemstone
from gemstone.discovery import (
    DummyCache,
    MemoryDiscoveryStrategy,
    ServiceDiscoveryCache,
    StaticDiscoveryStrategy,
)
from gemstone.errors import DiscoveryError, ServiceConfigurationError, ServiceStateError
from tools.waiting import until


def test_the_manuals_example(discovery):
    users = discovery.start("users")
    shop = discovery.start("shop")
    remote_service = shop.get_service("users")
    assert isinstance(remote_service, gemstone.RemoteService)
    assert remote_service.call_method("whoami").result == users.port
    assert shop.get_service("unknown") is None
    assert shop.get_service("user") is None


def test_patterns(discovery):
    workers = [discovery.start(f"project.worker.{number}") for number in range(3)]
    discovery.start("project.boss")
    found = workers[0].get_service("project.worker.*")
    assert {*found.locations} == {each.accessible_at for each in workers}
    assert {found.methods.whoami() for _ in range(6)} == {each.port for each in workers}
    assert workers[0].get_service("project.worker.[12]").methods.whoami() != workers[0].port
    assert workers[0].get_service("other.*") is None


def test_all_instances_in_turn(discovery):
    users = [discovery.start("users") for _ in range(3)]
    found = users[0].get_service("users")
    assert sorted(found.methods.whoami() for _ in range(9)) == sorted(
        3 * [each.port for each in users]
    )


def test_the_union_of_strategies_that_disagree(discovery):
    one, other = discovery.start("users"), discovery.start("mails", discovery_strategies=[])
    fixed = StaticDiscoveryStrategy({"users": [other.accessible_at, one.accessible_at]})
    shop = discovery.start("shop", discovery_strategies=[discovery.url, fixed])
    found = shop.get_service("users")
    assert found.locations == [one.accessible_at, other.accessible_at]
    assert {found.methods.whoami() for _ in range(4)} == {one.port, other.port}


def test_it_is_found_once_and_kept(discovery):
    discovery.start("users")
    noted = discovery.Noted()
    shop = discovery.start("shop", discovery_strategies=[noted, discovery.url])
    found = shop.get_service("users")
    assert all(shop.get_service("users") is found for _ in range(50))
    assert noted.lookups == ["users"]
    assert shop.get_service("user*") is not found


def test_each_service_keeps_its_own(discovery):
    discovery.start("users")
    one, other = discovery.start("shop"), discovery.start("shop")
    assert one.get_service("users") is not other.get_service("users")


def test_closing_what_was_found_closes_it_for_nobody(discovery):
    users, shop = discovery.start("users"), discovery.start("shop")
    with shop.get_service("users") as found:
        found.methods.whoami()
    with found.with_options(timeout=3) as view:
        assert type(view) is type(found)
    view.close(wait=False)
    assert found.methods.whoami() == view.methods.whoami() == users.port


def test_it_is_closed_with_its_service(discovery, no_thread_left):
    discovery.start("users")
    with discovery.make("shop").start_in_thread() as shop:
        found = shop.get_service("users")
        found.call_method_async("whoami").result(wait=True)
    with pytest.raises(ServiceStateError, match="closed"):
        found.methods.whoami()
    discovery.stack.close()


def test_calls_under_way_are_waited_for_at_the_stop(discovery):
    goes_on = threading.Event()

    class Slow(discovery.Service):
        name = "slow"
        discovery_strategies = [discovery.url]

        @gemstone.exposed_method()
        def wait(self):
            return goes_on.wait(30)

    with Slow().start_in_thread():
        with discovery.make("shop").start_in_thread() as shop:
            call = shop.get_service("slow").call_method_async("wait")
            threading.Timer(0.1, goes_on.set).start()
        assert call.result().result is True


def test_before_the_start_and_after_the_stop(discovery, no_thread_left):
    users = discovery.start("users")
    shop = discovery.make("shop")
    found = shop.get_service("users")
    assert found.methods.whoami() == users.port
    with shop.start_in_thread():
        assert shop.get_service("users") is found
    again = shop.get_service("users")
    assert again is not found
    assert again.methods.whoami() == users.port
    shop.stop()
    with pytest.raises(ServiceStateError, match="closed"):
        again.methods.whoami()
    discovery.stack.close()


def test_without_strategies(discovery):
    shop = discovery.make("shop", discovery_strategies=[])
    with pytest.raises(ServiceConfigurationError, match="it has no discovery_strategies"):
        shop.get_service("users")
    with pytest.raises(ServiceConfigurationError, match="it has no discovery_strategies"):
        asyncio.run(shop.get_service_async("users"))


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00", "\x1b[31m", "x" * 201])
def test_names_that_nobody_can_have(discovery, name):
    noted = discovery.Noted()
    shop = discovery.make("shop", discovery_strategies=[noted])
    for ask in (shop.get_service, lambda name: asyncio.run(shop.get_service_async(name))):
        with pytest.raises(ValueError, match="the name of a service"):
            ask(name)
        with pytest.raises(TypeError, match="string, not NoneType"):
            ask(None)
    assert noted.lookups == []


def test_the_blocking_one_is_refused_on_an_event_loop(discovery):
    class Shop(discovery.Service):
        name = "shop"
        discovery_strategies = [discovery.url]

        @gemstone.exposed_method()
        async def on_the_loop(self):
            return str(self.refused())

        @gemstone.exposed_method(is_coroutine=True)
        def too(self):
            return str(self.refused())

        def refused(self):
            with pytest.raises(ServiceStateError) as caught:
                self.get_service("users")
            return caught.value

    with Shop().start_in_thread() as shop, gemstone.RemoteService(shop.accessible_at) as remote:
        for method in ("on_the_loop", "too"):
            said = remote.call_method(method).result
            assert "would block the event loop" in said
            assert "await get_service_async('users')" in said


def test_from_methods_of_both_kinds(discovery):
    users, shop = discovery.start("users"), discovery.start("shop")
    with gemstone.RemoteService(shop.accessible_at) as remote:
        for method in ("find", "find_async"):
            assert remote.call_method(method, ["users"]).result == users.port
            assert remote.call_method(method, ["unknown"]).result is None


def test_the_awaited_one_never_blocks_the_loop(discovery):
    hanging = discovery.hanging()
    shop = discovery.make("shop", discovery_strategies=[hanging])

    async def main():
        search = asyncio.create_task(shop.get_service_async("users"))
        for _ in range(3):
            await asyncio.sleep(0.01)
        assert not search.done()
        search.cancel()
        with pytest.raises(asyncio.CancelledError):
            await search
        # Whoever comes next shares the search, which goes on.
        another = asyncio.create_task(shop.get_service_async("users"))
        await asyncio.sleep(0.01)
        hanging.goes_on.set()
        assert await another is None

    asyncio.run(main())
    shop.stop()


def test_a_search_that_fails_after_nobody_waits_for_it_is_nobodys_business(discovery):
    goes_on = threading.Event()

    class Late(discovery.Noted):
        def locate(self, name):
            goes_on.wait(30)
            raise ConnectionError("away")

    shop = discovery.make("shop", discovery_strategies=[Late])
    problems = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: problems.append(context)
        )
        search = asyncio.create_task(shop.get_service_async("users"))
        await asyncio.sleep(0.01)
        search.cancel()
        await asyncio.wait({search})
        goes_on.set()
        with pytest.raises(DiscoveryError):
            await shop.get_service_async("users")
        del search
        gc.collect()

    asyncio.run(main())
    assert problems == []


@pytest.mark.parametrize("kind", ["get_service", "get_service_async"])
def test_a_deadline_bounds_the_search(discovery, kind):
    shop = discovery.make("shop", discovery_strategies=[discovery.hanging()])
    ask = shop.get_service
    if kind == "get_service_async":

        def ask(name):
            asyncio.run(shop.get_service_async(name))

    began = time.monotonic()
    with gemstone.deadlines.deadline_in(0.05), pytest.raises(DiscoveryError, match="deadline"):
        ask("users")
    assert time.monotonic() - began < 5


def test_those_who_ask_at_the_same_time_share_one_lookup(discovery):
    users = discovery.start("users")
    goes_on = threading.Event()

    class Slow(discovery.Noted):
        def locate(self, name):
            self.lookups.append(name)
            goes_on.wait(30)
            return [users.accessible_at]

    strategy = Slow()
    shop = discovery.start("shop", discovery_strategies=[strategy])
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(shop.get_service, "users") for _ in range(8)]
        until(lambda: strategy.lookups, what="it is asked")
        goes_on.set()
        assert len({each.result() for each in asked}) == 1
    assert strategy.lookups == ["users"]


def test_no_registry_can_be_asked(discovery, dead_url):
    noted = discovery.Noted()
    noted.locate_error = ConnectionError("redis://u:secret@host is away")
    shop = discovery.start("shop", discovery_strategies=[noted, dead_url])
    for ask in (shop.get_service, lambda name: asyncio.run(shop.get_service_async(name))):
        with pytest.raises(DiscoveryError, match="'users' can't be looked up") as caught:
            ask("users")
        assert "redis://u:***@host is away" in str(caught.value)
        assert dead_url in str(caught.value)


def test_one_registry_is_enough(discovery, dead_url):
    users = discovery.start("users")
    shop = discovery.start("shop", discovery_strategies=[dead_url, discovery.url])
    assert shop.get_service("users").locations == [users.accessible_at]
    assert shop.get_service("unknown") is None


def test_what_is_known_goes_on_while_all_registries_are_away(discovery):
    users = discovery.start("users")
    noted = discovery.Noted(users.accessible_at)
    shop = discovery.start("shop", discovery_strategies=[noted], remote_service_cache=DummyCache)
    assert shop.find("users") == users.port
    noted.locate_error = ConnectionError("away")
    for _ in range(5):
        assert shop.find("users") == users.port
    assert shop.get_service("users").locations == [users.accessible_at]


@pytest.mark.parametrize("answer", [3, "http://10.0.0.1/", {"a": 1}, [1], [None]])
def test_answers_of_the_wrong_shape(discovery, answer):
    noted = discovery.Noted()
    noted.locations = answer
    shop = discovery.start("shop", discovery_strategies=[noted])
    with pytest.raises(DiscoveryError, match="it must return a list of URLs"):
        shop.get_service("users")


def test_locations_that_can_t_be_called(discovery, caplog):
    users = discovery.start("users")
    noted = discovery.Noted("ftp://host/", "file:///etc/passwd", users.accessible_at, "http://")
    shop = discovery.start("shop", discovery_strategies=[noted])
    found = shop.get_service("users")
    assert found.locations == [users.accessible_at]
    assert found.methods.whoami() == users.port
    noted.locations = ["ftp://host/"]
    with pytest.raises(DiscoveryError, match="ftp"):
        shop.get_service("others")


def test_a_name_that_is_gone_is_not_found_any_more(discovery):
    shop = discovery.start("shop", remote_service_cache=DummyCache)
    with discovery.make("users").start_in_thread() as users:
        assert shop.find("users") == users.port
    until(lambda: shop.get_service("users") is None, what="it is gone")
    assert asyncio.run(shop.get_service_async("users")) is None
    users = discovery.start("users")
    until(lambda: shop.get_service("users") is not None, what="it is there again")
    assert shop.find("users") == users.port


def test_a_name_that_nobody_had_is_found_as_soon_as_somebody_has_it(discovery):
    shop = discovery.start("shop")
    assert shop.get_service("users") is None
    users = discovery.start("users")
    assert shop.find("users") == users.port


class Own(ServiceDiscoveryCache):
    def __init__(self):
        super().__init__(lifetime=0.25)


@pytest.mark.parametrize(
    ("cache", "lifetime"),
    [
        (ServiceDiscoveryCache, 10.0),
        (ServiceDiscoveryCache(3), 3),
        (DummyCache, 0),
        (DummyCache(), 0),
        (Own, 0.25),
        (Own(), 0.25),
        (lambda: ServiceDiscoveryCache(7), 7),
        (staticmethod(lambda: ServiceDiscoveryCache(7)), 7),
    ],
)
def test_what_a_cache_is_made_of(discovery, cache, lifetime):
    discovery.start("users")

    class Shop(discovery.Service):
        name = "shop"
        discovery_strategies = [discovery.url]
        remote_service_cache = cache

    with Shop().start_in_thread() as one, Shop().start_in_thread() as other:
        for shop in (one, other):
            assert shop.get_service("users") is shop.get_service("users")
            made = shop._discovery._finder._cache
            assert made.lifetime == lifetime
            assert made is not cache
        assert one._discovery._finder._cache is not other._discovery._finder._cache


def test_a_lifetime_of_ones_own_is_used(discovery):
    noted = discovery.Noted("http://10.0.0.1/")
    shop = discovery.start(
        "shop", discovery_strategies=[noted], remote_service_cache=ServiceDiscoveryCache(0.01)
    )
    until(lambda: shop.get_service("users") and len(noted.lookups) > 3, what="it was looked up")


def test_what_is_dropped_lives_as_long_as_somebody_has_it(discovery):
    users = discovery.start("users")
    cache = ServiceDiscoveryCache(max_services=1)
    shop = discovery.make("shop", remote_service_cache=cache)
    with shop.start_in_thread():
        kept = shop.get_service("users")
        dropped = weakref.ref(shop.get_service("user*"))
        assert shop.get_service("users") is not kept
        assert kept.methods.whoami() == users.port

        def is_gone():
            gc.collect()
            return dropped() is None

        until(is_gone, what="what nobody has is gone")
    with pytest.raises(ServiceStateError, match="closed"):
        kept.methods.whoami()


def test_a_cache_that_keeps_nothing_leaves_nothing(discovery, no_thread_left):
    class Nothing(ServiceDiscoveryCache):
        def get(self, name):
            return None

    users = discovery.start("users")
    with discovery.make("shop", remote_service_cache=Nothing).start_in_thread() as shop:
        found = [shop.get_service("users") for _ in range(5)]
        assert [each.methods.whoami() for each in found] == [users.port] * 5
    for each in found:
        with pytest.raises(ServiceStateError, match="closed"):
            each.methods.whoami()
    discovery.stack.close()


def test_a_search_that_ends_after_its_service(discovery):
    users = discovery.start("users")
    goes_on, is_asked = threading.Event(), threading.Event()

    class Slow(discovery.Noted):
        def locate(self, name):
            is_asked.set()
            goes_on.wait(30)
            return [users.accessible_at]

    with ThreadPoolExecutor(1) as pool:
        with discovery.make("shop", discovery_strategies=[Slow]).start_in_thread() as shop:
            asked = pool.submit(shop.get_service, "users")
            assert is_asked.wait(30)
        goes_on.set()
        with pytest.raises(ServiceStateError, match="has stopped while it looked for 'users'"):
            asked.result()


def test_found_from_hooks_and_handlers(discovery):
    seen = []

    class Shop(discovery.Service):
        name = "shop"
        discovery_strategies = [discovery.url]
        event_transports = [discovery.url]

        async def on_service_start(self):
            seen.append(await self.get_service_async("users") is not None)

        async def on_service_stop(self):
            seen.append((await self.find_async("users")) > 0)

        @gemstone.event_handler("asked")
        async def on_asked(self, body):
            seen.append((await self.find_async("users")) > 0)

    discovery.start("users")
    with Shop().start_in_thread() as shop:
        shop.emit_event("asked", None).wait(30)
        until(lambda: len(seen) == 2, what="the event was handled")
    assert seen == [True, True, True]


def test_memory_is_shared_by_name(discovery):
    assert MemoryDiscoveryStrategy("a")._registry is MemoryDiscoveryStrategy("a")._registry


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_finds_what_its_parent_was_looking_for(discovery):
    """The threads that were looking are not there in the child, nor those that hold locks."""
    users = discovery.start("users")
    goes_on = threading.Event()

    class Slow(discovery.Noted):
        def locate(self, name):
            if os.getpid() == parent:
                goes_on.wait(30)
            return [users.accessible_at]

    parent = os.getpid()
    shop = discovery.make("shop", discovery_strategies=[Slow()])
    search = threading.Thread(target=shop.get_service, args=["users"])
    search.start()
    until(lambda: any("search users" in each.name for each in threading.enumerate()), what="it")
    with shop._discovery._lock:  # as another thread may do just then
        child = os.fork()
        if child == 0:
            found = shop.get_service("users")
            os._exit(0 if found is not None and found.methods.whoami() == users.port else 1)
    goes_on.set()
    search.join(30)
    try:
        status = until(lambda: ended_status(child), what="the child has ended")
        assert status == ["0"]
    finally:
        shop.stop()


def ended_status(child):
    """The exit code of a child that has ended, in a list; nothing while it runs."""
    pid, status = os.waitpid(child, os.WNOHANG)
    return [str(os.waitstatus_to_exitcode(status))] if pid else []
