"""All scenarios of durable events, for the command line."""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from ..report import Found, seconds
from .brokers import KEEPERS, Keeper
from .scenarios import SCENARIOS as _SCENARIOS
from .stage import Amount, Result

SCENARIOS: Final = tuple(_SCENARIOS)
HEADER: Final = (
    *("broker", "scenario", "rounds", "promised", "failed", "handled", "lost"),
    *("handled again", "given up", "back after s", "problems"),
)
EXPLAINED: Final = """\
Promised is what a receipt said yes to, and lost is what of that was never handled. Seconds, the
median and the greatest, are those until events were handled again."""


def amount_of(events: int, kills: int) -> Amount:
    """How much of it there is in the long form.

    Args:
        events: how many are promised in each scenario, at least.
        kills: how often something is killed, or stopped, in each.
    """
    return Amount(
        events=events,
        rate=1000.0,
        broker_kills=kills,
        worker_kills=kills,
        emitter_kills=kills,
        stops=kills,
        max_deliveries=5,
    )


def prove(scenarios: Sequence[str], brokers: Sequence[str], amount: Amount) -> Iterator[Found]:
    """Runs scenarios, one after the other.

    Args:
        scenarios: which of ``SCENARIOS``.
        brokers: which of ``KEEPERS``.
        amount: how much of it there is.
    """
    for name in brokers:
        keeper = KEEPERS[name]()
        with keeper.broker:
            keeper.prepare()
            for scenario in scenarios:
                if scenario in keeper.scenarios:
                    result = run(scenario, keeper, amount)
                    yield Found(_row(result), result.problems)


def run(scenario: str, keeper: Keeper, amount: Amount) -> Result:
    """Runs a scenario; one that ends early is a problem.

    Args:
        scenario: one of ``SCENARIOS``.
        keeper: the broker.
        amount: how much of it there is.
    """
    begun = time.monotonic()
    try:
        return _SCENARIOS[scenario](keeper, amount)
    except TimeoutError as error:
        notes = "\n".join(getattr(error, "__notes__", ()))
        after = time.monotonic() - begun
        result = Result(keeper.label, scenario)
        result.problems.append(f"after {after:.0f} s: {error}\n{notes}")
        return result


def _row(result: Result) -> list[str]:
    counts = (
        *(result.rounds, result.promised, result.failed, result.handled, result.lost),
        *(result.repeats, result.dead),
    )
    return [
        *(result.broker, result.scenario),
        *(f"{count:,}" for count in counts),
        *(seconds(result.back), str(len(result.problems))),
    ]
