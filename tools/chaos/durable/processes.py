"""The processes of the proofs, and what they have told."""

import signal
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, Self

from ...waiting import until
from ..child import Child

_STOP_WITHIN: Final = 40.0
_START_WITHIN: Final = 60.0


class Emitter(Child):
    """Emits numbers from 0 on; killed, it goes on after the last that it began.

    Args:
        url: of its transport.
        rate: how many in a second.
    """

    def __init__(self, url: str, rate: float) -> None:
        self._rate = rate
        self._url = url
        self.begun = -1
        self._first = 0
        self.promised: set[int] = set()
        self.failed: dict[int, str] = {}
        self.is_done = False
        super().__init__("emitter", f"{__package__}.service", *self._arguments())

    def _arguments(self) -> list[str]:
        return ["emitter", self._url, str(self.begun + 1), str(self._rate)]

    def start(self) -> Self:
        """Starts it, or lets it go on."""
        self.is_done = False
        self._first = self.begun + 1
        self._command[3:] = self._arguments()
        return super().start()

    def promised_after(self, number: int) -> set[int]:
        """The numbers above one that a receipt said yes to, by now."""
        promised = self.promised.copy()  # in one step: another thread adds to it
        return {each for each in promised if each > number} if number >= 0 else promised

    def end(self) -> None:
        """Has it end when all is decided that it has begun, which is one at least."""
        until(
            lambda: self.begun >= self._first, what=f"the {self.label} emits", within=_START_WITHIN
        )
        self.signal(signal.SIGTERM)

    def _keep(self, kind: str, values: list[Any]) -> None:
        if kind == "emitted":
            self.begun = values[0]
        elif kind == "ended":
            self.is_done = True
        elif values[1]:
            self.failed[values[0]] = values[1]
        else:
            self.promised.add(values[0])


class Worker(Child):
    """Handles numbers.

    Args:
        url: of its transport.
        name: of the service.
        max_deliveries: how often it tries.
    """

    def __init__(self, url: str, name: str, max_deliveries: int = 5) -> None:
        super().__init__(name, f"{__package__}.service", "worker", url, name, str(max_deliveries))
        self.max_deliveries = max_deliveries
        #: Each number, as often as it was handled.
        self.handled: Counter[int] = Counter()
        self.last_at = 0.0
        #: What was poison, and which attempt it was.
        self.tried: list[tuple[str, int]] = []
        self._is_connected = False

    def start(self) -> Self:
        """Starts it, and does not wait."""
        self._is_connected = False
        return super().start()

    def wait_until_connected(self) -> None:
        """Waits until its events come."""
        until(
            lambda: self._is_connected or not self.runs(),
            what=f"{self.label} is connected",
            within=_START_WITHIN,
        )

    def end(self) -> int:
        """Has it stop in good order (SIGTERM); gives its status."""
        self.signal(signal.SIGTERM)
        return self.wait(_STOP_WITHIN)

    def restart_if_dead(self) -> bool:
        """Starts it again when it has killed itself; says whether it had."""
        if self.runs():
            return False
        self.kill()
        self.start()
        return True

    def _keep(self, kind: str, values: list[Any]) -> None:
        if kind == "handled":
            self.handled[values[0]] += 1
            self.last_at = values[1]
        elif kind == "tried":
            self.tried.append((values[0], values[1]))
        elif kind == "connected":
            self._is_connected = True


def handled_by(workers: Iterable[Worker]) -> Counter[int]:
    """What some workers have handled together, and how often."""
    total: Counter[int] = Counter()
    for worker in workers:
        # It is written to by another thread.
        for _ in range(100):
            with suppress(RuntimeError):
                total.update(dict(worker.handled))
                break
            time.sleep(0.001)
    return total
