"""When the name of a service is looked up: before its list is too old, and never twice at once."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from ._chores import Chores
from ._forking import restart_after_fork
from ._locations import checked_locations
from ._shown import printable

_logger: Final = logging.getLogger("gemstone.client")

#: Seconds that a call waits for a lookup; then it goes by the list that there is.
_PATIENCE: Final = 1.0
#: From this part of its lifetime on a list is looked up again, while it still serves.
_AHEAD: Final = 0.8
#: Seconds between lookups that fail: at first, and at most.
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0
#: Seconds after its last call in which a service is looked after.
ATTENTION: Final = 10.0


class Lookup:
    """Keeps the list of a service's instances fresh. May be used from any thread.

    Args:
        name: the service's name.
        locate: asks the registries; may block, and may raise anything.
        lifetime: how many seconds a list is good for; 0: for one call.
        chores: does lookups in the background.
        take: is given each new list. Never called twice at once.
    """

    def __init__(
        self,
        name: str,
        locate: Callable[[str], Iterable[str]],
        lifetime: float,
        chores: Chores,
        take: Callable[[list[str]], None],
    ) -> None:
        self._name = name
        self._locate = locate
        self._lifetime = lifetime
        self._chores = chores
        self._take = take
        self._asked_at = 0.0  # when the lookup began that gave the present list
        self._problems: list[str] = []  # what was wrong with that list
        self._is_closed = False
        self._pause = _FIRST_PAUSE
        #: Whether the last lookup has failed, so that the last good list is used.
        self.is_failing = False
        self._start()
        restart_after_fork(self)

    def _start(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._under_way = False
        self._ended = 0  # how many have
        self._is_slow = False  # whether the one under way has kept a call waiting for too long
        self._retry_is_due = False
        self._wanted_at = 0.0

    def restart_in_child(self) -> None:
        """Forget, in a process just forked, what is done by threads of its parent."""
        self._start()

    def first(self) -> None:
        """Look the name up for the first time, in this thread. Raises whatever is raised."""
        asked_at = time.monotonic()
        self._take(self._ask())
        self._asked_at = asked_at

    def keep_fresh(self, deadline: float) -> None:
        """See to it that the list is not too old, for a call that is about to be made.

        Waits, for a second at most, only when it is too old. While lookups fail, or one takes
        longer than that, it never waits: they go on in the background.

        Args:
            deadline: until when to wait, at most.
        """
        now = time.monotonic()
        if now - self._asked_at < self._lifetime * _AHEAD:
            return
        with self._changed:
            age = now - self._asked_at  # once more: another thread may just have looked it up
            if age < self._lifetime * _AHEAD:
                return
            self._begin()
            if age >= self._lifetime:
                self._wait(deadline - now)

    def renew(self, deadline: float) -> None:
        """Look the name up again, however old the list is. Waits as :meth:`keep_fresh` does."""
        with self._changed:
            self._begin()
            self._wait(deadline - time.monotonic())

    def soon(self) -> None:
        """Look the name up again in the background, unless that was done just now."""
        with self._changed:
            if time.monotonic() - self._asked_at > _FIRST_PAUSE:
                self._begin()

    def now(self) -> None:
        """Look the name up in this thread; or wait until another thread has done so.

        Not while lookups fail: then they are tried again in the background.
        """
        with self._changed:
            self._wanted_at = time.monotonic()
            if self.is_failing:
                self._begin()
                return
            if self._under_way:
                self._wait_for_its_end(None)
                return
            if self._is_closed:
                return
            self._under_way = True
        self._look_up()

    def close(self) -> None:
        """Begin nothing any more, and let nobody wait."""
        with self._changed:
            self._is_closed = True
            self._under_way = False
            self._changed.notify_all()

    def _wait(self, within: float) -> None:
        """Wait for the lookup under way, as long as a call may. The lock must be held."""
        if self.is_failing or self._is_slow:
            return
        until = min(_PATIENCE, within)
        if not self._wait_for_its_end(until):
            self._is_slow = until == _PATIENCE

    def _wait_for_its_end(self, within: float | None) -> bool:
        """Whether the lookup under way has ended. The lock must be held."""
        ended = self._ended  # another one may have begun before this thread notices
        return self._changed.wait_for(lambda: not self._under_way or self._ended != ended, within)

    def _begin(self) -> None:
        """Have it looked up; where that has failed, after a pause. The lock must be held."""
        self._wanted_at = time.monotonic()
        if self._under_way or self._retry_is_due or self._is_closed:
            return
        if self.is_failing:
            self._retry_is_due = True
            self._chores.put(self._retry)
        else:
            self._under_way = True
            self._chores.put(self._look_up)

    def _retry(self) -> None:
        with self._changed:
            self._retry_is_due = False
            if self._under_way or self._is_closed:
                return
            if time.monotonic() - self._wanted_at > ATTENTION:
                return  # the next call begins it again
            self._under_way = True
        self._look_up()

    def _look_up(self) -> None:
        asked_at = time.monotonic()
        try:
            self._take(self._ask())
        except BaseException as exc:  # whatever somebody else's code raises; this thread is ours
            self._has_ended(asked_at, exc)
        else:
            self._has_ended(asked_at, None)

    def _ask(self) -> list[str]:
        urls, problems = checked_locations(self._locate(self._name), self._name)
        for problem in problems:
            if problem not in self._problems:  # it is said once, and not with every lookup
                _logger.warning("%s; the service %r is not called there", problem, self._name)
        self._problems = problems
        return urls

    def _has_ended(self, asked_at: float, problem: BaseException | None) -> None:
        with self._changed:
            self._under_way = self._is_slow = False
            self._ended += 1
            if problem is None:
                self._asked_at = asked_at
                self._pause = _FIRST_PAUSE
            else:
                self._retry_is_due = True
                self._chores.put(self._retry, self._pause)
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            was_failing, self.is_failing = self.is_failing, problem is not None
            self._changed.notify_all()
        if problem is not None and not was_failing:
            _logger.warning(
                "The service %r can't be looked up; its last instances are used meanwhile: %s",
                self._name,
                printable(str(problem) or type(problem).__name__, 500),
            )
        elif problem is None and was_failing:
            _logger.info("The service %r can be looked up again", self._name)
