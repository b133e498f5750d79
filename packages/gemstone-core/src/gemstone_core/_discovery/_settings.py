"""What the class of a service says about discovery, checked before it is started."""

import inspect
from collections.abc import Iterable
from types import MethodType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gemstone.errors import ServiceConfigurationError

from ._cache import ServiceDiscoveryCache
from ._names import address_of, check_location, check_registered_name, shown_location
from ._reachability import safe_text
from ._strategy import BaseDiscoveryStrategy

if TYPE_CHECKING:
    from .._microservice import MicroService


def check_discovery(service: "MicroService", strategies: Iterable[BaseDiscoveryStrategy]) -> None:
    """Look at everything but the location, which is not known yet.

    Raises:
        ServiceConfigurationError: an attribute has a value that can't work; it says which.
    """
    kind = type(service).__qualname__
    try:
        check_registered_name(service.name)
    except (TypeError, ValueError) as error:
        raise ServiceConfigurationError(f"{kind} can't be registered: {error}") from None
    interval: Any = service.service_registry_ping_interval
    if not _is_number(interval) or not 0 < interval < 1e9:
        raise ServiceConfigurationError(
            f"{kind}.service_registry_ping_interval is {interval!r}: it must be a number of "
            "seconds greater than 0"
        )
    for strategy in strategies:
        time_to_live = getattr(strategy, "time_to_live", None)
        if _is_number(time_to_live) and interval >= time_to_live:
            raise ServiceConfigurationError(
                f"{kind}.service_registry_ping_interval is {interval!r}, and {safe_text(strategy)} "
                f"forgets a service after {time_to_live!r} seconds: it must be less, better a "
                "third of that"
            )
        for method in ("ping", "locate", "unregister", "close"):
            if inspect.iscoroutinefunction(getattr(strategy, method)):
                raise ServiceConfigurationError(
                    f"{type(strategy).__qualname__}.{method} is a coroutine function: it must be "
                    "a plain one, which may block"
                )


def check_accessible_at(service: "MicroService") -> None:
    """Look at where others are told that the service is, once that is known.

    Raises:
        ServiceConfigurationError: nobody can reach it there.
    """
    kind, location = type(service).__qualname__, service.accessible_at
    try:
        address = address_of(check_location(location))
    except (TypeError, ValueError) as error:
        raise ServiceConfigurationError(
            f"{kind}.accessible_at can't be registered: {error}"
        ) from None
    shown, path = shown_location(str(location)), urlsplit(str(location)).path
    if address is not None and address.is_unspecified:
        raise ServiceConfigurationError(
            f"{kind}.accessible_at is {shown!r}, which nobody else can reach: write the address or "
            f"the name that this machine has for the others, as 'http://10.0.0.1:{service.port}"
            f"{path}'"
        )
    if address is not None and address.is_loopback:
        service.logger.warning(
            "%s is registered as %s, which only this machine can reach; accessible_at says where "
            "others do",
            service.name,
            shown,
        )


def make_cache(service: "MicroService") -> ServiceDiscoveryCache:
    """The cache that ``remote_service_cache`` stands for.

    Raises:
        ServiceConfigurationError: it stands for none.
    """
    made: Any = service.remote_service_cache
    # A function in the class is bound to the service, though it takes nothing.
    if isinstance(made, MethodType) and not inspect.signature(made.__func__).parameters:
        made = made.__func__
    if not isinstance(made, ServiceDiscoveryCache) and callable(made):
        made = made()
    elif isinstance(made, ServiceDiscoveryCache):
        made = made.__copy__()
    if not isinstance(made, ServiceDiscoveryCache):
        raise ServiceConfigurationError(
            f"{type(service).__qualname__}.remote_service_cache is "
            f"{service.remote_service_cache!r}: it must be a ServiceDiscoveryCache, or a class or "
            "function without arguments that makes one"
        )
    return made


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
