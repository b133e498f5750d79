"""The calls of a batch on the event loop, one after another in one task, each in its own context.

A task for each would cost ten times what a short method does, and on Python 3.11 a turn of the
event loop as well. Only a call that waits has to have a task to itself: that in which it began,
so that whatever it has found out about its task stays true.
"""

from collections.abc import Generator
from contextvars import Context
from types import coroutine
from typing import Any, Final, cast

from .._request import CURRENT, Exchange
from ._arrival import Arrival
from ._calls import Calls, outcome_of
from ._messages import Call, encode
from ._method import ExposedMethod

#: A call of a batch, as ``CURRENT`` notes it: what brought it, the call, its id, no deadline; and
#: which one it is, and the method if it is simple, as :attr:`Calls.simple` has them.
Member = tuple[Exchange, Call, bytes, None, int, ExposedMethod | None]

#: What :func:`steps` gives when it waits for nothing but the next call.
IDLE: Final = object()


#: Coroutines one after another: gives what they wait for, and is sent what they are sent.
Steps = Generator[object, Any, None]


def steps(calls: Calls, arrival: Arrival, answers: list[bytes | None]) -> Steps:
    """Answer one call after another.

    It is sent the first one, and gives :data:`IDLE` when it wants the next; whatever else it gives
    is what a call waits for. Each call may be run in another context, in which no deadline is in
    force. That a call has ended is told without raising anything, as a coroutine that is sent to
    by itself would: that costs as much as the call.

    Args:
        calls: executes a call, unless its method is simple.
        arrival: what the calls came with.
        answers: where their answers go.
    """
    running = cast(Steps, _steps(calls, arrival, answers))
    running.send(None)
    return running


@coroutine
def _steps(calls: Calls, arrival: Arrival, answers: list[bytes | None]) -> Steps:
    set_current = CURRENT.set
    before, between, after = calls.answers.around_result
    join = b"".join
    while True:
        member = yield IDLE
        _, call, id, _, index, method = member
        params = call.params
        if method is None:
            answers[index] = yield from calls.answer(call, id, arrival)
            continue
        # As Calls.answer_simple() does it, but without calling anything that is written in Python:
        # that would be half of the cost.
        set_current(member)
        function = method.function
        try:
            begun = function(**params) if type(params) is dict else function(*params)
        except TypeError:
            answers[index] = yield from calls.answer(call, id, arrival)
            continue
        try:
            result = encode((yield from begun))
            answers[index] = join((before, result, between, id, after))
        except BaseException as error:
            answers[index] = calls.write(call.method, id, outcome_of(error))


@coroutine
def until_idle(running: Steps, context: Context, awaited: object) -> Steps:
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
