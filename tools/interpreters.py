"""Finds the Python interpreters to test with. None is ever downloaded."""

import os
import re
import subprocess
import sys
from pathlib import Path

OLDEST = 11
NEWEST = 15  # of the released ones: 3.15


def find() -> dict[str, str]:
    """Every released interpreter from 3.11 up, as ``{"3.11": "/usr/bin/python3.11"}``.

    Each is judged by running it: a name on PATH may be a shim of pyenv for a version that is not
    active here. Of several, the first on PATH is taken; those of pyenv come last.
    """
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep) if folder]
    folders += sorted(Path.home().glob(".pyenv/versions/*/bin"), reverse=True)
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted(folder.glob("python3.[0-9]*")):
            if not re.fullmatch(r"python3\.\d+", path.name):
                continue
            version = path.name.removeprefix("python")
            if int(version[2:]) >= OLDEST and version not in found and _runs(path, version):
                found[version] = str(path)
    # The one that runs this is here, however it is called.
    found.setdefault(f"3.{sys.version_info.minor}", sys.executable)
    return dict(sorted(found.items(), key=lambda item: int(item[0][2:])))


def missing(found: dict[str, str]) -> list[str]:
    """The released versions that are not among the `found` ones."""
    versions = [f"3.{minor}" for minor in range(OLDEST, NEWEST + 1)]
    return [version for version in versions if version not in found]


def _runs(path: Path, version: str) -> bool:
    try:
        done = subprocess.run([path, "-V"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    # A prerelease, "Python 3.16.0a2", is not meant.
    return re.fullmatch(rf"Python {re.escape(version)}\.\d+", done.stdout.strip()) is not None
