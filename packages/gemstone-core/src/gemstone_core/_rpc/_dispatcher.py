"""The way of a body: read it, find what it calls, check the params, call, write the answer.

.. seealso:: JSON-RPC 2.0, sections 4 to 6.
"""

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Raw

from gemstone import jsonrpc
from gemstone.deadlines import DEADLINE, TIMEOUT_HEADER
from gemstone.errors import RpcError

from .._plugins._base import BasePlugin
from .._plugins._hooks import prepare_hook
from .._plugins._outcome import MethodOutcome
from .._request import CURRENT, Exchange, Request
from .._tasks import is_cancelled
from ._arrival import Arrival
from ._blocking import BlockingCalls, Busy
from ._bounded import DeadlinePassed, check_time, run_until
from ._failures import InternalErrors
from ._messages import NULL, Answers, BadMessage, Call, check, encode, read_body, read_member
from ._method import ExposedMethod

#: How long the request of a notification is held up for it, in seconds. Whoever sends one
#: does not want to wait, but finds what a quick one has done when the answer is there.
_PATIENCE: Final = 0.1
_ANY_PLACE: Final = nullcontext()

#: What a method came to: its encoded result, or what it raised.
Outcome = bytes | BaseException


@dataclass(frozen=True, slots=True)
class Limits:
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
        self._logger = logger
        self._on_method_call = prepare_hook(plugins, "on_method_call", logger)
        self._on_method_return = prepare_hook(plugins, "on_method_return", logger)
        on_internal_error = prepare_hook(plugins, "on_internal_error", logger)
        self._internal_errors = InternalErrors(logger, debug, on_internal_error)
        #: Coroutines that did not end when their deadline had passed, and run on unheard.
        self.abandoned: set[asyncio.Task[Any]] = set()
        #: Notifications that are being executed, whether their requests were answered or not.
        self.notifications: set[asyncio.Task[None]] = set()

    async def dispatch(self, body: bytes, exchange: Exchange) -> bytes | None:
        """Answer one body. Must be called on the event loop, in a task of its own.

        Args:
            body: what came, whatever it is.
            exchange: what brought it.

        Returns:
            The answer, or ``None`` where nothing is to be answered.
        """
        try:
            arrival = Arrival(exchange, self._authenticate, self._abandon)
            message = read_body(body)
            if isinstance(message, Call):
                answer = await self._answer(message, arrival)
                return self._answers.to_notification if answer is None else answer
            if not message:
                return self.refuse("a batch must not be empty")
            if len(message) > self._limits.max_batch_size:
                return self.refuse(
                    f"a batch may have {self._limits.max_batch_size} members, "
                    f"this one has {len(message)}"
                )
        except BadMessage as bad:
            return self._refuse(bad) if bad.id else self._answers.to_notification
        return await self._answer_batch(message, arrival)

    def refuse(self, reason: str) -> bytes:
        """The answer to what a carrier does not even let in, for this reason."""
        return self._refuse(BadMessage(jsonrpc.INVALID_REQUEST, "Invalid Request", reason, NULL))

    async def _answer_batch(self, members: list[Raw], arrival: Arrival) -> bytes | None:
        places = asyncio.Semaphore(self._limits.max_batch_concurrency)

        async def answer(member: Raw) -> bytes | None:
            try:
                call = read_member(member)
            except BadMessage as bad:
                return self._refuse(bad) if bad.id else None
            return await self._answer(call, arrival, places)

        # gather() gives each call a task, and so a context, of its own.
        answers = await asyncio.gather(*map(answer, members))
        written = [answer for answer in answers if answer is not None]
        return b"[%b]" % b",".join(written) if written else self._answers.to_notifications

    async def _answer(
        self,
        call: Call,
        arrival: Arrival,
        place: AbstractAsyncContextManager[None] = _ANY_PLACE,
    ) -> bytes | None:
        """Answer one call, when there is a place for it; ``None`` for a notification."""
        id = bytes(call.id)
        try:
            check(call, null_params=self._answers.null_params)
        except BadMessage as bad:
            return self._refuse(bad)
        if self._answers.is_notification(id):
            await self._note(call, arrival, place)
            return None
        async with place:
            return await self._call(call, id, arrival)

    async def _note(
        self, call: Call, arrival: Arrival, place: AbstractAsyncContextManager[None]
    ) -> None:
        """Execute a notification, and wait for it as long as nobody minds."""

        async def execute() -> None:
            async with place:
                await self._call(call, b"", arrival)

        task = asyncio.create_task(execute(), name=call.method)
        self.notifications.add(task)
        task.add_done_callback(self.notifications.discard)
        method = self._methods.get(call.method)
        # A handler is there as long as its request is not answered.
        needs_handler = method is not None and (method.private or method.needs_handler)
        await asyncio.wait({task}, timeout=None if needs_handler else _PATIENCE)

    async def _call(self, call: Call, id: bytes, arrival: Arrival) -> bytes | None:
        """Execute one call, and write its answer; a notification has none, and no id."""
        deadline, timeout = arrival.deadline, self._limits.method_timeout
        if timeout is not None:
            ours = time.monotonic() + timeout
            deadline = ours if deadline is None else min(ours, deadline)
        request = Request(arrival.exchange, call.method, call.params, id, deadline)
        CURRENT.set(request)
        DEADLINE.set(deadline)
        began = 0.0 if self._on_method_return is None else time.monotonic()
        if self._on_method_call is not None:
            self._on_method_call(request)
        outcome: Outcome
        try:
            check_time(deadline)
            method = await self._admit(call, arrival, deadline)
            check_time(deadline)
            outcome = await self._execute(method, call.params, deadline, arrival.exchange)
        except RpcError as error:
            outcome = error
        except DeadlinePassed as late:
            outcome = self._too_late(late.began, deadline, arrival)
        except BaseException:
            # The end of the service cancels it, or there is no handler for it any more.
            if self._on_method_return is not None:
                unanswered = RpcError(jsonrpc.INTERNAL_ERROR, "Not answered")
                seconds = time.monotonic() - began
                self._on_method_return(request, MethodOutcome(unanswered, seconds))
            raise
        if isinstance(outcome, bytes):
            answer = self._answers.result(id, outcome) if id else None
        else:
            outcome, answer = self._failure(call.method, id, outcome)
        if self._on_method_return is not None:
            self._on_method_return(request, MethodOutcome(outcome, time.monotonic() - began))
        return answer

    async def _admit(self, call: Call, arrival: Arrival, deadline: float | None) -> ExposedMethod:
        """The method that is called, if this client may call it with these params."""
        method = self._methods.get(call.method)
        if method is None:
            raise RpcError(jsonrpc.METHOD_NOT_FOUND, "Method not found")
        if method.private:
            verdict = await arrival.verdict(deadline)
            if isinstance(verdict, RpcError):
                raise verdict
            if isinstance(verdict, BaseException):
                raise self._internal_errors.as_rpc_error(call.method, verdict)
            if not verdict:
                raise RpcError(jsonrpc.ACCESS_DENIED, "Access denied")
        problem = method.binding.problem(call.params)
        if problem is not None:
            raise RpcError(jsonrpc.INVALID_PARAMS, "Invalid params", problem)
        return method

    async def _execute(
        self, method: ExposedMethod, params: Any, deadline: float | None, exchange: Exchange
    ) -> Outcome:
        if (task := asyncio.current_task()) is not None:
            task.set_name(method.name)
        handler = await exchange.handler() if method.needs_handler else None
        try:
            if method.is_blocking:
                return await self.blocking.run(
                    method.name, lambda: _run_blocking(method, params, handler), deadline
                )
            if deadline is None:
                return await _run_on_loop(method, params, handler)
            coroutine = _run_on_loop(method, params, handler)
            return await run_until(deadline, coroutine, method.name, self._abandon)
        except Busy:
            return RpcError(jsonrpc.BUSY, "Busy", "too many calls are waiting; try again later")

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        """Let a task that nobody waits for come to its end."""
        task.cancel()
        self.abandoned.add(task)
        task.add_done_callback(self.abandoned.discard)

    def _too_late(self, began: bool, deadline: float | None, arrival: Arrival) -> RpcError:
        """The error of a call that has not ended by its deadline; says whose that was."""
        data = "no result within " if began else "not started within "
        if deadline == arrival.deadline:
            data += f"{arrival.milliseconds} ms, which {TIMEOUT_HEADER} gave"
        else:
            data += f"{self._limits.method_timeout} s"
        return RpcError(jsonrpc.DEADLINE_PASSED, "Deadline passed", data)

    def _refuse(self, bad: BadMessage) -> bytes:
        return self._answers.error(bad.id, bad.code, bad.message, bad.data)

    def _failure(
        self, method: str, id: bytes, error: BaseException
    ) -> tuple[RpcError, bytes | None]:
        """The error of a call whose method raised something, and the answer that tells it."""
        rpc_error = error
        if not isinstance(rpc_error, RpcError):
            rpc_error = self._internal_errors.as_rpc_error(method, error)
        elif not id:
            self._logger.info("The notification %r failed: %s", method, error)
        if not id:
            return rpc_error, None
        try:
            return rpc_error, self._write(id, rpc_error)
        except Exception as unencodable:
            internal = self._internal_errors.as_rpc_error(method, unencodable)
            return internal, self._write(id, internal)

    def _write(self, id: bytes, error: RpcError) -> bytes:
        return self._answers.error(id, error.code, error.message, error.data)


async def _run_on_loop(method: ExposedMethod, params: Any, handler: Any) -> Outcome:
    try:
        value = method.call(params, handler)
        return encode(await value if inspect.isawaitable(value) else value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # What leaves a task otherwise ends the loop, or leaves a client without an answer.
        if is_cancelled(error):
            raise
        return error


def _run_blocking(method: ExposedMethod, params: Any, handler: Any) -> Outcome:
    # Nothing may be raised here: no future carries a StopIteration, and the loop ends
    # at a SystemExit. Encoding here keeps large results off the loop.
    try:
        value = method.call(params, handler)
        if inspect.iscoroutine(value):
            value.close()
            raise TypeError(
                f"{method.origin} returned a coroutine: declare it with async def, or expose "
                "it with is_coroutine=True"
            )
        return encode(value)
    except BaseException as error:
        return error
