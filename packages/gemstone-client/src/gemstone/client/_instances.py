"""The instances of a service that was found by its name: which of them a call goes to."""

import itertools
import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase
from functools import partial
from typing import Final

from ..errors import ServiceStateError, ServiceUnavailableError
from ._chores import Chores
from ._connections import Connections
from ._forking import restart_after_fork
from ._instance import Instance
from ._lookup import ATTENTION, Lookup

_logger: Final = logging.getLogger("gemstone.client")

#: Seconds that an instance may take to answer a probe.
_PROBE_TIMEOUT: Final = 1.0
#: Seconds that a call waits until somebody is found who can be called.
_PATIENCE: Final = 1.0
#: Seconds for which instances that answer, and say that they are still this service, are believed
#: more than a registry that suddenly knows none at all: it may have lost its memory, and they tell
#: it again with their next heartbeats.
_DOUBT: Final = 30.0
#: Seconds that an instance may take to accept a connection, before another one is tried.
CONNECT_WITHIN: Final = 2.0
#: Seconds between lookups while nobody can be called: at first, and at most.
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 2.0


class Instances:
    """Chooses an instance for each call: in turn, without those that are set aside.

    May be used from any thread. What takes its time, lookups and probes, is done in the
    background. A call waits for that only when nobody is left whom it could call.

    Args:
        name: the service's name.
        locate: asks the registries where it is.
        lifetime: how many seconds an answer is good for.
        connect: makes the connections to a URL.
        on_close: called when this is closed.
    """

    #: Whether a call that reached nobody may find somebody else.
    has_others: Final = True

    def __init__(
        self,
        name: str,
        locate: Callable[[str], Iterable[str]],
        lifetime: float,
        connect: Callable[[str], Connections],
        on_close: Callable[[], object],
    ) -> None:
        self.shown = name
        self._connect = connect
        self._on_close = on_close
        self._chores = Chores(name)
        self._lookup = Lookup(name, locate, lifetime, self._chores, self._take)
        self._known: dict[str, Instance] = {}
        self._ready: tuple[Instance, ...] = ()
        self._none_since: float | None = None  # when the registries first knew of none any more
        self._called_at = time.monotonic()
        self._is_closed = False
        self._start()
        restart_after_fork(self)

    def _start(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        # Each client begins elsewhere. Counting is one C call, so it needs no lock.
        self._turn = itertools.count(random.randrange(1_000_000)).__next__
        self._nobody = False  # whether it is certain that nobody can be called
        self._awaited = 0  # what still has to end until that is certain
        self._is_searching = False
        self._pause = _FIRST_PAUSE

    def restart_in_child(self) -> None:
        """Forget, in a process just forked, what is done by threads of its parent."""
        self._start()
        for instance in self._known.values():
            instance.is_watched = False
        with self._changed:
            self._sort()
        self._called_at = float("-inf")  # so that the next call has them watched again

    def find(self) -> bool:
        """Look the name up for the first time, in this thread. Raises whatever is raised.

        Returns:
            Whether there is any instance.
        """
        self._lookup.first()
        return bool(self._known)

    def locations(self, within: float) -> list[str]:
        """The URLs of the instances, looked up again if that is due, or there are none."""
        if not self._is_closed:
            self._wake()
            look_up = self._lookup.keep_fresh if self._known else self._lookup.renew
            look_up(time.monotonic() + within)
        return list(self._known)

    def choose(self, tried: Collection[Instance], deadline: float) -> Instance:
        """The instance whose turn it is.

        Args:
            tried: where the call was already; rather another one, if there is one.
            deadline: when the call must have ended.

        Raises:
            ServiceUnavailableError: none can be called.
            ServiceStateError: this was closed.
        """
        if self._is_closed:
            raise self._closed()
        self._wake()
        self._lookup.keep_fresh(deadline)
        return self._next(tried) or self._found(deadline)

    def count_others(self, tried: Collection[Instance]) -> int:
        """How many instances could be called that a call was not at already."""
        return sum(each not in tried for each in self._ready)

    def has_failed(self, instance: Instance, error: Exception, *, refused: bool) -> None:
        """Note that a call of an instance got no answer: it may have to be set aside."""
        if not instance.has_failed(error, refused=refused):
            return
        with self._changed:
            if instance.is_aside or self._is_closed:
                return
            instance.is_aside = True
            self._sort()
            self._have_watched(instance, instance.next_pause())
        self._lookup.soon()
        _logger.info("%s is not called until it answers again: %s", *_said(instance))

    def close(self, within: float) -> None:
        """End the background threads, and close all connections.

        Args:
            within: how many seconds to wait for the threads.
        """
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            known = list(self._known.values())
        for instance in known:
            instance.connections.close()
        self._lookup.close()
        self._on_close()
        self._chores.close(within)

    # Whose turn it is.

    def _next(self, tried: Collection[Instance]) -> Instance | None:
        ready = self._ready
        if not ready:
            return None
        if tried:  # not a turn: else who follows one that fails would get all of its calls
            return random.choice([each for each in ready if each not in tried] or ready)
        return ready[self._turn() % len(ready)]

    def _found(self, deadline: float) -> Instance:
        """Somebody, when nobody was ready: waits until that is certain, but not for long."""
        with self._changed:
            if not self._ready and not self._nobody and not self._is_closed:
                if not self._awaited:
                    self._look_around()
                until = min(_PATIENCE, deadline - time.monotonic())
                self._changed.wait_for(
                    lambda: self._ready or self._nobody or self._is_closed, until
                )
            if self._is_closed:
                raise self._closed()
            chosen, known = self._next(()), list(self._known.values())
        if chosen is not None:
            return chosen
        if not known:
            raise ServiceUnavailableError(
                f"no instance of {self.shown!r} is registered any more", self.shown
            )
        raise ServiceUnavailableError(
            f"none of the {len(known)} known instances of {self.shown!r} can be called, for "
            f"example: {known[0].last_failure}",
            self.shown,
        )

    def _closed(self) -> ServiceStateError:
        return ServiceStateError(f"this RemoteService of {self.shown!r} is closed; find it again")

    def _look_around(self) -> None:
        """Find out, in the background, whether anybody can be called. The lock must be held."""
        known = list(self._known.values())
        self._awaited = len(known) + 1
        self._chores.put(partial(self._end, self._lookup.now))
        for instance in known:
            self._chores.put(partial(self._end, partial(self._probe, instance)))

    def _end(self, part: Callable[[], None]) -> None:
        """Do a part of looking around; after the last one it is certain."""
        try:
            part()
        finally:
            with self._changed:
                self._awaited = max(0, self._awaited - 1)
                if not self._awaited and not self._ready:
                    self._nobody = True
                    self._pause = _FIRST_PAUSE
                    self._have_searched()
                    self._changed.notify_all()

    def _have_searched(self) -> None:
        """Look the name up again and again, as long as nobody can be called."""
        if not self._is_searching:
            self._is_searching = True
            self._chores.put(self._search, self._pause)

    def _search(self) -> None:
        self._lookup.now()
        with self._changed:
            self._is_searching = False
            if self._nobody and self._has_attention():
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
                self._have_searched()

    # Who is there.

    def _take(self, urls: list[str]) -> None:
        """Go by a new list of instances."""
        known = self._known  # nobody else changes it
        if urls:
            self._none_since = None
        else:
            now = time.monotonic()
            if self._none_since is None:
                self._none_since = now
            if now - self._none_since < _DOUBT:
                urls = [url for url, instance in known.items() if self._says_its_name(instance)]
        listed = {url: known[url] if url in known else Instance(self._connect(url)) for url in urls}
        with self._changed:
            if self._is_closed:
                return
            self._known = listed
            self._sort()
        for url, instance in known.items():
            if url not in listed:
                instance.connections.retire()

    def _have_watched(self, instance: Instance, delay: float = 0.0) -> None:
        """Probe an instance that is set aside, until it answers or is not wanted any more."""
        if not instance.is_watched:
            instance.is_watched = True
            self._chores.put(partial(self._watch, instance), delay)

    def _watch(self, instance: Instance) -> None:
        self._probe(instance)
        with self._changed:
            instance.is_watched = False
            if instance.is_aside and self._is_known(instance) and self._has_attention():
                self._have_watched(instance, instance.next_pause())

    def _probe(self, instance: Instance) -> None:
        if not self._is_known(instance) or not self._answers(instance):
            return
        with self._changed:
            was_aside = instance.is_aside
            instance.is_back()
            self._sort()
        if was_aside:
            _logger.info("%s is called again: it has answered", instance.connections.shown)

    def _answers(self, instance: Instance) -> bool:
        return instance.connections.probe(_PROBE_TIMEOUT) is not None

    def _says_its_name(self, instance: Instance) -> bool:
        said = instance.connections.probe(_PROBE_TIMEOUT) or ""
        return said == self.shown or fnmatchcase(said, self.shown)

    def _is_known(self, instance: Instance) -> bool:
        return instance in self._known.values()

    def _sort(self) -> None:
        """See who is ready, after a change. The lock must be held."""
        self._ready = tuple(each for each in self._known.values() if not each.is_aside)
        if self._ready:
            self._nobody = False
            self._changed.notify_all()

    # Who is looked after.

    def _has_attention(self) -> bool:
        return not self._is_closed and time.monotonic() - self._called_at <= ATTENTION

    def _wake(self) -> None:
        """Note that there is a call. After a long time without any, nobody looks after anything."""
        now = time.monotonic()
        # Sooner than it really slept, so that what is just about to sleep is not missed.
        slept, self._called_at = now - self._called_at > ATTENTION / 2, now
        if slept:
            with self._changed:
                self._nobody = False
                for instance in self._known.values():
                    if instance.is_aside:
                        self._have_watched(instance)


def _said(instance: Instance) -> tuple[str, str]:
    return instance.connections.shown, instance.last_failure
