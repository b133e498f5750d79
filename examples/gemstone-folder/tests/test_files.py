"""Files that some write and others read, while somebody dies, or removes one."""

import fcntl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gemstone_folder import _files
from gemstone_folder._files import Tail, append

ENDLESS = 1 << 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "said.jsonl"


@pytest.fixture
def tail(path: Path) -> Iterator[Tail]:
    tail = Tail(path)
    yield tail
    tail.close()


def test_lines_come_once(path: Path, tail: Tail) -> None:
    append(path, b"1", ENDLESS)
    append(path, b"2", ENDLESS)
    assert [*tail.lines()] == [b"1", b"2"]
    assert [*tail.lines()] == []


def test_what_was_there_before_does_not_come(path: Path) -> None:
    append(path, b"old", ENDLESS)
    tail = Tail(path)
    append(path, b"new", ENDLESS)
    assert [*tail.lines()] == [b"new"]
    tail.close()


def test_a_line_comes_when_it_is_complete(path: Path, tail: Tail) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(b"hal")
        assert [*tail.lines()] == []
        file.write(b"f\n")
    assert [*tail.lines()] == [b"half"]


def test_a_writer_died_in_the_middle(path: Path, tail: Tail) -> None:
    path.write_bytes(b'{"hal')
    append(path, b"1", ENDLESS)
    assert [*tail.lines()] == [b'{"hal', b"1"]


def test_removed_when_it_is_too_long(path: Path, tail: Tail) -> None:
    seen: list[bytes] = []
    for number in range(100):
        append(path, b"%d" % number, max_size=20)
        if number % 3 == 0:  # not at every event, so that more than one is read at once
            seen += tail.lines()
    assert [int(line) for line in (*seen, *tail.lines())] == [*range(100)]
    assert not path.exists() or path.stat().st_size <= 20


@pytest.mark.parametrize("gone", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_removed_or_emptied_by_somebody(
    path: Path, tail: Tail, gone: Callable[[Path], object]
) -> None:
    append(path, b"1", ENDLESS)
    assert [*tail.lines()] == [b"1"]
    gone(path)
    assert [*tail.lines()] == []
    append(path, b"2", ENDLESS)
    assert [*tail.lines()] == [b"2"]


def test_many_processes_write(path: Path, tail: Tail) -> None:
    program = (
        "import sys; from pathlib import Path; from gemstone_folder._files import append\n"
        "for number in range(300): append(Path(sys.argv[1]), sys.argv[2].encode() * 9_000, 1 << 40)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(path), letter]) for letter in "abc"
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    lines = [*tail.lines()]
    assert len(lines) == 900
    assert {*lines} == {letter * 9_000 for letter in (b"a", b"b", b"c")}


def test_another_program_hangs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_files, "LOCK_TIMEOUT", 0.05)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match=r"another program has kept .*said\.jsonl locked"):
            append(path, b"1", ENDLESS)
    append(path, b"1", ENDLESS)
    assert path.read_bytes() == b"1\n"
