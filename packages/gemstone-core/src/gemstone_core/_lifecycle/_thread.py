"""``start_in_thread()``: a service beside what else the process does."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from tornado.ioloop import IOLoop

from gemstone.errors import ServiceStateError, ShutdownTimeoutError

from ._loop import run_service
from ._settings import check_constructed

if TYPE_CHECKING:
    from .._microservice import MicroService
    from ._run import Run


AnyService = TypeVar("AnyService", bound="MicroService")


class ServiceThread(Generic[AnyService]):
    """A service that serves in a thread of its own; as a context manager, as long as it lasts.

    Made by :meth:`MicroService.start_in_thread`.

    Attributes:
        service: the service.
    """

    def __init__(
        self,
        service: AnyService,
        make_run: "Callable[[], Run]",
        io_loop: IOLoop | None,
    ) -> None:
        check_constructed(service)
        self.service = service
        self._make_run = make_run
        self._io_loop = io_loop
        self._ready: Future[None] = Future()
        self._ended: Future[None] = Future()
        # A daemon, so that a notebook or a script that forgets it can end.
        self._thread = threading.Thread(target=self._serve, name=str(service.name), daemon=True)
        self._thread.start()
        self._ready.result()

    def stop(self) -> None:
        """Stop the service, and wait until nothing of it is left. From any thread.

        Raises:
            ServiceStateError: something had ended its event loop before, as a ``SystemExit``.
            ShutdownTimeoutError: something had not ended after ``shutdown_timeout``.
        """
        self.service.stop()
        if not self.service._is_own_thread():
            self._ended.result()
            self._thread.join()

    def __enter__(self) -> AnyService:
        return self.service

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        async def main() -> None:
            try:
                await self._make_run().live(on_ready=lambda: self._ready.set_result(None))
            except ShutdownTimeoutError as error:
                # Said at once: what did not end holds the end of the loop up as well.
                self._ended.set_exception(error)

        try:
            run_service(self.service, main, self._io_loop)
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            elif not self._ended.done():
                self._ended.set_exception(self._told(error))
        else:
            if not self._ready.done():
                self._ready.set_exception(
                    ServiceStateError(f"{self.service.name} was stopped while it started")
                )
            if not self._ended.done():
                self._ended.set_result(None)

    def _told(self, error: BaseException) -> Exception:
        """What :meth:`stop` raises: nothing that would end the thread that calls it."""
        if isinstance(error, Exception):
            return error
        told = ServiceStateError(
            f"{self.service.name} was ended by a {type(error).__name__} on its event loop"
        )
        told.__cause__ = error
        return told
