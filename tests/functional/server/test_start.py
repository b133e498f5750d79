"""What a process loads until its service serves: a start is as long as its imports."""

import subprocess
import sys

import pytest

#: What only some services need, or only some of what they do.
LATER = {
    "argparse",
    "click",
    "difflib",
    "gemstone.client",
    "gemstone.util",
    "gemstone_config._environment",
    "gemstone_config._file",
    "gemstone_core._cli",
    "gemstone_core._discovery._finder",
    "gemstone_core._discovery._http",
    "gemstone_core._entry_points",
    "gemstone_core._events._attachment",
    "gemstone_core._events._memory",
    "importlib.metadata",
    "requests",
    "rich",
    "tomllib",
    "urllib3",
}
PROGRAM = """
import sys
import gemstone

class Hello(gemstone.MicroService):
    name = "hello"
    port = 0
    {attributes}

    @gemstone.exposed_method()
    async def say_hello(self, name):
        return f"hello {{name}}"

service = Hello()
with service.start_in_thread():
    print(*sorted(sys.modules))
"""


def loaded(attributes: str = "") -> set[str]:
    """What is loaded when the hello service serves, in an isolated process without coverage."""
    program = PROGRAM.format(attributes=attributes)
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={})
    assert done.returncode == 0, done.stderr
    return {*done.stdout.split()}


def test_the_hello_service_loads_nothing_that_it_does_not_need():
    assert loaded() & LATER == set()


@pytest.mark.parametrize(
    ("attributes", "module"),
    [
        ("event_transports = ['memory://start']", "gemstone_core._events._memory"),
        ("discovery_strategies = ['memory://start']", "gemstone_core._discovery._memory"),
        ("configurators = [gemstone.config.FileConfigurator('x.toml')]", "tomllib"),
    ],
)
def test_what_a_service_lists_is_loaded(attributes, module):
    assert module in loaded(attributes)
