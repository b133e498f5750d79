"""The README's commands, in a checkout of their own: ``scripts/run``, and what both say when there
is no Python that will do. (``scripts/test`` is what runs this.)"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

MADE = shutil.ignore_patterns(".*", "dist", "__pycache__")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def checkout(root, port, tmp_path_factory) -> Path:
    """A copy of the checkout where nothing was ever set up, that serves on a free port."""
    copy = tmp_path_factory.mktemp("a newcomer's") / "gemstone"
    shutil.copytree(root, copy, ignore=MADE)
    for path in (copy / "scripts" / "run", copy / "examples" / "hello_world.py"):
        path.write_text(path.read_text().replace("8000", str(port)))
    return copy


@pytest.fixture
def run(checkout, root):
    """Starts ``scripts/run``, with a PATH where nothing of ours is."""
    started = []
    folders = os.environ["PATH"].split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if not Path(folder).is_relative_to(root))

    def start() -> subprocess.Popen:
        process = subprocess.Popen(
            ["scripts/run"],
            cwd=checkout,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def call(process: subprocess.Popen, port: int) -> object:
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "say_hello", "params": ["you"]}'
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api", body, headers)
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)["result"]
        except OSError:
            time.sleep(0.05)
    process.kill()
    pytest.fail(process.communicate()[0])


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_run(run, port, ended_by):
    process = run()

    assert call(process, port) == "hello you"
    process.send_signal(ended_by)
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 0, output
    assert f"on http://127.0.0.1:{port}/api" in output
    assert "curl -X POST" in output
    assert "Traceback" not in output


def test_run_when_the_port_is_in_use(run, port):
    with socket.create_server(("127.0.0.1", port)):
        process = run()
        output, _ = process.communicate(timeout=300)

    assert process.returncode == 1
    assert f"port {port} of 127.0.0.1 is in use" in output.splitlines()[-1]
    assert "curl" not in output


PYTHONS = {
    "there is none": (None, "there is no python3 on PATH", "apt-get install python3 python3-pip"),
    "it is too old": (
        '[ "$1" != -V ] || echo Python 3.10.1',
        "is Python 3.10.1",
        "3.11 or newer is needed",
    ),
    "it has no pip": ("echo 11 False", "has no pip", "apt-get install python3-pip"),
    "it fails": ("exit 127", "there is no python3 on PATH", "python3-pip"),
}


@pytest.mark.parametrize("case", PYTHONS)
@pytest.mark.parametrize("script", ["run", "test"])
def test_a_python_that_will_not_do(root, tmp_path, case, script):
    answer, *said = PYTHONS[case]
    for program in ("sh", "dirname", "cat", "rm"):
        (tmp_path / program).symlink_to(shutil.which(program))
    if answer:
        (tmp_path / "python3").write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / "python3").chmod(0o755)

    command = [tmp_path / "sh", root / "scripts" / script]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, env={"PATH": str(tmp_path)}
    )

    assert done.returncode == 1, done.stdout
    assert re.fullmatch(rf".*/{script}: [^\n]+\n", done.stderr)
    for words in said:
        assert words in done.stderr
