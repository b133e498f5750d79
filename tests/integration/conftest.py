"""What the tests of both durable transports are made with."""

import asyncio
import threading

import pytest

import gemstone
from gemstone.event import Event, event_handler
from tools.waiting import until


class Service(gemstone.MicroService):
    """Notes the events of one name that come, and how many were with it at once."""

    name = "service"
    port = 0
    drain_grace = 0

    def __init__(self, url, **attributes):
        self.event_transports = [url]
        self.__dict__.update(attributes)
        self.came = []
        self.at_once = [0, 0]
        self.takes = 0.0
        self.release = threading.Event()
        self.release.set()
        super().__init__()

    @event_handler("noted")
    async def note(self, body, event: Event):
        self.at_once[0] += 1
        self.at_once[1] = max(self.at_once)
        try:
            await asyncio.sleep(self.takes)
            while not self.release.is_set():  # it is set in another thread
                await asyncio.sleep(0.01)
            self.came.append(event)
            if body == "bad":
                raise ValueError("the handler of a test fails, as it should")
        finally:
            self.at_once[0] -= 1

    @property
    def status(self):
        [status] = self.event_status()
        return status

    def bodies(self):
        return [event.body for event in [*self.came]]


@pytest.fixture
def run():
    """Runs services, that are connected if they can be; ends them with the test."""
    running = {}

    def start(url, connected=True, **attributes):
        service = Service(url, **attributes)
        running[service] = service.start_in_thread()
        running[service].__enter__()
        if connected:
            until(lambda: service.status.connected_since, what="it is connected")
        return service

    def end(service):
        service.release.set()
        running.pop(service).__exit__(None, None, None)

    start.end = end
    yield start
    for service in [*running]:
        end(service)


def lines(caplog, *words):
    return [
        record.getMessage()
        for record in caplog.records
        if all(word in record.getMessage() for word in words)
    ]
