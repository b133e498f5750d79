"""Makes calls one after the other by one library, and prints how long they took.

Arguments: the library (gemstone, requests or urllib3); the URL; how many calls.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from statistics import median
from typing import Any, Final

METHOD: Final = "say_hello"
WARM_UP: Final = 100


def by_gemstone(url: str) -> tuple[AbstractContextManager[object], Callable[[str], object]]:
    import gemstone

    service = gemstone.RemoteService(url)
    return service, lambda name: service.call_method(METHOD, {"name": name}).result


def by_requests(url: str) -> tuple[AbstractContextManager[object], Callable[[str], object]]:
    import requests

    session = requests.Session()
    return session, lambda name: session.post(url, json=request(name)).json()["result"]


def by_urllib3(url: str) -> tuple[AbstractContextManager[object], Callable[[str], object]]:
    import urllib3

    pool = urllib3.PoolManager()
    headers = {"Content-Type": "application/json"}

    def call(name: str) -> object:
        body = json.dumps(request(name))
        return json.loads(pool.request("POST", url, body=body, headers=headers).data)["result"]

    return pool, call


def request(name: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": METHOD, "params": {"name": name}, "id": 1}


LIBRARIES: Final = {"gemstone": by_gemstone, "requests": by_requests, "urllib3": by_urllib3}


def main(library: str, url: str, calls: int) -> None:
    opened, call = LIBRARIES[library](url)
    with opened:
        for number in range(WARM_UP):
            answer = call(f"caller {number}")
            if answer != f"hello caller {number}":
                raise SystemExit(f"{library} got a wrong answer: {answer!r}")
        times = []
        cpu = time.process_time()
        for _ in range(calls):
            begun = time.perf_counter()
            answer = call("world")
            times.append(time.perf_counter() - begun)
            if answer != "hello world":
                raise SystemExit(f"{library} got a wrong answer: {answer!r}")
        cpu = time.process_time() - cpu
    found = {"rate": calls / sum(times), "cpu": cpu / calls, "median": median(times)}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
