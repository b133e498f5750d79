"""``request_log``: what it writes, as others read it from real processes."""

import http.client
import json
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest

import gemstone
from gemstone.errors import ServiceConfigurationError
from gemstone.plugins import RequestLog
from tools.waiting import until

PROGRAM = """
import logging, sys
import gemstone
from gemstone.plugins import RequestLog

class Shop(gemstone.MicroService):
    name = "shop"
    port = 0
    drain_grace = 0
    plugins = ["request_log"]

    def on_service_start(self):
        print(self.port, flush=True)

    @gemstone.exposed_method()
    async def add(self, a, b=0):
        return a + b

    @gemstone.exposed_method()
    def refuse(self, reason):
        raise gemstone.RpcError(7, reason, data="secret")

    @gemstone.exposed_method()
    async def fail(self):
        raise LookupError("secret")

{main}
"""
MAIN = "Shop().start()"


class Program:
    """The service in a process of its own."""

    def __init__(self, main: str, **options) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM.format(main=textwrap.dedent(main))],
            stdout=subprocess.PIPE,
            text=True,
            **{"stderr": subprocess.PIPE} | options,
        )
        self.port = int(self.process.stdout.readline())
        url = f"http://127.0.0.1:{self.port}/api"
        self.remote = gemstone.RemoteService(url)
        until(self._answers, what="the service answers")

    def _answers(self) -> bool:
        try:
            self.remote.call_method("add", ["secret", "!"])
        except gemstone.errors.RemoteConnectionError:
            return False
        return True

    def end(self) -> tuple[int, str, str]:
        """Its exit code, and what it has written to stdout and stderr."""
        self.remote.close()
        self.process.send_signal(signal.SIGTERM)
        output, errors = self.process.communicate(timeout=30)
        return self.process.returncode, output, errors

    def close(self) -> None:
        self.remote.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    programs: list[Program] = []

    def begin(main: str = MAIN, **options) -> Program:
        programs.append(Program(main, **options))
        return programs[-1]

    yield begin
    for program in programs:
        program.close()


def entries(errors: str) -> list[dict]:
    """The lines of the log of calls; no line has anything beside the JSON."""
    # As strict as readers can be: str.splitlines() ends a line at more than "\n".
    return [json.loads(line) for line in errors.splitlines() if line.startswith("{")]


def test_each_call_is_one_line_beside_the_log_of_the_service(start):
    program = start()
    before = datetime.now(UTC)
    post(program, {"method": "add", "params": ["secret", "!"], "id": "a"})
    post(program, {"method": "add", "params": [1]})
    post(program, {"method": "add", "params": {"secret": 1}, "id": 2})
    post(program, {"method": "missing", "id": None})
    post(program, {"method": "refuse", "params": ["No"], "id": 4.5})
    post(program, {"method": "fail", "id": 5})
    post(program, [{"method": "add", "params": [1], "id": n} for n in (6, 7)])
    code, _, errors = program.end()
    assert code == 0
    _, *logged = entries(errors)
    for entry in logged:
        assert list(entry) == [
            "time", "service", "method", "id", "notification", "peer", "code", "error",
            "milliseconds", "result_bytes",
        ]  # fmt: skip
        assert entry["service"] == "shop"
        assert entry["peer"] == "127.0.0.1"
        time = datetime.fromisoformat(entry["time"])
        assert -1 < (time - before).total_seconds() < 60
        assert 0 <= entry["milliseconds"] < 30_000
        assert entry["notification"] == (entry["id"] is None and entry["method"] == "add")
    shown = ("method", "id", "code", "error", "result_bytes")
    assert sorted((tuple(entry[name] for name in shown) for entry in logged), key=str) == sorted(
        [
            ("add", "a", None, None, len('"secret!"')),
            ("add", None, None, None, 1),
            ("add", 2, -32602, "Invalid params", 0),
            ("missing", None, -32601, "Method not found", 0),
            ("refuse", 4.5, 7, "No", 0),
            ("fail", 5, -32603, "Internal error", 0),
            ("add", 6, None, None, 1),
            ("add", 7, None, None, 1),
        ],
        key=str,
    )
    assert not any("secret" in line for line in errors.splitlines() if line.startswith("{"))
    assert re.search(r"INFO gemstone\.service\.shop: shop serves http", errors)


def post(program: Program, message) -> None:
    """Sends a request, or a batch, just so."""
    members = message if isinstance(message, list) else [message]
    for member in members:
        member["jsonrpc"] = "2.0"
    body = json.dumps(message).encode()
    send(program.port, body)


def send(port: int, body: bytes) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("POST", "/api", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 200


NASTY = 'a"\n{"forged": 1}\r\u2028\u2029\x85\x1b[2J\x00\x7f\ud83d\ude00 é'


def test_whatever_a_client_sends_stays_in_its_line_and_is_cut(start):
    program = start()
    bodies = [
        {"method": NASTY, "id": NASTY},
        {"method": "m" * 100_000, "id": "i" * 100_000},
        {"method": "refuse", "params": ["n" * 100_000], "id": 10**1000},
    ]
    for body in bodies:
        post(program, body)
    number = b"1" * 10_000
    send(program.port, b'{"jsonrpc": "2.0", "method": "add", "params": [1], "id": %s}' % number)
    _, _, errors = program.end()
    _, nasty, long, number, huge = entries(errors)
    assert (
        nasty["method"] == nasty["id"] == NASTY.encode("utf-16", "surrogatepass").decode("utf-16")
    )
    assert long["method"] == "m" * 200 + "…"
    assert long["id"] == "i" * 200 + "…"
    assert number["id"] == f"1{'0' * 199}…"
    assert number["error"] == "n" * 200 + "…"
    assert huge["id"] == "1" * 200 + "…"
    for line in errors.splitlines():
        assert line.isascii()
        assert line.isprintable()
        assert len(line) < 3000


def test_many_clients_at_once_leave_whole_lines(start, tmp_path):
    path = tmp_path / "stderr"
    with path.open("w") as stream:
        program = start(stderr=stream)

        def load(client: int) -> None:
            with gemstone.RemoteService(f"http://127.0.0.1:{program.port}/api") as remote:
                calls = [
                    gemstone.MethodCall("add", [client], id=f"{client}-{n}") for n in range(100)
                ]
                assert remote.call_batch(*calls)
                for n in range(20):
                    assert remote.call_method("refuse", [f"{client}"]).error["code"] == 7, n

        with ThreadPoolExecutor(8) as clients:
            list(clients.map(load, range(8)))
        assert program.end()[0] == 0
    text = path.read_text()
    logged = entries(text)
    assert len(logged) == 1 + 8 * 120
    assert len({entry["id"] for entry in logged if "-" in str(entry["id"])}) == 800
    assert text.count("{") == len(logged)


def test_a_stderr_that_is_closed_disturbs_no_call(start):
    reading, writing = os.pipe()
    program = start(stderr=writing)
    os.close(writing)
    os.close(reading)
    for n in range(50):
        assert program.remote.call_method("add", [n]).result == n
    assert program.end()[0] == 0


def test_it_goes_through_the_handlers_of_its_logger(start):
    main = """
    class Fields(logging.Formatter):
        def format(self, record):
            return f"{record.name} {record.levelname} {record.method} {record.result_bytes}"

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Fields())
    logging.getLogger("gemstone.access").addHandler(handler)
    logging.getLogger("gemstone.access").setLevel("INFO")
    logging.getLogger("gemstone.access").propagate = False
    Shop().start()
    """
    program = start(main)
    _, output, errors = program.end()
    assert output == "gemstone.access INFO add 9\n"
    assert not entries(errors)


def test_a_logger_of_that_name_is_left_alone(start):
    main = """
    logging.basicConfig(format="MINE %(name)s %(message)s", level="INFO")
    Shop.plugins = [RequestLog(logger="shop.calls")]
    Shop().start()
    """
    program = start(main)
    _, _, errors = program.end()
    (line,) = [line for line in errors.splitlines() if "shop.calls" in line]
    assert json.loads(line.removeprefix("MINE shop.calls "))["method"] == "add"


def test_two_services_of_one_class_log_each_of_their_calls_once(capsys):
    class Shop(gemstone.MicroService):
        name = "shop"
        port = 0
        drain_grace = 0
        plugins = [RequestLog()]

    first, second = Shop(), Shop()
    for _ in range(2):
        with first.start_in_thread():
            with second.start_in_thread():
                call(first)
                call(second)
            call(first)
    logged = entries(capsys.readouterr().err)
    assert [entry["code"] for entry in logged] == [-32601] * 6
    access = logging.getLogger("gemstone.access")
    assert (access.handlers, access.propagate) == ([], True)


def call(service):
    with gemstone.RemoteService(service.accessible_at) as remote:
        remote.call_method("missing")


def test_a_subclass_may_add_to_it(capsys):
    class Loud(RequestLog):
        name = "loud"

        def on_method_return(self, jsonrpc_request, outcome):
            if outcome.error is not None:
                super().on_method_return(jsonrpc_request, outcome)

    service = type("Shop", (gemstone.MicroService,), {"name": "shop", "plugins": [Loud()]})()
    service.port = service.drain_grace = 0
    with service.start_in_thread():
        call(service)
    assert len(entries(capsys.readouterr().err)) == 1


@pytest.mark.parametrize("logger", [5, b"a", logging.getLogger("a")])
def test_a_logger_is_named(logger):
    with pytest.raises(TypeError, match="logger is the name of a logger, not"):
        RequestLog(logger=logger)


def test_it_is_a_plugin_like_any_other():
    with pytest.raises(ServiceConfigurationError):
        type("Shop", (gemstone.MicroService,), {"name": "shop", "plugins": "request_log"})()
