"""Runs the examples as a user does: as programs, in processes of their own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools.brokers import free_ports

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on, nor is given by chance meanwhile."""
    return free_ports(1)[0]


class Program:
    """A Python program that serves on a port of 127.0.0.1."""

    def __init__(self, path: Path, port: int, *arguments: str) -> None:
        self.url = f"http://127.0.0.1:{port}/api"
        self.process = subprocess.Popen(
            [sys.executable, str(path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "error"},
        )
        deadline = time.monotonic() + 30
        while not self._listens(port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                pytest.fail(f"{path.name} does not listen:\n{self.process.communicate()[0]}")
            time.sleep(0.02)

    def end(self, signal: int) -> tuple[int, str]:
        """Sends `signal`; gives the exit code, and all that the program printed."""
        self.process.send_signal(signal)
        output, _ = self.process.communicate(timeout=30)
        return self.process.returncode, output

    @staticmethod
    def _listens(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def serve(tmp_path: Path, free_port: int) -> Iterator[Callable[[str], Program]]:
    """Starts a program, given as its text, whose ``port = 8000`` is made a free port."""
    started: list[Program] = []

    def start(text: str) -> Program:
        assert text.count("port = 8000") == 1
        path = tmp_path / "program.py"
        path.write_text(text.replace("port = 8000", f"port = {free_port}"))
        started.append(Program(path, free_port))
        return started[-1]

    yield start
    for program in started:
        program.process.kill()
        program.process.communicate()
