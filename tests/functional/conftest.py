"""What tests of real services share."""

import threading
from collections.abc import Callable, Iterator

import pytest

from tools.waiting import until


@pytest.fixture
def no_thread_left() -> Iterator[Callable[[], None]]:
    """Checks at the end, or when it is called, that the test's threads have ended."""
    before = {*threading.enumerate()}

    def check() -> None:
        until(
            lambda: {*threading.enumerate()} <= before,
            what=f"no thread is left besides {len(before)}",
        )

    yield check
    check()
