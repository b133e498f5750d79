"""Orders that no invoice is missing for, whoever is down and whatever fails.

With ``GEMSTONE_EVENTS=redis+stream://127.0.0.1:6379/0`` the events go through Redis, with
``amqp+durable://guest:guest@127.0.0.1/`` through RabbitMQ. The two could be two programs.
"""

import os

import gemstone

TRANSPORT = os.environ.get("GEMSTONE_EVENTS", "redis+stream://127.0.0.1:6379/0")


class Invoices(gemstone.MicroService):
    name = "invoices"
    port = 0  # any free one: nobody calls it
    event_transports = [TRANSPORT]
    max_deliveries = 3  # then an event goes to the dead letters

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[str, str] = {}

    @gemstone.event_handler("orders.placed")
    async def write(self, order: dict[str, str], event: gemstone.event.Event) -> None:
        if event.id in self.written:
            return  # at least once: it may come again
        if not order["customer"]:
            raise ValueError(f"attempt {event.attempt}: to whom is {order['article']} sent?")
        self.written[str(event.id)] = order["customer"]
        await self.emit_event("invoices.written", {"customer": order["customer"]})


class Orders(gemstone.MicroService):
    name = "orders"
    port = 8000
    event_transports = [TRANSPORT]

    def __init__(self) -> None:
        super().__init__()
        self.invoiced: list[str] = []

    @gemstone.exposed_method()
    async def place(self, article: str, customer: str) -> str:
        await self.emit_event("orders.placed", {"article": article, "customer": customer})
        return "thank you"  # the broker has it: it will be handled

    @gemstone.event_handler("invoices.written")
    def note(self, invoice: dict[str, str]) -> None:
        self.invoiced.append(invoice["customer"])

    @gemstone.exposed_method()
    async def list_invoiced(self) -> list[str]:
        return self.invoiced


if __name__ == "__main__":
    with Invoices().start_in_thread():
        Orders().start()
