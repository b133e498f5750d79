"""The floor: what JSON-RPC over HTTP costs at least on the libraries that gemstone stands on.

A bare ``asyncio.Protocol``, httptools and msgspec, a task for each call, one write for each answer;
no limits, no deadlines, no errors, and nothing of what is not a call. A blocking method is handed
to the default executor, each call of it by itself.

The port is the first argument, ``asyncio`` or ``uvloop`` the second.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import httptools
import msgspec


class Call(msgspec.Struct, gc=False):
    method: str
    params: dict[str, Any]
    id: msgspec.Raw


class Answer(msgspec.Struct, gc=False):
    jsonrpc: str
    result: Any
    id: msgspec.Raw


async def say_hello(name: str) -> str:
    return f"hello {name}"


def greet(name: str) -> str:
    return f"hello {name}"


async def say_hello_blocking(name: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(None, greet, name)


METHODS: dict[str, Callable[..., Any]] = {
    "say_hello": say_hello,
    "say_hello_blocking": say_hello_blocking,
}
decode = msgspec.json.Decoder(Call | list[Call]).decode
encode = msgspec.json.Encoder().encode


async def execute(call: Call) -> Answer:
    return Answer("2.0", await METHODS[call.method](**call.params), call.id)


class Floor(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""
        self.create_task = asyncio.get_running_loop().create_task
        self.task: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        body, self.body = self.body, b""
        self.task = self.create_task(self.answer(body))  # the loop alone does not keep it alive

    async def answer(self, body: bytes) -> None:
        message = decode(body)
        if isinstance(message, list):
            answer = encode(await asyncio.gather(*map(execute, message)))
        else:
            answer = encode(await execute(message))
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(answer), answer)
        )


async def main() -> None:
    await asyncio.get_running_loop().create_server(Floor, "127.0.0.1", int(sys.argv[1]))
    await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
