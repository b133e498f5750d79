"""From an outbox to Redis."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

import redis
from redis.exceptions import ClusterError, OutOfMemoryError, ReadOnlyError

from gemstone_core.event import Emission, Outbox

from ._link import Command, Link

#: How many events are sent before their answers are read, at most.
_BATCH: Final = 500
#: How many bytes are sent at once: of what comes after, it is known that it was not sent.
_SLICE: Final = 256 * 1024

#: What Redis answers while it can't serve; old versions of redis-py have no class for some of it.
_CANNOT_SERVE: Final = frozenset(
    {"CLUSTERDOWN", "MASTERDOWN", "MISCONF", "NOREPLICAS", "READONLY", "TRYAGAIN"}
)


class Carriage(Protocol):
    """How events are handed to Redis.

    Attributes:
        keeps: whether Redis keeps them for those who are not there now. Then what was perhaps sent
            is sent again.
    """

    keeps: bool

    def command(self, emission: Emission) -> Command:
        """What hands over an event; its message comes last."""
        ...

    def check_answer(self, answer: object) -> None:
        """Look at the answer to such a command.

        Raises:
            redis.ConnectionError: it is none.
        """
        ...

    def tidy(self, link: Link) -> None:
        """Do what is to be done now and then, between events."""
        ...


class ToChannels:
    """Publishes events.

    Args:
        encode: makes the message of an event.
    """

    keeps = False

    def __init__(self, encode: Callable[[Emission], bytes]) -> None:
        self._encode = encode

    def command(self, emission: Emission) -> Command:
        """A PUBLISH."""
        return ("PUBLISH", emission.name, self._encode(emission))

    def check_answer(self, answer: object) -> None:
        """It must be the number of those who got it."""
        if type(answer) is not int:
            raise redis.ConnectionError("Redis answers something else than it is asked")

    def tidy(self, link: Link) -> None:
        """There is nothing to be done."""


def publish(link: Link, outbox: Outbox, carriage: Carriage, ping_every: float) -> None:
    """Hand over the events of an outbox, as many at once as wait, until it is finished.

    Args:
        link: the connection, which is not open yet.
        outbox: where the events wait.
        carriage: how they are handed over.
        ping_every: after how many seconds without an event to see whether Redis is there.

    Raises:
        Exception: the connection can't be made, or broke. What may have been sent and was not
            answered is left to the outbox, or waits in it again like the rest.
    """
    link.open()
    outbox.connected(others_must_be_there=not carriage.keeps)
    while not outbox.is_finished:
        emissions = outbox.take(_BATCH, ping_every)
        if emissions:
            _hand_over(link, outbox, emissions, carriage)
        elif not outbox.is_finished:
            link.ping()
        carriage.tidy(link)


def _hand_over(
    link: Link, outbox: Outbox, emissions: Sequence[Emission], carriage: Carriage
) -> None:
    unsent = 0
    try:
        link.check()  # an event must not be lost on a connection that is known to be gone
        for commands in _slices(emissions, carriage):
            unsent += len(commands)
            link.send(commands)
    except BaseException:
        # Of the last slice that was begun, some may have been sent.
        outbox.put_back(emissions[unsent:])
        if carriage.keeps:
            outbox.put_back(emissions[:unsent], unconfirmed=True)
        raise
    _read_answers(link, outbox, emissions, carriage)


def _slices(emissions: Sequence[Emission], carriage: Carriage) -> Iterator[list[Command]]:
    commands: list[Command] = []
    size = 0
    for emission in emissions:
        command = carriage.command(emission)
        length = len(command[-1])
        size += length
        if size > _SLICE and commands:
            yield commands
            commands, size = [], length
        commands.append(command)
    yield commands


def _read_answers(
    link: Link, outbox: Outbox, emissions: Sequence[Emission], carriage: Carriage
) -> None:
    answer, check_answer = link.answer, carriage.check_answer
    done: list[Emission] = []
    again: list[Emission] = []
    answered = 0
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
            answered += 1
    finally:
        if carriage.keeps:
            outbox.put_back(emissions[answered:], unconfirmed=True)
        outbox.put_back(again)
        outbox.done(done)
    if state is not None:
        raise state


def _is_about_redis(error: redis.ResponseError) -> bool:
    """Whether an error says nothing of the event, which is to be sent again then."""
    if isinstance(error, ReadOnlyError | ClusterError | OutOfMemoryError):
        return True
    return str(error).partition(" ")[0] in _CANNOT_SERVE
