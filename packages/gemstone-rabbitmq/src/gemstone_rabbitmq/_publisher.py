"""From an outbox to the broker."""

import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from gemstone.errors import EventRefusedError, EventUnconfirmedError
from gemstone_core.event import Emission, Outbox

from ._channels import (
    Attempts,
    ConfirmedChannel,
    is_made_otherwise,
    is_nack,
    made_otherwise,
    refused,
)
from ._connection import Connection
from ._moves import Move, Moves
from ._pika import Channel, MessageProperties
from ._places import Route

#: How many events may be on their way to the broker, or back from it.
_WINDOW: Final = 1000
#: How long to gather events that follow one that was sent, in seconds.
_GATHER: Final = 0.001
#: How often to look after what waits too long, in seconds.
_LOOK_EVERY: Final = 0.5
#: How long to wait when the broker could not take something that is kept, in seconds.
_BREATH: Final = 0.3
#: How much longer than for its ``emit_timeout`` an event may wait to be confirmed, in seconds.
_PATIENCE: Final = 5.0


class Publisher:
    """Hands over the events of an outbox, through one connection.

    The first event for each exchange goes alone, on a channel of its own: the broker refuses an
    exchange by closing the channel. Those that follow share a channel.

    Args:
        route: to which exchanges they go.
        outbox: where the events wait.
        parameters: where and how to connect.
        shown_url: what to call the broker in messages.
        logger: where changes of the broker's state are told.
        told: the names of events whose exchanges were told to be made otherwise.
        moves: what else is to be sent.
    """

    def __init__(
        self,
        route: Route,
        outbox: Outbox,
        parameters: Any,
        shown_url: str,
        logger: logging.Logger,
        told: set[str],
        moves: Moves,
    ) -> None:
        self._route = route
        self._moves = moves
        self._returned: set[str] = set()
        self._outbox = outbox
        self._shown_url = shown_url
        self._logger = logger
        self._told = told
        self._connection = Connection(parameters, shown_url, self._on_open)
        self._attempts = Attempts(self._connection)
        self._confirmed: ConfirmedChannel | None = None
        self._proven: set[str] = set()
        # What was taken, and waits until its exchange is proven; and what proves it.
        self._held: dict[str, deque[Emission]] = {}
        self._proving: set[Emission] = set()
        self._blocked_since: float | None = None
        self._is_due = False
        self._is_out_of_breath = False

    def run(self) -> None:
        """Connect, and hand over events until the outbox is finished. Blocks.

        Raises:
            ConnectionError: there is no connection, or it broke.
        """
        try:
            self._connection.run()
        finally:
            self._moves.call_when_ready(None)
            self._put_back()
            self._put_back_undecided()

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
        channel.add_on_return_callback(self._connection.guarded(self._on_returned))
        self._confirmed = ConfirmedChannel(
            self._connection, channel, self._on_ready, self._on_decided
        )

    def _on_ready(self) -> None:
        self._outbox.connected(others_must_be_there=not self._route.keeps)
        self._moves.call_when_ready(self._wake)
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
        if self._is_out_of_breath:
            return  # it is called again soon
        if self._blocked_since is None:
            self._make_moves()
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
        publish, proven, route = self._confirmed.publish, self._proven, self._route
        for emission in emissions:
            name = emission.name
            exchange = route.exchange_of(name)
            if exchange in proven:
                try:
                    properties = self._properties(emission)
                    publish(emission, exchange, route.key_of(name), emission.data, properties)
                except Exception as error:  # it can't be encoded: the others can
                    self._outbox.fail([emission], error)
            elif exchange in self._held:
                self._held[exchange].append(emission)
            else:
                self._held[exchange] = deque([emission])
                outcome = partial(self._on_declared, name)
                self._attempts.declare(exchange, route.exchange_type, route.is_durable, outcome)

    def _properties(self, emission: Emission) -> MessageProperties:
        return MessageProperties(
            emission.id, emission.headers, int(emission.emitted_at), self._route.is_durable
        )

    def _on_decided(self, decided: list[Any], is_taken: bool) -> None:
        moves = [each for each in decided if isinstance(each, Move)]
        if moves:
            decided = [each for each in decided if not isinstance(each, Move)]
            self._moved(moves, is_taken)
        if is_taken:
            self._outbox.done(decided)
        else:
            self._not_taken(decided)
        self._pump()

    def _not_taken(self, emissions: Sequence[Emission]) -> None:
        """The broker could not take them: for ever, or until a queue is there again."""
        if self._route.keeps:
            self._outbox.put_back(emissions, unconfirmed=True)
            self._take_breath()
        else:
            self._outbox.fail(emissions, refused(None))

    def _take_breath(self) -> None:
        if not self._is_out_of_breath:
            self._is_out_of_breath = True
            self._connection.call_later(_BREATH, self._go_on)

    def _go_on(self) -> None:
        self._is_out_of_breath = False
        self._pump()

    # From one queue to another.

    def _make_moves(self) -> None:
        assert self._confirmed is not None
        for move in self._moves.take():
            self._confirmed.publish(
                move, "", move.queue, move.body, move.properties(), is_mandatory=True
            )

    def _on_returned(self, _: object, method: Any, properties: Any, body: bytes) -> None:
        if properties.correlation_id:
            self._returned.add(properties.correlation_id)

    def _moved(self, moves: Sequence[Move], is_taken: bool) -> None:
        if not is_taken:
            self._moves.put_back(moves)
            self._take_breath()
            return
        for move in moves:
            if move.id in self._returned:
                self._returned.discard(move.id)
                move.on_done(EventRefusedError(f"the queue {move.queue!r} is not there any more"))
            else:
                move.on_done(None)

    # The first event for an exchange.

    def _on_declared(self, name: str, error: Exception | None) -> None:
        route = self._route
        exchange = route.exchange_of(name)
        if error is not None and is_made_otherwise(error):
            if route.keeps:
                self._connection.close(made_otherwise(self._shown_url, exchange, route))
                return
            # Whether the exchange can be used as it is, an event will tell.
            if name not in self._told:
                self._told.add(name)
                self._logger.warning(
                    "%s; it is used as it is", made_otherwise(self._shown_url, exchange, route)
                )
        held = self._held[exchange]
        if not held:  # all were put back
            del self._held[exchange]
            return
        first = held.popleft()
        self._proving.add(first)
        self._attempts.publish(
            exchange,
            route.key_of(first.name),
            first.data,
            self._properties(first),
            partial(self._on_proven, exchange, first),
        )

    def _on_proven(self, exchange: str, first: Emission, error: Exception | None) -> None:
        held = self._held.pop(exchange)
        if first in self._proving:
            self._proving.discard(first)
            if error is None:
                self._outbox.done([first])
            elif is_nack(error):
                self._not_taken([first])
            else:
                self._outbox.fail([first], refused(error))
        if error is None or is_nack(error):
            self._proven.add(exchange)
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

    def _put_back_undecided(self) -> None:
        """Have those sent again that were perhaps sent, and are kept."""
        if self._confirmed is None:
            return
        undecided = self._confirmed.all_undecided()
        self._moves.put_back(each for each in undecided if isinstance(each, Move))
        if self._route.keeps:
            sent = [*self._proving, *(each for each in undecided if isinstance(each, Emission))]
            self._outbox.put_back(sent, unconfirmed=True)

    def _look(self) -> None:
        """Give up what has waited too long, again and again."""
        assert self._confirmed is not None
        self._outbox.expire()
        until = time.monotonic() - _PATIENCE

        def is_late(what: Emission | Move) -> bool:
            return isinstance(what, Emission) and what.expires_at <= until

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
