"""HttpDiscoveryStrategy, and registries that answer whatever they like."""

import http.server
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import gemstone
from gemstone.discovery import HttpDiscoveryStrategy
from gemstone.errors import DiscoveryError

URL = "http://10.0.0.1:8000/api"


class Scripted(http.server.BaseHTTPRequestHandler):
    """A registry of somebody else: answers what the test has put into its server."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls.append((call["method"], call["params"], self.headers["Authorization"]))
        answer = self.server.answer
        if isinstance(answer, dict):
            answer = json.dumps({"jsonrpc": "2.0", "id": call["id"], **answer})
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def scripted():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    server.calls, server.answer, server.status = [], {"result": None}, 200
    server.place = f"127.0.0.1:{server.server_address[1]}/api"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def strategy(scripted):
    strategy = HttpDiscoveryStrategy(f"http://{scripted.place}")
    yield strategy
    strategy.close()


def test_what_it_sends(scripted, strategy):
    strategy.ping("users", URL)
    strategy.unregister("users", URL)
    scripted.answer = {"result": [URL]}
    assert strategy.locate("users") == [URL]
    assert scripted.calls == [
        ("ping", {"name": "users", "url": URL}, None),
        ("unregister", {"name": "users", "url": URL}, None),
        ("locate_service", {"name": "users"}, None),
    ]


def test_a_registry_that_knows_no_unregister_is_fine(scripted, strategy):
    scripted.answer = {"error": {"code": -32601, "message": "Method not found"}}
    strategy.unregister("users", URL)
    with pytest.raises(DiscoveryError, match=r"answered ping with the error -32601"):
        strategy.ping("users", URL)
    scripted.answer = {"error": {"code": -32000, "message": "Busy"}}
    with pytest.raises(DiscoveryError, match=r"unregister with the error -32000: Busy"):
        strategy.unregister("users", URL)


def test_all_services(scripted, strategy):
    scripted.answer = {"result": {"users": [URL], "gone": []}}
    assert strategy.services() == {"users": [URL]}
    assert scripted.calls == [("list_services", {}, None)]


def test_a_registry_that_can_t_list_services(scripted, strategy):
    scripted.answer = {"error": {"code": -32601, "message": "Method not found"}}
    with pytest.raises(DiscoveryError, match=r"can't list services: .* no method list_services"):
        strategy.services()
    scripted.answer = {"error": {"code": -32000, "message": "Busy"}}
    with pytest.raises(DiscoveryError, match=r"list_services with the error -32000: Busy"):
        strategy.services()


@pytest.mark.parametrize("result", [None, [], "users", {"users": URL}, {"users": [1]}, {"a": None}])
def test_services_of_the_wrong_shape(scripted, strategy, result):
    scripted.answer = {"result": result}
    with pytest.raises(DiscoveryError, match="something else than lists of URLs by name"):
        strategy.services()


def test_a_registry_that_answers_null_knows_nobody(scripted, strategy):
    scripted.answer = {"result": None}
    assert strategy.locate("users") == []


@pytest.mark.parametrize("result", ["http://10.0.0.1/", {"a": 1}, 7, [1], [[URL]], [None]])
def test_locations_of_the_wrong_shape(scripted, strategy, result):
    scripted.answer = {"result": result}
    with pytest.raises(DiscoveryError, match="something else than a list of URLs") as caught:
        strategy.locate("users")
    assert scripted.place in str(caught.value)


@pytest.mark.parametrize(
    ("status", "answer"),
    [(500, "oops"), (404, "<html>"), (200, "[]"), (200, "no json"), (302, ""), (200, "")],
)
def test_answers_that_are_none(scripted, strategy, status, answer):
    scripted.status, scripted.answer = status, answer
    for ask in (
        lambda: strategy.ping("users", URL),
        lambda: strategy.locate("users"),
        lambda: strategy.unregister("users", URL),
        strategy.services,
    ):
        with pytest.raises(DiscoveryError, match=f"the registry http://{scripted.place} did not"):
            ask()


def test_an_error_says_what_was_wrong(discovery):
    strategy = HttpDiscoveryStrategy(discovery.registry().accessible_at)
    discovery.stack.callback(strategy.close)
    with pytest.raises(DiscoveryError, match=r"ping with the error -32602: Invalid params: .*\*"):
        strategy.ping("a*", URL)


def test_no_registry(dead_url):
    strategy = HttpDiscoveryStrategy(dead_url)
    with pytest.raises(DiscoveryError, match=f"the registry {dead_url} did not answer ping"):
        strategy.ping("users", URL)
    strategy.close()


def test_a_registry_that_hangs_is_given_up(silent_url, monkeypatch):
    monkeypatch.setattr("gemstone_core._discovery._http._TIMEOUT", 0.1)
    strategy = HttpDiscoveryStrategy(silent_url)
    with pytest.raises(DiscoveryError, match="did not answer locate_service"):
        strategy.locate("users")
    strategy.close()


def test_its_time_is_bounded():
    assert 0 < HttpDiscoveryStrategy("http://h")._service()._options.timeout <= 5


def test_credentials_are_sent_and_never_shown(scripted):
    strategy = HttpDiscoveryStrategy(f"http://ada:secret@{scripted.place}")
    strategy.ping("users", URL)
    assert scripted.calls[-1][2].startswith("Basic ")
    for scripted.answer in (
        {"error": {"code": 1, "message": "not ada:secret"}},
        {"result": "ada:secret"},
        "ada:secret",
    ):
        with pytest.raises(DiscoveryError) as caught:
            strategy.locate("users")
        assert "secret" not in str(caught.value)
        assert "secret" not in str(strategy) + repr(strategy)
    strategy.close()


def test_control_characters_of_a_registry_reach_no_log(scripted, strategy):
    scripted.answer = {"error": {"code": 1, "message": "a\nb\x1b[31m" + "x" * 5000}}
    with pytest.raises(DiscoveryError) as caught:
        strategy.locate("users")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_threads_share_it_and_it_may_be_closed_meanwhile(discovery):
    strategy = HttpDiscoveryStrategy(discovery.registry().accessible_at)
    strategy.ping("users", URL)

    def use(number):
        try:
            if number % 5 == 0:
                strategy.close()
            return strategy.locate("users")
        except DiscoveryError:
            return [URL]  # it was closed just then

    with ThreadPoolExecutor(8) as pool:
        assert {*map(tuple, pool.map(use, range(200)))} == {(URL,)}
    assert strategy.locate("users") == [URL]
    strategy.close()
    strategy.close()


def test_scripts_find_what_services_register(discovery):
    registry = discovery.registry()
    service = discovery.start("users", discovery_strategies=[registry.accessible_at])
    found = gemstone.RemoteService.get_service_by_name(registry.accessible_at, "user?")
    with found:
        assert found.methods.whoami() == service.port
    assert gemstone.RemoteService.get_service_by_name(registry.accessible_at, "nobody") is None
