"""``python -m tools.chaos``: runs the fault proofs and prints what they found, in Markdown."""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.report import table

from .durable import proofs as durable
from .events import proofs as events
from .events.victims import VICTIMS
from .report import Found
from .services import proofs as services
from .services.registries import REGISTRIES
from .services.stage import SHORT, Settings

_SETS: Final = {
    "events": events.SCENARIOS,
    "durable": durable.SCENARIOS,
    "services": services.SCENARIOS,
}
_ALL: Final = (*events.SCENARIOS, *durable.SCENARIOS, *services.SCENARIOS)


def main() -> int:
    """Gives the status of the process: 0, or 1 if something is not as it has to be."""
    options = _options()
    scenarios = options.scenario or _SETS.get(options.about, _ALL)
    found: list[Found] = []
    if about_events := [name for name in events.SCENARIOS if name in scenarios]:
        brokers = options.broker or [*VICTIMS]
        proofs = events.prove(about_events, brokers, options.rounds, options.pause)
        found += _shown(proofs, events.HEADER, events.EXPLAINED)
    if about_durable := [name for name in durable.SCENARIOS if name in scenarios]:
        brokers = options.broker or [*VICTIMS]
        amount = durable.amount_of(options.events, options.kills)
        proofs = durable.prove(about_durable, brokers, amount)
        found += _shown(proofs, durable.HEADER, durable.EXPLAINED)
    if about_services := [name for name in services.SCENARIOS if name in scenarios]:
        registries = options.registry or [*REGISTRIES]
        settings = Settings(rounds=options.rounds, away=options.away)
        if options.short:
            settings = SHORT
        proofs = services.prove(about_services, registries, settings)
        found += _shown(proofs, services.HEADER, services.EXPLAINED)
    return 1 if any(each.problems for each in found) else 0


def _shown(proofs: Iterable[Found], header: Sequence[str], explained: str) -> list[Found]:
    """Lets them run, tells of each when it has, and prints a table of all."""
    begun = time.monotonic()
    found: list[Found] = []
    for each in proofs:
        found.append(each)
        told = " | ".join(each.row)
        print(f"{time.monotonic() - begun:6.0f} s: {told}", file=sys.stderr, flush=True)
    print(f"\n{table(header, [each.row for each in found])}\n\n{explained}", flush=True)
    for each in found:
        for problem in each.problems:
            print(f"\n{each.row[0]}, {each.row[1]}: {problem}", flush=True)
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    add = parser.add_argument
    add("--about", choices=_SETS, help="all scenarios of these, and no others")
    add("--scenario", action="append", choices=_ALL, help="only this one")
    add("--broker", action="append", choices=[*VICTIMS], help="of events, only this one")
    add("--registry", action="append", choices=[*REGISTRIES], help="of services, only this one")
    add("--rounds", type=int, default=30, help="how often each fault happens (%(default)s)")
    add("--events", type=int, default=20_000, help="of durable ones, how many (%(default)s)")
    add("--kills", type=int, default=20, help="of durable ones, how many kills (%(default)s)")
    add("--pause", type=float, default=30.0, help="seconds that a broker pauses (%(default)s)")
    add("--away", type=float, default=300.0, help="seconds without a registry (%(default)s)")
    add("--short", action="store_true", help="of services, what the tests run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
