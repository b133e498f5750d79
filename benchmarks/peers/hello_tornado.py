"""The hello service written by hand: a Tornado ``RequestHandler``, and ``json``.

The port is the first argument. It checks what anybody would check, and knows single calls only.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from tornado.ioloop import IOLoop
from tornado.web import Application, RequestHandler


async def say_hello(name: str) -> str:
    return f"hello {name}"


def greet(name: str) -> str:
    return f"hello {name}"


async def say_hello_blocking(name: str) -> str:
    return await IOLoop.current().run_in_executor(None, greet, name)


METHODS: dict[str, Callable[..., Any]] = {
    "say_hello": say_hello,
    "say_hello_blocking": say_hello_blocking,
}


class RpcHandler(RequestHandler):
    async def post(self) -> None:
        try:
            call = json.loads(self.request.body)
        except ValueError:
            self.answer({"error": {"code": -32700, "message": "Parse error"}, "id": None})
            return
        if not isinstance(call, dict) or call.get("jsonrpc") != "2.0":
            self.answer({"error": {"code": -32600, "message": "Invalid Request"}, "id": None})
            return
        id = call.get("id")
        method = METHODS.get(call.get("method", ""))
        if method is None:
            self.answer({"error": {"code": -32601, "message": "Method not found"}, "id": id})
            return
        try:
            params = call.get("params", [])
            result = await (method(**params) if isinstance(params, dict) else method(*params))
        except Exception:
            self.answer({"error": {"code": -32603, "message": "Internal error"}, "id": id})
        else:
            self.answer({"result": result, "id": id})

    def answer(self, members: dict[str, Any]) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"jsonrpc": "2.0", **members}))


async def main() -> None:
    Application([("/api", RpcHandler)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
