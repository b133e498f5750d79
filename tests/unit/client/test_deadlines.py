"""Deadlines, without any call."""

import contextvars
import subprocess
import sys
import threading
import time

import pytest

from gemstone.deadlines import DEADLINE, current_deadline, deadline_in


def test_there_is_none_at_first():
    assert current_deadline() is None


def test_a_block_has_a_deadline_and_gives_the_old_one_back():
    before = time.monotonic()
    with deadline_in(5.0):
        outer = current_deadline()
        assert before + 5 <= outer <= time.monotonic() + 5
        with deadline_in(1):
            assert current_deadline() < outer
        assert current_deadline() == outer
    assert current_deadline() is None


def test_the_nearer_deadline_stays_in_force():
    with deadline_in(1):
        nearer = current_deadline()
        with deadline_in(1000):
            assert current_deadline() == nearer


def test_the_old_one_is_back_after_an_error():
    with pytest.raises(ZeroDivisionError), deadline_in(1):
        raise ZeroDivisionError
    assert current_deadline() is None


def test_no_time_at_all_is_a_deadline():
    with deadline_in(0):
        assert current_deadline() <= time.monotonic()


@pytest.mark.parametrize("seconds", [1e308, 10**400])
def test_a_deadline_that_is_far_away_can_be_waited_for(seconds):
    with deadline_in(seconds):
        assert current_deadline() - time.monotonic() < threading.TIMEOUT_MAX


@pytest.mark.parametrize("seconds", [-1, -0.001, float("inf"), float("-inf"), float("nan")])
def test_seconds_that_are_none(seconds):
    with pytest.raises(ValueError, match=r"0 or more seconds away, not (-|inf|nan)"):
        deadline_in(seconds).__enter__()
    assert current_deadline() is None


@pytest.mark.parametrize("seconds", [None, "1", True, 1j, [1]])
def test_what_is_no_number(seconds):
    with pytest.raises(TypeError, match=f"not {type(seconds).__name__}"):
        deadline_in(seconds).__enter__()
    assert current_deadline() is None


def test_each_context_has_its_own():
    seen = []
    with deadline_in(1):
        copy = contextvars.copy_context()
        thread = threading.Thread(target=lambda: seen.append(current_deadline()))
        if sys.version_info < (3, 14):  # where threads may be told to inherit
            thread.start()
            thread.join(30)
            assert seen == [None]
    assert current_deadline() is None
    assert copy.run(DEADLINE.get) is not None


def test_it_loads_next_to_nothing():
    loaded = subprocess.run(
        [sys.executable, "-c", "import gemstone.deadlines, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "gemstone.deadlines" in loaded
    assert not {"asyncio", "requests", "tornado"} & set(loaded)
