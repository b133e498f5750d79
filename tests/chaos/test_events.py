"""Promises hold while brokers are killed, paused and disturbed: ``nox -s chaos`` in short."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tools.chaos.events.scenarios import Result, live
from tools.chaos.events.victims import RabbitMqVictim, RedisVictim, Victim

pytestmark = pytest.mark.once

KINDS = {"redis": RedisVictim, "rabbitmq": RabbitMqVictim}


def prove(victim: Victim) -> Result:
    """The lives of some services, each with another end."""
    result = Result(victim.label, "everything")
    live(result, victim, [victim.killed()] * 2, ends_during=victim.killed())
    live(result, victim, victim.disturbances().values(), begins_without=True)
    live(result, victim, ends_during=victim.paused())
    if isinstance(victim, RedisVictim):  # RabbitMQ's own clocks are too slow for this
        victim.url += "?socket_timeout=1"
        live(result, victim, [victim.paused(4)])
    return result


def test_brokers_come_and_go_and_only_then_something_is_lost(request):
    victims, spared = [], []
    for kind, make in KINDS.items():
        try:
            victims.append(make(request.getfixturevalue(f"mortal_{kind}")))
        except pytest.skip.Exception as reason:
            spared.append(f"{kind}: {reason}")
    with ThreadPoolExecutor() as pool:  # most of the time is spent waiting for brokers
        results = [*pool.map(prove, victims)]
    for result in results:
        assert not result.problems, "\n".join(result.problems)
        # Something has happened, so that this was a proof.
        assert result.rounds >= 7
        assert len(result.back) >= 5
        assert len(result.stops) >= 6
        assert result.account.arrived > 1000
        assert result.account.failed
        assert result.account.lost_in_outages
    if spared:
        pytest.skip("; ".join(spared))
