"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_ASK_EVERY = 0.01


def until(condition: Callable[[], T], *, what: str, within: float = 30.0) -> T:
    """Waits until `condition` gives something true, and gives that.

    Args:
        condition: asked again and again, with short sleeps. What it raises is not caught.
        what: what is waited for, as it is said when it does not come: "the queue is empty".
        within: how many seconds it may take.

    Raises:
        TimeoutError: it took longer. The message holds the last answer.
    """
    deadline = time.monotonic() + within
    while not (answer := condition()):
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {within:g} s in vain until {what}; last: {answer!r}")
        time.sleep(_ASK_EVERY)
    return answer
