"""Calling the hooks of plugins: what one raises is logged, and goes no further."""

import inspect
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from ._base import BasePlugin


def prepare_hook(
    plugins: Iterable[BasePlugin], hook: str, logger: logging.Logger
) -> Callable[..., None] | None:
    """What calls a hook of all plugins that have it; ``None`` if none of them has.

    So nobody pays for hooks that nobody overrides.

    Args:
        plugins: the plugins of a service.
        hook: the name of the hook.
        logger: where the failures of hooks are told.
    """
    having = tuple(plugin for plugin in plugins if _has(plugin, hook))
    return partial(run_hooks, having, hook, logger=logger) if having else None


def run_hooks(
    plugins: Iterable[BasePlugin], hook: str, *arguments: Any, logger: logging.Logger
) -> None:
    """Call a hook of every plugin; what one raises is logged."""
    for plugin in plugins:
        try:
            returned = getattr(plugin, hook)(*arguments)
            if returned is not None and inspect.iscoroutine(returned):
                returned.close()
                raise TypeError(f"{hook}() has returned a coroutine, which nobody waits for")
        except KeyboardInterrupt:
            raise
        except BaseException:
            # Also a CancelledError, which would take the caller for cancelled.
            with suppress(Exception):  # a log that can't be written costs nobody an answer
                logger.exception("%s() of the plugin %r failed", hook, plugin.name)


def _has(plugin: BasePlugin, hook: str) -> bool:
    # An instance may have a hook that its class has not.
    function = getattr(plugin, hook)
    return getattr(function, "__func__", None) is not getattr(BasePlugin, hook)
