"""What has to begin anew in a process that was just forked."""

import os
import weakref
from typing import Protocol


class Restartable(Protocol):
    """Something that holds locks, threads or connections."""

    def restart_in_child(self) -> None:
        """Forget what belongs to the parent process. Called while there is one thread."""


_living: "weakref.WeakSet[Restartable]" = weakref.WeakSet()


def restart_after_fork(thing: Restartable) -> None:
    """Have `thing` begin anew in forked children, for as long as it lives."""
    _living.add(thing)


def _restart_all() -> None:
    for thing in list(_living):
        thing.restart_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart_all)
