"""What the tests of built files need: they are run by ``nox -s wheels``, which builds the files."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _given(variable: str) -> str:
    try:
        return os.environ[variable]
    except KeyError:
        pytest.fail(f"{variable} is not set: these tests are run by `nox -s wheels`")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def dist() -> Path:
    """The folder of the built files."""
    return Path(_given("GEMSTONE_DIST"))


@pytest.fixture(scope="session")
def version() -> str:
    """The version that the root's pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


class Environment:
    """A fresh virtual environment."""

    def __init__(self, folder: Path, uv: str) -> None:
        self.python = folder / "bin" / "python"
        self._uv = uv
        self._run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))

    def install(self, *arguments: str) -> None:
        """What `uv pip install` does."""
        self._run(self._uv, "pip", "install", "--quiet", "--python", str(self.python), *arguments)

    def install_built(self, requirement: str, dist: Path) -> None:
        """Installs what `dist` holds, and from the index what that needs."""
        names = [path.name.partition("-")[0] for path in dist.glob("*.whl")]
        # uv remembers wheels by their names alone, and ours keep theirs while the code changes.
        refresh = [f"--refresh-package={name}" for name in names]
        self.install("--find-links", str(dist), *refresh, requirement)

    def uninstall(self, *names: str) -> None:
        """What `uv pip uninstall` does."""
        self._run(self._uv, "pip", "uninstall", "--quiet", "--python", str(self.python), *names)

    def installed(self) -> set[str]:
        """The names of the distributions in it."""
        freeze = self._run(self._uv, "pip", "freeze", "--python", str(self.python))
        return {line.partition("=")[0].partition(" ")[0] for line in freeze.splitlines()}

    def run(self, code: str) -> str:
        """What `code` prints, run by the environment's interpreter, isolated from all else."""
        return self._run(str(self.python), "-I", "-W", "error", "-c", code)

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd="/")
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="session")
def make_environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Environment]:
    """Makes a fresh virtual environment at each call."""

    def make() -> Environment:
        return Environment(tmp_path_factory.mktemp("environment") / "venv", _given("GEMSTONE_UV"))

    return make
