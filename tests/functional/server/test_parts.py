"""What services are put together from: modules, periodic tasks, threads."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable

import pytest
from tornado import gen

import gemstone
from gemstone.errors import (
    PluginDoesNotExistError,
    ServiceConfigurationError,
    ServiceStateError,
    ShutdownTimeoutError,
)


class Users(gemstone.Container):
    @gemstone.exposed_method("users.find")
    def find(self, name):
        return f"{name} of {self.microservice.name}"

    @gemstone.exposed_method("users.loop")
    async def loop(self):
        assert self.get_io_loop() is self.microservice.get_io_loop()
        assert self.get_executor() is self.microservice.get_executor()
        return True


class Shop(gemstone.MicroService):
    name = "shop"
    port = 0
    drain_grace = 0
    modules = [Users]

    @gemstone.exposed_method()
    def ping(self):
        return "pong"


@pytest.mark.parametrize("entry", [Users, Users(), lambda: Users()])
def test_a_module_is_called_like_its_service(serve, entry):
    caller = serve(type("Shop", (Shop,), {"modules": [entry]})())
    assert caller.result("users.find", ["ann"]) == "ann of shop"
    assert caller.result("users.loop")


def test_module_is_another_name_of_container():
    assert gemstone.Module is gemstone.Container


def test_a_class_in_the_list_makes_a_module_for_each_service():
    first, second = Shop(), Shop()
    with first.start_in_thread(), second.start_in_thread():
        pass


def test_an_instance_serves_one_running_service_at_a_time():
    class Sharing(Shop):
        modules = [Users()]

    first, second = Sharing(), Sharing()
    with first.start_in_thread():
        with pytest.raises(ServiceConfigurationError, match="running service 'shop'"):
            second.start_in_thread()
        with gemstone.RemoteService(first.accessible_at) as remote:
            assert remote.methods.users.find("ann") == "ann of shop"
    with second.start_in_thread():
        pass


def test_a_module_without_a_service_says_so():
    for use in (Users().get_executor, Users().get_io_loop, lambda: Users().microservice):
        with pytest.raises(ServiceStateError, match="belongs to no service yet"):
            use()


@pytest.mark.parametrize("attribute", ["modules", "plugins"])
@pytest.mark.parametrize("value", ["text", 5, [5], [dict], [object()]])
def test_lists_of_something_else(attribute, value):
    with pytest.raises((ServiceConfigurationError, PluginDoesNotExistError)):
        type("Odd", (Shop,), {attribute: value})()


def test_two_methods_of_one_name_are_both_named():
    class Clash(Shop):
        @gemstone.exposed_method("users.find")
        def look_up(self):
            return 1

    with pytest.raises(ValueError, match=r"'users.find'.*Clash\.look_up.*Users\.find") as raised:
        Clash()
    assert isinstance(raised.value, ServiceConfigurationError)


def test_two_methods_of_one_class_under_one_name():
    class Clash(gemstone.MicroService):
        name = "clash"

        @gemstone.exposed_method("same")
        def first(self):
            return 1

        @gemstone.exposed_method("same")
        def second(self):
            return 2

    with pytest.raises(ValueError, match=r"Clash\.first.*Clash\.second"):
        Clash()


@pytest.mark.parametrize("name", [None, "", 5, "a\nb"])
def test_a_service_has_a_name(name):
    with pytest.raises(ServiceConfigurationError, match="name"):
        type("Nameless", (gemstone.MicroService,), {"name": name})()


class Periodic(Shop):
    def __init__(self, *tasks: tuple[Callable[[], object], float]) -> None:
        super().__init__()
        self.periodic_tasks = tasks


def test_periodic_tasks_of_both_kinds_run_again_and_again():
    counts = {"plain": 0, "coroutine": 0}
    enough = threading.Semaphore(0)
    threads = set()

    def plain():
        threads.add(threading.current_thread().name)
        counts["plain"] += 1
        enough.release()

    async def coroutine():
        counts["coroutine"] += 1
        enough.release()

    with Periodic((plain, 0.01), (coroutine, 0.01)).start_in_thread():
        while min(counts.values()) < 3:
            assert enough.acquire(timeout=30)
    assert all(name.startswith("shop-blocking") for name in threads)


def test_a_periodic_task_of_the_class_is_bound_to_its_service():
    class Ticking(Shop):
        def tick(self):
            self.ticked_by = self
            ticked.set()

        periodic_tasks = [(tick, 0.01)]

    ticked = threading.Event()
    service = Ticking()
    with service.start_in_thread():
        assert ticked.wait(30)
    assert service.ticked_by is service


class Ticking(Shop):
    def __init__(self):
        super().__init__()
        self.ticked = threading.Semaphore(0)

    def tick(self):
        self.ticked.release()

    def __hidden(self):
        self.ticked.release()

    async def coroutine(self):
        self.ticked.release()

    @gen.coroutine
    def tornado(self):
        self.ticked.release()

    def gives_coroutine(self):
        return self.coroutine()

    all_kinds = [tick, __hidden, coroutine, tornado, gives_coroutine]


@pytest.mark.parametrize("method", Ticking.all_kinds, ids=lambda method: method.__name__)
def test_a_periodic_task_may_be_a_method_of_any_kind(method):
    service = type("Ticker", (Ticking,), {"periodic_tasks": [(method, 0.01)]})()
    with service.start_in_thread():
        for _ in range(3):
            assert service.ticked.acquire(timeout=30)


def test_a_periodic_task_is_the_method_that_a_subclass_makes_of_it():
    class Parent(Ticking):
        def beat(self):
            raise AssertionError("overridden")

        periodic_tasks = [(beat, 0.01)]

    class Child(Parent):
        def beat(self):
            self.ticked.release()

    service = Child()
    with service.start_in_thread():
        assert service.ticked.acquire(timeout=30)


def test_a_periodic_task_may_be_an_object():
    class Job:
        async def __call__(self):
            called.set()

    called = threading.Event()
    with Periodic((Job(), 0.01)).start_in_thread():
        assert called.wait(30)


@pytest.mark.parametrize(
    "error",
    [
        LookupError("x"),
        StopIteration(),
        SystemExit(3),
        asyncio.CancelledError(),
        GeneratorExit(),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_a_periodic_task_that_fails_goes_on(caplog, error, kind):
    calls = threading.Semaphore(0)

    def fail():
        calls.release()
        raise error

    async def fail_on_loop():
        calls.release()
        raise error

    with Periodic((fail if kind == "plain" else fail_on_loop, 0.01)).start_in_thread():
        for _ in range(3):
            assert calls.acquire(timeout=30)
    assert "it is tried again" in caplog.text


def test_no_periodic_task_overlaps_itself_and_a_stop_waits_for_it():
    running = threading.Semaphore(1)
    begun = threading.Semaphore(0)
    ended = []

    def slow():
        assert running.acquire(blocking=False), "overlaps"
        begun.release()
        threading.Event().wait(0.03)
        running.release()
        ended.append(1)

    with Periodic((slow, 0.001)).start_in_thread():
        for _ in range(3):
            assert begun.acquire(timeout=30)
    assert len(ended) >= 3
    assert running.acquire(blocking=False)


def test_a_stop_begins_with_the_drain_and_not_with_periodic_tasks():
    begun = threading.Event()
    may_end = threading.Event()

    def slow():
        begun.set()
        assert may_end.wait(30)

    service = Periodic((slow, 0.001))
    thread = service.start_in_thread()
    assert begun.wait(30)
    stopping = threading.Thread(target=thread.stop)
    stopping.start()
    deadline = time.monotonic() + 30
    while listens(service.port) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not listens(service.port)
    assert service.is_running
    may_end.set()
    stopping.join(30)
    assert not service.is_running


def test_a_periodic_task_that_is_stuck_is_named_once():
    begun = threading.Event()
    may_end = threading.Event()

    def stuck():
        begun.set()
        may_end.wait(30)

    service = Periodic((stuck, 0.001))
    service.shutdown_timeout = 0.1
    thread = service.start_in_thread()
    assert begun.wait(30)
    with pytest.raises(ShutdownTimeoutError) as raised:
        thread.stop()
    may_end.set()
    assert "the periodic task" in str(raised.value)
    assert "get_executor()" not in str(raised.value)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_coroutine_task_is_waited_for():
    begun = threading.Event()
    ended = threading.Event()

    async def slow():
        begun.set()
        await asyncio.sleep(0.05)
        ended.set()

    with Periodic((slow, 0.001)).start_in_thread():
        assert begun.wait(30)
    assert ended.is_set()


def test_start_thread_gives_a_thread_that_runs():
    done = threading.Event()
    seen = {}

    def work(a, b):
        seen.update(a=a, b=b)
        done.set()

    thread = Shop().start_thread(work, [1], {"b": 2})
    assert done.wait(30)
    thread.join(30)
    assert seen == {"a": 1, "b": 2}
    assert thread.daemon
    bare = Shop().start_thread(lambda: None)
    bare.join(30)


def test_the_executor_before_the_start_and_its_end():
    service = Shop()
    assert service.get_executor().submit(lambda: 5).result() == 5
    threads = [t for t in threading.enumerate() if t.name.startswith("shop-blocking")]
    assert threads
    service.stop()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_the_logger_is_the_one_that_the_service_says(serve):
    class Logged(Shop):
        def get_logger(self):
            return logging.getLogger("mine")

    assert Logged().logger is logging.getLogger("mine")
    assert Shop().logger is logging.getLogger("gemstone.service.shop")
