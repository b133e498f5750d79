"""The plugins of a service: which there are, and what their names stand for."""

import inspect
from collections.abc import Sequence
from typing import Final

from tornado import gen

from gemstone.errors import MissingPluginNameError, PluginDoesNotExistError, PluginError

from ._base import HOOKS, BasePlugin

ENTRY_POINT_GROUP: Final = "gemstone.plugins"


def add_plugin(plugins: list[BasePlugin], plugin: BasePlugin) -> None:
    """Add a plugin to those of a service.

    Raises:
        MissingPluginNameError: it has no name.
        PluginError: there is one of that name already, or a hook is of a kind that nobody
            would wait for.
    """
    kind = type(plugin).__qualname__
    if not isinstance(plugin.name, str) or not plugin.name:
        raise MissingPluginNameError(f'{kind} has no name: give its class one, name = "…"')
    for other in plugins:
        if other.name == plugin.name:
            raise PluginError(
                f"there are two plugins of the name {plugin.name!r}, {type(other).__qualname__} "
                f"and {kind}: leave out one, or give it a name of its own"
            )
    for hook in HOOKS:
        _check_hook(plugin, hook)
    plugins.append(plugin)


def find_plugin(plugins: Sequence[BasePlugin], name: str) -> BasePlugin:
    """The plugin of that name.

    Raises:
        PluginDoesNotExistError: there is none.
    """
    for plugin in plugins:
        if plugin.name == name:
            return plugin
    there = [str(plugin.name) for plugin in plugins]
    raise PluginDoesNotExistError(f"there is no plugin {name!r} here: {_instead(name, there)}")


def load_plugin(name: str) -> object:
    """What an installed distribution offers as a plugin, by the name of its entry point.

    Raises:
        PluginDoesNotExistError: no distribution offers one of that name.
        PluginError: two distributions do, or it can't be imported, or is no plugin.
    """
    # Only who lists a plugin by its name pays for looking at what is installed.
    from .._entry_points import load, offered

    plugin = load(ENTRY_POINT_GROUP, name, f"the plugin {name!r}", PluginError)
    if plugin is None:
        there = offered(ENTRY_POINT_GROUP)
        raise PluginDoesNotExistError(f"no plugin {name!r} is installed: {_instead(name, there)}")
    if not callable(plugin) and not isinstance(plugin, BasePlugin):
        raise PluginError(
            f"the entry point {name!r} of the group {ENTRY_POINT_GROUP} stands for {plugin!r}: it "
            "must stand for a class that inherits BasePlugin"
        )
    return plugin


def _check_hook(plugin: BasePlugin, hook: str) -> None:
    function = getattr(plugin, hook)
    problem = None
    if not callable(function):
        problem = f"is {function!r}, which can't be called"
    elif inspect.iscoroutinefunction(function) or gen.is_coroutine_function(function):
        problem = "is a coroutine function: hooks are plain functions, which nobody waits for"
    elif inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        problem = "is a generator, which nobody would iterate over: leave out yield"
    if problem is not None:
        raise PluginError(f"{hook}() of the plugin {plugin.name!r} {problem}")


def _instead(name: object, there: Sequence[str]) -> str:
    import difflib  # for mistakes only

    from .._entry_points import those

    near = difflib.get_close_matches(str(name), there, n=1)
    return f"did you mean {near[0]!r}? {those(there)}" if near else those(there)
