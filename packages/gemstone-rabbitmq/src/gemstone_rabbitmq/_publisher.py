"""From an outbox to the broker."""

import logging
import time
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from gemstone.errors import EventUnconfirmedError
from gemstone_core.event import Emission, Outbox

from ._channels import Attempts, ConfirmedChannel, is_made_otherwise, refused
from ._connection import Connection
from ._pika import Channel, MessageProperties
from ._places import exchange_of

#: How many events may be on their way to the broker, or back from it.
_WINDOW: Final = 1000
#: How long to gather events that follow one that was sent, in seconds.
_GATHER: Final = 0.001
#: How often to look after what waits too long, in seconds.
_LOOK_EVERY: Final = 0.5
#: How much longer than for its ``emit_timeout`` an event may wait to be confirmed, in seconds.
_PATIENCE: Final = 5.0


class Publisher:
    """Hands over the events of an outbox, through one connection.

    The first event of each name goes to its exchange alone, on a channel of its own: the
    broker refuses an exchange by closing the channel. Those that follow share a channel.

    Args:
        outbox: where the events wait.
        parameters: where and how to connect.
        shown_url: what to call the broker in messages.
        logger: where changes of the broker's state are told.
        told: the exchanges that were told to be made otherwise.
    """

    def __init__(
        self,
        outbox: Outbox,
        parameters: Any,
        shown_url: str,
        logger: logging.Logger,
        told: set[str],
    ) -> None:
        self._outbox = outbox
        self._shown_url = shown_url
        self._logger = logger
        self._told = told
        self._connection = Connection(parameters, shown_url, self._on_open)
        self._attempts = Attempts(self._connection)
        self._confirmed: ConfirmedChannel | None = None
        self._proven: set[str] = set()
        # What was taken, and waits until the exchange of its name is proven; and what proves it.
        self._held: dict[str, deque[Emission]] = {}
        self._proving: set[Emission] = set()
        self._blocked_since: float | None = None
        self._is_due = False

    def run(self) -> None:
        """Connect, and hand over events until the outbox is finished. Blocks.

        Raises:
            ConnectionError: there is no connection, or it broke.
        """
        try:
            self._connection.run()
        finally:
            self._put_back()

    def stop(self) -> None:
        """End, if the outbox is given up. From any thread."""
        if self._outbox.is_given_up:
            self._connection.stop()

    def _on_open(self) -> None:
        connection = self._connection
        connection.amqp.add_on_connection_blocked_callback(connection.guarded(self._on_blocked))
        connection.amqp.add_on_connection_unblocked_callback(connection.guarded(self._on_unblocked))
        connection.open_channel(self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        self._confirmed = ConfirmedChannel(
            self._connection, channel, self._on_ready, self._on_decided
        )

    def _on_ready(self) -> None:
        self._outbox.connected()
        self._look()
        self._pump()

    def _wake(self) -> None:
        self._connection.call_soon(self._guarded_pump)

    def _guarded_pump(self) -> None:
        self._connection.guarded(self._pump)()

    def _pump(self) -> None:
        """Send what waits, as far as there is room; see to it that this is called again."""
        outbox, connection = self._outbox, self._connection
        if connection.is_closing or self._confirmed is None:
            return
        has_sent = False
        while self._blocked_since is None and (room := _WINDOW - self._on_the_way()) > 0:
            emissions = outbox.take(room, timeout=0)
            if not emissions:
                break
            self._send(emissions)
            has_sent = True
        on_the_way = self._on_the_way()
        if outbox.is_given_up or (outbox.is_finished and not on_the_way):
            connection.close()
        elif self._blocked_since is not None or on_the_way >= _WINDOW or outbox.is_finished:
            pass  # what is on its way, or the broker, calls this again
        elif has_sent:
            # More will follow. It goes in one go, instead of waking this thread each time.
            if not self._is_due:
                self._is_due = True
                connection.call_later(_GATHER, self._pump_again)
        elif not self._is_due:
            outbox.call_when_ready(self._wake)

    def _pump_again(self) -> None:
        self._is_due = False
        self._pump()

    def _on_the_way(self) -> int:
        assert self._confirmed is not None
        held = sum(map(len, self._held.values())) if self._held else 0
        return self._confirmed.undecided + len(self._proving) + held

    def _send(self, emissions: Iterable[Emission]) -> None:
        assert self._confirmed is not None
        publish, proven = self._confirmed.publish, self._proven
        now = int(time.time())
        for emission in emissions:
            name = emission.name
            if name in proven:
                try:
                    properties = MessageProperties(emission.id, emission.headers, now)
                    publish(emission, exchange_of(name), "", emission.data, properties)
                except Exception as error:  # it can't be encoded: the others can
                    self._outbox.fail([emission], error)
            elif name in self._held:
                self._held[name].append(emission)
            else:
                self._held[name] = deque([emission])
                self._attempts.declare(
                    exchange_of(name), "fanout", False, partial(self._on_declared, name)
                )

    def _on_decided(self, emissions: list[Emission], is_taken: bool) -> None:
        if is_taken:
            self._outbox.done(emissions)
        else:
            self._outbox.fail(emissions, refused(None))
        self._pump()

    # The first event of a name.

    def _on_declared(self, name: str, error: Exception | None) -> None:
        # Whether the exchange can be used as it is, an event will tell.
        if error is not None and is_made_otherwise(error) and name not in self._told:
            self._told.add(name)
            self._logger.warning(
                "%s: the exchange %r is there with other properties than a fanout exchange that "
                "is not durable; it is used as it is",
                self._shown_url,
                exchange_of(name),
            )
        held = self._held[name]
        if not held:  # all were put back
            del self._held[name]
            return
        first = held.popleft()
        self._proving.add(first)
        outcome = partial(self._on_proven, name, first)
        properties = MessageProperties(first.id, first.headers, int(time.time()))
        self._attempts.publish(exchange_of(name), "", first.data, properties, outcome)

    def _on_proven(self, name: str, first: Emission, error: Exception | None) -> None:
        held = self._held.pop(name)
        if first in self._proving:
            self._proving.discard(first)
            if error is None:
                self._outbox.done([first])
            else:
                self._outbox.fail([first], refused(error))
        if error is None:
            self._proven.add(name)
            self._send(held)
        else:
            self._outbox.fail([*held], refused(error))
        self._pump()

    # When the broker takes nothing.

    def _on_blocked(self, _: object, frame: Any) -> None:
        if self._blocked_since is None:
            self._blocked_since = time.monotonic()
            self._logger.warning(
                "%s takes no events for now; they wait (%s)", self._shown_url, frame.method.reason
            )
            self._put_back()

    def _on_unblocked(self, *_: object) -> None:
        if self._blocked_since is not None:
            away = time.monotonic() - self._blocked_since
            self._blocked_since = None
            self._logger.warning("%s takes events again, after %.1f s", self._shown_url, away)
            self._pump()

    def _put_back(self) -> None:
        """Let those wait again that were not sent."""
        for held in self._held.values():
            emissions = [*held]
            held.clear()  # before they are taken again, perhaps at once
            self._outbox.put_back(emissions)

    def _look(self) -> None:
        """Give up what has waited too long, again and again."""
        assert self._confirmed is not None
        self._outbox.expire()
        until = time.monotonic() - _PATIENCE

        def is_late(emission: Emission) -> bool:
            return emission.expires_at <= until

        late = [*filter(is_late, self._proving), *self._confirmed.forget(is_late)]
        if late:
            self._proving.difference_update(late)
            self._outbox.fail(
                late,
                EventUnconfirmedError(
                    f"{self._shown_url} has not confirmed it in time; it may still take it"
                ),
            )
        self._connection.call_later(_LOOK_EVERY, self._look)
