"""What the pieces of a call cost by themselves, in microseconds, printed as JSON.

They are the least that each of them can cost: nothing of a service is around them. The argument is
how often each is done.
"""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httptools
import msgspec
import uvloop

CALL = b'{"jsonrpc": "2.0", "method": "say_hello", "params": {"name": "n1"}, "id": 1}'
REQUEST = (
    b"POST /api HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(CALL), CALL)
)
ANSWER = {"jsonrpc": "2.0", "result": "hello n1", "id": 1}
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 46\r\n\r\n%46b" % b""
)
#: How many tasks are made in one turn of the loop, as by so many connections.
AT_ONCE = 64


class Call(msgspec.Struct, gc=False):
    jsonrpc: str
    method: str
    params: dict[str, Any]
    id: msgspec.Raw


class Parsed:
    def on_url(self, url: bytes) -> None: ...
    def on_header(self, name: bytes, value: bytes) -> None: ...
    def on_headers_complete(self) -> None: ...
    def on_body(self, body: bytes) -> None: ...
    def on_message_complete(self) -> None: ...


def each(times: int, work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begun) / times * 1e6


def kernel(times: int) -> float:
    """One receive and one send on a connection of TCP, as a server does them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    used = 0.0
    with closing(client), closing(server):
        for _ in range(times):
            client.send(REQUEST)
            begun = time.perf_counter()
            server.recv(65536)
            server.send(RESPONSE)
            used += time.perf_counter() - begun
            client.recv(65536)
    return used / times * 1e6


async def say_hello(name: str) -> str:
    return f"hello {name}"


async def task(times: int) -> float:
    loop = asyncio.get_running_loop()
    turns = -(-times // AT_ONCE)
    begun = time.perf_counter()
    for _ in range(turns):
        for _ in range(AT_ONCE):
            last = loop.create_task(say_hello("n1"))
        await last
    return (time.perf_counter() - begun) / (turns * AT_ONCE) * 1e6


def main(times: int) -> None:
    feed = httptools.HttpRequestParser(Parsed()).feed_data
    decode = msgspec.json.Decoder(Call).decode
    encode = msgspec.json.Encoder().encode
    found = {
        "kernel": kernel(times),
        "parse": each(times, lambda: feed(REQUEST)),
        "decode": each(times, lambda: decode(CALL)),
        "encode": each(times, lambda: encode(ANSWER)),
        "uvloop": uvloop.run(task(times)),
        "asyncio": asyncio.run(task(times)),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
