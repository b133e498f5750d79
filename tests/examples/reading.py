"""Does what a page says: `test_docs` tells how."""

import contextlib
import http.client
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import types
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gemstone
from tools.brokers import free_ports

from .conftest import ROOT, Program
from .pages import Block, commands

#: Commands of the shell that set up what is there in a test.
SET_UP = {"mkdir", "cd", "python3", ".", "pip"}
#: Any other language is one that nobody checks.
LANGUAGES = {"python", "hidden", "sh", "json", "text", "toml", "javascript"}


GEMSTONE = str(Path(sys.executable).with_name("gemstone"))


def free_port() -> int:
    return free_ports(1)[0]


class Curl:
    """What a curl command sends."""

    def __init__(self, words: list[str]) -> None:
        self.verb = ""
        self.headers: dict[str, str] = {}
        self.body: bytes | None = None
        self.url = ""
        self.shows_head = False
        arguments = iter(words[1:])
        for word in arguments:
            if word in ("-X", "--request"):
                self.verb = next(arguments)
            elif word in ("-H", "--header"):
                name, _, value = next(arguments).partition(":")
                self.headers[name.strip()] = value.strip()
            elif word in ("-d", "--data"):
                self.body = next(arguments).encode()
            elif word in ("-i", "--include"):
                self.shows_head = True
            else:
                assert not word.startswith("-"), f"curl {word} is none that this test knows"
                self.url = word

    def send(self) -> str:
        scheme, _, rest = self.url.partition("://")
        host, _, path = rest.partition("/")
        assert scheme == "http", f"{self.url!r} is no URL of http"
        connection = http.client.HTTPConnection(host, timeout=30)
        with contextlib.closing(connection):
            verb = self.verb or ("GET" if self.body is None else "POST")
            connection.request(verb, f"/{path}", self.body, self.headers)
            response = connection.getresponse()
            body = response.read().decode()
        if not self.shows_head:
            return body
        first = f"HTTP/1.1 {response.status} {response.reason}"
        lines = [first, *(f"{name}: {value}" for name, value in response.getheaders())]
        return "\r\n".join([*lines, "", body])


def run_curl(words: list[str]) -> str:
    by_hand = Curl(words)
    if shutil.which("curl") is None:
        return by_hand.send()
    done = subprocess.run([words[0], "-sS", *words[1:]], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def assert_it_answers(port: int, endpoint: str = "/api") -> None:
    body = json.dumps({"jsonrpc": "2.0", "method": "no.such.method", "id": 1})
    headers = {"Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", endpoint, body, headers)
        answer = json.load(connection.getresponse())
    assert answer["error"]["code"] == gemstone.jsonrpc.METHOD_NOT_FOUND, answer


def _without_space(text: str) -> str:
    """The text, but for what ruff changes of a method that stands alone on a page."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


class Reader:
    """Does what a page says, from top to bottom."""

    def __init__(self, page: Path, folder: Path, stack: ExitStack) -> None:
        self._page = page
        self._folder = folder
        self._stack = stack
        self._module = types.ModuleType(f"page_{page.stem.replace('-', '_')}")
        self._module.__file__ = str(page)
        self._serving = stack.enter_context(ExitStack())
        self._port: int | None = None
        self._printed = ""
        self.done = 0
        sys.modules[self._module.__name__] = self._module
        stack.callback(sys.modules.pop, self._module.__name__)

    def read(self, block: Block) -> None:
        assert block.language in LANGUAGES, f"a block of {block.language!r} is checked by nobody"
        what, _, name = block.note.partition(" ")
        if what == "skip":
            assert re.match("because .", name), f"skip because of what? {block.note!r}"
            return
        if what == "file":
            (self._folder / name).write_text(block.text)
            return
        if what == "quote":
            quoted = _without_space(block.text)
            assert quoted in _without_space((ROOT / name).read_text()), f"{name} does not say so"
            return
        assert not what, f"a comment that says nothing to this test: {block.note!r}"
        self.done += 1
        getattr(self, f"_read_{block.language}")(block)

    def _read_python(self, block: Block) -> None:
        before = dict(vars(self._module))
        self._port_of_the_page_if_needed(block.text)
        text = block.text.replace("port = 8000", "port = 0").replace("port = 8001", "port = 0")
        # Blank lines before it make a traceback name the line on the page.
        code = compile("\n" * (block.line - 1) + self._here(text), str(self._page), "exec")
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(code, vars(self._module))
        self._printed = output.getvalue()
        for name, value in vars(self._module).items():
            if before.get(name) is not value and self._is_service_of_the_page(value):
                self._serve(value())

    _read_hidden = _read_python

    def _read_sh(self, block: Block) -> None:
        for words in commands(block.text):
            if words[0] == "curl":
                self._port_of_the_page_if_needed(block.text)
                self._printed = run_curl([self._here(word) for word in words])
            elif words[0] == "python":
                self._run(words[1:])
            elif words[0] == "gemstone":
                self._run_gemstone([self._here(word) for word in words[1:]])
            else:
                assert words[0] in SET_UP, f"{' '.join(words)!r} is a command that nobody checks"

    def _read_json(self, block: Block) -> None:
        answer, expected = json.loads(self._printed), json.loads(block.text)
        assert answer == expected, f"the answer is {answer}"

    def _read_text(self, block: Block) -> None:
        assert self._printed == block.text, f"it printed {self._printed!r}"

    def _here(self, text: str) -> str:
        """The text, with the port of the page's service."""
        port = 8000 if self._port is None else self._port
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{port}")

    def _is_service_of_the_page(self, value: object) -> bool:
        return (
            isinstance(value, type)
            and issubclass(value, gemstone.MicroService)
            and value.name is not None
            and value.__module__ == self._module.__name__
        )

    def _port_of_the_page_if_needed(self, text: str) -> None:
        if self._port is None and "127.0.0.1:8000" in text:
            hello_world: dict[str, Any] = {"__name__": "hello_world"}
            exec((ROOT / "examples" / "hello_world.py").read_text(), hello_world)
            self._serve(hello_world["HelloWorldService"]())

    def _serve(self, service: gemstone.MicroService) -> None:
        self._serving.close()
        service.port = 0
        self._serving.enter_context(service.start_in_thread())
        assert_it_answers(service.port, service.endpoint)
        self._port = service.port

    def _run(self, arguments: list[str]) -> None:
        if arguments[0].endswith(".py") and ".start()" in (self._folder / arguments[0]).read_text():
            self._serve_program(self._folder / arguments[0], *arguments[1:])
            return
        for file in self._folder.glob("*.py"):
            file.write_text(self._here(file.read_text()))
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        found = os.pathsep.join(str(Path(path).resolve()) for path in paths if path)
        done = subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": found, "PYTEST_ADDOPTS": "-p no:cacheprovider"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        self._printed = done.stdout

    def _run_gemstone(self, words: list[str]) -> None:
        if words[0] == "run":
            self._serving.close()
            port = self._port = free_port()
            arguments = [str(self._folder / words[1]), *words[2:], "--port", str(port)]
            self._serving.callback(self._end, Program(Path(GEMSTONE), port, "run", *arguments))
            return
        done = subprocess.run([GEMSTONE, *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        self._printed = done.stdout

    def _serve_program(self, path: Path, *arguments: str) -> None:
        self._serving.close()
        self._port = free_port()
        text = path.read_text()
        assert text.count("port = 8000") == 1, f"{path.name} does not listen on 8000"
        path.write_text(text.replace("port = 8000", f"port = {self._port}"))
        program = Program(path, self._port, *arguments)
        self._serving.callback(self._end, program)
        assert_it_answers(self._port)

    @staticmethod
    def _end(program: Program) -> None:
        code, output = program.end(signal.SIGINT)
        assert code == 0, output
