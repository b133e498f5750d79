"""Decorators that leave a method as it is: they put a mark on it, which a service looks for."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any


def put_mark(method: Any, mark: str, value: object, decorator: str) -> None:
    """Mark a function, or what a static or class method is made of.

    Args:
        method: what was decorated.
        mark: the attribute that is set.
        value: what to remember.
        decorator: the name of the decorator, for messages.

    Raises:
        TypeError: it is not a function.
    """
    try:
        setattr(marked_function(method, decorator), mark, value)
    except AttributeError:
        raise _not_a_function(method, decorator) from None


def marked_function(method: Any, decorator: str) -> Any:
    """The function that carries the marks of a method.

    Raises:
        TypeError: it is not a function.
    """
    function = method.__func__ if isinstance(method, staticmethod | classmethod) else method
    if not inspect.isroutine(function) or not hasattr(function, "__name__"):
        raise _not_a_function(method, decorator)
    return function


def marked_methods(owner: object, mark: str) -> Iterator[tuple[Any, Callable[..., Any]]]:
    """Every marked method of an object: its mark, and the method bound to the object.

    In the order of their definition. A subclass that overrides a method without marking it
    again takes it back.
    """
    attributes: dict[str, Any] = {}
    for cls in reversed(type(owner).__mro__):
        attributes.update(vars(cls))
    seen = set()
    for attribute, value in attributes.items():
        function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        found = getattr(function, mark, None) if inspect.isroutine(function) else None
        # A second attribute for the same method is no second method.
        if found is not None and function not in seen:
            seen.add(function)
            yield found, getattr(owner, attribute)


def describe(function: Callable[..., Any]) -> str:
    """Where a function was defined, for messages."""
    return f"{function.__module__}.{function.__qualname__}"


def _not_a_function(thing: object, decorator: str) -> TypeError:
    return TypeError(f"@{decorator} goes onto a function or method of a class, not onto {thing!r}")
