"""``python -m tools.soak``: runs the hardening proofs and prints what they found, in Markdown."""

import argparse
import importlib.util
import resource
import sys
import time
from dataclasses import replace
from typing import Final

from benchmarks.report import machine, table

from ..chaos.report import Found
from .proofs import EXPLAINED, HEADER, SCENARIOS, prove
from .stage import SHORT, Settings

_LOOPS: Final = ("asyncio", "uvloop")
#: How much is printed of a problem, in characters.
_TOLD: Final = 3_000
#: How many files this process and the service need besides those of the idle connections.
_FILES: Final = 500


def main() -> int:
    """Gives the status of the process: 0, or 1 if something is not as it has to be."""
    options = _options()
    settings = SHORT if options.short else Settings()
    given = {"slow": options.slow, "streams": options.streams, "idle": options.idle}
    given["rounds"] = options.rounds
    settings = replace(settings, **{name: value for name, value in given.items() if value})
    if problem := _without_files(settings):
        print(problem, file=sys.stderr)
        return 1
    scenarios = options.scenario or [*SCENARIOS]
    loops = options.loop or [loop for loop in _LOOPS if importlib.util.find_spec(loop)]
    begun = time.monotonic()
    found: list[Found] = []
    for each in prove(scenarios, loops, settings):
        found.append(each)
        told = " | ".join(each.row)
        print(f"{time.monotonic() - begun:6.0f} s: {told}", file=sys.stderr, flush=True)
        for problem in each.problems:  # not only at the end, which may be far away
            print(f"{problem[:_TOLD]}\n", file=sys.stderr, flush=True)
    print(f"{machine()}\n\n{table(HEADER, [each.row for each in found])}\n\n{EXPLAINED}")
    for each in found:
        for problem in each.problems:
            print(f"\n{each.row[0]}, {each.row[1]}: {problem[:_TOLD]}")
    return 1 if any(each.problems for each in found) else 0


def _without_files(settings: Settings) -> str:
    """Lets this process, and those that it starts, open as many files as it may.

    Returns:
        What to do if that is not enough.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = max(settings.idle, settings.slow) + _FILES
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        return ""
    return f"{hard} files may be open, and {wanted} are needed: ulimit -n {wanted}, or lower --idle"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    add = parser.add_argument
    normal = Settings()
    add("--scenario", action="append", choices=[*SCENARIOS], help="only this one")
    add("--loop", action="append", choices=_LOOPS, help="only on this event loop")
    add("--short", action="store_true", help="what the tests run: in a minute, without measuring")
    add("--rounds", type=int, help=f"how often is done what is measured ({normal.rounds})")
    add("--slow", type=int, help=f"how many slow connections there are ({normal.slow:,})")
    add("--streams", type=int, help=f"how many streams are made up ({normal.streams:,})")
    add("--idle", type=int, help=f"how many idle connections there are ({normal.idle:,})")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
