"""The account of calls finds what may not be, and excuses what may."""

from collections.abc import Iterable

from tools.chaos.services.ledger import Account, Excuse, settle
from tools.chaos.services.processes import Called, Taken

#: Call n is made at second n, and every other one is idempotent.
CALLS = range(20)
TIMED_OUT = "RemoteTimeoutError"


def called(failed: dict[int, str] | None = None, *, was_sent: bool = True) -> list[Called]:
    failed = failed or {}
    return [Called(n, n % 2 == 0, n, n + 0.5, failed.get(n, ""), "", was_sent, 4711) for n in CALLS]


def taken(numbers: Iterable[int] = CALLS) -> list[Taken]:
    return [Taken(n + 0.2, n) for n in numbers]


def problem(found: Account) -> str:
    [said] = found.problems
    return said


def test_calls_that_are_answered_once_are_no_problem():
    found = settle(called(), taken())
    assert found == Account(calls=20, answered=20, slowest=0.5)


def test_a_call_that_fails_is_a_problem_but_for_an_excuse():
    calls = called({7: TIMED_OUT})
    assert "1 calls failed: Called(number=7" in problem(settle(calls, taken()))
    for excuse, failed in [
        (Excuse(5, 8, frozenset({TIMED_OUT})), 0),
        (Excuse(7.4, 7.4, frozenset({TIMED_OUT})), 0),
        (Excuse(5, 6.9, frozenset({TIMED_OUT})), 1),
        (Excuse(7.6, 9, frozenset({TIMED_OUT})), 1),
        (Excuse(5, 8, frozenset({"ServiceUnavailableError"})), 1),
    ]:
        found = settle(calls, taken(), [excuse])
        assert (found.failed, found.excused, found.answered) == (failed, 1 - failed, 19)
        assert len(found.problems) == failed


def test_an_excuse_may_be_for_calls_only_that_are_not_idempotent():
    excuse = Excuse(0, 20, frozenset({TIMED_OUT}), idempotent=False)
    found = settle(called({6: TIMED_OUT, 7: TIMED_OUT}), taken(), [excuse])
    assert (found.excused, found.failed) == (1, 1)
    assert "1 calls failed: Called(number=6" in problem(found)


def test_an_idempotent_call_may_be_executed_twice_and_no_other_one():
    found = settle(called(), taken([*CALLS, 4, 4]))
    assert (found.repeated, found.twice, found.problems) == (1, 0, [])
    found = settle(called(), taken([*CALLS, 5]))
    assert (found.repeated, found.twice) == (0, 1)
    assert "executed twice that are not idempotent: Called(number=5" in problem(found)


def test_a_call_that_failed_may_have_been_executed_but_not_if_it_reached_nobody():
    excuse = Excuse(0, 20, frozenset({TIMED_OUT}))
    assert not settle(called({7: TIMED_OUT}), taken(), [excuse]).problems
    calls = called({7: TIMED_OUT}, was_sent=False)
    assert "had reached nobody: Called(number=7" in problem(settle(calls, taken(), [excuse]))
    assert not settle(calls, taken({*CALLS} - {7}), [excuse]).problems


def test_answers_and_executions_that_nobody_knows_of_are_a_problem():
    assert "nobody has executed: Called(number=3" in problem(
        settle(called(), taken({*CALLS} - {3}))
    )
    assert "nobody has made: 20" in problem(settle(called(), taken([*CALLS, 20])))


def test_accounts_add_up():
    first = settle(called({7: TIMED_OUT}), taken())
    second = settle([Called(0, True, 0, 3, "", "", True, 1)], taken([0]))
    both = first + second
    assert (both.calls, both.answered, both.failed) == (21, 20, 1)
    assert (both.slowest, both.problems) == (3, first.problems)
