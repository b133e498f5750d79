"""Services that are found by an HTTP registry."""

import threading
import time

import pytest

from gemstone.client import RemoteService
from gemstone.deadlines import deadline_in
from gemstone.errors import DiscoveryError, ServiceStateError

ERROR = {"jsonrpc": "2.0", "error": {"code": -32601, "message": "No such\x07 method"}, "id": "ID"}


def result(value):
    return {"jsonrpc": "2.0", "result": value, "id": "ID"}


@pytest.fixture
def at(peers):
    """A peer as the registry, which knows the others."""
    registry = peers()
    registry.knows = lambda *those: registry.replies(result([each.url for each in those]))
    return registry


@pytest.fixture
def get():
    """`RemoteService.get_service_by_name`, closed in the end."""
    services = []

    def get(url, name="users", **options):
        service = RemoteService.get_service_by_name(url, name, **options)
        if service is not None:
            services.append(service)
        return service

    yield get
    for service in services:
        service.close()


def test_a_service_is_found(at, peers, get):
    two = peers(), peers()
    at.knows(*two)
    service = get(at.url)

    assert service.locations == [each.url for each in two]
    assert service.url == "users"
    for number in range(4):
        assert service.call_method("x", [number]).result == [number]
    assert [len(each.requests) for each in two] == [2, 2]
    [asked] = at.requests
    assert asked.json["method"] == "locate_service"
    assert asked.json["params"] == {"name": "users"}
    assert 0 < int(asked.headers["gemstone-timeout-ms"]) <= 5000


def test_an_answer_of_an_old_registry(at, peer, get):
    at.replies({"jsonrpc": "2.0", "result": [peer.url], "error": None, "id": "ID"})
    assert get(at.url).call_method("x", [1]).result == [1]


def test_it_is_looked_up_again(at, peers, get):
    first, second = peers(), peers()
    at.knows(first)
    service = get(at.url, lifetime=0)
    service.call_method("x")
    at.knows(second)
    service.call_method("x")
    assert (len(first.requests), len(second.requests)) == (1, 1)
    assert at.accepted == 1  # over one connection


def test_a_pattern_is_asked_for(at, peer, get):
    at.knows(peer)
    assert get(at.url, "project.worker.*") is not None
    assert at.requests[0].json["params"] == {"name": "project.worker.*"}


def test_a_service_that_is_not_known(at, get):
    at.knows()
    assert get(at.url) is None
    at.wait_until(lambda: at.open == 0)  # the connection to the registry is not kept


@pytest.mark.parametrize(
    ("reply", "status", "why"),
    [
        (ERROR, "200 OK", "does not say where 'users' is: No such\ufffd method \\(-32601\\)$"),
        (result("http://127.0.0.1/"), "200 OK", "is str .*: it must be a list of URLs"),
        (result({"users": []}), "200 OK", "is dict .*: it must be a list of URLs"),
        (result([1]), "200 OK", "lists int 1: it must be a list of URLs"),
        (result([["http://127.0.0.1/"]]), "200 OK", "lists list .*: it must be"),
        (result(["ftp://127.0.0.1/"]), "200 OK", "knows no location of 'users' to call: "),
        (result(["nonsense"]), "200 OK", "knows no location of 'users' to call: "),
        ("<html>", "200 OK", "could not be asked where 'users' is: .*not JSON"),
        ("", "503 Down", "could not be asked where 'users' is: .*answered HTTP 503"),
    ],
)
def test_a_registry_that_answers_nonsense(at, get, reply, status, why):
    at.replies(reply, status)
    with pytest.raises(DiscoveryError, match=why) as caught:
        get(at.url)
    assert str(caught.value).isprintable()
    at.wait_until(lambda: at.open == 0)


def test_a_registry_that_is_down(closed_port, get):
    with pytest.raises(DiscoveryError, match=r"could not be asked .*Connection refused") as caught:
        get(f"http://127.0.0.1:{closed_port}/api")
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_a_registry_that_is_slow(at, get):
    at.answer = lambda request: at.stopped.wait(60) and None
    started = time.monotonic()
    with pytest.raises(DiscoveryError, match="did not answer within") as caught:
        get(at.url, timeout=0.2)
    assert isinstance(caught.value.__cause__, TimeoutError)
    with deadline_in(0.2), pytest.raises(DiscoveryError, match="did not answer within"):
        get(at.url)
    with deadline_in(0), pytest.raises(DiscoveryError, match="deadline has passed"):
        get(at.url)
    assert time.monotonic() - started < 30
    assert len(at.requests) == 2


def test_calls_go_on_while_the_registry_is_down(at, peer, get):
    at.knows(peer)
    service = get(at.url, lifetime=0)
    at.stop()
    for number in range(10):
        assert service.call_method("x", [number]).result == [number]


def test_the_registry_comes_back(at, peers, get, eventually):
    first, second = peers(), peers()
    at.knows(first)
    service = get(at.url, lifetime=0)
    at.stop()
    service.call_method("x")
    back = peers(at.port)
    back.replies(result([second.url]))
    eventually(lambda: service.call_method("x") and bool(second.requests))


def test_credentials_of_the_registry_are_for_the_registry_alone(at, peers, get, shown, caplog):
    caplog.set_level(0, "gemstone.client")
    peer = peers()
    at.knows(peer)
    url = at.url.replace("//", "//root:hunter2@") + "?key=hunter2"
    service = get(url, lifetime=0)
    service.call_method("x")
    assert all("authorization" in each.headers for each in at.requests)
    assert "hunter2" not in repr(peer.requests)
    assert "hunter2" not in repr(service) + service.url + "".join(service.locations)

    at.replies("hunter2", "500 hunter2")
    service.call_method("x")
    service.call_method("x")
    errors = []
    for reply, status in [
        ("hunter2", "500 hunter2"),
        ("hunter2", "200 OK"),
        (result("http://root:hunter2@127.0.0.1/"), "200 OK"),
        (ERROR, "200 OK"),
    ]:
        at.replies(reply, status)
        with pytest.raises(DiscoveryError) as caught:
            get(url)
        errors.append(shown(caught.value))
    at.stop()
    with pytest.raises(DiscoveryError) as caught:
        get(url)
    errors.append(shown(caught.value))
    assert "hunter2" not in "".join(errors) + caplog.text


def test_credentials_of_the_service_are_not_for_the_registry(at, peer, get):
    at.knows(peer)
    service = get(
        at.url, authentication_method=("root", "hunter2"), headers={"X-Token": "t"}, timeout=20
    )
    service.call_method("x")
    [asked], [called] = at.requests, peer.requests
    assert "authorization" not in asked.headers
    assert "x-token" not in asked.headers
    assert "authorization" in called.headers
    assert called.headers["x-token"] == "t"
    assert 0 < int(called.headers["gemstone-timeout-ms"]) <= 20_000


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        (("no URL", "users"), {}, ValueError),
        ((3, "users"), {}, TypeError),
        (("{}", ""), {}, ValueError),
        (("{}", "a\nb"), {}, ValueError),
        (("{}", None), {}, TypeError),
        (("{}", "users"), {"lifetime": -1}, ValueError),
        (("{}", "users"), {"timeout": "1"}, TypeError),
        (("{}", "users"), {"verify": "/no/such/file"}, ValueError),
    ],
)
def test_arguments_that_can_not_be_used(at, get, arguments, options, error):
    url, name = arguments
    url = url.format(at.url) if isinstance(url, str) else url
    with pytest.raises(error):
        get(url, name, **options)
    assert at.requests == []


def test_closing_closes_the_connection_to_the_registry(at, peer, get):
    at.knows(peer)
    service = get(at.url)
    service.call_method("x")
    at.wait_until(lambda: at.open == 1)
    service.close()
    for each in (at, peer):
        each.wait_until(lambda each=each: each.open == 0)
    with pytest.raises(ServiceStateError):
        service.call_method("x")
    assert not [each for each in threading.enumerate() if each.name.endswith(" users")]


def test_a_subclass_finds_its_own(at, peer):
    class Users(RemoteService):
        def hello(self):
            return self.call_method("hello", ["x"]).result

    at.knows(peer)
    with Users.get_service_by_name(at.url, "users") as service:
        assert service.hello() == ["x"]
        assert service.with_options(timeout=5).hello() == ["x"]
