"""One exposed method, made ready when the service starts, so that a call only has to call it."""

import inspect
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from tornado import gen

from gemstone.errors import ServiceConfigurationError

from .._exposed import Exposure, exposures
from .._marks import describe
from ._binding import Binding


class ExposedMethod:
    """A method that clients can call.

    Attributes:
        name: what clients call it.
        origin: where it was defined.
        private: whether ``authenticate_request()`` is asked who may call it.
        needs_handler: whether it is given the Tornado handler.
        is_blocking: whether it runs in the executor, and not on the event loop.
        is_native: whether it is an ``async def``: what else runs on the loop may return
            something to await, or not.
        is_simple: whether a call is nothing but :meth:`begin`, and to await what that gives.

    Args:
        exposure: what its decorator said.
        function: the method, bound to its service or container.

    Raises:
        ServiceConfigurationError: the method can't be called as its decorator says.
    """

    __slots__ = (
        "binding",
        "function",
        "is_blocking",
        "is_native",
        "is_simple",
        "name",
        "needs_handler",
        "origin",
        "private",
    )

    def __init__(self, exposure: Exposure, function: Callable[..., Any]) -> None:
        self.name = exposure.name
        self.origin = describe(function)
        self.private = exposure.private
        self.needs_handler = exposure.requires_handler_reference
        self.is_blocking = not exposure.is_coroutine
        self.is_native = inspect.iscoroutinefunction(function)
        self.is_simple = _binds_only(function) and not (
            self.is_blocking or self.private or self.needs_handler
        )
        try:
            self.binding = Binding(function, exposure.requires_handler_reference)
        except ValueError as error:
            raise ServiceConfigurationError(
                f"the exposed method {self.origin} can't be called: {error}"
            ) from error
        is_tornado_coroutine = inspect.isgeneratorfunction(function)
        self.function = gen.coroutine(function) if is_tornado_coroutine else function

    def problem(self, params: list[Any] | dict[str, Any]) -> str | None:
        """What of these params does not fit, in one line for the client, or ``None``."""
        binding = self.binding
        # Most calls end here: the whole look costs as much as a call otherwise does.
        if type(params) is list and binding.fewest <= len(params) <= binding.most:
            return None
        return binding.problem(params)

    def begin(self, params: list[Any] | dict[str, Any]) -> Coroutine[Any, Any, Any] | None:
        """What is to be awaited, if the method is simple; ``None``: the params do not fit.

        Python looks at them for itself, much faster than :meth:`problem` does, and runs nothing
        of the method yet.
        """
        function: Callable[..., Any] = self.function
        try:
            begun: Coroutine[Any, Any, Any] = (
                function(**params) if type(params) is dict else function(*params)
            )
            return begun
        except TypeError:
            return None

    def call(self, params: list[Any] | dict[str, Any], handler: Any = None) -> Any:
        """Call the method with params that fit, and the handler if it needs one.

        Returns:
            What the method returns: for a coroutine, something to await.

        Raises:
            Exception: whatever the method raises.
        """
        if not self.needs_handler:
            return self.function(**params) if type(params) is dict else self.function(*params)
        by_keyword = self.binding.handler_by_keyword
        leading = () if by_keyword else (handler,)
        named = {"handler": handler} if by_keyword else {}
        if isinstance(params, dict):
            return self.function(*leading, **params, **named)
        return self.function(*leading, *params, **named)


def _binds_only(function: Callable[..., Any]) -> bool:
    """Whether to call this does nothing but to bind arguments, to the signature that clients see.

    It is so for an ``async def``, unless that passes arguments on to what it wraps.
    """
    inner = function.__func__ if inspect.ismethod(function) else function
    return (
        inspect.isfunction(inner)
        and bool(inner.__code__.co_flags & inspect.CO_COROUTINE)
        and not hasattr(inner, "__wrapped__")
        and not hasattr(inner, "__signature__")
    )


def collect_methods(owners: Iterable[object]) -> dict[str, ExposedMethod]:
    """The exposed methods of a service and its modules, by name.

    Raises:
        ServiceConfigurationError: two of them have one name (it is a ``ValueError`` too).
    """
    methods: dict[str, ExposedMethod] = {}
    for owner in owners:
        for exposure, function in exposures(owner):
            method = ExposedMethod(exposure, function)
            other = methods.setdefault(method.name, method)
            if other is not method:
                raise ServiceConfigurationError(
                    f"two methods are exposed as {method.name!r}: {other.origin} and "
                    f"{method.origin}; give one of them another name"
                )
    return methods
