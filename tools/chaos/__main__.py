"""``python -m tools.chaos``: runs the fault proofs and prints what they found, in Markdown."""

import argparse
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import Final

from benchmarks.report import table

from .scenarios import Result, live
from .victims import VICTIMS, Victim

SCENARIOS: Final = (
    *("kill", "subscriber", "connections", "pause"),
    *("start without it", "stop while it is dead", "stop while it is paused"),
)
#: How long a killed broker is down, at least, in seconds: in one round after the other.
_DOWN: Final = (0.0, 1.0, 4.0)
_HEADER: Final = (
    *("broker", "scenario", "rounds", "emitted", "done", "failed", "arrived"),
    *("lost in outages", "of these after the return", "lost else", "twice", "out of order"),
    *("back after s", "silence noticed after s", "stopped after s", "problems"),
)


def main() -> int:
    """Gives the status of the process: 0, or 1 if something was lost, or took too long."""
    options = _options()
    results: list[Result] = []
    begun = time.monotonic()
    for name in options.broker or VICTIMS:
        victim = VICTIMS[name]()
        with victim.broker:
            for scenario in options.scenario or SCENARIOS:
                results.append(run(scenario, victim, options.rounds, options.pause))
                told = " | ".join(_row(results[-1]))
                print(f"{time.monotonic() - begun:6.0f} s: {told}", file=sys.stderr, flush=True)
    print(table(_HEADER, map(_row, results)))
    print(
        "\nSeconds are the median and the greatest. What is lost in an outage was taken by the"
        "\nbroker before it died, or after its return, when the subscriber was not back yet."
    )
    for result in results:
        for problem in result.problems:
            print(f"\n{result.broker}, {result.scenario}: {problem}")
    return 1 if any(result.problems for result in results) else 0


def _row(result: Result) -> list[str]:
    """The row of a scenario in the table."""
    account = result.account
    counts = (
        *(result.rounds, account.emitted, account.done, account.failed, account.arrived),
        *(account.lost_in_outages, account.lost_early, account.lost),
        *(account.twice, account.out_of_order),
    )
    return [
        *(result.broker, result.scenario),
        *(f"{count:,}" for count in counts),
        *(_seconds(result.back), _seconds(result.noticed), _seconds(result.stops)),
        str(len(result.problems)),
    ]


def run(scenario: str, victim: Victim, rounds: int, pause: float) -> Result:
    """Runs a scenario; those in which each round takes long have a tenth of the rounds.

    Args:
        scenario: one of ``SCENARIOS``.
        victim: the broker.
        rounds: how many rounds.
        pause: how long a pause is, in seconds.
    """
    few = max(1, rounds // 10)
    dead, paused = victim.killed(), victim.paused(pause)
    disturbances = victim.disturbances()
    names = {"kill": dead.name, "pause": f"{paused.name} for {pause:g} s"}
    names |= {name: fault.name for name, fault in disturbances.items()}
    result = Result(victim.label, names.get(scenario, scenario))
    if scenario == "kill":
        # Longer outages, too: the more is tried in vain, the longer it is waited between tries.
        live(result, victim, [victim.killed(_DOWN[n % len(_DOWN)]) for n in range(rounds)])
    elif scenario in disturbances:
        live(result, victim, [disturbances[scenario]] * rounds)
    elif scenario == "pause":
        live(result, victim, [paused] * few)
    else:
        for _ in range(few):
            if scenario == "start without it":
                live(result, victim, begins_without=True)
            else:
                live(result, victim, ends_during=dead if scenario.endswith("dead") else paused)
    return result


def _seconds(values: Sequence[float]) -> str:
    return f"{median(values):.1f}, {max(values):.1f}" if values else "-"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    add = parser.add_argument
    add("--broker", action="append", choices=[*VICTIMS], help="only this one")
    add("--scenario", action="append", choices=SCENARIOS, help="only this one")
    add("--rounds", type=int, default=30, help="how often each fault happens (%(default)s)")
    add("--pause", type=float, default=30.0, help="how long a pause is, in seconds (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
