"""What is moved from one queue to another, while its handlers kill their process."""

import asyncio
import contextlib
import threading
import uuid

import pika
import pytest

from gemstone.event import dead_letters, open_transport
from tools.brokers import RabbitMq
from tools.chaos.durable.processes import Worker
from tools.chaos.durable.service import POISON
from tools.waiting import until

from ..conftest import RABBITMQ, skip_if_given

#: How long what a client sends is on its way to the broker, in seconds.
DELAY = 0.05
ASIDE = ("retries", "suspects")


class LongWay:
    """A long way to a broker: what a client has sent arrives late, or not at all if it dies."""

    def __init__(self, port):
        self._to = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="long-way")

    def __enter__(self):
        self._thread.start()
        serving = asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result(10)
        return self._server.sockets[0].getsockname()[1]

    def __exit__(self, *exc_info):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self, reader, writer):
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        back = asyncio.create_task(self._carry_back(there_reader, writer))
        try:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(65536):
                    self._loop.call_later(DELAY, self._carry, there_writer, data)
        finally:
            there_writer.transport.abort()
            back.cancel()
            writer.transport.abort()

    def _carry(self, writer, data):
        if not writer.is_closing():
            writer.write(data)

    async def _carry_back(self, reader, writer):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()


@pytest.fixture(scope="module")
def broker():
    """A RabbitMQ for these tests alone: others count the queues of theirs, and these stay."""
    skip_if_given(RABBITMQ)
    with RabbitMq() as broker:
        yield broker


@contextlib.contextmanager
def channel_of(broker):
    """A channel of pika's own."""
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        yield connection.channel()


@contextlib.contextmanager
def held(broker, queue):
    """Somebody has the only event of a queue, and dies then."""
    with channel_of(broker) as channel:
        until(lambda: channel.basic_get(queue)[0], what="the event is there")
        yield


def left(broker, queues):
    """How many messages queues have, as soon as nobody consumes them."""
    with channel_of(broker) as channel:

        def told():
            found = [channel.queue_declare(queue, passive=True).method for queue in queues]
            return not any(queue.consumer_count for queue in found) and found

        return sum(queue.message_count for queue in until(told, what="nobody consumes"))


@pytest.mark.once
@pytest.mark.parametrize(("deaths", "most"), [(1, 2), (2, 3), (2, 5)])
def test_an_event_that_kills_its_process_is_tried_exactly_so_often(broker, deaths, most):
    service = f"service-{uuid.uuid4().hex}"
    queue = f"gemstone:{service}:{POISON}"
    url = f"amqp+durable{broker.url.removeprefix('amqp')}"
    with LongWay(broker.port) as port, dead_letters(url) as letters:
        worker = Worker(url.replace(f":{broker.port}", f":{port}"), service, most)
        with worker:
            worker.wait_until_connected()
            worker.end()
            with open_transport(url) as transport:
                transport.emit_event(POISON, "kill").wait(30)
            for _ in range(deaths - 1):
                with held(broker, queue):
                    pass
            with held(broker, queue):
                worker.start().wait_until_connected()
            # Now it is moved to the suspects, and could be tried before it is gone from its queue.

            def found():
                worker.restart_if_dead()
                return letters.list(service=service)

            [letter] = until(found, what="it is a dead letter")
            assert worker.end() == 0
            # If it lay elsewhere, too, it would be tried once more.
            assert left(broker, [queue, *(f"gemstone.{what}:{service}" for what in ASIDE)]) == 0
            assert worker.tried == [("kill", attempt) for attempt in range(deaths + 1, most + 1)]
            assert letter.attempts == most
            assert letters.list(service=service) == [letter]
