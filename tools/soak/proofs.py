"""All scenarios, for the command line and for the tests."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from ..chaos.report import Found
from .crowds import idle, storm
from .greedy import never_reading, sending_without_end
from .hostile import anything, smuggling
from .slow import slow_connections, slow_handshakes
from .stage import Result, Settings

SCENARIOS: Final[Mapping[str, Callable[[Settings], Result]]] = {
    "slow": slow_connections,
    "handshakes": slow_handshakes,
    "smuggling": smuggling,
    "streams": anything,
    "never-reading": never_reading,
    "without-end": sending_without_end,
    "storm": storm,
    "idle": idle,
}
HEADER: Final = (
    *("loop", "scenario", "connections", "good calls", "p99 alone ms", "meanwhile ms", "ratio"),
    *("memory before MiB", "at most", "afterwards", "also", "problems"),
)
EXPLAINED: Final = """\
A calm visitor makes the good calls, of which none may fail. Times and ratios are medians of the
rounds; beside slow connections, the ratio may be 2 at most. In the end, files, tasks and memory are
as they were before, and nothing was logged as an error."""


def prove(scenarios: Sequence[str], loops: Sequence[str], settings: Settings) -> Iterator[Found]:
    """Runs scenarios, one after the other: they measure time.

    Args:
        scenarios: which of ``SCENARIOS``.
        loops: on which event loops the service runs, one after the other.
        settings: how much is done.
    """
    for loop in loops:
        for scenario in scenarios:
            result = run(scenario, replace(settings, loop=loop))
            yield Found(_row(result), result.problems)


def run(scenario: str, settings: Settings) -> Result:
    """Runs a scenario.

    Args:
        scenario: one of ``SCENARIOS``.
        settings: how much is done.
    """
    try:
        return SCENARIOS[scenario](settings)
    except (TimeoutError, OSError, ExceptionGroup) as error:
        # As when the service lets nobody in any more.
        told = "".join(traceback.format_exception(error))
        return Result(scenario, settings.loop, problems=[told])


def _row(result: Result) -> list[str]:
    times = [
        f"{1000 * median(seconds):.1f}" if seconds else "-"
        for seconds in (result.alone, result.during)
    ]
    return [
        *(result.loop, result.scenario, f"{result.done:,}", f"{result.calls:,}", *times),
        f"{result.ratio:.1f}" if result.during else "-",
        *(f"{memory:.0f}" for memory in result.memory),
        *("; ".join(result.notes) or "-", str(len(result.problems))),
    ]
