"""Events of services, as the manual has them; `numbered_events` says how to call it.

The roles that tick have another coroutine on the loop of the publisher, which is to run every
millisecond, and tell by how much it was late: while nothing else happens, beside a thread that is
busy, or while the events are emitted. The first two emit none that is measured.
"""

import asyncio
import threading
from typing import Any

from numbered_events import NAME, WARM_UP, WINDOW, Arrived, Sent, Task, clock, main

import gemstone

_TICK = 0.001
_TICK_FOR = 1.0


class Publisher(gemstone.MicroService):
    name = "publisher"
    port = 0

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.event_transports = [task.url]
        self._task = task
        self._sent = Sent()

    def run(self) -> None:
        self.start()
        self._working.result()

    async def on_service_start(self) -> None:
        self._working = asyncio.create_task(self._work())

    async def _work(self) -> None:
        bodies = self._task.bodies()
        try:
            await self._emit(bodies[:WARM_UP])
            self._sent.warmed_up()
            more = await self._measure(bodies[WARM_UP:])
            self._sent.done(**more)
        finally:
            self.stop()

    async def _measure(self, bodies: list[dict[str, Any]]) -> dict[str, Any]:
        await self._emit(bodies)
        return {}

    async def _emit(self, bodies: list[dict[str, Any]]) -> None:
        receipts = []
        for number, body in enumerate(bodies, 1):
            self._sent.times.append(clock())
            receipts.append(self.emit_event(NAME, body))
            if number % WINDOW == 0:
                await receipts[-1]
            if self._task.pause:
                await asyncio.sleep(self._task.pause)
        for receipt in receipts:
            await receipt


class TickingPublisher(Publisher):
    async def _measure(self, bodies: list[dict[str, Any]]) -> dict[str, Any]:
        late: list[int] = []
        self._ticks = True
        ticking = asyncio.create_task(self._tick(late))
        if self._task.role == "tick-emitting":
            await self._emit(bodies)
        else:
            if self._task.role == "tick-beside-a-thread":
                threading.Thread(target=self._spin, daemon=True).start()
            await asyncio.sleep(_TICK_FOR)
        self._ticks = False
        await ticking  # the last tick counts, too: it may be the one that was held up
        return {"late": late}

    async def _tick(self, late: list[int]) -> None:
        while self._ticks or not late:
            due = clock() + round(_TICK * 1e9)
            await asyncio.sleep(_TICK)
            late.append(clock() - due)

    def _spin(self) -> None:
        while self.is_running:
            pass


class Subscriber(gemstone.MicroService):
    name = "subscriber"
    port = 0

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.event_transports = [task.url]
        self._arrived = Arrived(task.bodies())

    def run(self) -> None:
        self.start()
        self._arrived.done()

    @gemstone.event_handler(NAME)
    def take(self, body: dict[str, Any]) -> None:
        if self._arrived.take(body):
            self.stop()

    async def on_service_start(self) -> None:
        self._say_when_subscribed()

    def _say_when_subscribed(self) -> None:
        if self.event_status()[0].connected_since is None:
            asyncio.get_running_loop().call_later(0.01, self._say_when_subscribed)
        else:
            self._arrived.subscribed()


if __name__ == "__main__":
    main(
        {
            "publish": lambda task: Publisher(task).run(),
            "tick-idle": lambda task: TickingPublisher(task).run(),
            "tick-beside-a-thread": lambda task: TickingPublisher(task).run(),
            "tick-emitting": lambda task: TickingPublisher(task).run(),
            "subscribe": lambda task: Subscriber(task).run(),
        }
    )
