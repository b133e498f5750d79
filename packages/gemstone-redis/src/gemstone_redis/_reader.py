"""From streams to handlers: what is new, what is to be delivered again, and what the dead left."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import redis

from gemstone_core.event import DurableEventTransport, Event, Verdict

from ._holdings import Decided, Holdings
from ._link import Command, Link
from ._streams import Entry, Place, entries, event_of, stream_of

#: How long to wait for new entries, in seconds: what is due meanwhile waits so long.
_BLOCK: Final = 0.5
#: The same while one entry after the other is tried.
_SHORT_BLOCK: Final = 0.02
#: How many entries of each stream are fetched, as a multiple of those that may be with handlers.
_AHEAD: Final = 4
#: How many entries are looked at together.
_PAGE: Final = 100
#: What a dead consumer has had for this part of ``claim_after`` is claimed; it is looked for such
#: that all of it is claimed in time.
DEAD_AFTER: Final = 0.6
_LOOK_EVERY: Final = 0.15
#: An entry that was delivered so often, and never to an end, is delivered alone.
_SUSPECT: Final = 2


class Reader:
    """Reads the entries of some streams for a group, and hands them to handlers.

    It counts deliveries where Redis does, so that those count after which the process was dead. But
    with a process everything dies that it had, guilty or not. So what was in two deaths is
    delivered alone from then on: one such entry at a time.

    Args:
        link: the connection, open.
        host: the transport.
        holdings: what this instance has.
        names: the names of the events.
        group: the service.
        consumer: the instance.
        claim_after: how long a dead instance may keep what it had, in seconds.
    """

    def __init__(
        self,
        link: Link,
        host: DurableEventTransport,
        holdings: Holdings,
        names: Sequence[str],
        group: str,
        consumer: str,
        claim_after: float,
    ) -> None:
        self._link = link
        self._host = host
        self._holdings = holdings
        self._names = names
        self._group = group
        self._consumer = consumer
        self._claim_after = claim_after
        self._look_at = 0.0
        self._on_trial: Place | None = None
        self._suspects = False

    def adopt(self) -> None:
        """Deliver what Redis has given to this instance, and a broken connection did not bring.

        Raises:
            redis.RedisError: the connection is of no use any more, or the group is gone.
        """
        for name in self._names:
            begin: str | bytes = "-"
            while rows := self._pending(name, [begin], self._consumer):
                lost = [row for row in rows if not self._holdings.holds((name, row[0]))]
                self._claim(name, lost, least_idle=0, counts=False)
                begin = b"(" + rows[-1][0]

    def read(self) -> None:
        """Deliver what is there; waits a moment if nothing is. Again and again.

        Raises:
            redis.RedisError: the connection is of no use any more, or a group is gone.
        """
        self._deliver_again()
        self._look()
        block = _SHORT_BLOCK if self._suspects else min(_BLOCK, self._claim_after / 4)
        keys = [stream_of(name) for name in self._names]
        command = (
            *("XREADGROUP", "GROUP", self._group, self._consumer),
            *(
                "COUNT",
                str(_AHEAD * self._host.max_concurrent_events),
                "BLOCK",
                str(int(block * 1000) or 1),
            ),
            *("STREAMS", *keys, *(">" for _ in keys)),
        )
        [answer] = self._link.ask([command])
        if isinstance(answer, redis.ResponseError):
            raise answer
        for key, read in answer or ():
            came = [*entries(event_of(key), read)]
            self._hand_over([(entry, 1) for entry in came])

    # What was delivered before.

    def _deliver_again(self) -> None:
        attempts = dict(self._holdings.due(_PAGE))
        by_name: dict[str, list[bytes]] = defaultdict(list)
        for name, id in attempts:
            by_name[name].append(id)
        try:
            answers = self._ask([self._claiming(name, 0, ids) for name, ids in by_name.items()])
        except BaseException:
            for place, attempt in attempts.items():  # when there is a connection again
                self._holdings.wait(place, attempt, 0.0)
            raise
        claimed = [
            entry
            for name, answer in zip(by_name, answers, strict=True)
            for entry in entries(name, answer)
        ]
        self._holdings.drop({*attempts} - {entry.place for entry in claimed})
        self._deliver([(entry, attempts[entry.place]) for entry in claimed])

    def _look(self) -> None:
        """Claim what dead instances had, now and then."""
        if self._suspects and not self._is_trying():
            self._look_at = 0.0  # the next one can be tried
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + self._claim_after * _LOOK_EVERY
        idle = round(self._claim_after * DEAD_AFTER * 1000)
        self._suspects = False
        for name in self._names:
            rows = [
                row
                for row in self._pending(name, ["IDLE", str(idle), "-"])
                if not self._holdings.holds((name, row[0]))
            ]
            suspects = [row for row in rows if self._is_suspect(row[3])]
            self._claim(name, [row for row in rows if not self._is_suspect(row[3])], idle)
            self._try_one(name, suspects, idle)
            if len(rows) == _PAGE:
                self._look_at = 0.0

    def _is_suspect(self, count: int) -> bool:
        """Whether an entry is to be delivered alone, or not at all."""
        return count >= _SUSPECT or count + 1 >= self._host.max_deliveries > 1

    def _is_trying(self) -> bool:
        """Whether a suspect is with its handlers, or Redis does not know yet what became of it.

        If the process died of the next one, that would count for this one, too.
        """
        place = self._on_trial
        if place is not None and not self._holdings.holds(place):
            place = self._on_trial = None
        return place is not None

    def _try_one(self, name: str, rows: Sequence[Any], idle: int) -> None:
        for row in rows:
            if row[3] >= self._host.max_deliveries:
                self._claim(name, [row], idle)  # which delivers it no more
            elif not self._is_trying():
                self._on_trial = (name, row[0])
                self._claim(name, [row], idle)
                if not self._holdings.holds((name, row[0])):
                    self._on_trial = None  # somebody else was faster
            else:
                self._suspects = True

    def _claim(
        self, name: str, rows: Sequence[Any], least_idle: int, *, counts: bool = True
    ) -> None:
        """Take entries over, if nobody was faster.

        Args:
            name: of the event.
            rows: what XPENDING says of them.
            least_idle: for how many milliseconds nobody has dealt with them.
            counts: whether they were delivered before.
        """
        if not rows:
            return
        attempts = {row[0]: row[3] + counts for row in rows}
        if counts:
            commands = [self._claiming(name, least_idle, [*attempts])]
        else:
            commands = [
                (*self._claiming(name, least_idle, [id]), "RETRYCOUNT", str(count))
                for id, count in attempts.items()
            ]
        claimed = [entry for answer in self._ask(commands) for entry in entries(name, answer)]
        self._hand_over([(entry, attempts[entry.id]) for entry in claimed])

    def _claiming(self, name: str, least_idle: int, ids: Sequence[bytes]) -> Command:
        return ("XCLAIM", stream_of(name), self._group, self._consumer, str(least_idle), *ids)

    def _pending(self, name: str, begin: Sequence[str | bytes], *consumer: str) -> list[Any]:
        """The id, the consumer, the idle time and the deliveries of some entries."""
        command = ("XPENDING", stream_of(name), self._group, *begin, "+", str(_PAGE), *consumer)
        [answer] = self._ask([command])
        rows: list[Any] = answer
        return rows

    def _ask(self, commands: Sequence[Command]) -> list[Any]:
        answers = self._link.ask(commands)
        for answer in answers:
            if isinstance(answer, redis.ResponseError):
                raise answer
        return answers

    # To the handlers.

    def _hand_over(self, came: Sequence[tuple[Entry, int]]) -> None:
        taken = [each for each in came if self._holdings.take(each[0].place)]
        try:
            self._deliver(taken)
        except BaseException:
            # Nobody knows how far it came: with the next connection all of them are delivered.
            self._holdings.drop([entry.place for entry, _ in taken])
            raise

    def _deliver(self, came: Sequence[tuple[Entry, int]]) -> None:
        wanted: list[tuple[Entry, Event]] = []
        for entry, attempt in came:
            event = entry.event(attempt)
            if entry.to and entry.to != self._group:
                self._holdings.decide(Decided(entry, Verdict.DONE, attempt, ""))
            elif attempt > 1 and self._host.is_spent(event):
                reason = "its process died each time"
                self._holdings.decide(Decided(entry, Verdict.DEAD, attempt - 1, reason))
            else:
                wanted.append((entry, event))
        for left, (entry, event) in zip(range(len(wanted) - 1, -1, -1), wanted, strict=True):
            self._host.deliver(event, partial(self._ended, entry, event), more=left > 0)

    def _ended(self, entry: Entry, event: Event, error: BaseException | None) -> None:
        verdict = self._host.judge(event, error)
        if verdict is Verdict.AGAIN:
            if self._on_trial == entry.place:
                self._on_trial = None  # it only waits
            delay = self._host.redelivery_delay(event.attempt)
            self._holdings.wait(entry.place, event.attempt + 1, delay)
        else:
            reason = "" if error is None else repr(error)
            self._holdings.decide(Decided(entry, verdict, event.attempt, reason))


def make_groups(link: Link, group: str, names: Mapping[str, str]) -> list[str]:
    """Make the group of a service in some streams, unless it is there.

    Args:
        link: the connection, open.
        group: the service.
        names: the names of the events, and from which id on each is to be read.

    Returns:
        The names of those events for which it was not there.

    Raises:
        redis.RedisError: Redis does not make it.
    """
    commands = [
        ("XGROUP", "CREATE", stream_of(name), group, begin, "MKSTREAM")
        for name, begin in names.items()
    ]
    made = []
    for name, answer in zip(names, link.ask(commands), strict=True):
        if not isinstance(answer, redis.ResponseError):
            made.append(name)
        elif not str(answer).startswith("BUSYGROUP"):
            raise answer
    return made
