"""The environments of the peers: what gemstone is compared with never gets into its own.

What is installed in each is a dependency group of the root's ``pyproject.toml``, named ``peer-…``,
where the versions are pinned.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

from .processes import ROOT, Bench, BenchmarkError, Program

_PYPROJECT: Final = ROOT / "pyproject.toml"
#: In an environment that is whole: what was installed there, on what.
_INSTALLED: Final = "installed.txt"


def peer(bench: Bench, name: str, script: str, *arguments: str) -> Program:
    """A program of ``peers/`` that runs in the environment of a peer, which is made if need be.

    Args:
        bench: where it runs, and where the environments are.
        name: of the peer: ``pjrpc`` for the dependency group ``peer-pjrpc``.
        script: the name of its file.
        arguments: its arguments, behind the port.

    Raises:
        BenchmarkError: the environment can't be made.
    """
    folder = bench.peers / name
    python = folder / "bin" / "python"
    stamp = folder / _INSTALLED
    wanted = "\n".join([sys.version, *requirements(name)])
    if not (stamp.is_file() and stamp.read_text() == wanted and python.exists()):
        with bench.on_all_cores():
            _make(name, folder, python)
        stamp.write_text(wanted)
    return Program(script, str(python), arguments=arguments)


def requirements(name: str) -> list[str]:
    """What is installed for a peer, with the pinned versions."""
    groups = tomllib.loads(_PYPROJECT.read_text())["dependency-groups"]
    found: list[str] = groups[f"peer-{name}"]
    return found


def described(name: str) -> str:
    """What a peer is made of, for people."""
    return ", ".join(each.replace("==", " ") for each in requirements(name))


def _make(name: str, folder: Path, python: Path) -> None:
    uv = _uv()
    print(f"Installing {described(name)}", file=sys.stderr, flush=True)
    for command in [
        ["venv", "--clear", "--python", sys.executable, str(folder)],
        ["pip", "install", "--python", str(python), "--group", f"{_PYPROJECT}:peer-{name}"],
    ]:
        done = subprocess.run([uv, "--quiet", *command], capture_output=True, text=True)
        if done.returncode:
            raise BenchmarkError(f"the environment of {name} can't be made:\n{done.stderr}")


def _uv() -> str:
    here = os.pathsep.join([os.environ["PATH"], str(ROOT / ".tools" / "bin")])
    found = os.environ.get("GEMSTONE_UV") or shutil.which("uv", path=here)
    if found is None:
        raise BenchmarkError(
            "uv, which makes the environments of the peers, is not on PATH: scripts/bootstrap "
            "puts it into .tools/bin"
        )
    return found
