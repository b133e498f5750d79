"""A service that finds another one by its name, and two instances of that one.

With ``GEMSTONE_REGISTRY=redis://127.0.0.1:6379/0`` they find each other through Redis, with
``http://127.0.0.1:8100/api`` through a ``gemstone.discovery.ServiceRegistry`` on that port, and
could be three programs.
"""

import os

import gemstone

REGISTRY = os.environ.get("GEMSTONE_REGISTRY", "memory://")


class Greeter(gemstone.MicroService):
    name = "greeter"
    port = 0  # any free one: it is found by its name
    discovery_strategies = [REGISTRY]

    @gemstone.exposed_method()
    def greet(self, who: str) -> str:
        return f"hello {who}, from port {self.port}"


class Reception(gemstone.MicroService):
    name = "reception"
    port = 8000
    discovery_strategies = [REGISTRY]

    @gemstone.exposed_method()
    def welcome(self, who: str) -> str:
        greeter = self.get_service("greeter")
        if greeter is None:
            raise gemstone.RpcError(1, "nobody is there to greet")
        greeting: str = greeter.with_options(timeout=2, idempotent=True).methods.greet(who)
        return greeting


if __name__ == "__main__":
    with Greeter().start_in_thread(), Greeter().start_in_thread():
        Reception().start()
