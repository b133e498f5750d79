"""``python -m tools.soak.service SETTINGS``: the service under test, until SIGTERM."""

import asyncio
import contextlib
import ctypes
import gc
import json
import sys
from dataclasses import asdict, dataclass
from typing import Any, Final

from tornado import web
from tornado.iostream import StreamClosedError

import gemstone

from ..chaos.telling import end_without_parent, tell

#: What anybody may send in one body.
MAX_BODY_SIZE: Final = 1024 * 1024
#: What is written at once by the page that streams, in bytes.
_PIECE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Options:
    """What the service under test is like.

    Args:
        event_loop: on which loop it runs: ``asyncio`` or ``uvloop``.
        header_timeout: its limit, in seconds.
        idle_timeout: its limit, in seconds.
        body_timeout: its limit, in seconds.
        certfile: with which certificate it serves; empty: without TLS.
        keyfile: the key of that.
    """

    event_loop: str = "asyncio"
    header_timeout: float = 10.0
    idle_timeout: float = 10.0
    body_timeout: float = 10.0
    certfile: str = ""
    keyfile: str = ""

    def __str__(self) -> str:
        return json.dumps(asdict(self))


class Page(gemstone.GemstoneCustomHandler):
    """A page of Tornado's, that says what it was given."""

    def get(self) -> None:
        """Says the nonce of the query."""
        self.write({"page": self.get_query_argument("nonce", "")})

    def post(self) -> None:
        """Says the body."""
        self.write({"page": self.request.body.decode(errors="replace")})


class Stream(gemstone.GemstoneCustomHandler):
    """A page that is written piece by piece, as fast as it is taken."""

    async def get(self) -> None:
        """Writes as many bytes as the query wants."""
        with contextlib.suppress(StreamClosedError):  # nobody takes it any more
            for _ in range(int(self.get_query_argument("size")) // _PIECE):
                self.write(b"x" * _PIECE)
                await self.flush()


@web.stream_request_body
class Upload(gemstone.GemstoneCustomHandler):
    """A page that takes a body piece by piece."""

    size = 0

    def data_received(self, chunk: bytes) -> None:
        """Counts what comes."""
        self.size += len(chunk)

    def post(self) -> None:
        """Says how much has come."""
        self.write({"size": self.size})


class Subject(gemstone.MicroService):
    """The service under test."""

    name = "soak.subject"
    port = 0
    max_body_size = MAX_BODY_SIZE
    max_connections = 15_000
    drain_grace = 0.1
    extra_handlers = (("/page", Page), ("/stream", Stream), ("/upload", Upload))

    def __init__(self, options: Options) -> None:
        self.event_loop = options.event_loop
        self.header_timeout = options.header_timeout
        self.idle_timeout = options.idle_timeout
        self.body_timeout = options.body_timeout
        if options.certfile:
            self.ssl_options = {"certfile": options.certfile, "keyfile": options.keyfile}
        super().__init__()

    async def on_service_start(self) -> None:
        """Tells where it serves, and on which loop."""
        tell("serves", self.port, type(asyncio.get_running_loop()).__module__.partition(".")[0])

    @gemstone.exposed_method()
    async def echo(self, nonce: str) -> str:
        """Gives what it is given, on the loop."""
        return nonce

    @gemstone.exposed_method()
    def echo_blocking(self, nonce: str) -> str:
        """Gives what it is given, on a thread."""
        return nonce

    @gemstone.exposed_method()
    async def late(self, nonce: str, seconds: float) -> str:
        """Gives what it is given, after a while."""
        await asyncio.sleep(seconds)
        return nonce

    @gemstone.exposed_method()
    async def large(self, size: int) -> str:
        """Gives a text of so many letters."""
        return "x" * size

    @gemstone.exposed_method()
    async def smuggled(self, nonce: str) -> str:
        """Tells that it is executed, which is never to happen."""
        tell("smuggled", nonce)
        return nonce

    @gemstone.exposed_method()
    async def tasks(self) -> int:
        """How many tasks there are, besides the one that answers this."""
        return len(asyncio.all_tasks()) - 1

    @gemstone.exposed_method()
    async def tidy(self) -> None:
        """Gives back to the system what nobody has any more, as it would happen in time."""
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):  # another libc
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def main() -> None:
    """Serves as the command line says."""
    end_without_parent()
    settings: dict[str, Any] = json.loads(sys.argv[1])
    Subject(Options(**settings)).start()


if __name__ == "__main__":
    main()
