"""What an administrator does: dead letters, and services that will not return."""

import time
from collections.abc import Collection, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Final

from gemstone.errors import EventBrokerError, EventRefusedError
from gemstone_core.event import DeadLetter, DeadLetters

from ._connection import describe
from ._durable_consumer import KEPT
from ._letters import dead_letter, own_headers
from ._pika import exceptions, pika
from ._places import DEAD, queue_of, retries_of, suspects_of

_NOT_FOUND: Final = 404
#: How long the broker may take to put back what was read, and how often it is asked, in seconds.
_PUT_BACK: Final = 5.0
_ASK_EVERY: Final = 0.01


class QueueDeadLetters(DeadLetters):
    """The dead letters of one broker.

    Those that are read are put back when reading ends; until then nobody else sees them.

    Args:
        parameters: where and how to connect.
        shown_url: what to call the broker in messages.
    """

    def __init__(self, parameters: Any, shown_url: str) -> None:
        self._parameters = parameters
        self._shown_url = shown_url
        self._connection: Any = None
        self._channel: Any = None
        # How many were read, and neither replayed nor purged; how many were behind the last of
        # them; and how many consumers there were before.
        self._unsettled = 0
        self._behind = 0
        self._others = 0
        # The last that was read.
        self._message: tuple[Any, Any, bytes] | None = None

    def list(
        self,
        ids: Collection[str] = (),
        *,
        service: str | None = None,
        event_name: str | None = None,
        limit: int | None = None,
    ) -> "list[DeadLetter]":
        """Some dead letters, the oldest first: what was put back lies in the queue in any order."""
        found = super().list(ids, service=service, event_name=event_name, limit=limit)
        return sorted(found, key=lambda letter: letter.died_at)

    def read(self) -> Generator[DeadLetter, None, None]:
        """All that there are now, in the order of the queue."""
        with self._told():
            self._open()
            self._others = self._look().consumer_count
        self._unsettled = 0
        left: int | None = None
        try:
            while left != 0:
                with self._told():
                    method, properties, body = self._channel.basic_get(DEAD)
                self._message = method, properties, body
                if method is None:
                    return
                self._unsettled += 1
                self._behind = method.message_count
                # How many there are only the first of them tells for sure. A broker that is busy
                # says of a queue that it is empty.
                left = self._behind if left is None else left - 1
                yield dead_letter(properties, body)
        finally:
            self._message = None
            self._put_back()

    def replay_one(self, letter: DeadLetter) -> None:
        """Put the event into the queue of its service."""
        method, properties, body = self._current()
        queue = queue_of(letter.service, letter.event_name)
        again = pika.BasicProperties(
            content_type="application/json",
            headers=own_headers(properties.headers) or None,
            delivery_mode=2,
            message_id=properties.message_id,
            timestamp=properties.timestamp,
        )
        with self._told():
            try:
                self._channel.basic_publish("", queue, body, again, mandatory=True)
            except exceptions.UnroutableError:
                raise EventRefusedError(
                    f"the dead letter {letter.id} can't be replayed: {self._shown_url} has no "
                    f"queue {queue!r}; start the service once, or purge the letter"
                ) from None
            self._settle(method)

    def purge_one(self, letter: DeadLetter) -> None:
        """Take the message out of the queue."""
        method, _, _ = self._current()
        with self._told():
            self._settle(method)

    def close(self) -> None:
        """End the connection; again, nothing."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None and connection.is_open:
            with suppress(exceptions.AMQPError, OSError):  # what was done is confirmed
                connection.close()

    def _open(self) -> None:
        try:
            if self._connection is not None:
                self._channel = self._connection.channel()
        except (exceptions.AMQPError, OSError):  # while nobody used it, nothing kept it up
            self._connection = None
        if self._connection is None:
            self._connection = pika.BlockingConnection(self._parameters)
            self._channel = self._connection.channel()
        self._channel.confirm_delivery()

    def _settle(self, method: Any) -> None:
        self._channel.basic_ack(method.delivery_tag)
        self._unsettled -= 1

    def _look(self) -> Any:
        return self._channel.queue_declare(DEAD, durable=True, arguments=dict(KEPT)).method

    def _put_back(self) -> None:
        """Have the broker put back what was read, and wait until it has: it takes its time."""
        if self._channel is None or not self._channel.is_open:
            return
        with self._told():
            self._channel.close()
            if not self._unsettled:
                return
            self._channel = self._connection.channel()
            deadline = time.monotonic() + _PUT_BACK
            while not self._is_put_back() and time.monotonic() < deadline:
                self._connection.sleep(_ASK_EVERY)
            self._channel.close()

    def _is_put_back(self) -> bool:
        # Of a quorum queue everybody is a consumer who has a message of it. To count messages does
        # not suffice, as others may have come; and to count consumers does not, as a broker that
        # is busy says that there are none.
        queue = self._look()
        is_there: bool = queue.message_count >= self._behind + self._unsettled
        return is_there and queue.consumer_count <= self._others

    def _current(self) -> tuple[Any, Any, bytes]:
        if self._message is None:
            raise EventRefusedError("read() has not given that letter just now")
        return self._message

    @contextmanager
    def _told(self) -> Iterator[None]:
        with told(self._shown_url):
            yield


def delete_queues(
    parameters: Any, shown_url: str, service: str, event_names: Collection[str]
) -> int:
    """Delete the queues of a service.

    Args:
        parameters: where and how to connect.
        shown_url: what to call the broker in messages.
        service: the name of the service.
        event_names: the names of the events that it has handled.

    Returns:
        How many of the events had queues.

    Raises:
        EventBrokerError: the broker can't be asked.
        EventRefusedError: an instance of the service runs.
    """
    queues = [queue_of(service, name) for name in event_names]
    with told(shown_url), closing(pika.BlockingConnection(parameters)) as connection:
        there = [queue for queue in queues if _consumers(connection, queue, service) is not None]
        for queue in (*there, retries_of(service), suspects_of(service)):
            connection.channel().queue_delete(queue)
    return len(there)


def _consumers(connection: Any, queue: str, service: str) -> int | None:
    """How many consumers a queue has, which must be none; ``None`` if it is not there."""
    channel = connection.channel()
    try:
        count: int = channel.queue_declare(queue, passive=True).method.consumer_count
    except exceptions.ChannelClosedByBroker as error:
        if error.reply_code == _NOT_FOUND:
            return None
        raise
    channel.close()
    if count:
        raise EventRefusedError(
            f"an instance of {service!r} runs: stop all of them, and forget it then"
        )
    return count


@contextmanager
def told(shown_url: str) -> Iterator[None]:
    """Says what the broker has against something, or that it is not there.

    Raises:
        EventBrokerError: it is so.
    """
    try:
        yield
    except (exceptions.AMQPError, OSError) as error:
        raise EventBrokerError(f"{shown_url} can't be asked: {describe(error)}") from error
