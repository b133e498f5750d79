"""What an administrator does: dead letters, and services that will not return."""

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

import redis

from gemstone.errors import EventBrokerError, EventRefusedError
from gemstone_core.event import DeadLetter, DeadLetters

from ._link import Command, Link
from ._streams import DEAD, Entry, entries, event_of, read_headers, resurrection, stream_of

_PAGE: Final = 100
#: An instance that was seen in this time runs, in milliseconds: it reads twice a second.
_RUNS: Final = 10_000


class StreamDeadLetters(DeadLetters):
    """The dead letters in one Redis.

    Args:
        url: where it is.
    """

    def __init__(self, url: Any) -> None:
        self._url = url
        self._link: Link | None = None
        self._read: tuple[str, Entry] | None = None

    def read(self) -> Generator[DeadLetter, None, None]:
        """All that there are now, the oldest first."""
        [last] = self._ask([("XREVRANGE", DEAD, "+", "-", "COUNT", "1")])
        begin: str | bytes = "-"
        while last:
            end = last[0][0]
            [page] = self._ask([("XRANGE", DEAD, begin, end, "COUNT", str(_PAGE))])
            found = [*entries("", page)]
            for entry in found:
                letter = _letter(entry)
                self._read = letter.id, entry
                yield letter
            if len(found) < _PAGE:
                return
            begin = b"(" + found[-1].id

    def replay_one(self, letter: DeadLetter) -> None:
        """Add the event to its stream again, for this service alone."""
        entry = self._entry(letter)
        [groups] = self._ask([("XINFO", "GROUPS", stream_of(letter.event_name))], missing=[])
        if letter.service.encode() not in [_pairs(group)[b"name"] for group in groups]:
            raise EventRefusedError(
                f"the dead letter {letter.id} can't be replayed: in {self._url} no service "
                f"{letter.service!r} handles {letter.event_name!r}; start it once, or purge the "
                "letter"
            )
        self._ask(
            [
                ("MULTI",),
                resurrection(entry, letter.event_name, letter.service),
                ("XDEL", DEAD, letter.id),
                ("EXEC",),
            ]
        )

    def purge_one(self, letter: DeadLetter) -> None:
        """Remove the entry."""
        self._ask([("XDEL", DEAD, letter.id)])

    def close(self) -> None:
        """End the connection; again, nothing."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _entry(self, letter: DeadLetter) -> Entry:
        if self._read is not None and self._read[0] == letter.id:
            return self._read[1]
        [found] = self._ask([("XRANGE", DEAD, letter.id, letter.id)])
        for entry in entries("", found):
            return entry
        raise EventRefusedError(f"there is no dead letter {letter.id} any more")

    def _ask(self, commands: Sequence[Command], missing: Any = None) -> list[Any]:
        if self._link is None:
            self._link = Link(self._url, self._url.timeout)
            try:
                self._link.open()
            except Exception as error:
                self._link = None
                raise EventBrokerError(f"{self._url} can't be reached: {error}") from error
        return ask(self._link, self._url, commands, missing)


def forget_group(url: Any, service: str, event_names: Collection[str]) -> int:
    """Remove the groups of a service.

    Args:
        url: where Redis is.
        service: the name of the service.
        event_names: the names of the events; by default all of which there are streams.

    Returns:
        How many groups there were.

    Raises:
        EventBrokerError: Redis can't be asked.
        EventRefusedError: an instance of the service runs.
    """
    with closing(Link(url, url.timeout)) as link:
        try:
            link.open()
        except Exception as error:
            raise EventBrokerError(f"{url} can't be reached: {error}") from error
        keys = [stream_of(name) for name in event_names] or _streams(link, url)
        theirs = []
        for key in keys:
            [groups] = ask(link, url, [("XINFO", "GROUPS", key)], missing=[])
            if service.encode() in [_pairs(group)[b"name"] for group in groups]:
                theirs.append(key)
        for key in theirs:
            [consumers] = ask(link, url, [("XINFO", "CONSUMERS", key, service)], missing=[])
            if any(_pairs(each)[b"idle"] < _RUNS for each in consumers if not _is_left(each)):
                raise EventRefusedError(
                    f"an instance of {service!r} runs, or ran {_RUNS // 1000} s ago: stop all of "
                    "them, wait, and forget it then"
                )
        ask(link, url, [("XGROUP", "DESTROY", key, service) for key in theirs])
        return len(theirs)


def ask(link: Link, url: Any, commands: Sequence[Command], missing: Any = None) -> list[Any]:
    """Ask Redis.

    Args:
        link: the connection, open.
        url: where it is, for messages.
        commands: what it is asked.
        missing: the answer where a key is not there; by default that is an error.

    Raises:
        EventBrokerError: it does not answer, or with an error.
    """
    try:
        answers = link.ask(commands)
    except Exception as error:
        raise EventBrokerError(f"the connection to {url} broke: {error}") from error
    found = []
    for answer in answers:
        is_error = isinstance(answer, redis.ResponseError)
        if is_error and missing is not None and "no such key" in str(answer):
            found.append(missing)
            continue
        for each in answer if isinstance(answer, list) else [answer]:  # of EXEC there are several
            if isinstance(each, redis.ResponseError):
                raise EventBrokerError(f"{url} answers: {each}") from each
        found.append(answer)
    return found


def _streams(link: Link, url: Any) -> list[str]:
    keys: set[bytes] = set()
    cursor: str | bytes = "0"
    pattern = stream_of("*").replace("[", "\\[")
    while True:
        [(cursor, page)] = ask(link, url, [("SCAN", cursor, "MATCH", pattern, "COUNT", "1000")])
        keys.update(page)
        if cursor == b"0":
            return sorted(stream_of(event_of(key)) for key in keys)


def _is_left(consumer: list[Any]) -> bool:
    return bool(_pairs(consumer)[b"name"] == b"left")


def _pairs(answer: list[Any]) -> Mapping[bytes, Any]:
    return dict(zip(answer[::2], answer[1::2], strict=True))


def _letter(entry: Entry) -> DeadLetter:
    def text(name: bytes) -> str:
        return entry.fields.get(name, b"").decode(errors="replace")

    return DeadLetter(
        id=entry.id.decode(),
        service=text(b"service"),
        event_name=text(b"event"),
        data=entry.data,
        event_id=text(b"id") or None,
        headers=read_headers(entry.fields.get(b"headers")),
        attempts=int(text(b"attempts") or 0),
        reason=text(b"reason"),
        died_at=float(text(b"died") or 0.0),
    )
