"""Streams that are played to the service: the corpus, and what becomes of it when it is spoilt."""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .corpus import CORPUS, Shape
from .shapes import Maker, Message
from .verdicts import Pipeline

#: Into how many pieces a stream is cut at most.
MOST_PIECES: Final = 50
#: How many streams are made up at once.
BATCH: Final = 100
#: A place in a stream is one of so many; it is counted round in a shorter one.
_PLACES: Final = 4096
_TOKENS: Final = (
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b":", b"\x00", b"\t", b"\xff", b"0", b";", b","),
    *(b"HTTP/1.1", b"HTTP/1.0", b"POST /api ", b"GET /page?nonce=x HTTP/1.1\r\nHost: x\r\n\r\n"),
    *(b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Transfer-Encoding: gzip\r\n", b"Connection: close\r\n", b"Connection: Upgrade\r\n"),
    *(b"Upgrade: x\r\n", b"Expect: 100-continue\r\n", b"Host: y\r\n", b"\r\n0\r\n\r\n", b"1\r\na"),
    *(b"ffffffffffffffff\r\n", b"-1\r\n", b"9" * 30, b"a" * 70_000, b"HEAD /page HTTP/1.1\r\n"),
)


@dataclass(frozen=True, slots=True)
class Edit:
    """Something that is done to a stream.

    Args:
        kind: what it is.
        at: where.
        size: to how many bytes.
        token: what is put there, if something is.
    """

    kind: str
    at: int
    size: int
    token: bytes

    def of(self, data: bytes) -> bytes:
        """The stream when it was done."""
        start = self.at % (len(data) + 1)
        before, there, after = data[:start], data[start:][: self.size], data[start + self.size :]
        match self.kind:
            case "put in":
                return before + self.token + there + after
            case "replace":
                return before + self.token + after
            case "cut out":
                return before + after
            case "cut off":
                return before
            case _:
                return before + there + there + after


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a stream is made.

    Args:
        shapes: what it is made of.
        edits: what is done to that.
        cuts: where it is cut in pieces.
    """

    shapes: Sequence[Shape]
    edits: Sequence[Edit]
    cuts: Sequence[int]

    def make(self, maker: Maker) -> tuple[Message, bytes]:
        """A good call that comes first, and all of the stream, with a good call before its end."""
        first = maker.good("echo_blocking")
        data = b"".join(maker.shaped(shape).data for shape in self.shapes)
        for edit in self.edits:
            data = edit.of(data)
        return first, first.data + data + maker.good("echo", "Connection: close").data


_KINDS: Final = ("put in", "replace", "cut out", "cut off", "twice")
_EDITS: Final = st.builds(
    Edit,
    st.sampled_from(_KINDS),
    st.integers(0, _PLACES),
    st.integers(0, 16),
    st.sampled_from(_TOKENS) | st.binary(max_size=3),
)
# What would be executed of these by right, when they are spoilt, nobody could tell.
_INNOCENT: Final = [shape for shape in CORPUS if "<smuggled>" not in shape.text]
_RECIPES: Final = st.builds(
    Recipe,
    st.lists(st.sampled_from(_INNOCENT), min_size=1, max_size=3),
    st.lists(_EDITS, max_size=3),
    st.lists(st.integers(0, _PLACES), max_size=5),
)


def make_up(count: int, play: Callable[[Sequence[Recipe]], None]) -> None:
    """Makes up so many streams, and has them played, a batch of them at a time.

    Where CI is set they are the same ones each time.
    """

    @settings(
        max_examples=-(-count // BATCH),
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=bool(os.environ.get("CI")),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(_RECIPES, min_size=BATCH, max_size=BATCH))
    def each(recipes: Sequence[Recipe]) -> None:
        play(recipes)

    each()


def pipeline(maker: Maker, shape: Shape) -> Pipeline:
    """A shape between good calls, of which the last one ends the connection."""
    before = [maker.good("echo"), maker.good("echo_blocking")]
    after = [maker.good("echo_blocking"), maker.good("echo", "Connection: close")]
    return Pipeline(before, shape, maker.shaped(shape), after)


def cut(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The pieces, when it is cut there."""
    places = sorted({each % (len(data) + 1) for each in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(places)]


def some_cuts(chance: random.Random, size: int) -> list[int]:
    """Where to cut so many bytes: here and there, or everywhere near one place."""
    if chance.randrange(2):
        return [chance.randrange(size) for _ in range(chance.randint(1, 5))]
    start = chance.randrange(size)
    return [*range(start, min(size, start + MOST_PIECES))]
