"""Services that really run, and a client that sends them exactly what a test says."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import gemstone


class Answer:
    """What came back: status, headers and body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Sends requests over one keep-alive connection."""

    def __init__(self, service: gemstone.MicroService) -> None:
        self.service = service
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)

    def request(
        self, verb: str, path: str, body: bytes | None = None, headers: Any = None
    ) -> Answer:
        self.connection.request(verb, path, body, headers or {})
        return Answer(self.connection.getresponse())

    def post(self, body: Any, **headers: str) -> Answer:
        """Posts bytes as they are, and anything else as JSON; ``X_A`` is the header X-A."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "application/json", **named}
        return self.request("POST", self.service.endpoint, data, sent)

    def call(self, method: str, params: Any = None, id: Any = 1, **headers: str) -> Any:
        """Calls a method, and gives the answer decoded."""
        request = {"jsonrpc": "2.0", "method": method, "id": id}
        if params is not None:
            request["params"] = params
        answer = self.post(request, **headers)
        assert answer.status == 200
        return answer.json

    def result(self, method: str, params: Any = None, **headers: str) -> Any:
        """Calls a method, and gives its result."""
        answer = self.call(method, params, **headers)
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, params: Any = None, **headers: str) -> Any:
        """Calls a method, and gives the error that it answers."""
        answer = self.call(method, params, **headers)
        assert "result" not in answer, answer
        return answer["error"]

    def close(self) -> None:
        self.connection.close()


Serve = Callable[..., Caller]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a service on a free port, and gives a caller of it; both end with the test."""
    with ExitStack() as stack:

        def start(service: gemstone.MicroService) -> Caller:
            service.port = 0
            stack.enter_context(service.start_in_thread())
            caller = Caller(service)
            # Closed before the service stops, which else waits for idle connections.
            stack.callback(caller.close)
            return caller

        yield start


@pytest.fixture
def raw() -> Iterator[Callable[[int, bytes], socket.socket]]:
    """Opens a connection and sends bytes on it as they are."""
    with ExitStack() as stack:

        def send(port: int, data: bytes) -> socket.socket:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            connection.sendall(data)
            return connection

        yield send
