"""The bytes of a shape of the corpus, and of the good requests around it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from .corpus import Shape
from .links import call, call_body

#: What is executed by nobody.
SMUGGLED: Final = "smuggled"
_PLACE: Final = re.compile(r"<(one|length|hex|rest|smuggled|nonce)( less 1)?>|<large ([0-9]+)>")
_NONCE: Final = re.compile(rb"nonce-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Message:
    """A message, and the nonce that its answer has to hold.

    Args:
        data: its bytes.
        nonce: what nobody else has sent, and no other answer may hold.
    """

    data: bytes
    nonce: str


class Maker:
    """Makes messages, each with a nonce of its own, and all nonces of one length."""

    def __init__(self) -> None:
        self._nonces: Iterator[str] = (f"nonce-{number:08x}" for number in count())

    def good(self, method: str = "echo", *more: str) -> Message:
        """A call of ``echo`` or ``echo_blocking``.

        Args:
            method: which of them.
            more: more lines of the head.
        """
        nonce = next(self._nonces)
        return Message(call(method, nonce, id=nonce, more=more), nonce)

    def shaped(self, shape: Shape) -> Message:
        """A message of this shape."""
        nonce = next(self._nonces)
        one = call_body("echo", nonce, id=nonce).decode()
        smuggled = call(SMUGGLED, nonce, id=nonce).decode()
        texts = {"one": one, "smuggled": smuggled, "nonce": nonce, "rest": "<rest>"}
        numbers = {"length": "d", "hex": "x"}

        def fill(place: re.Match[str]) -> str:
            name, less, large = place.groups()
            if large:
                return "a" * int(large)
            if name in numbers:
                return format(len(one) - bool(less), numbers[name])
            return texts[name][bool(less) :]

        text = _PLACE.sub(fill, shape.text)
        rest = len(text.partition("\r\n\r\n")[2])
        return Message(text.replace("<rest>", str(rest)).encode("latin-1"), nonce)


def nonces_in(data: bytes) -> set[str]:
    """All nonces that stand in there."""
    return {nonce.decode() for nonce in _NONCE.findall(data)}
