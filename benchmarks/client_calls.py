"""What a call costs the process that makes it, beside the libraries that it could be made by."""

import json
from typing import Final

from .processes import Bench, Program, Server, run_client
from .report import Comparison, Part, ratios, spread, table

_CLIENT: Final = Program("single_client.py")
_KINDS: Final = {
    "gemstone": "RemoteService.call_method",
    "requests": "requests.Session.post(…, json=…).json()",
    "urllib3": "urllib3.PoolManager.request, json.dumps and json.loads",
}


def run(bench: Bench, *, rounds: int, calls: int) -> Part:
    """Makes calls one after the other, in a client process for each library and round.

    Args:
        bench: where they run.
        rounds: how often each library has its turn.
        calls: how many calls a turn has.

    Raises:
        BenchmarkError: an answer was wrong.
    """
    rates: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    cpu: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    medians: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    with Server(bench, Program("hello_gemstone.py")) as server:
        url = f"http://{server.address[0]}:{server.address[1]}/api"
        for number in range(rounds):
            for kind in [*_KINDS][:: -1 if number % 2 else 1]:
                found = json.loads(run_client(bench, _CLIENT, kind, url, calls))
                rates[kind].append(found["rate"])
                cpu[kind].append(found["cpu"] * 1e6)
                medians[kind].append(found["median"] * 1e6)
    rows = [
        [label, spread(rates[kind]), spread(cpu[kind]), spread(medians[kind])]
        for kind, label in _KINDS.items()
    ]
    return Part(
        f"the client: calls one after the other, {calls:,} in a round, {rounds} rounds\n\n"
        + table(["client", "calls/s", "its CPU µs/call", "p50 µs"], rows),
        [
            Comparison(
                "calls/s, gemstone's client / requests.Session",
                ratios(rates["gemstone"], rates["requests"]),
                at_least=1.8,
            ),
            Comparison(
                "calls/s, gemstone's client / urllib3.PoolManager",
                ratios(rates["gemstone"], rates["urllib3"]),
                at_least=0.85,
            ),
            Comparison(
                "CPU of a call, requests.Session / gemstone's client",
                ratios(cpu["requests"], cpu["gemstone"]),
            ),
            Comparison(
                "CPU of a call, urllib3.PoolManager / gemstone's client",
                ratios(cpu["urllib3"], cpu["gemstone"]),
            ),
        ],
    )
