"""The environments that the benchmarks make for their peers: by a uv that installs nothing."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the benchmarks are not installed

from benchmarks import environments  # noqa: E402
from benchmarks.processes import BenchmarkError, Program, bench  # noqa: E402

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform != "linux", reason="benchmarks run on Linux only"),
]


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A uv that installs nothing, and what it was told."""
    told = tmp_path / "told"
    script = tmp_path / "uv"
    script.write_text(
        f"""#!/bin/sh
echo "$*" >>{told}
case $* in
*venv*) for folder; do :; done; mkdir -p "$folder/bin" && echo >"$folder/bin/python" ;;
*) [ ! -e {tmp_path}/offline ] || {{ echo no network >&2; exit 1; }} ;;
esac
"""
    )
    script.chmod(0o755)
    monkeypatch.setenv("GEMSTONE_UV", str(script))
    return told


def test_an_environment_is_made_once(tmp_path: Path, uv: Path):
    (tmp_path / "offline").touch()
    with bench(tmp_path / "peers") as place:
        with pytest.raises(BenchmarkError, match="environment of pjrpc can't be made:\nno network"):
            environments.peer(place, "pjrpc", "hello_pjrpc.py")
        (tmp_path / "offline").unlink()
        for _ in range(2):
            program = environments.peer(place, "pjrpc", "hello_pjrpc.py")
    assert program == Program("hello_pjrpc.py", str(tmp_path / "peers" / "pjrpc/bin/python"))
    [_, _, venv, install] = uv.read_text().splitlines()
    assert venv == f"--quiet venv --clear --python {sys.executable} {tmp_path}/peers/pjrpc"
    assert install.endswith("pyproject.toml:peer-pjrpc")


def test_an_environment_is_made_again_for_other_versions(tmp_path: Path, uv: Path, monkeypatch):
    with bench(tmp_path / "peers") as place:
        environments.peer(place, "pjrpc", "hello_pjrpc.py")
        monkeypatch.setattr(environments, "requirements", lambda name: ["pjrpc==3"])
        environments.peer(place, "pjrpc", "hello_pjrpc.py")
    assert len(uv.read_text().splitlines()) == 4


def test_where_uv_is_missing_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GEMSTONE_UV", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    with bench(tmp_path) as place, pytest.raises(BenchmarkError, match="uv, which makes"):
        environments.peer(place, "pjrpc", "hello_pjrpc.py")


@pytest.mark.parametrize("name", ["pjrpc", "uvicorn", "fastapi"])
def test_what_is_installed_for_a_peer_is_pinned(name: str):
    assert all("==" in each for each in environments.requirements(name))
    assert "==" not in environments.described(name)
