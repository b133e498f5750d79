"""The account: what became of each event, and whether it may."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Final

from .processes import Arrival, Settled
from .service import name_of

#: What the broker has taken may die with it, before it reached the subscriber: for so many seconds.
_ON_ITS_WAY: Final = 1.0
#: What a receipt may say in an outage. Of all but the first it is sure that they were not emitted.
_UNCONFIRMED: Final = "EventUnconfirmedError"
_EXCUSED: Final = {_UNCONFIRMED, "EventExpiredError", "EventBufferFullError"}


@dataclass(slots=True)
class Outage:
    """A time in which events may be lost. All in seconds of :func:`time.monotonic`.

    Args:
        begun: just before the fault.
        struck: when the fault was there.
        returned: when it was over.
        subscribed: when the broker had its subscriber again.
        flowing: when events flowed again that were emitted after the fault.
    """

    begun: float
    struck: float
    returned: float = math.inf
    subscribed: float = math.inf
    flowing: float = math.inf


@dataclass(slots=True)
class Account:
    """What became of the events of one run, or of several.

    Attributes:
        emitted: how many were emitted.
        done: of how many the receipt was done.
        failed: of how many it failed.
        arrived: how many arrived.
        lost_in_outages: how many did not arrive though their receipts were done, as they may.
        lost_early: how many of these were promised after the return, before the subscriber's.
        lost: how many did not, and may not.
        twice: how many arrived more than once.
        out_of_order: how many arrived after a later one of their name.
        problems: all that may not be, in words.
    """

    emitted: int = 0
    done: int = 0
    failed: int = 0
    arrived: int = 0
    lost_in_outages: int = 0
    lost_early: int = 0
    lost: int = 0
    twice: int = 0
    out_of_order: int = 0
    problems: list[str] = field(default_factory=list)

    def __add__(self, other: "Account") -> "Account":
        sums = (getattr(self, each.name) + getattr(other, each.name) for each in fields(self))
        return Account(*sums)


def settle(
    emitted: int, settled: Sequence[Settled], arrivals: Sequence[Arrival], outages: list[Outage]
) -> Account:
    """Accounts for every event of a run.

    Args:
        emitted: how many were emitted, with the numbers from 0 on.
        settled: what their receipts said.
        arrivals: what came, in the order in which it came.
        outages: when events may have been lost.
    """
    counts = Counter(arrival.number for arrival in arrivals)
    done = [each for each in settled if not each.outcome]
    failed = [each for each in settled if each.outcome]
    missing = [each for each in done if each.number not in counts]
    returns = [_first_after(arrivals, outage) for outage in outages]
    lost = [
        each
        for each in missing
        if not any(
            outage.begun - _ON_ITS_WAY <= each.at
            and each.emitted_at <= outage.subscribed
            and each.number < first.get(name_of(each.number), math.inf)
            for outage, first in zip(outages, returns, strict=True)
        )
    ]
    inexcusable = [
        each
        for each in failed
        if each.outcome not in _EXCUSED
        or not any(o.begun <= each.at and each.emitted_at <= o.flowing for o in outages)
    ]
    denied = [each for each in failed if each.number in counts and each.outcome != _UNCONFIRMED]
    foreign = [a for a in arrivals if a.number >= emitted or a.name != name_of(a.number)]
    twice = sum(count > 1 for count in counts.values())
    out_of_order = _out_of_order(arrivals)
    problems = [
        *_problem(emitted - len({each.number for each in settled}), "receipts never said anything"),
        *_problem(len(lost), "promised events were lost outside of the outages", lost),
        *_problem(twice, "events arrived twice"),
        *_problem(out_of_order, "events arrived after a later one of their name"),
        *_problem(len(inexcusable), "receipts failed for no reason", inexcusable),
        *_problem(len(denied), "events arrived though their receipts denied it", denied),
        *_problem(len(foreign), "events arrived that nobody had emitted", foreign),
    ]
    return Account(
        emitted=emitted,
        done=len(done),
        failed=len(failed),
        arrived=len(counts),
        lost_in_outages=len(missing) - len(lost),
        lost_early=sum(
            any(o.returned <= each.at <= o.flowing for o in outages) for each in missing
        ),
        lost=len(lost),
        twice=twice,
        out_of_order=out_of_order,
        problems=problems,
    )


def _first_after(arrivals: Iterable[Arrival], outage: Outage) -> dict[str, float]:
    """The first number of each name that came through the new subscription."""
    first: dict[str, float] = {}
    for arrival in arrivals:
        if arrival.emitted_at >= outage.struck and arrival.at >= outage.returned:
            first[arrival.name] = min(arrival.number, first.get(arrival.name, math.inf))
    return first


def _out_of_order(arrivals: Iterable[Arrival]) -> int:
    highest: dict[str, int] = defaultdict(lambda: -1)
    count = 0
    for arrival in arrivals:
        count += arrival.number < highest[arrival.name]
        highest[arrival.name] = max(highest[arrival.name], arrival.number)
    return count


def _problem(count: int, what: str, examples: Sequence[object] = ()) -> list[str]:
    if not count:
        return []
    shown = f": {', '.join(map(str, examples[:3]))}" if examples else ""
    return [f"{count} {what}{shown}"]
