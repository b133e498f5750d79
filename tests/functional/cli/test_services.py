"""``gemstone services``, ``gemstone registry``, ``gemstone version``; how all commands end."""

import json
import platform
import re
import subprocess
import sys
import time
import uuid

import pytest

from gemstone.discovery import HttpDiscoveryStrategy, RedisDiscoveryStrategy
from tools.waiting import until

from .terminal import CTRL_C

LONG = f"http://users.example.com:8000/{'a/very/' * 20}long/path"


@pytest.fixture
def registry(person):
    """The URL of a registry that knows three instances."""
    url = person.registry()
    strategy = HttpDiscoveryStrategy(url)
    for name, location in [
        ("users", "http://127.0.0.1:8001/api"),
        ("users", LONG),
        ("mails {red}/", "http://ada:hunter2@127.0.0.1:8002/api?token=hunter2"),
    ]:
        strategy.ping(name, location)
    strategy.close()
    return url


@pytest.mark.parametrize("columns", [80, 40])
def test_in_a_terminal(person, registry, columns):
    terminal = person.types("services", "--registry", registry, columns=columns)
    assert terminal.ends() == 0
    lines = [line.rstrip() for line in terminal.text.splitlines()]
    assert all(len(line) <= columns for line in lines)
    assert lines[0].split() == ["service", "location"]
    assert re.match(r"mails \{red\}/ +http://ada:\*\*\*@127", lines[2])
    # A long one goes on in the next lines, as a whole.
    assert LONG in "".join(line[12:].strip() for line in lines)
    assert "hunter2" not in terminal.text


def test_through_a_pipe(person, registry):
    done = person.runs("services", GEMSTONE_REGISTRY=registry)
    masked = "http://ada:***@127.0.0.1:8002/api?token=***"
    assert done.code == 0
    assert done.out.splitlines() == [
        f"mails {{red}}/\t{masked}",
        "users\thttp://127.0.0.1:8001/api",
        f"users\t{LONG}",
    ]
    done = person.runs("services", "--json", GEMSTONE_REGISTRY=registry)
    assert json.loads(done.out) == {
        "mails {red}/": [masked],
        "users": ["http://127.0.0.1:8001/api", LONG],
    }


@pytest.mark.once
def test_nobody_there(person):
    assert person.runs("services", "--registry", "memory://") == (0, "", "")
    assert person.runs("services", "--registry", "memory://", "--json").out == "{}\n"
    terminal = person.types("services", "--registry", "memory://")
    assert terminal.ends() == 0
    assert terminal.text == "memory:// knows no service now\r\n"


@pytest.mark.once
def test_of_redis(person, redis_server):
    name = f"people.{uuid.uuid4().hex}"
    strategy = RedisDiscoveryStrategy(redis_server.url)
    strategy.ping(name, "http://127.0.0.1:1/api")
    strategy.close()
    done = person.runs("services", "--registry", redis_server.url)
    assert f"{name}\thttp://127.0.0.1:1/api" in done.out.splitlines()


@pytest.mark.once
def test_a_registry_that_can_t_list(person, people):
    done = person.runs("services", "--registry", people.accessible_at)
    assert done.code == 3
    assert "can't list services: it has no method list_services" in done.err
    assert "see that the registry runs" not in done.err


STRANGER = """
import gemstone_core._cli, sys, time
from gemstone.discovery import BaseDiscoveryStrategy, register_discovery_strategy
from gemstone.errors import DiscoveryError

class Strange(BaseDiscoveryStrategy):
    @classmethod
    def from_url(cls, url):
        return cls()
    def ping(self, name, location): ...
    def locate(self, name):
        raise RuntimeError("pigeon://ada:hunter2@loft is away")
    def give_up(self):
        raise DiscoveryError("pigeon://ada:hunter2@loft is \\x1b[31mred")
    def services(self):
        return {answer}
    def close(self):
        raise RuntimeError("it can't be closed")

register_discovery_strategy("pigeon", Strange)
gemstone_core._cli.main()
"""


@pytest.mark.once
@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ("{'a': ('http://h/',)}", 0, "a\thttp://h/\n"),
        ("None", 3, "gave something else than URLs by name"),
        ("{'a': 'http://h/'}", 3, "gave something else than URLs by name"),
        ("{'a': [1]}", 3, "gave something else than URLs by name"),
        ("1 / 0", 3, "Strange can't be asked: ZeroDivisionError"),
        ("super().services()", 3, "Strange can't list services"),
        ("self.locate('')", 3, "RuntimeError: pigeon://ada:***@loft is away"),
        ("self.give_up()", 3, "Error: pigeon://ada:***@loft is \ufffd[31mred"),
        ("time.sleep(60)", 3, "Strange did not answer within 0.5 s"),
    ],
)
def test_strategies_of_others(person, answer, code, said):
    words = ["services", "--registry", "pigeon://loft", "--timeout", "0.5"]
    program = [sys.executable, "-c", STRANGER.replace("{answer}", answer), *words]
    began = time.monotonic()
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - began < 10


def test_a_registry_of_ones_own(person):
    terminal = person.types("registry", "--port", "random", "--time-to-live", "0.5")
    url = re.search(r"serves (http://\S+/api)", terminal.shows("/api"))[1]
    strategy = HttpDiscoveryStrategy(url)
    strategy.ping("users", LONG)
    assert strategy.services() == {"users": [LONG]}
    until(lambda: not strategy.services(), what="it has expired")
    strategy.close()
    terminal.presses(CTRL_C)
    assert terminal.ends() == 0


@pytest.mark.once
@pytest.mark.parametrize("words", [["--port", "x"], ["--port", "65536"], ["--time-to-live", "0"]])
def test_a_registry_that_can_t_be(person, words):
    done = person.runs("registry", *words)
    assert done.code == 2
    [line] = [line for line in done.err.splitlines() if line.startswith("Error: ")]
    option, value = words
    assert f"'{option}'" in line
    assert value in line


def test_versions(person):
    done = person.runs("version", "--json")
    versions = json.loads(done.out)
    assert versions["python"] == platform.python_version()
    assert {"gemstone", "gemstone-core", "gemstone-redis"} <= {*versions}
    terminal = person.types("version")
    assert terminal.ends() == 0
    assert dict(line.split() for line in terminal.text.splitlines()) == versions
    assert person.runs("--version").out == f"gemstone, version {versions['gemstone-core']}\n"


@pytest.mark.once
def test_help(person):
    terminal = person.types("--help")
    assert terminal.ends() == 0
    commands = re.findall(r"^  (\w+)  +\S.*\.$", terminal.text.replace("\r", ""), re.MULTILINE)
    assert commands == [
        *("run", "call", "call_raw", "services", "emit", "listen"),
        *("dead_letters", "forget", "registry", "version"),
    ]
    for command in commands:
        done = person.runs(command, "--help")
        assert done.code == 0
        assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.once
def test_a_closed_pipe_ends_it_quietly(person, registry):
    process = person.starts("services", "--registry", registry)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(30) == 141


@pytest.mark.once
def test_completion(person):
    done = person.runs(
        _GEMSTONE_COMPLETE="bash_complete", COMP_WORDS="gemstone cal", COMP_CWORD="1"
    )
    assert done.out.split() == ["plain,call", "plain,call_raw"]


def test_it_starts_without_what_it_does_not_need(person):
    code = (
        "import sys, gemstone_core._cli._group\n"
        "print([name for name in ('rich', 'requests', 'redis', 'pika') if name in sys.modules])"
    )
    program = [sys.executable, "-c", code]
    assert subprocess.run(program, capture_output=True, text=True, timeout=60).stdout == "[]\n"
