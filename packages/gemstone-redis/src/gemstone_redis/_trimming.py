"""What is no longer needed in a stream is thrown away; nothing else is, unless somebody says so."""

from collections.abc import Sequence
from typing import Any, Final

import redis

from ._link import Command, Link
from ._streams import stream_of

#: How old an entry must be in a stream that nobody reads, in milliseconds: all services that Redis
#: has forgotten (FLUSHALL) are back then.
_PATIENCE: Final = 60_000


def trim_handled(link: Link, event_names: Sequence[str]) -> None:
    """Throw away, of each stream, what every group has acknowledged.

    Raises:
        redis.ConnectionError: the connection is of no use any more.
    """
    keys = [stream_of(name) for name in event_names]
    commands: list[Command] = []
    for key, groups in zip(keys, _groups(link, keys), strict=True):
        oldest = [_oldest_needed(link, key, group) for group in groups or ()]
        known = [each for each in oldest if each is not None]
        if known and len(known) == len(oldest):
            time, number = min(known)
            commands.append(("XTRIM", key, "MINID", "=", f"{time}-{number}"))
    link.ask(commands)


def trim_unwanted(link: Link, event_names: Sequence[str]) -> None:
    """Throw away what lies for a while in streams that no group reads: new ones begin at the end.

    Raises:
        redis.ConnectionError: the connection is of no use any more.
    """
    keys = [stream_of(name) for name in event_names]
    [now, *_] = link.ask([("TIME",)])
    if isinstance(now, redis.ResponseError):
        return
    until = int(now[0]) * 1000 - _PATIENCE
    unwanted = [key for key, groups in zip(keys, _groups(link, keys), strict=True) if groups == []]
    link.ask([("XTRIM", key, "MINID", "=", str(until)) for key in unwanted])


def cut_off(link: Link, event_names: Sequence[str], most: int) -> int:
    """Throw away what is more than so many entries, needed or not.

    Returns:
        How many were thrown away that some group had not acknowledged.

    Raises:
        redis.ConnectionError: the connection is of no use any more.
    """
    keys = {stream_of(name): name for name in event_names}
    lengths = link.ask([("XLEN", key) for key in keys])
    long = [key for key, length in zip(keys, lengths, strict=True) if _exceeds(length, most)]
    if not long:
        return 0
    trim_handled(link, [keys[key] for key in long])
    removed = link.ask([("XTRIM", key, "MAXLEN", "=", str(most)) for key in long])
    return sum(each for each in removed if isinstance(each, int))


def _exceeds(length: object, most: int) -> bool:
    return isinstance(length, int) and length > most


def _groups(link: Link, keys: Sequence[str]) -> list[list[dict[bytes, Any]] | None]:
    """The groups of each stream; ``None`` where Redis does not tell them."""
    return [
        None
        if isinstance(answer, redis.ResponseError)
        else [dict(zip(each[::2], each[1::2], strict=True)) for each in answer]
        for answer in link.ask([("XINFO", "GROUPS", key) for key in keys])
    ]


def _oldest_needed(link: Link, key: str, group: dict[bytes, Any]) -> tuple[int, int] | None:
    """The first entry that a group needs; ``None`` if Redis does not tell it."""
    if not group[b"pending"]:
        time, number = _read(group[b"last-delivered-id"])
        return time, number + 1
    [pending] = link.ask([("XPENDING", key, group[b"name"])])
    if isinstance(pending, redis.ResponseError):
        return None
    # All may have been acknowledged meanwhile: the next time they are.
    return None if pending[1] is None else _read(pending[1])


def _read(id: bytes) -> tuple[int, int]:
    time, _, number = id.partition(b"-")
    return int(time), int(number)
