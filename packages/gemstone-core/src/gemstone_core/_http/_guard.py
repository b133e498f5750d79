"""What users write in request handlers: of it come errors only, which Tornado can answer."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any


@contextmanager
def only_errors() -> Iterator[None]:
    """Have what is no error, as a ``SystemExit``, raised as a ``RuntimeError``.

    Tornado answers errors only. Anything else leaves a client without an answer, and a
    ``SystemExit`` ends the event loop too.
    """
    try:
        yield
    except (Exception, asyncio.CancelledError, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise RuntimeError(f"it raised a {type(error).__name__}") from error


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, plain or a coroutine function as it was, of which only errors come."""

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        with only_errors():
            result = function(*arguments, **named)
        return _awaited(result) if inspect.iscoroutine(result) else result

    return call


async def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    with only_errors():
        return await coroutine
