"""The way of one call: find what it calls, check the params, call, write the answer."""

import inspect
import logging
import time
from collections.abc import Iterable, Mapping
from types import CoroutineType
from typing import Any

from gemstone import jsonrpc
from gemstone.deadlines import DEADLINE, TIMEOUT_HEADER
from gemstone.errors import RpcError

from .._plugins._base import BasePlugin
from .._plugins._hooks import prepare_hook
from .._plugins._outcome import MethodOutcome
from .._request import CURRENT, Exchange, Request, request_of
from .._tasks import is_cancelled
from ._arrival import Arrival
from ._blocking import BlockingCalls, Busy
from ._bounded import DeadlinePassed, check_time, run_until
from ._failures import InternalErrors
from ._messages import Answers, Call, encode
from ._method import ExposedMethod

#: What a method came to: its encoded result, or what it raised.
Outcome = bytes | BaseException


class Calls:
    """Executes calls, and writes their answers.

    Attributes:
        simple: the methods of which a call without a deadline is nothing but to begin and to await
            them (:attr:`ExposedMethod.is_simple`), by name. There are none if plugins watch the
            calls, or each has a deadline.
        answers: how answers are written.

    Args:
        methods: the exposed methods, by name.
        blocking: runs the methods that need a thread.
        answers: how answers are written.
        method_timeout: how long a call may take, in seconds; ``None``: without a limit.
        plugins: whose hooks are run, those that they have now.
        logger: where failures are logged.
        debug: whether internal errors tell the client what was raised.
    """

    def __init__(
        self,
        methods: Mapping[str, ExposedMethod],
        *,
        blocking: BlockingCalls,
        answers: Answers,
        method_timeout: float | None,
        plugins: Iterable[BasePlugin],
        logger: logging.Logger,
        debug: bool,
    ) -> None:
        self._methods = methods
        self._blocking = blocking
        self.answers = answers
        self._method_timeout = method_timeout
        self._logger = logger
        self._on_method_call = prepare_hook(plugins, "on_method_call", logger)
        self._on_method_return = prepare_hook(plugins, "on_method_return", logger)
        on_internal_error = prepare_hook(plugins, "on_internal_error", logger)
        self._internal_errors = InternalErrors(logger, debug, on_internal_error)
        self._is_watched = not (self._on_method_call is None and self._on_method_return is None)
        self.simple: Mapping[str, ExposedMethod] = {}
        if not self._is_watched and method_timeout is None:
            self.simple = {name: method for name, method in methods.items() if method.is_simple}

    async def answer(self, call: Call, id: bytes, arrival: Arrival) -> bytes | None:
        """Execute a call, and write its answer. In a task, and so a context, of its own.

        Args:
            call: the call.
            id: its id; a notification has none.
            arrival: what it came with.

        Returns:
            The answer; ``None`` for a notification.
        """
        deadline = arrival.deadline
        if self._method_timeout is not None:
            ours = time.monotonic() + self._method_timeout
            deadline = ours if deadline is None else min(ours, deadline)
        if deadline is not None:
            DEADLINE.set(deadline)
        noted = (arrival.exchange, call, id, deadline)
        if self._is_watched:
            request = request_of(noted)
            CURRENT.set(request)
            return await self._answer_watched(call, id, arrival, request)
        CURRENT.set(noted)
        return self._write(call.method, id, await self._execute(call, arrival, deadline))[1]

    async def answer_simple(
        self, method: ExposedMethod, call: Call, id: bytes, exchange: Exchange
    ) -> bytes | None:
        """Execute a call of a simple method (:attr:`simple`), and write its answer.

        In a task, and so a context, of its own.

        Args:
            method: the method.
            call: the call.
            id: its id.
            exchange: what brought it.
        """
        params = call.params
        CURRENT.set((exchange, call, id, None))
        try:
            coroutine = method.begin(params)
            if coroutine is not None:
                return self.answers.result(id, encode(await coroutine))
        except BaseException as error:
            return self.write(call.method, id, outcome_of(error))
        return self.write(call.method, id, _invalid_params(method.problem(params)))

    def write(self, method: str, id: bytes, outcome: Outcome) -> bytes | None:
        """The answer of a call that came to this; ``None`` for a notification."""
        if type(outcome) is bytes:
            return self.answers.result(id, outcome) if id else None
        return self._write(method, id, outcome)[1]

    def are_timed(self, arrival: Arrival) -> bool:
        """Whether calls that came so have a deadline."""
        return arrival.deadline is not None or self._method_timeout is not None

    def for_thread(self, call: Call, arrival: Arrival) -> ExposedMethod | None:
        """The method that a call is for, if all that is left to do can be done in a thread."""
        method = self._methods.get(call.method)
        if (
            method is None
            or not method.is_blocking
            or method.private
            or method.needs_handler
            or self._is_watched
            or self._method_timeout is not None
            or arrival.deadline is not None
            or method.problem(call.params) is not None
        ):
            return None
        return method

    def needs_handler(self, call: Call) -> bool:
        """Whether a call needs a handler, which is there until its request is answered."""
        method = self._methods.get(call.method)
        return method is not None and (method.private or method.needs_handler)

    async def _answer_watched(
        self, call: Call, id: bytes, arrival: Arrival, request: Request
    ) -> bytes | None:
        """Execute a call of which plugins are told, and write its answer."""
        began = time.monotonic()
        deadline = request.deadline  # hooks may write to the request: that changes nothing
        if self._on_method_call is not None:
            self._on_method_call(request)
        try:
            outcome = await self._execute(call, arrival, deadline)
        except BaseException:
            # The end of the service cancels it, or there is no handler for it any more.
            self._tell(request, RpcError(jsonrpc.INTERNAL_ERROR, "Not answered"), began)
            raise
        told, answer = self._write(call.method, id, outcome)
        self._tell(request, told, began)
        del outcome, told  # an error's traceback leads here
        return answer

    def _tell(self, request: Request, outcome: bytes | RpcError, began: float) -> None:
        if self._on_method_return is not None:
            self._on_method_return(request, MethodOutcome(outcome, time.monotonic() - began))

    async def _execute(self, call: Call, arrival: Arrival, deadline: float | None) -> Outcome:
        """Call the method, if this client may call it with these params."""
        try:
            method = self._methods.get(call.method)
            if deadline is not None:
                check_time(deadline)
            if method is None:
                raise RpcError(jsonrpc.METHOD_NOT_FOUND, "Method not found")
            if method.private:
                await self._admit(call, arrival, deadline)
            problem = method.problem(call.params)
            if problem is not None:
                raise _invalid_params(problem)
            handler = await arrival.exchange.handler() if method.needs_handler else None
            if method.is_blocking:
                in_thread: Outcome = await self._blocking.run(
                    method.name, deadline, run_blocking, method, call.params, handler
                )
                return in_thread
            coroutine = _run_on_loop(method, call.params, handler)
            if deadline is None:
                return await coroutine
            return await run_until(deadline, coroutine, method.name, arrival.abandon)
        except RpcError as error:
            # Raised in here: its traceback would lead to frames that know this very error.
            return error.with_traceback(None)
        except Busy:
            return too_busy()
        except DeadlinePassed as late:
            return self._too_late(late.began, deadline, arrival)

    async def _admit(self, call: Call, arrival: Arrival, deadline: float | None) -> None:
        """See to it that only those call a private method who may."""
        verdict = await arrival.verdict(deadline)
        if isinstance(verdict, RpcError):
            raise verdict
        if isinstance(verdict, BaseException):
            raise self._internal_errors.as_rpc_error(call.method, verdict)
        if not verdict:
            raise RpcError(jsonrpc.ACCESS_DENIED, "Access denied")
        check_time(deadline)

    def _too_late(self, began: bool, deadline: float | None, arrival: Arrival) -> RpcError:
        """The error of a call that has not ended by its deadline; says whose that was."""
        data = "no result within " if began else "not started within "
        if deadline == arrival.deadline:
            data += f"{arrival.milliseconds} ms, which {TIMEOUT_HEADER} gave"
        else:
            data += f"{self._method_timeout} s"
        return RpcError(jsonrpc.DEADLINE_PASSED, "Deadline passed", data)

    def _write(
        self, method: str, id: bytes, outcome: Outcome
    ) -> tuple[bytes | RpcError, bytes | None]:
        """What a call came to for who called it, and the answer that tells it."""
        if isinstance(outcome, bytes):
            return outcome, self.answers.result(id, outcome) if id else None
        if not isinstance(outcome, RpcError):
            outcome = self._internal_errors.as_rpc_error(method, outcome)
        elif not id:
            self._logger.info("The notification %r failed: %s", method, outcome)
        if not id:
            return outcome, None
        try:
            return outcome, self._write_error(id, outcome)
        except Exception as unencodable:
            internal = self._internal_errors.as_rpc_error(method, unencodable)
            return internal, self._write_error(id, internal)

    def _write_error(self, id: bytes, error: RpcError) -> bytes:
        return self.answers.error(id, error.code, error.message, error.data)


def _invalid_params(problem: str | None) -> RpcError:
    return RpcError(jsonrpc.INVALID_PARAMS, "Invalid params", problem)


def too_busy() -> RpcError:
    """The error of a call that would wait too long for a thread."""
    return RpcError(jsonrpc.BUSY, "Busy", "too many calls are waiting; try again later")


async def _run_on_loop(method: ExposedMethod, params: Any, handler: Any) -> Outcome:
    try:
        value = method.call(params, handler)
        if method.is_native or inspect.isawaitable(value):
            value = await value
        return encode(value)
    except BaseException as error:
        return outcome_of(error)


def outcome_of(error: BaseException) -> BaseException:
    """What a coroutine that has raised this has come to.

    What leaves a task otherwise ends the loop, or leaves a client without an answer.

    Raises:
        BaseException: the error, if it is no outcome: somebody ends the process, or the task.
    """
    if isinstance(error, KeyboardInterrupt) or is_cancelled(error):
        try:
            raise error
        finally:
            del error  # whose traceback leads here
    return error


def run_blocking(method: ExposedMethod, params: Any, handler: Any = None) -> Outcome:
    """Call a method in a thread: what it raises is what it comes to.

    Nothing may be raised here: no future carries a StopIteration, and the loop ends at a
    SystemExit. Encoding here keeps large results off the loop.
    """
    try:
        value = method.call(params, handler)
        if isinstance(value, CoroutineType):
            value.close()
            raise TypeError(
                f"{method.origin} returned a coroutine: declare it with async def, or expose "
                "it with is_coroutine=True"
            )
        return encode(value)
    except BaseException as error:
        return error
