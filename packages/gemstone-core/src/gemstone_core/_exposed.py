"""``@exposed_method``: how the author of a service says which methods can be called."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeVar, overload

from tornado import gen

from ._marks import describe, marked_function, marked_methods, put_mark

AnyCallable = TypeVar("AnyCallable", bound=Callable[..., Any])

_MARK: Final = "__gemstone_exposed__"
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9._]*")


class Exposure(NamedTuple):
    """What a decorator said about one method."""

    name: str
    private: bool
    is_coroutine: bool
    requires_handler_reference: bool


@overload
def exposed_method(name: AnyCallable, /) -> AnyCallable: ...


@overload
def exposed_method(
    name: str | None = None,
    private: bool = False,
    is_coroutine: bool | None = None,
    requires_handler_reference: bool = False,
) -> Callable[[AnyCallable], AnyCallable]: ...


def exposed_method(
    name: Any = None,
    private: bool = False,
    is_coroutine: bool | None = None,
    requires_handler_reference: bool = False,
) -> Any:
    """Make a method of a service, or of a module of it, callable over JSON-RPC.

    Works with and without parentheses, and on static and class methods. What kind of
    method it is decides where a call runs:

    - a plain function is blocking: it runs in the service's executor;
    - an ``async def`` is a coroutine: it runs on the event loop;
    - a generator with ``is_coroutine=True`` is a Tornado coroutine, on the event loop;
    - a plain function with ``is_coroutine=True`` runs on the event loop as it is, for
      methods that are so short that a thread is not worth it.

    Args:
        name: the name that clients call, of letters, digits, dots and underscores,
            beginning with a letter; by default the method's own.
        private: whether a call must pass the service's ``authenticate_request()``.
        is_coroutine: whether the method runs on the event loop; by default, whether it
            is an ``async def``.
        requires_handler_reference: whether the method is given the Tornado request
            handler, as its first argument or as its keyword argument ``handler``.

    Returns:
        The method, unchanged but for a mark.

    Raises:
        ValueError: the name is not one that can be exposed, or the function is of a kind
            that can't be called this way (an async generator, or a generator that does
            not say ``is_coroutine=True``).
        TypeError: what is decorated is not a function, or the name is not a string.

    .. seealso:: JSON-RPC 2.0, section 4 "Request object", which reserves ``rpc.…``.
    """
    if callable(name) or isinstance(name, staticmethod | classmethod):
        decorated: Any = name
        return exposed_method()(decorated)
    if name is not None and not isinstance(name, str):
        raise TypeError(f"the name of an exposed method is a string, not {name!r}")

    def mark(method: Any) -> Any:
        function = marked_function(method, "exposed_method")
        exposure = Exposure(
            name=_checked_name(function.__name__ if name is None else name, function),
            private=private,
            is_coroutine=_checked_kind(function, is_coroutine),
            requires_handler_reference=requires_handler_reference,
        )
        put_mark(method, _MARK, exposure, "exposed_method")
        return method

    return mark


def exposures(owner: object) -> Iterator[tuple[Exposure, Callable[..., Any]]]:
    """Every exposed method of an object, bound to it, in the order of their definition."""
    return marked_methods(owner, _MARK)


def _checked_name(name: str, function: Callable[..., Any]) -> str:
    where = describe(function)
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{where} can't be exposed as {name!r}: a name begins with a letter and has only "
            'letters, digits, dots and underscores; give another one, @exposed_method("name")'
        )
    if name.startswith("rpc."):
        raise ValueError(
            f"{where} can't be exposed as {name!r}: JSON-RPC reserves the names that begin "
            'with "rpc."'
        )
    return name


def _checked_kind(function: Callable[..., Any], is_coroutine: bool | None) -> bool:
    """Whether a method runs on the event loop."""
    where = describe(function)
    if inspect.isasyncgenfunction(function):
        raise ValueError(
            f"{where} is an async generator, which has no single result to answer with: "
            "return a list"
        )
    if inspect.isgeneratorfunction(function) and not is_coroutine:
        raise ValueError(
            f"{where} is a generator: expose it with is_coroutine=True if it is a Tornado "
            "coroutine, or make it return a list"
        )
    by_itself = inspect.iscoroutinefunction(function) or gen.is_coroutine_function(function)
    if by_itself and is_coroutine is False:
        raise ValueError(f"{where} is a coroutine function: leave out is_coroutine=False")
    return by_itself if is_coroutine is None else is_coroutine
