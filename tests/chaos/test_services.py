"""Calls go on while instances and registries die, stop and hang: ``nox -s chaos`` in short."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tools.chaos.services.registries import HttpRegistry, RedisRegistry, Registry
from tools.chaos.services.scenarios import (
    every_call_hangs,
    instances_die,
    instances_hang,
    registry_away,
    rolling_restart,
)
from tools.chaos.services.stage import SHORT, Result, Settings

pytestmark = pytest.mark.once


def check(result: Result) -> Result:
    assert not result.problems, "\n".join(result.problems)
    return result


def prove(
    scenario: Callable[[Registry, Settings], Result],
    registry: type[Registry],
    settings: Settings = SHORT,
) -> Result:
    result = check(scenario(registry(settings.time_to_live), settings))
    # Something has happened, so that this was a proof.
    assert len(result.back) >= 3
    assert result.account.answered > 500
    return result


@pytest.mark.parametrize(
    ("registry", "settings"),
    [(RedisRegistry, SHORT), (HttpRegistry, replace(SHORT, rounds=1))],
)
def test_instances_are_killed_and_no_idempotent_call_fails(
    registry: type[Registry], settings: Settings
):
    result = prove(instances_die, registry, settings)
    assert result.account.repeated or result.account.excused  # some were under way


def test_instances_are_stopped_and_no_call_fails_or_is_executed_twice():
    result = prove(rolling_restart, RedisRegistry)
    assert not result.account.excused
    assert not result.account.repeated


@pytest.mark.parametrize("registry", [RedisRegistry, HttpRegistry])
def test_a_registry_is_away_and_no_call_fails(registry: type[Registry]):
    result = prove(registry_away, registry)
    assert not result.account.excused
    assert not result.account.repeated


def test_instances_hang_and_calls_go_elsewhere_and_the_caller_does_not_grow():
    result = prove(instances_hang, RedisRegistry)
    assert result.account.excused


def test_each_of_many_calls_times_out_and_the_caller_does_not_grow():
    result = check(every_call_hangs(SHORT))
    assert result.account.excused > SHORT.calls
