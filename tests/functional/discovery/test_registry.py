"""ServiceRegistry, driven by raw HTTP, as clients of 0.12 and others do."""

import http.client
import json

import pytest

from gemstone.discovery import ServiceRegistry
from gemstone.errors import ServiceConfigurationError
from tools.waiting import until

URL = "http://10.0.0.1:8000/api"


@pytest.fixture
def ask(discovery):
    """Calls a method of a registry over one connection; gives the whole answer."""
    registry = discovery.registry(time_to_live=30.0)
    connection = http.client.HTTPConnection("127.0.0.1", registry.port, timeout=30)
    discovery.stack.callback(connection.close)

    def call(method, params=None):
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params or {}}
        connection.request("POST", "/api", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.status == 200
        answer = json.loads(response.read())
        assert answer.pop("id") == 7
        assert answer.pop("jsonrpc") == "2.0"
        return answer

    call.registry = registry
    return call


def test_it_just_works():
    assert (ServiceRegistry.name, ServiceRegistry.port) == ("service_registry", 8000)
    assert ServiceRegistry.time_to_live == 30
    assert ServiceRegistry().endpoint == "/api"


def test_the_protocol(ask):
    assert ask("locate_service", {"name": "users"}) == {"result": []}
    assert ask("ping", {"name": "users", "url": URL}) == {"result": None}
    assert ask("ping", ["users", f"{URL}/2"]) == {"result": None}
    assert ask("ping", {"name": "mails", "url": URL}) == {"result": None}
    assert ask("locate_service", {"name": "users"}) == {"result": [URL, f"{URL}/2"]}
    assert ask("locate_service", {"name": "*s"}) == {"result": [URL, f"{URL}/2"]}
    assert ask("list_services") == {"result": {"users": [URL, f"{URL}/2"], "mails": [URL]}}
    assert ask("unregister", {"name": "users", "url": URL}) == {"result": None}
    assert ask("unregister", {"name": "users", "url": URL}) == {"result": None}
    assert ask("locate_service", ["users"]) == {"result": [f"{URL}/2"]}


@pytest.mark.parametrize("method", ["ping", "unregister"])
@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("", URL, "can't be empty"),
        ("a*", URL, "pattern"),
        ("a\nb", URL, "control character"),
        ("x" * 201, URL, "at most 200 characters"),
        (None, URL, "a string, not NoneType"),
        (["users"], URL, "a string, not list"),
        ("users", None, "a URL, not NoneType"),
        ("users", "10.0.0.1:8000", "does not begin with http"),
        ("users", "ftp://10.0.0.1/", "does not begin with http"),
        ("users", "http://u:secret@h:0/", "port 0"),
        ("users", "http://10.0.0.1/\r\nX: y", "control character"),
    ],
)
def test_what_it_refuses(ask, method, name, url, said):
    error = ask(method, {"name": name, "url": url})["error"]
    assert (error["code"], error["message"]) == (-32602, "Invalid params")
    assert said in error["data"]
    assert "secret" not in error["data"]
    assert ask("list_services") == {"result": {}}


@pytest.mark.parametrize("name", ["", "a\x00", 5, None, "x" * 201])
def test_names_that_nobody_has(ask, name):
    assert ask("locate_service", {"name": name})["error"]["code"] == -32602


def test_missing_params(ask):
    assert ask("ping", {"name": "users"})["error"]["code"] == -32602
    assert ask("ping", {"name": "users", "location": URL})["error"]["code"] == -32602


def test_entries_expire(ask):
    ask.registry.time_to_live = 0.05
    ask("ping", {"name": "users", "url": URL})
    until(lambda: ask("list_services") == {"result": {}}, what="it has expired")
    ask("ping", {"name": "users", "url": URL})
    until(lambda: ask("locate_service", {"name": "users"}) == {"result": []}, what="it has expired")


def test_it_is_full_some_day(ask):
    ask.registry.max_locations = 2
    ask("ping", {"name": "users", "url": URL})
    ask("ping", {"name": "mails", "url": URL})
    error = ask("ping", {"name": "users", "url": f"{URL}/2"})["error"]
    assert error["code"] == -32000
    assert error["data"] == "the registry knows 2 locations already, and takes no more"
    assert ask("ping", {"name": "users", "url": URL}) == {"result": None}
    ask("unregister", {"name": "mails", "url": URL})
    assert ask("ping", {"name": "users", "url": f"{URL}/2"}) == {"result": None}


@pytest.mark.parametrize("attribute", ["time_to_live", "max_locations"])
@pytest.mark.parametrize("value", [0, -1, True, "30", None])
def test_settings_that_can_t_work(attribute, value):
    registry = type("Registry", (ServiceRegistry,), {attribute: value, "port": 0})()
    with pytest.raises(ServiceConfigurationError, match=f"Registry.{attribute} is {value!r}"):
        registry.start_in_thread()


def test_in_the_shape_of_0_12(discovery):
    registry = discovery.registry(legacy_responses=True)
    service = discovery.start("users", discovery_strategies=[registry.accessible_at])
    other = discovery.start("other", discovery_strategies=[registry.accessible_at])
    assert other.get_service("users").locations == [service.accessible_at]
