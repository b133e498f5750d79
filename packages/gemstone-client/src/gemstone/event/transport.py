"""Event transports: those of all distributions.

A transport that is not installed says, when it is used, what to install.
"""

from typing import TYPE_CHECKING, Any, Final

from .._missing import missing

try:
    from gemstone_core.event import BaseEventTransport as BaseEventTransport
    from gemstone_core.event import MemoryEventTransport as MemoryEventTransport
except ModuleNotFoundError as error:
    if error.name != "gemstone_core":
        raise
    raise missing("gemstone_core", "gemstone") from None

if TYPE_CHECKING:
    from gemstone_rabbitmq import DurableRabbitMqEventTransport as DurableRabbitMqEventTransport
    from gemstone_rabbitmq import RabbitMqEventTransport as RabbitMqEventTransport
    from gemstone_redis import RedisEventTransport as RedisEventTransport
    from gemstone_redis import RedisStreamEventTransport as RedisStreamEventTransport

__all__ = ["BaseEventTransport", "MemoryEventTransport"]

#: The transports of other distributions: the module that each comes from, and what installs it.
INSTALLED_APART: Final = {
    "DurableRabbitMqEventTransport": ("gemstone_rabbitmq", "gemstone[rabbitmq]"),
    "RabbitMqEventTransport": ("gemstone_rabbitmq", "gemstone[rabbitmq]"),
    "RedisEventTransport": ("gemstone_redis", "gemstone[redis]"),
    "RedisStreamEventTransport": ("gemstone_redis", "gemstone[redis]"),
}

if not TYPE_CHECKING:  # else a type checker would believe that every name is here

    def __getattr__(name: str) -> Any:
        if name not in INSTALLED_APART:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module, distribution = INSTALLED_APART[name]
        try:
            return getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise missing(module, distribution) from None


def __dir__() -> list[str]:
    return sorted({*globals(), *INSTALLED_APART})
