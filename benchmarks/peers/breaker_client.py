"""Makes single calls, answered ones and refused ones, and prints the median time of each round.

Arguments: the URL; how many rounds; how many calls of each kind in a round.
"""

import json
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

import gemstone
from gemstone.errors import ServiceUnavailableError


def answered(service: gemstone.RemoteService) -> None:
    answer = service.call_method("say_hello", ("world",))
    if answer.result != "hello world":
        raise SystemExit(f"wrong answer: {answer}")


def refused(service: gemstone.RemoteService) -> None:
    try:
        service.call_method("say_hello", ("world",))
    except ServiceUnavailableError:
        return
    raise SystemExit("a call was not refused")


def time_of(call: Callable[[], None], calls: int) -> float:
    times = []
    for _ in range(calls):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return median(times)


def find(stack: ExitStack, *urls: str) -> gemstone.RemoteService:
    service = gemstone.RemoteService.find("hello", lambda name: urls)
    if service is None:
        raise SystemExit(f"nobody is at {urls}")
    return stack.enter_context(service)


def main(url: str, rounds: int, calls: int) -> None:
    with ExitStack() as stack:
        dead = []
        for _ in range(2):  # bound, so that nobody else is there, and not listening
            place = stack.enter_context(socket.socket())
            place.bind(("127.0.0.1", 0))
            dead.append(f"http://127.0.0.1:{place.getsockname()[1]}/api")
        aside, named = find(stack, *dead), find(stack, url)
        plain = stack.enter_context(gemstone.RemoteService(url))
        kinds: dict[str, Callable[[], None]] = {
            "refused": lambda: refused(aside),
            "name": lambda: answered(named),
            "url": lambda: answered(plain),
        }
        for call in kinds.values():  # connects, and sets aside
            time_of(call, 10)
        found: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(rounds):
            for kind in [*kinds][:: -1 if number % 2 else 1]:
                found[kind].append(time_of(kinds[kind], calls))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
