"""The processes of the two services: started, listened to, and ended."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Self

from ..waiting import until
from .service import NAMES

_ROOT: Final = Path(__file__).resolve().parents[2]
#: What a service has for its stop (``shutdown_timeout``), and a margin, in seconds.
_STOP_WITHIN: Final = 40.0
_PATIENCE: Final = 30.0
#: Each emits, at least it could, and only one of them accepts.
_CONNECTIONS: Final = {"emitter": 1, "subscriber": 2}
_LINES_OF_LOG: Final = 40


class Settled(NamedTuple):
    """What a receipt said of an event; the outcome is empty, or the name of an error."""

    at: float
    number: int
    emitted_at: float
    outcome: str


class Arrival(NamedTuple):
    """An event that came."""

    at: float
    name: str
    number: int
    emitted_at: float


class Lost(NamedTuple):
    """How many of its connections a service has lost, from a moment on."""

    at: float
    connections: int


class Stopped(NamedTuple):
    """What was left of a service after its stop: the threads should be none."""

    at: float
    emitted: int
    threads: list[str]


class ServiceProcess:
    """A service in a process of its own. As a context manager it does not outlive the block.

    Args:
        role: ``emitter`` or ``subscriber``.
        url: of its event transport.
    """

    def __init__(self, role: str, url: str) -> None:
        self.role = role
        self.settled: list[Settled] = []
        self.arrivals: list[Arrival] = []
        self.lost: list[Lost] = []
        self.stopped: Stopped | None = None
        self._newest: dict[str, float] = defaultdict(float)
        self._url = url

    def __enter__(self) -> Self:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # closed by __exit__
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.service", self.role, self._url],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self._reader = threading.Thread(target=self._read, name=f"reads-{self.role}", daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._log.close()

    def runs(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def wait_until_lost(self, *, since: float, within: float) -> float:
        """Waits until the service has found all its connections lost; gives the moment."""
        all_of_them = _CONNECTIONS[self.role]

        def found() -> list[Lost]:
            return [e for e in self.lost if e.connections == all_of_them and e.at >= since]

        what = f"the {self.role} has found its {all_of_them} connections lost"
        return until(found, what=what, within=within)[0].at

    def wait_for_events(self, *, emitted_since: float, within: float) -> float:
        """Waits until an event of each name came that was emitted since; gives the moment."""

        def came() -> bool:
            return all(self._newest[name] >= emitted_since for name in NAMES)

        until(came, what="there come events of each name", within=within)
        return time.monotonic()

    def ask_to_stop(self) -> float:
        """Begins its stop; gives the moment."""
        at = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return at

    def wait_for_stop(self) -> float:
        """Waits until the service has stopped, or the process has ended; gives the moment."""
        what = f"the {self.role} has stopped"
        until(lambda: self.stopped or not self.runs(), what=what, within=_STOP_WITHIN)
        return self.stopped.at if self.stopped else time.monotonic()

    def let_end(self) -> int:
        """Lets a service that has stopped end its process; gives its status."""
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        status = self._process.wait(_PATIENCE)
        self._reader.join()
        return status

    def log(self) -> str:
        """What it has logged."""
        # Without moving the place at which the process writes: they share it.
        file = self._log.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")

    def end_of_log(self) -> str:
        """The last lines of it."""
        return "\n".join(self.log().splitlines()[-_LINES_OF_LOG:])

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            kind, *values = json.loads(line)
            self._keep(kind, values)

    def _keep(self, kind: str, values: list[Any]) -> None:
        if kind == "settled":
            self.settled.append(Settled(*values))
        elif kind == "arrived":
            arrival = Arrival(*values)
            self.arrivals.append(arrival)
            self._newest[arrival.name] = max(self._newest[arrival.name], arrival.emitted_at)
        elif kind == "lost":
            self.lost.append(Lost(*values))
        else:
            self.stopped = Stopped(*values)
