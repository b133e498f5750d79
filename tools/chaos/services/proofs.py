"""All scenarios of services, for the command line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from ..report import Found, seconds
from .registries import REGISTRIES, Registry
from .scenarios import (
    every_call_hangs,
    instances_die,
    instances_hang,
    registry_away,
    rolling_restart,
)
from .stage import Result, Settings

_WITH_REGISTRY: Final[Mapping[str, Callable[[Registry, Settings], Result]]] = {
    "instances die": instances_die,
    "rolling restart": rolling_restart,
    "registry away": registry_away,
    "instances hang": instances_hang,
}
_EVERY_CALL_HANGS: Final = "every call hangs"
SCENARIOS: Final = (*_WITH_REGISTRY, _EVERY_CALL_HANGS)
HEADER: Final = (
    *("registry", "scenario", "rounds", "calls", "answered", "failed as they may", "failed else"),
    *("idempotent and repeated", "twice", "slowest s", "all is well after s", "also", "problems"),
)
EXPLAINED: Final = """\
Seconds are the median and the greatest. An idempotent call is repeated when an instance
dies that may have executed it; none of the others may be executed twice."""


def prove(
    scenarios: Sequence[str], registries: Sequence[str], settings: Settings
) -> Iterator[Found]:
    """Runs scenarios, one after the other, with all registries side by side: they mostly wait.

    Args:
        scenarios: which of ``SCENARIOS``.
        registries: which of ``REGISTRIES``.
        settings: how long everything takes.
    """
    for scenario in scenarios:
        alone = scenario == _EVERY_CALL_HANGS
        with ThreadPoolExecutor() as pool:
            tasks = [
                pool.submit(run, scenario, registry, settings)
                for registry in (registries[:1] if alone else registries)
            ]
        for task in tasks:
            result = task.result()
            yield Found(_row(result), result.problems)


def run(scenario: str, registry: str, settings: Settings) -> Result:
    """Runs a scenario.

    Args:
        scenario: one of ``SCENARIOS``.
        registry: one of ``REGISTRIES``.
        settings: how long everything takes.
    """
    try:
        if scenario == _EVERY_CALL_HANGS:
            return every_call_hangs(settings)
        return _WITH_REGISTRY[scenario](REGISTRIES[registry](settings.time_to_live), settings)
    except TimeoutError as error:
        return Result(registry, scenario, broken=[str(error)])


def _row(result: Result) -> list[str]:
    account = result.account
    counts = (
        *(result.rounds, account.calls, account.answered, account.excused, account.failed),
        *(account.repeated, account.twice),
    )
    return [
        *(result.registry, result.scenario),
        *(f"{count:,}" for count in counts),
        *(f"{account.slowest:.1f}", seconds(result.back), "; ".join(result.notes) or "-"),
        str(len(result.problems)),
    ]
