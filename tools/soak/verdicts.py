"""What may come back by a connection, and what may not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from .answers import FATAL, Answer, BrokenAnswer, read_answers
from .corpus import ANSWERED, CLOSED, LAST, Shape
from .shapes import Message, nonces_in

#: It is answered by something that belongs to another one.
_FOREIGN: Final = -1
#: What llhttp says of a method that it does not know.
_UNKNOWN_METHOD: Final = (b"Invalid method", b"Expected space after method")
_WORDS: Final = {
    ANSWERED: "an answer",
    CLOSED: "no answer",
    LAST: "an answer, and the end",
    _FOREIGN: "an answer that belongs to another",
}


class Came(NamedTuple):
    """What came by a connection until it was closed, and whether that was by a reset."""

    data: bytes
    reset: bool


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A shape between good calls.

    Args:
        before: what has to be answered.
        shape: what comes then.
        shaped: its message.
        after: what has to be answered unless the connection ends before.
    """

    before: Sequence[Message]
    shape: Shape
    shaped: Message
    after: Sequence[Message]

    @property
    def data(self) -> bytes:
        """All of it."""
        return b"".join(each.data for each in (*self.before, self.shaped, *self.after))

    def wrong(self, came: Came) -> str:
        """What is wrong with what came back; nothing is fine."""
        try:
            answers = read_answers(came.data, reset=came.reset)
        except BrokenAnswer as error:
            return str(error)
        count = len(self.before)
        if wrong := _wrong_in_turn(self.before, answers[:count], came.reset):
            return f"before it, {wrong}"
        taken, after = self._taken(answers[count:]), answers[count + 1 :]
        if taken == CLOSED and came.reset:
            return ""
        allowed = self.shape.allowed
        if taken not in allowed and not (taken == LAST and ANSWERED in allowed):
            words = ", ".join(_WORDS.get(each, str(each)) for each in sorted(allowed))
            return f"{_WORDS.get(taken, taken)}, not {words}"
        if taken in (CLOSED, LAST) or taken in FATAL or answers[count].closes:
            return ""  # nothing came behind it, or it would have been broken
        return (wrong := _wrong_in_turn(self.after, after, came.reset)) and f"after it, {wrong}"

    def _taken(self, answers: Sequence[Answer]) -> int:
        """How it was taken, as the first of these says."""
        if not answers:
            return CLOSED
        answer, *others = answers
        nonces = nonces_in(answer.body)
        if answer.status == 200 and nonces == {self.shaped.nonce}:
            # Where it has to be the last one, it need not say so: its sender knows.
            last = answer.closes or (LAST in self.shape.allowed and not others)
            return LAST if last else ANSWERED
        return _FOREIGN if nonces - {self.shaped.nonce} else answer.status


def _wrong_in_turn(messages: Sequence[Message], answers: Sequence[Answer], reset: bool) -> str:
    for message, answer in zip(messages, answers, strict=False):
        if answer.status != 200 or nonces_in(answer.body) != {message.nonce}:
            return f"{answer.status} {answer.body[:200]!r} for {message.nonce}"
    if len(answers) > len(messages) or (len(answers) < len(messages) and not reset):
        return f"{len(answers)} answers for {len(messages)} good calls"
    return ""


def wrong_with_any(first: Message, sent: bytes, came: Came, came_in_pieces: Came) -> str:
    """What is wrong with the answers to anything; nothing is fine.

    Args:
        first: a good call before it.
        sent: all that was sent, twice.
        came: what came back for it.
        came_in_pieces: what came back where it was sent in pieces.
    """
    both = (came, came_in_pieces)
    try:
        answers, others = (read_answers(each.data, heads=True, reset=each.reset) for each in both)
    except BrokenAnswer as error:
        return str(error)
    for each, read in zip(both, (answers, others), strict=True):
        if wrong := _wrong_in_turn([first], read[:1], each.reset):
            return f"before it, {wrong}"
        if foreign := nonces_in(each.data) - nonces_in(sent):
            return f"an answer that belongs to another connection: {foreign}"
    seen, seen_in_pieces = ([(each.status, each.body) for each in all] for all in (answers, others))
    if came.reset or came_in_pieces.reset:
        least = min(len(seen), len(seen_in_pieces))
        seen, seen_in_pieces = seen[:least], seen_in_pieces[:least]
    if seen != seen_in_pieces and not _met_unknown_method(seen, seen_in_pieces):
        kinds = " and in pieces ".join(
            str([status for status, _ in each]) for each in (seen, seen_in_pieces)
        )
        return f"{kinds}: {seen}, and where it came in pieces {seen_in_pieces}"
    return ""


def _met_unknown_method(*both: Sequence[tuple[int, bytes]]) -> bool:
    """Whether two refusals differ as they may, where a method came that llhttp does not know.

    Such a message is refused by what it asks for, like any other, where nothing stands before it in
    what was read at once: llhttp does not tell where it begins. Else the connection ends with it.
    """
    count = next(
        (index for index, (one, other) in enumerate(zip(*both, strict=False)) if one != other),
        min(len(each) for each in both),
    )
    return any(
        len(each) == count + 1
        and each[count][0] == 400
        and any(words in each[count][1] for words in _UNKNOWN_METHOD)
        for each in both
    )
