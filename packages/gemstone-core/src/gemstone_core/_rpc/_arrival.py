"""What all calls of one body share: what brought it, how long it is wanted, who may call."""

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from msgspec import Struct

from gemstone import jsonrpc
from gemstone.deadlines import TIMEOUT_HEADER

from .._request import Exchange
from ._bounded import DeadlinePassed, seconds_until
from ._messages import BadMessage

#: More than anybody waits; what is beyond counts as this.
_MOST_MILLISECONDS: Final = 10**9
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class Arrival(Struct, eq=False):
    """A body that came, and is being answered.

    Args:
        exchange: what brought it.
        authenticate: says of its handler whether private methods may be called; plain or a
            coroutine function.
        abandon: takes a task that nobody waits for any more.
        milliseconds: how long its sender waits for the answer, or ``None``: without a limit.
        deadline: when that ends, in seconds of :func:`time.monotonic`.
    """

    exchange: Exchange
    authenticate: Callable[[Any], Awaitable[bool] | bool]
    abandon: Callable[[asyncio.Task[Any]], None]
    milliseconds: int | None = None
    deadline: float | None = None
    _question: asyncio.Task[bool | BaseException] | None = None
    _waiting: int = 0

    def note_deadline(self, timeout: str) -> None:
        """Note how long the sender waits for the answer.

        Args:
            timeout: the header that says so.

        Raises:
            BadMessage: it says no number of milliseconds.
        """
        self.milliseconds = _milliseconds(timeout)
        self.deadline = self.exchange.came + self.milliseconds / 1000

    async def verdict(self, deadline: float | None) -> bool | BaseException:
        """Whether private methods may be called, or what was raised instead of saying so.

        It is asked once, when it is first needed, and for as long as a call waits for it.

        Raises:
            DeadlinePassed: there was no verdict by `deadline`.
        """
        if self._question is None:
            self._question = asyncio.create_task(self._ask(), name="authenticate_request")
        question = self._question
        self._waiting += 1
        try:
            await asyncio.wait({question}, timeout=seconds_until(deadline))
        finally:
            self._waiting -= 1
            if not question.done() and not self._waiting:
                self._question = None
                self.abandon(question)
        if not question.done():
            raise DeadlinePassed(began=False)
        return question.result()

    async def _ask(self) -> bool | BaseException:
        try:
            verdict: Any = self.authenticate(await self.exchange.handler())
            if inspect.isawaitable(verdict):
                verdict = await verdict
            if inspect.isgenerator(verdict) or inspect.isasyncgen(verdict):
                # It would be true, whatever it were to say.
                raise TypeError("authenticate_request() gave a generator, not a verdict")
            return bool(verdict)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return error


def _milliseconds(text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text):
        raise BadMessage(
            jsonrpc.INVALID_REQUEST,
            "Invalid Request",
            f"the header {TIMEOUT_HEADER} must be sent once, with a whole number of "
            f"milliseconds of at most 18 digits, not {text[:80]!r}",
        )
    return min(int(text), _MOST_MILLISECONDS)
