"""Tornado's HTTP server, as ours uses it: it tells of its connections, and counts them."""

from typing import TYPE_CHECKING, Any, Final

from tornado import httputil
from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream, SSLIOStream

if TYPE_CHECKING:
    from ._server import HttpServer

_OVERLOADED: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class Engine(HTTPServer):
    """Tornado's server, which tells ours about connections and counts them."""

    # Tornado's servers are set up here, not in __init__().
    def initialize(self, server: "HttpServer", **options: Any) -> None:  # type: ignore[override]
        super().initialize(server, **options)  # type: ignore[arg-type]
        self.conn_params.header_timeout = None  # the server sweeps
        self._server = server
        self._detached: set[IOStream] = set()
        #: How many connections are open, but for those that were taken over.
        self.open = 0

    def detached(self) -> int:
        """How many connections were taken over, by websockets, and are open."""
        self._detached = {stream for stream in self._detached if not stream.closed()}
        return len(self._detached)

    def close_detached(self) -> None:
        """Close the connections that were taken over."""
        for stream in self._detached:
            stream.close()
        self._detached.clear()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        if not self._server.has_room():
            if isinstance(stream, SSLIOStream):
                stream.close()  # what it is told waits for its handshake, perhaps for ever
                return
            stream.write(_OVERLOADED).add_done_callback(lambda _: stream.close())
            return
        self.open += 1
        super().handle_stream(stream, address)

    def start_request(
        self, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> httputil.HTTPMessageDelegate:
        assert isinstance(request_conn, HTTP1Connection)
        return self._server.message_begins(server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        self.open -= 1
        if isinstance(server_conn, HTTP1ServerConnection) and not server_conn.stream.closed():
            # A websocket has taken it over.
            self._detached.add(server_conn.stream)
        super().on_close(server_conn)
        self._server.connection_closed(server_conn)
