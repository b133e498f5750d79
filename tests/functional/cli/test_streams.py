"""Standard streams that are closed, full, or take few characters only."""

import os
import subprocess
from pathlib import Path

import pytest

from gemstone_core._cli._streams import prepare_streams

from .conftest import GEMSTONE


@pytest.fixture
def shell(person):
    """Runs a line of the shell, in which ``$gemstone`` is the command."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", line],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=person.folder,
            env={**person.environment, "gemstone": GEMSTONE},
        )

    return run


@pytest.mark.once
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_what_is_closed_holds_nothing_up(shell, people, closed):
    done = shell(f'"$gemstone" call_raw {people.accessible_at} say ada --json {closed}')
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("" if ">&-" in closed.split()[0:1] else '{"result": "hello ada"}\n')


@pytest.mark.once
def test_errors_never_go_where_results_do(shell, people):
    done = shell(f'"$gemstone" call_raw {people.accessible_at} nosuch 2>&-')
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.once
def test_nothing_to_read(shell, people):
    done = shell(f'"$gemstone" call_raw {people.accessible_at} say --params - <&-')
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: --params is no JSON")


@pytest.mark.once
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk(shell, people):
    done = shell(f'"$gemstone" call_raw {people.accessible_at} say ada >/dev/full')
    assert done.returncode == 1
    assert done.stderr == f"Error: the output can't be written: {os.strerror(28)}\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_characters_that_can_not_be_written(person, encoding):
    done = person.runs("call", "--help", PYTHONIOENCODING=encoding)
    assert done.code == 0
    assert "for scripts" in " ".join(done.out.split())


def test_open_streams_stay_what_they_are(capsys):
    prepare_streams()
    print("ž")
    assert capsys.readouterr().out == "ž\n"


@pytest.mark.once
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_a_full_disk_before_any_command(shell, option):
    done = shell(f'"$gemstone" {option} >/dev/full')
    assert done.returncode == 1
    assert done.stderr == f"Error: the output can't be written: {os.strerror(28)}\n"
