"""One exposed method, made ready when the service starts, so that a call only has to call it."""

import inspect
from collections.abc import Callable, Iterable
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
        try:
            self.binding = Binding(function, exposure.requires_handler_reference)
        except ValueError as error:
            raise ServiceConfigurationError(
                f"the exposed method {self.origin} can't be called: {error}"
            ) from error
        is_tornado_coroutine = inspect.isgeneratorfunction(function)
        self.function = gen.coroutine(function) if is_tornado_coroutine else function

    def call(self, params: list[Any] | dict[str, Any], handler: Any) -> Any:
        """Call the method with params that fit, and the handler if it needs one.

        Returns:
            What the method returns: for a coroutine, something to await.

        Raises:
            Exception: whatever the method raises.
        """
        leading: tuple[Any, ...] = ()
        keywords: dict[str, Any] = {}
        if self.needs_handler:
            if self.binding.handler_by_keyword:
                keywords["handler"] = handler
            else:
                leading = (handler,)
        if isinstance(params, dict):
            return self.function(*leading, **params, **keywords)
        return self.function(*leading, *params, **keywords)


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
