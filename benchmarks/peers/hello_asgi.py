"""The hello service as a bare ASGI application on uvicorn, with all that speeds uvicorn up.

The port is the first argument. It checks nothing, and knows single calls only; Python's json reads
and writes them, or msgspec, as it does for gemstone: the second argument names it.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import uvicorn


async def say_hello(name: str) -> str:
    return f"hello {name}"


METHODS = {"say_hello": say_hello}


def encode_by_json(value: Any) -> bytes:
    return json.dumps(value).encode()


decode: Callable[[bytes], Any] = json.loads
encode: Callable[[Any], bytes] = encode_by_json
if sys.argv[2] == "msgspec":
    decode, encode = msgspec.json.decode, msgspec.json.encode


async def application(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    call = decode(body)
    result = await METHODS[call["method"]](**call["params"])
    answer = encode({"jsonrpc": "2.0", "result": result, "id": call["id"]})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(answer)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=60,  # idle connections are to stay, while there are more and more
    )
