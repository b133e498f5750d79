"""The manual of 0.12: each of its code blocks runs, and does what the manual says of it.

What a block leaves out ("# ...", a name, an import) comes from a subclass, or from names that it
finds. So nothing is changed in it but addresses, and what is wrong in the manual: `manual.WRONG`.
"""

import ast
import importlib.metadata
import json
import logging
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

import gemstone
from tools.waiting import until

from .conftest import ROOT, Program
from .manual import PLACES, WRONG, called, corrected, run, said, serving
from .pages import commands
from .reading import run_curl


def run_program(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end."""
    return subprocess.run(
        [sys.executable, "-W", "error", path.name, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=path.parent,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
    )


class TestInstallation:
    @pytest.mark.parametrize("words", [*commands(said("Installation"))], ids=" ".join)
    def test_what_pip_is_told_to_install_is_offered(self, words):
        """The packaging tests install these from wheels; here it is what the metadata say."""
        requirement = re.fullmatch(r"gemstone(?:\[(\w+)\])?", words[2])
        assert words[:2] == ["pip", "install"]
        assert requirement is not None
        metadata = importlib.metadata.metadata("gemstone")
        if extra := requirement[1]:
            assert extra in metadata.get_all("Provides-Extra", [])
            needed = [
                each.partition("==")[0]
                for each in metadata.get_all("Requires-Dist", [])
                if f'extra == "{extra}"' in each.replace("'", '"')
            ]
            assert needed == [f"gemstone-{extra}"]


class TestFirstLook:
    @pytest.fixture
    def hello_world(self, tmp_path, free_port) -> Iterator[Callable[..., str]]:
        """Runs hello_world.py as the manual says, on a free port; gives its address."""
        programs: list[Program] = []

        def start(*lines: str) -> str:
            [[python, file]] = commands(said("First look: running it"))
            assert python == "python"
            port = "\n    ".join([f"port = {free_port}", *lines])
            path = tmp_path / file
            path.write_text(said("First look: the service", ("port = 8000", port)))
            programs.append(Program(path, free_port))
            return f"localhost:{free_port}"

        yield start
        for program in programs:
            code, output = program.end(signal.SIGINT)
            assert code == 0, output

    def call(self, address: str) -> tuple[str, Any]:
        """Sends the call; gives the head of the answer and its body."""
        [words] = commands(said("First look: the call", ("localhost:8000", address)))
        head, _, body = run_curl(words).partition("\r\n\r\n")
        return head, json.loads(body)

    def test_the_call_is_answered_strictly(self, hello_world):
        head, body = self.call(hello_world())

        assert head.startswith("HTTP/1.1 200 OK\r\n")
        assert "\r\nContent-Type: application/json" in head
        assert body == json.loads(corrected("First look: the answer"))

    def test_with_legacy_responses_the_answer_is_word_for_word(self, hello_world):
        _, body = self.call(hello_world("legacy_responses = True"))

        assert body == json.loads(said("First look: the answer"))


class TestRpc:
    def test_the_implementation(self):
        of = run(said("RPC: the implementation"))["MyMicroService"]

        assert of.name == "hello_world_service"
        with called(of, name=of.name) as service:
            answer = service.call_method("nothing")
        assert answer.error["code"] == gemstone.jsonrpc.METHOD_NOT_FOUND

    def test_a_public_method(self):
        with called(run(said("RPC: a public method"))["MyMicroService"]) as service:
            assert service.methods.say_hello("world") == "hello world"
            assert service.methods.say_hello(world="all") == "hello all"

    @pytest.mark.once  # it takes 3 s, as it says
    def test_a_coroutine(self):
        """It may wait for what blocks, in the executor: meanwhile the loop answers others."""
        of = run(corrected("RPC: a coroutine"), time=time)["MyMicroService"]
        with called(of) as service:
            later = service.call_method_async("say_hello_coroutine", ("world",))
            assert service.call_method("nothing").error is not None
            assert not later.finished()
            assert later.result(wait=True).result == "hello world"

    def test_a_coroutine_as_the_manual_has_it(self):
        of = run(said("RPC: a coroutine"), time=time)["MyMicroService"]
        with called(of, debug=True) as service:
            error = service.call_method("say_hello_coroutine", ("world",)).error
        assert error is not None
        assert error["code"] == gemstone.jsonrpc.INTERNAL_ERROR
        assert "object has no attribute 'submit'" in json.dumps(error)

    def test_another_name(self):
        with called(run(said("RPC: another name"))["MyMicroService"]) as service:
            assert service.call_method("myservice.say_hello", ["world"]).result == "hello world"
            answer = service.call_method("ugly_name", ["world"])
        assert answer.error["code"] == gemstone.jsonrpc.METHOD_NOT_FOUND

    def test_another_microservice(self, capsys):
        of = run(said("RPC: a public method"))["MyMicroService"]
        with serving(of) as service:
            there = ("http://10.0.0.1:8000/api", service.accessible_at)
            names = run(said("RPC: another microservice", there))
        names["remote_service"].close()
        assert capsys.readouterr().out == "hello world\n"


class TestEvents:
    @pytest.fixture
    def of(self, redis_server, own_redis) -> type:
        """The service with its two transports, to two brokers."""
        here = ("redis://127.0.0.1:6379/0", redis_server.url)
        elsewhere = ("redis://redis.example.com:6379/0", own_redis().url)
        return run(said("Events: transports", here, elsewhere))["ExampleService"]

    def test_what_is_published_goes_through_all_transports_to_the_handler(self, of, caplog):
        method = run(said("Events: publishing"))["some_method"]
        handler = run(said("Events: a handler"))["my_event_handler"]
        got = "Received event: {'message': 'hello there'}"
        caplog.set_level(logging.INFO)

        with (
            serving(of, name="handler", my_event_handler=handler) as handling,
            called(of, name="emitter", some_method=method) as emitting,
        ):
            until(
                lambda: all(each.connected_since for each in handling.event_status()),
                what="both transports are connected",
            )
            assert emitting.methods.some_method() is None
            until(lambda: caplog.messages.count(got) == 2, what="each broker brought the event")
        logged = [each.name for each in caplog.records if each.getMessage() == got]
        assert logged == ["gemstone.service.handler"] * 2

    def test_every_event_is_published(self, of):
        """The other event of the block has no handler in the manual."""
        names: list[str] = []
        method = run(said("Events: publishing"))["some_method"]

        @gemstone.event_handler("method_calls")
        def on_call(self, event_body):
            names.append(event_body["method"])

        with serving(of, some_method=method, on_call=on_call) as service:
            until(
                lambda: all(each.connected_since for each in service.event_status()),
                what="both transports are connected",
            )
            with gemstone.RemoteService(service.accessible_at) as remote:
                remote.methods.some_method()
            until(lambda: names == ["some_method"] * 2, what="each broker brought the event")

    def test_rabbitmq_as_the_reference_calls_it(self, rabbitmq_server):
        """Host, port, user and password, and an option of pika's."""
        url = urlsplit(rabbitmq_server.url)
        transport = gemstone.event.RabbitMqEventTransport(
            host=rabbitmq_server.host,
            port=rabbitmq_server.port,
            username=unquote(url.username or ""),
            password=unquote(url.password or ""),
            virtual_host=unquote(url.path[1:]) or "/",
        )
        event, got = f"manual.{uuid.uuid4()}", queue.SimpleQueue[object]()

        @gemstone.event_handler(event)
        def on_event(self, event_body):
            got.put(event_body)

        transports = [transport]
        with serving(gemstone.MicroService, event_transports=transports, on=on_event) as service:
            until(lambda: service.event_status()[0].connected_since, what="it is connected")
            service.emit_event(event, {"a": [1]})
            assert got.get(timeout=30) == {"a": [1]}


class TestDiscovery:
    @pytest.fixture
    def of(self, redis_server) -> type:
        there = ("redis://registry.example.com:6379/0", redis_server.url)
        return run(said("Discovery: strategies", there))["ExampleService"]

    def test_a_service_is_found_by_its_name(self, of):
        @gemstone.exposed_method()
        def find_user(self, username):
            return {"username": username, "id": 7}

        with (
            serving(of, name="user_manager_service", find_user=find_user) as users,
            serving(of) as service,
        ):
            until(lambda: service.get_service(users.name), what="the service is registered")
            names = run(said("Discovery: using it"), self=service)

            assert isinstance(names["remote_service"], gemstone.RemoteService)
            assert names["res"].result == {"username": "example", "id": 7}

    def test_a_service_that_is_not_there(self, of):
        nobody = ("user_manager_service", f"nobody-{uuid.uuid4()}")
        with (
            serving(of) as service,
            pytest.raises(RuntimeError, match="Service could not be located"),
        ):
            run(said("Discovery: using it", nobody), self=service)


class TestConfiguration:
    PROGRAM = """
import json
import gemstone
from gemstone.discovery import RedisDiscoveryStrategy

{block}

class Service(ExampleService):
    name = {name!r}
    drain_grace = 0

    @gemstone.exposed_method()
    def told(self):
        return [show(each) for each in (self, other, Service, gemstone.MicroService)]

def show(of):
    strategies = [type(each).__name__ for each in of.discovery_strategies]
    return [of.port, of.host, of.accessible_at, strategies]

service, other = Service(), Service()
"""

    @pytest.fixture
    def program(self, tmp_path) -> Callable[..., Path]:
        """Writes a program around a block, with an end of its own."""

        def write(block: str, end: str, name: str = "manual") -> Path:
            path = tmp_path / "service.py"
            path.write_text(self.PROGRAM.format(block=block, name=name) + end)
            return path

        return write

    def test_configurators(self, program):
        """The command line sets what is configurable by default."""
        end = "service.configure(); print(json.dumps(service.told()))"
        done = run_program(
            program(said("Configuration: configurators"), end),
            "--port=8080",
            "--host=localhost",
            "--accessible_at=http://example.com/api",
        )
        assert done.returncode == 0, done.stderr
        mine, *others = json.loads(done.stdout)
        assert mine == [8080, "localhost", "http://example.com/api", []]
        assert others == [[8000, "127.0.0.1", None, []]] * 3

    def test_nothing_is_configured_unless_configure_is_called(self, program):
        end = "service.start_in_thread().stop(); print(service.port)"
        path = program(said("Configuration: configurators"), f"service.port = 0; {end}")
        done = run_program(path, "--port=1")
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 1

    def test_configurables(self, program, redis_server, free_port):
        """All four, in a process that serves: they reach that one instance, and are used."""
        from gemstone.discovery import RedisDiscoveryStrategy

        name = f"manual-{uuid.uuid4()}"
        path = program(
            said("Configuration: configurables"), "service.configure(); service.start()", name
        )
        registries = [f"{redis_server.url.rpartition('/')[0]}/{number}" for number in (1, 2)]
        accessible_at = f"http://127.0.0.1:{free_port}/api?manual"
        serving = Program(
            path,
            free_port,
            f"--port={free_port}",
            "--host=localhost",
            f"--accessible_at={accessible_at}",
            f"--discovery_strategies={','.join(registries)}",
        )
        try:
            with gemstone.RemoteService(serving.url) as service:
                mine, *others = service.methods.told()
            for url in registries:
                registry = RedisDiscoveryStrategy(url)
                until(
                    lambda registry=registry: registry.locate(name) == [accessible_at],
                    what="the service is registered",
                )
        finally:
            code, output = serving.end(signal.SIGTERM)
        assert code == 0, output
        assert mine == [free_port, "localhost", accessible_at, ["RedisDiscoveryStrategy"] * 2]
        assert others == [[8000, "127.0.0.1", None, []]] * 3

    def values(self, text: str) -> list[Any]:
        """What the expressions of a block give."""
        from gemstone.config import Configurable

        names: dict[str, Any] = {"Configurable": Configurable}
        values = []
        for node in ast.parse(text).body:
            if isinstance(node, ast.Expr):
                values.append(eval(ast.unparse(node), names))
            else:
                exec(ast.unparse(node), names)
        return values

    def test_configurable(self):
        set_to, doubled, _, listed = self.values(corrected("gemstone.config: Configurable"))
        assert (set_to, doubled, listed) == (None, "1010", [1, 2, 3, 4, 5])

    def test_configurable_as_the_manual_has_it(self):
        *_, listed = self.values(said("gemstone.config: Configurable"))
        assert listed == "1,2,3,4,5" * 2

    ABC = """
class ExampleService(gemstone.MicroService):
    configurables = [gemstone.config.Configurable(each) for each in "abc"]
"""

    def test_the_usage(self, program):
        """Spaces aside, which the manual has lost."""
        done = run_program(program(self.ABC, "service.configure()"), "--help")

        usage = corrected("gemstone.config: the usage of CommandLineConfigurator")
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == usage.split()

    def test_the_call(self, program):
        [[python, file, *arguments]] = commands(said("gemstone.config: calling service.py"))
        path = program(self.ABC, "service.configure(); print(service.a, service.b, service.c)")
        done = run_program(path, *arguments)

        assert (python, file) == ("python", path.name)
        assert (done.returncode, done.stdout) == (0, "1 2 3\n"), done.stderr


class TestClient:
    """What the reference says of calls, on a real service; it has no blocks of its own."""

    @pytest.fixture
    def may_end(self) -> Iterator[threading.Event]:
        may_end = threading.Event()
        yield may_end
        may_end.set()

    @pytest.fixture
    def service(self, may_end) -> Iterator[gemstone.RemoteService]:
        class Service(gemstone.MicroService):
            @gemstone.exposed_method()
            def wait(self):
                assert may_end.wait(30)
                return "waited"

            @gemstone.exposed_method()
            def fail(self):
                raise OSError("no")

        with called(Service) as service:
            yield service
            may_end.set()

    def test_a_notification_waits_for_no_answer_and_for_no_error(self, service):
        assert service.notify("wait") is None
        assert service.notify(gemstone.Notification("fail")) is None
        assert service.notify("nothing", {"a": 1}) is None

    def test_an_asynchronous_call_and_its_result(self, service, may_end):
        call = service.call_method_async(gemstone.MethodCall("wait"))
        with pytest.raises(RuntimeError, match="not finished"):
            call.result()
        may_end.set()
        assert call.result(wait=True).result == "waited"
        assert call.result().result == "waited"

    def test_a_call_that_could_not_be_made_raises_again(self, service):
        call = service.with_options(timeout=0.01).call_method_async("wait")
        for _ in range(2):
            with pytest.raises(gemstone.errors.RemoteTimeoutError):
                call.result(wait=True)

    def test_a_single_request_gives_the_raw_answer(self, service, may_end):
        may_end.set()
        answer = service.handle_single_request(gemstone.MethodCall("wait", id="a"))
        assert answer == {"jsonrpc": "2.0", "result": "waited", "id": "a"}


class TestUtil:
    def test_as_completed(self, capsys):
        class Service(gemstone.MicroService):
            @gemstone.exposed_method()
            def do_stuff(self, x):
                return x * x

        with called(Service) as service:
            calls = run(said("gemstone.util: as_completed"), service=service)["async_calls"]

        lines = capsys.readouterr().out.splitlines()
        assert sorted(lines) == sorted(
            f"just finished with result  {each.result()}" for each in calls
        )
        assert [each.result().result for each in calls] == [x * x for x in range(25)]


def test_every_block_has_a_test():
    """And there are as many as in the manual: 24 there, 3 of which continue the one before."""
    here = Path(__file__).read_text()
    assert len(PLACES) == 21
    for place in PLACES:
        assert re.search(rf'(said|corrected)\(\s*"{re.escape(place)}"', here), place


def test_what_is_wrong_is_told():
    """Who knows the manual finds in the docs what is wrong in it, and what to write instead."""
    told = (ROOT / "docs" / "upgrading.md").read_text()
    for changes in WRONG.values():
        for old, new in changes:
            assert old.split(" #")[0].strip(", ") in told
            assert new.split(" #")[0].strip(", ") in told
