"""The command ``gemstone`` as a person uses it: a program, in a terminal or through a pipe."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import gemstone
from gemstone.discovery import ServiceRegistry

from .terminal import Terminal

GEMSTONE = str(Path(sys.executable).with_name("gemstone"))
#: What the person who runs the tests may have set.
_OF_OTHERS = ("GEMSTONE_", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLUMNS", "LINES", "TTY_")


class Done(NamedTuple):
    """How a program has ended, and what it has printed."""

    code: int
    out: str
    err: str


class People(gemstone.MicroService):
    """What the tests call."""

    name = "people"
    port = 0
    drain_grace = 0

    def __init__(self):
        super().__init__()
        self.arrived = threading.Event()
        self.goes_on = asyncio.Event()

    @gemstone.exposed_method()
    def echo(self, *words, **named):
        return {**named} or [*words]

    @gemstone.exposed_method()
    def find(self, name):
        raise gemstone.RpcError(404, f"there is no {name}", {"name": name})

    @gemstone.exposed_method()
    def fail(self):
        raise gemstone.RpcError(1, "\x1b[31mred\nalert")

    @gemstone.exposed_method()
    def say(self, name):
        return f"hello {name}"

    @gemstone.exposed_method()
    def nest(self, depth):
        nested = None
        for _ in range(depth):
            nested = [nested]
        return nested

    @gemstone.exposed_method()
    async def wait(self):
        self.arrived.set()
        await self.goes_on.wait()

    @gemstone.exposed_method(private=True)
    def secret(self):
        return 42

    def authenticate_request(self, handler):
        return handler.request.headers.get("X-Token") == "hunter2"


class Person:
    """Somebody who uses the command."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self.folder = folder
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(_OF_OTHERS)
        }
        self.environment |= {
            "PYTHONWARNINGS": "error",
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
        }

    def runs(self, *words: str, stdin: str = "", **variables: str) -> Done:
        """Runs ``gemstone`` through pipes, to its end."""
        done = subprocess.run(
            [GEMSTONE, *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
            env={**self.environment, **variables},
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def types(self, *words: str, columns: int = 80, **variables: str) -> Terminal:
        """Starts ``gemstone`` in a terminal, which ends with the test."""
        environment = {**self.environment, **variables}
        terminal = Terminal([GEMSTONE, *words], self.folder, environment, columns)
        self._stack.callback(terminal.close)
        return terminal

    def starts(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Starts ``gemstone`` through pipes; it is killed with the test."""
        process = subprocess.Popen(
            [GEMSTONE, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**self.environment, **variables},
        )

        def end() -> None:
            process.kill()
            process.communicate()

        self._stack.callback(end)
        return process

    def serves(self, service: Any) -> Any:
        """Starts a service in this process, which ends with the test."""
        return self._stack.enter_context(service.start_in_thread())

    def registry(self) -> str:
        """Starts a registry, which ends with the test; its URL."""
        registry = type("Registry", (ServiceRegistry,), {"port": 0, "drain_grace": 0})()
        return self.serves(registry).accessible_at


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with ExitStack() as stack:
        yield Person(stack, tmp_path)


@pytest.fixture
def people(person: Person) -> People:
    """A service that runs."""
    return person.serves(People())


@pytest.fixture
def make_people() -> Callable[..., People]:
    """Makes a service with other attributes."""
    return lambda **attributes: type("People", (People,), attributes)()
