"""From handlers back to Redis: acknowledgements, dead letters, and word that somebody lives."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import redis

from gemstone_core.event import Verdict

from ._holdings import Decided, Holdings
from ._link import Command, Link
from ._streams import burial, stream_of
from ._trimming import trim_handled

#: How long to gather what is handled, in seconds.
_GATHER: Final = 0.002
#: How often to renew claims, as a part of ``claim_after``; and to look whether that is due.
_RENEW_EVERY: Final = 0.15
#: How often to be seen by Redis at least, in seconds: so a service that runs is not forgotten.
_SIGN_OF_LIFE: Final = 4.0
_BEYOND_ALL: Final = "18446744073709551615-0"
_ASK_EVERY: Final = 0.5
#: How often to throw away what all have handled, in seconds.
_TRIM_EVERY: Final = 5.0
#: How often to remove consumers that have nothing and were not seen for so long, in seconds.
_TIDY_EVERY: Final = 60.0
_GONE_AFTER: Final = 3600.0
#: How many entries one command names.
_PAGE: Final = 500
#: In whose name entries lie that are left to whoever comes first, and since when, as it is said.
_LEFT: Final = "left"
_LONG_AGO: Final = str(24 * 60 * 60 * 1000)


class Settler:
    """Tells Redis what became of entries, through a connection of its own.

    That of the reader waits for new entries most of the time.

    Args:
        link: the connection, which is not open yet.
        holdings: what this instance has.
        names: the names of the events.
        group: the service.
        consumer: the instance.
        claim_after: how long a dead instance may keep what it had, in seconds.
        may_trim: whether all services that read the streams are known to Redis by now.
    """

    def __init__(
        self,
        link: Link,
        holdings: Holdings,
        names: Sequence[str],
        group: str,
        consumer: str,
        claim_after: float,
        may_trim: Callable[[], bool],
    ) -> None:
        self._link = link
        self._holdings = holdings
        self._names = names
        self._group = group
        self._consumer = consumer
        self._may_trim = may_trim
        self._renew_every = min(claim_after * _RENEW_EVERY, _SIGN_OF_LIFE)
        self._is_ending = False
        now = time.monotonic()
        self._renew_at = now
        self._trim_at = now + _TRIM_EVERY
        self._tidy_at = now + _TIDY_EVERY

    def run(self) -> None:
        """Tell Redis, until it is told to end, and everything is told.

        Raises:
            redis.RedisError: the connection is of no use any more, or Redis takes nothing.
        """
        wake = self._holdings.something_is_decided
        while not self._is_ending:
            if wake.wait(min(_ASK_EVERY, self._renew_every)):
                time.sleep(_GATHER)
                wake.clear()
            self._tell()
            self._keep_up()
        self._tell()
        self._leave()

    def end(self) -> None:
        """Have :meth:`run` end, when everything is told. From any thread."""
        self._is_ending = True
        self._holdings.something_is_decided.set()

    def _tell(self) -> None:
        decided = self._holdings.decided()
        done: dict[str, list[bytes]] = defaultdict(list)
        commands: list[Command] = []
        for each in decided:
            if each.verdict is Verdict.DONE:
                done[each.entry.name].append(each.entry.id)
            elif each.verdict is Verdict.DEAD:
                commands += self._burial(each)
            else:
                commands.append(self._leaving(each))
        for name, ids in done.items():
            for begin in range(0, len(ids), _PAGE):
                commands.append(self._acknowledgement(name, ids[begin : begin + _PAGE]))
        self._ask(commands)
        self._holdings.release(decided)

    def _burial(self, dead: Decided) -> Iterable[Command]:
        """Both or none: so it is neither lost nor a dead letter twice."""
        entry = dead.entry
        yield ("MULTI",)
        yield burial(entry, self._group, dead.attempt, dead.reason, time.time())
        yield self._acknowledgement(entry.name, [entry.id])
        yield ("EXEC",)

    def _acknowledgement(self, name: str, ids: Sequence[bytes]) -> Command:
        return ("XACK", stream_of(name), self._group, *ids)

    def _leaving(self, left: Decided) -> Command:
        """Give an entry back that nobody has handled: this delivery does not count."""
        return (
            *("XCLAIM", stream_of(left.entry.name), self._group, _LEFT, "0", left.entry.id),
            *("IDLE", _LONG_AGO, "RETRYCOUNT", str(left.attempt - 1), "JUSTID"),
        )

    def _keep_up(self) -> None:
        now = time.monotonic()
        if now >= self._renew_at:
            self._renew_at = now + self._renew_every
            self._renew()
        if now >= self._trim_at:
            self._trim_at = now + _TRIM_EVERY
            if self._may_trim():
                trim_handled(self._link, self._names)
        if now >= self._tidy_at:
            self._tidy_at = now + _TIDY_EVERY
            self._remove_consumers()

    def _renew(self) -> None:
        held: dict[str, list[bytes]] = defaultdict(list)
        for name, id in self._holdings.places():
            held[name].append(id)
        claims: list[Command] = [
            ("XCLAIM", stream_of(name), self._group, self._consumer, "0", *page, "JUSTID")
            for name, ids in held.items()
            for begin in range(0, len(ids), _PAGE)
            for page in [ids[begin : begin + _PAGE]]
        ]
        # Who only waits for new entries is not seen by Redis 7.0; who asks for old ones is.
        here = ("XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", "1", "STREAMS")
        signs: list[Command] = [(*here, stream_of(name), _BEYOND_ALL) for name in self._names]
        self._ask([*claims, *signs])

    def _remove_consumers(self) -> None:
        """Remove those that died long ago, and of which others have claimed everything."""
        asked = [("XINFO", "CONSUMERS", stream_of(name), self._group) for name in self._names]
        commands: list[Command] = []
        for name, answer in zip(self._names, self._link.ask(asked), strict=True):
            if isinstance(answer, redis.ResponseError):
                continue
            for each in answer:
                known = dict(zip(each[::2], each[1::2], strict=True))
                if not known[b"pending"] and known[b"idle"] > _GONE_AFTER * 1000:
                    commands.append(self._removal(name, known[b"name"]))
        self._link.ask(commands)

    def _leave(self) -> None:
        """Leave to others what waits here to be delivered again, and be gone."""
        for name in self._names:
            key = stream_of(name)
            while True:
                [rows] = self._link.ask(
                    [("XPENDING", key, self._group, "-", "+", str(_PAGE), self._consumer)]
                )
                if isinstance(rows, redis.ResponseError) or not rows:
                    break
                ids = [row[0] for row in rows]
                self._ask(
                    [("XCLAIM", key, self._group, _LEFT, "0", *ids, "IDLE", _LONG_AGO, "JUSTID")]
                )
            self._link.ask([self._removal(name, self._consumer)])

    def _removal(self, name: str, consumer: str | bytes) -> Command:
        return ("XGROUP", "DELCONSUMER", stream_of(name), self._group, consumer)

    def _ask(self, commands: Sequence[Command]) -> list[Any]:
        answers = self._link.ask(commands)
        executed = [each for answer in answers if isinstance(answer, list) for each in answer]
        for answer in (*answers, *executed):
            # The reader finds that a group is gone, and makes it again.
            if isinstance(answer, redis.ResponseError) and not is_gone(answer):
                raise answer
        return answers


def is_gone(error: redis.ResponseError) -> bool:
    """Whether Redis says that it knows nothing of a group, or of its stream."""
    return str(error).startswith(("NOGROUP", "UNBLOCKED"))
