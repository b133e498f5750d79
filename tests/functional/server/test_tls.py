"""Services with a certificate, and clients of all manners."""

import contextlib
import json
import logging
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from tornado import websocket
from tornado.httpclient import HTTPRequest
from tornado.ioloop import IOLoop

import gemstone
from gemstone.discovery import ServiceRegistry
from gemstone.errors import RemoteConnectionError, ServiceConfigurationError
from tools.waiting import until

from .conftest import Caller


class Files:
    """An authority, and what it has signed, as PEM files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.ca = self._write("ca.pem", self.authority.cert_pem)
        issued = self.authority.issue_cert("127.0.0.1", "localhost")
        self.cert = self._write("cert.pem", *issued.cert_chain_pems)
        self.key = self._write("key.pem", issued.private_key_pem)
        self.both = self._write("both.pem", issued.private_key_and_cert_chain_pem)
        other = self.authority.issue_cert("a.client")
        self.client = self._write("client.pem", other.private_key_and_cert_chain_pem)
        self.other_key = self._write("other-key.pem", other.private_key_pem)
        self.text = folder / "text.pem"
        self.text.write_text("no PEM")
        self.damaged = folder / "damaged.pem"
        self.damaged.write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")

    def _write(self, name: str, *blobs: trustme.Blob) -> str:
        path = self.folder / name
        path.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return str(path)

    @property
    def options(self) -> dict[str, str]:
        return {"certfile": self.cert, "keyfile": self.key}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Files:
    return Files(tmp_path_factory.mktemp("certificates"))


class Secured(gemstone.MicroService):
    name = "secured"
    port = 0
    drain_grace = 0
    begun = None
    may_end = None

    def __init__(self, ssl_options, **attributes):
        super().__init__()
        self.ssl_options = ssl_options
        vars(self).update(attributes)

    @gemstone.exposed_method()
    def say_hello(self, name):
        return f"hello {name}"

    @gemstone.exposed_method(requires_handler_reference=True)
    def scheme(self, handler):
        return handler.request.protocol

    @gemstone.exposed_method(is_coroutine=True)
    def block_the_loop(self):
        self.begun.set()
        assert self.may_end.wait(30)
        self.stop()
        return "answered"


class Echo(gemstone.GemstoneCustomHandler, websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(f"{self.microservice.name}: {message}")


class Page(gemstone.GemstoneCustomHandler):
    def get(self):
        self.write(self.request.full_url())


class TlsCaller(Caller):
    """Trusts the authority of the tests."""

    def __init__(self, service, files) -> None:
        super().__init__(service)
        context = ssl.create_default_context(cafile=files.ca)
        self.connection.connect()
        self.connection.sock = context.wrap_socket(
            self.connection.sock, server_hostname="127.0.0.1"
        )


def warnings(caplog) -> list[logging.LogRecord]:
    return [each for each in caplog.records if each.levelno >= logging.WARNING]


def refusal(ssl_options) -> str:
    service = Secured(ssl_options)
    with pytest.raises(ServiceConfigurationError) as caught:
        service.start_in_thread()
    assert not service.is_running
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_calls_and_pages(files):
    service = Secured(files.options, extra_handlers=[("/page", Page)])
    with service.start_in_thread():
        assert service.accessible_at == f"https://127.0.0.1:{service.port}/api"
        with gemstone.RemoteService(service.accessible_at, verify=files.ca) as remote:
            assert remote.methods.say_hello("you") == "hello you"
            assert remote.methods.scheme() == "https"
            big = "x" * 3_000_000
            assert remote.methods.say_hello(big) == f"hello {big}"
        caller = TlsCaller(service, files)
        url = f"https://127.0.0.1:{service.port}/page"
        assert caller.request("GET", "/page").body.decode() == url
        assert caller.request("GET", "/health/ready").json["status"] == "ready"
        caller.close()


def test_who_does_not_trust_the_certificate_does_not_call(files):
    with (
        Secured(files.options).start_in_thread() as service,
        gemstone.RemoteService(service.accessible_at) as remote,
        pytest.raises(RemoteConnectionError, match="certificate verify failed"),
    ):
        remote.methods.say_hello("you")


def with_a_context(files):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    return context


@pytest.mark.parametrize(
    "make",
    [
        with_a_context,
        lambda files: {"certfile": files.both},
        lambda files: {"certfile": Path(files.cert), "keyfile": Path(files.key), "ca_certs": None},
        lambda files: {**files.options, "ciphers": "ECDHE+AESGCM"},
    ],
    ids=["context", "one file", "paths", "ciphers"],
)
def test_all_manners_of_options(files, make):
    with (
        Secured(make(files)).start_in_thread() as service,
        gemstone.RemoteService(service.accessible_at, verify=files.ca) as remote,
    ):
        assert remote.methods.say_hello("you") == "hello you"


def test_the_certificate_of_a_client(files):
    options = {**files.options, "ca_certs": files.ca, "cert_reqs": ssl.CERT_REQUIRED}
    with Secured(options).start_in_thread() as service:
        url = service.accessible_at
        with gemstone.RemoteService(url, verify=files.ca, cert=files.client) as remote:
            assert remote.methods.say_hello("you") == "hello you"
        with (
            gemstone.RemoteService(url, verify=files.ca) as remote,
            pytest.raises(gemstone.errors.RemoteServiceError),
        ):
            remote.methods.say_hello("you")


def test_old_versions_are_refused(files):
    with Secured(files.options).start_in_thread() as service:
        context = ssl.create_default_context(cafile=files.ca)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with (
            socket.create_connection(("127.0.0.1", service.port), 30) as connection,
            pytest.raises(ssl.SSLError),
        ):
            context.wrap_socket(connection, server_hostname="127.0.0.1")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda files: "cert.pem", r"'cert\.pem': it must be an ssl\.SSLContext"),
        (lambda files: {}, "there is no certfile"),
        (lambda files: {"keyfile": files.key}, "there is no certfile"),
        (lambda files: {**files.options, "password": "x"}, "there is no 'password' in it"),
        (lambda files: {"certfile": 5}, "certfile is 5"),
        (lambda files: {"certfile": "nowhere.pem"}, r"certfile 'nowhere\.pem' can't be read: No"),
        (lambda files: {**files.options, "keyfile": files.folder}, "keyfile '.*' can't be read"),
        (lambda files: {"certfile": files.text}, r"text\.pem' is no PEM"),
        (lambda files: {"certfile": files.damaged}, r"damaged\.pem'"),
        (lambda files: {"certfile": files.cert}, r"private key in '.*/cert\.pem'"),
        (lambda files: {"certfile": files.key}, r"no certificate in '.*/key\.pem'"),
        (
            lambda files: {"certfile": files.cert, "keyfile": files.other_key},
            r"key in '.*/other-key\.pem' is not that .* '.*/cert\.pem'",
        ),
        (
            lambda files: {**files.options, "ciphers": "none at all"},
            "ciphers are 'none at all', which select nothing",
        ),
        (lambda files: {**files.options, "ciphers": 5}, "ciphers are 5"),
        (
            lambda files: {**files.options, "ssl_version": ssl.PROTOCOL_TLS_SERVER},
            r"no 'ssl_version' in it: .*; an ssl\.SSLContext can do more",
        ),
        (
            lambda files: {
                **files.options,
                "cert_reqs": ssl.CERT_REQUIRED,
                "ca_certs": files.damaged,
            },
            r"ca_certs '.*/damaged\.pem'",
        ),
        (
            lambda files: {**files.options, "cert_reqs": ssl.CERT_REQUIRED, "ca_certs": files.key},
            r"ca_certs '.*/key\.pem'",
        ),
        (lambda files: {**files.options, "cert_reqs": 77, "ca_certs": files.ca}, "cert_reqs is 77"),
        (lambda files: {**files.options, "cert_reqs": "x", "ca_certs": files.ca}, "cert_reqs is"),
        (lambda files: {"certfile": "a\0b"}, r"certfile 'a\\x00b' can't be read"),
        (lambda files: {**files.options, "ca_certs": files.ca}, r"ssl\.CERT_REQUIRED"),
        (lambda files: {**files.options, "cert_reqs": ssl.CERT_REQUIRED}, "no ca_certs"),
        (lambda files: ssl.create_default_context(), "context for clients"),
    ],
)
def test_options_that_can_not_work(files, make, said):
    message = refusal(make(files))
    assert message.startswith("Secured.ssl_options ")
    with pytest.raises(ServiceConfigurationError, match=said):
        raise ServiceConfigurationError(message)


def test_an_encrypted_key_asks_nobody(files, tmp_path):
    key = serialization.load_pem_private_key(Path(files.key).read_bytes(), None)
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hunter2"),
        )
    )
    message = refusal({"certfile": files.cert, "keyfile": encrypted})
    assert f"the key in '{encrypted}' is encrypted" in message


def test_a_handshake_that_never_comes_ends_after_its_time(files):
    with Secured(files.options, header_timeout=0.2).start_in_thread() as service:
        with socket.create_connection(("127.0.0.1", service.port), 30) as silent:
            assert silent.recv(1) == b""
        caller = TlsCaller(service, files)
        assert caller.result("say_hello", ["you"]) == "hello you"
        caller.close()


def test_who_speaks_plain_http_is_refused_and_logged_once(files, caplog):
    with Secured(files.options).start_in_thread() as service:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", service.port), 30) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                with contextlib.suppress(ConnectionResetError):
                    assert b"HTTP/1" not in plain.recv(1000)
    assert len(warnings(caplog)) == 1


def test_who_goes_away_is_not_logged(files, caplog):
    with Secured(files.options).start_in_thread() as service:
        for said in (b"", b"\x16\x03\x01"):
            for _ in range(5):
                with socket.create_connection(("127.0.0.1", service.port), 30) as gone:
                    gone.sendall(said)
        caller = TlsCaller(service, files)
        assert caller.result("say_hello", ["you"]) == "hello you"
        caller.close()
    assert not warnings(caplog)


def test_a_silent_client_stops_no_drain(files):
    service = Secured(files.options, drain_grace=0.1, shutdown_timeout=30)
    thread = service.start_in_thread()
    with socket.create_connection(("127.0.0.1", service.port), 30) as silent:
        began = time.monotonic()
        thread.stop()
        assert time.monotonic() - began < 10
        assert silent.recv(1) == b""


def test_who_stands_in_the_backlog_is_answered(files):
    service = Secured(files.options, drain_grace=10)
    service.begun, service.may_end = threading.Event(), threading.Event()
    thread = service.start_in_thread()
    context = ssl.create_default_context(cafile=files.ca)
    connected, answers = [], []

    def call(method: str, params: list[str]) -> None:
        with socket.create_connection(("127.0.0.1", service.port), 30) as plain:
            connected.append(method)
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                request = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
                body = json.dumps(request).encode()
                connection.sendall(
                    b"POST /api HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
                )
                answers.append(b"".join(iter(lambda: connection.recv(10_000), b"")))

    callers = [threading.Thread(target=call, args=("block_the_loop", []))]
    callers[0].start()
    assert service.begun.wait(30)
    # The loop is blocked: these are accepted by the kernel alone.
    callers += [threading.Thread(target=call, args=("say_hello", [str(n)])) for n in range(20)]
    for caller in callers[1:]:
        caller.start()
    until(lambda: len(connected) == 21, what="all wait in the backlog")
    service.may_end.set()
    for caller in callers:
        caller.join(30)
    assert len(answers) == 21
    assert all(b'"result":' in answer for answer in answers), answers
    thread.stop()


def test_beyond_the_connections_that_may_be_open(files):
    with Secured(files.options, max_connections=1).start_in_thread() as service:
        caller = TlsCaller(service, files)
        assert caller.result("say_hello", ["you"]) == "hello you"
        with socket.create_connection(("127.0.0.1", service.port), 30) as silent:
            assert silent.recv(1) == b""
        caller.close()


def test_discovery_over_tls_with_an_authority_of_ones_own(files, monkeypatch):
    """As the documentation says: the authority is named by the environment."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", files.ca)
    registry = ServiceRegistry()
    registry.port, registry.drain_grace, registry.ssl_options = 0, 0, files.options
    with registry.start_in_thread():
        assert registry.accessible_at.startswith("https://")
        url = registry.accessible_at
        users = Secured(files.options, discovery_strategies=[url])
        asking = Secured(files.options, discovery_strategies=[url])
        asking.name = "asking"
        with users.start_in_thread(), asking.start_in_thread():
            found = asking.get_service("secured")
            assert found.locations == [users.accessible_at]
            assert found.methods.say_hello("you") == "hello you"
        with users.start_in_thread():
            remote = gemstone.RemoteService.get_service_by_name(url, "secured")
            with remote:
                assert remote.methods.say_hello("you") == "hello you"


def test_a_websocket(files):
    service = Secured(files.options, extra_handlers=[("/echo", Echo)])
    with service.start_in_thread():

        async def talk() -> str:
            request = HTTPRequest(f"wss://127.0.0.1:{service.port}/echo", ca_certs=files.ca)
            connection = await websocket.websocket_connect(request)
            await connection.write_message("hello")
            said = await connection.read_message()
            connection.close()
            assert await connection.read_message() is None
            return str(said)

        assert IOLoop(make_current=False).run_sync(talk) == "secured: hello"
