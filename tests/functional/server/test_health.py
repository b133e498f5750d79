"""``/health/live`` and ``/health/ready``, as those who look after a service ask for them."""

import http.client
import logging
import subprocess
import sys
import threading
import uuid

import pytest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.web import RequestHandler

import gemstone
from gemstone.discovery import (
    BaseDiscoveryStrategy,
    MemoryDiscoveryStrategy,
    StaticDiscoveryStrategy,
)
from gemstone.errors import ServiceConfigurationError
from gemstone.event import BaseEventTransport
from tools.brokers import free_ports
from tools.waiting import until

from .conftest import Caller

NOTHING_ELSE = {"event_transports": [], "registries": []}


class Watched(gemstone.MicroService):
    name = "watched"
    port = 0
    drain_grace = 0
    service_registry_ping_interval = 0.1

    def __init__(self, **attributes):
        vars(self).update(attributes)
        self.begun, self.may_end = threading.Semaphore(0), threading.Event()
        super().__init__()

    @gemstone.exposed_method()
    def wait(self):
        self.begun.release()
        return self.may_end.wait(30)

    @gemstone.event_handler("noted")
    def note(self, body):
        pass


class Emitting(gemstone.MicroService):
    """Handles no events."""

    name = "emitting"


def ready(caller):
    """What /health/ready says, with its status."""
    answer = caller.request("GET", "/health/ready")
    assert (answer.status == 200) == (answer.json["status"] == "ready"), answer.json
    assert answer.status in (200, 503)
    return answer.json


def test_a_service_is_live_and_ready(serve):
    caller = serve(Watched())
    for path, said in (
        ("/health/live", {"status": "live"}),
        ("/health/ready", {"status": "ready", "service": "serving", **NOTHING_ELSE}),
    ):
        answer = caller.request("GET", path)
        assert (answer.status, answer.json) == (200, said)
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.headers["Cache-Control"] == "no-store"
        head = caller.request("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == answer.headers["Content-Length"]
        assert caller.request("GET", f"{path}?since=now").status == 200
        assert caller.request("GET", path, None, {"If-None-Match": "*"}).status == 200


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "NONSENSE"])
def test_other_verbs(serve, verb):
    answer = serve(Watched()).request(verb, "/health/live")
    assert (answer.status, answer.headers["Allow"], answer.body) == (405, "GET, HEAD", b"")


def test_it_can_be_elsewhere_or_nowhere(serve):
    caller = serve(Watched(health_endpoint="/api/v1/state"))
    assert caller.request("GET", "/api/v1/state/live").status == 200
    assert caller.request("GET", "/health/live").status == 404
    caller = serve(Watched(health_endpoint=None))
    assert caller.request("GET", "/health/live").status == 404
    assert caller.request("GET", "/live").status == 404


@pytest.mark.parametrize("path", ["", "/", "health", "/health/", "/a b", "/a?b", b"/health", 5])
def test_a_path_that_can_not_be(path):
    with pytest.raises(ServiceConfigurationError, match=r"Watched\.health_endpoint is .* None"):
        Watched(health_endpoint=path).start_in_thread()


@pytest.mark.parametrize("endpoint", ["/health/live", "/health/ready"])
def test_calls_can_not_be_answered_there(endpoint):
    with pytest.raises(ServiceConfigurationError, match=r"Watched\.endpoint is .*health_endpoint"):
        Watched(endpoint=endpoint).start_in_thread()


def test_pages_do_not_cover_it(serve, tmp_path):
    class Everything(RequestHandler):
        def get(self):
            self.write("a page")

    service = Watched(static_dirs=[("/", tmp_path)], extra_handlers=[(r"/.*", Everything)])
    caller = serve(service)
    assert caller.request("GET", "/health/live").json == {"status": "live"}
    assert caller.request("GET", "/health").body == b"a page"


def test_it_is_not_logged(serve, caplog):
    caplog.set_level(logging.DEBUG)
    caller = serve(Watched(event_transports=["memory://health"]))
    caplog.clear()
    for _ in range(3):
        caller.request("GET", "/health/live")
        caller.request("GET", "/health/ready")
        caller.request("POST", "/health/ready")
    # A page is logged when it was answered: so the next one tells that all before it are.
    caller.request("GET", "/nothing")
    until(lambda: "/nothing" in caplog.text, what="a page is logged")
    assert "health" not in caplog.text


def test_it_answers_while_all_threads_are_busy(serve):
    service = Watched(max_parallel_blocking_tasks=2, max_pending_blocking_calls=2)
    caller = serve(service)
    with gemstone.RemoteService(service.accessible_at) as remote:
        calls = [remote.call_method_async("wait") for _ in range(2)]
        for _ in calls:
            assert service.begun.acquire(timeout=30)
        assert caller.request("GET", "/health/live").status == 200
        assert ready(caller)["status"] == "ready"
        service.may_end.set()
        assert [call.result(wait=True).result for call in calls] == [True, True]


def test_who_drains_is_live_and_not_ready():
    service = Watched(drain_grace=30, discovery_strategies=[f"memory://{uuid.uuid4().hex}"])
    thread = service.start_in_thread()
    probes = [Caller(service) for _ in range(2)]
    assert [ready(probe)["service"] for probe in probes] == ["serving", "serving"]
    with gemstone.RemoteService(service.accessible_at) as remote:
        call = remote.call_method_async("wait")
        assert service.begun.acquire(timeout=30)
        stopping = threading.Thread(target=thread.stop)
        stopping.start()
        until(lambda: not reachable(service.port), what="the port is closed")
        said = ready(probes[0])
        assert (said["status"], said["service"]) == ("not ready", "stopping")
        assert [each["registered"] for each in said["registries"]] == [False]
        assert probes[1].request("GET", "/health/live").status == 200
        service.may_end.set()
        assert call.result(wait=True).result is True
    for probe in probes:
        probe.close()
    stopping.join(30)


def reachable(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.connect()
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()
    return True


def test_who_still_starts_is_not_ready():
    """While the first heartbeat is on its way, calls are answered already."""

    class Slow(BaseDiscoveryStrategy):
        said = None

        def ping(self, name, location):
            caller = Caller(service)
            self.said = self.said or ready(caller)
            caller.close()

        def locate(self, name):
            return []

    strategy = Slow()
    service = Watched(discovery_strategies=[strategy])
    with service.start_in_thread():
        assert strategy.said["service"] == "starting"
        assert strategy.said["status"] == "not ready"


def test_a_registry_that_is_killed(serve):
    [port] = free_ports(1)
    program = (
        "from gemstone.discovery import ServiceRegistry as R; R.drain_grace = 0; "
        f"R.port = {port}; R().start()"
    )

    def start() -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)

    memory = f"memory://{uuid.uuid4().hex}"
    url = f"http://user:hunter2@127.0.0.1:{port}/api"
    shown = f"http://127.0.0.1:{port}/api"
    service = Watched(discovery_strategies=[url, memory])
    caller = serve(service)
    said = ready(caller)
    assert said["status"] == "not ready"
    assert [each["registered"] for each in said["registries"]] == [False, True]
    assert said["registries"][1]["registry"] == memory
    for _ in range(2):
        registry = start()
        try:
            until(lambda: ready(caller)["status"] == "ready", what="it is registered")
        finally:
            registry.kill()
            registry.wait()
        until(lambda: ready(caller)["status"] == "not ready", what="the registry is missed")
    said = ready(caller)
    assert said["service"] == "serving"
    assert said["registries"][0] == {"registry": shown, "registered": False}
    assert "hunter2" not in str(said)
    assert caller.request("GET", "/health/live").status == 200


def test_strategies_that_only_find_are_no_registries(serve):
    strategy = StaticDiscoveryStrategy({"users": ["http://127.0.0.1:1/api"]})
    caller = serve(Watched(discovery_strategies=[strategy]))
    assert ready(caller) == {"status": "ready", "service": "serving", **NOTHING_ELSE}


class Silent(BaseEventTransport):
    """A transport of somebody else's, as those for 0.12 were: it tells nothing of itself."""

    def emit_event(self, event_name, event_body):
        pass

    def start_accepting_events(self):
        pass

    def __str__(self):
        return "silent://"


class Dead(Silent):
    def publish(self, outbox):
        raise ConnectionError("nobody is there")

    def __str__(self):
        return "dead://"


@pytest.mark.parametrize("kind", [Watched, Emitting])
@pytest.mark.parametrize("transport", [Silent, "memory://health"])
def test_transports_that_are_there(serve, kind, transport):
    service = type(kind.__name__, (kind,), {"event_transports": [transport]})()
    caller = serve(service)
    until(lambda: ready(caller)["status"] == "ready", what="it is connected")
    [said] = ready(caller)["event_transports"]
    assert said == {"transport": str(service.event_status()[0].transport), "connected": True}


@pytest.mark.parametrize("kind", [Watched, Emitting])
def test_one_transport_that_is_not_there(serve, kind):
    service = type(kind.__name__, (kind,), {"event_transports": ["memory://health", Dead]})()
    caller = serve(service)
    until(lambda: ready(caller)["event_transports"][0]["connected"], what="the other is connected")
    assert ready(caller) == {
        "status": "not ready",
        "service": "serving",
        "event_transports": [
            {"transport": "memory://health", "connected": True},
            {"transport": "dead://", "connected": False},
        ],
        "registries": [],
    }
    assert caller.request("GET", "/health/live").status == 200


def test_in_a_server_of_ones_own():
    """It is live; and ready, as far as anything was begun."""
    service = Watched(event_transports=["memory://health"], discovery_strategies=["memory://"])
    sockets = bind_sockets(0, "127.0.0.1")
    service.port = sockets[0].getsockname()[1]
    running = threading.Event()
    loop: list[IOLoop] = []

    def run() -> None:
        own = IOLoop(make_current=False)
        loop.append(own)

        def begin() -> None:
            server = HTTPServer(service.make_tornado_app())
            server.add_sockets(sockets)
            own.add_callback(running.set)

        own.add_callback(begin)
        own.start()
        own.close(all_fds=True)

    thread = threading.Thread(target=run)
    thread.start()
    assert running.wait(30)
    caller = Caller(service)
    assert caller.request("GET", "/health/live").status == 200
    assert ready(caller) == {"status": "ready", "service": "serving", **NOTHING_ELSE}
    service.emit_event("noted", None)
    until(lambda: ready(caller)["event_transports"], what="its transport is told of")
    until(lambda: ready(caller)["status"] == "ready", what="its transport is connected")
    caller.close()
    loop[0].add_callback(loop[0].stop)
    thread.join(30)
    service.stop()


def test_two_services_of_one_class_know_nothing_of_each_other(serve):
    name = uuid.uuid4().hex
    with_registry = serve(Watched(discovery_strategies=[MemoryDiscoveryStrategy(name)]))
    without = serve(Watched())
    assert ready(with_registry)["registries"] == [
        {"registry": f"memory://{name}", "registered": True}
    ]
    assert ready(without)["registries"] == []
