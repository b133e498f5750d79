"""A publisher and a subscriber, each in a process of its own, and what became of their events."""

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final, NoReturn

from .processes import PEERS, Bench, BenchmarkError, Program

#: How long a program may take, beside the pauses between its events, in seconds.
_PATIENCE: Final = 60.0
#: How long events may still be on their way when the last has been emitted, in seconds.
_ON_THE_WAY: Final = 15.0


@dataclass(frozen=True, slots=True)
class Way:
    """One way for events to go.

    Args:
        label: what it is called.
        program: what emits the events, and what handles them.
        role: what it is told to do to emit them.
    """

    label: str
    program: Program
    role: str = "publish"


@dataclass(frozen=True, slots=True)
class Passage:
    """Events that all came, each as it was sent and in its turn.

    Args:
        sent: when each was handed to the library, in nanoseconds.
        done: when the broker had the last, as far as the publisher is promised.
        arrived: when each was with what handles it.
        publisher_cpu: the CPU time of the publisher, in seconds, from the first to the last.
        subscriber_cpu: that of the subscriber.
        late: by how much a ticker in the publisher was late each time, in nanoseconds.
    """

    sent: Sequence[int]
    done: int
    arrived: Sequence[int]
    publisher_cpu: float
    subscriber_cpu: float
    late: Sequence[int]

    @property
    def emitted_rate(self) -> float:
        """Events per second, from the first emit to the last receipt."""
        return len(self.sent) * 1e9 / (self.done - self.sent[0])

    @property
    def received_rate(self) -> float:
        """Events per second, from the first emit to the last handler."""
        return len(self.sent) * 1e9 / (self.arrived[-1] - self.sent[0])

    def latencies(self) -> list[float]:
        """From emit to handler, for each event, in seconds."""
        return [(came - went) / 1e9 for went, came in zip(self.sent, self.arrived, strict=True)]


def travel(bench: Bench, way: Way, url: str, events: int, *, pause: float = 0.0) -> Passage:
    """Lets events go from a publisher to a subscriber, through a broker, and checks them all.

    Args:
        bench: where the processes run; they are pinned no more than this one.
        way: which programs.
        url: of the broker.
        events: how many are measured; the programs let some others go before.
        pause: how long to wait after each, in seconds.

    Raises:
        BenchmarkError: an event was lost, changed, repeated or overtaken, or a program failed.
    """
    with _started(bench, way.program, "subscribe", url, events, pause) as subscriber:
        subscriber.wait_until_subscribed()
        with _started(bench, way.program, way.role, url, events, pause) as publisher:
            sent = publisher.wait(_PATIENCE + events * pause)
        arrived = subscriber.wait(_ON_THE_WAY)
    if arrived["wrong"]:
        raise BenchmarkError(f"{way.label}: {arrived['wrong']}")
    if not len(sent["sent"]) == len(arrived["arrived"]) == events:
        raise BenchmarkError(
            f"{way.label}: of {events:,} events {len(sent['sent']):,} were emitted, and "
            f"{len(arrived['arrived']):,} came"
        )
    return Passage(
        sent["sent"],
        sent["done"],
        arrived["arrived"],
        sent["cpu"],
        arrived["cpu"],
        sent.get("late", []),
    )


class _Peer:
    def __init__(self, name: str, process: "subprocess.Popen[str]", log: IO[str]) -> None:
        self._name = name
        self._process = process
        self._log = log

    def wait_until_subscribed(self) -> None:
        assert self._process.stdout is not None
        timer = threading.Timer(_PATIENCE, self._process.kill)
        timer.start()
        try:
            if self._process.stdout.readline() != "subscribed\n":
                self._fail("did not subscribe")
        finally:
            timer.cancel()
            timer.join()

    def wait(self, patience: float) -> dict[str, Any]:
        """What it prints in the end. If that takes too long, it is told to print it now."""
        try:
            printed, _ = self._process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            try:
                printed, _ = self._process.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                self._fail(f"did not end within {patience:g} s")
        if self._process.returncode or not printed:
            self._fail("failed")
        found: dict[str, Any] = json.loads(printed)
        return found

    def _fail(self, what: str) -> NoReturn:
        self._process.kill()
        self._process.wait()
        self._log.seek(0)
        raise BenchmarkError(f"{self._name} {what}; it said:\n{self._log.read()}")


@contextmanager
def _started(bench: Bench, program: Program, role: str, *arguments: object) -> Iterator[_Peer]:
    command = [program.python, str(PEERS / program.script), role, *map(str, arguments)]
    # Nobody reads while it runs, so that stderr must be no pipe, which would be full one day.
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, env=bench.environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
        with process:
            try:
                yield _Peer(f"{program.script} {role}", process, log)
            finally:
                process.kill()  # nothing happens to one that has ended
