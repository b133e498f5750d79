"""examples/gemstone-folder: built, installed beside our wheels, and tested by its own tests."""

import os
import subprocess
from importlib.metadata import version as version_of

import pytest

PROGRAM = """
import gemstone, queue, sys, tempfile

class Echo(gemstone.MicroService):
    name = "echo"
    port = 0
    drain_grace = 0
    event_transports = ["folder://" + tempfile.mkdtemp()]
    heard = queue.SimpleQueue()

    @gemstone.event_handler("said")
    def hear(self, body):
        self.heard.put(body)

assert "gemstone_folder" not in sys.modules
with Echo().start_in_thread() as service:
    service.emit_event("said", "hello").wait(30)
    print(service.heard.get(timeout=30))
"""


@pytest.fixture(scope="module")
def environment(make_environment, dist, version, root, tmp_path_factory):
    wheels = tmp_path_factory.mktemp("wheels")
    uv = os.environ["GEMSTONE_UV"]
    source = root / "examples" / "gemstone-folder"
    built = [uv, "build", "--quiet", "--wheel", "--out-dir", str(wheels), str(source)]
    subprocess.run(built, check=True, timeout=300)
    environment = make_environment()
    environment.install_built(f"gemstone=={version}", dist)
    environment.install(*map(str, wheels.glob("*.whl")), f"pytest=={version_of('pytest')}")
    return environment


def test_its_url_is_known_where_it_is_installed(environment):
    assert environment.run(PROGRAM) == "hello\n"


def test_it_passes_its_tests(environment, root, tmp_path):
    """The contract of all transports, and some of its own; none is skipped."""
    tests = root / "examples" / "gemstone-folder" / "tests"
    pytest_there = [str(environment.python), "-I", "-W", "error", "-m", "pytest"]
    command = [*pytest_there, "--import-mode=importlib", "-p", "no:cacheprovider", str(tests)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
