"""What becomes of a call whose client goes away before it is answered."""

import asyncio
import threading

import pytest

import gemstone
from tools.waiting import until

from .conftest import BOTH_LOOPS, Site, is_served
from .wire import DEADLINE, call


class Patient(Site):
    """Methods that take long, and tell how they end."""

    max_parallel_blocking_tasks = 1

    def __init__(self, **attributes):
        super().__init__(**attributes)
        self.running = threading.Semaphore(0)

    @gemstone.exposed_method()
    async def wait(self):
        self.running.release()
        try:
            await self.may_go_on()
        except asyncio.CancelledError:
            self.told.append("cancelled")
            raise
        self.told.append("ended")

    @gemstone.exposed_method()
    def hold(self, number):
        self.running.release()
        assert self.may_go.wait(DEADLINE)
        self.told.append(number)


def until_it_knows(service):
    """Waits until a service that has no place left for others has one."""
    until(lambda: is_served(service), what="it knows that a client is gone", within=DEADLINE)


@BOTH_LOOPS
@pytest.mark.parametrize("cancels", [False, True])
@pytest.mark.parametrize("rudely", [False, True])
def test_a_coroutine(start, connect, cancels, rudely):
    service = start(Patient(cancel_on_disconnect=cancels, max_connections=1))
    wire = connect(service, call(1, "wait"))
    assert service.running.acquire(timeout=DEADLINE)
    wire.reset() if rudely else wire.close()
    if not cancels:
        # Whoever comes later finds the service as it was, and the call running.
        until_it_knows(service)
        assert service.told == []
        service.may_go.set()
    service.until_told("cancelled" if cancels else "ended")


@BOTH_LOOPS
@pytest.mark.parametrize("cancels", [False, True])
def test_a_blocking_method_that_has_not_begun(start, connect, cancels):
    service = start(Patient(cancel_on_disconnect=cancels, max_connections=2))
    first = connect(service, call(1, "hold", [1]))
    assert service.running.acquire(timeout=DEADLINE)
    second = connect(service, call(2, "hold", [2]))
    until(
        lambda: service._dispatcher.blocking._queue, what="the second call waits", within=DEADLINE
    )
    second.close()
    until_it_knows(service)
    service.may_go.set()
    assert first.answer().json["id"] == 1
    first.send(call(5, "hold", [5]))
    assert first.answer().json["id"] == 5
    assert service.told == ([1, 5] if cancels else [1, 2, 5])


@BOTH_LOOPS
def test_a_call_that_is_answered_is_not_cancelled(start, connect):
    service = start(Patient(cancel_on_disconnect=True, max_connections=1))
    wire = connect(service, call(1, "wait"))
    assert service.running.acquire(timeout=DEADLINE)
    service.may_go.set()
    assert wire.answer().json["id"] == 1
    wire.close()
    until_it_knows(service)
    assert service.told == ["ended"]
