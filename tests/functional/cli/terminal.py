"""A pseudo-terminal with one program in it."""

import contextlib
import os
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Makes the terminal that of the program, so that its Ctrl-C is a signal to it.
_LAUNCH = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LINES = 24

CTRL_C = b"\x03"


class Terminal:
    """A program in a terminal of its own.

    Attributes:
        screen: all that was printed until now, with its colours.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], columns: int
    ) -> None:
        self._ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (_LINES, columns))
        self.screen = ""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _LAUNCH, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)

    @property
    def text(self) -> str:
        """All that was printed until now, without colours."""
        return _COLOUR.sub("", self.screen)

    def shows(self, text: str, within: float = 30.0) -> str:
        """Waits until a text is on the screen; all that is there then."""
        deadline = time.monotonic() + within
        while text not in self.text:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} does not appear:\n{self.text}")
        return self.text

    def presses(self, keys: bytes) -> None:
        """Types something."""
        os.write(self._ours, keys)

    def ends(self, within: float = 30.0) -> int:
        """Waits until the program has ended; its status."""
        deadline = time.monotonic() + within
        while self._read(deadline):
            pass
        return self._process.wait(max(0.1, deadline - time.monotonic()))

    def close(self) -> None:
        """Ends everything."""
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def _read(self, deadline: float) -> bool:
        """Reads what there is, and waits for it; whether there was something."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
        some = b""
        with contextlib.suppress(OSError):  # of Linux, when the program has ended
            some = os.read(self._ours, 65536) if ready else b""
        self.screen += some.decode(errors="replace")
        return bool(some)
