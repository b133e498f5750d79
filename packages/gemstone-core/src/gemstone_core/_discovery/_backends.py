"""Which strategy a URL stands for."""

from typing import Final

from .._backends import Backends
from ._strategy import BaseDiscoveryStrategy

_STRATEGIES: Final[Backends[BaseDiscoveryStrategy]] = Backends(
    BaseDiscoveryStrategy,  # type: ignore[type-abstract]  # nobody makes one of it
    "a discovery strategy",
    "gemstone.discovery_strategies",
    own={
        "memory": "gemstone_core._discovery._memory:MemoryDiscoveryStrategy",
        "http": "gemstone_core._discovery._http:HttpDiscoveryStrategy",
        "https": "gemstone_core._discovery._http:HttpDiscoveryStrategy",
    },
    known={"redis": "redis", "rediss": "redis", "unix": "redis"},
)


def register_discovery_strategy(scheme: str, strategy: type[BaseDiscoveryStrategy]) -> None:
    """Let the URLs of a scheme stand for a strategy, in this process. From any thread.

    A distribution does better with an entry point in the group ``gemstone.discovery_strategies``.

    Args:
        scheme: the scheme, as in ``consul`` for ``consul://…``.
        strategy: a class with ``from_url(url)``.

    Raises:
        TypeError: it is no such class.
        ValueError: the scheme can't stand in a URL.
    """
    _STRATEGIES.register(scheme, strategy)


def strategy_from_url(url: str) -> BaseDiscoveryStrategy:
    """The strategy that a URL stands for.

    Raises:
        ServiceConfigurationError: the URL is wrong; the message says what of it.
        BackendError: there is no strategy for its scheme, or it can't be imported.
    """
    return _STRATEGIES.from_url(url)
