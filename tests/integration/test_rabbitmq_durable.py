"""DurableRabbitMqEventTransport on a real RabbitMQ, which is killed and disturbed."""

import contextlib

import pika
import pytest

from gemstone.event import DurableRabbitMqEventTransport
from gemstone_core.testing import DurableEventTransportContract
from tools.brokers import free_ports


@pytest.fixture
def mortal_rabbitmq(mortal_rabbitmq):
    """One that can be looked into, which is a moment after it answers clients."""
    mortal_rabbitmq.ctl("await_startup")
    return mortal_rabbitmq


def durable_url(broker):
    return f"amqp+durable{broker.url.removeprefix('amqp')}"


@contextlib.contextmanager
def client(broker):
    """A channel of pika's own."""
    with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
        yield connection.channel()


class TestDurable(DurableEventTransportContract):
    @pytest.fixture(autouse=True)
    def broker(self, mortal_rabbitmq):
        self._broker = mortal_rabbitmq
        self.url = durable_url(mortal_rabbitmq)

    def make_transport(self):
        return DurableRabbitMqEventTransport.from_url(self.url)

    def make_unreachable_transport(self):
        [port] = free_ports(1)
        return DurableRabbitMqEventTransport("127.0.0.1", port)

    def break_connections(self):
        self._broker.close_connections()

    def send_raw(self, event_name, data):
        with client(self._broker) as channel:
            channel.basic_publish("gemstone.events", event_name, data)
