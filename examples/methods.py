"""Methods of every kind: blocking, coroutines, another name, an own error, a cookie."""

import asyncio
import time
from collections.abc import Generator
from typing import Any

import gemstone


class MethodsService(gemstone.MicroService):
    name = "methods_service"
    port = 8000

    # Blocking, in a thread of its own: the default.
    @gemstone.exposed_method()
    def wait(self, seconds: float) -> str:
        time.sleep(seconds)
        return f"waited {seconds} s in a thread"

    # A coroutine, on the event loop.
    @gemstone.exposed_method()
    async def wait_together(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return f"waited {seconds} s on the loop"

    # A Tornado coroutine, which hands what blocks to the executor.
    @gemstone.exposed_method(is_coroutine=True)
    def wait_elsewhere(self, seconds: float) -> Generator[Any, Any, str]:
        yield self.get_executor().submit(time.sleep, seconds)
        return f"waited {seconds} s beside the loop"

    # A plain function on the event loop: so short that a thread is not worth it.
    @gemstone.exposed_method(is_coroutine=True)
    def add(self, a: int, b: int = 1) -> int:
        return a + b

    # Another name for clients, and an error of its own.
    @gemstone.exposed_method("shapes.corners")
    def corners_of(self, shape: str) -> int:
        corners = {"triangle": 3, "square": 4}
        if shape not in corners:
            raise gemstone.RpcError(1, "No such shape", {"known": sorted(corners)})
        return corners[shape]

    # The HTTP side of the answer.
    @gemstone.exposed_method(requires_handler_reference=True)
    def remember(self, handler: gemstone.TornadoJsonRpcHandler, flavour: str) -> None:
        handler.set_cookie("flavour", flavour)


if __name__ == "__main__":
    MethodsService().start()
