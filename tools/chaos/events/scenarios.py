"""What is done to a broker while events flow, and what has to come of it."""

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from ...waiting import until
from .ledger import Account, Outage, settle
from .processes import ServiceProcess
from .victims import Fault, Victim

#: Within how many seconds the subscriber must be there again, when the broker is.
BACK_WITHIN: Final = 5.0
#: Within how many seconds a connection must be found dead on which nobody says anything.
NOTICED_WITHIN: Final = 20.0
#: How long events flow undisturbed between two faults, at least, in seconds.
_QUIET: Final = 0.5
_PATIENCE: Final = 40.0


@dataclass(slots=True)
class Result:
    """What was found in one scenario.

    Args:
        broker: how its broker is called.
        scenario: how it is called itself.

    Attributes:
        rounds: how often something happened to the broker.
        account: what became of the events.
        back: how long it took until events flowed again, of each round, in seconds.
        noticed: how long it took until the services found that the broker was silent.
        stops: how long each stop of a service took.
        broken: what else may not be, in words.
    """

    broker: str
    scenario: str
    rounds: int = 0
    account: Account = field(default_factory=Account)
    back: list[float] = field(default_factory=list)
    noticed: list[float] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """All that may not be, in words."""
        return self.broken + self.account.problems


def live(
    result: Result,
    victim: Victim,
    faults: Iterable[Fault] = (),
    *,
    begins_without: bool = False,
    ends_during: Fault | None = None,
) -> None:
    """Lets two services live, from their start to their end, while things happen to their broker.

    Args:
        result: where to put down what is found.
        victim: the broker.
        faults: what happens to it, one after the other.
        begins_without: whether the services start while there is no broker, as a first fault.
        ends_during: what happens last, and goes on while the services are stopped.
    """
    life = _Life(result, victim)
    with ExitStack() as stack:
        try:
            if begins_without:
                victim.broker.kill()
            else:
                victim.broker.start()
            for each in life.both:
                stack.enter_context(each)
            life.begin(without_broker=begins_without)
            for fault in faults:
                life.flow()
                life.pass_through(fault)
            life.flow()
            if ends_during:
                life.stop_during(ends_during)
            else:
                life.stop_in_turn()
            life.end()
        except TimeoutError as error:
            logs = "".join(f"\nThe {each.role} said:\n{each.end_of_log()}" for each in life.both)
            result.broken.append(f"after round {result.rounds}: {error}{logs}")


class _Life:
    def __init__(self, result: Result, victim: Victim) -> None:
        self.emitter = ServiceProcess("emitter", victim.url)
        self.subscriber = ServiceProcess("subscriber", victim.url)
        self.both = (self.subscriber, self.emitter)
        self._result = result
        self._victim = victim
        self._outages: list[Outage] = []
        self._subscribers: set[str] = set()

    def begin(self, *, without_broker: bool) -> None:
        """Waits until both are there: what is emitted before the subscriber is, it misses."""
        self._outages.append(Outage(0, 0))
        if without_broker:
            for each in self.both:
                each.wait_until_lost(since=0, within=_PATIENCE)
            self._victim.broker.start()
            self._wait_until_back()
        else:
            self._outages[0].returned = 0
            self.subscriber.wait_for_events(emitted_since=0.1, within=_PATIENCE)
            self._outages[0].subscribed = self._outages[0].flowing = time.monotonic()
            self._subscribers = self._victim.subscribers()

    def flow(self) -> None:
        """Lets events flow undisturbed."""
        since = time.monotonic()
        self.subscriber.wait_for_events(emitted_since=since + _QUIET, within=_PATIENCE)

    def pass_through(self, fault: Fault) -> None:
        """Lets something happen, as long as it lasts, and waits until everything is as before."""
        begun = self._strike(fault)
        if fault.is_silent:
            for each in self.both:
                noticed = each.wait_until_lost(since=begun, within=_PATIENCE) - begun
                self._result.noticed.append(noticed)
                if noticed > NOTICED_WITHIN:
                    self._problem(f"the {each.role} noticed it after {noticed:.1f} s")
        time.sleep(max(0.0, begun + fault.lasts - time.monotonic()))
        fault.mend()
        self._wait_until_back()

    def stop_during(self, fault: Fault) -> None:
        """Lets something happen, and stops both meanwhile."""
        begun = self._strike(fault)
        if fault.is_silent:
            time.sleep(_QUIET)  # so that events are under way of which nobody hears any more
        else:
            for each in self.both:
                each.wait_until_lost(since=begun, within=_PATIENCE)
        self._stop(*self.both)
        if fault.is_silent:
            fault.mend()  # so that the broker can see which connections there are
        self._result.rounds += 1

    def stop_in_turn(self) -> None:
        """Stops the emitter first, so that all it was promised can still arrive."""
        self._stop(self.emitter)
        newest = max((each.number for each in self.emitter.settled if not each.outcome), default=-1)
        until(
            lambda: any(each.number == newest for each in self.subscriber.arrivals[-1000:]),
            what=f"the event {newest} has arrived",
            within=_PATIENCE,
        )
        self._stop(self.subscriber)

    def end(self) -> None:
        """Ends the processes, and accounts for everything."""
        victim, emitter = self._victim, self.emitter
        if victim.broker.pids:
            try:
                until(lambda: not victim.connections(), what="no connection is left", within=10)
            except TimeoutError as error:
                self._problem(str(error))
        for each in self.both:
            if status := each.let_end():
                self._problem(f"the {each.role} ended with status {status}:\n{each.end_of_log()}")
            elif "Traceback" in each.log():
                self._problem(f"the {each.role} logged an error:\n{each.end_of_log()}")
        emitted = emitter.stopped.emitted if emitter.stopped else 0
        self._result.account += settle(
            emitted, emitter.settled, self.subscriber.arrivals, self._outages
        )

    def _strike(self, fault: Fault) -> float:
        begun = time.monotonic()
        fault.strike()
        self._outages.append(Outage(begun, time.monotonic()))
        return begun

    def _wait_until_back(self) -> None:
        outage, result = self._outages[-1], self._result
        outage.returned = time.monotonic()
        before = self._subscribers
        self._subscribers = until(
            lambda: self._victim.subscribers() - before,
            what="the broker has its subscriber again",
            within=_PATIENCE,
        )
        outage.subscribed = time.monotonic()
        outage.flowing = self.subscriber.wait_for_events(
            emitted_since=outage.returned, within=_PATIENCE
        )
        result.rounds += 1
        back = outage.flowing - outage.returned
        result.back.append(back)
        if back > BACK_WITHIN:
            self._problem(f"events flowed again after {back:.1f} s")

    def _stop(self, *services: ServiceProcess) -> None:
        asked = [each.ask_to_stop() for each in services]
        for each, begun in zip(services, asked, strict=True):
            self._result.stops.append(each.wait_for_stop() - begun)
            if each.stopped and each.stopped.threads:
                self._problem(f"threads of the {each.role} are left: {each.stopped.threads}")

    def _problem(self, what: str) -> None:
        self._result.broken.append(f"round {self._result.rounds}: {what}")
