"""``start()``: a service that has the process to itself."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tornado.ioloop import IOLoop

from gemstone.errors import ServiceAddressError, ServiceStateError, ShutdownTimeoutError

if TYPE_CHECKING:
    from .._microservice import MicroService


def serve_process(service: "MicroService", io_loop: IOLoop | None) -> None:
    """Serve until a signal comes or ``stop()`` is called.

    Args:
        service: what to serve.
        io_loop: the loop to serve on, or ``None`` for a new one.

    Raises:
        ServiceStateError: an event loop runs in this thread already.
        SystemExit: the service can't listen on its port.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise ServiceStateError(
            "start() can't wait here, where an event loop runs: use await service.serve(), or "
            "with service.start_in_thread()"
        )
    _set_up_logging(service.logger)

    async def main() -> None:
        with _signals(service):
            try:
                await service.serve()
            except ShutdownTimeoutError as error:
                _end_process(service.logger, error)

    try:
        if io_loop is None:
            asyncio.run(main())
        else:
            io_loop.run_sync(main)
    except ServiceAddressError as error:
        raise SystemExit(f"{service.name}: {error}") from None


@contextmanager
def _signals(service: "MicroService") -> Iterator[None]:
    """Stop the service at the first SIGTERM or SIGINT, and the process at the second."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    came: list[int] = []

    def on_signal(number: int) -> None:
        came.append(number)
        if len(came) > 1:
            os._exit(128 + number)
        service.stop()

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _end_process(logger: logging.Logger, error: ShutdownTimeoutError) -> None:
    """End a process in which something does not end: Python would wait for its threads."""
    logger.error("%s; the process ends now", error)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


def _set_up_logging(logger: logging.Logger) -> None:
    """Show the log on stderr, unless somebody has decided where it goes."""
    if not logger.hasHandlers():
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
