"""What is emitted from now on, for those who listen in nobody's name."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import redis

from gemstone_core.event import Event

from ._link import Link
from ._streams import entries, event_of, stream_of

_BLOCK: Final = 0.5
_PAGE: Final = 100


def follow(
    link: Link,
    names: Sequence[str],
    on_connected: Callable[[], None],
    deliver: Callable[[Event], object],
    is_over: Callable[[], bool],
) -> None:
    """Read the new entries of some streams, until it is over.

    Args:
        link: the connection, open.
        names: the names of the events.
        on_connected: called when no new entry is missed any more.
        deliver: called for each event.
        is_over: asked now and then.

    Raises:
        redis.RedisError: the connection is of no use any more.
    """
    keys = [stream_of(name) for name in names]
    last = [
        (_answered(answer) or [[b"0-0"]])[0][0]
        for answer in link.ask([("XREVRANGE", key, "+", "-", "COUNT", "1") for key in keys])
    ]
    on_connected()
    places = dict(zip(keys, last, strict=True))
    options = ("COUNT", str(_PAGE), "BLOCK", str(int(_BLOCK * 1000)))
    while not is_over():
        [answer] = link.ask([("XREAD", *options, "STREAMS", *places, *places.values())])
        for key, read in _answered(answer) or ():
            for entry in entries(event_of(key), read):
                places[key.decode()] = entry.id
                if not entry.to:
                    deliver(entry.event(1))


def _answered(answer: Any) -> Any:
    if isinstance(answer, redis.ResponseError):
        raise answer
    return answer
