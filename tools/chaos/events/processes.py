"""The processes of the two services: started, listened to, and ended."""

import signal
import time
from collections import defaultdict
from typing import Any, Final, NamedTuple

from ...waiting import until
from ..child import Child
from .service import NAMES

#: What a service has for its stop (``shutdown_timeout``), and a margin, in seconds.
_STOP_WITHIN: Final = 40.0
_PATIENCE: Final = 30.0
#: Each emits, at least it could, and only one of them accepts.
_CONNECTIONS: Final = {"emitter": 1, "subscriber": 2}


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


class ServiceProcess(Child):
    """A service in a process of its own. As a context manager it does not outlive the block.

    Args:
        role: ``emitter`` or ``subscriber``.
        url: of its event transport.
    """

    def __init__(self, role: str, url: str) -> None:
        super().__init__(role, f"{__package__}.service", role, url)
        self.role = role
        self.settled: list[Settled] = []
        self.arrivals: list[Arrival] = []
        self.lost: list[Lost] = []
        self.stopped: Stopped | None = None
        self._newest: dict[str, float] = defaultdict(float)

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
        self.signal(signal.SIGTERM)
        return at

    def wait_for_stop(self) -> float:
        """Waits until the service has stopped, or the process has ended; gives the moment."""
        what = f"the {self.role} has stopped"
        until(lambda: self.stopped or not self.runs(), what=what, within=_STOP_WITHIN)
        return self.stopped.at if self.stopped else time.monotonic()

    def let_end(self) -> int:
        """Lets a service that has stopped end its process; gives its status."""
        self.close_stdin()
        return self.wait(_PATIENCE)

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
