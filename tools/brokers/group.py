"""Processes that are signalled together, and that end with the one that started them."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

#: The leader of each group: kills it when nobody can write to its standard input any more, which is
#: when the process that started it is gone, in whatever way; its folder goes, too. (The signal of
#: Linux for the death of a parent comes at the end of the parent's *thread*, and on Linux only.)
_GUARD = "trap '' HUP INT TERM; read -r _; rm -rf \"$1\"; kill -9 0"


class Group:
    """A process group of its own, which the Ctrl-C of a terminal does not reach.

    Args:
        folder: where the processes run; theirs alone.
        log: the file to which they all append what they print.
    """

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder = folder
        self._log = log
        self._guard = subprocess.Popen(
            ["sh", "-c", _GUARD, "guard", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        self._members: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> list[int]:
        """The processes that were started here, without the guard."""
        return [member.pid for member in self._members]

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts one more process in the group."""
        with self._log.open("ab") as log:
            member = subprocess.Popen(
                command,
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=self._guard.pid,
            )
        self._members.append(member)

    def complete(self) -> bool:
        """Whether all that were started still run."""
        return all(member.poll() is None for member in self._members)

    def pause(self) -> None:
        """Stops all of them, until :meth:`resume`; when this returns, they have stopped."""
        os.killpg(self._guard.pid, signal.SIGSTOP)
        # To see it if we die meanwhile: a kernel wakes it up only if nobody of our session is left.
        os.kill(self._guard.pid, signal.SIGCONT)
        if hasattr(os, "waitid"):  # macOS has it from Python 3.13 on
            for member in self._members:
                os.waitid(os.P_PID, member.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Lets them go on."""
        os.killpg(self._guard.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Ends all of them with SIGKILL, and waits until they are gone."""
        os.killpg(self._guard.pid, signal.SIGKILL)
        for process in (*self._members, self._guard):
            process.wait()
        if self._guard.stdin:
            self._guard.stdin.close()
