"""Services that are known by their names: whom a call goes to, and when the name is looked up."""

import copy
import gc
import logging
import os
import pickle
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from gemstone.client import RemoteService, _instances, _lookup, remote_service
from gemstone.errors import DiscoveryError, ServiceStateError, ServiceUnavailableError


def grow_old(service, seconds=1000.0):
    """As if the list of instances had been looked up so long ago."""
    service._service._lookup._asked_at -= seconds


def threads_of(name):
    return [thread for thread in threading.enumerate() if thread.name.endswith(f" {name}")]


# Finding.


def test_a_service_is_found(peer, found, registry):
    service = found(peer)

    assert service.call_method("echo", [1]).result == [1]
    assert service.url == "users"
    assert repr(service) == "<RemoteService users>"
    assert service.locations == [peer.url]
    assert registry.asked == ["users"]


def test_it_is_looked_up_in_the_thread_of_the_caller():
    asked = []
    RemoteService.find("users", lambda name: asked.append((name, threading.current_thread())) or [])
    assert asked == [("users", threading.current_thread())]


@pytest.mark.parametrize("nothing", [None, [], (), set()])
def test_nothing_is_found(registry, nothing):
    registry.answer = nothing
    assert RemoteService.find("users", registry) is None


@pytest.mark.parametrize("error", [OSError("away"), DiscoveryError("away"), KeyError("x")])
def test_what_locate_raises_goes_through(registry, error):
    registry.answer = error
    with pytest.raises(type(error)) as caught:
        RemoteService.find("users", registry)
    assert caught.value is error


@pytest.mark.parametrize(
    "answer",
    [3, True, "http://127.0.0.1/", b"http://127.0.0.1/", {"http://127.0.0.1/": 1}, object()],
)
def test_answers_that_are_no_list_are_refused(registry, answer):
    registry.answer = lambda: answer
    with pytest.raises(DiscoveryError, match=r"answer for 'users' is .*must be a list of URLs"):
        RemoteService.find("users", registry)


@pytest.mark.parametrize("item", [None, 3, b"http://127.0.0.1/", ["http://127.0.0.1/"], {}])
def test_answers_that_list_something_else_are_refused(registry, peer, item):
    registry.answer = [peer.url, item]
    with pytest.raises(DiscoveryError, match=r"answer for 'users' lists .*must be a list of URLs"):
        RemoteService.find("users", registry)
    assert peer.accepted == 0


@pytest.mark.parametrize(
    "answer", ["{}", [b"{}"], {"url": "{}"}, [{"url": "{}"}], ["ftp{}"], [["{}"]]]
)
def test_a_wrong_answer_shows_no_password(registry, shown, answer):
    def fill(value):
        if isinstance(value, list):
            return [fill(each) for each in value]
        if isinstance(value, dict):
            return {key: fill(each) for key, each in value.items()}
        url = "http://root:hunter2-{}@127.0.0.1/?key=hunter2".format("x" * 60)
        return url.encode() if isinstance(value, bytes) else value.format(url)

    registry.answer = fill(answer)
    with pytest.raises(DiscoveryError) as caught:
        RemoteService.find("users", registry)
    assert "hunter2" not in shown(caught.value)


BAD = [
    "",
    "127.0.0.1:{port}/api",
    "ftp://127.0.0.1:{port}/api",
    "file:///etc/passwd",
    "http://127.0.0.1:{port}/a b",
    "http://127.0.0.1:{port}/\r\nX-Evil: 1",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/",
    "http:///api",
    "http://[::1/api",
    "http://*.example/api",
    "http://.example/api",
    "http://k\u0138:x@127.0.0.1:{port}/api",
]


@pytest.mark.parametrize("bad", BAD)
def test_a_location_that_can_not_be_called_is_left_out(peers, registry, found, caplog, bad):
    other, peer = peers(), peers()
    bad = bad.format(port=other.port)
    service = found(bad, peer, lifetime=0)

    for number in range(4):
        assert service.call_method("x", [number]).result == [number]
    assert service.locations == [peer.url]
    assert other.accepted == 0
    [warning] = caplog.records  # one for all these lookups
    assert "the service 'users' is not called there" in warning.getMessage()
    assert warning.name == "gemstone.client"
    assert warning.getMessage().isprintable()

    registry.answer = [bad]
    with pytest.raises(DiscoveryError, match="no location of 'users' to call: the location"):
        RemoteService.find("users", registry)
    assert other.accepted == 0


@pytest.mark.parametrize(
    ("name", "error", "why"),
    [
        (3, TypeError, "is a string, not int"),
        (b"users", TypeError, "is a string, not bytes"),
        ("", ValueError, "can't be empty"),
        ("x" * 201, ValueError, "at most 200 characters"),
        ("a\nb", ValueError, "control character"),
        ("a\x00", ValueError, "control character"),
        ("\u202eusers", ValueError, "can't be printed"),
    ],
)
def test_names_that_can_not_be_looked_up(registry, name, error, why):
    with pytest.raises(error, match=why):
        RemoteService.find(name, registry)
    assert registry.asked == []


@pytest.mark.parametrize("name", ["users", "project.worker.*", "a?[bc]", "x" * 200, "größe 1"])
def test_names_and_patterns_that_can(registry, name):
    assert RemoteService.find(name, registry) is None
    assert registry.asked == [name]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"lifetime": -1}, ValueError),
        ({"lifetime": float("nan")}, ValueError),
        ({"lifetime": "10"}, TypeError),
        ({"lifetime": True}, TypeError),
        ({"timeout": 0}, ValueError),
        ({"headers": {"Gemstone-Timeout-Ms": "1"}}, ValueError),
        ({"max_connections": 0}, ValueError),
        ({"nonsense": 1}, TypeError),
    ],
)
def test_options_that_can_not_be_used(registry, options, error):
    with pytest.raises(error):
        RemoteService.find("users", registry, **options)
    assert registry.asked == []


def test_credentials_that_can_not_be_sent(registry, peer):
    registry.answer = [peer.url]
    with pytest.raises(ValueError, match="the user or password of http"):
        RemoteService.find("users", registry, authentication_method=("root", "\u0138"))


def test_options_reach_every_instance(peers, found):
    both = peers(), peers()
    service = found(*both, authentication_method=("root", "hunter2"), headers={"X-Token": "t"})
    for _ in range(2):
        service.call_method("x")
    for peer in both:
        assert peer.requests[0].headers["authorization"].startswith("Basic ")
        assert peer.requests[0].headers["x-token"] == "t"


def test_each_instance_has_the_credentials_of_its_own_url(peers, found):
    first, second = peers(), peers()
    service = found(first.url.replace("//", "//root:one@"), second)
    for _ in range(4):
        service.call_method("x")
    assert {"authorization" in each.headers for each in first.requests} == {True}
    assert {"authorization" in each.headers for each in second.requests} == {False}


def test_duplicates_are_called_once(peers, found):
    first, second = peers(), peers()
    service = found(first, first, second, first)
    for _ in range(8):
        service.call_method("x")
    assert len(service.locations) == 2
    assert len(first.requests) == len(second.requests) == 4


# Whose turn it is.


def test_calls_go_round(peers, found):
    three = peers(), peers(), peers()
    service = found(*three)
    for _ in range(9):
        service.call_method("x")
    assert [len(peer.requests) for peer in three] == [3, 3, 3]


def test_calls_of_many_threads_go_round(peers, found):
    three = peers(), peers(), peers()
    service = found(*three)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: service.call_method("x", [n]).result, range(240)))
    assert results == [[n] for n in range(240)]
    assert [len(peer.requests) for peer in three] == [80, 80, 80]


def test_all_kinds_of_calls_go_round(peers, found):
    two = peers(), peers()
    service = found(*two)
    for _ in range(2):
        service.notify("x")
        service.call_batch([])  # sends nothing
        service.methods.x(1)
        service.call_method_async("x").result(wait=True)
    assert [len(peer.requests) for peer in two] == [3, 3]


def test_not_every_client_begins_with_the_same_instance(peers, found):
    two = peers(), peers()
    for _ in range(30):
        found(*two).call_method("x")
    assert all(peer.requests for peer in two)


# When it is looked up again.


def test_a_fresh_list_is_not_looked_up_again(peer, found, registry):
    service = found(peer, lifetime=1000)
    for _ in range(20):
        service.call_method("x")
    assert service.locations == [peer.url]
    assert len(registry.asked) == 1


def test_without_a_lifetime_every_call_looks_it_up(peers, found, registry):
    first, second = peers(), peers()
    service = found(first, lifetime=0)
    for number in range(1, 6):
        service.call_method("x")
        assert len(registry.asked) == 1 + number
    registry.answer = [second.url]
    service.call_method("x")
    assert len(first.requests) == 5
    assert len(second.requests) == 1


def test_a_list_that_is_old_is_looked_up_before_the_call(peers, found, registry):
    first, second = peers(), peers()
    service = found(first)
    registry.answer = [second.url]
    grow_old(service)

    service.call_method("x")
    assert (first.requests, len(second.requests)) == ([], 1)
    assert service.locations == [second.url]


def test_locations_are_looked_up_too(peers, found, registry):
    first, second = peers(), peers()
    service = found(first)
    registry.answer = [first.url, second.url]
    grow_old(service)
    assert service.locations == [first.url, second.url]


def test_a_list_that_is_getting_old_is_looked_up_while_it_serves(
    peers, found, registry, eventually
):
    first, second = peers(), peers()
    service = found(first, lifetime=1000)
    may_answer = threading.Event()
    registry.answer = lambda: may_answer.wait(30) and [second.url]
    grow_old(service, 900)

    service.call_method("x")  # though the registry does not answer
    service.call_method("x")
    assert len(first.requests) == 2
    eventually(lambda: len(registry.asked) == 2)
    may_answer.set()
    eventually(lambda: service._service.locations(0) == [second.url])
    service.call_method("x")
    assert len(second.requests) == 1
    assert len(registry.asked) == 2


def test_it_is_never_looked_up_twice_at_once(peer, found, registry):
    service = found(peer, lifetime=0)
    lock, most, now = threading.Lock(), [0], [0]

    def answer():
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.001)  # a wider window for what must not happen
        with lock:
            now[0] -= 1
        return [peer.url]

    registry.answer = answer
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: service.call_method("x"), range(160)))
    assert most == [1]
    assert len(registry.asked) <= 1 + 160


def test_the_last_list_is_used_while_lookups_fail(peer, found, registry, caplog, eventually):
    caplog.set_level(logging.INFO, "gemstone.client")
    service = found(peer)
    registry.answer = OSError("away\x07")
    grow_old(service)
    for _ in range(10):
        service.call_method("x")
    assert service.locations == [peer.url]
    [warning] = caplog.records
    assert "'users' can't be looked up; its last instances are used meanwhile: away\ufffd" in (
        warning.getMessage()
    )
    assert len(registry.asked) <= 4

    registry.answer = [peer.url]
    eventually(lambda: service.call_method("x") and not service._service._lookup.is_failing)
    eventually(lambda: len(caplog.records) == 2)
    assert "can be looked up again" in caplog.records[1].getMessage()


def test_no_call_waits_while_lookups_fail(peer, found, registry, monkeypatch, eventually):
    service = found(peer)
    registry.answer = OSError("away")
    grow_old(service)
    service.call_method("x")
    may_answer = threading.Event()
    registry.answer = lambda: may_answer.wait(30) and [peer.url]
    monkeypatch.setattr(_lookup, "_PATIENCE", 30)
    eventually(lambda: service.call_method("x") and len(registry.asked) == 3)
    started = time.monotonic()
    for _ in range(10):
        service.call_method("x")  # while the third lookup hangs
    assert time.monotonic() - started < 20
    may_answer.set()


@pytest.mark.parametrize("wrong", ["http://127.0.0.1/", [3], ["ftp://x"], SystemExit(3)])
def test_a_later_answer_that_is_wrong_is_a_failure(peer, found, registry, caplog, wrong):
    service = found(peer)
    registry.answer = wrong
    grow_old(service)
    for _ in range(3):
        service.call_method("x")
    assert service.locations == [peer.url]
    assert "can't be looked up" in caplog.text


def test_a_hanging_lookup_keeps_one_call_waiting_for_a_moment(peer, found, registry, monkeypatch):
    service = found(peer)
    may_answer = threading.Event()
    registry.answer = lambda: may_answer.wait(60) and [peer.url]
    grow_old(service)

    started = time.monotonic()
    service.call_method("x")
    assert 0.9 < time.monotonic() - started < 20
    monkeypatch.setattr(_lookup, "_PATIENCE", 50)
    for _ in range(5):
        service.call_method("x")
    assert time.monotonic() - started < 40
    assert len(registry.asked) == 2
    may_answer.set()


def test_a_deadline_is_kept_while_a_lookup_hangs(peer, found, registry, monkeypatch):
    service = found(peer)
    may_answer = threading.Event()
    registry.answer = lambda: may_answer.wait(60) and [peer.url]
    monkeypatch.setattr(_lookup, "_PATIENCE", 50)
    grow_old(service)
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="was not called: the deadline has passed") as caught:
        service.with_options(timeout=0.1).call_method("x")
    assert time.monotonic() - started < 40
    assert not caught.value.was_sent
    assert peer.requests == []
    may_answer.set()


# Who comes and goes.


def test_a_new_instance_is_called(peers, found, registry):
    first, second = peers(), peers()
    service = found(first, lifetime=0)
    service.call_method("x")
    registry.answer = [first.url, second.url]
    for _ in range(4):
        service.call_method("x")
    assert len(first.requests) == 3
    assert len(second.requests) == 2


def test_a_removed_instance_gets_no_more_calls_but_ends_those_it_has(
    peers, found, registry, eventually
):
    old, new = peers(), peers()
    may_answer = threading.Event()
    old.answer = lambda request: may_answer.wait(30) and old.hello(request)
    service = found(old, lifetime=0)
    call = service.call_method_async("x", ["slow"])
    old.wait_until(lambda: len(old.requests) == 1)

    registry.answer = [new.url]
    for _ in range(10):
        service.call_method("x")
    assert (len(old.requests), len(new.requests)) == (1, 10)
    may_answer.set()
    assert call.result(wait=True).result == ["slow"]
    old.wait_until(lambda: old.open == 0)  # and its connection is not kept


def test_a_registry_that_forgot_everything_is_doubted(peers, found, registry, monkeypatch):
    living, dead = peers(), peers()
    service = found(living, dead, lifetime=0)
    dead.stop()
    registry.answer = []

    assert service.locations == [living.url]
    for _ in range(4):
        service.call_method("x")
    assert len(living.requests) == 4
    assert {each.line for each in living.probes} == {"HEAD /api HTTP/1.1"}

    monkeypatch.setattr(_instances, "_DOUBT", 0)
    assert service.locations == []
    with pytest.raises(ServiceUnavailableError, match="'users' is registered any more") as caught:
        service.call_method("x")
    assert not caught.value.was_sent
    assert len(living.requests) == 4

    registry.answer = [living.url]
    assert service.locations == [living.url]
    assert service.call_method("x", [1]).result == [1]


@pytest.mark.parametrize("other", ["orders", ""])
def test_who_has_taken_the_place_of_a_service_is_not_called(peer, found, registry, other):
    service = found(peer, lifetime=0)
    peer.answer_probe = peer.says(other)
    registry.answer = []

    assert service.locations == []
    with pytest.raises(ServiceUnavailableError):
        service.call_method("x")
    assert not peer.requests


def test_names_of_probed_services_are_compared_with_patterns(peer, registry):
    registry.answer = [peer.url]
    with RemoteService.find("us\u00e9rs.*", registry, lifetime=0) as service:
        peer.answer_probe = peer.says("us%C3%A9rs.new")
        registry.answer = []
        assert service.locations == [peer.url]


def test_the_doubt_begins_anew_with_every_list(peer, found, registry, monkeypatch):
    service = found(peer, lifetime=0)
    for _ in range(2):
        registry.answer = []
        service.call_method("x")
        since = service._service._none_since
        service.call_method("x")
        assert service._service._none_since == since
        registry.answer = [peer.url]
        service.call_method("x")
        assert service._service._none_since is None


def test_who_asks_where_it_is_when_nobody_was_left_asks_again(peers, found, registry):
    first, second = peers(), peers()
    service = found(first)
    first.stop()
    registry.answer = []
    grow_old(service)
    assert service.locations == []

    registry.answer = [second.url]  # long before the list is too old
    assert service.locations == [second.url]


def test_who_is_registered_again_is_found_though_nobody_was_left(peers, found, registry):
    first, second = peers(), peers()
    service = found(first, lifetime=1000)
    first.stop()
    registry.answer = [second.url]
    grow_old(service, 10)  # looked up not just now, but not too old
    assert service.call_method("x", [1]).result == [1]
    assert service.locations == [second.url]


# Closing, forking, forgetting.


def test_views_share_everything(peers, found, registry):
    two = peers(), peers()
    service = found(*two)
    view = service.with_options(timeout=5, headers={"X-Token": "t"})
    for _ in range(2):
        service.call_method("x")
        view.call_method("x")
    assert [len(peer.requests) for peer in two] == [2, 2]
    assert [peer.accepted for peer in two] == [1, 1]
    assert sum("x-token" in each.headers for peer in two for each in peer.requests) == 2
    view.close()
    with pytest.raises(ServiceStateError, match=r"'users' is closed; find it again"):
        service.call_method("x")


def test_it_is_neither_pickled_nor_copied(peer, found):
    service = found(peer)
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="can't be pickled or copied"):
            attempt(service)


def test_a_closed_service(peer, found, registry):
    service = found(peer, lifetime=0)
    service.call_method("x")
    service.close()
    service.close()

    for call in (service.call_method, service.notify, service.call_method_async):
        with pytest.raises(ServiceStateError, match="closed"):
            call("x")
    assert service.locations == [peer.url]
    assert len(registry.asked) == 2  # nothing is looked up any more
    assert threads_of("users") == []
    peer.wait_until(lambda: peer.open == 0)


def test_closing_ends_everything_in_the_background(peers, found, registry):
    living, dead = peers(), peers()
    service = found(living, dead)
    dead.stop()
    for _ in range(2):
        service.call_method("x")  # has the dead one watched
    registry.answer = OSError("away")
    grow_old(service)
    service.call_method("x")
    assert threads_of("users")
    service.close()
    assert threads_of("users") == []


def test_closing_with_a_lookup_under_way_does_not_wait_for_long(
    peer, found, registry, eventually, monkeypatch
):
    monkeypatch.setattr(remote_service, "_END_WITHIN", 0.2)
    service = found(peer, lifetime=1000)
    may_answer = threading.Event()
    registry.answer = lambda: may_answer.wait(60) and [peer.url]
    grow_old(service, 900)
    service.call_method("x")
    eventually(lambda: len(registry.asked) == 2)
    started = time.monotonic()
    service.close()
    assert time.monotonic() - started < 20
    may_answer.set()
    eventually(lambda: not threads_of("users"))
    assert service.locations == [peer.url]


def test_closing_frees_calls_that_wait_for_a_lookup(
    peers, found, registry, monkeypatch, eventually
):
    peer = peers()
    service = found(peer)
    may_answer = threading.Event()
    registry.answer = lambda: may_answer.wait(60) and [peer.url]
    monkeypatch.setattr(_lookup, "_PATIENCE", 50)
    monkeypatch.setattr(remote_service, "_END_WITHIN", 0.2)
    grow_old(service)
    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(service.call_method, "x") for _ in range(4)]
        eventually(lambda: len(registry.asked) == 2)
        service.close()
        for call in calls:
            with pytest.raises(ServiceStateError):
                call.result()
    assert time.monotonic() - started < 40
    may_answer.set()
    eventually(lambda: not threads_of("users"))


def test_closing_frees_calls_that_wait_for_somebody(peers, found, monkeypatch, eventually):
    peer = peers()
    may_answer = threading.Event()
    service = found(peer)
    monkeypatch.setattr(_instances, "_PATIENCE", 50)
    monkeypatch.setattr(_instances, "_PROBE_TIMEOUT", 50)
    peer.answer_probe = lambda request: may_answer.wait(60) and peer.http("")
    instance = service._service._ready[0]
    service._service.has_failed(instance, OSError("no"), refused=True)
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(service.call_method, "x")
        peer.wait_until(lambda: bool(peer.probes))
        service.close(wait=False)
        with pytest.raises(ServiceStateError):
            call.result()
    assert time.monotonic() - started < 40
    may_answer.set()
    eventually(lambda: not threads_of("users"))


def test_calls_under_way_end_well_when_it_is_closed(peer, found):
    may_answer = threading.Event()
    peer.answer = lambda request: may_answer.wait(30) and peer.hello(request)
    service = found(peer)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(service.call_method, "x", [1])
        peer.wait_until(lambda: len(peer.requests) == 1)
        service.close()
        may_answer.set()
        assert call.result().result == [1]
    peer.wait_until(lambda: peer.open == 0)


def test_closing_while_many_threads_call(peers, found):
    for _ in range(10):
        two = peers(), peers()
        service = found(*two, lifetime=0)
        started = threading.Barrier(9)

        def call(service=service, started=started):
            started.wait(30)
            while True:
                try:
                    service.call_method("x")
                except ServiceStateError:
                    return True

        with ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(call) for _ in range(8)]
            started.wait(30)
            service.close()
            assert all(each.result(30) for each in calls)
        assert threads_of("users") == []
        assert not service._service._chores._due


def test_it_may_be_closed_by_a_lookup(peer, found, registry, eventually):
    service = found(peer, lifetime=0)
    registry.answer = lambda: service.close() or [peer.url]
    with pytest.raises(ServiceStateError):
        service.call_method("x")
    eventually(lambda: not threads_of("users"))


def in_a_child(work):
    """What `work()` returns in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, repr(work()).encode())
        except BaseException as exc:
            os.write(writing, repr(exc).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        said = stream.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_it_goes_on_in_a_forked_child(peers, found, registry, eventually):
    living, dead = peers(), peers()
    service = found(living, dead)
    dead.stop()
    for _ in range(2):
        service.call_method("x")
    may_answer = threading.Event()
    registry.answer = lambda: may_answer.wait(30) and [living.url]
    service._service._lookup.soon()
    with service._service._changed, service._service._lookup._changed:  # held at the worst time
        registry.answer, hanging = [living.url], registry.answer

        def work():
            first = service.call_method("x", [1]).result
            grow_old(service)
            second = service.call_method("x", [2]).result
            locations = service.locations == [living.url]
            service.close()
            return first, second, locations, len(threads_of("users"))

        assert in_a_child(work) == "([1], [2], True, 0)"
    registry.answer = hanging
    may_answer.set()
    assert service.call_method("x", [3]).result == [3]


def test_a_forgotten_service_leaves_nothing(peers, registry, monkeypatch, eventually):
    monkeypatch.setattr(_lookup, "ATTENTION", 0.3)
    monkeypatch.setattr(_instances, "ATTENTION", 0.3)
    living, dead = peers(), peers()
    registry.answer = [living.url, dead.url]
    service = RemoteService.find("forgotten", registry, lifetime=0.5)
    assert service is not None
    dead.stop()
    for _ in range(2):
        service.call_method("x")
    registry.answer = lambda: OSError("away")  # each time another one, as it holds a traceback
    grow_old(service)
    service.call_method("x")
    assert threads_of("forgotten")

    instances = weakref.ref(service._service)
    for each in (service._service, *service._service._known.values()):
        connections = getattr(each, "connections", None)
        if connections is not None:
            connections.retire()  # else its sockets are closed by the collector, with a warning
    del service, each, connections
    eventually(lambda: not threads_of("forgotten"))
    gc.collect()
    assert instances() is None
