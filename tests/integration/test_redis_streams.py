"""RedisStreamEventTransport on a real Redis, which is killed and emptied."""

import pytest

from gemstone.event import RedisStreamEventTransport
from gemstone_core.testing import DurableEventTransportContract
from tools.brokers import free_ports


def stream_url(broker, options=""):
    return f"redis+stream{broker.url.removeprefix('redis')}{options}"


class TestStreams(DurableEventTransportContract):
    @pytest.fixture(autouse=True)
    def broker(self, mortal_redis):
        self._broker = mortal_redis
        self.url = stream_url(mortal_redis)

    def make_transport(self):
        return RedisStreamEventTransport(self.url)

    def make_unreachable_transport(self):
        [port] = free_ports(1)
        return RedisStreamEventTransport(f"redis+stream://127.0.0.1:{port}")

    def break_connections(self):
        with self._broker.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal")

    def send_raw(self, event_name, data):
        with self._broker.client() as client:
            client.xadd(f"{{gemstone}}:events:{event_name}", {"body": data})
