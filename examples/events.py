"""Two services that know nothing of each other: each handles the events of the other.

With ``GEMSTONE_EVENTS=redis://127.0.0.1:6379/0`` the events go through Redis, with
``amqp://guest:guest@127.0.0.1/`` through RabbitMQ, and the services could be two programs.
"""

import os

import gemstone
from gemstone.event import Event

TRANSPORT = os.environ.get("GEMSTONE_EVENTS", "memory://")


class Stock(gemstone.MicroService):
    name = "stock"
    port = 0  # any free one: nobody calls it
    event_transports = [TRANSPORT]

    def __init__(self) -> None:
        super().__init__()
        self.left = {"cup": 10, "plate": 5}

    @gemstone.event_handler("orders.placed")
    def take(self, order: dict[str, str], event: Event) -> None:
        article = order["article"]
        self.left[article] -= 1
        self.logger.info("%s %s: %s", event.name, event.id, article)
        self.emit_event("stock.changed", {"article": article, "left": self.left[article]})


class Orders(gemstone.MicroService):
    name = "orders"
    port = 8000
    event_transports = [TRANSPORT]

    def __init__(self) -> None:
        super().__init__()
        self.left: dict[str, int] = {}

    @gemstone.exposed_method()
    async def place(self, article: str) -> str:
        await self.emit_event("orders.placed", {"article": article})
        return "thank you"

    @gemstone.event_handler("stock.changed")
    async def note(self, stock: dict[str, str | int]) -> None:
        self.left[str(stock["article"])] = int(stock["left"])

    @gemstone.exposed_method()
    async def list_left(self) -> dict[str, int]:
        return self.left


if __name__ == "__main__":
    with Stock().start_in_thread():
        Orders().start()
