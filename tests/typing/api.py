"""The types of the public names, as a user's type checker sees them. Nobody runs this file."""

from typing import assert_type

import gemstone
import gemstone.core
import gemstone.plugins
from gemstone.client import RemoteService
from gemstone.errors import RemoteCallError, RpcError


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
