"""Measured processes: started, pinned to a core, looked at through ``/proc``, and ended."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self

ROOT: Final = Path(__file__).resolve().parents[1]
PEERS: Final = ROOT / "benchmarks" / "peers"
PEERS_ENVIRONMENTS: Final = ROOT / ".nox" / "peers"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
#: How long a server may take to listen, and to end, in seconds.
_PATIENCE: Final = 30.0
#: How often it is tried whether a server listens, in seconds: the resolution of what is measured.
_TRY_EVERY: Final = 0.0005


class BenchmarkError(Exception):
    """Nothing could be measured: a process failed, or an answer was wrong."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the measured processes run.

    Args:
        server_core: where servers run, alone.
        load_core: where this process, and every client, runs.
        cores: all of them.
        environment: the environment variables of all processes.
        peers: where the environments of peers are that need one of their own.
    """

    server_core: int
    load_core: int
    cores: Set[int]
    environment: Mapping[str, str]
    peers: Path

    @contextmanager
    def on_all_cores(self) -> Iterator[None]:
        """Lets this process, and those that it starts meanwhile, run wherever they like."""
        os.sched_setaffinity(0, self.cores)
        try:
            yield
        finally:
            os.sched_setaffinity(0, {self.load_core})


@contextmanager
def bench(peers: Path = PEERS_ENVIRONMENTS) -> Iterator[Bench]:
    """Pins this process to the load's core, and makes a place for the bytecode of all others."""
    cores = os.sched_getaffinity(0)
    unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    environment = {k: v for k, v in os.environ.items() if k not in unwanted}
    with tempfile.TemporaryDirectory(prefix="gemstone-bench-") as folder:
        # Of its own, so that it can be written wherever the libraries are installed.
        environment["PYTHONPYCACHEPREFIX"] = folder
        try:
            os.sched_setaffinity(0, {max(cores)})
            yield Bench(min(cores), max(cores), cores, environment, peers)
        finally:
            os.sched_setaffinity(0, cores)


@dataclass(frozen=True, slots=True)
class Program:
    """A program of ``peers/``.

    Args:
        script: the name of its file.
        python: the interpreter that runs it; a peer may need an environment of its own.
        arguments: what a server is told beside its port.
    """

    script: str
    python: str = sys.executable
    arguments: tuple[str, ...] = ()


class Server:
    """A program that serves on a port, which is its first argument. As a context manager.

    Attributes:
        address: where it listens.
        seconds_to_listen: how long that took, from before the process was made.
    """

    def __init__(self, bench: Bench, program: Program) -> None:
        self.address = ("127.0.0.1", _free_port())
        self.seconds_to_listen = 0.0
        self._bench = bench
        self._program = program

    def __enter__(self) -> Self:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # closed by __exit__
        script, port = str(PEERS / self._program.script), str(self.address[1])
        command = [self._program.python, script, port, *self._program.arguments]
        os.sched_setaffinity(0, {self._bench.server_core})  # a process begins where it was made
        begun = time.perf_counter()
        self._process = subprocess.Popen(
            command, env=self._bench.environment, stdout=self._log, stderr=self._log
        )
        os.sched_setaffinity(0, {self._bench.load_core})
        try:
            self._wait_until_it_listens(begun + _PATIENCE)
        except BaseException:
            self.__exit__()
            raise
        self.seconds_to_listen = time.perf_counter() - begun
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def cpu_seconds(self) -> float:
        """The CPU time that it has used so far, in all of its threads."""
        return sum(self._times())

    def kernel_seconds(self) -> float:
        """What of that it has spent in the kernel."""
        return self._times()[1]

    def _times(self) -> tuple[float, float]:
        # The name of the process stands in parentheses, and may hold anything.
        fields = self._proc("stat").rpartition(")")[2].split()
        return int(fields[11]) / _TICKS, int(fields[12]) / _TICKS

    def peak_memory(self) -> int:
        """The most memory that it had resident so far, in bytes."""
        return self._memory("VmHWM")

    def resident_memory(self) -> int:
        """The memory that it has resident now, in bytes."""
        return self._memory("VmRSS")

    def _memory(self, name: str) -> int:
        [line] = [line for line in self._proc("status").splitlines() if line.startswith(name)]
        return int(line.split()[1]) * 1024

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self._process.pid}/{name}").read_text()

    def _wait_until_it_listens(self, deadline: float) -> None:
        while not _listens(self.address):
            if self._process.poll() is not None or time.perf_counter() > deadline:
                self._log.seek(0)
                said = self._log.read().decode(errors="replace")
                raise BenchmarkError(f"{self._program.script} does not listen; it said:\n{said}")
            time.sleep(_TRY_EVERY)


def warm_up(bench: Bench, programs: Iterable[Program]) -> None:
    """Starts each program once: that writes its bytecode, which takes time and memory."""
    for program in dict.fromkeys(programs):
        with Server(bench, program):
            pass


def run_client(bench: Bench, program: Program, *arguments: object) -> str:
    """Runs a program to its end on the load's core, and gives what it printed."""
    done = subprocess.run(
        [program.python, str(PEERS / program.script), *map(str, arguments)],
        env=bench.environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BenchmarkError(f"{program.script} failed:\n{done.stderr}")
    return done.stdout


def _listens(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        # A socket that happens to get the very port it connects to is connected to itself.
        return probe.connect_ex(address) == 0 and probe.getsockname() != address


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
