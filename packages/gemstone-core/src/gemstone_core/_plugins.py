"""Plugins: what is added to a service without a line in its class."""

import inspect
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from gemstone.errors import MissingPluginNameError, PluginDoesNotExistError, PluginError

from ._parts import Part

if TYPE_CHECKING:
    from ._request import Request

ENTRY_POINT_GROUP: Final = "gemstone.plugins"
_HOOKS: Final = ("on_service_start", "on_service_stop", "on_method_call", "on_internal_error")


class BasePlugin(Part):
    """Base of plugins: override the hooks that are of interest.

    A hook that raises is logged, and changes no answer. All hooks run on the event loop's
    thread, so they must not block.

    Attributes:
        name: what :meth:`MicroService.get_plugin` finds the plugin by. Required.
    """

    name: str | None = None

    def on_service_start(self) -> None:
        """Called when the service starts, before its own ``on_service_start()``."""

    def on_service_stop(self) -> None:
        """Called when the service has answered its last call."""

    def on_method_call(self, jsonrpc_request: "Request") -> None:
        """Called before a method runs.

        Args:
            jsonrpc_request: the call, with its ``method``, ``params`` and ``id``.
        """

    def on_internal_error(self, exc_instance: BaseException) -> None:
        """Called when a method raised something that is not an answer of its own.

        Args:
            exc_instance: what was raised.
        """


def add_plugin(plugins: list[BasePlugin], plugin: BasePlugin) -> None:
    """Add a plugin to those of a service.

    Raises:
        MissingPluginNameError: it has no name.
        PluginError: there is one of that name already, or a hook is a coroutine function.
    """
    if not isinstance(plugin.name, str) or not plugin.name:
        raise MissingPluginNameError(
            f'{type(plugin).__qualname__} has no name: give its class one, name = "…"'
        )
    if any(other.name == plugin.name for other in plugins):
        raise PluginError(f"there are two plugins of the name {plugin.name!r}")
    for hook in _HOOKS:
        if inspect.iscoroutinefunction(getattr(plugin, hook)):
            raise PluginError(
                f"{hook}() of the plugin {plugin.name!r} is a coroutine function: hooks are "
                "plain functions, which nobody waits for"
            )
    plugins.append(plugin)


def find_plugin(plugins: list[BasePlugin], name: str) -> BasePlugin:
    """The plugin of that name.

    Raises:
        PluginDoesNotExistError: there is none.
    """
    for plugin in plugins:
        if plugin.name == name:
            return plugin
    from ._entry_points import those

    raise PluginDoesNotExistError(
        f"there is no plugin {name!r} here: {those(str(plugin.name) for plugin in plugins)}"
    )


def load_plugin(name: str) -> object:
    """What an installed distribution offers as a plugin, by the name of its entry point.

    Raises:
        PluginDoesNotExistError: no distribution offers one of that name.
        PluginError: two distributions do, or it can't be imported.
    """
    # Only who lists a plugin by its name pays for looking at what is installed.
    from ._entry_points import load, offered, those

    plugin = load(ENTRY_POINT_GROUP, name, f"the plugin {name!r}", PluginError)
    if plugin is None:
        raise PluginDoesNotExistError(
            f"no plugin {name!r} is installed: {those(offered(ENTRY_POINT_GROUP))}"
        )
    return plugin


def run_hooks(
    plugins: Iterable[BasePlugin], hook: str, *arguments: Any, logger: logging.Logger
) -> None:
    """Call a hook of every plugin; what one raises is logged."""
    for plugin in plugins:
        try:
            getattr(plugin, hook)(*arguments)
        except KeyboardInterrupt:
            raise
        except BaseException:
            logger.exception("%s() of the plugin %r failed", hook, plugin.name)
