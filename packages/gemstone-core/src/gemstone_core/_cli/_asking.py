"""Asking a registry, for a while."""

import concurrent.futures
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from gemstone.errors import DiscoveryError

from .._discovery._reachability import reason, safe_text
from .._threads import daemon

if TYPE_CHECKING:
    from .._discovery._strategy import BaseDiscoveryStrategy

T = TypeVar("T")


def in_time(function: Callable[[], T], seconds: float | None, late: str) -> T:
    """What a function returns, which may hang: somebody else wrote it.

    Args:
        function: called in another thread, which goes on unheard if it takes too long.
        seconds: how long it may take.
        late: what to say then.

    Raises:
        TimeoutError: it took longer.
        Exception: whatever it raises.
    """
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:
            outcome.set_exception(error)

    daemon(run, name="gemstone-command").start()
    concurrent.futures.wait([outcome], seconds)
    if not outcome.done():
        raise TimeoutError(late)
    return outcome.result()


class Registry:
    """A registry, asked by a strategy that may be anybody's.

    Args:
        strategy: what asks it.
        timeout: how long it may take to answer, in seconds.
    """

    def __init__(self, strategy: "BaseDiscoveryStrategy", timeout: float) -> None:
        self._strategy = strategy
        self._timeout = timeout
        #: What it is called in messages.
        self.shown = safe_text(strategy)

    def ask(self, question: "Callable[[BaseDiscoveryStrategy], T]") -> T:
        """What the strategy answers.

        Raises:
            DiscoveryError: it can't, or takes too long; the message says why.
        """
        late = f"{self.shown} did not answer within {self._timeout:g} s"
        try:
            return in_time(lambda: question(self._strategy), self._timeout, late)
        except DiscoveryError as error:
            raise DiscoveryError(reason(error)) from error.__cause__
        except (Exception, SystemExit) as error:  # of a strategy that is anybody's
            said = f"{self.shown} can't be asked: {reason(error)}"
            raise DiscoveryError(late if str(error) == late else said) from error


@contextmanager
def registry_at(url: str, timeout: float) -> Iterator[Registry]:
    """The registry of a URL.

    Args:
        url: any that a service may list in ``discovery_strategies``.
        timeout: how long it may take to answer, in seconds.

    Raises:
        ServiceConfigurationError: the URL is wrong; the message says what of it.
        BackendError: there is no strategy for its scheme.
    """
    from .._discovery._backends import strategy_from_url

    strategy = strategy_from_url(url)
    try:
        yield Registry(strategy, timeout)
    finally:
        with suppress(Exception):  # what it has said is said
            in_time(strategy.close, 1.0, "")
