"""The hello service on fastapi-jsonrpc and uvicorn, set up as its documentation says.

The port is the first argument. The method is a plain ``def``, which FastAPI runs in a thread.
"""

import sys

import fastapi_jsonrpc
import uvicorn
from fastapi import Body

application = fastapi_jsonrpc.API()
endpoint = fastapi_jsonrpc.Entrypoint("/api")


@endpoint.method()
def say_hello_blocking(name: str = Body(...)) -> str:
    return f"hello {name}"


application.bind_entrypoint(endpoint)

if __name__ == "__main__":
    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[1]), access_log=False)
