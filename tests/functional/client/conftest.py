"""A scripted peer: an HTTP server on a real socket, that answers whatever a test tells it to."""

import json
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gemstone.client import RemoteService

TLS_FILE = Path(__file__).with_name("tls.pem")


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes
    connection: int
    socket: socket.socket

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def http_answer(body: bytes | str, status: str = "200 OK", *headers: str) -> bytes:
    body = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def hello(request: Request) -> bytes:
    """What a service with one method answers, to a call, a notification or a batch."""

    def reply(call: Any) -> Any:
        return {"jsonrpc": "2.0", "result": call.get("params"), "id": call["id"]}

    if isinstance(request.json, list):
        replies = [reply(call) for call in request.json if "id" in call]
        return http_answer(json.dumps(replies) if replies else "")
    return http_answer(json.dumps(reply(request.json)) if "id" in request.json else "")


class Peer:
    """Answers each request by `answer(request)`: bytes to send, or None to close; and each probe
    (HEAD) by `answer_probe`."""

    http = staticmethod(http_answer)
    hello = staticmethod(hello)

    def __init__(self, tls: bool = False, port: int = 0) -> None:
        self.answer: Callable[[Request], bytes | None] = hello
        self.answer_probe: Callable[[Request], bytes | None] = self.says("users")
        self.greeting = b""  # sent before any request is read
        self.requests: list[Request] = []
        self.probes: list[Request] = []
        self.accepted = 0
        self.open = 0
        self.stopped = threading.Event()
        self._changed = threading.Condition()
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(TLS_FILE)
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/api"
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def says(self, name: str) -> Callable[[Request], bytes | None]:
        """An answer to probes, with the name of the service."""
        return lambda request: http_answer("", "405 Not allowed", f"Gemstone-Service: {name}")

    def replies(self, reply: Any, status: str = "200 OK", *headers: str) -> None:
        """Answer everything with this body: bytes or text as they are, other things as JSON,
        where "ID" stands for the id of the call."""

        def answer(request: Request) -> bytes:
            if isinstance(reply, bytes | str):
                return http_answer(reply, status, *headers)
            body = request.json
            id = json.dumps(body.get("id") if isinstance(body, dict) else None)
            return http_answer(json.dumps(reply).replace('"ID"', id), status, *headers)

        self.answer = answer

    def wait_until(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, timeout=30)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self.accepted += 1
                self.open += 1
                number = self.accepted
                self._sockets.append(connection)
                self._changed.notify_all()
            thread = threading.Thread(target=self._serve, args=(connection, number))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._sockets.append(connection)
            with connection, connection.makefile("rb") as stream:
                connection.sendall(self.greeting)
                while (request := self._read(stream, connection, number)) is not None:
                    is_probe = request.line.startswith("HEAD ")
                    with self._changed:
                        (self.probes if is_probe else self.requests).append(request)
                        self._changed.notify_all()
                    answer = (self.answer_probe if is_probe else self.answer)(request)
                    if answer is None:
                        return
                    connection.sendall(answer)
        except OSError:
            pass  # the client went away, which tests do on purpose
        finally:
            connection.close()
            with self._changed:
                self.open -= 1
                self._changed.notify_all()

    def _read(self, stream: Any, connection: socket.socket, number: int) -> Request | None:
        line = stream.readline().decode("latin-1").strip()
        if not line:
            return None
        headers = {}
        while header := stream.readline().decode("latin-1").strip():
            name, _, value = header.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        return Request(line, headers, body, number, connection)

    def refuse(self) -> None:
        """Refuse new connections."""
        with suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def stop(self) -> None:
        """Refuse connections, and break those that are open. Doing so again does nothing."""
        if self.stopped.is_set():
            return
        self.stopped.set()
        self.refuse()
        for each in self._sockets:
            with suppress(OSError):  # closed already
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxies and no netrc file of the machine that runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.stop()


class Peers:
    """Makes peers, and stops them all in the end."""

    def __init__(self) -> None:
        self.all: list[Peer] = []

    def __call__(self, port: int = 0) -> Peer:
        self.all.append(Peer(port=port))
        return self.all[-1]

    def stop(self) -> None:
        for peer in self.all:
            peer.stop()


@pytest.fixture
def peers() -> Iterator[Peers]:
    peers = Peers()
    yield peers
    peers.stop()


class Registry:
    """Says where a service is, as a test tells it to: `answer` is returned, raised or called."""

    def __init__(self) -> None:
        self.answer: Any = []
        self.asked: list[str] = []

    def __call__(self, name: str) -> Any:
        self.asked.append(name)
        answer = self.answer() if callable(self.answer) else self.answer
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def found(registry: Registry) -> Iterator[Callable[..., RemoteService]]:
    """Finds a service at peers, or at URLs."""
    services = []

    def find(*where: Peer | str, **options: Any) -> RemoteService:
        registry.answer = [each.url if isinstance(each, Peer) else each for each in where]
        service = RemoteService.find("users", registry, **options)
        assert service is not None
        services.append(service)
        return service

    yield find
    for service in services:
        service.close()


@pytest.fixture
def tls_peer() -> Iterator[Peer]:
    peer = Peer(tls=True)
    yield peer
    peer.stop()


@pytest.fixture
def service(peer: Peer) -> Iterator[RemoteService]:
    with RemoteService(peer.url) as service:
        yield service


@pytest.fixture
def closed_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port that neither accepts connections nor refuses them: too many are waiting there."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(50):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0.3)
            try:
                waiting.connect(address)
            except TimeoutError:
                break
        else:
            pytest.skip("this system accepts any number of connections")
        yield address[1]


@pytest.fixture
def shown() -> Callable[[BaseException], str]:
    """Everything that an exception shows of itself: its text, repr, and printed traceback."""
    return lambda exc: "\n".join([str(exc), repr(exc), *traceback.format_exception(exc)])


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds; there is a deadline, and no other reliance on time."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    return wait
