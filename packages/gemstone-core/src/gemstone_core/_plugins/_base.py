"""``BasePlugin``: the class that the author of a plugin inherits."""

from typing import TYPE_CHECKING, Final

from .._parts import Part

if TYPE_CHECKING:
    from .._events._event import Event
    from .._request import Request
    from ._outcome import MethodOutcome


class BasePlugin(Part):
    """Base of plugins: override the hooks that are of interest.

    A hook that raises is logged, and changes no answer. All hooks run on the event loop's
    thread, so they must not block. They look at calls and events, and should not change them.

    Attributes:
        name: what :meth:`MicroService.get_plugin` finds the plugin by. Required.
    """

    name: str | None = None

    def on_service_start(self) -> None:
        """Called when the service starts, before its own ``on_service_start()``."""

    def on_service_stop(self) -> None:
        """Called when the service stops, after its own ``on_service_stop()``."""

    def on_method_call(self, jsonrpc_request: "Request") -> None:
        """Called for each call that is a valid request, before its method is looked up.

        Args:
            jsonrpc_request: the call, with its ``method``, ``params`` and ``id``.
        """

    def on_method_return(self, jsonrpc_request: "Request", outcome: "MethodOutcome") -> None:
        """Called once for each :meth:`on_method_call`, when the call's answer is known.

        Args:
            jsonrpc_request: the call.
            outcome: its result or error, and how long it took.
        """

    def on_internal_error(self, exc_instance: BaseException) -> None:
        """Called when a method raised something that is not an answer of its own.

        Args:
            exc_instance: what was raised.
        """

    def on_event(self, event: "Event") -> None:
        """Called for each event that came for handlers, before the first of them runs.

        Args:
            event: the event, as its handlers are given it.
        """


#: The names of all hooks.
HOOKS: Final = tuple(name for name in vars(BasePlugin) if name.startswith("on_"))
