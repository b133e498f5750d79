"""The processes of the service under test and of its calm visitor."""

import contextlib
import http.client
import json
import os
import signal
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..chaos.child import Child
from ..waiting import until
from .service import Options

#: What a stop may take, in seconds.
_STOP_WITHIN: Final = 40.0
#: What may take time on a busy machine, in seconds.
PATIENCE: Final = 40.0
#: Writing this to ``clear_refs`` sets the peak of the memory to what is used now (proc(5)).
_RESET_PEAK: Final = "5"


class Subject(Child):
    """The service under test.

    Args:
        options: what it is like.
    """

    def __init__(self, options: Options) -> None:
        super().__init__("service under test", f"{__package__}.service", str(options))
        self.port = 0
        self.loop = ""

    def wait_until_it_serves(self) -> None:
        """Waits until its port is known and open.

        Raises:
            TimeoutError: it did not come; the message has the end of its log.
        """
        try:
            until(
                lambda: self.port or not self.runs(), what="the service serves", within=PATIENCE
            )
            if self.runs():
                return
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.end_of_log()}") from None
        raise TimeoutError(f"the service has ended:\n{self.end_of_log()}")

    def memory(self) -> float:
        """What it has in memory, in MiB."""
        return self._status("VmRSS")

    def peak_memory(self) -> float:
        """The most that it had in memory since :meth:`forget_peak`, in MiB."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """The peak of the memory is what is used now."""
        (self._proc / "clear_refs").write_text(_RESET_PEAK)

    def files(self) -> int:
        """How many files and sockets it has open."""
        return len(os.listdir(self._proc / "fd"))  # noqa: PTH208  # fast: there may be 10,000

    def cpu(self) -> float:
        """How much time of a processor it has used, in seconds."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def tasks(self) -> int:
        """How many tasks are on its loop, as it says by a call. Not where it has TLS."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            call = {"jsonrpc": "2.0", "method": "tasks", "id": 1}
            headers = {"Connection": "close"}
            connection.request("POST", "/api", json.dumps(call), headers)
            return int(json.loads(connection.getresponse().read())["result"])

    def stop(self) -> int:
        """Stops it as an operator does (SIGTERM), and gives its status.

        Raises:
            TimeoutError: it did not stop.
        """
        self.signal(signal.SIGTERM)
        return self.wait(_STOP_WITHIN)

    @property
    def _proc(self) -> Path:
        return Path("/proc", str(self.pid))

    def _status(self, name: str) -> float:
        for line in (self._proc / "status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"/proc says nothing of {name}")

    def _keep(self, kind: str, values: list[Any]) -> None:
        self.loop = values[1]
        self.port = values[0]


class Called(NamedTuple):
    """A call of the visitor's: when it was made, what it took (both in seconds), what was wrong."""

    at: float
    took: float
    wrong: str


class Visitor(Child):
    """Who calls the service calmly, all the time.

    Args:
        port: where that is.
        rate: how many calls are made in a second.
        authority: the file of its certificate's authority; empty: there is no TLS.
    """

    def __init__(self, port: int, rate: float, authority: str) -> None:
        arguments = (str(port), str(rate), authority)
        super().__init__("visitor", f"{__package__}.visitor", *arguments)
        self.calls: list[Called] = []

    def wait_for_answers(self, count: int = 10) -> None:
        """Waits until so many calls that are made from now on have ended.

        Raises:
            TimeoutError: they did not.
        """
        since = time.monotonic()
        what = f"{count} more calls of the visitor ended"
        until(lambda: len(self.between(since)) >= count, what=what, within=PATIENCE)

    def between(self, since: float, before: float = float("inf")) -> list[Called]:
        """The calls that were made in that time."""
        return [call for call in list(self.calls) if since <= call.at < before]

    def end(self) -> None:
        """Lets it end its call and itself.

        Raises:
            TimeoutError: it did not.
        """
        self.close_stdin()
        if status := self.wait(PATIENCE):
            raise TimeoutError(f"the visitor ended with status {status}:\n{self.end_of_log()}")

    def _keep(self, kind: str, values: list[Any]) -> None:
        self.calls.append(Called(*values))
