"""Which event loop a service makes: uvloop's where it is installed, else asyncio's."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from gemstone.errors import ServiceConfigurationError

from ._settings import check_event_loop

if TYPE_CHECKING:
    from .._microservice import MicroService

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def loop_factory(service: "MicroService") -> LoopFactory:
    """What makes the event loop of a service, as its ``event_loop`` says.

    Raises:
        ServiceConfigurationError: ``event_loop`` is unknown, or uvloop and can't be imported.
    """
    check_event_loop(service)
    if service.event_loop == "asyncio":
        return asyncio.new_event_loop
    try:
        import uvloop  # not before a loop is made: the import takes its time
    except Exception as error:  # one that was built for another interpreter may raise anything
        return _without_uvloop(service, error)
    return uvloop.new_event_loop


def _without_uvloop(service: "MicroService", error: Exception) -> LoopFactory:
    is_absent = isinstance(error, ModuleNotFoundError) and error.name == "uvloop"
    if service.event_loop == "uvloop":
        why = "is not installed" if is_absent else f"can't be imported: {error!r}"
        raise ServiceConfigurationError(
            f"{type(service).__qualname__}.event_loop is 'uvloop', which {why}. "
            'Install it with: pip install "gemstone[uvloop]>=1"'
        ) from error
    if not is_absent:
        service.logger.warning(
            "%s goes on with asyncio's event loop: uvloop can't be imported: %r",
            service.name,
            error,
        )
    return asyncio.new_event_loop
