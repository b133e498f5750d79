"""The account: what became of each call, and whether it may."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields

from .processes import Called, Taken


@dataclass(frozen=True, slots=True)
class Excuse:
    """A time in which calls may fail. In seconds of :func:`time.monotonic`.

    Args:
        begun: when it begins.
        ended: until when calls may begin that fail.
        errors: the names of the errors that they may fail with.
        idempotent: whether that holds for idempotent calls, too.
    """

    begun: float
    ended: float
    errors: frozenset[str]
    idempotent: bool = True

    def covers(self, call: Called) -> bool:
        """Whether a call may have failed as it did."""
        return (
            call.outcome in self.errors
            and (self.idempotent or not call.idempotent)
            and self.begun <= call.ended
            and call.begun <= self.ended
        )


@dataclass(slots=True)
class Account:
    """What became of the calls of one run, or of several.

    Attributes:
        calls: how many were made.
        answered: how many were answered.
        excused: how many failed, as they may.
        failed: how many failed, and may not.
        repeated: how many of the idempotent ones were executed more than once.
        twice: how many of the others were.
        slowest: how long the slowest one took that was answered, in seconds.
        problems: all that may not be, in words.
    """

    calls: int = 0
    answered: int = 0
    excused: int = 0
    failed: int = 0
    repeated: int = 0
    twice: int = 0
    slowest: float = 0.0
    problems: list[str] = field(default_factory=list)

    def __add__(self, other: "Account") -> "Account":
        sums = {
            each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)
        }
        return Account(**{**sums, "slowest": max(self.slowest, other.slowest)})


def settle(
    called: Sequence[Called], taken: Iterable[Taken], excuses: Sequence[Excuse] = ()
) -> Account:
    """Accounts for every call of a run.

    Args:
        called: what the caller was told of each.
        taken: what the instances have begun to execute, all together.
        excuses: when calls may have failed.
    """
    executed = Counter(each.number for each in taken)
    failures = [call for call in called if call.outcome]
    failed = [call for call in failures if not any(excuse.covers(call) for excuse in excuses)]
    repeated = [call for call in called if executed[call.number] > 1]
    twice = [call for call in repeated if not call.idempotent]
    invented = [call for call in called if not call.outcome and not executed[call.number]]
    denied = [call for call in failures if not call.was_sent and executed[call.number]]
    foreign = executed.keys() - {call.number for call in called}
    return Account(
        calls=len(called),
        answered=len(called) - len(failures),
        excused=len(failures) - len(failed),
        failed=len(failed),
        repeated=len(repeated) - len(twice),
        twice=len(twice),
        slowest=max((call.ended - call.begun for call in called if not call.outcome), default=0.0),
        problems=[
            *_problem(len(failed), "calls failed", failed),
            *_problem(len(twice), "calls were executed twice that are not idempotent", twice),
            *_problem(len(invented), "calls were answered that nobody has executed", invented),
            *_problem(len(denied), "calls were executed that had reached nobody", denied),
            *_problem(len(foreign), "calls were executed that nobody has made", sorted(foreign)),
        ],
    )


def _problem(count: int, what: str, examples: Sequence[object]) -> list[str]:
    if not count:
        return []
    return [f"{count} {what}: {', '.join(map(str, examples[:3]))}"]
