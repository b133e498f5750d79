"""``python -m tools.chaos.events.service emitter|subscriber URL``: a service that tells a lot.

It writes records to stdout: a JSON array in each line, its kind first. It serves until SIGTERM,
and writes what is left of it. It ends when its stdin is closed, so that its connections can be
counted before the kernel closes them; if that is earlier, nobody looks on, and it ends at once.
"""

import itertools
import os
import sys
import threading
import time
from functools import partial
from typing import Any, Final

import gemstone
from gemstone.errors import ServiceStateError
from gemstone.event import Event, Receipt

from ..telling import tell

#: The events are of so many names: the number of an event says which is its own.
NAMES: Final = ("chaos.a", "chaos.b", "chaos.c")
#: How many events are emitted in a second.
RATE: Final = 250
_LOOK_EVERY: Final = 0.02


def name_of(number: int) -> str:
    """The name of the event that has this number."""
    return NAMES[number % len(NAMES)]


def main() -> None:
    """Runs the service that is named on the command line."""
    role, url = sys.argv[1:]
    service = Emitter(url) if role == "emitter" else Subscriber(url)
    released, stopped = threading.Event(), threading.Event()
    for watch in (partial(_watch_stdin, released, stopped), partial(_watch_connections, service)):
        threading.Thread(target=watch, daemon=True).start()
    before = {*threading.enumerate()}
    service.start()
    stopped.set()
    left = sorted(thread.name for thread in {*threading.enumerate()} - before)
    tell("stopped", time.monotonic(), service.emitted, left)
    released.wait()


class Chaotic(gemstone.MicroService):
    """What the two have in common."""

    port = 0

    def __init__(self, url: str) -> None:
        self.event_transports = [url]
        self.emitted = 0
        super().__init__()


class Emitter(Chaotic):
    """Emits a steady stream of events, and tells of each what its receipt said."""

    name = "emitter"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._emit, name="stream")

    def start(self) -> None:
        """Serves, and leaves no thread of its own."""
        super().start()
        self._thread.join()

    def on_service_start(self) -> None:
        """Begins the stream."""
        self._thread.start()

    def on_service_stop(self) -> None:
        """Ends it."""
        self._ending.set()

    def _emit(self) -> None:
        begun = time.monotonic()
        for number in itertools.count():
            if self._ending.wait(max(0.0, begun + number / RATE - time.monotonic())):
                return
            emitted_at = time.monotonic()
            try:
                receipt = self.emit_event(name_of(number), [number, emitted_at])
            except ServiceStateError:
                return  # it has stopped meanwhile: this one was not emitted
            self.emitted += 1
            receipt.add_done_callback(partial(_tell_outcome, number, emitted_at))


class Subscriber(Chaotic):
    """Tells of each event that comes."""

    name = "subscriber"

    @gemstone.event_handler(NAMES[0])
    @gemstone.event_handler(NAMES[1])
    @gemstone.event_handler(NAMES[2])
    def take(self, body: Any, event: Event) -> None:
        """Tells of an event."""
        number, emitted_at = body
        tell("arrived", time.monotonic(), event.name, number, emitted_at)


def _tell_outcome(number: int, emitted_at: float, receipt: Receipt) -> None:
    error = receipt.exception()
    outcome = "" if error is None else type(error).__name__
    tell("settled", time.monotonic(), number, emitted_at, outcome)


def _watch_stdin(released: threading.Event, stopped: threading.Event) -> None:
    sys.stdin.buffer.read()
    if not stopped.is_set():
        os._exit(3)
    released.set()


def _watch_connections(service: Chaotic) -> None:
    told = 0
    while True:
        # What anybody may ask, event_status(), does not tell one of its connections from another.
        [attachment] = service._events._attached()
        lost = sum(each.error is not None for each in attachment.supervisors())
        if lost != told:
            told = lost
            tell("lost", time.monotonic(), lost)
        time.sleep(_LOOK_EVERY)


if __name__ == "__main__":
    main()
