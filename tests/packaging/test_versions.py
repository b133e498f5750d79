"""All six distributions have one version, and `nox -s bump` rewrites it everywhere."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECTS = [
    "pyproject.toml",
    "packages/gemstone-client/pyproject.toml",
    "packages/gemstone-config/pyproject.toml",
    "packages/gemstone-core/pyproject.toml",
    "packages/gemstone-rabbitmq/pyproject.toml",
    "packages/gemstone-redis/pyproject.toml",
]


def named_versions(root: Path) -> dict[str, list[str]]:
    """Of each project, its version and those it requires of the others."""
    named = {}
    for path in PROJECTS:
        project = tomllib.loads((root / path).read_text())["project"]
        required = [project["dependencies"], *project.get("optional-dependencies", {}).values()]
        ours = [word for words in required for word in words if word.startswith("gemstone")]
        assert all("==" in word for word in ours), f"{path} does not pin one of {ours}"
        named[path] = [project["version"], *(word.partition("==")[2] for word in ours)]
    return named


@pytest.fixture
def copy(root, tmp_path):
    for path in PROJECTS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / path, tmp_path / path)
    return tmp_path


def bump(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).parents[2] / "tools" / "bump.py"
    command = [sys.executable, script, *arguments, root]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_the_projects_are_all_there(root):
    found = {str(path.relative_to(root)) for path in root.glob("packages/*/pyproject.toml")}
    assert found | {"pyproject.toml"} == set(PROJECTS)


def test_versions_agree(root, version):
    assert {word for words in named_versions(root).values() for word in words} == {version}


def test_licences_agree(root):
    licences = [root / Path(path).with_name("LICENSE") for path in PROJECTS]
    assert len({path.read_text() for path in licences}) == 1


@pytest.mark.parametrize("new", ["1.0.1", "2.10.0", "3.0.0rc1", "1.1.0.dev3"])
def test_bump_rewrites_the_versions_and_nothing_else(copy, version, new):
    before = {path: (copy / path).read_text() for path in PROJECTS}

    done = bump(copy, new)

    assert done.returncode == 0, done.stderr
    assert {word for words in named_versions(copy).values() for word in words} == {new}
    for path, text in before.items():
        lines = zip(text.splitlines(), (copy / path).read_text().splitlines(), strict=True)
        changed = [(old, line) for old, line in lines if old != line]
        assert changed
        assert all(old.replace(version, new) == line for old, line in changed)
        assert all("gemstone-" in line or line.startswith("version = ") for _, line in changed)


@pytest.mark.parametrize("bad", ["1.0", "v1.0.0", "1.0.0-rc1", "one", "", "1.0.0\n", "1.0.0 1.0.1"])
def test_bump_refuses_what_is_no_version(copy, bad):
    before = {path: (copy / path).read_text() for path in PROJECTS}

    done = bump(copy, bad)

    assert done.returncode == 1
    assert done.stderr.startswith("bump: ")
    assert repr(bad) in done.stderr
    assert {path: (copy / path).read_text() for path in PROJECTS} == before


def test_bump_touches_nothing_when_a_project_has_no_version(copy):
    broken = copy / "packages/gemstone-redis/pyproject.toml"
    broken.write_text(broken.read_text().replace("version = ", "dynamic = "))
    before = {path: (copy / path).read_text() for path in PROJECTS}

    done = bump(copy, "4.5.6")

    assert done.returncode == 1
    assert "gemstone-redis" in done.stderr
    assert {path: (copy / path).read_text() for path in PROJECTS} == before
