"""Connections: kept, shared, given up in time; options, proxies, forks."""

import copy
import os
import pickle
import subprocess
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import pytest

from gemstone.client import RemoteService, _connections
from gemstone.errors import RemoteConnectionError, ServiceStateError


def test_one_connection_serves_many_calls(peer, service):
    for number in range(20):
        assert service.call_method("x", [number]).result == [number]
    assert peer.accepted == 1


def test_a_connection_idle_for_more_than_4_s_is_not_used_again(peer, service, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(_connections, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    service.call_method("x")
    now[0] += 4.0
    service.call_method("x")
    assert peer.accepted == 1

    now[0] += 4.001
    service.call_method("x")
    assert peer.accepted == 2
    peer.wait_until(lambda: peer.open == 1)


def test_the_limit_is_4_s():
    assert _connections._IDLE_LIMIT == 4.0


def test_all_connections_grow_old_together(peer, service, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(_connections, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    together(peer, service, 4)
    assert peer.accepted == 4

    now[0] += 5
    service.call_method("x")
    assert peer.accepted == 5
    peer.wait_until(lambda: peer.open == 1)


def together(peer, service, count):
    """Make `count` calls that are all under way at once."""
    barrier = threading.Barrier(count)

    def answer(request):
        barrier.wait(30)
        return peer.hello(request)

    peer.answer = answer
    with ThreadPoolExecutor(count) as pool:
        results = list(pool.map(lambda number: service.call_method("x", [number]), range(count)))
    peer.answer = peer.hello
    assert [result.result for result in results] == [[number] for number in range(count)]


def test_more_threads_than_connections_wait_for_nobody(peer):
    with RemoteService(peer.url, max_connections=3) as service:
        together(peer, service, 12)
        assert peer.accepted == 12
        peer.wait_until(lambda: peer.open == 3)  # the others are not kept
        together(peer, service, 3)
        assert peer.accepted == 12
    peer.wait_until(lambda: peer.open == 0)


def test_threads_never_see_each_others_answers(service):
    def work(number):
        return [service.call_method("x", [number, turn]).result for turn in range(50)]

    with ThreadPoolExecutor(32) as pool:
        for number, results in enumerate(pool.map(work, range(32))):
            assert results == [[number, turn] for turn in range(50)]


def test_a_connection_that_the_server_closed_meanwhile(peer, service, eventually):
    peer.answer = lambda request: request.socket.sendall(peer.hello(request))
    for number in range(5):
        assert service.call_method("x", [number]).result == [number]
        peer.wait_until(lambda: peer.open == 0)
    assert peer.accepted == 5


def test_a_failed_call_does_not_spoil_the_next(peer):
    release = threading.Event()

    def answer(request):
        if request.json["method"] == "hang":
            release.wait(30)
        return peer.hello(request)

    peer.answer = answer
    with RemoteService(peer.url, timeout=0.2) as service:
        with pytest.raises(TimeoutError):
            service.call_method("hang", ["late"])
        release.set()
        assert service.with_options(timeout=30).call_method("x", ["mine"]).result == ["mine"]


def test_options_make_a_view(peer):
    with RemoteService(peer.url, headers={"X-A": "1", "X-B": "1"}) as service:
        view = service.with_options(timeout=3, headers={"x-b": "2", "X-C": "2"})
        service.call_method("x")
        view.call_method("x")
        service.call_method("x")
        service.with_options().call_method("x")

    seen = [
        {name: request.headers.get(name) for name in ("x-a", "x-b", "x-c")}
        for request in peer.requests
    ]
    plain = {"x-a": "1", "x-b": "1", "x-c": None}
    assert seen == [plain, {"x-a": "1", "x-b": "2", "x-c": "2"}, plain, plain]
    assert peer.accepted == 1
    with pytest.raises(ServiceStateError, match="is closed"):
        view.call_method("x")


def test_a_view_of_a_subclass_is_one_too(peer):
    class Users(RemoteService):
        def __init__(self, url):
            super().__init__(url)
            self.role = "admin"

    with Users(peer.url) as users:
        view = users.with_options(timeout=1)
        assert isinstance(view, Users)
        assert view.role == "admin"


def test_a_closed_service_says_so(peer):
    service = RemoteService(peer.url)
    service.call_method("x")
    service.close()
    service.close()

    peer.wait_until(lambda: peer.open == 0)
    for call in (service.call_method, service.call_method_async, service.notify):
        with pytest.raises(ServiceStateError, match=f"RemoteService of {peer.url} is closed"):
            call("x")


def test_closing_while_calls_are_under_way(peer, eventually):
    release = threading.Event()

    def answer(request):
        release.wait(30)
        return peer.hello(request)

    peer.answer = answer
    service = RemoteService(peer.url)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(service.call_method, "x", [number]) for number in range(4)]
        peer.wait_until(lambda: len(peer.requests) == 4)
        service.close()
        release.set()
        assert [call.result().result for call in calls] == [[0], [1], [2], [3]]
    peer.wait_until(lambda: peer.open == 0)


@pytest.mark.parametrize("bypassed", [False, True])
def test_a_proxy_gets_whole_urls(peer, monkeypatch, bypassed, shown):
    monkeypatch.setenv("http_proxy", f"http://puser:hunter2@127.0.0.1:{peer.port}")
    if bypassed:
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        service = RemoteService(peer.url)
    else:
        service = RemoteService("http://user:pw@users.invalid/api?x=1")
    monkeypatch.delenv("http_proxy")  # the environment is read once

    with service:
        for number in range(3):
            assert service.call_method("x", [number]).result == [number]
    assert peer.accepted == 1
    [line] = {request.line for request in peer.requests}
    if bypassed:
        assert line == "POST /api HTTP/1.1"
        assert "proxy-authorization" not in peer.requests[0].headers
    else:
        assert line == "POST http://users.invalid/api?x=1 HTTP/1.1"
        assert peer.requests[0].headers["proxy-authorization"].startswith("Basic ")
        assert peer.requests[0].headers["authorization"].startswith("Basic ")


def test_a_proxy_that_is_away_does_not_show_its_password(closed_port, monkeypatch, shown):
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", f"http://puser:hunter2@127.0.0.1:{closed_port}")
        with (
            RemoteService(f"{scheme}://users.invalid/api") as service,
            pytest.raises(RemoteConnectionError) as caught,
        ):
            service.call_method("x")
        assert "hunter2" not in shown(caught.value)


def test_it_is_not_copied_or_pickled(service):
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="make one in each process"):
            attempt(service)


def run(script, *arguments):
    """Run a script in a fresh process, in which every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_connections_of_its_own(peer):
    script = """
import os, sys, warnings
from gemstone.client import RemoteService
service = RemoteService(sys.argv[1])
assert service.call_method("x", ["parent"]).result == ["parent"]
assert service.call_method_async("x", ["parent"]).result(wait=True).result == ["parent"]
warnings.simplefilter("ignore")  # newer Pythons warn of every fork beside threads
child = os.fork()
for number in range(20):
    who = ["parent" if child else "child", number]
    assert service.call_method("x", who).result == who
    assert service.call_method_async("x", who).result(wait=True).result == who
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print("both")
"""
    assert run(script, peer.url) == "both\n"
    children = {
        request.connection for request in peer.requests if "child" in request.json["params"][:1]
    }
    parents = {
        request.connection for request in peer.requests if "parent" in request.json["params"][:1]
    }
    assert children.isdisjoint(parents)


def test_an_unclosed_service_leaves_quietly(peer):
    script = """
import sys
from gemstone.client import RemoteService
service = RemoteService(sys.argv[1])
service.call_method("x")
service.call_method_async("x").result(wait=True)
print("done")
"""
    assert run(script, peer.url) == "done\n"


def test_a_dropped_service_closes_its_connections_and_threads(peer, eventually):
    import gc

    before = threading.active_count()
    service = RemoteService(peer.url)
    service.call_method("x")
    service.call_method_async("x").result(wait=True)
    del service
    gc.collect()
    peer.wait_until(lambda: peer.open == 0)
    eventually(lambda: threading.active_count() <= before)


def test_pending_calls_do_not_hold_the_interpreter(peer):
    """200 calls of up to 1 s, one after the other, would take minutes."""
    peer.answer = lambda request: peer.stopped.wait() and None
    script = """
import sys
from gemstone.client import RemoteService
from gemstone.errors import ServiceStateError
from gemstone.util import make_callbacks
service = RemoteService(sys.argv[1], timeout=1, max_connections=1)
calls = [service.call_method_async("x") for _ in range(200)]
errors = []
make_callbacks(calls, print, lambda error: errors.append(type(error).__name__))
import atexit
atexit.register(lambda: print(len(errors), *sorted(set(errors))))
"""
    assert run(script, peer.url) == "200 RemoteTimeoutError ServiceStateError\n"


def test_importing_the_client_is_light(peer):
    script = """
import sys
import gemstone.client, gemstone.client.structs, gemstone.util, gemstone.errors
heavy = {"requests", "urllib3", "asyncio", "ssl", "tornado", "concurrent.futures"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
service = gemstone.client.RemoteService(sys.argv[1])
assert "requests" in sys.modules
call = service.call_method_async("x")
call.result(wait=True)
service.call_method("x")
assert "asyncio" not in sys.modules
service.close()
print("light")
"""
    assert run(script, peer.url) == "light\n"
