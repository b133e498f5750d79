"""What happens to instances and registries while calls are made, and what has to come of it."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from statistics import median
from typing import Final

from ...waiting import until
from .caller import NOBODY, Task
from .impostors import Silent, Stranger
from .ledger import Excuse, settle
from .processes import PATIENCE, Caller, Instance
from .registries import HttpRegistry, Registry
from .stage import Result, Settings, Stage

#: What this machine may add to every time that is checked, in seconds.
_MARGIN: Final = 2.0
#: How long a stop may take without a registry: that of idle connections, and two seconds for it.
_STOPPED_WITHIN: Final = 5.0 + 2.0 + _MARGIN
#: In the name of a thread that tells a registry where its service is.
_HEARTBEAT: Final = "-heartbeat "
#: What a call has where instances hang, in seconds.
_SHORT_TIMEOUT: Final = 0.25
#: In how many seconds no more calls go to an instance that hangs: after three failures.
_FAIL_OVER: Final = 3 * _SHORT_TIMEOUT + _MARGIN
#: What becomes of a call that may have been executed, and must not be executed again.
_BROKEN: Final = frozenset({"RemoteConnectionError"})
_TIMED_OUT: Final = frozenset({"RemoteTimeoutError"})
#: Where nobody answers; when registries have forgotten them, too, nobody is found at all.
_REFUSED: Final = frozenset({"ServiceUnavailableError", NOBODY})
#: By how much the memory of a caller may grow, in bytes, and the number of its threads: afterwards,
#: and meanwhile.
_MEMORY: Final = 2 * 2**20
_THREADS: Final = 2
_THREADS_MEANWHILE: Final = 12


def instances_die(registry: Registry, settings: Settings) -> Result:
    """Three instances are killed and started again in turn; no idempotent call may fail.

    In the end one is killed for good, and a stranger takes its place.
    """
    result = Result(registry.label, "instances are killed (-9)")
    task = Task(by_script=isinstance(registry, HttpRegistry))
    stage = Stage(result, registry, settings, 3, task)
    with stage.played():
        for _ in range(settings.rounds):
            for instance in stage.instances:
                died = _kill(instance)
                stage.flow()
                stage.excuses.append(Excuse(died, time.monotonic(), _BROKEN, idempotent=False))
                begun = time.monotonic()
                instance.start()
                result.back.append(stage.flow(instance) - begun)
            result.rounds += 1
        _bury(stage, settings)
    return result


def _bury(stage: Stage, settings: Settings) -> None:
    """Kills an instance for good, and sees until when it is called."""
    dead = stage.instances[-1]
    died = _kill(dead)
    allowed = settings.time_to_live + settings.lifetime
    with Stranger(dead.address) as stranger:
        time.sleep(max(0.0, died + allowed + _MARGIN - time.monotonic()))
        stage.flow()
        # And more: what would call it rarely is noticed, too.
        time.sleep(settings.lifetime)
        calls = [came - died for came in stranger.calls]
    last = max(calls, default=0.0)
    stage.excuses.append(Excuse(died, died + last + _MARGIN, _BROKEN, idempotent=False))
    stage.result.notes.append(
        f"{len(calls)} calls to a dead address, the last after {last:.1f} s of {allowed:g} s"
    )
    if last > allowed + _MARGIN:
        stage.problem(f"a dead address was called after {last:.1f} s, and {allowed:g} s it may be")
    if not calls:
        stage.problem("the stranger at a dead address was never called: nothing is proved")


def _kill(instance: Instance) -> float:
    """Kills an instance; gives the moment before."""
    begun = time.monotonic()
    instance.kill()
    return begun


def rolling_restart(registry: Registry, settings: Settings) -> Result:
    """Two instances are stopped (SIGTERM) and started again in turn, under all kinds of calls."""
    result = Result(registry.label, "rolling restart (SIGTERM)")
    stage = Stage(result, registry, settings, 2, Task())
    stops: list[float] = []
    with stage.played():
        for _ in range(settings.rounds):
            for instance in stage.instances:
                stops.append(instance.stop())
                begun = time.monotonic()
                instance.start()
                result.back.append(stage.flow(instance) - begun)
            result.rounds += 1
    if stops:
        result.notes.append(f"stopped in {median(stops):.1f} s, {max(stops):.1f} s at most")
    return result


def registry_away(registry: Registry, settings: Settings) -> Result:
    """The registry is killed for a while, then forgets all, then hangs; calls go on."""
    result = Result(registry.label, "registry is away")
    stage = Stage(result, registry, settings, 3, Task())
    with stage.played():
        registry.broker.kill()
        _do_without(stage, settings.away)
        registry.broker.start()
        _see_who_is_back(stage, settings, "its return, empty")
        registry.forget()
        _see_who_is_back(stage, settings, "it had forgotten all")
        registry.broker.pause()
        _do_without(stage, settings.paused, hangs=True)
        registry.broker.resume()
        _see_who_is_back(stage, settings, "its pause")
    return result


def _do_without(stage: Stage, seconds: float, *, hangs: bool = False) -> None:
    """Lets time pass without a registry. All are called until its end, also one that begins now.

    Args:
        stage: where.
        seconds: how long.
        hangs: whether the registry hangs: a stop does not wait for who waits for its answer.
    """
    ends = time.monotonic() + seconds
    instance = stage.instances[stage.result.rounds % len(stage.instances)]
    took = instance.stop()
    if hangs:
        instance.left = [each for each in instance.left if _HEARTBEAT not in each]
    if took > _STOPPED_WITHIN:
        stage.problem(f"the {instance.label} stopped in {took:.1f} s without its registry")
    stage.flow()
    begun = time.monotonic()
    instance.start()
    began = stage.flow(instance) - begun
    stage.result.notes.append(f"without it a stop took {took:.1f} s, a start {began:.1f} s")
    while time.monotonic() < ends:
        stage.flow()


def _see_who_is_back(stage: Stage, settings: Settings, what: str) -> None:
    """Sees how long it takes until the registry knows everybody again."""
    took = stage.wait_until_registered()
    stage.result.back.append(took)
    stage.result.rounds += 1
    allowed = settings.registered_within
    if took > allowed + _MARGIN:
        stage.problem(f"all were registered {took:.1f} s after {what}, not within {allowed:g} s")
    stage.flow()


def instances_hang(registry: Registry, settings: Settings) -> Result:
    """An instance stands still, then all do, and then one is there that never said anything."""
    result = Result(registry.label, "instances hang (SIGSTOP, silence)")
    faster = replace(settings, rate=2 * settings.rate)
    stage = Stage(result, registry, faster, 2, Task(timeout=_SHORT_TIMEOUT))
    with stage.played():
        # What has to be loaded and made once is there before anything is measured.
        _hang(stage, stage.instances[:1], settings.calls // 4)
        with _measured(result, stage.caller):
            for _ in range(max(1, settings.rounds // 3)):
                _hang(stage, stage.instances[:1], settings.calls // 2)
                _hang(stage, stage.instances, settings.calls // 2)
            _find_silence(stage, settings.calls // 2)
    return result


def _hang(stage: Stage, hung: Sequence[Instance], calls: int) -> None:
    """Lets some instances hang while so many calls are made, and waits until they are back."""
    begun = time.monotonic()
    for instance in hung:
        instance.pause()
    stage.caller.wait_for_calls(calls)
    for instance in hung:
        instance.resume()
    resumed = time.monotonic()
    stage.result.back.append(stage.flow(*hung) - resumed)
    stage.result.rounds += 1
    if len(hung) < len(stage.instances):
        stage.excuses.append(Excuse(begun, begun + _FAIL_OVER, _TIMED_OUT))
    else:
        until_back = resumed + stage.result.back[-1]
        stage.excuses.append(Excuse(begun, until_back, _TIMED_OUT | _REFUSED))


def _find_silence(stage: Stage, calls: int) -> None:
    """Lets one more instance be found, which accepts connections and never says anything."""
    with Silent() as silent, stage.registry.registers(silent.url):
        until(lambda: silent.accepted, what="the silent one is called", within=PATIENCE)
        stage.excuses.append(Excuse(0, time.monotonic() + _FAIL_OVER, _TIMED_OUT))
        stage.caller.wait_for_calls(calls)
    stage.result.rounds += 1


def every_call_hangs(settings: Settings) -> Result:
    """A service at a URL never answers: each call of it waits until its time is over."""
    result = Result("-", "each call of a URL times out")
    with Silent() as silent:
        task = Task(url=silent.url, timeout=0.05, rate=10 * settings.rate, threads=16)
        caller = Caller(task)
        with caller:
            caller.wait_for_calls(settings.calls // 4)
            with _measured(result, caller):
                caller.wait_for_calls(settings.calls)
            caller.end()
        result.rounds += 1
        result.account = settle(caller.called, (), [Excuse(0, math.inf, _TIMED_OUT)])
        if result.account.answered:
            result.broken.append("calls were answered by nobody")
    return result


@contextmanager
def _measured(result: Result, caller: Caller) -> Iterator[None]:
    """Sees whether the caller has grown in the block."""
    before, began, made = caller.at_rest(), time.monotonic(), len(caller.called)
    yield
    after = caller.at_rest()
    most = max(state.threads for state in caller.states if state.at >= began)
    said = (
        f"in {len(caller.called) - made:,} calls memory {before.memory / 2**20:.1f} to "
        f"{after.memory / 2**20:.1f} MiB, "
        f"threads {before.threads} to {after.threads}, {most} at most"
    )
    result.notes.append(said)
    if (
        after.memory - before.memory > _MEMORY
        or after.threads - before.threads > _THREADS
        or most - before.threads > _THREADS_MEANWHILE
    ):
        result.broken.append(f"the caller has grown: {said}")
