"""Makes many calls that wait, at once and one after the other; prints the seconds of each round.

Arguments: the URL; how many rounds; how many calls in a round; how many seconds each call waits;
how many threads.
"""

import json
import sys
import time

import gemstone


def at_once(service: gemstone.RemoteService, params: list[tuple[float, int]]) -> list[int]:
    calls = [service.call_method_async("wait", each) for each in params]
    return [call.result(wait=True).result for call in calls]


def in_a_loop(service: gemstone.RemoteService, params: list[tuple[float, int]]) -> list[int]:
    return [service.call_method("wait", each).result for each in params]


def main(url: str, rounds: int, calls: int, seconds: float, threads: int) -> None:
    params = [(seconds, number) for number in range(calls)]
    ways = {"async": at_once, "loop": in_a_loop}
    found: dict[str, list[float]] = {way: [] for way in ways}
    with gemstone.RemoteService(url, max_connections=threads) as service:
        at_once(service, params[: 2 * threads])  # so that all is imported, and connected
        for number in range(rounds):
            for way in [*ways][:: -1 if number % 2 else 1]:
                begun = time.perf_counter()
                answers = ways[way](service, params)
                found[way].append(time.perf_counter() - begun)
                if answers != list(range(calls)):
                    raise SystemExit(f"wrong answers: {answers[:10]} …")
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
