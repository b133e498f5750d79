"""The way of a body: read it, find what it calls, check the params, call, write the answer.

.. seealso:: JSON-RPC 2.0, sections 4 to 6.
"""

import asyncio
import inspect
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Raw

from gemstone import jsonrpc
from gemstone.errors import RpcError

from .._plugins import BasePlugin, run_hooks
from .._request import CURRENT, Exchange, Request
from .._tasks import is_cancelled
from ._blocking import BlockingCalls, Busy, DeadlinePassed
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
        plugins: whose hooks are run.
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
        plugins: Sequence[BasePlugin],
        logger: logging.Logger,
        debug: bool,
    ) -> None:
        self._methods = methods
        self._authenticate = authenticate
        #: Runs the methods that need a thread.
        self.blocking = blocking
        self._answers = answers
        self._limits = limits
        self._plugins = plugins
        self._logger = logger
        self._debug = debug
        #: Coroutines that did not end when their deadline had passed, and run on unheard.
        self.abandoned: set[asyncio.Task[Outcome]] = set()
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
        admission = _Admission(self._authenticate, exchange)
        try:
            message = read_body(body)
            if isinstance(message, Call):
                answer = await self._answer(message, exchange, admission)
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
        return await self._answer_batch(message, exchange, admission)

    def refuse(self, reason: str) -> bytes:
        """The answer to what a carrier does not even let in, for this reason."""
        return self._refuse(BadMessage(jsonrpc.INVALID_REQUEST, "Invalid Request", reason, NULL))

    async def _answer_batch(
        self, members: list[Raw], exchange: Exchange, admission: "_Admission"
    ) -> bytes | None:
        places = asyncio.Semaphore(self._limits.max_batch_concurrency)

        async def answer(member: Raw) -> bytes | None:
            try:
                call = read_member(member)
            except BadMessage as bad:
                return self._refuse(bad) if bad.id else None
            return await self._answer(call, exchange, admission, places)

        # gather() gives each call a task, and so a context, of its own.
        answers = await asyncio.gather(*map(answer, members))
        written = [answer for answer in answers if answer is not None]
        return b"[%b]" % b",".join(written) if written else self._answers.to_notifications

    async def _answer(
        self,
        call: Call,
        exchange: Exchange,
        admission: "_Admission",
        place: AbstractAsyncContextManager[None] = _ANY_PLACE,
    ) -> bytes | None:
        """Answer one call, when there is a place for it; ``None`` for a notification."""
        id = bytes(call.id)
        try:
            check(call, null_params=self._answers.null_params)
        except BadMessage as bad:
            return self._refuse(bad)
        if self._answers.is_notification(id):
            await self._note(call, exchange, admission, place)
            return None
        async with place:
            outcome = await self._call(call, id, exchange, admission)
        if isinstance(outcome, bytes):
            return self._answers.result(id, outcome)
        return self._failure(call.method, id, outcome)

    async def _note(
        self,
        call: Call,
        exchange: Exchange,
        admission: "_Admission",
        place: AbstractAsyncContextManager[None],
    ) -> None:
        """Execute a notification, and wait for it as long as nobody minds."""

        async def execute() -> None:
            async with place:
                outcome = await self._call(call, b"", exchange, admission)
            if isinstance(outcome, RpcError):
                self._logger.info("The notification %r failed: %s", call.method, outcome)
            elif isinstance(outcome, BaseException):
                self._internal_error(call.method, outcome)

        task = asyncio.create_task(execute(), name=call.method)
        self.notifications.add(task)
        task.add_done_callback(self.notifications.discard)
        method = self._methods.get(call.method)
        # A handler is there as long as its request is not answered.
        needs_handler = method is not None and (method.private or method.needs_handler)
        await asyncio.wait({task}, timeout=None if needs_handler else _PATIENCE)

    async def _call(
        self, call: Call, id: bytes, exchange: Exchange, admission: "_Admission"
    ) -> Outcome:
        """Execute one call, or find out why it can't be."""
        timeout = self._limits.method_timeout
        deadline = None if timeout is None else time.monotonic() + timeout
        request = Request(exchange, call.method, call.params, id, deadline)
        CURRENT.set(request)
        try:
            return await self._execute(await self._admit(call, admission), request, exchange)
        except RpcError as error:
            return error

    async def _admit(self, call: Call, admission: "_Admission") -> ExposedMethod:
        """The method that is called, if this client may call it with these params."""
        method = self._methods.get(call.method)
        if method is None:
            raise RpcError(jsonrpc.METHOD_NOT_FOUND, "Method not found")
        if method.private:
            verdict = await admission.verdict()
            if isinstance(verdict, RpcError):
                raise verdict
            if isinstance(verdict, BaseException):
                raise self._as_rpc_error(call.method, verdict)
            if not verdict:
                raise RpcError(jsonrpc.ACCESS_DENIED, "Access denied")
        problem = method.binding.problem(call.params)
        if problem is not None:
            raise RpcError(jsonrpc.INVALID_PARAMS, "Invalid params", problem)
        return method

    async def _execute(
        self, method: ExposedMethod, request: Request, exchange: Exchange
    ) -> Outcome:
        if (task := asyncio.current_task()) is not None:
            task.set_name(method.name)
        if self._plugins:
            run_hooks(self._plugins, "on_method_call", request, logger=self._logger)
        handler = await exchange.handler() if method.needs_handler else None
        params, deadline = request.params, request.deadline
        try:
            if method.is_blocking:
                return await self.blocking.run(
                    method.name, lambda: _run_blocking(method, params, handler), deadline
                )
            if deadline is None:
                return await _run_on_loop(method, params, handler)
            return await self._run_until(deadline, method, params, handler)
        except Busy:
            return RpcError(jsonrpc.BUSY, "Busy", "too many calls are waiting; try again later")
        except DeadlinePassed:
            data = f"no result within {self._limits.method_timeout} s"
            return RpcError(jsonrpc.DEADLINE_PASSED, "Deadline passed", data)

    async def _run_until(
        self, deadline: float, method: ExposedMethod, params: Any, handler: Any
    ) -> Outcome:
        """Run a coroutine method that must not hold up its answer, even if it never ends."""
        task = asyncio.create_task(_run_on_loop(method, params, handler), name=method.name)
        try:
            done, _ = await asyncio.wait({task}, timeout=deadline - time.monotonic())
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            return task.result()
        task.cancel()
        self.abandoned.add(task)
        task.add_done_callback(self.abandoned.discard)
        raise DeadlinePassed

    def _refuse(self, bad: BadMessage) -> bytes:
        return self._answers.error(bad.id, bad.code, bad.message, bad.data)

    def _failure(self, method: str, id: bytes, error: BaseException) -> bytes:
        """The answer of a call whose method raised something."""
        rpc_error = error if isinstance(error, RpcError) else self._as_rpc_error(method, error)
        try:
            return self._answers.error(id, rpc_error.code, rpc_error.message, rpc_error.data)
        except Exception as unencodable:
            internal = self._as_rpc_error(method, unencodable)
            return self._answers.error(id, internal.code, internal.message, internal.data)

    def _as_rpc_error(self, method: str, error: BaseException) -> RpcError:
        data = {"reference": self._internal_error(method, error)}
        if self._debug:
            data |= {"class": type(error).__name__, "info": _text(error)}
        return RpcError(jsonrpc.INTERNAL_ERROR, "Internal error", data)

    def _internal_error(self, method: str, error: BaseException) -> str:
        """Log what was raised, and give the reference by which it is found in the log."""
        reference = secrets.token_hex(4)
        # The traceback says what was raised; the error's own text may fail to be had.
        self._logger.error("Internal error %s in method %r", reference, method, exc_info=error)
        if self._plugins:
            run_hooks(self._plugins, "on_internal_error", error, logger=self._logger)
        return reference


class _Admission:
    """Whether an exchange may call private methods: asked once, when it is first needed."""

    __slots__ = ("_authenticate", "_exchange", "_question")

    def __init__(
        self, authenticate: Callable[[Any], Awaitable[bool] | bool], exchange: Exchange
    ) -> None:
        self._authenticate = authenticate
        self._exchange = exchange
        self._question: asyncio.Task[bool | BaseException] | None = None

    async def verdict(self) -> bool | BaseException:
        """Whether they may be called, or what was raised instead of saying so."""
        if self._question is None:
            self._question = asyncio.create_task(self._ask())
        return await asyncio.shield(self._question)

    async def _ask(self) -> bool | BaseException:
        try:
            verdict: Any = self._authenticate(await self._exchange.handler())
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


def _text(error: BaseException) -> str:
    """What an exception says, as a text that can be encoded, whatever its class does."""
    try:
        return str(error).encode(errors="backslashreplace").decode()
    except BaseException:
        return "(its text can't be had)"
