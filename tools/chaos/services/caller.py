"""``python -m tools.chaos.services.caller TASK``: calls a service by its name, again and again.

It tells what became of each call, and how it is itself. It ends when its stdin is closed.
"""

import itertools
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import gemstone
from gemstone.discovery import ServiceDiscoveryCache
from gemstone.errors import GemstoneError, RemoteServiceError

from ..telling import tell
from .instance import NAME

#: What becomes of a call where nobody knows the service.
NOBODY: Final = "nobody found"
_METHODS: Final = ("take", "take_blocking")
_LOOK_EVERY: Final = 0.2
_LONGEST_TEXT: Final = 300


@dataclass(frozen=True, slots=True)
class Task:
    """What to call, and how.

    Args:
        registry: the URL of the registry.
        url: of the service, for a plain script that has it already.
        by_script: whether a plain script calls, which has found the service at an HTTP registry;
            else a service does, which asks for the other one by its name at each call.
        kinds: whether the calls are marked as idempotent: always, never, or in turn.
        timeout: of each call, in seconds.
        lifetime: how long a list of instances is good, in seconds.
        ping_interval: how often a service that calls says that it is alive, in seconds.
        rate: how many calls are made in a second, if they are answered in time.
        threads: by how many threads.
    """

    registry: str = ""
    url: str = ""
    by_script: bool = False
    kinds: tuple[bool, ...] = (True, False)
    timeout: float = 10.0
    lifetime: float = 10.0
    ping_interval: float = 10.0
    rate: int = 200
    threads: int = 8

    def __str__(self) -> str:
        return json.dumps(asdict(self))


class Asking(gemstone.MicroService):
    """A service that calls another one."""

    name = "chaos.caller"
    port = 0

    def __init__(self, task: Task) -> None:
        self.discovery_strategies = [task.registry]
        self.service_registry_ping_interval = task.ping_interval
        self.remote_service_cache = ServiceDiscoveryCache(task.lifetime)
        super().__init__()


#: Gives the service, or None where nobody knows it.
Find = Callable[[], gemstone.RemoteService | None]


def main() -> None:
    """Does the task that stands on the command line."""
    task = Task(**json.loads(sys.argv[1]))
    ending = threading.Event()
    with ExitStack() as stack:
        find = _finder(task, stack)
        numbers = itertools.count()
        threads = [
            *(
                threading.Thread(target=_call, args=(task, find, numbers, ending), name="calls")
                for _ in range(task.threads)
            ),
            threading.Thread(target=_tell_how_it_is, args=(ending,), name="looks"),
        ]
        for thread in threads:
            thread.start()
        sys.stdin.buffer.read()
        ending.set()
        for thread in threads:
            thread.join()


def _finder(task: Task, stack: ExitStack) -> Find:
    if task.url or task.by_script:
        remote = _found(task)
        if remote:
            stack.enter_context(remote)
        return lambda: remote
    service = Asking(task)
    stack.enter_context(service.start_in_thread())
    return lambda: service.get_service(NAME)


def _found(task: Task) -> gemstone.RemoteService | None:
    if task.url:
        return gemstone.RemoteService(task.url)
    return gemstone.RemoteService.get_service_by_name(task.registry, NAME, lifetime=task.lifetime)


def _call(task: Task, find: Find, numbers: Iterator[int], ending: threading.Event) -> None:
    """Makes calls at a steady rate, and never faster: none to catch up after a slow one."""
    due = time.monotonic()
    while not ending.wait(max(0.0, due - time.monotonic())):
        begun = time.monotonic()
        due = max(due + task.threads / task.rate, begun)
        number = next(numbers)
        idempotent = task.kinds[number % len(task.kinds)]
        method = _METHODS[number // len(task.kinds) % len(_METHODS)]
        outcome, text, was_sent, by = "", "", True, 0
        try:
            remote = find()
            if remote is None:
                outcome, was_sent = NOBODY, False
            else:
                view = remote.with_options(timeout=task.timeout, idempotent=idempotent)
                answer = view.call_method(method, (number,))
                if answer.error is None:
                    by = answer.result
                else:
                    outcome = text = f"error {answer.error['code']}"
        except GemstoneError as error:
            outcome, text = type(error).__name__, str(error)[:_LONGEST_TEXT]
            was_sent = isinstance(error, RemoteServiceError) and error.was_sent
        ended = time.monotonic()
        tell("called", number, idempotent, begun, ended, outcome, text, was_sent, by)


def _tell_how_it_is(ending: threading.Event) -> None:
    while not ending.wait(_LOOK_EVERY):
        tell("is", time.monotonic(), _memory(), threading.active_count())


def _memory() -> int:
    """What it has in memory now, in bytes; where nobody knows, the most that it ever had."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
