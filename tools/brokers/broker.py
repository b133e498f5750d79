"""What all private brokers have in common: starting, killing, pausing, and leaving nothing."""

import contextlib
import os
import random
import shutil
import socket
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from ..waiting import until
from .group import Group

HOST = "127.0.0.1"
#: Below the ports of outgoing connections (from 32768 on Linux, from 49152 on macOS). Else one of
#: those could take the port of a broker that is down, and a client that tries it reach itself.
_PORTS = range(20_000, 32_000)
_DEFAULT_PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}
_START_WITHIN = 60.0
_LOG = "output.log"
_LINES_OF_LOG = 30


class BrokerError(Exception):
    """A broker cannot be started, or not be asked."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listens, and which no outgoing connection takes."""
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        for port in random.sample(_PORTS, len(_PORTS)):
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                found.append(port)
            if len(found) == count:
                return found
    raise BrokerError(f"there are no {count} free ports from {_PORTS.start} to {_PORTS.stop - 1}")


def find_program(name: str, *places: str) -> str:
    """The path of a broker's program; it is looked for in `places` first, then on PATH."""
    for place in (*places, os.environ.get("PATH")):
        if path := shutil.which(name, path=place):
            return path
    raise BrokerError(f"there is no {name} here: scripts/programs installs it, or says how to")


class Address:
    """Where a broker is.

    Attributes:
        url: for clients, with user and password if there are any.
        host: of the URL.
        port: of the URL, or the default one of its scheme.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self.host = parts.hostname or HOST
        self.port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)


class Broker(Address, ABC):
    """A broker of our own. As a context manager it runs from the beginning to the end."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._folder: Path | None = None
        self._group: Group | None = None

    @abstractmethod
    def _start_processes(self, group: Group, folder: Path) -> None:
        """Starts what belongs to the broker, with its data in `folder`."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Whether clients are answered."""

    @property
    def folder(self) -> Path:
        """Where the data are, from :meth:`start` to :meth:`stop`."""
        if self._folder is None:
            raise BrokerError(f"{self} has no data: start() it")
        return self._folder

    @property
    def pids(self) -> list[int]:
        """The processes of a broker that was started and not killed."""
        return self._group.pids if self._group else []

    @property
    def log(self) -> str:
        """What the broker has printed, since its first start."""
        return (self.folder / _LOG).read_text(errors="replace")

    def start(self) -> Self:
        """Starts it, and waits until it answers; after :meth:`kill` with the same port and data.

        One that runs goes on, also after a pause.
        """
        try:
            if self._group and self._group.complete():
                self._group.resume()
            else:
                self.kill()
                self._start_anew()
            self._wait_until_ready(self._running())
        except BaseException:
            self.stop()
            raise
        return self

    def kill(self) -> None:
        """Ends it at once (SIGKILL), paused or not; its data stay."""
        if self._group:
            self._group.kill()
            self._group = None

    def restart(self) -> None:
        """Kills it, and starts it again."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Stops all of it (SIGSTOP): connections stay, and nothing answers."""
        self._running().pause()

    def resume(self) -> None:
        """Ends a pause."""
        self._running().resume()

    def stop(self) -> None:
        """Kills it, and removes its data."""
        self.kill()
        if self._folder:
            shutil.rmtree(self._folder)
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __str__(self) -> str:
        return f"{type(self).__name__} at {self.url}"

    def _start_anew(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="gemstone-broker-"))
        self._group = Group(self._folder, self._folder / _LOG)
        self._start_processes(self._group, self._folder)

    def _wait_until_ready(self, group: Group) -> None:
        def ready_or_ended() -> bool:
            return self._is_ready() or not group.complete()

        try:
            until(ready_or_ended, what=f"{self} answers", within=_START_WITHIN)
            if not group.complete():
                raise BrokerError(f"{self} ended")
        except (BrokerError, TimeoutError) as error:
            said = "\n".join(self.log.splitlines()[-_LINES_OF_LOG:])
            raise BrokerError(f"{error}. The end of its log:\n{said}") from None

    def _running(self) -> Group:
        if self._group is None:
            raise BrokerError(f"{self} does not run: start() it")
        return self._group

    def _answer_to(self, greeting: bytes) -> bytes:
        """The first bytes that a new connection is answered; none if there is no answer."""
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.sendall(greeting)
                return connection.recv(64)
        except OSError:
            return b""
