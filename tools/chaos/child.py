"""A process of ours: started, listened to, signalled, and ended."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, Any, Final, Self

_ROOT: Final = Path(__file__).resolve().parents[2]
_LINES_OF_LOG: Final = 40


class Child(ABC):
    """A process that tells what it sees. As a context manager it does not outlive the block.

    In the block it may be started again when it has ended; what was told before stays. To be used
    by one thread at a time.

    Args:
        label: how it is called in what is said of it.
        module: what it runs.
        arguments: with which arguments.
    """

    def __init__(self, label: str, module: str, *arguments: str) -> None:
        self.label = label
        self._command = [sys.executable, "-m", module, *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @abstractmethod
    def _keep(self, kind: str, values: list[Any]) -> None:
        """Keeps a record that was told; on a thread of its own."""

    @property
    def pid(self) -> int:
        """The number of the process that was started last."""
        return self._started().pid

    def start(self) -> Self:
        """Starts it; not while it runs."""
        self._process = subprocess.Popen(
            self._command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            process_group=0,  # the Ctrl-C of a terminal does not reach it: stdin tells it enough
        )
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), name=f"reads-{self.label}", daemon=True
        )
        self._reader.start()
        return self

    def runs(self) -> bool:
        """Whether the process has not ended."""
        return self._started().poll() is None

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        self._started().send_signal(number)

    def close_stdin(self) -> None:
        """Tells it that nobody writes to it any more."""
        stdin = self._started().stdin
        if stdin:
            with contextlib.suppress(BrokenPipeError):
                stdin.close()

    def wait(self, within: float) -> int:
        """Waits until it has ended, and all that it told is known; gives its status."""
        try:
            status = self._started().wait(within)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"waited {within:g} s in vain until the {self.label} ends") from None
        self._close()
        return status

    def kill(self) -> None:
        """Ends it at once (SIGKILL), if it runs; all that it told is known then."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._close()

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()  # closed by __exit__
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.kill()
        if self._log:
            self._log.close()
            self._log = None

    def log(self) -> str:
        """What it has logged, within the block."""
        if self._log is None:
            return ""
        # Without moving the place at which the process writes: they share it.
        file = self._log.fileno()
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")

    def end_of_log(self) -> str:
        """The last lines of it."""
        return "\n".join(self.log().splitlines()[-_LINES_OF_LOG:])

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            raise RuntimeError(f"the {self.label} was never started")
        return self._process

    def _close(self) -> None:
        self._reader.join()
        self.close_stdin()
        stdout = self._started().stdout
        if stdout:
            stdout.close()

    def _read(self, told: IO[bytes]) -> None:
        for line in told:
            # What a kill has cut short was never told.
            if line.endswith(b"\n"):
                kind, *values = json.loads(line)
                self._keep(kind, values)
