"""Small helpers: for asynchronous calls, and for loading things by name."""

import importlib
import logging
from collections.abc import Callable, Generator, Iterable
from queue import SimpleQueue
from typing import Any, Final

from .client._methods import remote_call_error
from .client.structs import AsyncMethodCall, Result

__all__ = ["as_completed", "dynamic_load", "first_completed", "make_callbacks"]

_logger: Final = logging.getLogger("gemstone.client")


def as_completed(
    *async_result_wrappers: AsyncMethodCall | Iterable[AsyncMethodCall],
) -> Generator[AsyncMethodCall, None, None]:
    """Asynchronous calls, in the order in which they finish.

    Waiting blocks the thread that iterates, without any polling. May be called from any thread
    but that of an event loop.

    Args:
        async_result_wrappers: calls, or one iterable of calls. One that is given twice is
            yielded once.

    Returns:
        A generator of the same objects, each finished: its ``result()`` gives the
        :class:`~gemstone.client.Result` or raises what the call raised.

    Raises:
        TypeError: something else was given. Raised at once, not by the first iteration.
    """
    return _as_completed(_calls(async_result_wrappers, "as_completed"))


def _as_completed(calls: list[AsyncMethodCall]) -> Generator[AsyncMethodCall, None, None]:
    finished = _finished_queue(calls)
    for _ in calls:
        yield finished.get()


def first_completed(
    *async_result_wrappers: AsyncMethodCall | Iterable[AsyncMethodCall],
) -> AsyncMethodCall:
    """The asynchronous call that finishes first; the others go on.

    Blocks the calling thread until then, without any polling. May be called from any thread but
    that of an event loop.

    Args:
        async_result_wrappers: calls, or one iterable of calls.

    Returns:
        One of them, finished, successful or not.

    Raises:
        TypeError: something else was given.
        ValueError: no call was given.
    """
    calls = _calls(async_result_wrappers, "first_completed")
    if not calls:
        raise ValueError("first_completed needs at least one call")
    return _finished_queue(calls).get()


def make_callbacks(
    calls: AsyncMethodCall | Iterable[AsyncMethodCall],
    on_result: Callable[[Result], object],
    on_error: Callable[[BaseException], object] | None = None,
) -> None:
    """Have a function called with the outcome of each call. Returns at once.

    The functions run on the thread that finishes the call, which makes no other call meanwhile,
    or, for a call that has finished already, at once on the calling thread. What they raise is
    logged by the logger ``gemstone.client``. May be called from any thread.

    Args:
        calls: an asynchronous call, or an iterable of them.
        on_result: is given the :class:`~gemstone.client.Result` of a call that succeeded.
        on_error: is given the exception of a call that did not:
            :class:`~gemstone.errors.RemoteCallError` where the other side answered with an
            error, else what the call raised. Without it errors are logged as warnings.

    Raises:
        TypeError: an argument is of the wrong type.
    """
    if not callable(on_result) or not (on_error is None or callable(on_error)):
        raise TypeError("on_result and on_error are functions")

    def finish(call: AsyncMethodCall) -> None:
        name = call.method_call.method_name
        try:
            _tell(call, on_result, on_error)
        except Exception:
            _logger.exception("a callback of make_callbacks for %r raised", name)

    for call in _calls((calls,), "make_callbacks"):
        call._add_done_callback(finish)


def _tell(
    call: AsyncMethodCall,
    on_result: Callable[[Result], object],
    on_error: Callable[[BaseException], object] | None,
) -> None:
    try:
        result = call.result()
    except BaseException as exc:  # a cancelled call raises one that is no Exception in asyncio
        error: BaseException = exc
    else:
        if result.error is None:
            on_result(result)
            return
        error = remote_call_error(result.error, call._url)
    if on_error is not None:
        on_error(error)
    else:
        name = call.method_call.method_name
        _logger.warning("the call of %r failed, and nobody handles it: %s", name, error)


def dynamic_load(module_or_member: str) -> Any:
    """Import a module, or something that a module holds.

    May be called from any thread.

    Args:
        module_or_member: ``"a"`` gives the module ``a``; ``"a.b.c"`` gives what
            ``from a.b import c`` does: a member of the module ``a.b``, or its module ``c``.

    Raises:
        TypeError: `module_or_member` is not a string.
        ValueError: it is not a dotted name.
        ImportError: there is no such module or member; the message names what is missing. An
            error that the module itself raises while it is imported goes through untouched.
    """
    if not isinstance(module_or_member, str):
        raise TypeError(f"dynamic_load takes a name (str), not {type(module_or_member).__name__}")
    if not all(part.isidentifier() for part in module_or_member.split(".")):
        raise ValueError(f"{module_or_member!r} is not a name like 'module' or 'package.member'")
    parent, _, member = module_or_member.rpartition(".")
    if not parent:
        return _import(module_or_member, module_or_member)
    module = _import(parent, module_or_member)
    try:
        return getattr(module, member)
    except AttributeError as exc:
        missing = exc
    try:
        return _import(module_or_member, module_or_member)
    except _NotFoundError:
        raise ImportError(
            f"can't load {module_or_member!r}: the module {parent!r} has no {member!r}",
            name=module_or_member,
        ) from missing


class _NotFoundError(ImportError):
    pass


def _import(module: str, wanted: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as exc:
        # Else it is one that `module` itself failed to import.
        if exc.name is None or not f"{module}.".startswith(f"{exc.name}."):
            raise
        raise _NotFoundError(
            f"can't load {wanted!r}: there is no module {exc.name!r}", name=exc.name
        ) from exc


def _calls(given: tuple[Any, ...], function: str) -> list[AsyncMethodCall]:
    if len(given) == 1 and not isinstance(given[0], AsyncMethodCall):
        if not isinstance(given[0], Iterable):
            raise TypeError(
                f"{function} takes AsyncMethodCall objects, not {type(given[0]).__name__}"
            )
        given = tuple(given[0])
    for call in given:
        if not isinstance(call, AsyncMethodCall):
            raise TypeError(f"{function} takes AsyncMethodCall objects, not {type(call).__name__}")
    return list(dict.fromkeys(given))


def _finished_queue(calls: list[AsyncMethodCall]) -> "SimpleQueue[AsyncMethodCall]":
    finished: SimpleQueue[AsyncMethodCall] = SimpleQueue()
    for call in calls:
        call._add_done_callback(finished.put)
    return finished
