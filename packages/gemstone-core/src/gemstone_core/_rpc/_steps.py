"""The calls of a batch on the event loop, one after another in one task, each in its own context.

A task for each would cost ten times what a short method does, and on Python 3.11 a turn of the
event loop as well. Only a call that waits has to have a task to itself: that in which it began,
so that whatever it has found out about its task stays true.
"""

from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from types import coroutine
from typing import Any, Final

from ._arrival import Arrival
from ._messages import Call

#: A call of a batch: which one it is, what is called, and its id.
Member = tuple[int, Call, bytes]

#: What :func:`steps` gives when it waits for nothing but the next call.
IDLE: Final = object()


@coroutine
def steps(
    answer: Callable[[Call, bytes, Arrival], Coroutine[Any, Any, bytes | None]],
    arrival: Arrival,
    answers: list[bytes | None],
) -> Generator[object, Any, None]:
    """Answer one call after another.

    It gives :data:`IDLE` when it wants to be sent the next one; whatever else it gives is what a
    call waits for. Each call may be run in another context. That a call has ended is told without
    raising anything, as a coroutine that is sent to by itself would: that costs as much as it.

    Args:
        answer: executes a call.
        arrival: what the calls came with.
        answers: where their answers go.
    """
    while True:
        index, call, id = yield IDLE
        answers[index] = yield from answer(call, id, arrival)


@coroutine
def until_idle(
    running: Generator[object, Any, None], context: Context, awaited: object
) -> Generator[object, Any, None]:
    """Wait as long as a call waits, in the task in which it began.

    Args:
        running: the :func:`steps` that have begun it.
        context: what it runs in.
        awaited: what it waits for first.

    Raises:
        BaseException: what the call raises.
    """
    while awaited is not IDLE:
        try:
            sent = yield awaited
        except BaseException as error:
            awaited = context.run(running.throw, error)
        else:
            awaited = context.run(running.send, sent)
