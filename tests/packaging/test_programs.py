"""``scripts/programs``, where a program is missing that the tests start, and may not be installed.

Where it may be, ``scripts/test`` itself is the test.
"""

import os
import shutil
import subprocess

import pytest

#: What each system has, and what it is told to do.
SYSTEMS = {
    "Debian, and nobody's root": (
        ("apt-get", "id"),
        "sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends",
        "chromium chromium-driver wrk'",
    ),
    "macOS": (("brew",), "brew install redis", "chromium chromedriver wrk"),
    "another": ((), "the packages of your system that have redis-server", "chromium-driver"),
}


@pytest.fixture
def run(root, tmp_path):
    """Runs the script where only the given programs are."""

    def run(*programs: str, **environment: str) -> subprocess.CompletedProcess:
        for program in ("sh", "sed"):
            (tmp_path / program).symlink_to(shutil.which(program))
        for program in programs:
            (tmp_path / program).write_text("#!/bin/sh\necho 1000\n")
            (tmp_path / program).chmod(0o755)
        return subprocess.run(
            [tmp_path / "sh", root / "scripts" / "programs"],
            capture_output=True,
            text=True,
            timeout=30,
            env={"PATH": str(tmp_path), **environment},
        )

    return run


@pytest.mark.parametrize("system", SYSTEMS)
def test_it_says_what_to_install_and_fails(run, system):
    programs, *said = SYSTEMS[system]
    done = run(*programs)
    assert (done.returncode, done.stdout) == (1, "")
    for words in [*said, "redis-server", "GEMSTONE_TEST_CHROMIUM", "GEMSTONE_TEST_REDIS_URL"]:
        assert words in done.stderr


def test_where_all_is_there_it_says_nothing(run):
    done = run("redis-server", "rabbitmq-server", "chromium", "chromedriver", "wrk")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_named_need_not_be_installed(run, tmp_path):
    named = {
        "GEMSTONE_TEST_REDIS_URL": "redis://127.0.0.1",
        "GEMSTONE_TEST_RABBITMQ_URL": "amqp://127.0.0.1",
        "GEMSTONE_TEST_CHROMIUM": os.fspath(tmp_path / "browser"),
        "GEMSTONE_TEST_CHROMEDRIVER": "driver",
    }
    assert run("browser", "driver", "wrk", **named).returncode == 0


def test_a_browser_that_is_named_and_not_there(run):
    programs = ["redis-server", "rabbitmq-server", "chromedriver", "wrk"]
    done = run(*programs, GEMSTONE_TEST_CHROMIUM="nowhere")
    assert done.returncode == 1
    assert "there is no chromium here" in done.stderr
