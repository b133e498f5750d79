"""Emitting one event after the other, without a service."""

import threading

import redis

from gemstone.errors import EventRefusedError, EventUnconfirmedError
from gemstone_core.event import Emission

from ._link import Link
from ._publishing import Carriage
from ._url import RedisUrl


class SingleEmitter:
    """A connection that is made for the first event, and kept for the next ones. From any thread.

    Args:
        url: where Redis is.
        carriage: how an event is handed over.
    """

    def __init__(self, url: RedisUrl, carriage: Carriage) -> None:
        self._url = url
        self._carriage = carriage
        self._lock = threading.Lock()
        self._link: Link | None = None

    def emit(self, emission: Emission) -> None:
        """Emit one event; returns when Redis has answered. Blocks.

        Raises:
            EventRefusedError: it was not emitted: there is no Redis, or it does not take it.
            EventUnconfirmedError: the connection broke, and nobody knows.
        """
        command = self._carriage.command(emission)
        with self._lock:
            try:
                link = self._open()
            except Exception as error:
                raise EventRefusedError(f"{self._url} could not emit it: {error}") from error
            try:
                link.send([command])
                self._carriage.check_answer(link.answer())
            except redis.ResponseError as error:
                raise EventRefusedError(f"{self._url} could not emit it: {error}") from error
            except Exception as error:
                link.close()
                raise EventUnconfirmedError(
                    f"the connection of {self._url} broke before Redis had confirmed it; it is "
                    f"not sent again ({error})"
                ) from error

    def close(self) -> None:
        """End the connection; the next event makes a new one."""
        if self._link is not None:
            self._link.close()

    def _open(self) -> Link:
        link = self._link
        if link is not None and not link.is_closed:
            try:
                link.check()
            except Exception:
                link.close()
            else:
                return link
        link = self._link = Link(self._url, self._url.timeout)
        try:
            link.open()
        except BaseException:
            link.close()
            raise
        return link
