"""Where the scenarios play: a registry, instances behind one name, and somebody who calls them."""

import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from ...waiting import until
from .caller import Task
from .ledger import Account, Excuse, settle
from .processes import PATIENCE, Caller, Instance
from .registries import Registry

#: How many intervals between two heartbeats everybody has to be registered again.
_INTERVALS: Final = 1.5
#: How long calls go on undisturbed between two faults, at least, in seconds.
_QUIET: Final = 0.3


@dataclass(frozen=True, slots=True)
class Settings:
    """How long everything takes, and how often it is done.

    Args:
        rounds: how often each fault happens.
        ping_interval: seconds between two heartbeats.
        time_to_live: for how many seconds a registry believes one.
        lifetime: for how many seconds a caller goes by a list of instances.
        away: for how many seconds the registry is away.
        paused: for how many seconds it stands still.
        calls: how many calls are made while an instance hangs.
        rate: how many calls are made in a second.
    """

    rounds: int = 30
    ping_interval: float = 10.0
    time_to_live: float = 30.0
    lifetime: float = 10.0
    away: float = 300.0
    paused: float = 60.0
    calls: int = 5_000
    rate: int = 200

    @property
    def registered_within(self) -> float:
        """In how many seconds after a registry's return everybody has to be registered."""
        return self.ping_interval * _INTERVALS


#: As in the tests: everything is quick, and happens a few times.
SHORT: Final = Settings(
    rounds=2, ping_interval=0.5, time_to_live=2, lifetime=1, away=3, paused=2, calls=1_500
)


@dataclass(slots=True)
class Result:
    """What was found in one scenario.

    Args:
        registry: how its registry is called.
        scenario: how it is called itself.

    Attributes:
        rounds: how often something happened.
        account: what became of the calls.
        back: how long it took, each time, until all was as before, in seconds.
        notes: what was found out besides, in words.
        broken: what else may not be, in words.
    """

    registry: str
    scenario: str
    rounds: int = 0
    account: Account = field(default_factory=Account)
    back: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """All that may not be, in words."""
        return self.broken + self.account.problems


class Stage:
    """A registry, some instances behind one name, and somebody who calls them.

    Args:
        result: where to put down what is found.
        registry: it is started here.
        settings: how long everything takes.
        instances: how many.
        task: what the caller does; the rest is as the settings say.

    Attributes:
        excuses: when calls may fail; to be added to.
    """

    def __init__(
        self, result: Result, registry: Registry, settings: Settings, instances: int, task: Task
    ) -> None:
        self.result = result
        self.registry = registry
        self.instances = [Instance(registry.url, settings.ping_interval) for _ in range(instances)]
        self.caller = Caller(
            replace(
                task,
                registry=registry.url,
                rate=settings.rate,
                lifetime=settings.lifetime,
                ping_interval=settings.ping_interval,
            )
        )
        self.excuses: list[Excuse] = []

    @contextmanager
    def played(self) -> Iterator[None]:
        """Everything runs within the block, and calls flow; they are accounted for afterwards.

        Raises:
            TimeoutError: something took too long; the message holds the ends of all logs.
        """
        children = [*self.instances, self.caller]
        with ExitStack() as stack:
            stack.callback(self.registry.close)
            stack.enter_context(self.registry.broker)
            try:
                for instance in self.instances:
                    stack.enter_context(instance)
                self.wait_until_registered()
                stack.enter_context(self.caller)
                self.flow()
                yield
                self.flow()
                self.caller.end()
                for instance in self.running():
                    instance.stop()
            except TimeoutError as error:
                logs = "".join(
                    f"\nThe {each.label} said:\n{each.end_of_log()}" for each in children
                )
                raise TimeoutError(f"after round {self.result.rounds}: {error}{logs}") from None
            for child in children:
                if "Traceback" in child.log():
                    self.problem(f"the {child.label} logged an error:\n{child.end_of_log()}")
        for instance in self.instances:
            if instance.left:
                self.problem(f"this was left of the {instance.label}: {instance.left}")
        taken = itertools.chain.from_iterable(each.taken for each in self.instances)
        self.result.account = settle(self.caller.called, taken, self.excuses)

    def running(self) -> list[Instance]:
        """The instances that are not dead."""
        return [instance for instance in self.instances if instance.runs()]

    def flow(self, *instances: Instance) -> float:
        """Waits until each of these instances, or of all that run, has answered a new call.

        Returns:
            When that was.
        """
        pids = [instance.pid for instance in instances or self.running()]
        since = time.monotonic()
        done = self.caller.wait_for_answers(*pids, since=since)
        time.sleep(max(0.0, since + _QUIET - time.monotonic()))
        return done

    def wait_until_registered(self) -> float:
        """Waits until the registry knows exactly those that run; gives how long that took."""
        begun = time.monotonic()
        urls = {instance.url for instance in self.running()}
        what = "all instances are registered"
        until(lambda: self.registry.registered() == urls, what=what, within=PATIENCE)
        return time.monotonic() - begun

    def problem(self, what: str) -> None:
        """Notes that something is not as it has to be."""
        self.result.broken.append(f"round {self.result.rounds}: {what}")
