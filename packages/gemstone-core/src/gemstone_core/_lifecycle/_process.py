"""``start()``: a service that has the process to itself."""

import asyncio
import faulthandler
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

from tornado.ioloop import IOLoop

from gemstone.errors import ServiceAddressError, ServiceStateError, ShutdownTimeoutError

from ._loop import run_service
from ._settings import check_constructed

if TYPE_CHECKING:
    from .._microservice import MicroService


#: What a stop may take beyond ``shutdown_timeout``, in seconds, to cancel what did not end.
_MARGIN: Final = 5.0


def serve_process(service: "MicroService", io_loop: IOLoop | None) -> None:
    """Serve until a signal comes or ``stop()`` is called.

    Args:
        service: what to serve.
        io_loop: the loop to serve on, or ``None`` for a new one.

    Raises:
        ServiceConfigurationError: the service is declared in a way that can't work.
        ServiceStateError: it runs already, or an event loop runs in this thread.
        SystemExit: the service can't listen on its port, or something raised it on the loop.
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
    check_constructed(service)
    _set_up_logging(service.logger)

    async def main() -> None:
        with _signals(service):
            try:
                await service._begin(owns_loop=io_loop is None).live()
            except ShutdownTimeoutError as error:
                _end_process(service.logger, error)

    try:
        run_service(service, main, io_loop)
    except ServiceAddressError as error:
        raise SystemExit(f"{service.name}: {error}") from None


@contextmanager
def _signals(service: "MicroService") -> Iterator[None]:
    """Stop the service at the first SIGTERM or SIGINT, and the process at the second.

    A loop that is blocked never hears of a signal. So Python's own handlers are used, which
    run in whatever the main thread is at, and a thread that watches whether anything follows.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    came: queue.SimpleQueue[bool] = queue.SimpleQueue()  # may be used in a signal handler
    numbers: list[int] = []
    ended = threading.Event()

    def on_signal(number: int, _: FrameType | None) -> None:
        numbers.append(number)
        if len(numbers) > 1:
            os._exit(128 + number)
        came.put(True)
        loop.call_soon_threadsafe(service.stop)

    def watch() -> None:
        if came.get() and not ended.wait(service.shutdown_timeout + _MARGIN):
            service.logger.error(
                "%s has not stopped %s s after a signal: something blocks its event loop; "
                "the process ends now",
                service.name,
                service.shutdown_timeout + _MARGIN,
            )
            with suppress(Exception):  # without a real stderr there is nothing to show
                faulthandler.dump_traceback()
            _exit()

    watcher = threading.Thread(target=watch, name=f"{service.name}-watcher", daemon=True)
    watcher.start()
    former = {n: signal.signal(n, on_signal) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        ended.set()
        came.put(False)
        watcher.join()


def _end_process(logger: logging.Logger, error: ShutdownTimeoutError) -> None:
    """End a process in which something does not end: Python would wait for its threads."""
    logger.error("%s; the process ends now", error)
    _exit()


def _exit() -> NoReturn:
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
