"""Whether a service is ready, while its brokers are killed and started."""

import http.client
import json
from contextlib import ExitStack

import pytest

import gemstone
from tools.waiting import until


class Emitting(gemstone.MicroService):
    name = "emitting"
    port = 0
    drain_grace = 0


class Handling(Emitting):
    name = "handling"

    @gemstone.event_handler("noted")
    def note(self, body):
        pass


def ask(service, what="ready"):
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    try:
        connection.request("GET", f"/health/{what}")
        response = connection.getresponse()
        return response.status, json.load(response)
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("broker", "query"), [("mortal_redis", "?socket_timeout=1"), ("mortal_rabbitmq", "")]
)
def test_a_broker_that_is_killed(request, broker, query):
    broker = request.getfixturevalue(broker)
    services = Emitting(), Handling()
    with ExitStack() as stack:
        for service in services:
            service.event_transports = [broker.url + query]
            stack.enter_context(service.start_in_thread())
            wait_for(200, service)
        broker.kill()
        for service in services:
            said = wait_for(503, service)
            [transport] = said["event_transports"]
            assert transport["connected"] is False
            assert str(broker.port) in transport["transport"]
            assert "guest:guest" not in transport["transport"]
            assert (said["status"], said["service"]) == ("not ready", "serving")
            assert ask(service, "live") == (200, {"status": "live"})
        broker.start()
        for service in services:
            wait_for(200, service)


def test_a_redis_that_is_registry_and_transport(mortal_redis):
    service = Handling()
    service.event_transports = service.discovery_strategies = [mortal_redis.url]
    service.service_registry_ping_interval = 0.2
    with service.start_in_thread():
        wait_for(200, service)
        mortal_redis.kill()
        until(lambda: are_there(ask(service)[1]) == (False, False), what="both are missed")
        mortal_redis.start()
        wait_for(200, service)


def wait_for(status, service):
    """Waits until the answer has a status, and gives the answer."""
    what = f"{service.name} answers {status}"
    _, said = until(lambda: (answer := ask(service))[0] == status and answer, what=what)
    return said


def are_there(said):
    """Whether the one transport and the one registry are there that an answer tells of."""
    [transport], [registry] = said["event_transports"], said["registries"]
    return transport["connected"], registry["registered"]
