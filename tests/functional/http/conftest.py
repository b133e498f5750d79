"""Services that are served in every way: on each event loop, plain and encrypted."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

import pytest
import trustme

import gemstone
from tools.waiting import until

from .wire import DEADLINE, Wire, call

#: For tests of what no event loop and no encryption can change.
ONE_WAY = pytest.mark.parametrize("way", ["auto"], indirect=True)
#: For tests of what encryption can not change.
BOTH_LOOPS = pytest.mark.parametrize("way", ["asyncio", "uvloop"], indirect=True)


class Site(gemstone.MicroService):
    """A service with pages.

    Attributes:
        amount: how much a handler has read or written so far.
        told: what its handlers and methods have noticed.
        may_go: what those wait for that are to take long.
    """

    name = "site"
    port = 0
    drain_grace = 0

    def __init__(self, *handlers, **attributes):
        super().__init__()
        self.extra_handlers = handlers
        vars(self).update(attributes)
        self.amount = 0
        self.told: list[object] = []
        self.may_go = threading.Event()

    def until_told(self, what: object) -> None:
        until(lambda: what in self.told, what=f"it is told of {what!r}", within=DEADLINE)

    async def may_go_on(self) -> None:
        """Waits without a thread, so that nothing is left behind."""
        async with asyncio.timeout(DEADLINE):
            while not self.may_go.is_set():
                await asyncio.sleep(0.005)

    @gemstone.exposed_method()
    async def echo(self, value=None):
        return value

    @gemstone.exposed_method()
    def blocking(self, value=None):
        return value

    @gemstone.exposed_method(requires_handler_reference=True)
    async def with_handler(self, handler):
        return handler.request.path

    @gemstone.exposed_method()
    def slow(self, value=None):
        self.told.append("slow")
        assert self.may_go.wait(DEADLINE)
        return value

    @gemstone.exposed_method()
    async def slow_coroutine(self, value=None):
        self.told.append("slow")
        await self.may_go_on()
        return value


def is_served(service: Site) -> bool:
    """Whether a new connection is let in: a service of ``max_connections`` refuses one more."""
    with socket.create_connection((service.host, service.port), DEADLINE) as connection:
        wire = Wire(connection)
        wire.send_if_open(call())
        served = b" 200 " in wire.stream.readline()
        wire.stream.close()
        return served


@dataclass(frozen=True)
class Certificate:
    """What a service is encrypted by, and what its clients need."""

    server: ssl.SSLContext
    client: ssl.SSLContext
    ca: str


@dataclass(frozen=True)
class Way:
    """How a service is served."""

    loop: str
    certificate: Certificate | None


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Certificate:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "::1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    ca = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    return Certificate(server, client, str(ca))


@pytest.fixture(
    params=[
        "asyncio",
        "uvloop",
        # Encryption is the loop's, and the same on each interpreter.
        pytest.param("asyncio over TLS", marks=pytest.mark.once),
        pytest.param("uvloop over TLS", marks=pytest.mark.once),
    ]
)
def way(request, certificate) -> Way:
    """How the services of a test are served."""
    loop, _, encrypted = request.param.partition(" over ")
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    return Way(loop, certificate if encrypted else None)


Start = Callable[[Site], Site]
Connect = Callable[..., Wire]


@pytest.fixture
def start(way) -> Iterator[Start]:
    """Starts a service on a free port; it ends with the test."""
    with ExitStack() as stack:

        def start(service: Site) -> Site:
            service.event_loop = way.loop
            if way.certificate is not None and service.ssl_options is None:
                service.ssl_options = way.certificate.server
            stack.enter_context(service.start_in_thread())
            # Whatever a failed test has not let go.
            stack.callback(service.may_go.set)
            return service

        yield start


@pytest.fixture
def connect(way, start) -> Iterator[Connect]:
    """Connects to a service, and sends it something; the connection ends before the service."""
    with ExitStack() as stack:

        def connect(
            service: Site,
            *data: bytes,
            buffer: int | None = None,
            tls: ssl.SSLContext | None = way.certificate and way.certificate.client,
        ) -> Wire:
            plain = socket.socket(socket.AF_INET6 if ":" in service.host else socket.AF_INET)
            stack.enter_context(plain)
            plain.settimeout(DEADLINE)
            if buffer is not None:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            plain.connect((service.host, service.port))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                plain = tls.wrap_socket(plain, server_hostname=service.host)
            wire = stack.enter_context(closing(Wire(plain)))
            wire.send(*data)
            return wire

        yield connect
