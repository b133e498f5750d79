"""Files that some programs append lines to, and others read as they grow."""

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

#: How long to wait for another program that is writing, in seconds.
LOCK_TIMEOUT = 5.0


def append(path: Path, line: bytes, max_size: int) -> None:
    """Append a line to a file, and remove the file when it has become too long.

    Args:
        path: the file; it is made if it is not there.
        line: what to append, without its newline.
        max_size: how long the file may be, in bytes.

    Raises:
        OSError: the line was not written.
    """
    while True:
        with path.open("a+b", buffering=0) as file:
            _lock(file)
            if _is_removed(file):
                continue  # between being opened and being locked: its readers have left
            end = file.seek(0, os.SEEK_END)
            if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
                line = b"\n" + line  # somebody died while writing
            if file.write(line + b"\n") != len(line) + 1:
                raise OSError(f"there is no place for another line in {path}")
            if end + len(line) > max_size:
                path.unlink()
            return


class Tail:
    """What is appended to a file from now on.

    Args:
        path: the file; it is made if it is not there.

    Raises:
        OSError: it can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a+b")
        self._file.seek(0, os.SEEK_END)

    def lines(self) -> Iterator[bytes]:
        """The lines that have come since the last time. Does not wait for more."""
        while True:
            removed = _is_removed(self._file)  # if so, no more will come: asked before reading
            begin = self._file.tell()
            line = self._file.readline()
            if line.endswith(b"\n"):
                yield line[:-1]
            elif removed:
                self._file.close()
                self._file = self._path.open("a+b")
                self._file.seek(0)
            else:
                emptied = os.fstat(self._file.fileno()).st_size < begin
                self._file.seek(0 if emptied else begin)
                return

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _lock(file: IO[bytes]) -> None:
    """Keep others from writing, until the file is closed."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"another program has kept {file.name} locked for {LOCK_TIMEOUT:g} s"
                ) from None
            time.sleep(0.001)
        else:
            return


def _is_removed(file: IO[bytes]) -> bool:
    return os.fstat(file.fileno()).st_nlink == 0
