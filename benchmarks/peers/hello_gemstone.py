"""The hello service, as the manual has it.

The port is the first argument; the second may name the event loop, which else is the usual one.
"""

import asyncio
import sys

import gemstone


class HelloService(gemstone.MicroService):
    name = "hello"
    host = "127.0.0.1"

    @gemstone.exposed_method()
    async def say_hello(self, name: str) -> str:
        return f"hello {name}"

    @gemstone.exposed_method()
    def say_hello_blocking(self, name: str) -> str:
        return f"hello {name}"

    @gemstone.exposed_method()
    async def wait(self, seconds: float, number: int) -> int:
        await asyncio.sleep(seconds)
        return number


if __name__ == "__main__":
    service = HelloService()
    service.port = int(sys.argv[1])
    if len(sys.argv) > 2:
        service.event_loop = sys.argv[2]
    service.start()
