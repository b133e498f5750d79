"""Who takes the place of an instance: on the address of a dead one, or instead of one."""

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from ...brokers import free_ports
from ...brokers.broker import HOST


class Stranger:
    """An HTTP server on the address of a dead instance; it knows nothing of it.

    To everything it answers that it is not found, so that it is taken for alive. Of calls it writes
    down when they came, and does not answer them, so that they have to be made elsewhere.

    Args:
        address: where the instance was.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.calls: list[float] = []
        stranger = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

            def answer(self) -> None:
                came = time.monotonic()
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if _is_call(body):
                    stranger.calls.append(came)
                    self.close_connection = True
                    return
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_HEAD = do_OPTIONS = do_POST = answer  # noqa: N815

        self._server = ThreadingHTTPServer(address, Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _is_call(body: bytes) -> bool:
    try:
        found = json.loads(body)
    except ValueError:
        return False
    return isinstance(found, dict) and "jsonrpc" in found


class Silent:
    """It accepts connections, and never says anything.

    Attributes:
        url: where.
        accepted: how many it has accepted.
    """

    def __init__(self) -> None:
        [port] = free_ports(1)
        self._listener = socket.create_server((HOST, port), backlog=128)
        self.url = f"http://{HOST}:{port}/api"
        self.accepted = 0
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._connections.append(connection)
