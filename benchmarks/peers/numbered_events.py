"""What the peers that emit and handle events share: the events, and word of what became of them.

Each of these programs is called as ``program role url events pause``: it emits, or waits for, that
many events after ``WARM_UP`` others, with a pause of so many seconds after each. One that handles
them prints a line when it has subscribed. All of them print at the end, as JSON, when each event
was sent or came, on the clock of the machine, which their processes share.
"""

import json
import signal
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

NAME: Final = "benchmark"
#: How many events come before those that are measured: connections are made, code is warm.
WARM_UP: Final = 100
#: How many events may be under way, where nothing else sets a limit.
WINDOW: Final = 500
#: How long what has been sent may take to be everywhere, so that it disturbs nothing, in seconds.
_SETTLE: Final = 0.1

clock = time.monotonic_ns


@dataclass(frozen=True, slots=True)
class Task:
    """What a program is asked to do, on its command line."""

    role: str
    url: str
    events: int
    pause: float

    def bodies(self) -> list[dict[str, Any]]:
        """The bodies of all events, each of which has 60 bytes as JSON."""
        return [
            {"number": number, "by": "Miss Ada Lovelace", "for": "Mr Babbage"}
            for number in range(10_000, 10_000 + WARM_UP + self.events)
        ]

    def payloads(self) -> list[bytes]:
        """The same as JSON: bare libraries are given it ready, which is the least they can do."""
        return [json.dumps(body, separators=(",", ":")).encode() for body in self.bodies()]


class Sent:
    """When each event was sent."""

    def __init__(self) -> None:
        self.times = array("q")
        self._cpu = 0.0

    def warmed_up(self) -> None:
        """The next event is the first that is measured."""
        time.sleep(_SETTLE)
        self._cpu = time.process_time()

    def done(self, **more: object) -> None:
        """All events are with the broker, as far as is promised: prints what was found."""
        done, cpu = clock(), time.process_time() - self._cpu
        found = {"sent": [*self.times[WARM_UP:]], "done": done, "cpu": cpu, **more}
        print(json.dumps(found), flush=True)


class Arrived:
    """When each event came. Notices one that is wrong, or does not come in its turn."""

    def __init__(self, expected: Sequence[object]) -> None:
        self._expected = expected
        self._times = array("q")
        self._wrong: str | None = None
        self._cpu = 0.0

    def take(self, event: object) -> bool:
        """Note an event; says whether it was the last."""
        number = len(self._times)
        self._times.append(clock())
        if event != self._expected[number] and self._wrong is None:
            self._wrong = f"{event!r} came instead of {self._expected[number]!r}"
        number += 1
        if number == WARM_UP:
            self._cpu = time.process_time()
        return number == len(self._expected)

    def subscribed(self) -> None:
        """Say that events can be sent."""
        print("subscribed", flush=True)

    def done(self) -> None:
        """Nothing more will come: prints what was found."""
        cpu = time.process_time() - self._cpu
        found = {"arrived": [*self._times[WARM_UP:]], "wrong": self._wrong, "cpu": cpu}
        print(json.dumps(found), flush=True)


def main(roles: dict[str, Callable[[Task], object]]) -> None:
    """Does what the command line says, up to its end or to a SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    role, url, events, pause = sys.argv[1:]
    roles[role](Task(role, url, int(events), float(pause)))
