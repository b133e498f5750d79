"""The types of the public names, as a user's type checker sees them. Nobody runs this file."""

from collections.abc import Collection
from typing import assert_type

import gemstone
import gemstone.config
import gemstone.config.configurator
import gemstone.core
import gemstone.discovery
import gemstone.event
import gemstone.events.transport
import gemstone.plugins
from gemstone.client import RemoteService
from gemstone.errors import RemoteCallError, RpcError
from gemstone_core.testing import EventTransportContract


class Hello(gemstone.MicroService):
    name = "hello"
    host = "127.0.0.1"
    port = 0

    @gemstone.exposed_method()
    def say_hello(self, name: str) -> str:
        return f"hello {name}"

    @gemstone.core.exposed_method("hello.later", private=True)
    async def later(self, name: str) -> str:
        raise RpcError(1, "not yet", data={"name": name})


# A decorated method keeps its type.
assert_type(Hello().say_hello("world"), str)


class Chatty(gemstone.plugins.BasePlugin):
    name = "chatty"

    def on_method_return(
        self, jsonrpc_request: gemstone.Request, outcome: gemstone.plugins.MethodOutcome
    ) -> None:
        assert_type(outcome.error, RpcError | None)
        assert_type(outcome.seconds, float)
        assert_type(outcome.size, int)

    def on_event(self, event: gemstone.event.Event) -> None:
        assert_type(event.name, str)


class Plugged(Hello):
    plugins = [Chatty, Chatty(), "chatty", gemstone.plugins.RequestLog(logger="access")]


def call(service: RemoteService) -> None:
    result = service.call_method("say_hello", ("world",))
    assert_type(result, gemstone.Result)

    later = service.call_method_async("say_hello", {"name": "world"})
    assert_type(later, gemstone.AsyncMethodCall)
    for done in gemstone.as_completed(later):
        assert_type(done, gemstone.AsyncMethodCall)

    batch = service.call_batch(
        gemstone.MethodCall("say_hello", ["world"]), gemstone.Notification("say_hello", ["all"])
    )
    assert_type(batch, gemstone.BatchResult)

    try:
        service.methods.say_hello("world")
    except RemoteCallError as error:
        assert_type(error.code, int)


assert_type(gemstone.__version__, str)
assert_type(gemstone.MicroService, type[gemstone.core.MicroService])

# A service in a thread is still the service.
with Hello().start_in_thread() as running:
    assert_type(running.say_hello("world"), str)


# Events.
class Registry(gemstone.Container):
    @gemstone.event_handler("users.created")
    async def remember(self, body: dict[str, str], event: gemstone.event.Event) -> None:
        assert_type(event.id, str | None)
        assert_type(event.attempt, int)


class Page(gemstone.GemstoneCustomHandler):
    def initialize(self, title: str) -> None:
        self.title = title

    def get(self) -> None:
        self.write({self.title: self.microservice.name})


class Site(gemstone.MicroService):
    name = "site"
    extra_handlers = [(r"/", Page, {"title": "name"}), (r"/other", Page)]
    health_endpoint = None
    ssl_options = {"certfile": "cert.pem"}


class Users(gemstone.MicroService):
    name = "users"
    modules = [Registry]
    event_transports = [
        gemstone.event.MemoryEventTransport(),
        gemstone.event.MemoryEventTransport,
        "redis://127.0.0.1:6379/0",
    ]
    max_concurrent_events = 10

    @gemstone.event_handler("users.created")
    @gemstone.event_handler("users.changed", blocking=True)
    def on_users(self, body: dict[str, str]) -> None: ...

    @gemstone.exposed_method()
    async def create(self, user: str) -> None:
        receipt = self.emit_event("users.created", {"name": user}, headers={"trace": "1"})
        assert_type(receipt, gemstone.event.Receipt)
        await receipt


assert_type(Users().on_users({}), None)
for status in Users().event_status():
    assert_type(status, gemstone.event.EventStatus)
    assert_type(status.dead, int)
    assert_type(status.connected_since, float | None)

with gemstone.event.dead_letters("redis+stream://127.0.0.1/0") as letters:
    assert_type(letters, gemstone.event.DeadLetters)
    for letter in letters.list(service="users", limit=10):
        assert_type(letter, gemstone.event.DeadLetter)
        assert_type(letter.event_id, str | None)
    assert_type(letters.replay(["7"], event_name="users.created"), int)
    assert_type(letters.purge(), int)

assert_type(gemstone.event.forget_service("amqp+durable://127.0.0.1", "users", ["a"]), int)


class Homing(gemstone.event.DurableEventTransport):
    """A transport that keeps events until they are handled."""

    def emit_event(self, event_name: str, event_body: object) -> None: ...

    def start_accepting_events(self) -> None:
        event = gemstone.event.Event.from_json("a", b"1", attempt=2, time=1.0)
        if not self.is_spent(event):
            self.deliver(event, lambda error: self.note(event, error))

    def note(self, event: gemstone.event.Event, error: BaseException | None) -> None:
        if self.judge(event, error) is gemstone.event.Verdict.AGAIN:
            assert_type(self.redelivery_delay(event.attempt), float)
        assert_type(self.service_name, str)
        assert_type(event.time, float | None)

    def stop_receiving(self) -> None: ...

    def dead_letters(self) -> gemstone.event.DeadLetters:
        return gemstone.event.DurableRabbitMqEventTransport("127.0.0.1", 5672).dead_letters()

    def forget_service(self, service: str, event_names: Collection[str] = ()) -> int:
        url = "redis+stream://127.0.0.1/0"
        return gemstone.event.RedisStreamEventTransport(url).forget_service(service)


class Pigeons(gemstone.events.transport.BaseEventTransport):
    reports_connected = True

    @classmethod
    def from_url(cls, url: str) -> "Pigeons":
        return cls()

    def emit_event(self, event_name: str, event_body: object) -> None: ...

    def publish(self, outbox: gemstone.event.Outbox) -> None:
        while not outbox.is_finished:
            for emission in outbox.take(10, timeout=1.0):
                assert_type(emission, gemstone.event.Emission)
                outbox.done([emission])

    def start_accepting_events(self) -> None:
        self.connected()
        self.dispatch(gemstone.event.Event.from_json("a", b"1", id="7")).result()

    def stop(self) -> None: ...


gemstone.event.register_event_transport("pigeons", Pigeons)

with gemstone.event.open_transport("pigeons://roof", emit_timeout=3.0) as opened:
    assert_type(opened, gemstone.event.OpenTransport)
    assert_type(opened.emit_event("a", None).wait(3), None)
    for event in opened.listen("a", timeout=1.0):
        assert_type(event, gemstone.event.Event)


class TestPigeons(EventTransportContract):
    carries_ids = True

    def make_transport(self) -> Pigeons:
        return Pigeons()


# Discovery.
class Shop(gemstone.MicroService):
    name = "shop"
    discovery_strategies = [
        gemstone.discovery.MemoryDiscoveryStrategy(),
        gemstone.discovery.MemoryDiscoveryStrategy,
        gemstone.discovery.HttpDiscoveryStrategy("http://registry:8000/api"),
        gemstone.discovery.StaticDiscoveryStrategy({"users": ["http://users:8000/api"]}),
        "redis://127.0.0.1:6379/0",
    ]
    service_registry_ping_interval = 5
    remote_service_cache = gemstone.discovery.ServiceDiscoveryCache(3)

    @gemstone.exposed_method()
    def find(self) -> list[str]:
        users = self.get_service("users")
        assert_type(users, RemoteService | None)
        return users.locations if users is not None else []

    @gemstone.exposed_method()
    async def find_async(self) -> gemstone.Result | None:
        users = await self.get_service_async("users.*")
        assert_type(users, RemoteService | None)
        return await users.call_method_async("find") if users is not None else None


class Careless(Shop):
    remote_service_cache = gemstone.discovery.DummyCache()


class PigeonDiscovery(gemstone.discovery.BaseDiscoveryStrategy):
    def ping(self, name: str, location: str, **kwargs: object) -> None: ...

    def locate(self, name: str) -> list[str]:
        return []


gemstone.discovery.register_discovery_strategy("pigeons", PigeonDiscovery)

with gemstone.discovery.ServiceRegistry().start_in_thread() as registry:
    assert_type(registry, gemstone.discovery.ServiceRegistry)


# Configuration.
class Vault(gemstone.config.BaseConfigurator):
    def load(self) -> None: ...

    def get(self, name: str) -> object:
        configurable = self.get_configurable_by_name(name)
        assert_type(configurable, gemstone.config.Configurable | None)
        final: object = self.final_value(name, "8000")
        return final

    def source(self, name: str) -> str:
        return f"vault: {self.service_name}.{name}"


vault = Vault()
vault.register_configurable(
    gemstone.config.Configurable(
        "port", template=lambda x: x + 1, type=int, choices=[8000], help="…", required=True
    )
)
for configurable in vault.configurables:
    assert_type(configurable, gemstone.config.configurable.Configurable)
    assert_type(configurable.name, str)
gemstone.config.configurator.CommandLineConfigurator(["--port", "8000"]).load()
gemstone.config.EnvironmentConfigurator("USERS_", environment={"USERS_PORT": "8000"})
gemstone.config.FileConfigurator("users.toml", table="users", optional=True)
configured = gemstone.MicroService().configuration()["port"]
assert_type(configured, gemstone.config.ConfiguredValue)
assert_type(configured.source, str)
