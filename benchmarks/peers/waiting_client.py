"""Makes many calls that wait, takes the answers as they come, and prints the CPU seconds used.

Arguments: the URL; ``gemstone`` or ``futures``, for whose ``as_completed`` is used; how many
calls; how many threads; how many seconds each call waits.
"""

import sys
import time
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import gemstone


def by_gemstone(
    service: gemstone.RemoteService, params: list[tuple[float, int]], threads: int
) -> Iterator[Any]:
    calls = [service.call_method_async("wait", each) for each in params]
    for call in gemstone.as_completed(*calls):
        yield call.result().result


def by_futures(
    service: gemstone.RemoteService, params: list[tuple[float, int]], threads: int
) -> Iterator[Any]:
    with futures.ThreadPoolExecutor(threads) as executor:
        calls = [executor.submit(service.call_method, "wait", each) for each in params]
        for call in futures.as_completed(calls):
            yield call.result().result


def main(url: str, whose: str, calls: int, threads: int, seconds: float) -> None:
    params = [(seconds, number) for number in range(calls)]
    answers = {"gemstone": by_gemstone, "futures": by_futures}[whose]
    with gemstone.RemoteService(url, max_connections=threads) as service:
        service.call_method("wait", (0, 0))  # so that all is imported
        before = time.process_time()
        numbers = sorted(answers(service, params, threads))
        used = time.process_time() - before
    if numbers != list(range(calls)):
        raise SystemExit(f"wrong answers: {numbers[:10]} …")
    print(used)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
