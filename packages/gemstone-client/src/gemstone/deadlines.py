"""Deadlines: when an answer must be there, for a call and for those that it makes.

A call to another service carries the milliseconds that are left for it, in the HTTP header
``Gemstone-Timeout-Ms``: no clocks are compared. A service keeps what came as the deadline of the
method that it executes, and the calls which that makes in its turn end by then as well.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["DEADLINE", "TIMEOUT_HEADER", "current_deadline", "deadline_in"]

#: The HTTP header that carries how many milliseconds are left: a whole number, 0 or more.
TIMEOUT_HEADER: Final = "Gemstone-Timeout-Ms"

#: Longer than anybody waits, in seconds, and not longer than threads and event loops can.
_LONGEST: Final = 1e9

#: The deadline that is in force here, in seconds of :func:`time.monotonic`, or ``None``. Set by
#: what executes a call; everybody else uses :func:`deadline_in`.
DEADLINE: Final[ContextVar[float | None]] = ContextVar("gemstone_deadline", default=None)


def current_deadline() -> float | None:
    """When what is done here must be done, or ``None`` if there is no hurry.

    It is known in the context in which it was set: in exposed methods and what they call, in
    tasks that they start and the threads of ``get_executor()`` too, but not in threads that they
    start themselves.

    Returns:
        Seconds of :func:`time.monotonic`.
    """
    return DEADLINE.get()


@contextmanager
def deadline_in(seconds: float) -> Iterator[None]:
    """Bound all calls to other services that are made in a block: together, not each.

    ::

        with deadline_in(2.0):
            user = users.call_method("find", ["x"])
            orders.call_method("of", [user.result])

    Args:
        seconds: how long they may take; a deadline that is in force already may be nearer, and
            stays in force.

    Raises:
        TypeError: `seconds` is no number.
        ValueError: it is negative, or not finite.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"a deadline is a number of seconds away, not {type(seconds).__name__}")
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"a deadline is 0 or more seconds away, not {seconds!r}")
    deadline, outer = time.monotonic() + min(seconds, _LONGEST), DEADLINE.get()
    token = DEADLINE.set(deadline if outer is None else min(deadline, outer))
    try:
        yield
    finally:
        DEADLINE.reset(token)
