"""The account of the fault proofs finds what may not be, and excuses what may."""

from tools.chaos.events.ledger import Account, Outage, settle
from tools.chaos.events.processes import Arrival, Settled
from tools.chaos.events.service import name_of

#: Event n is emitted at second n, so that each name has its turn every three seconds.
EVENTS = range(60)
#: The broker is gone from 20 to 26, and has its subscriber again at 29.
OUTAGE = Outage(20.0, 20.1, 26.0, 29.0, 31.0)
FAILED = dict.fromkeys((19, 20, 21), "EventUnconfirmedError") | {22: "EventExpiredError"}
#: What was promised meanwhile came before the subscriber was there.
LOST = {*FAILED, 23, 24, 25, 26, 27}


def settled(failed: dict[int, str]) -> list[Settled]:
    return [Settled(decided(n), n, n, failed.get(n, "")) for n in EVENTS]


def arrivals(lost: set[int]) -> list[Arrival]:
    return [Arrival(decided(n) + 0.1, name_of(n), n, n) for n in EVENTS if n not in lost]


def decided(number: int) -> float:
    """Half a second after it was emitted; of what waits, when the broker is there again."""
    return 26.2 if 19 <= number <= 25 else number + 0.5


def account(
    failed: dict[int, str] = FAILED,
    lost: set[int] = LOST,
    came: list[Arrival] | None = None,
) -> Account:
    return settle(60, settled(failed), arrivals(lost) if came is None else came, [OUTAGE])


def problem(found: Account) -> str:
    [said] = found.problems
    return said


def test_what_is_lost_or_fails_in_an_outage_is_counted_and_no_problem():
    found = account()
    assert not found.problems
    assert (found.emitted, found.done, found.failed, found.arrived) == (60, 56, 4, 51)
    assert (found.lost_in_outages, found.lost_early) == (5, 5)
    assert (found.lost, found.twice, found.out_of_order) == (0, 0, 0)


def test_what_the_broker_had_just_taken_may_die_with_it():
    lost = {*LOST, 19}
    receipts = settled({n: error for n, error in FAILED.items() if n != 19})
    receipts[19] = Settled(19.5, 19, 19, "")
    found = settle(60, receipts, arrivals(lost), [OUTAGE])
    assert not found.problems
    assert (found.lost_in_outages, found.lost_early) == (6, 5)
    receipts[18] = Settled(18.5, 18, 18, "")
    found = settle(60, receipts, arrivals({*lost, 18}), [OUTAGE])
    assert found.lost == 1
    assert "lost outside" in problem(found)


def test_an_event_lost_at_another_time_is_a_problem():
    for number in (5, 40, 59):
        found = account(lost={*LOST, number})
        assert (found.lost, found.lost_in_outages) == (1, 5)
        assert "1 promised events were lost outside" in problem(found)


def test_an_event_lost_after_the_broker_had_the_subscriber_again_is_a_problem():
    assert account(lost={*LOST, 28, 29}).lost == 0
    assert account(lost={*LOST, 28, 29, 30}).lost == 1


def test_an_event_lost_after_a_later_one_of_its_name_is_a_problem():
    found = account(lost={*LOST, 28, 29} - {25, 26, 27})
    assert found.lost == 2  # 25 and 26 came, so 28 and 29 must have
    assert "Settled(at=28.5, number=28" in problem(found)


def test_a_life_that_never_recovers_loses_all_that_comes_later():
    lost = {*range(20, 60)}
    receipts = [Settled(n + 0.5, n, n, "") for n in EVENTS]
    assert settle(60, receipts, arrivals(lost), [Outage(20.0, 20.1)]).lost_in_outages == 40


def test_an_event_that_comes_twice_is_a_problem():
    came = arrivals(LOST)
    found = account(came=[*came, came[-1]])
    assert found.twice == 1
    assert "twice" in problem(found)


def test_events_that_come_in_another_order_are_a_problem():
    came = arrivals(LOST)
    came[0], came[3] = came[3], came[0]
    found = account(came=came)
    assert found.out_of_order == 1
    assert "after a later one" in problem(found)
    came = arrivals(LOST)
    came[0], came[1] = came[1], came[0]  # of different names
    assert not account(came=came).problems


def test_a_receipt_that_says_nothing_is_a_problem():
    found = settle(60, settled(FAILED)[:-1], arrivals(LOST), [OUTAGE])
    assert "never said" in problem(found)


def test_a_receipt_that_fails_without_an_outage_or_with_a_strange_error_is_a_problem():
    for number in (5, 40):
        found = account(failed=FAILED | {number: "EventUnconfirmedError"}, lost={*LOST, number})
        assert "failed for no reason" in problem(found)
    found = account(failed=FAILED | {22: "EventRefusedError"})
    assert "failed for no reason: Settled(at=26.2, number=22" in problem(found)


def test_an_event_may_come_though_nobody_could_tell_but_not_though_it_was_denied():
    assert not account(lost=LOST - {19}).problems
    found = account(lost=LOST - {22, 25})
    assert "denied it: Settled(at=26.2, number=22" in problem(found)


def test_an_event_that_nobody_emitted_is_a_problem():
    for foreign in (Arrival(61, name_of(60), 60, 60), Arrival(61, "chaos.a", 61, 61)):
        assert "nobody had emitted" in problem(account(came=[*arrivals(LOST), foreign]))


def test_accounts_add_up():
    found = account(lost={*LOST, 40})
    both = found + found
    assert (both.emitted, both.lost, len(both.problems)) == (120, 2, 2)
