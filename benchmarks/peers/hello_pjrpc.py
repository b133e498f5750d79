"""The hello service on pjrpc and aiohttp, set up as pjrpc's documentation says.

The port is the first argument. The size of a batch is not limited.
"""

import sys

import pjrpc.server
from aiohttp import web
from pjrpc.server.integration import aiohttp

methods = pjrpc.server.MethodRegistry()


@methods.add()
async def say_hello(name: str) -> str:
    return f"hello {name}"


if __name__ == "__main__":
    application = aiohttp.Application("/api")
    application.add_methods(methods)
    web.run_app(application.http_app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
