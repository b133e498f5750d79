"""The command ``gemstone``, in fresh environments."""

import json
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def run():
    """Runs a program, which sees nothing of the checkout."""

    def run(*command) -> subprocess.CompletedProcess:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/")

    return run


def test_it_comes_with_gemstone(make_environment, dist: Path, version: str, run):
    environment = make_environment()
    environment.install_built(f"gemstone=={version}", dist)
    gemstone = environment.python.with_name("gemstone")

    done = run(gemstone, "version", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    versions = json.loads(done.stdout)
    del versions["python"]
    names = ("gemstone", "gemstone-client", "gemstone-config", "gemstone-core")
    assert versions == dict.fromkeys(names, version)

    done = run(gemstone, "--help")
    assert done.returncode == 0
    assert "Usage: gemstone [OPTIONS] COMMAND" in done.stdout
    done = run(gemstone, "call", "users", "find", "--registry", "redis://127.0.0.1:1")
    assert done.returncode == 2
    assert 'pip install "gemstone[redis]>=1"' in done.stderr


def test_without_click_it_says_what_to_install(make_environment, dist: Path, version: str, run):
    environment = make_environment()
    environment.install_built(f"gemstone-core=={version}", dist)
    assert not environment.python.with_name("gemstone").exists()

    done = run(environment.python, "-I", "-m", "gemstone_core", "version")
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert "click and rich can't be found" in line
    assert 'pip install "gemstone>=1"' in line
