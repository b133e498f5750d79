"""What the sdists and wheels hold: all of the package and its licence, nothing else."""

import email
import tarfile
import zipfile
from pathlib import Path

import pytest

PACKAGES = {
    "gemstone_client": "gemstone",
    "gemstone_config": "gemstone_config",
    "gemstone_core": "gemstone_core",
    "gemstone_rabbitmq": "gemstone_rabbitmq",
    "gemstone_redis": "gemstone_redis",
}
DISTRIBUTIONS = ["gemstone", *PACKAGES]


def sources(root: Path, distribution: str) -> set[str]:
    """The files of a distribution's import package, named from `src/`."""
    if distribution not in PACKAGES:
        return set()
    src = root / "packages" / distribution.replace("_", "-") / "src"
    files = (path for path in (src / PACKAGES[distribution]).rglob("*") if path.is_file())
    return {str(path.relative_to(src)) for path in files if path.suffix != ".pyc"}


def test_exactly_the_six_are_built(dist, version):
    built = {path.name for path in dist.iterdir() if path.name != ".gitignore"}
    assert built == {
        name
        for distribution in DISTRIBUTIONS
        for name in (
            f"{distribution}-{version}.tar.gz",
            f"{distribution}-{version}-py3-none-any.whl",
        )
    }


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_wheel(distribution, root, dist, version):
    with zipfile.ZipFile(dist / f"{distribution}-{version}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())
        info = f"{distribution}-{version}.dist-info"
        metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
        licence = wheel.read(f"{info}/licenses/LICENSE").decode()

    expected = sources(root, distribution)
    if distribution in PACKAGES:
        assert f"{PACKAGES[distribution]}/py.typed" in expected
    assert {name for name in names if not name.startswith(info)} == expected
    assert {name.removeprefix(f"{info}/") for name in names - expected} - {"entry_points.txt"} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "licenses/LICENSE",
    }
    assert licence == (root / "LICENSE").read_text()
    assert metadata["Version"] == version
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_payload().strip(), "no README"


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_sdist(distribution, root, dist, version):
    with tarfile.open(dist / f"{distribution}-{version}.tar.gz") as sdist:
        names = {member.name for member in sdist.getmembers() if not member.isdir()}

    top = f"{distribution}-{version}"
    expected = {"LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    expected |= {f"src/{name}" for name in sources(root, distribution)}
    extra = {"CHANGELOG.md"} if distribution == "gemstone" else set()
    # hatchling adds the ignore file that it obeyed, where it found one
    assert names - {f"{top}/.gitignore"} == {f"{top}/{name}" for name in expected | extra}
