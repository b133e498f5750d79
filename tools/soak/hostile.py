"""Streams of bytes that are no requests, or more of them than they seem, between good calls."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from .corpus import CORPUS, Shape
from .links import Link, at_most
from .service import Options
from .shapes import Maker
from .stage import Result, Settings, Stage
from .streams import BATCH, Recipe, cut, make_up, pipeline, some_cuts
from .verdicts import Came, wrong_with_any

#: What the service has for a stream that does not go on, in seconds.
_TIMEOUT: Final = 3.0
#: How many problems are told in full.
_TOLD: Final = 20
#: What any service reads at once, in bytes.
_READ_AT_ONCE: Final = 32 * 1024
#: How many shapes are played at once.
_AT_ONCE: Final = 150


def smuggling(settings: Settings) -> Result:
    """Each shape of the corpus between good calls, whole and in pieces."""
    result = Result("smuggling")
    stage = Stage(result, settings, options=_impatient(settings))
    play = _Play(stage)
    with stage.played(), stage.measured():
        asyncio.run(play.shapes(CORPUS, max(1, settings.streams // 20 // len(CORPUS))))
    play.account()
    return result


def anything(settings: Settings) -> Result:
    """Streams that are made up of the corpus: whole and in pieces, with the same answers."""
    result = Result("made up streams")
    stage = Stage(result, settings, options=_impatient(settings))
    play = _Play(stage)
    with stage.played(), stage.measured(), asyncio.Runner() as runner:
        make_up(settings.streams, lambda recipes: runner.run(play.recipes(recipes)))
    play.account()
    return result


class _Play:
    """Plays streams to the service, and sees what comes back."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._maker = Maker()
        self._resets = 0
        self._chance = random.Random(1)
        self._wrong: Counter[str] = Counter()
        self._told: dict[str, str] = {}

    async def shapes(self, shapes: Sequence[Shape], times: int) -> None:
        """Plays each of them so many times whole, and as often in pieces."""
        jobs = [
            partial(self._shape, shape, whole)
            for _ in range(times)
            for whole in (True, False)
            for shape in shapes
        ]
        await at_most(_AT_ONCE, jobs)

    async def recipes(self, recipes: Sequence[Recipe]) -> None:
        """Plays a batch of them at once."""
        await at_most(BATCH, [partial(self._recipe, recipe) for recipe in recipes])

    def account(self) -> None:
        """Puts down all that was wrong."""
        result = self._stage.result
        result.notes.append(f"{self._resets} connections were reset")
        for name, count in self._wrong.most_common(_TOLD):
            self._stage.problem(f"{name} ({count} times): {self._told[name]}")
        if len(self._wrong) > _TOLD:
            self._stage.problem(f"and {len(self._wrong) - _TOLD} other kinds of problems")
        if smuggled := self._stage.subject.smuggled:
            self._stage.problem(f"{len(smuggled)} smuggled requests were executed")

    async def _shape(self, shape: Shape, whole: bool) -> None:
        played = pipeline(self._maker, shape)
        data = played.data
        pieces = [data] if whole else cut(data, some_cuts(self._chance, len(data)))
        try:
            wrong = played.wrong(await self._exchange(pieces))
        except TimeoutError as error:
            wrong = str(error)
        if not wrong and played.shaped.nonce in self._stage.subject.smuggled:
            wrong = "what it has smuggled was executed"
        self._note(shape.name, f"{wrong} ({len(pieces)} pieces, {shape.section})" if wrong else "")

    async def _recipe(self, recipe: Recipe) -> None:
        first, data = recipe.make(self._maker)
        try:
            got, in_pieces = await asyncio.gather(
                self._exchange([data]), self._exchange(cut(data, recipe.cuts))
            )
            wrong = wrong_with_any(first, data, got, in_pieces)
        except TimeoutError as error:
            wrong = str(error)
        self._note(wrong[:40], f"{wrong}, for {data[:5000]!r} cut at {recipe.cuts}")

    async def _exchange(self, pieces: Sequence[bytes]) -> Came:
        """Sends some pieces; gives all that comes until the service closes the connection."""
        link = await Link.open(self._stage.port)
        try:
            # What comes is taken meanwhile: a reset does not take it away any more.
            receiving = asyncio.create_task(link.receive_all())
            for piece in pieces:
                if not await link.send(piece):
                    break
                await asyncio.sleep(0)
            data = await receiving
            self._resets += link.was_reset
            # What was read at once leaves nothing on its way that could be reset.
            at_once = len(pieces) == 1 and len(pieces[0]) < _READ_AT_ONCE
            return Came(data, link.was_reset and not at_once)
        finally:
            link.close()

    def _note(self, name: str, wrong: str) -> None:
        self._stage.result.done += 1
        if wrong and name:
            self._wrong[name] += 1
            self._told.setdefault(name, wrong)


def _impatient(settings: Settings) -> Options:
    return replace(
        settings.options(), header_timeout=_TIMEOUT, idle_timeout=_TIMEOUT, body_timeout=_TIMEOUT
    )
