"""The load: wrk, with every answer looked at.

wrk is written in C. On one core it sends more calls than any server in Python answers on another,
also with a script that looks at each answer; a load in Python would be slower than the floor.
"""

import math
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .load import Address, Exchange
from .processes import BenchmarkError

_SCRIPT: Final = Path(__file__).with_name("wrk.lua")
#: How long to wait for an answer, in seconds.
_PATIENCE: Final = 10


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of load found.

    Args:
        seconds: how long it took.
        exchanges: how many requests were answered.
        p50: the latency that half of them did not exceed, in seconds.
        p99: the latency that 99 of 100 did not exceed.
        load: how busy the load's own core was, 0 to 1; near 1 it was no match for the server.
    """

    seconds: float
    exchanges: int
    p50: float
    p99: float
    load: float


def program() -> str:
    """The path of wrk.

    Raises:
        BenchmarkError: it is not here.
    """
    path = shutil.which("wrk")
    if path is None:
        raise BenchmarkError(
            "wrk, which makes the load, is not on PATH: run scripts/programs, or install the "
            "package wrk of your system (Debian: apt-get install wrk)"
        )
    return path


def version() -> str:
    """Its version, as it says it."""
    said = subprocess.run([program(), "-v"], capture_output=True, text=True).stdout
    return " ".join(said.split()[:2])


def drive(
    address: Address, path: str, exchanges: Sequence[Exchange], *, connections: int, seconds: float
) -> Round:
    """Keeps a server busy for some time, and looks whether each answer is one that may come.

    Args:
        address: where the server listens.
        path: the path of its endpoint.
        exchanges: what to send in turn, and what may come.
        connections: how many requests are under way at any time.
        seconds: for how long they are sent; wrk knows whole ones only, so it may be longer.

    Raises:
        BenchmarkError: an answer was wrong, or did not come; or there is no wrk.
    """
    options = [f"--connections={connections}", f"--duration={math.ceil(seconds)}s"]
    options += ["--threads=1", f"--timeout={_PATIENCE}s", f"--script={_SCRIPT}"]
    url = f"http://{address[0]}:{address[1]}{path}"
    with tempfile.NamedTemporaryFile() as file:
        file.writelines(_lines(exchanges))
        file.flush()
        before = _used_by_children()
        done = subprocess.run(
            [program(), *options, url, "--", file.name], capture_output=True, encoding="latin-1"
        )
        return read(done.stdout + done.stderr, _used_by_children() - before)


def read(printed: str, cpu: float) -> Round:
    """What a round found, from what wrk printed.

    Args:
        printed: what it printed.
        cpu: the CPU time that it used, in seconds.

    Raises:
        BenchmarkError: there is nothing, or something was wrong.
    """
    _, mark, found = printed.rpartition("\nfound ")
    if not mark:
        raise BenchmarkError(f"wrk failed; it said:\n{printed}")
    numbers, _, wrong = found.partition("\nwrong ")
    exchanges, microseconds, failures, p50, p99 = map(int, numbers.split())
    if wrong.strip():
        raise BenchmarkError(f"under load there came what answers no call: {wrong.strip()}")
    if failures or not exchanges:
        raise BenchmarkError(f"under load {failures} answers did not come; wrk said:\n{printed}")
    seconds = microseconds / 1e6
    return Round(seconds, exchanges, p50 / 1e6, p99 / 1e6, cpu / seconds)


def _lines(exchanges: Sequence[Exchange]) -> list[bytes]:
    lines = []
    for exchange in exchanges:
        for body in (exchange.request.partition(b"\r\n\r\n")[2], exchange.answer):
            if b"\n" in body:
                raise BenchmarkError(f"a body of more than one line can't be driven: {body!r}")
            lines.append(body + b"\n")
    return lines


def _used_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
