"""The way of a body: read it, have its calls executed, put their answers together.

.. seealso:: JSON-RPC 2.0, sections 4 to 6.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, cast

from msgspec import Raw, Struct

from gemstone import jsonrpc

from .._plugins._base import BasePlugin
from .._request import Exchange
from ._arrival import Arrival
from ._batch import Batch
from ._blocking import BlockingCalls
from ._calls import Calls
from ._messages import NULL, Answers, BadMessage, Call, id_of, ids_of, read_body, read_member
from ._method import ExposedMethod
from ._notifications import Notifications


class Limits(Struct, eq=False, frozen=True):
    """How much one body may ask for."""

    max_batch_size: int
    max_batch_concurrency: int
    method_timeout: float | None


class Dispatcher:
    """Answers the bodies that carriers bring, by calling a service's methods.

    Args:
        methods: the exposed methods, by name.
        authenticate: says of an exchange's handler whether private methods may be called;
            plain or a coroutine function.
        blocking: runs the methods that need a thread.
        answers: how answers are written.
        limits: how much one body may ask for.
        plugins: whose hooks are run, those that they have now.
        logger: where failures are logged.
        debug: whether internal errors tell the client what was raised.
    """

    def __init__(
        self,
        methods: Mapping[str, ExposedMethod],
        *,
        authenticate: Callable[[Any], Awaitable[bool] | bool],
        blocking: BlockingCalls,
        answers: Answers,
        limits: Limits,
        plugins: Iterable[BasePlugin],
        logger: logging.Logger,
        debug: bool,
    ) -> None:
        self._methods = methods
        self._authenticate = authenticate
        #: Runs the methods that need a thread.
        self.blocking = blocking
        self._answers = answers
        self._limits = limits
        self._calls = Calls(
            methods,
            blocking=blocking,
            answers=answers,
            method_timeout=limits.method_timeout,
            plugins=plugins,
            logger=logger,
            debug=debug,
        )
        self._notifications = Notifications(self._calls)
        #: Coroutines that did not end when their deadline had passed, and run on unheard.
        self.abandoned: set[asyncio.Task[Any]] = set()

    @property
    def notifications(self) -> set[asyncio.Task[None]]:
        """Those that are being executed, whether their requests were answered or not."""
        return self._notifications.tasks

    def dispatch(self, body: bytes, exchange: Exchange) -> Coroutine[Any, Any, bytes | None]:
        """Read one body. On the event loop.

        What it gives is to be awaited in a task of its own. If that is cancelled, so are all calls
        of the body: those that have not begun never begin. Notifications are executed all the same.

        Args:
            body: what came, whatever it is.
            exchange: what brought it.

        Returns:
            What answers it: gives the answer, or ``None`` where nothing is to be answered.
        """
        answers, calls = self._answers, self._calls
        arrival = None
        try:
            if exchange.timeout is not None:
                arrival = self._arrive(exchange)
                arrival.note_deadline(exchange.timeout)
            message = read_body(body, null_params=answers.null_params)
            if not isinstance(message, Call):
                return self._answer_batch(message, arrival or self._arrive(exchange))
            id = id_of(message)
        except BadMessage as bad:
            return _at_once(self._refuse(bad) if bad.id else answers.to_notification)
        if id in answers.ids_of_notifications:
            return self._answer_notification(message, arrival or self._arrive(exchange))
        if message.method in self._methods:
            exchange.called = message.method
            method = calls.simple.get(message.method)
            if method is not None and arrival is None:  # most calls
                return calls.answer_simple(method, message, id, exchange)
        return calls.answer(message, id, arrival or self._arrive(exchange))

    def refuse(self, reason: str) -> bytes:
        """The answer to what a carrier does not even let in, for this reason."""
        return self._refuse(BadMessage(jsonrpc.INVALID_REQUEST, "Invalid Request", reason, NULL))

    async def _answer_notification(self, call: Call, arrival: Arrival) -> bytes | None:
        came = time.monotonic()
        noted = self._notifications.begin(call, arrival)
        await self._notifications.wait({noted}, came)
        return self._answers.to_notification

    async def _answer_batch(
        self, members: list[Call] | list[Raw], arrival: Arrival
    ) -> bytes | None:
        limits = self._limits
        if not members:
            return self.refuse("a batch must not be empty")
        if len(members) > limits.max_batch_size:
            return self.refuse(
                f"a batch may have {limits.max_batch_size} members, this one has {len(members)}"
            )
        batch = Batch(
            self._calls,
            self.blocking,
            self._notifications,
            arrival,
            len(members),
            limits.max_batch_concurrency,
        )
        self._add(members, batch)
        answers = b",".join(filter(None, await batch.answers()))
        return b"[%b]" % answers if answers else self._answers.to_notifications

    def _arrive(self, exchange: Exchange) -> Arrival:
        return Arrival(exchange, self._authenticate, self._abandon)

    def _add(self, members: Sequence[Call | Raw], batch: Batch) -> None:
        if isinstance(members[0], Call):  # then all of them are calls
            ids = ids_of(cast(list[Call], members))
            if ids is not None:
                batch.add_calls(cast(list[Call], members), ids)
                return
        answers = self._answers
        for index, member in enumerate(members):
            try:
                if isinstance(member, Call):
                    call = member
                else:
                    call = read_member(member, null_params=answers.null_params)
                id = id_of(call)
            except BadMessage as bad:
                batch.add_answer(index, self._refuse(bad) if bad.id else None)
                continue
            if id in answers.ids_of_notifications:
                batch.add_notification(call)
            else:
                batch.add_call(index, call, id)

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        """Let a task that nobody waits for come to its end."""
        task.cancel()
        self.abandoned.add(task)
        task.add_done_callback(self.abandoned.discard)

    def _refuse(self, bad: BadMessage) -> bytes:
        return self._answers.error(bad.id, bad.code, bad.message, bad.data)


async def _at_once(answer: bytes | None) -> bytes | None:
    return answer
