"""The processes of the instances and of who calls them."""

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from ...brokers import free_ports
from ...brokers.broker import HOST
from ...waiting import until
from ..child import Child
from .caller import Task

#: What a service has for its stop (``shutdown_timeout``), and a margin, in seconds.
_STOP_WITHIN: Final = 40.0
#: How long everything may take that should come soon, in seconds.
PATIENCE: Final = 40.0
#: From so many looks at a caller it is told how it is.
_LOOKS: Final = 10


class Taken(NamedTuple):
    """A call that an instance has begun to execute."""

    at: float
    number: int


class Called(NamedTuple):
    """What became of a call, as its caller was told.

    The outcome is empty, or the name of an error; `by` is the process that has answered it.
    """

    number: int
    idempotent: bool
    begun: float
    ended: float
    outcome: str
    text: str
    was_sent: bool
    by: int


class State(NamedTuple):
    """How the caller is: its memory in bytes, and its threads."""

    at: float
    memory: int
    threads: int


class Instance(Child):
    """An instance of the service, always at the same address.

    Args:
        registry: the URL of its registry.
        ping_interval: how often it registers, in seconds.
    """

    def __init__(self, registry: str, ping_interval: float) -> None:
        [port] = free_ports(1)
        arguments = (str(port), registry, str(ping_interval))
        super().__init__(f"instance at {port}", f"{__package__}.instance", *arguments)
        self.address = (HOST, port)
        self.url = f"http://{HOST}:{port}/api"
        self.taken: list[Taken] = []
        self.left: list[str] = []

    def stop(self) -> float:
        """Stops it as an operator does (SIGTERM); gives how long that took.

        Raises:
            TimeoutError: it did not stop.
        """
        begun = time.monotonic()
        self.signal(signal.SIGTERM)
        status = self.wait(_STOP_WITHIN)
        if status:
            self.left.append(f"status {status}")
        return time.monotonic() - begun

    def pause(self) -> None:
        """Stops it where it is: its connections stay, and nothing answers."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Ends a pause."""
        self.signal(signal.SIGCONT)

    def _keep(self, kind: str, values: list[Any]) -> None:
        if kind == "taken":
            self.taken.append(Taken(*values))
        else:
            self.left += values[0]


class Caller(Child):
    """Who calls the instances, all the time.

    Args:
        task: what it calls, and how.
    """

    def __init__(self, task: Task) -> None:
        super().__init__("caller", f"{__package__}.caller", str(task))
        self.called: list[Called] = []
        self.states: list[State] = []

    def wait_for_answers(self, *pids: int, since: float, within: float = PATIENCE) -> float:
        """Waits until each of these processes has answered a call made since; gives the moment."""

        def all_did() -> bool:
            return {*pids} <= {call.by for call in self.calls_since(since)}

        self._until(all_did, f"calls are answered by {pids}", within)
        return time.monotonic()

    def wait_for_calls(self, count: int) -> None:
        """Waits until so many more calls have ended."""
        enough = len(self.called) + count
        within = PATIENCE + count / 20  # even where many wait for long
        self._until(lambda: len(self.called) >= enough, f"{count} more calls ended", within)

    def calls_since(self, since: float) -> Iterator[Called]:
        """The calls that have ended and began since; the newest first."""
        for number in range(len(self.called) - 1, -1, -1):
            call = self.called[number]
            if call.begun >= since:
                yield call
            elif call.ended < since - 1:  # those of all threads are nearly in order
                return

    def at_rest(self) -> State:
        """How it is, in the lowest of a few moments."""
        since = time.monotonic()

        def enough() -> bool:
            return len([state for state in self.states[-_LOOKS:] if state.at >= since]) == _LOOKS

        self._until(enough, "the caller says how it is", PATIENCE)
        found = self.states[-_LOOKS:]
        return State(
            since, min(state.memory for state in found), min(state.threads for state in found)
        )

    def end(self) -> None:
        """Lets it end its calls and itself.

        Raises:
            TimeoutError: it did not.
        """
        self.close_stdin()
        if status := self.wait(PATIENCE):
            raise TimeoutError(f"the caller ended with status {status}")

    def _until(self, condition: Callable[[], bool], what: str, within: float) -> None:
        until(lambda: condition() or not self.runs(), what=what, within=within)
        if not self.runs():
            raise TimeoutError("the caller has ended")

    def _keep(self, kind: str, values: list[Any]) -> None:
        if kind == "called":
            self.called.append(Called(*values))
        else:
            self.states.append(State(*values))
