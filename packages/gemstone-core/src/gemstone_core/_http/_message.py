"""What every message has in common, whoever answers it."""

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct

from ._head import Head

if TYPE_CHECKING:
    from ._connection import Connection


class Message(Struct, eq=False, kw_only=True):
    """A request that has come, or is coming, until it is answered.

    Messages are answered in the order in which they have come: each has its turn.

    Attributes:
        head: its head.
        has_come: whether all of it has come.
        has_answered: whether its answer has begun, and nothing else can be said.
        task: what answers it, if that is a task of ours.
    """

    head: Head
    has_come: bool = False
    has_answered: bool = False
    task: asyncio.Task[None] | None = None

    def take_turn(self) -> None:
        """All messages before this one are answered; it may not have come whole yet."""
        raise NotImplementedError

    def data_received(self, chunk: bytes) -> None:
        """A part of the body has come."""
        raise NotImplementedError

    def finish(self) -> None:
        """The rest of it has come."""
        raise NotImplementedError

    def abandon(self) -> None:
        """Nobody takes an answer any more. Called only for a message that has its turn."""
        raise NotImplementedError


class Route(Struct, eq=False, frozen=True):
    """Where messages with a head go, and all that is the same for them.

    Attributes:
        head: the head.
    """

    head: Head

    def message(self, connection: "Connection", body: bytes | None) -> Message:
        """A message that has begun to come by a connection.

        Args:
            connection: the connection.
            body: its body, if all of it has come.
        """
        raise NotImplementedError
