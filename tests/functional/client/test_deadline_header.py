"""How long a call may take is told to the service, and bounds what is called within."""

import threading
import time
from types import SimpleNamespace

import pytest
import requests.auth

from gemstone.client import MethodCall, Notification, RemoteService, _calls
from gemstone.deadlines import TIMEOUT_HEADER, current_deadline, deadline_in
from gemstone.errors import RemoteConnectionError, RemoteTimeoutError

HEADER = TIMEOUT_HEADER.lower()


def told(peer):
    """What the requests said, in milliseconds."""
    return [int(each.headers[HEADER]) for each in peer.requests]


def authenticated(request):
    request.headers["X-Signature"] = "1"
    return request


CALLS = {
    "call": lambda service: service.call_method("x"),
    "notify": lambda service: service.notify("x"),
    "batch": lambda service: service.call_batch(MethodCall("x"), Notification("y")),
    "async": lambda service: service.call_method_async("x").result(wait=True),
    "method": lambda service: service.methods.x(1),
    "raw": lambda service: service.handle_single_request(MethodCall("x")),
}
call_kinds = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@call_kinds
@pytest.mark.parametrize("auth", [None, ("root", "hunter2"), authenticated])
def test_every_request_tells_it(peer, call, auth):
    with RemoteService(peer.url, timeout=100, authentication_method=auth) as service:
        for _ in range(2):
            call(service)
        call(service.with_options(timeout=200))
        call(service.with_options(timeout=0.5, headers={"X-Token": "t"}))
    first, second, third, fourth = told(peer)
    assert 90_000 < first <= 100_000
    assert 90_000 < second <= 100_000
    assert 190_000 < third <= 200_000
    assert 0 < fourth <= 500


@call_kinds
def test_so_do_those_to_found_services(peer, found, call):
    call(found(peer, timeout=100))
    assert 90_000 < told(peer)[0] <= 100_000


def test_a_handshake_tells_it_twice(peer):
    def answer(request):
        if "authorization" in request.headers:
            return peer.hello(request)
        return peer.http("", "401 x", 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"')

    peer.answer = answer
    digest = requests.auth.HTTPDigestAuth("root", "hunter2")
    with RemoteService(peer.url, timeout=100, authentication_method=digest) as service:
        service.call_method("x")
    assert len(told(peer)) == 2


def test_it_is_a_whole_number_of_milliseconds_and_never_0(peer):
    peer.answer = lambda request: peer.stopped.wait(60) and None
    with RemoteService(peer.url, timeout=0.0009) as service:
        for _ in range(20):
            with pytest.raises(RemoteTimeoutError):
                service.call_method("x")
    peer.wait_until(lambda: len(peer.requests) + 20 > peer.accepted)
    assert set(told(peer)) <= {1}


def test_it_decreases_over_the_attempts(peers, found):
    two = peers(), peers()
    for each in two:
        each.answer = lambda request: time.sleep(0.01)
    service = found(*two, timeout=100).with_options(idempotent=True, max_attempts=4)
    with pytest.raises(RemoteConnectionError):
        service.call_method("x")
    came = [request for each in two for request in each.requests]
    numbers = sorted((int(request.headers[HEADER]) for request in came), reverse=True)
    assert len(set(numbers)) == 4
    assert numbers[0] - numbers[-1] >= 30 + 25 + 50 + 100 - 5  # what hangs, and half the pauses


def test_a_refusal_does_not_begin_it_anew(peers, found, full_port, monkeypatch):
    monkeypatch.setattr(_calls, "CONNECT_WITHIN", 0.2)
    peer = peers()
    service = found(f"http://127.0.0.1:{full_port}/api", peer, timeout=100)
    service.call_method("x")
    service.call_method("x")
    assert min(told(peer)) <= 99_800


# Deadlines of the caller.


@call_kinds
def test_a_deadline_that_is_in_force_is_nearer(peer, service, call):
    with deadline_in(5):
        call(service)
        call(service.with_options(timeout=100))
        call(service.with_options(timeout=1))
    call(service)
    first, second, third, last = told(peer)
    assert 0 < second <= first <= 5000
    assert 0 < third <= 1000
    assert 20_000 < last <= 30_000


def test_deadlines_within_deadlines(peer, service):
    with deadline_in(50):
        with deadline_in(100):  # can't be longer
            service.call_method("x")
        with deadline_in(5):
            service.call_method("x")
        service.call_method("x")
    assert [number // 25_000 for number in told(peer)] == [1, 0, 1]


def test_an_asynchronous_call_has_the_deadline_of_its_caller(peer, service):
    with deadline_in(5):
        call = service.call_method_async("x")
    call.result(wait=True)
    service.call_method_async("x").result(wait=True)  # by the same thread
    with deadline_in(5):
        service.call_method_async("x").result(wait=True)
    first, second, third = told(peer)
    assert first <= 5000
    assert second > 20_000
    assert third <= 5000


def test_a_call_that_waited_for_its_turn_until_its_deadline_is_not_sent(peer):
    may_answer = threading.Event()
    peer.answer = lambda request: may_answer.wait(30) and peer.hello(request)
    with RemoteService(peer.url, max_connections=1) as service:
        first = service.call_method_async("x")
        peer.wait_until(lambda: len(peer.requests) == 1)
        with deadline_in(0):
            second = service.call_method_async("x")
        may_answer.set()
        first.result(wait=True)
        with pytest.raises(RemoteTimeoutError, match="the deadline has passed") as caught:
            second.result(wait=True)
    assert not caught.value.was_sent
    assert len(peer.requests) == 1


@call_kinds
@pytest.mark.parametrize("by_name", [False, True])
def test_a_deadline_that_has_passed_sends_nothing(peer, found, service, call, by_name):
    service = found(peer) if by_name else service
    for view in (service, service.with_options(idempotent=True, max_attempts=5)):
        with (
            deadline_in(0),
            pytest.raises(RemoteTimeoutError, match="was not called: the deadline") as caught,
        ):
            call(view)
        assert not caught.value.was_sent
        assert isinstance(caught.value, TimeoutError)
    assert peer.accepted == 0
    if by_name:
        assert not service._service._ready[0].is_aside


def test_a_deadline_bounds_the_attempts(peers, found):
    two = peers(), peers()
    for each in two:
        each.answer = lambda request: None
    service = found(*two).with_options(idempotent=True, max_attempts=1000)
    started = time.monotonic()
    # It passes between two attempts, or within the last one.
    with deadline_in(0.3), pytest.raises((RemoteConnectionError, RemoteTimeoutError)):
        service.call_method("x")
    assert time.monotonic() - started < 10


def test_only_a_clock_that_never_jumps_is_asked(peer, found, monkeypatch):
    clocks = SimpleNamespace(monotonic=time.monotonic, sleep=time.sleep)
    monkeypatch.setattr(_calls, "time", clocks)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert found(peer).call_method("x", [1]).result == [1]


@pytest.mark.parametrize("name", ["Gemstone-Timeout-Ms", "gemstone-timeout-ms"])
def test_nobody_else_may_set_it(peer, service, name):
    for options in ({"headers": {name: "1"}}, {"authentication_method": {name: "1"}}):
        with pytest.raises(ValueError, match="is set by the client itself"):
            RemoteService(peer.url, **options)
    with pytest.raises(ValueError, match="is set by the client itself"):
        service.with_options(headers={name: "1"})


def test_no_deadline_is_left_in_the_caller_s_thread(peer, service):
    service.call_method("x")
    service.call_method_async("x").result(wait=True)
    assert current_deadline() is None
