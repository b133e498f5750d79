"""Events that were given up: looked at, replayed and purged."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from gemstone.errors import ServiceConfigurationError

from ._backends import transport_from_url
from ._durable import DurableEventTransport
from ._event import decode_body


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a service could not handle, as its broker keeps it.

    Attributes:
        id: what tells it from all other dead letters of its broker.
        service: the name of the service that could not handle it.
        event_name: the name of the event.
        data: its body, as it came; that may be no JSON.
        event_id: the id of the event.
        headers: what the emitter said about it.
        attempts: how often it was delivered.
        reason: what its handlers came to at last.
        died_at: when it was given up, in seconds of :func:`time.time`.
    """

    id: str
    service: str
    event_name: str
    data: bytes
    event_id: str | None
    headers: Mapping[str, str]
    attempts: int
    reason: str
    died_at: float

    @property
    def body(self) -> Any:
        """What was emitted.

        Raises:
            InvalidEventError: what came is no JSON.
        """
        return decode_body(self.data)


class DeadLetters(ABC):
    """The dead letters that a broker keeps; :func:`dead_letters` gives them.

    All methods block, and may be called from any one thread at a time but that of an event loop.
    As a context manager it is closed at the end.
    """

    def list(
        self,
        ids: Collection[str] = (),
        *,
        service: str | None = None,
        event_name: str | None = None,
        limit: int | None = None,
    ) -> "list[DeadLetter]":
        """Some dead letters, the oldest first. They stay where they are.

        Args:
            ids: only those with one of these ids; by default whatever id they have.
            service: only those of this service.
            event_name: only those of events of this name.
            limit: how many at most.

        Raises:
            EventBrokerError: the broker can't be asked.
        """
        found: list[DeadLetter] = []
        if limit is None or limit > 0:
            with closing(self._chosen(ids, service, event_name)) as chosen:
                found.extend(itertools.islice(chosen, limit))
        return found

    def replay(
        self,
        ids: Collection[str] = (),
        *,
        service: str | None = None,
        event_name: str | None = None,
    ) -> int:
        """Have dead letters delivered again, to the service that could not handle them.

        Their attempts are counted from the beginning. They are dead letters no more.

        Args:
            ids: as for :meth:`list`, and so are the others.

        Returns:
            How many there were.

        Raises:
            EventBrokerError: the broker can't be asked.
            EventRefusedError: it has nowhere to put one of them.
        """
        return self._each(self.replay_one, ids, service, event_name)

    def purge(
        self,
        ids: Collection[str] = (),
        *,
        service: str | None = None,
        event_name: str | None = None,
    ) -> int:
        """Throw dead letters away, for ever.

        Args:
            ids: as for :meth:`list`, and so are the others.

        Returns:
            How many there were.

        Raises:
            EventBrokerError: the broker can't be asked.
        """
        return self._each(self.purge_one, ids, service, event_name)

    # To be overridden.

    @abstractmethod
    def read(self) -> Generator[DeadLetter, None, None]:
        """All dead letters that there are when it is called, the oldest first.

        It is closed when no more is wanted: what was only looked at goes back to where it was.
        """

    @abstractmethod
    def replay_one(self, letter: DeadLetter) -> None:
        """Deliver the letter again that :meth:`read` gave last, to its service alone."""

    @abstractmethod
    def purge_one(self, letter: DeadLetter) -> None:
        """Throw the letter away that :meth:`read` gave last."""

    @abstractmethod
    def close(self) -> None:
        """End the connection; again, nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _each(
        self,
        act: Callable[[DeadLetter], None],
        ids: Collection[str],
        service: str | None,
        event_name: str | None,
    ) -> int:
        count = 0
        with closing(self._chosen(ids, service, event_name)) as chosen:
            for letter in chosen:
                act(letter)
                count += 1
        return count

    def _chosen(
        self, ids: Collection[str], service: str | None, event_name: str | None
    ) -> Generator[DeadLetter, None, None]:
        left = {*ids}
        with closing(self.read()) as letters:
            for letter in letters:
                if ids and letter.id not in left:
                    continue
                if service not in (None, letter.service):
                    continue
                if event_name not in (None, letter.event_name):
                    continue
                left.discard(letter.id)
                yield letter
                if ids and not left:
                    return


def dead_letters(url: str) -> DeadLetters:
    """The dead letters of a broker: events that services could not handle.

    ::

        with gemstone.event.dead_letters("redis+stream://127.0.0.1:6379/0") as letters:
            for letter in letters.list(service="mailer"):
                print(letter.event_name, letter.body, letter.reason)
            letters.replay(service="mailer")

    Args:
        url: of a durable transport, as in ``event_transports``.

    Raises:
        ServiceConfigurationError: the URL is wrong, or its transport keeps no dead letters.
        BackendError: there is no transport for its scheme.
    """
    letters: DeadLetters = durable_from_url(url).dead_letters()
    return letters


def forget_service(url: str, service: str, event_names: Collection[str] = ()) -> int:
    """Have a broker keep no more events for a service that will not return. Blocks.

    What it has kept for it is thrown away; its dead letters stay.

    Args:
        url: of a durable transport, as in ``event_transports``.
        service: the name of the service, none of whose instances runs.
        event_names: the events that it has handled; RabbitMQ has to be told, Redis finds them.

    Returns:
        How many events it had subscribed to.

    Raises:
        ServiceConfigurationError: the URL is wrong, or its transport keeps no events; or names
            of events are needed.
        BackendError: there is no transport for its scheme.
        EventBrokerError: the broker can't be asked.
        EventRefusedError: an instance of the service runs.
    """
    return durable_from_url(url).forget_service(service, event_names)


def durable_from_url(url: str) -> DurableEventTransport:
    """The durable transport that a URL stands for.

    Raises:
        ServiceConfigurationError: the URL is wrong, or its transport is not durable.
        BackendError: there is no transport for its scheme.
    """
    transport = transport_from_url(url)
    if not isinstance(transport, DurableEventTransport):
        raise ServiceConfigurationError(
            f"{transport} keeps no events, and so no dead letters: the URL must be that of a "
            "durable transport, as redis+stream://… or amqp+durable://…"
        )
    return transport
