"""All scenarios of events, for the command line."""

from collections.abc import Iterator, Sequence
from typing import Final

from ..report import Found, seconds
from .scenarios import Result, live
from .victims import VICTIMS, Victim

SCENARIOS: Final = (
    *("kill", "subscriber", "connections", "pause"),
    *("start without it", "stop while it is dead", "stop while it is paused"),
)
HEADER: Final = (
    *("broker", "scenario", "rounds", "emitted", "done", "failed", "arrived"),
    *("lost in outages", "of these after the return", "lost else", "twice", "out of order"),
    *("back after s", "silence noticed after s", "stopped after s", "problems"),
)
EXPLAINED: Final = """\
Seconds are the median and the greatest. What is lost in an outage was taken by the
broker before it died, or after its return, when the subscriber was not back yet."""
#: How long a killed broker is down, at least, in seconds: in one round after the other.
_DOWN: Final = (0.0, 1.0, 4.0)


def prove(
    scenarios: Sequence[str], brokers: Sequence[str], rounds: int, pause: float
) -> Iterator[Found]:
    """Runs scenarios, one after the other.

    Args:
        scenarios: which of ``SCENARIOS``.
        brokers: which of ``VICTIMS``.
        rounds: how many rounds each has.
        pause: how long a pause is, in seconds.
    """
    for name in brokers if scenarios else ():
        victim = VICTIMS[name]()
        with victim.broker:
            for scenario in scenarios:
                result = run(scenario, victim, rounds, pause)
                yield Found(_row(result), result.problems)


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


def _row(result: Result) -> list[str]:
    account = result.account
    counts = (
        *(result.rounds, account.emitted, account.done, account.failed, account.arrived),
        *(account.lost_in_outages, account.lost_early, account.lost),
        *(account.twice, account.out_of_order),
    )
    return [
        *(result.broker, result.scenario),
        *(f"{count:,}" for count in counts),
        *(seconds(result.back), seconds(result.noticed), seconds(result.stops)),
        str(len(result.problems)),
    ]
