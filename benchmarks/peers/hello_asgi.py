"""The hello service as a bare ASGI application on uvicorn, with all that speeds uvicorn up.

The port is the first argument. It checks nothing, and knows single calls only; msgspec reads and
writes them, as it does for gemstone.
"""

import sys
from typing import Any

import msgspec
import uvicorn


async def say_hello(name: str) -> str:
    return f"hello {name}"


METHODS = {"say_hello": say_hello}


async def application(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    call = msgspec.json.decode(body)
    result = await METHODS[call["method"]](**call["params"])
    answer = msgspec.json.encode({"jsonrpc": "2.0", "result": result, "id": call["id"]})
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
