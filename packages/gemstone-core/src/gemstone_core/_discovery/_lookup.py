"""Asking all strategies of a service where another one is."""

import inspect
import logging
import threading
import time
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from gemstone.errors import DiscoveryError

from .._threads import daemon
from ._reachability import Reachability, reason, safe_text
from ._strategy import BaseDiscoveryStrategy

#: How long all of them may take, in seconds. Those of gemstone give up before.
_PATIENCE: Final = 6.0
#: How long the others may take when somebody was found, in seconds.
_GRACE: Final = 0.5
#: The same if they are those that have failed the last time: they may be back.
_SHORT_GRACE: Final = 0.05
#: How many lookups a strategy may have under way; one that never returns holds no more threads.
_AT_ONCE: Final = 16
#: For how many names the last good answer of a strategy is remembered.
_REMEMBERED: Final = 1_000


class Lookups:
    """Asks all strategies at the same time, and joins what they say. From any thread.

    Args:
        strategies: whom to ask, in the order in which their answers are joined.
        logger: where it is told that one can't be asked, and that it can be again.
    """

    def __init__(self, strategies: Iterable[BaseDiscoveryStrategy], logger: logging.Logger) -> None:
        self._asked = [_Asked(strategy, logger) for strategy in strategies]

    def locate(self, name: str) -> list[str]:
        """Where a service is, as the strategies say now, each location once. Blocks.

        Of a strategy that fails, the last good answer for this name is used if another one has
        answered.

        Args:
            name: the name of a service, or a pattern.

        Raises:
            DiscoveryError: none of the strategies could say anything.
        """
        question = _Question(name, [asked.works for asked in self._asked])
        for place, asked in enumerate(self._asked):
            asked.ask(question, place)
        answers = question.wait()
        failures = [
            DiscoveryError(f"{asked.shown} did not answer in time") if answer is None else answer
            for asked, answer in zip(self._asked, answers, strict=True)
            if not isinstance(answer, list)
        ]
        if len(failures) == len(answers):
            raise DiscoveryError(
                f"{name!r} can't be looked up: {'; '.join(map(reason, failures))}"
            ) from failures[0]
        joined: dict[str, None] = {}
        for asked, answer in zip(self._asked, answers, strict=True):
            joined |= dict.fromkeys(answer if isinstance(answer, list) else asked.remembered(name))
        return [*joined]


#: What a strategy says: locations, or what it raised; nothing yet.
_Answer: TypeAlias = list[str] | Exception | None


class _Question:
    """One question, and what each strategy says to it.

    Args:
        name: where this service is.
        works: of each strategy, whether anything is to be expected of it.
    """

    def __init__(self, name: str, works: list[bool]) -> None:
        self.name = name
        self.began = time.monotonic()
        self._works = works
        self._changed = threading.Condition(threading.Lock())
        self._answers: list[_Answer] = [None] * len(works)
        self._known_at: float | None = None  # when there was something to go by

    def answer(self, place: int, answer: _Answer) -> None:
        """Told what one of them says."""
        with self._changed:
            self._answers[place] = answer
            self._changed.notify_all()

    def wait(self) -> list[_Answer]:
        """What they said; nothing of those that are late."""
        with self._changed:
            while None in self._answers:
                remaining = self._deadline() - time.monotonic()
                if remaining <= 0:
                    break
                self._changed.wait(remaining)
            return [*self._answers]

    def _deadline(self) -> float:
        """Until when it is worth to wait for those that have not answered."""
        said = [answer for answer in self._answers if isinstance(answer, list)]
        expected = [
            answer for answer, works in zip(self._answers, self._works, strict=True) if works
        ]
        if said and None not in expected:
            return self._known_since() + _SHORT_GRACE
        return self._known_since() + _GRACE if any(said) else self.began + _PATIENCE

    def _known_since(self) -> float:
        if self._known_at is None:
            self._known_at = time.monotonic()
        return self._known_at


class _Asked:
    """One strategy, asked in threads of its own: so one that hangs holds up no other."""

    def __init__(self, strategy: BaseDiscoveryStrategy, logger: logging.Logger) -> None:
        self.strategy = strategy
        #: What it is called in messages.
        self.shown = safe_text(strategy)
        self._reachability = Reachability(
            f"{self.shown}: services can be looked up",
            f"{self.shown}: services can't be looked up",
            logger,
        )
        self._lock = threading.Lock()
        self._under_way: set[_Question] = set()
        self._remembered: dict[str, list[str]] = {}

    @property
    def works(self) -> bool:
        """Whether the last lookup has succeeded, or there was none yet."""
        return self._reachability.works is not False

    def ask(self, question: _Question, place: int) -> None:
        """Ask in another thread, which answers the question."""
        with self._lock:
            oldest = min((each.began for each in self._under_way), default=question.began)
            has_place = len(self._under_way) < _AT_ONCE
            if has_place:
                self._under_way.add(question)
        if question.began - oldest > _PATIENCE:
            self._reachability.failed(TimeoutError("it does not answer"))
        if not has_place:
            question.answer(
                place, DiscoveryError(f"{self.shown} has {_AT_ONCE} lookups to answer already")
            )
            return
        name = f"discovery-lookup {self.shown}"
        thread = daemon(self._answer, question, place, name=name)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more, or the interpreter exits
            with self._lock:
                self._under_way.remove(question)
            question.answer(place, error)

    def remembered(self, name: str) -> list[str]:
        """The last good answer for a name."""
        with self._lock:
            return self._remembered.get(name, [])

    def _answer(self, question: _Question, place: int) -> None:
        answer: _Answer
        try:
            answer = _checked(self.strategy.locate(question.name), self.shown)
        except Exception as error:
            answer = error
        except BaseException as error:  # somebody else's; this thread is ours
            answer = DiscoveryError(reason(error))
        with self._lock:
            self._under_way.remove(question)
            if isinstance(answer, list):
                self._remembered.pop(question.name, None)
                self._remembered[question.name] = answer
                if len(self._remembered) > _REMEMBERED:
                    del self._remembered[next(iter(self._remembered))]
        if isinstance(answer, Exception):
            self._reachability.failed(answer)
        else:
            self._reachability.succeeded()
        question.answer(place, answer)


def _checked(answer: Any, shown: str) -> list[str]:
    """An answer of the right shape; what can't be called is left out by the client."""
    if answer is None:  # what 0.12 asked strategies for where nobody is known
        return []
    if inspect.iscoroutine(answer):
        answer.close()
    if not isinstance(answer, list | tuple | set | frozenset):
        raise DiscoveryError(
            f"locate() of {shown} returned {type(answer).__name__}: it must return a list of URLs"
        )
    for each in answer:
        if not isinstance(each, str):
            raise DiscoveryError(
                f"locate() of {shown} returned a list with {type(each).__name__} in it: it must "
                "return a list of URLs"
            )
    return [*answer]
