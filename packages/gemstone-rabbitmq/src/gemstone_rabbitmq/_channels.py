"""What is done on channels: publishing with confirms, and attempts that may end a channel."""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from gemstone.errors import EventRefusedError

from ._connection import Connection, describe
from ._pika import Channel, exceptions, spec
from ._places import Route

#: What the broker answers when an exchange is there, with other properties.
_PRECONDITION_FAILED: Final = 406

Outcome = Callable[[Exception | None], None]


class ConfirmedChannel:
    """A channel on which the broker confirms what is published, in whatever order.

    Args:
        channel: the channel, open.
        on_ready: called when it can be published on.
        on_decided: called with what was published, and whether the broker has taken it.
    """

    def __init__(
        self,
        connection: Connection,
        channel: Channel,
        on_ready: Callable[[], None],
        on_decided: Callable[[list[Any], bool], None],
    ) -> None:
        self._channel = channel
        self._on_decided = on_decided
        # What was published and is not decided, and None for what is; of rising tags.
        self._undecided: deque[Any] = deque()
        self._first_tag = 1
        self.undecided = 0
        channel.confirm_delivery(
            connection.guarded(self._on_confirm), connection.guarded(lambda _: on_ready())
        )

    def all_undecided(self) -> list[Any]:
        """What was published and is not decided, in its order."""
        return [what for what in self._undecided if what is not None]

    def publish(
        self,
        what: object,
        exchange: str,
        routing_key: str,
        body: bytes,
        properties: object,
        is_mandatory: bool = False,
    ) -> None:
        """Publish a message.

        Args:
            what: given to ``on_decided``; not ``None``.
            exchange: where to.
            routing_key: for which queues of it.
            body: the message.
            properties: what travels with it.
            is_mandatory: whether it is sent back if it is for no queue.
        """
        self._channel.basic_publish(exchange, routing_key, body, properties, is_mandatory)
        self._undecided.append(what)
        self.undecided += 1

    def forget(self, is_late: Callable[[Any], bool]) -> list[Any]:
        """Wait no longer for the oldest that are late.

        Returns:
            Those that are forgotten: nothing is called for them any more.
        """
        forgotten = []
        for index, what in enumerate(self._undecided):
            if what is None:
                continue
            if not is_late(what):
                break
            forgotten.append(what)
            self._undecided[index] = None
        self.undecided -= len(forgotten)
        return forgotten

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        undecided = self._undecided
        position: int = method.delivery_tag - self._first_tag
        decided: list[Any]
        if method.multiple:
            count = position + 1 if method.delivery_tag else len(undecided)
            decided = [undecided.popleft() for _ in range(min(count, len(undecided)))]
            self._first_tag += len(decided)
            decided = [what for what in decided if what is not None]
        else:
            decided = [what for what in (undecided[position],) if what is not None]
            undecided[position] = None
        while undecided and undecided[0] is None:
            undecided.popleft()
            self._first_tag += 1
        self.undecided -= len(decided)
        if decided:
            self._on_decided(decided, not isinstance(method, spec.Basic.Nack))


class _Attempt(NamedTuple):
    act: Callable[[Channel], object]
    outcome: Outcome


class Attempts:
    """A channel for what the broker may refuse by closing it: one attempt after the other.

    So the refusal of one exchange costs nothing of what goes to the others. After each refusal
    the channel is opened anew.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._attempts: deque[_Attempt] = deque()
        self._current: _Attempt | None = None
        self._channel: Channel | None = None
        self._is_opening = False

    def declare(self, exchange: str, exchange_type: str, durable: bool, outcome: Outcome) -> None:
        """Make an exchange, unless it is there.

        Args:
            exchange: its name.
            exchange_type: how it routes.
            durable: whether it outlives the broker.
            outcome: called with ``None``, or with why the broker did not make it.
        """

        def act(channel: Channel) -> None:
            channel.exchange_declare(
                exchange,
                exchange_type,
                durable=durable,
                callback=self._connection.guarded(lambda _: self._over(None)),
            )

        self._attempt(_Attempt(act, outcome))

    def publish(
        self, exchange: str, routing_key: str, body: bytes, properties: object, outcome: Outcome
    ) -> None:
        """Publish one message.

        Args:
            exchange: where to.
            routing_key: for which queues of it.
            body: the message.
            properties: what travels with it.
            outcome: called with ``None``, or with why the broker does not take it.
        """

        def act(channel: Channel) -> None:
            channel.basic_publish(exchange, routing_key, body, properties)

        self._attempt(_Attempt(act, outcome))

    def _attempt(self, attempt: _Attempt) -> None:
        self._attempts.append(attempt)
        self._next()

    def _next(self) -> None:
        if self._current is not None or not self._attempts or self._is_opening:
            return
        if self._channel is None:
            self._is_opening = True
            self._connection.open_channel(self._on_open, self._on_close)
            return
        self._current = self._attempts.popleft()
        try:
            self._current.act(self._channel)
        except Exception as error:  # it can't be encoded
            self._over(error)

    def _on_open(self, channel: Channel) -> None:
        def ready(_: object) -> None:
            self._channel = channel
            self._is_opening = False
            self._next()

        channel.confirm_delivery(
            self._connection.guarded(self._on_confirm), self._connection.guarded(ready)
        )

    def _on_close(self, reason: Exception) -> None:
        self._channel = None
        self._is_opening = False
        self._over(reason)

    def _on_confirm(self, frame: Any) -> None:
        if isinstance(frame.method, spec.Basic.Nack):
            self._over(refused(None))
        else:
            self._over(None)

    def _over(self, error: Exception | None) -> None:
        current, self._current = self._current, None
        if current is not None:
            current.outcome(error)
        self._next()


def made_otherwise(shown_url: str, exchange: str, route: Route) -> ConnectionError:
    """What is said of an exchange that is there, with other properties than it is to have."""
    return ConnectionError(
        f"{shown_url}: the exchange {exchange!r} is there with other properties than a "
        f"{route.exchange_type} exchange that is {'durable' if route.is_durable else 'not durable'}"
    )


def is_nack(error: Exception) -> bool:
    """Whether the broker could not take a message, though it has nothing against it."""
    return isinstance(error, NotTaken)


def is_made_otherwise(error: Exception) -> bool:
    """Whether an exchange was not made because it is there, with other properties."""
    return isinstance(error, exceptions.ChannelClosed) and error.reply_code == _PRECONDITION_FAILED


class NotTaken(EventRefusedError):
    """The broker could not take a message now."""


def refused(error: Exception | None) -> EventRefusedError:
    """What the receipt of an event raises that the broker did not take."""
    if isinstance(error, EventRefusedError):
        return error
    if error is None:
        return NotTaken("the event was refused: it could not take it (nack)")
    return EventRefusedError(f"the event was refused: {describe(error)}")


__all__ = [
    "Attempts",
    "ConfirmedChannel",
    "is_made_otherwise",
    "is_nack",
    "made_otherwise",
    "refused",
]
