"""What every message has in common, whoever answers it."""

import asyncio
from abc import ABC, abstractmethod

from ._head import Head


class Message(ABC):
    """A request that has come, or is coming, until it is answered.

    Messages are answered in the order in which they have come: each has its turn.

    Args:
        head: its head.

    Attributes:
        has_come: whether all of it has come.
        has_answered: whether its answer has begun, and nothing else can be said.
        task: what answers it, if that is a task of ours.
    """

    __slots__ = ("has_answered", "has_come", "head", "task")

    def __init__(self, head: Head) -> None:
        self.head = head
        self.has_come = False
        self.has_answered = False
        self.task: asyncio.Task[None] | None = None

    @abstractmethod
    def take_turn(self) -> None:
        """All messages before this one are answered; it may not have come whole yet."""

    @abstractmethod
    def data_received(self, chunk: bytes) -> None:
        """A part of the body has come."""

    @abstractmethod
    def finish(self) -> None:
        """The rest of it has come."""

    @abstractmethod
    def abandon(self) -> None:
        """Nobody takes an answer any more. Called only for a message that has its turn."""
