"""From an outbox to Redis."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import redis
from redis.exceptions import ClusterError, ReadOnlyError

from gemstone_core.event import Emission, Outbox

from ._link import Link

#: How many events are sent before their answers are read, at most.
_BATCH: Final = 500
#: How many bytes are sent at once: of what comes after, it is known that it was not sent.
_SLICE: Final = 256 * 1024

#: What Redis answers while it can't serve; old versions of redis-py have no class for some of it.
_CANNOT_SERVE: Final = frozenset({"CLUSTERDOWN", "MASTERDOWN", "READONLY", "TRYAGAIN"})


def publish(
    link: Link, outbox: Outbox, encode: Callable[[Emission], bytes], ping_every: float
) -> None:
    """Hand over the events of an outbox, as many at once as wait, until it is finished.

    Args:
        link: the connection, which is not open yet.
        outbox: where the events wait.
        encode: makes the message of an event.
        ping_every: after how many seconds without an event to see whether Redis is there.

    Raises:
        Exception: the connection can't be made, or broke. What may have been sent and was not
            answered is left to the outbox; the rest waits in it again.
    """
    link.open()
    outbox.connected()
    while not outbox.is_finished:
        emissions = outbox.take(_BATCH, ping_every)
        if emissions:
            _hand_over(link, outbox, emissions, encode)
        elif not outbox.is_finished:
            link.ping()


def command(name: str, message: bytes) -> tuple[str, str, bytes]:
    """What publishes a message."""
    return ("PUBLISH", name, message)


def check_answer(answer: object) -> None:
    """Look at the answer to a PUBLISH: the number of those who got it.

    Raises:
        redis.ConnectionError: it is none.
    """
    if type(answer) is not int:
        raise redis.ConnectionError("Redis answers something else than it is asked")


def _hand_over(
    link: Link,
    outbox: Outbox,
    emissions: Sequence[Emission],
    encode: Callable[[Emission], bytes],
) -> None:
    unsent = 0
    try:
        link.check()  # an event must not be lost on a connection that is known to be gone
        for commands in _slices(emissions, encode):
            unsent += len(commands)
            link.send(commands)
    except BaseException:
        # Of the last slice that was begun, some may have been sent.
        outbox.put_back(emissions[unsent:])
        raise
    _read_answers(link, outbox, emissions)


def _slices(
    emissions: Sequence[Emission], encode: Callable[[Emission], bytes]
) -> Iterator[list[tuple[str, str, bytes]]]:
    commands: list[tuple[str, str, bytes]] = []
    size = 0
    for emission in emissions:
        message = encode(emission)
        size += len(message)
        if size > _SLICE and commands:
            yield commands
            commands, size = [], len(message)
        commands.append(command(emission.name, message))
    yield commands


def _read_answers(link: Link, outbox: Outbox, emissions: Sequence[Emission]) -> None:
    answer = link.answer
    done: list[Emission] = []
    again: list[Emission] = []
    state: Exception | None = None
    try:
        for emission in emissions:
            try:
                check_answer(answer())
            except redis.ResponseError as error:
                if _is_about_redis(error):
                    again.append(emission)
                    state = error
                else:
                    outbox.fail([emission], error)
            else:
                done.append(emission)
    finally:
        outbox.put_back(again)
        outbox.done(done)
    if state is not None:
        raise state


def _is_about_redis(error: redis.ResponseError) -> bool:
    """Whether an error says nothing of the event, which is to be sent again then."""
    if isinstance(error, ReadOnlyError | ClusterError):
        return True
    return str(error).partition(" ")[0] in _CANNOT_SERVE
