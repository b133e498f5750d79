"""Calls that fail: which of them are made again, where, and how often."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from gemstone.client import MethodCall, Notification, RemoteService, _calls
from gemstone.errors import (
    CalledServiceError,
    MalformedResponseError,
    RemoteConnectionError,
    RemoteServiceError,
    RemoteTimeoutError,
    ServiceUnavailableError,
)


def breaks(request):
    """The connection breaks when the request has come."""


@pytest.fixture
def pauses(monkeypatch):
    """The pauses between attempts, which are not made."""
    pauses = []
    monkeypatch.setattr(
        _calls, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pauses.append)
    )
    return pauses


@pytest.fixture(params=["refused", "not accepted", "unknown host", "impossible host"])
def unreachable(request, monkeypatch):
    """The URL of an instance that no call can reach."""
    if request.param == "refused":
        return f"http://127.0.0.1:{request.getfixturevalue('closed_port')}/api"
    if request.param == "not accepted":
        monkeypatch.setattr(_calls, "CONNECT_WITHIN", 0.2)
        return f"http://127.0.0.1:{request.getfixturevalue('full_port')}/api"
    return {
        "unknown host": "http://no-such-host.invalid/api",
        "impossible host": f"http://{'a' * 64}.invalid/api",
    }[request.param]


CALLS = {
    "call": lambda service: service.call_method("x", [1]),
    "notify": lambda service: service.notify("x", [1]),
    "batch": lambda service: service.call_batch(MethodCall("x"), Notification("y")),
    "async": lambda service: service.call_method_async("x").result(wait=True),
    "method": lambda service: service.methods.x(1),
    "raw": lambda service: service.handle_single_request(MethodCall("x")),
}
call_kinds = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


# What reached nobody.


@call_kinds
def test_what_reaches_nobody_goes_elsewhere(peer, found, unreachable, call):
    service = found(unreachable, peer)
    for number in range(1, 4):
        call(service)
        assert len(peer.requests) == number
    assert [each.is_aside for each in service._service._known.values()] == [True, False]


@call_kinds
def test_what_reaches_nobody_at_all_says_so(found, closed_port, call):
    service = found(f"http://127.0.0.1:{closed_port}/api")
    with pytest.raises(ServiceUnavailableError, match="none of the 1 known instances") as caught:
        call(service)
    assert not caught.value.was_sent
    assert "Connection refused" in str(caught.value)


def test_the_time_to_connect_is_said_and_not_that_of_the_call(found, full_port, monkeypatch):
    monkeypatch.setattr(_calls, "CONNECT_WITHIN", 0.2)
    service = found(f"http://127.0.0.1:{full_port}/api", timeout=30)
    with pytest.raises(ServiceUnavailableError, match=r"did not accept a connection within 0\.2 s"):
        service.call_method("x")


def test_a_hurried_call_sets_nobody_aside(found, full_port):
    service = found(f"http://127.0.0.1:{full_port}/api", timeout=0.05)
    with pytest.raises(
        RemoteTimeoutError, match=r"did not accept a connection within 0\.0"
    ) as caught:
        service.call_method("x")
    assert not caught.value.was_sent
    assert not service._service._ready[0].is_aside


def test_refusals_are_not_counted_as_attempts(peers, found, peer, pauses):
    dead = [peers() for _ in range(8)]
    service = found(peer, *dead)
    for each in dead:
        each.stop()
    for _ in range(9):
        service.with_options(idempotent=True, max_attempts=1).call_method("x")
    assert len(peer.requests) == 9
    assert pauses == [0.0] * len(pauses)


# What may have been executed.


@call_kinds
def test_what_may_have_been_executed_is_not_made_again(peers, found, call):
    two = peers(), peers()
    for each in two:
        each.answer = breaks
    service = found(*two)
    with pytest.raises(RemoteConnectionError) as caught:
        call(service)
    assert caught.value.was_sent
    assert sum(len(each.requests) for each in two) == 1


@call_kinds
def test_what_is_idempotent_is_made_again_elsewhere(peers, found, call):
    broken, peer = peers(), peers()
    broken.answer = breaks
    service = found(broken, peer).with_options(idempotent=True)
    for number in range(1, 5):
        call(service)
        assert len(peer.requests) == number
    assert 1 <= len(broken.requests) <= 3  # then it is set aside


def test_nothing_is_executed_twice_unless_that_is_allowed(peers, found):
    """Two peers of which each breaks every third connection, before or after it has counted."""
    two = [peers(), peers()]
    executed, failed, lock = Counter(), [], threading.Lock()

    def answer(request):
        with lock:
            executed[request.json["params"][0]] += 1
            if sum(executed.values()) % 3 == 0:
                return None
        return two[0].hello(request)

    for each in two:
        each.answer = answer
    service = found(*two)

    def call(number):
        try:
            assert service.call_method("x", [number]).result == [number]
        except RemoteServiceError as exc:
            failed.append((number, exc.was_sent))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(300)))
    assert set(executed.values()) == {1}
    assert {number for number, was_sent in failed if not was_sent}.isdisjoint(executed)
    assert set(range(300)) - set(executed) <= {
        number for number, was_sent in failed if not was_sent
    }
    assert any(was_sent for _, was_sent in failed)

    executed.clear()
    again = service.with_options(idempotent=True, max_attempts=100)
    for number in range(60):
        assert again.call_method("x", [number]).result == [number]
    assert set(executed) == set(range(60))
    assert sum(executed.values()) > 60


def test_fail_over_does_not_disturb_the_turns(peers, found, pauses):
    """Who is tried after one that fails must not get all of its calls."""
    three = [peers(), peers(), peers()]
    three[0].replies("", "503 Service Unavailable")
    service = found(*three).with_options(idempotent=True)
    for _ in range(90):
        service.call_method("x")
    assert len(three[0].requests) == 30
    assert 30 < len(three[1].requests) < 60
    assert 30 < len(three[2].requests) < 60


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_there_are_not_more_attempts_than_allowed(peer, pauses, attempts):
    peer.answer = breaks
    with RemoteService(peer.url) as service:
        view = service.with_options(idempotent=True, max_attempts=attempts)
        with pytest.raises(RemoteConnectionError):
            view.call_method("x")
    assert len(peer.requests) == attempts
    assert len(pauses) == attempts - 1


def test_three_attempts_are_usual(peers, found, pauses):
    two = peers(), peers()
    for each in two:
        each.answer = breaks
    with pytest.raises(RemoteConnectionError):
        found(*two).with_options(idempotent=True).call_method("x")
    assert sum(len(each.requests) for each in two) == 3


def test_pauses_grow(peer, pauses):
    peer.answer = breaks
    with RemoteService(peer.url) as service, pytest.raises(RemoteConnectionError):
        service.with_options(idempotent=True, max_attempts=10).call_method("x")
    longest = [0.05, 0.1, 0.2, 0.4, 0.8, 1, 1, 1, 1]
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, longest, strict=True))
    assert len(set(pauses)) == len(pauses)


def hangs(peer):
    return lambda request: peer.stopped.wait(60) and None


def test_an_instance_that_hangs_leaves_time_for_another_one(peers, found):
    hung, well = peers(), peers()
    hung.answer = hangs(hung)
    service = found(hung, well, timeout=3).with_options(idempotent=True)

    for _ in range(4):
        assert service.call_method("x", [1]).result == [1]
    assert 1 <= len(hung.requests) <= 2
    for request in hung.requests:  # its share, which the service is told of as well
        assert 1000 < int(request.headers["gemstone-timeout-ms"]) <= 1500


def test_who_is_alone_has_all_the_time(peer, found):
    service = found(peer, timeout=3).with_options(idempotent=True)
    service.call_method("x")
    assert int(peer.requests[0].headers["gemstone-timeout-ms"]) > 2000


@pytest.mark.parametrize("how", ["hangs", "breaks", "503"])
def test_all_attempts_have_one_timeout(peers, found, how):
    two = peers(), peers()
    for each in two:
        if how == "503":
            each.replies("", "503 Service Unavailable")
        else:
            each.answer = breaks if how == "breaks" else hangs(each)
    service = found(*two, timeout=0.6).with_options(idempotent=True, max_attempts=1000)
    started = time.monotonic()
    with pytest.raises(RemoteServiceError) as caught:
        service.call_method("x")
    assert time.monotonic() - started < 10
    assert caught.value.was_sent
    if how == "hangs":
        assert isinstance(caught.value, RemoteTimeoutError)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_a_gateway_could_not_reach(peers, found, pauses, status):
    gateway, peer = peers(), peers()
    gateway.replies("", f"{status} x")
    service = found(gateway, peer)
    for _ in range(4):
        service.with_options(idempotent=True).call_method("x")
    assert len(peer.requests) == 4
    assert len(gateway.requests) == 2  # each second call, as it is not set aside

    failed = 0
    for _ in range(4):
        try:
            service.call_method("x")
        except CalledServiceError as exc:
            failed += exc.status == status and exc.was_sent
    assert failed == 2
    assert len(peer.requests) == 6


FINAL = {
    "500": ("", "500 x", CalledServiceError),
    "404": ("", "404 x", CalledServiceError),
    "429": ("", "429 x", CalledServiceError),
    "301": ("", "301 x", CalledServiceError),
    "no JSON": ("<html>", "200 OK", MalformedResponseError),
    "another id": (
        {"jsonrpc": "2.0", "result": 1, "id": "other"},
        "200 OK",
        MalformedResponseError,
    ),
}


@pytest.mark.parametrize(("reply", "status", "error"), FINAL.values(), ids=FINAL)
def test_answers_that_are_final(peers, found, reply, status, error):
    two = peers(), peers()
    for each in two:
        each.replies(reply, status)
    service = found(*two)
    for number, view in enumerate((service, service.with_options(idempotent=True)), 1):
        with pytest.raises(error) as caught:
            view.call_method("x")
        assert caught.value.was_sent
        assert sum(len(each.requests) for each in two) == number
    assert not any(each.is_aside for each in service._service._known.values())


def test_an_error_is_an_answer(peers, found):
    two = peers(), peers()
    for each in two:
        each.replies({"jsonrpc": "2.0", "error": {"code": -32000, "message": "busy"}, "id": "ID"})
    service = found(*two).with_options(idempotent=True)
    assert service.call_method("x").error == {"code": -32000, "message": "busy"}
    assert sum(len(each.requests) for each in two) == 1


# What an error says of the call.


def test_was_sent_tells_of_all_attempts(found, peer, pauses):
    service = found(peer)
    service.call_method("x")  # opens the connection that the next call takes

    peer.answer = lambda request: peer.refuse()
    with pytest.raises(ServiceUnavailableError) as caught:
        service.with_options(idempotent=True).call_method("x")
    assert caught.value.was_sent
    assert len(peer.requests) == 2

    with pytest.raises(ServiceUnavailableError) as caught:
        service.call_method("x")
    assert not caught.value.was_sent


def test_a_timeout_may_have_been_executed(found, peer):
    peer.answer = hangs(peer)
    with pytest.raises(RemoteTimeoutError) as caught:
        found(peer, timeout=0.1).call_method("x")
    assert caught.value.was_sent


def test_no_secret_is_shown(peers, found, shown, caplog, pauses):
    caplog.set_level(0, "gemstone.client")
    two = peers(), peers()
    for each in two:
        each.answer = breaks
    service = found(*(each.url.replace("//", "//root:hunter2@") + "?k=hunter2" for each in two))
    view = service.with_options(idempotent=True, max_attempts=20)
    errors = []
    for stop in (lambda: None, two[0].stop, two[1].stop, lambda: None):
        stop()
        with pytest.raises(RemoteServiceError) as caught:
            view.call_method("x")
        errors.append(shown(caught.value))
    assert "hunter2" not in "".join(errors) + caplog.text


def test_the_errors_of_earlier_attempts_are_not_kept(peers, found, shown, pauses):
    two = peers(), peers()
    for each in two:
        each.answer = breaks
    with pytest.raises(RemoteConnectionError) as caught:
        found(*two).with_options(idempotent=True, max_attempts=3).call_method("x")
    assert caught.value.__context__ is None or not isinstance(
        caught.value.__context__, RemoteServiceError
    )


# Services with one URL.


def test_an_idempotent_call_of_one_url(peer, pauses):
    answers = [breaks, lambda request: peer.http("", "503 x"), peer.hello]
    peer.answer = lambda request: answers.pop(0)(request)
    with RemoteService(peer.url) as service:
        assert service.with_options(idempotent=True).call_method("x", [1]).result == [1]
    assert len(peer.requests) == 3
    assert len(pauses) == 2


def test_another_call_of_one_url(peer, pauses, closed_port):
    peer.answer = breaks
    for url, was_sent in ((peer.url, True), (f"http://127.0.0.1:{closed_port}/", False)):
        with RemoteService(url) as service, pytest.raises(RemoteConnectionError) as caught:
            service.call_method("x")
        assert caught.value.was_sent is was_sent
    assert len(peer.requests) == 1
    assert pauses == []


def test_a_service_that_is_just_restarting(peers, monkeypatch):
    peer = peers()
    peer.stop()

    def restart(pause):
        answering = peers(peer.port)
        answering.answer = answering.hello

    monkeypatch.setattr(_calls, "time", SimpleNamespace(monotonic=time.monotonic, sleep=restart))
    with RemoteService(peer.url) as service:
        view = service.with_options(idempotent=True, max_attempts=2)
        assert view.call_method("x", [1]).result == [1]


def test_one_url_is_never_set_aside(peer):
    peer.answer = breaks
    with RemoteService(peer.url) as service:
        for number in range(1, 11):
            with pytest.raises(RemoteConnectionError):
                service.call_method("x")
            assert len(peer.requests) == number
        peer.answer = peer.hello
        assert service.call_method("x", [1]).result == [1]
    assert peer.probes == []


def test_what_is_no_error_of_the_service_is_not_made_again(peers, found):
    two = peers(), peers()

    def sign(request):
        raise KeyError("the key")

    service = found(*two, authentication_method=sign).with_options(idempotent=True)
    with pytest.raises(KeyError, match="the key"):
        service.call_method("x")
    with pytest.raises(TypeError):
        service.call_method("x", [object()])
    assert [each.accepted for each in two] == [0, 0]
    assert len(service._service._ready) == 2
