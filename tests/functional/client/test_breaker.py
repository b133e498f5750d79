"""Instances that are set aside, and called again: by probes, and never by a call."""

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gemstone.client import RemoteService, _instance, _instances, _lookup
from gemstone.errors import (
    RemoteConnectionError,
    RemoteServiceError,
    RemoteTimeoutError,
    ServiceUnavailableError,
)


def instances(service):
    return list(service._service._known.values())


def aside(service):
    return [each.is_aside for each in instances(service)]


def hangs(peer):
    return lambda request: peer.stopped.wait(60) and None


def outcome(call, *args):
    try:
        return call(*args)
    except RemoteServiceError as exc:
        return exc


@pytest.fixture
def asleep(monkeypatch):
    """Nothing is done in the background but what a call waits for."""
    for module in (_lookup, _instances):
        monkeypatch.setattr(module, "ATTENTION", float("-inf"))


# Opening.


def test_one_that_refuses_is_set_aside_at_once(peers, found):
    dead, peer = peers(), peers()
    service = found(dead, peer)
    dead.stop()
    for _ in range(2):
        service.call_method("x")
    assert aside(service) == [True, False]
    for _ in range(10):
        service.call_method("x")
    assert len(peer.requests) == 12


@pytest.mark.parametrize("how", ["hangs", "breaks"])
def test_three_failures_in_a_row_set_it_aside(peer, found, how):
    service = found(peer, timeout=0.05 if how == "hangs" else 30)
    bad = hangs(peer) if how == "hangs" else lambda request: None
    peer.answer_probe = hangs(peer)
    for answer, expected in [
        (bad, False),
        (bad, False),
        (peer.hello, False),  # so it is no row
        (bad, False),
        (bad, False),
        (lambda request: peer.http("", "500 x"), False),  # an answer, too
        (bad, False),
        (bad, False),
        (bad, True),
    ]:
        peer.answer = answer
        outcome(service.with_options(timeout=30 if answer is not bad else None).call_method, "x")
        assert aside(service) == [expected]
    assert len(peer.requests) == 9


def test_a_hung_instance_is_soon_left_alone(peers, found):
    hung, peer = peers(), peers()
    hung.answer = hung.answer_probe = hangs(hung)
    service = found(hung, peer, timeout=0.1)
    outcomes = [outcome(service.call_method, "x") for _ in range(20)]
    assert sum(isinstance(each, RemoteTimeoutError) for each in outcomes) == 3
    assert len(hung.requests) == 3
    assert len(peer.requests) == 17


def test_why_nobody_can_be_called_is_said_cheaply(peer, found):
    service = found(peer)
    peer.stop()
    with pytest.raises(ServiceUnavailableError) as caught:
        service.call_method("x")
    started = time.monotonic()
    for _ in range(1000):
        with pytest.raises(ServiceUnavailableError) as caught:
            service.call_method("x")
    assert time.monotonic() - started < 20  # 1,000 probes or lookups would take longer
    assert "none of the 1 known instances of 'users' can be called, for example: no connection" in (
        str(caught.value)
    )
    assert peer.url in str(caught.value)
    assert caught.value.url == "users"
    assert not caught.value.was_sent
    assert isinstance(caught.value, RemoteConnectionError)


# Closing.


def test_a_probe_is_a_head_without_credentials(peers, found, eventually, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login net password hunter2\n")
    peer = peers()
    service = found(
        peer.url.replace("//", "//root:hunter2@") + "?key=hunter2#hunter2",
        authentication_method={"X-Token": "hunter2"},
        headers={"Cookie": "hunter2"},
    )
    service.call_method("x")
    peer.stop()
    with pytest.raises(ServiceUnavailableError):
        service.call_method("x")
    back = peers(peer.port)
    eventually(lambda: aside(service) == [False])
    assert back.requests == []
    assert {each.line for each in back.probes} == {"HEAD /api HTTP/1.1"}
    for probe in back.probes:
        assert "hunter2" not in repr(probe)
        assert {"authorization", "cookie", "x-token", "gemstone-timeout-ms"}.isdisjoint(
            probe.headers
        )
        assert probe.body == b""


@pytest.mark.parametrize("status", ["200 OK", "204 x", "301 x", "401 x", "405 x", "500 x", "503 x"])
def test_any_answer_to_a_probe_closes_it(peers, found, eventually, status):
    peer = peers()
    service = found(peer)
    peer.stop()
    with pytest.raises(ServiceUnavailableError):
        service.call_method("x")
    back = peers(peer.port)
    back.answer_probe = lambda request: back.http("", status, "Location: http://x.invalid/")
    eventually(lambda: aside(service) == [False])
    assert back.requests == []
    assert service.call_method("x", [1]).result == [1]


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"\r\n\r\n", None])
def test_what_is_no_http_closes_nothing(peer, found, answer):
    peer.answer_probe = lambda request: answer
    service = found(peer)
    service._service.has_failed(instances(service)[0], OSError("no"), refused=True)
    peer.wait_until(lambda: len(peer.probes) >= 3)
    assert aside(service) == [True]


def test_no_call_closes_it(peers, found):
    """A hundred calls, while the probe hangs: none of them is tried on the instance."""
    bad, peer = peers(), peers()
    bad.answer_probe = hangs(bad)
    service = found(bad, peer)
    service._service.has_failed(instances(service)[0], OSError("no"), refused=True)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: service.call_method("x"), range(100)))
    assert bad.requests == []
    assert len(peer.requests) == 100


def test_who_answers_probes_and_no_calls_is_probed_more_and_more_seldom(
    peer, found, eventually, monkeypatch
):
    delays = []
    put = service = None

    def record(chore, delay=0.0):
        if delay:
            delays.append(delay)
        put(chore, 0.001 if delay else 0.0)

    peer.answer = lambda request: None
    service = found(peer, lifetime=1000)
    put = service._service._chores.put
    monkeypatch.setattr(service._service._chores, "put", record)
    for _ in range(8):
        for _ in range(3):
            with pytest.raises(RemoteConnectionError):
                service.call_method("x")
        eventually(lambda: aside(service) == [False])
    wanted = [0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2]
    assert all(0.75 * w <= d <= 1.25 * w for d, w in zip(delays, wanted, strict=True))

    peer.answer = peer.hello  # a call that is answered ends that
    service.call_method("x")
    assert instances(service)[0].next_pause() < 0.13


def test_a_dead_one_is_probed_more_and_more_seldom():
    instance = _instance.Instance(None)
    pauses = [instance.next_pause() for _ in range(50)]
    assert all(pause <= 2.5 for pause in pauses)
    assert min(pauses[6:]) >= 1.5
    assert len(set(pauses)) == 50  # not all clients at once


def test_little_is_done_while_all_are_down(peers, found, registry):
    """Three calls a second is what would be too much: 4 hung instances, 8 threads that call."""
    hung = [peers() for _ in range(4)]
    for each in hung:
        each.answer = each.answer_probe = lambda request: None
    service = found(*hung)
    for each in instances(service):
        service._service.has_failed(each, OSError("no"), refused=True)
    ended = time.monotonic() + 3
    asked = len(registry.asked)
    cpu = time.process_time()

    def call():
        calls = 0
        while time.monotonic() < ended:
            assert isinstance(outcome(service.call_method, "x"), ServiceUnavailableError)
            calls += 1
            time.sleep(0.01)
        return calls

    with ThreadPoolExecutor(4) as pool:
        calls = sum(each.result() for each in [pool.submit(call) for _ in range(4)])
    assert calls > 40
    assert all(not each.requests for each in hung)
    # At 0, 0.1, 0.3, 0.7, 1.5 and 3.1 s, or a quarter sooner; and once by the first call.
    assert all(len(each.probes) <= 8 for each in hung)
    assert len(registry.asked) - asked <= 7
    assert time.process_time() - cpu < 2
    assert len([each for each in threading.enumerate() if each.name.endswith(" users")]) <= 8


# Everything down, and back.


def test_who_came_back_before_the_call_is_found_by_it(peers, found, asleep):
    """A rolling restart: the second one stops when the first one is back, but not probed yet."""
    first, second = peers(), peers()
    service = found(first, second, lifetime=1000)
    first.stop()
    for number in range(20):
        assert service.call_method("x", [number]).result == [number]
    assert aside(service) == [True, False]
    back = peers(first.port)
    second.stop()
    for number in range(20):
        assert service.call_method("x", [number]).result == [number]
    assert aside(service) == [False, True]
    assert len(back.requests) == 20


def test_calls_of_many_threads_find_who_came_back(peers, found, asleep):
    first, second = peers(), peers()
    service = found(first, second)
    first.stop()
    service.call_method("x")
    service.call_method("x")
    second.stop()
    back = peers(first.port)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: outcome(service.call_method, "x", [n]), range(80)))
    # One whose kept connection broke may have been executed, so it was not made again.
    broken = [each for each in results if isinstance(each, Exception)]
    assert all(each.was_sent for each in broken)
    assert len(broken) <= 8
    assert len(back.requests) == 80 - len(broken)
    assert len(back.probes) <= 8 * 3


def test_all_down_and_one_back(peers, found, eventually):
    two = peers(), peers()
    service = found(*two)
    for each in two:
        each.stop()
    with pytest.raises(ServiceUnavailableError, match="none of the 2"):
        service.call_method("x")
    back = peers(two[1].port)
    eventually(lambda: not isinstance(outcome(service.call_method, "x"), Exception))
    assert aside(service) == [True, False]
    assert len(back.requests) == 1


def test_a_new_instance_is_found_while_all_are_down(peers, found, registry, eventually):
    dead, new = peers(), peers()
    service = found(dead)
    dead.stop()
    with pytest.raises(ServiceUnavailableError):
        service.call_method("x")
    registry.answer = [dead.url, new.url]
    eventually(lambda: not isinstance(outcome(service.call_method, "x"), Exception))
    assert service.locations == [dead.url, new.url]


def test_a_call_waits_for_nobody_for_long(peer, found, registry):
    may_answer = threading.Event()
    service = found(peer, lifetime=1000)
    peer.answer_probe = hangs(peer)
    registry.answer = lambda: may_answer.wait(60) and [peer.url]
    service._service.has_failed(instances(service)[0], OSError("the reason"), refused=True)
    started = time.monotonic()
    with pytest.raises(ServiceUnavailableError, match="the reason"):
        service.call_method("x")
    with pytest.raises(ServiceUnavailableError, match="the reason"):
        service.with_options(timeout=0.05).call_method("x")
    assert time.monotonic() - started < 20
    may_answer.set()


# Nobody calls any more.


@pytest.fixture
def short_attention(monkeypatch):
    for module in (_lookup, _instances):
        monkeypatch.setattr(module, "ATTENTION", 0.3)


def test_nothing_is_done_for_a_service_that_nobody_calls(
    peers, found, registry, eventually, short_attention
):
    dead = peers()
    service = found(dead)
    dead.stop()
    registry.answer = lambda: OSError("away")
    with pytest.raises(ServiceUnavailableError):
        service.call_method("x")

    eventually(lambda: not [each for each in threading.enumerate() if each.name.endswith(" users")])
    asked = len(registry.asked)
    assert service._service._chores._due == []

    back = peers(dead.port)  # unnoticed, until there is a call
    assert service.call_method("x", [1]).result == [1]
    assert len(back.requests) == 1
    assert len(registry.asked) <= asked + 1


def test_one_of_two_that_is_back_is_called_again_after_a_long_time(
    peers, found, eventually, short_attention
):
    dead, peer = peers(), peers()
    service = found(dead, peer)
    dead.stop()
    for _ in range(2):
        service.call_method("x")
    eventually(lambda: not instances(service)[0].is_watched)
    back = peers(dead.port)
    service.call_method("x")
    eventually(lambda: aside(service) == [False, False])
    for _ in range(2):
        service.call_method("x")
    assert len(back.requests) == 1


def test_an_instance_is_watched_though_calls_are_rare(
    peers, found, eventually, monkeypatch, short_attention
):
    """Calls that come just before it falls asleep must not leave an instance unwatched."""
    dead, peer = peers(), peers()
    service = found(dead, peer, lifetime=1000)
    dead.stop()
    for _ in range(2):
        service.call_method("x")
    eventually(lambda: not instances(service)[0].is_watched)
    # Its probes have just ended, when this call did not know yet that it had been asleep.
    service._service._called_at = time.monotonic() - 29
    monkeypatch.setattr(_instances, "ATTENTION", 30)
    service.call_method("x")
    assert instances(service)[0].is_watched


def test_there_is_one_chain_of_probes(peers, found, monkeypatch):
    dead, peer = peers(), peers()
    dead.answer_probe = lambda request: None
    service = found(dead, peer, lifetime=0)
    instance = instances(service)[0]

    def trouble():
        for _ in range(50):
            service._service.has_failed(instance, OSError("no"), refused=True)
            service._service._called_at = float("-inf")
            service._service._wake()
            service.call_method("x")

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(trouble) for _ in range(8)]:
            each.result()
    with service._service._chores._lock:
        due = [
            chore.func.__name__
            for _, _, chore in service._service._chores._due
            if hasattr(chore, "func")
        ]
    assert due.count("_watch") <= 1
    assert len(dead.probes) < 20


def test_an_instance_that_is_gone_is_not_watched(peers, found, registry, eventually):
    dead, peer = peers(), peers()
    service = found(dead, peer, lifetime=0)
    dead.stop()
    for _ in range(2):
        service.call_method("x")
    gone = instances(service)[0]
    registry.answer = [peer.url]
    service.call_method("x")
    eventually(lambda: not gone.is_watched)
    assert gone not in instances(service)


def test_calls_to_a_hung_service_leave_nothing_behind(peers, found):
    """2,000 calls; the long form has a hung process and measures its own."""
    hung = peers()
    hung.answer = hung.answer_probe = hangs(hung)
    service = found(hung, timeout=0.001, lifetime=1000)

    def calls(number):
        with ThreadPoolExecutor(8) as pool:
            for each in pool.map(lambda n: outcome(service.call_method, "x"), range(number)):
                assert isinstance(each, RemoteTimeoutError | ServiceUnavailableError)
        gc.collect()
        names = [each.name for each in threading.enumerate() if each.name.endswith(" users")]
        return len(gc.get_objects()), len(names)

    calls(200)
    objects, _ = calls(200)
    later, threads = calls(1600)
    assert threads <= 8
    assert later - objects < 2000  # not two for each call; the peer keeps some itself


def test_errors_are_freed_without_the_collector(peer, closed_port):
    """Their tracebacks hold frames, and those must not hold the errors."""

    def errors():
        return {id(each) for each in gc.get_objects() if isinstance(each, RemoteServiceError)}

    peer.answer = hangs(peer)
    for url in (peer.url, f"http://127.0.0.1:{closed_port}/"):
        with RemoteService(url, timeout=0.02) as service:
            outcome(service.call_method, "x")
            gc.collect()
            before = errors()
            gc.disable()
            try:
                for _ in range(20):
                    outcome(service.call_method, "x")
                kept = errors() - before
            finally:
                gc.enable()
            assert not kept
