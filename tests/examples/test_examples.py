"""Every program of examples/ runs as it is, and is called as a client would call it."""

import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gemstone
from gemstone.discovery import ServiceRegistry
from gemstone.errors import RemoteCallError
from tools.waiting import until

from .conftest import ROOT, Program

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
#: Tested in test_first_look.py.
FIRST_LOOK = {"client.py", "hello_world.py"}


@pytest.fixture
def run(serve, tmp_path):
    """Starts an example on a free port, beside its pages and files; ends it by a signal."""
    running: list[Program] = []

    def start(name: str) -> Program:
        for folder in ("static", "templates"):
            shutil.copytree(ROOT / "examples" / folder, tmp_path / folder)
        running.append(serve((ROOT / "examples" / name).read_text()))
        return running[-1]

    yield start
    for program in running:
        code, output = program.end(signal.SIGTERM)
        assert code == 0, output
        assert "Traceback" not in output


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_each_is_short_and_tested(example):
    text = example.read_text()
    assert len(text.splitlines()) < 60
    assert example.name in FIRST_LOOK or f'run("{example.name}")' in Path(__file__).read_text()


def test_methods(run):
    url = run("methods.py").url

    with gemstone.RemoteService(url) as service:
        methods = service.methods
        assert methods.wait(0.01) == "waited 0.01 s in a thread"
        assert methods.wait_together(0.01) == "waited 0.01 s on the loop"
        assert methods.wait_elsewhere(0.01) == "waited 0.01 s beside the loop"
        assert methods.add(1) == 2
        assert methods.add(a=1, b=5) == 6
        assert methods.shapes.corners("square") == 4
        with pytest.raises(RemoteCallError, match="No such shape") as raised:
            methods.shapes.corners("circle")
        assert (raised.value.code, raised.value.data) == (1, {"known": ["square", "triangle"]})
    status, headers, answer = post(url, "remember", {"flavour": "sweet"})
    assert (status, answer["result"]) == (200, None)
    assert headers["Set-Cookie"] == "flavour=sweet; Path=/"


def test_modules(run):
    url = run("modules.py").url

    with gemstone.RemoteService(url) as service:
        assert service.methods.users.register("grace") == 1
        assert service.methods.users.register("ada") == 2
        assert service.methods.users.list() == ["ada", "grace"]
        deadline = time.monotonic() + 30
        while (statistics := service.methods.statistics())["beats"] < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert statistics["calls"]["users.register"] == 2


def test_plugins(run):
    program = run("plugins.py")

    with gemstone.RemoteService(program.url) as service:
        assert service.methods.greet("ada") == "hello ada"
        assert service.call_method("greet").error["code"] == -32602
        until(
            lambda: service.methods.statistics()["counts"].get("event greeted") == 1,
            what="the plugin has seen the event",
        )
        statistics = service.methods.statistics()
    assert (statistics["counts"]["greet"], statistics["counts"]["error -32602"]) == (1, 1)
    assert 0 < statistics["slowest"]["greet"] < 30
    code, output = program.end(signal.SIGTERM)
    assert code == 0
    entries = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert [(each["method"], each["code"]) for each in entries[:2]] == [
        ("greet", None),
        ("greet", -32602),
    ]


def test_durable_events(run, redis_server, monkeypatch):
    url = f"redis+stream{redis_server.url.removeprefix('redis')}"
    monkeypatch.setenv("GEMSTONE_EVENTS", url)
    program = run("durable_events.py")

    with gemstone.RemoteService(program.url) as service:
        for customer in ("ada", "", "grace"):
            assert service.methods.place("cup", customer) == "thank you"
        until(lambda: len(service.methods.list_invoiced()) == 2, what="two were invoiced")
        assert sorted(service.methods.list_invoiced()) == ["ada", "grace"]
    with gemstone.event.dead_letters(url) as letters:
        [letter] = until(lambda: letters.list(service="invoices"), what="one is a dead letter")
        assert letter.body == {"article": "cup", "customer": ""}
        assert letter.reason == "ValueError('attempt 3: to whom is cup sent?')"
        assert letters.purge(service="invoices") == 1
    code, output = program.end(signal.SIGTERM)
    assert code == 0
    assert output.count("Traceback") == 3  # one for each attempt, and no other
    program.end = lambda _: (0, "")


def test_configuration(run, tmp_path, monkeypatch):
    shutil.copy(ROOT / "examples" / "greeter.toml", tmp_path)
    monkeypatch.setenv("GREETER_GREETING", "hi")
    url = run("configuration.py").url

    with gemstone.RemoteService(url) as service:
        assert service.methods.greet("x" * 30) == f"hi {'x' * 20}"
        settings = service.methods.settings("s3cret")
        with pytest.raises(RemoteCallError, match="not the token"):
            service.methods.settings("")
    assert settings["greeting"] == "hi (from the environment variable GREETER_GREETING)"
    assert settings["max-length"].startswith("20 (from ")
    assert settings["api-token"].startswith("*** (from ")
    assert settings["host"] == "127.0.0.1 (from default)"


@pytest.mark.parametrize("broker", [None, "redis_server", "rabbitmq_server"])
def test_events(run, request, monkeypatch, broker):
    if broker is not None:
        monkeypatch.setenv("GEMSTONE_EVENTS", request.getfixturevalue(broker).url)
    url = run("events.py").url

    with gemstone.RemoteService(url) as service:
        for article in ("cup", "plate", "cup"):
            assert service.methods.place(article) == "thank you"
        until(
            lambda: service.methods.list_left() == {"cup": 8, "plate": 4},
            within=30,
            what="the stock has answered to all of the orders",
        )


@pytest.fixture
def registry() -> Iterator[Any]:
    """A registry of one's own."""
    registry = ServiceRegistry()
    registry.port, registry.drain_grace = 0, 0
    with registry.start_in_thread():
        registry.url = registry.accessible_at
        yield registry


@pytest.mark.parametrize("found_by", [None, "redis_server", "registry"])
def test_discovery(run, request, monkeypatch, found_by):
    if found_by is not None:
        monkeypatch.setenv("GEMSTONE_REGISTRY", request.getfixturevalue(found_by).url)
    url = run("discovery.py").url

    with gemstone.RemoteService(url) as service:
        greetings = [service.methods.welcome("ada") for _ in range(4)]
    assert all(each.startswith("hello ada, from port ") for each in greetings)
    assert greetings[:2] == greetings[2:]
    assert len(set(greetings)) == 2


def test_private_methods(run, tmp_path):
    url = run("private_methods.py").url

    command = [sys.executable, "-W", "error", str(tmp_path / "program.py"), "call"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    knocked, denied, opened = done.stdout.splitlines()
    assert (knocked, opened) == ("who is there?", "gold")
    assert "-32001" in denied
    for headers in ({}, {"X-Token": "wrong"}, {"X-Token": "é"}):
        assert post(url, "open_vault", **headers)[2]["error"]["code"] == -32001


def test_web_page(run):
    url = run("web_page.py").url
    site = url.removesuffix("/api")

    page = get(f"{site}/")
    assert "<h1>web_page_service</h1>" in page
    [endpoint] = re.findall(r'data-endpoint="(.*?)"', page)
    assert site + endpoint == url
    files = re.findall(r'(?:href|src)="(/.*?)"', page)
    assert files == ["/static/page.css", "/static/page.js"]
    style, script = (get(site + file) for file in files)
    assert "font-family" in style
    # What the page names is there.
    for name in re.findall(r'getElementById\("(.*?)"\)', script):
        assert f'id="{name}"' in page
    # What the browser sends for it.
    [media_type] = re.findall(r'"Content-Type": "(.*?)"', script)
    browser = {"Origin": site, "Sec-Fetch-Site": "same-origin", "Content-Type": media_type}
    assert post(url, "say_hello", {"name": "you"}, **browser)[2]["result"] == "hello you"


def post(url: str, method: str, params=None, **headers: str):
    """Calls a method by hand; gives the HTTP status, the headers and the answer."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or []}
    sent = {"Content-Type": "application/json", **headers}
    sent = {name: value.encode() for name, value in sent.items()}
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request("POST", f"/{path}", json.dumps(request), sent)
        response = connection.getresponse()
        return response.status, response.headers, json.load(response)
    finally:
        connection.close()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as response:
        return response.read().decode()
