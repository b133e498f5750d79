"""A process of the proofs: ``python -m tools.chaos.durable.service emitter|worker url …``.

It tells on stdout what it does, and ends when nobody writes to its stdin any more.
"""

import itertools
import os
import signal
import sys
import threading
import time
from functools import partial
from typing import Any, Final

import gemstone
from gemstone.event import Event, Receipt

from ..telling import end_without_parent, tell

#: What is emitted.
NUMBER: Final = "proofs.number"
#: Each handler of it fails, or kills its process.
POISON: Final = "proofs.poison"
EVENTS: Final = (NUMBER, POISON)
#: How many receipts may be undecided.
_WINDOW: Final = 2000


def main() -> None:
    """Runs the one that is named on the command line."""
    role, url, *others = sys.argv[1:]
    end_without_parent()
    if role == "emitter":
        first, rate = others
        emit(url, int(first), float(rate))
    else:
        name, max_deliveries = others
        Worker(url, name, int(max_deliveries)).start()
        tell("ended")


def emit(url: str, first: int, rate: float) -> None:
    """Emits numbers at a steady rate, and tells of each what its receipt said.

    After SIGTERM it ends, when all that it has begun are decided.
    """
    room = threading.Semaphore(_WINDOW)
    is_enough = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_enough.set())
    begun = time.monotonic()
    with gemstone.event.open_transport(
        url, emit_buffer_size=2 * _WINDOW, emit_timeout=300.0
    ) as transport:
        for number in itertools.count(first):
            time.sleep(max(0.0, begun + (number - first) / rate - time.monotonic()))
            room.acquire()
            if is_enough.is_set():
                break
            tell("emitted", number)
            receipt = transport.emit_event(NUMBER, number)
            receipt.add_done_callback(partial(_settled, number, room))
        for _ in range(_WINDOW - 1):  # until the last is decided
            room.acquire()
    tell("ended")


def _settled(number: int, room: threading.Semaphore, receipt: Receipt) -> None:
    error = receipt.exception()
    tell("settled", number, "" if error is None else repr(error))
    room.release()


class Worker(gemstone.MicroService):
    """Handles numbers, and fails at poison."""

    port = 0
    drain_grace = 0.0

    def __init__(self, url: str, name: str, max_deliveries: int) -> None:
        self.name = name
        self.event_transports = [url]
        self.max_deliveries = max_deliveries
        super().__init__()

    @gemstone.event_handler(NUMBER)
    def handle(self, number: int) -> None:
        """Tells of a number."""
        tell("handled", number, time.monotonic())

    @gemstone.event_handler(POISON)
    def fail(self, body: Any, event: Event) -> None:
        """Fails, or dies."""
        tell("tried", body, event.attempt)
        if body == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ValueError(f"the handler of a proof fails at {body}, as it should")

    def on_service_start(self) -> None:
        """Tells when its events come."""
        threading.Thread(target=self._watch, name="watches", daemon=True).start()

    def _watch(self) -> None:
        while self.event_status()[0].connected_since is None:
            time.sleep(0.01)
        tell("connected")


if __name__ == "__main__":
    main()
